/* SPDX-License-Identifier: MIT */
/*
 * NAL units in the order of their numbers (DON: RFC 6184 section 5.5, RFC 7798 section 4.4): each
 * waits until nothing can come that is decoded before it, and goes on as a packet of a stream that
 * is not interleaved. Bounded in parts, bytes, and time: with more, the first goes on whatever is
 * missing before it, which is counted.
 */
#ifndef LIMEF_SRC_RTSP_DECODING_ORDER_H
#define LIMEF_SRC_RTSP_DECODING_ORDER_H

#include "rtsp/depacketizer.h"

#define DECODING_ORDER_PARTS 2048
#define DECODING_ORDER_BYTES ((size_t)16 * 1024 * 1024)
/* More is of no use to who looks at it live. */
#define DECODING_ORDER_WAIT_US 2000000
/* How many units, or numbers, a stream may be out of order. */
#define DECODING_ORDER_DEPTH 1024

/* What came of a NAL unit: all of it or a fragment. */
struct decoding_piece {
    int64_t number; /* as decoding_order_number() has it */
    int64_t timestamp;
    bool is_open;       /* more of its unit comes next */
    bool is_counted;    /* a unit of those that depth counts begins with it */
    bool is_behind_gap; /* something of its unit is missing before it */
    bool is_marked;     /* nothing more is sent of its access unit */
    uint8_t head[3];    /* goes before data */
    size_t head_bytes;
    const uint8_t *data;
    size_t bytes;
};

struct decoding_order_part;

/* All-zero, and the first two members: nothing came yet. */
struct decoding_order {
    int64_t depth;  /* so many units wait at most for one that is decoded before them */
    int64_t spread; /* nothing comes whose number is so far behind the newest; INT32_MAX: not known,
                       as with depth */

    /* the stream */
    bool has_begun, has_passed; /* the next one, and that behind it, are known */
    int64_t newest;             /* the greatest number that came */
    int64_t passed;             /* that of what went on last */
    bool is_behind_gap;         /* packets were lost since a number came */
    int64_t doubtful;           /* up to this number what is missing was lost */
    bool is_damaged;            /* something is missing before what goes on next */
    bool is_open;               /* more comes of the unit with this number, before any other */
    int64_t open_number;
    bool is_marked; /* all packets of an access unit came, which is this one */
    int64_t marked_timestamp;

    /* what waits */
    size_t waiting_bytes;
    int64_t n_counted;
    int64_t oldest_us; /* when the one that waits longest came, or one before it */
    unsigned n_parts;
    struct decoding_order_part *parts[DECODING_ORDER_PARTS]; /* owned; by their numbers */
    struct decoding_order_part *vacant;                      /* owned */
    unsigned n_vacant, most_parts, n_done; /* most that waited since so many were done with */
};

/* A number of 16 bits, counted on. What is further back than the stream may be out of order is of a
 * sender that began anew: what waits is forgotten then. */
int64_t decoding_order_number(struct decoding_order *order, uint16_t don);

/* That of what has none: next to what came before it. */
uint16_t decoding_order_next(const struct decoding_order *order);

/*
 * Takes what came, and passes on what can go on, with depacketizer_push_next().
 *
 * Returns 0, also if what went on is malformed; AVERROR_INVALIDDATA: its place is over, which is
 * counted as malformed; AVERROR(ENOMEM): it is lost, and what waited; AVERROR_EXIT of the sink.
 */
int decoding_order_put(struct decoding_order *order, struct depacketizer *depacketizer,
                       const struct decoding_piece *piece);

/* When one may have to go on; LIMEF_FOREVER: nothing waits. */
int64_t decoding_order_due_us(const struct decoding_order *order);

/* Passes on what waited for too long. Returns 0, or AVERROR_EXIT of the sink. */
int decoding_order_tick(struct decoding_order *order, struct depacketizer *depacketizer);

/* Passes on all that waits. Returns 0, or AVERROR_EXIT of the sink. */
int decoding_order_flush(struct decoding_order *order, struct depacketizer *depacketizer);

/* Forgets what waits, and the numbers. */
void decoding_order_restart(struct decoding_order *order);

/* Releases its memory. */
void decoding_order_clear(struct decoding_order *order);

#endif
