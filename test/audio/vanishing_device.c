/* SPDX-License-Identifier: MIT */
/*
 * A module with a device that goes away after ten periods, is not there when it is first tried
 * again, and comes back then. It links nothing of limef.
 */
#include "audio/device.h"

#include <errno.h>
#include <libavutil/error.h>
#include <stdlib.h>
#include <time.h>

#define N_PERIODS 10

extern const struct audio_device_ops limef_audio_module;

struct vanishing_device {
    struct audio_device base;
    int n_left; /* periods until it vanishes; below 0: it stays */
};

static int n_opened;

static int vanishing_open(struct audio_device **device,
                          const struct audio_device_settings *settings)
{
    struct vanishing_device *vanishing;

    if (++n_opened == 2)
        return AVERROR(ENODEV);
    vanishing = calloc(1, sizeof(*vanishing));
    if (!vanishing)
        return AVERROR(ENOMEM);
    vanishing->base.ops = &limef_audio_module;
    vanishing->base.settings = *settings;
    vanishing->base.settings.period_frames = 100; /* has its own mind */
    vanishing->n_left = n_opened == 1 ? N_PERIODS : -1;
    *device = &vanishing->base;
    return 0;
}

static int vanishing_wait(struct audio_device *device, int64_t deadline_us, int64_t *heard_us)
{
    struct vanishing_device *vanishing = LIMEF_CONTAINER_OF(device, struct vanishing_device, base);

    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    *heard_us = deadline_us;
    if (vanishing->n_left == 0)
        return AVERROR(ENODEV);
    vanishing->n_left -= vanishing->n_left > 0;
    return 0;
}

static int vanishing_write(struct audio_device *device, const float *frames)
{
    (void)device;
    (void)frames;
    return 0;
}

static void vanishing_close(struct audio_device *device)
{
    free(LIMEF_CONTAINER_OF(device, struct vanishing_device, base));
}

__attribute__((visibility("default")))
const struct audio_device_ops limef_audio_module = {.kind = "vanishing",
                                                    .abi = AUDIO_ABI,
                                                    .open = vanishing_open,
                                                    .wait = vanishing_wait,
                                                    .write = vanishing_write,
                                                    .close = vanishing_close};
