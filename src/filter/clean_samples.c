/* SPDX-License-Identifier: MIT */
#include "filter/clean_samples.h"

#include <float.h>
#include <libavutil/frame.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

/* 20 dB over full scale */
#define LARGEST 10

static bool is_clean(double sample)
{
    double magnitude = fabs(sample);

    /* not a number: every comparison says no */
    return magnitude <= LARGEST && (magnitude >= FLT_MIN || magnitude == 0);
}

static double cleaned(double sample)
{
    return is_clean(sample) ? sample : 0;
}

/* Most blocks are clean: the loop has no branch, so that the compiler can take several at once. */
static size_t count_floats(const float *samples, size_t n)
{
    uint32_t n_bad = 0;

    for (size_t i = 0; i < n; i++) {
        float magnitude = fabsf(samples[i]);

        n_bad += !((magnitude <= LARGEST) & ((magnitude >= FLT_MIN) | (magnitude == 0)));
    }
    return n_bad;
}

static size_t count_doubles(const double *samples, size_t n)
{
    size_t n_bad = 0;

    for (size_t i = 0; i < n; i++)
        n_bad += !is_clean(samples[i]);
    return n_bad;
}

static int n_planes(const AVFrame *block)
{
    return av_sample_fmt_is_planar(block->format) ? block->ch_layout.nb_channels : 1;
}

static size_t n_in_plane(const AVFrame *block)
{
    return (size_t)block->nb_samples *
           (size_t)(av_sample_fmt_is_planar(block->format) ? 1 : block->ch_layout.nb_channels);
}

size_t clean_samples_count(const AVFrame *block)
{
    enum AVSampleFormat packed = av_get_packed_sample_fmt(block->format);
    size_t n_bad = 0, n = n_in_plane(block);

    for (int i = 0; i < n_planes(block); i++) {
        const void *samples = block->extended_data[i];

        if (packed == AV_SAMPLE_FMT_FLT)
            n_bad += count_floats(samples, n);
        else if (packed == AV_SAMPLE_FMT_DBL)
            n_bad += count_doubles(samples, n);
    }
    return n_bad;
}

void clean_samples(AVFrame *block)
{
    bool is_double = av_get_packed_sample_fmt(block->format) == AV_SAMPLE_FMT_DBL;
    size_t n = n_in_plane(block);

    for (int plane = 0; plane < n_planes(block); plane++) {
        void *samples = block->extended_data[plane];

        for (size_t i = 0; i < n; i++) {
            if (is_double)
                ((double *)samples)[i] = cleaned(((double *)samples)[i]);
            else
                ((float *)samples)[i] = (float)cleaned(((float *)samples)[i]);
        }
    }
}
