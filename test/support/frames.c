/* SPDX-License-Identifier: MIT */
#include "support/frames.h"

#include <libavcodec/avcodec.h>
#include <libavutil/imgutils.h>
#include <string.h>

struct limef_packet_frame make_packet(int64_t pts_us, uint32_t flags)
{
    static const uint8_t bytes[100 + AV_INPUT_BUFFER_PADDING_SIZE];

    return (struct limef_packet_frame){
        .frame = {.frame_class = LIMEF_FRAME_PACKET,
                  .media = LIMEF_MEDIA_VIDEO,
                  .flags = flags,
                  .pts_us = pts_us},
        .dts_us = pts_us,
        .data = bytes,
        .size_bytes = 100,
    };
}

struct limef_packet_frame make_audio_packet(int64_t pts_us)
{
    struct limef_packet_frame packet = make_packet(pts_us, LIMEF_FRAME_KEY);

    packet.frame.media = LIMEF_MEDIA_AUDIO;
    packet.frame.track = 1;
    return packet;
}

struct limef_decoded_frame make_decoded(const struct AVFrame *av, int64_t pts_us)
{
    return (struct limef_decoded_frame){
        .frame = {.frame_class = LIMEF_FRAME_DECODED, .media = LIMEF_MEDIA_VIDEO, .pts_us = pts_us},
        .av = av,
    };
}

struct limef_codec_frame make_codec(struct limef_pool *pool, int width, int height)
{
    struct limef_payload *payload = limef_pool_get(pool);
    AVCodecParameters *parameters = limef_payload_codec(payload);
    struct limef_codec_frame codec;

    parameters->codec_type = AVMEDIA_TYPE_VIDEO;
    parameters->codec_id = AV_CODEC_ID_H264;
    parameters->width = width;
    parameters->height = height;
    limef_codec_frame_set(&codec, payload);
    return codec;
}

struct AVFrame *make_picture(int format, int width, int height, unsigned seed)
{
    AVFrame *av = av_frame_alloc();

    if (!av)
        return NULL;
    av->format = format;
    av->width = width;
    av->height = height;
    if (av_frame_get_buffer(av, 64) < 0) {
        av_frame_free(&av);
        return NULL;
    }
    for (int i = 0; i < AV_NUM_DATA_POINTERS && av->buf[i]; i++) {
        for (size_t n = 0; n < av->buf[i]->size; n++) {
            seed = seed * 1664525u + 1013904223u;
            av->buf[i]->data[n] = (uint8_t)(seed >> 24);
        }
    }
    return av;
}

struct limef_signal_frame make_signal(uint32_t signal, int64_t value)
{
    struct limef_signal_frame frame;

    limef_signal_frame_set(&frame, signal, 0, NULL);
    frame.value = value;
    return frame;
}
