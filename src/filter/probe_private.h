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

/* What a thread has used and lost so far. */
struct probe_usage {
    int64_t cpu_ns;
    int64_t n_preempted; /* times that another one took its processor */
    int64_t n_slept;     /* times that it gave it away itself, to wait */
};

/* The calls within one that is measured, which are counted at its end, when it is known what of
 * their times was theirs; what is beyond the room is counted at once, as it was measured. */
#define PROBE_MAX_COUNTED 32
struct probe_counted {
    struct probe_usage began;
    unsigned n;
    struct probe_counted_call {
        struct limef_probe *probe;
        int64_t own_ns;
    } calls[PROBE_MAX_COUNTED];
};

void probe_begin_counted(struct probe_counted *counted);
void probe_note_counted(struct probe_counted *counted, struct limef_probe *probe, int64_t own_ns);

/* whole_ns  of the outermost call, without what it waited for room. If the thread lost its
 * processor meanwhile, and did not sleep, all calls are made as short as if they had used what it
 * used. */
void probe_end_counted(const struct probe_counted *counted, int64_t whole_ns);

/* For tests: another usage; NULL: the real one. As probe_set_clock(). */
void probe_set_usage(struct probe_usage (*usage)(void));

/*
 * For tests: another clock, in nanoseconds, and what to think that a measured call costs. NULL: the
 * real ones. Not while anything is measured.
 */
void probe_set_clock(int64_t (*clock_ns)(void), int64_t call_ns);

#endif
