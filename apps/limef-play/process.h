/* SPDX-License-Identifier: MIT */
/* What the process may use, and has used so far, of limef-play and limef-graph. */
#ifndef LIMEF_PLAY_PROCESS_H
#define LIMEF_PLAY_PROCESS_H

#include <sys/resource.h>

/* As many descriptors as the system lets the process have: the usual 1024 are for those that call
 * select(). Where that is refused they stay as they are. */
void process_raise_descriptors(void);

/* Threads that there are; 0: /proc is not there. */
unsigned process_n_threads(void);

/* Processor time, of the process and of the system for it. */
double process_cpu_s(const struct rusage *usage);

#endif
