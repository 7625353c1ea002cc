/* SPDX-License-Identifier: MIT */
/*
 * Keys from the terminal that limef-play was started from: for displays without a window, where
 * the keyboard stays with the console.
 */
#ifndef LIMEF_PLAY_TERMINAL_H
#define LIMEF_PLAY_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>

/* Keys come at once and are not shown from here on, if standard input is a terminal. One for the
 * process. */
void terminal_open(void);

/* As it was before. Also from a signal's handler. */
void terminal_close(void);

/* What to poll for keys; -1: there are none. */
int terminal_fd(void);

/* The next key that was pressed: as LIMEF_SIGNAL_KEY has it. False: none. */
bool terminal_read(int64_t *key);

#endif
