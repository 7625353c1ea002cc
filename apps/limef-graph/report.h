/* SPDX-License-Identifier: MIT */
/*
 * What a run was like: as one JSON object in one line, or as the plan that it came to.
 */
#ifndef LIMEF_GRAPH_REPORT_H
#define LIMEF_GRAPH_REPORT_H

#include "watch.h"

/* Prints the object. The graph may have been stopped, not cleared. */
void report_print_json(const struct watch *watch, FILE *file);

/* Prints the plan that runs, with what was measured, and how it came to be. */
void report_print_text(const struct watch *watch, FILE *file);

#endif
