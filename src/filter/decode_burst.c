/* SPDX-License-Identifier: MIT */
/*
 * Of a burst, which is older than now on purpose, the newest picture alone is passed on. All of it
 * has to be decoded for that, so it is decoded on several cores: pictures at a time, each on a
 * thread of its own. Such a decoder hands out each picture so many packets late; behind the burst,
 * packets without a picture push them out at once.
 */
#include "filter/decode_private.h"

#include "base/memory_private.h"

#include <libavcodec/avcodec.h>
#include <string.h>

/* An access unit delimiter: "here begins a picture, of any type", and none follows. ITU-T H.264,
 * 7.3.2.4, and H.265, 7.3.2.5. */
static const uint8_t delimiter_264[] = {0x09, 0xf0};
static const uint8_t delimiter_265[] = {0x46, 0x01, 0x50};

/* Writes a packet with a delimiter alone. */
static void make_delimiter(const AVCodecParameters *stream, AVPacket *packet)
{
    bool is_264 = stream->codec_id == AV_CODEC_ID_H264;
    const uint8_t *unit = is_264 ? delimiter_264 : delimiter_265;
    unsigned n = is_264 ? sizeof(delimiter_264) : sizeof(delimiter_265);
    unsigned n_before = decode_length_bytes(stream);

    memset(packet->data, 0, (size_t)packet->size);
    if (n_before > 0)
        packet->data[n_before - 1] = (uint8_t)n;
    else
        packet->data[(n_before = 4) - 1] = 1;
    memcpy(packet->data + n_before, unit, n);
    packet->size = (int)(n_before + n);
}

static bool can_push(const struct limef_decode_filter *decode)
{
    enum AVCodecID codec = decode->parameters->codec_id;

    return codec == AV_CODEC_ID_H264 || codec == AV_CODEC_ID_HEVC;
}

int decode_begin_burst(struct limef_decode_filter *decode)
{
    int ret;

    if (!decode->is_fresh || decode->is_parallel || decode->settings.n_threads > 0 ||
        decode->settings.low_delay || decode->hardware.is_used || !can_push(decode))
        return 0;
    if (!decode->delimiter && (!memory_permits() || !(decode->delimiter = memory_new_packet()) ||
                               av_new_packet(decode->delimiter, 8) < 0)) {
        av_packet_free(&decode->delimiter);
        return 0; /* it is decoded on one core then */
    }
    decode->delimiter->size = 8;
    make_delimiter(decode->parameters, decode->delimiter);
    avcodec_free_context(&decode->context);
    decode->is_parallel = true;
    ret = decode_open(decode, &decode->codec);
    return ret < 0 ? decode_cannot_open(decode, &decode->codec, ret) : 0;
}

bool decode_is_parallel(const struct limef_decode_filter *decode)
{
    return decode->is_parallel && decode->context->active_thread_type == FF_THREAD_FRAME;
}

int decode_push(struct limef_decode_filter *decode)
{
    decode->context->skip_frame =
        AVDISCARD_NONREF; /* a packet without a picture is no error then */
    return avcodec_send_packet(decode->context, decode->delimiter);
}

void decode_forget_burst(struct limef_decode_filter *decode)
{
    LIMEF_COUNT(decode->n_dropped_burst, decode->burst.av != NULL);
    limef_payload_unref(decode->burst.frame.payload);
    decode->burst = (struct limef_decoded_frame){.av = NULL};
}

int decode_hold_burst(struct limef_decode_filter *decode)
{
    if (decode->out.frame.media != LIMEF_MEDIA_VIDEO) {
        LIMEF_COUNT(decode->n_dropped_burst, 1);
        return 0;
    }
    decode_forget_burst(decode);
    decode->burst = decode->out;
    decode->out.frame.payload = NULL;
    return 0;
}

/* What a decoder that reorders or delays still has of the burst comes later. */
int decode_end_burst(struct limef_decode_filter *decode, int ret, uint64_t n_passed)
{
    int ended;

    if (LIMEF_COUNTED(decode->n_decoded) != n_passed) { /* a newer one was */
        decode_forget_burst(decode);
        return ret;
    }
    limef_payload_unref(decode->out.frame.payload);
    decode->out = decode->burst;
    decode->out.frame.flags &= ~(uint32_t)LIMEF_FRAME_BURST;
    decode->burst = (struct limef_decoded_frame){.av = NULL};
    decode_go_forward(decode);
    LIMEF_COUNT(decode->n_decoded, 1);
    atomic_store_explicit(&decode->last_frame_us, limef_now_us(), memory_order_relaxed);
    ended = limef_pass(&decode->filter, &decode->out.frame);
    return ended < 0 ? ended : ret;
}
