/* SPDX-License-Identifier: MIT */
/*
 * libavcodec, loaded while a camera answers: it brings sixty more libraries with
 * it, which take most of the time until main() where they are linked.
 *
 * The shared library does not link it. libavcodec.c has functions of the same
 * names, for its inside alone, that wait until it is there: call them as they
 * are, and add there what is missing (the linker of a program says so).
 */
#ifndef LIMEF_SRC_BASE_LIBAVCODEC_H
#define LIMEF_SRC_BASE_LIBAVCODEC_H

/*
 * Begins to load it, on a thread of its own that ends with that; at once where
 * the process has it already. For those who will need it soon, and have waiting
 * to do meanwhile. Until it is loaded, some 10 ms, nobody can start a thread: the C
 * library's loader keeps that lock.
 *
 * Thread: any
 */
void libavcodec_prepare(void);

/* Waits for what was begun. For those who began it, before they are gone. Thread: any */
void libavcodec_settle(void);

#endif
