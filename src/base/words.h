/* SPDX-License-Identifier: MIT */
/* Words that are put together at run time and read at any later one, as a counter's reason is. */
#ifndef LIMEF_SRC_BASE_WORDS_H
#define LIMEF_SRC_BASE_WORDS_H

#include <limef/base/api.h>

/* How long words may be, and how many different ones there are; what is beyond is cut, or is said
 * in general. */
#define WORDS_BYTES 128
#define WORDS_MAX 64

/*
 * Formats words that live forever; the same words have the same address. Any thread; takes a lock:
 * for what happens seldom.
 */
const char *words_keep(const char *format, ...) LIMEF_PRINTF(1, 2);

#endif
