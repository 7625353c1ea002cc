/* SPDX-License-Identifier: MIT */
/*
 * The live view: what a graph does, in a terminal or as lines.
 */
#ifndef LIMEF_GRAPH_VIEW_H
#define LIMEF_GRAPH_VIEW_H

#include "watch.h"

#include <termios.h>

enum view_order { VIEW_BY_CHAIN, VIEW_BY_COST, VIEW_BY_RATE, VIEW_BY_NAME, VIEW_BY_DROPS };

struct view {
    FILE *file;
    bool is_terminal; /* the screen is ours until view_close() */
    bool holds_log;   /* standard error is a terminal too */
    bool reads_keys;  /* standard input is a terminal that gives each key at once */
    struct termios before;
    enum view_order order;
};

/* Takes the terminal over, if the file is one. */
void view_open(struct view *view, FILE *file);

/* Gives it back as it was. May be called again. */
void view_close(struct view *view);

/* Gives it back, stops the process as SIGTSTP does, which the caller has blocked, and takes it over
 * again when the process goes on. */
void view_suspend(struct view *view);

/* A key. Returns false: it was the one that ends. */
bool view_take_key(struct view *view, int key);

/* Draws, or prints, what the watch has seen. */
void view_draw(const struct view *view, const struct watch *watch);

/* Draws as many lines and columns as there are; 0 lines: all, 0 columns: whole lines. */
void view_print(FILE *file, const struct watch *watch, enum view_order order, unsigned n_lines,
                unsigned n_columns);

#endif
