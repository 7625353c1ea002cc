/* SPDX-License-Identifier: MIT */
/*
 * Access units out of RTP packets. One depacketizer for each stream; packets
 * come in the order of their sequence numbers, NAL units come out in that in
 * which they are decoded.
 */
#ifndef LIMEF_SRC_RTSP_DEPACKETIZER_H
#define LIMEF_SRC_RTSP_DEPACKETIZER_H

#include "rtsp/rtp.h"
#include "rtsp/sdp.h"
#include "rtsp/unit.h"

struct AVCodecParameters;
struct depacketizer;
struct interleaving;

/*
 * Gets each unit that is complete.
 *
 * unit  lent: its buffer may be taken with rtsp_unit_take().
 * Returns 0, or an error that depacketizer_push() returns.
 */
typedef int depacketizer_unit_fn(void *context, struct rtsp_unit *unit);

/* What is done for one encoding. */
struct depacketizer_ops {
    const char *encodings[4]; /* as in a=rtpmap, any case; up to NULL */
    int (*open)(struct depacketizer *depacketizer, const struct sdp_media *media);
    /* Takes a packet of the unit that is put together. Returns 0, or AVERROR_INVALIDDATA. */
    int (*take)(struct depacketizer *depacketizer, const struct rtp_packet *packet);
    /* Whether the unit has more than what goes before a picture; NULL: yes. */
    bool (*has_picture)(struct depacketizer *depacketizer);
    /* Before a unit is handed out; NULL: nothing to do. */
    void (*finish)(struct depacketizer *depacketizer);
};

/* Room for what an encoding keeps between packets. */
#define DEPACKETIZER_STATE_BYTES 5120

/* All-zero and depacketizer_open(). */
struct depacketizer {
    const struct depacketizer_ops *ops;
    struct AVCodecParameters *parameters; /* of the units; owned */
    struct interleaving *interleaving;    /* owned; NULL: what comes is in decoding order */
    struct rtsp_unit unit;                /* the one that is put together */
    bool is_open_ended;                   /* the last packet did not end a unit */
    bool lost_before; /* what came before the next unit is missing, its beginning perhaps as well */
    bool after_gap;   /* of the packet that is taken: others are missing just before it */
    bool has_head;    /* of the unit that is put together: its beginning is there */
    int clock_hz;
    int64_t now_us; /* limef_now_us(), before push and tick; for what waits a time */
    depacketizer_unit_fn *sink;
    void *context;        /* borrowed */
    uint64_t n_malformed; /* packets */
    uint64_t n_given_up; /* NAL units, or parts of them, that there was no memory to put in order */
    uint64_t n_hurried; /* parts of NAL units that went on before all that is decoded before them */
    uint64_t n_reserved; /* ignored: units of types that have no meaning */
    _Alignas(8) uint8_t state[DEPACKETIZER_STATE_BYTES];
};

/* Whether there is one for streams of that kind and encoding. */
bool depacketizer_knows(enum sdp_kind kind, const char *encoding);

/*
 * Prepares a depacketizer for a stream that was described.
 *
 * sink, context  borrowed; get the units.
 * Returns 0; AVERROR(ENOSYS): an encoding that is not known; AVERROR_PATCHWELCOME: its packets are
 * further out of order than there is room for; AVERROR(ENOMEM).
 */
int depacketizer_open(struct depacketizer *depacketizer, const struct sdp_media *media,
                      depacketizer_unit_fn *sink, void *context);

/*
 * Takes the next packet.
 *
 * n_missing  packets that were lost just before it.
 * timestamp  the packet's, counted on past 32 bits.
 * Returns 0; AVERROR_INVALIDDATA: malformed, and counted; AVERROR(EMSGSIZE): more than a unit may
 * have, counted likewise; AVERROR(ENOMEM); what the sink returned. The unit is damaged then.
 */
int depacketizer_push(struct depacketizer *depacketizer, const struct rtp_packet *packet,
                      int64_t timestamp, unsigned n_missing);

/* When to call tick; LIMEF_FOREVER. */
int64_t depacketizer_due_us(const struct depacketizer *depacketizer);

/* What waited for too long for another order goes on. Returns 0, or AVERROR_EXIT. */
int depacketizer_tick(struct depacketizer *depacketizer);

/* Hands out what is there, as the last unit of its stream. */
int depacketizer_flush(struct depacketizer *depacketizer);

/* Forgets the unit that is put together: another stream begins. */
void depacketizer_restart(struct depacketizer *depacketizer);

/* All-zero afterwards. */
void depacketizer_clear(struct depacketizer *depacketizer);

/* Whether sound of that encoding is known, of which a packet is a unit. */
bool depacketizer_knows_sound(const char *encoding);

/* Hands out the unit that is put together, if it has bytes. For ops. */
int depacketizer_hand_out(struct depacketizer *depacketizer);

/* As depacketizer_push(), of the packet that is next in decoding order. For interleaving. */
int depacketizer_push_next(struct depacketizer *depacketizer, const struct rtp_packet *packet,
                           int64_t timestamp, unsigned n_missing);

extern const struct depacketizer_ops depacketizer_nal_ops;   /* H.264, H.265 */
extern const struct depacketizer_ops depacketizer_jpeg_ops;  /* MJPEG */
extern const struct depacketizer_ops depacketizer_aac_ops;   /* AAC as MPEG4-GENERIC */
extern const struct depacketizer_ops depacketizer_latm_ops;  /* AAC as MP4A-LATM */
extern const struct depacketizer_ops depacketizer_sound_ops; /* a packet is a unit of sound */
extern const struct depacketizer_ops depacketizer_data_ops;  /* metadata */

#endif
