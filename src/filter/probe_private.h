/* SPDX-License-Identifier: MIT */
/*
 * What the rest of the library tells the profiler, and what its tests change.
 */
#ifndef LIMEF_SRC_FILTER_PROBE_PRIVATE_H
#define LIMEF_SRC_FILTER_PROBE_PRIVATE_H

#include <limef/filter/probe.h>
#include <limef/thread/producer.h>

/* A filter with LIMEF_FILTER_SOURCE as what it is. */
static inline struct limef_source *probe_source_of(struct limef_filter *filter)
{
    return LIMEF_CONTAINER_OF(filter, struct limef_source, filter);
}

/* The calling thread is about to wait for somebody else, inside of a filter. */
void probe_wait_begins(void);

/* It waited. */
void probe_wait_ends(void);

/* The bucket of limef_probe.own for a duration, and its lower edge. */
unsigned probe_bucket(int64_t ns);
int64_t probe_bucket_ns(unsigned bucket);

/*
 * For tests: another clock, in nanoseconds, and what to think that a measured call costs. NULL: the
 * real ones. Not while anything is measured.
 */
void probe_set_clock(int64_t (*clock_ns)(void), int64_t call_ns);

#endif
