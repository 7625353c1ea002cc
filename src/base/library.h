/* SPDX-License-Identifier: MIT */
/*
 * Libraries of others that are loaded when they are needed, because they bring
 * many more with them: linking them would make every process pay for those at
 * its start.
 */
#ifndef LIMEF_SRC_BASE_LIBRARY_H
#define LIMEF_SRC_BASE_LIBRARY_H

#include <stddef.h>

#define LIBRARY_WHY_BYTES 128

/*
 * Loads a library; it stays loaded.
 *
 * functions  written: a struct of n pointers to functions, which names has the names of.
 * why        written on failure: for people.
 * Returns 0; AVERROR(ENOSYS): it is not there, or has not all of them. Not logged.
 */
int library_load(const char *soname, const char *const *names, void *functions, size_t n,
                 char why[LIBRARY_WHY_BYTES]);

#endif
