/* SPDX-License-Identifier: MIT */
/* A device with a real clock, two periods deep, which nobody hears. */
#include "audio/device.h"

#include "base/memory_private.h"

#include <limef/base/clock.h>
#include <limef/base/log.h>

#include <errno.h>
#include <libavutil/error.h>
#include <time.h>

struct null_device {
    struct audio_device base;
    int64_t anchor_us; /* when frame 0 is heard */
    uint64_t n_frames; /* written since */
    bool started;
};

static struct null_device *null_of(struct audio_device *device)
{
    return LIMEF_CONTAINER_OF(device, struct null_device, base);
}

static int64_t frames_us(const struct null_device *device, uint64_t n_frames)
{
    return (int64_t)(n_frames * 1000000 / device->base.settings.rate);
}

static int null_open(struct audio_device **device, const struct audio_device_settings *settings)
{
    struct null_device *null = memory_allocate(sizeof(*null));

    if (!null)
        return limef_fail(AVERROR(ENOMEM), settings->name, "a device");
    null->base.ops = &audio_device_null;
    null->base.settings = *settings;
    *device = &null->base;
    return 0;
}

void audio_sleep_until(int64_t until_us)
{
    struct timespec t = {.tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000};

    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static int null_wait(struct audio_device *device, int64_t deadline_us, int64_t *heard_us)
{
    struct null_device *null = null_of(device);
    int64_t period_us = frames_us(null, device->settings.period_frames), now_us = limef_now_us();

    if (!null->started) {
        null->started = true;
        null->anchor_us = now_us + period_us;
    }
    *heard_us = null->anchor_us + frames_us(null, null->n_frames);
    if (now_us > *heard_us) { /* it ran dry, and goes on from now */
        LIMEF_COUNT(device->n_underruns, 1);
        null->anchor_us = *heard_us = now_us + period_us;
        null->n_frames = 0;
    }
    if (*heard_us - period_us > deadline_us) {
        audio_sleep_until(deadline_us);
        return AVERROR(EAGAIN);
    }
    if (*heard_us - period_us > now_us)
        audio_sleep_until(*heard_us - period_us);
    return 0;
}

static int null_write(struct audio_device *device, const float *frames)
{
    (void)frames;
    null_of(device)->n_frames += device->settings.period_frames;
    return 0;
}

static void null_close(struct audio_device *device)
{
    memory_release(null_of(device));
}

const struct audio_device_ops audio_device_null = {.kind = "null",
                                                   .abi = AUDIO_ABI,
                                                   .open = null_open,
                                                   .wait = null_wait,
                                                   .write = null_write,
                                                   .close = null_close};
