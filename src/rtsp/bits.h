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

#endif
