/* SPDX-License-Identifier: MIT */
/* Floats as a sound card takes them: integers of any size and order, and as many channels as it
 * has. */
#ifndef LIMEF_SRC_AUDIO_CARD_SAMPLES_H
#define LIMEF_SRC_AUDIO_CARD_SAMPLES_H

#include <stdbool.h>
#include <stddef.h>

/* What one sample of a card is. */
struct card_format {
    unsigned bits;  /* that count, the lower ones of those that it takes; 0: it is a float */
    unsigned bytes; /* that it takes */
    bool is_unsigned, is_big_endian;
    unsigned n_channels;   /* of a frame */
    unsigned plane_frames; /* each channel lies by itself, so many samples apart; 0: side by side */
};

/*
 * Writes frames of one or two channels. A card of one gets the mean of both; of more, its first two
 * have them, which are those of the front, and the others are silent.
 */
void card_samples_write(const struct card_format *format, void *to, const float *from,
                        size_t n_frames, unsigned n_channels);

#endif
