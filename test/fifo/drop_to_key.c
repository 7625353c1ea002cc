/* SPDX-License-Identifier: MIT */
#include "one_lane.h"

#include <libavutil/error.h>

TestSuite(drop_to_key, .fini = close_lane, .timeout = 30);

static struct limef_lane_settings to_key(unsigned depth)
{
    return (struct limef_lane_settings){LIMEF_OVERFLOW_DROP_TO_KEY, .depth = depth};
}

Test(drop_to_key, drops_up_to_the_next_key_frame)
{
    open_lane(16, to_key(3));
    write_key(lane, 0);
    for (int i = 1; i < 8; i++)
        cr_assert(zero(int, write_video(lane, i)));
    cr_assert(eq(str, read_all_names(fifo), (char *)"0 1 2"));
    cr_assert(eq(u64, counters_of(lane).n_dropped_to_key, 5));
    write_video(lane, 8);
    cr_assert(eq(str, read_all_names(fifo), (char *)""));
    write_key(lane, 9);
    write_video(lane, 10);
    cr_assert(eq(str, read_all_names(fifo), (char *)"9 10"));
    cr_assert(eq(u64, counters_of(lane).n_dropped_to_key, 6));
}

Test(drop_to_key, a_key_frame_replaces_what_waits)
{
    open_lane(16, to_key(3));
    write_key(lane, 0);
    write_video(lane, 1);
    write_signal(lane, LIMEF_SIGNAL_USER, 100);
    write_video(lane, 2);
    write_video(lane, 3);
    write_key(lane, 4);
    write_video(lane, 5);
    cr_assert(eq(str, read_all_names(fifo), (char *)"S100 4 5"));
    cr_assert(eq(u64, counters_of(lane).n_dropped_to_key, 4));
}

Test(drop_to_key, audio_beside_video_neither_waits_nor_ends_the_waiting)
{
    open_lane(16, to_key(3));
    write_key(lane, 0);
    write_video(lane, 1);
    write_audio(lane, 2);
    write_video(lane, 3); /* refused: from here on video waits for a key frame */
    write_audio(lane, 4); /* refused, alone */
    cr_assert(eq(str, read_all_names(fifo), (char *)"0 1 2"));
    write_audio(lane, 5);
    write_video(lane, 6);
    write_key(lane, 7);
    write_video(lane, 8);
    cr_assert(eq(str, read_all_names(fifo), (char *)"5 7 8"));
}

Test(drop_to_key, flush_ends_the_waiting)
{
    open_lane(16, to_key(2));
    for (int i = 0; i < 4; i++)
        write_video(lane, i);
    write_signal(lane, LIMEF_SIGNAL_FLUSH, 100);
    write_video(lane, 5);
    cr_assert(eq(str, read_all_names(fifo), (char *)"S100 5"));
}

Test(drop_to_key, flush_of_one_slot_leaves_others_alone)
{
    open_lane(16, to_key(4));
    write_of_slot(1, 0, LIMEF_FRAME_KEY);
    write_of_slot(2, 1, LIMEF_FRAME_KEY);
    flush_slot_1();
    write_of_slot(1, 2, 0);
    write_of_slot(2, 3, 0);
    cr_assert(eq(str, read_all_names(fifo), (char *)"1 S100 2 3"));
}

/* Whatever their numbers are. */
Test(drop_to_key, a_key_frame_ends_the_waiting_of_its_own_slot_alone)
{
    struct limef_signal_frame flush;

    open_lane(16, to_key(2));
    for (uint32_t slot = 0; slot < 16; slot += 8)
        write_of_slot(slot, slot, LIMEF_FRAME_KEY);
    write_of_slot(0, 1, 0); /* refused */
    write_of_slot(8, 9, 0);
    cr_assert(eq(str, read_all_names(fifo), (char *)"0 8"));
    write_of_slot(8, 10, LIMEF_FRAME_KEY);
    write_of_slot(0, 2, 0);
    cr_assert(eq(str, read_all_names(fifo), (char *)"10"));
    write_of_slot(8, 11, 0);
    limef_signal_frame_set(&flush, LIMEF_SIGNAL_FLUSH, 8, NULL);
    cr_assert(zero(int, limef_lane_write(lane, &flush.frame)));
    write_of_slot(0, 3, 0);
    write_of_slot(0, 4, LIMEF_FRAME_KEY);
    cr_assert(eq(str, read_all_names(fifo), (char *)"S0 4"));
}

/* More than a lane has room for: nobody is decoded with a hole, some with key frames alone. */
Test(drop_to_key, any_number_of_slots_waits)
{
    const uint32_t n_slots = 2 * LIMEF_LANE_MAX_WAITS;

    open_lane(16, to_key(1));
    write_video(lane, 0);
    for (uint32_t slot = 1; slot <= n_slots; slot++)
        write_of_slot(slot, slot, 0); /* refused */
    read_all_names(fifo);
    for (uint32_t slot = 1; slot <= n_slots; slot++) {
        write_of_slot(slot, slot, 0);
        cr_assert(eq(str, read_all_names(fifo), (char *)""), "%u", slot);
    }
    for (uint32_t slot = 1; slot <= n_slots; slot++) {
        char name[8];

        write_of_slot(slot, slot, LIMEF_FRAME_KEY);
        snprintf(name, sizeof(name), "%u", slot);
        cr_assert(eq(str, read_all_names(fifo), name));
        write_of_slot(slot, slot, 0);
        cr_assert(eq(str, read_all_names(fifo), slot <= LIMEF_LANE_MAX_WAITS ? name : (char *)""));
    }
}

Test(drop_to_key, a_subtitle_does_not_end_the_waiting)
{
    struct limef_packet_frame subtitle = packet_frame(4, LIMEF_MEDIA_OTHER, LIMEF_FRAME_KEY);

    open_lane(16, to_key(2));
    write_key(lane, 0);
    write_video(lane, 1);
    write_video(lane, 2);
    cr_assert(eq(str, read_all_names(fifo), (char *)"0 1"));
    cr_assert(zero(int, limef_lane_write(lane, &subtitle.frame)));
    write_video(lane, 5);
    cr_assert(eq(str, read_all_names(fifo), (char *)"4"));
}

static void write_track(int64_t number, uint16_t track, uint32_t flags)
{
    struct limef_packet_frame packet = packet_frame(number, LIMEF_MEDIA_VIDEO, flags);

    packet.frame.track = track;
    cr_assert(zero(int, limef_lane_write(lane, &packet.frame)));
}

Test(drop_to_key, each_video_track_waits_for_its_own_key_frame)
{
    open_lane(16, to_key(2));
    write_track(0, 0, LIMEF_FRAME_KEY);
    write_track(1, 1, LIMEF_FRAME_KEY);
    write_track(2, 0, 0); /* refused */
    write_track(3, 1, 0); /* refused */
    read_all_names(fifo);
    write_track(4, 1, LIMEF_FRAME_KEY);
    write_track(5, 0, 0);
    write_track(6, 1, 0);
    cr_assert(eq(str, read_all_names(fifo), (char *)"4 6"));
    write_track(7, 0, LIMEF_FRAME_KEY);
    cr_assert(eq(str, read_all_names(fifo), (char *)"7"));
}

Test(drop_to_key, makes_no_hole_when_the_reader_holds_frames)
{
    struct limef_stack_frame *held[6];

    open_lane(8, to_key(6));
    for (int i = 0; i < 6; i++)
        write_video(lane, i);
    cr_assert(eq(int, limef_fifo_read_batch(fifo, held, 6, 0), 6));
    write_key(lane, 6);
    write_video(lane, 7);
    write_video(lane, 8); /* no stack frame is left */
    write_video(lane, 9);
    limef_fifo_recycle_batch(fifo, held, 6);
    write_video(lane, 10);
    write_key(lane, 11);
    cr_assert(eq(str, read_all_names(fifo), (char *)"6 7 11"));
    cr_assert(eq(u64, counters_of(lane).n_dropped_to_key, 3));
    cr_assert(zero(u64, counters_of(lane).n_dropped_oldest));
}

Test(drop_to_key, a_key_frame_without_a_stack_frame_is_waited_for_again)
{
    struct limef_stack_frame *held[4];

    open_lane(4, to_key(2));
    for (int i = 0; i < 4; i++) {
        write_video(lane, i);
        cr_assert(zero(int, limef_fifo_read(fifo, &held[i], 0)));
    }
    cr_assert(zero(int, write_key(lane, 4)));
    limef_fifo_recycle_batch(fifo, held, 4);
    write_video(lane, 5);
    write_key(lane, 6);
    cr_assert(eq(str, read_all_names(fifo), (char *)"6"));
    cr_assert(eq(u64, counters_of(lane).n_dropped_to_key, 2));
}

Test(drop_to_key, a_signal_that_needs_room_makes_no_hole)
{
    open_lane(4, to_key(2));
    write_key(lane, 0);
    write_video(lane, 1);
    write_signal(lane, LIMEF_SIGNAL_USER, 100);
    write_signal(lane, LIMEF_SIGNAL_USER, 101);
    write_signal(lane, LIMEF_SIGNAL_USER, 102);
    cr_assert(eq(str, read_all_names(fifo), (char *)"S100 S101 S102"));
    write_video(lane, 2);
    write_key(lane, 3);
    cr_assert(eq(str, read_all_names(fifo), (char *)"3"));
    cr_assert(eq(u64, counters_of(lane).n_dropped_to_key, 3));
}

Test(drop_to_key, a_packet_lost_for_want_of_memory_is_a_hole)
{
    open_lane(16, to_key(8));
    write_key(lane, 0);
    limef_memory_set_allocator(&failing);
    cr_assert(eq(int, write_uncounted(1, 0), AVERROR(ENOMEM)));
    limef_memory_set_allocator(NULL);
    write_video(lane, 2);
    write_key(lane, 3);
    cr_assert(eq(str, read_all_names(fifo), (char *)"0 3"));
}
