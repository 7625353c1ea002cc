/* SPDX-License-Identifier: MIT */
/*
 * RTP packets (RFC 3550 section 5) and what a receiver keeps of one stream of
 * them: sequence numbers past 16 bits, timestamps past 32, loss and jitter
 * (appendix A), and a window that puts packets back into order.
 */
#ifndef LIMEF_SRC_RTSP_RTP_H
#define LIMEF_SRC_RTSP_RTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RTP_HEADER_BYTES 12

/* One packet; payload lies in the bytes that were read. */
struct rtp_packet {
    uint16_t sequence;
    uint32_t timestamp;
    uint32_t ssrc;
    uint8_t payload_type;
    bool marker;
    const uint8_t *payload; /* without padding */
    size_t payload_bytes;
    uint16_t extension_id;    /* of the header's extension (section 5.3.1), if there is one */
    const uint8_t *extension; /* NULL: there is none */
    size_t extension_bytes;
};

/* Returns 0, or AVERROR_INVALIDDATA: no RTP, or a length in it lies. */
int rtp_packet_read(struct rtp_packet *packet, const uint8_t *data, size_t bytes);

/* Whether two packets can be of one stream. */
bool rtp_packet_is_near(const struct rtp_packet *packet, const struct rtp_packet *other);

/* What is known of a stream; all-zero: nothing came yet. */
struct rtp_statistics {
    bool has_begun;
    uint32_t ssrc;
    int64_t first, highest; /* sequence numbers, counted on past 16 bits */
    int64_t timestamp;      /* of the newest packet, counted on past 32 bits */
    uint64_t n_received;    /* of this ssrc; without duplicates that the window saw */
    double jitter_ticks;    /* RFC 3550 A.8 */
    bool is_timed;          /* the next is known */
    int64_t transit_ticks;
    uint64_t n_received_at_report;
    int64_t n_expected_at_report;
};

/*
 * Counts a packet as it arrives.
 *
 * sequence  written: its number, counted on from the newest.
 * Returns whether a new stream began: the first packet, another ssrc, or a number far from all
 * that came before (RFC 3550 A.1).
 */
bool rtp_statistics_count(struct rtp_statistics *statistics, const struct rtp_packet *packet,
                          int64_t *sequence);

/* Takes the time at which a packet that was counted arrived, in units of the stream's clock, into
 * the jitter: not that of one that came twice, or in vain. */
void rtp_statistics_time(struct rtp_statistics *statistics, const struct rtp_packet *packet,
                         int64_t arrived_ticks);

/* Whether a packet belongs to what is known; so does the first one. */
bool rtp_statistics_go_on(const struct rtp_statistics *statistics, const struct rtp_packet *packet);

/* A packet far behind the newest belongs to what is known: what is before it, of 65536 at most, is
 * missing. It is counted next. */
void rtp_statistics_skip_to(struct rtp_statistics *statistics, const struct rtp_packet *packet);

/* A packet's timestamp, counted on past 32 bits from the newest. */
int64_t rtp_statistics_timestamp(const struct rtp_statistics *statistics, uint32_t timestamp);

/* Packets that never came, as far as is known now; not below 0. */
uint64_t rtp_statistics_n_lost(const struct rtp_statistics *statistics);

#endif
