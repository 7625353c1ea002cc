/* SPDX-License-Identifier: MIT */
#include "audio/mixer_private.h"

#include <limef/base/log.h>

#include <errno.h>
#include <libavutil/error.h>
#include <math.h>
#include <string.h>

#define PEAK_FALL_DB_S 20.0f
#define RMS_WINDOW_S 0.3f
#define INAUDIBLE 1e-20f

int limef_mixer_init(struct limef_mixer *mixer, const char *name,
                     const struct limef_mixer_settings *settings)
{
    mixer->name = name ? name : "mixer";
    if (settings)
        mixer->settings = *settings;
    if (!mixer->settings.rate)
        mixer->settings.rate = 48000;
    if (!mixer->settings.n_channels)
        mixer->settings.n_channels = 2;
    if (mixer->settings.rate < 1000 || mixer->settings.rate > 768000 ||
        mixer->settings.n_channels > LIMEF_MIXER_MAX_CHANNELS ||
        (mixer->settings.ring && mixer->settings.ring->n_channels != mixer->settings.n_channels)) {
        int ret = limef_fail(AVERROR(EINVAL), mixer->name, "%u Hz, %u channels",
                             mixer->settings.rate, mixer->settings.n_channels);

        *mixer = (struct limef_mixer){0};
        return ret;
    }
    mixer->ops = mix_choose();
    mixer->gain = mixer->limiter.gain = 1;
    for (unsigned i = 0; i < LIMEF_MIXER_MAX_CHANNELS; i++)
        mixer->now[i] = 1;
    return 0;
}

const char *limef_mixer_loops(const struct limef_mixer *mixer)
{
    return mixer->ops->name;
}

struct mixer_fade mixer_fade_to(float *now, const float *target, unsigned n_channels,
                                unsigned n_frames)
{
    struct mixer_fade fade = {0};

    for (unsigned i = 0; i < n_channels; i++) {
        fade.from[i] = now[i];
        fade.step[i] = now[i] == target[i] ? 0 : (target[i] - now[i]) / (float)n_frames;
        now[i] = target[i];
    }
    return fade;
}

struct mix_gain mixer_gain_at(const struct mixer_fade *fade, unsigned n_channels, unsigned at)
{
    struct mix_gain gain;

    for (unsigned i = 0; i < MIX_LANES; i++) {
        unsigned channel = i % n_channels;

        gain.base[i] = fade->from[channel] + fade->step[channel] * (float)(at + 1 + i / n_channels);
        gain.step[i] = fade->step[channel] * (float)(MIX_LANES / n_channels);
    }
    return gain;
}

/* What falls and smooths in a block depends on its length, which hardly ever changes. */
static void find_coefficients(struct limef_mixer *mixer, unsigned n_frames)
{
    float seconds = (float)n_frames / (float)mixer->settings.rate;

    if (mixer->coefficients_of == n_frames)
        return;
    mixer->coefficients_of = n_frames;
    mixer->fall = powf(10, -PEAK_FALL_DB_S / 20 * seconds);
    mixer->smooth = 1 - expf(-seconds / RMS_WINDOW_S);
}

void mixer_follow(const struct limef_mixer *mixer, const struct mix_levels *seen, unsigned n_frames,
                  struct limef_levels *levels, float *square)
{
    unsigned n_channels = mixer->settings.n_channels;

    for (unsigned i = 0; i < n_channels; i++) {
        float peak = 0, sum = 0;

        for (unsigned lane = i; lane < MIX_LANES; lane += n_channels) {
            sum += seen->sum[lane];
            peak = seen->peak[lane] > peak ? seen->peak[lane] : peak;
        }
        levels->peak[i] *= mixer->fall;
        if (peak > levels->peak[i])
            levels->peak[i] = peak;
        square[i] += (sum / (float)n_frames - square[i]) * mixer->smooth;
        if (square[i] < INAUDIBLE) /* and slow to calculate with, when it becomes denormal */
            square[i] = 0;
        if (levels->peak[i] < INAUDIBLE)
            levels->peak[i] = 0;
        levels->rms[i] = sqrtf(square[i]);
    }
}

/* Gain, limiter and levels of the sum. */
static void finish(struct limef_mixer *mixer, float *out, unsigned n_frames)
{
    unsigned n_channels = mixer->settings.n_channels;
    float wanted = mixer->muted ? 0 : mixer->gain, target[] = {wanted, wanted};
    struct mixer_fade fade = mixer_fade_to(mixer->now, target, n_channels, n_frames);
    struct mix_gain gain = mixer_gain_at(&fade, n_channels, 0);
    struct mix_levels seen = {{0}};
    bool limited;

    mixer->ops->finish(out, (size_t)n_frames * n_channels, &gain, INFINITY, &seen);
    limited = mixer_limit(mixer, out, n_frames, &seen);
    LIMEF_COUNT(mixer->n_limited, limited);
    mixer_follow(mixer, &seen, n_frames, &mixer->levels, mixer->square);
    limef_snapshot_write(&mixer->levels_now, &mixer->levels, sizeof(mixer->levels));
}

/* A device that stood still plays what follows so much later than it would have. */
static void find_stall(struct limef_mixer *mixer, unsigned n_frames, int64_t heard_us)
{
    int64_t late_us = heard_us - mixer->due_us, most_us = 1000000;

    mixer->n_stalled = 0;
    if (mixer->n_blocks && late_us < most_us)
        mixer->n_stalled = (unsigned)FFMAX(late_us * mixer->settings.rate / 1000000, 0);
    mixer->due_us = heard_us + (int64_t)n_frames * 1000000 / mixer->settings.rate;
}

void limef_mixer_mix(struct limef_mixer *mixer, float *out, unsigned n_frames, int64_t heard_us)
{
    mixer_obey(mixer);
    find_coefficients(mixer, n_frames);
    find_stall(mixer, n_frames, heard_us);
    memset(out, 0, (size_t)n_frames * mixer->settings.n_channels * sizeof(*out));
    for (unsigned i = 0; i < mixer->n_inputs; i++)
        mixer_input_add(mixer, mixer->inputs[i], out, n_frames, heard_us);
    mixer_remains_add(mixer, &mixer->remains, out, n_frames);
    finish(mixer, out, n_frames);
    if (mixer->settings.ring)
        limef_broadcast_write(mixer->settings.ring, out, n_frames);
    LIMEF_COUNT(mixer->n_frames, n_frames);
    LIMEF_COUNT(mixer->n_blocks, 1);
}
