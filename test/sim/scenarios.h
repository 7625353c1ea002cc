/* SPDX-License-Identifier: MIT */
/* Graphs to try the planner with. */
#ifndef LIMEF_TEST_SIM_SCENARIOS_H
#define LIMEF_TEST_SIM_SCENARIOS_H

#include "sim/sim.h"

/* A graph of 2..max_filters filters and a machine of 1..8 cores, the same for the same seed:
 * trees and now and then a join, loads from 2 to 90 % of the machine. Filters lie behind those
 * that lead to them. */
void scenario_random(struct sim_graph *graph, struct sim_machine *machine, uint64_t seed,
                     unsigned max_filters);

#endif
