/* SPDX-License-Identifier: MIT */
/*
 * What a picture of H.265 says of the pictures that it refers to: each names all that it needs
 * (ITU-T H.265 7.3.7, 8.3.2), so that it is known whether one is missing although no packet is (a
 * relay dropped it before the packets were numbered).
 */
#ifndef LIMEF_SRC_RTSP_REFERENCE_SET_H
#define LIMEF_SRC_RTSP_REFERENCE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of a slice, with its header, that reference_sets_take() wants to see. */
#define REFERENCE_SET_SLICE_BYTES 64
#define REFERENCE_SET_MOST 16 /* pictures in one */
#define REFERENCE_SETS 64     /* in a parameter set */
#define REFERENCE_PPS 64

/* Pictures by how much earlier, or later, they are shown: first those that are earlier. */
struct reference_set {
    uint8_t n, n_earlier;
    uint16_t is_used; /* by the picture itself, not by later ones alone; a bit each */
    int16_t apart[REFERENCE_SET_MOST];
};

/* All-zero: no parameter sets yet, so that nothing is missing. */
struct reference_sets {
    bool is_known; /* the sequence's parameter set */
    uint8_t sps_id, order_bits, n_sets;
    bool has_planes;
    uint8_t pps[REFERENCE_PPS];                /* 0: not known */
    struct reference_set sets[REFERENCE_SETS]; /* of the parameter set */

    /* pictures */
    bool has_begun;       /* with one that can be decoded by itself */
    bool is_whole;        /* nothing is missing since then */
    bool may_lead;        /* pictures that refer past the last such one find what they need */
    bool is_group_broken; /* as in struct frame_number */
    uint8_t n_broken;
    uint8_t n_there;                       /* pictures that later ones may refer to */
    int32_t there[REFERENCE_SET_MOST + 1]; /* their places in the order in which they are shown */
    int32_t last_order;                    /* of the last one that the next is counted from */
};

/* Take parameter sets, with their NAL unit headers. */
void reference_sets_take_sps(struct reference_sets *sets, const uint8_t *sps, size_t bytes);
void reference_sets_take_pps(struct reference_sets *sets, const uint8_t *pps, size_t bytes);

/*
 * Takes the beginning of a slice, with its NAL unit header.
 *
 * is_explained  packets are missing before it: no wonder if pictures are, too.
 * Returns whether it refers to a picture that is missing. Cameras that name what they do not need
 * are not believed any more.
 */
bool reference_sets_take(struct reference_sets *sets, const uint8_t *slice, size_t bytes,
                         bool is_explained);

#endif
