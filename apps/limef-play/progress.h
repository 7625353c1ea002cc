/* SPDX-License-Identifier: MIT */
/*
 * What a person at a terminal sees while it plays.
 */
#ifndef LIMEF_PLAY_PROGRESS_H
#define LIMEF_PLAY_PROGRESS_H

struct player;

/* Says once where pictures go; then one status line, twice a second on a terminal, rarer into a
 * file, and as soon as there is a picture. */
void progress_print(struct player *player);

/* A last status line, where it ended. */
void progress_end(struct player *player);

#endif
