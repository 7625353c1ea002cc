/* SPDX-License-Identifier: MIT */
#include "filter/presenter_clock.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static struct limef_presenter_clock stopped(void)
{
    return (struct limef_presenter_clock){.anchor_us = LIMEF_NO_TIME, .paused_us = LIMEF_NO_TIME};
}

static struct limef_presenter_clock running(void)
{
    struct limef_presenter_clock clock = stopped();

    presenter_clock_anchor(&clock, 500000, 1000000);
    return clock;
}

Test(presenter_clock, is_anchored_until_reset)
{
    struct limef_presenter_clock clock = stopped();

    cr_assert(not(presenter_clock_anchored(&clock)));
    clock = running();
    cr_assert(presenter_clock_anchored(&clock));
    presenter_clock_reset(&clock);
    cr_assert(not(presenter_clock_anchored(&clock)));
}

Test(presenter_clock, runs_with_the_monotonic_one)
{
    struct limef_presenter_clock clock = running();

    cr_assert(eq(i64, presenter_clock_due_us(&clock, 500000), 1000000));
    cr_assert(eq(i64, presenter_clock_due_us(&clock, 540000), 1040000));
    cr_assert(eq(i64, presenter_clock_due_us(&clock, 460000), 960000));
}

Test(presenter_clock, nothing_is_due_while_paused)
{
    struct limef_presenter_clock clock = running();

    presenter_clock_pause(&clock, 1100000);
    cr_assert(eq(i64, presenter_clock_due_us(&clock, 500000), LIMEF_FOREVER));
    presenter_clock_pause(&clock, 1200000);
    presenter_clock_play(&clock, 4100000);
    cr_assert(eq(i64, presenter_clock_due_us(&clock, 700000), 4200000));
}

Test(presenter_clock, an_anchor_set_while_paused_starts_with_play)
{
    struct limef_presenter_clock clock = running();

    presenter_clock_pause(&clock, 1100000);
    presenter_clock_anchor(&clock, 9000000, 2000000);
    presenter_clock_play(&clock, 5000000);
    cr_assert(eq(i64, presenter_clock_due_us(&clock, 9000000), 5000000));
}

Test(presenter_clock, a_rate_holds_from_its_change_on)
{
    struct limef_presenter_clock clock = running();

    presenter_clock_set_rate(&clock, 2000, 1100000);
    cr_assert(eq(i64, presenter_clock_due_us(&clock, 600000), 1100000));
    cr_assert(eq(i64, presenter_clock_due_us(&clock, 800000), 1200000));
    cr_assert(eq(i64, presenter_clock_lasts_us(&clock, 40000), 20000));
    presenter_clock_set_rate(&clock, 500, 1200000);
    cr_assert(eq(i64, presenter_clock_due_us(&clock, 900000), 1400000));
}

Test(presenter_clock, a_rate_changed_while_paused_keeps_the_place)
{
    struct limef_presenter_clock clock = running();

    presenter_clock_pause(&clock, 1100000);
    presenter_clock_set_rate(&clock, 2000, 3000000);
    presenter_clock_play(&clock, 5000000);
    cr_assert(eq(i64, presenter_clock_due_us(&clock, 600000), 5000000));
    cr_assert(eq(i64, presenter_clock_due_us(&clock, 800000), 5100000));
}

Test(presenter_clock, shifts)
{
    struct limef_presenter_clock clock = running();

    presenter_clock_shift(&clock, -4000);
    cr_assert(eq(i64, presenter_clock_due_us(&clock, 500000), 996000));
    clock = stopped();
    presenter_clock_shift(&clock, -4000);
    cr_assert(not(presenter_clock_anchored(&clock)));
}
