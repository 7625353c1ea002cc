/* SPDX-License-Identifier: MIT */
/*
 * AAC: MPEG4-GENERIC (RFC 3640) in its modes AAC-hbr and AAC-lbr, and
 * MP4A-LATM (RFC 6416) with its configuration in the description.
 */
#include "rtsp/depacketizer.h"

#include "base/memory_private.h"

#include <libavcodec/avcodec.h>
#include <libavutil/error.h>
#include <libavutil/intreadwrite.h>
#include <libavutil/mem.h>
#include <string.h>
#include <strings.h>

#define SAMPLES 1024        /* of a unit */
#define MAX_CONFIG_BYTES 64 /* of an AudioSpecificConfig */
#define MAX_UNITS 64        /* in a packet */

struct aac {
    unsigned size_bits, index_bits;
    size_t whole_bytes; /* of the unit that fragments make; 0: there is none */
};

static struct aac *aac_of(struct depacketizer *depacketizer)
{
    return (struct aac *)(void *)depacketizer->state;
}

static unsigned read_bits(const uint8_t *data, size_t at, unsigned n)
{
    unsigned value = 0;

    for (; n > 0; n--, at++)
        value = value << 1 | (data[at / 8] >> (7 - at % 8) & 1);
    return value;
}

static int hand_out(struct depacketizer *depacketizer, const uint8_t *data, size_t bytes)
{
    int64_t timestamp = depacketizer->unit.timestamp;
    bool follows_loss = depacketizer->unit.follows_loss;
    int ret = rtsp_unit_append(&depacketizer->unit, data, bytes);

    depacketizer->has_head = true;
    depacketizer->unit.is_key = true;
    depacketizer->unit.duration = SAMPLES;
    depacketizer->unit.follows_loss = follows_loss;
    if (ret >= 0)
        ret = depacketizer_hand_out(depacketizer);
    depacketizer->unit.timestamp = timestamp + SAMPLES;
    return ret;
}

/* A unit that is too large for a packet comes in several, each with its whole size. */
static int take_fragment(struct depacketizer *depacketizer, const struct rtp_packet *packet,
                         const uint8_t *data, size_t bytes, size_t whole_bytes)
{
    struct aac *aac = aac_of(depacketizer);
    struct rtsp_unit *unit = &depacketizer->unit;
    int ret;

    if (unit->bytes == 0)
        aac->whole_bytes = whole_bytes;
    if (whole_bytes != aac->whole_bytes || unit->bytes + bytes > whole_bytes)
        return AVERROR_INVALIDDATA;
    unit->is_key = true;
    unit->duration = SAMPLES;
    ret = rtsp_unit_append(unit, data, bytes);
    if (ret >= 0 && packet->marker && unit->bytes != whole_bytes)
        unit->is_damaged = true;
    return ret;
}

static int generic_take(struct depacketizer *depacketizer, const struct rtp_packet *packet)
{
    const struct aac *aac = aac_of(depacketizer);
    const uint8_t *data = packet->payload, *headers = data + 2;
    size_t bytes = packet->payload_bytes, header_bits, n_units;

    if (bytes == 0)
        return 0;
    if (bytes < 2)
        return AVERROR_INVALIDDATA;
    header_bits = AV_RB16(data);
    n_units = header_bits / (aac->size_bits + aac->index_bits);
    if (n_units == 0 || n_units > MAX_UNITS || (header_bits + 7) / 8 > bytes - 2)
        return AVERROR_INVALIDDATA;
    data += 2 + (header_bits + 7) / 8;
    bytes -= 2 + (header_bits + 7) / 8;
    for (size_t i = 0; i < n_units; i++) {
        size_t length = read_bits(headers, i * (aac->size_bits + aac->index_bits), aac->size_bits);
        int ret;

        if (n_units == 1 && (length > bytes || depacketizer->unit.bytes > 0))
            return take_fragment(depacketizer, packet, data, bytes, length);
        if (length == 0 || length > bytes)
            return AVERROR_INVALIDDATA;
        ret = hand_out(depacketizer, data, length);
        if (ret < 0)
            return ret;
        data += length;
        bytes -= length;
    }
    return 0;
}

static int hex_value(char c)
{
    const char *digits = "0123456789abcdef0123456789ABCDEF", *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) % 16 : -1;
}

/* Returns its bytes, 0: none, or no hexadecimal number. */
static size_t read_config(const struct sdp_media *media, uint8_t config[MAX_CONFIG_BYTES])
{
    size_t bytes;
    const char *text = sdp_format_parameter(media, "config", &bytes);

    if (!text || bytes / 2 > MAX_CONFIG_BYTES)
        return 0;
    for (size_t i = 0; i + 1 < bytes; i += 2) {
        int high = hex_value(text[i]), low = hex_value(text[i + 1]);

        if (high < 0 || low < 0)
            return 0;
        config[i / 2] = (uint8_t)(high << 4 | low);
    }
    return bytes / 2;
}

static int set_parameters(AVCodecParameters *parameters, const struct sdp_media *media,
                          const uint8_t *config, size_t config_bytes)
{
    parameters->codec_type = AVMEDIA_TYPE_AUDIO;
    parameters->codec_id = AV_CODEC_ID_AAC;
    parameters->sample_rate = media->clock_hz;
    av_channel_layout_default(&parameters->ch_layout, media->n_channels);
    parameters->extradata =
        memory_permits() ? av_mallocz(config_bytes + AV_INPUT_BUFFER_PADDING_SIZE) : NULL;
    if (!parameters->extradata)
        return AVERROR(ENOMEM);
    memcpy(parameters->extradata, config, config_bytes);
    parameters->extradata_size = (int)config_bytes;
    return 0;
}

static int generic_open(struct depacketizer *depacketizer, const struct sdp_media *media)
{
    struct aac *aac = aac_of(depacketizer);
    uint8_t config[MAX_CONFIG_BYTES];
    size_t bytes = read_config(media, config);

    aac->size_bits = (unsigned)sdp_format_number(media, "sizelength", 13);
    aac->index_bits = (unsigned)sdp_format_number(media, "indexlength", 3);
    if (bytes == 0 || aac->size_bits == 0 || aac->size_bits > 16 || aac->index_bits > 16)
        return AVERROR(ENOSYS);
    return set_parameters(depacketizer->parameters, media, config, bytes);
}

const struct depacketizer_ops depacketizer_aac_ops = {
    .encodings = {"MPEG4-GENERIC"},
    .open = generic_open,
    .take = generic_take,
};

/* Hands out each unit behind its length: PayloadLengthInfo and PayloadMux of one program with one
 * layer (ISO/IEC 14496-3, 1.7.3). */
static int hand_out_each(struct depacketizer *depacketizer, const uint8_t *data, size_t bytes)
{
    int ret = 0;

    for (size_t at = 0; at < bytes && ret >= 0;) {
        size_t length = 0;

        while (at < bytes && data[at] == 255)
            length += data[at++];
        if (at < bytes)
            length += data[at++];
        if (length == 0 || length > bytes - at)
            return AVERROR_INVALIDDATA;
        ret = hand_out(depacketizer, data + at, length);
        at += length;
    }
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
    ret = hand_out_each(depacketizer, all->data, bytes);
    av_buffer_unref(&all);
    return ret;
}

/* The AudioSpecificConfig in a StreamMuxConfig with one program, one layer and no more. */
static size_t find_config(const uint8_t *mux, size_t bytes, uint8_t config[MAX_CONFIG_BYTES])
{
    const size_t at = 15; /* audioMuxVersion 0, sameTimeFraming, subFrames 0, program 0, layer 0 */

    if (bytes < 4 || mux[0] >> 7 || read_bits(mux, 2, 6) || read_bits(mux, 8, 7))
        return 0;
    bytes -= 2;
    for (size_t i = 0; i < bytes; i++)
        config[i] = (uint8_t)read_bits(mux, at + 8 * i, 8);
    return bytes;
}

static int latm_open(struct depacketizer *depacketizer, const struct sdp_media *media)
{
    uint8_t mux[MAX_CONFIG_BYTES], config[MAX_CONFIG_BYTES];
    size_t bytes = read_config(media, mux);

    /* in band (cpresent) it would be another format in each packet: no camera does that */
    bytes =
        bytes && sdp_format_number(media, "cpresent", 1) == 0 ? find_config(mux, bytes, config) : 0;
    if (bytes == 0)
        return AVERROR(ENOSYS);
    return set_parameters(depacketizer->parameters, media, config, bytes);
}

const struct depacketizer_ops depacketizer_latm_ops = {
    .encodings = {"MP4A-LATM"},
    .open = latm_open,
    .take = latm_take,
};
