/* SPDX-License-Identifier: MIT */
#include <limef/filter/split.h>

#include "support/failing.h"
#include "support/frames.h"
#include "support/sink.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <libavutil/error.h>
#include <pthread.h>
#include <semaphore.h>

#define SECOND_US 1000000

static struct sink sinks[LIMEF_SPLIT_MAX_BRANCHES + 1];
static struct limef_split_filter split;

static void set_up(void)
{
    limef_split_filter_init(&split, NULL);
    for (unsigned i = 0; i < LIMEF_SPLIT_MAX_BRANCHES + 1; i++)
        sink_init(&sinks[i]);
}

static void tear_down(void)
{
    limef_filter_clear(&split.filter);
    for (unsigned i = 0; i < LIMEF_SPLIT_MAX_BRANCHES + 1; i++)
        limef_filter_clear(&sinks[i].filter);
}

TestSuite(split, .init = set_up, .fini = tear_down, .timeout = 20);

static int go_packet(int64_t pts_us)
{
    struct limef_packet_frame packet = make_packet(pts_us, 0);

    return limef_go(&split.filter, &packet.frame);
}

Test(split, static_data_is_a_split_that_reaches_next_and_its_branches)
{
    static struct sink a = {.filter = LIMEF_FILTER(&sink_ops, "a", NULL)};
    static struct sink b = {.filter = LIMEF_FILTER(&sink_ops, "b", NULL)};
    static struct limef_split_filter fixed = {
        .filter = LIMEF_FILTER(&limef_split_ops, "split", &a.filter),
        .branches = {{.to = &b.filter}},
    };
    struct limef_packet_frame packet = make_packet(7, 0);

    cr_assert(eq(int, limef_go(&fixed.filter, &packet.frame), 0));
    cr_assert(eq(u64, a.n_frames, 1));
    cr_assert(eq(u64, b.n_frames, 1));
    cr_assert(eq(int, limef_split_disconnect(&fixed, &b.filter, 0), 0));
    cr_assert(eq(int, limef_split_connect(&fixed, &sinks[0].filter, LIMEF_SPLIT_FROM_NOW), 0));
    limef_go(&fixed.filter, &packet.frame);
    cr_assert(eq(u64, b.n_frames, 1));
    cr_assert(eq(u64, sinks[0].n_frames, 1));
}

Test(split, connecting_does_not_take_the_place_of_a_static_branch)
{
    static struct sink a = {.filter = LIMEF_FILTER(&sink_ops, "a", NULL)};
    static struct limef_split_filter fixed = {
        .filter = LIMEF_FILTER(&limef_split_ops, "split", NULL),
        .branches = {{.to = &a.filter}},
    };
    struct limef_packet_frame packet = make_packet(7, 0);

    cr_assert(eq(int, limef_split_connect(&fixed, &sinks[0].filter, LIMEF_SPLIT_FROM_NOW), 0));
    limef_go(&fixed.filter, &packet.frame);
    cr_assert(eq(u64, a.n_frames, 1));
    cr_assert(eq(u64, sinks[0].n_frames, 1));
}

Test(split, all_zero_can_be_cleared)
{
    struct limef_split_filter empty = {0};

    limef_filter_clear(&empty.filter);
    cr_assert(eq(ptr, (void *)empty.filter.ops, NULL));
}

Test(split, without_anyone_behind_it_takes_frames)
{
    cr_assert(eq(int, go_packet(1), 0));
}

Test(split, passes_signals_to_everyone)
{
    struct limef_signal_frame end = make_signal(LIMEF_SIGNAL_END, 0);

    limef_split_connect(&split, &sinks[0].filter, LIMEF_SPLIT_FROM_NOW);
    limef_split_connect(&split, &sinks[1].filter, LIMEF_SPLIT_FROM_NOW);
    limef_go(&split.filter, &end.frame);
    cr_assert(eq(u64, sink_count(&sinks[0], LIMEF_FRAME_SIGNAL), 1));
    cr_assert(eq(u64, sink_count(&sinks[1], LIMEF_FRAME_SIGNAL), 1));
}

Test(split, refuses_one_branch_too_many_and_one_twice)
{
    for (unsigned i = 0; i < LIMEF_SPLIT_MAX_BRANCHES; i++)
        cr_assert(eq(int, limef_split_connect(&split, &sinks[i].filter, LIMEF_SPLIT_FROM_NOW), 0));
    cr_assert(eq(int, limef_split_connect(&split, &sinks[3].filter, LIMEF_SPLIT_FROM_NOW),
                 AVERROR(EEXIST)));
    cr_assert(eq(
        int,
        limef_split_connect(&split, &sinks[LIMEF_SPLIT_MAX_BRANCHES].filter, LIMEF_SPLIT_FROM_NOW),
        AVERROR(ENOSPC)));
    cr_assert(eq(int, limef_split_disconnect(&split, &sinks[3].filter, 0), 0));
    cr_assert(eq(
        int,
        limef_split_connect(&split, &sinks[LIMEF_SPLIT_MAX_BRANCHES].filter, LIMEF_SPLIT_FROM_NOW),
        0));
}

Test(split, disconnecting_a_stranger_says_so)
{
    cr_assert(eq(int, limef_split_disconnect(&split, &sinks[0].filter, 0), AVERROR(ENOENT)));
}

Test(split, a_stopped_branch_does_not_stop_the_others)
{
    limef_split_connect(&split, &sinks[0].filter, LIMEF_SPLIT_FROM_NOW);
    limef_split_connect(&split, &sinks[1].filter, LIMEF_SPLIT_FROM_NOW);
    sinks[0].answer = AVERROR_EXIT;
    cr_assert(eq(int, go_packet(1), 0));
    cr_assert(eq(u64, sinks[1].n_frames, 1));
    cr_assert(eq(u64, limef_split_n_refused(&split, &sinks[0].filter), 1));
    sinks[0].answer = 0; /* its thread was started again */
    go_packet(2);
    cr_assert(eq(u64, sinks[0].n_frames, 2));
}

Test(split, says_exit_only_when_everyone_does)
{
    limef_connect(&split.filter, &sinks[2].filter);
    limef_split_connect(&split, &sinks[0].filter, LIMEF_SPLIT_FROM_NOW);
    limef_split_connect(&split, &sinks[1].filter, LIMEF_SPLIT_FROM_NOW);
    sinks[0].answer = sinks[1].answer = AVERROR_EXIT;
    cr_assert(eq(int, go_packet(1), 0));
    sinks[2].answer = AVERROR_EXIT;
    cr_assert(eq(int, go_packet(2), AVERROR_EXIT));
}

Test(split, returns_the_first_error_that_is_not_exit_and_serves_everyone)
{
    for (unsigned i = 0; i < 4; i++)
        limef_split_connect(&split, &sinks[i].filter, LIMEF_SPLIT_FROM_NOW);
    sinks[0].answer = AVERROR_EXIT;
    sinks[1].answer = AVERROR(EIO);
    sinks[2].answer = AVERROR(ENOMEM);
    cr_assert(eq(int, go_packet(1), AVERROR(EIO)));
    cr_assert(eq(u64, sinks[3].n_frames, 1));
}

Test(split, a_branch_that_cannot_take_a_frame_does_not_have_it_offered_again)
{
    limef_split_connect(&split, &sinks[0].filter, LIMEF_SPLIT_FROM_NOW);
    sinks[0].answer = AVERROR(EAGAIN);
    cr_assert(eq(int, go_packet(1), 0));
    cr_assert(eq(u64, limef_split_n_refused(&split, &sinks[0].filter), 1));
}

Test(split, gives_a_late_branch_the_latest_codec_first)
{
    struct limef_pool *pool = limef_pool_create(LIMEF_FRAME_CODEC);
    struct limef_codec_frame old = make_codec(pool, 320, 240), newer = make_codec(pool, 640, 480);

    limef_go(&split.filter, &old.frame);
    limef_go(&split.filter, &newer.frame);
    limef_payload_unref(old.frame.payload);
    limef_payload_unref(newer.frame.payload);
    limef_split_connect(&split, &sinks[0].filter, LIMEF_SPLIT_CODECS_FIRST);
    limef_split_connect(&split, &sinks[1].filter, LIMEF_SPLIT_FROM_NOW);
    go_packet(1);
    go_packet(2);
    cr_assert(eq(u64, sinks[0].n_frames, 3));
    cr_assert(eq(ptr, (void *)sinks[0].frames[0].codec.parameters, (void *)newer.parameters));
    cr_assert(eq(int, (int)sinks[0].frames[1].frame.frame_class, LIMEF_FRAME_PACKET));
    cr_assert(eq(u64, sinks[1].n_frames, 2));
    limef_pool_release(pool);
}

Test(split, keeps_the_codec_of_each_track)
{
    struct limef_pool *pool = limef_pool_create(LIMEF_FRAME_CODEC);
    struct limef_codec_frame video = make_codec(pool, 320, 240), audio = make_codec(pool, 0, 0);

    audio.frame.media = LIMEF_MEDIA_AUDIO;
    audio.frame.track = 1;
    limef_go(&split.filter, &video.frame);
    limef_go(&split.filter, &audio.frame);
    limef_split_connect(&split, &sinks[0].filter, LIMEF_SPLIT_CODECS_FIRST);
    go_packet(1);
    cr_assert(eq(u64, sink_count(&sinks[0], LIMEF_FRAME_CODEC), 2));
    limef_payload_unref(video.frame.payload);
    limef_payload_unref(audio.frame.payload);
    limef_pool_release(pool);
}

Test(split, copies_a_codec_that_nobody_counts_and_says_how_many_bytes)
{
    struct limef_pool *pool = limef_pool_create(LIMEF_FRAME_CODEC);
    struct limef_codec_frame codec = make_codec(pool, 320, 240), uncounted = codec;

    uncounted.frame.payload = NULL;
    cr_assert(eq(int, limef_go(&split.filter, &uncounted.frame), 0));
    limef_payload_unref(codec.frame.payload);
    limef_pool_release(pool);
    limef_split_connect(&split, &sinks[0].filter, LIMEF_SPLIT_CODECS_FIRST);
    go_packet(1);
    cr_assert(eq(u64, sink_count(&sinks[0], LIMEF_FRAME_CODEC), 1));
    cr_assert(ne(u64, LIMEF_COUNTED(split.filter.copied_bytes), 0));
}

Test(split, without_memory_for_a_codec_says_so_and_passes_it)
{
    struct limef_pool *pool = limef_pool_create(LIMEF_FRAME_CODEC);
    struct limef_codec_frame codec = make_codec(pool, 320, 240), uncounted = codec;
    unsigned n = 0;
    int ret;

    uncounted.frame.payload = NULL;
    limef_split_connect(&split, &sinks[0].filter, LIMEF_SPLIT_FROM_NOW);
    do {
        failing_install(++n);
        ret = limef_go(&split.filter, &uncounted.frame);
        cr_assert(eq(int, ret, failing_failed() ? AVERROR(ENOMEM) : 0));
        cr_assert(eq(u64, sinks[0].n_frames, n));
        sink_empty(&sinks[0]);
        sinks[0].n_frames = n;
        limef_codecs_clear(&split.codecs);
        cr_assert(eq(int, failing_n_out(), 0));
    } while (failing_failed());
    cr_assert(gt(u64, n, 3));
    failing_remove();
    limef_payload_unref(codec.frame.payload);
    limef_pool_release(pool);
}

/* A branch that disconnects somebody from within go. */
struct leaver {
    struct limef_filter filter;
    struct limef_filter *who;
    int got;
};

static int leaver_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct leaver *leaver = LIMEF_CONTAINER_OF(filter, struct leaver, filter);

    (void)in;
    leaver->got = limef_split_disconnect(&split, leaver->who, LIMEF_FOREVER);
    return 0;
}

static const struct limef_filter_ops leaver_ops = {.kind = "leaver", .go = leaver_go};

Test(split, a_branch_may_disconnect_itself_from_within_go)
{
    struct leaver leaver = {LIMEF_FILTER(&leaver_ops, "leaver", NULL), &leaver.filter, -1};

    limef_split_connect(&split, &leaver.filter, LIMEF_SPLIT_FROM_NOW);
    limef_split_connect(&split, &sinks[0].filter, LIMEF_SPLIT_FROM_NOW);
    go_packet(1);
    go_packet(2);
    cr_assert(eq(int, leaver.got, 0));
    cr_assert(eq(u64, LIMEF_COUNTED(leaver.filter.n_frames), 1));
    cr_assert(eq(u64, sinks[0].n_frames, 2));
}

Test(split, a_branch_disconnected_by_an_earlier_one_does_not_get_that_frame)
{
    struct leaver leaver = {LIMEF_FILTER(&leaver_ops, "leaver", NULL), &sinks[0].filter, -1};

    limef_split_connect(&split, &leaver.filter, LIMEF_SPLIT_FROM_NOW);
    limef_split_connect(&split, &sinks[0].filter, LIMEF_SPLIT_FROM_NOW);
    go_packet(1);
    cr_assert(eq(u64, sinks[0].n_frames, 0));
}

Test(split, a_branch_that_leaves_when_it_sees_the_codec_gets_no_frame)
{
    struct limef_pool *pool = limef_pool_create(LIMEF_FRAME_CODEC);
    struct limef_codec_frame codec = make_codec(pool, 320, 240);
    struct leaver leaver = {LIMEF_FILTER(&leaver_ops, "leaver", NULL), &leaver.filter, -1};

    limef_go(&split.filter, &codec.frame);
    limef_split_connect(&split, &leaver.filter, LIMEF_SPLIT_CODECS_FIRST);
    go_packet(1);
    cr_assert(eq(u64, LIMEF_COUNTED(leaver.filter.n_frames), 1));
    limef_payload_unref(codec.frame.payload);
    limef_pool_release(pool);
}

/* A branch that stays inside go until it is let out. */
struct blocker {
    struct limef_filter filter;
    sem_t inside, let_out;
};

static int blocker_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct blocker *blocker = LIMEF_CONTAINER_OF(filter, struct blocker, filter);

    (void)in;
    sem_post(&blocker->inside);
    sem_wait(&blocker->let_out);
    return 0;
}

static const struct limef_filter_ops blocker_ops = {.kind = "blocker", .go = blocker_go};

static void *run_one_packet(void *unused)
{
    go_packet(1);
    return unused;
}

Test(split, disconnecting_waits_for_a_go_that_is_inside_until_its_deadline)
{
    struct blocker blocker = {.filter = LIMEF_FILTER(&blocker_ops, "blocker", NULL)};
    pthread_t thread;

    sem_init(&blocker.inside, 0, 0);
    sem_init(&blocker.let_out, 0, 0);
    limef_split_connect(&split, &blocker.filter, LIMEF_SPLIT_FROM_NOW);
    cr_assert(eq(int, pthread_create(&thread, NULL, run_one_packet, NULL), 0));
    sem_wait(&blocker.inside);
    cr_assert(eq(int, limef_split_disconnect(&split, &blocker.filter, 1000), AVERROR(ETIMEDOUT)));
    cr_assert(eq(int, limef_split_disconnect(&split, &blocker.filter, 0), AVERROR(ETIMEDOUT)));
    sem_post(&blocker.let_out);
    cr_assert(eq(int, limef_split_disconnect(&split, &blocker.filter, 10 * SECOND_US), 0));
    cr_assert(eq(int, limef_split_disconnect(&split, &blocker.filter, 0), AVERROR(ENOENT)));
    pthread_join(thread, NULL);
}

Test(split, allocates_nothing_per_frame)
{
    uint64_t before;

    limef_split_connect(&split, &sinks[0].filter, LIMEF_SPLIT_CODECS_FIRST);
    sinks[0].counts_only = true;
    go_packet(0);
    before = limef_memory_n_allocations();
    for (int i = 1; i <= 1000; i++)
        go_packet(i);
    cr_assert(eq(u64, limef_memory_n_allocations(), before));
    cr_assert(eq(u64, sinks[0].n_frames, 1001));
}

static void go_codec(struct limef_pool *pool)
{
    struct limef_codec_frame codec = make_codec(pool, 320, 240);

    limef_go(&split.filter, &codec.frame);
    limef_payload_unref(codec.frame.payload);
}

Test(split, who_was_stopped_gets_the_codecs_before_it_goes_on)
{
    struct limef_pool *pool = limef_pool_create(LIMEF_FRAME_CODEC);

    limef_connect(&split.filter, &sinks[1].filter);
    limef_split_connect(&split, &sinks[0].filter, LIMEF_SPLIT_FROM_NOW);
    limef_split_connect(&split, &sinks[2].filter, LIMEF_SPLIT_FROM_NOW);
    sinks[0].answer = sinks[1].answer = AVERROR_EXIT;
    go_codec(pool);
    go_packet(1);
    for (unsigned i = 0; i < 2; i++) {
        sinks[i].answer = 0;
        sink_empty(&sinks[i]);
    }
    go_packet(2);
    go_packet(3);
    for (unsigned i = 0; i < 2; i++) {
        cr_assert(eq(u64, sinks[i].n_frames, 3));
        cr_assert(eq(int, (int)sinks[i].frames[0].frame.frame_class, LIMEF_FRAME_CODEC));
        cr_assert(eq(int, (int)sinks[i].frames[1].frame.frame_class, LIMEF_FRAME_PACKET));
    }
    cr_assert(eq(u64, sink_count(&sinks[2], LIMEF_FRAME_CODEC), 1));
    limef_filter_clear(&split.filter);
    for (unsigned i = 0; i < 3; i++)
        limef_filter_clear(&sinks[i].filter);
    limef_pool_release(pool);
}

Test(split, who_is_still_stopped_gets_nothing_before_the_codecs)
{
    struct limef_pool *pool = limef_pool_create(LIMEF_FRAME_CODEC);

    limef_split_connect(&split, &sinks[0].filter, LIMEF_SPLIT_FROM_NOW);
    go_codec(pool);
    sinks[0].answer = AVERROR_EXIT;
    go_packet(1);
    sink_empty(&sinks[0]);
    cr_assert(eq(int, go_packet(2), AVERROR_EXIT));
    cr_assert(eq(u64, sinks[0].n_frames, 1));
    cr_assert(eq(int, (int)sinks[0].frames[0].frame.frame_class, LIMEF_FRAME_CODEC));
    cr_assert(eq(u64, limef_split_n_refused(&split, &sinks[0].filter), 2));
    limef_filter_clear(&split.filter);
    limef_filter_clear(&sinks[0].filter);
    limef_pool_release(pool);
}
