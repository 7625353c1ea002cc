/* SPDX-License-Identifier: MIT */
/*
 * The machine, as its tests see it.
 */
#ifndef LIMEF_SRC_THREAD_MACHINE_H
#define LIMEF_SRC_THREAD_MACHINE_H

/*
 * The cores that control groups leave: proc_cgroup is what lies at /proc/self/cgroup, root what
 * lies at /sys/fs/cgroup. Returns n_cpus if there is no quota below it.
 */
double machine_quota(const char *proc_cgroup, const char *root, double n_cpus);

#endif
