/* SPDX-License-Identifier: MIT */
#include "frame/buffer_pool.h"
#include "support/failing.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/buffer.h>

static _Alignas(LIMEF_BUFFER_ALIGN_BYTES) uint8_t memory[BUFFER_POOL_MAX + 1][64];
static struct buffer_pool *pool;
static const char *why;

static void open_pool(void)
{
    pool = buffer_pool_create();
}

static void close_pool(void)
{
    buffer_pool_unref(pool);
}

TestSuite(buffer_pool, .init = open_pool, .fini = close_pool);

static void add(unsigned n, size_t bytes)
{
    struct buffer *vacant = buffer_pool_vacant(pool);

    cr_assert(ne(ptr, vacant, NULL));
    buffer_pool_add(vacant, memory[n], bytes, n);
}

static AVBufferRef *get(size_t bytes)
{
    return pool->source.get(&pool->source, bytes, &why);
}

Test(buffer_pool, lends_the_smallest_that_is_large_enough)
{
    AVBufferRef *first, *second;

    add(0, 60);
    add(1, 30);
    add(2, 20);
    first = get(25);
    second = get(25);
    cr_assert(eq(ptr, first->data, memory[1]));
    cr_assert(eq(ptr, second->data, memory[0]));
    cr_assert(eq(ptr, get(25), NULL));
    cr_assert(eq(uint, buffer_pool_n_lent(pool), 2));
    av_buffer_unref(&first);
    av_buffer_unref(&second);
    cr_assert(eq(uint, buffer_pool_n_lent(pool), 0));
}

Test(buffer_pool, what_it_lends_may_be_written)
{
    AVBufferRef *ref;

    add(0, 60);
    ref = get(60);
    /* else libavcodec would copy the pictures that it changes in place */
    cr_assert(av_buffer_is_writable(ref));
    av_buffer_unref(&ref);
}

Test(buffer_pool, lends_again_what_came_home)
{
    add(0, 60);
    for (int i = 0; i < 3; i++) {
        AVBufferRef *ref = get(60), *other = av_buffer_ref(ref);

        av_buffer_unref(&ref);
        cr_assert(eq(ptr, get(60), NULL));
        av_buffer_unref(&other);
    }
}

Test(buffer_pool, says_why_a_picture_lies_in_ordinary_memory)
{
    const char *before = buffer_pool_why_ordinary(pool);

    get(10);
    cr_assert(eq(str, (char *)why, "decoded before the output was open"));
    cr_assert(ne(str, (char *)before, (char *)why));
    cr_assert(eq(str, (char *)buffer_pool_why_ordinary(pool), (char *)why));
}

Test(buffer_pool, remembers_what_was_missed_and_says_why)
{
    cr_assert(eq(ptr, get(10), NULL));
    cr_assert(ne(ptr, (void *)why, NULL));
    cr_assert(eq(ptr, get(20), NULL));
    cr_assert(eq(sz, buffer_pool_next_missed(pool), 10));
    cr_assert(eq(sz, buffer_pool_next_missed(pool), 20));
    cr_assert(eq(sz, buffer_pool_next_missed(pool), 0));
}

Test(buffer_pool, lends_nothing_while_it_refuses)
{
    AVBufferRef *ref;

    add(0, 60);
    buffer_pool_refuse(pool, "closed");
    cr_assert(eq(ptr, get(10), NULL));
    cr_assert(eq(str, (char *)why, "closed"));
    cr_assert(eq(sz, buffer_pool_next_missed(pool), 0));
    buffer_pool_refuse(pool, NULL);
    ref = get(10);
    cr_assert(ne(ptr, ref, NULL));
    av_buffer_unref(&ref);
}

Test(buffer_pool, takes_back_only_what_is_smaller_and_not_lent)
{
    struct buffer *back;
    AVBufferRef *ref;

    add(0, 10);
    add(1, 20);
    ref = get(10);
    cr_assert(eq(ptr, buffer_pool_take_back(pool, 20), NULL));
    back = buffer_pool_take_back(pool, 21);
    cr_assert(eq(u32, back->id, 1));
    cr_assert(eq(ptr, buffer_pool_vacant(pool), back));
    buffer_pool_add(back, memory[2], 50, 2);
    av_buffer_unref(&ref);
    ref = get(50);
    cr_assert(eq(ptr, ref->data, memory[2]));
    av_buffer_unref(&ref);
}

Test(buffer_pool, finds_in_which_lent_buffer_an_address_lies)
{
    AVBufferRef *ref;

    add(7, 60);
    cr_assert(eq(ptr, (void *)buffer_pool_find(pool, memory[7]), NULL));
    ref = get(60);
    cr_assert(eq(u32, buffer_pool_find(pool, memory[7])->id, 7));
    cr_assert(eq(u32, buffer_pool_find(pool, memory[7] + 59)->id, 7));
    cr_assert(eq(ptr, (void *)buffer_pool_find(pool, memory[7] + 60), NULL));
    cr_assert(eq(ptr, (void *)buffer_pool_find(pool, memory[6]), NULL));
    av_buffer_unref(&ref);
}

Test(buffer_pool, holds_so_many_and_no_more)
{
    for (unsigned i = 0; i < BUFFER_POOL_MAX; i++)
        add(i, 60);
    cr_assert(eq(ptr, buffer_pool_vacant(pool), NULL));
}

Test(buffer_pool, is_not_made_without_memory)
{
    failing_install(1);
    cr_assert(eq(ptr, buffer_pool_create(), NULL));
    failing_remove();
}

Test(buffer_pool, without_memory_for_a_reference_lends_nothing_and_loses_nothing)
{
    AVBufferRef *ref;
    uint64_t n;

    add(0, 60);
    failing_install(1);
    cr_assert(eq(ptr, get(60), NULL));
    failing_remove();
    cr_assert(eq(str, (char *)why, "no memory"));
    n = limef_memory_n_allocations();
    ref = get(60);
    cr_assert(eq(u64, limef_memory_n_allocations(), n + 1)); /* it is counted */
    av_buffer_unref(&ref);
}

Test(buffer_pool, lives_until_what_it_lent_is_home)
{
    AVBufferRef *ref;

    add(0, 60);
    ref = get(60);
    buffer_pool_unref(pool);
    pool = NULL;
    ref->data[0] = 1;
    av_buffer_unref(&ref);
}
