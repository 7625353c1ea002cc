/* SPDX-License-Identifier: MIT */
/*
 * ioctl() in the place of the C library's: the kernel's devices that make dma-bufs (udmabuf,
 * dma-heap, a card's dumb buffers), played with memfds on whatever descriptor, and fences, played
 * with the descriptor itself; each request fails when the test wants it to.
 */
#ifndef LIMEF_TEST_SUPPORT_PLAYED_IOCTL_H
#define LIMEF_TEST_SUPPORT_PLAYED_IOCTL_H

#include <stdbool.h>
#include <stddef.h>

/* All-zero: the kernel is asked. */
extern struct played_ioctl {
    bool on;
    const char *failing;        /* which of played_requests; NULL: none */
    unsigned first;             /* the first call that fails, from 1 */
    bool onward;                /* and all behind it */
    int error;                  /* errno */
    unsigned n_interrupted;     /* so many calls yet fail with EINTR and EAGAIN */
    unsigned n_calls, n_failed; /* of the one that fails */
    int n_handles;              /* of dumb buffers, alive */
    size_t dumb_bytes;
} played_ioctl;

/* Those that are played; NULL ends them. */
extern const char *const played_requests[];

/* What the process has open. */
unsigned played_n_descriptors(void);

#endif
