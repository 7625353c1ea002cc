/* SPDX-License-Identifier: MIT */
/* What a test program without Criterion checks with: the first thing that is not so ends it. */
#ifndef LIMEF_TEST_SUPPORT_CHECK_H
#define LIMEF_TEST_SUPPORT_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

#endif
