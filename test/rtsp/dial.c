/* SPDX-License-Identifier: MIT */
#include "rtsp/dial.h"

#include <limef/base/clock.h>

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/error.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#define N_FILLERS 8

static struct dial dial;
static int poll_fd, listener, deaf;
static int fillers[N_FILLERS];

/* A socket with a port of its own, that nobody answers at. */
static int bind_one(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    cr_assert(zero(int, bind(fd, (struct sockaddr *)&address, sizeof(address))));
    return fd;
}

static void open_all(void)
{
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    listener = bind_one();
    deaf = bind_one();
    cr_assert(zero(int, listen(listener, 8)));
}

static void close_all(void)
{
    dial_close(&dial);
    for (int i = 0; i < N_FILLERS; i++)
        if (fillers[i] > 0)
            close(fillers[i]);
    close(deaf);
    close(listener);
    close(poll_fd);
}

TestSuite(rtsp_dial, .init = open_all, .fini = close_all, .timeout = 60);

static struct resolver_address address_of(int fd)
{
    struct resolver_address address = {.bytes = sizeof(address.address)};

    cr_assert(zero(int, getsockname(fd, (struct sockaddr *)&address.address, &address.bytes)));
    return address;
}

static void add(struct resolver_address address)
{
    dial.addresses.list[dial.addresses.n++] = address;
}

static uint16_t port_of(const struct resolver_address *address)
{
    return ((const struct sockaddr_in *)(const void *)&address->address)->sin_port;
}

/* Goes on until something comes of it. */
static int finish(int64_t now_us)
{
    int ret = dial_go_on(&dial, poll_fd, now_us);

    while (ret == AVERROR(EAGAIN)) {
        struct pollfd pollfd = {.fd = poll_fd, .events = POLLIN};

        cr_assert(eq(int, poll(&pollfd, 1, 30000), 1));
        ret = dial_go_on(&dial, poll_fd, now_us);
    }
    return ret;
}

static void expect_listener(int fd)
{
    struct resolver_address peer = {.bytes = sizeof(peer.address)}, expected = address_of(listener);

    cr_assert(ge(int, fd, 0), "%s", av_err2str(fd));
    cr_assert(zero(int, getpeername(fd, (struct sockaddr *)&peer.address, &peer.bytes)));
    cr_assert(eq(u16, port_of(&peer), port_of(&expected)));
    cr_assert(eq(i64, dial_due_us(&dial), LIMEF_FOREVER));
    close(fd);
}

Test(rtsp_dial, takes_the_next_address_at_once_where_nobody_listens)
{
    add(address_of(deaf));
    add((struct resolver_address){.address.ss_family = AF_MAX + 1, .bytes = 16});
    add(address_of(listener));
    expect_listener(finish(0));
}

/* What is full takes no more connections and says nothing, as a host that is not there. */
Test(rtsp_dial, takes_the_next_address_after_a_while_where_nobody_answers)
{
    struct resolver_address full;

    cr_assert(zero(int, listen(deaf, 0)));
    full = address_of(deaf);
    for (int i = 0; i < N_FILLERS; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        connect(fillers[i], (struct sockaddr *)&full.address, full.bytes);
    }
    add(full);
    add(address_of(listener));
    cr_assert(eq(int, dial_go_on(&dial, poll_fd, 0), AVERROR(EAGAIN)));
    cr_assert(eq(i64, dial_due_us(&dial), DIAL_DELAY_US));
    cr_assert(eq(int, dial_go_on(&dial, poll_fd, DIAL_DELAY_US - 1), AVERROR(EAGAIN)));
    cr_assert(eq(u32, dial.n_begun, 1));
    expect_listener(finish(DIAL_DELAY_US));
    cr_assert(zero(u32, dial.n_begun));
}

Test(rtsp_dial, says_what_the_host_said_rather_than_that_there_is_no_way)
{
    add(address_of(deaf));
    add((struct resolver_address){.address.ss_family = AF_MAX + 1, .bytes = 16});
    cr_assert(eq(int, finish(0), AVERROR(ECONNREFUSED)));
}
