/* SPDX-License-Identifier: MIT */
/*
 * A card that is not there: the calls of libdrm that the KMS output makes, answered from a table
 * that a test fills. What GBM would do is not faked.
 */
#ifndef LIMEF_TEST_GPU_KMS_FAKE_H
#define LIMEF_TEST_GPU_KMS_FAKE_H

#include "gpu/kms.h"

#define FAKE_MAX_HANDLES 8

/* What was asked of the card, and what it answers. */
extern struct fake_card {
    int import_error, add_error, commit_error; /* errno; 0: it works */
    uint32_t takes_plane;                      /* TEST_ONLY: the plane that shows it; 0: any */
    bool modifiers;                            /* it knows them */
    unsigned n_imports, n_added, n_removed, n_closed, n_tests, n_commits;
    uint32_t last_flags;
    uint32_t added_flags; /* of the last framebuffer, taken or not; and its first modifier */
    uint64_t added_modifier;
    uint64_t last_number; /* of the last commit that was no test: its user data */
    uint64_t flips;       /* the number that drmHandleEvent() hands out */
    uint32_t shown[16];   /* by plane: the framebuffer of the last commit that was no test */
    uint64_t fences[16];  /* likewise what it waits for; 0: nothing */
} fake_card;

/* For a plane that waits for fences; that of fake_open() do not. */
#define FAKE_IN_FENCE 5

extern const struct kms_calls fake_calls;

/* An output on it with a display of 640x480, a primary plane 1 (XRGB8888, NV12) and an overlay 2
 * (NV12). */
void fake_open(struct kms *kms, struct output *output);

#endif
