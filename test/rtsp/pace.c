/* SPDX-License-Identifier: MIT */
#include "rtsp/pace.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FRAME_US 40000
#define MINUTE_US INT64_C(60000000)
#define HOUR_US (60 * MINUTE_US)

/* A camera in simulated time, each picture captured and sent at once. */
static struct {
    struct rtsp_course course;
    double ppm;           /* its crystal is too fast by */
    int64_t jitter_us;    /* a packet is held up by 0 to so much */
    int64_t delayed_us;   /* and all of them by so much */
    int64_t now_us;       /* of ours, since it began */
    double own_us;        /* of its clock */
    int64_t highest_us;   /* own time */
    int64_t last_us;      /* that was given */
    int64_t most_off_us;  /* of what was given and ours, since it was looked at */
    double most_bent_ppm; /* of what was given and its own clock, from one to the next */
    bool may_have_waited; /* what comes from now on */
    uint32_t random;
} camera;

static void begin(void)
{
    memset(&camera, 0, sizeof(camera));
    camera.last_us = -1;
    camera.random = 1;
}

TestSuite(rtsp_pace, .init = begin, .timeout = 30);

static int64_t held_up_us(void)
{
    camera.random = camera.random * 1664525 + 1013904223;
    return camera.delayed_us + (int64_t)(camera.random >> 8) * camera.jitter_us / (1 << 24);
}

static void show(void)
{
    int64_t own_us = llrint(camera.own_us), given_us;

    rtsp_course_take(&camera.course,
                     &(struct rtsp_came){.at_us = camera.now_us + held_up_us(),
                                         .own_us = own_us,
                                         .highest_us = camera.highest_us,
                                         .may_have_waited = camera.may_have_waited},
                     NULL);
    given_us = own_us + rtsp_course_us(&camera.course, own_us);
    camera.highest_us = own_us;
    cr_assert(gt(i64, given_us, camera.last_us));
    if (camera.last_us >= 0)
        camera.most_bent_ppm = fmax(camera.most_bent_ppm,
                                    fabs((double)(given_us - camera.last_us) / FRAME_US - 1) * 1e6);
    if (llabs(given_us - camera.now_us) > camera.most_off_us)
        camera.most_off_us = llabs(given_us - camera.now_us);
    camera.last_us = given_us;
}

static void play_us(int64_t for_us)
{
    camera.most_off_us = 0;
    for (int64_t end_us = camera.now_us + for_us; camera.now_us < end_us;
         camera.now_us += FRAME_US, camera.own_us += FRAME_US * (1 + camera.ppm / 1e6))
        show();
}

static double drift_ppm(void)
{
    return rtsp_pace_drift_ppm(&camera.course.pace);
}

static void assert_follows_for_a_day(double ppm)
{
    camera.ppm = ppm;
    camera.jitter_us = 100000;
    play_us(24 * HOUR_US);
    cr_assert(lt(i64, camera.most_off_us, 20000));
    cr_assert(lt(dbl, camera.most_bent_ppm, 500));
    play_us(HOUR_US);
    cr_assert(lt(i64, camera.most_off_us, 2000));
    cr_assert(lt(dbl, fabs(drift_ppm() - ppm), 0.5));
}

Test(rtsp_pace, a_clock_that_is_fast_is_followed_for_a_day_through_jitter)
{
    assert_follows_for_a_day(100);
}

Test(rtsp_pace, a_clock_that_is_slow_is_followed_for_a_day_through_jitter)
{
    assert_follows_for_a_day(-100);
}

/* 29.97 pictures a second that are called 30. */
Test(rtsp_pace, pictures_that_are_counted_wrong_are_followed)
{
    camera.ppm = -1000;
    camera.jitter_us = 100000;
    play_us(6 * HOUR_US);
    cr_assert(lt(i64, camera.most_off_us, 100000));
    play_us(HOUR_US);
    cr_assert(lt(i64, camera.most_off_us, 5000));
    cr_assert(lt(dbl, fabs(drift_ppm() + 1000), 1));
}

Test(rtsp_pace, a_drift_is_told_when_it_is_known_to_ten_millionths)
{
    camera.ppm = 37;
    camera.jitter_us = 100000;
    play_us(MINUTE_US);
    cr_assert(zero(dbl, drift_ppm()));
    for (int i = 0; i < 200 && drift_ppm() == 0; i++)
        play_us(MINUTE_US / 10);
    cr_assert(le(i64, camera.now_us, 5 * MINUTE_US));
    while (camera.now_us < 3 * HOUR_US) {
        cr_assert(lt(dbl, fabs(drift_ppm() - 37), 20));
        play_us(MINUTE_US);
    }
    cr_assert(lt(dbl, fabs(drift_ppm() - 37), 0.5));
}

/* The day warms it. */
Test(rtsp_pace, a_drift_that_changes_is_followed)
{
    camera.jitter_us = 20000;
    for (int i = 0; i < 24 * 60; i++) {
        camera.ppm = 10 * sin(i * 2 * M_PI / (24 * 60));
        play_us(MINUTE_US);
        cr_assert(lt(i64, camera.most_off_us, 5000));
    }
}

Test(rtsp_pace, a_network_that_is_full_for_minutes_is_hardly_followed)
{
    camera.ppm = 50;
    camera.jitter_us = 100000;
    play_us(HOUR_US);
    camera.delayed_us = 500000;
    play_us(5 * MINUTE_US);
    cr_assert(lt(i64, camera.most_off_us, 70000));
    cr_assert(lt(dbl, fabs(drift_ppm() - 50), 2));
    camera.delayed_us = 0;
    play_us(HOUR_US);
    cr_assert(lt(i64, camera.most_off_us, 100000));
    play_us(HOUR_US);
    cr_assert(lt(i64, camera.most_off_us, 5000));
    cr_assert(lt(dbl, fabs(drift_ppm() - 50), 1));
}

/* An encoder that hung for less than half a second and counted on: no jump, but in the end it is
 * made up for. */
Test(rtsp_pace, what_little_a_camera_left_out_is_made_up_for_slowly)
{
    play_us(HOUR_US);
    camera.now_us += 400000;
    play_us(2 * HOUR_US);
    cr_assert(lt(dbl, camera.most_bent_ppm, 500));
    play_us(4 * HOUR_US);
    cr_assert(lt(i64, camera.most_off_us, 5000));
    cr_assert(zero(u64, camera.course.n_strayed));
}

Test(rtsp_pace, what_much_a_camera_left_out_is_made_up_for_in_twenty_seconds)
{
    camera.jitter_us = 100000;
    play_us(MINUTE_US);
    camera.now_us += 40000000;
    play_us(20000000);
    play_us(MINUTE_US);
    cr_assert(lt(i64, camera.most_off_us, 100000));
    cr_assert(eq(u64, camera.course.n_strayed, 1));
}

/* All that comes waited in our socket: times that followed would hide how late we are. */
Test(rtsp_pace, what_may_have_waited_for_us_moves_nothing)
{
    play_us(MINUTE_US);
    camera.may_have_waited = true;
    camera.delayed_us = 5000000;
    play_us(10 * MINUTE_US);
    cr_assert(lt(i64, camera.most_off_us, 1000));
    cr_assert(zero(u64, camera.course.n_strayed));
}

Test(rtsp_pace, nothing_is_changed_in_the_first_minute)
{
    camera.ppm = 100;
    camera.jitter_us = 100000;
    play_us(MINUTE_US);
    cr_assert(eq(i64, camera.last_us, camera.highest_us));
}

static void assert_follows_within_minutes(double ppm)
{
    begin();
    camera.ppm = ppm;
    camera.jitter_us = 100000;
    play_us(5 * MINUTE_US);
    cr_assert(lt(i64, camera.most_off_us, 700000));
    play_us(5 * MINUTE_US);
    cr_assert(lt(i64, camera.most_off_us, 500000));
    cr_assert(lt(dbl, fabs(drift_ppm() - ppm), 10 + fabs(ppm) / 50));
    play_us(3 * HOUR_US);
    play_us(HOUR_US);
    /* a clock that is fast was so much ahead at the end of its first ten seconds */
    cr_assert(lt(i64, camera.most_off_us, 20000 + (ppm > 0 ? llrint(10 * ppm) : 0)));
}

/* 24.9 pictures a second that are stamped as 25. */
Test(rtsp_pace, clocks_that_are_off_by_up_to_a_hundredth_are_followed)
{
    assert_follows_within_minutes(4000);
    assert_follows_within_minutes(-4000);
    assert_follows_within_minutes(10000);
    assert_follows_within_minutes(-10000);
}

Test(rtsp_pace, a_file_that_is_sent_faster_is_no_clock_and_stays_near_arrival)
{
    camera.ppm = 500000;
    play_us(10 * MINUTE_US);
    cr_assert(zero(dbl, drift_ppm()));
    cr_assert(gt(i64, camera.last_us, camera.now_us - FRAME_US));
    cr_assert(le(i64, camera.last_us, camera.now_us + RTSP_COURSE_MOST_AHEAD_US + 1000));
}

/* A picture that refers to a later one, at the place where the line bends most. */
Test(rtsp_pace, times_before_a_bend_keep_their_order)
{
    struct rtsp_course course = {.has_first = true, .at_us = 5000, .before = 2e-3, .now = -2e-3};
    int64_t last_us = INT64_MIN;

    for (int64_t own_us = -2000000; own_us <= 2000000; own_us += 100) {
        int64_t given_us = own_us + rtsp_course_us(&course, own_us);

        cr_assert(gt(i64, given_us, last_us));
        last_us = given_us;
    }
}

/* 40 s of pictures that nothing came for: what is between two has the whole step as well. */
Test(rtsp_pace, pictures_out_of_order_are_on_the_later_side_of_a_step)
{
    struct rtsp_course course = {.has_first = true, .owed_us = 40000000};

    rtsp_course_take(
        &course, &(struct rtsp_came){.at_us = 41120000, .own_us = 1120000, .highest_us = 1000000},
        NULL);
    cr_assert(eq(i64, rtsp_course_us(&course, 1000000), 0));
    cr_assert(eq(i64, rtsp_course_us(&course, 1040000), 40000000));
    cr_assert(eq(i64, rtsp_course_us(&course, 1120000), 40000000));
}
