/* SPDX-License-Identifier: MIT */
#include "quota_group.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PERIOD_US 100000

static bool put(const char *folder, const char *name, const char *text)
{
    char path[PATH_MAX];
    FILE *file;
    bool is_put;

    if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
        return false;
    file = fopen(path, "r+e"); /* not one that is made for it */
    if (!file)
        return false;
    is_put = fputs(text, file) >= 0;
    return fclose(file) == 0 && is_put;
}

static bool move_to(const char *folder)
{
    char text[32];

    snprintf(text, sizeof(text), "%ld", (long)getpid());
    return put(folder, "cgroup.procs", text);
}

bool quota_group_set(const struct quota_group *group, unsigned n_cpus)
{
    char quota[64];

    if (group->is_unified) {
        snprintf(quota, sizeof(quota), "%u %u", n_cpus * PERIOD_US, PERIOD_US);
        return put(group->folder, "cpu.max", quota);
    }
    snprintf(quota, sizeof(quota), "%u", n_cpus * PERIOD_US);
    return put(group->folder, "cpu.cfs_quota_us", quota);
}

static bool enter(struct quota_group *group, unsigned n_cpus)
{
    if (snprintf(group->folder, sizeof(group->folder), "%.4000s/limef_test_%ld", group->parent,
                 (long)getpid()) < 0 ||
        mkdir(group->folder, 0755) < 0)
        return false;
    if (quota_group_set(group, n_cpus) && move_to(group->folder))
        return true;
    rmdir(group->folder);
    return false;
}

/* Of a line of /proc/self/cgroup. Returns whether it is of a hierarchy that has quotas. */
static bool read_line(struct quota_group *group, char *line)
{
    char *list = strchr(line, ':'), *path = list ? strchr(list + 1, ':') : NULL;

    if (!path)
        return false;
    *path++ = '\0';
    path[strcspn(path, "\n")] = '\0';
    list++;
    group->is_unified = !*list;
    if (*list && strcmp(list, "cpu") && strncmp(list, "cpu,", 4) && !strstr(list, ",cpu,"))
        return false;
    return snprintf(group->parent, sizeof(group->parent), "/sys/fs/cgroup/%s%s", list, path) <
           (int)sizeof(group->parent);
}

bool quota_group_enter(struct quota_group *group, unsigned n_cpus)
{
    FILE *file = fopen("/proc/self/cgroup", "re");
    bool is_in = false;
    char line[PATH_MAX];

    while (file && !is_in && fgets(line, sizeof(line), file))
        is_in = read_line(group, line) && enter(group, n_cpus);
    if (file)
        fclose(file);
    if (!is_in)
        *group = (struct quota_group){0};
    return is_in;
}

void quota_group_leave(struct quota_group *group)
{
    move_to(group->parent);
    rmdir(group->folder);
    *group = (struct quota_group){0};
}
