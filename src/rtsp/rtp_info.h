/* SPDX-License-Identifier: MIT */
/* What the answer to PLAY tells of the first packet of each stream: RTP-Info (RFC 2326 section
 * 12.33, RFC 7826 section 18.45). */
#ifndef LIMEF_SRC_RTSP_RTP_INFO_H
#define LIMEF_SRC_RTSP_RTP_INFO_H

#include <stdbool.h>
#include <stdint.h>

struct rtsp_first {
    int sequence; /* the lower 16 bits of its number; -1: not told */
    bool has_timestamp;
    uint32_t timestamp;
};

/*
 * Reads what is told of one stream.
 *
 * info     the header's value.
 * control  the stream's URL.
 * is_only  there is no other stream: whatever its URL is there.
 */
struct rtsp_first rtp_info_read(const char *info, const char *control, bool is_only);

#endif
