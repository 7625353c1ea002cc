/* SPDX-License-Identifier: MIT */
/*
 * A key behind a hole: what the decoder has of before is whole, and goes out first; then it is
 * forgotten, so that nothing behind the hole refers to it. And times behind a jump.
 */
#include "filter/decode_private.h"

#include "frame/leading.h"

#include <libavcodec/avcodec.h>
#include <libavutil/intreadwrite.h>

/* A camera that is silent for longer is lost, mostly; what is further back is of another stream. */
#define MOST_BACK_US 5000000

/* Types of NAL units: ITU-T H.264, table 7-1, and H.265, table 7-1. */
#define H264_SLICE 1 /* first and last that hold a picture */
#define H264_IDR 5
#define H265_RASL_N 8 /* leading, and refer past the key; others that are leading do not */
#define H265_RASL_R 9
#define H265_BLA_W_LP 16
#define H265_CRA 21
#define H265_SLICES 32 /* below it */

/* ISO/IEC 14496-15: "avcC" and "hvcC" have the size of the lengths here, "hvcC" its version 1 or,
 * from early writers, 0. */
#define AVCC_LENGTH_AT 4
#define HVCC_LENGTH_AT 21

unsigned decode_length_bytes(const AVCodecParameters *stream)
{
    int at = stream->codec_id == AV_CODEC_ID_H264 ? AVCC_LENGTH_AT : HVCC_LENGTH_AT;

    if (stream->extradata_size <= at || stream->extradata[0] != 1)
        return 0;
    return (stream->extradata[at] & 3u) + 1;
}

/* Units one after the other, each behind its length or a start code. */
struct units {
    const uint8_t *data;
    size_t bytes, next; /* next: where the length lies, or from where a start code is looked for */
    unsigned length_bytes;
};

/* Returns where the next unit's header lies; .bytes: there is none. */
static size_t next_unit(struct units *units)
{
    size_t at = units->next, length = 0;

    if (!units->length_bytes) {
        while (at + 3 < units->bytes && AV_RB24(units->data + at) != 1)
            at++;
        units->next = at = at + 3 < units->bytes ? at + 3 : units->bytes;
        return at;
    }
    if (units->bytes - at <= units->length_bytes)
        return units->bytes;
    for (unsigned i = 0; i < units->length_bytes; i++)
        length = length << 8 | units->data[at++];
    units->next = length < units->bytes - at ? at + length : units->bytes;
    return at;
}

/* The type of the first unit that holds a picture; -1: there is none. */
static int picture_type(const AVCodecParameters *stream, const struct limef_packet_frame *packet)
{
    struct units units = {packet->data, packet->size_bytes, 0, decode_length_bytes(stream)};
    size_t at;

    while ((at = next_unit(&units)) < units.bytes) {
        int type = units.data[at] & 31;

        if (stream->codec_id == AV_CODEC_ID_HEVC && (type = units.data[at] >> 1 & 63) < H265_SLICES)
            return type;
        if (stream->codec_id == AV_CODEC_ID_H264 && type >= H264_SLICE && type <= H264_IDR)
            return type;
    }
    return -1;
}

/* Whether pictures behind a key may refer past it. Other decoders see that themselves. */
static bool is_open(const AVCodecParameters *stream, const struct limef_packet_frame *key)
{
    int type;

    switch (stream->codec_id) {
    case AV_CODEC_ID_H264:
        type = picture_type(stream, key);
        return type >= H264_SLICE && type < H264_IDR;
    case AV_CODEC_ID_HEVC:
        type = picture_type(stream, key);
        return type == H265_BLA_W_LP || type == H265_CRA;
    default:
        return false;
    }
}

bool decode_is_cut_by(const struct limef_decode_filter *decode, const struct limef_frame *gap)
{
    const struct limef_frame *codec = &decode->codec.frame;

    return decode->settings.media == LIMEF_MEDIA_VIDEO &&
           (gap->slot == UINT32_MAX || (gap->slot == codec->slot && gap->track == codec->track));
}

int decode_cut(struct limef_decode_filter *decode, const struct limef_packet_frame *key)
{
    uint64_t n_passed = LIMEF_COUNTED(decode->n_decoded);
    int ret;

    if (decode->is_empty)
        return 0;
    LIMEF_COUNT(decode->n_cuts, 1);
    ret = decode_hardware_end(decode);
    decode_hardware_clear(decode);
    if (ret != AVERROR_EXIT && decode->burst.av && !(key->frame.flags & LIMEF_FRAME_BURST))
        ret = decode_end_burst(decode, ret, n_passed);
    decode->leads = is_open(decode->parameters, key) && key->frame.pts_us != LIMEF_NO_TIME;
    decode->lead_us = key->frame.pts_us;
    return ret;
}

bool decode_is_leading(struct limef_decode_filter *decode, const struct limef_packet_frame *packet)
{
    int type;

    if (!leading_is(&decode->leads, decode->lead_us, packet->frame.pts_us))
        return false;
    type = decode->parameters->codec_id == AV_CODEC_ID_HEVC
               ? picture_type(decode->parameters, packet)
               : H265_RASL_N;
    return type == H265_RASL_N || type == H265_RASL_R;
}

void decode_go_forward(struct limef_decode_filter *decode)
{
    struct limef_frame *frame = &decode->out.frame;

    if (!(frame->flags & LIMEF_FRAME_LIVE) || frame->media != LIMEF_MEDIA_VIDEO ||
        frame->pts_us == LIMEF_NO_TIME)
        return;
    if (decode->has_passed && frame->pts_us < decode->passed_us &&
        (uint64_t)decode->passed_us - (uint64_t)frame->pts_us <= MOST_BACK_US) {
        LIMEF_COUNT(decode->n_backward, 1);
        frame->pts_us = decode->passed_us + 1;
    }
    decode->has_passed = true;
    decode->passed_us = frame->pts_us;
}
