/* SPDX-License-Identifier: MIT */
#include "filter/shout_socket.h"

#include "rtsp/resolver.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <fcntl.h>
#include <libavutil/error.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#define TIMEOUT_MS 1234

static struct shout_sockets sockets;
static struct resolver_addresses servers[2];
static int listening[2];

/* Connections wait there to be accepted. */
static int listen_anywhere(struct resolver_addresses *addresses)
{
    struct sockaddr_in *address = (void *)&addresses->list[0].address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    addresses->n = 1;
    addresses->list[0].bytes = sizeof(*address);
    cr_assert(zero(int, bind(fd, (struct sockaddr *)address, sizeof(*address))));
    cr_assert(zero(int, listen(fd, 8)));
    cr_assert(zero(int, getsockname(fd, (struct sockaddr *)address, &addresses->list[0].bytes)));
    return fd;
}

static int connect_to(const struct resolver_addresses *addresses)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert(zero(int, connect(fd, (const struct sockaddr *)&addresses->list[0].address,
                                addresses->list[0].bytes)));
    return fd;
}

/* Its TCP_USER_TIMEOUT. */
static unsigned limit_of(int fd)
{
    unsigned timeout_ms = UINT32_MAX;
    socklen_t bytes = sizeof(timeout_ms);

    cr_assert(zero(int, getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, &bytes)));
    return timeout_ms;
}

static void open_servers(void)
{
    for (int i = 0; i < 2; i++)
        listening[i] = listen_anywhere(&servers[i]);
}

static void close_servers(void)
{
    for (int i = 0; i < 2; i++)
        close(listening[i]);
    shout_sockets_clear(&sockets);
}

TestSuite(shout_socket, .init = open_servers, .fini = close_servers, .timeout = 30);

Test(shout_socket, limits_what_came_between_and_leaves_all_others_of_the_process)
{
    int before, other, behind, own[2];

    before = connect_to(&servers[0]);
    shout_sockets_look(&sockets, false);
    own[0] = connect_to(&servers[0]);
    other = connect_to(&servers[1]);
    shout_sockets_look(&sockets, true);
    behind = connect_to(&servers[0]);
    shout_sockets_look(&sockets, false);
    own[1] = connect_to(&servers[0]); /* it began anew */
    shout_sockets_look(&sockets, true);
    cr_assert(zero(int, shout_sockets_limit(&sockets, &servers[0], TIMEOUT_MS * INT64_C(1000))));
    for (int i = 0; i < 2; i++)
        cr_assert(eq(u32, limit_of(own[i]), TIMEOUT_MS));
    cr_assert(zero(u32, limit_of(before)));
    cr_assert(zero(u32, limit_of(behind)));
    cr_assert(zero(u32, limit_of(other)));
    close(before);
    close(other);
    close(behind);
    close(own[0]);
    close(own[1]);
}

Test(shout_socket, takes_no_descriptor_for_the_one_that_had_its_number)
{
    int own, other;

    shout_sockets_look(&sockets, false);
    own = connect_to(&servers[0]);
    shout_sockets_look(&sockets, true);
    other = connect_to(&servers[0]);
    cr_assert(eq(int, dup3(other, own, O_CLOEXEC), own));
    cr_assert(eq(int, shout_sockets_limit(&sockets, &servers[0], 1000000), AVERROR(ENOENT)));
    cr_assert(zero(u32, limit_of(own)));
    close(own);
    close(other);
}

Test(shout_socket, says_so_where_none_is_its_own)
{
    int before = connect_to(&servers[0]);

    shout_sockets_look(&sockets, false);
    shout_sockets_look(&sockets, true);
    cr_assert(eq(int, shout_sockets_limit(&sockets, &servers[0], 1000000), AVERROR(ENOENT)));
    cr_assert(zero(u32, limit_of(before)));
    close(before);
}
