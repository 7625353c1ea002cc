/* SPDX-License-Identifier: MIT */
#include "support/chain.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static struct chain chain;
static struct limef_thread *const thread = &chain.consumer.thread;

static void open_chain(void)
{
    cr_assert(zero(int, chain_init(&chain, 1000, NULL)));
}

static void close_chain(void)
{
    atomic_store(&chain.sink.stuck, 0);
    chain_stop(&chain);
    chain_clear(&chain);
}

TestSuite(consumer, .init = open_chain, .fini = close_chain, .timeout = 60);

Test(consumer, all_zero_clears_to_all_zero)
{
    struct limef_consumer zero = {0}, consumer = {0};

    limef_consumer_clear(&consumer);
    limef_consumer_init(&consumer, &chain.sink.filter, NULL);
    limef_consumer_clear(&consumer);
    cr_assert(zero(int, memcmp(&consumer, &zero, sizeof(zero))));
}

Test(consumer, runs_its_chain_for_every_frame_in_order)
{
    cr_assert(zero(int, chain_start(&chain)));
    ASSERT_COMES(atomic_load(&chain.sink.last_signal) == LIMEF_SIGNAL_END);
    cr_assert(eq(i64, atomic_load(&chain.sink.n_packets), 1000));
    cr_assert(zero(i64, atomic_load(&chain.sink.n_out_of_order)));
    cr_assert(zero(u64, LIMEF_COUNTED(thread->n_errors)));
}

Test(consumer, gets_what_was_written_before_it_started)
{
    for (int i = 0; i < 5; i++)
        cr_assert(zero(int, write_video(&chain.input.lane, i)));
    cr_assert(zero(int, limef_thread_start(thread)));
    ASSERT_COMES(atomic_load(&chain.sink.n_packets) == 5);
}

Test(consumer, drops_what_waited_when_it_is_started_again)
{
    struct limef_payload payload;
    struct limef_packet_frame packet = packet_frame(0, LIMEF_MEDIA_VIDEO, 0);

    limef_payload_init(&payload, release_nothing);
    packet.frame.payload = &payload;
    limef_lane_write(&chain.input.lane, &packet.frame);
    limef_thread_ask_stop(thread);
    cr_assert(eq(int, limef_lane_write(&chain.input.lane, &packet.frame), AVERROR_EXIT));
    cr_assert(zero(int, limef_thread_start(thread)));
    cr_assert(eq(u32, atomic_load(&payload.n_refs), 1));
    cr_assert(zero(int, limef_lane_write(&chain.input.lane, &packet.frame)));
    ASSERT_COMES(atomic_load(&chain.sink.n_packets) == 1);
    ASSERT_COMES(atomic_load(&payload.n_refs) == 1); /* it lies in this function's frame */
}

Test(consumer, offers_a_refused_frame_again)
{
    atomic_store(&chain.sink.refuses, 3);
    cr_assert(zero(int, chain_start(&chain)));
    ASSERT_COMES(atomic_load(&chain.sink.last_signal) == LIMEF_SIGNAL_END);
    cr_assert(eq(i64, atomic_load(&chain.sink.n_refused), 3));
    cr_assert(eq(i64, atomic_load(&chain.sink.n_packets), 1000));
    cr_assert(zero(i64, atomic_load(&chain.sink.n_out_of_order)));
    cr_assert(zero(u64, LIMEF_COUNTED(thread->n_errors)));
}

Test(consumer, keeps_signals_and_codec_frames_when_it_is_started_again)
{
    struct limef_codec_frame codec = {.frame = {LIMEF_FRAME_CODEC, .payload = static_payload()}};
    struct limef_lane *lane = &chain.input.lane;

    write_video(lane, 0);
    write_signal(lane, LIMEF_SIGNAL_START, 1);
    write_video(lane, 2);
    limef_lane_write(lane, &codec.frame);
    write_signal(lane, LIMEF_SIGNAL_END, 3);
    limef_thread_ask_stop(thread);
    cr_assert(zero(int, limef_thread_start(thread)));
    ASSERT_COMES(atomic_load(&chain.sink.last_signal) == LIMEF_SIGNAL_END);
    cr_assert(eq(i64, atomic_load(&chain.sink.n_signals), 3)); /* with the GAP */
    cr_assert(zero(i64, atomic_load(&chain.sink.n_packets)));
    cr_assert(eq(u64, LIMEF_COUNTED(chain.sink.filter.n_frames), 4));
}

static int64_t call_again_at_once(void *context, int64_t now_us)
{
    (void)context;
    return now_us + 1000;
}

Test(consumer, offers_a_refused_frame_again_after_its_periodic_task)
{
    atomic_store(&chain.sink.refuses, 3);
    limef_thread_set_task(thread, call_again_at_once, NULL);
    cr_assert(zero(int, chain_start(&chain)));
    ASSERT_COMES(atomic_load(&chain.sink.last_signal) == LIMEF_SIGNAL_END);
    cr_assert(eq(i64, atomic_load(&chain.sink.n_packets), 1000));
    cr_assert(zero(i64, atomic_load(&chain.sink.n_out_of_order)));
}

static int fail_go(struct limef_filter *filter, const struct limef_frame *in)
{
    (void)in;
    return filter->name[0] == 'e' ? AVERROR_EXIT : AVERROR(EIO);
}

static const struct limef_filter_ops fail_ops = {.kind = "fail", .go = fail_go};

Test(consumer, counts_frames_that_its_chain_lost_and_goes_on)
{
    struct limef_filter fails = LIMEF_FILTER(&fail_ops, "io", NULL);

    limef_connect(&chain.sink.filter, &fails);
    cr_assert(zero(int, chain_start(&chain)));
    ASSERT_COMES(LIMEF_COUNTED(thread->n_errors) == 1001);
}

Test(consumer, goes_on_when_what_is_behind_was_stopped)
{
    struct limef_filter fails = LIMEF_FILTER(&fail_ops, "exit", NULL);

    limef_connect(&chain.sink.filter, &fails);
    cr_assert(zero(int, chain_start(&chain)));
    ASSERT_COMES(LIMEF_COUNTED(thread->n_errors) == 1001);
}

static int64_t never_again(void *context, int64_t now_us)
{
    (void)context;
    (void)now_us;
    return LIMEF_FOREVER;
}

Test(consumer, offers_a_refused_frame_again_when_its_task_never_comes_back)
{
    atomic_store(&chain.sink.refuses, 3);
    limef_thread_set_task(thread, never_again, NULL);
    cr_assert(zero(int, chain_start(&chain)));
    ASSERT_COMES(atomic_load(&chain.sink.last_signal) == LIMEF_SIGNAL_END);
}

/* Refuses slot 1 once; keeps the lane of slot 0 full. */
static LIMEF_ATOMIC(int) n_of_slot_1, n_refused_of_slot_1;

static int pick_go(struct limef_filter *filter, const struct limef_frame *in)
{
    (void)filter;
    if (in->slot == 0)
        return limef_lane_write(&chain.input.lane, in);
    if (!atomic_fetch_add(&n_refused_of_slot_1, 1))
        return AVERROR(EAGAIN);
    atomic_fetch_add(&n_of_slot_1, 1);
    return 0;
}

static const struct limef_filter_ops pick_ops = {.kind = "pick", .go = pick_go};

Test(consumer, offers_a_refused_frame_again_beside_a_lane_that_never_rests)
{
    static struct limef_stack_frame frames[4];
    struct limef_packet_frame packet = packet_frame(0, LIMEF_MEDIA_VIDEO, 0);
    struct limef_filter pick = LIMEF_FILTER(&pick_ops, "pick", NULL);
    struct limef_lane lane = {0};

    chain.consumer.chain = &pick;
    cr_assert(zero(int, limef_lane_init(&lane, frames, 4, NULL)));
    limef_fifo_add_lane(&chain.consumer.fifo, &lane);
    for (int i = 0; i < 4; i++)
        write_video(&chain.input.lane, i);
    packet.frame.slot = 1;
    limef_lane_write(&lane, &packet.frame);
    cr_assert(zero(int, limef_thread_start(thread)));
    ASSERT_COMES(atomic_load(&n_of_slot_1) == 1);
    cr_assert(zero(int, chain_stop(&chain)));
    limef_fifo_remove_lane(&chain.consumer.fifo, &lane);
    limef_lane_clear(&lane);
}

static int write_ret;

static void write_a_signal(struct limef_payload *payload)
{
    (void)payload;
    write_ret = write_signal(&chain.input.lane, LIMEF_SIGNAL_START, 0);
}

/* A signal that a producer got rid of while start drops what is stale must arrive. */
Test(consumer, loses_no_signal_while_it_is_started_again)
{
    struct limef_payload payload;
    struct limef_packet_frame packet = packet_frame(0, LIMEF_MEDIA_VIDEO, 0);

    limef_payload_init(&payload, write_a_signal);
    packet.frame.payload = &payload;
    cr_assert(zero(int, limef_lane_write(&chain.input.lane, &packet.frame)));
    limef_payload_unref(&payload);
    limef_thread_ask_stop(thread);
    cr_assert(zero(int, limef_thread_start(thread)));
    cr_assert(eq(int, write_ret, AVERROR_EXIT));
}

static LIMEF_ATOMIC(int) n_heard;

/* It and the thread before it are stopped at the first signal, in that order. */
static int stopped_go(struct limef_filter *filter, const struct limef_frame *in)
{
    static bool was_stopped;

    (void)filter;
    if (in->frame_class != LIMEF_FRAME_SIGNAL)
        return 0;
    if (!was_stopped) {
        was_stopped = true;
        limef_thread_ask_stop(thread);
        return AVERROR_EXIT;
    }
    atomic_fetch_add(&n_heard, 1);
    return 0;
}

static const struct limef_filter_ops stopped_ops = {.kind = "stopped", .go = stopped_go};

Test(consumer, says_a_signal_again_that_met_the_end_of_what_is_behind_with_its_own)
{
    struct limef_filter stopped = LIMEF_FILTER(&stopped_ops, "stopped", NULL);

    limef_connect(&chain.sink.filter, &stopped);
    cr_assert(zero(int, limef_thread_start(thread)));
    cr_assert(zero(int, write_signal(&chain.input.lane, LIMEF_SIGNAL_START, 0)));
    ASSERT_COMES(!limef_thread_running(thread));
    cr_assert(zero(int, limef_thread_stop(thread, TOO_LONG_US)));
    cr_assert(zero(int, limef_thread_start(thread)));
    ASSERT_COMES(atomic_load(&n_heard) == 1);
}
