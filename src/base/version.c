/* SPDX-License-Identifier: MIT */
#include <limef/base/version.h>

#define TEXT_OF(number) #number
#define VERSION_TEXT(major, minor, patch) TEXT_OF(major) "." TEXT_OF(minor) "." TEXT_OF(patch)

const char *limef_version(void)
{
    return VERSION_TEXT(LIMEF_VERSION_MAJOR, LIMEF_VERSION_MINOR, LIMEF_VERSION_PATCH);
}
