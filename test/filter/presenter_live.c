/* SPDX-License-Identifier: MIT */
/* When pictures of a live source are shown, by a clock of the test's own. */
#include "filter/presenter_private.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#define PERIOD_US 40000
#define BEGIN_US INT64_C(1000000)

static struct limef_tile tile;

/* The first picture is there. */
static void begin(void)
{
    tile = (struct limef_tile){
        .clock = {.anchor_us = LIMEF_NO_TIME, .paused_us = LIMEF_NO_TIME},
        .shown_duration_us = PERIOD_US,
    };
    presenter_set_anchor(&tile, 0, presenter_live_begin_us(&tile, BEGIN_US));
}

TestSuite(presenter_live, .init = begin);

/* Picture n comes so much later than it would in time. Returns how long it waits. */
static int64_t wait_us(int n, int64_t later_us)
{
    int64_t pts_us = n * PERIOD_US, now_us = BEGIN_US + pts_us + later_us;

    tile.next.frame.pts_us = pts_us;
    tile.due_us = presenter_live_due_us(&tile, presenter_clock_due_us(&tile.clock, pts_us), now_us);
    return tile.due_us - now_us;
}

Test(presenter_live, the_first_is_shown_at_once)
{
    cr_assert(eq(i64, tile.clock.anchor_us, BEGIN_US));
}

Test(presenter_live, a_steady_source_waits_for_nothing)
{
    for (int n = 1; n < 100; n++)
        cr_assert(eq(i64, wait_us(n, 0), 0));
}

Test(presenter_live, those_behind_a_late_one_keep_their_distance)
{
    cr_assert(eq(i64, wait_us(1, 5000), 0));
    cr_assert(eq(i64, wait_us(2, 5000), 0));
    cr_assert(eq(i64, wait_us(3, 0), 5000));
    cr_assert(eq(u64, tile.n_anchors, 1), "a late picture is no new beginning");
}

Test(presenter_live, what_pictures_waited_for_nothing_is_taken_back)
{
    int64_t waited_us = 0;

    wait_us(1, 35000);
    for (int n = 2; n < 12; n++)
        waited_us = wait_us(n, 0);
    cr_assert(le(i64, waited_us, 10000));
}

/* It came behind the opening of its decoder. */
Test(presenter_live, what_the_first_was_late_is_taken_back_at_the_second)
{
    cr_assert(eq(i64, wait_us(1, -30000), 8000));
    cr_assert(eq(i64, wait_us(2, -30000), 8000));
    for (int n = 3; n < 20; n++)
        wait_us(n, -30000);
    cr_assert(eq(i64, wait_us(20, -60000), 38000), "one that is early is no beginning");
}

Test(presenter_live, an_unsteady_source_keeps_what_it_needs)
{
    int n_late = 0;

    for (int n = 1; n <= 300; n++)
        n_late += wait_us(n, n % 3 ? 0 : 7000) == 0 && n % 3 == 0 && n > 9 &&
                  tile.clock.anchor_us > BEGIN_US + 7000;
    cr_assert(eq(i64, tile.clock.anchor_us, BEGIN_US + 7000), "it waits for the latest of them");
    cr_assert(zero(int, n_late));
}

Test(presenter_live, what_comes_far_ahead_is_shown_soon)
{
    tile.next.frame.pts_us = 2000000;
    cr_assert(le(i64,
                 presenter_live_due_us(&tile, presenter_clock_due_us(&tile.clock, 2000000),
                                       BEGIN_US + PERIOD_US),
                 BEGIN_US + PERIOD_US + 10000));
    cr_assert(eq(u64, tile.n_anchors, 2));
}

Test(presenter_live, what_piled_up_is_behind_soon)
{
    int64_t now_us = BEGIN_US + PERIOD_US, late_us = INT64_MAX;
    int n;

    /* ten came at once, 100 ms late; each is taken when the one before it is shown */
    wait_us(1, 100000);
    for (n = 2; n < 12 && late_us > PERIOD_US; n++) {
        presenter_live_hurry(&tile);
        presenter_live_hurry(&tile); /* it is asked again, for the same picture */
        now_us = tile.due_us > now_us ? tile.due_us : now_us;
        tile.next.frame.pts_us = n * PERIOD_US;
        tile.due_us = presenter_live_due_us(
            &tile, presenter_clock_due_us(&tile.clock, n * PERIOD_US), now_us);
        late_us = tile.due_us - (BEGIN_US + n * PERIOD_US);
    }
    cr_assert(le(int, n, 8));
    cr_assert(ge(int, n, 4), "none of them is left out");
}

Test(presenter_live, where_there_is_always_more_it_is_not_hurried_for_good)
{
    int64_t before_us;

    for (int n = 1; n < 20; n++) {
        wait_us(n, -n * 1000);
        presenter_live_hurry(&tile);
    }
    before_us = tile.due_us;
    wait_us(20, -PERIOD_US);
    before_us = tile.due_us;
    presenter_live_hurry(&tile);
    cr_assert(eq(i64, before_us - tile.due_us, PERIOD_US / 10));
}

Test(presenter_live, nothing_is_due_while_paused)
{
    presenter_clock_pause(&tile.clock, BEGIN_US);
    cr_assert(eq(i64, presenter_live_due_us(&tile, LIMEF_FOREVER, BEGIN_US), LIMEF_FOREVER));
    tile.due_us = LIMEF_FOREVER;
    presenter_live_hurry(&tile);
    cr_assert(eq(i64, tile.due_us, LIMEF_FOREVER));
}
