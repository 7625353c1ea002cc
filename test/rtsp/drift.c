/* SPDX-License-Identifier: MIT */
#include "two_streams.h"

TestSuite(rtsp_drift, .init = open_streams, .fini = close_streams, .timeout = 60);

/* How far from ours the time of what was captured last is; the beginning was given by arrival. */
static int64_t off_us(const struct stream *stream)
{
    return llabs(stream->pts_us - stream->captured_us - stream->late_us);
}

/* Looked at each minute. */
static void assert_hours(int64_t most_apart_us, int64_t most_off_us)
{
    for (int64_t now_us = 0; now_us < 2 * HOUR_US; now_us += 60000000) {
        play(now_us, now_us + 60000000);
        if (now_us < 60000000)
            continue;
        cr_assert(le(i64, llabs(apart_us()), most_apart_us));
        cr_assert(le(i64, off_us(&streams[VIDEO]), most_off_us));
    }
    cr_assert(zero(u64, counters.n_jumps));
    cr_assert(zero(u32, streams[VIDEO].n_back + streams[AUDIO].n_back));
}

static void drift(double video_ppm, double audio_ppm)
{
    streams[VIDEO].ppm = video_ppm;
    streams[AUDIO].ppm = audio_ppm;
    streams[VIDEO].jitter_us = streams[AUDIO].jitter_us = 100000;
}

Test(rtsp_drift, a_clock_that_drifts_for_hours_leaves_sound_and_pictures_together)
{
    drift(100, 100);
    streams[VIDEO].report_each_us = 60000000; /* of one stream seldom, of the other often */
    streams[AUDIO].report_each_us = 5000000;
    assert_hours(6000, 150000);
    cr_assert(le(u64, counters.n_corrections, 6));
    cr_assert(lt(dbl, fabs(rtsp_receiver_drift_ppm(&streams[VIDEO].receiver) - 100), 10));
}

/* Sound has a crystal of its own, and nothing is reported. */
Test(rtsp_drift, two_clocks_that_drift_apart_for_hours_are_kept_together_by_arrival)
{
    drift(-100, 100);
    streams[VIDEO].reports = streams[AUDIO].reports = false;
    assert_hours(150000, 150000);
    cr_assert(lt(dbl, fabs(rtsp_receiver_drift_ppm(&streams[VIDEO].receiver) + 100), 2));
    cr_assert(lt(dbl, fabs(rtsp_receiver_drift_ppm(&streams[AUDIO].receiver) - 100), 2));
}

/* The camera's wall clock is an hour wrong, and set by a minute in the middle. */
Test(rtsp_drift, a_clock_that_is_wrong_and_set_is_followed_all_the_same)
{
    drift(-50, -50);
    streams[VIDEO].off_us = streams[AUDIO].off_us = HOUR_US;
    play(0, HOUR_US / 2);
    streams[VIDEO].off_us = streams[AUDIO].off_us = HOUR_US + 60000000;
    play(HOUR_US / 2, HOUR_US);
    cr_assert(le(i64, llabs(apart_us()), 6000));
    cr_assert(le(i64, off_us(&streams[VIDEO]), 150000));
    cr_assert(eq(int, (int)counters.sync, LIMEF_RTSP_SYNC_REPORTS));
    cr_assert(lt(dbl, fabs(rtsp_receiver_drift_ppm(&streams[VIDEO].receiver) + 50), 20));
    cr_assert(zero(u32, streams[VIDEO].n_back + streams[AUDIO].n_back));
}

/* Its timestamps jump by a minute: they go on where ours are, and are followed from there. */
Test(rtsp_drift, a_clock_that_jumps_is_followed_behind_the_jump)
{
    drift(100, 100);
    play(0, HOUR_US / 2);
    streams[VIDEO].first_timestamp += 60 * 90000;
    streams[AUDIO].first_timestamp += 60 * 8000;
    play(HOUR_US / 2, HOUR_US);
    cr_assert(eq(u64, counters.n_jumps, 2));
    cr_assert(le(i64, llabs(apart_us()), 6000));
    cr_assert(le(i64, off_us(&streams[VIDEO]), 150000));
    cr_assert(zero(u32, streams[VIDEO].n_back + streams[AUDIO].n_back));
}

/* A minute of its own would be too short to tell it again. */
Test(rtsp_drift, that_is_known_is_followed_at_once_in_the_next_connection)
{
    int64_t before_us[2];

    streams[VIDEO].ppm = streams[AUDIO].ppm = 1000;
    streams[VIDEO].report_each_us = streams[AUDIO].report_each_us = 5000000;
    play(0, HOUR_US / 4);
    connect_anew();
    play(HOUR_US / 4, HOUR_US / 4 + 1000000);
    for (int i = 0; i < 2; i++)
        before_us[i] = streams[i].pts_us - streams[i].captured_us;
    play(HOUR_US / 4 + 1000000, HOUR_US / 4 + 51000000);
    for (int i = 0; i < 2; i++)
        cr_assert(le(i64, llabs(streams[i].pts_us - streams[i].captured_us - before_us[i]), 2000));
    cr_assert(lt(dbl, fabs(rtsp_receiver_drift_ppm(&streams[VIDEO].receiver) - 1000), 10));
}
