/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What every public header needs: linkage, visibility, and atomics that a C++
 * compiler can look at.
 */
#ifndef LIMEF_BASE_API_H
#define LIMEF_BASE_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define LIMEF_BEGIN_DECLS extern "C" {
#define LIMEF_END_DECLS }
#else
#define LIMEF_BEGIN_DECLS
#define LIMEF_END_DECLS
#endif

/** Exported from the shared library; everything else is hidden. */
#define LIMEF_API __attribute__((visibility("default")))

/** Checks a printf-like function's arguments; positions count from 1. */
#define LIMEF_PRINTF(format_at, first_at) __attribute__((format(printf, format_at, first_at)))

/** Bytes of a cache line; what two threads write is kept this far apart. */
#define LIMEF_CACHE_LINE_BYTES 64

#ifdef __cplusplus
/** An atomic member. C++ sees the plain type (same size and alignment); only the macros below touch
 * it. */
#define LIMEF_ATOMIC(type) type
#define LIMEF_ALIGNED(bytes) alignas(bytes)
/** Adds to a counter that one thread writes and any thread reads. */
#define LIMEF_COUNT(counter, n)                                                                    \
    __atomic_store_n(&(counter), __atomic_load_n(&(counter), __ATOMIC_RELAXED) + (n),              \
                     __ATOMIC_RELAXED)
/** Sets what one thread writes and any thread reads. */
#define LIMEF_SET(counter, n) __atomic_store_n(&(counter), (n), __ATOMIC_RELAXED)
/** Reads a counter of another thread. */
#define LIMEF_COUNTED(counter) __atomic_load_n(&(counter), __ATOMIC_RELAXED)
/** The accesses that order others, for what is inline in a header. */
#define LIMEF_LOAD_ACQUIRE(from) __atomic_load_n(&(from), __ATOMIC_ACQUIRE)
#define LIMEF_STORE_RELEASE(to, n) __atomic_store_n(&(to), (n), __ATOMIC_RELEASE)
#define LIMEF_FETCH_ADD_ACQUIRE(to, n) __atomic_fetch_add(&(to), (n), __ATOMIC_ACQUIRE)
#else
#include <stdatomic.h>
#define LIMEF_ATOMIC(type) _Atomic(type)
#define LIMEF_ALIGNED(bytes) _Alignas(bytes)
#define LIMEF_COUNT(counter, n)                                                                    \
    atomic_store_explicit(&(counter),                                                              \
                          atomic_load_explicit(&(counter), memory_order_relaxed) + (n),            \
                          memory_order_relaxed)
#define LIMEF_SET(counter, n) atomic_store_explicit(&(counter), (n), memory_order_relaxed)
#define LIMEF_COUNTED(counter) atomic_load_explicit(&(counter), memory_order_relaxed)
#define LIMEF_LOAD_ACQUIRE(from) atomic_load_explicit(&(from), memory_order_acquire)
#define LIMEF_STORE_RELEASE(to, n) atomic_store_explicit(&(to), (n), memory_order_release)
#define LIMEF_FETCH_ADD_ACQUIRE(to, n) atomic_fetch_add_explicit(&(to), (n), memory_order_acquire)
#endif

/** The object that embeds `member`, from a pointer to the member. */
#define LIMEF_CONTAINER_OF(pointer, type, member)                                                  \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
