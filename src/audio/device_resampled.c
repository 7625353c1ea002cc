/* SPDX-License-Identifier: MIT */
/* For a device that has not the mixer's rate: what is mixed is resampled on its way there. */
#include "audio/device.h"

#include "base/memory_private.h"

#include <limef/base/log.h>

#include <errno.h>
#include <libavutil/channel_layout.h>
#include <libavutil/common.h>
#include <libavutil/error.h>
#include <libavutil/mathematics.h>
#include <libswresample/swresample.h>

/* libswresample gives a frame more or less from time to time. */
#define SPARE_FRAMES 2
/* Periods of silence after which all that it allocates is there. */
#define N_PRIMED 8

struct resampled_device {
    struct audio_device base;
    struct audio_device_ops ops; /* its kind is that of what plays */
    struct SwrContext *swr;
    float *frames; /* a period of the device below */
};

static struct resampled_device *resampled_of(struct audio_device *device)
{
    return LIMEF_CONTAINER_OF(device, struct resampled_device, base);
}

static int resampled_wait(struct audio_device *device, int64_t deadline_us, int64_t *heard_us)
{
    struct audio_device *below = device->below;
    int ret = below->ops->wait(below, deadline_us, heard_us);

    atomic_store_explicit(&device->n_underruns, LIMEF_COUNTED(below->n_underruns),
                          memory_order_relaxed);
    device->dry_us = below->dry_us;
    if (ret >= 0) /* what is inside comes first */
        *heard_us += swr_get_delay(resampled_of(device)->swr, 1000000);
    return ret;
}

/* Returns how many frames are in resampled->frames then, or a negative code. */
static int resample(struct resampled_device *resampled, const float *frames, unsigned n_frames)
{
    const uint8_t *from = (const uint8_t *)frames;
    uint8_t *to = (uint8_t *)resampled->frames;

    return swr_convert(resampled->swr, &to, (int)resampled->base.below->settings.period_frames,
                       &from, (int)n_frames);
}

static int resampled_write(struct audio_device *device, const float *frames, unsigned n_frames)
{
    struct resampled_device *resampled = resampled_of(device);
    int n = resample(resampled, frames, n_frames);

    return n > 0 ? device->below->ops->write(device->below, resampled->frames, (unsigned)n) : n;
}

static void resampled_close(struct audio_device *device)
{
    struct resampled_device *resampled = resampled_of(device);

    device->below->ops->close(device->below);
    swr_free(&resampled->swr);
    memory_release(resampled->frames);
    memory_release(resampled);
}

static int open_resampler(struct resampled_device *resampled)
{
    const struct audio_device_settings *from = &resampled->base.settings;
    const struct audio_device_settings *to = &resampled->base.below->settings;
    AVChannelLayout layout = {0};
    int ret;

    av_channel_layout_default(&layout, (int)from->n_channels);
    ret = memory_permits()
              ? swr_alloc_set_opts2(&resampled->swr, &layout, AV_SAMPLE_FMT_FLT, (int)to->rate,
                                    &layout, AV_SAMPLE_FMT_FLT, (int)from->rate, 0, NULL)
              : AVERROR(ENOMEM);
    av_channel_layout_uninit(&layout);
    return ret < 0 ? ret : swr_init(resampled->swr);
}

/* So many of what it takes are never more than a period of the device below. */
static uint32_t find_period(const struct audio_device_settings *below, uint32_t rate, uint32_t most)
{
    uint32_t n = FFMAX(below->period_frames, SPARE_FRAMES + 1) - SPARE_FRAMES;

    return (uint32_t)av_clip64(av_rescale_rnd(n, rate, below->rate, AV_ROUND_DOWN), 1, most);
}

/* The first periods have it allocate what it needs. */
static int prime(struct resampled_device *resampled)
{
    const struct audio_device_settings *settings = &resampled->base.settings;
    float *silence =
        memory_allocate(settings->period_frames * settings->n_channels * sizeof(*silence));
    int ret = silence ? 0 : AVERROR(ENOMEM);

    for (int i = 0; i < N_PRIMED && ret >= 0; i++)
        ret = resample(resampled, silence, settings->period_frames);
    memory_release(silence);
    return FFMIN(ret, 0);
}

int audio_device_resample(struct audio_device **device, uint32_t rate, uint32_t most_frames)
{
    struct audio_device *below = *device;
    struct resampled_device *resampled = memory_allocate(sizeof(*resampled));
    int ret;

    if (!resampled) {
        below->ops->close(below);
        return AVERROR(ENOMEM);
    }
    resampled->ops = (struct audio_device_ops){.kind = below->ops->kind,
                                               .abi = AUDIO_ABI,
                                               .wait = resampled_wait,
                                               .write = resampled_write,
                                               .close = resampled_close};
    resampled->base.ops = &resampled->ops;
    resampled->base.below = below;
    resampled->base.settings = below->settings;
    resampled->base.settings.rate = rate;
    resampled->base.settings.period_frames = find_period(&below->settings, rate, most_frames);
    resampled->frames = memory_allocate(below->settings.period_frames * below->settings.n_channels *
                                        sizeof(*resampled->frames));
    ret = resampled->frames ? open_resampler(resampled) : AVERROR(ENOMEM);
    if (ret >= 0)
        ret = prime(resampled);
    if (ret < 0) {
        resampled_close(&resampled->base);
        return ret;
    }
    limef_log(LIMEF_LOG_INFO, below->settings.name,
              "the sound device has %u Hz: what is mixed at "
              "%u Hz is resampled",
              below->settings.rate, rate);
    *device = &resampled->base;
    return 0;
}
