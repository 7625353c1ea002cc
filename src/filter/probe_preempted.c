/* SPDX-License-Identifier: MIT */
/*
 * What of a measured time others had: a thread that lost its processor in the middle of a call
 * needed no more for it. Waiting for a device is the call's own, and stays. Whether a call waited
 * or not is known at the end of the outermost one, so each is counted then, and once.
 */
#include "filter/probe_private.h"

#include <sys/resource.h>
#include <time.h>

/* Whoever takes a processor keeps it for longer, mostly; what is shorter is not worth a look. */
#define LEAST_NS 1000000

static struct probe_usage real_usage(void)
{
    struct rusage usage;
    struct timespec cpu; /* ru_utime and ru_stime may be a tick old */

    if (getrusage(RUSAGE_THREAD, &usage) || clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu))
        return (struct probe_usage){0};
    return (struct probe_usage){.cpu_ns = cpu.tv_sec * INT64_C(1000000000) + cpu.tv_nsec,
                                .n_preempted = usage.ru_nivcsw,
                                .n_slept = usage.ru_nvcsw};
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

static void count_once(struct limef_probe *probe, int64_t own_ns)
{
    LIMEF_COUNT(probe->n_sampled, 1);
    LIMEF_COUNT(probe->sum_ns, (uint64_t)own_ns);
    if ((uint64_t)own_ns > LIMEF_COUNTED(probe->max_ns))
        atomic_store_explicit(&probe->max_ns, (uint64_t)own_ns, memory_order_relaxed);
    LIMEF_COUNT(probe->own[probe_bucket(own_ns)], 1);
}

void probe_note_counted(struct probe_counted *counted, struct limef_probe *probe, int64_t own_ns)
{
    if (counted->n < PROBE_MAX_COUNTED)
        counted->calls[counted->n++] = (struct probe_counted_call){probe, own_ns};
    else
        count_once(probe, own_ns);
}

/* Of the whole, what the thread worked if others took its processor; else all of it. */
static double own_share(const struct probe_usage *began, int64_t whole_ns)
{
    struct probe_usage now;
    double share;

    if (whole_ns < LEAST_NS)
        return 1;
    now = usage();
    if (now.n_preempted == began->n_preempted || now.n_slept != began->n_slept)
        return 1;
    share = (double)(now.cpu_ns - began->cpu_ns) / (double)whole_ns;
    return share < 1 ? share : 1;
}

void probe_end_counted(const struct probe_counted *counted, int64_t whole_ns)
{
    double share = own_share(&counted->began, whole_ns);

    for (unsigned i = 0; i < counted->n; i++)
        count_once(counted->calls[i].probe, (int64_t)((double)counted->calls[i].own_ns * share));
}
