/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Which limef this is.
 */
#ifndef LIMEF_BASE_VERSION_H
#define LIMEF_BASE_VERSION_H

#include <limef/base/api.h>

LIMEF_BEGIN_DECLS

#define LIMEF_VERSION_MAJOR 0
#define LIMEF_VERSION_MINOR 1
#define LIMEF_VERSION_PATCH 0

/** The version of the library that runs, "0.1.0". @return a string that lives forever. Thread: any
 */
LIMEF_API const char *limef_version(void);

LIMEF_END_DECLS

#endif
