/* SPDX-License-Identifier: MIT */
#include "rtsp/aac_config.h"

#include <libavutil/error.h>

#define LONGEST_RATE 24 /* bits, where it is none of the usual ones */
#define ESCAPED_RATE 15
#define ESCAPED_TYPE 31

enum {
    AAC_MAIN = 1,
    AAC_LTP = 4,
    AAC_SBR = 5,
    ER_AAC_LC = 17,
    ER_AAC_LTP = 19,
    ER_AAC_LD = 23,
    AAC_PS = 29,
    ER_AAC_ELD = 39,
};

static unsigned read_type(struct bits *bits)
{
    unsigned type = bits_read(bits, 5);

    return type == ESCAPED_TYPE ? 32 + bits_read(bits, 6) : type;
}

/* 0: reserved */
static int read_rate_hz(struct bits *bits)
{
    static const int rates_hz[ESCAPED_RATE] = {96000, 88200, 64000, 48000, 44100, 32000, 24000,
                                               22050, 16000, 12000, 11025, 8000,  7350};
    unsigned index = bits_read(bits, 4);

    return index == ESCAPED_RATE ? (int)bits_read(bits, LONGEST_RATE) : rates_hz[index];
}

static bool is_resilient(unsigned type)
{
    return type == ER_AAC_LC || type == ER_AAC_LTP || type == ER_AAC_LD;
}

/* 4.4.1 GASpecificConfig, for channels that are one of the usual arrangements. */
static void read_general(struct aac_config *config, struct bits *bits, unsigned type)
{
    bool is_short = bits_read_one(bits);

    config->n_samples = type == ER_AAC_LD ? (is_short ? 480 : 512) : (is_short ? 960 : 1024);
    if (bits_read_one(bits)) /* it depends on another coder */
        bits_read(bits, 14);
    if (bits_read_one(bits)) {
        if (is_resilient(type))
            bits_read(bits, 3);
        bits_read_one(bits);
    }
    config->has_end = config->n_channels > 0;
}

/* 4.6.20.2 ELDSpecificConfig; with bands replicated there is more. */
static void read_low_delay(struct aac_config *config, struct bits *bits)
{
    bool is_short = bits_read_one(bits), has_sbr;

    config->n_samples = is_short ? 480 : 512;
    bits_read(bits, 3); /* error resilience */
    has_sbr = bits_read_one(bits);
    config->has_end = !has_sbr && bits_read(bits, 4) == 0; /* no extension */
}

int aac_config_read(struct aac_config *config, struct bits *bits)
{
    static const unsigned n_channels[16] = {0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 0, 8};
    unsigned type = read_type(bits), extension = 0;

    *config = (struct aac_config){.rate_hz = read_rate_hz(bits)};
    config->output_rate_hz = config->rate_hz;
    config->n_channels = n_channels[bits_read(bits, 4)];
    if (type == AAC_SBR || type == AAC_PS) {
        extension = type;
        config->output_rate_hz = read_rate_hz(bits);
        type = read_type(bits);
    }
    if (extension == AAC_PS && config->n_channels == 1)
        config->n_channels = 2;
    if ((type >= AAC_MAIN && type <= AAC_LTP) || is_resilient(type))
        read_general(config, bits, type);
    else if (type == ER_AAC_ELD)
        read_low_delay(config, bits);
    if (is_resilient(type) || type == ER_AAC_ELD)
        config->has_end &= bits_read(bits, 2) == 0; /* no error protection */
    return config->n_samples > 0 && config->rate_hz > 0 && config->output_rate_hz > 0 &&
                   bits->at <= bits->n
               ? 0
               : AVERROR_INVALIDDATA;
}

/* LatmGetValue() */
static uint32_t read_value(struct bits *bits)
{
    unsigned n_bytes = bits_read(bits, 2) + 1;

    return bits_read(bits, 8 * n_bytes);
}

/* The configuration as it stands in the bits, from its first one on. */
static int keep(struct aac_mux *mux, const struct bits *bits, size_t at, size_t n_bits)
{
    struct bits from = {.data = bits->data, .n = bits->n, .at = at};

    mux->n_bytes = (n_bits + 7) / 8;
    if (n_bits > bits->n - at || mux->n_bytes > sizeof(mux->bytes))
        return AVERROR_INVALIDDATA;
    for (size_t i = 0; i < mux->n_bytes; i++, n_bits -= n_bits < 8 ? n_bits : 8) {
        unsigned n = n_bits < 8 ? (unsigned)n_bits : 8;

        mux->bytes[i] = (uint8_t)(bits_read(&from, n) << (8 - n));
    }
    return 0;
}

/* In version 1 the configuration has a length, and what is not known of it is skipped. */
static int read_config(struct aac_mux *mux, struct bits *bits, bool has_length)
{
    size_t n_bits = has_length ? read_value(bits) : 0, at = bits->at;
    struct bits inside = {.data = bits->data, .n = bits->n, .at = at};
    int ret;

    if (at > bits->n || n_bits > bits->n - at)
        return AVERROR_INVALIDDATA;
    if (has_length)
        inside.n = at + n_bits;
    ret = aac_config_read(&mux->config, &inside);
    if (ret >= 0 && !has_length && !mux->config.has_end)
        ret = AVERROR_INVALIDDATA;
    if (ret < 0)
        return ret;
    n_bits = has_length ? n_bits : inside.at - at;
    bits->at = at + n_bits;
    return keep(mux, bits, at, n_bits);
}

/* What other data there is: how much of it is in each element behind the units, and nobody wants
 * it.
 */
static void skip_other_data(struct bits *bits, bool has_values)
{
    bool goes_on = true;

    if (has_values) {
        read_value(bits);
        return;
    }
    while (goes_on && bits->at < bits->n) {
        goes_on = bits_read_one(bits);
        bits_read(bits, 8);
    }
}

int aac_mux_read(struct aac_mux *mux, struct bits *bits)
{
    bool is_version_1 = bits_read_one(bits);
    unsigned how;
    int ret;

    if (is_version_1 && bits_read_one(bits)) /* audioMuxVersionA: for future use */
        return AVERROR_INVALIDDATA;
    if (is_version_1)
        read_value(bits); /* fullness of a buffer */
    how = bits_read_one(bits);
    mux->n_units = bits_read(bits, 6) + 1;
    if (!how || bits_read(bits, 4) != 0 || bits_read(bits, 3) != 0) /* programs, layers */
        return AVERROR_INVALIDDATA;
    ret = read_config(mux, bits, is_version_1);
    if (ret < 0)
        return ret;
    if (bits_read(bits, 3) != 0) /* frameLengthType: units of any length */
        return AVERROR_INVALIDDATA;
    bits_read(bits, 8); /* fullness of a buffer */
    if (bits_read_one(bits))
        skip_other_data(bits, is_version_1);
    if (bits_read_one(bits))
        bits_read(bits, 8); /* check sum */
    return bits->at <= bits->n ? 0 : AVERROR_INVALIDDATA;
}
