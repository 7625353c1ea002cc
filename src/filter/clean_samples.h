/* SPDX-License-Identifier: MIT */
/*
 * Samples that must not get further: what is no number or infinite would stay in filters for
 * good, what is denormal is slow to calculate with, and beyond 20 dB over full scale nothing is
 * sound: silence is better than noise.
 */
#ifndef LIMEF_SRC_FILTER_CLEAN_SAMPLES_H
#define LIMEF_SRC_FILTER_CLEAN_SAMPLES_H

#include <stddef.h>

struct AVFrame;

/* How many samples of a block of any format are to be cleaned. */
size_t clean_samples_count(const struct AVFrame *block);

/* Cleans a block that may be written: such samples become 0. */
void clean_samples(struct AVFrame *block);

#endif
