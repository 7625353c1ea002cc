/* SPDX-License-Identifier: MIT */
/*
 * The command line of limef-graph.
 */
#ifndef LIMEF_GRAPH_OPTIONS_H
#define LIMEF_GRAPH_OPTIONS_H

#include <limef/base/log.h>
#include <limef/thread/plan.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* What the process ends with; the same numbers as limef-play's. */
enum graph_status {
    GRAPH_OK = 0,
    GRAPH_SET_UP_FAILED = 1,
    GRAPH_NOTHING_RAN = 2,
    GRAPH_SOME_FAILED = 3,
    GRAPH_BY_SIGNAL = 4,
};

/* What is printed at the end. */
enum graph_report { GRAPH_REPORT_NONE, GRAPH_REPORT_JSON, GRAPH_REPORT_TEXT };

/* What the user asked for. */
struct graph_options {
    char *description;         /* owned */
    const char *password_file; /* "-": standard input; NULL: none */
    int password_fd;           /* -1: none */

    /* instead of running */
    bool explain, json, dot;
    const char *dot_file; /* NULL: standard output */
    bool compare;
    enum limef_plan_mode against; /* if compare */

    /* running */
    enum limef_plan_mode plan;
    double n_cpus;       /* 0: those there are */
    int64_t duration_us; /* -1: to the end */
    int64_t window_us;   /* 0: the library's */
    const char *cache;
    bool live;
    int64_t period_us; /* of the live view; 0: the default */
    enum graph_report report;

    enum limef_log_level log_level;
    bool help, version, elements;
};

/*
 * Reads a command line.
 *
 * options  written, defaults where nothing is said; to be cleared.
 * argv     users and passwords in it are overwritten: no list of processes shows them any more.
 * errors   where the one line goes that says what is wrong; NULL: nowhere.
 * Returns 0, or -1: wrong usage.
 */
int graph_options_parse(struct graph_options *options, int argc, char **argv, FILE *errors);

void graph_options_clear(struct graph_options *options);

/* Overwrites the user and password of each URL in a text, '*' for each character, so that an error
 * is shown at its place. */
void graph_options_hide_logins(char *text);

/* Prints the help, one screen. */
void graph_options_print_help(FILE *file);

#endif
