/* SPDX-License-Identifier: MIT */
/* What others than the threads that measure say to a probe. */
#include "filter/probe_private.h"

#include <string.h>

void limef_probe_reset(struct limef_probe *probe)
{
    memset(probe, 0, sizeof(*probe));
}

void limef_probe_set_rate(struct limef_probe *probe, uint32_t hz)
{
    atomic_store_explicit(&probe->least_hz, hz, memory_order_relaxed);
}

void limef_probe_ask(struct limef_filter *filter)
{
    bool is_source = filter->ops->flags & LIMEF_FILTER_SOURCE;

    LIMEF_SET(filter->measure_at,
              (uint32_t)(is_source ? LIMEF_COUNTED(probe_source_of(filter)->n_steps)
                                   : LIMEF_COUNTED(filter->n_frames)));
}

void limef_probe_detach(struct limef_filter *filter)
{
    atomic_store_explicit(&filter->probe, NULL, memory_order_relaxed);
}
