/* SPDX-License-Identifier: MIT */
/*
 * H.264 (RFC 6184) and H.265 (RFC 7798): NAL units to access units with start
 * codes. Parameter sets come from the description, or from the stream, where
 * they may change.
 */
#include "rtsp/depacketizer.h"
#include "rtsp/frame_number.h"
#include "rtsp/h265_payload.h"
#include "rtsp/interleaving.h"
#include "rtsp/reference_set.h"

#include "base/memory_private.h"

#include <libavcodec/avcodec.h>
#include <libavutil/base64.h>
#include <libavutil/common.h>
#include <libavutil/error.h>
#include <libavutil/intreadwrite.h>
#include <libavutil/mem.h>
#include <string.h>
#include <strings.h>

#define SETS_BYTES 2048 /* of all parameter sets of a stream */
#define HEAD_BYTES FFMAX(FRAME_NUMBER_SLICE_BYTES, REFERENCE_SET_SLICE_BYTES)

enum {
    H264_SLICE = 1,
    H264_PARTITION_A = 2,
    H264_IDR = 5,
    H264_SEI = 6,
    H264_SPS = 7,
    H264_PPS = 8,
    H264_AUD = 9,
    H264_STAP_A = 24,
    H264_FU_A = 28,
    H264_FU_B = 29, /* the last type that has a meaning */

    H265_BLA_W_LP = 16, /* first and last of the types at which decoding can start */
    H265_CRA = 21,
    H265_EOS = 36, /* end of a sequence, and of all */
    H265_EOB = 37,
    H265_SLICES = 32, /* below it */
    H265_VPS = 32,
    H265_SPS = 33,
    H265_PPS = 34,
    H265_AUD = 35,
    H265_SEI_PREFIX = 39,
};

struct nal {
    bool is_h265;
    bool in_fragment;                 /* the unit ends in a NAL unit that goes on, */
    size_t fragment_begin;            /* and begins there */
    bool has_sps;                     /* sets has one */
    bool is_gap_known;                /* packets are missing since the last slice */
    bool has_slice;                   /* of the unit */
    bool is_bidirectional;            /* one of them is; H.264 */
    bool is_closed;                   /* the unit is a key that nothing behind it refers past */
    struct frame_number number;       /* H.264 */
    struct reference_sets references; /* H.265 */
    size_t sets_bytes;                /* parameter sets of the unit that is put together */
    uint8_t sets[SETS_BYTES];
};

static const uint8_t start_code[] = {0, 0, 0, 1};

static struct nal *nal_of(struct depacketizer *depacketizer)
{
    _Static_assert(sizeof(struct nal) <= DEPACKETIZER_STATE_BYTES, "room for the state");
    return (struct nal *)(void *)depacketizer->state;
}

static unsigned type_of(const struct nal *nal, const uint8_t *data)
{
    return nal->is_h265 ? data[0] >> 1 & 0x3f : data[0] & 0x1f;
}

static bool is_parameter_set(const struct nal *nal, unsigned type)
{
    return nal->is_h265 ? type >= H265_VPS && type <= H265_PPS
                        : type == H264_SPS || type == H264_PPS;
}

static void add_set(struct nal *nal, unsigned type, const uint8_t *data, size_t bytes)
{
    if (!nal->is_h265 && type == H264_SPS)
        frame_number_take_set(&nal->number, data, bytes);
    if (nal->is_h265 && type == H265_SPS)
        reference_sets_take_sps(&nal->references, data, bytes);
    if (nal->is_h265 && type == H265_PPS)
        reference_sets_take_pps(&nal->references, data, bytes);
    if (bytes + sizeof(start_code) > SETS_BYTES - nal->sets_bytes)
        return; /* it is in the unit nevertheless */
    memcpy(nal->sets + nal->sets_bytes, start_code, sizeof(start_code));
    memcpy(nal->sets + nal->sets_bytes + sizeof(start_code), data, bytes);
    nal->sets_bytes += sizeof(start_code) + bytes;
    nal->has_sps |= type == (nal->is_h265 ? H265_SPS : H264_SPS);
}

/*
 * Types that neither standard gives a meaning (RFC 6184, table 3; RFC 7798, 4.4). Those of H.265
 * are for whoever wants them, and ignored. Those of H.264 were a slice before it was damaged more
 * often than a camera's own.
 */
static bool is_reserved(const struct nal *nal, unsigned type)
{
    return nal->is_h265 ? type > H265_PACI : type == 0 || type > H264_FU_B;
}

/* A kind of packet, which no NAL unit in one is. */
static bool is_packet(const struct nal *nal, unsigned type)
{
    return nal->is_h265 ? type >= H265_AP && type <= H265_PACI
                        : type >= H264_STAP_A && type <= H264_FU_B;
}

static int take_reserved(struct depacketizer *depacketizer)
{
    if (!nal_of(depacketizer)->is_h265)
        return AVERROR_INVALIDDATA;
    depacketizer->n_reserved++;
    return 0;
}

/* Whether decoding can start with it, and what comes out whole then. */
static void note_key(struct depacketizer *depacketizer, unsigned type, const uint8_t *data,
                     size_t bytes)
{
    struct nal *nal = nal_of(depacketizer);
    struct rtsp_unit *unit = &depacketizer->unit;
    int n_frames;

    if (nal->is_h265 && type >= H265_BLA_W_LP && type <= H265_CRA) {
        unit->is_key = true;
        nal->is_closed = type != H265_CRA && type != H265_BLA_W_LP;
    } else if (!nal->is_h265 && type == H264_IDR) {
        unit->is_key = nal->is_closed = true;
    } else if (!nal->is_h265 && type == H264_SEI &&
               (n_frames = frame_number_find_recovery(data, bytes)) >= 0) {
        unit->is_key = true;
        unit->n_partial = (uint16_t)n_frames;
    }
}

static bool is_slice(const struct nal *nal, unsigned type)
{
    return nal->is_h265 ? type < H265_SLICES : type >= H264_SLICE && type <= H264_IDR;
}

/* Whether a picture begins with it, so that nothing of the unit is missing before it. */
static bool is_head(const struct nal *nal, unsigned type, const uint8_t *data, size_t bytes)
{
    size_t header = nal->is_h265 ? 2 : 1;

    if (is_slice(nal, type))
        /* first_mb_in_slice == 0 and first_slice_segment_in_pic_flag are a first bit that is set */
        return bytes > header && data[header] & 0x80;
    return nal->is_h265 ? type <= H265_AUD || type == H265_SEI_PREFIX
                        : type >= H264_SLICE && type <= H264_AUD;
}

/* Frames may be missing although no packet is. */
static void note_slice(struct depacketizer *depacketizer, const uint8_t *data, size_t bytes)
{
    struct nal *nal = nal_of(depacketizer);

    if (nal->is_h265 ? reference_sets_take(&nal->references, data, bytes, nal->is_gap_known)
                     : frame_number_take(&nal->number, data, bytes, nal->is_gap_known))
        depacketizer->unit.follows_loss = true;
    nal->is_gap_known = false;
    nal->is_bidirectional |= nal->number.is_bidirectional;
}

/* What a NAL unit says of the access unit, from its first bytes. */
static void note(struct depacketizer *depacketizer, const uint8_t *data, size_t bytes)
{
    struct nal *nal = nal_of(depacketizer);
    unsigned type = type_of(nal, data);

    if (depacketizer->unit.bytes == 0) {
        nal->sets_bytes = 0;
        nal->has_sps = nal->has_slice = nal->is_bidirectional = nal->is_closed = false;
        depacketizer->has_head |= is_head(nal, type, data, bytes);
    }
    note_key(depacketizer, type, data, bytes);
    nal->has_slice |= is_slice(nal, type);
    if (nal->is_h265 ? is_slice(nal, type)
                     : type == H264_SLICE || type == H264_PARTITION_A || type == H264_IDR)
        note_slice(depacketizer, data, bytes);
}

static int append_whole(struct depacketizer *depacketizer, const uint8_t *data, size_t bytes)
{
    struct nal *nal = nal_of(depacketizer);
    unsigned type;
    int ret;

    if (bytes < (nal->is_h265 ? 2 : 1))
        return AVERROR_INVALIDDATA;
    type = type_of(nal, data);
    if (is_packet(nal, type))
        return AVERROR_INVALIDDATA;
    if (is_reserved(nal, type))
        return take_reserved(depacketizer);
    note(depacketizer, data, bytes);
    if (is_parameter_set(nal, type))
        add_set(nal, type, data, bytes);
    ret = rtsp_unit_append(&depacketizer->unit, start_code, sizeof(start_code));
    return ret < 0 ? ret : rtsp_unit_append(&depacketizer->unit, data, bytes);
}

/* Several NAL units, each behind its length. */
static int append_several(struct depacketizer *depacketizer, const uint8_t *data, size_t bytes)
{
    if (bytes == 0)
        return AVERROR_INVALIDDATA;
    while (bytes > 0) {
        size_t length;
        int ret;

        if (bytes < 2)
            return AVERROR_INVALIDDATA;
        length = AV_RB16(data);
        data += 2;
        bytes -= 2;
        if (length == 0 || length > bytes)
            return AVERROR_INVALIDDATA;
        ret = append_whole(depacketizer, data, length);
        if (ret < 0)
            return ret;
        data += length;
        bytes -= length;
    }
    return 0;
}

/* A NAL unit begins, with some of what is behind its header. */
static int begin_fragment(struct depacketizer *depacketizer, uint8_t header[HEAD_BYTES],
                          size_t header_bytes, const uint8_t *data, size_t bytes)
{
    struct nal *nal = nal_of(depacketizer);
    struct rtsp_unit *unit = &depacketizer->unit;
    size_t n = bytes < HEAD_BYTES - header_bytes ? bytes : HEAD_BYTES - header_bytes;
    unsigned type = type_of(nal, header);
    int ret;

    if (is_packet(nal, type) || is_reserved(nal, type))
        return AVERROR_INVALIDDATA;
    memcpy(header + header_bytes, data, n);
    note(depacketizer, header, header_bytes + n);
    ret = rtsp_unit_append(unit, start_code, sizeof(start_code));
    nal->fragment_begin = unit->bytes;
    if (ret >= 0)
        ret = rtsp_unit_append(unit, header, header_bytes);
    nal->in_fragment = ret >= 0;
    return ret;
}

/* All of a NAL unit is there. */
static void end_fragment(struct depacketizer *depacketizer)
{
    struct nal *nal = nal_of(depacketizer);
    const uint8_t *begin = depacketizer->unit.buffer->data + nal->fragment_begin;
    unsigned type = type_of(nal, begin);

    if (is_parameter_set(nal, type))
        add_set(nal, type, begin, depacketizer->unit.bytes - nal->fragment_begin);
    nal->in_fragment = false;
}

/*
 * A part of a NAL unit.
 *
 * header        its header, put together again, and room for what note() looks at.
 * header_bytes  1 or 2.
 * flags         start and end in the highest bits.
 */
static int append_fragment(struct depacketizer *depacketizer, uint8_t header[HEAD_BYTES],
                           size_t header_bytes, uint8_t flags, const uint8_t *data, size_t bytes)
{
    struct nal *nal = nal_of(depacketizer);
    int ret = 0;

    if (flags & 0x80)
        nal->in_fragment = false;
    if (bytes == 0)
        return AVERROR_INVALIDDATA;
    if (flags & 0x80) {
        ret = begin_fragment(depacketizer, header, header_bytes, data, bytes);
    } else if (!nal->in_fragment) {
        depacketizer->unit.is_damaged = true; /* its beginning was lost */
        return 0;
    }
    if (ret >= 0)
        ret = rtsp_unit_append(&depacketizer->unit, data, bytes);
    if (ret < 0)
        nal->in_fragment = false;
    else if (flags & 0x40)
        end_fragment(depacketizer);
    return ret;
}

static int take_h264(struct depacketizer *depacketizer, const uint8_t *data, size_t bytes)
{
    switch (data[0] & 0x1f) {
    case H264_STAP_A:
        return append_several(depacketizer, data + 1, bytes - 1);
    case H264_FU_A: {
        uint8_t header[HEAD_BYTES];

        if (bytes < 2)
            return AVERROR_INVALIDDATA;
        header[0] = (data[0] & 0xe0) | (data[1] & 0x1f);
        return append_fragment(depacketizer, header, 1, data[1], data + 2, bytes - 2);
    }
    case H264_STAP_A + 1 ... H264_FU_A - 1: /* numbered: interleaving.c has made others of them */
    case H264_FU_B:
        return AVERROR_INVALIDDATA;
    default:
        return append_whole(depacketizer, data, bytes);
    }
}

/* A NAL unit whose header was elsewhere. */
static int append_unwrapped(struct depacketizer *depacketizer, const struct h265_payload *payload)
{
    uint8_t header[HEAD_BYTES] = {payload->header[0], payload->header[1]};

    if (is_reserved(nal_of(depacketizer), h265_payload_type(payload)))
        return take_reserved(depacketizer);
    return append_fragment(depacketizer, header, 2, 0xc0, payload->data, payload->bytes);
}

static int take_h265(struct depacketizer *depacketizer, const uint8_t *data, size_t bytes)
{
    struct h265_payload payload;
    unsigned type;

    if (h265_payload_read(&payload, data, bytes) < 0)
        return AVERROR_INVALIDDATA;
    type = h265_payload_type(&payload);
    if (payload.bytes == 0 && type != H265_EOS && type != H265_EOB) /* which are a header alone */
        return AVERROR_INVALIDDATA;
    switch (type) {
    case H265_AP:
        return append_several(depacketizer, payload.data, payload.bytes);
    case H265_FU: {
        uint8_t header[HEAD_BYTES];

        header[0] = (uint8_t)((payload.header[0] & 0x81) | (payload.data[0] & 0x3f) << 1);
        header[1] = payload.header[1];
        return append_fragment(depacketizer, header, 2, payload.data[0], payload.data + 1,
                               payload.bytes - 1);
    }
    default:
        return payload.data == data + 2 ? append_whole(depacketizer, data, bytes)
                                        : append_unwrapped(depacketizer, &payload);
    }
}

static int nal_take(struct depacketizer *depacketizer, const struct rtp_packet *packet)
{
    struct nal *nal = nal_of(depacketizer);

    if (depacketizer->after_gap)
        nal->in_fragment = false;
    nal->is_gap_known |=
        depacketizer->after_gap || depacketizer->unit.is_damaged || depacketizer->unit.follows_loss;
    if (packet->payload_bytes == 0)
        return 0; /* some cameras keep a path open with them */
    return nal->is_h265 ? take_h265(depacketizer, packet->payload, packet->payload_bytes)
                        : take_h264(depacketizer, packet->payload, packet->payload_bytes);
}

static bool nal_has_picture(struct depacketizer *depacketizer)
{
    return nal_of(depacketizer)->has_slice;
}

static size_t find_start_code(const uint8_t *data, size_t bytes, size_t from)
{
    for (; from + sizeof(start_code) <= bytes; from++)
        if (!memcmp(data + from, start_code, sizeof(start_code)))
            return from;
    return bytes;
}

/* Whether all parameter sets of one list are in the other, whatever their order. */
static bool has_all(const AVCodecParameters *parameters, const struct nal *nal)
{
    size_t begin = 0, end;

    for (; begin < nal->sets_bytes; begin = end) {
        end = find_start_code(nal->sets, nal->sets_bytes, begin + 1);
        if (!parameters->extradata ||
            !memmem(parameters->extradata, (size_t)parameters->extradata_size, nal->sets + begin,
                    end - begin))
            return false;
    }
    return true;
}

static int keep_sets(AVCodecParameters *parameters, const struct nal *nal)
{
    uint8_t *copy =
        memory_permits() ? av_mallocz(nal->sets_bytes + AV_INPUT_BUFFER_PADDING_SIZE) : NULL;

    if (!copy)
        return AVERROR(ENOMEM);
    memcpy(copy, nal->sets, nal->sets_bytes);
    av_freep(&parameters->extradata);
    parameters->extradata = copy;
    parameters->extradata_size = (int)nal->sets_bytes;
    return 0;
}

static void nal_finish(struct depacketizer *depacketizer)
{
    struct nal *nal = nal_of(depacketizer);

    if (nal->has_sps && !depacketizer->unit.is_damaged && !has_all(depacketizer->parameters, nal) &&
        keep_sets(depacketizer->parameters, nal) >= 0)
        depacketizer->unit.has_new_codec = true;
    depacketizer->unit.is_in_order = !nal->is_h265 && nal->has_slice && !nal->is_bidirectional;
    depacketizer->unit.is_open = depacketizer->unit.is_key && !nal->is_closed;
    if (nal->is_closed)
        depacketizer->unit.n_partial = 0;
}

/* "Z0IAKeKQ...,aM48gA==" */
static void read_sprop(struct nal *nal, const char *text, size_t bytes)
{
    while (bytes > 0) {
        const char *comma = memchr(text, ',', bytes);
        size_t length = comma ? (size_t)(comma - text) : bytes;
        char coded[SETS_BYTES];
        uint8_t set[SETS_BYTES];
        int n;

        if (length > 0 && length < sizeof(coded)) {
            memcpy(coded, text, length);
            coded[length] = '\0';
            n = av_base64_decode(set, coded, sizeof(set));
            if (n > (nal->is_h265 ? 2 : 1))
                add_set(nal, type_of(nal, set), set, (size_t)n);
        }
        text += length + (comma != NULL);
        bytes -= length + (comma != NULL);
    }
}

static int nal_open(struct depacketizer *depacketizer, const struct sdp_media *media)
{
    static const char *const sprops[] = {"sprop-vps", "sprop-sps", "sprop-pps",
                                         "sprop-parameter-sets"};
    struct nal *nal = nal_of(depacketizer);
    AVCodecParameters *parameters = depacketizer->parameters;
    int ret = 0;

    nal->is_h265 = strcasecmp(media->encoding, "H264") != 0;
    parameters->codec_type = AVMEDIA_TYPE_VIDEO;
    parameters->codec_id = nal->is_h265 ? AV_CODEC_ID_HEVC : AV_CODEC_ID_H264;
    parameters->width = media->width;
    parameters->height = media->height;
    for (size_t i = 0; i < sizeof(sprops) / sizeof(sprops[0]); i++) {
        size_t bytes;
        const char *text = sdp_format_parameter(media, sprops[i], &bytes);

        if (text)
            read_sprop(nal, text, bytes);
    }
    if (nal->has_sps)
        ret = keep_sets(parameters, nal);
    nal->sets_bytes = 0;
    nal->has_sps = false;
    return ret < 0 ? ret : interleaving_open(depacketizer, media);
}

const struct depacketizer_ops depacketizer_nal_ops = {
    .encodings = {"H264", "H265", "HEVC"},
    .open = nal_open,
    .take = nal_take,
    .has_picture = nal_has_picture,
    .finish = nal_finish,
};
