/* SPDX-License-Identifier: MIT */
/*
 * What a graph's plan has otherwise than one that is made another way.
 */
#ifndef LIMEF_GRAPH_AGAINST_H
#define LIMEF_GRAPH_AGAINST_H

#include <limef/thread/graph.h>

/* Prints a line for each change from the other plan to the graph's. Returns 0, or a code, logged.
 */
int against_print(struct limef_graph *graph, enum limef_plan_mode other, FILE *file);

#endif
