/* SPDX-License-Identifier: MIT */
/* A camera that describes a multicast group, in a network of the test's own. */
#include "scripted_camera.h"

#include <net/if.h>
#include <sched.h>

#define GROUP "239.255.77.2"
#define GROUP_PORT 20000
#define DESCRIPTION                                                                                \
    "v=0\r\nc=IN IP4 " GROUP "/1\r\nm=video 20000 RTP/AVP 96\r\n"                                  \
    "a=rtpmap:96 H264/90000\r\na=control:v\r\n"
#define OURS "127.0.0.2"
#define OTHERS "127.0.0.3"
#define ITS_OWN "127.0.0.1" /* as RTSP knows the camera */
#define SSRC 0x11223344

static bool enter_network(void)
{
    return (unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0) &&
           system("{ ip link set lo up && ip link set lo multicast on; } 2> /dev/null") == 0;
}

static void open_all(void)
{
    if (!enter_network())
        cr_skip_test("no network of our own here");
    open_camera();
    camera.settings.transport = LIMEF_RTSP_UDP;
    camera.is_udp = true;
}

TestSuite(rtsp_group, .init = open_all, .fini = close_camera, .timeout = 120);

/* Up to SETUP, by a group or not. */
static void expect_setup(const char *description, bool is_group)
{
    meet();
    expect("DESCRIBE");
    answer_as(200, "", description);
    expect("SETUP");
    cr_assert(eq(int, strstr(asked, "multicast") != NULL, is_group), "%s", asked);
    cr_assert(eq(int, strstr(asked, "client_port=") != NULL, !is_group), "%s", asked);
}

static void play(const char *description, bool is_group)
{
    expect_setup(description, is_group);
    answer(is_group ? "Session: 1\r\nTransport: RTP/AVP;multicast\r\n"
                    : "Session: 1\r\nTransport: RTP/AVP;unicast\r\n");
    expect("PLAY");
    answer("");
    while (camera.pending != RTSP_NO_REQUEST)
        step();
}

static uint32_t ssrc = SSRC; /* of what is sent */

static void send_bytes_from(const char *host, const uint8_t *packet, size_t bytes,
                            const char *to_host, uint16_t to_port)
{
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = inet_addr(host)};
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(to_port), .sin_addr.s_addr = inet_addr(to_host)};
    struct ip_mreqn request = {.imr_ifindex = (int)if_nametoindex("lo")};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    cr_assert(zero(int, setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &request, sizeof(request))));
    cr_assert(zero(int, bind(fd, (struct sockaddr *)&own, sizeof(own))));
    cr_assert(gt(i64, sendto(fd, packet, bytes, 0, (struct sockaddr *)&to, sizeof(to)), 0));
    close(fd);
}

static void send_from(const char *host, uint16_t sequence, const char *to_host, uint16_t to_port)
{
    uint8_t packet[64];
    size_t bytes = packet_write(packet, sequence, sequence * 3600u, true, "\x65\x88", 2);

    AV_WB32(packet + 8, ssrc);
    send_bytes_from(host, packet, bytes, to_host, to_port);
}

static void step_until_playing(void)
{
    int64_t end_us = limef_now_us() + DEADLINE_US;

    while (camera.state != LIMEF_RTSP_PLAYING) {
        cr_assert(lt(i64, limef_now_us(), end_us));
        step();
    }
}

/* One packet of others, which is there first, and one of ours. */
static void assert_hears_ours_alone(const char *attributes)
{
    char description[512];

    snprintf(description, sizeof(description), "%s%s", DESCRIPTION, attributes);
    play(description, true);
    send_from(OTHERS, 1, GROUP, GROUP_PORT);
    send_from(OURS, 2, GROUP, GROUP_PORT);
    step_until_playing();
    cr_assert(eq(u16, (uint16_t)camera.tracks[0]->receiver.statistics.first, 2));
}

Test(rtsp_group, anybody_is_heard_without_a_filter)
{
    play(DESCRIPTION, true);
    send_from(OTHERS, 1, GROUP, GROUP_PORT);
    step_until_playing();
}

Test(rtsp_group, its_source_is_heard_alone)
{
    assert_hears_ours_alone("a=source-filter: incl IN IP4 " GROUP " " OURS "\r\n");
}

Test(rtsp_group, one_of_several_sources_is_heard)
{
    assert_hears_ours_alone("a=source-filter: incl IN IP4 * fd00::1 127.0.0.9 " OURS "\r\n");
}

Test(rtsp_group, who_is_excluded_is_not_heard)
{
    assert_hears_ours_alone("a=source-filter: excl IN IP4 " GROUP " " OTHERS "\r\n");
}

Test(rtsp_group, a_filter_of_names_alone_is_none)
{
    char description[512];

    snprintf(description, sizeof(description), "%sa=source-filter: incl IN IP4 * camera.local\r\n",
             DESCRIPTION);
    play(description, true);
    send_from(OTHERS, 1, GROUP, GROUP_PORT);
    step_until_playing();
}

/* The time for it is over. */
static void wait_in_vain(void)
{
    uint64_t n_connects = camera.past.n_connects;
    int64_t end_us = limef_now_us() + DEADLINE_US;

    camera.media_us = 0;
    while (camera.past.n_connects == n_connects) {
        cr_assert(lt(i64, limef_now_us(), end_us));
        if (camera.state == LIMEF_RTSP_WAITING)
            camera.retry_us = 0;
        step();
    }
}

Test(rtsp_group, unicast_is_asked_for_where_it_brings_nothing_and_remembered)
{
    struct limef_rtsp_source_counters counters;

    play(DESCRIPTION, true);
    wait_in_vain();
    play(DESCRIPTION, false);
    send_from("127.0.0.1", 1, "127.0.0.1", camera.tracks[0]->datagrams.port);
    step_until_playing();
    rtsp_camera_count(&camera, &counters);
    cr_assert(eq(u64, counters.n_lost_groups, 1));
    close(peer); /* the camera begins anew */
    peer = 0;
    while (camera.state == LIMEF_RTSP_PLAYING)
        step();
    camera.retry_us = 0;
    expect_setup(DESCRIPTION, false);
}

Test(rtsp_group, it_is_tried_again_where_unicast_brings_nothing_either)
{
    play(DESCRIPTION, true);
    wait_in_vain();
    play(DESCRIPTION, false);
    wait_in_vain();
    expect_setup(DESCRIPTION, true);
}

Test(rtsp_group, tcp_is_next_where_neither_brings_anything_and_it_may)
{
    camera.settings.transport = LIMEF_RTSP_AUTO;
    play(DESCRIPTION, true);
    wait_in_vain();
    play(DESCRIPTION, false);
    wait_in_vain();
    meet();
    expect("DESCRIBE");
    answer_as(200, "", DESCRIPTION);
    expect("SETUP");
    cr_assert(ne(ptr, strstr(asked, "interleaved="), NULL), "%s", asked);
}

Test(rtsp_group, unicast_is_asked_for_where_it_is_refused)
{
    expect_setup(DESCRIPTION, true);
    answer_as(461, "", "");
    expect_setup(DESCRIPTION, false);
    cr_assert(eq(u64, camera.past.n_lost_groups, 1));
}

Test(rtsp_group, a_camera_that_answers_with_it_nevertheless_has_no_way)
{
    play(DESCRIPTION, true);
    wait_in_vain();
    expect_setup(DESCRIPTION, false);
    answer("Session: 1\r\nTransport: RTP/AVP;multicast\r\n");
    while (camera.pending == RTSP_SETUP)
        step();
    cr_assert(eq(int, (int)camera.reason, LIMEF_RTSP_REASON_TRANSPORT));
    camera.retry_us = 0;
    expect_setup(DESCRIPTION, true);
}

/* As play(), and the camera says more of the group in its answer. */
static void play_with(const char *description, const char *parameters)
{
    char transport[256];

    snprintf(transport, sizeof(transport), "Session: 1\r\nTransport: RTP/AVP;multicast;%s\r\n",
             parameters);
    expect_setup(description, true);
    answer(transport);
    expect("PLAY");
    answer("");
    while (camera.pending != RTSP_NO_REQUEST)
        step();
}

static uint16_t first_number(void)
{
    return (uint16_t)camera.tracks[0]->receiver.statistics.first;
}

static uint16_t last_number(void)
{
    return (uint16_t)camera.tracks[0]->receiver.statistics.highest;
}

static uint64_t n_foreign(void)
{
    struct limef_rtsp_source_counters counters;

    rtsp_camera_count(&camera, &counters);
    return counters.n_foreign;
}

static void step_until_foreign(uint64_t n)
{
    int64_t end_us = limef_now_us() + DEADLINE_US;

    while (n_foreign() < n) {
        cr_assert(lt(i64, limef_now_us(), end_us));
        step();
    }
}

static void step_until_number(uint16_t number)
{
    int64_t end_us = limef_now_us() + DEADLINE_US;

    while (last_number() != number) {
        cr_assert(lt(i64, limef_now_us(), end_us));
        step();
    }
}

#define UNDESCRIBED "v=0\r\n" VIDEO

Test(rtsp_group, is_asked_for_where_none_is_described_and_the_answer_says_which)
{
    int ttl = 0;
    socklen_t bytes = sizeof(ttl);

    camera.settings.transport = LIMEF_RTSP_MULTICAST;
    play_with(UNDESCRIBED, "destination=" GROUP ";port=20000-20001;ttl=7");
    send_from(OURS, 1, GROUP, GROUP_PORT);
    step_until_playing();
    cr_assert(zero(int, getsockopt(camera.tracks[0]->datagrams.fds[1], IPPROTO_IP, IP_MULTICAST_TTL,
                                   &ttl, &bytes)));
    cr_assert(eq(int, ttl, 7));
    cr_assert(zero(u64, camera.past.n_lost_groups));
}

Test(rtsp_group, unicast_is_asked_for_where_none_is_to_be_had)
{
    static const char *const answers[] = {
        "Session: 1\r\nTransport: RTP/AVP;multicast\r\n",
        "Session: 1\r\nTransport: RTP/AVP;multicast;destination=127.0.0.9;port=20000-20001\r\n",
        "Session: 1\r\nTransport: RTP/AVP;unicast;client_port=20000-20001\r\n"};

    camera.settings.transport = LIMEF_RTSP_MULTICAST;
    for (unsigned i = 0; i < 3; i++) {
        expect_setup(UNDESCRIBED, true);
        answer(answers[i]);
        expect_setup(UNDESCRIBED, false);
        cr_assert(eq(u64, camera.past.n_lost_groups, i + 1));
        answer_as(461, "", "");
        while (camera.pending == RTSP_SETUP)
            step();
        cr_assert(eq(int, (int)camera.reason, LIMEF_RTSP_REASON_TRANSPORT));
        camera.retry_us = 0;
    }
}

Test(rtsp_group, the_source_of_the_answer_is_heard_alone)
{
    play_with(DESCRIPTION, "source=" OURS);
    send_from(OTHERS, 1, GROUP, GROUP_PORT);
    send_from(OURS, 2, GROUP, GROUP_PORT);
    step_until_playing();
    cr_assert(eq(u16, first_number(), 2));
}

Test(rtsp_group, a_source_that_nobody_can_be_is_none)
{
    play_with(DESCRIPTION, "source=0.0.0.0");
    send_from(OTHERS, 1, GROUP, GROUP_PORT);
    step_until_playing();
}

Test(rtsp_group, the_camera_itself_is_taken_alone_once_it_is_heard)
{
    play(DESCRIPTION, true);
    send_from(OTHERS, 1, GROUP, GROUP_PORT);
    step_until_playing();
    ssrc = 5;
    for (uint16_t i = 5001; i < 5003; i++)
        send_from(ITS_OWN, i, GROUP, GROUP_PORT);
    step_until_number(5002);
    ssrc = SSRC;
    for (uint16_t i = 2; i < 5; i++)
        send_from(OTHERS, i, GROUP, GROUP_PORT);
    step_until_foreign(3);
    cr_assert(eq(u16, last_number(), 5002));
}

Test(rtsp_group, the_ssrc_of_the_answer_is_taken_alone_once_it_has_come)
{
    play_with(DESCRIPTION, "ssrc=00000005");
    send_from(OTHERS, 1, GROUP, GROUP_PORT);
    step_until_playing();
    ssrc = 5;
    send_from(OURS, 5001, GROUP, GROUP_PORT);
    step_until_number(5001);
    ssrc = SSRC;
    for (uint16_t i = 2; i < 5; i++)
        send_from(OTHERS, i, GROUP, GROUP_PORT);
    step_until_foreign(3);
    ssrc = 5;
    send_from(OURS, 5002, GROUP, GROUP_PORT);
    step_until_number(5002);
}

Test(rtsp_group, an_ssrc_that_nothing_comes_with_is_no_filter_and_is_counted)
{
    struct limef_rtsp_source_counters counters;

    play_with(DESCRIPTION, "ssrc=00000005");
    for (uint16_t i = 1; i < 4; i++)
        send_from(OURS, i, GROUP, GROUP_PORT);
    step_until_playing();
    step_until_number(3);
    rtsp_camera_count(&camera, &counters);
    cr_assert(eq(u64, counters.n_other_ssrc, 1));
    cr_assert(zero(u64, counters.n_foreign));
}

/* By unicast whatever comes is its own. */
Test(rtsp_group, another_ssrc_of_the_camera_itself_is_taken_and_counted)
{
    struct limef_rtsp_source_counters counters;
    uint16_t to;

    expect_setup(UNDESCRIBED, false);
    answer("Session: 1\r\nTransport: RTP/AVP;unicast;ssrc=00000005\r\n");
    expect("PLAY");
    answer("");
    while (camera.pending != RTSP_NO_REQUEST)
        step();
    to = camera.tracks[0]->datagrams.port;
    ssrc = 5;
    send_from(ITS_OWN, 1, ITS_OWN, to);
    step_until_playing();
    ssrc = 6; /* it began anew */
    for (uint16_t i = 5001; i < 5003; i++)
        send_from(ITS_OWN, i, ITS_OWN, to);
    step_until_number(5002);
    rtsp_camera_count(&camera, &counters);
    cr_assert(eq(u64, counters.n_other_ssrc, 1));
}

/* A sender report of another one is read behind all that; nor does it tell that ours is alive. */
Test(rtsp_group, who_only_looks_and_leaves_ends_nothing)
{
    static const uint8_t nobodys[] = {0x80, 203, 0, 0},
                         viewers[] = {0x80, 201, 0, 1, 0, 0, 0, 9, 0x80, 203, 0, 0};
    uint8_t report[28] = {0x80, 200, 0, 6, 0, 0, 0, 9, 0xe8};
    const struct rtsp_receiver *receiver;
    int64_t end_us = limef_now_us() + DEADLINE_US;

    play(DESCRIPTION, true);
    send_from(OURS, 1, GROUP, GROUP_PORT);
    step_until_playing();
    receiver = &camera.tracks[0]->receiver;
    send_bytes_from(OTHERS, nobodys, sizeof(nobodys), GROUP, GROUP_PORT + 1);
    send_bytes_from(OTHERS, viewers, sizeof(viewers), GROUP, GROUP_PORT + 1);
    send_bytes_from(OTHERS, report, sizeof(report), GROUP, GROUP_PORT + 1);
    for (; receiver->early.arrived_us == 0; step())
        cr_assert(lt(i64, limef_now_us(), end_us));
    cr_assert(zero(i64, receiver->left_us));
    cr_assert(zero(i64, rtsp_receiver_reported_us(receiver)));
    cr_assert(eq(int, (int)state, LIMEF_RTSP_PLAYING));
}

/* Another one that looks at it. */
static int look_as_well(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(GROUP_PORT + 1),
                                  .sin_addr.s_addr = inet_addr(GROUP)};
    struct ip_mreqn request = {.imr_multiaddr.s_addr = inet_addr(GROUP),
                               .imr_ifindex = (int)if_nametoindex("lo")};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), yes = 1;

    cr_assert(zero(int, setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes))));
    cr_assert(zero(int, bind(fd, (struct sockaddr *)&address, sizeof(address))));
    cr_assert(zero(int, setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof(request))));
    return fd;
}

static struct rtcp_news news_at(int fd)
{
    struct pollfd pollfd = {.fd = fd, .events = POLLIN};
    struct rtcp_news news;
    uint8_t data[256];
    ssize_t n;

    cr_assert(eq(int, poll(&pollfd, 1, DEADLINE_US / 1000), 1));
    n = recv(fd, data, sizeof(data), 0);
    cr_assert(gt(i64, n, 0));
    cr_assert(zero(int, rtcp_read(&news, data, (size_t)n)));
    return news;
}

Test(rtsp_group, others_hear_that_we_leave_if_they_heard_of_us)
{
    struct rtcp_news report, goodbye;
    int fd = look_as_well();

    play(DESCRIPTION, true);
    send_from(OURS, 1, GROUP, GROUP_PORT);
    step_until_playing();
    camera.report_us = 0;
    step();
    report = news_at(fd);
    cr_assert(report.has_reporter);
    cr_assert(not(report.has_left));
    rtsp_camera_stop(&camera);
    do /* another report may have been sent before */
        goodbye = news_at(fd);
    while (!goodbye.has_left);
    cr_assert(rtcp_has_left(&goodbye, report.reporter));
    close(fd);
}
