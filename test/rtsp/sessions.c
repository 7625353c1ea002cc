/* SPDX-License-Identifier: MIT */
/* Cameras whose tracks have sessions of their own (RFC 2326 sections 11.3.10 and 12.37). */
#include "scripted_camera.h"

TestSuite(rtsp_sessions, .init = open_camera, .fini = close_camera, .timeout = 120);

/* The next request is of that track, in that session; NULL: in none. */
static void expect_of(const char *method, const char *track, const char *session)
{
    char text[64];

    expect(method);
    snprintf(text, sizeof(text), "/s/%s RTSP/1.0\r\n", track);
    cr_assert(ne(ptr, strstr(asked, text), NULL), "%s is not of %s", asked, track);
    snprintf(text, sizeof(text), "\r\nSession: %s\r\n", session ? session : "");
    cr_assert(eq(int, strstr(asked, session ? text : "\r\nSession: ") != NULL, session != NULL),
              "%s is not in %s", asked, session);
}

static void describe(void)
{
    char base[80];

    meet();
    expect("DESCRIBE");
    snprintf(base, sizeof(base), "Content-Base: rtsp://127.0.0.1:%u/s/\r\n", port);
    answer_as(200, base, "v=0\r\n" VIDEO AUDIO);
    expect_of("SETUP", "v", NULL);
    answer("Session: one;timeout=20\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n");
    expect_of("SETUP", "a", "one");
}

static void assert_both_come(void)
{
    send_packet(0, 96, 1, "\x65\x88");
    send_packet(2, 0, 1, "ab");
    while (n_units < 2)
        step();
    cr_assert(eq(int, (int)state, LIMEF_RTSP_PLAYING));
}

/* Each of them is asked by itself whether it is there. */
static void assert_kept_alive(void)
{
    while (camera.pending != RTSP_NO_REQUEST)
        step();
    cr_assert(le(i64, camera.keep_alive_us, limef_now_us() + 5000000));
    for (int i = 0; i < 4; i++) {
        camera.keep_alive_us = 0;
        expect_of("GET_PARAMETER", i % 2 ? "v" : "a", i % 2 ? "one" : "two");
        answer("");
        while (camera.pending != RTSP_NO_REQUEST)
            step();
    }
}

Test(rtsp_sessions, one_for_each_track_are_played_kept_alive_and_left_one_by_one)
{
    describe();
    answer("Session: two;timeout=20\r\nTransport: RTP/AVP/TCP;interleaved=2-3\r\n");
    expect_of("PLAY", "v", "one");
    answer("");
    expect_of("PLAY", "a", "two");
    answer("Session: three\r\n");
    assert_both_come();
    assert_kept_alive();
    rtsp_camera_stop(&camera);
    expect_of("TEARDOWN", "v", "one");
    expect_of("TEARDOWN", "a", "two");
}

Test(rtsp_sessions, that_are_refused_for_a_second_track_are_asked_for_anew)
{
    describe();
    answer_as(459, "", "");
    expect_of("SETUP", "a", NULL);
    answer("Session: two\r\nTransport: RTP/AVP/TCP;interleaved=2-3\r\n");
    expect_of("PLAY", "v", "one");
    answer("");
    expect_of("PLAY", "a", "two");
    answer("");
    assert_both_come();
}

Test(rtsp_sessions, that_are_not_played_as_a_whole_are_played_track_by_track)
{
    describe();
    answer("Session: one\r\nTransport: RTP/AVP/TCP;interleaved=2-3\r\n");
    expect_of("PLAY", "", "one");
    answer_as(459, "", "");
    expect_of("PLAY", "v", "one");
    answer("");
    expect_of("PLAY", "a", "one");
    answer("");
    assert_both_come();
}

/* It forgets the first one with the second. */
Test(rtsp_sessions, that_change_are_played_as_a_whole_if_one_by_one_is_refused)
{
    describe();
    answer("Session: two\r\nTransport: RTP/AVP/TCP;interleaved=2-3\r\n");
    expect_of("PLAY", "v", "one");
    answer_as(454, "", "");
    expect_of("PLAY", "", "two");
    answer("");
    assert_both_come();
    camera.keep_alive_us = 0;
    expect_of("GET_PARAMETER", "", "two");
}

Test(rtsp_sessions, that_are_refused_either_way_are_asked_for_later)
{
    describe();
    answer("Session: two\r\nTransport: RTP/AVP/TCP;interleaved=2-3\r\n");
    expect_of("PLAY", "v", "one");
    answer_as(460, "", "");
    expect_of("PLAY", "", "two");
    answer_as(459, "", "");
    while (camera.pending == RTSP_PLAY)
        step();
    cr_assert(eq(int, (int)state, LIMEF_RTSP_WAITING));
    cr_assert(eq(str, why, "PLAY: 459 X"));
}

Test(rtsp_sessions, that_end_at_the_first_of_several_are_played_as_a_whole_the_next_time)
{
    describe();
    answer("Session: two\r\nTransport: RTP/AVP/TCP;interleaved=2-3\r\n");
    expect_of("PLAY", "v", "one");
    close(peer);
    peer = 0;
    while (state != LIMEF_RTSP_WAITING)
        step();
    camera.retry_us = 0;
    describe();
    answer("Session: two\r\nTransport: RTP/AVP/TCP;interleaved=2-3\r\n");
    expect_of("PLAY", "", "two");
    answer("");
    assert_both_come();
}

/* It plays all of them at the first. */
Test(rtsp_sessions, that_refuse_a_second_play_are_played_as_a_whole_the_next_time)
{
    describe();
    answer("Session: two\r\nTransport: RTP/AVP/TCP;interleaved=2-3\r\n");
    expect_of("PLAY", "v", "one");
    answer("");
    expect_of("PLAY", "a", "two");
    camera.has_played = true;
    answer_as(455, "", "");
    while (state != LIMEF_RTSP_WAITING)
        step();
    camera.retry_us = 0;
    describe();
    answer("Session: two\r\nTransport: RTP/AVP/TCP;interleaved=2-3\r\n");
    expect_of("PLAY", "", "two");
    answer("");
    assert_both_come();
}

/* None of them is the one of the track before. */
Test(rtsp_sessions, one_for_each_of_three_tracks_are_played_one_by_one)
{
    static const char *const names[] = {"v", "a", "e"}, *const sessions[] = {"one", "two", "three"};
    char headers[128];

    meet();
    expect("DESCRIBE");
    answer_as(200, "", "v=0\r\n" VIDEO AUDIO EVENTS);
    for (unsigned i = 0; i < 3; i++) {
        expect_of("SETUP", names[i], i == 1 ? "one" : NULL);
        snprintf(headers, sizeof(headers),
                 "Session: %s\r\nTransport: RTP/AVP/TCP;interleaved=%u-%u\r\n", sessions[i], 2 * i,
                 2 * i + 1);
        answer(headers);
    }
    for (unsigned i = 0; i < 3; i++) {
        expect_of("PLAY", names[i], sessions[i]);
        answer("");
    }
    assert_both_come();
}
