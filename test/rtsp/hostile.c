/* SPDX-License-Identifier: MIT */
/* A camera that means no good, or knows no better: what it can make of a session. */
#include "scripted_camera.h"

TestSuite(rtsp_hostile, .init = open_camera, .fini = close_camera, .timeout = 120);

#define MOST_TIMES 20 /* that anything is asked for in vain */

static void say(const char *text)
{
    cr_assert(eq(int, (int)send(peer, text, strlen(text), MSG_NOSIGNAL), (int)strlen(text)));
}

/* What it says has been taken once a picture behind it has. */
static void send_picture(uint16_t sequence)
{
    unsigned n_before = n_units;

    send_packet(0, 96, sequence, "\x65\x88");
    while (n_units == n_before)
        step();
}

/* Asks for the password until it is refused. Returns how often it was tried. */
static unsigned ask_for_password(const char *format)
{
    char header[128];
    unsigned n = 0;

    meet();
    while (camera.state == LIMEF_RTSP_CONNECTING && n < MOST_TIMES) {
        uint32_t before = camera.sequence;

        expect("DESCRIBE");
        n++;
        snprintf(header, sizeof(header), format, n, n);
        answer_as(401, header, "");
        while (camera.pending == RTSP_DESCRIBE && camera.sequence == before)
            step();
    }
    return n - 1;
}

Test(rtsp_hostile, a_realm_that_is_another_one_each_time_is_a_wrong_password)
{
    cr_assert(
        le(u32, ask_for_password("WWW-Authenticate: Digest realm=\"%u\", nonce=\"%u\"\r\n"), 2));
    cr_assert(eq(int, (int)camera.reason, LIMEF_RTSP_REASON_LOGIN));
}

Test(rtsp_hostile, a_nonce_that_is_always_stale_is_a_wrong_password)
{
    cr_assert(
        le(u32,
           ask_for_password("WWW-Authenticate: Digest realm=\"%u\", nonce=\"%u\", stale=true\r\n"),
           2));
    cr_assert(eq(int, (int)camera.reason, LIMEF_RTSP_REASON_LOGIN));
}

/* The client's own nonce in what was asked. */
static void copy_nonce(char nonce[32])
{
    const char *at = strstr(asked, "cnonce=\"");

    cr_assert(ne(ptr, (void *)at, NULL), "%s", asked);
    snprintf(nonce, 32, "%.16s", at + 8);
}

Test(rtsp_hostile, each_question_gets_a_nonce_of_its_own)
{
    char first[32], second[32];

    meet();
    expect("DESCRIBE");
    answer_as(401, "WWW-Authenticate: Digest realm=\"r\", nonce=\"1\", qop=\"auth\"\r\n", "");
    expect("DESCRIBE");
    copy_nonce(first);
    answer_as(200, "", "v=0\r\n" VIDEO);
    expect("SETUP");
    answer_as(401, "WWW-Authenticate: Digest realm=\"r\", nonce=\"2\", qop=\"auth\"\r\n", "");
    expect("SETUP");
    copy_nonce(second);
    cr_assert(ne(str, first, second));
}

Test(rtsp_hostile, a_camera_that_always_sends_us_elsewhere_is_left_alone)
{
    char text[160];
    unsigned n = 0;

    snprintf(text, sizeof(text),
             "REDIRECT * RTSP/1.0\r\nCSeq: 1\r\nLocation: rtsp://127.0.0.1:%u/s\r\n\r\n", port);
    for (; camera.state != LIMEF_RTSP_UNSUPPORTED && n < MOST_TIMES; n++) {
        uint64_t n_connects;

        greet("Session: 1\r\n", VIDEO);
        n_connects = camera.past.n_connects;
        say(text);
        while (camera.state != LIMEF_RTSP_UNSUPPORTED && camera.past.n_connects == n_connects)
            step();
    }
    cr_assert(lt(u32, n, 8));
    cr_assert(eq(int, (int)camera.reason, LIMEF_RTSP_REASON_REDIRECTION));
    cr_assert(gt(i64, camera.retry_us, limef_now_us() + 10000000));
}

Test(rtsp_hostile, a_word_in_between_gives_it_no_more_time)
{
    int64_t deadline_us;

    meet();
    expect("DESCRIBE");
    deadline_us = camera.deadline_us;
    for (int i = 0; i < 100; i++)
        say("RTSP/1.0 100 Continue\r\nCSeq: 1\r\n\r\n");
    answer_as(200, "", "v=0\r\n" VIDEO);
    while (camera.pending == RTSP_DESCRIBE) {
        cr_assert(eq(i64, camera.deadline_us, deadline_us));
        step();
    }
    expect("SETUP");
}

Test(rtsp_hostile, an_answer_with_another_number_is_none_and_that_is_said)
{
    meet();
    expect("DESCRIBE");
    say("RTSP/1.0 200 OK\r\nCSeq: 777\r\nContent-Length: 0\r\n\r\n");
    while (!camera.is_misnumbered)
        step();
    cr_assert(eq(int, (int)camera.pending, RTSP_DESCRIBE));
    camera.deadline_us = 0;
    step();
    cr_assert(eq(str, why, "no answer but with a CSeq of its own"));
    cr_assert(not(camera.is_misnumbered));
}

Test(rtsp_hostile, an_answer_to_what_was_given_up_is_none)
{
    char late[96];

    greet("Session: 1\r\n", VIDEO);
    send_picture(1);
    camera.keep_alive_us = 0;
    expect("GET_PARAMETER");
    snprintf(late, sizeof(late), "RTSP/1.0 454 No\r\nCSeq: %u\r\n\r\n", camera.sequence);
    camera.deadline_us = 0;
    expect("OPTIONS");
    say(late);
    send_picture(2);
    cr_assert(eq(int, (int)camera.pending, RTSP_KEEP_ALIVE));
    cr_assert(eq(int, (int)state, LIMEF_RTSP_PLAYING));
}

Test(rtsp_hostile, an_answer_that_comes_twice_counts_once)
{
    greet("Session: 1\r\n", VIDEO);
    for (int i = 0; i < 3; i++)
        answer("Session: 2\r\n");
    send_picture(1);
    cr_assert(eq(str, camera.session, "1"));
    cr_assert(eq(int, (int)camera.pending, RTSP_NO_REQUEST));
}

/* Up to PLAY, with these channels for pictures and sound. */
static void greet_with(const char *pictures, const char *sound)
{
    char headers[128];

    meet();
    expect("DESCRIBE");
    answer_as(200, "", "v=0\r\n" VIDEO AUDIO);
    for (int i = 0; i < 2; i++) {
        expect("SETUP");
        snprintf(headers, sizeof(headers),
                 "Session: 1\r\nTransport: RTP/AVP/TCP;interleaved=%s\r\n", i ? sound : pictures);
        answer(headers);
    }
    expect("PLAY");
    answer("");
    while (camera.pending != RTSP_NO_REQUEST)
        step();
}

static void assert_both_come(uint8_t pictures, uint8_t sound)
{
    for (uint16_t i = 1; i < 4; i++) {
        send_packet(pictures, 96, i, "\x65\x88");
        send_packet(sound, 0, i, "ab");
    }
    while (n_units < 6)
        step();
    cr_assert(zero(u64, camera.tracks[0]->receiver.n_foreign));
    cr_assert(zero(u64, camera.tracks[1]->receiver.n_foreign));
}

Test(rtsp_hostile, two_tracks_by_one_channel_are_told_by_what_they_are)
{
    greet_with("0-1", "0-1");
    assert_both_come(0, 0);
}

Test(rtsp_hostile, channels_that_overlap_are_told_by_what_comes_there)
{
    greet_with("0-1", "1-2");
    assert_both_come(0, 1);
}

Test(rtsp_hostile, a_channel_that_leaves_none_for_reports_is_not_taken)
{
    greet_with("255-255", "2-3");
    assert_both_come(0, 2);
}

Test(rtsp_hostile, who_asks_and_never_reads_gets_no_memory)
{
    greet("Session: 1\r\n", VIDEO);
    for (int i = 0; i < 3000; i++) {
        say("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n");
        step();
    }
    cr_assert(le(sz, camera.stream.n_to_send, RTSP_STREAM_SEND_BYTES));
    send_picture(1);
    cr_assert(eq(int, (int)state, LIMEF_RTSP_PLAYING));
}
