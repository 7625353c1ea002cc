/* SPDX-License-Identifier: MIT */
/*
 * An access unit while it is put together from packets: bytes in a counted
 * buffer, so that in steady state hardly one is made. All units of the process share
 * their buffers, by size: key frames are large, but few are there at once. Those
 * that nobody has are released every ten minutes, for each size at another time,
 * so that what was needed once is not kept for ever.
 */
#ifndef LIMEF_SRC_RTSP_UNIT_H
#define LIMEF_SRC_RTSP_UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct AVBufferRef;

/* Bytes of a unit at most: several times the largest key frame of a 4K camera. */
#define RTSP_MAX_UNIT_BYTES (16 * 1024 * 1024)

/* All-zero: empty. */
struct rtsp_unit {
    struct AVBufferRef *buffer; /* padded as libavcodec wants; NULL: nothing yet */
    size_t bytes;
    int64_t timestamp; /* units of the stream's clock, counted on past 32 bits */
    bool is_key;
    bool is_open;       /* a key behind which come pictures that are shown before it, and refer to
                           what was before it */
    uint16_t n_partial; /* so many from a key on are not whole if nothing was decoded before it */
    bool is_damaged;    /* some of it is missing */
    bool follows_loss;  /* what came before is missing or damaged */
    bool is_in_order;   /* it is shown after all that came before it */
    bool has_new_codec; /* the parameters changed with it */
    int64_t duration;   /* units of the clock; 0: not known */

    bool shares;        /* it is one of those that share buffers */
    size_t usual_bytes; /* that the last unit needed that was no key frame */
};

/* Adds bytes. Returns 0; AVERROR(ENOMEM); AVERROR(EMSGSIZE): more than a unit may have. The unit is
 * damaged then. */
int rtsp_unit_append(struct rtsp_unit *unit, const void *data, size_t bytes);

/* Makes room for bytes at its end, and counts them in. NULL: as append failing. */
uint8_t *rtsp_unit_extend(struct rtsp_unit *unit, size_t bytes);

/* Gives its buffer away, padded with zeros; begins an empty unit. NULL: it was empty. */
struct AVBufferRef *rtsp_unit_take(struct rtsp_unit *unit);

/* Forgets its bytes and flags; keeps its buffer. */
void rtsp_unit_restart(struct rtsp_unit *unit);

/* All-zero afterwards. Buffers that somebody has stay valid. */
void rtsp_unit_clear(struct rtsp_unit *unit);

/* Releases the buffers of one size that nobody has, if it is time to. For tests: units do so
 * themselves. */
void rtsp_units_renew(int64_t now_us);

/* Bytes of all buffers that there are, whether somebody has them or not. Thread: any */
size_t rtsp_units_bytes(void);

#endif
