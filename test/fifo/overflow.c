/* SPDX-License-Identifier: MIT */
#include "one_lane.h"

#include <libavutil/error.h>
#include <pthread.h>

TestSuite(block, .fini = close_lane, .timeout = 30);
TestSuite(drop_oldest, .fini = close_lane, .timeout = 30);
TestSuite(bound, .fini = close_lane, .timeout = 30);
TestSuite(flush, .fini = close_lane, .timeout = 30);

Test(block, refuses_after_its_deadline_and_counts)
{
    int64_t began_us;

    open_lane(8, (struct limef_lane_settings){.depth = 2, .block_us = 20000});
    cr_assert(zero(int, write_video(lane, 0)));
    cr_assert(zero(int, write_video(lane, 1)));
    began_us = limef_now_us();
    cr_assert(eq(int, write_video(lane, 2), AVERROR(ETIMEDOUT)));
    cr_assert(ge(i64, limef_now_us() - began_us, 20000));
    cr_assert(eq(u64, counters_of(lane).n_dropped_timeout, 1));
    cr_assert(eq(u64, counters_of(lane).n_blocked, 1));
    cr_assert(eq(u64, counters_of(lane).n_written, 2));
    cr_assert(eq(str, read_all_names(fifo), (char *)"0 1"));
}

Test(block, lets_signals_pass_the_depth)
{
    open_lane(8, (struct limef_lane_settings){.depth = 2, .block_us = 1});
    write_video(lane, 0);
    write_video(lane, 1);
    cr_assert(zero(int, write_signal(lane, LIMEF_SIGNAL_USER, 2)));
    cr_assert(eq(int, write_video(lane, 3), AVERROR(ETIMEDOUT)));
    cr_assert(eq(str, read_all_names(fifo), (char *)"0 1 S2"));
}

static void *write_thirty(void *result)
{
    *(int *)result = 0;
    for (int i = 0; i < 30 && !*(int *)result; i++)
        *(int *)result = write_video(lane, i);
    return NULL;
}

Test(block, writer_goes_on_when_there_is_room)
{
    struct limef_stack_frame *stack;
    pthread_t writer;
    int ret, n = 0;

    open_lane(8, (struct limef_lane_settings){.depth = 3});
    pthread_create(&writer, NULL, write_thirty, &ret);
    for (; n < 30 && limef_fifo_read(fifo, &stack, TOO_LONG_US) == 0; n++) {
        cr_assert(eq(i64, stack->any.packet.dts_us, n));
        limef_fifo_recycle(fifo, stack);
    }
    pthread_join(writer, NULL);
    cr_assert(zero(int, ret));
    cr_assert(eq(int, n, 30));
    cr_assert(le(uint, counters_of(lane).max_used, 3));
}

Test(drop_oldest, keeps_the_newest)
{
    open_lane(8, (struct limef_lane_settings){LIMEF_OVERFLOW_DROP_OLDEST, .depth = 3});
    for (int i = 0; i < 100; i++)
        cr_assert(zero(int, write_video(lane, i)));
    cr_assert(eq(u64, counters_of(lane).n_dropped_oldest, 97));
    cr_assert(eq(u64, counters_of(lane).n_written, 100));
    cr_assert(eq(uint, counters_of(lane).max_used, 3));
    cr_assert(eq(str, read_all_names(fifo), (char *)"97 98 99"));
    cr_assert(eq(u64, counters_of(lane).n_read, 3));
}

Test(drop_oldest, signals_in_front_and_between_stay_in_order)
{
    open_lane(16, (struct limef_lane_settings){LIMEF_OVERFLOW_DROP_OLDEST, .depth = 2});
    write_signal(lane, LIMEF_SIGNAL_USER, 100);
    write_video(lane, 0);
    write_signal(lane, LIMEF_SIGNAL_USER, 101);
    write_video(lane, 1);
    write_signal(lane, LIMEF_SIGNAL_USER, 102);
    write_video(lane, 2);
    write_video(lane, 3);
    write_signal(lane, LIMEF_SIGNAL_USER, 103);
    cr_assert(eq(str, read_all_names(fifo), (char *)"S100 S101 S102 2 3 S103"));
    cr_assert(eq(u64, counters_of(lane).n_dropped_oldest, 2));
}

Test(drop_oldest, makes_room_for_a_signal)
{
    open_lane(4, (struct limef_lane_settings){LIMEF_OVERFLOW_DROP_OLDEST, .depth = 2});
    write_video(lane, 0);
    write_video(lane, 1);
    write_signal(lane, LIMEF_SIGNAL_USER, 100);
    write_signal(lane, LIMEF_SIGNAL_USER, 101);
    cr_assert(zero(int, write_signal(lane, LIMEF_SIGNAL_USER, 102)));
    cr_assert(eq(str, read_all_names(fifo), (char *)"1 S100 S101 S102"));
}

Test(drop_oldest, drops_the_new_one_when_the_reader_holds_all)
{
    struct limef_stack_frame *held[4];

    open_lane(4, (struct limef_lane_settings){LIMEF_OVERFLOW_DROP_OLDEST});
    for (int i = 0; i < 4; i++) {
        cr_assert(zero(int, write_video(lane, i)));
        cr_assert(zero(int, limef_fifo_read(fifo, &held[i], 0)));
    }
    cr_assert(zero(int, write_video(lane, 4)));
    cr_assert(eq(u64, counters_of(lane).n_dropped_oldest, 1));
    limef_fifo_recycle_batch(fifo, held, 4);
    cr_assert(zero(int, write_video(lane, 5)));
    cr_assert(eq(str, read_all_names(fifo), (char *)"5"));
}

Test(bound, in_bytes)
{
    open_lane(16, (struct limef_lane_settings){LIMEF_OVERFLOW_DROP_OLDEST, .max_bytes = 250});
    for (int i = 0; i < 5; i++)
        write_video(lane, i);
    cr_assert(eq(str, read_all_names(fifo), (char *)"3 4"));
}

Test(bound, in_bytes_lets_one_large_frame_pass)
{
    open_lane(16, (struct limef_lane_settings){.max_bytes = 50, .block_us = 1});
    cr_assert(zero(int, write_video(lane, 0)));
    cr_assert(eq(int, write_video(lane, 1), AVERROR(ETIMEDOUT)));
    cr_assert(eq(str, read_all_names(fifo), (char *)"0"));
    cr_assert(zero(int, write_video(lane, 2)));
}

Test(bound, in_time)
{
    open_lane(16, (struct limef_lane_settings){LIMEF_OVERFLOW_DROP_OLDEST, .max_time_us = 2000});
    for (int i = 0; i < 6; i++)
        write_video(lane, i);
    cr_assert(eq(str, read_all_names(fifo), (char *)"3 4 5"));
}

Test(bound, in_time_takes_a_jump)
{
    open_lane(16, (struct limef_lane_settings){.max_time_us = 2000, .block_us = 1});
    write_video(lane, 5);
    cr_assert(zero(int, write_video(lane, 1)));
    cr_assert(eq(int, write_video(lane, 1000000), AVERROR(ETIMEDOUT)));
    read_all_names(fifo);
    cr_assert(zero(int, write_video(lane, 1000000)));
}

Test(bound, in_time_does_not_concern_frames_without_time)
{
    struct limef_packet_frame packet = packet_frame(9, LIMEF_MEDIA_VIDEO, 0);

    open_lane(16, (struct limef_lane_settings){.max_time_us = 2000, .block_us = 1});
    write_video(lane, 1);
    packet.frame.pts_us = LIMEF_NO_TIME;
    cr_assert(zero(int, limef_lane_write(lane, &packet.frame)));
}

Test(flush, drops_media_but_not_signals_and_codec_frames)
{
    struct limef_codec_frame codec = {.frame = {LIMEF_FRAME_CODEC, .payload = static_payload()}};

    open_lane(16, (struct limef_lane_settings){.depth = 8});
    limef_lane_write(lane, &codec.frame);
    write_video(lane, 0);
    write_signal(lane, LIMEF_SIGNAL_USER, 100);
    write_video(lane, 1);
    cr_assert(zero(int, write_signal(lane, LIMEF_SIGNAL_FLUSH, 101)));
    write_video(lane, 2);
    cr_assert(eq(str, read_all_names(fifo), (char *)"C S100 S101 2"));
    cr_assert(eq(u64, counters_of(lane).n_dropped_flush, 2));
}

Test(flush, of_an_empty_lane_is_only_a_signal)
{
    open_lane(16, (struct limef_lane_settings){0});
    write_signal(lane, LIMEF_SIGNAL_USER, 100);
    write_signal(lane, LIMEF_SIGNAL_FLUSH, 101);
    cr_assert(eq(str, read_all_names(fifo), (char *)"S100 S101"));
    cr_assert(zero(u64, counters_of(lane).n_dropped_flush));
}

/* Where no policy would keep others back up to a key frame. */
Test(flush, of_one_slot_leaves_no_hole_in_another)
{
    const enum limef_overflow policies[] = {LIMEF_OVERFLOW_BLOCK, LIMEF_OVERFLOW_DROP_OLDEST};

    for (int i = 0; i < 2; i++) {
        open_lane(16, (struct limef_lane_settings){policies[i], .depth = 8});
        write_of_slot(2, 0, LIMEF_FRAME_KEY);
        write_of_slot(1, 1, LIMEF_FRAME_KEY);
        write_of_slot(2, 2, 0);
        write_of_slot(1, 3, 0);
        flush_slot_1();
        write_of_slot(2, 4, 0);
        cr_assert(eq(str, read_all_names(fifo), (char *)"0 2 S100 4"));
        cr_assert(eq(u64, counters_of(lane).n_dropped_flush, 2));
        close_lane();
    }
}

Test(bound, in_time_holds_behind_a_signal)
{
    open_lane(16, (struct limef_lane_settings){LIMEF_OVERFLOW_DROP_OLDEST, .max_time_us = 2000});
    write_signal(lane, LIMEF_SIGNAL_START, 100);
    for (int i = 0; i < 6; i++)
        write_video(lane, i);
    cr_assert(eq(str, read_all_names(fifo), (char *)"S100 3 4 5"));
}

Test(bound, in_time_takes_any_number)
{
    struct limef_packet_frame packet = packet_frame(9, LIMEF_MEDIA_VIDEO, 0);

    open_lane(16, (struct limef_lane_settings){LIMEF_OVERFLOW_DROP_OLDEST, .max_time_us = 2000});
    packet.frame.pts_us = INT64_MIN + 1;
    cr_assert(zero(int, limef_lane_write(lane, &packet.frame)));
    packet.frame.pts_us = INT64_MAX;
    cr_assert(zero(int, limef_lane_write(lane, &packet.frame)));
    cr_assert(eq(str, read_all_names(fifo), (char *)"9"));
}

Test(drop_oldest, wakes_a_reader_that_looked_while_frames_were_queued_again)
{
    open_lane(8, (struct limef_lane_settings){LIMEF_OVERFLOW_DROP_OLDEST, .depth = 1});
    write_signal(lane, LIMEF_SIGNAL_USER, 100);
    write_video(lane, 0);
    atomic_store(&fifo->reader, 1); /* as if it had found nothing and gone to sleep */
    limef_memory_set_allocator(&failing);
    cr_assert(eq(int, write_uncounted(1, 0), AVERROR(ENOMEM)));
    limef_memory_set_allocator(NULL);
    cr_assert(zero(u32, atomic_load(&fifo->reader)));
    cr_assert(eq(str, read_all_names(fifo), (char *)"S100"));
}
