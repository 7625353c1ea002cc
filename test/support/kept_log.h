/* SPDX-License-Identifier: MIT */
/* A log that keeps its last line, and counts them: limef_log_set_sink(keep_log, &kept_log). */
#ifndef LIMEF_TEST_SUPPORT_KEPT_LOG_H
#define LIMEF_TEST_SUPPORT_KEPT_LOG_H

#include <limef/base/log.h>

#include <stdio.h>

struct kept_log {
    enum limef_log_level level; /* what is less grave is not kept */
    unsigned n;                 /* lines */
    char line[1024];            /* the last one */
};

static inline void keep_log(void *context, enum limef_log_level level, const char *name,
                            const char *line)
{
    struct kept_log *kept = context;

    (void)name;
    if (level > kept->level)
        return;
    snprintf(kept->line, sizeof(kept->line), "%s", line);
    kept->n++;
}

#endif
