/* SPDX-License-Identifier: MIT */
#include "driver.h"

#include <libavutil/frame.h>
#include <string.h>

/* P010 has its ten bits at the top of sixteen. */
#define P010_SHIFT 6

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

void pixels_copy(uint8_t *to, size_t to_pitch, const uint8_t *from, size_t from_pitch,
                 size_t row_bytes, unsigned n_rows)
{
    for (unsigned row = 0; row < n_rows; row++)
        memcpy(to + row * to_pitch, from + row * from_pitch, row_bytes);
}

static void interleave_8(uint8_t *to, const uint8_t *u, const uint8_t *v, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        to[2 * i] = u[i];
        to[2 * i + 1] = v[i];
    }
}

static void widen(uint16_t *to, unsigned step, const uint16_t *from, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        to[step * i] = (uint16_t)(from[i] << P010_SHIFT);
}

static void write_8(struct surface *surface, const AVFrame *picture, unsigned width,
                    unsigned n_rows)
{
    uint8_t *chroma = surface->memory.bytes + surface_chroma_offset(surface);
    size_t pitch = surface->memory.pitch_bytes;

    pixels_copy(surface->memory.bytes, pitch, picture->data[0], (size_t)picture->linesize[0], width,
                n_rows);
    for (unsigned row = 0; row < (n_rows + 1) / 2; row++)
        interleave_8(chroma + row * pitch, picture->data[1] + row * (size_t)picture->linesize[1],
                     picture->data[2] + row * (size_t)picture->linesize[2], (width + 1) / 2);
}

static const uint16_t *row_16(const AVFrame *picture, unsigned plane, unsigned row)
{
    return (const uint16_t *)(const void *)(picture->data[plane] +
                                            row * (size_t)picture->linesize[plane]);
}

static void write_10(struct surface *surface, const AVFrame *picture, unsigned width,
                     unsigned n_rows)
{
    uint16_t *luma = (uint16_t *)(void *)surface->memory.bytes;
    uint16_t *chroma = luma + surface_chroma_offset(surface) / 2;
    size_t pitch = surface->memory.pitch_bytes / 2;

    for (unsigned row = 0; row < n_rows; row++)
        widen(luma + row * pitch, 1, row_16(picture, 0, row), width);
    for (unsigned row = 0; row < (n_rows + 1) / 2; row++) {
        for (unsigned plane = 1; plane < 3; plane++)
            widen(chroma + row * pitch + plane - 1, 2, row_16(picture, plane, row),
                  (width + 1) / 2);
    }
}

bool pixels_write(struct surface *surface, const AVFrame *picture)
{
    unsigned sample_bytes = surface->format->sample_bytes;
    unsigned width = least((unsigned)picture->width, surface->memory.pitch_bytes / sample_bytes);
    unsigned n_rows = least((unsigned)picture->height, surface->n_rows);
    bool is_8 = picture->format == AV_PIX_FMT_YUV420P || picture->format == AV_PIX_FMT_YUVJ420P;
    bool is_10 = picture->format == AV_PIX_FMT_YUV420P10;

    if (!(is_8 && sample_bytes == 1) && !(is_10 && sample_bytes == 2))
        return false;
    memory_begin(&surface->memory, true);
    if (is_8)
        write_8(surface, picture, width, n_rows);
    else
        write_10(surface, picture, width, n_rows);
    memory_end(&surface->memory, true);
    return true;
}
