/* SPDX-License-Identifier: MIT */
#include "audio/card_samples.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

static float channel_of(const float *frame, unsigned n_channels, unsigned channel, unsigned n_to)
{
    if (n_to < n_channels)
        return (frame[0] + frame[1]) / 2;
    if (n_channels == 1 && channel < 2)
        return frame[0];
    return channel < n_channels ? frame[channel] : 0;
}

static void put(const struct card_format *format, uint8_t *to, float sample)
{
    double most = (double)((UINT64_C(1) << (format->bits - 1)) - 1);
    uint64_t word = (uint64_t)llrint(fmin(fmax(sample, -1), 1) * most);

    if (format->is_unsigned)
        word += UINT64_C(1) << (format->bits - 1);
    for (unsigned i = 0; i < format->bytes; i++)
        to[format->is_big_endian ? format->bytes - 1 - i : i] = (uint8_t)(word >> 8 * i);
}

void card_samples_write(const struct card_format *format, void *to, const float *from,
                        size_t n_frames, unsigned n_channels)
{
    size_t frame_bytes = (size_t)format->bytes * (format->plane_frames ? 1 : format->n_channels);
    size_t channel_bytes =
        (size_t)format->bytes * (format->plane_frames ? format->plane_frames : 1);

    if (!format->bits && !format->plane_frames && format->n_channels == n_channels) {
        memcpy(to, from, n_frames * n_channels * sizeof(*from));
        return;
    }
    for (size_t i = 0; i < n_frames; i++)
        for (unsigned c = 0; c < format->n_channels; c++) {
            float sample = channel_of(from + i * n_channels, n_channels, c, format->n_channels);
            uint8_t *at = (uint8_t *)to + i * frame_bytes + c * channel_bytes;

            if (format->bits)
                put(format, at, sample);
            else
                memcpy(at, &sample, sizeof(sample));
        }
}
