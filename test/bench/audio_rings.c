/* SPDX-License-Identifier: MIT */
/*
 * Blocks of 64 stereo frames through rings: limef's, JACK's, PortAudio's, Concurrency Kit's, and a
 * list behind a mutex; beside them a copy without any ring, and nothing but the clock.
 *
 *   audio_rings cost RING...          one thread writes and reads in turn, in one ring after the
 *                                     other, round by round; of each ring ns a block, both sides,
 *                                     and how many times that the first one takes; medians
 *   audio_rings paced RING...         two threads, a block every 100 us, into one ring after the
 *                                     other; of each p50 and p99.9 of either side
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
#define N_PACED_BLOCKS 20000
#define MAX_RINGS 8

/* What others do to the machine they do to all rings, which take turns: so those are compared. */
static const struct audio_peer *peers[MAX_RINGS];
static void *rings[MAX_RINGS];
static int n_rings;

static void make_rings(char **names)
{
    for (; n_rings < MAX_RINGS && *names; names++)
        if ((peers[n_rings] = audio_peer_find(*names)))
            rings[n_rings] = peers[n_rings]->make(), n_rings++;
}

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

static void cost(void)
{
    static int64_t took_ns[MAX_RINGS][N_ROUNDS], thousandths[N_ROUNDS];

    for (int round = 0; round < N_ROUNDS; round++)
        for (int i = 0; i < n_rings; i++) {
            blocks_ns(peers[i], rings[i], AUDIO_RING_BLOCKS); /* into the caches */
            took_ns[i][round] = blocks_ns(peers[i], rings[i], N_ROUND_BLOCKS);
        }
    printf("{");
    for (int i = n_rings - 1; i >= 0; i--) { /* the first last: that sorts it */
        for (int round = 0; round < N_ROUNDS; round++)
            thousandths[round] = 1000 * took_ns[0][round] / took_ns[i][round];
        printf("\"beside %s\": %.3f, \"%s\": %.2f%s", peers[i]->name,
               (double)bench_percentile(thousandths, N_ROUNDS, 0.5) / 1000, peers[i]->name,
               (double)bench_percentile(took_ns[i], N_ROUNDS, 0.5) / N_ROUND_BLOCKS,
               i ? ", " : "}\n");
    }
}

static int64_t pushes_ns[MAX_RINGS][N_PACED_BLOCKS], pops_ns[MAX_RINGS][N_PACED_BLOCKS];

static void *read_paced(void *context)
{
    int64_t due_ns = *(const int64_t *)context + PACE_NS / 2;
    float out[AUDIO_BLOCK_FLOATS];

    bench_pin(1);
    bench_real_time();
    for (long i = 0; i < (long)N_PACED_BLOCKS * n_rings; i++) {
        int at = (int)(i % n_rings);
        int64_t began_ns;

        bench_sleep_until_ns(due_ns += PACE_NS);
        began_ns = bench_now_ns();
        peers[at]->read(rings[at], out);
        pops_ns[at][i / n_rings] = bench_now_ns() - began_ns;
    }
    return NULL;
}

static void print_sides(const char *name, int64_t *push_ns, int64_t *pop_ns, const char *before)
{
    static const char *const names[] = {"push", "pop"};
    int64_t *sides[] = {push_ns, pop_ns};

    for (int i = 0; i < 2; i++) {
        printf("%s\"%s %s_p50\": %lld, ", i ? ", " : before, name, names[i],
               (long long)bench_percentile(sides[i], N_PACED_BLOCKS, 0.5));
        printf("\"%s %s_p999\": %lld", name, names[i],
               (long long)bench_percentile(sides[i], N_PACED_BLOCKS, 0.999));
    }
}

static void paced(void)
{
    int64_t begin_ns = bench_now_ns(), due_ns = begin_ns;
    float in[AUDIO_BLOCK_FLOATS] = {0};
    pthread_t thread;

    if (pthread_create(&thread, NULL, read_paced, &begin_ns))
        abort();
    bench_real_time();
    for (long i = 0; i < (long)N_PACED_BLOCKS * n_rings; i++) {
        int at = (int)(i % n_rings);
        int64_t began_ns;

        bench_sleep_until_ns(due_ns += PACE_NS);
        began_ns = bench_now_ns();
        peers[at]->write(rings[at], in);
        pushes_ns[at][i / n_rings] = bench_now_ns() - began_ns;
    }
    pthread_join(thread, NULL);
    for (int i = 0; i < n_rings; i++)
        print_sides(peers[i]->name, pushes_ns[i], pops_ns[i], i ? ", " : "{");
    printf("}\n");
}

int main(int n_arguments, char **arguments)
{
    const char *what = n_arguments > 2 ? arguments[1] : "";

    bench_pin(0);
    make_rings(arguments + (n_arguments > 2 ? 2 : n_arguments));
    if (n_rings && !strcmp(what, "cost"))
        cost();
    else if (n_rings && !strcmp(what, "paced"))
        paced();
    else
        return 1;
    return 0;
}
