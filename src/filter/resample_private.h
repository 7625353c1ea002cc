/* SPDX-License-Identifier: MIT */
/*
 * What the files of the resampler share: blocks and signals (resample.c), and what converts them
 * (resample_open.c).
 */
#ifndef LIMEF_SRC_FILTER_RESAMPLE_PRIVATE_H
#define LIMEF_SRC_FILTER_RESAMPLE_PRIVATE_H

#include <limef/filter/resample.h>

#define RESAMPLE_MAX_CHANNELS 8
/* For how many frames libswresample keeps a speed: 1 more or less among so many is 1 ppm. */
#define RESAMPLE_SPEED_LASTS 1000000

/* Makes resample->swr for blocks like this one. Returns 0, or a negative AVERROR code. */
int resample_open(struct limef_resample_filter *resample, const struct AVFrame *in);

#endif
