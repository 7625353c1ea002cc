/* SPDX-License-Identifier: MIT */
/*
 * What a run was like, as one JSON object in one line.
 */
#ifndef LIMEF_GRAPH_REPORT_H
#define LIMEF_GRAPH_REPORT_H

#include "watch.h"

/* Prints it. The graph may have been stopped, not cleared. */
void report_print(const struct watch *watch, FILE *file);

#endif
