/* SPDX-License-Identifier: MIT */
/*
 * A device that is a callback of the application's: sound waits in a ring until it takes it. That
 * may come seldom and for much, so what is mixed follows a line that is as steep as it takes sound
 * on the whole: from one call to the next as many frames as the first of them took. A call that
 * comes late holds the line up; where none comes for long it goes on, so that inputs are read and
 * pictures go on, and the ring drops what is oldest.
 */
#include "audio/device.h"
#include "audio/pace.h"

#include "base/memory_private.h"

#include <limef/audio/callback.h>
#include <limef/base/log.h>

#include <errno.h>
#include <libavutil/common.h>
#include <libavutil/error.h>

/* A call that is so late does not come. */
#define AWAY_US 100000
/* How often it looks for one that is late. */
#define LOOK_US 500
#define SILENT_FRAMES 256
/* That wait more at most, however often it runs dry: delay helps no further. */
#define MOST_DRY_PERIODS 2

struct callback_device {
    struct audio_device base;
    struct limef_audio_callback *callback;
    uint64_t underruns_before; /* of the ring, when it was opened */
    uint32_t dry_frames;       /* that wait beyond half a period, since it ran dry */
    int64_t opened_us;         /* with nobody calling: the line begins there */
    uint64_t opened_at;        /* at this position of the ring */
};

/* Where sound is taken evenly. */
struct line {
    int64_t position;   /* of the frame that is taken now */
    int64_t latency_us; /* until that is heard */
};

static struct callback_device *callback_of(struct audio_device *device)
{
    return LIMEF_CONTAINER_OF(device, struct callback_device, base);
}

static int64_t frames_us(const struct callback_device *device, int64_t n_frames)
{
    return n_frames * 1000000 / (int64_t)device->base.settings.rate;
}

static int64_t us_frames(const struct callback_device *device, int64_t us)
{
    return us * (int64_t)device->base.settings.rate / 1000000;
}

static uint32_t call_frames(const struct callback_device *device)
{
    uint32_t n =
        FFMAX(LIMEF_COUNTED(device->callback->call_frames), device->callback->settings.call_frames);

    return n ? n : device->base.settings.period_frames;
}

/* That wait, by the line, when a period is mixed: what the next call takes at once, and a half. */
static uint32_t ahead_frames(const struct callback_device *device)
{
    const struct audio_device_settings *settings = &device->base.settings;
    uint32_t n_most = device->callback->ring.n_frames - 2 * settings->period_frames;

    return FFMIN(call_frames(device) + PACE_AHEAD_FRAMES(settings->period_frames) +
                     settings->spare_frames + device->dry_frames,
                 n_most);
}

static struct line find_line(const struct callback_device *device, int64_t now_us)
{
    struct limef_audio_call call;
    int64_t late_us;

    limef_snapshot_read(&device->callback->call, &call, sizeof(call));
    if (!call.due_us || call.due_us < device->opened_us - AWAY_US)
        return (struct line){(int64_t)device->opened_at +
                                 us_frames(device, now_us - device->opened_us),
                             frames_us(device, call_frames(device))};
    late_us = now_us - call.due_us;
    if (late_us > 0)
        late_us = FFMAX(late_us - AWAY_US, 0);
    return (struct line){(int64_t)call.position + us_frames(device, late_us),
                         call.heard_us - call.due_us};
}

/* Tells the callback what is too much for it. */
static void tell(struct callback_device *device)
{
    uint32_t n_kept = ahead_frames(device);

    LIMEF_SET(device->callback->n_kept, n_kept);
    LIMEF_SET(device->callback->n_most, n_kept + 2 * device->base.settings.period_frames);
}

static void count_underruns(struct callback_device *device)
{
    uint64_t n = LIMEF_COUNTED(device->callback->ring.n_underruns) - device->underruns_before;
    uint32_t period_frames = device->base.settings.period_frames;

    if (n != LIMEF_COUNTED(device->base.n_underruns))
        device->dry_frames = FFMIN(device->dry_frames + PACE_AHEAD_FRAMES(period_frames),
                                   MOST_DRY_PERIODS * period_frames);
    LIMEF_SET(device->base.n_underruns, n);
}

/* What is there before the first period, so that a call that comes at once has something. */
static void write_silence(struct callback_device *device)
{
    static const float silence[SILENT_FRAMES * LIMEF_SAMPLE_RING_MAX_CHANNELS];
    struct limef_sample_ring *ring = &device->callback->ring;
    uint32_t n_ahead = ahead_frames(device), n_there;

    /* a call may come meanwhile */
    while ((n_there = limef_sample_ring_fill(ring)) < n_ahead)
        limef_sample_ring_write(ring, silence, FFMIN(SILENT_FRAMES, n_ahead - n_there));
}

static int callback_open(struct audio_device **device, const struct audio_device_settings *settings)
{
    struct limef_audio_callback *callback = settings->callback;
    struct callback_device *opened;

    if (!callback || callback->ring.n_channels != settings->n_channels)
        return limef_fail(AVERROR(EINVAL), settings->name, "a callback of %u channels for %u",
                          callback ? callback->ring.n_channels : 0, settings->n_channels);
    opened = memory_allocate(sizeof(*opened));
    if (!opened)
        return limef_fail(AVERROR(ENOMEM), settings->name, "a device");
    opened->base.ops = &audio_device_callback;
    opened->base.settings = *settings;
    opened->base.settings.rate = callback->settings.rate;
    opened->base.settings.period_frames = (uint32_t)av_clip64(
        (int64_t)settings->period_frames * callback->settings.rate / settings->rate, 1,
        callback->ring.n_frames / 8);
    opened->base.settings.spare_frames =
        (uint32_t)((int64_t)settings->spare_frames * callback->settings.rate / settings->rate);
    opened->callback = callback;
    opened->underruns_before = LIMEF_COUNTED(callback->ring.n_underruns);
    tell(opened);
    write_silence(opened);
    opened->opened_us = limef_now_us();
    opened->opened_at = limef_sample_ring_head(&callback->ring) - ahead_frames(opened);
    *device = &opened->base;
    return 0;
}

static int callback_wait(struct audio_device *device, int64_t deadline_us, int64_t *heard_us)
{
    struct callback_device *callback = callback_of(device);

    for (;;) {
        int64_t now_us = limef_now_us();
        struct line line = find_line(callback, now_us);
        int64_t n_ahead =
            (int64_t)limef_sample_ring_head(&callback->callback->ring) - line.position;
        int64_t n_over = n_ahead - ahead_frames(callback);

        count_underruns(callback);
        tell(callback);
        if (n_over <= 0) {
            *heard_us = now_us + frames_us(callback, n_ahead) + line.latency_us;
            device->dry_us = now_us + frames_us(callback, n_ahead - call_frames(callback));
            return 0;
        }
        if (now_us >= deadline_us)
            return AVERROR(EAGAIN);
        audio_sleep_until(FFMIN(deadline_us, now_us + FFMAX(frames_us(callback, n_over), LOOK_US)));
    }
}

static int callback_write(struct audio_device *device, const float *frames, unsigned n_frames)
{
    limef_sample_ring_write(&callback_of(device)->callback->ring, frames, n_frames);
    return 0;
}

static void callback_close(struct audio_device *device)
{
    memory_release(callback_of(device));
}

const struct audio_device_ops audio_device_callback = {.kind = "callback",
                                                       .abi = AUDIO_ABI,
                                                       .open = callback_open,
                                                       .wait = callback_wait,
                                                       .write = callback_write,
                                                       .close = callback_close};
