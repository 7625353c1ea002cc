/* SPDX-License-Identifier: MIT */
/*
 * Where packets of media begin in the RTSP connection (RFC 2326 section 10.12). Nothing there tells
 * that a length lies: what the packets of our own channels look like does (RFC 3550).
 */
#ifndef LIMEF_SRC_RTSP_FRAMING_H
#define LIMEF_SRC_RTSP_FRAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All-zero: no channel is ours. */
struct rtsp_framing {
    uint32_t ours[8]; /* a bit for each channel */
    bool searches;    /* what came last was none of it */
    size_t looked_at; /* bytes of a packet that is not whole, when it was last looked into */
};

/* RTP comes on this channel, RTCP on the next one. */
void rtsp_framing_add(struct rtsp_framing *framing, uint8_t channel);

/*
 * Whether what comes first has the mark of a packet but is none, or not all of one: its length
 * leads to nothing that can come next, or packets of ours begin in it. Behind damaged bytes packets
 * of other channels are not believed either.
 */
bool rtsp_framing_is_doubtful(struct rtsp_framing *framing, const uint8_t *data, size_t bytes);

/* As rtsp_item_find(), and once there are channels of ours a packet of them, as far as it is here.
 */
size_t rtsp_framing_find(struct rtsp_framing *framing, const uint8_t *data, size_t bytes);

#endif
