/* SPDX-License-Identifier: MIT */
/* What the files of the split share: the signals that are kept for who was stopped. */
#ifndef LIMEF_SRC_FILTER_SPLIT_PRIVATE_H
#define LIMEF_SRC_FILTER_SPLIT_PRIVATE_H

#include <limef/filter/split.h>

/* The bit of a frame in `unheard`; 0: it is none that is kept. */
uint32_t split_bit_of(struct limef_split_signals *signals, const struct limef_frame *frame);

/* Keeps a signal that has such a bit. */
void split_keep(struct limef_split_signals *signals, const struct limef_frame *frame);

/* Gives START and FLUSH, which come before codecs and packets; or what comes behind them. Returns
 * 0, or the first error of `to`. */
int split_give(const struct limef_split_signals *signals, uint32_t unheard, bool before,
               struct limef_filter *to);

#endif
