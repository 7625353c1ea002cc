/* SPDX-License-Identifier: MIT */
/* Figures of one snapshot belong together, whenever they are read. */
#include <limef/filter/statistics.h>

#include "support/frames.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>

#define N_FRAMES 50000

static struct limef_statistics_filter statistics;
static _Atomic(bool) done;
static _Atomic(unsigned) n_read;

static void *run_frames(void *unused)
{
    /* until the other one had its turn, however late it comes to it */
    for (int i = 1; i <= N_FRAMES || !n_read; i++) {
        struct limef_packet_frame packet = make_packet(i, 0);

        packet.size_bytes = 3;
        limef_go(&statistics.filter, &packet.frame);
        if (i % 128 == 0)
            sched_yield();
    }
    done = true;
    return unused;
}

int main(void)
{
    pthread_t frames;
    unsigned n_wrong = 0;

    limef_statistics_filter_init(&statistics, "statistics");
    pthread_create(&frames, NULL, run_frames, NULL);
    while (!done) {
        struct limef_statistics s;

        if (limef_statistics_get(&statistics, 0, &s) < 0)
            continue;
        n_read++;
        if (s.n_bytes != 3 * s.n_frames || s.pts_us != (int64_t)s.n_frames)
            n_wrong++;
    }
    pthread_join(frames, NULL);
    printf("%u frames, read %u times, %u wrong\n", N_FRAMES, n_read, n_wrong);
    return n_wrong || !n_read;
}
