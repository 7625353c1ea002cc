/* SPDX-License-Identifier: MIT */
#include "rtsp/framing.h"

#include "rtsp/message.h"

#include <string.h>

#define MARK '$'
#define HEAD_BYTES 4
#define VERSION 2
#define LEAST_BYTES 8 /* of a packet of RTCP; RTP has 12 */
#define LEAST_METHOD 3
/* So many packets of ours, one behind the other, are in no other packet by chance. */
#define MANY 3
/* Who sends a packet byte by byte has it looked into each time that so much more of it came, an
 * eighth: not for each byte again. */
#define LOOK_SHARE 8

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

/* Whether a request begins here, or empty lines, as far as they are here. */
static bool can_be_request(const uint8_t *data, size_t bytes)
{
    size_t n = 0;

    if (data[0] == '\r' || data[0] == '\n')
        return true;
    while (n < bytes && ((data[n] >= 'A' && data[n] <= 'Z') || data[n] == '_'))
        n++;
    return n == bytes || (n >= LEAST_METHOD && data[n] == ' ');
}

/* Whether so many packets of ours lie behind each other here; the last one may be here in part. */
static bool are_ours(const struct rtsp_framing *framing, const uint8_t *data, size_t bytes,
                     unsigned n)
{
    while (bytes > HEAD_BYTES && can_be_ours(framing, data, bytes)) {
        size_t length = HEAD_BYTES + length_of(data);

        if (--n == 0)
            return true;
        if (length >= bytes)
            return false;
        data += length;
        bytes -= length;
    }
    return false;
}

/* Whether so many packets of ours begin in a packet: it is shorter than it says. A camera whose
 * socket is full may cut off what it sends, and go on with the next one. */
static bool holds_ours(const struct rtsp_framing *framing, const uint8_t *data, size_t bytes,
                       unsigned n)
{
    size_t end = HEAD_BYTES + length_of(data) < bytes ? HEAD_BYTES + length_of(data) : bytes;

    for (const uint8_t *at = data + HEAD_BYTES; (at = memchr(at, MARK, (size_t)(data + end - at)));
         at++)
        if (are_ours(framing, at, bytes - (size_t)(at - data), n))
            return true;
    return false;
}

/* Whether its length leads to nothing that can come next, where that is here. */
static bool leads_nowhere(const struct rtsp_framing *framing, const uint8_t *data, size_t bytes)
{
    return bytes > 0 && !can_be_ours(framing, data, bytes) && !can_be_message(data, bytes);
}

/* As holds_ours(), of a packet that is not whole. */
static bool holds_many(struct rtsp_framing *framing, const uint8_t *data, size_t bytes)
{
    bool is_same = bytes >= framing->looked_at; /* what is there of it never gets less */

    if (is_same && bytes < framing->looked_at + framing->looked_at / LOOK_SHARE)
        return false;
    framing->looked_at = bytes;
    return holds_ours(framing, data, bytes, MANY);
}

bool rtsp_framing_is_doubtful(struct rtsp_framing *framing, const uint8_t *data, size_t bytes)
{
    size_t end;

    if (framing->searches) {
        framing->searches = bytes <= HEAD_BYTES;
        return data[0] == MARK && !can_be_ours(framing, data, bytes);
    }
    if (bytes <= HEAD_BYTES || data[0] != MARK)
        return false;
    end = HEAD_BYTES + length_of(data);
    if (is_ours(framing, data[1]) && length_of(data) > 0 && data[HEAD_BYTES] >> 6 != VERSION)
        return end > bytes || leads_nowhere(framing, data + end, bytes - end);
    if (end > bytes)
        return holds_many(framing, data, bytes);
    framing->looked_at = 0;
    return leads_nowhere(framing, data + end, bytes - end) && data[end] != MARK &&
           !can_be_request(data + end, bytes - end) && holds_ours(framing, data, bytes, 1);
}

size_t rtsp_framing_find(struct rtsp_framing *framing, const uint8_t *data, size_t bytes)
{
    static const struct rtsp_framing none;
    size_t i = 1;

    if (!memcmp(framing->ours, none.ours, sizeof(none.ours)))
        return rtsp_item_find(data, bytes);
    framing->searches = true;
    while (i < bytes && !can_be_ours(framing, data + i, bytes - i) &&
           !can_be_message(data + i, bytes - i))
        i++;
    framing->looked_at -= i < framing->looked_at ? i : framing->looked_at;
    return i;
}
