/* SPDX-License-Identifier: MIT */
/*
 * A team, as its tests and benchmarks set it up.
 */
#ifndef LIMEF_SRC_THREAD_TEAM_PRIVATE_H
#define LIMEF_SRC_THREAD_TEAM_PRIVATE_H

#include <limef/thread/team.h>

/* As limef_team_start(), with so many workers whatever cores there are. */
int team_start(struct limef_team *team, struct limef_team_worker *workers, unsigned n_workers,
               const char *name);

/* What handing out is thought to cost from now on; 0: everything is shared at once. */
void team_fix_dispatch(struct limef_team *team, int64_t dispatch_ns);

#endif
