/* SPDX-License-Identifier: MIT */
/*
 * The machine, as its tests see it.
 */
#ifndef LIMEF_SRC_THREAD_MACHINE_H
#define LIMEF_SRC_THREAD_MACHINE_H

/*
 * The cores that control groups leave: proc is what lies at /proc/self/cgroup, root what
 * lies at /sys/fs/cgroup. Returns n_cpus if there is no quota below it.
 */
double machine_quota(const char *proc, const char *root, double n_cpus);

/* For tests: other files than those; borrowed. Not while a graph runs. */
void machine_set_cgroup(const char *proc, const char *root);

/* As limef_machine_handover_us() if that has been measured, else what it is about: at once. */
double machine_handover_us(void);

#endif
