/* SPDX-License-Identifier: MIT */
/*
 * Blocks of 64 stereo frames through rings: limef's, JACK's, PortAudio's, Concurrency Kit's, and a
 * list behind a mutex; beside them a copy without any ring, and nothing but the clock.
 *
 *   audio_rings cost RING [BLOCKS]    one thread writes and reads in turn; ns a block, both sides
 *   audio_rings paced RING [BLOCKS]   two threads, a block every 100 us; p50 and p99.9 of either
 * side
 *
 * Prints one JSON object.
 */
#include "audio_peers.h"
#include "bench.h"

#include <limef/base/api.h>

#include <stdio.h>
#include <string.h>

#define PACE_NS 100000

static const struct audio_peer *peer;
static void *ring;

static void cost(long n_blocks)
{
    LIMEF_ALIGNED(LIMEF_CACHE_LINE_BYTES) float in[AUDIO_BLOCK_FLOATS] = {1};
    LIMEF_ALIGNED(LIMEF_CACHE_LINE_BYTES) float out[AUDIO_BLOCK_FLOATS];
    int64_t began_ns, best_ns = INT64_MAX;
    long n_lost = 0;

    for (int round = 0; round < 100; round++) { /* the best: others disturb most of them */
        began_ns = bench_now_ns();
        for (long i = 0; i < n_blocks; i++) {
            in[0] = (float)(i & 0xffff);
            peer->write(ring, in);
            n_lost += !peer->read(ring, out) || out[0] != in[0];
        }
        if (bench_now_ns() - began_ns < best_ns)
            best_ns = bench_now_ns() - began_ns;
    }
    if (n_lost)
        abort();
    printf("{\"ns\": %.2f}\n", (double)best_ns / (double)n_blocks);
}

struct side {
    int64_t *took_ns;
    long n;
};

static void *read_paced(void *context)
{
    struct side *side = context;
    float out[AUDIO_BLOCK_FLOATS];
    int64_t due_ns = bench_now_ns() + PACE_NS / 2;

    bench_pin(1);
    bench_real_time();
    for (long i = 0; i < side->n; i++) {
        int64_t began_ns;

        bench_sleep_until_ns(due_ns += PACE_NS);
        began_ns = bench_now_ns();
        peer->read(ring, out);
        side->took_ns[i] = bench_now_ns() - began_ns;
    }
    return NULL;
}

static void paced(long n_blocks)
{
    struct side reader = {calloc((size_t)n_blocks, 8), n_blocks};
    int64_t *took_ns = calloc((size_t)n_blocks, 8), due_ns;
    float in[AUDIO_BLOCK_FLOATS] = {0};
    pthread_t thread;

    bench_pin(0);
    if (pthread_create(&thread, NULL, read_paced, &reader))
        abort();
    bench_real_time();
    due_ns = bench_now_ns();
    for (long i = 0; i < n_blocks; i++) {
        int64_t began_ns;

        bench_sleep_until_ns(due_ns += PACE_NS);
        began_ns = bench_now_ns();
        peer->write(ring, in);
        took_ns[i] = bench_now_ns() - began_ns;
    }
    pthread_join(thread, NULL);
    printf("{\"push_p50\": %lld, \"push_p999\": %lld, \"pop_p50\": %lld, \"pop_p999\": %lld}\n",
           (long long)bench_percentile(took_ns, (size_t)n_blocks, 0.5),
           (long long)bench_percentile(took_ns, (size_t)n_blocks, 0.999),
           (long long)bench_percentile(reader.took_ns, (size_t)n_blocks, 0.5),
           (long long)bench_percentile(reader.took_ns, (size_t)n_blocks, 0.999));
}

int main(int n_arguments, char **arguments)
{
    long n_blocks = n_arguments > 3 ? atol(arguments[3]) : 0;

    peer = n_arguments > 2 ? audio_peer_find(arguments[2]) : NULL;
    if (!peer)
        return 1;
    ring = peer->make();
    bench_pin(0);
    if (!strcmp(arguments[1], "cost"))
        cost(n_blocks ? n_blocks : 50000);
    else
        paced(n_blocks ? n_blocks : 20000);
    return 0;
}
