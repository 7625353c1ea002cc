/* SPDX-License-Identifier: MIT */
/*
 * What the files of the decoder share.
 */
#ifndef LIMEF_SRC_FILTER_DECODE_PRIVATE_H
#define LIMEF_SRC_FILTER_DECODE_PRIVATE_H

#include <limef/filter/decode.h>

struct AVCodec;

/*
 * Opens decode->context for what a codec frame describes. Returns 0, or a negative AVERROR code
 * (not logged) with a context that is the caller's to free, if any.
 */
int decode_open(struct limef_decode_filter *decode, const struct limef_codec_frame *codec);

/* Before decode->context is opened: lets it write into decode->settings.buffers, if it can. */
void decode_use_buffers(struct limef_decode_filter *decode, const struct AVCodec *decoder);

/* Whether a decoder for the one decodes the other. */
bool decode_is_same_stream(const struct AVCodecParameters *a, const struct AVCodecParameters *b);

#endif
