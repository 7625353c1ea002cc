/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Lets media through from a key frame on, while it is open: what a recording
 * hangs behind. LIMEF_SIGNAL_GATE opens and shuts it. One gate for each slot.
 */
#ifndef LIMEF_FILTER_GATE_H
#define LIMEF_FILTER_GATE_H

#include <limef/filter/codecs.h>

LIMEF_BEGIN_DECLS

/** limef_gate_filter.state */
enum limef_gate_state {
    LIMEF_GATE_SHUT,    /**< withholds media */
    LIMEF_GATE_WAITING, /**< opens at the next key frame */
    LIMEF_GATE_OPEN,    /**< passes media */
};

/**
 * Kind "gate". As static data: `.filter = LIMEF_FILTER(&limef_gate_ops, "gate", NULL)`, and
 * `.state = LIMEF_GATE_WAITING` to open at the first key frame without being told.
 */
struct limef_gate_filter {
    struct limef_filter filter;
    bool rebase; /**< shift times so that the key frame at which it opens is presented at 0 */

    /* the filter's thread; state and n_withheld are read by any */
    LIMEF_ATOMIC(uint32_t) state;         /**< enum limef_gate_state */
    LIMEF_ATOMIC(uint64_t) n_withheld;    /**< media frames that were not passed */
    struct limef_codecs codecs;           /**< what to pass before the first key frame */
    bool is_unsaid;                       /**< nobody heard the last of them */
    int64_t opened_us;                    /**< presentation time of that key frame */
    bool begun[LIMEF_MEDIA_OTHER + 1];    /**< media that reached opened_us since it opened */
    bool is_fresh[LIMEF_MEDIA_OTHER + 1]; /**< media not passed since it opened */
};

/**
 * The gate's type.
 *
 * Codec frames are withheld while it is not open (and not counted); the latest of each track is
 * passed when it opens. It opens at a video key frame or a decoded picture; where no video was
 * met, at any audio frame. What is to be presented before that frame (leading pictures, earlier
 * samples) is withheld: nothing behind the gate has a time before it. The first that passes then,
 * of each media, is flagged LIMEF_FRAME_DISCONTINUITY. All signals pass.
 */
extern LIMEF_API const struct limef_filter_ops limef_gate_ops;

/**
 * @param gate    written; must be all-zero.
 * @param state   SHUT or WAITING.
 * @param rebase  as the member.
 * Thread: the controlling one
 */
LIMEF_API void limef_gate_filter_init(struct limef_gate_filter *gate, const char *name,
                                      enum limef_gate_state state, bool rebase);

/** Whether media passes. @return enum limef_gate_state. Thread: any */
LIMEF_API enum limef_gate_state limef_gate_get_state(const struct limef_gate_filter *gate);

/** How many media frames were withheld. Thread: any */
LIMEF_API uint64_t limef_gate_n_withheld(const struct limef_gate_filter *gate);

LIMEF_END_DECLS

#endif
