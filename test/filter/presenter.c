/* SPDX-License-Identifier: MIT */
/* Time and signals, with output none; what is drawn is tested in test/gpu. */
#include <limef/filter/presenter.h>

#include "support/failing.h"
#include "support/silence.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/frame.h>
#include <limef/base/log.h>
#include <limef/base/memory.h>
#include <limef/frame/pool.h>
#include <limef/thread/consumer.h>
#include <sched.h>
#include <string.h>

#define SECOND_US INT64_C(1000000)
/* longer than any test takes */
#define NOT_YET_US (9 * SECOND_US)

static struct limef_tile tiles[2];
static struct limef_presenter presenter;
static struct limef_pool *pool;
static int64_t begun_us;

static void open_with(struct limef_presenter_settings settings)
{
    settings.output = LIMEF_OUTPUT_NONE;
    limef_log_set_sink(log_to_nobody, NULL);
    begun_us = limef_now_us();
    pool = limef_pool_create(LIMEF_FRAME_DECODED);
    cr_assert(eq(int, limef_presenter_init(&presenter, "screen", tiles, 2, &settings), 0));
    limef_presenter_tick(&presenter, begun_us);
}

static void open_timed(void)
{
    open_with((struct limef_presenter_settings){0});
}

static void close_all(void)
{
    limef_filter_clear(&presenter.filter);
    limef_pool_release(pool);
    pool = NULL;
}

static int go_flagged(uint32_t slot, int64_t pts_us, uint32_t flags)
{
    struct limef_payload *payload = limef_pool_get(pool);
    AVFrame *av = limef_payload_picture(payload);
    struct limef_decoded_frame decoded;
    int ret;

    av->format = AV_PIX_FMT_GRAY8;
    av->width = 64;
    av->height = 48;
    limef_decoded_frame_set(&decoded, payload);
    decoded.frame.slot = slot;
    decoded.frame.pts_us = pts_us;
    decoded.frame.duration_us = SECOND_US;
    decoded.frame.entered_us = begun_us;
    decoded.frame.flags = flags;
    ret = limef_go(&presenter.filter, &decoded.frame);
    limef_payload_unref(payload);
    return ret;
}

static int go(uint32_t slot, int64_t pts_us)
{
    return go_flagged(slot, pts_us, 0);
}

static void send_serial(uint32_t slot, uint32_t signal, int64_t value, uint32_t serial)
{
    struct limef_signal_frame signal_frame;

    limef_signal_frame_set(&signal_frame, signal, slot, NULL);
    signal_frame.value = value;
    signal_frame.serial = serial;
    limef_go(&presenter.filter, &signal_frame.frame);
}

static void send(uint32_t slot, uint32_t signal, int64_t value)
{
    send_serial(slot, signal, value, 0);
}

static struct limef_presenter_slot_counters counters(uint32_t slot)
{
    struct limef_presenter_slot_counters now;

    cr_assert(eq(int, limef_presenter_get_counters(&presenter, slot, &now), 0));
    return now;
}

/* A tick at a time of the test's own. */
static int64_t tick_in(int64_t after_us)
{
    return limef_presenter_tick(&presenter, limef_now_us() + after_us);
}

Test(presenter, shows_the_first_picture_at_once, .init = open_timed, .fini = close_all)
{
    struct limef_presenter_slot_counters seen;

    cr_assert(eq(int, go(0, 77 * SECOND_US), 0));
    cr_assert(eq(u64, counters(0).n_shown, 0));
    tick_in(0);
    cr_assert(eq(u64, counters(0).n_shown, 1));
    cr_assert(eq(int, (int)counters(0).state, LIMEF_TILE_PLAYING));
    cr_assert(eq(int, counters(0).width, 64));
    cr_assert(gt(i64, counters(0).first_shown_us, 0));
    seen = counters(0);
    cr_assert(gt(i64, limef_histogram_percentile_us(&seen.latency, 0.5), 0));
    cr_assert(eq(u64, counters(1).n_shown, 0));
}

Test(presenter, shows_a_picture_when_its_time_has_come, .init = open_timed, .fini = close_all)
{
    int64_t due_us;

    go(0, 0);
    go(1, 0);
    tick_in(0);
    go(0, NOT_YET_US);
    due_us = tick_in(0);
    cr_assert(eq(u64, counters(0).n_shown, 1));
    cr_assert(ge(i64, due_us, begun_us + NOT_YET_US));
    cr_assert(le(i64, due_us, limef_now_us() + NOT_YET_US));
    limef_presenter_tick(&presenter, due_us);
    cr_assert(eq(u64, counters(0).n_shown, 2));
}

Test(presenter, asks_for_patience_while_a_picture_waits, .init = open_timed, .fini = close_all)
{
    go(0, 0);
    cr_assert(eq(int, go(0, NOT_YET_US), AVERROR(EAGAIN)));
    cr_assert(eq(int, go(1, 0), 0));
    tick_in(0);
    cr_assert(eq(int, go(0, NOT_YET_US), 0));
    cr_assert(eq(u64, counters(0).n_pictures, 2));
    cr_assert(eq(u64, counters(0).n_dropped_late, 0));
}

Test(presenter, drops_a_late_picture_when_a_newer_one_is_due, .init = open_timed, .fini = close_all)
{
    go(0, 0);
    cr_assert(eq(int, go(0, 0), 0));
    cr_assert(eq(u64, counters(0).n_dropped_late, 1));
    tick_in(0);
    cr_assert(eq(u64, counters(0).n_shown, 1));
}

Test(presenter, untimed_shows_everything_and_drops_nothing, .fini = close_all)
{
    open_with((struct limef_presenter_settings){.untimed = true});
    for (int i = 0; i < 50; i++)
        cr_assert(eq(int, go(0, i * NOT_YET_US), 0));
    cr_assert(eq(u64, counters(0).n_shown, 50));
    cr_assert(eq(u64, counters(0).n_dropped_late, 0));
    cr_assert(eq(u64, LIMEF_COUNTED(presenter.n_presented), 50));
}

Test(presenter, holds_while_paused, .init = open_timed, .fini = close_all)
{
    go(0, 0);
    tick_in(0);
    send(0, LIMEF_SIGNAL_PAUSE, 0);
    go(0, SECOND_US);
    tick_in(100 * SECOND_US);
    cr_assert(eq(u64, counters(0).n_shown, 1));
    cr_assert(eq(int, go(0, 2 * SECOND_US), AVERROR(EAGAIN)));
    send(0, LIMEF_SIGNAL_PLAY, 0);
    tick_in(2 * SECOND_US);
    cr_assert(eq(u64, counters(0).n_shown, 2));
}

Test(presenter, steps_one_picture, .init = open_timed, .fini = close_all)
{
    go(0, 0);
    tick_in(0);
    send(0, LIMEF_SIGNAL_PAUSE, 0);
    send(0, LIMEF_SIGNAL_STEP, 0);
    go(0, NOT_YET_US);
    tick_in(0);
    cr_assert(eq(u64, counters(0).n_shown, 2));
    go(0, NOT_YET_US + SECOND_US);
    tick_in(100 * SECOND_US);
    cr_assert(eq(u64, counters(0).n_shown, 2));
    send(LIMEF_PRESENTER_ALL, LIMEF_SIGNAL_STEP, 0);
    tick_in(0);
    cr_assert(eq(u64, counters(0).n_shown, 3));
}

Test(presenter, plays_at_another_rate, .init = open_timed, .fini = close_all)
{
    send(0, LIMEF_SIGNAL_RATE, 4000);
    go(0, 0);
    tick_in(0);
    go(0, 8 * SECOND_US);
    cr_assert(le(i64, tick_in(0), limef_now_us() + 2 * SECOND_US));
}

Test(presenter, flush_forgets_what_waits_and_starts_anew, .init = open_timed, .fini = close_all)
{
    go(0, 0);
    tick_in(0);
    go(0, NOT_YET_US);
    send(0, LIMEF_SIGNAL_FLUSH, LIMEF_NO_TIME);
    cr_assert(eq(u64, counters(0).n_dropped_flush, 1));
    go(0, 1000 * SECOND_US);
    tick_in(0);
    cr_assert(eq(u64, counters(0).n_shown, 2));
}

Test(presenter, seek_while_paused_keeps_the_way_free, .init = open_timed, .fini = close_all)
{
    go(0, 0);
    tick_in(0);
    send(0, LIMEF_SIGNAL_PAUSE, 0);
    go(0, SECOND_US);
    cr_assert(eq(int, go(0, 2 * SECOND_US), AVERROR(EAGAIN)));
    send_serial(0, LIMEF_SIGNAL_SEEK, 500 * SECOND_US, 4);
    send_serial(0, LIMEF_SIGNAL_SEEK, 600 * SECOND_US, 5);
    cr_assert(eq(int, go(0, 2 * SECOND_US), 0));
    send_serial(0, LIMEF_SIGNAL_FLUSH, LIMEF_NO_TIME, 4);
    cr_assert(eq(int, go(0, 500 * SECOND_US), 0));
    tick_in(0);
    cr_assert(eq(u64, counters(0).n_shown, 1));
    send_serial(0, LIMEF_SIGNAL_FLUSH, LIMEF_NO_TIME, 5);
    cr_assert(eq(int, go(0, 600 * SECOND_US), 0));
    tick_in(0);
    cr_assert(eq(u64, counters(0).n_shown, 2));
    cr_assert(eq(int, go(0, 601 * SECOND_US), 0));
    tick_in(100 * SECOND_US);
    cr_assert(eq(u64, counters(0).n_shown, 2));
    cr_assert(eq(u64, counters(0).n_dropped_flush, 3));
}

Test(presenter, a_seek_that_failed_ends_with_a_start, .init = open_timed, .fini = close_all)
{
    go(0, 0);
    tick_in(0);
    send_serial(0, LIMEF_SIGNAL_SEEK, 500 * SECOND_US, 4);
    send_serial(0, LIMEF_SIGNAL_SEEK, 600 * SECOND_US, 5);
    send_serial(0, LIMEF_SIGNAL_START, 0, 4);
    go(0, SECOND_US);
    tick_in(0);
    cr_assert(eq(u64, counters(0).n_shown, 1));
    send_serial(0, LIMEF_SIGNAL_START, 0, 5);
    go(0, 2 * SECOND_US);
    tick_in(0);
    cr_assert(eq(u64, counters(0).n_shown, 2));
}

Test(presenter, a_cut_in_time_follows_the_picture_before_it, .init = open_timed, .fini = close_all)
{
    go(0, 5000 * SECOND_US);
    tick_in(0);
    go(0, SECOND_US);
    cr_assert(le(i64, tick_in(0), limef_now_us() + SECOND_US));
    cr_assert(eq(u64, counters(0).n_anchors, 2));
    tick_in(SECOND_US);
    go_flagged(0, 3 * SECOND_US, LIMEF_FRAME_DISCONTINUITY);
    cr_assert(eq(u64, counters(0).n_anchors, 3));
}

Test(presenter, pictures_without_time_follow_each_other, .init = open_timed, .fini = close_all)
{
    go(0, LIMEF_NO_TIME);
    tick_in(0);
    go(0, LIMEF_NO_TIME);
    cr_assert(le(i64, tick_in(0), limef_now_us() + SECOND_US));
    tick_in(SECOND_US);
    cr_assert(eq(u64, counters(0).n_shown, 2));
}

Test(presenter, a_full_live_slot_catches_up, .init = open_timed, .fini = close_all)
{
    int64_t before_us;

    go_flagged(0, 0, LIMEF_FRAME_LIVE);
    tick_in(SECOND_US);
    go_flagged(0, SECOND_US / 10, LIMEF_FRAME_LIVE);
    before_us = tiles[0].due_us;
    cr_assert(eq(int, go_flagged(0, NOT_YET_US, LIMEF_FRAME_LIVE), AVERROR(EAGAIN)));
    cr_assert(eq(i64, before_us - tiles[0].due_us, SECOND_US / 2));
}

Test(presenter, what_a_live_source_sends_in_advance_is_shown_soon, .init = open_timed,
     .fini = close_all)
{
    go_flagged(0, 0, LIMEF_FRAME_LIVE);
    tick_in(SECOND_US);
    go_flagged(0, NOT_YET_US, LIMEF_FRAME_LIVE);
    cr_assert(lt(i64, tiles[0].due_us, limef_now_us() + SECOND_US / 5));
    cr_assert(eq(u64, counters(0).n_anchors, 2));
}

Test(presenter, the_last_picture_stays_for_its_duration, .init = open_timed, .fini = close_all)
{
    int64_t due_us;

    go(0, 0);
    go(1, 0);
    send(0, LIMEF_SIGNAL_END, 0);
    due_us = tick_in(0);
    cr_assert(eq(int, (int)counters(0).state, LIMEF_TILE_PLAYING));
    cr_assert(eq(u64, counters(0).n_shown, 1));
    limef_presenter_tick(&presenter, due_us);
    cr_assert(eq(int, (int)counters(0).state, LIMEF_TILE_ENDED));
    send(0, LIMEF_SIGNAL_START, 0);
    cr_assert(eq(int, (int)counters(0).state, LIMEF_TILE_WAITING));
}

Test(presenter, an_end_waits_until_the_application_has_room_for_it, .init = open_timed,
     .fini = close_all)
{
    struct limef_consumer consumer = {0};
    struct limef_reports full = {0};
    struct limef_signal_frame report;
    unsigned n_ends = 0;

    cr_assert(zero(int, limef_reports_init(&full)));
    limef_signal_frame_set(&report, LIMEF_SIGNAL_USER, 0, NULL);
    for (int i = 0; i < LIMEF_REPORTS_MAX; i++)
        cr_assert(zero(int, limef_reports_write(&full, &report)));
    limef_consumer_init(&consumer, &presenter.filter,
                        &(struct limef_thread_settings){.reports = &full});
    limef_thread_set_task(&consumer.thread, limef_presenter_tick, &presenter);
    send(0, LIMEF_SIGNAL_END, 0);
    send(1, LIMEF_SIGNAL_END, 0);
    cr_assert(zero(int, limef_thread_start(&consumer.thread)));
    while (limef_reports_n_lost(&full) < 2) /* both were refused once */
        sched_yield();
    while (n_ends < 2) {
        cr_assert(zero(int, limef_reports_read(&full, &report, 10 * SECOND_US)));
        n_ends += report.signal == LIMEF_SIGNAL_END;
    }
    cr_assert(eq(int, limef_reports_read(&full, &report, 100000), AVERROR(EAGAIN)));
    cr_assert(zero(int, limef_thread_stop(&consumer.thread, 10 * SECOND_US)));
    limef_consumer_clear(&consumer);
    limef_reports_clear(&full);
}

Test(presenter, a_lost_slot_counts_its_seconds_until_pictures_come, .init = open_timed,
     .fini = close_all)
{
    int64_t due_us;

    send(1, LIMEF_SIGNAL_LOST, 0);
    cr_assert(eq(int, (int)counters(1).state, LIMEF_TILE_LOST));
    due_us = tick_in(0);
    cr_assert(le(i64, due_us, limef_now_us() + SECOND_US));
    go(1, 0);
    tick_in(0);
    cr_assert(eq(int, (int)counters(1).state, LIMEF_TILE_PLAYING));
}

Test(presenter, copies_what_nobody_counts, .init = open_timed, .fini = close_all)
{
    uint8_t pixels[16 * 8] = {0};
    AVFrame av = {
        .format = AV_PIX_FMT_GRAY8, .width = 16, .height = 8, .data = {pixels}, .linesize = {16}};
    struct limef_decoded_frame decoded = {
        .frame = {.frame_class = LIMEF_FRAME_DECODED, .media = LIMEF_MEDIA_VIDEO}, .av = &av};
    uint64_t n_allocations;

    cr_assert(eq(int, limef_go(&presenter.filter, &decoded.frame), 0));
    cr_assert(eq(u64, LIMEF_COUNTED(presenter.filter.copied_bytes), 128));
    cr_assert(eq(u64, counters(0).copied_bytes, 128));
    cr_assert(ne(ptr, (void *)counters(0).copied_why, NULL));
    tick_in(0);
    n_allocations = limef_memory_n_allocations();
    decoded.frame.pts_us = SECOND_US;
    limef_go(&presenter.filter, &decoded.frame);
    cr_assert(eq(u64, limef_memory_n_allocations(), n_allocations));
}

Test(presenter, refuses_a_slot_without_a_tile, .init = open_timed, .fini = close_all)
{
    struct limef_presenter_slot_counters none;

    cr_assert(eq(int, go(2, 0), AVERROR(EINVAL)));
    cr_assert(eq(int, limef_presenter_get_counters(&presenter, 2, &none), AVERROR(EINVAL)));
    cr_assert(eq(int, limef_presenter_set_layout(&presenter, 2), AVERROR(EINVAL)));
    cr_assert(lt(int, limef_presenter_snapshot(&presenter, "never.png"), 0));
}

static void count_lines(void *context, enum limef_log_level level, const char *name,
                        const char *line)
{
    (void)level;
    (void)name;
    (void)line;
    ++*(unsigned *)context;
}

Test(presenter, says_that_it_has_no_tiles)
{
    unsigned n_lines = 0;

    limef_log_set_sink(count_lines, &n_lines);
    cr_assert(eq(int, limef_presenter_init(&presenter, "screen", tiles, 0, NULL), AVERROR(EINVAL)));
    cr_assert(eq(uint, n_lines, 1));
    cr_assert(zero(ptr, (void *)presenter.filter.ops));
}

Test(presenter, all_zero_is_cleared_and_clear_leaves_all_zero)
{
    static const struct limef_presenter zero;

    limef_filter_clear(&presenter.filter);
    open_timed();
    go(0, 0);
    close_all();
    cr_assert(eq(int, memcmp(&presenter, &zero, sizeof(zero)), 0));
}

/* A picture that nobody counts. */
static int go_uncounted(AVFrame *av, int64_t pts_us)
{
    struct limef_decoded_frame decoded = {
        .frame = {.frame_class = LIMEF_FRAME_DECODED,
                  .media = LIMEF_MEDIA_VIDEO,
                  .pts_us = pts_us,
                  .duration_us = SECOND_US},
        .av = av,
    };

    return limef_go(&presenter.filter, &decoded.frame);
}

Test(presenter, without_memory_for_a_copy_takes_the_next_picture_of_that_size)
{
    AVFrame *av = av_frame_alloc();
    bool failed = true;
    unsigned n = 0;

    av->format = AV_PIX_FMT_GRAY8;
    av->width = 64;
    av->height = 48;
    cr_assert(eq(int, av_frame_get_buffer(av, 0), 0));
    while (failed) {
        open_timed();
        failing_install(++n);
        cr_assert(eq(int, go_uncounted(av, 0), failing_failed() ? AVERROR(ENOMEM) : 0));
        failed = failing_failed();
        cr_assert(eq(u64, counters(0).n_failed, failed));
        if (failed)
            cr_assert(eq(int, go_uncounted(av, 0), 0));
        tick_in(0);
        cr_assert(eq(u64, counters(0).n_shown, 1));
        cr_assert(eq(u64, counters(0).n_failed, failed));
        cr_assert(eq(int, failing_n_out(), 0));
        failing_remove();
        close_all();
    }
    cr_assert(eq(uint, n, 3)); /* the frame, its pixels, none */
    av_frame_free(&av);
}

Test(presenter, a_closed_one_drops_and_has_failed_at_nothing, .init = open_timed, .fini = close_all)
{
    go(0, 0);
    tick_in(0);
    go(0, NOT_YET_US);
    cr_assert(eq(int, limef_presenter_close(&presenter), 0));
    cr_assert(eq(u64, counters(0).n_dropped_flush, 1));
    cr_assert(eq(int, go(0, NOT_YET_US), 0)); /* was on its way */
    tick_in(2 * NOT_YET_US);
    tick_in(2 * NOT_YET_US);
    cr_assert(eq(u64, counters(0).n_pictures, 3));
    cr_assert(eq(u64, counters(0).n_shown, 1));
    cr_assert(eq(u64, counters(0).n_dropped_flush, 2));
    cr_assert(eq(u64, counters(0).n_failed, 0));
}
