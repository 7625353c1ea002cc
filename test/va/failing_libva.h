/* SPDX-License-Identifier: MIT */
/*
 * The functions of libva that no driver is asked for, and that can be made to fail; in a test
 * program before libva's own: limef_test_failing_libva.
 */
#ifndef LIMEF_TEST_VA_FAILING_LIBVA_H
#define LIMEF_TEST_VA_FAILING_LIBVA_H

#include <stdbool.h>
#include <va/va.h>
#include <va/va_drm.h>

/* X(result, function, parameters, arguments, what it returns when it fails) */
#define FAILING_LIBVA_FUNCTIONS(X)                                                                 \
    X(VADisplay, vaGetDisplayDRM, (int fd), (fd), NULL)                                            \
    X(VAStatus, vaInitialize, (VADisplay display, int *major, int *minor),                         \
      (display, major, minor), VA_STATUS_ERROR_OPERATION_FAILED)                                   \
    X(const char *, vaQueryVendorString, (VADisplay display), (display), NULL)                     \
    X(VAMessageCallback, vaSetErrorCallback,                                                       \
      (VADisplay display, VAMessageCallback callback, void *context),                              \
      (display, callback, context), NULL)                                                          \
    X(VAMessageCallback, vaSetInfoCallback,                                                        \
      (VADisplay display, VAMessageCallback callback, void *context),                              \
      (display, callback, context), NULL)                                                          \
    X(int, vaMaxNumProfiles, (VADisplay display), (display), 0)                                    \
    X(int, vaMaxNumEntrypoints, (VADisplay display), (display), 0)                                 \
    X(int, vaMaxNumImageFormats, (VADisplay display), (display), 0)                                \
    X(const char *, vaErrorStr, (VAStatus status), (status), "no words")

/* What fails, set by a test; the numbers count from then. */
extern struct failing_libva {
    const char *name; /* NULL: nothing */
    unsigned first;   /* of its calls, from 1 */
    bool onward;      /* and all after it */
    unsigned n_calls, n_failed;
} failing_libva;

#endif
