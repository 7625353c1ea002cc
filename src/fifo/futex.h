/* SPDX-License-Identifier: MIT */
/*
 * Sleeping on a word of memory, within one process (futex(2)).
 */
#ifndef LIMEF_SRC_FIFO_FUTEX_H
#define LIMEF_SRC_FIFO_FUTEX_H

#include <limef/base/clock.h>

/*
 * Sleeps while *word is `expected`, until futex_wake() or `deadline_us` on
 * limef_now_us()'s clock (LIMEF_FOREVER: none). May wake for no reason.
 */
void futex_wait(LIMEF_ATOMIC(uint32_t) * word, uint32_t expected, int64_t deadline_us);

/* Wakes everybody who sleeps on the word. */
void futex_wake(LIMEF_ATOMIC(uint32_t) * word);

/* Tells the CPU that this is a loop that waits for another one. */
static inline void cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("isb");
#endif
}

/*
 * Between two looks at what another CPU writes. A look takes the line away from that CPU: who looks
 * after every frame makes each of them wait for it. In a microsecond several frames come, and each
 * costs a fraction.
 */
#define LOOK_GAP_PAUSES 32

static inline void cpu_relax_for(unsigned n_pauses)
{
    while (n_pauses--)
        cpu_relax();
}

#endif
