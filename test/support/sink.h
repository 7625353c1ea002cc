/* SPDX-License-Identifier: MIT */
/* The end of a chain under test: keeps what arrives. */
#ifndef LIMEF_TEST_SUPPORT_SINK_H
#define LIMEF_TEST_SUPPORT_SINK_H

#include <limef/filter/filter.h>

#define SINK_MAX_FRAMES 256

/* Static data: `.filter = LIMEF_FILTER(&sink_ops, "sink", NULL)`. */
struct sink {
    struct limef_filter filter;
    int answer;        /* what go returns */
    bool counts_only;  /* forgets the frames */
    unsigned n_frames; /* that arrived; the first SINK_MAX_FRAMES of them are kept */
    union limef_any_frame frames[SINK_MAX_FRAMES];
};

extern const struct limef_filter_ops sink_ops;

void sink_init(struct sink *sink);

/* Releases and forgets the frames; connected as before. */
void sink_empty(struct sink *sink);

/* How many frames of a class arrived and were kept. */
unsigned sink_count(const struct sink *sink, enum limef_frame_class frame_class);

/* The n-th kept frame of a class, from 0; NULL: there are not so many. */
const struct limef_frame *sink_nth(const struct sink *sink, enum limef_frame_class frame_class,
                                   unsigned n);

#endif
