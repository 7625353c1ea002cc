/* SPDX-License-Identifier: MIT */
/*
 * Blocks of sound for tests, and a filter that keeps what comes.
 */
#ifndef LIMEF_TEST_SUPPORT_SOUND_H
#define LIMEF_TEST_SUPPORT_SOUND_H

#include <limef/filter/filter.h>
#include <limef/frame/decoded.h>

#include <libavutil/frame.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A block of float samples, interleaved or planar, as decoders give it. */
struct sound_block {
    struct limef_decoded_frame frame;
    AVFrame *av;
};

static inline void sound_block_make(struct sound_block *block, int rate, int n_channels,
                                    int n_frames, enum AVSampleFormat format)
{
    AVFrame *av = block->av = av_frame_alloc();

    av->sample_rate = rate;
    av->nb_samples = n_frames;
    av->format = format;
    av_channel_layout_default(&av->ch_layout, n_channels);
    if (av_frame_get_buffer(av, 0) < 0)
        abort();
    memset(&block->frame, 0, sizeof(block->frame));
    block->frame.frame.frame_class = LIMEF_FRAME_DECODED;
    block->frame.frame.media = LIMEF_MEDIA_AUDIO;
    block->frame.av = av;
}

static inline void sound_block_set(struct sound_block *block, int channel, int i, float value)
{
    AVFrame *av = block->av;

    if (av->format == AV_SAMPLE_FMT_FLTP)
        ((float *)(void *)av->extended_data[channel])[i] = value;
    else
        ((float *)(void *)av->data[0])[i * av->ch_layout.nb_channels + channel] = value;
}

/* A tone in all channels, from frame `at` of it on. */
static inline void sound_block_tone(struct sound_block *block, double hz, int64_t at)
{
    for (int i = 0; i < block->av->nb_samples; i++)
        for (int c = 0; c < block->av->ch_layout.nb_channels; c++)
            sound_block_set(
                block, c, i,
                (float)(0.5 * sin(2 * M_PI * hz * (double)(at + i) / block->av->sample_rate)));
}

static inline void sound_block_free(struct sound_block *block)
{
    av_frame_free(&block->av);
}

/* Keeps the first channel of what comes, and the header of the last block. */
struct sound_keeper {
    struct limef_filter filter;
    float *samples;
    size_t n, n_most;
    int rate, n_channels, format;
    struct limef_frame first, last;
    unsigned n_blocks, n_signals;
    int answer;
};

static inline int sound_keeper_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct sound_keeper *keeper = LIMEF_CONTAINER_OF(filter, struct sound_keeper, filter);
    const struct limef_decoded_frame *decoded = limef_decoded_frame_from(in);

    if (!decoded) {
        keeper->n_signals++;
        return 0;
    }
    keeper->rate = decoded->av->sample_rate;
    keeper->n_channels = decoded->av->ch_layout.nb_channels;
    keeper->format = decoded->av->format;
    if (!keeper->n_blocks++)
        keeper->first = *in;
    keeper->last = *in;
    for (int i = 0; i < decoded->av->nb_samples && keeper->n < keeper->n_most; i++)
        keeper->samples[keeper->n++] =
            ((const float *)(const void *)decoded->av->data[0])[i * keeper->n_channels];
    return keeper->answer;
}

static const struct limef_filter_ops sound_keeper_ops = {.kind = "keeper", .go = sound_keeper_go};

static inline void sound_keeper_init(struct sound_keeper *keeper, float *samples, size_t n_most)
{
    *keeper = (struct sound_keeper){.samples = samples, .n_most = n_most};
    limef_filter_init(&keeper->filter, &sound_keeper_ops, NULL);
}

/* How far a sound is from being a pure tone: the largest deviation from what the two samples before
 * make of it, in units of full scale. A jump of phase or a gap makes it large. */
static inline double sound_roughness(const float *samples, size_t n, double hz, double rate)
{
    double k = 2 * cos(2 * M_PI * hz / rate), worst = 0;

    for (size_t i = 2; i < n; i++) {
        double deviation = fabs(samples[i] - (k * samples[i - 1] - samples[i - 2]));

        worst = deviation > worst ? deviation : worst;
    }
    return worst;
}

#endif
