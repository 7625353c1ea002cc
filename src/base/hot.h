/* SPDX-License-Identifier: MIT */
/*
 * The way of a frame to another thread, for threads that sleep between two frames: such a thread
 * finds little of its code in a cache and nothing of it in the TLB, and waits for each line and
 * each page in turn.
 */
#ifndef LIMEF_SRC_BASE_HOT_H
#define LIMEF_SRC_BASE_HOT_H

/* A function of that way. GNU ld puts all of them together, in one page or two. */
#define HOT __attribute__((hot))
/* What is seldom needed there, and stays out of the way. */
#define APART __attribute__((noinline))

#endif
