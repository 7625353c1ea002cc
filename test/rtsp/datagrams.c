/* SPDX-License-Identifier: MIT */
#include "rtsp/datagrams.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <fcntl.h>
#include <libavutil/error.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define GROUP "239.255.42.43"

static struct datagrams datagrams;
static int poll_fd, senders[3]; /* at 127.0.0.1, 127.0.0.2, 127.0.0.3 */
static unsigned n_taken;
static size_t taken_bytes;

static struct sockaddr_in loopback(unsigned host, uint16_t port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK + host)};
}

static int bind_at(struct sockaddr_in address)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    cr_assert(zero(int, bind(fd, (struct sockaddr *)&address, sizeof(address))));
    return fd;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_in address;
    socklen_t bytes = sizeof(address);

    cr_assert(zero(int, getsockname(fd, (struct sockaddr *)&address, &bytes)));
    return ntohs(address.sin_port);
}

static void open_all(void)
{
    struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
    struct sockaddr_in address = loopback(0, 554);

    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    memcpy(&peer, &address, sizeof(address));
    cr_assert(zero(int, datagrams_open(&datagrams, poll_fd, &peer, sizeof(address))));
    for (unsigned i = 0; i < 3; i++)
        senders[i] = bind_at(loopback(i, 0));
}

static void close_all(void)
{
    datagrams_close(&datagrams);
    for (unsigned i = 0; i < 3; i++)
        close(senders[i]);
    close(poll_fd);
}

TestSuite(rtsp_datagrams, .init = open_all, .fini = close_all, .timeout = 60);

static int take(void *context, const uint8_t *data, size_t bytes)
{
    (void)context;
    (void)data;
    n_taken++;
    taken_bytes = bytes;
    return 0;
}

static size_t sizes[8];

static int take_size(void *context, const uint8_t *data, size_t bytes)
{
    sizes[n_taken % 8] = bytes;
    return take(context, data, bytes);
}

/* Whether what a sender sends is taken. */
static bool takes_from(unsigned sender, size_t bytes)
{
    struct sockaddr_in to = loopback(0, datagrams.port);
    struct pollfd pollfd = {.fd = datagrams.fds[0], .events = POLLIN};
    static const uint8_t data[65000];
    unsigned n_before = n_taken;

    cr_assert(
        eq(sz, (size_t)sendto(senders[sender], data, bytes, 0, (struct sockaddr *)&to, sizeof(to)),
           bytes));
    cr_assert(eq(int, poll(&pollfd, 1, 30000), 1));
    cr_assert(ge(int, datagrams_receive(&datagrams, 0, take, NULL), 0));
    return n_taken > n_before;
}

/* So many datagrams come to a sender. */
static void gets(int fd, unsigned n)
{
    struct pollfd pollfd = {.fd = fd, .events = POLLIN};
    uint8_t data[64];

    for (; n > 0; n--) {
        cr_assert(eq(int, poll(&pollfd, 1, 30000), 1));
        cr_assert(gt(i64, recv(fd, data, sizeof(data), 0), 0));
    }
}

/* Two sockets with one port, at 127.0.0.1 and 127.0.0.2. */
static void bind_both(int fds[2])
{
    struct sockaddr_in address;

    for (fds[1] = -1; fds[1] < 0;) {
        int fd = bind_at(loopback(0, 0));

        address = loopback(1, port_of(fd));
        fds[0] = fd;
        fds[1] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (bind(fds[1], (struct sockaddr *)&address, sizeof(address)) == 0)
            break;
        close(fds[0]);
        close(fds[1]);
        fds[1] = -1;
    }
}

Test(rtsp_datagrams, takes_what_the_camera_sends_and_nothing_else)
{
    cr_assert(takes_from(0, 100));
    cr_assert(not(takes_from(1, 100)));
    cr_assert(eq(u64, datagrams.n_foreign, 1));
}

Test(rtsp_datagrams, takes_what_comes_from_where_the_camera_says_as_well)
{
    datagrams_allow(&datagrams, "127.0.0.2");
    cr_assert(takes_from(0, 100));
    cr_assert(takes_from(1, 100));
    cr_assert(takes_from(0, 100));
    cr_assert(not(takes_from(2, 100)));
    cr_assert(eq(u64, datagrams.n_foreign, 1));
}

Test(rtsp_datagrams, takes_datagrams_of_any_size)
{
    cr_assert(takes_from(0, 65000));
    cr_assert(eq(sz, taken_bytes, 65000));
    for (int i = 0; i < 300; i++)
        cr_assert(takes_from(0, 1400));
    cr_assert(takes_from(0, 9000)); /* which nobody could know */
    cr_assert(eq(sz, taken_bytes, 9000));
    cr_assert(takes_from(0, 65000));
    cr_assert(eq(sz, taken_bytes, 65000));
    cr_assert(zero(u64, datagrams.n_foreign));
}

Test(rtsp_datagrams, misses_all_but_one_of_large_ones_that_nobody_could_know)
{
    struct sockaddr_in to = loopback(0, datagrams.port);
    struct pollfd pollfd = {.fd = datagrams.fds[0], .events = POLLIN};
    static const uint8_t data[9000];

    for (int i = 0; i < 300; i++)
        cr_assert(takes_from(0, 1400));
    n_taken = 0;
    for (size_t i = 0; i < 4; i++)
        cr_assert(gt(i64,
                     sendto(senders[0], data, i == 3 ? 100 : 8000 + i, 0, (struct sockaddr *)&to,
                            sizeof(to)),
                     0));
    while (poll(&pollfd, 1, n_taken < 2 ? 30000 : 0) == 1)
        cr_assert(ge(int, datagrams_receive(&datagrams, 0, take_size, NULL), 0));
    cr_assert(ge(u32, n_taken, 2)); /* all, if they came one by one */
    cr_assert(eq(sz, sizes[n_taken - 2], 8002));
    cr_assert(eq(sz, sizes[n_taken - 1], 100));
}

Test(rtsp_datagrams, ignores_a_source_that_is_none)
{
    datagrams_allow(&datagrams, "");
    datagrams_allow(&datagrams, "camera.example");
    datagrams_allow(&datagrams, "::1");
    cr_assert(takes_from(0, 100));
    cr_assert(not(takes_from(1, 100)));
}

Test(rtsp_datagrams, reports_to_where_packets_come_from)
{
    uint16_t port;
    int fds[2];

    bind_both(fds);
    port = port_of(fds[0]);
    datagrams_allow(&datagrams, "127.0.0.2");
    datagrams_greet(&datagrams, port, port);
    gets(fds[0], 2);
    gets(fds[1], 2);
    datagrams_report(&datagrams, "report", 6);
    gets(fds[0], 1);
    cr_assert(takes_from(1, 100));
    datagrams_report(&datagrams, "report", 6);
    gets(fds[1], 1);
    close(fds[0]);
    close(fds[1]);
}

/* Its answer to SETUP had no server_port. */
Test(rtsp_datagrams, reports_to_a_camera_that_does_not_name_its_ports)
{
    struct sockaddr_in to = loopback(0, datagrams.port);
    struct pollfd pollfd = {.fd = datagrams.fds[0], .events = POLLIN};
    int fds[2] = {-1, -1};

    while (fds[1] < 0) {
        struct sockaddr_in next;

        fds[0] = bind_at(loopback(0, 0));
        next = loopback(0, (uint16_t)(port_of(fds[0]) + 1));
        fds[1] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (bind(fds[1], (struct sockaddr *)&next, sizeof(next)) == 0)
            break;
        close(fds[0]);
        close(fds[1]);
        fds[1] = -1;
    }
    datagrams_report(&datagrams, "report", 6); /* to nobody */
    cr_assert(eq(i64, sendto(fds[0], "packet", 6, 0, (struct sockaddr *)&to, sizeof(to)), 6));
    cr_assert(eq(int, poll(&pollfd, 1, 30000), 1));
    cr_assert(ge(int, datagrams_receive(&datagrams, 0, take, NULL), 0));
    datagrams_report(&datagrams, "report", 6);
    gets(fds[1], 1);
    close(fds[0]);
    close(fds[1]);
}

/* Whether what is sent to a group comes back on the loopback interface. */
static bool can_multicast(void)
{
    struct sockaddr_in group = {.sin_family = AF_INET, .sin_addr.s_addr = inet_addr(GROUP)};
    struct ip_mreqn request = {.imr_multiaddr = group.sin_addr,
                               .imr_address.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = 2};
    int fd = bind_at(group);
    char byte = 1;
    bool can;

    group.sin_port = htons(port_of(fd));
    can = setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof(request)) == 0 &&
          setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &request, sizeof(request)) == 0 &&
          setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0 &&
          fcntl(fd, F_SETFL, 0) == 0 &&
          sendto(fd, &byte, 1, 0, (struct sockaddr *)&group, sizeof(group)) == 1 &&
          recv(fd, &byte, 1, 0) == 1;
    close(fd);
    return can;
}

/* On a port of its own, so that two of these tests do not hear each other, and below those that the
 * system gives away. */
Test(rtsp_datagrams, reports_to_all_of_a_group)
{
    struct sockaddr_in own = loopback(0, 0);
    struct sockaddr_storage from = {.ss_family = AF_UNSPEC};
    struct datagrams_group group = {
        .address = GROUP, .port = (uint16_t)(20000 + 2 * (getpid() % 6000)), .sources = ""};
    struct pollfd pollfd = {.events = POLLIN};

    if (!can_multicast())
        cr_skip_test("no multicast on the loopback interface");
    memcpy(&from, &own, sizeof(own));
    datagrams_close(&datagrams);
    cr_assert(zero(int, datagrams_join(&datagrams, poll_fd, &group, &from)));
    datagrams_report(&datagrams, "report", 6);
    pollfd.fd = datagrams.fds[1]; /* it is of the group, too */
    cr_assert(eq(int, poll(&pollfd, 1, 30000), 1));
    cr_assert(ge(int, datagrams_receive(&datagrams, 1, take, NULL), 1));
    cr_assert(eq(u32, n_taken, 1));
    cr_assert(eq(sz, taken_bytes, 6));
}
