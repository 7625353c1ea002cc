/* SPDX-License-Identifier: MIT */
#include "frame/buffer_keeper.h"
#include "support/failing.h"

#include <limef/base/log.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/buffer.h>
#include <libavutil/error.h>
#include <stdlib.h>

#define BYTES 4096

/* Memory that there is or is not. */
static struct {
    struct buffer_keeper keeper;
    bool has_memory;
    unsigned n_asked;
    unsigned n_warnings, n_infos;
} gpu;
static struct buffer_pool *pool;
static const char *why;

static int make(struct buffer_keeper *keeper, struct buffer *buffer, size_t bytes)
{
    (void)keeper;
    gpu.n_asked++;
    buffer->data = gpu.has_memory ? aligned_alloc(LIMEF_BUFFER_ALIGN_BYTES, bytes) : NULL;
    return buffer->data ? 0 : AVERROR(ENOMEM);
}

static void unmake(struct buffer_keeper *keeper, struct buffer *buffer)
{
    (void)keeper;
    free(buffer->data);
}

static void count(void *context, enum limef_log_level level, const char *name, const char *line)
{
    (void)context;
    (void)name;
    (void)line;
    gpu.n_warnings += level == LIMEF_LOG_WARNING;
    gpu.n_infos += level == LIMEF_LOG_INFO;
}

static void open_keeper(void)
{
    limef_log_set_sink(count, NULL);
    limef_log_set_level(LIMEF_LOG_INFO);
    pool = buffer_pool_create();
    gpu.keeper = (struct buffer_keeper){.make = make, .unmake = unmake};
    buffer_keeper_open(&gpu.keeper, pool, false, "test");
}

static void close_keeper(void)
{
    buffer_keeper_close(&gpu.keeper);
    buffer_pool_unref(pool);
}

TestSuite(buffer_keeper, .init = open_keeper, .fini = close_keeper);

/* A picture of a decoder, and what the presenter does between two. */
static bool picture(void)
{
    AVBufferRef *ref = pool->source.get(&pool->source, BYTES, &why);
    bool lent = ref != NULL;

    av_buffer_unref(&ref);
    buffer_keeper_tend(&gpu.keeper);
    return lent;
}

Test(buffer_keeper, a_picture_without_memory_is_one_and_the_next_may_have_some)
{
    unsigned n = 0;

    cr_assert(not(picture()));
    cr_assert(eq(u64, LIMEF_COUNTED(pool->n_failed), 1));
    gpu.has_memory = true;
    while (!picture())
        cr_assert(lt(uint, ++n, 20));
    for (unsigned i = 0; i < 100; i++)
        cr_assert(picture());
    cr_assert(eq(uint, gpu.n_asked, 2));
    cr_assert(eq(u64, LIMEF_COUNTED(pool->n_failed), 1));
}

Test(buffer_keeper, it_says_why_once_and_who_goes_without_hears_of_it)
{
    const char *ordinary = buffer_pool_why_none(pool);

    for (unsigned i = 0; i < 1000; i++)
        cr_assert(not(picture()));
    cr_assert(eq(uint, gpu.n_warnings, 1));
    cr_assert(ne(str, (char *)why, (char *)ordinary));
    cr_assert(eq(str, (char *)why, (char *)buffer_pool_why_none(pool)));
    gpu.has_memory = true;
    while (!picture())
        continue;
    cr_assert(eq(str, (char *)buffer_pool_why_none(pool), (char *)ordinary));
    cr_assert(eq(uint, gpu.n_infos, 1));
    buffer_keeper_close(&gpu.keeper);
}

Test(buffer_keeper, it_asks_less_often_the_longer_there_is_none)
{
    unsigned n_first, n_later;

    for (unsigned i = 0; i < 1000; i++)
        picture();
    n_first = gpu.n_asked;
    for (unsigned i = 0; i < 1000; i++)
        picture();
    n_later = gpu.n_asked - n_first;
    cr_assert(lt(uint, n_first, 12));
    cr_assert(gt(uint, n_later, 1));
    cr_assert(lt(uint, n_later, 5));
    cr_assert(eq(u64, LIMEF_COUNTED(pool->n_failed), gpu.n_asked));
}

Test(buffer_keeper, what_was_lent_before_is_lent_on)
{
    AVBufferRef *refs[3];

    gpu.has_memory = true;
    picture();
    refs[0] = pool->source.get(&pool->source, BYTES, &why);
    cr_assert(ne(ptr, refs[0], NULL));
    gpu.has_memory = false;
    refs[1] = pool->source.get(&pool->source, BYTES, &why);
    cr_assert(eq(ptr, refs[1], NULL));
    buffer_keeper_tend(&gpu.keeper);
    av_buffer_unref(&refs[0]);
    cr_assert(picture());
}

/* The same for a keeper that makes them at once. */
static void open_hasty_keeper(void)
{
    open_keeper();
    buffer_keeper_open(&gpu.keeper, pool, true, "test");
    gpu.has_memory = true;
}

static AVBufferRef *get(size_t bytes)
{
    return pool->source.get(&pool->source, bytes, &why);
}

Test(buffer_keeper, at_once_means_that_nobody_misses_one, .init = open_hasty_keeper)
{
    AVBufferRef *refs[20];

    for (unsigned i = 0; i < 20; i++) {
        refs[i] = get(BYTES);
        cr_assert(ne(ptr, refs[i], NULL));
    }
    cr_assert(eq(uint, gpu.n_asked, 20));
    for (unsigned i = 0; i < 20; i++)
        av_buffer_unref(&refs[i]);
    refs[0] = get(BYTES);
    cr_assert(ne(ptr, refs[0], NULL));
    av_buffer_unref(&refs[0]);
    cr_assert(eq(uint, gpu.n_asked, 20));
}

Test(buffer_keeper, at_once_is_over_when_it_is_closed, .init = open_hasty_keeper)
{
    AVBufferRef *ref = get(BYTES);

    av_buffer_unref(&ref);
    cr_assert(eq(int, buffer_keeper_close(&gpu.keeper), 0));
    cr_assert(eq(ptr, get(BYTES), NULL));
    buffer_pool_refuse(pool, NULL);
    cr_assert(eq(ptr, get(BYTES), NULL));
    cr_assert(eq(uint, gpu.n_asked, 1));
}

Test(buffer_keeper, at_once_there_may_be_no_memory_and_later_some, .init = open_hasty_keeper)
{
    AVBufferRef *ref = NULL;
    unsigned n = 0;

    gpu.has_memory = false;
    for (unsigned i = 0; i < 1000; i++)
        cr_assert(eq(ptr, get(BYTES), NULL));
    cr_assert(lt(uint, gpu.n_asked, 12));
    cr_assert(eq(uint, gpu.n_warnings, 1));
    gpu.has_memory = true;
    while (!(ref = get(BYTES)))
        cr_assert(lt(uint, ++n, 300));
    av_buffer_unref(&ref);
}

Test(buffer_keeper, what_is_larger_than_all_buffers_may_be_costs_none_of_them,
     .init = open_hasty_keeper)
{
    AVBufferRef *ref = get(BYTES);

    av_buffer_unref(&ref);
    cr_assert(eq(ptr, get((size_t)1 << 40), NULL));
    ref = get(BYTES);
    cr_assert(ne(ptr, ref, NULL));
    av_buffer_unref(&ref);
    cr_assert(eq(uint, gpu.n_asked, 1));
}
