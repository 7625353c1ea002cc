/* SPDX-License-Identifier: MIT */
#include "thread/machine.h"

#include <limef/base/log.h>
#include <limef/fifo/fifo.h>
#include <limef/thread/machine.h>

#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define N_HANDOVERS 32
/* What it is where it could not be measured: about that of a small virtual machine. */
#define HANDOVER_US 16.0
#define NAP_NS 50000
#define N_NAPS 40 /* longest wait for the reader to sleep */

/* Reads up to two numbers; "max" is -1. Returns how many. */
static int read_numbers(const char *path, long long *first, long long *second)
{
    FILE *file = fopen(path, "re");
    char word[32] = "";
    int n = 0;

    if (!file)
        return 0;
    if (fscanf(file, "%31s", word) == 1) {
        *first = strcmp(word, "max") ? strtoll(word, NULL, 10) : -1;
        n = 1 + (fscanf(file, "%lld", second) == 1);
    }
    fclose(file);
    return n;
}

/* The quota of one group, in cores; n_cpus if that is less. */
static double quota_of(const char *folder, double n_cpus)
{
    char path[PATH_MAX + 32];
    long long quota = -1, period = 0, ignored;

    snprintf(path, sizeof(path), "%s/cpu.max", folder);
    if (read_numbers(path, &quota, &period) < 2) {
        snprintf(path, sizeof(path), "%s/cpu.cfs_quota_us", folder);
        read_numbers(path, &quota, &ignored);
        snprintf(path, sizeof(path), "%s/cpu.cfs_period_us", folder);
        read_numbers(path, &period, &ignored);
    }
    return quota > 0 && period > 0 && (double)quota / (double)period < n_cpus
               ? (double)quota / (double)period
               : n_cpus;
}

/* The least quota from a group up to the root of its hierarchy. A group that is not there lies
 * outside of what this process sees; its nearest one that does counts. */
static double quota_up_from(const char *root, const char *group, double n_cpus)
{
    char folder[PATH_MAX];
    size_t root_length = strlen(root);
    char *slash;

    if (snprintf(folder, sizeof(folder), "%s%s", root, group) >= (int)sizeof(folder))
        return n_cpus;
    for (;;) {
        n_cpus = quota_of(folder, n_cpus);
        slash = strrchr(folder, '/');
        if (!slash || slash < folder + root_length)
            return n_cpus;
        *slash = '\0';
    }
}

/* Whether a list "cpu,cpuacct" has the controller in it. */
static bool has_cpu(char *controllers)
{
    char *rest = NULL;

    for (char *name = strtok_r(controllers, ",", &rest); name; name = strtok_r(NULL, ",", &rest))
        if (!strcmp(name, "cpu"))
            return true;
    return false;
}

double machine_quota(const char *proc, const char *root, double n_cpus)
{
    FILE *file = fopen(proc, "re");
    char line[PATH_MAX], hierarchy[2 * PATH_MAX], controllers[256];

    if (!file)
        return n_cpus;
    /* "0::/group" of version 2, "4:cpu,cpuacct:/group" of version 1; cgroups(7) */
    while (fgets(line, sizeof(line), file)) {
        char *list = strchr(line, ':'), *group = list ? strchr(list + 1, ':') : NULL;

        if (!group)
            continue;
        *group++ = '\0';
        group[strcspn(group, "\n")] = '\0';
        if (!list[1]) {
            n_cpus = quota_up_from(root, group, n_cpus);
            snprintf(hierarchy, sizeof(hierarchy), "%s/unified", root);
            n_cpus = quota_up_from(hierarchy, group, n_cpus);
            continue;
        }
        snprintf(controllers, sizeof(controllers), "%.255s", list + 1);
        snprintf(hierarchy, sizeof(hierarchy), "%s/%s", root, list + 1);
        if (has_cpu(controllers))
            n_cpus = quota_up_from(hierarchy, group, n_cpus);
    }
    fclose(file);
    return n_cpus;
}

static const char *proc_cgroup = "/proc/self/cgroup", *cgroup_root = "/sys/fs/cgroup";

void machine_set_cgroup(const char *proc, const char *root)
{
    proc_cgroup = proc;
    cgroup_root = root;
}

double limef_machine_n_cpus(void)
{
    cpu_set_t cpus;
    long n;

    /* of the process's first thread: the calling one may be bound to fewer */
    if (sched_getaffinity(getpid(), sizeof(cpus), &cpus) == 0)
        n = CPU_COUNT(&cpus);
    else /* more CPUs than the set has room for */
        n = sysconf(_SC_NPROCESSORS_ONLN);
    return machine_quota(proc_cgroup, cgroup_root, n > 0 ? (double)n : 1);
}

static int64_t thread_cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* Two threads and the fifo between them. */
struct handover {
    struct limef_fifo fifo;
    struct limef_lane lane;
    struct limef_stack_frame frames[4];
    int64_t written_ns[N_HANDOVERS], read_ns[N_HANDOVERS];
};

static void *read_all(void *argument)
{
    struct handover *handover = argument;
    struct limef_stack_frame *frame;

    for (unsigned i = 0; i < N_HANDOVERS; i++) {
        int64_t began_ns = thread_cpu_ns();

        if (limef_fifo_read(&handover->fifo, &frame, LIMEF_FOREVER) < 0)
            break;
        limef_fifo_recycle(&handover->fifo, frame);
        handover->read_ns[i] = thread_cpu_ns() - began_ns;
    }
    return NULL;
}

static void write_all(struct handover *handover)
{
    const struct timespec nap = {.tv_nsec = NAP_NS};
    struct limef_signal_frame signal_frame;

    limef_signal_frame_set(&signal_frame, LIMEF_SIGNAL_USER, 0, NULL);
    for (unsigned i = 0; i < N_HANDOVERS; i++) {
        int64_t began_ns;

        /* 1: the reader sleeps, see struct limef_fifo */
        for (unsigned n = 0; n < N_NAPS && LIMEF_COUNTED(handover->fifo.reader) != 1; n++)
            nanosleep(&nap, NULL);
        began_ns = thread_cpu_ns();
        limef_lane_write(&handover->lane, &signal_frame.frame);
        handover->written_ns[i] = thread_cpu_ns() - began_ns;
    }
}

static int compare_ns(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static double median_us(int64_t *ns)
{
    qsort(ns, N_HANDOVERS, sizeof(*ns), compare_ns);
    return (double)ns[N_HANDOVERS / 2] / 1000;
}

/* Nanoseconds. relaxed: a figure by itself */
static LIMEF_ATOMIC(uint64_t) handover_ns = (uint64_t)(HANDOVER_US * 1000);

static void calibrate(void)
{
    struct handover handover = {0};
    pthread_t reader;
    double us;

    limef_fifo_init(&handover.fifo, "handover");
    limef_lane_init(&handover.lane, handover.frames, 4, NULL);
    limef_fifo_add_lane(&handover.fifo, &handover.lane);
    if (pthread_create(&reader, NULL, read_all, &handover) == 0) {
        write_all(&handover);
        pthread_join(reader, NULL);
        us = median_us(handover.written_ns) + median_us(handover.read_ns);
        if (us > 0)
            atomic_store_explicit(&handover_ns, (uint64_t)(us * 1000), memory_order_relaxed);
    }
    limef_fifo_clear(&handover.fifo);
    limef_lane_clear(&handover.lane);
    limef_log(LIMEF_LOG_DEBUG, "machine", "a handover costs %.1f us", machine_handover_us());
}

double machine_handover_us(void)
{
    return (double)atomic_load_explicit(&handover_ns, memory_order_relaxed) / 1000;
}

double limef_machine_handover_us(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, calibrate);
    return machine_handover_us();
}
