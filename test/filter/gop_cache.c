/* SPDX-License-Identifier: MIT */
#include <limef/filter/gop_cache.h>

#include "support/chain.h"
#include "support/failing.h"
#include "support/frames.h"
#include "support/make_media.h"
#include "support/play.h"
#include "support/sink.h"

#include <limef/base/log.h>
#include <limef/filter/split.h>
#include <limef/frame/group.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavcodec/codec_par.h>

#define GOP 250 /* pictures: ten seconds */
#define JOINS_AT 190

/* clip -> cache -> split -> watcher, and a decoder that joins later. */
static struct sink clip;
static struct limef_gop_cache_filter cache;
static struct limef_split_filter split;
static struct sink watcher;
static struct limef_decode_filter decode;
static struct play_end late;
static unsigned n_given; /* frames of the clip */
static unsigned n_given_pictures;

static void set_up(void)
{
    limef_gop_cache_filter_init(&cache, "cache", NULL);
    limef_split_filter_init(&split, "split");
    sink_init(&clip);
    sink_init(&watcher);
    watcher.counts_only = true;
    limef_filter_init(&late.filter, &play_end_ops, "late");
    cr_assert(eq(
        int,
        limef_decode_filter_init(&decode, "late", &(struct limef_decode_settings){.n_threads = 1}),
        0));
    limef_connect(&cache.filter, &split.filter);
    limef_connect(&split.filter, &watcher.filter);
    limef_connect(&decode.filter, &late.filter);
}

static void tear_down(void)
{
    limef_filter_clear(&decode.filter);
    limef_filter_clear(&cache.filter);
    limef_filter_clear(&split.filter);
    limef_filter_clear(&clip.filter);
    limef_filter_clear(&watcher.filter);
    media_remove();
}

TestSuite(gop_cache, .init = set_up, .fini = tear_down, .timeout = 60);

static void load(const struct media *media)
{
    static struct play play;

    play_init(&play,
              &(struct limef_file_source_settings){.url = media_make("a.mkv", media),
                                                   .pace = LIMEF_PACE_FASTEST},
              NULL);
    limef_connect(&play.file.source.filter, &clip.filter);
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    play_clear(&play);
}

static void load_long_group(int b_frames)
{
    load(&(struct media){.n_pictures = GOP, .gop = GOP, .b_frames = b_frames});
}

static bool is_picture(const struct limef_frame *frame)
{
    return frame->frame_class == LIMEF_FRAME_PACKET && frame->media == LIMEF_MEDIA_VIDEO;
}

/* Gives the clip's frames on, up to its n-th packet of video. */
static void give_until(unsigned n_pictures)
{
    while (n_given < clip.n_frames && n_given_pictures < n_pictures) {
        n_given_pictures += is_picture(&clip.frames[n_given].frame);
        limef_go(&cache.filter, &clip.frames[n_given++].frame);
    }
}

static unsigned n_late(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < late.n_notes; i++)
        n += late.notes[i].frame_class == LIMEF_FRAME_DECODED;
    return n;
}

static int late_number(unsigned n)
{
    for (unsigned i = 0; i < late.n_notes; i++)
        if (late.notes[i].frame_class == LIMEF_FRAME_DECODED && n-- == 0)
            return late.notes[i].number;
    return -1;
}

static struct limef_gop_cache_counters counters(void)
{
    struct limef_gop_cache_counters now;

    limef_gop_cache_get_counters(&cache, &now);
    return now;
}

Test(gop_cache, one_picture_of_the_burst_comes_before_the_next_live_packet)
{
    load_long_group(0);
    give_until(JOINS_AT);
    cr_assert(eq(u64, counters().n_packets, JOINS_AT));
    cr_assert(eq(int, limef_split_connect(&split, &decode.filter, LIMEF_SPLIT_BURST_FIRST), 0));
    cr_assert(eq(int, limef_gop_cache_serve(&cache), 0));
    cr_assert(eq(uint, n_late(), 1));
    cr_assert(eq(int, late_number(0), (JOINS_AT - 1) % 32));
    give_until(JOINS_AT + 3);
    cr_assert(eq(uint, n_late(), 4));
    for (int i = 0; i < 4; i++)
        cr_assert(eq(int, late_number((unsigned)i), (JOINS_AT - 1 + i) % 32));
    cr_assert(eq(u64, counters().n_bursts, 1));
}

Test(gop_cache, parameters_of_sound_leave_the_group_as_it_is)
{
    AVCodecParameters *parameters = avcodec_parameters_alloc();
    struct limef_codec_frame sound = {
        .frame = {.frame_class = LIMEF_FRAME_CODEC, .media = LIMEF_MEDIA_AUDIO, .track = 1},
        .parameters = parameters};

    load_long_group(0);
    give_until(3);
    limef_go(&cache.filter, &sound.frame);
    give_until(5);
    cr_assert(eq(u64, counters().n_packets, 5));
    avcodec_parameters_free(&parameters);
}

Test(gop_cache, a_hole_ends_the_group)
{
    struct limef_signal_frame gap;

    load_long_group(0);
    give_until(3);
    limef_signal_frame_set(&gap, LIMEF_SIGNAL_GAP, 0, "");
    limef_go(&cache.filter, &gap.frame);
    give_until(5);
    cr_assert(eq(u64, counters().n_packets, 0)); /* no key has come since */
}

Test(gop_cache, who_joins_without_being_served_gets_the_burst_with_the_next_frame)
{
    load_long_group(0);
    give_until(JOINS_AT);
    limef_split_connect(&split, &decode.filter, LIMEF_SPLIT_BURST_FIRST);
    cr_assert(eq(uint, n_late(), 0));
    give_until(JOINS_AT + 1);
    cr_assert(eq(uint, n_late(), 2));
    cr_assert(eq(int, late_number(1), JOINS_AT % 32));
}

Test(gop_cache, pictures_that_were_reordered_come_once_and_in_order)
{
    load_long_group(2);
    give_until(JOINS_AT);
    limef_split_connect(&split, &decode.filter, LIMEF_SPLIT_BURST_FIRST);
    limef_gop_cache_serve(&cache);
    cr_assert(eq(uint, n_late(), 1));
    cr_assert(ge(int, late_number(0), (JOINS_AT - 8) % 32));
    give_until(JOINS_AT + 20);
    /* one that nothing refers to may be missing next to the burst's end */
    for (unsigned i = 1; i < n_late(); i++) {
        int step = (late_number(i) - late_number(i - 1) + 32) % 32;

        cr_assert(i < 4 ? step == 1 || step == 2 : step == 1, "%u after %u: %d", late_number(i),
                  late_number(i - 1), step);
    }
    cr_assert(ge(uint, n_late(), 17));
}

Test(gop_cache, a_burst_crosses_a_small_boundary_whole)
{
    struct limef_consumer consumer = {.chain = NULL};
    struct limef_input_filter input = {.lane = {.head_cache = 0}};
    struct limef_stack_frame frames[8] = {{.memory = NULL}};
    struct limef_lane_settings settings = {
        .overflow = LIMEF_OVERFLOW_DROP_TO_KEY, .depth = 2, .max_time_us = 100000};

    load_long_group(0);
    give_until(JOINS_AT);
    limef_consumer_init(&consumer, &decode.filter, NULL);
    cr_assert(
        eq(int, limef_input_filter_init(&input, "input", &consumer.fifo, frames, 8, &settings), 0));
    limef_split_connect(&split, &input.filter, LIMEF_SPLIT_BURST_FIRST);
    limef_gop_cache_serve(&cache);
    give_until(JOINS_AT + 1);
    cr_assert(eq(int, limef_thread_start(&consumer.thread), 0));
    ASSERT_COMES(LIMEF_COUNTED(decode.n_decoded) >= 2);
    limef_thread_stop(&consumer.thread, TOO_LONG_US);
    cr_assert(eq(uint, n_late(), 2));
    cr_assert(eq(int, late_number(0), (JOINS_AT - 1) % 32));
    limef_filter_clear(&input.filter);
    limef_consumer_clear(&consumer);
}

Test(gop_cache, packets_are_kept_by_reference)
{
    load_long_group(0);
    give_until(JOINS_AT);
    cr_assert(eq(u64, LIMEF_COUNTED(cache.filter.copied_bytes), 0));
    cr_assert(eq(u32, clip.frames[clip.n_frames / 2].frame.payload->n_refs, 2));
    cr_assert(gt(u64, counters().bytes, 0));
}

Test(gop_cache, a_key_frame_begins_anew)
{
    load(&(struct media){.n_pictures = 25, .gop = 10});
    give_until(20);
    cr_assert(eq(u64, counters().n_packets, 10));
    give_until(23);
    cr_assert(eq(u64, counters().n_packets, 3));
}

Test(gop_cache, a_group_of_too_many_bytes_is_given_up_until_the_next_key_frame)
{
    load(&(struct media){.n_pictures = 30, .gop = 15});
    give_until(14);
    cache.settings.max_bytes = counters().bytes;
    give_until(15);
    cr_assert(eq(u64, counters().n_overflows, 1));
    cr_assert(eq(u64, counters().n_packets, 0));
    cr_assert(eq(u64, counters().bytes, 0));
    cache.settings.max_bytes = 0;
    give_until(16);
    cr_assert(eq(u64, counters().n_packets, 1));
}

static unsigned n_warnings;

static void count_warning(void *context, enum limef_log_level level, const char *name,
                          const char *line)
{
    (void)context, (void)name;
    n_warnings += level == LIMEF_LOG_WARNING && strstr(line, "is not kept") != NULL;
}

/* As if each picture had so many: what is kept is a reference. */
static void set_size(size_t bytes)
{
    for (unsigned i = 0; i < clip.n_frames; i++)
        if (is_picture(&clip.frames[i].frame))
            clip.frames[i].packet.size_bytes = bytes;
}

Test(gop_cache, a_group_of_a_large_camera_is_kept_and_one_that_is_not_is_said_once)
{
    load(&(struct media){.n_pictures = 45, .gop = 15});
    limef_log_set_sink(count_warning, NULL);
    set_size((size_t)4 << 20);
    give_until(15);
    cr_assert(eq(u64, counters().n_packets, 15));
    cr_assert(eq(u64, counters().bytes, UINT64_C(60) << 20));
    cr_assert(zero(u32, n_warnings));
    set_size((size_t)8 << 20);
    give_until(45);
    cr_assert(eq(u64, counters().n_overflows, 2));
    cr_assert(eq(u32, n_warnings, 1));
    limef_log_set_sink(NULL, NULL);
}

Test(gop_cache, a_group_that_lasts_too_long_is_given_up)
{
    load_long_group(0);
    cache.settings.max_us = 2000000;
    give_until(51);
    cr_assert(eq(u64, counters().n_packets, 51));
    give_until(53);
    cr_assert(eq(u64, counters().n_packets, 0));
    cr_assert(eq(u64, counters().n_overflows, 1));
}

Test(gop_cache, what_was_lost_or_flushed_is_not_given)
{
    static const uint32_t ends[] = {LIMEF_SIGNAL_LOST, LIMEF_SIGNAL_FLUSH, LIMEF_SIGNAL_END,
                                    LIMEF_SIGNAL_STOP, LIMEF_SIGNAL_START};

    load(&(struct media){.n_pictures = 25, .gop = 25});
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        struct limef_signal_frame signal = make_signal(ends[i], 0);

        n_given = n_given_pictures = 0;
        give_until(10);
        cr_assert(eq(u64, counters().n_packets, 10));
        limef_go(&cache.filter, &signal.frame);
        cr_assert(eq(u64, counters().n_packets, 0));
        give_until(12);
        cr_assert(eq(u64, counters().n_packets, 0), "%s", limef_signal_name(ends[i]));
    }
}

Test(gop_cache, sound_is_kept_from_the_key_frame_on_and_not_heard)
{
    unsigned n_audio = 0;

    load(&(struct media){.n_pictures = 25, .gop = 25, .audio = true});
    give_until(25);
    for (unsigned i = 0; i < cache.n_packets; i++)
        n_audio += cache.packets[i].frame.media == LIMEF_MEDIA_AUDIO;
    cr_assert(gt(uint, n_audio, 10));
    sink_empty(&watcher);
    watcher.counts_only = false;
    limef_gop_cache_go(&cache, &watcher.filter);
    for (unsigned i = 0, n_bare = 0; i < watcher.n_frames; i++) {
        const struct limef_frame *frame = &watcher.frames[i].frame;

        n_bare += frame->frame_class == LIMEF_FRAME_PACKET && !(frame->flags & LIMEF_FRAME_BURST);
        cr_assert(le(uint, n_bare, 2)); /* the last of each track */
    }
}

Test(gop_cache, a_packet_that_nobody_counts_ends_the_group)
{
    struct limef_packet_frame packet = make_packet(1000000, 0);

    load(&(struct media){.n_pictures = 25, .gop = 25});
    give_until(10);
    packet.frame.slot = clip.frames[2].frame.slot;
    packet.frame.track = sink_nth(&clip, LIMEF_FRAME_PACKET, 0)->track;
    limef_go(&cache.filter, &packet.frame);
    cr_assert(eq(u64, counters().n_packets, 0));
    cr_assert(eq(u64, counters().n_uncounted, 1));
}

Test(gop_cache, without_memory_a_branch_gets_no_burst_but_what_follows)
{
    load(&(struct media){.n_pictures = 25, .gop = 25});
    give_until(10);
    limef_split_connect(&split, &late.filter, LIMEF_SPLIT_BURST_FIRST);
    failing_install(1);
    limef_gop_cache_serve(&cache);
    failing_remove();
    cr_assert(eq(u64, counters().n_failed, 1));
    cr_assert(eq(u64, limef_split_n_refused(&split, &late.filter), 1));
    cr_assert(eq(uint, late.n_notes, 1)); /* the codec frame */
    give_until(12);
    cr_assert(eq(uint, late.n_notes, 3));
}

/* A live source of the clip that goes as far as the test allows. */
struct held_source {
    struct limef_source source;
    LIMEF_ATOMIC(uint32_t) allowed;
    LIMEF_ATOMIC(uint32_t) n_passed;
};

static int held_source_step(struct limef_source *base, int64_t *due_us)
{
    struct held_source *held = LIMEF_CONTAINER_OF(base, struct held_source, source);
    uint32_t n = atomic_load(&held->n_passed);
    union limef_any_frame any;

    if (n == atomic_load(&held->allowed)) {
        *due_us = limef_now_us() + 1000;
        return AVERROR(EAGAIN);
    }
    any = clip.frames[n];
    any.frame.flags |= LIMEF_FRAME_LIVE;
    limef_pass(&base->filter, &any.frame);
    atomic_store(&held->n_passed, n + 1);
    return 0;
}

static int held_source_go(struct limef_filter *filter, const struct limef_frame *in)
{
    return limef_pass(filter, in);
}

static const struct limef_filter_ops held_source_ops = {
    .kind = "held", .flags = LIMEF_FILTER_SOURCE, .go = held_source_go};

static uint32_t n_frames_until(unsigned n_pictures)
{
    uint32_t n = 0;

    while (n_pictures)
        n_pictures -= is_picture(&clip.frames[n++].frame);
    return n;
}

Test(gop_cache, a_branch_that_a_graph_attaches_shows_a_picture_before_the_next_packet)
{
    static _Alignas(LIMEF_CACHE_LINE_BYTES) char memory[LIMEF_GRAPH_BYTES(8)];
    struct held_source held = {.source = {.step = held_source_step}};
    struct limef_graph graph = {.inside = NULL};
    uint32_t joins_at;

    load_long_group(0);
    limef_filter_init(&held.source.filter, &held_source_ops, NULL);
    atomic_store(&held.source.is_live, 1);
    limef_connect(&held.source.filter, &cache.filter);
    cr_assert(eq(int,
                 limef_graph_init(&graph, memory, sizeof(memory),
                                  &(struct limef_graph_settings){.mode = LIMEF_PLAN_WHITELIST}),
                 0));
    cr_assert(eq(int, limef_graph_add(&graph, &held.source), 0));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    joins_at = n_frames_until(JOINS_AT);
    for (uint32_t n = 1; n <= joins_at; n++) { /* no more waits than a live fifo holds */
        atomic_store(&held.allowed, n);
        ASSERT_COMES(LIMEF_COUNTED(watcher.filter.n_frames) == n);
    }
    cr_assert(
        eq(int, limef_graph_connect(&graph, &split.filter, 1, &decode.filter, TOO_LONG_US), 0));
    cr_assert(
        eq(int, limef_graph_call(&graph, &cache.filter, limef_gop_cache_serve, &cache, TOO_LONG_US),
           0));
    ASSERT_COMES(LIMEF_COUNTED(decode.n_decoded) == 1);
    cr_assert(eq(u32, atomic_load(&held.n_passed), joins_at));
    for (uint32_t n = 1; n <= 5; n++) {
        atomic_store(&held.allowed, joins_at + n);
        ASSERT_COMES(LIMEF_COUNTED(decode.n_decoded) == 1 + n);
    }
    limef_graph_stop(&graph, TOO_LONG_US);
    cr_assert(eq(uint, n_late(), 6));
    limef_graph_clear(&graph);
}

/* It has had the packets itself: only what is behind it was stopped. */
Test(gop_cache, a_chain_of_the_same_thread_that_is_stopped_gets_no_burst)
{
    load_long_group(0);
    limef_split_connect(&split, &decode.filter, LIMEF_SPLIT_FROM_NOW);
    late.is_closed = true;
    give_until(JOINS_AT);
    cr_assert(gt(u64, limef_split_n_refused(&split, &decode.filter), 0));
    cr_assert(eq(u64, LIMEF_COUNTED(cache.n_bursts), 0));
}

Test(gop_cache, no_burst_is_made_for_a_boundary_that_is_closed)
{
    static struct limef_stack_frame frames[8];
    struct limef_fifo fifo = {0};
    struct limef_input_filter input = {0};

    load_long_group(0);
    limef_fifo_init(&fifo, NULL);
    limef_input_filter_init(&input, NULL, &fifo, frames, 8, NULL);
    limef_split_connect(&split, &input.filter, LIMEF_SPLIT_FROM_NOW);
    limef_fifo_close(&fifo);
    give_until(JOINS_AT);
    cr_assert(gt(u64, limef_split_n_refused(&split, &input.filter), 0));
    cr_assert(eq(u64, LIMEF_COUNTED(cache.n_bursts), 0));
    limef_filter_clear(&input.filter);
    limef_fifo_clear(&fifo);
}
