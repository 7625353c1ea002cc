/* SPDX-License-Identifier: MIT */
/*
 * A discrete-event simulator of a machine that runs a graph by a plan: cores, a
 * scheduler with priorities and time slices, threads, boundaries. The same seed gives
 * the same run, and a frame costs a filter the same under every plan. What it models
 * and what not: doc/simulator.md.
 */
#ifndef LIMEF_TEST_SIM_SIM_H
#define LIMEF_TEST_SIM_SIM_H

#include <limef/thread/plan.h>

struct sim_filter {
    char name[24];
    const char *kind;
    unsigned flags;
    bool is_live;
    uint32_t thread;     /* explicit; LIMEF_PLAN_NONE */
    double cost_us;      /* mean */
    double jitter;       /* spread of the cost against its mean, log-normal */
    double heavy;        /* every 25th frame costs so many times the others; 0: the same */
    unsigned keep_every; /* passes one of so many frames on; 0: all */
    double inside_us;    /* of a frame, what threads of its own do meanwhile, mean; 0: none */
    unsigned n_inside;   /* so many threads, in turn */

    /* sources */
    double rate_hz;
    double late_us;     /* frames come up to so much late, evenly */
    unsigned burst;     /* frames come so many at once; 0: one by one */
    double deadline_us; /* from when a frame is there to the last filter; 0: see sim_run() */
};

struct sim_edge {
    uint32_t from, to, output;
    double frame_bytes;
    bool is_encoded;
};

struct sim_graph {
    struct sim_filter *filters;
    struct sim_edge *edges;
    uint32_t n_filters, n_edges, room_filters, room_edges;
};

/* Processor time in microseconds. Zero is a default. */
struct sim_machine {
    unsigned n_cpus;
    double wake_us;   /* of who writes to a thread that sleeps; 5 */
    double resume_us; /* of who was asleep, until it has the frame, and to sleep again; 8 */
    double timer_us;  /* of who slept until a frame of a source was due, with the switch; as
                         resume_us and switch_us */
    double switch_us; /* of a core that goes on with another thread, with what its caches lose; 3 */
    double queue_us;  /* of a frame across a boundary where nobody sleeps; 0.3 */
    double slice_us;  /* of threads of one priority, in turn; 3000 */
};

/* Divides the processor time of a handover as the defaults do. */
void sim_set_handover(struct sim_machine *machine, double us);

struct sim_settings {
    double seconds; /* 0: 4 */
    uint64_t seed;
};

/* What was measured of a filter. */
struct sim_filter_result {
    uint64_t n_frames, n_missed;
    uint64_t n_dropped; /* of the missed: before it, by its boundary */
    double age_us;      /* of an end: of what came out, sum */
    double own_us;      /* its work */
    double cpu_us;      /* with what its boundaries cost */
    double p95_us;
    double slow_us; /* mean of the slowest 4 of 100 */
};

struct sim_result {
    uint64_t n_frames;  /* of sources */
    double n_due;       /* frames that should have come out, at all ends */
    double n_on_time;   /* of these */
    uint64_t n_dropped; /* by boundaries */
    uint64_t n_switches;
    uint64_t max_waiting; /* frames in boundaries */
    double max_waiting_bytes;
    double cpu_us, wall_us;
    double own_us;         /* of cpu_us: the filters' work */
    double inside_us;      /* of that, on threads of their own */
    double nominal_us;     /* work that a frame of a source stands for */
    double p50_us, p99_us; /* from when a frame was there to when it came out */
    unsigned n_threads;
    struct sim_filter_result *filters; /* owned */
};

/* With the flags of the type that is called so: decode, encode, presenter, snapshot, writer. */
uint32_t sim_add_filter(struct sim_graph *graph, const char *kind, double cost_us);
/* A live one without a thread of its own; and one that waits, as those that read files do. */
uint32_t sim_add_source(struct sim_graph *graph, double rate_hz, double cost_us);
uint32_t sim_add_file(struct sim_graph *graph, double rate_hz, double cost_us);
uint32_t sim_add_edge(struct sim_graph *graph, uint32_t from, uint32_t to);
/* Adds a filter behind another. */
uint32_t sim_add_behind(struct sim_graph *graph, uint32_t from, const char *kind, double cost_us);
void sim_clear_graph(struct sim_graph *graph);

/*
 * Runs a graph. A frame is on time that comes out before its deadline: the mean cost of
 * the way to that end, and one period of the source, or 33 ms if that is more.
 */
void sim_run(struct sim_result *result, const struct sim_graph *graph,
             const struct limef_plan *plan, const struct sim_machine *machine,
             const struct sim_settings *settings);
void sim_clear_result(struct sim_result *result);

/* Cost, misses and such per unit. */
static inline double sim_missed_share(const struct sim_result *result)
{
    return result->n_due ? 1 - result->n_on_time / result->n_due : 0;
}

/* Milliseconds for 1000 frames of sources. Work that was not done because frames were dropped or
 * are not through yet counts as if it were, at the same overhead. */
static inline double sim_cpu_per_1000(const struct sim_result *result)
{
    return result->own_us > 0 ? result->cpu_us / result->own_us * result->nominal_us : 0;
}

/* A problem for the planner, with a plan to be made; in one piece of memory. */
struct sim_problem {
    struct limef_plan_problem problem;
    struct limef_plan plan;
    struct limef_plan_filter *filters;
    struct limef_plan_edge *edges;
    void *plan_memory, *scratch;
};

/* measured: NULL: costs are not known. Frees itself with sim_clear_problem(). */
void sim_open_problem(struct sim_problem *it, const struct sim_graph *graph,
                      const struct sim_machine *machine);
/* Costs and rates as they are; or as a run measured them. */
void sim_tell_costs(struct sim_problem *it, const struct sim_graph *graph);
void sim_tell_measured(struct sim_problem *it, const struct sim_graph *graph,
                       const struct sim_result *result);
void sim_clear_problem(struct sim_problem *it);

/* Numbers that look random: the same for the same arguments. 0..1 */
double sim_draw(uint64_t seed, uint64_t a, uint64_t b);

#endif
