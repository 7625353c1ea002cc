/* SPDX-License-Identifier: MIT */
/*
 * How pictures got from the decoder to the screen, in words: "zero-copy", or
 * what was moved and why.
 */
#ifndef LIMEF_PLAY_WAY_H
#define LIMEF_PLAY_WAY_H

#include <limef/filter/decode.h>
#include <limef/filter/presenter.h>

#define WAY_BYTES 384

struct player;

/* What a decoder copied. */
struct way_copies {
    uint64_t packet_bytes;  /* of its input, since nobody counts references to it */
    uint64_t picture_bytes; /* of hardware's pictures, since too many are held behind it */
};

/* Why it copied pictures. */
#define WAY_TOO_MANY_HELD "more hardware pictures are held than the decoder can spare"

struct way {
    struct limef_presenter_slot_counters seen; /* at the last look */
    struct way_copies copies;
    int64_t looked_us;
    char words[WAY_BYTES]; /* the last that were said */
};

/* What was moved of a stream's pictures between its decoder and the screen, the decoder's own copies
 * of them included; 0: not one byte. */
uint64_t way_copied_bytes(const struct limef_presenter_slot_counters *slot,
                          const struct way_copies *copies);

/* What a decoder has copied so far. */
struct way_copies way_copies_of(const struct limef_decode_filter *decode);

/*
 * Puts words together for what happened between two looks at a stream's counters.
 *
 * before  NULL: since the beginning.
 * copies  what the decoder copied in between.
 * Returns false: no picture was shown, and none failed.
 */
bool way_words(char words[WAY_BYTES], const struct limef_presenter_slot_counters *before,
               const struct limef_presenter_slot_counters *now, const struct way_copies *copies);

/* Says for each stream what is new since the last time: once pictures are shown, and when their
 * way changes. Returns 0; AVERROR(EIO): it cannot be written, logged. */
int ways_print(struct player *player);

#endif
