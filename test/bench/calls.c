/* SPDX-License-Identifier: MIT */
#include "calls.h"

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

/* glibc's own entries behind the names that are replaced here */
extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t n, size_t bytes);
extern void *__libc_realloc(void *memory, size_t bytes);
extern void *__libc_memalign(size_t alignment, size_t bytes);

/* relaxed: counts, they order nothing */
static uint64_t n_allocations, n_syscalls;

static void count(uint64_t *counter)
{
    __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

struct bench_calls bench_count_calls(void)
{
    struct bench_calls calls = {__atomic_load_n(&n_allocations, __ATOMIC_RELAXED),
                                __atomic_load_n(&n_syscalls, __ATOMIC_RELAXED)};

    return calls;
}

void *malloc(size_t bytes)
{
    count(&n_allocations);
    return __libc_malloc(bytes);
}

void *calloc(size_t n, size_t bytes)
{
    count(&n_allocations);
    return __libc_calloc(n, bytes);
}

void *realloc(void *memory, size_t bytes)
{
    count(&n_allocations);
    return __libc_realloc(memory, bytes);
}

void *memalign(size_t alignment, size_t bytes)
{
    count(&n_allocations);
    return __libc_memalign(alignment, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
    return memalign(alignment, bytes);
}

int posix_memalign(void **memory, size_t alignment, size_t bytes)
{
    void *got = memalign(alignment, bytes);

    if (!got)
        return ENOMEM;
    *memory = got;
    return 0;
}

long syscall(long number, ...)
{
    static long (*real)(long, ...);
    long (*call)(long, ...) = __atomic_load_n(&real, __ATOMIC_RELAXED);
    long a[6];
    va_list arguments;

    if (!call) {
        call = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
        __atomic_store_n(&real, call, __ATOMIC_RELAXED);
    }
    va_start(arguments, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(arguments, long);
    va_end(arguments);
    count(&n_syscalls);
    return call(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
