/* SPDX-License-Identifier: MIT */
/*
 * What the KMS output calls of libdrm, libgbm and EGL, of which one can be made to fail: it does
 * nothing then, sets errno, and returns what means so. The wrappers come from the tables that the
 * output itself calls by, so that none is forgotten.
 */
#ifndef LIMEF_TEST_GPU_FAILING_KMS_H
#define LIMEF_TEST_GPU_FAILING_KMS_H

#include "gpu/gl.h"
#include "gpu/kms_calls.h"

/* What fails, set by a test; the numbers count from then. */
extern struct failing_kms {
    const char *name; /* NULL: nothing */
    unsigned first;   /* of its calls, from 1 */
    bool onward;      /* and all after it */
    int error;        /* errno */
    unsigned n_calls, n_failed;
} failing_kms;

/* All that the output may call, and how often it did. */
extern struct failing_kms_call {
    const char *name;
    bool returns; /* else it cannot fail */
    unsigned n_calls;
} failing_kms_list[];
extern const unsigned failing_kms_n_list;

/* Wrappers around other functions, which are kept until they are wrapped again. */
const struct kms_calls *failing_kms_wrap(const struct kms_calls *calls);
/* Likewise in place: those of EGL that there are. */
void failing_kms_wrap_egl(struct gl *gl);

#endif
