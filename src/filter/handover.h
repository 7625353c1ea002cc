/* SPDX-License-Identifier: MIT */
/*
 * What a presenter's thread shows, on its way to the thread that draws it: of each thing the
 * newest, without a lock. Each has three places: the writer's, the reader's, and the one between
 * them, which either exchanges for its own.
 */
#ifndef LIMEF_SRC_FILTER_HANDOVER_H
#define LIMEF_SRC_FILTER_HANDOVER_H

#include <limef/filter/presenter.h>

#define HANDOVER_TEXT_BYTES 64

struct handover_box {
    LIMEF_ATOMIC(uint32_t) between; /* a place, and HANDOVER_FRESH if the writer left it there */
    uint32_t writers;
    uint32_t readers;
};

/* A picture that is referred to, or that lies in a copy. */
struct handover_picture {
    union limef_any_frame any;
    struct AVFrame *copy; /* owned */
};

struct handover_tile {
    struct handover_box picture;
    struct handover_picture pictures[3];
    struct handover_box text;
    char texts[3][HANDOVER_TEXT_BYTES];
};

struct handover {
    struct handover_box overlay;
    char overlays[3][LIMEF_PRESENTER_OVERLAY_BYTES];
    LIMEF_ATOMIC(uint32_t) layout; /* LIMEF_PRESENTER_ALL: the grid */
    unsigned n_tiles;
    struct handover_tile tiles[];
};

/* NULL: no memory. */
struct handover *handover_create(unsigned n_tiles);

/* NULL does nothing. Nobody writes or reads. */
void handover_release(struct handover *handover);

/* Leaves a picture for the reader. copied_bytes: written. Returns 0 or a negative AVERROR code;
 * *skipped says whether one that was never read has gone for it. Thread: the writer */
int handover_write_picture(struct handover *handover, unsigned tile,
                           const struct limef_decoded_frame *picture, uint64_t *copied_bytes,
                           bool *skipped);

/* NULL: none. Thread: the writer */
void handover_write_text(struct handover *handover, unsigned tile, const char *text);
void handover_write_overlay(struct handover *handover, const char *text);

/* The newest, which stays the reader's until it reads again. *fresh: it was not read before. NULL:
 * there is none yet. Thread: the reader */
const struct limef_decoded_frame *handover_read_picture(struct handover *handover, unsigned tile,
                                                        bool *fresh);
const char *handover_read_text(struct handover *handover, unsigned tile);
const char *handover_read_overlay(struct handover *handover);

#endif
