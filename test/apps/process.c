/* SPDX-License-Identifier: MIT */
#include "process.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

Test(apps_process, has_as_many_descriptors_as_it_may_have)
{
    struct rlimit limit;

    cr_assert(zero(int, getrlimit(RLIMIT_NOFILE, &limit)));
    limit.rlim_cur = limit.rlim_max / 2;
    cr_assert(zero(int, setrlimit(RLIMIT_NOFILE, &limit)));
    process_raise_descriptors();
    cr_assert(zero(int, getrlimit(RLIMIT_NOFILE, &limit)));
    cr_assert(eq(ulong, limit.rlim_cur, limit.rlim_max));
}
