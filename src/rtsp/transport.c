/* SPDX-License-Identifier: MIT */
/* How a camera's packets come: the Transport header, as we ask and as it answers. */
#include "rtsp/camera.h"

#include <limef/base/log.h>

#include <arpa/inet.h>
#include <ctype.h>
#include <libavutil/error.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* How long a packet that is missing is waited for on UDP. */
#define REORDER_WAIT_US 150000

bool rtsp_is_group(const char *address)
{
    struct in_addr in;
    struct in6_addr in6;

    return (inet_pton(AF_INET, address, &in) == 1 && IN_MULTICAST(ntohl(in.s_addr))) ||
           (inet_pton(AF_INET6, address, &in6) == 1 && IN6_IS_ADDR_MULTICAST(&in6));
}

/* Some that say that they speak RTSP 2.0 know the ports of 1.0 alone, and take what they can read;
 * others leave out a transport of which they do not know all, and take the second. */
static void write_ports(char transport[RTSP_TRANSPORT_BYTES], bool is_2, unsigned port)
{
    char addresses[40];

    snprintf(addresses, sizeof(addresses), "dest_addr=\":%u\"/\":%u\"", port, port + 1);
    if (is_2)
        snprintf(transport, RTSP_TRANSPORT_BYTES,
                 "RTP/AVP;unicast;%s;client_port=%u-%u,RTP/AVP;unicast;%s", addresses, port,
                 port + 1, addresses);
    else
        snprintf(transport, RTSP_TRANSPORT_BYTES, "RTP/AVP;unicast;client_port=%u-%u", port,
                 port + 1);
}

bool rtsp_is_udp(enum limef_rtsp_transport transport)
{
    return transport == LIMEF_RTSP_UDP || transport == LIMEF_RTSP_MULTICAST;
}

bool rtsp_track_has_group(const struct rtsp_track *track)
{
    const struct rtsp_camera *camera = track->camera;

    return (track->group || camera->settings.transport == LIMEF_RTSP_MULTICAST) &&
           !camera->shuns_groups;
}

bool rtsp_camera_shun_groups(struct rtsp_camera *camera, const char *why)
{
    bool has_group = false;

    for (unsigned i = 0; i < camera->n_tracks; i++)
        has_group |= camera->is_udp && rtsp_track_has_group(camera->tracks[i]);
    if (camera->is_udp)
        camera->shuns_groups = has_group; /* where unicast was tried instead, it was in vain */
    if (!has_group)
        return false;
    camera->past.n_lost_groups++;
    limef_log(LIMEF_LOG_WARNING, camera->name, "%s: %s: asked for unicast instead",
              camera->location.url, why);
    return true;
}

void rtsp_camera_change_transport(struct rtsp_camera *camera)
{
    if (camera->settings.transport == LIMEF_RTSP_AUTO)
        camera->is_udp = !camera->is_udp;
}

int rtsp_track_ask(struct rtsp_track *track, char transport[RTSP_TRANSPORT_BYTES])
{
    struct rtsp_camera *camera = track->camera;
    int ret = 0;

    track->receiver.window.wait_us = camera->is_udp ? REORDER_WAIT_US : 0;
    track->receiver.window.is_held = camera->is_udp; /* up to the answer to PLAY */
    if (!camera->is_udp) {
        snprintf(transport, RTSP_TRANSPORT_BYTES, "RTP/AVP/TCP;unicast;interleaved=%u-%u",
                 track->channel, track->channel + 1u);
        return 0;
    }
    if (rtsp_track_has_group(track)) {
        snprintf(transport, RTSP_TRANSPORT_BYTES, "RTP/AVP;multicast");
        return 0;
    }
    if (!track->datagrams.is_open) /* asked once more, with a password */
        ret = datagrams_open(&track->datagrams, camera->poll_fd, &camera->stream.peer.address,
                             camera->stream.peer.bytes);
    if (ret >= 0)
        write_ports(transport, camera->speaks_2, track->datagrams.port);
    return ret;
}

/* "a-b" or "a" behind a name. Returns how many there were. */
static int read_range(const char *transport, const char *name, unsigned most, unsigned values[2])
{
    size_t bytes;
    const char *text = rtsp_parameter(transport, ';', name, &bytes);
    int n = text && bytes > 0 ? sscanf(text, "%5u-%5u", &values[0], &values[1]) : 0;

    if (n == 1)
        values[1] = values[0] + 1;
    return n > 0 && values[0] <= most && values[1] <= most ? n : 0;
}

/* A parameter's value, as a string; "": there is none. */
static void read_value(const char *transport, const char *name, char value[64])
{
    size_t bytes = 0;
    const char *text = rtsp_parameter(transport, ';', name, &bytes);

    snprintf(value, 64, "%.*s", text && bytes < 64 ? (int)bytes : 0, text ? text : "");
}

/* RTSP 2.0 (RFC 7826 section 18.54): src_addr="192.0.2.5:9000"/"192.0.2.5:9001", of IPv6 with
 * brackets, perhaps without a host. Returns how many there were. */
static unsigned read_addresses(const char *transport, const char *name, char host[64],
                               unsigned ports[2])
{
    char text[192], *rest = text, *address;
    size_t bytes = 0;
    const char *value = rtsp_parameter(transport, ';', name, &bytes);
    unsigned n = 0;

    snprintf(text, sizeof(text), "%.*s", value && bytes < sizeof(text) ? (int)bytes : 0,
             value ? value : "");
    while (n < 2 && (address = strsep(&rest, "/"))) {
        char *colon = strrchr(address, ':'), *begin = address + strspn(address, "\"[");
        unsigned port;

        if (!colon || colon < begin || sscanf(colon, ":%5u", &port) != 1 || port > UINT16_MAX)
            break;
        *colon = '\0';
        begin[strcspn(begin, "]")] = '\0';
        if (n == 0)
            snprintf(host, 64, "%.63s", begin);
        ports[n++] = port;
    }
    if (n == 1)
        ports[1] = ports[0] + 1;
    return n;
}

/* Where the camera says that it sends from, "" if it does not. Returns whether it says its ports.
 */
static bool read_source(const char *transport, char source[64], unsigned ports[2])
{
    if (read_addresses(transport, "src_addr", source, ports))
        return true;
    read_value(transport, "source", source);
    return read_range(transport, "server_port", 65535, ports);
}

/* Eight hexadecimal digits (RFC 2326 12.39), of RTSP 2.0 perhaps several with '/' between. What
 * cannot be read was not said. */
static void read_ssrc(struct rtsp_receiver *receiver, const char *transport)
{
    char text[64], *end;
    unsigned long ssrc;

    read_value(transport, "ssrc", text);
    ssrc = strtoul(text, &end, 16);
    receiver->is_ssrc_told =
        isxdigit((unsigned char)text[0]) && (!*end || *end == '/') && ssrc <= UINT32_MAX;
    receiver->told_ssrc = (uint32_t)ssrc;
}

/* "ttl=16" of a group; else what was described. */
static int ttl_of(const struct rtsp_track *track, const char *transport)
{
    unsigned values[2];

    return read_range(transport, "ttl", 256, values) && values[0] > 0 ? (int)values[0]
                                                                      : track->group_ttl;
}

static int join(struct rtsp_track *track, const char *transport)
{
    const struct rtsp_camera *camera = track->camera;
    unsigned ports[2] = {track->group_port, 0}, source_ports[2];
    char group[64] = "", source[64] = "";
    struct sockaddr_storage own = {.ss_family = AF_UNSPEC};
    socklen_t own_bytes = sizeof(own);
    bool is_described = *track->group_sources && !track->excludes_sources;

    if (!read_addresses(transport, "dest_addr", group, ports)) {
        read_value(transport, "destination", group);
        read_range(transport, "port", 65535, ports);
    }
    if (!group[0])
        snprintf(group, sizeof(group), "%s", track->group ? track->group : "");
    if (ports[0] == 0 || !rtsp_is_group(group))
        return AVERROR_INVALIDDATA;
    read_source(transport, source, source_ports);
    if (is_described || !datagrams_can_send(source, group))
        source[0] = '\0';
    datagrams_close(&track->datagrams);
    getsockname(camera->stream.fd, (struct sockaddr *)&own, &own_bytes);
    return datagrams_join(
        &track->datagrams, camera->poll_fd,
        &(struct datagrams_group){.address = group,
                                  .port = (uint16_t)ports[0],
                                  .ttl = ttl_of(track, transport),
                                  .sources = source[0] ? source : track->group_sources,
                                  .excludes = !source[0] && track->excludes_sources,
                                  .camera = &camera->stream.peer.address},
        &own);
}

static bool ends_with(const char *text, size_t bytes, const char *end)
{
    size_t n = strlen(end);

    return bytes >= n && !strncasecmp(text + bytes - n, end, n);
}

/* Whether it says of a camera that was asked for TCP that it will send elsewhere: it names UDP, a
 * group, or ports, and nothing of TCP. "RTP/AVP;unicast" alone is said by some that send by TCP;
 * who does not is asked by UDP when nothing has come. */
static bool leads_elsewhere(const char *transport)
{
    static const char *const places[] = {"multicast",   "port",      "client_port",
                                         "server_port", "dest_addr", "src_addr"};
    size_t bytes = strcspn(transport, "; ,"), unused;
    bool leads = ends_with(transport, bytes, "/UDP");

    if (ends_with(transport, bytes, "/TCP") ||
        rtsp_parameter(transport, ';', "interleaved", &unused))
        return false;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        leads |= rtsp_parameter(transport, ';', places[i], &unused) != NULL;
    return leads;
}

int rtsp_track_take(struct rtsp_track *track, const char *transport)
{
    unsigned values[2];
    char source[64] = "";
    size_t bytes;
    bool has_ports;

    track->is_set_up = true;
    read_ssrc(&track->receiver, transport);
    if (!track->camera->is_udp) {
        if (leads_elsewhere(transport))
            return AVERROR_INVALIDDATA;
        if (read_range(transport, "interleaved", 255, values) && values[0] < 255)
            track->channel = (uint8_t)values[0];
        rtsp_framing_add(&track->camera->framing, track->channel);
        return 0;
    }
    if (rtsp_parameter(transport, ';', "multicast", &bytes))
        return track->camera->shuns_groups ? AVERROR_INVALIDDATA : join(track, transport);
    has_ports = read_source(transport, source, values);
    datagrams_allow(&track->datagrams, source);
    if (has_ports)
        datagrams_greet(&track->datagrams, (uint16_t)values[0], (uint16_t)values[1]);
    return track->datagrams.is_open ? 0 : AVERROR_INVALIDDATA;
}
