/* SPDX-License-Identifier: MIT */
/* How a pixel format of libavutil lies in textures, and what its numbers mean. Pure. */
#ifndef LIMEF_SRC_GPU_PICTURE_FORMAT_H
#define LIMEF_SRC_GPU_PICTURE_FORMAT_H

#include <stdbool.h>

struct AVFrame;

/* What a shader has to do; each is a program. */
enum picture_kind {
    PICTURE_YUV,  /* three planes */
    PICTURE_UV,   /* luma, and U and V in turn: NV12, P010 */
    PICTURE_VU,   /* NV21 */
    PICTURE_GRAY, /* luma alone */
    PICTURE_GBR,  /* three planes: G, B, R */
    PICTURE_RGB,  /* packed, by the order of channels in memory */
    PICTURE_BGR,
    PICTURE_XRGB,
    PICTURE_XBGR,
    PICTURE_EXTERNAL, /* one texture of the driver's, which converts it to RGB by itself */
    PICTURE_N_KINDS,
};

struct picture_format {
    enum picture_kind kind;
    unsigned n_planes;
    unsigned n_channels[3]; /* of plane i: 1..4 */
    unsigned channel_bytes; /* 1 or 2 */
    int shift_x, shift_y;   /* of the chroma planes' size */
    int depth;              /* bits of a sample */
    float scale;            /* from a texture's 0..1 to sample / largest sample */
};

/* 0; AVERROR(ENOSYS): no such shader, convert it. wide: 16-bit textures can be had. */
int picture_format_of(struct picture_format *format, int pix_fmt, bool wide);

/* How large plane i of a picture is, in texels. */
void picture_plane_size(const struct picture_format *format, unsigned i, int width, int height,
                        int *plane_width, int *plane_height);

/*
 * red = luma[3] * Y + chroma[0] * V + luma[0], green = luma[3] * Y + chroma[1] * U + chroma[2] * V
 * + luma[1], blue = luma[3] * Y + chroma[3] * U + luma[2], of texture values: ITU-T H.273, 8.3
 * and 8.7.
 */
struct picture_matrix {
    float luma[4], chroma[4];
};

void picture_matrix_of(struct picture_matrix *matrix, const struct picture_format *format,
                       const struct AVFrame *av);

/* Where chroma samples lie: what to add to a position in luma samples / 2^shift. In chroma samples.
 */
void picture_chroma_offset(const struct picture_format *format, const struct AVFrame *av, float *x,
                           float *y);

#endif
