/* SPDX-License-Identifier: MIT */
#include "rtsp/datagrams.h"

#include "rtsp/resolver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <libavutil/error.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define N_TRIES 32
/* Room for the largest datagram; or for so many that fit into an Ethernet frame, once those seem to
 * be all that the camera sends. What does not fit goes on in room that they share: of several such
 * the last one is whole, and the others are missed. */
#define ROOM_BYTES 65536
#define BATCH 16
#define SMALL_BYTES 2048
#define SMALL_AFTER 256
/* A key frame of some megabits a second at once, of which the default of 208 KB loses parts. */
#define SOCKET_BYTES (4 * 1024 * 1024)

static void set_port(struct sockaddr_storage *address, uint16_t port)
{
    if (address->ss_family == AF_INET6)
        ((struct sockaddr_in6 *)(void *)address)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)(void *)address)->sin_port = htons(port);
}

static uint16_t port_of(const struct sockaddr_storage *address)
{
    return ntohs(address->ss_family == AF_INET6
                     ? ((const struct sockaddr_in6 *)(const void *)address)->sin6_port
                     : ((const struct sockaddr_in *)(const void *)address)->sin_port);
}

static int bind_socket(const struct sockaddr_storage *address, socklen_t bytes, int shared)
{
    int fd = socket(address->ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int size = SOCKET_BYTES, one = 1;

    if (fd < 0)
        return AVERROR(errno);
    if (shared)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &one, sizeof(one));
    if (bind(fd, (const struct sockaddr *)address, bytes) < 0) {
        int error = errno;

        close(fd);
        return AVERROR(error);
    }
    return fd;
}

static int watch(struct datagrams *datagrams, int poll_fd)
{
    for (int i = 0; i < 2; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = datagrams->fds[i]};

        if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, datagrams->fds[i], &event) < 0) {
            int error = errno;

            datagrams_close(datagrams);
            return AVERROR(error);
        }
    }
    return 0;
}

/* Two sockets side by side; address.port 0: anywhere even. */
static int open_pair(struct datagrams *datagrams, struct sockaddr_storage *address, socklen_t bytes,
                     int shared)
{
    uint16_t wanted = port_of(address);
    int ret = AVERROR(EADDRINUSE);

    for (int i = 0; i < (wanted ? 1 : N_TRIES); i++) {
        int rtp, rtcp;

        set_port(address, wanted);
        rtp = bind_socket(address, bytes, shared);
        if (rtp < 0)
            return rtp;
        if (getsockname(rtp, (struct sockaddr *)address, &bytes) < 0)
            memset(address, 0, sizeof(*address));
        datagrams->port = port_of(address);
        set_port(address, (uint16_t)(datagrams->port + 1));
        rtcp = datagrams->port % 2 == 0 || wanted ? bind_socket(address, bytes, shared)
                                                  : AVERROR(EADDRINUSE);
        if (rtcp >= 0) {
            datagrams->fds[0] = rtp;
            datagrams->fds[1] = rtcp;
            datagrams->is_open = 1;
            return 0;
        }
        close(rtp);
        ret = rtcp;
    }
    return ret;
}

int datagrams_open(struct datagrams *datagrams, int poll_fd, const struct sockaddr_storage *peer,
                   socklen_t peer_bytes)
{
    struct sockaddr_storage address = {.ss_family = peer->ss_family};
    int ret;

    *datagrams = (struct datagrams){.server_bytes = peer_bytes};
    datagrams->servers[0] = datagrams->servers[1] = *peer;
    set_port(&datagrams->servers[0], 0);
    set_port(&datagrams->servers[1], 0);
    ret = open_pair(datagrams, &address, peer_bytes, 0);
    return ret < 0 ? ret : watch(datagrams, poll_fd);
}

/* Whether a datagram comes from the camera's address; its port may be another one than it said. */
static int is_from(const struct sockaddr_storage *server, const struct sockaddr_storage *sender)
{
    if (sender->ss_family != server->ss_family)
        return 0;
    if (server->ss_family == AF_INET6)
        return !memcmp(&((const struct sockaddr_in6 *)(const void *)server)->sin6_addr,
                       &((const struct sockaddr_in6 *)(const void *)sender)->sin6_addr, 16);
    return ((const struct sockaddr_in *)(const void *)server)->sin_addr.s_addr ==
           ((const struct sockaddr_in *)(const void *)sender)->sin_addr.s_addr;
}

/* The interface that has an address of ours; 0: none, and the routes decide. */
static unsigned interface_of(const struct sockaddr_storage *own)
{
    unsigned index = 0;
    struct ifaddrs *all;

    if (own->ss_family == AF_UNSPEC || getifaddrs(&all) < 0)
        return 0;
    for (const struct ifaddrs *at = all; at && index == 0; at = at->ifa_next)
        if (at->ifa_addr && is_from(own, (const struct sockaddr_storage *)(void *)at->ifa_addr))
            index = if_nametoindex(at->ifa_name);
    freeifaddrs(all);
    return index;
}

/* Reports to the group leave by that interface, and get as far as what comes from there. */
static void send_by(int fd, int family, unsigned interface, int ttl)
{
    struct ip_mreqn request = {.imr_ifindex = (int)interface};
    int level = family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;

    if (family == AF_INET6)
        setsockopt(fd, level, IPV6_MULTICAST_IF, &interface, sizeof(interface));
    else
        setsockopt(fd, level, IP_MULTICAST_IF, &request, sizeof(request));
    if (ttl > 0)
        setsockopt(fd, level, family == AF_INET6 ? IPV6_MULTICAST_HOPS : IP_MULTICAST_TTL, &ttl,
                   sizeof(ttl));
}

static int set_membership(int fd, int option, const void *request, socklen_t bytes)
{
    int family = ((const struct group_req *)request)->gr_group.ss_family;

    return setsockopt(fd, family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP, option, request, bytes) <
                   0
               ? AVERROR(errno)
               : 0;
}

/* RFC 3678 5.1: from anybody, but for those that are excluded; or from each of some alone, which is
 * noted. */
static int join_with(struct datagrams *datagrams, int fd, const struct group_req *all,
                     const struct datagrams_group *group)
{
    bool is_joined = group->excludes || !*group->sources;
    int ret = is_joined ? set_membership(fd, MCAST_JOIN_GROUP, all, sizeof(*all)) : 0;

    for (const char *at = group->sources; *at && ret >= 0; at += strspn(at, " \t")) {
        struct group_source_req some = {.gsr_interface = all->gr_interface,
                                        .gsr_group = all->gr_group};
        size_t length = strcspn(at, " \t");
        struct resolver_addresses source;
        char host[64];

        snprintf(host, sizeof(host), "%.*s", length < sizeof(host) ? (int)length : 0, at);
        at += length;
        if (resolver_read_number(host, 0, &source) < 0 ||
            source.list[0].address.ss_family != all->gr_group.ss_family)
            continue;
        some.gsr_source = source.list[0].address;
        ret = set_membership(fd, group->excludes ? MCAST_BLOCK_SOURCE : MCAST_JOIN_SOURCE_GROUP,
                             &some, sizeof(some));
        is_joined = true;
        datagrams->is_chosen = !group->excludes;
    }
    return ret < 0 || is_joined ? ret : set_membership(fd, MCAST_JOIN_GROUP, all, sizeof(*all));
}

int datagrams_join(struct datagrams *datagrams, int poll_fd, const struct datagrams_group *group,
                   const struct sockaddr_storage *own)
{
    struct resolver_addresses found;
    struct sockaddr_storage address; /* nothing of other groups on this port */
    struct group_req request;
    int ret;

    *datagrams = (struct datagrams){.is_open = 0};
    if (resolver_read_number(group->address, group->port, &found) < 0)
        return AVERROR(ENOSYS);
    datagrams->is_group = 1;
    if (group->camera)
        datagrams->servers[0] = *group->camera;
    address = found.list[0].address;
    request = (struct group_req){.gr_interface = interface_of(own), .gr_group = address};
    if (address.ss_family == AF_INET6) /* of its link alone, perhaps */
        ((struct sockaddr_in6 *)(void *)&address)->sin6_scope_id = request.gr_interface;
    ret = open_pair(datagrams, &address, found.list[0].bytes, 1);
    for (int i = 0; i < 2 && ret >= 0; i++)
        ret = join_with(datagrams, datagrams->fds[i], &request, group);
    if (ret >= 0) {
        send_by(datagrams->fds[1], address.ss_family, request.gr_interface, group->ttl);
        datagrams->servers[1] = address; /* with the port of the second socket */
        datagrams->server_bytes = found.list[0].bytes;
        return watch(datagrams, poll_fd);
    }
    datagrams_close(datagrams);
    return ret;
}

bool datagrams_can_send(const char *source, const char *group)
{
    struct resolver_addresses from, to;
    const struct sockaddr_storage *address = &from.list[0].address;

    if (resolver_read_number(source, 0, &from) < 0 || resolver_read_number(group, 0, &to) < 0 ||
        address->ss_family != to.list[0].address.ss_family)
        return false;
    if (address->ss_family == AF_INET6) {
        const struct in6_addr *in6 =
            &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;

        return !IN6_IS_ADDR_UNSPECIFIED(in6) && !IN6_IS_ADDR_MULTICAST(in6);
    } else {
        in_addr_t in = ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr);

        return in != INADDR_ANY && in != INADDR_BROADCAST && !IN_MULTICAST(in);
    }
}

bool datagrams_know_sender(const struct datagrams *datagrams)
{
    return !datagrams->is_group || datagrams->is_chosen || datagrams->is_heard;
}

bool datagrams_are_shared(const struct datagrams *datagrams)
{
    return datagrams->is_group && !datagrams->is_chosen;
}

void datagrams_allow(struct datagrams *datagrams, const char *host)
{
    struct resolver_addresses other;

    if (datagrams->is_open && !datagrams->is_group && resolver_read_number(host, 0, &other) >= 0 &&
        other.list[0].address.ss_family == datagrams->servers[0].ss_family)
        datagrams->other = other.list[0].address;
}

/* Opens the way back from one of the two. What does not arrive is not missed. */
static void greet_from(const struct datagrams *datagrams, unsigned which, const void *data,
                       size_t bytes)
{
    struct sockaddr_storage other = datagrams->other;

    sendto(datagrams->fds[which], data, bytes, MSG_NOSIGNAL,
           (const struct sockaddr *)&datagrams->servers[which], datagrams->server_bytes);
    if (other.ss_family == AF_UNSPEC)
        return;
    set_port(&other, port_of(&datagrams->servers[which]));
    sendto(datagrams->fds[which], data, bytes, MSG_NOSIGNAL, (struct sockaddr *)&other,
           datagrams->server_bytes);
}

void datagrams_greet(struct datagrams *datagrams, uint16_t rtp_port, uint16_t rtcp_port)
{
    static const uint8_t empty_rtp[12] = {0x80, 0}, empty_report[8] = {0x80, 201, 0, 1};

    if (!datagrams->server_bytes || datagrams->is_group || !rtp_port)
        return;
    set_port(&datagrams->servers[0], rtp_port);
    set_port(&datagrams->servers[1], rtcp_port);
    greet_from(datagrams, 0, empty_rtp, sizeof(empty_rtp));
    greet_from(datagrams, 1, empty_report, sizeof(empty_report));
}

/* A camera that does not say which ports are its own sends from them. */
static void learn_port(struct datagrams *datagrams, unsigned which,
                       const struct sockaddr_storage *sender)
{
    if (!datagrams->server_bytes || datagrams->is_group || port_of(&datagrams->servers[which]))
        return;
    set_port(&datagrams->servers[which], port_of(sender));
    if (which == 0 && !port_of(&datagrams->servers[1]))
        set_port(&datagrams->servers[1], (uint16_t)(port_of(sender) + 1)); /* RFC 3550 section 11 */
}

/* It sends from the other address indeed: reports go there. */
static void change_server(struct datagrams *datagrams)
{
    struct sockaddr_storage other = datagrams->other;

    datagrams->other = datagrams->servers[0];
    for (unsigned i = 0; i < 2; i++) {
        set_port(&other, port_of(&datagrams->servers[i]));
        datagrams->servers[i] = other;
    }
}

/* Who describes a group and does not say who sends there does so himself, mostly (RFC 2326 12.39);
 * or a recorder did that has cameras elsewhere. */
static int is_allowed_in_group(struct datagrams *datagrams, const struct sockaddr_storage *sender)
{
    if (datagrams->is_chosen)
        return 1;
    if (!datagrams->is_heard)
        datagrams->is_heard = is_from(&datagrams->servers[0], sender);
    return !datagrams->is_heard || is_from(&datagrams->servers[0], sender);
}

static int is_allowed(struct datagrams *datagrams, unsigned which,
                      const struct sockaddr_storage *sender)
{
    if (datagrams->is_group) /* all who receive send reports there */
        return which == 1 || is_allowed_in_group(datagrams, sender);
    if (!datagrams->server_bytes || is_from(&datagrams->servers[0], sender))
        return 1;
    if (datagrams->other.ss_family == AF_UNSPEC || !is_from(&datagrams->other, sender))
        return 0;
    change_server(datagrams);
    return 1;
}

static void note_drops(struct datagrams *datagrams, unsigned which, struct msghdr *message)
{
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
        uint32_t n_drops;

        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SO_RXQ_OVFL)
            continue;
        memcpy(&n_drops, CMSG_DATA(part), sizeof(n_drops));
        datagrams->n_kernel_drops += n_drops - datagrams->drops_before[which];
        datagrams->drops_before[which] = n_drops;
    }
}

int datagrams_receive(struct datagrams *datagrams, unsigned which, datagram_fn *take, void *context)
{
    uint8_t data[BATCH * SMALL_BYTES + SMALL_BYTES + ROOM_BYTES];
    uint8_t *shared = data + sizeof(data) - ROOM_BYTES;
    union {
        struct cmsghdr aligned;
        uint8_t bytes[CMSG_SPACE(sizeof(uint32_t))];
    } control[BATCH];
    struct sockaddr_storage senders[BATCH];
    struct iovec vectors[BATCH][2];
    struct mmsghdr messages[BATCH];
    bool is_small = datagrams->n_small >= SMALL_AFTER && !datagrams->has_large;
    unsigned n_room = is_small ? BATCH : 1;
    int n, last_large = -1, ret = 0;

    for (unsigned i = 0; i < n_room; i++) {
        vectors[i][0] = (struct iovec){data + (size_t)i * SMALL_BYTES, SMALL_BYTES};
        vectors[i][1] = (struct iovec){shared, ROOM_BYTES};
        messages[i].msg_hdr = (struct msghdr){
            .msg_name = &senders[i],
            .msg_namelen = sizeof(senders[i]),
            .msg_iov = vectors[i],
            .msg_iovlen = 2,
            .msg_control = control[i].bytes,
            .msg_controllen = sizeof(control[i].bytes),
        };
    }
    n = recvmmsg(datagrams->fds[which], messages, n_room, MSG_DONTWAIT, NULL);
    for (int i = 0; i < n; i++)
        if (messages[i].msg_len > SMALL_BYTES)
            last_large = i;
    for (int i = 0; i < n && ret >= 0; i++) {
        const uint8_t *datagram = vectors[i][0].iov_base;

        note_drops(datagrams, which, &messages[i].msg_hdr);
        if (!is_allowed(datagrams, which, &senders[i])) {
            datagrams->n_foreign++;
            continue;
        }
        learn_port(datagrams, which, &senders[i]);
        if (messages[i].msg_len <= SMALL_BYTES) {
            datagrams->n_small++;
        } else {
            datagrams->n_small = 0;
            datagrams->has_large |= is_small;
            if (i != last_large)
                continue; /* missed, as one that did not come */
            datagram = memcpy(shared - SMALL_BYTES, datagram, SMALL_BYTES);
        }
        ret = take(context, datagram, messages[i].msg_len);
    }
    return ret < 0 ? ret : (n > 0) + (n == (int)n_room);
}

void datagrams_report(struct datagrams *datagrams, const void *data, size_t bytes)
{
    if (datagrams->server_bytes && port_of(&datagrams->servers[1]))
        sendto(datagrams->fds[1], data, bytes, MSG_NOSIGNAL,
               (struct sockaddr *)&datagrams->servers[1], datagrams->server_bytes);
}

void datagrams_close(struct datagrams *datagrams)
{
    if (datagrams->is_open) {
        close(datagrams->fds[0]);
        close(datagrams->fds[1]);
    }
    *datagrams = (struct datagrams){.is_open = 0};
}
