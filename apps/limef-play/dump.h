/* SPDX-License-Identifier: MIT */
/*
 * Where the player is, on key d and on SIGUSR1: the plan's threads, what each is in and since when,
 * what waits. It works while threads of it are stuck.
 */
#ifndef LIMEF_PLAY_DUMP_H
#define LIMEF_PLAY_DUMP_H

struct player;

/* To standard error, or to the file of --dump-file, anew each time: DOT or JSON by its suffix, else
 * text. What fails is logged. */
void player_dump(struct player *player);

#endif
