/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <limef/base/version.h>
#include <stdio.h>

Test(version, header_library_and_project_agree)
{
    char header[32];

    snprintf(header, sizeof(header), "%d.%d.%d", LIMEF_VERSION_MAJOR, LIMEF_VERSION_MINOR,
             LIMEF_VERSION_PATCH);
    cr_assert(eq(str, header, (char *)PROJECT_VERSION));
    cr_assert(eq(str, (char *)limef_version(), header));
}
