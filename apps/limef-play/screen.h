/* SPDX-License-Identifier: MIT */
/* The beginning of the screen. */
#ifndef LIMEF_PLAY_SCREEN_H
#define LIMEF_PLAY_SCREEN_H

#include "player.h"

/* Starts its thread. Returns 0, or what limef_thread_start() said; what goes wrong with the output
 * comes as a report. */
int screen_start(struct player *player);

#endif
