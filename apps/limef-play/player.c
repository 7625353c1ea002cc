/* SPDX-License-Identifier: MIT */
#include "player.h"

#include "dump.h"
#include "ends.h"
#include "mains.h"
#include "plan.h"
#include "process.h"
#include "progress.h"
#include "signals.h"
#include "terminal.h"

#include <limef/base/memory.h>

#include <errno.h>
#include <libavutil/buffer.h>
#include <libavutil/error.h>
#include <poll.h>
#include <stdlib.h>

#define STOP_TIMEOUT_US 2000000
/* Its threads end with the frame they are at, and a machine that has other work takes its time;
 * who cannot wait for them leaves the files of sockets behind. */
#define GRAPH_STOP_TIMEOUT_US 4000000
#define SCREEN_CALL_TIMEOUT_US 3000000
/* How long a pixel may take to be composed, encoded and written: a large picture is no display that
 * does not answer. */
#define PIXEL_US 1
/* For the snapshot, for the graph to stop, for the screen's filters, for its thread. */
#define N_WAITS 4
/* Of a screen that let the snapshot wait in vain. */
#define LAST_CALL_TIMEOUT_US 500000
/* How often the player looks after itself: progress, threads, overlay. */
#define LOOK_MS 100
/* Pictures after which playing is in its steady state: pools and caches are full. */
#define STEADY_FRAMES 50

uint64_t player_n_shown(const struct player *player)
{
    struct limef_presenter_slot_counters counters;
    uint64_t n = 0;

    for (uint32_t i = 0; i < player->n_streams; i++) {
        limef_presenter_get_counters(&player->presenter, i, &counters);
        n += counters.n_shown;
    }
    return n;
}

static void measure(struct player *player)
{
    struct play_measures *measures = &player->measures;
    unsigned n_threads = process_n_threads();

    if (n_threads > measures->n_threads)
        measures->n_threads = n_threads;
    measures->frames = player_n_shown(player);
    measures->allocations = limef_memory_n_allocations();
    if (measures->steady || measures->frames < STEADY_FRAMES)
        return;
    measures->steady = true;
    measures->steady_allocations = measures->allocations;
    measures->steady_frames = measures->frames;
}

static void begin_sound(struct player *player)
{
    if (play_sound_begins(&player->sound) < 0)
        player->quit = player->no_output = true;
}

static void handle_reports(struct player *player)
{
    struct limef_signal_frame report;

    while (limef_reports_read(&player->reports, &report, 0) == 0) {
        if (report.signal == LIMEF_SIGNAL_END)
            ends_note(player, &report);
        else if (report.signal == LIMEF_SIGNAL_START && report.frame.media == LIMEF_MEDIA_AUDIO)
            begin_sound(player);
        else if (report.signal == LIMEF_SIGNAL_ERROR && report.frame.slot == LIMEF_PRESENTER_ALL)
            player->quit = player->no_output = true;
        else if (report.signal == LIMEF_SIGNAL_STATE)
            ends_note_state(player, &report);
        else if (report.signal == LIMEF_SIGNAL_KEY)
            player_key(player, report.value);
        else if (report.signal == LIMEF_SIGNAL_PLAN && report.code == 0)
            plan_print(player, report.text);
    }
}

static void handle_terminal(struct player *player)
{
    int64_t key;

    while (terminal_read(&key))
        player_key(player, key);
}

static bool all_ended(const struct player *player)
{
    for (unsigned i = 0; i < player->n_streams; i++)
        if (!player->streams[i].ended)
            return false;
    return true;
}

static void explain_ways(struct player *player)
{
    if (player->options->explain && !player->plan_lost)
        player->plan_lost = ways_print(player) < 0;
}

void player_run(struct player *player)
{
    struct pollfd inputs[] = {{.fd = limef_reports_fd(&player->reports), .events = POLLIN},
                              {.fd = -1, .events = POLLIN},
                              {.fd = player->options->dump_fd, .events = POLLIN}};

    signals_end_set_up();
    terminal_open();
    while (!player->quit && !all_ended(player)) {
        inputs[1].fd = terminal_fd();
        /* a signal that comes just before it is seen LOOK_MS later */
        if (poll(inputs, 3, LOOK_MS) < 0 && errno != EINTR)
            break;
        if (signals_asked_dump(inputs[2].fd))
            player_dump(player);
        if (signals_asked())
            player->quit = player->by_signal = true;
        handle_reports(player);
        handle_terminal(player);
        ends_vain_repetition(player);
        mains_look(player);
        play_sound_tell(&player->sound);
        measure(player);
        explain_ways(player);
        player_visit_screen(player);
        progress_print(player);
    }
    terminal_close();
    signals_end_at_once();
    measure(player);
    explain_ways(player); /* of what was over sooner than looked at */
    progress_end(player);
}

static int64_t large_us(const struct player *player)
{
    return (int64_t)player->options->width * player->options->height * PIXEL_US;
}

static int write_snapshot(void *context)
{
    struct player *player = context;

    return limef_presenter_snapshot(&player->presenter, player->options->snapshot);
}

int player_snapshot(struct player *player)
{
    struct limef_thread *screen = &player->screen.thread;
    int ret;

    signals_take_down_takes((unsigned)(N_WAITS * large_us(player) / 1000000));
    if (!player->options->snapshot || !limef_thread_running(screen) || player->no_output)
        return 0;
    ret = limef_thread_call(screen, write_snapshot, player,
                            SCREEN_CALL_TIMEOUT_US + large_us(player));
    if (ret == AVERROR(ETIMEDOUT)) {
        player->screen_hangs = true;
        limef_fail(ret, "limef-play", "cannot write %s: the display does not answer",
                   player->options->snapshot);
    }
    return ret;
}

/* The sound first: then it ends where the pictures do. */
int player_stop(struct player *player)
{
    int sound = play_sound_stop(&player->sound, STOP_TIMEOUT_US);
    int ret = limef_graph_stop(&player->graph, GRAPH_STOP_TIMEOUT_US + large_us(player));

    return sound == AVERROR(ETIMEDOUT) || ret >= 0 ? sound : ret;
}

/* Filters may be cleared when the graph has let go of them. */
static void clear_streams(struct player *player)
{
    limef_metrics_close(&player->metrics);
    limef_graph_clear(&player->graph);
    for (unsigned i = 0; i < player->n_streams && player->streams; i++)
        play_stream_clear(&player->streams[i]);
}

/* On the screen's thread, which reads the streams' lanes. The streams go first: their decoders and
 * lanes hold pictures in the presenter's buffers. */
static int take_down(void *context)
{
    struct player *player = context;

    clear_streams(player);
    return limef_presenter_close(&player->presenter);
}

int player_status(const struct player *player)
{
    struct limef_presenter_slot_counters counters;
    unsigned n_failed = 0, n_lost = 0, n_broken = 0;

    for (uint32_t i = 0; i < player->n_streams; i++) {
        const struct play_stream *stream = &player->streams[i];

        limef_presenter_get_counters(&player->presenter, i, &counters);
        if (stream->ended && !counters.n_shown && !play_sound_is_heard(&player->sound, i))
            n_failed++;
        else if (play_stream_was_lost(stream))
            n_lost++;
        else if (play_stream_broke_off(stream))
            n_broken++;
    }
    if (player->by_signal)
        return PLAY_BY_SIGNAL;
    if (player->no_output)
        return PLAY_NO_OUTPUT;
    if (n_failed == player->n_streams)
        return PLAY_NOTHING_PLAYED;
    if (n_failed || n_broken)
        return PLAY_SOME_NOT_PLAYED;
    return n_lost ? PLAY_LIVE_LOST : PLAY_OK;
}

/* On the screen's thread, which writes it. */
static int close_framemd5(void *context)
{
    struct player *player = context;
    FILE *file = player->framemd5_file;
    bool failed = file && ferror(file);

    player->framemd5_file = player->framemd5.file = NULL;
    if (!file || (fclose(file) == 0 && !failed))
        return 0;
    return limef_fail(AVERROR(EIO), "limef-play", "cannot write %s", player->options->framemd5);
}

int player_finish_files(struct player *player)
{
    return limef_thread_call(&player->screen.thread, close_framemd5, player,
                             SCREEN_CALL_TIMEOUT_US);
}

int player_clear(struct player *player)
{
    struct limef_thread *screen = &player->screen.thread;
    int ret;

    if (limef_thread_running(screen))
        limef_thread_call(screen, take_down, player,
                          player->screen_hangs ? LAST_CALL_TIMEOUT_US
                                               : SCREEN_CALL_TIMEOUT_US + large_us(player));
    ret = limef_thread_stop(screen, STOP_TIMEOUT_US + large_us(player));
    if (ret == AVERROR(ETIMEDOUT))
        return ret;
    clear_streams(player);
    play_sound_clear(&player->sound);
    limef_consumer_clear(&player->screen);
    ret = close_framemd5(player);
    limef_filter_clear(&player->framemd5.filter);
    limef_filter_clear(&player->presenter.filter);
    limef_reports_clear(&player->reports);
    av_buffer_unref(&player->hardware);
    free(player->graph_memory);
    free(player->streams);
    free(player->tiles);
    *player = (struct player){0};
    return ret;
}
