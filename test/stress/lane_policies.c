/* SPDX-License-Identifier: MIT */
/*
 * Each policy, with random packets and signals from one thread and a reader of
 * random pace and batch: nothing is lost but what is counted, nothing comes
 * twice or out of order, every signal arrives but a state that a newer one
 * superseded, no packet follows a hole.
 */
#include "stress.h"

#define N_FRAMES 40000

struct run {
    struct boundary boundary;
    struct limef_lane_settings settings;
    unsigned n_frames;
    int64_t n_media, n_signals, n_refused, n_signals_refused; /* the writer's */
    int64_t media_read, next_signal, n_holes, n_superseded;   /* the reader's */
    bool is_state[N_FRAMES]; /* of the signals; the writer's, before it writes that one */
    uint32_t seed;
};

static void *write_all(void *context)
{
    struct run *run = context;
    struct limef_lane *lane = &run->boundary.lane;
    uint32_t random = run->seed;

    for (int64_t i = 0; i < N_FRAMES; i++) {
        uint32_t dice = next_random(&random);
        int ret;

        if (dice % 16 == 0) {
            uint32_t signal = dice % 256 == 0  ? LIMEF_SIGNAL_FLUSH
                              : dice % 64 == 0 ? LIMEF_SIGNAL_STATE
                                               : LIMEF_SIGNAL_USER;

            run->is_state[run->n_signals] = signal != LIMEF_SIGNAL_USER;
            ret = write_signal(lane, signal, run->n_signals);
            CHECK(ret == 0 || (ret == AVERROR(ETIMEDOUT) && run->settings.block_us));
            run->n_signals += ret == 0;
            run->n_signals_refused += ret < 0;
            continue;
        }
        ret = dice % 12 == 1 ? write_key(lane, run->n_media) : write_video(lane, run->n_media);
        CHECK(ret == 0 || ret == AVERROR(ETIMEDOUT));
        run->n_refused += ret < 0;
        run->n_media++;
        if (dice >> 16 < 64)
            sched_yield();
    }
    while (write_signal(lane, LIMEF_SIGNAL_END, run->n_signals) < 0)
        run->n_signals_refused++;
    run->n_signals++;
    return NULL;
}

/* Takes note of a frame; true if it was the last. */
static bool note(struct run *run, const struct limef_frame *frame, int64_t *next_media,
                 bool *flushed)
{
    const struct limef_signal_frame *signal_frame = limef_signal_frame_from(frame);
    const struct limef_packet_frame *packet = limef_packet_frame_from(frame);

    if (signal_frame) {
        for (; run->next_signal < signal_frame->value; run->n_superseded++)
            CHECK(run->is_state[run->next_signal++]);
        CHECK(signal_frame->value == run->next_signal++); /* all others, in order, once */
        *flushed = *flushed || signal_frame->signal == LIMEF_SIGNAL_FLUSH;
        return signal_frame->signal == LIMEF_SIGNAL_END;
    }
    CHECK(packet && packet->dts_us >= *next_media);
    if (packet->dts_us > *next_media && !*flushed) {
        run->n_holes++;
        if (run->settings.overflow == LIMEF_OVERFLOW_DROP_TO_KEY)
            CHECK(frame->flags & LIMEF_FRAME_KEY);
    }
    *flushed = false;
    *next_media = packet->dts_us + 1;
    run->media_read++;
    return false;
}

static void read_all(struct run *run)
{
    struct limef_stack_frame *frames[8];
    uint32_t random = run->seed + 1;
    int64_t next_media = 0;
    bool flushed = false, ended = false;

    while (!ended) {
        uint32_t dice = next_random(&random);
        int n = limef_fifo_read_batch(&run->boundary.fifo, frames, 1 + dice % 3, LIMEF_FOREVER);

        CHECK(n > 0);
        for (int i = 0; i < n; i++)
            ended = note(run, &frames[i]->any.frame, &next_media, &flushed);
        if (dice >> 16 < 200)
            sched_yield();
        if (n > 1 && dice & 64) { /* in any order */
            struct limef_stack_frame *first = frames[0];

            frames[0] = frames[n - 1];
            frames[n - 1] = first;
        }
        limef_fifo_recycle_batch(&run->boundary.fifo, frames, (unsigned)n);
    }
}

static void run_policy(const char *name, unsigned n_frames, struct limef_lane_settings settings)
{
    static struct run run;
    struct limef_lane_counters counters;
    int64_t n_dropped;
    pthread_t writer;

    run = (struct run){.settings = settings, .n_frames = n_frames, .seed = 12345 + n_frames};
    CHECK(boundary_open(&run.boundary, n_frames, &settings) == 0);
    CHECK(pthread_create(&writer, NULL, write_all, &run) == 0);
    read_all(&run);
    must_join(writer);
    counters = counters_of(&run.boundary.lane);
    n_dropped = (int64_t)(counters.n_dropped_oldest + counters.n_dropped_to_key +
                          counters.n_dropped_flush + counters.n_dropped_timeout);
    n_dropped -= run.n_signals_refused;
    CHECK(run.n_media == run.media_read + n_dropped);
    CHECK(run.n_refused + run.n_signals_refused == (int64_t)counters.n_dropped_timeout);
    CHECK(run.n_signals == run.next_signal);
    CHECK(run.n_superseded == (int64_t)counters.n_superseded);
    CHECK(!run.n_superseded || settings.overflow != LIMEF_OVERFLOW_BLOCK);
    CHECK((int64_t)counters.n_read == run.media_read + run.n_signals - run.n_superseded);
    CHECK(counters.max_used <= counters.depth);
    CHECK(settings.overflow != LIMEF_OVERFLOW_BLOCK || settings.block_us || !run.n_holes);
    CHECK(atomic_load(&static_payload()->n_refs) == 1 + limef_lane_n_waiting(&run.boundary.lane));
    boundary_clear(&run.boundary);
    printf(
        "%s/%u: %lld of %lld packets and %lld of %lld signals in order, %lld dropped and counted\n",
        name, n_frames, (long long)run.media_read, (long long)run.n_media,
        (long long)(run.n_signals - run.n_superseded), (long long)run.n_signals,
        (long long)n_dropped);
}

int main(void)
{
    for (unsigned n = 4; n <= 64; n *= 16) {
        run_policy("block", n, (struct limef_lane_settings){LIMEF_OVERFLOW_BLOCK});
        run_policy("block 1 us", n, (struct limef_lane_settings){.block_us = 1});
        run_policy("drop oldest", n, (struct limef_lane_settings){LIMEF_OVERFLOW_DROP_OLDEST});
        run_policy("drop to key", n, (struct limef_lane_settings){LIMEF_OVERFLOW_DROP_TO_KEY});
        run_policy("drop oldest, depth 1", n,
                   (struct limef_lane_settings){LIMEF_OVERFLOW_DROP_OLDEST, .depth = 1});
        run_policy("block, 500 bytes, 3 ms", n,
                   (struct limef_lane_settings){.max_bytes = 500, .max_time_us = 3000});
        run_policy("drop oldest, 500 bytes, 3 ms", n,
                   (struct limef_lane_settings){LIMEF_OVERFLOW_DROP_OLDEST, .max_bytes = 500,
                                                .max_time_us = 3000});
    }
    return 0;
}
