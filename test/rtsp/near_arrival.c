/* SPDX-License-Identifier: MIT */
/*
 * What doc/filter/rtsp_source.md promises of times and arrival, as a property: in simulated time a
 * camera and its network do what chance says, one thing after the other.
 */
#include "two_streams.h"

#include <stdio.h>

#define SECOND_US INT64_C(1000000)
/* All that happens does so between two groups of pictures, and of 20 ms of sound. */
#define GRID_US 600000
/* How long nothing happens, before it is looked at; and how long that is done. */
#define SETTLES_US (150 * SECOND_US)
#define LOOKED_AT_US (12 * SECOND_US)
/* Times rise, though they are too far ahead, by a thousandth of what was sent ahead: 28 s at most,
 * 8 s at PLAY and what was held up for 20 s. */
#define SLACK_US 30000
/* Scripts that are played; LIMEF_TEST_SCRIPTS, "0-199", in the environment: those. */
#define FIRST_SCRIPT 18
#define LAST_SCRIPT 37
#define N_EVENTS 12

static uint32_t seed;
static bool has_pictures_between, reports_right;
static int64_t now_us; /* of the camera; what arrives then is at a second later by ours */
static struct quickest {
    int64_t ahead_us; /* of the unit that was held up least, of its arrival; put in step left out */
    int64_t last_us;  /* pts of the last unit that is shown after all before it */
} quickest[2];

TestSuite(rtsp_near_arrival, .init = open_streams, .fini = close_streams, .timeout = 170);

static uint32_t below(uint32_t n)
{
    seed = seed * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)(seed >> 8) * n >> 24);
}

static int64_t between_us(int64_t least_us, int64_t most_us)
{
    return least_us + (most_us - least_us) / 1000 * below(1001);
}

static int64_t on_grid(int64_t us)
{
    return us / GRID_US * GRID_US;
}

static int64_t shift_us(const struct rtsp_clock *clock)
{
    return clock->shift_us > clock->end_shift_us ? clock->shift_us : clock->end_shift_us;
}

static void look_at(int number)
{
    const struct stream *stream = &streams[number];
    int64_t ahead_us = sync.begun_us + stream->pts_us - stream->arrived_us;

    cr_assert(
        le(i64, ahead_us - shift_us(&sync.clocks[number]), RTSP_COURSE_MOST_AHEAD_US + SLACK_US));
    ahead_us -= sync.clocks[number].end_shift_us;
    if (ahead_us > quickest[number].ahead_us)
        quickest[number].ahead_us = ahead_us;
}

static void come(int number, int64_t captured_us)
{
    unsigned n_before = streams[number].n_units;

    arrive(&streams[number], captured_us);
    if (streams[number].n_units == n_before)
        return;
    if (!streams[number].is_between) {
        cr_assert(gt(i64, streams[number].pts_us, quickest[number].last_us), "script %u", seed);
        quickest[number].last_us = streams[number].pts_us;
    }
    look_at(number);
}

/* A picture that refers to two earlier and one later one; that is sent first. */
static void come_out_of_order(int64_t captured_us)
{
    int64_t before_us = quickest[VIDEO].last_us, first_us;

    if (captured_us / VIDEO_US % 3)
        return;
    come(VIDEO, captured_us + 2 * VIDEO_US);
    streams[VIDEO].is_between = true;
    come(VIDEO, captured_us);
    first_us = streams[VIDEO].pts_us;
    come(VIDEO, captured_us + VIDEO_US);
    streams[VIDEO].is_between = false;
    cr_assert(gt(i64, first_us, before_us));
    cr_assert(gt(i64, streams[VIDEO].pts_us, first_us));
    cr_assert(lt(i64, streams[VIDEO].pts_us, quickest[VIDEO].last_us));
}

static void run(int64_t for_us)
{
    for (int64_t end_us = now_us + for_us; now_us < end_us; now_us += 10000)
        for (int i = 0; i < 2; i++) {
            int64_t captured_us = now_us - streams[i].late_us;

            if (is_due(&streams[i], now_us, streams[i].report_each_us))
                report(&streams[i], captured_us);
            if (!is_due(&streams[i], now_us, i == VIDEO ? VIDEO_US : AUDIO_US))
                continue;
            if (i == VIDEO && has_pictures_between)
                come_out_of_order(captured_us);
            else
                come(i, captured_us);
        }
}

/* The timestamps of all, as if the clock of the camera had been set. */
static void jump(int64_t by_us)
{
    for (int i = 0; i < 2; i++)
        streams[i].first_timestamp += (uint32_t)(by_us * streams[i].clock_hz / SECOND_US);
}

static void jump_forth_and_back(void)
{
    int64_t by_us = between_us(250000, 2900000);

    for (int i = 0; i < 12; i++) {
        jump(i % 2 ? -by_us : by_us);
        run(2 * GRID_US);
    }
}

/* What is captured meanwhile comes when it is over. */
static void hold_up(int64_t for_us)
{
    for (int i = 0; i < 2; i++)
        streams[i].not_before_us = SECOND_US + now_us + for_us;
    run(for_us);
}

/* Nothing that comes first is shown before what came before that. */
static void begin(void)
{
    bool had_pictures_between = has_pictures_between;

    has_pictures_between = false;
    run(GRID_US);
    has_pictures_between = had_pictures_between;
}

/* What came last once more, all at once, as from a server that begins at a key frame. */
static void connect_again(int64_t back_us)
{
    now_us += on_grid(between_us(GRID_US, 20 * SECOND_US)); /* nobody was there */
    connect_anew();
    streams[VIDEO].not_before_us = streams[AUDIO].not_before_us = SECOND_US + now_us;
    now_us -= back_us;
    begin();
    run(back_us);
}

static void report_wrong(void)
{
    for (int i = 0; i < 10; i++) {
        streams[below(2)].off_us = between_us(-3600 * SECOND_US, 3600 * SECOND_US);
        run(GRID_US);
    }
    streams[VIDEO].off_us = streams[AUDIO].off_us = between_us(0, 3600 * SECOND_US);
}

static void begin_anew(void)
{
    for (int i = 0; i < 2; i++) {
        streams[i].ssrc += 2;
        streams[i].sequence = (uint16_t)below(65536);
        streams[i].first_timestamp = seed;
    }
    begin();
}

static void happen(void)
{
    int64_t for_us = on_grid(between_us(GRID_US, 40 * SECOND_US));

    switch (below(9)) {
    case 0: /* by more than pictures are out of order */
        jump((below(2) ? 1 : -1) * between_us(250000, 10 * SECOND_US));
        break;
    case 1:
        jump_forth_and_back();
        break;
    case 2: /* it counts on as if nothing had been, by its clock */
        now_us += for_us;
        jump(-llrint((double)for_us * (1 + streams[VIDEO].ppm / 1e6)));
        break;
    case 3:
        now_us += for_us;
        break;
    case 4:
        connect_again(on_grid(between_us(0, 8 * SECOND_US)));
        break;
    case 5:
        hold_up(for_us / 2);
        break;
    case 6:
        report_wrong();
        break;
    case 7:
        begin_anew();
        break;
    default: /* its wall clock is set */
        streams[VIDEO].off_us = streams[AUDIO].off_us = between_us(-3600 * SECOND_US, SECOND_US);
        break;
    }
}

static void look(unsigned script)
{
    run(SETTLES_US);
    quickest[VIDEO].ahead_us = quickest[AUDIO].ahead_us = INT64_MIN;
    for (int64_t end_us = now_us + LOOKED_AT_US; now_us < end_us;) {
        run(GRID_US);
        if (reports_right)
            cr_assert(le(i64, llabs(apart_us()), 10000), "script %u", script);
    }
    for (int i = 0; i < 2; i++) {
        cr_assert(le(i64, quickest[i].ahead_us, RTSP_COURSE_AHEAD_US + SLACK_US), "script %u",
                  script);
        cr_assert(ge(i64, quickest[i].ahead_us, -RTSP_COURSE_MOST_LATE_US - SLACK_US), "script %u",
                  script);
    }
}

static void play_script(unsigned script)
{
    double ppm = 5000.0 * below(3) - 5000;
    int64_t jitter_us = 50000 * below(3);

    has_pictures_between = below(3) == 0;
    reports_right = below(3) > 0;
    now_us = 0;
    quickest[VIDEO].last_us = quickest[AUDIO].last_us = INT64_MIN;
    for (int i = 0; i < 2; i++) {
        streams[i].ppm = ppm;
        streams[i].jitter_us = jitter_us;
        streams[i].reports = reports_right || i == VIDEO;
        streams[i].report_each_us = GRID_US * (1 + below(8));
        streams[i].late_us = 10000 * below(30);
        streams[i].first_timestamp = UINT32_MAX - below(90000 * 60);
    }
    for (int i = 0; i < N_EVENTS; i++) {
        happen();
        look(script);
    }
}

Test(rtsp_near_arrival, whatever_a_camera_does_its_times_stay_near_arrival)
{
    const char *wanted = getenv("LIMEF_TEST_SCRIPTS");
    unsigned script = FIRST_SCRIPT, last = LAST_SCRIPT;

    if (wanted)
        cr_assert(eq(int, sscanf(wanted, "%u-%u", &script, &last), 2));
    for (; script <= last; script++) {
        seed = script * 2654435761U;
        close_streams();
        open_streams();
        play_script(script);
    }
}

static void begin_plainly(void)
{
    now_us = 0;
    has_pictures_between = false;
    for (int i = 0; i < 2; i++) {
        streams[i].report_each_us = SECOND_US;
        quickest[i].ahead_us = quickest[i].last_us = INT64_MIN;
    }
    run(10 * SECOND_US);
}

Test(rtsp_near_arrival, a_clock_that_jumps_forth_and_back_runs_nowhere)
{
    begin_plainly();
    for (int i = 0; i < 40; i++) {
        jump(i % 2 ? -2500000 : 2500000);
        run(SECOND_US);
        cr_assert(le(i64, llabs(apart_us()), 10000));
    }
    rtsp_sync_count(&sync, &counters);
    cr_assert(eq(u64, counters.n_jumps, 80));
    cr_assert(zero(u64, counters.n_strayed));
    cr_assert(le(i64, quickest[VIDEO].ahead_us, 1000));
    cr_assert(le(i64, quickest[AUDIO].ahead_us, 1000));
}

Test(rtsp_near_arrival, eight_seconds_at_each_play_do_not_add_up)
{
    begin_plainly();
    for (int i = 0; i < 10; i++)
        connect_again(8 * SECOND_US);
    run(60 * SECOND_US); /* look_at() has seen that none was half a second ahead */
    quickest[VIDEO].ahead_us = INT64_MIN;
    run(LOOKED_AT_US);
    cr_assert(le(i64, quickest[VIDEO].ahead_us, RTSP_COURSE_AHEAD_US + SLACK_US));
    rtsp_sync_count(&sync, &counters);
    cr_assert(gt(u64, counters.n_strayed, 0));
}
