/* SPDX-License-Identifier: MIT */
/*
 * Blocks of 64 stereo frames through rings: limef's, JACK's, PortAudio's, Concurrency Kit's, and a
 * list behind a mutex; beside them a copy without any ring, and nothing but the clock.
 *
 *   audio_rings cost RING...          one thread writes and reads in turn, in one ring after the
 *                                     other, round by round; of each ring ns a block, both sides,
 *                                     and how many times that the first one takes; medians
 *   audio_rings paced RING [BLOCKS]   two threads, a block every 100 us; p50 and p99.9 of either
 *                                     side
 *
 * Prints one JSON object.
 */
#include "audio_peers.h"
#include "bench.h"

#include <limef/base/api.h>

#include <stdio.h>
#include <string.h>

#define PACE_NS 100000

#define N_ROUNDS 300
#define N_ROUND_BLOCKS 5000
#define MAX_RINGS 8

static const struct audio_peer *peer;
static void *ring;

static int64_t blocks_ns(const struct audio_peer *of, void *its_ring, int n_blocks)
{
    LIMEF_ALIGNED(LIMEF_CACHE_LINE_BYTES) float in[AUDIO_BLOCK_FLOATS] = {1};
    LIMEF_ALIGNED(LIMEF_CACHE_LINE_BYTES) float out[AUDIO_BLOCK_FLOATS];
    int64_t began_ns = bench_now_ns();

    for (int i = 0; i < n_blocks; i++) {
        in[0] = (float)i;
        of->write(its_ring, in);
        if (!of->read(its_ring, out) || out[0] != in[0])
            abort();
    }
    return bench_now_ns() - began_ns;
}

/* What others do to the machine they do to all rings of a round: so those are compared. */
static void cost(char **names)
{
    static int64_t took_ns[MAX_RINGS][N_ROUNDS], thousandths[N_ROUNDS];
    const struct audio_peer *peers[MAX_RINGS];
    void *rings[MAX_RINGS];
    int n = 0;

    for (; n < MAX_RINGS && *names; names++)
        if ((peers[n] = audio_peer_find(*names)))
            rings[n] = peers[n]->make(), n++;
    for (int round = 0; round < N_ROUNDS; round++)
        for (int i = 0; i < n; i++) {
            blocks_ns(peers[i], rings[i], AUDIO_RING_BLOCKS); /* into the caches */
            took_ns[i][round] = blocks_ns(peers[i], rings[i], N_ROUND_BLOCKS);
        }
    printf("{");
    while (n-- > 0) { /* the first last: that sorts it */
        for (int round = 0; round < N_ROUNDS; round++)
            thousandths[round] = 1000 * took_ns[0][round] / took_ns[n][round];
        printf("\"beside %s\": %.3f, \"%s\": %.2f%s", peers[n]->name,
               (double)bench_percentile(thousandths, N_ROUNDS, 0.5) / 1000, peers[n]->name,
               (double)bench_percentile(took_ns[n], N_ROUNDS, 0.5) / N_ROUND_BLOCKS,
               n ? ", " : "}\n");
    }
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
    bench_pin(0);
    if (n_arguments > 2 && !strcmp(arguments[1], "cost")) {
        cost(arguments + 2);
        return 0;
    }
    peer = n_arguments > 2 ? audio_peer_find(arguments[2]) : NULL;
    if (!peer)
        return 1;
    ring = peer->make();
    paced(n_arguments > 3 ? atol(arguments[3]) : 20000);
    return 0;
}
