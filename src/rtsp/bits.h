/* SPDX-License-Identifier: MIT */
/* Bytes read bit by bit. */
#ifndef LIMEF_SRC_RTSP_BITS_H
#define LIMEF_SRC_RTSP_BITS_H

#include <stddef.h>
#include <stdint.h>

struct bits {
    const uint8_t *data;
    size_t n, at; /* bits that there are, and of which the next one is read */
};

/* Behind the end there are ones, so that codes which end with a one end there; at is past n then.
 */
static inline unsigned bits_read_one(struct bits *bits)
{
    unsigned bit = bits->at < bits->n ? bits->data[bits->at / 8] >> (7 - bits->at % 8) & 1 : 1;

    bits->at++;
    return bit;
}

/* n  32 at most. */
static inline uint32_t bits_read(struct bits *bits, unsigned n)
{
    uint32_t value = 0;

    while (n-- > 0)
        value = value << 1 | bits_read_one(bits);
    return value;
}

/* ue(v), ITU-T H.264 9.1, H.265 9.2. UINT32_MAX: too long. */
static inline uint32_t bits_read_code(struct bits *bits)
{
    unsigned n_zeros = 0;

    while (n_zeros < 32 && bits_read_one(bits) == 0)
        n_zeros++;
    return n_zeros == 32 ? UINT32_MAX : (1u << n_zeros) - 1 + bits_read(bits, n_zeros);
}

/* Without the bytes that keep start codes away (ITU-T H.264 7.4.1, H.265 7.4.2). Returns how many
 * are left. */
static inline size_t bits_unescape(uint8_t *to, size_t room, const uint8_t *data, size_t bytes)
{
    size_t n = 0, n_zeros = 0;

    for (size_t i = 0; i < bytes && n < room; i++) {
        if (n_zeros >= 2 && data[i] == 3) {
            n_zeros = 0;
            continue;
        }
        n_zeros = data[i] == 0 ? n_zeros + 1 : 0;
        to[n++] = data[i];
    }
    return n;
}

#endif
