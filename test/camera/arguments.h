/* SPDX-License-Identifier: MIT */
/* What the programs around the cameras share. */
#ifndef LIMEF_TEST_CAMERA_ARGUMENTS_H
#define LIMEF_TEST_CAMERA_ARGUMENTS_H

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The value of an argument "key=value"; NULL: it is not there. */
static inline const char *argument(char **arguments, const char *key)
{
    size_t length = strlen(key);

    for (arguments++; *arguments; arguments++)
        if (!strncmp(*arguments, key, length) && (*arguments)[length] == '=')
            return *arguments + length + 1;
    return NULL;
}

static inline long number(char **arguments, const char *key, long missing)
{
    const char *value = argument(arguments, key);

    return value ? atol(value) : missing;
}

/* Zeroed memory, aligned as a graph and its filters want it; to be freed. */
static inline void *zeroed(size_t bytes)
{
    size_t all = (bytes + 63) / 64 * 64;
    void *memory = aligned_alloc(64, all);

    if (!memory)
        abort();
    return memset(memory, 0, all);
}

/* Of this process, resident. */
static inline int64_t read_memory_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long pages = 0;

    if (!file || fscanf(file, "%*d %ld", &pages) != 1)
        pages = 0;
    if (file)
        fclose(file);
    return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

/* How long threads of this process were ready to run while others had the processors: the sum of
 * those that are there. What takes long without it is of our own making, however slow the machine.
 * 0 where the kernel does not tell. */
static inline int64_t read_processor_wait_us(void)
{
    DIR *folder = opendir("/proc/self/task");
    const struct dirent *entry;
    int64_t sum_us = 0;

    while (folder && (entry = readdir(folder))) {
        long long ran_ns, waited_ns;
        char path[300];
        FILE *file;

        snprintf(path, sizeof(path), "/proc/self/task/%s/schedstat", entry->d_name);
        file = fopen(path, "r");
        if (file && fscanf(file, "%lld %lld", &ran_ns, &waited_ns) == 2)
            sum_us += waited_ns / 1000;
        if (file)
            fclose(file);
    }
    if (folder)
        closedir(folder);
    return sum_us;
}

/* What is left of a time that has passed since so much was waited for. */
static inline int64_t without_processor_wait_us(int64_t took_us, int64_t before_us)
{
    int64_t waited_us = read_processor_wait_us() - before_us;

    return waited_us <= 0 ? took_us : waited_us < took_us ? took_us - waited_us : 0;
}

static inline int count_entries(const char *path)
{
    DIR *folder = opendir(path);
    int n = 0;

    if (!folder)
        return 0;
    while (readdir(folder))
        n++;
    closedir(folder);
    return n;
}

#endif
