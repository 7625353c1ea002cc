/* SPDX-License-Identifier: MIT */
/*
 * What one filter costs: frames go through chains of 1, 10 and 32 filters that
 * look at the timestamp, remember it, pass the frame on and look at what came
 * back. The cost of a hop is the slope between the shortest and the longest
 * chain. Four kinds take turns, so that the processor has to predict them.
 *
 *   hop [HOPS]     prints one JSON object, nanoseconds per hop
 */
#include "bench.h"

#include <limef/filter/filter.h>
#include <limef/frame/packet.h>

#include <stdio.h>

#define MAX_FILTERS 32
#define N_KINDS 4

struct stamp_filter {
    struct limef_filter filter;
    int64_t last_pts_us;
    int64_t seen_us;
    uint64_t n_lost;
};

static struct stamp_filter *stamp_of(struct limef_filter *filter)
{
    return LIMEF_CONTAINER_OF(filter, struct stamp_filter, filter);
}

static int stamp_pass(struct limef_filter *filter, const struct limef_frame *in)
{
    int ret;

    if (in->pts_us != LIMEF_NO_TIME)
        stamp_of(filter)->last_pts_us = in->pts_us;
    ret = limef_pass(filter, in);
    if (ret < 0)
        stamp_of(filter)->n_lost++;
    return ret;
}

/* clang-format off */
#define DEFINE_KIND(n)                                                                             \
    static int stamp_##n##_go(struct limef_filter *filter, const struct limef_frame *in)           \
    {                                                                                              \
        return stamp_pass(filter, in);                                                             \
    }                                                                                              \
    static const struct limef_filter_ops stamp_##n##_ops = {.kind = "stamp" #n, .go = stamp_##n##_go};
DEFINE_KIND(0)
DEFINE_KIND(1)
DEFINE_KIND(2)
DEFINE_KIND(3)
/* clang-format on */

static const struct limef_filter_ops *const plain[N_KINDS] = {&stamp_0_ops, &stamp_1_ops,
                                                              &stamp_2_ops, &stamp_3_ops};

/* The same with the time of passing: what a hop costs when every filter reads the clock. */
static int clock_go(struct limef_filter *filter, const struct limef_frame *in)
{
    stamp_of(filter)->seen_us = limef_now_us();
    return stamp_pass(filter, in);
}

static const struct limef_filter_ops clock_ops = {.kind = "clock", .go = clock_go};
static const struct limef_filter_ops *const clocked[N_KINDS] = {&clock_ops, &clock_ops, &clock_ops,
                                                                &clock_ops};

static double chain_ns(const struct limef_filter_ops *const *kinds, unsigned n_filters, long n_hops)
{
    static struct stamp_filter filters[MAX_FILTERS];
    struct limef_packet_frame packet = {.frame = {.frame_class = LIMEF_FRAME_PACKET}};
    long n_frames = n_hops / (long)n_filters;
    int64_t began_ns;

    for (unsigned i = 0; i < n_filters; i++) {
        filters[i] = (struct stamp_filter){0};
        limef_filter_init(&filters[i].filter, kinds[i % N_KINDS], NULL);
        if (i)
            limef_connect(&filters[i - 1].filter, &filters[i].filter);
    }
    began_ns = bench_now_ns();
    for (long i = 0; i < n_frames; i++) {
        packet.frame.pts_us = i;
        if (limef_go(&filters[0].filter, &packet.frame) < 0)
            abort();
    }
    if (filters[n_filters - 1].last_pts_us != n_frames - 1)
        abort();
    return (double)(bench_now_ns() - began_ns) / (double)n_frames;
}

/* Not inlined: the call has to happen as it would into another file */
static __attribute__((noinline)) int direct_stamp(struct stamp_filter *stamp,
                                                  const struct limef_frame *in)
{
    if (in->pts_us != LIMEF_NO_TIME)
        stamp->last_pts_us = in->pts_us;
    __asm__ volatile("" ::: "memory");
    return 0;
}

static double direct_ns(long n_hops)
{
    static struct stamp_filter stamp;
    struct limef_frame frame = {LIMEF_FRAME_PACKET};
    int64_t began_ns = bench_now_ns();

    for (long i = 0; i < n_hops; i++) {
        frame.pts_us = i;
        if (direct_stamp(&stamp, &frame) < 0)
            abort();
    }
    return (double)(bench_now_ns() - began_ns) / (double)n_hops;
}

int main(int n_arguments, char **arguments)
{
    long n_hops = n_arguments > 1 ? atol(arguments[1]) : 100000000;
    double one, ten, many, one_clock, many_clock;

    bench_pin(0);
    chain_ns(plain, MAX_FILTERS, n_hops / 20);
    one = chain_ns(plain, 1, n_hops);
    ten = chain_ns(plain, 10, n_hops);
    many = chain_ns(plain, MAX_FILTERS, n_hops);
    one_clock = chain_ns(clocked, 1, n_hops / 50);
    many_clock = chain_ns(clocked, MAX_FILTERS, n_hops / 50);
    printf("{\"direct\": %.3f, \"chain1\": %.3f, \"chain10\": %.3f, \"chain32\": %.3f, "
           "\"slope10\": %.3f, \"slope\": %.3f, \"clock_slope\": %.3f}\n",
           direct_ns(n_hops), one, ten, many, (ten - one) / 9, (many - one) / (MAX_FILTERS - 1),
           (many_clock - one_clock) / (MAX_FILTERS - 1));
    return 0;
}
