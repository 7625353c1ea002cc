/* SPDX-License-Identifier: MIT */
/*
 * Hardware pictures brought to ordinary memory, for filters that must have them there. Each is a
 * copy, which the filter counts.
 */
#ifndef LIMEF_SRC_FRAME_FETCH_H
#define LIMEF_SRC_FRAME_FETCH_H

#include <limef/frame/decoded.h>

struct fetch;
struct limef_filter;

/*
 * Sees to it that a picture is in memory. If it is not, *decoded is changed to a copy that has all
 * but the pixels' place in common with it, valid until the next call or fetch_clear(), or as
 * long as somebody refers to the copy's AVFrame.
 *
 * download  what is kept from call to call; NULL before the first.
 * filter    counts the bytes in copied_bytes; it alone may run meanwhile.
 * Returns 0, or a negative AVERROR code, logged.
 */
int fetch_if_needed(struct fetch **fetch, struct limef_decoded_frame *decoded,
                       struct limef_filter *filter);

/* Exchanges a hardware picture for a copy in memory. Returns the bytes, or a negative AVERROR code,
 * not logged; then it is as it was. */
int fetch_in_place(struct AVFrame *picture);

/* NULL afterwards. */
void fetch_clear(struct fetch **fetch);

#endif
