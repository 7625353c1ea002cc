/* SPDX-License-Identifier: MIT */
#include "thread/priority.h"

#include <limef/base/log.h>

#include <dirent.h>
#include <errno.h>
#include <libavutil/error.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
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
    [LIMEF_PRIORITY_RECORDING] = {"recording", SCHED_OTHER, 0, -3},
    [LIMEF_PRIORITY_INGEST] = {"ingest", SCHED_RR, 5, -5},
    [LIMEF_PRIORITY_DISPLAY] = {"display", SCHED_RR, 10, -10},
    [LIMEF_PRIORITY_AUDIO] = {"audio", SCHED_FIFO, 20, -15},
    [LIMEF_PRIORITY_BACKGROUND] = {"background", SCHED_OTHER, 0, 10},
};

/* Whether the calling thread's policy or nice value is from here, not from whoever made it. */
static _Thread_local bool is_set;

/* A refusal is the process's, not the thread's: it is said once. */
static void say_refused(const struct class_settings *class_settings, const char *name,
                        const char *got)
{
    static _Atomic(int) said;
    /* a recorder runs as well as all else then */
    bool is_small = class_settings->policy == SCHED_OTHER && class_settings->nice < 0;

    limef_log(is_small || atomic_exchange_explicit(&said, 1, memory_order_relaxed)
                  ? LIMEF_LOG_DEBUG
                  : LIMEF_LOG_WARNING,
              name, "no permission for the %s class: %s; see RLIMIT_RTPRIO, RLIMIT_NICE",
              class_settings->name, got);
}

static bool set_policy(int policy, int real_time_priority)
{
    struct sched_param param = {.sched_priority = real_time_priority};

    /* children that libraries start from here do not inherit the class; once said, that stays */
    return sched_setscheduler(0, policy | SCHED_RESET_ON_FORK, &param) == 0;
}

/* Out of a real-time class that this thread was given; what it came with stays. */
static void leave_real_time(void)
{
    int policy = sched_getscheduler(0) & ~SCHED_RESET_ON_FORK;

    if (is_set && (policy == SCHED_FIFO || policy == SCHED_RR))
        set_policy(SCHED_OTHER, 0);
}

/* On Linux a nice value belongs to the thread. */
static int nice_of(pid_t thread)
{
    return getpriority(PRIO_PROCESS, (id_t)thread);
}

static bool set_nice(int nice)
{
    if (nice == nice_of(gettid()))
        return true;
    if (setpriority(PRIO_PROCESS, (id_t)gettid(), nice) < 0)
        return false;
    is_set = true;
    return true;
}

/* As the process's first thread runs. */
static enum limef_scheduled become_usual(const struct class_settings *settings, const char *name)
{
    int usual = nice_of(getpid());

    /* a less urgent value that came with the thread is its maker's wish */
    if (nice_of(gettid()) > usual && !is_set)
        return LIMEF_SCHEDULED_DEFAULT;
    if (set_nice(usual))
        return LIMEF_SCHEDULED_DEFAULT;
    say_refused(settings, name, "stays less urgent");
    return LIMEF_SCHEDULED_NICE;
}

enum limef_scheduled priority_apply(enum limef_priority priority, const char *name)
{
    const struct class_settings *settings = &classes[priority];

    if (settings->policy != SCHED_OTHER &&
        set_policy(settings->policy, settings->real_time_priority)) {
        is_set = true;
        return settings->policy == SCHED_FIFO ? LIMEF_SCHEDULED_FIFO : LIMEF_SCHEDULED_RR;
    }
    leave_real_time();
    if (!settings->nice)
        return become_usual(settings, name);
    if (set_nice(settings->nice)) {
        if (settings->policy != SCHED_OTHER)
            say_refused(settings, name, "runs by nice value");
        return LIMEF_SCHEDULED_NICE;
    }
    say_refused(settings, name, "runs as the process does");
    return become_usual(settings, name);
}

/* Whether a thread of this process has such a name. */
static bool is_named(pid_t thread, const char *names)
{
    char path[64], name[16] = "";
    FILE *comm;

    snprintf(path, sizeof(path), "/proc/self/task/%d/comm", (int)thread);
    comm = fopen(path, "re");
    if (!comm)
        return false; /* it has ended */
    if (!fgets(name, sizeof(name), comm))
        name[0] = 0;
    fclose(comm);
    return strncmp(name, names, strlen(names)) == 0;
}

static bool lend(pid_t thread)
{
    int policy = sched_getscheduler(0) & ~SCHED_RESET_ON_FORK;
    struct sched_param param = {.sched_priority = sched_get_priority_min(SCHED_RR)};

    if (policy == SCHED_FIFO || policy == SCHED_RR)
        return sched_setscheduler(thread, SCHED_RR | SCHED_RESET_ON_FORK, &param) == 0;
    return setpriority(PRIO_PROCESS, (id_t)thread, nice_of(gettid())) == 0;
}

unsigned priority_lend(const char *names)
{
    DIR *threads = is_set ? opendir("/proc/self/task") : NULL;
    struct dirent *entry;
    unsigned n = 0;

    while (threads && (entry = readdir(threads))) {
        pid_t thread = (pid_t)strtol(entry->d_name, NULL, 10);

        n += thread > 0 && is_named(thread, names) && lend(thread);
    }
    if (threads)
        closedir(threads);
    return n;
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
