/* SPDX-License-Identifier: MIT */
#include "rtsp/cut.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

enum { P, IDR, OPEN, DAMAGED, AFTER_LOSS };

static struct rtsp_cut cut;

static void begin(void)
{
    cut = (struct rtsp_cut){.needs_key = false};
    rtsp_cut_begin(&cut);
}

TestSuite(rtsp_cut, .init = begin, .timeout = 10);

static bool passes_with(int kind, int64_t pts_us, uint16_t n_partial, bool shows_damage)
{
    struct rtsp_unit unit = {.is_key = kind == IDR || kind == OPEN,
                             .is_open = kind == OPEN,
                             .is_damaged = kind == DAMAGED,
                             .follows_loss = kind == AFTER_LOSS,
                             .n_partial = n_partial};
    struct rtsp_arrival arrival = {.unit = &unit, .pts_us = pts_us};

    return !rtsp_cut_drops(&cut, &arrival, shows_damage);
}

/* Whether it goes on, and is to be shown. */
static bool passes(int kind, int64_t pts_us)
{
    return passes_with(kind, pts_us, 0, false) && !rtsp_cut_pass(&cut);
}

Test(rtsp_cut, waits_for_a_key_that_is_whole)
{
    cr_assert(not(passes(P, 0)));
    cr_assert(passes(IDR, 1));
    cr_assert(passes(P, 2));
    cr_assert(not(passes(DAMAGED, 3)));
    cr_assert(not(passes(P, 4)));
    cr_assert(cut.is_new);
    cr_assert(passes(IDR, 5));
    cr_assert(not(cut.is_new));
    cr_assert(not(passes(AFTER_LOSS, 6)));
    cr_assert(not(passes(P, 7)));
}

/* Leading pictures, in the order in which they are decoded. */
Test(rtsp_cut, drops_what_is_shown_before_a_key_and_refers_past_it)
{
    cr_assert(passes(IDR, 0));
    cr_assert(not(passes(AFTER_LOSS, 1)));
    cr_assert(passes(OPEN, 5));
    cr_assert(not(passes(P, 3)));
    cr_assert(not(passes(P, 2)));
    cr_assert(not(passes(P, 4)));
    cr_assert(passes(P, 8));
    cr_assert(passes(P, 4)); /* whatever comes now is of the camera's own making */
    cr_assert(passes(P, 7));
}

Test(rtsp_cut, drops_leading_pictures_of_another_connection)
{
    cr_assert(passes(IDR, 0));
    rtsp_cut_begin(&cut);
    cr_assert(passes(OPEN, 5));
    cr_assert(not(passes(P, 4)));
    cr_assert(passes(P, 6));
}

/* A decoder that has nothing else leaves them out, or makes of them what a file's reader gets. */
Test(rtsp_cut, drops_no_leading_picture_where_nothing_was_cut_out)
{
    cr_assert(passes(OPEN, 5));
    cr_assert(passes(P, 4));
    cr_assert(passes(P, 6));
    cr_assert(passes(OPEN, 10));
    cr_assert(passes(P, 9));
}

Test(rtsp_cut, shows_no_picture_before_a_gradual_refresh_is_over)
{
    cr_assert(passes_with(OPEN, 0, 2, false));
    cr_assert(not(rtsp_cut_pass(&cut))); /* a decoder that begins knows itself */
    cr_assert(not(passes(DAMAGED, 1)));
    cr_assert(passes_with(OPEN, 2, 2, false));
    cr_assert(rtsp_cut_pass(&cut));
    cr_assert(passes_with(P, 3, 0, false));
    cr_assert(rtsp_cut_pass(&cut));
    cr_assert(passes(P, 4));
}

Test(rtsp_cut, shows_damage_if_it_is_told_to)
{
    cr_assert(not(passes_with(P, 0, 0, true)));
    cr_assert(passes_with(IDR, 1, 0, true));
    rtsp_cut_pass(&cut);
    cr_assert(passes_with(DAMAGED, 2, 0, true));
    cr_assert(passes_with(AFTER_LOSS, 3, 0, true));
    rtsp_cut_begin(&cut);
    cr_assert(not(passes_with(P, 4, 0, true)));
}
