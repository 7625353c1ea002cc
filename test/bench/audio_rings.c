/* SPDX-License-Identifier: MIT */
/*
 * Blocks of 64 stereo frames through rings: limef's, JACK's, Concurrency Kit's, and a list
 * behind a mutex.
 *
 *   audio_rings cost RING [BLOCKS]    one thread writes and reads in turn; ns a block, both sides
 *   audio_rings paced RING [BLOCKS]   two threads, a block every 100 us; p50 and p99.9 of either
 * side audio_rings broadcast N [BLOCKS]  what writing costs while N threads read every 5 ms
 *
 * Prints one JSON object.
 */
#include "audio_peers.h"
#include "bench.h"

#include <limef/fifo/broadcast_ring.h>

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define PACE_NS 100000
#define MAX_READERS 64

static const struct audio_peer *peer;
static void *ring;
static atomic_bool over;

static void cost(long n_blocks)
{
    float in[AUDIO_BLOCK_FLOATS] = {1}, out[AUDIO_BLOCK_FLOATS];
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

static limef_broadcast_word words[LIMEF_BROADCAST_WORDS(16384, 2)];
static struct limef_broadcast_ring broadcast;

static void *listen(void *context)
{
    struct limef_broadcast_reader reader;
    float out[16384];

    (void)context;
    limef_broadcast_reader_init(&reader, &broadcast);
    while (!atomic_load_explicit(&over, memory_order_relaxed)) {
        bench_sleep_until_ns(bench_now_ns() + 5000000);
        while (limef_broadcast_read(&reader, out, 8192))
            ;
    }
    return NULL;
}

/* A block every 100 us, as 15 mixers at once would; what the writer itself uses, in bursts of 16.
 */
static void broadcast_to(int n_readers, long n_blocks)
{
    int64_t *took_ns = calloc((size_t)n_blocks, 8), due_ns;
    float in[AUDIO_BLOCK_FLOATS] = {0};
    pthread_t threads[MAX_READERS];

    limef_broadcast_ring_init(&broadcast, words, 16384, 2);
    for (int i = 0; i < n_readers; i++)
        if (pthread_create(&threads[i], NULL, listen, NULL))
            abort();
    bench_real_time();
    due_ns = bench_now_ns();
    for (long i = 0; i < n_blocks; i++) {
        int64_t began_ns;

        bench_sleep_until_ns(due_ns += PACE_NS * 16);
        began_ns = bench_now_ns();
        for (int k = 0; k < 16; k++)
            limef_broadcast_write(&broadcast, in, AUDIO_BLOCK_FRAMES);
        took_ns[i] = bench_now_ns() - began_ns;
    }
    atomic_store_explicit(&over, true, memory_order_relaxed);
    for (int i = 0; i < n_readers; i++)
        pthread_join(threads[i], NULL);
    printf("{\"ns\": %.1f, \"p99\": %.1f}\n",
           (double)bench_percentile(took_ns, (size_t)n_blocks, 0.5) / 16,
           (double)bench_percentile(took_ns, (size_t)n_blocks, 0.99) / 16);
}

int main(int n_arguments, char **arguments)
{
    long n_blocks = n_arguments > 3 ? atol(arguments[3]) : 0;

    if (n_arguments > 2 && !strcmp(arguments[1], "broadcast")) {
        broadcast_to(atoi(arguments[2]) % (MAX_READERS + 1), n_blocks ? n_blocks : 2000);
        return 0;
    }
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
