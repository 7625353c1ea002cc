/* SPDX-License-Identifier: MIT */
/* AAC: MPEG4-GENERIC (RFC 3640) in its modes AAC-hbr and AAC-lbr. */
#include "rtsp/aac.h"

#include "base/memory_private.h"

#include <libavcodec/avcodec.h>
#include <libavutil/error.h>
#include <libavutil/intreadwrite.h>
#include <libavutil/mathematics.h>
#include <libavutil/mem.h>
#include <string.h>

#define USUAL_SAMPLES 1024 /* of a unit */
#define MAX_UNITS 64       /* in a packet */

struct aac {
    unsigned size_bits, index_bits;
    int64_t duration;   /* of a unit */
    size_t whole_bytes; /* of the unit that fragments make; 0: there is none */
};

static struct aac *aac_of(struct depacketizer *depacketizer)
{
    return (struct aac *)(void *)depacketizer->state;
}

int aac_hand_out(struct depacketizer *depacketizer, int64_t duration)
{
    struct rtsp_unit *unit = &depacketizer->unit;
    int64_t timestamp = unit->timestamp;
    int ret;

    depacketizer->has_head = true;
    unit->is_key = true;
    unit->duration = duration;
    ret = depacketizer_hand_out(depacketizer);
    unit->timestamp = timestamp + duration;
    return ret;
}

static int hand_out(struct depacketizer *depacketizer, const uint8_t *data, size_t bytes)
{
    int ret = rtsp_unit_append(&depacketizer->unit, data, bytes);

    return ret < 0 ? ret : aac_hand_out(depacketizer, aac_of(depacketizer)->duration);
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
    unit->duration = aac->duration;
    ret = rtsp_unit_append(unit, data, bytes);
    if (ret >= 0 && packet->marker && unit->bytes != whole_bytes)
        unit->is_damaged = true;
    return ret;
}

static int generic_take(struct depacketizer *depacketizer, const struct rtp_packet *packet)
{
    const struct aac *aac = aac_of(depacketizer);
    const uint8_t *data = packet->payload;
    struct bits headers = {.data = data + 2};
    size_t bytes = packet->payload_bytes, header_bits, n_units;

    if (bytes == 0)
        return 0;
    if (bytes < 2)
        return AVERROR_INVALIDDATA;
    header_bits = headers.n = AV_RB16(data);
    n_units = header_bits / (aac->size_bits + aac->index_bits);
    if (n_units == 0 || n_units > MAX_UNITS || (header_bits + 7) / 8 > bytes - 2)
        return AVERROR_INVALIDDATA;
    data += 2 + (header_bits + 7) / 8;
    bytes -= 2 + (header_bits + 7) / 8;
    for (size_t i = 0; i < n_units; i++) {
        size_t length = bits_read(&headers, aac->size_bits);
        int ret;

        bits_read(&headers, aac->index_bits);
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

size_t aac_read_config(const struct sdp_media *media, uint8_t config[AAC_CONFIG_BYTES])
{
    size_t bytes;
    const char *text = sdp_format_parameter(media, "config", &bytes);

    if (!text || bytes / 2 > AAC_CONFIG_BYTES)
        return 0;
    for (size_t i = 0; i + 1 < bytes; i += 2) {
        int high = hex_value(text[i]), low = hex_value(text[i + 1]);

        if (high < 0 || low < 0)
            return 0;
        config[i / 2] = (uint8_t)(high << 4 | low);
    }
    return bytes / 2;
}

int aac_set_parameters(struct depacketizer *depacketizer, const struct aac_config *config,
                       const uint8_t *bytes, size_t n_bytes)
{
    AVCodecParameters *parameters = depacketizer->parameters;
    uint8_t *copy = memory_permits() ? av_mallocz(n_bytes + AV_INPUT_BUFFER_PADDING_SIZE) : NULL;

    if (!copy)
        return AVERROR(ENOMEM);
    memcpy(copy, bytes, n_bytes);
    av_freep(&parameters->extradata);
    parameters->extradata = copy;
    parameters->extradata_size = (int)n_bytes;
    if (config->output_rate_hz > 0)
        parameters->sample_rate = config->output_rate_hz;
    if (config->n_channels > 0)
        av_channel_layout_default(&parameters->ch_layout, (int)config->n_channels);
    return 0;
}

int64_t aac_duration(const struct depacketizer *depacketizer, const struct aac_config *config)
{
    return config->n_samples > 0
               ? av_rescale(config->n_samples, depacketizer->clock_hz, config->rate_hz)
               : USUAL_SAMPLES;
}

void aac_set_described(struct depacketizer *depacketizer, const struct sdp_media *media)
{
    AVCodecParameters *parameters = depacketizer->parameters;

    parameters->codec_type = AVMEDIA_TYPE_AUDIO;
    parameters->codec_id = AV_CODEC_ID_AAC;
    parameters->sample_rate = media->clock_hz;
    av_channel_layout_default(&parameters->ch_layout, media->n_channels);
}

static int generic_open(struct depacketizer *depacketizer, const struct sdp_media *media)
{
    struct aac *aac = aac_of(depacketizer);
    uint8_t bytes[AAC_CONFIG_BYTES];
    size_t n_bytes = aac_read_config(media, bytes);
    struct bits bits = {.data = bytes, .n = 8 * n_bytes};
    struct aac_config config;
    int64_t told;

    aac->size_bits = (unsigned)sdp_format_number(media, "sizelength", 13);
    aac->index_bits = (unsigned)sdp_format_number(media, "indexlength", 3);
    if (n_bytes == 0 || aac->size_bits == 0 || aac->size_bits > 16 || aac->index_bits > 16)
        return AVERROR(ENOSYS);
    if (aac_config_read(&config, &bits) < 0) /* what is not known here a decoder may know */
        config = (struct aac_config){.n_samples = 0};
    told = sdp_format_number(media, "constantduration", 0);
    aac->duration =
        told > 0 && told <= media->clock_hz ? told : aac_duration(depacketizer, &config);
    aac_set_described(depacketizer, media);
    return aac_set_parameters(depacketizer, &config, bytes, n_bytes);
}

const struct depacketizer_ops depacketizer_aac_ops = {
    .encodings = {"MPEG4-GENERIC"},
    .open = generic_open,
    .take = generic_take,
};
