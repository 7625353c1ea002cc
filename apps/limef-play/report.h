/* SPDX-License-Identifier: MIT */
/*
 * The JSON report: one object, one line.
 */
#ifndef LIMEF_PLAY_REPORT_H
#define LIMEF_PLAY_REPORT_H

#include <stdio.h>

struct player;

/* After player_stop(), before player_clear(). */
void report_print(struct player *player, FILE *file);

#endif
