/* SPDX-License-Identifier: MIT */
/*
 * One writer that waits for nobody, readers of all speeds: what they get is whole and where it
 * says it is, and what they got, missed and skipped is all there was.
 */
#include "stress.h"

#define N_CHANNELS 3
#define N_RING 256
#define N_READERS 4
#define N_FRAMES 3000000

static limef_broadcast_word words[LIMEF_BROADCAST_WORDS(N_RING, N_CHANNELS)];
static struct limef_broadcast_ring ring;
static LIMEF_ATOMIC(bool) over;

struct reading {
    pthread_t thread;
    struct limef_broadcast_reader reader;
    uint32_t random;
    unsigned pause_every; /* 0: never */
    uint64_t n_read;
};

static void make_frame(float *frame, uint64_t n)
{
    frame[0] = (float)(n >> 20);
    frame[1] = (float)(n & 0xfffff);
    frame[2] = frame[0] + frame[1];
}

static void check_frame(const float *frame, uint64_t n)
{
    float expected[N_CHANNELS];

    make_frame(expected, n);
    CHECK(!memcmp(frame, expected, sizeof(expected)));
}

static void *read_all(void *context)
{
    struct reading *reading = context;
    float frames[100 * N_CHANNELS];

    for (;;) {
        bool ending = atomic_load_explicit(&over, memory_order_acquire);
        unsigned n =
            limef_broadcast_read(&reading->reader, frames, 1 + next_random(&reading->random) % 100);

        for (unsigned i = 0; i < n; i++)
            check_frame(frames + i * N_CHANNELS, reading->reader.position - n + i);
        reading->n_read += n;
        if (ending && !limef_broadcast_waiting(&reading->reader))
            return NULL;
        if (reading->pause_every && next_random(&reading->random) % reading->pause_every == 0) {
            sched_yield();
            if (next_random(&reading->random) % 8 == 0)
                limef_broadcast_skip(&reading->reader, 32);
        }
    }
}

int main(void)
{
    static struct reading readings[N_READERS];
    float frames[200 * N_CHANNELS];
    uint32_t random = 1;
    uint64_t n_sent = 0;

    CHECK(limef_broadcast_ring_init(&ring, words, N_RING, N_CHANNELS) == 0);
    for (unsigned i = 0; i < N_READERS; i++) {
        readings[i].random = 99 + i;
        readings[i].pause_every = i * i * 4;
        limef_broadcast_reader_init(&readings[i].reader, &ring);
        CHECK(!pthread_create(&readings[i].thread, NULL, read_all, &readings[i]));
    }
    while (n_sent < N_FRAMES) {
        unsigned n = 1 + next_random(&random) % 200;

        for (unsigned i = 0; i < n; i++)
            make_frame(frames + i * N_CHANNELS, n_sent + i);
        limef_broadcast_write(&ring, frames, n);
        n_sent += n;
        if (next_random(&random) % 8 == 0)
            sched_yield();
    }
    atomic_store_explicit(&over, true, memory_order_release);
    for (unsigned i = 0; i < N_READERS; i++) {
        struct limef_broadcast_reader *reader = &readings[i].reader;
        uint64_t n_missed, n_skipped;

        must_join(readings[i].thread);
        n_missed = LIMEF_COUNTED(reader->n_missed);
        n_skipped = LIMEF_COUNTED(reader->n_skipped);
        CHECK(readings[i].n_read + n_missed + n_skipped == n_sent);
        printf("reader %u: %llu read, %llu missed, %llu skipped\n", i,
               (unsigned long long)readings[i].n_read, (unsigned long long)n_missed,
               (unsigned long long)n_skipped);
    }
    return 0;
}
