/* SPDX-License-Identifier: MIT */
/* A control group of this process's own, with a quota of processor time; cgroups(7). */
#ifndef LIMEF_TEST_SUPPORT_QUOTA_GROUP_H
#define LIMEF_TEST_SUPPORT_QUOTA_GROUP_H

#include <limits.h>
#include <stdbool.h>

struct quota_group {
    char parent[PATH_MAX], folder[PATH_MAX];
    bool is_unified; /* version 2 */
};

/* Makes a group below the one that the process is in, and moves it there. Returns false where that
 * is not permitted, or there are no such groups. */
bool quota_group_enter(struct quota_group *group, unsigned n_cpus);

bool quota_group_set(const struct quota_group *group, unsigned n_cpus);

/* Back to where the process was. */
void quota_group_leave(struct quota_group *group);

#endif
