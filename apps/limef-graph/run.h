/* SPDX-License-Identifier: MIT */
/*
 * Runs a graph to its end, or to that of the user's patience.
 */
#ifndef LIMEF_GRAPH_RUN_H
#define LIMEF_GRAPH_RUN_H

#include "assembly.h"
#include "options.h"

/* Blocks the signals that end a run in this thread and those that it starts. */
void run_block_signals(void);

/* Runs; stopped afterwards, to be cleared unless *stuck. Returns an enum graph_status. */
int run_graph(struct assembly *assembly, const struct graph_options *options, bool *stuck);

#endif
