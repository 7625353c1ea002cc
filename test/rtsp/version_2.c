/* SPDX-License-Identifier: MIT */
/* Cameras that speak RTSP 2.0 (RFC 7826) alone. */
#include "scripted_camera.h"

#include <sys/socket.h>

static void open_camera_2(void)
{
    open_camera();
    version = 2;
}

TestSuite(rtsp_version_2, .init = open_camera_2, .fini = close_camera, .timeout = 120);

#define ALL "a=control:*\r\n"

static void assert_asked(const char *text)
{
    cr_assert(ne(ptr, strstr(asked, text), NULL), "no %s in %s", text, asked);
}

/* Asked in 1.0, it says that it does not speak it. */
static void refuse_1(int status)
{
    meet();
    expect("DESCRIBE");
    assert_asked(" RTSP/1.0\r\n");
    answer_as(status, "", "");
}

/* Up to SETUP. */
static void describe(const char *sdp)
{
    char text[512];

    meet();
    expect("DESCRIBE");
    assert_asked(" RTSP/2.0\r\n");
    snprintf(text, sizeof(text), "v=0\r\n%s", sdp);
    answer_as(200, "", text);
    expect("SETUP");
    assert_asked(" RTSP/2.0\r\n");
    assert_asked("\r\nAccept-Ranges: npt\r\n");
}

static void send_text(const char *text)
{
    cr_assert(eq(int, (int)send(peer, text, strlen(text), MSG_NOSIGNAL), (int)strlen(text)));
}

static void play(void)
{
    describe(ALL VIDEO);
    answer("Session: 1;timeout=60\r\nAccept-Ranges: npt\r\n"
           "Transport: RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=\"11223344\"\r\n");
    expect("PLAY");
    answer("RTP-Info: url=\"rtsp://127.0.0.1/s/v\" ssrc=11223344:seq=1;rtptime=3600\r\n"
           "Seek-Style: Next\r\n");
    while (camera.pending != RTSP_NO_REQUEST)
        step();
    send_packet(0, 96, 1, "\x65\x88");
    while (n_units == 0)
        step();
    cr_assert(eq(int, (int)state, LIMEF_RTSP_PLAYING));
}

Test(rtsp_version_2, are_asked_again_in_it_and_remembered)
{
    refuse_1(505);
    play();
    close(peer);
    peer = 0;
    while (state == LIMEF_RTSP_PLAYING)
        step();
    camera.retry_us = 0;
    n_units = 0;
    play();
    cr_assert(eq(u64, camera.past.n_connects, 3));
}

Test(rtsp_version_2, are_asked_again_if_they_make_nothing_of_1)
{
    refuse_1(400);
    play();
}

Test(rtsp_version_2, is_not_tried_with_who_calls_a_request_bad_in_1)
{
    version = 1;
    refuse_1(400);
    while (state != LIMEF_RTSP_WAITING)
        step();
    cr_assert(eq(str, why, "DESCRIBE: 400 X"));
    camera.retry_us = 0;
    refuse_1(400);
}

Test(rtsp_version_2, are_asked_once_in_each_version_if_they_speak_none)
{
    for (int i = 0; i < 2; i++) {
        refuse_1(505);
        meet();
        expect("DESCRIBE");
        assert_asked(" RTSP/2.0\r\n");
        answer_as(505, "", "");
        while (camera.pending != RTSP_NO_REQUEST)
            step();
        cr_assert(eq(int, (int)camera.state, LIMEF_RTSP_UNSUPPORTED));
        cr_assert(eq(int, (int)camera.reason, LIMEF_RTSP_REASON_VERSION));
        camera.retry_us = 0;
    }
}

/* Another firmware. */
Test(rtsp_version_2, are_asked_in_1_again_if_they_have_forgotten_it)
{
    refuse_1(505);
    play();
    close(peer);
    peer = 0;
    while (state == LIMEF_RTSP_PLAYING)
        step();
    camera.retry_us = 0;
    version = 1;
    meet();
    expect("DESCRIBE");
    answer_as(505, "", "");
    n_units = 0;
    greet("Session: 1\r\n", VIDEO);
    assert_asked(" RTSP/1.0\r\n");
    assert_asked("\r\nRange: npt=0.000-\r\n");
}

Test(rtsp_version_2, are_asked_in_1_again_if_they_call_2_a_bad_request_in_1)
{
    refuse_1(505);
    play();
    close(peer);
    peer = 0;
    while (state == LIMEF_RTSP_PLAYING)
        step();
    camera.retry_us = 0;
    version = 1;
    meet();
    expect("DESCRIBE");
    assert_asked(" RTSP/2.0\r\n");
    answer_as(400, "", "");
    n_units = 0;
    greet("Session: 1\r\n", VIDEO);
    assert_asked(" RTSP/1.0\r\n");
}

Test(rtsp_version_2, are_asked_in_1_again_if_they_hang_up_before_they_play)
{
    refuse_1(505);
    meet();
    expect("DESCRIBE");
    assert_asked(" RTSP/2.0\r\n");
    close(peer);
    peer = 0;
    while (state != LIMEF_RTSP_WAITING)
        step();
    camera.retry_us = 0;
    meet();
    expect("DESCRIBE");
    assert_asked(" RTSP/1.0\r\n");
}

Test(rtsp_version_2, may_send_us_to_one_that_speaks_1_alone)
{
    char text[96];

    refuse_1(505);
    meet();
    expect("DESCRIBE");
    snprintf(text, sizeof(text), "Location: rtsp://127.0.0.1:%u/other\r\n", port);
    answer_as(302, text, "");
    meet();
    expect("DESCRIBE");
    assert_asked("/other RTSP/2.0\r\n");
    version = 1;
    answer_as(505, "", "");
    meet();
    expect("DESCRIBE");
    assert_asked("/other RTSP/1.0\r\n");
}

Test(rtsp_version_2, are_asked_as_they_want_and_begin_at_present)
{
    refuse_1(505);
    describe(ALL VIDEO);
    assert_asked("\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n");
    answer("Session: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n");
    expect("PLAY");
    cr_assert(eq(ptr, strstr(asked, "Range:"), NULL));
    assert_asked("/s RTSP/2.0\r\n");
}

Test(rtsp_version_2, have_no_url_of_all_streams_if_they_describe_none)
{
    refuse_1(505);
    describe(VIDEO);
    answer("Session: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n");
    expect("PLAY");
    assert_asked("/s/v RTSP/2.0\r\n");
}

Test(rtsp_version_2, are_kept_alive_by_set_parameter_or_by_options)
{
    refuse_1(505);
    play();
    camera.keep_alive_us = 0;
    expect("SET_PARAMETER");
    assert_asked("\r\nSession: 1\r\n");
    answer_as(501, "", "");
    expect("OPTIONS");
    answer("Public: SETUP, PLAY\r\n");
    while (camera.pending != RTSP_NO_REQUEST)
        step();
    cr_assert(eq(int, (int)state, LIMEF_RTSP_PLAYING));
}

Test(rtsp_version_2, say_by_which_ports_packets_come)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t bytes = sizeof(address);
    char text[160];
    unsigned ports[2];
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert(zero(int, bind(fd, (struct sockaddr *)&address, bytes)));
    cr_assert(zero(int, getsockname(fd, (struct sockaddr *)&address, &bytes)));
    camera.settings.transport = LIMEF_RTSP_UDP;
    camera.is_udp = true;
    refuse_1(505);
    describe(ALL VIDEO);
    cr_assert(eq(int,
                 sscanf(strstr(asked, ",RTP/AVP;unicast;dest_addr="),
                        ",RTP/AVP;unicast;dest_addr=\":%u\"/\":%u\"\r\n", &ports[0], &ports[1]),
                 2));
    cr_assert(eq(u32, ports[0], camera.tracks[0]->datagrams.port));
    cr_assert(eq(u32, ports[1], ports[0] + 1));
    snprintf(text, sizeof(text),
             "Session: 1\r\nTransport: RTP/AVP;unicast;dest_addr=\":%u\"/\":%u\";"
             "src_addr=\"127.0.0.1:%u\"/\"127.0.0.1:%u\";ssrc=11223344\r\n",
             ports[0], ports[1], ntohs(address.sin_port), ntohs(address.sin_port));
    answer(text);
    expect("PLAY");
    recv(fd, text, sizeof(text), 0); /* what opens the way from there */
    cr_assert(eq(int,
                 ((struct sockaddr_in *)(void *)&camera.tracks[0]->datagrams.servers[1])->sin_port,
                 address.sin_port));
    close(fd);
}

/* What comes back, and no more. */
static void expect_answer(const char *start, const char *header)
{
    char text[512] = "";
    int64_t end_us = limef_now_us() + DEADLINE_US;
    size_t n = 0;

    for (; !strstr(text, "\r\n\r\n"); step()) {
        cr_assert(lt(i64, limef_now_us(), end_us), "%s does not come", start);
        if (!has_come(peer))
            continue;
        cr_assert(eq(int, (int)recv(peer, text + n, 1, 0), 1));
        text[++n] = '\0';
        if (text[0] == '$') { /* a report */
            recv(peer, text, 3, MSG_WAITALL);
            recv(peer, asked, AV_RB16(text + 1), MSG_WAITALL);
            n = 0;
        }
    }
    cr_assert(zero(int, strncmp(text, start, strlen(start))), "%s", text);
    cr_assert(ne(ptr, strstr(text, header), NULL), "%s", text);
}

Test(rtsp_version_2, say_when_their_streams_are_over)
{
    refuse_1(505);
    play();
    send_packet(0, 96, 2, "\x41\x9a");
    send_text("PLAY_NOTIFY rtsp://h/s RTSP/2.0\r\nCSeq: 854\r\nNotify-Reason: end-of-stream\r\n"
              "Range: npt=-145\r\nSession: 1\r\n\r\n");
    expect_answer("RTSP/2.0 200 OK\r\nCSeq: 854\r\n", "\r\nSession: 1\r\n");
    while (state == LIMEF_RTSP_PLAYING)
        step();
    cr_assert(eq(u32, n_units, 2));
    cr_assert(eq(int, (int)camera.reason, LIMEF_RTSP_REASON_LEFT));
    cr_assert(eq(str, why, "it ended its streams"));
}

Test(rtsp_version_2, are_answered_what_they_ask)
{
    refuse_1(505);
    play();
    send_text("PLAY_NOTIFY * RTSP/2.0\r\nCSeq: 1\r\nNotify-Reason: scale-change\r\n\r\n");
    expect_answer("RTSP/2.0 200 OK\r\nCSeq: 1\r\n", "");
    send_text("PLAY_NOTIFY * RTSP/2.0\r\nCSeq: 2\r\nNotify-Reason: x-mood\r\n\r\n");
    expect_answer("RTSP/2.0 465 ", "\r\nCSeq: 2\r\n");
    send_text("OPTIONS * RTSP/2.0\r\nCSeq: 3\r\n\r\n");
    expect_answer("RTSP/2.0 200 OK\r\n", "\r\nPublic: OPTIONS, ");
    send_text("SET_PARAMETER * RTSP/2.0\r\nCSeq: 4\r\nRequire: x-new\r\n\r\n");
    expect_answer("RTSP/2.0 551 ", "\r\nUnsupported: x-new\r\n");
    send_text("ANNOUNCE * RTSP/2.0\r\nCSeq: 5\r\n\r\n");
    expect_answer("RTSP/2.0 501 ", "\r\nCSeq: 5\r\n");
    send_text("OPTIONS * RTSP/1.0\r\nCSeq: 6\r\n\r\n");
    expect_answer("RTSP/1.0 200 OK\r\nCSeq: 6\r\n\r\n", "");
    cr_assert(eq(int, (int)state, LIMEF_RTSP_PLAYING));
}

Test(rtsp_version_2, may_end_a_session)
{
    refuse_1(505);
    play();
    send_text(
        "TEARDOWN * RTSP/2.0\r\nCSeq: 9\r\nSession: 1\r\nTerminate-Reason: Server-Admin\r\n\r\n");
    expect_answer("RTSP/2.0 200 OK\r\nCSeq: 9\r\n", "");
    while (state == LIMEF_RTSP_PLAYING)
        step();
    cr_assert(eq(int, (int)camera.reason, LIMEF_RTSP_REASON_LEFT));
}

Test(rtsp_version_2, get_a_digest_of_what_is_asked)
{
    static const char challenge[] = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n";

    refuse_1(505);
    meet();
    expect("DESCRIBE");
    answer_as(401, challenge, "");
    expect("DESCRIBE");
    assert_asked(" RTSP/2.0\r\n");
    assert_asked("\r\nAuthorization: Digest username=\"user\"");
    answer_as(200, "", "v=0\r\n" ALL VIDEO);
    expect("SETUP");
    assert_asked("\r\nAuthorization: Digest ");
}
