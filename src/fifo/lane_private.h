/* SPDX-License-Identifier: MIT */
/*
 * The two ends of a lane, as the fifo uses them.
 */
#ifndef LIMEF_SRC_FIFO_LANE_PRIVATE_H
#define LIMEF_SRC_FIFO_LANE_PRIVATE_H

#include <limef/fifo/fifo.h>

/* What fifo.reader says. */
enum {
    READER_AWAKE,
    READER_ASLEEP,
    READER_POLLS,
};

/* Takes up to max_frames; returns how many. Thread: the consumer */
unsigned lane_take(struct limef_lane *lane, struct limef_stack_frame **frames, unsigned max_frames);

/* Gives frames of one lane back. Thread: the consumer */
void lane_recycle(struct limef_lane *lane, struct limef_stack_frame *const *frames,
                  unsigned n_frames);

/* Wakes a writer that waits for room if the lane has drained enough. Thread: the consumer */
void lane_offer_room(struct limef_lane *lane);

/* Whether lane_take() would give something. Thread: the consumer */
bool lane_has_frames(const struct limef_lane *lane);

/* Wakes a writer that waits for room. Thread: any */
void lane_wake_writer(struct limef_lane *lane);

/* What its reader took but for what was stale. Below 0, wrapped, where those lines were seen at
 * different times, or where a GAP in the place of a stale packet waits in the next lane: for sums.
 * Thread: any */
uint64_t lane_n_read(const struct limef_lane *lane);

/* What one lane leaves to the next: frames that wait, and what its producer knows. */
struct lane_rest {
    unsigned n_unread;  /* of its reader, which come first */
    unsigned n_waiting; /* the others */
    struct limef_key_waits waits_for_key;
    bool ends_hole;
    uint64_t n_holes, n_unsaid; /* so far; packets dropped that nobody was told of */
};

/* Moves what waits into the first of other stack frames, which are all-zero and at least as many;
 * the lane is to be cleared then. Thread: the controlling one, while nobody reads or writes */
struct lane_rest lane_move_out(struct limef_lane *lane, struct limef_stack_frame *frames);

/* Of a lane that was made with those stack frames: they wait in it, as they did. Thread: likewise
 */
void lane_move_in(struct limef_lane *lane, const struct lane_rest *rest);

/* Drops the media that waits, also in a closed fifo; signals and codec frames stay, and of each
 * video stream that lost packets there is a GAP in the place of the first of them. Thread: the
 * consumer, or the controlling one while nobody reads */
void fifo_drop_media(struct limef_fifo *fifo);

/* Wakes the reader if it sleeps; returns whether that took a system call. Thread: any */
bool fifo_wake_reader(struct limef_fifo *fifo);

/* The same after the caller's seq_cst fence. NULL: nobody. */
bool fifo_wake_sleeper(struct limef_fifo *fifo);

/* Hands a lane with what waits in it to another fifo; its producer goes on writing and does not
 * notice. Thread: either consumer or the controlling one, while nobody reads either fifo */
void fifo_move_lane(struct limef_fifo *from, struct limef_fifo *to, struct limef_lane *lane);

#endif
