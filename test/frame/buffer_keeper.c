/* SPDX-License-Identifier: MIT */
#include "frame/buffer_keeper.h"
#include "support/failing.h"

#include <limef/base/log.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/buffer.h>
#include <libavutil/error.h>
#include <stdlib.h>
#include <unistd.h>

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
static int64_t now_us; /* for who tends */

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
    buffer_keeper_tend(&gpu.keeper, now_us);
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
    buffer_keeper_tend(&gpu.keeper, now_us);
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

/* What decoders of so many clips of 1080p hold at once: all references that H.264 allows at a size
 * that a level has as many of, threads, a fifo and the screen. The memory is never touched. */
#define N_DECODERS 16
#define N_HELD 40
#define FILM_BYTES ((size_t)1920 * 1088 * 3 / 2)

static AVBufferRef *held[N_DECODERS * N_HELD];

static void open_roomy_keeper(void)
{
    open_keeper();
    gpu.keeper.max_bytes = (size_t)4 << 30;
    buffer_keeper_open(&gpu.keeper, pool, true, "test");
    gpu.has_memory = true;
}

static unsigned hold(unsigned n, size_t bytes)
{
    unsigned n_held = 0;

    while (n_held < n && (held[n_held] = get(bytes)))
        n_held++;
    return n_held;
}

static void let_go(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        av_buffer_unref(&held[i]);
}

Test(buffer_keeper, sixteen_decoders_of_1080p_have_all_that_they_hold, .init = open_roomy_keeper)
{
    cr_assert(eq(uint, hold(N_DECODERS * N_HELD, FILM_BYTES), N_DECODERS * N_HELD));
    cr_assert(eq(uint, gpu.n_warnings, 0));
    cr_assert(eq(u64, LIMEF_COUNTED(pool->n_failed), 0));
    let_go(N_DECODERS * N_HELD);
}

/* Holds as many as there may be, and looks at what is said of one more. */
static void expect_so_many(unsigned n, size_t bytes)
{
    cr_assert(eq(uint, hold(n, bytes), n));
    for (uint64_t i = 1; i <= 100; i++) {
        cr_assert(eq(ptr, get(bytes), NULL));
        cr_assert(eq(u64, LIMEF_COUNTED(pool->n_failed), i));
    }
    cr_assert(eq(str, (char *)why, "decoded while the GPU's buffers were as many as there may be"));
    cr_assert(eq(str, (char *)buffer_pool_why_ordinary(pool), (char *)why));
    cr_assert(eq(uint, gpu.n_warnings, 1));
    cr_assert(eq(uint, gpu.n_asked, n));
    let_go(n);
    cr_assert(eq(uint, hold(n, bytes), n), "what came home is lent again");
    let_go(n);
}

Test(buffer_keeper, what_is_beyond_the_bytes_that_may_be_is_counted_and_said)
{
    gpu.keeper.max_bytes = 10 * BYTES + 1;
    gpu.has_memory = true;
    buffer_keeper_open(&gpu.keeper, pool, true, "test");
    expect_so_many(10, BYTES);
}

Test(buffer_keeper, what_is_beyond_the_buffers_that_may_be_is_counted_and_said)
{
    gpu.keeper.max_buffers = 7;
    gpu.has_memory = true;
    buffer_keeper_open(&gpu.keeper, pool, true, "test");
    expect_so_many(7, BYTES);
    cr_assert(eq(uint, hold(4, 3 * BYTES), 4), "smaller ones give way");
    let_go(4);
}

/* Lets that many seconds go by, in which n buffers are in use. */
static void let_pass(unsigned seconds, unsigned n)
{
    for (unsigned i = 0; i < seconds; i++) {
        cr_assert(eq(uint, hold(n, BYTES), n));
        let_go(n);
        now_us += 1000000;
        buffer_keeper_tend(&gpu.keeper, now_us);
    }
}

Test(buffer_keeper, what_is_out_of_use_is_given_back, .init = open_hasty_keeper)
{
    AVBufferRef *ref;

    cr_assert(eq(uint, hold(30, BYTES), 30));
    let_go(30);
    let_pass(9, 10);
    cr_assert(eq(uint, gpu.keeper.n_buffers, 30));
    let_pass(10, 10); /* some at a time: it is the presenter's */
    cr_assert(eq(uint, gpu.keeper.n_buffers, 10));
    cr_assert(eq(sz, gpu.keeper.bytes, 10 * BYTES));
    let_pass(100, 10);
    cr_assert(eq(uint, gpu.keeper.n_buffers, 10));
    cr_assert(eq(uint, gpu.n_asked, 30), "and none is made anew");
    ref = get(BYTES);
    let_pass(100, 0);
    cr_assert(eq(uint, gpu.keeper.n_buffers, 1), "what is lent stays");
    ref->data[0] = 1;
    av_buffer_unref(&ref);
    cr_assert(eq(uint, hold(20, BYTES), 20));
    cr_assert(eq(uint, gpu.n_asked, 49));
    let_go(20);
}

Test(buffer_keeper, what_decoders_have_of_a_keeper_before_counts_for_the_next,
     .init = open_hasty_keeper)
{
    AVBufferRef *more[5];

    cr_assert(eq(uint, hold(5, BYTES), 5));
    cr_assert(eq(int, buffer_keeper_close(&gpu.keeper), AVERROR(EBUSY)));
    gpu.keeper = (struct buffer_keeper){.make = make, .unmake = unmake, .max_buffers = 8};
    buffer_keeper_open(&gpu.keeper, pool, true, "test");
    buffer_pool_refuse(pool, NULL);
    for (unsigned i = 0; i < 5; i++)
        more[i] = get(BYTES);
    cr_assert(ne(ptr, more[2], NULL));
    cr_assert(eq(ptr, more[3], NULL));
    let_go(5);
    for (unsigned i = 0; i < 3; i++)
        av_buffer_unref(&more[i]);
    let_pass(100, 1);
    cr_assert(eq(uint, gpu.keeper.n_buffers, 1));
    cr_assert(eq(sz, gpu.keeper.bytes, BYTES));
    cr_assert(eq(uint, hold(8, BYTES), 8));
    cr_assert(eq(ptr, get(BYTES), NULL));
    let_go(8);
}

Test(buffer_keeper, while_another_one_is_made_nothing_is_given_back, .init = open_hasty_keeper)
{
    cr_assert(eq(uint, hold(5, BYTES), 5));
    let_go(5);
    pthread_mutex_lock(&pool->lock);
    let_pass(100, 0);
    pthread_mutex_unlock(&pool->lock);
    cr_assert(eq(uint, gpu.keeper.n_buffers, 5));
    let_pass(20, 0);
    cr_assert(eq(uint, gpu.keeper.n_buffers, 0));
}

Test(buffer_keeper, there_may_be_half_of_the_memory_that_the_machine_has)
{
    uint64_t half = (uint64_t)sysconf(_SC_PHYS_PAGES) / 2 * (uint64_t)sysconf(_SC_PAGESIZE);

    cr_assert(eq(u64, gpu.keeper.max_bytes, half));
    cr_assert(eq(uint, gpu.keeper.max_buffers, BUFFER_POOL_MAX));
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
