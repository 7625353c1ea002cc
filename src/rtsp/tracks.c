/* SPDX-License-Identifier: MIT */
/* What a camera described, and what becomes of its packets. */
#include "rtsp/camera.h"

#include "base/memory_private.h"

#include <limef/base/clock.h>
#include <limef/base/log.h>

#include <libavcodec/codec_par.h>
#include <libavutil/common.h>
#include <libavutil/error.h>
#include <libavutil/intreadwrite.h>
#include <stdio.h>
#include <string.h>

/* Of likeness(): it is no other one's. */
#define CERTAIN 2

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

static int arrived(void *context, struct rtsp_receiver *receiver,
                   const struct rtsp_arrival *arrival)
{
    struct rtsp_camera *camera = context;
    int ret = rtsp_camera_note_unit(camera, receiver, arrival);

    return ret < 0 ? ret : camera->events.arrival(camera->events.context, receiver, arrival);
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
        (!is_what_it_says(&track->receiver) || rtsp_camera_has(camera, track->receiver.media)))
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
    track->group = rtsp_is_group(media->address) ? media->address : NULL;
    track->group_port = (uint16_t)media->port;
    track->group_ttl = media->ttl;
    track->group_sources = media->sources;
    track->excludes_sources = media->excludes;
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
    is_without &= camera->n_tracks > 0 && !rtsp_camera_has(camera, media);
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
    counters->n_hurried += receiver->depacketizer.n_hurried;
    counters->n_foreign +=
        receiver->n_foreign + track->datagrams.n_foreign + receiver->depacketizer.n_reserved;
    counters->n_kernel_drops += track->datagrams.n_kernel_drops;
    counters->n_other_ssrc += receiver->n_other_ssrc;
    counters->n_formats += receiver->n_formats;
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
    counters->n_late_names = camera->stream.n_late_names;
    counters->n_lost_names = camera->stream.n_lost_names;
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
    rtp_window_restart(&track->receiver.window);
    count_track(&camera->past, track);
    datagrams_close(&track->datagrams);
    rtsp_receiver_clear(&track->receiver);
    memory_release(track);
}

void rtsp_camera_drop_track(struct rtsp_camera *camera)
{
    struct rtsp_track **track = &camera->tracks[camera->asked_track];

    camera->events.over(camera->events.context);
    rtsp_clock_leave((*track)->receiver.clock);
    forget_track(camera, *track);
    memmove(track, track + 1, (--camera->n_tracks - camera->asked_track) * sizeof(*track));
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

    receiver->knows_sender = datagrams_know_sender(&reading->track->datagrams);
    receiver->is_shared = datagrams_are_shared(&reading->track->datagrams);
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

/* Of two on one channel: media are told by their payload type, at best the one that came last,
 * reports by who sends them. The greater, the rather it is this one's. */
static int likeness(const struct rtsp_receiver *receiver, const struct rtsp_item *item)
{
    const struct rtp_statistics *statistics = &receiver->statistics;

    if (item->data_bytes >= 2 && !rtcp_is(item->data, item->data_bytes)) {
        uint8_t payload_type = item->data[1] & 0x7f;

        return payload_type == receiver->described.payload_type
                   ? CERTAIN
                   : rtsp_receiver_knows(receiver, payload_type);
    }
    return item->data_bytes >= 8 && statistics->has_begun &&
                   AV_RB32(item->data + 4) == statistics->ssrc
               ? CERTAIN
               : 0;
}

/* Whose packet that is, by its channel; some cameras give two tracks the same, or ones that
 * overlap. NULL: nobody's. */
static struct rtsp_track *track_of(const struct rtsp_camera *camera, const struct rtsp_item *item)
{
    struct rtsp_track *found = NULL;
    int most = -1;

    for (unsigned i = 0; i < camera->n_tracks && most < CERTAIN; i++) {
        struct rtsp_track *track = camera->tracks[i];
        int like;

        if (!track->is_set_up ||
            (item->channel != track->channel && item->channel != track->channel + 1))
            continue;
        like = likeness(&track->receiver, item);
        if (like > most) {
            found = track;
            most = like;
        }
    }
    return found;
}

int rtsp_camera_take_media(struct rtsp_camera *camera, const struct rtsp_item *item, int64_t now_us)
{
    struct reading reading = {.track = track_of(camera, item), .now_us = now_us};

    if (!reading.track) {
        camera->past.n_foreign++;
        return 0;
    }
    reading.which = item->channel - reading.track->channel;
    return take_packet(&reading, item->data, item->data_bytes);
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
                                  rtcp_own_cname(), &track->receiver.last_report, now_us);
        report[0] = '$';
        report[1] = (uint8_t)(track->channel + 1);
        report[2] = (uint8_t)(bytes >> 8);
        report[3] = (uint8_t)bytes;
        track->has_reported = true;
        if (track->datagrams.is_open)
            datagrams_report(&track->datagrams, report + 4, bytes);
        else if (!camera->is_udp)
            rtsp_stream_send(&camera->stream, report, 4 + bytes);
    }
}

void rtsp_camera_leave_groups(struct rtsp_camera *camera)
{
    uint8_t goodbye[RTCP_REPORT_BYTES];

    for (unsigned i = 0; i < camera->n_tracks; i++) {
        struct rtsp_track *track = camera->tracks[i];

        if (track->has_reported && track->datagrams.is_group)
            datagrams_report(&track->datagrams, goodbye,
                             rtcp_goodbye_write(goodbye, camera->ssrc + i, rtcp_own_cname()));
    }
}
