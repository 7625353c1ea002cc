/* SPDX-License-Identifier: MIT */
/*
 * One producer writes to a fast, a slow and a dead consumer through dropping
 * lanes: the fast one gets what its own lane did not drop, the others harm
 * themselves alone, and their signals wait for them.
 */
#include "stress.h"

#define N_FRAMES 20000

enum {
    FAST,
    SLOW,
    DEAD,
    N_KINDS,
};

static struct boundary boundaries[N_KINDS];
static LIMEF_ATOMIC(int) slow_may_go;

static void *read_to_the_end(void *boundary)
{
    struct limef_fifo *fifo = &((struct boundary *)boundary)->fifo;
    bool slow = boundary == &boundaries[SLOW], ended = false;
    int64_t last = -1, n = 0;

    while (!ended) {
        struct limef_stack_frame *frame;

        CHECK(limef_fifo_read(fifo, &frame, LIMEF_FOREVER) == 0);
        if (limef_packet_frame_from(&frame->any.frame)) {
            CHECK(frame->any.packet.dts_us > last);
            last = frame->any.packet.dts_us;
            n++;
        } else {
            ended = frame->any.signal.signal == LIMEF_SIGNAL_END;
        }
        /* one frame, then none until the producer is through a hundred */
        while (slow && !ended && !atomic_exchange(&slow_may_go, 0))
            sched_yield();
        limef_fifo_recycle(fifo, frame);
    }
    return (void *)(intptr_t)n;
}

int main(void)
{
    struct limef_lane_settings settings[N_KINDS] = {{LIMEF_OVERFLOW_DROP_OLDEST, .depth = 48},
                                                    {LIMEF_OVERFLOW_DROP_OLDEST, .depth = 4},
                                                    {LIMEF_OVERFLOW_DROP_TO_KEY, .depth = 4}};
    int64_t n_read[N_KINDS] = {0}, n_dropped[N_KINDS];
    pthread_t readers[N_KINDS];

    for (int i = 0; i < N_KINDS; i++)
        CHECK(boundary_open(&boundaries[i], 64, &settings[i]) == 0);
    for (int i = 0; i < DEAD; i++)
        CHECK(pthread_create(&readers[i], NULL, read_to_the_end, &boundaries[i]) == 0);
    for (int64_t n = 0; n < N_FRAMES; n++) {
        for (int i = 0; i < N_KINDS; i++)
            CHECK((n % 10 ? write_video : write_key)(&boundaries[i].lane, n) == 0);
        if (n % 100 == 0)
            atomic_store(&slow_may_go, 1);
    }
    for (int i = 0; i < N_KINDS; i++)
        CHECK(write_signal(&boundaries[i].lane, LIMEF_SIGNAL_END, 0) == 0);
    while (limef_lane_n_waiting(&boundaries[SLOW].lane))
        atomic_store(&slow_may_go, 1);
    for (int i = 0; i < DEAD; i++)
        n_read[i] = (intptr_t)must_join(readers[i]);
    for (int i = 0; i < N_KINDS; i++) {
        struct limef_lane_counters counters = counters_of(&boundaries[i].lane);

        n_dropped[i] = (int64_t)(counters.n_dropped_oldest + counters.n_dropped_to_key);
        if (i == DEAD)
            n_read[i] = limef_lane_n_waiting(&boundaries[i].lane) - 1;
        CHECK(n_read[i] + n_dropped[i] == N_FRAMES);
        CHECK(counters.n_blocked == 0);
        boundary_clear(&boundaries[i]);
    }
    CHECK(n_read[DEAD] <= 4);
    printf("of %d frames the fast reader got %lld, the slow one %lld, for the dead one %lld wait; "
           "the writer never waited\n",
           N_FRAMES, (long long)n_read[FAST], (long long)n_read[SLOW], (long long)n_read[DEAD]);
    return 0;
}
