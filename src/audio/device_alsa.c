/* SPDX-License-Identifier: MIT */
/*
 * ALSA, which reaches PipeWire and PulseAudio as well: a module, loaded when somebody plays. It
 * links alsa-lib and nothing of limef.
 */
#include "audio/device.h"
#include "audio/pace.h"

#include <alsa/asoundlib.h>
#include <errno.h>
#include <libavutil/common.h>
#include <libavutil/error.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

/* Periods that the device's buffer is to hold. */
#define N_PERIODS 3
/* A device that takes sound so many times faster than it can be played has no clock. */
#define WILD 1.3
#define WILD_WINDOW_US 1000000

extern const struct audio_device_ops limef_audio_module;

struct alsa_device {
    struct audio_device base;
    snd_pcm_t *pcm;
    snd_pcm_format_t format;
    size_t frame_bytes;
    char *period;    /* the latest, in the device's format */
    uint32_t n_left; /* its last frames, which the device has not taken yet */
    snd_pcm_uframes_t buffer_frames;
    snd_pcm_uframes_t step_frames;  /* how often the device itself comes by */
    snd_pcm_uframes_t ahead_frames; /* what waits in it when a period is mixed */
    snd_pcm_uframes_t room_frames;  /* so many fit then */
    int64_t window_us;              /* when the present window began; 0: not yet */
    uint64_t n_in_window;           /* frames that it took since */
    bool wild;
};

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

static int choose_format(snd_pcm_t *pcm, snd_pcm_hw_params_t *params, snd_pcm_format_t *format)
{
    static const snd_pcm_format_t formats[] = {SND_PCM_FORMAT_FLOAT, SND_PCM_FORMAT_S32,
                                               SND_PCM_FORMAT_S16};

    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        if (snd_pcm_hw_params_set_format(pcm, params, formats[i]) >= 0) {
            *format = formats[i];
            return 0;
        }
    return -EINVAL;
}

/* The device's own periods are half of a period, so that half a one may wait when the next is
 * mixed, as in pace.h; if it has such short ones. */
static int set_hardware(struct alsa_device *alsa)
{
    struct audio_device_settings *settings = &alsa->base.settings;
    snd_pcm_uframes_t step = PACE_AHEAD_FRAMES(settings->period_frames), period, buffer;
    snd_pcm_hw_params_t *params;
    unsigned rate = settings->rate;
    int ret;

    snd_pcm_hw_params_alloca(&params);
    ret = snd_pcm_hw_params_any(alsa->pcm, params);
    if (ret >= 0)
        ret = snd_pcm_hw_params_set_access(alsa->pcm, params, SND_PCM_ACCESS_RW_INTERLEAVED);
    if (ret >= 0)
        ret = choose_format(alsa->pcm, params, &alsa->format);
    if (ret >= 0)
        ret = snd_pcm_hw_params_set_channels(alsa->pcm, params, settings->n_channels);
    if (ret >= 0)
        ret = snd_pcm_hw_params_set_rate(alsa->pcm, params, rate, 0);
    if (ret >= 0)
        ret = snd_pcm_hw_params_set_period_size_near(alsa->pcm, params, &step, NULL);
    period = step < settings->period_frames ? 2 * step : step;
    buffer = N_PERIODS * period + settings->spare_frames;
    if (ret >= 0)
        ret = snd_pcm_hw_params_set_buffer_size_near(alsa->pcm, params, &buffer);
    if (ret >= 0)
        ret = snd_pcm_hw_params(alsa->pcm, params);
    if (ret >= 0 && (period > 8192 || period < 16 || buffer < 2 * period))
        ret = -EINVAL;
    settings->period_frames = (uint32_t)period;
    alsa->step_frames = step;
    alsa->buffer_frames = buffer;
    return ret;
}

/* It starts with its first period. */
static int set_software(struct alsa_device *alsa, snd_pcm_uframes_t ahead_frames)
{
    snd_pcm_uframes_t period = alsa->base.settings.period_frames;
    snd_pcm_sw_params_t *params;
    int ret;

    alsa->ahead_frames = ahead_frames;
    alsa->room_frames = alsa->buffer_frames - ahead_frames;
    snd_pcm_sw_params_alloca(&params);
    ret = snd_pcm_sw_params_current(alsa->pcm, params);
    if (ret >= 0)
        ret = snd_pcm_sw_params_set_start_threshold(alsa->pcm, params, period);
    if (ret >= 0)
        ret = snd_pcm_sw_params_set_avail_min(alsa->pcm, params, alsa->room_frames);
    return ret < 0 ? ret : snd_pcm_sw_params(alsa->pcm, params);
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
        ret = set_hardware(alsa);
    if (ret >= 0)
        ret = set_software(alsa, FFMIN(alsa->step_frames + settings->spare_frames,
                                       alsa->buffer_frames - alsa->base.settings.period_frames));
    if (ret >= 0) {
        alsa->frame_bytes =
            (size_t)snd_pcm_format_physical_width(alsa->format) / 8 * settings->n_channels;
        alsa->period = calloc(alsa->base.settings.period_frames, alsa->frame_bytes);
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
 * A device that ran dry, or was suspended, goes on; any other failure is its loss. One that runs
 * dry gets more to wait in it, as far as its buffer goes.
 */
static int recover(struct alsa_device *alsa, int error)
{
    int ret;

    if (error == -EPIPE)
        LIMEF_COUNT(alsa->base.n_underruns, 1);
    else if (error != -EINTR && error != -ESTRPIPE)
        return error;
    ret = snd_pcm_recover(alsa->pcm, error, 1);
    if (ret >= 0 && error == -EPIPE &&
        alsa->ahead_frames + alsa->step_frames + alsa->base.settings.period_frames <=
            alsa->buffer_frames)
        ret = set_software(alsa, alsa->ahead_frames + alsa->step_frames);
    return ret;
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

/* Gives the device what it has not taken of a period. Returns 0; AVERROR(EAGAIN): it takes no more
 * at the moment; another code: it is lost. */
static int write_rest(struct alsa_device *alsa)
{
    for (int tries = 0; alsa->n_left && tries < 8; tries++) {
        uint32_t n_taken = alsa->base.settings.period_frames - alsa->n_left;
        snd_pcm_sframes_t n =
            snd_pcm_writei(alsa->pcm, alsa->period + n_taken * alsa->frame_bytes, alsa->n_left);

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

static void convert(struct alsa_device *alsa, const float *frames)
{
    size_t n = (size_t)alsa->base.settings.period_frames * alsa->base.settings.n_channels;

    if (alsa->format == SND_PCM_FORMAT_FLOAT)
        memcpy(alsa->period, frames, n * sizeof(*frames));
    for (size_t i = 0; i < n && alsa->format != SND_PCM_FORMAT_FLOAT; i++) {
        double sample = fmin(fmax(frames[i], -1), 1);

        if (alsa->format == SND_PCM_FORMAT_S16)
            ((int16_t *)(void *)alsa->period)[i] = (int16_t)lrint(sample * INT16_MAX);
        else
            ((int32_t *)(void *)alsa->period)[i] = (int32_t)lrint(sample * INT32_MAX);
    }
}

/* Room was seen; what it takes less than a period, for whatever reason, it gets at the next wait.
 */
static int alsa_write(struct audio_device *device, const float *frames)
{
    struct alsa_device *alsa = alsa_of(device);
    int ret;

    convert(alsa, frames);
    alsa->n_left = device->settings.period_frames;
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
