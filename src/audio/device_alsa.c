/* SPDX-License-Identifier: MIT */
/*
 * ALSA, which reaches PipeWire and PulseAudio as well: a module, loaded when somebody plays. It
 * links alsa-lib and nothing of limef.
 */
#include "audio/device_alsa.h"

#include <errno.h>
#include <libavutil/common.h>
#include <libavutil/error.h>
#include <stdlib.h>
#include <time.h>

/* A device that takes sound so many times faster than it can be played has no clock. */
#define WILD 1.3
#define WILD_WINDOW_US 1000000
/* How soon a suspended device is asked whether it can go on, and how often at least. */
#define RESUME_US 1000
#define MAX_RESUME_US 50000

extern const struct audio_device_ops limef_audio_module;

static struct alsa_device *alsa_of(struct audio_device *device)
{
    return LIMEF_CONTAINER_OF(device, struct alsa_device, base);
}

/* As limef_now_us(), without the library. */
static int64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void sleep_us(int64_t us)
{
    nanosleep(&(struct timespec){.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000}, NULL);
}

/* alsa-lib writes to standard error of its own accord. On this thread alone it does not, and not
 * where the application has a handler of its own. */
static void be_silent(const char *file, int line, const char *function, int error,
                      const char *format, va_list arguments)
{
    (void)file;
    (void)line;
    (void)function;
    (void)error;
    (void)format;
    (void)arguments;
}

static void alsa_close(struct audio_device *device)
{
    struct alsa_device *alsa = alsa_of(device);
    snd_local_error_handler_t before = snd_lib_error_set_local(be_silent);

    if (alsa->pcm)
        snd_pcm_close(alsa->pcm);
    snd_lib_error_set_local(before);
    free(alsa->period);
    free(alsa);
}

static int open_quietly(struct audio_device **device, const struct audio_device_settings *settings)
{
    struct alsa_device *alsa = calloc(1, sizeof(*alsa));
    int ret;

    if (!alsa)
        return AVERROR(ENOMEM);
    alsa->base.ops = &limef_audio_module;
    alsa->base.settings = *settings;
    ret = snd_pcm_open(&alsa->pcm, settings->device ? settings->device : "default",
                       SND_PCM_STREAM_PLAYBACK, SND_PCM_NONBLOCK);
    if (ret >= 0)
        ret = alsa_set_hardware(alsa);
    if (ret >= 0)
        ret =
            alsa_set_software(alsa, FFMIN(alsa->step_frames + alsa->base.settings.spare_frames,
                                          alsa->buffer_frames - alsa->base.settings.period_frames));
    if (ret >= 0) {
        alsa->period = calloc(alsa->base.settings.period_frames,
                              (size_t)alsa->format.bytes * alsa->format.n_channels);
        ret = alsa->period ? 0 : -ENOMEM;
    }
    if (ret < 0) {
        alsa_close(&alsa->base);
        return ret; /* alsa-lib's are negative errno codes, as AVERROR's are */
    }
    *device = &alsa->base;
    return 0;
}

static int alsa_open(struct audio_device **device, const struct audio_device_settings *settings)
{
    snd_local_error_handler_t before = snd_lib_error_set_local(be_silent);
    int ret = open_quietly(device, settings);

    snd_lib_error_set_local(before);
    return ret;
}

/*
 * A device that ran dry goes on, and one that was suspended as soon as it can; any other failure is
 * its loss. One that runs dry gets more to wait in it, as far as its buffer goes.
 */
static int recover(struct alsa_device *alsa, int error)
{
    int ret;

    if (error == -EINTR)
        return 0;
    if (error != -EPIPE && error != -ESTRPIPE)
        return error;
    LIMEF_COUNT(alsa->base.n_underruns, 1);
    alsa->suspended = error == -ESTRPIPE;
    if (alsa->suspended)
        return 0;
    ret = snd_pcm_prepare(alsa->pcm);
    if (ret >= 0 && alsa->ahead_frames + alsa->step_frames + alsa->base.settings.period_frames <=
                        alsa->buffer_frames)
        ret = alsa_set_software(alsa, alsa->ahead_frames + alsa->step_frames);
    return ret;
}

/* Has a suspended device go on, if it can by now; snd_pcm_recover() would sleep until it can. One
 * that never can takes nothing, and is lost by that. Returns 0; AVERROR(EAGAIN): not yet. */
static int resume(struct alsa_device *alsa, int64_t deadline_us)
{
    int ret = snd_pcm_resume(alsa->pcm);

    /* plugins may say that they do and do not */
    if (ret == -EAGAIN || (ret >= 0 && snd_pcm_state(alsa->pcm) == SND_PCM_STATE_SUSPENDED)) {
        alsa->resume_us = av_clip64(2 * alsa->resume_us, RESUME_US, MAX_RESUME_US);
        sleep_us(av_clip64(deadline_us - now_us(), 0, alsa->resume_us));
        return AVERROR(EAGAIN);
    }
    alsa->suspended = false;
    alsa->resume_us = 0;
    return ret < 0 ? snd_pcm_prepare(alsa->pcm) : 0;
}

/* What takes sound without playing it would have all of a film at once. */
static void hold_back(struct alsa_device *alsa)
{
    const struct audio_device_settings *settings = &alsa->base.settings;
    int64_t now = now_us(), passed_us = now - alsa->window_us;
    int64_t taken_us = (int64_t)(alsa->n_in_window * 1000000 / settings->rate);

    if (!alsa->window_us || (passed_us > WILD_WINDOW_US && !alsa->wild)) {
        alsa->window_us = now;
        alsa->n_in_window = 0;
    } else if (alsa->wild) {
        if (taken_us > passed_us)
            sleep_us(taken_us - passed_us);
    } else if (taken_us > (int64_t)(WILD * WILD_WINDOW_US)) {
        alsa->wild = true;
        alsa->window_us = now;
        alsa->n_in_window = 0;
    }
}

/* Offers it the period from a frame on; what it takes of that, or a negative errno code. */
static snd_pcm_sframes_t offer(struct alsa_device *alsa, uint32_t from, uint32_t n_frames)
{
    const struct card_format *format = &alsa->format;
    char *at = alsa->period + (size_t)from * format->bytes;
    void *planes[ALSA_MAX_CHANNELS];

    if (!format->plane_frames) {
        at = alsa->period + (size_t)from * format->bytes * format->n_channels;
        return alsa->is_mapped ? snd_pcm_mmap_writei(alsa->pcm, at, n_frames)
                               : snd_pcm_writei(alsa->pcm, at, n_frames);
    }
    for (unsigned c = 0; c < format->n_channels; c++)
        planes[c] = at + (size_t)c * format->plane_frames * format->bytes;
    return alsa->is_mapped ? snd_pcm_mmap_writen(alsa->pcm, planes, n_frames)
                           : snd_pcm_writen(alsa->pcm, planes, n_frames);
}

/* Gives the device what it has not taken of a period. Returns 0; AVERROR(EAGAIN): it takes no more
 * at the moment; another code: it is lost. */
static int write_rest(struct alsa_device *alsa)
{
    for (int tries = 0; alsa->n_left && !alsa->suspended && tries < 8; tries++) {
        snd_pcm_sframes_t n = offer(alsa, alsa->n_given - alsa->n_left, alsa->n_left);

        if (n == -EAGAIN)
            break;
        if (n < 0)
            n = recover(alsa, (int)n);
        if (n < 0)
            return (int)n;
        alsa->n_left -= (uint32_t)n;
        alsa->n_in_window += (uint64_t)n;
    }
    return alsa->n_left ? AVERROR(EAGAIN) : 0;
}

static int alsa_wait(struct audio_device *device, int64_t deadline_us, int64_t *heard_us)
{
    struct alsa_device *alsa = alsa_of(device);
    snd_pcm_sframes_t available, delay = 0;
    int64_t left_ms = (deadline_us - now_us()) / 1000;
    int ret;

    snd_lib_error_set_local(be_silent); /* the audio thread is the library's */
    hold_back(alsa);
    ret = alsa->suspended ? resume(alsa, deadline_us) : 0;
    if (ret < 0)
        return ret;
    ret = snd_pcm_wait(alsa->pcm, left_ms > 0 ? (int)left_ms : 0);
    if (ret == 0)
        return AVERROR(EAGAIN);
    if (ret < 0) {
        ret = recover(alsa, ret);
        return ret < 0 ? ret : AVERROR(EAGAIN);
    }
    if (alsa->n_left) {
        ret = write_rest(alsa);
        return ret < 0 ? ret : AVERROR(EAGAIN);
    }
    available = snd_pcm_avail_update(alsa->pcm);
    if (available < 0) {
        ret = recover(alsa, (int)available);
        return ret < 0 ? ret : AVERROR(EAGAIN);
    }
    if (available < (snd_pcm_sframes_t)alsa->room_frames) { /* some plugins wake for less */
        int64_t now = now_us(), missing = (snd_pcm_sframes_t)alsa->room_frames - available;

        sleep_us(FFMAX(FFMIN(missing * 1000000 / device->settings.rate, deadline_us - now), 0));
        return AVERROR(EAGAIN);
    }
    if (snd_pcm_delay(alsa->pcm, &delay) < 0 || delay < 0)
        delay = 0;
    *heard_us = device->dry_us = now_us();
    *heard_us += (int64_t)delay * 1000000 / device->settings.rate;
    device->dry_us += ((int64_t)alsa->buffer_frames - available) * 1000000 / device->settings.rate;
    return 0;
}

/* Room was seen; what it takes less than a period, for whatever reason, it gets at the next wait.
 */
static int alsa_write(struct audio_device *device, const float *frames, unsigned n_frames)
{
    struct alsa_device *alsa = alsa_of(device);
    int ret;

    card_samples_write(&alsa->format, alsa->period, frames, n_frames, device->settings.n_channels);
    alsa->n_given = alsa->n_left = n_frames;
    ret = write_rest(alsa);
    return ret == AVERROR(EAGAIN) ? 0 : ret;
}

__attribute__((visibility("default")))
const struct audio_device_ops limef_audio_module = {.kind = "alsa",
                                                    .abi = AUDIO_ABI,
                                                    .open = alsa_open,
                                                    .wait = alsa_wait,
                                                    .write = alsa_write,
                                                    .close = alsa_close};
