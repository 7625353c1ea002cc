/* SPDX-License-Identifier: MIT */
/* The clock of a device that has nothing else; time is simulated. */
#include "audio/pace.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>

#define RATE 48000
#define PERIOD 128

static struct pace pace;

static void open_pace(void)
{
    pace_init(&pace, RATE, PERIOD, 0);
}

static int64_t frames(int64_t us)
{
    return (us * RATE + 500000) / 1000000;
}

TestSuite(pace, .init = open_pace, .timeout = 30);

/* Ten minutes: what lies between the mixer and what is heard, right after a period was written. */
Test(pace, keeps_less_than_5_ms_between_mixer_and_device_by_periods_of_128_frames)
{
    int64_t now_us = 1000000, first_us = 0;

    for (int64_t n = 0; n < 600 * RATE; n += PERIOD) {
        int64_t mixed_us, heard_us;

        cr_assert(not(pace_next(&pace, now_us, &mixed_us, &heard_us)));
        now_us = mixed_us;
        pace_write(&pace, PERIOD);
        first_us = n == 0 ? heard_us : first_us;
        cr_assert(eq(i64, frames(heard_us - now_us), PERIOD / 2));             /* its first frame */
        cr_assert(le(i64, heard_us - now_us + PERIOD * 1000000 / RATE, 5000)); /* and its last */
        /* no frame was ever lost or made by rounding */
        cr_assert(eq(i64, heard_us - first_us, n * 1000000 / RATE));
    }
}

Test(pace, stands_a_thread_that_comes_late_by_half_a_period)
{
    int64_t now_us = 1000000;

    srand(3);
    for (int i = 0; i < 100000; i++) {
        int64_t mixed_us, heard_us;

        cr_assert(not(pace_next(&pace, now_us, &mixed_us, &heard_us)));
        now_us = mixed_us + rand() % (PERIOD / 2 * 1000000 / RATE);
        pace_write(&pace, PERIOD);
    }
    cr_assert(eq(u32, pace.ahead_frames, PERIOD / 2));
}

Test(pace, stands_a_thread_that_comes_later_where_more_waits)
{
    int64_t now_us = 1000000;

    srand(4);
    pace_init(&pace, RATE, PERIOD, RATE / 100);
    for (int i = 0; i < 100000; i++) {
        int64_t mixed_us, heard_us;

        cr_assert(not(pace_next(&pace, now_us, &mixed_us, &heard_us)));
        cr_assert(eq(i64, frames(heard_us - mixed_us), PERIOD / 2 + RATE / 100));
        /* also for longer than a period: what was due meanwhile is mixed at once */
        if (mixed_us > now_us)
            now_us = mixed_us + rand() % (10000 + PERIOD / 2 * 1000000 / RATE);
        pace_write(&pace, PERIOD);
    }
    cr_assert(eq(u32, pace.ahead_frames, PERIOD / 2 + RATE / 100));
}

Test(pace, says_that_it_ran_dry_once_and_keeps_a_whole_period_then)
{
    int64_t mixed_us, heard_us;

    pace_next(&pace, 0, &mixed_us, &heard_us);
    pace_write(&pace, PERIOD);
    cr_assert(pace_next(&pace, 1000000, &mixed_us, &heard_us));
    cr_assert(eq(i64, mixed_us, 1000000));
    cr_assert(eq(i64, frames(heard_us - mixed_us), PERIOD));
    pace_write(&pace, PERIOD);
    cr_assert(not(pace_next(&pace, mixed_us, &mixed_us, &heard_us)));
    cr_assert(eq(i64, frames(heard_us - 1000000), 2 * PERIOD));
}
