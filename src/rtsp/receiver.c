/* SPDX-License-Identifier: MIT */
#include "rtsp/receiver.h"

#include "rtsp/timeline.h"

#include "base/memory_private.h"

#include <limef/base/clock.h>
#include <limef/base/log.h>

#include <libavcodec/codec_par.h>
#include <libavutil/common.h>
#include <libavutil/error.h>
#include <libavutil/mathematics.h>
#include <stdlib.h>
#include <string.h>

/* A report that is so much older, or newer, than the first packet says nothing of it. */
#define EARLY_US 10000000
/* Nothing came for so long where thousands of packets are lost. */
#define LEAST_GAP_US 200000

static int64_t to_ticks(const struct rtsp_receiver *receiver, int64_t us)
{
    return av_rescale(us, receiver->depacketizer.clock_hz, 1000000);
}

double rtsp_receiver_drift_ppm(const struct rtsp_receiver *receiver)
{
    return rtsp_pace_drift_ppm(receiver->wall.pace.is_known ? &receiver->wall.pace
                                                            : &receiver->clock->course.pace);
}

static int take_unit(void *context, struct rtsp_unit *unit)
{
    struct rtsp_receiver *receiver = context;
    struct rtsp_arrival arrival = {.unit = unit, .arrived_us = receiver->arrived_us};

    if (receiver->is_other_format) { /* what comes refers to nothing of before */
        unit->has_new_codec = true;
        unit->follows_loss |= receiver->media == LIMEF_MEDIA_VIDEO;
    }
    receiver->is_other_format = false;
    arrival.is_discontinuous = receiver->is_restarted || unit->follows_loss;
    rtsp_timeline_place(receiver, &arrival);
    receiver->is_restarted = false;
    return receiver->sink(receiver->context, receiver, &arrival);
}

int rtsp_receiver_open(struct rtsp_receiver *receiver, const struct sdp_media *media,
                       struct rtsp_clock *clock, rtsp_arrival_fn *sink, void *context)
{
    *receiver = (struct rtsp_receiver){
        .clock = clock,
        .media = media->kind == SDP_VIDEO   ? LIMEF_MEDIA_VIDEO
                 : media->kind == SDP_AUDIO ? LIMEF_MEDIA_AUDIO
                                            : LIMEF_MEDIA_OTHER,
        .described = *media,
        .is_restarted = true,
        .sink = sink,
        .context = context,
    };
    clock->is_anchored = false;
    clock->source = 0;
    clock->media = receiver->media;
    return depacketizer_open(&receiver->depacketizer, media, take_unit, receiver);
}

/* Once for a camera; what it is was counted. */
static void look_for_hurry(const struct rtsp_receiver *receiver)
{
    struct rtsp_sync *sync = receiver->clock->sync;

    if (receiver->depacketizer.n_hurried == 0 || sync->is_hurry_said)
        return;
    sync->is_hurry_said = true;
    limef_log(LIMEF_LOG_WARNING, sync->name,
              "its pictures are sent further out of order than is waited for: 2 s, 16 MiB");
}

/* Whether nothing was sent before the first packet of a unit of metadata, which does not tell
 * itself where it begins: nothing is missing in a TCP connection, nor before what was told to be
 * first. */
static bool begins_whole(const struct rtsp_receiver *receiver)
{
    return receiver->media == LIMEF_MEDIA_OTHER &&
           (receiver->window.wait_us == 0 || receiver->window.knows_first);
}

/* How fast the timestamps go: what counts by them is told. */
static void note_clock(struct rtsp_receiver *receiver, int64_t before_hz)
{
    struct rtp_statistics *statistics = &receiver->statistics;
    int64_t now_us = receiver->arrived_us, hz = receiver->depacketizer.clock_hz;

    if (hz == before_hz)
        return;
    statistics->transit_ticks +=
        to_ticks(receiver, now_us) - av_rescale(now_us, before_hz, 1000000);
    statistics->jitter_ticks *= (double)hz / (double)before_hz;
    receiver->clock->is_anchored = false;
    receiver->wall = (struct rtsp_wall){.is_known = false};
}

/* For people; a camera may do so a thousand times a second. */
static void say_format(const struct rtsp_receiver *receiver)
{
    if ((receiver->n_formats & (receiver->n_formats - 1)) == 0)
        limef_log(LIMEF_LOG_INFO, receiver->clock->sync->name, "goes on as %.30s, payload type %d",
                  receiver->described.encoding, receiver->described.payload_type);
}

/* The stream goes on in another of its formats; the last unit in the one before is over. Returns 0,
 * AVERROR_EXIT of the sink, or, nothing has changed then, why it cannot. */
static int change_format(struct rtsp_receiver *receiver, uint8_t payload_type)
{
    struct depacketizer *depacketizer = &receiver->depacketizer, next;
    const struct sdp_format *format = sdp_find_format(&receiver->described, payload_type);
    struct sdp_media described = receiver->described;
    int64_t before_hz = depacketizer->clock_hz;
    int ret;

    if (!format)
        return AVERROR(EINVAL);
    sdp_use_format(&described, format);
    ret = depacketizer_open(&next, &described, take_unit, receiver);
    if (ret < 0)
        return ret;
    if (next.parameters->codec_type != depacketizer->parameters->codec_type) {
        depacketizer_clear(&next);
        return AVERROR(EINVAL);
    }
    ret = depacketizer_flush(depacketizer);
    next.now_us = depacketizer->now_us;
    next.n_malformed = depacketizer->n_malformed;
    next.n_given_up = depacketizer->n_given_up;
    next.n_hurried = depacketizer->n_hurried;
    next.n_reserved = depacketizer->n_reserved;
    depacketizer_clear(depacketizer);
    *depacketizer = next;
    receiver->described = described;
    receiver->is_other_format = true;
    receiver->n_formats++;
    note_clock(receiver, before_hz);
    say_format(receiver);
    return ret == AVERROR_EXIT ? ret : 0;
}

/* The next packet in order. What it has no memory for, or is too large, is damaged and counted
 * there: nothing else of the stream is worse for it. */
static int push(struct rtsp_receiver *receiver, const uint8_t *data, size_t bytes,
                unsigned n_missing)
{
    struct rtp_packet packet;
    int ret = rtp_packet_read(&packet, data, bytes), changed = 0;

    if (ret >= 0 && packet.payload_type != receiver->described.payload_type)
        changed = change_format(receiver, packet.payload_type);
    n_missing += receiver->n_missing_before;
    receiver->n_missing_before = 0;
    if (changed < 0 && changed != AVERROR_EXIT) {
        receiver->n_foreign++;
        receiver->n_missing_before = n_missing;
        return 0;
    }
    if (receiver->is_restarted && begins_whole(receiver))
        receiver->depacketizer.lost_before = false;
    if (ret >= 0)
        ret = depacketizer_push(&receiver->depacketizer, &packet,
                                rtp_statistics_timestamp(&receiver->statistics, packet.timestamp),
                                n_missing);
    look_for_hurry(receiver);
    return ret == AVERROR_EXIT || changed == AVERROR_EXIT ? AVERROR_EXIT : 0;
}

/* What waits and may go on; now_us as rtp_window_take() has it. */
static int push_waiting(struct rtsp_receiver *receiver, int64_t now_us)
{
    const uint8_t *data;
    unsigned n_missing;
    size_t bytes;
    int ret = 0;

    while (ret >= 0 && receiver->window.n_waiting > 0 &&
           (data = rtp_window_take(&receiver->window, now_us, &bytes, &n_missing)))
        ret = push(receiver, data, bytes, n_missing);
    return ret;
}

/* The first that waits, whatever is missing before it: there is no more room. */
static int push_first(struct rtsp_receiver *receiver)
{
    unsigned n_missing;
    size_t bytes;
    const uint8_t *data = rtp_window_take(&receiver->window, LIMEF_FOREVER, &bytes, &n_missing);

    return push(receiver, data, bytes, n_missing);
}

/* Whether a packet far from all that came is of the same stream behind a gap: its time has gone on
 * as ours has. That of a camera that began anew is anything. */
static bool is_behind_gap(const struct rtsp_receiver *receiver, const struct rtp_packet *packet,
                          int64_t now_us)
{
    const struct rtp_statistics *statistics = &receiver->statistics;
    int64_t passed_us = now_us - receiver->arrived_us, moved_us;

    if (!statistics->has_begun || packet->ssrc != statistics->ssrc || passed_us < LEAST_GAP_US)
        return false;
    moved_us = rtsp_timeline_us(receiver, rtp_statistics_timestamp(statistics, packet->timestamp) -
                                              statistics->timestamp);
    return llabs(moved_us - passed_us) <= passed_us / 2;
}

/* Another stream of numbers: the camera began anew. */
static void restart(struct rtsp_receiver *receiver)
{
    rtp_window_restart(&receiver->window);
    depacketizer_restart(&receiver->depacketizer);
    receiver->clock->is_anchored = false;
    receiver->wall = (struct rtsp_wall){.is_known = false};
    receiver->left_us = 0;
    receiver->n_missing_before = 0;
    receiver->is_restarted = true;
}

static int put(struct rtsp_receiver *receiver, int64_t sequence, const struct rtp_packet *packet,
               const uint8_t *data, size_t bytes)
{
    int64_t now_us = receiver->arrived_us;
    unsigned n_missing;
    int verdict;

    while ((verdict = rtp_window_put(&receiver->window, sequence, data, bytes, now_us,
                                     &n_missing)) == AVERROR(EAGAIN)) {
        int ret = push_first(receiver);

        if (ret < 0)
            return ret;
    }
    if (verdict == RTP_WINDOW_DUPLICATE || verdict == RTP_WINDOW_LATE)
        receiver->statistics.n_received--; /* as RFC 3550 A.3 would have it for late ones alone */
    else
        rtp_statistics_time(&receiver->statistics, packet, to_ticks(receiver, now_us));
    if (verdict != RTP_WINDOW_NEXT)
        return 0;
    verdict = push(receiver, data, bytes, n_missing);
    return verdict < 0 ? verdict : push_waiting(receiver, LIMEF_NO_TIME);
}

/* Whether what comes first can be behind the packet that was told to be the first. */
static bool is_of_first(const struct rtsp_receiver *receiver, uint32_t timestamp)
{
    int64_t ticks = (int32_t)(timestamp - receiver->first.timestamp);

    return !receiver->first.has_timestamp ||
           llabs(rtsp_timeline_us(receiver, ticks)) <= RTSP_FIRST_SPREAD_US;
}

/* For our own reports. */
static void note_last(struct rtsp_receiver *receiver, const struct rtsp_report *report)
{
    receiver->last_report = (struct rtcp_last){
        .ssrc = report->ssrc, .ntp_middle = report->ntp_middle, .arrived_us = report->arrived_us};
}

/* What was reported of a sender before its first packet came. */
static void note_early_report(struct rtsp_receiver *receiver, uint32_t ssrc, int64_t now_us)
{
    const struct rtsp_report *early = &receiver->early;
    int64_t ticks = rtp_statistics_timestamp(&receiver->statistics, early->timestamp) -
                    receiver->statistics.timestamp;

    if (early->is_there && early->ssrc == ssrc) {
        note_last(receiver, early);
        if (now_us - early->arrived_us <= EARLY_US &&
            llabs(rtsp_timeline_us(receiver, ticks)) <= EARLY_US)
            rtsp_timeline_report(receiver, early);
    }
    receiver->early.is_there = false;
}

/* A packet of the stream, or of what is the stream from now on. */
static int take_packet(struct rtsp_receiver *receiver, const struct rtp_packet *packet,
                       const uint8_t *data, size_t bytes, int64_t now_us)
{
    bool has_begun = receiver->statistics.has_begun;
    int64_t sequence;
    int ret = 0;

    if (!rtp_statistics_go_on(&receiver->statistics, packet)) {
        if (is_behind_gap(receiver, packet, now_us))
            rtp_statistics_skip_to(&receiver->statistics, packet);
        else /* what waits is of the stream before */
            ret = push_waiting(receiver, LIMEF_FOREVER);
    }
    if (ret < 0)
        return ret;
    receiver->n_packets++;
    receiver->n_bytes += bytes;
    receiver->arrived_us = receiver->depacketizer.now_us = now_us;
    if (rtp_statistics_count(&receiver->statistics, packet, &sequence)) {
        restart(receiver);
        receiver->n_other_ssrc += receiver->is_ssrc_told && packet->ssrc != receiver->told_ssrc;
        note_early_report(receiver, packet->ssrc, now_us);
        if (has_begun) /* what was told of its beginning is of the stream before */
            rtp_window_release(&receiver->window, -1);
    }
    if (!receiver->window.has_begun && !is_of_first(receiver, packet->timestamp))
        receiver->window.knows_first = false;
    return put(receiver, sequence, packet, data, bytes);
}

/* It was none of ours after all. */
static void forget_stranger(struct rtsp_receiver *receiver)
{
    if (receiver->stranger.data)
        receiver->n_foreign++;
    memory_release(receiver->stranger.data);
    receiver->stranger = (struct rtsp_stranger){.data = NULL};
}

/* A packet of another source, or far from all that came: one alone is a stray, two and nothing of
 * ours in between are the camera that began anew (RFC 3550 A.1). */
static int take_stranger(struct rtsp_receiver *receiver, const struct rtp_packet *packet,
                         const uint8_t *data, size_t bytes, int64_t now_us)
{
    struct rtsp_stranger first = receiver->stranger;
    struct rtp_packet first_packet;
    int ret;

    if (first.data && rtp_packet_read(&first_packet, first.data, first.bytes) >= 0 &&
        rtp_packet_is_near(packet, &first_packet)) {
        receiver->stranger = (struct rtsp_stranger){.data = NULL};
        ret = take_packet(receiver, &first_packet, first.data, first.bytes, first.arrived_us);
        memory_release(first.data);
        return ret < 0 ? ret : take_packet(receiver, packet, data, bytes, now_us);
    }
    forget_stranger(receiver);
    first = (struct rtsp_stranger){memory_allocate(bytes), bytes, now_us};
    if (!first.data) {
        receiver->n_foreign++;
        return 0;
    }
    memcpy(first.data, data, bytes);
    receiver->stranger = first;
    return 0;
}

/* Once the SSRC that the camera said has come, others are its own only if nobody else can have sent
 * them: a camera that began anew, or said what is not so. */
static bool is_of_others(const struct rtsp_receiver *receiver, const struct rtp_packet *packet)
{
    return receiver->has_told_come && packet->ssrc != receiver->told_ssrc &&
           !receiver->knows_sender;
}

/* The first packet of the SSRC that the camera said: whatever was taken for its stream is not. */
static bool is_told_at_last(struct rtsp_receiver *receiver, const struct rtp_packet *packet)
{
    if (!receiver->is_ssrc_told || receiver->has_told_come || packet->ssrc != receiver->told_ssrc)
        return false;
    receiver->has_told_come = true;
    return true;
}

bool rtsp_receiver_knows(const struct rtsp_receiver *receiver, uint8_t payload_type)
{
    return payload_type == receiver->described.payload_type ||
           sdp_find_format(&receiver->described, payload_type);
}

int rtsp_receiver_rtp(struct rtsp_receiver *receiver, const uint8_t *data, size_t bytes,
                      int64_t now_us)
{
    struct rtp_packet packet;
    bool is_told;

    if (rtp_packet_read(&packet, data, bytes) < 0) {
        receiver->n_malformed++;
        return 0;
    }
    if (!rtsp_receiver_knows(receiver, packet.payload_type)) {
        receiver->n_foreign++;
        return 0;
    }
    if (is_of_others(receiver, &packet)) {
        receiver->n_foreign++;
        return 0;
    }
    is_told = is_told_at_last(receiver, &packet);
    if (!is_told && !rtp_statistics_go_on(&receiver->statistics, &packet))
        return take_stranger(receiver, &packet, data, bytes, now_us);
    forget_stranger(receiver);
    return take_packet(receiver, &packet, data, bytes, now_us);
}

/* Whether the camera says goodbye. In a group whoever looks at it does so as well. */
static bool has_left(const struct rtsp_receiver *receiver, const struct rtcp_news *news)
{
    const struct rtp_statistics *statistics = &receiver->statistics;

    if (!receiver->is_shared && (!statistics->has_begun || news->n_left == 0))
        return news->has_left;
    return statistics->has_begun && rtcp_has_left(news, statistics->ssrc);
}

int64_t rtsp_receiver_reported_us(const struct rtsp_receiver *receiver)
{
    bool is_its = !receiver->is_shared || !receiver->statistics.has_begun;

    return FFMAX(receiver->last_report.arrived_us, is_its ? receiver->early.arrived_us : 0);
}

void rtsp_receiver_rtcp(struct rtsp_receiver *receiver, const uint8_t *data, size_t bytes,
                        int64_t now_us)
{
    struct rtsp_report report;
    struct rtcp_news news;

    if (rtcp_read(&news, data, bytes) < 0)
        receiver->n_malformed++;
    if (!receiver->left_us && has_left(receiver, &news))
        receiver->left_us = now_us;
    if (!news.has_report)
        return;
    report = (struct rtsp_report){.is_there = true,
                                  .ssrc = news.ssrc,
                                  .timestamp = news.timestamp,
                                  .ntp_middle = news.ntp_middle,
                                  .source = news.source,
                                  .wall_us = news.wall_us,
                                  .offset_us = news.wall_us - limef_wall_us(),
                                  .arrived_us = now_us};
    if (!receiver->statistics.has_begun || news.ssrc != receiver->statistics.ssrc) {
        receiver->early = report; /* its timestamp stands alone for now */
        return;
    }
    note_last(receiver, &report);
    rtsp_timeline_report(receiver, &report);
}

int rtsp_receiver_tick(struct rtsp_receiver *receiver, int64_t now_us)
{
    int ret = push_waiting(receiver, now_us);

    receiver->depacketizer.now_us = now_us;
    if (ret >= 0)
        ret = depacketizer_tick(&receiver->depacketizer);
    look_for_hurry(receiver);
    return ret;
}

int rtsp_receiver_begin(struct rtsp_receiver *receiver, const struct rtsp_first *first)
{
    bool is_believed = first->sequence >= 0 && receiver->window.wait_us > 0;
    struct rtp_packet packet;
    size_t bytes;
    const uint8_t *data = rtp_window_first(&receiver->window, &bytes);

    receiver->first = *first;
    if (is_believed && data && rtp_packet_read(&packet, data, bytes) >= 0)
        is_believed = is_of_first(receiver, packet.timestamp);
    rtp_window_release(&receiver->window, is_believed ? first->sequence : -1);
    return push_waiting(receiver, LIMEF_NO_TIME);
}

int64_t rtsp_receiver_due_us(const struct rtsp_receiver *receiver)
{
    return FFMIN(rtp_window_due_us(&receiver->window),
                 depacketizer_due_us(&receiver->depacketizer));
}

int rtsp_receiver_flush(struct rtsp_receiver *receiver)
{
    int ret = push_waiting(receiver, LIMEF_FOREVER);

    return ret < 0 ? ret : depacketizer_flush(&receiver->depacketizer);
}

void rtsp_receiver_clear(struct rtsp_receiver *receiver)
{
    forget_stranger(receiver);
    depacketizer_clear(&receiver->depacketizer);
    rtp_window_clear(&receiver->window);
    *receiver = (struct rtsp_receiver){.clock = NULL};
}
