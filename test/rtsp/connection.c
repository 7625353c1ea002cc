/* SPDX-License-Identifier: MIT */
/* What a connection takes of this machine, keeps for its time, and leaves behind. */
#include "scripted_camera.h"

#include "support/failing.h"

#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

TestSuite(rtsp_connection, .init = open_camera, .fini = close_camera, .timeout = 120);

/* Memory for it and for its name, then the thread that looks that up. */
Test(rtsp_connection, is_tried_again_if_there_is_nothing_to_look_its_name_up_with)
{
    rtsp_camera_clear(&camera);
    open_client("", "localhost");
    for (unsigned n = 1; n <= 3; n++) {
        camera.retry_us = 0;
        failing_install(n);
        step();
        failing_remove();
        cr_assert(failing_failed());
        cr_assert(eq(int, (int)camera.state, LIMEF_RTSP_WAITING), "at allocation %u", n);
        cr_assert(eq(int, (int)camera.reason, LIMEF_RTSP_REASON_RESOURCES));
        cr_assert(lt(i64, camera.retry_us, LIMEF_FOREVER));
    }
}

/* Nobody is let in any more: who asks gets no answer. */
static void fill_listener(int fds[4])
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    cr_assert(zero(int, listen(listener, 0)));
    for (int i = 0; i < 4; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        connect(fds[i], (struct sockaddr *)&to, sizeof(to));
    }
}

/* A name that takes nearly all of its time leaves the connection its own. */
Test(rtsp_connection, has_a_time_of_its_own_behind_the_name)
{
    int64_t end_us = limef_now_us() + DEADLINE_US;
    int fds[4];

    fill_listener(fds);
    rtsp_camera_clear(&camera);
    open_client("", "localhost");
    step();
    cr_assert(eq(int, (int)camera.stream.phase, RTSP_STREAM_RESOLVING));
    camera.deadline_us -= TIMEOUT_US / 2;
    while (camera.stream.phase == RTSP_STREAM_RESOLVING) {
        cr_assert(lt(i64, limef_now_us(), end_us));
        has_come(camera.poll_fd);
        step();
    }
    if (camera.reason == LIMEF_RTSP_REASON_NAME)
        cr_skip_test("nobody knows localhost here");
    cr_assert(eq(int, (int)camera.stream.phase, RTSP_STREAM_CONNECTING), "%s", why);
    cr_assert(gt(i64, camera.deadline_us, limef_now_us() + TIMEOUT_US / 2));
    for (int i = 0; i < 4; i++)
        close(fds[i]);
}

/* Whom the next report of a track is from. */
static uint32_t reporter(uint8_t channel)
{
    uint8_t report[256];

    do {
        cr_assert(eq(int, (int)recv(peer, report, 4, MSG_WAITALL), 4));
        cr_assert(eq(int, report[0], '$'));
        cr_assert(le(int, AV_RB16(report + 2), (int)sizeof(report) - 4));
        recv(peer, report + 4, AV_RB16(report + 2), MSG_WAITALL);
    } while (report[1] != channel);
    return AV_RB32(report + 8);
}

/* RFC 3550 section 8: who changes it is another participant. */
Test(rtsp_connection, has_one_ssrc_for_all_reports_of_a_track)
{
    uint32_t first[2];

    greet("Session: 1\r\n", VIDEO AUDIO);
    for (int i = 0; i < 3; i++) {
        uint32_t now[2];

        camera.report_us = 0;
        step();
        now[0] = reporter(1);
        now[1] = reporter(3);
        if (i == 0)
            memcpy(first, now, sizeof(first));
        cr_assert(eq(u32, now[0], first[0]));
        cr_assert(eq(u32, now[1], first[1]));
    }
}

/* RFC 3550 section 8.2 */
Test(rtsp_connection, reports_by_no_ssrc_that_a_stream_of_the_camera_has)
{
    uint32_t taken = 0x11223344; /* that of the packets */

    greet("Session: 1\r\n", VIDEO AUDIO);
    camera.ssrc = taken - 1; /* the second track reports by the one that the first one sends by */
    send_packet(0, 96, 1, "\x65\x88");
    while (n_units == 0)
        step();
    camera.report_us = 0;
    step();
    cr_assert(ne(u32, reporter(1), taken));
    cr_assert(ne(u32, reporter(3), taken));
    cr_assert(ne(u32, camera.ssrc, taken - 1));
}

#define FLOOD_BYTES 1400
#define TURN_BYTES (256 * 1024) /* and no more than there is room for */

/* Nothing but packets of a channel that nobody asked for, until the connection is closed. */
static void *flood(void *unused)
{
    static uint8_t packet[4 + FLOOD_BYTES] = {'$', 9};
    ssize_t n = 1;

    AV_WB16(packet + 2, FLOOD_BYTES);
    while (n > 0)
        n = send(peer, packet, sizeof(packet), MSG_NOSIGNAL);
    return unused;
}

Test(rtsp_connection, that_is_flooded_lets_others_have_their_turn)
{
    uint64_t before = 0, most = 0;
    int64_t end_us = limef_now_us() + DEADLINE_US;
    pthread_t thread;

    greet("Session: 1\r\n", VIDEO);
    cr_assert(zero(int, pthread_create(&thread, NULL, flood, NULL)));
    while (before < 20000) {
        uint64_t n;

        cr_assert(lt(i64, limef_now_us(), end_us));
        step();
        n = camera.past.n_foreign - before;
        most = n > most ? n : most;
        before = camera.past.n_foreign;
    }
    shutdown(peer, SHUT_RDWR);
    pthread_join(thread, NULL);
    cr_assert(le(u64, most * (4 + FLOOD_BYTES), TURN_BYTES + RTSP_STREAM_ROOM_BYTES));
}

Test(rtsp_connection, begins_at_the_first_place_if_it_was_stopped_at_another)
{
    char text[96];

    meet();
    expect("DESCRIBE");
    snprintf(text, sizeof(text), "Location: rtsp://127.0.0.1:%u/other\r\n", port);
    answer_as(302, text, "");
    meet();
    expect("DESCRIBE rtsp://127.0.0.1");
    cr_assert(ne(ptr, strstr(asked, "/other RTSP"), NULL));
    rtsp_camera_stop(&camera);
    rtsp_camera_start(&camera);
    meet();
    expect("DESCRIBE");
    cr_assert(ne(ptr, strstr(asked, "/s RTSP"), NULL));
    cr_assert(zero(u32, camera.n_redirections));
}

static int64_t first_came_us, last_came_us;

static int take_time(void *context, struct rtsp_receiver *receiver,
                     const struct rtsp_arrival *arrival)
{
    (void)context;
    (void)receiver;
    last_came_us = arrival->arrived_us;
    if (n_units++ > 0)
        return 0;
    first_came_us = last_came_us;
    while (limef_now_us() < first_came_us + 150000)
        ;
    return 0;
}

/* More than is read at once, in one step, behind a consumer that holds the thread up. */
Test(rtsp_connection, gives_what_it_reads_late_the_time_at_which_it_is_read)
{
    uint8_t data[4 + 1412] = {'$', 0};
    int64_t end_us = limef_now_us() + DEADLINE_US;
    int n = 0;

    greet("Session: 1\r\n", VIDEO);
    camera.events.arrival = take_time;
    AV_WB16(data + 2, sizeof(data) - 4);
    for (uint16_t i = 1; i <= 32; i++) {
        packet_write(data + 4, i, i * 3600u, true, "\x65\x88", 2);
        cr_assert(eq(int, (int)send(peer, data, sizeof(data), 0), (int)sizeof(data)));
    }
    while (n < (int)(32 * sizeof(data)) && limef_now_us() < end_us)
        cr_assert(zero(int, ioctl(camera.stream.fd, FIONREAD, &n)));
    n_units = 0;
    step();
    cr_assert(eq(u32, n_units, 32));
    cr_assert(ge(i64, last_came_us, first_came_us + 150000));
    cr_assert(camera.sync.is_behind); /* it tells nothing of how late the camera is */
}
