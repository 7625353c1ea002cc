/* SPDX-License-Identifier: MIT */
/* A device with a real clock, which nobody hears. */
#include "audio/device.h"
#include "audio/pace.h"

#include "base/memory_private.h"

#include <limef/base/clock.h>
#include <limef/base/log.h>

#include <errno.h>
#include <libavutil/error.h>
#include <time.h>

struct null_device {
    struct audio_device base;
    struct pace pace;
};

static struct null_device *null_of(struct audio_device *device)
{
    return LIMEF_CONTAINER_OF(device, struct null_device, base);
}

static int null_open(struct audio_device **device, const struct audio_device_settings *settings)
{
    struct null_device *null = memory_allocate(sizeof(*null));

    if (!null)
        return limef_fail(AVERROR(ENOMEM), settings->name, "a device");
    null->base.ops = &audio_device_null;
    null->base.settings = *settings;
    audio_device_null_begin(&null->base);
    *device = &null->base;
    return 0;
}

void audio_device_null_begin(struct audio_device *device)
{
    pace_init(&null_of(device)->pace, device->settings.rate, device->settings.period_frames,
              device->settings.spare_frames);
    atomic_store_explicit(&device->n_underruns, 0, memory_order_relaxed);
}

void audio_sleep_until(int64_t until_us)
{
    struct timespec t = {.tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000};

    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static int null_wait(struct audio_device *device, int64_t deadline_us, int64_t *heard_us)
{
    int64_t now_us = limef_now_us(), mixed_us;

    if (pace_next(&null_of(device)->pace, now_us, &mixed_us, heard_us))
        LIMEF_COUNT(device->n_underruns, 1);
    if (mixed_us > deadline_us) {
        audio_sleep_until(deadline_us);
        return AVERROR(EAGAIN);
    }
    if (mixed_us > now_us)
        audio_sleep_until(mixed_us);
    device->dry_us = *heard_us;
    return 0;
}

static int null_write(struct audio_device *device, const float *frames, unsigned n_frames)
{
    (void)frames;
    pace_write(&null_of(device)->pace, n_frames);
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
