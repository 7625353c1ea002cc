/* SPDX-License-Identifier: MIT */
/* x86-64: chosen at run time where the processor has it. */
#define MIX_KERNEL mix_avx2
#define MIX_NAME "avx2"
#define MIX_VECTOR_BYTES 32
#define MIX_TARGET __attribute__((target("avx2")))
#include "audio/mix_kernel.h"

extern const struct mix_ops mix_avx2;

const struct mix_ops *mix_choose(void)
{
    return __builtin_cpu_supports("avx2") ? &mix_avx2 : &mix_vector;
}
