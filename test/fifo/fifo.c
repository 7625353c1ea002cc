/* SPDX-License-Identifier: MIT */
#include "support/boundary.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <libavutil/error.h>
#include <poll.h>
#include <pthread.h>

static struct boundary boundary;
static struct limef_lane *const lane = &boundary.lane;
static struct limef_fifo *const fifo = &boundary.fifo;
static struct limef_stack_frame more_frames[8];
static struct limef_lane more;

static void open_lanes(void)
{
    cr_assert(zero(int, boundary_open(&boundary, 8, NULL)));
    cr_assert(zero(int, limef_lane_init(&more, more_frames, 8, NULL)));
}

static void close_lanes(void)
{
    boundary_clear(&boundary);
    limef_lane_clear(&more);
}

TestSuite(fifo, .init = open_lanes, .fini = close_lanes, .timeout = 30);
TestSuite(poll, .init = open_lanes, .fini = close_lanes, .timeout = 30);

static int read_code(int64_t timeout_us)
{
    struct limef_stack_frame *stack;

    return limef_fifo_read(fifo, &stack, timeout_us);
}

static bool is_readable(int timeout_ms)
{
    struct pollfd pollfd = {.fd = limef_fifo_fd(fifo), .events = POLLIN};

    return poll(&pollfd, 1, timeout_ms) == 1;
}

Test(fifo, all_zero_clears_to_all_zero)
{
    struct limef_fifo zero = {0};

    limef_fifo_clear(&zero);
    limef_fifo_clear(fifo);
    cr_assert(zero(ptr, fifo->lanes));
    cr_assert(zero(ptr, lane->fifo));
    cr_assert(zero(int, memcmp(fifo, &zero, sizeof(zero))));
}

Test(fifo, look_returns_at_once_and_wait_at_its_deadline)
{
    int64_t began_us = limef_now_us();

    cr_assert(eq(int, read_code(0), AVERROR(EAGAIN)));
    cr_assert(eq(int, read_code(15000), AVERROR(EAGAIN)));
    cr_assert(ge(i64, limef_now_us() - began_us, 15000));
}

Test(fifo, reads_lanes_in_turn)
{
    limef_fifo_add_lane(fifo, &more);
    for (int i = 0; i < 3; i++) {
        write_video(lane, i);
        write_video(&more, 10 + i);
    }
    cr_assert(eq(str, read_all_names(fifo), (char *)"10 0 11 1 12 2"));
}

Test(fifo, batch_takes_all_in_order_within_each_lane)
{
    struct limef_stack_frame *frames[10];
    int64_t next[2] = {0, 10};

    limef_fifo_add_lane(fifo, &more);
    for (int i = 0; i < 3; i++) {
        write_video(lane, i);
        write_video(&more, 10 + i);
    }
    cr_assert(eq(int, limef_fifo_read_batch(fifo, frames, 10, 0), 6));
    for (int i = 0; i < 6; i++) {
        int64_t number = frames[i]->any.packet.dts_us;

        cr_assert(eq(i64, number, next[number >= 10]++));
    }
    limef_fifo_recycle_batch(fifo, frames, 6);
    cr_assert(eq(int, limef_fifo_read_batch(fifo, frames, 10, 0), AVERROR(EAGAIN)));
    cr_assert(eq(u64, counters_of(lane).n_read, 3));
}

Test(fifo, batch_stops_at_its_size_and_goes_on_with_the_next_lane)
{
    struct limef_stack_frame *frames[4];

    limef_fifo_add_lane(fifo, &more);
    for (int i = 0; i < 4; i++) {
        write_video(lane, i);
        write_video(&more, 10 + i);
    }
    cr_assert(eq(int, limef_fifo_read_batch(fifo, frames, 2, 0), 2));
    limef_fifo_recycle_batch(fifo, frames, 2);
    cr_assert(eq(str, read_all_names(fifo), (char *)"0 12 1 13 2 3"));
}

Test(fifo, unread_frame_comes_again_first_when_the_lane_is_not_held_any_more)
{
    struct limef_stack_frame *stack;

    limef_fifo_add_lane(fifo, &more);
    write_video(lane, 0);
    write_video(lane, 1);
    cr_assert(zero(int, limef_fifo_read(fifo, &stack, 0)));
    limef_fifo_unread(fifo, stack);
    cr_assert(eq(int, read_code(0), AVERROR(EAGAIN)));
    write_video(&more, 10);
    cr_assert(eq(str, read_all_names(fifo), (char *)"10"));
    limef_fifo_unhold(fifo);
    cr_assert(eq(str, read_all_names(fifo), (char *)"0 1"));
    cr_assert(eq(u64, counters_of(lane).n_read, 2));
}

Test(fifo, a_removed_lane_refuses_and_a_lane_added_again_goes_on)
{
    write_video(lane, 0);
    limef_fifo_remove_lane(fifo, lane);
    cr_assert(eq(int, write_video(lane, 1), AVERROR_EXIT));
    cr_assert(eq(int, read_code(0), AVERROR(EAGAIN)));
    limef_fifo_remove_lane(fifo, lane);
    limef_fifo_add_lane(fifo, &more);
    limef_fifo_add_lane(fifo, lane);
    cr_assert(zero(int, write_video(lane, 2)));
    cr_assert(eq(str, read_all_names(fifo), (char *)"0 2"));
}

Test(fifo, removing_a_held_lane_leaves_nothing_held)
{
    struct limef_stack_frame *stack;

    write_video(lane, 0);
    cr_assert(zero(int, limef_fifo_read(fifo, &stack, 0)));
    limef_fifo_unread(fifo, stack);
    limef_fifo_remove_lane(fifo, lane);
    cr_assert(zero(uint, fifo->n_held));
    limef_fifo_add_lane(fifo, lane);
    cr_assert(eq(str, read_all_names(fifo), (char *)"0"));
}

Test(fifo, close_refuses_for_good_and_open_takes_it_back)
{
    write_video(lane, 0);
    limef_fifo_close(fifo);
    cr_assert(eq(int, write_video(lane, 1), AVERROR_EXIT));
    cr_assert(eq(int, read_code(0), AVERROR_EXIT));
    cr_assert(eq(int, read_code(LIMEF_FOREVER), AVERROR_EXIT));
    limef_fifo_open(fifo);
    cr_assert(zero(int, write_video(lane, 2)));
    cr_assert(eq(str, read_all_names(fifo), (char *)"0 2"));
}

Test(fifo, wake_makes_one_read_return)
{
    write_video(lane, 0);
    limef_fifo_wake(fifo);
    limef_fifo_wake(fifo);
    cr_assert(eq(int, read_code(LIMEF_FOREVER), AVERROR(EAGAIN)));
    cr_assert(eq(str, read_all_names(fifo), (char *)"0"));
}

static void *read_forever(void *code)
{
    *(int *)code = read_code(LIMEF_FOREVER);
    return NULL;
}

/* Until the reader sleeps; at once if it never does, which the test then finds out. */
static void wait_until_asleep(void)
{
    int64_t deadline_us = limef_deadline_us(TOO_LONG_US);

    while (!atomic_load(&fifo->reader) && limef_now_us() < deadline_us)
        sched_yield();
    cr_assert(eq(u32, atomic_load(&fifo->reader), 1));
}

static int code_of_sleeping_reader(void (*act)(struct limef_fifo *))
{
    pthread_t reader;
    int code = 1;

    pthread_create(&reader, NULL, read_forever, &code);
    wait_until_asleep();
    act(fifo);
    pthread_join(reader, NULL);
    return code;
}

static void write_one(struct limef_fifo *unused)
{
    (void)unused;
    write_video(lane, 0);
}

Test(fifo, a_sleeping_reader_is_woken_by_close)
{
    cr_assert(eq(int, code_of_sleeping_reader(limef_fifo_close), AVERROR_EXIT));
}

Test(fifo, a_sleeping_reader_is_woken_by_wake)
{
    cr_assert(eq(int, code_of_sleeping_reader(limef_fifo_wake), AVERROR(EAGAIN)));
}

Test(fifo, a_sleeping_reader_is_woken_by_one_system_call_of_a_write)
{
    cr_assert(zero(int, code_of_sleeping_reader(write_one)));
    cr_assert(eq(u64, counters_of(lane).n_wakes, 1));
    write_video(lane, 1);
    cr_assert(eq(u64, counters_of(lane).n_wakes, 1));
}

static void *fill(void *code)
{
    while (!(*(int *)code = write_video(lane, 0)))
        ;
    return NULL;
}

static int code_of_blocked_writer(void (*act)(void))
{
    int64_t deadline_us = limef_deadline_us(TOO_LONG_US);
    pthread_t writer;
    int code = 1;

    pthread_create(&writer, NULL, fill, &code);
    while (!atomic_load(&lane->writer_sleeps) && limef_now_us() < deadline_us)
        sched_yield();
    act();
    pthread_join(writer, NULL);
    return code;
}

static void close_fifo(void)
{
    limef_fifo_close(fifo);
}

static void remove_lane(void)
{
    limef_fifo_remove_lane(fifo, lane);
}

Test(fifo, a_blocked_writer_is_woken_by_close)
{
    cr_assert(eq(int, code_of_blocked_writer(close_fifo), AVERROR_EXIT));
    cr_assert(eq(u64, counters_of(lane).n_blocked, 1));
}

Test(fifo, a_blocked_writer_is_woken_when_its_lane_is_removed)
{
    cr_assert(eq(int, code_of_blocked_writer(remove_lane), AVERROR_EXIT));
}

Test(poll, descriptor_is_readable_when_something_came)
{
    int fd = limef_fifo_fd(fifo);

    cr_assert(ge(int, fd, 0));
    cr_assert(eq(int, limef_fifo_fd(fifo), fd));
    cr_assert(eq(int, read_code(0), AVERROR(EAGAIN)));
    cr_assert(not(is_readable(0)));
    write_video(lane, 0);
    write_video(lane, 1);
    cr_assert(is_readable(TOO_LONG_US / 1000));
    cr_assert(eq(u64, counters_of(lane).n_wakes, 1));
    cr_assert(eq(str, read_all_names(fifo), (char *)"0 1"));
    cr_assert(not(is_readable(0)));
    write_video(lane, 2);
    cr_assert(is_readable(TOO_LONG_US / 1000));
}

Test(poll, close_makes_the_descriptor_readable)
{
    limef_fifo_fd(fifo);
    read_code(0);
    limef_fifo_close(fifo);
    cr_assert(is_readable(TOO_LONG_US / 1000));
    cr_assert(eq(int, read_code(0), AVERROR_EXIT));
}

Test(poll, wake_makes_the_descriptor_readable)
{
    limef_fifo_fd(fifo);
    read_code(0);
    limef_fifo_wake(fifo);
    cr_assert(is_readable(TOO_LONG_US / 1000));
    cr_assert(eq(int, read_code(0), AVERROR(EAGAIN)));
}

static void *write_numbers(void *context)
{
    (void)context;
    for (int i = 0; i < 2000; i++)
        write_video(lane, i);
    return NULL;
}

Test(poll, loop_gets_every_frame)
{
    int64_t expected = 0;
    pthread_t writer;

    pthread_create(&writer, NULL, write_numbers, NULL);
    while (expected < 2000) {
        struct limef_stack_frame *stack;

        if (limef_fifo_read(fifo, &stack, 0) == AVERROR(EAGAIN)) {
            cr_assert(is_readable(TOO_LONG_US / 1000));
            continue;
        }
        cr_assert(eq(i64, stack->any.packet.dts_us, expected));
        expected++;
        limef_fifo_recycle(fifo, stack);
    }
    pthread_join(writer, NULL);
}

Test(poll, frames_that_come_after_a_wake_make_the_descriptor_readable)
{
    limef_fifo_fd(fifo);
    limef_fifo_wake(fifo);
    cr_assert(eq(int, read_code(0), AVERROR(EAGAIN)));
    cr_assert(eq(int, read_code(0), AVERROR(EAGAIN)));
    cr_assert(not(is_readable(0)));
    write_video(lane, 0);
    cr_assert(is_readable(0));
}

/* It looks at what else it waits for before it reads: a wake-up in between must not be lost. */
Test(poll, a_wake_up_that_a_read_took_makes_the_descriptor_readable_once)
{
    limef_fifo_fd(fifo);
    limef_fifo_wake(fifo);
    cr_assert(eq(int, read_code(0), AVERROR(EAGAIN)));
    cr_assert(is_readable(0));
    cr_assert(eq(int, read_code(0), AVERROR(EAGAIN)));
    cr_assert(not(is_readable(0)));
}

Test(poll, frames_that_wait_behind_a_wake_make_the_descriptor_readable)
{
    limef_fifo_fd(fifo);
    write_video(lane, 0);
    limef_fifo_wake(fifo);
    cr_assert(eq(int, read_code(0), AVERROR(EAGAIN)));
    cr_assert(is_readable(0));
}

Test(poll, descriptor_made_after_the_read_is_armed)
{
    cr_assert(eq(int, read_code(0), AVERROR(EAGAIN)));
    limef_fifo_fd(fifo);
    write_video(lane, 0);
    cr_assert(is_readable(0));
}

Test(poll, a_lane_that_is_added_with_frames_makes_the_descriptor_readable)
{
    write_video(lane, 0);
    limef_fifo_remove_lane(fifo, lane);
    limef_fifo_fd(fifo);
    cr_assert(eq(int, read_code(0), AVERROR(EAGAIN)));
    limef_fifo_add_lane(fifo, lane);
    cr_assert(is_readable(0));
}

Test(poll, an_unheld_lane_makes_the_descriptor_readable)
{
    struct limef_stack_frame *stack;

    limef_fifo_fd(fifo);
    write_video(lane, 0);
    cr_assert(zero(int, limef_fifo_read(fifo, &stack, 0)));
    limef_fifo_unread(fifo, stack);
    cr_assert(eq(int, read_code(0), AVERROR(EAGAIN)));
    cr_assert(not(is_readable(0)));
    limef_fifo_unhold(fifo);
    cr_assert(is_readable(0));
}

static void *write_three(void *code)
{
    *(int *)code = 0;
    for (int i = 0; i < 3 && !*(int *)code; i++)
        *(int *)code = write_video(lane, i);
    return NULL;
}

/* A presenter does so: it keeps the picture that is shown until it has the next one. */
Test(fifo, a_reader_that_keeps_the_last_frame_gets_the_next_one)
{
    struct limef_stack_frame *frames[3];
    pthread_t writer;
    int code;

    limef_fifo_remove_lane(fifo, lane);
    limef_lane_clear(lane);
    cr_assert(zero(
        int, limef_lane_init(lane, boundary.frames, 4, &(struct limef_lane_settings){.depth = 1})));
    limef_fifo_add_lane(fifo, lane);
    pthread_create(&writer, NULL, write_three, &code);
    for (int i = 0; i < 3; i++) {
        int64_t deadline_us = limef_deadline_us(TOO_LONG_US);

        while (i < 2 && !atomic_load(&lane->writer_sleeps) && limef_now_us() < deadline_us)
            sched_yield();
        cr_assert(zero(int, limef_fifo_read(fifo, &frames[i], 3000000)), "frame %d", i);
    }
    pthread_join(writer, NULL);
    cr_assert(zero(int, code));
    limef_fifo_recycle_batch(fifo, frames, 3);
}

Test(fifo, a_reader_that_finds_nothing_wakes_a_writer_only_if_there_is_room)
{
    struct limef_stack_frame *stack, *frames[8];
    int n;

    for (int i = 0; i < 6; i++)
        cr_assert(zero(int, write_video(lane, i)));
    cr_assert(zero(int, limef_fifo_read(fifo, &stack, 0)));
    cr_assert(zero(int, write_video(lane, 6)));
    limef_fifo_unread(fifo, stack);
    atomic_store(&lane->writer_sleeps, 1); /* as a writer that finds the lane full */
    for (int i = 0; i < 3; i++)
        cr_assert(eq(int, read_code(0), AVERROR(EAGAIN)));
    cr_assert(eq(u32, atomic_load(&lane->writer_sleeps), 1));
    limef_fifo_unhold(fifo);
    for (n = 0; n < 7; n++)
        cr_assert(zero(int, limef_fifo_read(fifo, &frames[n], 0)));
    cr_assert(eq(u32, atomic_load(&lane->writer_sleeps), 1));
    cr_assert(eq(int, read_code(0), AVERROR(EAGAIN)));
    cr_assert(eq(u32, atomic_load(&lane->writer_sleeps), 0));
    limef_fifo_recycle_batch(fifo, frames, 7);
}
