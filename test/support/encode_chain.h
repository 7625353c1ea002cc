/* SPDX-License-Identifier: MIT */
/* An encoder, a decoder behind it, and what is noted of both; for tests of one suite each. */
#ifndef LIMEF_TEST_SUPPORT_ENCODE_CHAIN_H
#define LIMEF_TEST_SUPPORT_ENCODE_CHAIN_H

#include <limef/filter/encode.h>

#include "support/failing.h"
#include "support/frames.h"
#include "support/make_media.h"

#include <limef/base/log.h>
#include <limef/filter/decode.h>
#include <limef/filter/tap.h>
#include <limef/frame/pool.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavcodec/avcodec.h>
#include <libavutil/log.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SEEN 1024
#define FRAME_US 40000

/* What came out of the encoder, and what a decoder made of it. */
struct seen {
    struct limef_packet_frame packets[MAX_SEEN];
    unsigned n_packets, n_codecs, n_signals, codec_before[8];
    int widths[8];
    int64_t pts_us[MAX_SEEN];
    int numbers[MAX_SEEN];
    unsigned n_pictures, n_samples;
    double loudest;
};

static struct limef_encode_filter encode;
static struct limef_decode_filter decode;
static struct limef_tap_filter packet_tap, picture_tap;
static struct seen seen;
static struct limef_pool *pictures;
static unsigned n_logged;
static char last_line[256];

static inline void note_log(void *context, enum limef_log_level level, const char *name,
                            const char *line)
{
    (void)context;
    (void)name;
    if (level != LIMEF_LOG_ERROR)
        return;
    n_logged++;
    strncpy(last_line, line, sizeof(last_line) - 1);
}

static inline int note_packet(void *context, const struct limef_frame *frame)
{
    (void)context;
    if (frame->frame_class == LIMEF_FRAME_PACKET && seen.n_packets < MAX_SEEN)
        seen.packets[seen.n_packets++] = *limef_packet_frame_from(frame);
    if (frame->frame_class == LIMEF_FRAME_CODEC && seen.n_codecs < 8) {
        seen.codec_before[seen.n_codecs] = seen.n_packets;
        seen.widths[seen.n_codecs++] = limef_codec_frame_from(frame)->parameters->width;
    }
    seen.n_signals += frame->frame_class == LIMEF_FRAME_SIGNAL;
    return 0;
}

static inline int note_picture(void *context, const struct limef_frame *frame)
{
    const struct limef_decoded_frame *decoded = limef_decoded_frame_from(frame);

    (void)context;
    if (!decoded)
        return 0;
    if (decoded->av->nb_samples > 0) {
        const float *samples = (const float *)(const void *)decoded->av->data[0];

        seen.n_samples += (unsigned)decoded->av->nb_samples;
        for (int i = 0; i < decoded->av->nb_samples; i++)
            seen.loudest = fmax(seen.loudest, fabs((double)samples[i]));
    } else if (seen.n_pictures < MAX_SEEN) {
        const AVFrame *av = decoded->av;

        seen.numbers[seen.n_pictures] =
            media_number(av->data[0][av->linesize[0] * (av->height / 2) + av->width / 2]);
        seen.pts_us[seen.n_pictures++] = frame->pts_us;
    }
    return 0;
}

static inline void set_up(void)
{
    av_log_set_level(AV_LOG_QUIET);
    limef_log_set_sink(note_log, NULL);
}

static inline void tear_down(void)
{
    limef_filter_clear(&encode.filter);
    limef_filter_clear(&decode.filter);
    limef_pool_release(pictures);
}

static inline void connect_all(enum limef_media media)
{
    limef_tap_filter_init(&packet_tap, NULL, note_packet, NULL);
    limef_tap_filter_init(&picture_tap, NULL, note_picture, NULL);
    cr_assert(
        eq(int,
           limef_decode_filter_init(
               &decode, NULL, &(struct limef_decode_settings){.media = media, .n_threads = 1}),
           0));
    limef_connect(&encode.filter, &packet_tap.filter);
    limef_connect(&packet_tap.filter, &decode.filter);
    limef_connect(&decode.filter, &picture_tap.filter);
    pictures = limef_pool_create(LIMEF_FRAME_DECODED);
}

static inline void init(const struct limef_encode_settings *settings)
{
    memset(&seen, 0, sizeof(seen));
    cr_assert(eq(int, limef_encode_filter_init(&encode, NULL, settings), 0));
    connect_all(encode.media);
}

/* A counted picture of brightness media_luma(n). */
static inline struct limef_decoded_frame picture_frame(int n, int format, int width, int height)
{
    struct limef_payload *payload = limef_pool_get(pictures);
    struct AVFrame *av = limef_payload_picture(payload);
    struct limef_decoded_frame decoded;

    av->format = format;
    av->width = width;
    av->height = height;
    cr_assert(eq(int, av_frame_get_buffer(av, 0), 0));
    memset(av->data[0], media_luma(n), (size_t)av->linesize[0] * (size_t)height);
    for (int i = 1; i < 3 && av->data[i]; i++)
        memset(av->data[i], 128, (size_t)av->linesize[i] * (size_t)(height / 2));
    av->pict_type = AV_PICTURE_TYPE_B; /* as it came from its own decoder: of no concern here */
    limef_decoded_frame_set(&decoded, payload);
    decoded.frame.slot = 3;
    decoded.frame.pts_us = 1000000 + n * FRAME_US + n % 3; /* not quite regular */
    decoded.frame.duration_us = FRAME_US;
    decoded.frame.entered_us = 500 + n;
    return decoded;
}

static inline int give_size(int n, int width, int height)
{
    struct limef_decoded_frame decoded = picture_frame(n, AV_PIX_FMT_YUV420P, width, height);
    int ret = limef_go(&encode.filter, &decoded.frame);

    limef_payload_unref(decoded.frame.payload);
    return ret;
}

static inline int give(int n)
{
    return give_size(n, 160, 120);
}

static inline int give_signal(uint32_t signal)
{
    struct limef_signal_frame frame = make_signal(signal, LIMEF_NO_TIME);

    frame.frame.slot = encode.format.slot;
    return limef_go(&encode.filter, &frame.frame);
}

#endif
