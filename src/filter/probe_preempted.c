/* SPDX-License-Identifier: MIT */
/*
 * What of a measured time others had: a thread that lost its processor in the middle of a call
 * needed no more for it. Waiting for a device is the call's own, and stays.
 */
#include "filter/probe_private.h"

#include <sys/resource.h>

/* Whoever takes a processor keeps it for longer, mostly; what is shorter is not worth a look. */
#define LEAST_NS 1000000

static int64_t ns_of(const struct timeval *t)
{
    return t->tv_sec * INT64_C(1000000000) + t->tv_usec * 1000;
}

static struct probe_usage real_usage(void)
{
    struct rusage usage;

    if (getrusage(RUSAGE_THREAD, &usage))
        return (struct probe_usage){0};
    return (struct probe_usage){.cpu_ns = ns_of(&usage.ru_utime) + ns_of(&usage.ru_stime),
                                .n_preempted = usage.ru_nivcsw};
}

static struct probe_usage (*usage)(void) = real_usage;

void probe_set_usage(struct probe_usage (*other)(void))
{
    usage = other ? other : real_usage;
}

void probe_begin_counted(struct probe_counted *counted)
{
    counted->n = 0;
    counted->began = usage();
}

void probe_note_counted(struct probe_counted *counted, struct limef_probe *probe, int64_t own_ns)
{
    if (counted->n < PROBE_MAX_COUNTED)
        counted->calls[counted->n++] = (struct probe_counted_call){probe, own_ns};
}

/* As if the call had been shorter; who reads the probe meanwhile may see it once more or less. */
static void shorten(const struct probe_counted_call *call, int64_t to_ns)
{
    LIMEF_COUNT(call->probe->sum_ns, (uint64_t)(to_ns - call->own_ns));
    LIMEF_COUNT(call->probe->own[probe_bucket(call->own_ns)], (uint32_t)-1);
    LIMEF_COUNT(call->probe->own[probe_bucket(to_ns)], 1);
}

void probe_end_counted(const struct probe_counted *counted, int64_t whole_ns)
{
    struct probe_usage now;
    double share;

    if (whole_ns < LEAST_NS)
        return;
    now = usage();
    share = (double)(now.cpu_ns - counted->began.cpu_ns) / (double)whole_ns;
    if (now.n_preempted == counted->began.n_preempted || share >= 1)
        return;
    for (unsigned i = 0; i < counted->n; i++)
        shorten(&counted->calls[i], (int64_t)((double)counted->calls[i].own_ns * share));
}
