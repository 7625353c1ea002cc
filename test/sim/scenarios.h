/* SPDX-License-Identifier: MIT */
/* Graphs to try the planner with. Filters lie behind those that lead to them. */
#ifndef LIMEF_TEST_SIM_SCENARIOS_H
#define LIMEF_TEST_SIM_SCENARIOS_H

#include "sim/sim.h"

struct scenario {
    const char *name;
    void (*build)(struct sim_graph *graph, unsigned n);
    unsigned n; /* given to build */
    unsigned n_cpus;
    double seconds;
};

/* What people run; ends with a NULL name. Costs are those of an ordinary desktop core. */
extern const struct scenario scenarios[];

/* A graph of 2..max_filters filters and a machine of 1..8 cores, the same for the same seed:
 * trees and now and then a join, loads from nearly none to 90 % of the machine. */
void scenario_random(struct sim_graph *graph, struct sim_machine *machine, uint64_t seed,
                     unsigned max_filters);

/* Likewise, of the library's own types, with their flags and about what they cost: cameras and
 * files, decoders and encoders with threads of their own, scalers, recorders, snapshots, sound, and
 * one display. 4..max_filters filters. */
void scenario_types(struct sim_graph *graph, struct sim_machine *machine, uint64_t seed,
                    unsigned max_filters);

#endif
