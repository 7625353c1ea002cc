/* SPDX-License-Identifier: MIT */
#include "base/libavformat.h"

#include "base/library.h"

#include <limef/base/log.h>

#include <libavutil/macros.h>
#include <pthread.h>

#define SONAME "libavformat.so." AV_STRINGIFY(LIBAVFORMAT_VERSION_MAJOR)

struct libavformat libavformat;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int result;
static char why[LIBRARY_WHY_BYTES];

static void load(void)
{
#define NAME(function) #function,
    static const char *const names[] = {LIBAVFORMAT_FUNCTIONS(NAME)
                                            LIBAVFORMAT_SIDE_DATA_FUNCTIONS(NAME)};

    result = library_load(SONAME, names, &libavformat, sizeof(names) / sizeof(names[0]), why);
}

int libavformat_load(const char *name)
{
    pthread_once(&once, load);
    return result < 0 ? limef_fail(result, name, "no files: %s", why) : 0;
}
