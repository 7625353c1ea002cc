/* SPDX-License-Identifier: MIT */
/*
 * Runs a graph to its end, or to that of the user's patience.
 */
#ifndef LIMEF_GRAPH_RUN_H
#define LIMEF_GRAPH_RUN_H

#include "assembly.h"
#include "options.h"

/*
 * Runs; stopped afterwards, to be cleared unless *stuck. The signals that end a run are blocked
 * from here on; before, they end the process. Returns an enum graph_status.
 */
int run_graph(struct assembly *assembly, const struct graph_options *options, bool *stuck);

#endif
