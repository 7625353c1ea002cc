/* SPDX-License-Identifier: MIT */
/*
 * What H.264 says of a slice's place among the frames: whether frames before it are missing
 * although no packet is (a relay dropped them before the packets were numbered), whether it may
 * be shown before what was decoded earlier, and after how many frames pictures are whole where
 * decoding begins (ITU-T H.264 7.3.2.1.1, 7.3.3, 7.4.3, D.1.8).
 */
#ifndef LIMEF_SRC_RTSP_FRAME_NUMBER_H
#define LIMEF_SRC_RTSP_FRAME_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of a slice, with its header, that frame_number_take() wants to see. */
#define FRAME_NUMBER_SLICE_BYTES 24

/* All-zero: no parameter set yet, so that nothing is missing. */
struct frame_number {
    uint8_t bits;          /* of frame_num; 0: not known */
    uint8_t set_id;        /* of the parameter set that says so */
    bool has_planes;       /* separate_colour_plane_flag */
    bool may_skip;         /* gaps_in_frame_num_value_allowed_flag */
    bool has_last;         /* of a frame that others refer to */
    bool is_group_broken;  /* a frame is missing since the last key frame, and nobody knows why */
    uint8_t n_broken;      /* groups in a row */
    bool is_bidirectional; /* the last slice: it may be shown before those that came before it */
    uint16_t last;
};

/* Takes a sequence parameter set, with its NAL unit header. */
void frame_number_take_set(struct frame_number *number, const uint8_t *set, size_t bytes);

/*
 * Takes the beginning of a slice of type 1, 2 or 5, with its NAL unit header.
 *
 * is_explained  packets are missing before it: no wonder if frames are, too.
 * Returns whether frames are missing before it. Cameras that do not count right are not believed
 * any more.
 */
bool frame_number_take(struct frame_number *number, const uint8_t *slice, size_t bytes,
                       bool is_explained);

/*
 * Looks for a recovery point in supplemental information, which may hold several messages.
 *
 * sei  with its NAL unit header, as far as it is here.
 * Returns how many frames later pictures are whole if decoding begins with this one; -1: there is
 * no recovery point.
 */
int frame_number_find_recovery(const uint8_t *sei, size_t bytes);

#endif
