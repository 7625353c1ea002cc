/* SPDX-License-Identifier: MIT */
/*
 * A plan parted into its chains, each as a problem of its own: filters that are connected, but not
 * through one of an explicit thread or one that is bound to a thread. So the judge parts them too.
 */
#ifndef LIMEF_SRC_THREAD_GRAPH_CHAINS_H
#define LIMEF_SRC_THREAD_GRAPH_CHAINS_H

#include "thread/graph_private.h"

struct graph_chains {
    const struct graph_plan *whole;
    uint32_t n;
    uint32_t *chain_of;            /* of each filter */
    uint32_t *place;               /* of each filter: its number in its chain */
    uint32_t *filter_at, *filters; /* by chain; one more: where a list ends the next one begins */
    uint32_t *edge_at, *edges;     /* likewise; connections that lead out of a chain are in none */
    uint32_t *numbers;             /* for an island or a worker of the whole, while one is taken */
    struct graph_plan taken;       /* the chain that was taken last */
    void *plan_memory;
    void *memory; /* all of it, of the arena */
};

/* Returns false without a word if the arena has no room. */
bool graph_chains_open(struct graph_chains *chains, struct arena *arena,
                       const struct graph_plan *whole);
void graph_chains_close(struct graph_chains *chains, struct arena *arena);

/* Whether the plan says who runs it: not a filter of an explicit thread, nor a bound one. */
bool graph_chain_is_free(const struct graph_chains *chains, uint32_t chain);

/* Writes chains->taken.problem. of_kind: as any chain that differs only in what its sources read:
 * without their fingerprints. */
void graph_chains_take(struct graph_chains *chains, uint32_t chain, bool of_kind);

/* Writes chains->taken.plan, of the whole plan; after graph_chains_take(). */
void graph_chains_take_plan(struct graph_chains *chains, uint32_t chain);

/* Writes a plan of a chain into one of the whole, in which each of its filters is an island without
 * a worker. */
void graph_chains_put_plan(const struct graph_chains *chains, uint32_t chain,
                           const struct limef_plan *plan, struct limef_plan *whole);

#endif
