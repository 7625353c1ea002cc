/* SPDX-License-Identifier: MIT */
/*
 * Video streams that wait for a key frame: packets of theirs were lost, and what follows cannot be
 * decoded. Audio, subtitles, pictures and signals stand alone.
 */
#ifndef LIMEF_SRC_FIFO_KEY_WAITS_H
#define LIMEF_SRC_FIFO_KEY_WAITS_H

#include <limef/fifo/lane.h>

/* Whether what follows of its stream cannot be decoded without it. */
static inline bool has_followers(const struct limef_frame *frame)
{
    return frame->frame_class == LIMEF_FRAME_PACKET && frame->media != LIMEF_MEDIA_AUDIO &&
           frame->media != LIMEF_MEDIA_OTHER;
}

static inline uint64_t stream_of(const struct limef_frame *frame)
{
    return (uint64_t)frame->slot << 16 | frame->track;
}

/* The frame is lost, or all of the group that it is. Returns false where there was no room for its
 * stream: then all wait that are not whole, until each has had its key frame. */
bool key_waits_begin(struct limef_key_waits *waits, const struct limef_frame *lost);

/* A key frame of the stream came. */
void key_waits_end(struct limef_key_waits *waits, uint64_t stream);

/* FLUSH: what follows of the slot, UINT32_MAX: of any, begins with a key frame by itself. */
void key_waits_end_slot(struct limef_key_waits *waits, uint32_t slot);

/* Where some wait: whether the stream does. */
bool key_waits_find(const struct limef_key_waits *waits, uint64_t stream);

static inline bool key_waits_has(const struct limef_key_waits *waits, uint64_t stream)
{
    return (waits->n || waits->all_but) && key_waits_find(waits, stream);
}

/* One of the streams that wait, as a GAP: the nth. Returns false: there are no more. */
bool key_waits_gap(const struct limef_key_waits *waits, unsigned n, struct limef_signal_frame *gap);

#endif
