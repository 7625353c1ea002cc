/* SPDX-License-Identifier: MIT */
/*
 * What a card agrees to. A card of its own ("hw:0") may have one rate, one format and one number of
 * channels; what is not as it is mixed is converted (card_samples.c, device_resampled.c), so that
 * no plugin has to.
 */
#include "audio/device_alsa.h"

#include "audio/pace.h"

#include <libavutil/common.h>

/* Periods that the device's buffer is to hold. */
#define N_PERIODS 3
#define MIN_PERIOD 16
#define MAX_PERIOD 8192
/* A part of a period with which it starts: the first may be a little shorter than those that fit.
 */
#define START_PART 2

/* Those that lose least come first. */
static const snd_pcm_format_t formats[] = {
    SND_PCM_FORMAT_FLOAT,   SND_PCM_FORMAT_S32_LE,  SND_PCM_FORMAT_S32_BE,  SND_PCM_FORMAT_S24_LE,
    SND_PCM_FORMAT_S24_BE,  SND_PCM_FORMAT_S24_3LE, SND_PCM_FORMAT_S24_3BE, SND_PCM_FORMAT_S20_3LE,
    SND_PCM_FORMAT_S20_3BE, SND_PCM_FORMAT_S16_LE,  SND_PCM_FORMAT_S16_BE,  SND_PCM_FORMAT_U16_LE,
    SND_PCM_FORMAT_U16_BE,  SND_PCM_FORMAT_S8,      SND_PCM_FORMAT_U8,
};

/* Each channel by itself is how cards for studios have them; some can only be written to in memory
 * that they share. */
static int choose_access(struct alsa_device *alsa, snd_pcm_hw_params_t *params, bool *has_planes)
{
    static const struct {
        snd_pcm_access_t access;
        bool is_mapped, has_planes;
    } ways[] = {
        {SND_PCM_ACCESS_RW_INTERLEAVED, false, false},
        {SND_PCM_ACCESS_RW_NONINTERLEAVED, false, true},
        {SND_PCM_ACCESS_MMAP_INTERLEAVED, true, false},
        {SND_PCM_ACCESS_MMAP_NONINTERLEAVED, true, true},
    };

    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        if (snd_pcm_hw_params_set_access(alsa->pcm, params, ways[i].access) < 0)
            continue;
        alsa->is_mapped = ways[i].is_mapped;
        *has_planes = ways[i].has_planes;
        return 0;
    }
    return -EINVAL;
}

static int choose_format(struct alsa_device *alsa, snd_pcm_hw_params_t *params)
{
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        snd_pcm_format_t format = formats[i];

        if (snd_pcm_hw_params_set_format(alsa->pcm, params, format) < 0)
            continue;
        alsa->format.bytes = (unsigned)snd_pcm_format_physical_width(format) / 8;
        if (format == SND_PCM_FORMAT_FLOAT)
            return 0;
        alsa->format.bits = (unsigned)snd_pcm_format_width(format);
        alsa->format.is_unsigned = snd_pcm_format_unsigned(format) == 1;
        alsa->format.is_big_endian = snd_pcm_format_big_endian(format) == 1;
        return 0;
    }
    return -EINVAL;
}

/* As many as are mixed, or a number near that. */
static int choose_channels(struct alsa_device *alsa, snd_pcm_hw_params_t *params)
{
    unsigned n = alsa->base.settings.n_channels;
    int ret = snd_pcm_hw_params_set_channels_near(alsa->pcm, params, &n);

    alsa->format.n_channels = n;
    return ret >= 0 && n > ALSA_MAX_CHANNELS ? -EINVAL : ret;
}

/* The device's own periods are half of a period, so that half a one may wait when the next is
 * mixed, as in pace.h; if it has such short ones. */
static int choose_period(struct alsa_device *alsa, snd_pcm_hw_params_t *params, uint32_t rate)
{
    struct audio_device_settings *settings = &alsa->base.settings;
    snd_pcm_uframes_t wanted = av_rescale(settings->period_frames, rate, settings->rate);
    snd_pcm_uframes_t spare = av_rescale(settings->spare_frames, rate, settings->rate);
    snd_pcm_uframes_t step = PACE_AHEAD_FRAMES(wanted), period, buffer;
    int ret = snd_pcm_hw_params_set_period_size_near(alsa->pcm, params, &step, NULL);

    period = step < wanted ? 2 * step : step;
    buffer = N_PERIODS * period + spare;
    if (ret >= 0)
        ret = snd_pcm_hw_params_set_buffer_size_near(alsa->pcm, params, &buffer);
    if (ret >= 0 && (period > MAX_PERIOD || period < MIN_PERIOD || buffer < 2 * period))
        ret = -EINVAL;
    settings->rate = rate;
    settings->period_frames = (uint32_t)period;
    settings->spare_frames = (uint32_t)spare;
    alsa->step_frames = step;
    alsa->buffer_frames = buffer;
    return ret;
}

int alsa_set_hardware(struct alsa_device *alsa)
{
    snd_pcm_hw_params_t *params;
    unsigned rate = alsa->base.settings.rate;
    bool has_planes = false;
    int ret;

    snd_pcm_hw_params_alloca(&params);
    ret = snd_pcm_hw_params_any(alsa->pcm, params);
    if (ret >= 0)
        ret = choose_access(alsa, params, &has_planes);
    if (ret >= 0) /* before the format: a rate costs more */
        ret = snd_pcm_hw_params_set_rate_near(alsa->pcm, params, &rate, NULL);
    if (ret >= 0)
        ret = choose_channels(alsa, params);
    if (ret >= 0)
        ret = choose_format(alsa, params);
    if (ret >= 0)
        ret = choose_period(alsa, params, rate);
    alsa->format.plane_frames = has_planes ? alsa->base.settings.period_frames : 0;
    return ret < 0 ? ret : snd_pcm_hw_params(alsa->pcm, params);
}

int alsa_set_software(struct alsa_device *alsa, snd_pcm_uframes_t ahead_frames)
{
    snd_pcm_uframes_t period = alsa->base.settings.period_frames;
    snd_pcm_sw_params_t *params;
    int ret;

    alsa->ahead_frames = ahead_frames;
    alsa->room_frames = alsa->buffer_frames - ahead_frames;
    snd_pcm_sw_params_alloca(&params);
    ret = snd_pcm_sw_params_current(alsa->pcm, params);
    if (ret >= 0)
        ret = snd_pcm_sw_params_set_start_threshold(alsa->pcm, params, period / START_PART);
    if (ret >= 0)
        ret = snd_pcm_sw_params_set_avail_min(alsa->pcm, params, alsa->room_frames);
    return ret < 0 ? ret : snd_pcm_sw_params(alsa->pcm, params);
}
