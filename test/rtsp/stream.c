/* SPDX-License-Identifier: MIT */
#include "rtsp/stream.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/error.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

TestSuite(rtsp_stream, .timeout = 60);

static struct rtsp_stream stream;
static uint8_t room[RTSP_STREAM_ROOM_BYTES];
static int camera; /* the other end */

static void wait_for(int fd, short events)
{
    struct pollfd pollfd = {.fd = fd, .events = events};

    cr_assert(eq(int, poll(&pollfd, 1, 30000), 1));
}

static void open_both(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), ret;
    struct rtsp_stream_target target = {.host = "127.0.0.1"};
    char why[RTSP_TLS_WHY_BYTES];

    cr_assert(zero(int, bind(listener, (struct sockaddr *)&address, bytes)));
    cr_assert(zero(int, listen(listener, 1)));
    cr_assert(zero(int, getsockname(listener, (struct sockaddr *)&address, &bytes)));
    target.port = ntohs(address.sin_port);
    stream.poll_fd = epoll_create1(EPOLL_CLOEXEC);
    ret = rtsp_stream_open(&stream, &target, why);
    camera = accept(listener, NULL, NULL);
    cr_assert(ge(int, camera, 0));
    while (ret == AVERROR(EAGAIN)) {
        wait_for(stream.poll_fd, POLLIN);
        ret = rtsp_stream_go_on(&stream, why);
    }
    cr_assert(zero(int, ret));
    close(listener);
}

static void close_both(void)
{
    rtsp_stream_clear(&stream);
    close(stream.poll_fd);
    close(camera);
}

Test(rtsp_stream, says_why_a_name_cannot_be_looked_up)
{
    struct rtsp_stream_target target = {.host = "camera.invalid", .port = 554};
    char why[RTSP_TLS_WHY_BYTES];
    struct rlimit few, before;
    int ret;

    cr_assert(zero(int, getrlimit(RLIMIT_NOFILE, &before)));
    few = before;
    few.rlim_cur = (rlim_t)epoll_create1(EPOLL_CLOEXEC);
    close((int)few.rlim_cur);
    cr_assert(zero(int, setrlimit(RLIMIT_NOFILE, &few)));
    ret = rtsp_stream_open(&stream, &target, why);
    cr_assert(zero(int, setrlimit(RLIMIT_NOFILE, &before)));
    cr_assert(eq(int, ret, AVERROR(EMFILE)));
    cr_assert(eq(str, why, "Too many open files"));
    cr_assert(eq(int, (int)stream.phase, RTSP_STREAM_CLOSED));
}

static void send_all(const uint8_t *data, size_t bytes)
{
    cr_assert(eq(sz, (size_t)send(camera, data, bytes, 0), bytes));
}

/* Receives until there are so many bytes that were not taken, with new room each time. */
static void receive(size_t bytes)
{
    while (stream.end - stream.begin < bytes) {
        wait_for(stream.poll_fd, POLLIN);
        rtsp_stream_lend(&stream, room);
        cr_assert(ge(int, rtsp_stream_receive(&stream), 0));
        cr_assert(zero(int, rtsp_stream_take_back(&stream)));
        memset(room, 0, sizeof(room));
    }
}

Test(rtsp_stream, keeps_what_is_left_over_and_nothing_else, .init = open_both, .fini = close_both)
{
    cr_assert(eq(ptr, stream.kept, NULL));
    send_all((const uint8_t *)"half of ", 8);
    receive(8);
    send_all((const uint8_t *)"an item", 7);
    receive(15);
    cr_assert(zero(int, memcmp(stream.received + stream.begin, "half of an item", 15)));
    cr_assert(le(sz, stream.kept_bytes, 2048));
    stream.begin = stream.end;
    rtsp_stream_lend(&stream, room);
    cr_assert(zero(int, rtsp_stream_take_back(&stream)));
    cr_assert(eq(ptr, stream.received, NULL));
}

Test(rtsp_stream, has_room_for_the_largest_item_and_gives_it_back, .init = open_both,
     .fini = close_both)
{
    static uint8_t item[RTSP_MAX_ITEM_BYTES];

    for (size_t i = 0; i < sizeof(item); i++)
        item[i] = (uint8_t)(i * 7 + i / 251);
    send_all(item, sizeof(item));
    receive(sizeof(item));
    cr_assert(zero(int, memcmp(stream.received + stream.begin, item, sizeof(item))));
    stream.begin = stream.end;
    for (int i = 0; i < 1000; i++) {
        rtsp_stream_lend(&stream, room);
        cr_assert(zero(int, rtsp_stream_take_back(&stream)));
    }
    cr_assert(le(sz, stream.kept_bytes, 2048));
}

Test(rtsp_stream, goes_on_with_a_large_item_in_one_time_of_receiving, .init = open_both,
     .fini = close_both)
{
    static uint8_t item[RTSP_MAX_ITEM_BYTES];

    memset(item, 5, sizeof(item));
    send_all(item, sizeof(item));
    rtsp_stream_lend(&stream, room);
    while (stream.end - stream.begin < sizeof(item)) {
        wait_for(stream.poll_fd, POLLIN);
        cr_assert(ge(int, rtsp_stream_receive(&stream), 0));
    }
    cr_assert(zero(int, rtsp_stream_take_back(&stream)));
    cr_assert(zero(int, memcmp(stream.received + stream.begin, item, sizeof(item))));
}

Test(rtsp_stream, sends_later_what_the_socket_does_not_take, .init = open_both, .fini = close_both)
{
    static uint8_t word[4096], got[4096];
    size_t n_sent = 0, n_got = 0;
    int ret = 0;

    while (ret >= 0) {
        memset(word, (int)(n_sent / sizeof(word)), sizeof(word));
        ret = rtsp_stream_send(&stream, word, sizeof(word));
        n_sent += ret >= 0 ? sizeof(word) : 0;
    }
    cr_assert(eq(int, ret, AVERROR(ENOBUFS)));
    cr_assert(gt(sz, stream.n_to_send, 0));
    while (n_got < n_sent) {
        ssize_t n;

        cr_assert(zero(int, rtsp_stream_flush(&stream)));
        wait_for(camera, POLLIN);
        n = recv(camera, got, sizeof(got), 0);
        for (ssize_t i = 0; i < n; i++)
            cr_assert(eq(u8, got[i], (uint8_t)((n_got + (size_t)i) / sizeof(word))));
        n_got += (size_t)n;
    }
    cr_assert(eq(ptr, stream.to_send, NULL));
}

/* Media that nobody reads any more does not cost the camera the request before it. */
Test(rtsp_stream, leaves_without_a_reset_though_something_is_unread, .init = open_both,
     .fini = close_both)
{
    static uint8_t media[100000], got[64];
    static const char request[] = "TEARDOWN rtsp://h/s RTSP/1.0\r\n\r\n";

    send_all(media, sizeof(media));
    wait_for(stream.fd, POLLIN);
    cr_assert(zero(int, rtsp_stream_send(&stream, request, sizeof(request) - 1)));
    rtsp_stream_close(&stream);
    cr_assert(eq(sz, (size_t)recv(camera, got, sizeof(got), MSG_WAITALL), sizeof(request) - 1));
    cr_assert(zero(int, memcmp(got, request, sizeof(request) - 1)));
    cr_assert(zero(int, (int)recv(camera, got, sizeof(got), 0)));
}
