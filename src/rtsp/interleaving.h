/* SPDX-License-Identifier: MIT */
/*
 * NAL units that may be sent in another order than they are decoded in: H.264 with
 * packetization-mode 2 (RFC 6184 sections 5.6 to 5.8), H.265 with sprop-max-don-diff (RFC 7798
 * section 4.4). Packets become parts of NAL units with their numbers, for decoding_order.h.
 */
#ifndef LIMEF_SRC_RTSP_INTERLEAVING_H
#define LIMEF_SRC_RTSP_INTERLEAVING_H

#include "rtsp/depacketizer.h"

/*
 * Prepares a depacketizer of H.264 or H.265, if its stream was described so.
 *
 * Returns 0; AVERROR_PATCHWELCOME: it is further out of order than there is room for;
 * AVERROR(ENOMEM).
 */
int interleaving_open(struct depacketizer *depacketizer, const struct sdp_media *media);

/* As depacketizer_push(). What has no number is next to what came before it. */
int interleaving_take(struct depacketizer *depacketizer, const struct rtp_packet *packet,
                      int64_t timestamp, unsigned n_missing);

/* When what waits has to go on; LIMEF_FOREVER. */
int64_t interleaving_due_us(const struct interleaving *interleaving);

/* What waited for too long goes on. Returns as depacketizer_push(). */
int interleaving_tick(struct depacketizer *depacketizer);

/* What waits goes on: nothing more comes. Returns as depacketizer_push(). */
int interleaving_flush(struct depacketizer *depacketizer);

/* Forgets what waits: another stream begins. */
void interleaving_restart(struct interleaving *interleaving);

/* Releases it, if there is one. */
void interleaving_close(struct depacketizer *depacketizer);

#endif
