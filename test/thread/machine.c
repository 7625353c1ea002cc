/* SPDX-License-Identifier: MIT */
#include "thread/machine.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <limef/base/clock.h>
#include <limef/thread/machine.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[] = "/tmp/limef-machine-XXXXXX";
static char proc_cgroup[64];

static void make_root(void)
{
    cr_assert(ne(ptr, mkdtemp(root), NULL));
    snprintf(proc_cgroup, sizeof(proc_cgroup), "%s/proc-cgroup", root);
}

static void remove_root(void)
{
    char command[64];

    snprintf(command, sizeof(command), "rm -r %s", root);
    cr_assert(eq(int, system(command), 0));
}

TestSuite(machine, .init = make_root, .fini = remove_root, .timeout = 60);

/* Writes a file below the root, and its folders. */
static void put(const char *path, const char *text)
{
    char whole[256];
    FILE *file;

    snprintf(whole, sizeof(whole), "%s/%s", root, path);
    for (char *slash = whole + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        mkdir(whole, 0700);
        *slash = '/';
    }
    file = fopen(whole, "w");
    cr_assert(ne(ptr, file, NULL), "%s", whole);
    fputs(text, file);
    fclose(file);
}

static double quota(double n_cpus)
{
    return machine_quota(proc_cgroup, root, n_cpus);
}

Test(machine, without_control_groups_all_cores_are_there)
{
    cr_assert(eq(dbl, quota(4), 4));
    put("proc-cgroup", "0::/\n");
    cr_assert(eq(dbl, quota(4), 4));
}

Test(machine, a_quota_may_be_a_fraction)
{
    put("proc-cgroup", "0::/box\n");
    put("box/cpu.max", "50000 100000\n");
    cr_assert(eq(dbl, quota(4), 0.5));
    put("box/cpu.max", "150000 100000\n");
    cr_assert(eq(dbl, quota(4), 1.5));
}

Test(machine, a_quota_above_the_cores_gives_no_more)
{
    put("proc-cgroup", "0::/box\n");
    put("box/cpu.max", "800000 100000\n");
    cr_assert(eq(dbl, quota(4), 4));
    put("box/cpu.max", "max 100000\n");
    cr_assert(eq(dbl, quota(4), 4));
}

Test(machine, the_tightest_group_above_counts)
{
    put("proc-cgroup", "0::/outer/middle/inner\n");
    put("outer/cpu.max", "100000 100000\n");
    put("outer/middle/cpu.max", "300000 100000\n");
    put("outer/middle/inner/cpu.max", "max 100000\n");
    cr_assert(eq(dbl, quota(4), 1));
}

Test(machine, a_container_sees_its_quota_at_the_root)
{
    put("proc-cgroup", "0::/../../elsewhere/not/here\n");
    put("cpu.max", "200000 100000\n");
    cr_assert(eq(dbl, quota(4), 2));
}

Test(machine, version_1_has_two_files)
{
    put("proc-cgroup", "5:memory:/box\n4:cpu,cpuacct:/box\n0::/\n");
    put("cpu,cpuacct/box/cpu.cfs_quota_us", "25000\n");
    put("cpu,cpuacct/box/cpu.cfs_period_us", "100000\n");
    put("memory/box/cpu.cfs_quota_us", "1\n");
    put("memory/box/cpu.cfs_period_us", "100000\n");
    cr_assert(eq(dbl, quota(2), 0.25));
    put("cpu,cpuacct/box/cpu.cfs_quota_us", "-1\n");
    cr_assert(eq(dbl, quota(2), 2));
}

Test(machine, what_is_no_number_is_no_quota)
{
    put("proc-cgroup", "nonsense\n0::/box\n::\n");
    put("box/cpu.max", "what 100000\n");
    cr_assert(eq(dbl, quota(2), 2));
    put("box/cpu.max", "");
    cr_assert(eq(dbl, quota(2), 2));
    put("box/cpu.max", "100000 0\n");
    cr_assert(eq(dbl, quota(2), 2));
}

Test(machine, a_quota_that_shrinks_is_seen)
{
    put("proc-cgroup", "0::/box\n");
    put("box/cpu.max", "200000 100000\n");
    cr_assert(eq(dbl, quota(2), 2));
    put("box/cpu.max", "40000 100000\n");
    cr_assert(eq(dbl, quota(2), 0.4));
}

Test(machine, this_machine_has_some)
{
    cr_assert(gt(dbl, limef_machine_n_cpus(), 0));
    cr_assert(le(dbl, limef_machine_n_cpus(), (double)sysconf(_SC_NPROCESSORS_CONF)));
}

Test(machine, a_handover_is_measured_once)
{
    double us = limef_machine_handover_us();

    cr_assert(gt(dbl, us, 0));
    cr_assert(eq(dbl, limef_machine_handover_us(), us));
}
