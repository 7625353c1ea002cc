/* SPDX-License-Identifier: MIT */
/*
 * Numbers below 1e-38, which the end of every fade passes through, take some processors a hundred
 * times as long. On the calling thread they are 0 from now on.
 */
#ifndef LIMEF_SRC_AUDIO_FLUSH_DENORMALS_H
#define LIMEF_SRC_AUDIO_FLUSH_DENORMALS_H

#if defined(__x86_64__)
#include <xmmintrin.h>

static inline void flush_denormals(void)
{
    _mm_setcsr(_mm_getcsr() | 0x8040); /* flush to zero, denormals are zero */
}
#elif defined(__aarch64__)
#include <stdint.h>

static inline void flush_denormals(void)
{
    uint64_t control;

    __asm__ __volatile__("mrs %0, fpcr" : "=r"(control));
    __asm__ __volatile__("msr fpcr, %0" : : "r"(control | UINT64_C(1) << 24));
}
#else
static inline void flush_denormals(void)
{
}
#endif

#endif
