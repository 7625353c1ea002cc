/* SPDX-License-Identifier: MIT */
/*
 * The least that flips at the rate of the display: two dumb buffers in turn, each given to the
 * kernel as soon as the flip before has come. What it misses is the machine's, not ours.
 */
#include "stage.h"

#include <limef/base/clock.h>

#include <drm_fourcc.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#define N_FLIPS 180
#define FLIP_MS 5000
/* That of the library's display threads. */
#define REAL_TIME_PRIORITY 10

struct flips {
    struct card card;
    drmModeModeInfo mode;
    struct picture pictures[2];
    uint32_t framebuffers[2];
    int64_t at_us;
};

static void choose_mode(struct flips *flips)
{
    drmModeConnector *connector = drmModeGetConnector(flips->card.fd, flips->card.connector);

    for (int i = 0; connector && i < connector->count_modes; i++)
        if (connector->modes[i].hdisplay == STAGE_WIDTH &&
            connector->modes[i].vdisplay == STAGE_HEIGHT)
            flips->mode = connector->modes[i];
    drmModeFreeConnector(connector);
    if (!flips->mode.hdisplay)
        die("the display has no mode of %dx%d", STAGE_WIDTH, STAGE_HEIGHT);
}

static void set_up(struct flips *flips)
{
    card_open(&flips->card, stage_path);
    choose_mode(flips);
    for (int i = 0; i < 2; i++) {
        struct picture *picture = &flips->pictures[i];

        picture_open(picture, &flips->card, DRM_FORMAT_XRGB8888, STAGE_WIDTH, STAGE_HEIGHT, 9 * i);
        if (drmModeAddFB2(flips->card.fd, STAGE_WIDTH, STAGE_HEIGHT, DRM_FORMAT_XRGB8888,
                          (uint32_t[4]){picture->handle}, (uint32_t[4]){picture->pitch},
                          (uint32_t[4]){0}, &flips->framebuffers[i], 0) < 0)
            die("no framebuffer: %s", strerror(errno));
    }
    if (drmModeSetCrtc(flips->card.fd, flips->card.crtc, flips->framebuffers[1], 0, 0,
                       &flips->card.connector, 1, &flips->mode) < 0)
        die("no mode: %s", strerror(errno));
}

static void note_flip(int fd, unsigned sequence, unsigned seconds, unsigned us, void *context)
{
    struct flips *flips = context;

    (void)fd;
    (void)sequence;
    flips->at_us = (int64_t)seconds * 1000000 + us;
}

/* Flips, and waits for it. When it was given to the kernel. */
static int64_t flip(struct flips *flips, int which)
{
    drmEventContext events = {.version = 2, .page_flip_handler = note_flip};
    struct pollfd ready = {.fd = flips->card.fd, .events = POLLIN};
    int64_t given_us;

    if (drmModePageFlip(flips->card.fd, flips->card.crtc, flips->framebuffers[which],
                        DRM_MODE_PAGE_FLIP_EVENT, flips) < 0)
        die("no flip: %s", strerror(errno));
    given_us = limef_now_us();
    if (poll(&ready, 1, FLIP_MS) <= 0)
        die("no flip came within %d ms", FLIP_MS);
    drmHandleEvent(flips->card.fd, &events);
    return given_us;
}

void flips_of_two_buffers(void)
{
    struct sched_param param = {.sched_priority = REAL_TIME_PRIORITY};
    int64_t period_us, longest_us = 0;
    unsigned n_missed = 0, n_missed_here = 0;
    struct flips flips = {0};

    sched_setscheduler(0, SCHED_RR, &param);
    set_up(&flips);
    period_us = (int64_t)flips.mode.htotal * flips.mode.vtotal * 1000 / (int64_t)flips.mode.clock;
    flip(&flips, 0);
    for (int i = 1; i <= N_FLIPS; i++) {
        int64_t before_us = flips.at_us, given_us = flip(&flips, i % 2);
        int64_t lasted_us = flips.at_us - before_us;

        n_missed += lasted_us > period_us * 3 / 2;
        n_missed_here += lasted_us > period_us * 3 / 2 && given_us >= before_us + period_us;
        longest_us = lasted_us > longest_us ? lasted_us : longest_us;
    }
    printf("{\"flips\": %d, \"missed_flips\": %u, \"missed_here\": %u, \"period_us\": %d, "
           "\"longest_us\": %d}\n",
           N_FLIPS, n_missed, n_missed_here, (int)period_us, (int)longest_us);
    for (int i = 0; i < 2; i++) {
        drmModeRmFB(flips.card.fd, flips.framebuffers[i]);
        picture_close(&flips.pictures[i]);
    }
    card_close(&flips.card);
    param.sched_priority = 0;
    sched_setscheduler(0, SCHED_OTHER, &param);
}
