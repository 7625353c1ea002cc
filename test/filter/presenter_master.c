/* SPDX-License-Identifier: MIT */
/* A clock that follows what is heard; time is simulated. */
#include "filter/presenter_private.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/error.h>
#include <stdlib.h>

static struct limef_tile tile;
static int64_t sound_us; /* what is heard at time 0; LIMEF_NO_TIME: nothing */
static int sound_rate = 1000;
static int64_t turns_us = INT64_MAX; /* from then on it runs at twice the rate */

static int64_t heard(void *context, int64_t now_us)
{
    (void)context;
    if (sound_us == LIMEF_NO_TIME)
        return LIMEF_NO_TIME;
    return sound_us + now_us * sound_rate / 1000 + (now_us > turns_us ? now_us - turns_us : 0);
}

/* Media time 0 is shown at time 0. */
static void open_tile(void)
{
    tile.master = heard;
    tile.clock = (struct limef_presenter_clock){.paused_us = LIMEF_NO_TIME};
    sound_us = LIMEF_NO_TIME;
}

static int64_t late_us(void)
{
    return presenter_clock_due_us(&tile.clock, 0);
}

TestSuite(presenter_master, .init = open_tile, .timeout = 30);

Test(presenter_master, keeps_its_own_time_while_nothing_is_heard)
{
    presenter_follow_master(&tile, 1000000);
    cr_assert(zero(i64, late_us()));
    tile.master = NULL;
    sound_us = 20000;
    presenter_follow_master(&tile, 1000000);
    cr_assert(zero(i64, late_us()));
}

Test(presenter_master, is_in_step_as_soon_as_something_is_heard)
{
    sound_us = -30000;
    presenter_follow_master(&tile, 1000000);
    cr_assert(eq(i64, late_us(), 30000));
}

Test(presenter_master, follows_by_and_by_then)
{
    int64_t before_us;

    sound_us = 0;
    presenter_follow_master(&tile, 1000000);
    sound_us = -16000;
    presenter_follow_master(&tile, 1040000);
    cr_assert(eq(i64, late_us(), 2000));
    for (int i = 2; i < 60; i++) {
        before_us = late_us();
        presenter_follow_master(&tile, 1000000 + i * 40000);
        cr_assert(late_us() >= before_us && late_us() <= 16000);
    }
    cr_assert(ge(i64, late_us(), 15900));
    cr_assert(zero(u64, LIMEF_COUNTED(tile.n_anchors)));
}

Test(presenter_master, is_put_right_at_once_where_it_is_far_off)
{
    sound_us = 500000;
    presenter_follow_master(&tile, 1000000);
    cr_assert(eq(i64, late_us(), -500000));
    cr_assert(eq(u64, LIMEF_COUNTED(tile.n_anchors), 1));
}

Test(presenter_master, goes_on_by_itself_where_time_jumps_in_its_sound_before_it_does_in_pictures)
{
    sound_us = 0;
    presenter_follow_master(&tile, 1000000);
    sound_us = -1500000;
    presenter_follow_master(&tile, 1040000);
    presenter_follow_master(&tile, 2000000);
    cr_assert(zero(i64, late_us()));
    presenter_clock_anchor(&tile.clock, 540000, 2040000); /* so do pictures */
    presenter_follow_master(&tile, 2040000);
    cr_assert(eq(i64, late_us(), 1500000));
    sound_us = 0; /* and again, but they do not */
    presenter_follow_master(&tile, 2080000);
    presenter_follow_master(&tile, 3040000);
    cr_assert(eq(i64, late_us(), 1500000));
    presenter_follow_master(&tile, 3080000);
    cr_assert(zero(i64, late_us()));
}

Test(presenter_master, goes_on_from_what_was_shown_where_its_sound_jumps_and_ends)
{
    sound_us = 0;
    presenter_follow_master(&tile, 1000000);
    tile.shown_pts_us = 1000000;
    tile.shown_us = 1000000;
    tile.shown_duration_us = 40000;
    sound_us = -900000; /* it would be due in 0.9 s */
    presenter_follow_master(&tile, 1010000);
    cr_assert(eq(i64, late_us(), 900000));
    sound_us = LIMEF_NO_TIME;
    presenter_follow_master(&tile, 1020000);
    cr_assert(zero(i64, late_us()));
    presenter_follow_master(&tile, 1030000);
    cr_assert(zero(i64, late_us()));
}

Test(presenter_master, keeps_its_time_where_its_sound_ends)
{
    sound_us = -20000;
    presenter_follow_master(&tile, 1000000);
    tile.shown_pts_us = 1000000;
    tile.shown_us = 1030000; /* a little late */
    tile.shown_duration_us = 40000;
    sound_us = LIMEF_NO_TIME;
    presenter_follow_master(&tile, 1040000);
    cr_assert(eq(i64, late_us(), 20000));
}

Test(presenter_master, keeps_its_rate_until_what_is_heard_has_turned)
{
    sound_us = 0;
    presenter_follow_master(&tile, 0);
    turns_us = 700000;
    presenter_follow_master(&tile, 0);
    cr_assert(eq(i64, presenter_clock_due_us(&tile.clock, 1000000), 1000000));
    turns_us = 0;
    presenter_follow_master(&tile, 0);
    cr_assert(eq(int, tile.clock.rate, 2000));
}

Test(presenter_master, runs_as_fast_as_what_is_heard)
{
    sound_us = 0;
    tile.rate = 1500;
    presenter_follow_master(&tile, 1000000); /* asked for, not heard yet */
    cr_assert(eq(i64, presenter_clock_due_us(&tile.clock, 3000000), 3000000));
    sound_us = -500000; /* at 1 s it is heard */
    sound_rate = 1500;
    presenter_follow_master(&tile, 1000000);
    cr_assert(eq(int, tile.clock.rate, 1500));
    cr_assert(eq(i64, presenter_clock_due_us(&tile.clock, 2500000), 2000000));
    sound_us = LIMEF_NO_TIME;
    tile.rate = 4000; /* sound cannot do that */
    presenter_follow_master(&tile, 2000000);
    cr_assert(eq(int, tile.clock.rate, 4000));
}

Test(presenter_master, leaves_a_clock_alone_that_stands)
{
    sound_us = 500000;
    tile.stepping = true;
    presenter_follow_master(&tile, 1000000);
    tile.stepping = false;
    presenter_clock_pause(&tile.clock, 1000000);
    presenter_follow_master(&tile, 1000000);
    cr_assert(zero(u64, LIMEF_COUNTED(tile.n_anchors)));
}

/* Asked every two milliseconds; when it is shown. */
static int64_t first_shown_us(int64_t pts_us, int64_t sounds_at_us, int64_t media_us)
{
    for (int64_t now_us = 0;; now_us += 2000) {
        int64_t due_us;

        if (now_us >= sounds_at_us)
            sound_us = media_us - sounds_at_us;
        due_us = presenter_begin_us(&tile, pts_us, now_us);
        if (due_us != LIMEF_FOREVER)
            return due_us;
    }
}

Test(presenter_master, begins_when_the_first_picture_s_sound_is_heard)
{
    /* the mixer knows 5 ms before that media time 0 will be heard */
    cr_assert(eq(i64, first_shown_us(0, 40000, -5000), 45000));
    cr_assert(not(presenter_awaits_sound(&tile)));
    sound_us = LIMEF_NO_TIME;
    cr_assert(eq(i64, first_shown_us(7000, 40000, 0), 47000));
}

Test(presenter_master, begins_at_once_where_nothing_is_to_be_waited_for)
{
    tile.stepping = true;
    cr_assert(zero(i64, first_shown_us(0, 40000, 0)));
    tile.stepping = false;
    presenter_clock_pause(&tile.clock, 0);
    cr_assert(zero(i64, first_shown_us(0, 40000, 0)));
    presenter_clock_play(&tile.clock, 0);
    tile.master = NULL;
    cr_assert(zero(i64, first_shown_us(0, 40000, 0)));
}

Test(presenter_master, waits_in_vain_once_and_again_after_sound_was_heard)
{
    int64_t never_us = 10000000;

    cr_assert(eq(i64, first_shown_us(0, never_us, 0), 100000));
    cr_assert(zero(i64, first_shown_us(0, never_us, 0)));
    sound_us = 0;
    presenter_follow_master(&tile, 0);
    sound_us = LIMEF_NO_TIME;
    cr_assert(eq(i64, first_shown_us(0, never_us, 0), 100000));
}

Test(presenter_master, does_not_wait_for_sound_of_another_place)
{
    sound_us = 60000000;
    cr_assert(zero(i64, first_shown_us(0, 0, 60000000)));
}

Test(presenter_master, measures_how_far_pictures_are_from_what_is_heard)
{
    tile.shown_pts_us = 1008000;
    presenter_note_deviation(&tile, 1000000);
    cr_assert(zero(i64, limef_histogram_percentile_us(&tile.deviation, 0.5)));
    sound_us = 0;
    presenter_note_deviation(&tile, 1000000);
    cr_assert(ge(i64, limef_histogram_percentile_us(&tile.deviation, 0.5), 8000));
    cr_assert(le(i64, limef_histogram_percentile_us(&tile.deviation, 0.5), 10240));
}

Test(presenter_master, has_a_slot)
{
    static struct limef_presenter presenter;

    presenter.tiles = &tile;
    presenter.n_tiles = 1;
    cr_assert(eq(int, limef_presenter_set_master(&presenter, 1, heard, NULL), AVERROR(EINVAL)));
    cr_assert(zero(int, limef_presenter_set_master(&presenter, 0, NULL, NULL)));
    cr_assert(tile.master == NULL);
}
