/* SPDX-License-Identifier: MIT */
/*
 * AAC: MP4A-LATM (RFC 6416), audioMuxElements of one program with one layer (ISO/IEC 14496-3
 * 1.7.3). Their configuration is in the description, or, with cpresent=1, in the stream, where it
 * may change.
 */
#include "rtsp/aac.h"

#include <libavcodec/codec_par.h>
#include <libavutil/buffer.h>
#include <libavutil/error.h>
#include <string.h>

#define MOST_UNITS 64 /* of an element: numSubFrames has six bits */

struct latm {
    bool is_in_band; /* cpresent */
    bool is_known;   /* mux is */
    bool is_new;     /* and no unit went out with it yet */
    struct aac_mux mux;
    int64_t duration; /* of a unit */
};

static struct latm *latm_of(struct depacketizer *depacketizer)
{
    _Static_assert(sizeof(struct latm) <= DEPACKETIZER_STATE_BYTES, "room for the state");
    return (struct latm *)(void *)depacketizer->state;
}

static int take_mux(struct depacketizer *depacketizer, struct bits *bits)
{
    struct latm *latm = latm_of(depacketizer);
    struct aac_mux mux;
    int ret = aac_mux_read(&mux, bits);
    bool is_same = ret >= 0 && latm->is_known && mux.n_bytes == latm->mux.n_bytes &&
                   !memcmp(mux.bytes, latm->mux.bytes, mux.n_bytes);

    if (ret >= 0 && !is_same)
        ret = aac_set_parameters(depacketizer, &mux.config, mux.bytes, mux.n_bytes);
    latm->is_known = ret >= 0; /* what follows is of this one, and of no other */
    if (ret < 0)
        return ret;
    latm->is_new |= !is_same;
    latm->mux = mux;
    latm->duration = aac_duration(depacketizer, &mux.config);
    return 0;
}

/* PayloadLengthInfo */
static size_t read_length(struct bits *bits)
{
    size_t length = 0;
    unsigned part;

    do {
        part = bits_read(bits, 8);
        length += part;
    } while (part == 255 && bits->at < bits->n);
    return length;
}

/* A unit begins at any bit of its element. */
static int hand_out(struct depacketizer *depacketizer, struct bits *bits)
{
    struct latm *latm = latm_of(depacketizer);
    size_t length = read_length(bits);
    uint8_t *to;

    if (length == 0 || bits->at > bits->n || length > (bits->n - bits->at) / 8)
        return AVERROR_INVALIDDATA;
    to = rtsp_unit_extend(&depacketizer->unit, length);
    if (!to)
        return AVERROR(ENOMEM);
    for (size_t i = 0; i < length; i++)
        to[i] = (uint8_t)bits_read(bits, 8);
    depacketizer->unit.has_new_codec = latm->is_new;
    latm->is_new = false;
    return aac_hand_out(depacketizer, latm->duration);
}

/* In the description an element says nothing of how many units it has but by its length. */
static int take_element(struct depacketizer *depacketizer, const uint8_t *data, size_t bytes)
{
    struct latm *latm = latm_of(depacketizer);
    struct bits bits = {.data = data, .n = 8 * bytes};
    int ret = 0;

    if (latm->is_in_band && !bits_read_one(&bits))
        ret = take_mux(depacketizer, &bits);
    if (ret >= 0 && !latm->is_known) {
        depacketizer
            ->n_malformed++; /* it goes on with what came before we did: no damage to others */
        return 0;
    }
    for (unsigned i = 0; ret >= 0 && (latm->is_in_band ? i < latm->mux.n_units : bits.at < bits.n);
         i++)
        ret = i < MOST_UNITS ? hand_out(depacketizer, &bits) : AVERROR_INVALIDDATA;
    return ret;
}

static int latm_take(struct depacketizer *depacketizer, const struct rtp_packet *packet)
{
    struct rtsp_unit *unit = &depacketizer->unit;
    int ret = rtsp_unit_append(unit, packet->payload, packet->payload_bytes);
    AVBufferRef *all;
    size_t bytes;

    if (ret < 0 || !packet->marker || unit->bytes == 0)
        return ret;
    if (unit->is_damaged || !depacketizer->has_head) {
        rtsp_unit_restart(unit);
        depacketizer->lost_before = true;
        return 0;
    }
    all = unit->buffer;
    bytes = unit->bytes;
    unit->buffer = NULL;
    unit->bytes = 0;
    ret = take_element(depacketizer, all->data, bytes);
    av_buffer_unref(&all);
    return ret;
}

static int latm_open(struct depacketizer *depacketizer, const struct sdp_media *media)
{
    struct latm *latm = latm_of(depacketizer);
    uint8_t bytes[AAC_CONFIG_BYTES];
    struct bits bits = {.data = bytes, .n = 8 * aac_read_config(media, bytes)};
    int ret = 0;

    latm->is_in_band = sdp_format_number(media, "cpresent", 1) != 0;
    aac_set_described(depacketizer, media);
    if (bits.n > 0)
        ret = take_mux(depacketizer, &bits);
    latm->is_new = false;
    if (ret == AVERROR(ENOMEM))
        return ret;
    return latm->is_known || latm->is_in_band ? 0 : AVERROR(ENOSYS);
}

const struct depacketizer_ops depacketizer_latm_ops = {
    .encodings = {"MP4A-LATM"},
    .open = latm_open,
    .take = latm_take,
};
