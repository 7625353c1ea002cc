/* SPDX-License-Identifier: MIT */
/* What a gop cache does with the split behind it. */
#ifndef LIMEF_SRC_FILTER_SPLIT_PRIVATE_H
#define LIMEF_SRC_FILTER_SPLIT_PRIVATE_H

#include <limef/filter/split.h>

/* Gives branches that joined since the last frame what they missed. Thread: the split's */
void split_serve(struct limef_split_filter *split);

#endif
