/* SPDX-License-Identifier: MIT */
/* What both ways of AAC in RTP share. */
#ifndef LIMEF_SRC_RTSP_AAC_H
#define LIMEF_SRC_RTSP_AAC_H

#include "rtsp/aac_config.h"
#include "rtsp/depacketizer.h"

/* The config parameter of a description. Returns its bytes; 0: none, or no hexadecimal number. */
size_t aac_read_config(const struct sdp_media *media, uint8_t config[AAC_CONFIG_BYTES]);

/* What the description says by itself, before any configuration is known. */
void aac_set_described(struct depacketizer *depacketizer, const struct sdp_media *media);

/*
 * Sets what a decoder is told.
 *
 * config  what the bytes say; all-zero: nothing that is known.
 * bytes   an AudioSpecificConfig, n_bytes of it.
 * Returns 0, or AVERROR(ENOMEM).
 */
int aac_set_parameters(struct depacketizer *depacketizer, const struct aac_config *config,
                       const uint8_t *bytes, size_t n_bytes);

/* Of a unit, in ticks of the stream's clock, whatever rate that counts at. */
int64_t aac_duration(const struct depacketizer *depacketizer, const struct aac_config *config);

/* Hands out the unit whose bytes are there; the next one begins where it ends. */
int aac_hand_out(struct depacketizer *depacketizer, int64_t duration);

#endif
