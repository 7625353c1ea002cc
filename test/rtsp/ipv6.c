/* SPDX-License-Identifier: MIT */
/* A camera at ::1, by all ways that its packets may come. */
#include "scripted_camera.h"

#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>

#define GROUP "ff15::4242:4243"

static int sender = -1;

static void open_at(const char *host)
{
    char url_host[64];

    limef_log_set_level(LIMEF_LOG_ERROR);
    cr_assert(eq(int, inet_pton(AF_INET6, host, &address6), 1));
    listen_by(AF_INET6);
    snprintf(url_host, sizeof(url_host), "[%s]", host);
    open_client("", url_host);
    sender = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

static void open_all(void)
{
    open_at("::1");
}

static void close_all(void)
{
    close_camera();
    close(sender);
}

TestSuite(rtsp_ipv6, .init = open_all, .fini = close_all, .timeout = 120);

static struct sockaddr_in6 address_of(const char *host, uint16_t to_port)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(to_port)};

    cr_assert(eq(int, inet_pton(AF_INET6, host, &address.sin6_addr), 1));
    return address;
}

/* Pictures until one was taken: a group may be joined a moment later. */
static void send_until_one_comes(struct sockaddr_in6 to)
{
    int64_t end_us = limef_now_us() + DEADLINE_US;
    uint8_t packet[64];

    for (uint16_t i = 1; n_units == 0; i++) {
        size_t bytes = packet_write(packet, i, i * 3600u, true, "\x65\x88", 2);

        cr_assert(lt(i64, limef_now_us(), end_us));
        cr_assert(gt(i64, sendto(sender, packet, bytes, 0, (struct sockaddr *)&to, sizeof(to)), 0));
        for (int k = 0; k < 10 && n_units == 0; k++)
            step();
    }
    cr_assert(eq(int, (int)camera.state, LIMEF_RTSP_PLAYING));
}

Test(rtsp_ipv6, plays_in_the_connection)
{
    greet("Session: 1\r\n", VIDEO);
    send_packet(0, 96, 1, "\x65\x88");
    while (n_units == 0)
        step();
    cr_assert(eq(int, (int)camera.state, LIMEF_RTSP_PLAYING));
}

/* Up to the answer to PLAY, by datagrams. */
static void greet_by_datagrams(const char *description, const char *transport)
{
    camera.settings.transport = LIMEF_RTSP_UDP;
    camera.is_udp = true;
    meet();
    expect("DESCRIBE");
    answer_as(200, "", description);
    expect("SETUP");
    answer(transport);
    expect("PLAY");
    answer("");
    while (camera.pending != RTSP_NO_REQUEST)
        step();
}

Test(rtsp_ipv6, plays_by_datagrams)
{
    greet_by_datagrams("v=0\r\n" VIDEO, "Session: 1\r\nTransport: RTP/AVP;unicast\r\n");
    send_until_one_comes(address_of("::1", camera.tracks[0]->datagrams.port));
}

/* A network of this process alone, with an interface that has groups; the loopback one has none. */
static bool enter_network(void)
{
    return (unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0) &&
           system("{ ip link set lo up && ip link add v0 type veth peer name v1 && "
                  "ip link set v1 up && ip link set v0 up && "
                  "ip -6 addr add fd00::1/64 dev v0 nodad && "
                  "ip -6 addr add fd00::2/64 dev v0 nodad; } 2> /dev/null") == 0;
}

static void open_sender(void)
{
    unsigned interface = if_nametoindex("v0");

    sender = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    cr_assert(zero(
        int, setsockopt(sender, IPPROTO_IPV6, IPV6_MULTICAST_IF, &interface, sizeof(interface))));
}

/* c=IN IP6, without a time to live (RFC 8866 5.7). */
static void greet_in_group(const char *attributes)
{
    char description[512];

    if (!enter_network())
        cr_skip_test("no network of our own here");
    open_at("fd00::1");
    close(sender);
    open_sender();
    snprintf(description, sizeof(description),
             "v=0\r\nc=IN IP6 " GROUP "/3\r\nm=video 20000 RTP/AVP 96\r\n"
             "a=rtpmap:96 H264/90000\r\na=control:v\r\n%s",
             attributes);
    greet_by_datagrams(description, "Session: 1\r\nTransport: RTP/AVP;multicast\r\n");
}

Test(rtsp_ipv6_group, plays_from_a_group_that_is_described, .fini = close_all, .timeout = 120)
{
    greet_in_group("");
    send_until_one_comes(address_of(GROUP, 20000));
}

Test(rtsp_ipv6_group, hears_the_described_source_alone, .fini = close_all, .timeout = 120)
{
    struct sockaddr_in6 to = address_of(GROUP, 20000), own = address_of("fd00::1", 0);
    uint8_t packet[64];
    size_t bytes = packet_write(packet, 900, 1, true, "\x65\x88", 2);

    greet_in_group("a=source-filter: incl IN IP6 " GROUP " fd00::2\r\n");
    cr_assert(zero(int, bind(sender, (struct sockaddr *)&own, sizeof(own))));
    cr_assert(gt(i64, sendto(sender, packet, bytes, 0, (struct sockaddr *)&to, sizeof(to)), 0));
    close(sender);
    open_sender();
    own = address_of("fd00::2", 0);
    cr_assert(zero(int, bind(sender, (struct sockaddr *)&own, sizeof(own))));
    send_until_one_comes(to);
    cr_assert(lt(i64, (int64_t)(uint16_t)camera.tracks[0]->receiver.statistics.first, 900));
}
