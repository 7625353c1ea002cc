/* SPDX-License-Identifier: MIT */
/* RTP packets for tests, byte by byte. */
#ifndef LIMEF_TEST_RTSP_PACKETS_H
#define LIMEF_TEST_RTSP_PACKETS_H

#include <libavutil/intreadwrite.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Writes a packet; returns its bytes. */
static inline size_t packet_write(uint8_t *packet, uint16_t sequence, uint32_t timestamp,
                                  bool marker, const void *payload, size_t payload_bytes)
{
    packet[0] = 0x80;
    packet[1] = (uint8_t)(96 | marker << 7);
    AV_WB16(packet + 2, sequence);
    AV_WB32(packet + 4, timestamp);
    AV_WB32(packet + 8, 0x11223344);
    memcpy(packet + 12, payload, payload_bytes);
    return 12 + payload_bytes;
}

#endif
