/* SPDX-License-Identifier: MIT */
/* What AAC says of itself before its units (ISO/IEC 14496-3: 1.6.2.1 AudioSpecificConfig, 1.7.3.2
 * StreamMuxConfig). Foreign bytes: no length is trusted. */
#ifndef LIMEF_SRC_RTSP_AAC_CONFIG_H
#define LIMEF_SRC_RTSP_AAC_CONFIG_H

#include "rtsp/bits.h"

#include <stdbool.h>

/* Bytes of an AudioSpecificConfig that are kept. */
#define AAC_CONFIG_BYTES 64

struct aac_config {
    int rate_hz;         /* of what is coded; spectral band replication may make twice as much */
    int output_rate_hz;  /* as far as the configuration says */
    unsigned n_channels; /* likewise; 0: it says so elsewhere */
    unsigned n_samples;  /* of a unit, at rate_hz */
    bool has_end;        /* all of it was read: what is behind it is something else */
};

/* Reads an AudioSpecificConfig. Returns 0, or AVERROR_INVALIDDATA: none of AAC that is known. */
int aac_config_read(struct aac_config *config, struct bits *bits);

/* How units of one program with one layer are multiplexed. */
struct aac_mux {
    struct aac_config config;
    uint8_t bytes[AAC_CONFIG_BYTES]; /* the AudioSpecificConfig by itself */
    size_t n_bytes;
    unsigned n_units; /* in each element */
};

/* Reads a StreamMuxConfig, to its end. Returns 0, or AVERROR_INVALIDDATA: what is none, or more
 * than units of AAC of any length, or a configuration whose end is not known. */
int aac_mux_read(struct aac_mux *mux, struct bits *bits);

#endif
