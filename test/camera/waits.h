/* SPDX-License-Identifier: MIT */
/*
 * How long threads of this process were ready to run while others had the processors: what is late
 * without that is of our own making, however slow or busy the machine.
 */
#ifndef LIMEF_TEST_CAMERA_WAITS_H
#define LIMEF_TEST_CAMERA_WAITS_H

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_WAITS 64

/* Of each thread, since it began. */
struct waits {
    unsigned n;
    long threads[MAX_WAITS];
    int64_t us[MAX_WAITS];
};

/* Nothing where the kernel does not tell (CONFIG_SCHED_INFO). */
static inline void waits_read(struct waits *waits)
{
    DIR *folder = opendir("/proc/self/task");
    const struct dirent *entry;

    waits->n = 0;
    while (folder && waits->n < MAX_WAITS && (entry = readdir(folder))) {
        long long ran_ns, waited_ns;
        char path[300];
        FILE *file;

        snprintf(path, sizeof(path), "/proc/self/task/%s/schedstat", entry->d_name);
        file = fopen(path, "r");
        if (file && fscanf(file, "%lld %lld", &ran_ns, &waited_ns) == 2) {
            waits->threads[waits->n] = atol(entry->d_name);
            waits->us[waits->n++] = waited_ns / 1000;
        }
        if (file)
            fclose(file);
    }
    if (folder)
        closedir(folder);
}

/* What is left of the time that passed since then without the longest wait of one thread. */
static inline int64_t waits_leave_out(const struct waits *before, int64_t took_us)
{
    struct waits now;
    int64_t longest_us = 0;

    waits_read(&now);
    for (unsigned i = 0; i < now.n; i++)
        for (unsigned k = 0; k < before->n; k++)
            if (now.threads[i] == before->threads[k] && now.us[i] - before->us[k] > longest_us)
                longest_us = now.us[i] - before->us[k];
    return longest_us < took_us ? took_us - longest_us : 0;
}

#endif
