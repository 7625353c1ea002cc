/* SPDX-License-Identifier: MIT */
/*
 * A writer that never waits and a reader that dawdles: every frame that is read is whole, comes
 * after the one before it, and what was lost adds up exactly. Then the same with nobody lost.
 */
#include "stress.h"

#define N_CHANNELS 3
#define N_RING 256

static float memory[N_RING * N_CHANNELS];
static struct limef_sample_ring ring;
static LIMEF_ATOMIC(bool) over;
static LIMEF_ATOMIC(bool) is_lossless;

/* Frame n: two halves of n, so that floats hold it exactly, and their sum. */
static void make_frame(float *frame, uint64_t n)
{
    frame[0] = (float)(n >> 20);
    frame[1] = (float)(n & 0xfffff);
    frame[2] = frame[0] + frame[1];
}

static uint64_t number_of(const float *frame)
{
    CHECK(frame[2] == frame[0] + frame[1]);
    return (uint64_t)frame[0] << 20 | (uint64_t)frame[1];
}

struct read_result {
    uint64_t n_read, next;
};

static unsigned read_some(unsigned n, float *frames, uint32_t *random)
{
    struct limef_sample_slices slices;
    unsigned n_taken;

    if (next_random(random) % 2)
        return limef_sample_ring_read(&ring, frames, n);
    n_taken = limef_sample_ring_read_begin(&ring, n, &slices);
    if (next_random(random) % 64 == 0)
        sched_yield(); /* the writer comes meanwhile */
    for (unsigned i = 0; i < n_taken * N_CHANNELS; i++)
        frames[i] = i < slices.n_first * N_CHANNELS
                        ? slices.first[i]
                        : slices.second[i - slices.n_first * N_CHANNELS];
    n_taken = n_taken ? next_random(random) % (n_taken + 1) : 0;
    limef_sample_ring_read_end(&ring, n_taken);
    return n_taken;
}

static void *read_all(void *context)
{
    struct read_result *result = context;
    uint32_t random = 12345;
    float frames[N_RING * N_CHANNELS];
    bool ending = false;

    for (;;) {
        unsigned n = 1 + next_random(&random) % 100;

        ending = atomic_load_explicit(&over, memory_order_acquire);
        n = read_some(n, frames, &random);
        for (unsigned i = 0; i < n; i++) {
            uint64_t number = number_of(frames + i * N_CHANNELS);

            CHECK(number >= result->next);
            CHECK(number == result->next || !atomic_load(&is_lossless));
            result->next = number + 1;
        }
        result->n_read += n;
        if (ending && limef_sample_ring_fill(&ring) == 0)
            return NULL;
        if (next_random(&random) % 16 == 0)
            sched_yield();
    }
}

static void run(uint64_t n_frames, bool lossless)
{
    struct limef_sample_ring_counters counters;
    struct read_result result = {0};
    float frames[100 * N_CHANNELS];
    uint32_t random = 1;
    uint64_t n_lost = 0, n_sent = 0;
    pthread_t reader;

    CHECK(limef_sample_ring_init(&ring, memory, N_RING, N_CHANNELS) == 0);
    atomic_store(&over, false);
    atomic_store(&is_lossless, lossless);
    CHECK(pthread_create(&reader, NULL, read_all, &result) == 0);
    while (n_sent < n_frames) {
        unsigned n = 1 + next_random(&random) % 100;

        if (lossless && limef_sample_ring_room(&ring) < n) {
            sched_yield();
            continue;
        }
        for (unsigned i = 0; i < n; i++)
            make_frame(frames + i * N_CHANNELS, n_sent + i);
        n_lost += limef_sample_ring_write(&ring, frames, n);
        n_sent += n;
        if (next_random(&random) % 8 == 0)
            sched_yield();
    }
    atomic_store_explicit(&over, true, memory_order_release);
    must_join(reader);
    limef_sample_ring_get_counters(&ring, &counters);
    CHECK(counters.n_written + counters.n_refused == n_sent);
    CHECK(counters.n_dropped + counters.n_refused == n_lost);
    CHECK(result.n_read + counters.n_dropped == counters.n_written);
    CHECK(!lossless || n_lost == 0);
    printf("%llu frames, %llu read, %llu of the oldest dropped, %llu of the newest refused\n",
           (unsigned long long)n_sent, (unsigned long long)result.n_read,
           (unsigned long long)counters.n_dropped, (unsigned long long)counters.n_refused);
}

int main(void)
{
    run(4000000, false);
    run(1000000, true);
    return 0;
}
