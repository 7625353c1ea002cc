/* SPDX-License-Identifier: MIT */
#define MIX_KERNEL mix_vector
#define MIX_NAME "vector"
#define MIX_TARGET
#include "audio/mix_kernel.h"
