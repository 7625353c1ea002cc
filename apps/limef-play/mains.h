/* SPDX-License-Identifier: MIT */
/*
 * Cameras with a small and a large stream: the grid shows the small ones, a tile that is shown
 * alone the large one. The large one is connected while it is needed, or always.
 */
#ifndef LIMEF_PLAY_MAINS_H
#define LIMEF_PLAY_MAINS_H

#include "player.h"

/* Asks for the streams that what is shown alone needs. Thread: the main one */
void mains_follow(struct player *player, uint32_t solo);

/* Leaves large streams that are not on the screen any more. Thread: the main one */
void mains_look(struct player *player);

/* A stream is over: nothing more is asked for. */
void mains_end(struct player *player, struct play_stream *stream);

#endif
