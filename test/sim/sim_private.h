/* SPDX-License-Identifier: MIT */
/* What the parts of the simulator share. */
#ifndef LIMEF_TEST_SIM_SIM_PRIVATE_H
#define LIMEF_TEST_SIM_SIM_PRIVATE_H

#include "sim/sim.h"

#define SIM_NONE UINT32_MAX
#define SIM_N_PRIORITIES 6
#define SIM_KEY_EVERY 25 /* frames from key frame to key frame */

/* A frame on its way. */
struct sim_token {
    uint32_t source;
    uint64_t number;
    double due_us; /* when it was there */
};

/* Frames that wait: behind a cut edge, or before a source. */
struct sim_lane {
    struct sim_token *tokens; /* ring */
    unsigned room, first, n;  /* room: a power of two */
    unsigned depth;           /* 0: no bound */
    enum limef_overflow overflow;
    double max_us, frame_bytes;
    uint32_t thread;  /* who reads */
    uint32_t program; /* what it runs for a frame of this lane */
    uint32_t to;      /* the filter */
    uint32_t writer;  /* who sleeps for room; SIM_NONE */
    double n_ends;    /* ends of the graph behind it */
    bool waits_for_key, is_source;
    bool is_inside; /* before a thread within a filter */
};

enum sim_op_kind {
    SIM_WORK,   /* a filter */
    SIM_INSIDE, /* what it does on a thread of its own */
    SIM_SEND,   /* an edge that is cut */
    SIM_DONE,   /* for this frame */
};

/* What an island does for a frame is a list of these. */
struct sim_op {
    enum sim_op_kind kind;
    uint32_t at;   /* the filter; or the edge */
    uint32_t skip; /* where to go on if the filter passes nothing on */
};

enum sim_state { SIM_SLEEPS, SIM_READY, SIM_RUNS, SIM_WAITS_FOR_ROOM };

struct sim_thread {
    enum sim_state state;
    unsigned rank;   /* 0: most urgent */
    uint32_t pc;     /* SIM_NONE: between two frames */
    bool is_working; /* the op's work was begun */
    double work_us;  /* what that is */
    double extra_us; /* of left_us or done already: what boundaries cost */
    double used_us;  /* of its slice */
    struct sim_token token;
    double left_us;      /* of the op, with what had to be done before */
    uint32_t next_ready; /* in the list of its rank */
    uint32_t *pending;   /* lanes in the order frames came; a ring */
    unsigned room, first, n;
};

struct sim_core {
    uint32_t thread, last_thread;
    double since_us;
    uint64_t generation; /* of the event that ends what it does */
};

struct sim_event {
    double at_us;
    uint64_t order; /* of those at one time */
    uint64_t generation;
    uint32_t core;   /* or SIM_NONE */
    uint32_t source; /* a frame of it comes */
};

struct sim {
    const struct sim_graph *graph;
    const struct limef_plan *plan;
    struct sim_machine machine;
    struct sim_result *result;
    uint64_t seed;
    double now_us;
    struct sim_lane *lanes; /* of edges, of filters that are sources, of threads within filters */
    uint32_t n_lanes;
    struct sim_op *ops;
    uint32_t n_ops, room_ops;
    uint32_t *programs;             /* of each filter that is entered: its first op */
    uint32_t *first_out, *next_out; /* of each filter, of each edge: lists of edges */
    uint32_t *first_inside;         /* of each filter: lane of the first thread within it */
    bool *is_used;                  /* of each thread */
    uint32_t running;               /* the thread that is about to write */
    struct sim_thread *threads;
    uint32_t n_threads;
    struct sim_core *cores;
    uint32_t ready_first[SIM_N_PRIORITIES], ready_last[SIM_N_PRIORITIES];
    struct sim_event *heap;
    uint32_t n_heap, room_heap;
    uint64_t n_events;
    uint64_t *numbers;    /* of each source: frames that came */
    double *path_us;      /* of each filter: mean cost from the sources to behind it */
    double *n_ends;       /* of each filter: ends reached from it, per frame */
    uint64_t *every;      /* of each filter: of the source's frames one in so many comes to it */
    bool *is_end;         /* of each filter: nothing is behind it */
    double *deadline_us;  /* of each source, without the path; 0: not a source */
    uint32_t *histograms; /* SIM_BUCKETS of each filter */
    double *latencies;
    size_t n_latencies, room_latencies;
    uint64_t n_waiting;
    double n_waiting_bytes;
};

/* Frames of a live source that the system keeps while nobody reads. */
#define SIM_SOURCE_BACKLOG 64

/* What a frame may be late however often frames come. */
#define SIM_LEAST_DEADLINE_US 33000

/* Of what filters cost: from a tenth of a microsecond, each a tenth wider than the one before. */
#define SIM_BUCKETS 190
#define SIM_BUCKET_US 0.1
#define SIM_BUCKET_FACTOR 1.1

/* Lays out a run; gives its memory back. */
void sim_open(struct sim *sim);
void sim_close(struct sim *sim);

void sim_push_event(struct sim *sim, struct sim_event event);
bool sim_pop_event(struct sim *sim, struct sim_event *event);

/* A frame for a lane. Returns false if the writer has to wait for room. */
bool sim_write(struct sim *sim, uint32_t lane, struct sim_token token, double *writer_us);

/* Counts n frames more that wait in a boundary; what waits elsewhere does not count. */
void sim_count_waiting(struct sim *sim, const struct sim_lane *lane, int n);

/* Makes a thread ready that has to do so much first. */
void sim_wake(struct sim *sim, uint32_t thread, double resume_us);

/* Gives cores to whom they belong. */
void sim_schedule(struct sim *sim);

/* A core's thread did what it was to do, or its slice is over. */
void sim_core_event(struct sim *sim, uint32_t core);

/* What a frame costs a filter of which one costs `mean_us`. */
double sim_cost(const struct sim *sim, uint32_t filter, const struct sim_token *token,
                double mean_us);

#endif
