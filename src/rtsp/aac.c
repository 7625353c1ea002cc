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

/* How long the fields of a packet are (RFC 3640 sections 3.2.1 and 4.1), in bits; 0: left out. */
struct aac {
    unsigned size, index, index_delta;
    unsigned cts_delta, dts_delta; /* behind a bit that says whether they are there */
    unsigned others;               /* random access, state of the stream */
    unsigned auxiliary_size;
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

static void skip_delta(struct bits *bits, unsigned n_bits)
{
    if (n_bits > 0 && bits_read_one(bits))
        bits_read(bits, n_bits);
}

/* Returns how long the unit is; 0: it is malformed, or out of order, which nobody described. */
static size_t read_header(const struct aac *aac, struct bits *bits)
{
    bool is_first = bits->at == 0;
    size_t length = bits_read(bits, aac->size);
    uint32_t index = bits_read(bits, is_first ? aac->index : aac->index_delta);

    skip_delta(bits, aac->cts_delta);
    skip_delta(bits, aac->dts_delta);
    bits_read(bits, aac->others);
    return bits->at > bits->n || (index > 0 && !is_first) ? 0 : length;
}

/* Some count a few bits more than their headers have. */
static bool has_more(const struct aac *aac, const struct bits *headers)
{
    return headers->n - headers->at >= aac->size + (headers->at ? aac->index_delta : aac->index);
}

/* Of all headers. Returns how many bytes they have, and what nobody wants behind them, too; 0: more
 * than there are. */
static size_t skip_headers(const struct aac *aac, struct bits *headers, const uint8_t *data,
                           size_t bytes)
{
    size_t head_bytes = 2;
    struct bits auxiliary;

    if (bytes < head_bytes)
        return 0;
    *headers = (struct bits){.data = data + 2, .n = AV_RB16(data)};
    head_bytes += (headers->n + 7) / 8;
    if (aac->auxiliary_size > 0 && head_bytes < bytes) {
        auxiliary = (struct bits){.data = data + head_bytes, .n = 8 * (bytes - head_bytes)};
        head_bytes += (bits_read(&auxiliary, aac->auxiliary_size) + aac->auxiliary_size + 7) / 8;
    }
    return head_bytes <= bytes ? head_bytes : 0;
}

static int generic_take(struct depacketizer *depacketizer, const struct rtp_packet *packet)
{
    const struct aac *aac = aac_of(depacketizer);
    const uint8_t *data = packet->payload;
    size_t bytes = packet->payload_bytes, head_bytes;
    struct bits headers;
    int ret = 0;

    if (bytes == 0)
        return 0;
    head_bytes = skip_headers(aac, &headers, data, bytes);
    if (head_bytes == 0 || !has_more(aac, &headers))
        return AVERROR_INVALIDDATA;
    data += head_bytes;
    bytes -= head_bytes;
    for (unsigned n = 0; ret >= 0 && has_more(aac, &headers); n++) {
        size_t length = read_header(aac, &headers);
        bool is_alone = n == 0 && length > 0 && !has_more(aac, &headers);

        if (length == 0 || n == MAX_UNITS)
            return AVERROR_INVALIDDATA;
        if (is_alone && (length > bytes || depacketizer->unit.bytes > 0))
            return take_fragment(depacketizer, packet, data, bytes, length);
        if (length > bytes)
            return AVERROR_INVALIDDATA;
        ret = hand_out(depacketizer, data, length);
        data += length;
        bytes -= length;
    }
    return ret;
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

/* Returns 0, or AVERROR(ENOSYS): fields that are longer than any have, or none of a unit's size. */
static int read_fields(struct aac *aac, const struct sdp_media *media)
{
    const struct {
        const char *name;
        unsigned *bits;
        int missing, most;
    } fields[] = {
        {"sizelength", &aac->size, 13, 16},
        {"indexlength", &aac->index, 3, 16},
        {"indexdeltalength", &aac->index_delta, -1, 16},
        {"ctsdeltalength", &aac->cts_delta, 0, 32},
        {"dtsdeltalength", &aac->dts_delta, 0, 32},
        {"streamstateindication", &aac->others, 0, 31},
        {"auxiliarydatasizelength", &aac->auxiliary_size, 0, 16},
    };

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        int64_t bits = sdp_format_number(media, fields[i].name, fields[i].missing);

        if (bits < 0 && fields[i].missing < 0) /* some leave it out that have the other one */
            bits = aac->index;
        if (bits < 0 || bits > fields[i].most)
            return AVERROR(ENOSYS);
        *fields[i].bits = (unsigned)bits;
    }
    aac->others += sdp_format_number(media, "randomaccessindication", 0) != 0;
    return aac->size > 0 ? 0 : AVERROR(ENOSYS);
}

static int generic_open(struct depacketizer *depacketizer, const struct sdp_media *media)
{
    struct aac *aac = aac_of(depacketizer);
    uint8_t bytes[AAC_CONFIG_BYTES];
    size_t n_bytes = aac_read_config(media, bytes);
    struct bits bits = {.data = bytes, .n = 8 * n_bytes};
    struct aac_config config;
    int64_t told;

    if (n_bytes == 0 || read_fields(aac, media) < 0)
        return AVERROR(ENOSYS);
    if (sdp_format_number(media, "maxdisplacement", 0) != 0) /* its units are interleaved */
        return AVERROR_PATCHWELCOME;
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
