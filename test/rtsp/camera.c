/* SPDX-License-Identifier: MIT */
/* The session, with a camera in the same thread that answers as it is told. */
#include "scripted_camera.h"

#include <sys/resource.h>

TestSuite(rtsp_camera, .init = open_camera, .fini = close_camera, .timeout = 120);

static void send_picture(uint16_t sequence)
{
    unsigned n_before = n_units;

    send_packet(0, 96, sequence, "\x65\x88");
    while (n_units == n_before)
        step();
}

static void send_sound(uint16_t sequence)
{
    unsigned n_before = n_units;

    send_packet(2, 0, sequence, "ab");
    while (n_units == n_before)
        step();
}

Test(rtsp_camera, keeps_a_session_alive_now_and_then_if_it_has_no_name)
{
    greet("", VIDEO);
    send_picture(1);
    step();
    cr_assert(eq(int, (int)camera.pending, RTSP_NO_REQUEST));
    cr_assert(gt(i64, camera.keep_alive_us, limef_now_us() + 10000000));
}

Test(rtsp_camera, plays_on_if_a_keep_alive_is_not_answered)
{
    greet("Session: 1\r\n", VIDEO);
    send_picture(1);
    camera.keep_alive_us = 0;
    expect("GET_PARAMETER");
    camera.deadline_us = 0;
    expect("OPTIONS");
    camera.deadline_us = 0;
    step();
    send_picture(2);
    cr_assert(eq(int, (int)state, LIMEF_RTSP_PLAYING));
    cr_assert(gt(i64, camera.keep_alive_us, limef_now_us() + 10000000));
}

static void refuse_login(int nonce)
{
    char headers[80];

    snprintf(headers, sizeof(headers), "WWW-Authenticate: Digest realm=\"r\", nonce=\"%d\"\r\n",
             nonce);
    answer_as(401, headers, "");
}

Test(rtsp_camera, plays_on_if_no_login_is_good_enough_for_a_keep_alive)
{
    greet("Session: 1\r\n", VIDEO);
    send_picture(1);
    camera.keep_alive_us = 0;
    for (int nonce = 1; nonce <= 4; nonce++) {
        expect(nonce <= 2 ? "GET_PARAMETER" : "OPTIONS");
        cr_assert(eq(int, strstr(asked, "Authorization: ") != NULL, nonce > 1));
        refuse_login(nonce);
    }
    while (camera.pending != RTSP_NO_REQUEST)
        step();
    cr_assert(eq(i64, camera.keep_alive_us, LIMEF_FOREVER)); /* accounts are locked by more */
    camera.keep_alive_us = 0; /* as where only its answers tell that it is alive */
    expect("OPTIONS");
    cr_assert(eq(ptr, (void *)strstr(asked, "Authorization: "), NULL));
    refuse_login(5);
    while (camera.pending != RTSP_NO_REQUEST)
        step();
    send_picture(2);
    while (n_units < 2 && state == LIMEF_RTSP_PLAYING)
        step();
    cr_assert(eq(int, (int)state, LIMEF_RTSP_PLAYING));
}

Test(rtsp_camera, plays_on_if_a_keep_alive_wants_a_login_that_cannot_be_had)
{
    greet("Session: 1\r\n", VIDEO);
    send_picture(1);
    camera.keep_alive_us = 0;
    expect("GET_PARAMETER");
    answer_as(401, "WWW-Authenticate: Odd realm=\"r\"\r\n", "");
    expect("OPTIONS");
    answer("");
    while (camera.pending != RTSP_NO_REQUEST)
        step();
    cr_assert(lt(i64, camera.keep_alive_us, LIMEF_FOREVER));
    cr_assert(eq(int, (int)state, LIMEF_RTSP_PLAYING));
}

Test(rtsp_camera, plays_on_if_play_is_answered_by_pictures_alone)
{
    meet();
    expect("DESCRIBE");
    answer_as(200, "", "v=0\r\n" VIDEO);
    expect("SETUP");
    answer("Transport: RTP/AVP/TCP;interleaved=0-1\r\n");
    expect("PLAY");
    send_picture(1);
    camera.deadline_us = 0;
    expect("OPTIONS");
    cr_assert(eq(int, (int)state, LIMEF_RTSP_PLAYING));
    cr_assert(lt(i64, camera.report_us, LIMEF_FOREVER));
}

Test(rtsp_camera, is_lost_if_it_answers_keep_alives_and_sends_nothing)
{
    greet("Session: 1\r\n", VIDEO);
    camera.keep_alive_us = 0;
    expect("GET_PARAMETER");
    answer("");
    while (camera.pending != RTSP_NO_REQUEST)
        step();
    cr_assert(lt(i64, camera.media_us, LIMEF_FOREVER));
    camera.media_us = 0;
    step();
    cr_assert(eq(str, why, "it sends nothing"));
}

Test(rtsp_camera, takes_a_new_nonce_though_nobody_says_that_the_old_one_is_stale)
{
    meet();
    expect("DESCRIBE");
    answer_as(401, "WWW-Authenticate: Digest realm=\"r\", nonce=\"1\"\r\n", "");
    expect("DESCRIBE");
    answer_as(200, "", "v=0\r\n" VIDEO);
    expect("SETUP");
    answer_as(401, "WWW-Authenticate: Digest realm=\"r\", nonce=\"2\"\r\n", "");
    expect("SETUP");
    cr_assert(ne(ptr, strstr(asked, "nonce=\"2\""), NULL));
    answer_as(401, "WWW-Authenticate: Digest realm=\"r\", nonce=\"3\"\r\n", "");
    while (camera.pending != RTSP_NO_REQUEST)
        step();
    cr_assert(eq(int, (int)state, LIMEF_RTSP_REFUSED_USER));
}

Test(rtsp_camera, is_stalled_and_lost_when_pictures_stop_though_sound_goes_on)
{
    greet("Session: 1\r\n", VIDEO AUDIO);
    send_picture(1);
    send_sound(1);
    camera.last_unit_us -= TIMEOUT_US / 2;
    send_sound(2);
    step();
    cr_assert(eq(int, (int)state, LIMEF_RTSP_STALLED));
    cr_assert(eq(str, why, "no picture"));
    send_sound(3);
    cr_assert(eq(int, (int)state, LIMEF_RTSP_STALLED));
    send_picture(2);
    cr_assert(eq(int, (int)state, LIMEF_RTSP_PLAYING));
}

Test(rtsp_camera, plays_sound_where_there_is_nothing_else)
{
    greet("Session: 1\r\n", AUDIO);
    send_packet(0, 0, 1, "ab");
    while (n_units == 0)
        step();
    cr_assert(eq(int, (int)state, LIMEF_RTSP_PLAYING));
}

Test(rtsp_camera, is_stalled_when_no_picture_is_whole)
{
    greet("Session: 1\r\n", VIDEO);
    send_picture(1);
    camera.last_unit_us -= TIMEOUT_US / 2;
    for (uint16_t i = 0; i < 8; i++)
        send_packet(0, 96, (uint16_t)(10 + 5 * i), "\x7c\x05"); /* the middle of one */
    while (state == LIMEF_RTSP_PLAYING)
        step();
    cr_assert(eq(int, (int)state, LIMEF_RTSP_STALLED));
    cr_assert(eq(u32, n_units, 1));
}

Test(rtsp_camera, tries_the_other_transport_whatever_number_refuses_the_one)
{
    camera.settings.transport = LIMEF_RTSP_AUTO;
    for (int i = 0; i < 2; i++) {
        meet();
        expect("DESCRIBE");
        answer_as(200, "", "v=0\r\n" VIDEO);
        expect("SETUP");
        cr_assert(eq(int, !strstr(asked, "client_port="), i == 0));
        answer_as(400, "", "");
        while (camera.pending == RTSP_SETUP)
            step();
    }
    cr_assert(eq(str, why, "SETUP: 400 X"));
}

/* What is asked for by TLS does not come in the clear because somebody answers 400. */
Test(rtsp_camera, stays_in_the_connection_with_tls)
{
    camera.settings.transport = LIMEF_RTSP_AUTO;
    meet();
    expect("DESCRIBE");
    camera.location.is_tls = true; /* as far as it knows */
    camera.is_udp = true;          /* it sent nothing last time */
    answer_as(200, "", "v=0\r\n" VIDEO);
    expect("SETUP");
    cr_assert(eq(ptr, strstr(asked, "client_port="), NULL));
    answer_as(461, "", "");
    while (camera.pending == RTSP_SETUP)
        step();
    cr_assert(eq(int, (int)state, LIMEF_RTSP_UNSUPPORTED));
    cr_assert(eq(str, why, "it refuses TCP"));
}

/* Up to SETUP, by the transport that is expected. */
static void expect_setup(bool is_udp)
{
    meet();
    expect("DESCRIBE");
    answer_as(200, "", "v=0\r\n" VIDEO);
    expect("SETUP");
    cr_assert(eq(int, strstr(asked, "client_port=") != NULL, is_udp));
}

/* When that brought nothing by TCP. */
static void ask_for_udp(void)
{
    camera.settings.transport = LIMEF_RTSP_AUTO;
    camera.is_udp = true;
}

Test(rtsp_camera, comes_by_tcp_again_if_its_answer_by_udp_leads_nowhere)
{
    ask_for_udp();
    expect_setup(true);
    answer("Session: 1\r\nTransport: RTP/AVP;multicast\r\n");
    while (camera.pending == RTSP_SETUP)
        step();
    cr_assert(not(camera.is_udp));
    greet("Session: 1\r\n", VIDEO);
    send_picture(1);
    cr_assert(eq(int, (int)state, LIMEF_RTSP_PLAYING));
}

static void hang_up_at_setup(bool is_udp)
{
    expect_setup(is_udp);
    close(peer);
    peer = 0;
    while (state != LIMEF_RTSP_WAITING)
        step();
    cr_assert(eq(str, why, "it closed the connection"));
    camera.retry_us = 0;
}

Test(rtsp_camera, is_asked_by_the_other_transport_if_it_hangs_up_twice_at_setup)
{
    camera.settings.transport = LIMEF_RTSP_AUTO;
    for (int i = 0; i < 6; i++)
        hang_up_at_setup(i / 2 == 1);
}

Test(rtsp_camera, is_asked_as_the_settings_want_however_often_it_hangs_up_at_setup)
{
    for (int i = 0; i < 4; i++)
        hang_up_at_setup(false);
}

Test(rtsp_camera, is_asked_by_the_same_transport_if_it_hangs_up_at_setup_now_and_then)
{
    camera.settings.transport = LIMEF_RTSP_AUTO;
    for (int i = 0; i < 4; i++) {
        hang_up_at_setup(false);
        meet();
        expect("DESCRIBE");
        answer_as(503, "", "");
        while (state != LIMEF_RTSP_WAITING)
            step();
        camera.retry_us = 0;
    }
}

/* Up to the answer to DESCRIBE, and nothing can be opened then. */
static void describe_without_descriptors(void)
{
    struct rlimit few, before;

    meet();
    expect("DESCRIBE");
    answer_as(200, "", "v=0\r\n" VIDEO);
    cr_assert(zero(int, getrlimit(RLIMIT_NOFILE, &before)));
    few = before;
    few.rlim_cur = (rlim_t)dup(listener);
    close((int)few.rlim_cur);
    cr_assert(zero(int, setrlimit(RLIMIT_NOFILE, &few)));
    while (camera.pending == RTSP_DESCRIBE)
        step();
    cr_assert(zero(int, setrlimit(RLIMIT_NOFILE, &before)));
}

Test(rtsp_camera, comes_by_tcp_again_if_there_is_no_socket_for_udp)
{
    ask_for_udp();
    describe_without_descriptors();
    cr_assert(not(camera.is_udp));
    greet("Session: 1\r\n", VIDEO);
}

Test(rtsp_camera, says_what_the_system_has_no_room_for)
{
    camera.settings.transport = LIMEF_RTSP_UDP;
    camera.is_udp = true;
    describe_without_descriptors();
    cr_assert(eq(str, why, "SETUP cannot be sent: Too many open files"));
}

/* It would eat all that comes within seconds. */
Test(rtsp_camera, goes_on_at_once_behind_a_length_that_lies)
{
    greet("Session: 1\r\n", VIDEO);
    send_picture(1);
    cr_assert(eq(int, (int)send(peer, "$\0\xff\xff", 4, MSG_NOSIGNAL), 4));
    send_picture(2);
    cr_assert(eq(int, (int)send(peer, "noise$\x42\xff\xff", 9, MSG_NOSIGNAL), 9));
    send_picture(3);
    cr_assert(eq(u64, camera.past.n_malformed, 2));
}

Test(rtsp_camera, is_sent_elsewhere_any_number_of_times_if_it_plays_in_between)
{
    char text[160];

    for (int i = 0; i < 8; i++) {
        greet("Session: 1\r\n", VIDEO);
        send_picture(1);
        camera.played_since_us -= 60000000;
        snprintf(text, sizeof(text),
                 "REDIRECT * RTSP/1.0\r\nCSeq: 1\r\nLocation: rtsp://127.0.0.1:%u/s\r\n\r\n", port);
        cr_assert(eq(int, (int)send(peer, text, strlen(text), 0), (int)strlen(text)));
    }
    greet("Session: 1\r\n", VIDEO);
    cr_assert(eq(int, (int)state, LIMEF_RTSP_CONNECTING));
}

Test(rtsp_camera, comes_again_if_it_is_sent_away_to_nowhere)
{
    static const char text[] = "REDIRECT * RTSP/1.0\r\nCSeq: 1\r\n\r\n";

    greet("Session: 1\r\n", VIDEO);
    send_picture(1);
    cr_assert(eq(int, (int)send(peer, text, strlen(text), 0), (int)strlen(text)));
    while (state == LIMEF_RTSP_PLAYING)
        step();
    cr_assert(eq(int, (int)state, LIMEF_RTSP_WAITING));
    cr_assert(eq(str, why, "it ended the session"));
}

Test(rtsp_camera, gives_the_password_itself_to_nobody_it_was_sent_to)
{
    char text[96];

    meet();
    expect("DESCRIBE");
    snprintf(text, sizeof(text), "Location: rtsp://127.1:%u/s\r\n", port); /* another name of it */
    answer_as(302, text, "");
    meet();
    expect("DESCRIBE");
    answer_as(401, "WWW-Authenticate: Basic realm=\"r\"\r\n", "");
    while (camera.pending != RTSP_NO_REQUEST)
        step();
    cr_assert(eq(int, (int)state, LIMEF_RTSP_REFUSED_USER));
    cr_assert(eq(str, why, "we were sent to 127.1, which wants the password itself"));
}

/* Most cameras know it; some close at a question that they do not know. */
Test(rtsp_camera, asks_otherwise_next_time_if_a_keep_alive_ends_the_connection)
{
    greet("Session: 1\r\n", VIDEO);
    send_picture(1);
    camera.keep_alive_us = 0;
    expect("GET_PARAMETER");
    close(peer);
    peer = 0;
    while (state == LIMEF_RTSP_PLAYING)
        step();
    camera.retry_us = 0;
    greet("Session: 1\r\n", VIDEO);
    send_picture(1);
    camera.keep_alive_us = 0;
    expect("OPTIONS");
}

Test(rtsp_camera, keeps_a_short_session_alive_in_time)
{
    greet("Session: 1;timeout=4\r\n", VIDEO);
    cr_assert(le(i64, camera.keep_alive_us, limef_now_us() + 2000000));
}

/* Its microphone is not there, or its licence. */
Test(rtsp_camera, plays_pictures_if_sound_is_refused)
{
    meet();
    expect("DESCRIBE");
    answer_as(200, "", "v=0\r\n" AUDIO VIDEO);
    expect("SETUP");
    cr_assert(ne(ptr, strstr(asked, "/a RTSP"), NULL));
    answer_as(404, "", "");
    expect("SETUP");
    cr_assert(ne(ptr, strstr(asked, "/v RTSP"), NULL));
    answer("Session: 1\r\nTransport: RTP/AVP/TCP;interleaved=2-3\r\n");
    expect("PLAY");
    answer("");
    send_packet(2, 96, 1, "\x65\x88");
    while (n_units == 0)
        step();
    cr_assert(eq(int, (int)state, LIMEF_RTSP_PLAYING));
}

/* By the transport that is used already: another one would be refused as well. */
Test(rtsp_camera, plays_pictures_by_the_same_transport_if_sound_is_refused)
{
    camera.settings.transport = LIMEF_RTSP_AUTO;
    meet();
    expect("DESCRIBE");
    answer_as(200, "", "v=0\r\n" VIDEO AUDIO);
    expect("SETUP");
    answer("Session: 1\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n");
    expect("SETUP");
    answer_as(500, "", "");
    expect("PLAY");
    answer("");
    send_picture(1);
    cr_assert(eq(int, (int)state, LIMEF_RTSP_PLAYING));
    cr_assert(eq(u32, camera.n_tracks, 1));
}

Test(rtsp_camera, plays_no_sound_alone_if_pictures_are_refused)
{
    meet();
    expect("DESCRIBE");
    answer_as(200, "", "v=0\r\n" VIDEO AUDIO);
    expect("SETUP");
    answer_as(404, "", "");
    while (camera.pending != RTSP_NO_REQUEST)
        step();
    /* it was described a moment ago: no reason to leave it alone for long */
    cr_assert(eq(int, (int)state, LIMEF_RTSP_WAITING));
}

Test(rtsp_camera, is_not_opened_with_a_user_or_password_that_would_end_a_line)
{
    static const struct limef_rtsp_login logins[] = {{.user = "a\r\nX: y", .password = "p"},
                                                     {.user = "a", .password = "p\nX: y"}};

    for (size_t i = 0; i < sizeof(logins) / sizeof(logins[0]); i++) {
        struct rtsp_camera other = {.name = NULL};

        cr_assert(eq(int,
                     rtsp_camera_open(&other, "other",
                                      &(struct limef_rtsp_source_settings){.url = "rtsp://h/s",
                                                                           .login = &logins[i]},
                                      &(struct rtsp_camera_events){.state = note_state}),
                     AVERROR(EINVAL)));
        cr_assert(zero(int, other.secrets.password[0]));
    }
}
