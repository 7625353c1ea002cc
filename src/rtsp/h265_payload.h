/* SPDX-License-Identifier: MIT */
/* The payload of an RTP packet of H.265 (RFC 7798 section 4.4): its header, and what is behind it.
 * What a PACI packet (4.4.4) carries is read as if it had come without: what it says besides is for
 * who switches between layers in time. */
#ifndef LIMEF_SRC_RTSP_H265_PAYLOAD_H
#define LIMEF_SRC_RTSP_H265_PAYLOAD_H

#include <libavutil/error.h>
#include <stddef.h>
#include <stdint.h>

enum {
    H265_AP = 48,
    H265_FU,
    H265_PACI, /* the last type that has a meaning */
};

struct h265_payload {
    uint8_t header[2];
    const uint8_t *data;
    size_t bytes;
};

static inline unsigned h265_payload_type(const struct h265_payload *payload)
{
    return payload->header[0] >> 1 & 0x3f;
}

/* Returns 0, or AVERROR_INVALIDDATA. */
static inline int h265_payload_read(struct h265_payload *payload, const uint8_t *data, size_t bytes)
{
    size_t head_bytes = 2;

    if (bytes < head_bytes)
        return AVERROR_INVALIDDATA;
    payload->header[0] = data[0];
    payload->header[1] = data[1];
    if (h265_payload_type(payload) == H265_PACI) {
        /* A, cType, PHSsize, F0 to F2, Y; the layers are those of the packet */
        if (bytes < 4)
            return AVERROR_INVALIDDATA;
        head_bytes = 4 + ((size_t)(data[2] & 1) << 4 | data[3] >> 4);
        payload->header[0] = (uint8_t)((data[2] & 0xfe) | (data[0] & 1));
        if (h265_payload_type(payload) == H265_PACI || bytes < head_bytes)
            return AVERROR_INVALIDDATA;
    }
    payload->data = data + head_bytes;
    payload->bytes = bytes - head_bytes;
    return 0;
}

#endif
