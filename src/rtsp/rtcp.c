/* SPDX-License-Identifier: MIT */
#include "rtsp/rtcp.h"

#include "filter/fingerprint.h"

#include <libavutil/base64.h>
#include <libavutil/common.h>
#include <libavutil/error.h>
#include <libavutil/intreadwrite.h>
#include <libavutil/mathematics.h>
#include <libavutil/random_seed.h>
#include <pthread.h>
#include <string.h>

enum {
    SENDER_REPORT = 200,
    RECEIVER_REPORT = 201,
    SOURCE_DESCRIPTION = 202,
    GOODBYE = 203,
};

#define VERSION_BITS 0x80
#define SENDER_REPORT_BYTES 28
#define CNAME 1
#define LONGEST_CNAME 64
#define CNAME_BYTES 12 /* by chance, of our own */
/* Seconds from 1900, where NTP begins, to 1970 (RFC 868) */
#define NTP_TO_UNIX_S INT64_C(2208988800)
/* NTP time wraps in 2036: seconds below this are of the era after it (RFC 4330 section 3) */
#define SECOND_ERA_BELOW_S 0x80000000u

bool rtcp_is(const uint8_t *data, size_t bytes)
{
    return bytes >= 2 && data[1] >= 192 && data[1] <= 223;
}

static int64_t unix_us(uint32_t seconds, uint32_t fraction)
{
    int64_t whole_s =
        seconds < SECOND_ERA_BELOW_S ? (int64_t)seconds + (INT64_C(1) << 32) : seconds;

    return (whole_s - NTP_TO_UNIX_S) * 1000000 + (int64_t)(((uint64_t)fraction * 1000000) >> 32);
}

/* Not 0 but by chance, when nobody knows its name. */
static uint64_t name_source(const uint8_t *name, size_t bytes)
{
    uint64_t source = bytes > 0 ? FINGERPRINT_START : 0;

    for (size_t i = 0; i < bytes; i++)
        source = fingerprint_mix(source, name[i]);
    return source;
}

static void read_goodbye(struct rtcp_news *news, const uint8_t *data, size_t bytes)
{
    unsigned n = (unsigned)FFMIN((size_t)data[0] & 31, bytes / 4 - 1);

    news->has_left = true;
    for (unsigned i = 0; i < n && news->n_left < RTCP_MOST_LEFT; i++)
        news->left[news->n_left++] = AV_RB32(data + 4 + 4 * (size_t)i);
}

/* What a source is called, if one of the chunks is of it (RFC 3550 6.5, 6.5.1). */
static void read_description(struct rtcp_news *news, const uint8_t *data, size_t bytes)
{
    unsigned n_chunks = data[0] & 31;
    size_t at = 4;

    for (; n_chunks > 0 && at + 4 <= bytes; n_chunks--) {
        bool is_sender = AV_RB32(data + at) == news->ssrc;

        for (at += 4; at + 2 <= bytes && data[at] != 0; at += 2 + (size_t)data[at + 1])
            if (data[at] == CNAME && is_sender && at + 2 + data[at + 1] <= bytes)
                news->source = name_source(data + at + 2, data[at + 1]);
        at = FFALIGN(at + 1, 4); /* behind the zeros that end the list */
    }
}

/* The first report tells whose the whole packet is. */
static void read_reporter(struct rtcp_news *news, const uint8_t *data, size_t bytes)
{
    if (news->has_reporter || bytes < 8 || (data[1] != SENDER_REPORT && data[1] != RECEIVER_REPORT))
        return;
    news->has_reporter = true;
    news->reporter = AV_RB32(data + 4);
}

bool rtcp_has_left(const struct rtcp_news *news, uint32_t ssrc)
{
    bool has_left =
        news->has_left && news->n_left == 0 && news->has_reporter && news->reporter == ssrc;

    for (unsigned i = 0; i < news->n_left; i++)
        has_left |= news->left[i] == ssrc;
    return has_left;
}

int rtcp_read(struct rtcp_news *news, const uint8_t *data, size_t bytes)
{
    *news = (struct rtcp_news){.has_report = false};
    while (bytes >= 4) {
        size_t length = 4 * ((size_t)AV_RB16(data + 2) + 1);

        if (data[0] >> 6 != 2 || length > bytes)
            return AVERROR_INVALIDDATA;
        read_reporter(news, data, length);
        if (data[1] == SENDER_REPORT && length >= SENDER_REPORT_BYTES) {
            news->has_report = AV_RB32(data + 8) != 0;
            news->ssrc = AV_RB32(data + 4);
            news->wall_us = unix_us(AV_RB32(data + 8), AV_RB32(data + 12));
            news->ntp_middle = AV_RB32(data + 10);
            news->timestamp = AV_RB32(data + 16);
        }
        if (data[1] == SOURCE_DESCRIPTION)
            read_description(news, data, length);
        if (data[1] == GOODBYE)
            read_goodbye(news, data, length);
        data += length;
        bytes -= length;
    }
    return bytes == 0 ? 0 : AVERROR_INVALIDDATA;
}

/* Lost since the last report, of 256 (RFC 3550 A.3). */
static uint8_t fraction_lost(struct rtp_statistics *statistics, int64_t n_expected)
{
    int64_t n_expected_now = n_expected - statistics->n_expected_at_report;
    int64_t n_received_now = (int64_t)(statistics->n_received - statistics->n_received_at_report);
    int64_t n_lost_now = n_expected_now - n_received_now;

    statistics->n_expected_at_report = n_expected;
    statistics->n_received_at_report = statistics->n_received;
    return n_expected_now > 0 && n_lost_now > 0
               ? (uint8_t)FFMIN(255, n_lost_now * 256 / n_expected_now)
               : 0;
}

static size_t write_block(uint8_t *block, struct rtp_statistics *statistics,
                          const struct rtcp_last *last, int64_t now_us)
{
    int64_t n_expected = statistics->highest - statistics->first + 1;
    int64_t n_lost = av_clip64(n_expected - (int64_t)statistics->n_received, -0x800000, 0x7fffff);
    int64_t delay_us = now_us - last->arrived_us;
    bool is_reported = last->ntp_middle && last->ssrc == statistics->ssrc;

    AV_WB32(block, statistics->ssrc);
    AV_WB32(block + 4, (uint32_t)n_lost & 0xffffff);
    block[4] = fraction_lost(statistics, n_expected);
    AV_WB32(block + 8, (uint32_t)statistics->highest);
    AV_WB32(block + 12, (uint32_t)av_clip64((int64_t)statistics->jitter_ticks, 0, UINT32_MAX));
    AV_WB32(block + 16, is_reported ? last->ntp_middle : 0);
    AV_WB32(block + 20,
            is_reported ? (uint32_t)av_clip64(av_rescale(delay_us, 65536, 1000000), 0, UINT32_MAX)
                        : 0);
    return 24;
}

static size_t write_description(uint8_t *at, uint32_t own_ssrc, const char *cname)
{
    size_t length = FFMIN(strlen(cname), LONGEST_CNAME);
    size_t bytes = FFALIGN(8 + 2 + length + 1, 4); /* at least one zero ends the list */

    memset(at, 0, bytes);
    at[0] = VERSION_BITS | 1;
    at[1] = SOURCE_DESCRIPTION;
    AV_WB16(at + 2, bytes / 4 - 1);
    AV_WB32(at + 4, own_ssrc);
    at[8] = CNAME;
    at[9] = (uint8_t)length;
    memcpy(at + 10, cname, length);
    return bytes;
}

size_t rtcp_report_write(uint8_t report[RTCP_REPORT_BYTES], struct rtp_statistics *statistics,
                         uint32_t own_ssrc, const char *cname, const struct rtcp_last *last,
                         int64_t now_us)
{
    size_t bytes = 8;

    if (statistics->has_begun)
        bytes += write_block(report + 8, statistics, last, now_us);
    report[0] = VERSION_BITS | (bytes > 8);
    report[1] = RECEIVER_REPORT;
    AV_WB16(report + 2, bytes / 4 - 1);
    AV_WB32(report + 4, own_ssrc);
    return bytes + write_description(report + bytes, own_ssrc, cname);
}

size_t rtcp_goodbye_write(uint8_t goodbye[RTCP_REPORT_BYTES], uint32_t own_ssrc, const char *cname)
{
    struct rtp_statistics none = {.has_begun = false};
    struct rtcp_last last = {.ntp_middle = 0};
    size_t bytes = rtcp_report_write(goodbye, &none, own_ssrc, cname, &last, 0);

    goodbye[bytes] = VERSION_BITS | 1;
    goodbye[bytes + 1] = GOODBYE;
    AV_WB16(goodbye + bytes + 2, 1);
    AV_WB32(goodbye + bytes + 4, own_ssrc);
    return bytes + 8;
}

static char own_cname[AV_BASE64_SIZE(CNAME_BYTES)]; /* written once */

static void make_own_cname(void)
{
    uint32_t chance[CNAME_BYTES / 4];

    for (unsigned i = 0; i < CNAME_BYTES / 4; i++)
        chance[i] = av_get_random_seed();
    av_base64_encode(own_cname, sizeof(own_cname), (const uint8_t *)chance, sizeof(chance));
}

const char *rtcp_own_cname(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, make_own_cname);
    return own_cname;
}
