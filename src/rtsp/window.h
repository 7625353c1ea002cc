/* SPDX-License-Identifier: MIT */
/*
 * Puts packets back into the order in which they were sent. What comes in
 * order is not kept; what comes too early waits for what is missing, bounded in
 * packets and in time, and what never comes is counted.
 */
#ifndef LIMEF_SRC_RTSP_WINDOW_H
#define LIMEF_SRC_RTSP_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Packets that wait at most; a power of two: the largest key frame, all at once. Room for them is
 * made by need. */
#define RTP_WINDOW_PACKETS 2048
#define RTP_WINDOW_FIRST_PACKETS 256
/* Memory of packets that is kept while none waits, until so many came in order. */
#define RTP_WINDOW_KEPT_PACKETS 16
#define RTP_WINDOW_IDLE_PACKETS 512
/* Memory that a packet waits in: what fits into an Ethernet frame, and some. A larger packet has
 * memory of its own while it waits. */
#define RTP_WINDOW_PACKET_BYTES 2048
/* Bytes that wait at most. */
#define RTP_WINDOW_BYTES (8 * 1024 * 1024)

enum rtp_window_verdict {
    RTP_WINDOW_NEXT,      /* it is the next: for the depacketizer now */
    RTP_WINDOW_WAITS,     /* it was copied */
    RTP_WINDOW_DUPLICATE, /* it came before */
    RTP_WINDOW_LATE,      /* it was given up already */
};

struct rtp_window_slot {
    int64_t sequence;
    int64_t arrived_us;
    size_t bytes; /* 0: nobody waits here */
    uint8_t *data;
};

/* All-zero, and wait_us: nothing came yet. */
struct rtp_window {
    int64_t wait_us; /* how long a gap is waited for; 0: not at all, as on a TCP connection */
    bool is_held;    /* what comes waits: which packet is the first is about to be told */
    bool knows_first, has_begun;
    uint16_t first;    /* the lower 16 bits of the first packet's number, if that is known */
    int64_t next;      /* the sequence number that is to come */
    uint64_t received; /* bit i: packet next - 1 - i came */
    unsigned n_waiting;
    uint64_t n_duplicates, n_late;
    uint64_t n_lost;               /* given up behind the first that came */
    struct rtp_window_slot *slots; /* owned; NULL: none ever waited */
    unsigned n_slots;              /* a power of two */
    int64_t searched;              /* nobody waits before it */
    uint8_t *lent;                 /* by take() */
    size_t lent_bytes, waiting_bytes;
    uint8_t *vacant; /* memory for packets that nobody has, linked by its first bytes; owned */
    unsigned n_vacant;
    unsigned n_in_order; /* packets in a row that did not wait while none did */
};

/*
 * Takes a packet that arrived. On NEXT the caller handles it; then, or any time, it takes what
 * waits with rtp_window_take().
 *
 * sequence   counted on past 16 bits.
 * data       copied if it has to wait.
 * n_missing  written: how many packets were given up just before it; 0 unless NEXT.
 * Returns a verdict; AVERROR(EAGAIN): no room before what waits is taken with a now_us of
 * LIMEF_FOREVER; AVERROR(ENOMEM): it cannot wait, and is lost.
 */
int rtp_window_put(struct rtp_window *window, int64_t sequence, const uint8_t *data, size_t bytes,
                   int64_t now_us, unsigned *n_missing);

/*
 * Takes the next packet that waits, if its turn has come, or if what is missing before it is given
 * up: one that came later in the stream waits for it since wait_us.
 *
 * now_us     LIMEF_NO_TIME: nothing is given up; LIMEF_FOREVER: all is.
 * n_missing  written: how many packets were given up just before it.
 * Returns the packet, valid until the next take or put; NULL: none at present.
 */
const uint8_t *rtp_window_take(struct rtp_window *window, int64_t now_us, size_t *bytes,
                               unsigned *n_missing);

/*
 * The first packet can be told: what waits for that may go on, and what comes before it is late.
 *
 * first  the lower 16 bits of its number, or -1: not known, it is the first that came. What is far
 *        from what came is not believed.
 */
void rtp_window_release(struct rtp_window *window, int first);

/* The earliest packet that waits; NULL: none. */
const uint8_t *rtp_window_first(struct rtp_window *window, size_t *bytes);

/* When take() has something to give up; LIMEF_FOREVER: nothing waits. */
int64_t rtp_window_due_us(const struct rtp_window *window);

/* Forgets what waits, which is counted as lost; the next packet begins anew. Counters and memory
 * stay. */
void rtp_window_restart(struct rtp_window *window);

/* Releases its memory; all-zero afterwards. */
void rtp_window_clear(struct rtp_window *window);

#endif
