/* SPDX-License-Identifier: MIT */
#include "plan.h"

#include "player.h"

#include <errno.h>
#include <inttypes.h>
#include <libavutil/error.h>

static const char *const priority_names[] = {
    [LIMEF_PRIORITY_PROCESSING] = "processing", [LIMEF_PRIORITY_INGEST] = "ingest",
    [LIMEF_PRIORITY_DISPLAY] = "display",       [LIMEF_PRIORITY_AUDIO] = "audio",
    [LIMEF_PRIORITY_BACKGROUND] = "background",
};

static const char *overflow_name(const struct limef_lane *lane)
{
    static const char *const names[] = {
        [LIMEF_OVERFLOW_BLOCK] = "the writer waits",
        [LIMEF_OVERFLOW_DROP_OLDEST] = "the oldest is dropped",
        [LIMEF_OVERFLOW_DROP_TO_KEY] = "dropped up to a key frame",
    };

    return names[lane->settings.overflow];
}

static const char *thread_priority(const struct limef_thread *thread)
{
    return priority_names[thread->settings.priority];
}

static void print_boundary(FILE *file, const char *from, const char *to,
                           const struct limef_lane *lane, const char *why)
{
    fprintf(file, "  boundary %s -> %s: depth %u, when full %s; %s\n", from, to,
            lane->settings.depth, overflow_name(lane), why);
}

static void print_stream(FILE *file, const struct play_stream *stream)
{
    fprintf(file, "slot %u: %s\n", (unsigned)stream->slot, stream->url);
    if (play_stream_is_fused(stream)) {
        fprintf(file, "  thread read (%s): file source - decode - limit; fused by --plan\n",
                thread_priority(&stream->reader.thread));
    } else {
        fprintf(file, "  thread read (%s): file source\n", thread_priority(&stream->reader.thread));
        print_boundary(file, "read", "decode", &stream->to_decoder.lane,
                       "cut because the source blocks");
        fprintf(file, "  thread decode (%s): decode%s\n", thread_priority(&stream->decoder.thread),
                play_stream_is_per_filter(stream) ? "" : " - limit");
    }
    if (play_stream_is_per_filter(stream)) {
        print_boundary(file, "decode", "limit", &stream->to_limiter.lane, "cut by --plan");
        fprintf(file, "  thread limit (%s): limit\n", thread_priority(&stream->limiter.thread));
    }
    print_boundary(file, play_stream_last_thread(stream), "screen", &stream->to_screen.lane,
                   "cut because the presenter is bound to one thread");
}

static void print_text(const struct player *player, FILE *file)
{
    for (unsigned i = 0; i < player->n_streams; i++)
        print_stream(file, &player->streams[i]);
    fprintf(file, "thread screen (%s): %spresenter\n", thread_priority(&player->screen.thread),
            player->framemd5_file ? "framemd5 - " : "");
}

static void print_dot(const struct player *player, FILE *file)
{
    fputs("digraph limef {\n  rankdir=LR;\n  node [shape=box];\n"
          "  subgraph cluster_screen { label=\"screen\"; presenter; }\n",
          file);
    for (unsigned i = 0; i < player->n_streams; i++) {
        const struct play_stream *stream = &player->streams[i];
        bool fused = play_stream_is_fused(stream);

        fprintf(file,
                "  subgraph cluster_read%u { label=\"read %u\"; source%u [label=\"file source\"];",
                i, i, i);
        if (!fused)
            fprintf(file, " }\n  subgraph cluster_decode%u { label=\"decode %u\";", i, i);
        fprintf(file, " decode%u [label=\"decode\"];", i);
        if (play_stream_is_per_filter(stream))
            fprintf(file, " }\n  subgraph cluster_limit%u { label=\"limit %u\";", i, i);
        fprintf(file, " limit%u [label=\"limit\"]; }\n", i);
        fprintf(file, "  source%u -> decode%u", i, i);
        if (!fused)
            fprintf(file, " [style=bold, label=\"depth %u\"]",
                    stream->to_decoder.lane.settings.depth);
        fprintf(file,
                ";\n  decode%u -> limit%u;\n"
                "  limit%u -> presenter [style=bold, label=\"depth %u\"];\n",
                i, i, i, stream->to_screen.lane.settings.depth);
    }
    fputs("}\n", file);
}

static int write_dot(const struct player *player)
{
    FILE *file = fopen(player->options->dot, "w");
    bool failed;

    if (!file)
        return limef_fail(AVERROR(errno), "limef-play", "cannot write %s", player->options->dot);
    print_dot(player, file);
    failed = ferror(file);
    if (fclose(file) == 0 && !failed)
        return 0;
    return limef_fail(AVERROR(EIO), "limef-play", "cannot write %s", player->options->dot);
}

int plan_print(struct player *player, const char *when)
{
    if (player->options->explain) {
        printf("plan at %s:\n", when);
        print_text(player, stdout);
        fflush(stdout);
    }
    return player->options->dot ? write_dot(player) : 0;
}

static void dump_lane(FILE *file, const char *name, const struct limef_lane *lane)
{
    struct limef_lane_counters counters;

    limef_lane_get_counters(lane, &counters);
    fprintf(file,
            "  %s: %u of %u wait, %u at most; written %" PRIu64 ", dropped %" PRIu64
            ", waited %" PRId64 " us (p50)\n",
            name, limef_lane_n_waiting(lane), counters.depth, counters.max_used, counters.n_written,
            counters.n_dropped_oldest + counters.n_dropped_to_key + counters.n_dropped_flush,
            limef_histogram_percentile_us(&lane->wait, 0.5));
}

void plan_dump(struct player *player, FILE *file)
{
    print_text(player, file);
    for (unsigned i = 0; i < player->n_streams; i++) {
        fprintf(file, "slot %u\n", i);
        if (!play_stream_is_fused(&player->streams[i]))
            dump_lane(file, "to decoder", &player->streams[i].to_decoder.lane);
        if (play_stream_is_per_filter(&player->streams[i]))
            dump_lane(file, "to limiter", &player->streams[i].to_limiter.lane);
        dump_lane(file, "to screen", &player->streams[i].to_screen.lane);
    }
}
