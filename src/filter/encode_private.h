/* SPDX-License-Identifier: MIT */
/*
 * What the files of the encoder share.
 */
#ifndef LIMEF_SRC_FILTER_ENCODE_PRIVATE_H
#define LIMEF_SRC_FILTER_ENCODE_PRIVATE_H

#include <limef/filter/encode.h>

/*
 * Opens encode->context for encode->format, and makes its codec frame.
 *
 * Returns 0, or a negative AVERROR code, logged; then nothing is open.
 */
int encode_open(struct limef_encode_filter *encode, const struct limef_decoded_frame *in);

/* Checks the settings and finds the encoder. Returns 0, or a negative AVERROR code, logged. */
int encode_choose(struct limef_encode_filter *encode, const char *name);

/*
 * Makes encode->shell look like a frame, without a reference; encode_give_back() before the frame
 * goes. Frames that nobody counts get no buffers: libavcodec copies them, which is counted.
 */
void encode_borrow(struct limef_encode_filter *encode, const struct limef_decoded_frame *in);
void encode_give_back(struct AVFrame *shell);

/* What the encoder's last block, or a full one, is given to. Returns as send of encode.c. */
typedef int encode_send_fn(struct limef_encode_filter *encode, struct AVFrame *frame);

/* Samples, in blocks of the size that the encoder takes. */
int encode_samples(struct limef_encode_filter *encode, const struct limef_decoded_frame *in,
                   encode_send_fn *send);
/* What is left of them. */
int encode_last_samples(struct limef_encode_filter *encode, encode_send_fn *send);

#endif
