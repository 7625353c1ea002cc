/* SPDX-License-Identifier: MIT */
#include "rtsp/frame_number.h"

#include "rtsp/bits.h"

#include <libavutil/common.h>

#define SET_BYTES 256 /* scaling lists come before what is looked for */
#define IDR 5
#define SLICE_B 1 /* modulo 5 */
/* A camera whose groups are broken so often, one after the other, counts in a way of its own. */
#define MOST_BROKEN 3
#define RECOVERY_POINT 6 /* type of the message */
#define MOST_FRAMES 65535

/* 7.3.2.1.1.1: the values do not matter, where they end does. */
static void skip_scaling_list(struct bits *bits, unsigned n_values)
{
    uint32_t last = 8, next = 8;

    for (unsigned i = 0; i < n_values; i++) {
        if (next != 0) {
            uint32_t code = bits_read_code(bits), delta = code / 2 + code % 2;

            next = (last + (code % 2 ? delta : -delta)) & 255; /* modulo 256 in any case */
        }
        last = next ? next : last;
    }
}

static bool has_chroma(unsigned profile)
{
    static const uint8_t profiles[] = {100, 110, 122, 244, 44,  83, 86,
                                       118, 128, 138, 139, 134, 135};

    for (size_t i = 0; i < sizeof(profiles); i++)
        if (profiles[i] == profile)
            return true;
    return false;
}

static void read_chroma(struct frame_number *number, struct bits *bits)
{
    uint32_t chroma = bits_read_code(bits);

    number->has_planes = chroma == 3 && bits_read_one(bits);
    bits_read_code(bits); /* bit depths */
    bits_read_code(bits);
    bits_read_one(bits);
    if (bits_read_one(bits))
        for (unsigned i = 0; i < (chroma == 3 ? 12 : 8); i++)
            if (bits_read_one(bits))
                skip_scaling_list(bits, i < 6 ? 16 : 64);
}

void frame_number_take_set(struct frame_number *number, const uint8_t *set, size_t bytes)
{
    uint8_t plain[SET_BYTES];
    struct bits bits = {.data = plain};
    unsigned profile, id, length, order;

    if (bytes < 5)
        return;
    bits.n = 8 * bits_unescape(plain, sizeof(plain), set + 1, bytes - 1);
    profile = bits_read(&bits, 8);
    bits_read(&bits, 16);
    id = bits_read_code(&bits);
    if (number->bits &&
        id != number->set_id) { /* which one a slice means its other set would say */
        number->bits = 0;
        return;
    }
    number->has_planes = false;
    if (has_chroma(profile))
        read_chroma(number, &bits);
    length = bits_read_code(&bits);
    order = bits_read_code(&bits);
    if (order == 0) {
        bits_read_code(&bits);
    } else if (order == 1) {
        uint32_t n;

        bits_read_one(&bits);
        bits_read_code(&bits);
        bits_read_code(&bits);
        n = bits_read_code(&bits);
        for (uint32_t i = 0; i < n && bits.at < bits.n; i++)
            bits_read_code(&bits);
    }
    bits_read_code(&bits); /* reference frames */
    number->may_skip = bits_read_one(&bits);
    number->set_id = (uint8_t)FFMIN(id, UINT8_MAX);
    number->bits = length <= 12 && bits.at <= bits.n ? (uint8_t)(length + 4) : 0;
}

/* The first frame of a group that can be decoded by itself. */
static void begin_group(struct frame_number *number)
{
    number->n_broken =
        number->is_group_broken ? (uint8_t)FFMIN(number->n_broken + 1, MOST_BROKEN) : 0;
    number->is_group_broken = false;
}

bool frame_number_take(struct frame_number *number, const uint8_t *slice, size_t bytes,
                       bool is_explained)
{
    uint8_t plain[FRAME_NUMBER_SLICE_BYTES];
    struct bits bits = {.data = plain};
    bool is_reference = bytes > 0 && slice[0] >> 5 & 3,
         is_idr = bytes > 0 && (slice[0] & 31) == IDR;
    bool is_missing = false;
    uint32_t value;

    bits.n = bytes > 0 ? 8 * bits_unescape(plain, sizeof(plain), slice + 1, bytes - 1) : 0;
    bits_read_code(&bits); /* the first macroblock */
    number->is_bidirectional = bits_read_code(&bits) % 5 == SLICE_B;
    if (number->bits == 0)
        return false;
    bits_read_code(&bits); /* the picture's parameter set */
    if (number->has_planes)
        bits_read(&bits, 2);
    value = bits_read(&bits, number->bits);
    if (bits.at > bits.n)
        return false;
    if (is_idr && (!number->has_last || number->last != value || number->is_group_broken))
        begin_group(number);
    else if (number->has_last && value != number->last && !number->may_skip)
        is_missing = value != ((number->last + 1u) & ((1u << number->bits) - 1));
    number->is_group_broken |= is_missing && !is_explained;
    if (is_reference || is_missing) {
        number->last = (uint16_t)value;
        number->has_last = true;
    }
    return is_missing && number->n_broken < MOST_BROKEN;
}

/* A message's type or size: bytes of 255, and the one that ends them (7.3.2.3.1). */
static size_t read_sum(const uint8_t *data, size_t bytes, size_t *at)
{
    size_t sum = 0;

    while (*at < bytes && data[*at] == 255)
        sum += data[(*at)++];
    return *at < bytes ? sum + data[(*at)++] : SIZE_MAX;
}

int frame_number_find_recovery(const uint8_t *sei, size_t bytes)
{
    uint8_t plain[SET_BYTES];
    size_t n = bytes > 0 ? bits_unescape(plain, sizeof(plain), sei + 1, bytes - 1) : 0;

    for (size_t at = 0; at + 2 < n;) {
        size_t type = read_sum(plain, n, &at), length = read_sum(plain, n, &at);
        struct bits bits = {.data = plain, .n = 8 * n, .at = 8 * at};

        if (length > n - at)
            break;
        if (type == RECOVERY_POINT)
            return (int)av_clip64(bits_read_code(&bits), 0, MOST_FRAMES);
        at += length;
    }
    return -1;
}
