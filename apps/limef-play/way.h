/* SPDX-License-Identifier: MIT */
/*
 * How pictures got from the decoder to the screen, in words: "zero-copy", or
 * what was moved and why.
 */
#ifndef LIMEF_PLAY_WAY_H
#define LIMEF_PLAY_WAY_H

#include <limef/filter/presenter.h>

#define WAY_BYTES 384

struct player;

struct way {
    struct limef_presenter_slot_counters seen; /* at the last look */
    uint64_t decode_copied_bytes;
    int64_t looked_us;
    char words[WAY_BYTES]; /* the last that were said */
};

/*
 * Puts words together for what happened between two looks at a stream's counters.
 *
 * before  NULL: since the beginning.
 * decode_copied_bytes  that the decoder's input had to be copied in between.
 * Returns false: no picture was shown.
 */
bool way_words(char words[WAY_BYTES], const struct limef_presenter_slot_counters *before,
               const struct limef_presenter_slot_counters *now, uint64_t decode_copied_bytes);

/* Says for each stream what is new since the last time: once pictures are shown, and when their
 * way changes. Returns 0; AVERROR(EIO): it cannot be written, logged. */
int ways_print(struct player *player);

#endif
