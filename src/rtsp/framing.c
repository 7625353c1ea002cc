/* SPDX-License-Identifier: MIT */
#include "rtsp/framing.h"

#include "rtsp/message.h"

#include <string.h>

#define MARK '$'
#define HEAD_BYTES 4
#define VERSION 2
#define LEAST_BYTES 8 /* of a packet of RTCP; RTP has 12 */

static bool is_ours(const struct rtsp_framing *framing, uint8_t channel)
{
    return framing->ours[channel / 32] >> channel % 32 & 1;
}

static size_t length_of(const uint8_t *data)
{
    return (size_t)data[2] << 8 | data[3];
}

void rtsp_framing_add(struct rtsp_framing *framing, uint8_t channel)
{
    for (unsigned i = channel; i <= channel + 1u && i <= UINT8_MAX; i++)
        framing->ours[i / 32] |= UINT32_C(1) << i % 32;
}

/* Whether a packet of ours can begin here, as far as it is here. */
static bool can_be_ours(const struct rtsp_framing *framing, const uint8_t *data, size_t bytes)
{
    return data[0] == MARK && (bytes < 2 || is_ours(framing, data[1])) &&
           (bytes < HEAD_BYTES || length_of(data) >= LEAST_BYTES) &&
           (bytes <= HEAD_BYTES || data[HEAD_BYTES] >> 6 == VERSION);
}

static bool can_be_message(const uint8_t *data, size_t bytes)
{
    static const char start[] = "RTSP/";

    return !memcmp(data, start, bytes < sizeof(start) - 1 ? bytes : sizeof(start) - 1);
}

bool rtsp_framing_is_doubtful(struct rtsp_framing *framing, const uint8_t *data, size_t bytes)
{
    size_t end;

    if (framing->searches) {
        framing->searches = bytes <= HEAD_BYTES;
        return data[0] == MARK && !can_be_ours(framing, data, bytes);
    }
    if (bytes <= HEAD_BYTES || data[0] != MARK || !is_ours(framing, data[1]) ||
        length_of(data) == 0 || data[HEAD_BYTES] >> 6 == VERSION)
        return false;
    end = HEAD_BYTES + length_of(data);
    if (end > bytes)
        return true;
    return end < bytes && !can_be_ours(framing, data + end, bytes - end) &&
           !can_be_message(data + end, bytes - end);
}

size_t rtsp_framing_find(struct rtsp_framing *framing, const uint8_t *data, size_t bytes)
{
    static const struct rtsp_framing none;

    if (!memcmp(framing->ours, none.ours, sizeof(none.ours)))
        return rtsp_item_find(data, bytes);
    framing->searches = true;
    for (size_t i = 1; i < bytes; i++)
        if (can_be_ours(framing, data + i, bytes - i) || can_be_message(data + i, bytes - i))
            return i;
    return bytes > 0 ? bytes : 1;
}
