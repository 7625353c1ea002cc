/* SPDX-License-Identifier: MIT */
/*
 * A model of the machine that runs a plan for some seconds: cores, priorities, time slices,
 * boundaries with their depths, and what each frame costs, drawn from mean, p95 and slow ones. It
 * tells how many frames come too late under one plan, and under another: the same frames at the
 * same costs, the same answer every time. No memory but its own.
 */
#ifndef LIMEF_SRC_THREAD_PLAN_MODEL_H
#define LIMEF_SRC_THREAD_PLAN_MODEL_H

#include "thread/plan_private.h"

/* What it has room for. */
enum {
    MODEL_FILTERS = 24,
    MODEL_EDGES = 32,
    MODEL_SOURCES = 6,
    MODEL_INSIDE = 16, /* threads within filters */
    MODEL_LANES = MODEL_EDGES + MODEL_SOURCES + MODEL_INSIDE,
    MODEL_THREADS = MODEL_FILTERS + MODEL_INSIDE,
    MODEL_OPS = 160,
    MODEL_ROOM = 32, /* frames of a lane; a power of two */
    MODEL_DRAWS = 32,
    MODEL_KEY_EVERY = 25, /* frames */
    MODEL_RANKS = 6,
    MODEL_STEPS = 200000, /* of all runs together */
};

/* Lanes before sources, and before threads within filters. */
#define MODEL_FIRST_SOURCE MODEL_EDGES
#define MODEL_FIRST_INSIDE (MODEL_EDGES + MODEL_SOURCES)

#define MODEL_NONE 0xffu

/* What a plan makes of the frames. */
struct model_outcome {
    double missed; /* share of the frames that are late or lost; INFINITY: it cannot tell */
    double cpu;    /* processor time, of the filters' own */
};

struct model_token {
    double due_us;   /* when the source had it */
    uint32_t number; /* of its source */
    uint32_t order;  /* of all that waited, the earliest is taken first */
    uint32_t source;
};

/* What waits before a source or behind a cut. */
struct model_lane {
    struct model_token tokens[MODEL_ROOM];
    double max_us, n_ends;
    unsigned first, n, depth;
    enum limef_overflow overflow;
    uint8_t thread, to, writer, next; /* next: of the same thread */
    uint16_t program;
    bool waits_for_key, is_source;
};

enum model_op_kind { MODEL_WORK, MODEL_WORK_INSIDE, MODEL_SEND, MODEL_DONE };

struct model_op {
    uint8_t kind, at; /* at: the filter or the lane */
    uint16_t skip;    /* where to go on if nothing is passed on */
};

enum model_state { MODEL_SLEEPS, MODEL_READY, MODEL_RUNS, MODEL_WAITS };

struct model_thread {
    struct model_token token;
    double left_us, used_us, work_us;
    enum model_state state;
    int pc; /* -1: between two frames */
    bool is_working;
    /* worked_at: the last filter of the work; lanes: the first of its list */
    uint8_t rank, next_ready, lanes, worked_at;
};

struct model_core {
    double since_us, until_us;
    uint8_t thread, last_thread;
};

struct model_source {
    double period_us, jitter_us, deadline_us, next_us, phase;
    uint32_t number;
    unsigned burst;
    uint8_t filter;
};

struct plan_model {
    const struct plan_work *work;
    /* of the problem */
    double cost_us[MODEL_FILTERS], path_us[MODEL_FILTERS], n_ends[MODEL_FILTERS];
    float draws[MODEL_FILTERS][MODEL_DRAWS], slow[MODEL_FILTERS]; /* of the mean */
    uint32_t keep[MODEL_FILTERS], every[MODEL_FILTERS];
    /* threads within a filter: the first of them, and how many; take frames in turn */
    uint8_t first_inside[MODEL_FILTERS], n_inside_of[MODEL_FILTERS];
    double inside; /* what they do for a frame, of what it costs the filter itself */
    struct model_source sources[MODEL_SOURCES];
    unsigned n_sources, n_inside, n_cores;
    double wake_us, resume_us, switch_us, queue_us, seconds;
    /* of a run */
    struct model_lane lanes[MODEL_LANES]; /* of edges, of sources, of threads within filters */
    struct model_thread threads[MODEL_THREADS];
    struct model_core cores[MODEL_THREADS];
    struct model_op ops[MODEL_OPS];
    uint16_t programs[MODEL_FILTERS];
    uint8_t ready_first[MODEL_RANKS], ready_last[MODEL_RANKS];
    unsigned n_threads, n_ops;
    uint32_t n_order, n_steps, most_steps;
    double now_us, end_us, n_due, n_missed, most_missed, own_us, extra_us;
};

/* Reads a problem. Returns whether it is one that the model can tell anything of: measured, plain,
 * small, and not overloaded whatever is done. */
bool plan_model_init(struct plan_model *model, const struct plan_work *work);

/* The machine at the beginning of a run. Returns false where the plan is larger than there is room
 * for. */
bool plan_model_open_run(struct plan_model *model);

/* Runs what is in work->plan: links, islands, workers, fifos. part: of the time that is looked at.
 * worst: a larger share of late frames need not be known, the run ends where it is reached. */
struct model_outcome plan_model_run(struct plan_model *model, double part, double worst);

#endif
