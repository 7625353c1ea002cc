/* SPDX-License-Identifier: MIT */
#include "thread/priority.h"

#include <limef/base/log.h>

#include <errno.h>
#include <libavutil/error.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

struct class_settings {
    const char *name;
    int policy; /* SCHED_OTHER: nice only */
    int real_time_priority;
    int nice;
};

static const struct class_settings classes[] = {
    [LIMEF_PRIORITY_PROCESSING] = {"processing", SCHED_OTHER, 0, 0},
    [LIMEF_PRIORITY_INGEST] = {"ingest", SCHED_RR, 5, -5},
    [LIMEF_PRIORITY_DISPLAY] = {"display", SCHED_RR, 10, -10},
    [LIMEF_PRIORITY_AUDIO] = {"audio", SCHED_FIFO, 20, -15},
    [LIMEF_PRIORITY_BACKGROUND] = {"background", SCHED_OTHER, 0, 10},
};

/* A refusal is the process's, not the thread's: it is said once. */
static void say_refused(const struct class_settings *class_settings, const char *name,
                        const char *got)
{
    static _Atomic(int) said;

    limef_log(atomic_exchange_explicit(&said, 1, memory_order_relaxed) ? LIMEF_LOG_DEBUG
                                                                       : LIMEF_LOG_WARNING,
              name, "no permission for real-time priority (%s class): %s; see RLIMIT_RTPRIO",
              class_settings->name, got);
}

enum limef_scheduled priority_apply(enum limef_priority priority, const char *name)
{
    const struct class_settings *settings = &classes[priority];
    struct sched_param param = {.sched_priority = settings->real_time_priority};

    if (settings->policy != SCHED_OTHER) {
        /* children that libraries start from here do not inherit the class */
        if (sched_setscheduler(0, settings->policy | SCHED_RESET_ON_FORK, &param) == 0)
            return settings->policy == SCHED_FIFO ? LIMEF_SCHEDULED_FIFO : LIMEF_SCHEDULED_RR;
    }
    if (!settings->nice)
        return LIMEF_SCHEDULED_DEFAULT;
    /* on Linux a nice value belongs to the thread */
    if (setpriority(PRIO_PROCESS, (id_t)gettid(), settings->nice) == 0) {
        if (settings->policy != SCHED_OTHER)
            say_refused(settings, name, "runs by nice value");
        return LIMEF_SCHEDULED_NICE;
    }
    say_refused(settings, name, "runs as the process does");
    return LIMEF_SCHEDULED_DEFAULT;
}

void affinity_apply(uint64_t cpu_mask, const char *name)
{
    cpu_set_t cpus;

    if (!cpu_mask)
        return;
    CPU_ZERO(&cpus);
    for (unsigned i = 0; i < 64; i++)
        if (cpu_mask >> i & 1)
            CPU_SET(i, &cpus);
    if (sched_setaffinity(0, sizeof(cpus), &cpus) < 0)
        limef_log(LIMEF_LOG_WARNING, name, "cannot run on CPUs %#llx only: %s",
                  (unsigned long long)cpu_mask, strerror(errno));
}
