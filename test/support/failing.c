/* SPDX-License-Identifier: MIT */
#include "support/failing.h"

#include <stdlib.h>

static _Atomic(unsigned) fails_in;
static _Atomic(int) n_out;
static _Atomic(bool) failed;

static void *allocate(void *context, size_t bytes)
{
    void *memory;

    (void)context;
    if (fails_in && --fails_in == 0) {
        failed = true;
        return NULL;
    }
    if (posix_memalign(&memory, LIMEF_CACHE_LINE_BYTES, bytes))
        return NULL;
    n_out++;
    return memory;
}

static void release(void *context, void *memory)
{
    (void)context;
    if (memory)
        n_out--;
    free(memory);
}

void failing_install(unsigned n)
{
    static const struct limef_allocator allocator = {allocate, release, NULL};

    fails_in = n;
    failed = false;
    limef_memory_set_allocator(&allocator);
}

bool failing_failed(void)
{
    return failed;
}

int failing_n_out(void)
{
    return n_out;
}

void failing_remove(void)
{
    limef_memory_set_allocator(NULL);
}
