/* SPDX-License-Identifier: MIT */
/*
 * Pictures for a display that says when they are on the screen, in simulated
 * time: this program has a clock and a compositor of its own.
 */
#include "filter/presenter_private.h"
#include "gpu/compositor.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/common.h>
#include <libavutil/error.h>
#include <libavutil/frame.h>

#define BEGIN_US INT64_C(1000000000)

static struct {
    int64_t now_us;
    bool silent;        /* the display does not say when, nor how often */
    int64_t period_us;  /* of the display; 0: it shows at once what it is given */
    int64_t compose_us; /* how long drawing takes */
    int64_t held_us;    /* how much later than at its refresh the next flip comes */
    int64_t flip_us;    /* when what was presented comes onto the screen; 0: it is there */
    struct output_flip last;
    int64_t pts_us; /* of the picture that was put there last */
} display;

int64_t limef_now_us(void)
{
    return display.now_us;
}

int64_t limef_wall_us(void)
{
    return display.now_us;
}

int64_t limef_deadline_us(int64_t timeout_us)
{
    return timeout_us == LIMEF_FOREVER ? LIMEF_FOREVER : display.now_us + timeout_us;
}

int compositor_open(struct compositor **compositor, const struct limef_presenter_settings *settings,
                    unsigned n_tiles, struct buffer_pool *buffers, const char *name)
{
    (void)settings, (void)n_tiles, (void)buffers, (void)name;
    *compositor = (struct compositor *)(void *)&display;
    if (!display.silent)
        display.last.period_us = display.period_us ? display.period_us : 16667;
    return 0;
}

int compositor_open_host(struct compositor **compositor,
                         const struct limef_presenter_host_settings *host, unsigned n_tiles,
                         struct buffer_pool *buffers, bool gles2, const char *name)
{
    (void)compositor, (void)host, (void)n_tiles, (void)buffers, (void)gles2, (void)name;
    return AVERROR(ENOSYS);
}

void compositor_begin_host(struct compositor *compositor,
                           const struct limef_presenter_host_target *target)
{
    (void)compositor, (void)target;
}

void compositor_end_host(struct compositor *compositor)
{
    (void)compositor;
}

void compositor_abandon(struct compositor **compositor)
{
    *compositor = NULL;
}

int compositor_close(struct compositor **compositor)
{
    *compositor = NULL;
    return 0;
}

enum limef_presenter_output compositor_output(const struct compositor *compositor)
{
    (void)compositor;
    return LIMEF_OUTPUT_KMS;
}

int compositor_set_picture(struct compositor *compositor, unsigned tile,
                           const struct limef_decoded_frame *picture)
{
    (void)compositor, (void)tile;
    display.pts_us = picture->frame.pts_us;
    return 0;
}

void compositor_take_moved(struct compositor *compositor, unsigned tile,
                           struct compositor_upload *moved)
{
    (void)compositor, (void)tile;
    *moved = (struct compositor_upload){0};
}

const char *compositor_planes_why(const struct compositor *compositor)
{
    (void)compositor;
    return NULL;
}

struct fence_counts compositor_fences(const struct compositor *compositor)
{
    (void)compositor;
    return (struct fence_counts){0};
}

void compositor_forget(struct compositor *compositor, unsigned tile)
{
    (void)compositor, (void)tile;
}

int64_t compositor_tend(struct compositor *compositor, int64_t now_us)
{
    (void)compositor, (void)now_us;
    return LIMEF_FOREVER;
}

void compositor_set_text(struct compositor *compositor, unsigned tile, const char *text)
{
    (void)compositor, (void)tile, (void)text;
}

void compositor_set_overlay(struct compositor *compositor, const char *text)
{
    (void)compositor, (void)text;
}

void compositor_set_layout(struct compositor *compositor, uint32_t solo)
{
    (void)compositor, (void)solo;
}

int compositor_present(struct compositor *compositor)
{
    (void)compositor;
    display.now_us += display.compose_us;
    if (display.silent)
        return COMPOSITOR_COMPOSED;
    display.flip_us = display.period_us
                          ? (display.now_us / display.period_us + 1) * display.period_us
                          : display.now_us + 100;
    display.flip_us += display.held_us;
    display.held_us = 0;
    return COMPOSITOR_COMPOSED;
}

void compositor_size(const struct compositor *compositor, int *width, int *height)
{
    (void)compositor;
    *width = *height = 64;
}

void compositor_prepare(struct compositor *compositor)
{
    (void)compositor;
}

int compositor_read(struct compositor *compositor, uint8_t *rgba)
{
    (void)compositor, (void)rgba;
    return 0;
}

int64_t compositor_flips(struct compositor *compositor, struct output_flip *flip)
{
    (void)compositor;
    if (display.flip_us && display.now_us >= display.flip_us) {
        display.last.n_flips++;
        display.last.at_us = display.flip_us;
        display.flip_us = 0;
    }
    *flip = display.last;
    return display.flip_us;
}

enum output_event compositor_poll(struct compositor *compositor, int *key)
{
    (void)compositor, (void)key;
    return OUTPUT_EVENT_NONE;
}

bool compositor_has_events(const struct compositor *compositor)
{
    (void)compositor;
    return false;
}

int compositor_toggle_fullscreen(struct compositor *compositor)
{
    (void)compositor;
    return AVERROR(ENOSYS);
}

bool output_may_be_window(enum limef_presenter_output kind)
{
    (void)kind;
    return false;
}

static struct limef_tile tile;
static struct limef_presenter presenter;
static struct limef_payload payload;
static AVFrame *av;

static void keep(struct limef_payload *released)
{
    (void)released;
}

static void begin(int64_t period_us, int64_t compose_us)
{
    struct limef_presenter_settings settings = {.output = LIMEF_OUTPUT_KMS};

    display.now_us = BEGIN_US;
    display.period_us = period_us;
    display.compose_us = compose_us;
    av = av_frame_alloc();
    av->width = av->height = 64;
    limef_payload_init(&payload, keep);
    cr_assert(eq(int, limef_presenter_init(&presenter, "screen", &tile, 1, &settings), 0));
}

static void end(void)
{
    limef_filter_clear(&presenter.filter);
    av_frame_free(&av);
}

TestSuite(presenter_flip, .fini = end);

static int give(int64_t pts_us, int64_t duration_us, uint32_t flags)
{
    struct limef_decoded_frame decoded = {.frame = {.frame_class = LIMEF_FRAME_DECODED,
                                                    .media = LIMEF_MEDIA_VIDEO,
                                                    .flags = flags,
                                                    .pts_us = pts_us,
                                                    .duration_us = duration_us,
                                                    .payload = &payload},
                                          .av = av};

    return limef_go(&presenter.filter, &decoded.frame);
}

/* Plays pictures up to the nth; each is given as soon as there is room for it. */
static void play_from(int first, int n, int64_t duration_us, uint32_t flags)
{
    int64_t due_us;

    for (int i = first; i < n || display.flip_us || presenter.dirty;) {
        if (i < n && give(i * duration_us, duration_us, flags) == 0) {
            i++;
            continue;
        }
        due_us = limef_presenter_tick(&presenter, display.now_us);
        if (i < n && !presenter_has_next(&tile))
            continue;
        display.now_us = av_clip64(due_us, display.now_us + 1, display.now_us + duration_us);
    }
}

static void play(int n, int64_t duration_us, uint32_t flags)
{
    play_from(0, n, duration_us, flags);
}

static uint64_t missed(void)
{
    return LIMEF_COUNTED(presenter.n_missed);
}

static uint64_t shown(void)
{
    return LIMEF_COUNTED(tile.n_shown);
}

Test(presenter_flip, a_film_of_the_displays_rate_has_one_refresh_for_each_picture)
{
    begin(16667, 2000);
    play(600, 16667, 0);
    cr_assert(eq(u64, missed(), 0));
    cr_assert(eq(u64, shown(), 599)); /* the last one waits */
    cr_assert(eq(u64, LIMEF_COUNTED(presenter.n_flips), 599));
}

Test(presenter_flip, the_clock_follows_a_display_that_is_a_little_slower_or_faster)
{
    begin(16800, 2000);
    play(600, 16667, 0);
    cr_assert(eq(u64, missed(), 0));
    cr_assert(eq(u64, LIMEF_COUNTED(tile.n_dropped_late), 0));
    cr_assert(eq(u64, LIMEF_COUNTED(presenter.n_flips), shown()));
    cr_assert(ge(i64, display.now_us - BEGIN_US, 598 * 16800));
}

Test(presenter_flip, pictures_of_another_rate_go_to_the_nearest_refresh)
{
    begin(16667, 2000);
    play(250, 40000, 0);
    cr_assert(eq(u64, missed(), 0));
    cr_assert(eq(u64, shown(), 249));
    /* the 249th picture comes 248 * 40 ms after the first */
    cr_assert(lt(i64, llabs(presenter.flip.at_us - BEGIN_US - 248 * 40000), 40000));
}

Test(presenter_flip, what_is_drawn_too_slowly_is_counted_as_missed)
{
    begin(16667, 20000);
    play(100, 40000, 0);
    cr_assert(gt(u64, missed(), 20));
    cr_assert(eq(u64, LIMEF_COUNTED(presenter.n_missed_here), missed()));
    cr_assert(eq(u64, shown(), 99));
}

/* The thread wakes up when this says: at once, for as long as the flip does not come, would be a
 * thread that never sleeps. */
Test(presenter_flip, a_late_picture_waits_for_the_flip_of_the_one_before)
{
    begin(16667, 2000);
    play(4, 16667, 0);
    display.now_us += 100000; /* the last one has waited in vain */
    limef_presenter_tick(&presenter, display.now_us);
    cr_assert(gt(i64, display.flip_us, display.now_us));
    cr_assert(eq(int, give(4 * 16667, 16667, 0), 0));
    cr_assert(lt(i64, tile.due_us, display.now_us));
    cr_assert(ge(i64, presenter_take_us(&presenter, &tile), display.flip_us));
    display.now_us = display.flip_us;
    display.now_us = limef_presenter_tick(&presenter, display.now_us);
    limef_presenter_tick(&presenter, display.now_us);
    cr_assert(not(presenter_has_next(&tile))); /* and it is taken then, right behind it */
    cr_assert(eq(u64, shown(), 4));
}

Test(presenter_flip, a_display_without_a_rhythm_leaves_the_clock_alone)
{
    begin(0, 100);
    play(500, 40000, 0);
    cr_assert(presenter.flip.unpaced);
    cr_assert(lt(i64, llabs(presenter.flip.at_us - BEGIN_US - 498 * 40000), 60000));
}

Test(presenter_flip, what_takes_time_to_draw_is_begun_earlier_by_that)
{
    display.silent = true;
    begin(0, 8000);
    play(100, 40000, 0);
    cr_assert(eq(u64, shown(), 99));
    /* the first one is seen when it is drawn, and the others when it is their time */
    cr_assert(
        lt(i64, llabs(LIMEF_COUNTED(tile.last_shown_us) - BEGIN_US - 8000 - 98 * 40000), 100));
}

Test(presenter_flip, however_long_drawing_takes_it_is_begun_20_ms_early_at_most)
{
    display.silent = true;
    begin(0, 60000);
    play(100, 100000, 0);
    cr_assert(eq(u64, shown(), 99));
    cr_assert(lt(
        i64,
        llabs(LIMEF_COUNTED(tile.last_shown_us) - BEGIN_US - 60000 - 98 * 100000 - 60000 + 20000),
        100));
}

/* Programs are compiled for it. The clock begins when it is seen. */
static void check_first_picture_that_takes_long(bool silent)
{
    display.silent = silent;
    begin(16667, 300000);
    cr_assert(eq(int, give(0, 40000, 0), 0));
    limef_presenter_tick(&presenter, display.now_us);
    display.compose_us = 2000;
    play_from(1, 100, 40000, 0);
    cr_assert(eq(u64, LIMEF_COUNTED(tile.n_dropped_late), 0));
    cr_assert(eq(u64, missed(), 0));
    cr_assert(eq(u64, shown(), 99));
    cr_assert(
        lt(i64, llabs(LIMEF_COUNTED(tile.last_shown_us) - BEGIN_US - 300000 - 98 * 40000), 40000));
}

Test(presenter_flip, a_first_picture_that_takes_long_to_draw_makes_no_other_one_late)
{
    check_first_picture_that_takes_long(true);
}

Test(presenter_flip, a_first_picture_that_takes_long_to_draw_makes_none_late_on_a_display)
{
    check_first_picture_that_takes_long(false);
}

/* The display waits for who writes it: a fence. */
Test(presenter_flip, a_first_picture_that_is_held_back_makes_no_other_one_late)
{
    begin(16667, 2000);
    display.held_us = 150000;
    play(100, 40000, 0);
    cr_assert(eq(u64, LIMEF_COUNTED(tile.n_dropped_late), 0));
    cr_assert(eq(u64, missed(), 0));
    cr_assert(eq(u64, shown(), 99));
    cr_assert(
        lt(i64, llabs(LIMEF_COUNTED(tile.last_shown_us) - BEGIN_US - 150000 - 98 * 40000), 40000));
}

/* Three pictures and the end; the thread wakes up so late for the last one. Returns for how long
 * that one is seen. */
static int64_t seen_before_end_us(int64_t compose_us, int64_t late_us)
{
    struct limef_signal_frame over;
    int64_t due_us, ended_us;

    begin(0, compose_us);
    play(3, 40000, 0);
    limef_signal_frame_set(&over, LIMEF_SIGNAL_END, 0, NULL);
    cr_assert(eq(int, limef_go(&presenter.filter, &over.frame), 0));
    due_us = display.now_us = tile.due_us + late_us;
    do { /* the tick that ends it also draws that it has ended */
        ended_us = display.now_us = FFMAX(display.now_us, due_us);
        due_us = limef_presenter_tick(&presenter, ended_us);
    } while (LIMEF_COUNTED(tile.state) != LIMEF_TILE_ENDED);
    cr_assert(eq(u64, shown(), 3));
    return ended_us - LIMEF_COUNTED(tile.last_shown_us);
}

Test(presenter_flip, the_last_picture_is_seen_for_its_time_however_long_it_is_drawn)
{
    display.silent = true;
    cr_assert(ge(i64, seen_before_end_us(60000, 0), 40000));
}

Test(presenter_flip, a_last_picture_that_is_late_is_seen_before_the_end)
{
    display.silent = true;
    cr_assert(ge(i64, seen_before_end_us(2000, 90000), 40000));
}

Test(presenter_flip, a_live_source_is_not_slowed_down_for_the_display)
{
    begin(16800, 2000);
    play(2, 16667, LIMEF_FRAME_LIVE);
    cr_assert(le(i64, tile.clock.anchor_us, BEGIN_US + 20000));
}
