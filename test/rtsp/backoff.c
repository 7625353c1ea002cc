/* SPDX-License-Identifier: MIT */
/* How long a camera that nobody answers for is left alone. */
#include "rtsp/camera.h"

#include <limef/base/clock.h>
#include <limef/base/log.h>

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/common.h>
#include <libavutil/error.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static struct rtsp_camera camera;
static enum limef_rtsp_state state;
static int closed_port_fd; /* bound, and nobody listens */

static int note_state(void *context, enum limef_rtsp_state now, int code, const char *text)
{
    (void)context;
    (void)code;
    (void)text;
    state = now;
    return 0;
}

static int ignore_unit(void *context, struct rtsp_receiver *receiver,
                       const struct rtsp_arrival *arrival)
{
    (void)context;
    (void)receiver;
    (void)arrival;
    return 0;
}

static void ignore_end(void *context)
{
    (void)context;
}

static void open_camera(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof(address);
    char url[64];

    limef_log_set_level(LIMEF_LOG_ERROR);
    closed_port_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(zero(int, bind(closed_port_fd, (struct sockaddr *)&address, bytes)));
    cr_assert(zero(int, getsockname(closed_port_fd, (struct sockaddr *)&address, &bytes)));
    snprintf(url, sizeof(url), "rtsp://127.0.0.1:%u/s", ntohs(address.sin_port));
    cr_assert(zero(
        int,
        rtsp_camera_open(&camera, "camera", &(struct limef_rtsp_source_settings){.url = url},
                         &(struct rtsp_camera_events){note_state, ignore_unit, ignore_end, NULL})));
    rtsp_camera_start(&camera);
}

static void clear_camera(void)
{
    rtsp_camera_clear(&camera);
    close(closed_port_fd);
}

TestSuite(rtsp_backoff, .init = open_camera, .fini = clear_camera, .timeout = 60);

/* Tries at once, is refused, and waits: at least, at most. */
static void fail_once(int64_t *least_us, int64_t *most_us)
{
    int64_t before_us = limef_now_us(), due_us;

    camera.retry_us = 0;
    do
        rtsp_camera_step(&camera, &due_us);
    while (state != LIMEF_RTSP_WAITING || camera.retry_us == 0);
    *least_us = camera.retry_us - limef_now_us();
    *most_us = camera.retry_us - before_us;
}

Test(rtsp_backoff, doubles_from_half_a_second_to_half_a_minute)
{
    static const int64_t expected_us[] = {500000,   1000000,  2000000,  4000000, 8000000,
                                          16000000, 30000000, 30000000, 30000000};
    int64_t least_us, most_us;

    for (size_t i = 0; i < sizeof(expected_us) / sizeof(expected_us[0]); i++) {
        fail_once(&least_us, &most_us);
        cr_assert(le(i64, least_us, expected_us[i] * 5 / 4), "try %zu", i);
        cr_assert(le(i64, least_us, 30000000), "try %zu", i);
        cr_assert(ge(i64, most_us, expected_us[i] * 3 / 4), "try %zu", i);
    }
}

Test(rtsp_backoff, begins_anew_after_a_while_of_playing)
{
    int64_t least_us, most_us;

    for (int i = 0; i < 5; i++)
        fail_once(&least_us, &most_us);
    camera.has_played = true;
    camera.played_since_us = limef_now_us() - 1000000;
    fail_once(&least_us, &most_us); /* a second is none */
    cr_assert(ge(i64, most_us, 12000000));
    camera.has_played = true;
    camera.played_since_us = limef_now_us() - 11000000;
    fail_once(&least_us, &most_us);
    cr_assert(le(i64, least_us, 625000));
}

Test(rtsp_backoff, is_not_the_same_for_all)
{
    int64_t least_us, most_us, lowest_us = INT64_MAX, highest_us = 0;

    for (int i = 0; i < 64; i++) {
        camera.backoff_us = 30000000;
        fail_once(&least_us, &most_us);
        lowest_us = FFMIN(lowest_us, most_us);
        highest_us = FFMAX(highest_us, most_us);
    }
    cr_assert(gt(i64, highest_us - lowest_us, 5000000)); /* of 7.5, but once in 10^9 */
}

/* Nor for those that all have the same old password. */
Test(rtsp_backoff, of_what_a_person_must_mend_is_not_the_same_for_all)
{
    int64_t lowest_us = INT64_MAX, highest_us = 0;

    for (int i = 0; i < 64; i++) {
        int64_t wait_us;

        rtsp_camera_fail(&camera, LIMEF_RTSP_REASON_LOGIN, AVERROR(EACCES), "wrong");
        wait_us = camera.retry_us - limef_now_us();
        lowest_us = FFMIN(lowest_us, wait_us);
        highest_us = FFMAX(highest_us, wait_us);
    }
    cr_assert(gt(i64, highest_us - lowest_us, 5000000)); /* of 7.5, but once in 10^9 */
    cr_assert(ge(i64, lowest_us, 22000000));
    cr_assert(le(i64, highest_us, 30000000));
}

/* One that starts opens its port before it has its streams. */
Test(rtsp_backoff, of_what_is_not_there_yet_begins_with_half_a_second)
{
    static const enum limef_rtsp_reason reasons[] = {
        LIMEF_RTSP_REASON_NOT_FOUND, LIMEF_RTSP_REASON_REQUEST,  LIMEF_RTSP_REASON_TRANSPORT,
        LIMEF_RTSP_REASON_VERSION,   LIMEF_RTSP_REASON_ENCODING, LIMEF_RTSP_REASON_DESCRIPTION};

    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        camera.backoff_us = 0;
        for (int64_t wait_us = 500000; wait_us <= 4000000; wait_us *= 2) {
            int64_t before_us = limef_now_us();

            rtsp_camera_fail(&camera, reasons[i], AVERROR(ENOENT), "not there");
            cr_assert(ne(int, (int)state, LIMEF_RTSP_WAITING)); /* it goes on to say why */
            cr_assert(ge(i64, camera.retry_us - before_us, wait_us * 3 / 4));
            cr_assert(le(i64, camera.retry_us - limef_now_us(), wait_us * 5 / 4));
        }
    }
}
