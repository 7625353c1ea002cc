/* SPDX-License-Identifier: MIT */
/* Streams that have nothing to say, and cameras that are dead. */
#include "scripted_camera.h"

/* As src/rtsp/liveness.c has it. */
#define REPORTS_WITHIN_US 15000000

static unsigned n_stalls, n_losses;

/* Nothing is forgotten by what comes next. */
static int count_state(void *context, enum limef_rtsp_state now, int code, const char *text)
{
    n_stalls += now == LIMEF_RTSP_STALLED;
    n_losses += now == LIMEF_RTSP_LOST;
    return note_state(context, now, code, text);
}

static void open_counted(void)
{
    open_camera();
    camera.events.state = count_state;
}

TestSuite(rtsp_liveness, .init = open_counted, .fini = close_camera, .timeout = 120);

static void send_unit(uint8_t type, const char *payload)
{
    unsigned n_before = n_units;

    send_packet(0, type, 1, payload);
    for (int64_t end_us = limef_now_us() + DEADLINE_US; n_units == n_before; step())
        cr_assert(lt(i64, limef_now_us(), end_us), "no unit of %zu packets, %s",
                  (size_t)camera.tracks[0]->receiver.n_packets, why);
}

/* A sender report of the stream that send_packet() sends, with nothing sent since (RFC 3550 6.4.1).
 */
static void send_report(void)
{
    uint8_t data[4 + 28] = {'$', 1, 0, 28, 0x80, 200, 0, 6};
    int64_t before_us = camera.tracks[0]->receiver.early.arrived_us +
                        camera.tracks[0]->receiver.last_report.arrived_us;

    AV_WB32(data + 8, camera.tracks[0]->receiver.statistics.ssrc);
    AV_WB32(data + 12, UINT32_C(3900000000));
    AV_WB32(data + 16, 1);
    cr_assert(eq(int, (int)send(peer, data, sizeof(data), MSG_NOSIGNAL), (int)sizeof(data)));
    while (camera.tracks[0]->receiver.early.arrived_us +
               camera.tracks[0]->receiver.last_report.arrived_us ==
           before_us)
        step();
}

/* So long ago was every sign of life. */
static void age(int64_t us)
{
    camera.last_unit_us -= us;
    camera.answered_us -= us;
    camera.tracks[0]->receiver.early.arrived_us -= us;
    camera.tracks[0]->receiver.last_report.arrived_us -= us;
    camera.tracks[0]->receiver.arrived_us -= us;
}

static void answer_and_take(void)
{
    answer("");
    while (camera.pending != RTSP_NO_REQUEST)
        step();
}

static void assert_plays_on(void)
{
    step();
    cr_assert(eq(int, (int)state, LIMEF_RTSP_PLAYING));
    cr_assert(eq(u32, n_stalls, 0));
    cr_assert(eq(u32, n_losses, 0));
}

Test(rtsp_liveness, silent_sound_is_alive_by_sender_reports)
{
    greet("Session: 1\r\n", AUDIO);
    send_unit(0, "ab");
    for (int i = 0; i < 8; i++) {
        age(TIMEOUT_US / 4);
        send_report();
    }
    assert_plays_on();
    cr_assert(lt(i64, camera.last_unit_us, limef_now_us() - TIMEOUT_US));
    cr_assert(eq(int, (int)camera.pending, RTSP_NO_REQUEST));
}

Test(rtsp_liveness, silent_sound_is_alive_by_answers)
{
    greet("Session: 1\r\n", AUDIO);
    send_unit(0, "ab");
    for (int i = 0; i < 4; i++) {
        age(TIMEOUT_US / 2);
        expect("GET_PARAMETER");
        answer_and_take();
    }
    assert_plays_on();
    send_packet(0, 0, 2, "ab");
    while (n_units < 2)
        step();
    assert_plays_on();
}

/* The encoder hangs, or its packets get lost, and the camera answers. */
Test(rtsp_liveness, answers_hide_no_sound_whose_reports_end)
{
    greet("Session: 1\r\n", AUDIO);
    send_unit(0, "ab");
    send_report();
    camera.settings.timeout_us = 2000000; /* shorter than reports are apart */
    age(REPORTS_WITHIN_US - 2000000);
    camera.keep_alive_us = 0;
    expect("GET_PARAMETER");
    answer_and_take();
    assert_plays_on();
    age(2000000);
    step();
    cr_assert(eq(u32, n_losses, 1));
    cr_assert(eq(str, why, "no signal"));
}

Test(rtsp_liveness, answers_hide_no_sound_that_ends_by_udp)
{
    greet("Session: 1\r\n", AUDIO);
    send_unit(0, "ab");
    camera.is_udp = true;
    age(TIMEOUT_US / 2);
    camera.keep_alive_us = 0;
    expect("GET_PARAMETER");
    answer_and_take();
    age(TIMEOUT_US / 2);
    step();
    cr_assert(eq(u32, n_losses, 1));
}

Test(rtsp_liveness, is_asked_in_another_way_before_it_is_lost)
{
    greet("Session: 1\r\n", AUDIO);
    send_unit(0, "ab");
    age(TIMEOUT_US / 2);
    expect("GET_PARAMETER"); /* which it does not know, and does not answer */
    age(TIMEOUT_US / 4);
    camera.deadline_us -= TIMEOUT_US / 4;
    expect("OPTIONS");
    cr_assert(eq(int, (int)state, LIMEF_RTSP_STALLED));
    answer_and_take();
    step();
    cr_assert(eq(int, (int)state, LIMEF_RTSP_PLAYING));
    age(TIMEOUT_US / 2);
    expect("OPTIONS");
    answer_and_take();
    cr_assert(eq(u32, n_losses, 0));
}

Test(rtsp_liveness, a_silent_camera_that_answers_nothing_is_lost)
{
    greet("Session: 1\r\n", AUDIO);
    send_unit(0, "ab");
    age(TIMEOUT_US / 2);
    expect("GET_PARAMETER");
    age(TIMEOUT_US / 4);
    camera.deadline_us -= TIMEOUT_US / 4;
    expect("OPTIONS");
    age(TIMEOUT_US / 4);
    step();
    cr_assert(eq(u32, n_losses, 1));
    cr_assert(eq(str, why, "no signal"));
}

Test(rtsp_liveness, events_that_do_not_happen_are_no_fault)
{
    greet("Session: 1\r\n", EVENTS);
    cr_assert(eq(int, (int)state, LIMEF_RTSP_CONNECTING));
    camera.media_us = 0;
    step();
    assert_plays_on();
    for (int i = 0; i < 4; i++) {
        age(TIMEOUT_US / 2);
        expect("GET_PARAMETER");
        answer_and_take();
    }
    assert_plays_on();
    send_packet(0, 107, 0, "<a"); /* nobody knows whether something was before it */
    send_unit(107, "<b");
    assert_plays_on();
}

/* Nothing says that packets get through; another transport may. */
Test(rtsp_liveness, sound_that_never_came_is_looked_for_elsewhere)
{
    greet("Session: 1\r\n", AUDIO);
    camera.media_us = 0;
    step();
    cr_assert(eq(u32, n_losses, 1));
    cr_assert(eq(str, why, "it sends nothing"));
}

Test(rtsp_liveness, sound_that_is_silent_from_the_start_is_alive_if_it_is_reported)
{
    greet("Session: 1\r\n", AUDIO);
    send_report();
    camera.media_us = 0;
    step();
    assert_plays_on();
}

Test(rtsp_liveness, answers_and_reports_hide_no_picture_that_stands_still)
{
    greet("Session: 1\r\n", VIDEO);
    send_unit(96, "\x65\x88");
    age(TIMEOUT_US / 2);
    camera.keep_alive_us = 0;
    expect("GET_PARAMETER");
    answer_and_take();
    send_report();
    cr_assert(eq(int, (int)state, LIMEF_RTSP_STALLED));
    age(TIMEOUT_US / 2);
    step();
    cr_assert(eq(u32, n_losses, 1));
}

static void send_and_take(uint8_t channel, uint8_t type, uint16_t sequence, const char *payload)
{
    unsigned n_before = n_units;
    int64_t end_us = limef_now_us() + DEADLINE_US;

    send_packet(channel, type, sequence, payload);
    for (; n_units == n_before; step())
        cr_assert(lt(i64, limef_now_us(), end_us), "no unit, %s", why);
}

/* A tunnel that loses large packets: by UDP sound comes alone. */
Test(rtsp_liveness, sound_hides_no_pictures_that_never_come_and_another_transport_is_next)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    uint8_t packet[64];
    size_t bytes = packet_write(packet, 1, 3600, true, "ab", 2);

    packet[1] = 0x80; /* PCMU */
    camera.settings.transport = LIMEF_RTSP_AUTO;
    camera.is_udp = true;
    greet("Session: 1\r\n", VIDEO AUDIO);
    to.sin_port = htons(camera.tracks[1]->datagrams.port);
    cr_assert(gt(i64, sendto(fd, packet, bytes, 0, (struct sockaddr *)&to, sizeof(to)), 0));
    close(fd);
    for (int64_t end_us = limef_now_us() + DEADLINE_US; n_units == 0; step())
        cr_assert(lt(i64, limef_now_us(), end_us));
    cr_assert(eq(int, (int)state, LIMEF_RTSP_CONNECTING));
    camera.past.n_units = n_units; /* whoever passes them on counts so */
    camera.media_us = 0;
    step();
    cr_assert(eq(str, why, "no picture"));
    cr_assert(eq(int, (int)camera.reason, LIMEF_RTSP_REASON_NO_PICTURE));
    cr_assert(not(camera.is_udp));
    camera.retry_us = 0;
    greet("Session: 1\r\n", VIDEO AUDIO);
    send_and_take(0, 96, 1, "\x65\x88");
    cr_assert(eq(int, (int)state, LIMEF_RTSP_PLAYING));
    cr_assert(eq(i64, camera.media_us, LIMEF_FOREVER));
    cr_assert(zero(u64, camera.past.n_reconnects));
}

/* What refers to a key frame that is lost each time is whole, and cannot be shown. */
Test(rtsp_liveness, pictures_without_a_key_frame_are_not_waited_for_for_ever)
{
    camera.settings.transport = LIMEF_RTSP_AUTO;
    greet("Session: 1\r\n", VIDEO);
    send_and_take(0, 96, 1, "\x41\x9a");
    cr_assert(eq(int, (int)state, LIMEF_RTSP_PLAYING));
    cr_assert(gt(i64, camera.media_us, limef_now_us() + TIMEOUT_US)); /* a group may be long */
    cr_assert(lt(i64, camera.media_us, LIMEF_FOREVER));
    send_and_take(0, 96, 2, "\x41\x9a");
    camera.media_us = 0;
    step();
    cr_assert(eq(str, why, "no key frame"));
    cr_assert(eq(u32, n_losses, 1));
    cr_assert(camera.is_udp);
}

Test(rtsp_liveness, a_key_frame_is_needed_again_behind_a_loss)
{
    greet("Session: 1\r\n", VIDEO);
    send_and_take(0, 96, 1, "\x65\x88");
    send_and_take(0, 96, 2, "\x41\x9a");
    cr_assert(eq(i64, camera.media_us, LIMEF_FOREVER));
    send_and_take(0, 96, 4, "\x41\x9a");
    cr_assert(lt(i64, camera.media_us, LIMEF_FOREVER));
    cr_assert(eq(int, (int)state, LIMEF_RTSP_PLAYING));
    send_and_take(0, 96, 5, "\x65\x88");
    cr_assert(eq(i64, camera.media_us, LIMEF_FOREVER));
    assert_plays_on();
}
