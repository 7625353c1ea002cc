/* SPDX-License-Identifier: MIT */
/*
 * A card with one display, a GBM and an EGL on it, that are not there: all that the KMS output
 * calls. What was made and not given back is counted, and what the display would show is known.
 */
#ifndef LIMEF_TEST_GPU_PLAYED_CARD_H
#define LIMEF_TEST_GPU_PLAYED_CARD_H

#include "gpu/gl.h"
#include "gpu/kms_calls.h"

#define PLAYED_WIDTH 640
#define PLAYED_HEIGHT 480
#define PLAYED_SMALL_WIDTH 320
#define PLAYED_SMALL_HEIGHT 200
/* The framebuffer that is on the screen before. */
#define PLAYED_FORMER 30
#define PLAYED_MAX_HANDLES 1024
/* Of EGL's configurations, the one that fits the display. */
#define PLAYED_RIGHT_CONFIG 120

extern struct played_card {
    bool unplugged, lost_link;
    bool is_small; /* the display that is plugged in: PLAYED_SMALL_... */
    bool is_master;
    int asked_fd, vouched_by_fd; /* whose magic was asked for; who vouched for it */
    uint32_t shown;              /* the framebuffer on the CRTC */
    uint64_t pending;            /* the number of the commit whose flip will come; 0: none */
    unsigned n_flips;
    const char *wrong; /* what nobody may ask of a card; NULL: nothing was */
    /* alive: what a call lent; of the kernel; of GBM and EGL */
    int n_lent, n_blobs, n_framebuffers, n_dumbs, n_gbm, n_egl;
    bool handles[PLAYED_MAX_HANDLES];
} played_card;

/* A card as it is after the machine has started. */
void played_card_reset(void);

/* What is called of libdrm and libgbm. */
struct kms_calls played_card_calls(void);

/* What was made and not given back. NULL: nothing. */
const char *played_card_left(void);

/* The EGL on it: GBM's, with fences. */
void played_card_gl(struct gl *gl);

/* Of played_card.c and played_gbm.c alone. */
void played_card_note_wrong(const char *what);
void played_gbm_fill(struct kms_calls *calls);

#endif
