/* SPDX-License-Identifier: MIT */
/* A reader that has patience naps: who wakes it, for what, and who does not. */
#include "support/boundary.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <libavutil/error.h>
#include <pthread.h>
#include <sched.h>

#define ASLEEP 1
#define NAPS 3
#define N_ROUNDS 200

static struct boundary boundary;
static struct limef_lane *const lane = &boundary.lane;
static struct limef_fifo *const fifo = &boundary.fifo;
static pthread_t reader;
static int code;
static char first[24]; /* what the reader has read */

static void open_lane(void)
{
    cr_assert(zero(int, boundary_open(&boundary, 8, NULL)));
}

static void close_lane(void)
{
    boundary_clear(&boundary);
}

TestSuite(patience, .init = open_lane, .fini = close_lane, .timeout = 30);

static void *read_next(void *unused)
{
    struct limef_stack_frame *frame;

    code = limef_fifo_read(fifo, &frame, LIMEF_FOREVER);
    if (code < 0)
        return unused;
    name_frame(first, sizeof(first), &frame->any.frame);
    limef_fifo_recycle(fifo, frame);
    return unused;
}

static void wait_until_it(uint32_t how)
{
    int64_t deadline_us = limef_deadline_us(TOO_LONG_US);

    while (atomic_load(&fifo->reader) != how && limef_now_us() < deadline_us)
        sched_yield();
    cr_assert(eq(u32, atomic_load(&fifo->reader), how));
}

/* Frame 0 has come before. */
static void begin_nap(int64_t patience_us)
{
    limef_fifo_set_patience(fifo, patience_us);
    write_video(lane, 0);
    cr_assert(eq(str, read_all_names(fifo), (char *)"0"));
    pthread_create(&reader, NULL, read_next, NULL);
}

/* Frames from 1 on, none of which wakes it. */
static void nap_while_there_come(int n_frames)
{
    begin_nap(TOO_LONG_US);
    wait_until_it(NAPS);
    for (int i = 1; i <= n_frames; i++)
        write_video(lane, i);
    cr_assert(eq(u32, atomic_load(&fifo->reader), NAPS));
    cr_assert(zero(u64, counters_of(lane).n_wakes));
}

static char *names_after_nap(void)
{
    static char names[128];
    const char *rest;

    pthread_join(reader, NULL);
    cr_assert(zero(int, code));
    rest = read_all_names(fifo);
    snprintf(names, sizeof(names), "%s%s%s", first, *rest ? " " : "", rest);
    return names;
}

Test(patience, ends_when_three_quarters_of_the_depth_wait)
{
    cr_assert(eq(uint, counters_of(lane).depth, 6));
    nap_while_there_come(4);
    write_video(lane, 5);
    cr_assert(eq(str, names_after_nap(), (char *)"1 2 3 4 5"));
    cr_assert(eq(u64, counters_of(lane).n_wakes, 1));
}

Test(patience, ends_at_once_for_what_is_no_media)
{
    nap_while_there_come(2);
    write_signal(lane, LIMEF_SIGNAL_END, 9);
    cr_assert(eq(str, names_after_nap(), (char *)"1 2 S9"));
}

Test(patience, ends_at_once_for_a_flush_which_drops_what_waited_for_it)
{
    nap_while_there_come(2);
    write_signal(lane, LIMEF_SIGNAL_FLUSH, 9);
    cr_assert(eq(str, names_after_nap(), (char *)"S9"));
}

Test(patience, ends_at_once_for_what_is_live)
{
    struct limef_packet_frame packet = packet_frame(9, LIMEF_MEDIA_VIDEO, LIMEF_FRAME_LIVE);

    nap_while_there_come(2);
    limef_lane_write(lane, &packet.frame);
    cr_assert(eq(str, names_after_nap(), (char *)"1 2 9"));
}

Test(patience, ends_for_a_writer_that_waits_for_room)
{
    lane->settings.max_bytes = 250;
    nap_while_there_come(2);
    cr_assert(zero(int, write_video(lane, 3)));
    cr_assert(eq(u64, counters_of(lane).n_blocked, 1));
    cr_assert(eq(str, names_after_nap(), (char *)"1 2 3"));
    cr_assert(eq(u64, counters_of(lane).n_wakes, 1));
}

/* A round in which others kept the machine busy, and the nap was over before the frame came, says
 * nothing. */
Test(patience, is_over_after_its_time)
{
    bool looked_by_itself = false;

    for (int i = 0; i < N_ROUNDS && !looked_by_itself; i++) {
        uint64_t n_wakes = counters_of(lane).n_wakes;
        bool napped;

        begin_nap(50000);
        while (!atomic_load(&fifo->reader))
            sched_yield();
        napped = atomic_load(&fifo->reader) == NAPS;
        write_video(lane, 1);
        cr_assert(eq(str, names_after_nap(), (char *)"1"));
        looked_by_itself = napped && counters_of(lane).n_wakes == n_wakes;
    }
    cr_assert(looked_by_itself);
}

/* Else it would wake up again and again for nothing. */
Test(patience, that_was_in_vain_is_followed_by_sleep)
{
    begin_nap(1000);
    wait_until_it(ASLEEP);
    write_video(lane, 1);
    cr_assert(eq(str, names_after_nap(), (char *)"1"));
    cr_assert(eq(u64, counters_of(lane).n_wakes, 1));
}

Test(patience, of_a_closed_fifo_ends)
{
    nap_while_there_come(2);
    limef_fifo_close(fifo);
    pthread_join(reader, NULL);
    cr_assert(eq(int, code, AVERROR_EXIT));
}

Test(patience, ends_with_a_wake_up)
{
    nap_while_there_come(2);
    limef_fifo_wake(fifo);
    pthread_join(reader, NULL);
    cr_assert(eq(int, code, AVERROR(EAGAIN)));
}
