/* SPDX-License-Identifier: MIT */
/* The printers of limef_graph_dump(). */
#ifndef LIMEF_SRC_THREAD_DUMP_PRIVATE_H
#define LIMEF_SRC_THREAD_DUMP_PRIVATE_H

#include "thread/graph_seen.h"

#include <stdio.h>

void graph_dump_text(const struct graph_seen *seen, FILE *file);
void graph_dump_dot(const struct graph_seen *seen, FILE *file);
void graph_dump_json(const struct graph_seen *seen, FILE *file);

/* A name in quotes, with what DOT and people read: no control characters, '"' and '\' escaped. */
void graph_dump_name(FILE *file, const char *name, char quote);

#endif
