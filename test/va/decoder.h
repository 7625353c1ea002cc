/* SPDX-License-Identifier: MIT */
/* libavcodec's software decoder, asked for the picture that an access unit holds, at once. */
#ifndef LIMEF_TEST_VA_DECODER_H
#define LIMEF_TEST_VA_DECODER_H

#include "codec.h"

struct decoder;

/* Referenced once, and claimed. @return NULL: libavcodec has none, or no memory */
struct decoder *decoder_new(const struct codec *codec);

struct decoder *decoder_ref(struct decoder *decoder);

/* Frees it with the last reference. decoder: may be NULL */
void decoder_unref(struct decoder *decoder);

/* One context at a time decodes with it. @return whether this codec's, and nobody has it */
bool decoder_claim(struct decoder *decoder, const struct codec *codec);

void decoder_release(struct decoder *decoder);

/* Decodes an access unit: a picture or one of its fields.
 * @return the picture that was begun with it, and is not reordered for display; of a second field,
 *         the picture that the first began; borrowed, until the next. NULL: none yet */
const AVFrame *decoder_decode(struct decoder *decoder, const struct bytes *unit);

/* Whether the last access unit began a picture. */
bool decoder_has_begun(const struct decoder *decoder);

#endif
