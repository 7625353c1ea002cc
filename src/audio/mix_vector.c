/* SPDX-License-Identifier: MIT */
#define MIX_KERNEL mix_vector
#define MIX_NAME "vector"
#define MIX_VECTOR_BYTES 16
#define MIX_TARGET
#include "audio/mix_kernel.h"
