/* SPDX-License-Identifier: MIT */
/*
 * The log while the live view has the terminal: lines are kept, shown in the view, and printed when
 * the terminal is given back. There is one, as there is one log.
 */
#ifndef LIMEF_GRAPH_JOURNAL_H
#define LIMEF_GRAPH_JOURNAL_H

#include <stddef.h>
#include <stdio.h>

/* Takes the log over, until the process ends. While no limef thread runs. */
void journal_open(void);

/* From now on lines are kept; the latest ones, where there are too many. */
void journal_hold(void);

/* Prints what was kept to standard error, where lines go from now on. May be called again. */
void journal_release(void);

/* How many lines are kept, n at most. */
size_t journal_count(size_t n);

/* Prints the latest n of those that are kept. */
void journal_print(FILE *file, size_t n);

#endif
