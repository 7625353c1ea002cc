/* SPDX-License-Identifier: MIT */
/* Hardware pictures in ordinary memory, for filters that must have them there. */
#ifndef LIMEF_SRC_FRAME_FETCH_H
#define LIMEF_SRC_FRAME_FETCH_H

#include <limef/frame/decoded.h>

struct limef_filter;

/*
 * Sees to it that a picture is in memory. If it is not, decoded->av becomes *memory, a copy, which
 * stays as it is until the next call, or as long as somebody refers to its buffers.
 *
 * memory  the filter's, to be freed by av_frame_free(); NULL before the first call. Its opaque
 *         remembers a failure, of which only the first of several in a row is logged.
 * filter  counts the bytes in copied_bytes; speaks in the log.
 * Returns 0, or a negative AVERROR code.
 */
int fetch_if_needed(struct limef_decoded_frame *decoded, struct AVFrame **memory,
                    struct limef_filter *filter);

/* Exchanges a picture for a copy in memory of its own. Returns the bytes, or a negative AVERROR
 * code, not logged; then it is as it was. */
int64_t fetch_in_place(struct AVFrame *picture);

#endif
