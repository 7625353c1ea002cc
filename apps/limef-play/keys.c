/* SPDX-License-Identifier: MIT */
#include "dump.h"
#include "mains.h"
#include "plan.h"
#include "player.h"

#include <inttypes.h>
#include <libavutil/error.h>
#include <math.h>
#include <unistd.h>

#define SEEK_SHORT_US 5000000
#define SEEK_LONG_US 60000000
/* Until then the picture on screen may be the one before the seek. */
#define SEEK_SETTLES_US 500000
/* How often the screen's thread comes by, with and without the overlay. */
#define OVERLAY_PERIOD_US 100000
#define VISIT_PERIOD_US 1000000
/* A screen that does not come by for this long hangs in the display server. */
#define SILENT_US 5000000

/* Thousandths of the natural rate that [ and ] step through. */
static const int32_t rates[] = {250, 500, 750, 1000, 1250, 1500, 2000, 4000};
#define N_RATES (sizeof(rates) / sizeof(rates[0]))

/* Returns whether the screen will hear of it. */
static bool to_screen(struct player *player, uint32_t signal, int64_t value)
{
    struct limef_signal_frame signal_frame;

    limef_signal_frame_set(&signal_frame, signal, LIMEF_PRESENTER_ALL, NULL);
    signal_frame.value = value;
    play_sound_signal(&player->sound, &signal_frame);
    return limef_thread_send(&player->screen.thread, &signal_frame) == 0;
}

static void toggle_pause(struct player *player)
{
    if (to_screen(player, player->paused ? LIMEF_SIGNAL_PLAY : LIMEF_SIGNAL_PAUSE, 0))
        player->paused = !player->paused;
}

static void step(struct player *player)
{
    if (to_screen(player, LIMEF_SIGNAL_STEP, 0))
        player->paused = true;
}

/* Pictures run as fast as what is heard. */
void player_set_rate(struct player *player, int32_t rate)
{
    struct limef_signal_frame signal_frame;

    limef_signal_frame_set(&signal_frame, LIMEF_SIGNAL_RATE, LIMEF_PRESENTER_ALL, NULL);
    signal_frame.value = rate;
    if (limef_thread_send(&player->screen.thread, &signal_frame) < 0)
        return;
    player->rate = rate;
    play_sound_signal(&player->sound, &signal_frame);
}

static void change_rate(struct player *player, int by)
{
    size_t i = 0;

    while (i + 1 < N_RATES && rates[i] < player->rate)
        i++;
    if ((by < 0 && i == 0) || (by > 0 && i + 1 == N_RATES))
        return;
    if (by < 0 || rates[i] == player->rate) /* else it is between two */
        i = by < 0 ? i - 1 : i + 1;
    player_set_rate(player, rates[i]);
}

/* The screen hears of the seek first, so that a paused one lets the way be free. */
static void seek_stream(struct player *player, struct play_stream *stream, int64_t by_us)
{
    struct limef_presenter_slot_counters counters;
    struct limef_signal_frame signal_frame;
    int64_t start_us = play_stream_start_us(stream);

    int64_t from_us;

    limef_presenter_get_counters(&player->presenter, stream->slot, &counters);
    if (play_stream_is_live(stream) || stream->ended || counters.position_us == LIMEF_NO_TIME)
        return;
    /* several keys before the first one's picture came add up */
    from_us = limef_now_us() - stream->sought_at_us < SEEK_SETTLES_US ? stream->seek_target_us
                                                                      : counters.position_us;
    limef_signal_frame_set(&signal_frame, LIMEF_SIGNAL_SEEK, stream->slot, NULL);
    signal_frame.value = from_us + by_us;
    if (start_us != LIMEF_NO_TIME && signal_frame.value < start_us)
        signal_frame.value = start_us;
    signal_frame.code = 1;
    signal_frame.serial = ++player->seek_serial;
    play_sound_signal(&player->sound, &signal_frame);
    if (limef_thread_send(&player->screen.thread, &signal_frame) < 0 ||
        limef_graph_send(&player->graph, &stream->from->filter, &signal_frame) < 0)
        return;
    stream->seek_target_us = signal_frame.value;
    stream->sought_at_us = limef_now_us();
}

static void seek(struct player *player, int64_t by_us)
{
    for (unsigned i = 0; i < player->n_streams; i++)
        seek_stream(player, &player->streams[i], by_us);
}

/* Of those that have several, the next audio track. */
static void change_track(struct player *player)
{
    struct limef_signal_frame signal_frame;

    for (unsigned i = 0; i < player->n_streams && player->sound.on; i++) {
        limef_signal_frame_set(&signal_frame, LIMEF_SIGNAL_TRACK, i, NULL);
        limef_graph_send(&player->graph, &player->streams[i].from->filter, &signal_frame);
    }
}

static int apply_layout(void *context)
{
    struct player *player = context;

    return limef_presenter_set_layout(&player->presenter, LIMEF_COUNTED(player->solo));
}

static int toggle_fullscreen(void *context)
{
    return limef_presenter_toggle_fullscreen(&((struct player *)context)->presenter);
}

/* What an earlier run left stays. */
static const char *next_snapshot(struct player *player)
{
    static char path[64];

    do {
        snprintf(path, sizeof(path), "limef-play-%04u.png", ++player->n_snapshots);
    } while (access(path, F_OK) == 0);
    return path;
}

static int write_snapshot(void *context)
{
    struct player *player = context;
    const char *path =
        player->options->snapshot ? player->options->snapshot : next_snapshot(player);
    int ret = limef_presenter_snapshot(&player->presenter, path);

    if (ret >= 0)
        limef_log(LIMEF_LOG_WARNING, "limef-play", "wrote %s", path);
    return ret;
}

/* Eight places from -48 dB to full scale: # as loud as its RMS, + up to its peak. */
static void draw_meter(const struct limef_levels *levels, char bar[9])
{
    float peak = fmaxf(levels->peak[0], levels->peak[1]);
    float rms = fmaxf(levels->rms[0], levels->rms[1]);

    for (int i = 0; i < 8; i++) {
        float from = powf(10, (float)(i * 6 - 48) / 20);

        bar[i] = rms > from ? '#' : peak > from ? '+' : '.';
    }
    bar[8] = 0;
}

/* Of a stream that has sound: behind its gain. */
static size_t put_stream_meter(const struct play_sound *sound, uint32_t slot, char *text,
                               size_t bytes)
{
    struct limef_levels levels;
    char bar[9];

    if (!play_sound_is_heard(sound, slot))
        return 0;
    limef_mixer_input_get_levels(&sound->inputs[slot], &levels);
    draw_meter(&levels, bar);
    return (size_t)snprintf(text, bytes, "  %s", bar);
}

static size_t put_meter(const struct player *player, char *text, size_t bytes)
{
    const struct play_sound *sound = &player->sound;
    struct limef_levels levels;
    char bar[9];

    if (!sound->on)
        return 0;
    limef_mixer_get_levels(&sound->mixer, &levels);
    draw_meter(&levels, bar);
    return (size_t)snprintf(text, bytes, "sound  %s  %d %%%s\n", bar, LIMEF_COUNTED(sound->volume),
                            LIMEF_COUNTED(sound->muted) ? "  muted" : "");
}

static int put_overlay(void *context)
{
    struct player *player = context;
    char text[LIMEF_PRESENTER_OVERLAY_BYTES] = "";
    bool shown = LIMEF_COUNTED(player->overlay);
    size_t used = shown ? put_meter(player, text, sizeof(text)) : 0;

    for (unsigned i = 0; i < player->n_streams && shown && used < sizeof(text); i++) {
        struct limef_presenter_slot_counters c;

        limef_presenter_get_counters(&player->presenter, i, &c);
        used += (size_t)snprintf(text + used, sizeof(text) - used,
                                 "%u  %dx%d  shown %" PRIu64 "  late %" PRIu64 "  latency %" PRId64
                                 " / %" PRId64 " ms",
                                 i + 1, c.width, c.height, c.n_shown, c.n_dropped_late,
                                 limef_histogram_percentile_us(&c.latency, 0.5) / 1000,
                                 limef_histogram_percentile_us(&c.latency, 0.99) / 1000);
        if (used < sizeof(text))
            used += put_stream_meter(&player->sound, i, text + used, sizeof(text) - used);
        if (used < sizeof(text))
            used += (size_t)snprintf(text + used, sizeof(text) - used, "\n");
    }
    limef_presenter_set_overlay(&player->presenter, shown ? text : NULL);
    return 0;
}

/* Has something done on the screen's thread, and does not wait: that one may hang in the display
 * server. The player outlives it. A screen that is busy for long loses the key. */
static void on_screen(struct player *player, limef_call_fn *call)
{
    limef_thread_post(&player->screen.thread, call, player);
}

static int visit(void *context)
{
    struct player *player = context;

    if (LIMEF_COUNTED(player->overlay))
        put_overlay(player);
    atomic_store_explicit(&player->visiting, false, memory_order_release);
    return 0;
}

/* Its thread has nothing to wait for without end where it has no window. */
static bool may_show_window(const struct player *player)
{
    uint32_t output = LIMEF_COUNTED(player->presenter.output);

    if (output == LIMEF_OUTPUT_AUTO) /* it is being opened */
        return player->options->vo == PLAY_VO_AUTO || player->options->vo == PLAY_VO_WINDOW;
    return output == LIMEF_OUTPUT_WINDOW;
}

void player_visit_screen(struct player *player)
{
    int64_t now_us = limef_now_us();
    bool visiting = atomic_load_explicit(&player->visiting, memory_order_acquire);

    if (visiting && !player->said_silent && now_us >= player->visited_us + SILENT_US &&
        may_show_window(player)) {
        player->said_silent = true;
        limef_log(LIMEF_LOG_ERROR, "limef-play",
                  "the display has not answered for %d s; Ctrl-C ends", SILENT_US / 1000000);
    }
    if (visiting ||
        now_us < player->visited_us +
                     (LIMEF_COUNTED(player->overlay) ? OVERLAY_PERIOD_US : VISIT_PERIOD_US))
        return;
    player->visited_us = now_us;
    atomic_store_explicit(&player->visiting, true, memory_order_relaxed);
    if (limef_thread_post(&player->screen.thread, visit, player) < 0)
        atomic_store_explicit(&player->visiting, false, memory_order_relaxed);
}

static void solo(struct player *player, uint32_t slot)
{
    if (slot != LIMEF_PRESENTER_ALL && slot >= player->n_streams)
        return;
    atomic_store_explicit(&player->solo, slot, memory_order_relaxed);
    play_sound_solo(&player->sound, slot);
    mains_follow(player, slot);
    on_screen(player, apply_layout);
}

void player_key(struct player *player, int64_t key)
{
    switch (key) {
    case 'q':
    case LIMEF_KEY_ESCAPE:
    case LIMEF_KEY_CLOSE:
        player->quit = true;
        break;
    case ' ':
        toggle_pause(player);
        break;
    case LIMEF_KEY_LEFT:
    case LIMEF_KEY_RIGHT:
        seek(player, key == LIMEF_KEY_LEFT ? -SEEK_SHORT_US : SEEK_SHORT_US);
        break;
    case LIMEF_KEY_UP:
    case LIMEF_KEY_DOWN:
        seek(player, key == LIMEF_KEY_DOWN ? -SEEK_LONG_US : SEEK_LONG_US);
        break;
    case '.':
        step(player);
        break;
    case '[':
    case ']':
        change_rate(player, key == '[' ? -1 : 1);
        break;
    case 'f':
        on_screen(player, toggle_fullscreen);
        break;
    case 's':
        on_screen(player, write_snapshot);
        break;
    case 'i':
        atomic_store_explicit(&player->overlay, !LIMEF_COUNTED(player->overlay),
                              memory_order_relaxed);
        on_screen(player, put_overlay);
        break;
    case 'g':
        solo(player, LIMEF_COUNTED(player->solo) == LIMEF_PRESENTER_ALL ? 0 : LIMEF_PRESENTER_ALL);
        break;
    case 'd':
        player_dump(player);
        break;
    case 'a':
        change_track(player);
        break;
    case 'm':
        play_sound_toggle_mute(&player->sound);
        break;
    case '9':
    case '0':
        if (player->sound.on) {
            play_sound_change_volume(&player->sound, key == '9' ? -1 : 1);
            break;
        }
        /* fall through */
    default:
        if (key >= '1' && key <= '9')
            solo(player, (uint32_t)(key - '1'));
    }
}
