/* SPDX-License-Identifier: MIT */
/**
 * @file
 * One of N: what comes out is one stream, and LIMEF_SIGNAL_CHOOSE says whose.
 * Each input is a filter of its own; all of them and the switch run on one
 * thread.
 */
#ifndef LIMEF_FILTER_SWITCH_H
#define LIMEF_FILTER_SWITCH_H

#include <limef/filter/codecs.h>

LIMEF_BEGIN_DECLS

/**
 * One way in; its `next` is the switch. As static data:
 * `static struct limef_switch_input inputs[2] = {
 *      {.filter = LIMEF_FILTER(&limef_switch_input_ops, "door", &choice.filter)}, ...};`
 */
struct limef_switch_input {
    struct limef_filter filter;
    struct limef_codecs codecs;        /**< passed when this input goes on air */
    struct limef_signal_frame state;   /**< its last START, STOP, END or LOST; all-zero: none */
    bool has_media;                    /**< some came since then */
    LIMEF_ATOMIC(uint64_t) n_withheld; /**< media and signals that were not passed */
};

/**
 * Kind "switch". As static data: `static struct limef_switch_filter choice = {.filter =
 * LIMEF_FILTER(&limef_switch_ops, "choice", NULL), .inputs = inputs, .n_inputs = 2};`
 */
struct limef_switch_filter {
    struct limef_filter filter;
    struct limef_switch_input *inputs; /**< borrowed; must outlive the switch */
    uint32_t n_inputs;
    uint32_t slot;     /**< of everything that comes from an input and is passed on */
    bool cuts_at_once; /**< does not wait for a key frame of the chosen input */
    bool keeps_media;  /**< the inputs are one logical stream: nothing goes on air without media
                            while another has some, see limef_switch_ops */

    /* the switch's thread; on_air and n_cuts are read by any */
    LIMEF_ATOMIC(uint32_t) on_air;        /**< the input that is passed; 0 at first */
    LIMEF_ATOMIC(uint64_t) n_cuts;        /**< how often that changed */
    uint32_t chosen;                      /**< the input that shall be */
    bool needs_key;                       /**< no video is passed before a key frame */
    bool is_unsaid;                       /**< nobody heard whose turn it is */
    bool is_fresh[LIMEF_MEDIA_OTHER + 1]; /**< media not passed since the cut */
};

/**
 * The switch's type: its go is for signals from elsewhere; other frames just pass.
 *
 * LIMEF_SIGNAL_CHOOSE, through the switch or any input, chooses. Until a key frame of the chosen
 * input comes (or a decoded picture; or, where it has no video, any audio frame) the input on air
 * goes on. Then the chosen one's last START is passed, its latest codec frames, and the key frame
 * flagged LIMEF_FRAME_DISCONTINUITY. An input that has no media (its last signal was STOP, END or
 * LOST, or that comes while it is waited for) goes on air at once, with that signal: a choice
 * never waits forever for a dead camera.
 *
 * With `keeps_media` a choice waits for media however long it takes, while the input on air goes
 * on. If the latter loses its media, another one that has some goes on air at its next key frame,
 * until the chosen one has media again; LOST is passed only if no input has media.
 *
 * START, STOP, END, LOST, FLUSH and GAP of an input are passed only while it is on air; all other
 * signals always are. A CHOOSE beyond the inputs is logged and returns AVERROR(EINVAL). What is
 * passed keeps its times: limef_timestamps_ops behind the switch makes one timeline of them.
 */
extern LIMEF_API const struct limef_filter_ops limef_switch_ops;

/** The type of an input. */
extern LIMEF_API const struct limef_filter_ops limef_switch_input_ops;

/**
 * Prepares the switch and its inputs, and connects them.
 *
 * @param choice    written; must be all-zero.
 * @param inputs    written; must be all-zero; borrowed; must outlive the switch.
 * @param n_inputs  at least 1.
 * Thread: the controlling one
 */
LIMEF_API void limef_switch_filter_init(struct limef_switch_filter *choice, const char *name,
                                        struct limef_switch_input *inputs, uint32_t n_inputs);

/** Which input is passed. Thread: any */
LIMEF_API uint32_t limef_switch_on_air(const struct limef_switch_filter *choice);

/** How often that changed. Thread: any */
LIMEF_API uint64_t limef_switch_n_cuts(const struct limef_switch_filter *choice);

/** How many frames and signals of an input were not passed. Thread: any */
LIMEF_API uint64_t limef_switch_n_withheld(const struct limef_switch_input *input);

LIMEF_END_DECLS

#endif
