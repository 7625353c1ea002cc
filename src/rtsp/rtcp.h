/* SPDX-License-Identifier: MIT */
/*
 * RTCP (RFC 3550 section 6) as a receiver needs it: sender reports and goodbyes
 * in, receiver reports out.
 */
#ifndef LIMEF_SRC_RTSP_RTCP_H
#define LIMEF_SRC_RTSP_RTCP_H

#include "rtsp/rtp.h"

/* Bytes of a report that rtcp_report_write() makes, at most. */
#define RTCP_REPORT_BYTES 128
/* Of a goodbye, sources that are looked at: a source and what it mixes. */
#define RTCP_MOST_LEFT 16

/* What a compound packet said of one sender. */
struct rtcp_news {
    bool has_report; /* the next five are of a sender report */
    uint32_t ssrc;
    int64_t wall_us;               /* since 1970 */
    uint32_t timestamp;            /* of that moment, in units of the stream's clock */
    uint32_t ntp_middle;           /* the middle 32 bits of the NTP time, to be sent back */
    uint64_t source;               /* of that sender: a number for its CNAME; 0: it has none */
    bool has_left;                 /* BYE, of anybody */
    uint32_t left[RTCP_MOST_LEFT]; /* who it is of */
    unsigned n_left;               /* 0: it does not say */
    bool has_reporter;             /* a report, of a sender or a receiver, which tells: */
    uint32_t reporter;             /* whose the packet is (RFC 3550 6.1) */
};

/* Whether a sender has left (RFC 3550 6.6): in a group others say goodbye as well. One that does
 * not say whose it is is that of whose the packet is. */
bool rtcp_has_left(const struct rtcp_news *news, uint32_t ssrc);

/* Returns 0, or AVERROR_INVALIDDATA: no RTCP, or a length in it lies; news is what came before. */
int rtcp_read(struct rtcp_news *news, const uint8_t *data, size_t bytes);

/* Whether the second byte of a packet on a shared port or channel says RTCP (RFC 5761 4). */
bool rtcp_is(const uint8_t *data, size_t bytes);

/* The last sender report that came, for the next report. */
struct rtcp_last {
    uint32_t ssrc;       /* whose it is */
    uint32_t ntp_middle; /* 0: none came */
    int64_t arrived_us;
};

/*
 * Writes a receiver report with a source description (RFC 3550 6.1, 6.4.2, 6.5.1).
 *
 * statistics  what it tells of; notes that this was told.
 * own_ssrc    the receiver's.
 * cname       its name, 64 bytes of it at most.
 * last        nothing is told of it if it is not of the sender that the statistics are of.
 * Returns its bytes.
 */
size_t rtcp_report_write(uint8_t report[RTCP_REPORT_BYTES], struct rtp_statistics *statistics,
                         uint32_t own_ssrc, const char *cname, const struct rtcp_last *last,
                         int64_t now_us);

/* Writes the goodbye (RFC 3550 6.6) of a receiver that has reported. Arguments and result as above.
 */
size_t rtcp_goodbye_write(uint8_t goodbye[RTCP_REPORT_BYTES], uint32_t own_ssrc, const char *cname);

/* What all receivers of this process are called, and those of no other: made by chance (RFC 7022
 * section 4.2). Thread: any */
const char *rtcp_own_cname(void);

#endif
