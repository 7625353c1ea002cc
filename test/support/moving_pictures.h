/* SPDX-License-Identifier: MIT */
/* Encodes small pictures in which something moves, so that one which refers to a wrong one is a
 * wrong one. */
#ifndef LIMEF_TEST_SUPPORT_MOVING_PICTURES_H
#define LIMEF_TEST_SUPPORT_MOVING_PICTURES_H

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavcodec/avcodec.h>
#include <libavutil/opt.h>

struct moving_pictures {
    const char *encoder, *preset;
    const char *options, *values; /* those of the encoder's own: "x265-params", "keyint=12" */
    int flags;                    /* AV_CODEC_FLAG_... */
    int n_pictures;               /* their times are 0, 1, ... */
};

static inline void moving_paint(AVFrame *picture, int n)
{
    cr_assert(ge(int, av_frame_make_writable(picture), 0));
    for (int i = 0; i < 3; i++)
        for (int y = 0; y < picture->height >> (i > 0); y++)
            for (int x = 0; x < picture->width >> (i > 0); x++)
                picture->data[i][y * picture->linesize[i] + x] =
                    (uint8_t)(40 + (x + 3 * n) % 60 + (y * 2 + n) % 50 + (x / 8 * 7 + n * n) % 30);
    picture->pts = n;
}

static inline void moving_send(AVCodecContext *encoder, const AVFrame *picture,
                               void (*take)(AVPacket *packet))
{
    AVPacket *packet = av_packet_alloc();

    cr_assert(ge(int, avcodec_send_frame(encoder, picture), 0));
    while (avcodec_receive_packet(encoder, packet) >= 0) {
        take(packet);
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
}

/* Gives all packets to take(), which may move them away. Returns what a decoder needs, to be freed;
 * NULL: there is no such encoder. */
static inline AVCodecParameters *moving_encode(const struct moving_pictures *what,
                                               void (*take)(AVPacket *packet))
{
    const AVCodec *codec = avcodec_find_encoder_by_name(what->encoder);
    AVCodecContext *encoder = codec ? avcodec_alloc_context3(codec) : NULL;
    AVCodecParameters *parameters;
    AVFrame *picture;

    if (!encoder)
        return NULL;
    encoder->width = 96;
    encoder->height = 80;
    encoder->pix_fmt = AV_PIX_FMT_YUV420P;
    encoder->time_base = (AVRational){1, 25};
    encoder->thread_count = 1;
    encoder->flags |= what->flags;
    av_opt_set(encoder->priv_data, "preset", what->preset, 0);
    av_opt_set(encoder->priv_data, what->options, what->values, 0);
    cr_assert(ge(int, avcodec_open2(encoder, codec, NULL), 0));
    parameters = avcodec_parameters_alloc();
    avcodec_parameters_from_context(parameters, encoder);
    picture = av_frame_alloc();
    picture->width = encoder->width;
    picture->height = encoder->height;
    picture->format = encoder->pix_fmt;
    cr_assert(ge(int, av_frame_get_buffer(picture, 0), 0));
    for (int i = 0; i < what->n_pictures; i++) {
        moving_paint(picture, i);
        moving_send(encoder, picture, take);
    }
    moving_send(encoder, NULL, take);
    av_frame_free(&picture);
    avcodec_free_context(&encoder);
    return parameters;
}

#endif
