/* SPDX-License-Identifier: MIT */
/*
 * The packets since a key frame, by reference: when a decoder fails, another one, or itself anew,
 * decodes them again, and goes on where the last picture was passed on. What was passed on does not
 * come twice.
 */
#ifndef LIMEF_SRC_FILTER_DECODE_KEPT_H
#define LIMEF_SRC_FILTER_DECODE_KEPT_H

#include <limef/frame/packet.h>

/* A group of pictures that is longer is not kept: half of it would have to come in a rush. */
#define DECODE_KEPT_MAX 256
#define DECODE_KEPT_MAX_BYTES ((size_t)16 << 20)

struct decode_kept_packet {
    struct limef_packet_frame packet; /* with a reference to its payload, or to its bytes: */
    struct AVPacket *bytes;           /* libavcodec's; empty if the payload itself is kept */
    bool is_passed;                   /* its picture was passed on */
    bool was_passed;                  /* before the packet was decoded again */
};

struct limef_decode_kept {
    struct decode_kept_packet packets[DECODE_KEPT_MAX]; /* a ring */
    unsigned first, n;
    unsigned n_before; /* packets before the newest key frame: their pictures may be inside still */
    size_t bytes;
    uint64_t serial; /* of the first; the others follow on */
};

/* NULL: no memory. */
struct limef_decode_kept *decode_kept_create(void);

/* NULL does nothing. */
void decode_kept_free(struct limef_decode_kept *kept);

/* Keeps a packet with this number, one more than that of the last one; a key frame begins anew. */
void decode_kept_add(struct limef_decode_kept *kept, const struct limef_packet_frame *packet,
                     uint64_t serial);

/* One that is kept. */
const struct limef_packet_frame *decode_kept_packet(const struct limef_decode_kept *kept,
                                                    uint64_t serial);

/* Whether the packet with this number is kept, so that its picture can come again. */
bool decode_kept_has(const struct limef_decode_kept *kept, uint64_t serial);

/* A picture is to be passed on. Returns false if it was already. */
bool decode_kept_pass(struct limef_decode_kept *kept, uint64_t serial);

/* Before all packets are decoded again. */
void decode_kept_begin_again(struct limef_decode_kept *kept);

/* Forgets all. */
void decode_kept_clear(struct limef_decode_kept *kept);

#endif
