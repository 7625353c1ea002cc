/* SPDX-License-Identifier: MIT */
/* libavcodec's software decoder, asked for the picture that an access unit holds, at once. */
#ifndef LIMEF_TEST_VA_DECODER_H
#define LIMEF_TEST_VA_DECODER_H

#include "codec.h"

struct decoder;

/* @return NULL: libavcodec has none, or no memory */
struct decoder *decoder_new(const struct codec *codec);

void decoder_free(struct decoder *decoder);

/* Decodes an access unit: a picture or one of its fields.
 * @return the picture that was begun with it, and is not reordered for display; of a second field,
 *         the picture that the first began; borrowed, until the next. NULL: none yet */
const AVFrame *decoder_decode(struct decoder *decoder, const struct bytes *unit);

/* Whether the last access unit began a picture. */
bool decoder_has_begun(const struct decoder *decoder);

#endif
