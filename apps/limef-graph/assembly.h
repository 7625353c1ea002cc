/* SPDX-License-Identifier: MIT */
/*
 * What a description becomes: filters, connected, in a graph.
 */
#ifndef LIMEF_GRAPH_ASSEMBLY_H
#define LIMEF_GRAPH_ASSEMBLY_H

#include "elements.h"

#include <limef/thread/graph.h>
#include <limef/thread/team.h>

/* All-zero is empty. */
struct assembly {
    bool is_only_planned; /* set before it is built: elements open no files of theirs */
    const struct passwords *passwords; /* likewise; for URLs of sources, by the number of the source
                                          from 1; borrowed; NULL: none */
    struct element *elements;          /* those of the description, then a "null" behind each end */
    uint32_t n_elements;
    uint32_t n_sources, n_slots;   /* the first slots are the sources', the others the mosaics' */
    LIMEF_ATOMIC(int) * end_codes; /* of each slot; written by the ends' threads, relaxed */
    struct limef_reports reports;
    struct limef_graph graph;
    void *memory;           /* the graph's */
    struct limef_team team; /* helps the elements that take one; without threads until the start */
    struct limef_team_worker *helpers; /* owned; NULL: nobody takes a team, or there is one core */
    unsigned n_helpers;
};

/*
 * Makes and connects the filters of a description, and adds them to a graph.
 *
 * assembly  written; must be all-zero but for is_only_planned and passwords. To be cleared
 *           also after a failure.
 * settings  of the graph; reports is set here.
 * error     written if the description is wrong; .text is empty if something else failed, which
 *           was logged.
 *
 * Returns 0, or a negative AVERROR code.
 */
int assembly_build(struct assembly *assembly, const struct description *description,
                   const struct limef_graph_settings *settings, struct description_error *error);

/* Starts the team and the graph. Returns 0, or a negative AVERROR code, logged. */
int assembly_start(struct assembly *assembly);

/* Stops everything. Returns 0, or AVERROR(ETIMEDOUT): then nothing may be cleared. */
int assembly_stop(struct assembly *assembly, int64_t timeout_us);

/* Whether every END has reached the end of every chain. */
bool assembly_has_ended(const struct assembly *assembly);

/* Returns whether all that its elements write was written; what was not has been logged. */
bool assembly_clear(struct assembly *assembly);

#endif
