/* SPDX-License-Identifier: MIT */
/* A build without probes, to measure what they cost: nothing is measured. */
#include "filter/probe_private.h"

#include <limef/thread/producer.h>

int limef_probe_go(struct limef_filter *filter, const struct limef_frame *frame)
{
    return filter->ops->go(filter, frame);
}

int limef_probe_sample(struct limef_filter *filter, const struct limef_frame *frame)
{
    return limef_go(filter, frame);
}

int limef_probe_step(struct limef_source *source, int64_t *due_us)
{
    int ret;

    limef_filter_mark(&source->filter, 1);
    ret = source->step(source, due_us);
    limef_filter_mark(&source->filter, 0);
    return ret;
}

void probe_wait_begins(void)
{
}

void probe_wait_ends(void)
{
}

void probe_set_clock(int64_t (*clock_ns)(void), int64_t call_ns)
{
    (void)clock_ns;
    (void)call_ns;
}

void limef_probe_attach(struct limef_probe *probe, struct limef_filter *filter)
{
    limef_probe_reset(probe);
    atomic_store_explicit(&filter->probe, probe, memory_order_relaxed);
}
