/* SPDX-License-Identifier: MIT */
/*
 * The plan: which threads there are, where boundaries lie, and why.
 */
#ifndef LIMEF_PLAY_PLAN_H
#define LIMEF_PLAY_PLAN_H

/* Boundaries that a report shows at most. */
#define PLAY_MAX_BOUNDARIES 1024

struct player;

/* Prints the plan if --explain asked for it, and writes the graph if --dot did.
 * when  "start", or what changed. Returns 0, or what it failed with, logged: then player.plan_lost
 * is set, and nothing is printed any more. */
int plan_print(struct player *player, const char *when);

#endif
