/* SPDX-License-Identifier: MIT */
/*
 * What writing into a broadcast ring costs, and whether the number of readers matters.
 *
 *   audio_broadcast PLACE [SECONDS]  PLACE: other, all readers have a CPU of their own; both, every
 *                                    second one shares the writer's
 *
 * 0, 1, 8 and 32 readers take turns of 100 ms in one process, so that memory, caches and whatever
 * else goes on are the same for all. The writer writes a block each period, and so often each
 * reader comes by, as devices, recorders and networks do; those whose turn it is not sleep in one
 * long sleep. A writer that is much faster than its readers would have a single reader disturb only
 * some of its blocks: what costs is that reading up to the newest frame has the reader's processor
 * fetch in advance the cache lines behind it, which are those that are written next.
 *
 * What a block took is measured twice: by the clock, and as CPU time of the writer's thread, in
 * which there is nothing that others took from it. Beside each block one goes into a ring of its
 * own that nobody ever reads, first or second in turn: what makes that dearer while more threads
 * read the other one, clocks, interrupts, caches, is not the readers' doing.
 *
 * Prints one JSON object: for each number of readers, ns a block of 128 stereo frames, median of
 * the blocks of a turn and then of the turns, and which part of what was written the readers read;
 * and of the turns in pairs the median ratio of 32 readers to 1, for the ring that is read, and
 * beside what the same does to the one that nobody reads.
 */
#include "bench.h"

#include <limef/fifo/broadcast_ring.h>

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define BLOCK 128
#define READ_FRAMES 512
#define PERIOD_NS 1333333
#define TURN_NS 100000000
#define RING_FRAMES 16384
#define N_READERS 32
#define N_BLOCKS (TURN_NS / PERIOD_NS)
#define MAX_ROUNDS 1000

enum { READ, UNREAD, N_RINGS };
static limef_broadcast_word words[N_RINGS][LIMEF_BROADCAST_WORDS(RING_FRAMES, 2)];
static struct limef_broadcast_ring rings[N_RINGS];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static atomic_int n_reading; /* readers with a lower number read; below 0: it is over */
static atomic_ulong n_read;  /* frames, by all readers */
static bool both;

static const int crowds[] = {0, 1, 8, 32};
#define N_CROWDS ((int)(sizeof(crowds) / sizeof(crowds[0])))

static struct {
    double wall_ns[N_RINGS], cpu_ns[N_RINGS], share; /* of what was to be read, what was */
} turns[MAX_ROUNDS][N_CROWDS];

/* Of the blocks of a turn. */
static int64_t wall_ns[N_RINGS][N_BLOCKS], cpu_ns[N_RINGS][N_BLOCKS];

/* Whether it is this reader's turn; waits until it is. */
static bool wait_for_turn(int number)
{
    pthread_mutex_lock(&lock);
    while (atomic_load(&n_reading) >= 0 && number >= atomic_load(&n_reading))
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    return atomic_load(&n_reading) >= 0;
}

static void *listen(void *context)
{
    float out[READ_FRAMES * 2];
    struct limef_broadcast_reader reader;
    int number = (int)(intptr_t)context;

    bench_pin(both ? (number + 1) % 2 : 1);
    bench_real_time();
    limef_broadcast_reader_init(&reader, &rings[READ]);
    while (wait_for_turn(number)) {
        int64_t due_ns = bench_now_ns() + number * PERIOD_NS / N_READERS;

        limef_broadcast_skip(&reader, 0);
        while (number < atomic_load_explicit(&n_reading, memory_order_relaxed)) {
            bench_sleep_until_ns(due_ns += PERIOD_NS);
            for (unsigned n; (n = limef_broadcast_read(&reader, out, READ_FRAMES)) > 0;)
                atomic_fetch_add_explicit(&n_read, n, memory_order_relaxed);
        }
    }
    return NULL;
}

static void let_read(int n)
{
    pthread_mutex_lock(&lock);
    atomic_store(&n_reading, n);
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void write_block(int which, size_t i)
{
    static const float block[BLOCK * 2];
    int64_t wall_began, cpu_began = bench_clock_ns(CLOCK_THREAD_CPUTIME_ID);

    wall_began = bench_now_ns();
    limef_broadcast_write(&rings[which], block, BLOCK);
    wall_ns[which][i] = bench_now_ns() - wall_began;
    cpu_ns[which][i] = bench_clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_began;
}

static void write_blocks(size_t n)
{
    int64_t due_ns = bench_now_ns();

    for (size_t i = 0; i < n; i++) {
        bench_sleep_until_ns(due_ns += PERIOD_NS);
        write_block(i % 2 ? READ : UNREAD, i);
        write_block(i % 2 ? UNREAD : READ, i);
    }
}

/* What the two clocks themselves take, of which the CPU time has one look too many. */
static int64_t find_overhead(void)
{
    int64_t took_ns[1001];

    for (int i = 0; i < 1001; i++) {
        int64_t began = bench_clock_ns(CLOCK_THREAD_CPUTIME_ID), now = bench_now_ns();

        now -= bench_now_ns();
        took_ns[i] = bench_clock_ns(CLOCK_THREAD_CPUTIME_ID) - began + 0 * now;
    }
    return bench_percentile(took_ns, 1001, 0.5);
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values, int n)
{
    qsort(values, (size_t)n, sizeof(*values), compare_doubles);
    return values[n / 2];
}

static void note_turn(int round, int crowd, int64_t overhead_ns)
{
    int n_readers = crowds[crowd] ? crowds[crowd] : 1;

    for (int which = 0; which < N_RINGS; which++) {
        turns[round][crowd].wall_ns[which] =
            (double)bench_percentile(wall_ns[which], N_BLOCKS, 0.5);
        turns[round][crowd].cpu_ns[which] =
            (double)(bench_percentile(cpu_ns[which], N_BLOCKS, 0.5) - overhead_ns);
    }
    turns[round][crowd].share = (double)atomic_load(&n_read) / (N_BLOCKS * BLOCK * n_readers);
}

static void take_turns(int n_rounds)
{
    int64_t overhead_ns = find_overhead();

    for (int round = -1; round < n_rounds; round++) /* the first one warms up */
        for (int i = 0; i < N_CROWDS; i++) {
            let_read(crowds[i]);
            write_blocks(N_BLOCKS / 5); /* they wake up */
            atomic_store(&n_read, 0);
            write_blocks(N_BLOCKS);
            if (round >= 0)
                note_turn(round, i, overhead_ns);
        }
}

static void print_crowd(int n_rounds, int crowd)
{
    static double wall[MAX_ROUNDS], cpu[MAX_ROUNDS], share[MAX_ROUNDS];

    for (int which = 0; which < N_RINGS; which++) {
        const char *unread = which == UNREAD ? "unread_" : "";

        for (int round = 0; round < n_rounds; round++) {
            wall[round] = turns[round][crowd].wall_ns[which];
            cpu[round] = turns[round][crowd].cpu_ns[which];
            share[round] = turns[round][crowd].share;
        }
        printf("\"%swall_%d\": %.1f, \"%scpu_%d\": %.1f, ", unread, crowds[crowd],
               median(wall, n_rounds), unread, crowds[crowd], median(cpu, n_rounds));
    }
    printf("\"read_%d\": %.2f, ", crowds[crowd], median(share, n_rounds));
}

static void print(int n_rounds)
{
    static double wall[N_RINGS][MAX_ROUNDS], cpu[N_RINGS][MAX_ROUNDS];

    printf("{");
    for (int i = 0; i < N_CROWDS; i++)
        print_crowd(n_rounds, i);
    for (int round = 0; round < n_rounds; round++) {
        for (int which = 0; which < N_RINGS; which++) {
            wall[which][round] = turns[round][3].wall_ns[which] / turns[round][1].wall_ns[which];
            cpu[which][round] = turns[round][3].cpu_ns[which] / turns[round][1].cpu_ns[which];
        }
        wall[UNREAD][round] = wall[READ][round] / wall[UNREAD][round];
        cpu[UNREAD][round] = cpu[READ][round] / cpu[UNREAD][round];
    }
    printf("\"wall_ratio\": %.3f, \"cpu_ratio\": %.3f, \"wall_beside_unread\": %.3f, "
           "\"cpu_beside_unread\": %.3f}\n",
           median(wall[READ], n_rounds), median(cpu[READ], n_rounds),
           median(wall[UNREAD], n_rounds), median(cpu[UNREAD], n_rounds));
}

int main(int n_arguments, char **arguments)
{
    double seconds = n_arguments > 2 ? atof(arguments[2]) : 6;
    int n_rounds = (int)(seconds * (double)NS_PER_S / (N_CROWDS * 1.2 * TURN_NS));
    pthread_t threads[N_READERS];

    if (n_arguments < 2 || n_rounds < 1 || n_rounds > MAX_ROUNDS)
        return 1;
    both = !strcmp(arguments[1], "both");
    bench_pin(0);
    for (int i = 0; i < N_RINGS; i++)
        limef_broadcast_ring_init(&rings[i], words[i], RING_FRAMES, 2);
    for (int i = 0; i < N_READERS; i++)
        if (pthread_create(&threads[i], NULL, listen, (void *)(intptr_t)i))
            abort();
    bench_real_time();
    take_turns(n_rounds);
    let_read(-1);
    for (int i = 0; i < N_READERS; i++)
        pthread_join(threads[i], NULL);
    print(n_rounds);
    return 0;
}
