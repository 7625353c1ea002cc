/* SPDX-License-Identifier: MIT */
#include "rtsp/window.h"

#include <limef/base/clock.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/error.h>
#include <stdlib.h>

TestSuite(rtsp_window, .timeout = 10);

static struct rtp_window window;

/* Each packet is its number; returns the verdict. */
static int put(int64_t sequence, int64_t now_us)
{
    unsigned n_missing;

    return rtp_window_put(&window, sequence, (const uint8_t *)&sequence, sizeof(sequence), now_us,
                          &n_missing);
}

/* The number of the next one, or -1. */
static int64_t take(int64_t now_us, unsigned *n_missing)
{
    size_t bytes;
    const uint8_t *data = rtp_window_take(&window, now_us, &bytes, n_missing);
    int64_t sequence;

    if (!data)
        return -1;
    memcpy(&sequence, data, sizeof(sequence));
    return sequence;
}

static void clear(void)
{
    rtp_window_clear(&window);
}

Test(rtsp_window, lets_through_what_is_in_order, .fini = clear)
{
    window.wait_us = 1000;
    for (int64_t i = 65530; i < 65600; i++)
        cr_assert(eq(int, put(i, 0), RTP_WINDOW_NEXT));
    cr_assert(eq(i64, rtp_window_due_us(&window), LIMEF_FOREVER));
}

Test(rtsp_window, puts_into_order_what_is_not, .fini = clear)
{
    unsigned n_missing;

    window.wait_us = 1000;
    cr_assert(eq(int, put(1, 0), RTP_WINDOW_NEXT));
    cr_assert(eq(int, put(3, 10), RTP_WINDOW_WAITS));
    cr_assert(eq(int, put(4, 20), RTP_WINDOW_WAITS));
    cr_assert(eq(i64, take(30, &n_missing), -1));
    cr_assert(eq(i64, rtp_window_due_us(&window), 1010));
    cr_assert(eq(int, put(2, 40), RTP_WINDOW_NEXT));
    cr_assert(eq(i64, take(40, &n_missing), 3));
    cr_assert(zero(u32, n_missing));
    cr_assert(eq(i64, take(40, &n_missing), 4));
    cr_assert(eq(i64, take(40, &n_missing), -1));
    cr_assert(zero(u64, window.n_lost));
}

Test(rtsp_window, gives_up_what_does_not_come_in_time, .fini = clear)
{
    unsigned n_missing;

    window.wait_us = 1000;
    put(1, 0);
    put(4, 10);
    cr_assert(eq(i64, take(1009, &n_missing), -1));
    cr_assert(eq(i64, take(1010, &n_missing), 4));
    cr_assert(eq(u32, n_missing, 2));
    cr_assert(eq(u64, window.n_lost, 2));
    cr_assert(eq(int, put(2, 1020), RTP_WINDOW_LATE));
    cr_assert(eq(u64, window.n_late, 1));
}

Test(rtsp_window, knows_duplicates_of_what_waits_and_of_what_went, .fini = clear)
{
    window.wait_us = 1000;
    put(1, 0);
    cr_assert(eq(int, put(1, 0), RTP_WINDOW_DUPLICATE));
    put(3, 0);
    cr_assert(eq(int, put(3, 0), RTP_WINDOW_DUPLICATE));
    cr_assert(eq(u64, window.n_duplicates, 2));
}

Test(rtsp_window, waits_for_nothing_on_a_connection, .fini = clear)
{
    unsigned n_missing;
    int64_t five = 5;

    put(1, 0);
    cr_assert(eq(int,
                 rtp_window_put(&window, five, (const uint8_t *)&five, sizeof(five), 0, &n_missing),
                 RTP_WINDOW_NEXT));
    cr_assert(eq(u32, n_missing, 3));
}

Test(rtsp_window, is_bounded_in_packets, .fini = clear)
{
    unsigned n_missing;

    window.wait_us = LIMEF_FOREVER / 2;
    put(0, 0);
    for (int64_t i = 2; i <= RTP_WINDOW_PACKETS; i++)
        cr_assert(eq(int, put(i, 0), RTP_WINDOW_WAITS));
    cr_assert(eq(int, put(RTP_WINDOW_PACKETS + 1, 0), AVERROR(EAGAIN)));
    cr_assert(eq(i64, take(LIMEF_FOREVER, &n_missing), 2));
    cr_assert(eq(u32, n_missing, 1));
    cr_assert(eq(int, put(RTP_WINDOW_PACKETS + 1, 0), RTP_WINDOW_WAITS));
}

Test(rtsp_window, takes_a_hole_larger_than_itself_at_once, .fini = clear)
{
    window.wait_us = 1000;
    put(0, 0);
    cr_assert(eq(int, put(100000, 0), RTP_WINDOW_NEXT));
    cr_assert(eq(u64, window.n_lost, 99999));
}

Test(rtsp_window, any_order_within_it_comes_out_whole, .fini = clear)
{
    unsigned seed = 1;

    window.wait_us = LIMEF_FOREVER / 2;
    for (int round = 0; round < 200; round++) {
        int64_t next = 0, order[64];

        rtp_window_restart(&window);
        for (int i = 0; i < 64; i++)
            order[i] = i;
        for (int i = 63; i > 1; i--) { /* the first stays the first: it says where it begins */
            int other = 1 + rand_r(&seed) % i;
            int64_t kept = order[i];

            order[i] = order[other];
            order[other] = kept;
        }
        for (int i = 0; i < 64; i++) {
            unsigned n_missing;

            if (put(order[i], 0) == RTP_WINDOW_NEXT)
                cr_assert(eq(i64, order[i], next++));
            for (int64_t taken; (taken = take(0, &n_missing)) >= 0;)
                cr_assert(eq(i64, taken, next++));
        }
        cr_assert(eq(i64, next, 64));
    }
}

Test(rtsp_window, has_memory_for_a_few_when_none_waits, .fini = clear)
{
    unsigned n_missing, n = 0;

    window.wait_us = LIMEF_FOREVER / 2;
    put(0, 0);
    for (int64_t i = 2; i < 200; i++)
        put(i, 0);
    put(1, 0);
    while (take(0, &n_missing) >= 0)
        n++;
    cr_assert(eq(u32, n, 198));
    cr_assert(le(u32, window.n_vacant, RTP_WINDOW_KEPT_PACKETS));
    cr_assert(ge(u32, window.n_vacant, 1));
}

Test(rtsp_window, keeps_no_memory_where_all_comes_in_order, .fini = clear)
{
    unsigned n_missing;
    int64_t next = 1;

    window.wait_us = 1000;
    for (int round = 0; round < 3; round++) {
        cr_assert(eq(int, put(next + 1, 10), next == 1 ? RTP_WINDOW_NEXT : RTP_WINDOW_WAITS));
        cr_assert(eq(int, put(next + 3, 10), RTP_WINDOW_WAITS));
        if (next > 1)
            cr_assert(eq(int, put(next, 20), RTP_WINDOW_NEXT));
        while (take(LIMEF_FOREVER, &n_missing) >= 0)
            continue;
        next += 4;
        for (unsigned i = 1; i < RTP_WINDOW_IDLE_PACKETS; i++) {
            cr_assert(eq(int, put(next++, 30), RTP_WINDOW_NEXT));
            cr_assert(ne(ptr, window.slots, NULL));
        }
        cr_assert(eq(int, put(next++, 30), RTP_WINDOW_NEXT));
        cr_assert(eq(ptr, window.slots, NULL));
        cr_assert(zero(u32, window.n_vacant));
    }
}

Test(rtsp_window, begins_with_what_is_told_to_be_the_first, .fini = clear)
{
    unsigned n_missing;

    window.wait_us = 1000;
    window.is_held = true;
    cr_assert(eq(int, put(65538, 0), RTP_WINDOW_WAITS));
    cr_assert(eq(int, put(65537, 10), RTP_WINDOW_WAITS));
    cr_assert(eq(int, put(65537, 10), RTP_WINDOW_DUPLICATE));
    cr_assert(eq(i64, take(20, &n_missing), -1));
    rtp_window_release(&window, 65535);
    cr_assert(eq(i64, take(30, &n_missing), -1));
    cr_assert(eq(int, put(65536, 40), RTP_WINDOW_WAITS));
    cr_assert(eq(int, put(65535, 40), RTP_WINDOW_NEXT));
    for (int64_t i = 65536; i <= 65538; i++)
        cr_assert(eq(i64, take(50, &n_missing), i));
    cr_assert(zero(u64, window.n_lost));
}

Test(rtsp_window, knows_the_first_before_anything_came, .fini = clear)
{
    unsigned n_missing;

    window.wait_us = 1000;
    window.is_held = true;
    rtp_window_release(&window, 10);
    cr_assert(eq(int, put(11, 0), RTP_WINDOW_WAITS));
    cr_assert(eq(int, put(10, 10), RTP_WINDOW_NEXT));
    cr_assert(eq(i64, take(20, &n_missing), 11));
}

Test(rtsp_window, keeps_packets_of_any_size_but_not_any_number_of_bytes, .fini = clear)
{
    static uint8_t large[60000];
    unsigned n_missing, n = 0;
    size_t bytes;

    window.wait_us = 1000;
    put(0, 0);
    memset(large, 7, sizeof(large));
    while (rtp_window_put(&window, 2 + n, large, sizeof(large), 0, &n_missing) == RTP_WINDOW_WAITS)
        n++;
    cr_assert(eq(u32, n, RTP_WINDOW_BYTES / sizeof(large)));
    for (unsigned i = 0; i < n; i++) {
        const uint8_t *data = rtp_window_take(&window, LIMEF_FOREVER, &bytes, &n_missing);

        cr_assert(eq(sz, bytes, sizeof(large)));
        cr_assert(zero(int, memcmp(data, large, bytes)));
    }
    cr_assert(eq(int, rtp_window_put(&window, 3 + n, large, sizeof(large), 0, &n_missing),
                 RTP_WINDOW_WAITS));
    rtp_window_restart(&window);
    cr_assert(zero(sz, window.waiting_bytes));
}

/* A server tells all its viewers the same: those packets were sent to others. */
Test(rtsp_window, counts_nothing_as_lost_before_the_first_that_came, .fini = clear)
{
    unsigned n_missing;

    window.wait_us = 1000;
    window.is_held = true;
    cr_assert(eq(int, put(107, 0), RTP_WINDOW_WAITS));
    rtp_window_release(&window, 100);
    cr_assert(eq(i64, take(999, &n_missing), -1));
    cr_assert(eq(i64, take(1000, &n_missing), 107));
    cr_assert(eq(u32, n_missing, 7)); /* the picture may have a part of them */
    cr_assert(zero(u64, window.n_lost));
    cr_assert(eq(int, put(110, 1000), RTP_WINDOW_WAITS));
    cr_assert(eq(i64, take(2000, &n_missing), 110));
    cr_assert(eq(u64, window.n_lost, 2));
}

Test(rtsp_window, begins_with_the_earliest_that_came_if_nothing_is_told, .fini = clear)
{
    static const int unbelievable[] = {-1, 5, 30000};
    unsigned n_missing;

    for (size_t i = 0; i < sizeof(unbelievable) / sizeof(unbelievable[0]); i++) {
        window.wait_us = 1000;
        window.is_held = true;
        cr_assert(eq(int, put(1002, 0), RTP_WINDOW_WAITS));
        cr_assert(eq(int, put(1001, 10), RTP_WINDOW_WAITS));
        rtp_window_release(&window, unbelievable[i]);
        cr_assert(eq(i64, take(20, &n_missing), 1001));
        cr_assert(eq(i64, take(20, &n_missing), 1002));
        cr_assert(zero(u64, window.n_lost));
        rtp_window_clear(&window);
    }
}

Test(rtsp_window, waits_no_longer_to_be_told_than_for_a_packet, .fini = clear)
{
    unsigned n_missing;

    window.wait_us = 1000;
    window.is_held = true;
    cr_assert(eq(int, put(7, 0), RTP_WINDOW_WAITS));
    cr_assert(eq(i64, rtp_window_due_us(&window), 1000));
    cr_assert(eq(i64, take(999, &n_missing), -1));
    cr_assert(eq(i64, take(1000, &n_missing), 7));
    cr_assert(eq(int, put(8, 1001), RTP_WINDOW_NEXT));
}

/* A key frame whose first packets come last. */
Test(rtsp_window, makes_room_for_a_burst_that_comes_out_of_order, .fini = clear)
{
    unsigned n_missing;
    int64_t last = 1500;

    window.wait_us = 1000;
    put(0, 0);
    for (int64_t i = last; i >= 2; i--)
        cr_assert(eq(int, put(i, 0), RTP_WINDOW_WAITS));
    cr_assert(eq(int, put(700, 0), RTP_WINDOW_DUPLICATE));
    cr_assert(eq(int, put(1, 0), RTP_WINDOW_NEXT));
    for (int64_t i = 2; i <= last; i++)
        cr_assert(eq(i64, take(LIMEF_NO_TIME, &n_missing), i));
    cr_assert(zero(u64, window.n_lost));
}

Test(rtsp_window, is_due_when_it_gives_up, .fini = clear)
{
    unsigned n_missing;

    window.wait_us = 1000;
    put(0, 0);
    put(9, 10);
    put(5, 500);
    cr_assert(eq(i64, rtp_window_due_us(&window), 1010));
    cr_assert(eq(i64, take(1009, &n_missing), -1));
    cr_assert(eq(i64, take(1010, &n_missing), 5));
    cr_assert(eq(i64, take(1010, &n_missing), 9));
    cr_assert(eq(u64, window.n_lost, 7));
}

Test(rtsp_window, gives_nothing_up_unless_it_is_asked_to, .fini = clear)
{
    unsigned n_missing;

    window.wait_us = 1000;
    put(0, 0);
    put(2, 0);
    cr_assert(eq(i64, take(LIMEF_NO_TIME, &n_missing), -1));
    cr_assert(eq(int, put(1, 900000), RTP_WINDOW_NEXT));
    cr_assert(eq(i64, take(LIMEF_NO_TIME, &n_missing), 2));
}
