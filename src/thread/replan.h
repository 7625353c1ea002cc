/* SPDX-License-Identifier: MIT */
/*
 * What the files of the judge share: what it remembers of chains and edges from
 * window to window, and how the plan to go over to is composed.
 */
#ifndef LIMEF_SRC_THREAD_REPLAN_H
#define LIMEF_SRC_THREAD_REPLAN_H

#include <limef/thread/replan.h>

/* How a chain fared in a window. */
struct replan_measure {
    double arrived_hz; /* frames that came to its ends, a second */
    double frame_hz;   /* what one frame of the window makes of that */
    double waited_us;  /* of live streams, at the ends: age beyond the work; below 0 too */
    bool has_age;      /* waited_us is known */
    bool is_pressed;   /* a source was away for longer than a frame of it takes to come */
    /* per frame of its sources */
    double missed; /* dropped */
    double cpu_us;
    double own_us; /* of cpu_us, the filters' own cost */
};

enum replan_state {
    REPLAN_QUIET,
    REPLAN_ASKED,        /* a change, and limef_replan_done() was not called yet */
    REPLAN_ASKED_REVERT, /* to take one back, likewise */
    REPLAN_ON_TRIAL,     /* a change runs, and is judged */
};

/* What this window says of a chain. */
struct replan_now {
    uint64_t topology;
    uint64_t n_source_frames, n_most_frames, n_missed;
    uint64_t n_arrived, n_aged; /* at its ends; of these, with a known age */
    double cpu_us, own_us, age_us;
    struct replan_measure fared;
    uint64_t wanted;       /* signature of the cuts that the candidate has otherwise; 0: none */
    uint64_t wanted_moves; /* likewise, of islands that run elsewhere */
    uint64_t wanted_fifos; /* likewise, of bounds of fifos */
    double wanted_load, moves_load, fifos_load; /* around it */
};

struct limef_replan_chain {
    uint64_t key;                   /* smallest id of its filters; 0: an empty slot */
    uint64_t topology;              /* of its edges, in any order */
    uint64_t voted[2];              /* what the last two windows wanted; 0: nothing */
    uint64_t signature;             /* of the change that is asked for, or on trial */
    double load;                    /* around that change */
    struct replan_measure fared[2]; /* in the last two windows */
    struct replan_measure base;     /* before the change */
    enum replan_state state;
    int result;        /* of the change that is asked for; 0: as that of all */
    unsigned n_after;  /* windows on trial */
    unsigned rest;     /* windows in which nothing is asked */
    unsigned n_failed; /* changes in a row */

    struct replan_now now;
};

/* How an edge was before the change that is on trial. */
struct limef_replan_edge {
    uint64_t key; /* 0: an empty slot */
    struct limef_plan_link was;
    uint32_t was_worker; /* of the filter behind it */
};

/* A change that made it worse, or could not be made. */
struct limef_replan_failure {
    uint64_t signature;
    double load;
};

/* Mixes the bits of a number (splitmix64, Steele, Lea, Flood, OOPSLA 2014). */
static inline uint64_t replan_mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* Load of a filter, 0 while it is not measured. */
static inline double replan_load(const struct limef_plan_filter *filter)
{
    return filter->cost_us > 0 && filter->rate_hz > 0 ? filter->cost_us * filter->rate_hz / 1e6 : 0;
}

/* Who stands for the set that a filter is in. */
static inline uint32_t replan_root(uint32_t *parents, uint32_t filter)
{
    while (parents[filter] != filter) {
        parents[filter] = parents[parents[filter]];
        filter = parents[filter];
    }
    return filter;
}

/* Whether a chain goes on through this edge. */
bool replan_edge_is_inside(const struct limef_plan_problem *problem,
                           const struct limef_plan_edge *edge);

uint64_t replan_edge_key(const struct limef_replan_window *window, uint32_t edge);

/* Opens this window's records of chains and edges: those of the last one, where there are any. */
void replan_open_records(struct limef_replan *replan, const struct limef_replan_window *window);

/* This window's record of an edge. */
struct limef_replan_edge *replan_edge(const struct limef_replan *replan, uint64_t key);

/* Leaves in this window's records how each chain fared, and of the running islands load and
 * slowness. */
void replan_measure(struct limef_replan *replan, const struct limef_replan_window *window);

/* Whether a chain fares worse than before a change. */
bool replan_is_worse(const struct replan_measure *now, const struct replan_measure *base);

/* The worse of two windows, by each figure. */
struct replan_measure replan_worse_of(const struct replan_measure *a,
                                      const struct replan_measure *b);

/* What changes from one link to another; -1: nothing. */
int replan_link_change(const struct limef_plan_link *from, const struct limef_plan_link *to);

/* Makes replan->wanted and replan->changes of what the chains ask for. */
void replan_compose(struct limef_replan *replan, const struct limef_replan_window *window);

#endif
