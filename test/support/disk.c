/* SPDX-License-Identifier: MIT */
#include "support/disk.h"

#include <limef/base/api.h>

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

/* protected by lock */
static uint64_t n_left = UINT64_MAX;
static unsigned n_waiting, n_reads;

typedef ssize_t read_fn(int fd, void *buffer, size_t bytes);

static bool is_slow(int fd)
{
    static const char end[] = ".slow";
    char link[32], path[PATH_MAX];
    ssize_t n;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path));
    return n >= (ssize_t)sizeof(end) - 1 &&
           memcmp(path + n - (sizeof(end) - 1), end, sizeof(end) - 1) == 0;
}

LIMEF_API ssize_t read(int fd, void *buffer, size_t bytes)
{
    read_fn *system;

    *(void **)&system = dlsym(RTLD_NEXT, "read");
    if (is_slow(fd)) {
        pthread_mutex_lock(&lock);
        n_reads++;
        n_waiting++;
        pthread_cond_broadcast(&changed);
        while (n_left == 0)
            pthread_cond_wait(&changed, &lock);
        n_waiting--;
        n_left -= bytes < n_left ? bytes : n_left;
        pthread_mutex_unlock(&lock);
    }
    return system(fd, buffer, bytes);
}

void disk_stop_after(uint64_t n_bytes)
{
    pthread_mutex_lock(&lock);
    n_left = n_bytes;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

void disk_go_on(void)
{
    disk_stop_after(UINT64_MAX);
}

static unsigned read_locked(const unsigned *counter)
{
    unsigned value;

    pthread_mutex_lock(&lock);
    value = *counter;
    pthread_mutex_unlock(&lock);
    return value;
}

unsigned disk_n_waiting(void)
{
    return read_locked(&n_waiting);
}

bool disk_wait(int64_t deadline_us)
{
    struct timespec end = {deadline_us / 1000000, deadline_us % 1000000 * 1000};
    bool came;
    int ret = 0;

    pthread_mutex_lock(&lock);
    while ((!n_waiting || n_left) && ret == 0)
        ret = pthread_cond_clockwait(&changed, &lock, CLOCK_MONOTONIC, &end);
    came = n_waiting > 0 && !n_left;
    pthread_mutex_unlock(&lock);
    return came;
}

unsigned disk_n_reads(void)
{
    return read_locked(&n_reads);
}
