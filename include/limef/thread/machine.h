/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What the machine gives to this process: cores, and what it costs to hand a
 * frame to another thread.
 */
#ifndef LIMEF_THREAD_MACHINE_H
#define LIMEF_THREAD_MACHINE_H

#include <limef/base/api.h>

LIMEF_BEGIN_DECLS

/**
 * How many cores the process may use at this moment: those of its affinity, or fewer if its control
 * group has a quota of processor time (cgroups v2: cpu.max, v1: cpu.cfs_quota_us; of the group
 * and of all above it). Reads some small files: to be asked every second, not every frame.
 *
 * @return more than 0; 0.5 is a quota of half a core.
 * Thread: any
 */
LIMEF_API double limef_machine_n_cpus(void);

/**
 * Processor time of both threads to hand one frame to a thread that sleeps, through a lane.
 * Measured at the first call in a process, which takes some milliseconds.
 *
 * @return microseconds, more than 0.
 * Thread: any
 */
LIMEF_API double limef_machine_handover_us(void);

LIMEF_END_DECLS

#endif
