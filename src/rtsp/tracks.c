/* SPDX-License-Identifier: MIT */
/* What a camera described, and how its packets come. */
#include "rtsp/camera.h"

#include "base/memory_private.h"

#include <limef/base/clock.h>
#include <limef/base/log.h>

#include <arpa/inet.h>
#include <inttypes.h>
#include <libavcodec/codec_par.h>
#include <libavutil/common.h>
#include <libavutil/error.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long a packet that is missing is waited for on UDP. */
#define REORDER_WAIT_US 150000

static bool is_wanted(const struct rtsp_camera *camera, const struct sdp_media *media)
{
    enum limef_media wanted = camera->settings.media;

    if (!media->is_sent)
        return false;
    switch (media->kind) {
    case SDP_VIDEO:
        return wanted == LIMEF_MEDIA_NONE || wanted == LIMEF_MEDIA_VIDEO;
    case SDP_AUDIO:
        return wanted == LIMEF_MEDIA_NONE || wanted == LIMEF_MEDIA_AUDIO;
    case SDP_APPLICATION:
        return wanted == LIMEF_MEDIA_NONE || wanted == LIMEF_MEDIA_OTHER;
    default:
        return false;
    }
}

static bool has_media(const struct rtsp_camera *camera, enum limef_media media)
{
    for (unsigned i = 0; i < camera->n_tracks; i++)
        if (camera->tracks[i]->receiver.media == media)
            return true;
    return false;
}

/* Whether a unit says that the camera is alive: whole, and a picture where there are pictures.
 * Sound that goes on hides no picture that stands still. */
static bool is_alive(const struct rtsp_camera *camera, const struct rtsp_receiver *receiver,
                     const struct rtsp_unit *unit)
{
    return !unit->is_damaged &&
           (receiver->media == LIMEF_MEDIA_VIDEO || !has_media(camera, LIMEF_MEDIA_VIDEO));
}

static int play(struct rtsp_camera *camera, int64_t now_us)
{
    if (!camera->has_played) {
        camera->played_since_us = now_us;
        camera->past.n_reconnects += camera->past.n_units > 0;
        camera->was_udp_refused = camera->was_tcp_refused = false;
        camera->was_1_refused = camera->was_2_refused = false;
    }
    camera->has_played = true;
    camera->media_us = LIMEF_FOREVER;
    return rtsp_camera_set_state(camera, LIMEF_RTSP_PLAYING, LIMEF_RTSP_REASON_NONE, 0, "");
}

static int arrived(void *context, struct rtsp_receiver *receiver,
                   const struct rtsp_arrival *arrival)
{
    struct rtsp_camera *camera = context;
    bool is_first = !camera->has_played && !arrival->unit->is_damaged;
    int ret = 0;

    if (is_first || is_alive(camera, receiver, arrival->unit)) {
        camera->last_unit_us = arrival->arrived_us;
        ret = play(camera, arrival->arrived_us);
    }
    return ret < 0 ? ret : camera->events.arrival(camera->events.context, receiver, arrival);
}

static bool is_group(const char *address)
{
    struct in_addr in;
    struct in6_addr in6;

    return (inet_pton(AF_INET, address, &in) == 1 && IN_MULTICAST(ntohl(in.s_addr))) ||
           (inet_pton(AF_INET6, address, &in6) == 1 && IN6_IS_ADDR_MULTICAST(&in6));
}

/* What is sent as video, and is sound by its encoding, is neither. */
static bool is_what_it_says(const struct rtsp_receiver *receiver)
{
    enum AVMediaType type = receiver->depacketizer.parameters->codec_type;

    return (type == AVMEDIA_TYPE_VIDEO) == (receiver->media == LIMEF_MEDIA_VIDEO) &&
           (type == AVMEDIA_TYPE_AUDIO) == (receiver->media == LIMEF_MEDIA_AUDIO);
}

/* By its kind, of which there is one: another connection may describe them in another order. */
static struct rtsp_clock *clock_of(struct rtsp_camera *camera, const struct sdp_media *media)
{
    _Static_assert(RTSP_SYNC_MAX_CLOCKS > SDP_APPLICATION, "a clock for each kind");
    return &camera->sync.clocks[media->kind];
}

/* Whether there is no camera without it: no memory, or no room to put its pictures into order. */
static bool is_grave(const struct sdp_media *media, int code)
{
    return code == AVERROR(ENOMEM) || (code == AVERROR_PATCHWELCOME && media->kind == SDP_VIDEO);
}

static void note_unusable(struct rtsp_camera *camera, const struct sdp_media *media, int code)
{
    size_t room = sizeof(camera->unusable);

    if (camera->unusable[0] && media->kind != SDP_VIDEO)
        return;
    if (!media->is_plain)
        snprintf(camera->unusable, room, "%.30s is not known", media->protocol);
    else if (code == AVERROR(ENOSYS))
        snprintf(camera->unusable, room, "encoding %.30s is not known",
                 media->encoding[0] ? media->encoding : "without a name");
    else if (code == AVERROR_PATCHWELCOME)
        snprintf(camera->unusable, room, "%.30s is sent out of order too far", media->encoding);
    else
        snprintf(camera->unusable, room, "%.20s: %s", media->encoding, av_err2str(code));
}

/* Returns 0, also if it is of no use; or what is_grave(). */
static int add_track(struct rtsp_camera *camera, const struct sdp_media *media)
{
    struct rtsp_track *track = memory_allocate(sizeof(*track));
    int ret;

    if (!track)
        return AVERROR(ENOMEM);
    ret = media->is_plain ? rtsp_receiver_open(&track->receiver, media, clock_of(camera, media),
                                               arrived, camera)
                          : AVERROR(ENOSYS);
    if (ret >= 0 &&
        (!is_what_it_says(&track->receiver) || has_media(camera, track->receiver.media)))
        ret = AVERROR(ENOSYS); /* one of each kind */
    if (ret >= 0)
        ret = sdp_control_url(track->control, sizeof(track->control), camera->base, media->control);
    if (ret < 0) {
        rtsp_receiver_clear(&track->receiver);
        memory_release(track);
        note_unusable(camera, media, ret);
        return is_grave(media, ret) ? ret : 0;
    }
    track->camera = camera;
    track->channel = (uint8_t)(2 * camera->n_tracks);
    track->group = is_group(media->address) ? media->address : NULL;
    track->group_port = (uint16_t)media->port;
    camera->tracks[camera->n_tracks++] = track;
    return 0;
}

/* The others go on alone: once, it is said why. */
static void note_without(struct rtsp_camera *camera, enum sdp_kind kind, enum limef_media media,
                         const char *what)
{
    bool *was_without = &camera->is_without[kind], is_without = false;

    for (unsigned i = 0; i < camera->sdp.n_media; i++)
        is_without |= camera->sdp.media[i].kind == kind && is_wanted(camera, &camera->sdp.media[i]);
    is_without &= camera->n_tracks > 0 && !has_media(camera, media);
    if (is_without && !*was_without)
        limef_log(LIMEF_LOG_WARNING, camera->name, "%s: without %s: %s", camera->location.url, what,
                  camera->unusable);
    *was_without = is_without;
}

int rtsp_camera_describe(struct rtsp_camera *camera, const char *text, size_t bytes)
{
    int ret;

    rtsp_camera_clear_tracks(camera);
    camera->unusable[0] = '\0';
    camera->description = memory_allocate(bytes + 1);
    if (!camera->description)
        return AVERROR(ENOMEM);
    memcpy(camera->description, text, bytes);
    ret = sdp_read(&camera->sdp, camera->description, bytes);
    if (ret >= 0)
        ret = sdp_control_url(camera->aggregate, sizeof(camera->aggregate), camera->base,
                              camera->sdp.control);
    if (ret >= 0 && sdp_url_is_absolute(camera->sdp.control)) /* then all begin there */
        memcpy(camera->base, camera->aggregate, sizeof(camera->base));
    for (unsigned i = 0; i < camera->sdp.n_media && ret >= 0; i++)
        if (is_wanted(camera, &camera->sdp.media[i]))
            ret = add_track(camera, &camera->sdp.media[i]);
    if (ret >= 0 && camera->n_tracks == 0)
        ret = AVERROR(ENOSYS);
    if (ret >= 0) {
        note_without(camera, SDP_VIDEO, LIMEF_MEDIA_VIDEO, "video");
        note_without(camera, SDP_AUDIO, LIMEF_MEDIA_AUDIO, "sound");
    }
    return ret;
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
    if (track->group) {
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

static int join(struct rtsp_track *track, const char *transport)
{
    unsigned ports[2] = {track->group_port, 0};
    char group[64] = "";
    struct sockaddr_storage own = {.ss_family = AF_UNSPEC};
    socklen_t own_bytes = sizeof(own);

    if (!read_addresses(transport, "dest_addr", group, ports)) {
        read_value(transport, "destination", group);
        read_range(transport, "port", 65535, ports);
    }
    if (!group[0])
        snprintf(group, sizeof(group), "%s", track->group ? track->group : "");
    if (ports[0] == 0 || !is_group(group))
        return AVERROR_INVALIDDATA;
    datagrams_close(&track->datagrams);
    getsockname(track->camera->stream.fd, (struct sockaddr *)&own, &own_bytes);
    return datagrams_join(&track->datagrams, track->camera->poll_fd, group, (uint16_t)ports[0],
                          &own);
}

int rtsp_track_take(struct rtsp_track *track, const char *transport)
{
    unsigned values[2];
    char source[64] = "";
    size_t bytes;
    bool has_ports;

    track->is_set_up = true;
    if (!track->camera->is_udp) {
        if (read_range(transport, "interleaved", 255, values))
            track->channel = (uint8_t)values[0];
        rtsp_framing_add(&track->camera->framing, track->channel);
        return 0;
    }
    if (rtsp_parameter(transport, ';', "multicast", &bytes))
        return join(track, transport);
    has_ports = read_addresses(transport, "src_addr", source, values);
    if (!has_ports) {
        read_value(transport, "source", source);
        has_ports = read_range(transport, "server_port", 65535, values);
    }
    datagrams_allow(&track->datagrams, source);
    if (has_ports)
        datagrams_greet(&track->datagrams, (uint16_t)values[0], (uint16_t)values[1]);
    return track->datagrams.is_open ? 0 : AVERROR_INVALIDDATA;
}

static void count_track(struct limef_rtsp_source_counters *counters, const struct rtsp_track *track)
{
    const struct rtsp_receiver *receiver = &track->receiver;

    counters->n_packets += receiver->n_packets;
    counters->n_bytes += receiver->n_bytes;
    counters->n_lost += receiver->window.n_lost;
    counters->n_duplicates += receiver->window.n_duplicates;
    counters->n_late += receiver->window.n_late;
    counters->n_malformed += receiver->n_malformed + receiver->depacketizer.n_malformed;
    counters->n_dropped_units += receiver->depacketizer.n_given_up;
    counters->n_foreign +=
        receiver->n_foreign + track->datagrams.n_foreign + receiver->depacketizer.n_reserved;
    counters->n_kernel_drops += track->datagrams.n_kernel_drops;
}

void rtsp_camera_count(const struct rtsp_camera *camera,
                       struct limef_rtsp_source_counters *counters)
{
    *counters = camera->past;
    for (unsigned i = 0; i < camera->n_tracks; i++) {
        const struct rtsp_receiver *receiver = &camera->tracks[i]->receiver;

        count_track(counters, camera->tracks[i]);
        if (receiver->media != LIMEF_MEDIA_VIDEO && i > 0)
            continue;
        counters->jitter_us =
            (int64_t)(receiver->statistics.jitter_ticks * 1e6 / receiver->depacketizer.clock_hz);
        counters->clock_offset_us = receiver->wall.offset_us;
        counters->drift_ppm = rtsp_receiver_drift_ppm(receiver);
    }
    rtsp_sync_count(&camera->sync, counters);
    counters->state = camera->state;
    counters->reason = camera->reason;
    counters->code = camera->code;
    counters->status = camera->status;
    counters->is_udp = camera->is_udp;
    counters->last_unit_us = camera->last_unit_us;
    counters->retry_us = camera->retry_us == LIMEF_FOREVER ? 0 : camera->retry_us;
}

static void forget_track(struct rtsp_camera *camera, struct rtsp_track *track)
{
    count_track(&camera->past, track);
    datagrams_close(&track->datagrams);
    rtsp_receiver_clear(&track->receiver);
    memory_release(track);
}

void rtsp_camera_drop_track(struct rtsp_camera *camera)
{
    struct rtsp_track **track = &camera->tracks[camera->setting_up];

    camera->events.over(camera->events.context);
    rtsp_clock_leave((*track)->receiver.clock);
    forget_track(camera, *track);
    memmove(track, track + 1, (--camera->n_tracks - camera->setting_up) * sizeof(*track));
    camera->tracks[camera->n_tracks] = NULL;
}

void rtsp_camera_clear_tracks(struct rtsp_camera *camera)
{
    if (camera->n_tracks > 0)
        camera->events.over(camera->events.context);
    for (unsigned i = 0; i < camera->n_tracks; i++) {
        forget_track(camera, camera->tracks[i]);
        camera->tracks[i] = NULL;
    }
    camera->n_tracks = 0;
    rtsp_sync_restart(&camera->sync);
    camera->framing = (struct rtsp_framing){.ours = {0}};
    memory_release(camera->description);
    camera->description = NULL;
}

struct reading {
    struct rtsp_track *track;
    unsigned which; /* 0: RTP, 1: RTCP */
    int64_t now_us;
};

static int take_packet(void *context, const uint8_t *data, size_t bytes)
{
    const struct reading *reading = context;
    struct rtsp_receiver *receiver = &reading->track->receiver;

    if (reading->which == 0 && !rtcp_is(data, bytes))
        return rtsp_receiver_rtp(receiver, data, bytes, reading->now_us);
    rtsp_receiver_rtcp(receiver, data, bytes, reading->now_us);
    return 0;
}

int rtsp_camera_receive_datagrams(struct rtsp_camera *camera, unsigned which, int64_t now_us)
{
    int came = 0;

    for (unsigned i = 0; i < camera->n_tracks; i++) {
        struct reading reading = {.track = camera->tracks[i], .which = which, .now_us = now_us};
        int ret = reading.track->datagrams.is_open
                      ? datagrams_receive(&reading.track->datagrams, which, take_packet, &reading)
                      : 0;

        if (ret < 0)
            return ret;
        came = FFMAX(came, ret);
    }
    return came;
}

int rtsp_camera_take_media(struct rtsp_camera *camera, const struct rtsp_item *item, int64_t now_us)
{
    for (unsigned i = 0; i < camera->n_tracks; i++) {
        struct reading reading = {.track = camera->tracks[i], .now_us = now_us};

        if (!reading.track->is_set_up || (item->channel != reading.track->channel &&
                                          item->channel != reading.track->channel + 1))
            continue;
        reading.which = item->channel - reading.track->channel;
        return take_packet(&reading, item->data, item->data_bytes);
    }
    camera->past.n_foreign++;
    return 0;
}

/* Whether one of ours is that of a stream of the camera. */
static bool is_ssrc_taken(const struct rtsp_camera *camera)
{
    bool is_taken = false;

    for (unsigned i = 0; i < camera->n_tracks; i++) {
        const struct rtp_statistics *statistics = &camera->tracks[i]->receiver.statistics;

        is_taken |= statistics->has_begun && statistics->ssrc - camera->ssrc < camera->n_tracks;
    }
    return is_taken;
}

void rtsp_camera_report(struct rtsp_camera *camera, int64_t now_us)
{
    while (is_ssrc_taken(camera)) /* RFC 3550 8.2; a BYE for the one before would be the camera's */
        camera->ssrc = (uint32_t)rtsp_camera_random(camera);
    for (unsigned i = 0; i < camera->n_tracks; i++) {
        struct rtsp_track *track = camera->tracks[i];
        uint8_t report[4 + RTCP_REPORT_BYTES];
        size_t bytes;

        if (!track->is_set_up)
            continue;
        bytes = rtcp_report_write(report + 4, &track->receiver.statistics, camera->ssrc + i,
                                  "limef", &track->receiver.last_report, now_us);
        report[0] = '$';
        report[1] = (uint8_t)(track->channel + 1);
        report[2] = (uint8_t)(bytes >> 8);
        report[3] = (uint8_t)bytes;
        if (track->datagrams.is_open)
            datagrams_report(&track->datagrams, report + 4, bytes);
        else if (!camera->is_udp)
            rtsp_stream_send(&camera->stream, report, 4 + bytes);
    }
}
