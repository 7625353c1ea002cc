/* SPDX-License-Identifier: MIT */
/*
 * What changed its name or place between FFmpeg 5.1, 6 and 7, under one name.
 */
#ifndef LIMEF_SRC_FRAME_AV_COMPAT_H
#define LIMEF_SRC_FRAME_AV_COMPAT_H

#include "base/libavformat.h"

#include <libavcodec/avcodec.h>

/* Since libavcodec 60 a packet's opaque comes out with its picture, if that is asked for. */
#define COMPAT_COPIES_OPAQUE (LIBAVCODEC_VERSION_MAJOR >= 60)

/* A library's failure as one of ours. EAGAIN and EXIT mean something to those that a filter returns
 * them to: give the frame again, the chain is stopped. A library means neither: it says EAGAIN of a
 * thread that it was not given. */
static inline int compat_code(int code)
{
    return code == AVERROR(EAGAIN) || code == AVERROR_EXIT ? AVERROR_EXTERNAL : code;
}

/* What a callback that writes is given. */
#if LIBAVFORMAT_VERSION_MAJOR >= 61
typedef const uint8_t compat_written_byte;
#else
typedef uint8_t compat_written_byte;
#endif

/* Before a decoder is opened: its pictures will carry tags. */
static inline void compat_let_carry(AVCodecContext *context)
{
#if COMPAT_COPIES_OPAQUE
    context->flags |= AV_CODEC_FLAG_COPY_OPAQUE;
#else
    (void)context;
#endif
}

static inline int64_t compat_frame_duration(const AVFrame *frame)
{
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(57, 30, 100)
    return frame->duration;
#else
    return frame->pkt_duration;
#endif
}

static inline bool compat_frame_is_key(const AVFrame *frame)
{
#ifdef AV_FRAME_FLAG_KEY
    return frame->flags & AV_FRAME_FLAG_KEY;
#else
    return frame->key_frame;
#endif
}

/* Marks what the next packet's picture shall carry. */
static inline void compat_carry(AVCodecContext *context, AVPacket *packet, int64_t tag)
{
#if COMPAT_COPIES_OPAQUE
    (void)context;
    packet->opaque = (void *)(intptr_t)tag;
#else
    (void)packet;
    context->reordered_opaque = tag;
#endif
}

static inline int64_t compat_carried(const AVFrame *frame)
{
#if COMPAT_COPIES_OPAQUE
    return (int64_t)(intptr_t)frame->opaque;
#else
    return frame->reordered_opaque;
#endif
}

/* Before a decoder is opened: its threads may call get_buffer2 at the same time. */
static inline void compat_let_threads_get_buffers(AVCodecContext *context)
{
#if LIBAVCODEC_VERSION_MAJOR < 60
    AV_NOWARN_DEPRECATED(context->thread_safe_callbacks = 1;)
#else
    (void)context;
#endif
}

/* The pixel formats that an encoder takes, ended by -1; NULL: any, or not known. */
static inline const enum AVPixelFormat *compat_pixel_formats(const AVCodec *codec)
{
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(61, 13, 100)
    const void *formats = NULL;

    return avcodec_get_supported_config(NULL, codec, AV_CODEC_CONFIG_PIX_FORMAT, 0, &formats,
                                        NULL) < 0
               ? NULL
               : (const enum AVPixelFormat *)formats;
#else
    return codec->pix_fmts;
#endif
}

/* Likewise the sample formats. */
static inline const enum AVSampleFormat *compat_sample_formats(const AVCodec *codec)
{
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(61, 13, 100)
    const void *formats = NULL;

    return avcodec_get_supported_config(NULL, codec, AV_CODEC_CONFIG_SAMPLE_FORMAT, 0, &formats,
                                        NULL) < 0
               ? NULL
               : (const enum AVSampleFormat *)formats;
#else
    return codec->sample_fmts;
#endif
}

/* A stream's display matrix (nine int32_t), or NULL. */
static inline const int32_t *compat_display_matrix(const AVStream *stream)
{
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 30, 100)
    const AVPacketSideData *side =
        av_packet_side_data_get(stream->codecpar->coded_side_data,
                                stream->codecpar->nb_coded_side_data, AV_PKT_DATA_DISPLAYMATRIX);

    return side && side->size >= 9 * sizeof(int32_t) ? (const int32_t *)(const void *)side->data
                                                     : NULL;
#else
    size_t size_bytes = 0;
    const uint8_t *side =
        libavformat.av_stream_get_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, &size_bytes);

    return size_bytes >= 9 * sizeof(int32_t) ? (const int32_t *)(const void *)side : NULL;
#endif
}

/* Room for a stream's display matrix (nine int32_t); NULL when there is no memory. */
static inline int32_t *compat_new_display_matrix(AVStream *stream)
{
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 30, 100)
    AVPacketSideData *side = av_packet_side_data_new(
        &stream->codecpar->coded_side_data, &stream->codecpar->nb_coded_side_data,
        AV_PKT_DATA_DISPLAYMATRIX, 9 * sizeof(int32_t), 0);

    return side ? (int32_t *)(void *)side->data : NULL;
#else
    return (int32_t *)(void *)libavformat.av_stream_new_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX,
                                                                  9 * sizeof(int32_t));
#endif
}

#endif
