/* SPDX-License-Identifier: MIT */
/* What the application's side of a callback output does. */
#include <limef/audio/callback.h>

#include <limef/base/log.h>

#include <errno.h>
#include <libavutil/common.h>
#include <libavutil/error.h>

#define LEAST_FRAMES 512
/* One that comes late comes in time the next time, for all that is known, but for so small a part.
 */
#define LATE_PART 32

int limef_audio_callback_init(struct limef_audio_callback *callback, float *samples,
                              unsigned n_frames,
                              const struct limef_audio_callback_settings *settings)
{
    struct limef_audio_callback_settings with = {0};
    int ret;

    if (settings)
        with = *settings;
    if (!with.rate)
        with.rate = 48000;
    if (!with.n_channels)
        with.n_channels = 2;
    if (n_frames < LEAST_FRAMES || with.call_frames > n_frames / 4 || with.rate < 1000 ||
        with.rate > 768000)
        return limef_fail(AVERROR(EINVAL), "callback", "%u frames for calls of %u, %u Hz", n_frames,
                          with.call_frames, with.rate);
    ret = limef_sample_ring_init(&callback->ring, samples, n_frames, with.n_channels);
    if (ret >= 0)
        callback->settings = with;
    return ret;
}

/* When the call that comes now was due. */
static int64_t find_due(const struct limef_audio_callback *callback, int64_t lasts_us)
{
    int64_t now_us = limef_now_us(), late_us = now_us - callback->due_us;

    return late_us < 0 || late_us > lasts_us ? now_us : callback->due_us + late_us / LATE_PART;
}

unsigned limef_audio_callback_read(struct limef_audio_callback *callback, float *frames,
                                   unsigned n_frames, int64_t heard_us)
{
    struct limef_sample_ring *ring = &callback->ring;
    uint32_t n_most = LIMEF_COUNTED(callback->n_most);
    int64_t lasts_us = (int64_t)n_frames * 1000000 / callback->settings.rate;
    struct limef_audio_call call = {.due_us = find_due(callback, lasts_us) + lasts_us};
    unsigned n;

    if (n_most && limef_sample_ring_fill(ring) > n_most)
        limef_sample_ring_skip(ring, FFMAX(LIMEF_COUNTED(callback->n_kept), n_frames));
    n = limef_sample_ring_read(ring, frames, n_frames);
    call.position = limef_sample_ring_tail(ring);
    call.heard_us = (heard_us == LIMEF_NO_TIME ? call.due_us : heard_us) + lasts_us;
    if (n_frames > LIMEF_COUNTED(callback->call_frames))
        LIMEF_SET(callback->call_frames, n_frames);
    callback->due_us = call.due_us;
    limef_snapshot_write(&callback->call, &call, sizeof(call));
    return n;
}
