/* SPDX-License-Identifier: MIT */
/* Why a camera is in its state, as an application is told. */
#include "scripted_camera.h"

#include "support/name_service.h"

TestSuite(rtsp_reasons, .init = open_camera, .fini = close_camera, .timeout = 120);

/* Up to the end of the connection, by an answer or without one. */
static void expect_reason(enum limef_rtsp_reason reason, enum limef_rtsp_state expected)
{
    int64_t end_us = limef_now_us() + DEADLINE_US;

    while (camera.reason == LIMEF_RTSP_REASON_NONE) {
        cr_assert(lt(i64, limef_now_us(), end_us), "%s", limef_rtsp_reason_name(reason));
        step();
    }
    cr_assert(eq(str, (char *)limef_rtsp_reason_name(camera.reason),
                 (char *)limef_rtsp_reason_name(reason)));
    cr_assert(eq(str, (char *)limef_rtsp_state_name(camera.state),
                 (char *)limef_rtsp_state_name(expected)));
}

Test(rtsp_reasons, are_told_by_the_answer_to_the_first_question)
{
    static const struct {
        int status;
        const char *headers, *body;
        enum limef_rtsp_reason reason;
        enum limef_rtsp_state state;
    } answers[] = {
        {401, "WWW-Authenticate: Odd realm=\"r\"\r\n", "", LIMEF_RTSP_REASON_LOGIN_SCHEME,
         LIMEF_RTSP_UNSUPPORTED},
        {403, "", "", LIMEF_RTSP_REASON_FORBIDDEN, LIMEF_RTSP_REFUSED_USER},
        {404, "", "", LIMEF_RTSP_REASON_NOT_FOUND, LIMEF_RTSP_NOT_FOUND},
        {302, "", "", LIMEF_RTSP_REASON_REDIRECTION, LIMEF_RTSP_UNSUPPORTED},
        {405, "", "", LIMEF_RTSP_REASON_REQUEST, LIMEF_RTSP_UNSUPPORTED},
        {503, "", "", LIMEF_RTSP_REASON_STATUS, LIMEF_RTSP_WAITING},
        {200, "", "nothing", LIMEF_RTSP_REASON_DESCRIPTION, LIMEF_RTSP_UNSUPPORTED},
        {200, "", "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 ODD/1\r\n",
         LIMEF_RTSP_REASON_ENCODING, LIMEF_RTSP_UNSUPPORTED},
        {200, "",
         "v=0\r\n" AUDIO "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
         "a=fmtp:96 packetization-mode=2;sprop-interleaving-depth=9999\r\n",
         LIMEF_RTSP_REASON_INTERLEAVED, LIMEF_RTSP_UNSUPPORTED},
    };

    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        camera.retry_us = 0;
        meet();
        cr_assert(eq(int, (int)camera.reason, LIMEF_RTSP_REASON_NONE));
        expect("DESCRIBE");
        answer_as(answers[i].status, answers[i].headers, answers[i].body);
        expect_reason(answers[i].reason, answers[i].state);
    }
}

static char said[512];

static void hear(void *context, enum limef_log_level level, const char *name, const char *line)
{
    (void)context, (void)name;
    if (level == LIMEF_LOG_ERROR)
        snprintf(said, sizeof(said), "%s", line);
}

/* Whoever reads the log, not the program, can do something about it. */
Test(rtsp_reasons, are_logged_with_what_can_be_done_about_them)
{
    static const struct {
        int status;
        const char *advice;
    } answers[] = {{403, "; let this user see it, or name one who may"}, {404, "; check the path"}};

    limef_log_set_sink(hear, NULL);
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        camera.retry_us = 0;
        meet();
        expect("DESCRIBE");
        answer_as(answers[i].status, "", "");
        while (camera.reason == LIMEF_RTSP_REASON_NONE)
            step();
        cr_assert(ne(ptr, strstr(said, answers[i].advice), NULL), "%s", said);
        cr_assert(eq(ptr, strstr(why, answers[i].advice), NULL), "%s", why);
    }
    limef_log_set_sink(NULL, NULL);
}

Test(rtsp_reasons, tell_why_pictures_that_are_wanted_cannot_be_used)
{
    static const char *const cases[][2] = {
        {"v=0\r\n" AUDIO "m=video 0 RTP/AVP 96\r\na=rtpmap:96 ODD/1\r\n",
         "none of its streams can be used: encoding ODD is not known"},
        {"v=0\r\n" AUDIO "m=video 0 RTP/SAVP 96\r\na=rtpmap:96 H264/90000\r\n",
         "none of its streams can be used: RTP/SAVP is not known"},
    };

    camera.settings.media = LIMEF_MEDIA_VIDEO;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        camera.retry_us = 0;
        meet();
        expect("DESCRIBE");
        answer_as(200, "", cases[i][0]);
        expect_reason(LIMEF_RTSP_REASON_ENCODING, LIMEF_RTSP_UNSUPPORTED);
        cr_assert(eq(str, why, (char *)cases[i][1]));
    }
}

/* Some write our request back; an application shows the text. */
Test(rtsp_reasons, show_no_password_that_a_camera_wrote_back)
{
    char text[256];
    int n;

    meet();
    expect("DESCRIBE");
    n = snprintf(text, sizeof(text),
                 "RTSP/1.0 404 /s?user=me&password=hunter2&c=1 user:s3cr3t\r\nCSeq: %d\r\n\r\n",
                 atoi(strstr(asked, "CSeq: ") + 6));
    cr_assert(eq(int, (int)send(peer, text, (size_t)n, MSG_NOSIGNAL), n));
    expect_reason(LIMEF_RTSP_REASON_NOT_FOUND, LIMEF_RTSP_NOT_FOUND);
    cr_assert(eq(str, why, "DESCRIBE: 404 /s?user=***&password=***&c=1 user:***"));
}

/* As if it was reached by TLS: that it is who it says does not make it who we know. */
Test(rtsp_reasons, tell_that_another_host_wants_the_password_itself_by_tls_as_well)
{
    meet();
    expect("DESCRIBE");
    snprintf(camera.first_location.host, sizeof(camera.first_location.host), "camera");
    camera.location.is_tls = true;
    answer_as(401, "WWW-Authenticate: Basic realm=\"r\"\r\n", "");
    expect_reason(LIMEF_RTSP_REASON_UNSAFE_LOGIN, LIMEF_RTSP_REFUSED_USER);
}

Test(rtsp_reasons, tell_a_wrong_password_from_none)
{
    static const char challenge[] = "WWW-Authenticate: Digest realm=\"r\", nonce=\"1\"\r\n";

    meet();
    for (int i = 0; i < 2; i++) {
        expect("DESCRIBE");
        answer_as(401, challenge, "");
    }
    expect_reason(LIMEF_RTSP_REASON_LOGIN, LIMEF_RTSP_REFUSED_USER);
    rtsp_camera_clear(&camera);
    open_client("", "127.0.0.1");
    meet();
    expect("DESCRIBE");
    answer_as(401, challenge, "");
    expect_reason(LIMEF_RTSP_REASON_NO_LOGIN, LIMEF_RTSP_REFUSED_USER);
}

Test(rtsp_reasons, tell_what_ended_a_connection)
{
    static const char goodbye[] = "TEARDOWN * RTSP/1.0\r\nCSeq: 1\r\n\r\n";

    greet("Session: 1\r\n", VIDEO);
    send(peer, goodbye, sizeof(goodbye) - 1, 0);
    expect_reason(LIMEF_RTSP_REASON_LEFT, LIMEF_RTSP_WAITING);
    camera.retry_us = 0;
    greet("Session: 1\r\n", VIDEO);
    close(peer);
    peer = 0;
    expect_reason(LIMEF_RTSP_REASON_BROKEN, LIMEF_RTSP_WAITING);
    close(listener);
    camera.retry_us = 0;
    step();
    expect_reason(LIMEF_RTSP_REASON_UNREACHABLE, LIMEF_RTSP_WAITING);
    camera.settings.once = true;
    camera.retry_us = 0;
    step();
    expect_reason(LIMEF_RTSP_REASON_UNREACHABLE, LIMEF_RTSP_ENDED);
}

Test(rtsp_reasons, tell_who_answers_nothing_from_who_sends_nothing)
{
    meet();
    expect("DESCRIBE");
    camera.deadline_us = 0;
    expect_reason(LIMEF_RTSP_REASON_NO_ANSWER, LIMEF_RTSP_WAITING);
    camera.retry_us = 0;
    greet("Session: 1\r\n", VIDEO);
    camera.media_us = 0;
    expect_reason(LIMEF_RTSP_REASON_NO_MEDIA, LIMEF_RTSP_WAITING);
    camera.retry_us = 0;
    greet("Session: 1\r\n", VIDEO);
    camera.has_played = true;
    camera.last_unit_us = limef_now_us() - TIMEOUT_US / 2;
    expect_reason(LIMEF_RTSP_REASON_SILENCE, LIMEF_RTSP_STALLED);
    camera.last_unit_us = limef_now_us() - TIMEOUT_US;
    while (state != LIMEF_RTSP_WAITING)
        step();
    expect_reason(LIMEF_RTSP_REASON_SILENCE, LIMEF_RTSP_WAITING);
}

Test(rtsp_reasons, that_change_while_the_state_stays_are_told)
{
    greet("Session: 1\r\n", VIDEO AUDIO);
    camera.has_played = true;
    camera.last_unit_us = limef_now_us() - TIMEOUT_US / 2;
    expect_reason(LIMEF_RTSP_REASON_SILENCE, LIMEF_RTSP_STALLED);
    cr_assert(eq(str, why, "no signal"));
    send_packet(2, 0, 1, "ab");
    while (n_units == 0)
        step();
    step();
    expect_reason(LIMEF_RTSP_REASON_NO_PICTURE, LIMEF_RTSP_STALLED);
    cr_assert(eq(str, why, "no picture"));
}

/* No password was wrong, and nothing is to be mended at the camera. */
Test(rtsp_reasons, tell_a_connection_that_is_not_allowed_from_a_certificate)
{
    camera.stream.failed_in = RTSP_STREAM_CLOSED;
    snprintf(camera.location.host, sizeof(camera.location.host), "255.255.255.255");
    step();
    expect_reason(LIMEF_RTSP_REASON_UNREACHABLE, LIMEF_RTSP_WAITING);
}

/* It does what it is asked in RTSP 1.0. */
Test(rtsp_reasons, are_none_if_a_camera_answers_in_another_version_and_plays)
{
    version = 2;
    greet("Session: 1\r\n", VIDEO);
    cr_assert(eq(int, (int)camera.reason, LIMEF_RTSP_REASON_NONE));
    camera.keep_alive_us = 0;
    expect("GET_PARAMETER");
    version = 1;
}

Test(rtsp_reasons, have_names)
{
    for (int i = LIMEF_RTSP_REASON_NONE; i <= LIMEF_RTSP_REASON_INTERLEAVED; i++)
        cr_assert(ne(str, (char *)limef_rtsp_reason_name((enum limef_rtsp_reason)i), "unknown"));
    cr_assert(eq(
        str,
        (char *)limef_rtsp_reason_name((enum limef_rtsp_reason)(LIMEF_RTSP_REASON_INTERLEAVED + 1)),
        "unknown"));
}

/* Begins to connect, and gives up. */
static void expect_lost_by_name(const char *text)
{
    camera.deadline_us = 0;
    expect_reason(LIMEF_RTSP_REASON_NAME, LIMEF_RTSP_WAITING);
    cr_assert(eq(str, why, (char *)text));
    camera.retry_us = 0;
    step();
}

Test(rtsp_reasons, tell_a_name_that_is_not_known_from_one_that_nobody_answers)
{
    struct resolver *others[8];
    char host[32];

    resolver_set_late_us(LIMEF_FOREVER);
    rtsp_camera_clear(&camera);
    open_client("", "camera.invalid");
    step();
    cr_assert(name_service_wait(1, limef_deadline_us(DEADLINE_US)));
    expect_lost_by_name("name lookup: no answer");
    cr_assert(camera.stream.is_name_slow);
    cr_assert(eq(u64, camera.stream.n_lost_names, 1));
    rtsp_camera_clear(&camera);
    for (unsigned i = 0; i < 8; i++) {
        snprintf(host, sizeof(host), "other%u.invalid", i);
        cr_assert(zero(int, resolver_open(&others[i], host, 554, false)));
    }
    cr_assert(name_service_wait(8, limef_deadline_us(DEADLINE_US)));
    open_client("", "door.invalid");
    step();
    expect_lost_by_name("name lookup: busy with other names");
    cr_assert(not(camera.stream.is_name_slow));
    name_service_answer(EAI_NONAME);
    expect_reason(LIMEF_RTSP_REASON_NAME, LIMEF_RTSP_WAITING);
    cr_assert(eq(str, why, (char *)gai_strerror(EAI_NONAME)));
    cr_assert(eq(u64, camera.stream.n_lost_names, 2));
    for (unsigned i = 0; i < 8; i++)
        resolver_close(&others[i]);
}

/* It played all the same: somebody may wonder what it waited for. */
Test(rtsp_reasons, count_a_name_that_came_late)
{
    struct limef_rtsp_source_counters counters;

    rtsp_camera_clear(&camera);
    open_client("", "camera.invalid");
    step();
    cr_assert(name_service_wait(1, limef_deadline_us(DEADLINE_US)));
    camera.stream.name_asked_us -= RESOLVER_LATE_US;
    name_service_answer(0);
    meet();
    rtsp_camera_count(&camera, &counters);
    cr_assert(eq(u64, counters.n_late_names, 1));
    cr_assert(eq(u64, counters.n_lost_names, 0));
}
