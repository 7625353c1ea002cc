/* SPDX-License-Identifier: MIT */
/* A log that nobody reads, for tests in which much goes wrong on purpose. */
#ifndef LIMEF_TEST_SUPPORT_SILENCE_H
#define LIMEF_TEST_SUPPORT_SILENCE_H

#include <limef/base/log.h>

/* limef_log_set_sink(log_to_nobody, NULL) */
static inline void log_to_nobody(void *context, enum limef_log_level level, const char *name,
                                 const char *line)
{
    (void)context;
    (void)level;
    (void)name;
    (void)line;
}

#endif
