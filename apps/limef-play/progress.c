/* SPDX-License-Identifier: MIT */
#include "progress.h"

#include "player.h"

#include <inttypes.h>
#include <unistd.h>

#define TERMINAL_PERIOD_US 500000
#define FILE_PERIOD_US 2000000

static const char *output_name(uint32_t output)
{
    switch (output) {
    case LIMEF_OUTPUT_WINDOW:
        return "in a window";
    case LIMEF_OUTPUT_KMS:
        return "on the display, by KMS";
    case LIMEF_OUTPUT_OFFSCREEN:
        return "offscreen, no display is used";
    default:
        return "to nobody";
    }
}

/* Told to those who did not choose; a script that chose hears nothing. */
static bool is_wanted(const struct player *player)
{
    if (player->options->log_level < LIMEF_LOG_WARNING)
        return false;
    return player->options->vo == PLAY_VO_AUTO || isatty(STDERR_FILENO) ||
           player->options->log_level > LIMEF_LOG_WARNING;
}

static void say_output(struct player *player)
{
    uint32_t output = LIMEF_COUNTED(player->presenter.output);

    if (player->said_output || output == LIMEF_OUTPUT_AUTO)
        return;
    player->said_output = true;
    fprintf(stderr, "limef-play: playing %u %s, %s\n", player->n_streams,
            player->n_streams == 1 ? "stream" : "streams", output_name(output));
}

static void print_time(int64_t us)
{
    int64_t seconds = us / 1000000;

    if (us == LIMEF_NO_TIME)
        fputs("--:--", stderr);
    else
        fprintf(stderr, "%02" PRId64 ":%02" PRId64, seconds / 60, seconds % 60);
}

static void print_line(struct player *player, bool terminal)
{
    const struct play_stream *first = &player->streams[0];
    struct limef_presenter_slot_counters counters;
    uint64_t n_dropped = 0;

    for (uint32_t i = 0; i < player->n_streams; i++) {
        limef_presenter_get_counters(&player->presenter, i, &counters);
        n_dropped += counters.n_dropped_late;
    }
    fputs(terminal ? "\r" : "", stderr);
    print_time(play_stream_position_us(first, &player->presenter));
    fputs(" / ", stderr);
    print_time(play_stream_duration_us(first));
    fprintf(stderr, "  shown %" PRIu64 "  late %" PRIu64 "%s%s", player_n_shown(player), n_dropped,
            player->paused ? "  paused" : "", terminal ? "\033[K" : "\n");
}

void progress_print(struct player *player)
{
    bool terminal = isatty(STDERR_FILENO), is_first = false;
    int64_t now_us = limef_now_us();

    if (!is_wanted(player))
        return;
    say_output(player);
    if (!player->said_shown)
        player->said_shown = is_first = player_n_shown(player) > 0;
    if (!player->said_output || (!is_first && now_us - player->printed_us <
                                                  (terminal ? TERMINAL_PERIOD_US : FILE_PERIOD_US)))
        return;
    player->printed_us = now_us;
    print_line(player, terminal);
}

/* Where it ended stays to be read. */
void progress_end(struct player *player)
{
    bool terminal = isatty(STDERR_FILENO);

    if (!is_wanted(player))
        return;
    say_output(player);
    if (!player->said_output)
        return;
    print_line(player, terminal);
    if (terminal)
        fputc('\n', stderr);
}
