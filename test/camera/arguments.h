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
