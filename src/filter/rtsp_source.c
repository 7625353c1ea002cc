/* SPDX-License-Identifier: MIT */
#include <limef/filter/rtsp_source.h>

#include "base/libavcodec.h"
#include "base/memory_private.h"
#include "filter/filter_kinds.h"
#include "rtsp/camera.h"
#include "rtsp/cut.h"
#include "rtsp/hold.h"

#include <limef/base/clock.h>
#include <limef/base/log.h>
#include <limef/base/url.h>
#include <limef/frame/pool.h>
#include <limef/thread/report.h>

#include <libavcodec/avcodec.h>
#include <libavutil/common.h>
#include <libavutil/error.h>
#include <string.h>

#define N_MEDIA (LIMEF_MEDIA_OTHER + 1)
#define N_COUNTER_WORDS (sizeof(struct limef_rtsp_source_counters) / sizeof(uint64_t))

struct rtsp_track_state {
    bool is_described; /* its codec frame was passed on in this connection */
    struct rtsp_cut cut;
    struct rtsp_hold hold;
};

/* What the source keeps around its camera; limef_rtsp_source.camera is its first member. */
struct inside {
    struct rtsp_camera camera;
    struct limef_rtsp_source *rtsp;
    struct limef_pool *packets, *codecs;
    struct limef_packet_frame packet; /* the last one that was passed on */
    struct limef_codec_frame codec;
    struct rtsp_track_state tracks[N_MEDIA];
    struct limef_signal_frame state; /* STATE, with what goes with it */
    bool is_unsaid;                  /* nobody behind heard all of it */
    bool is_lost_said;               /* downstream knows that nothing comes */

    /* written by the thread that runs it, read by any; relaxed: each word by itself is right */
    LIMEF_ATOMIC(uint64_t) counters[N_COUNTER_WORDS];
};

static struct limef_rtsp_source *rtsp_of(struct limef_filter *filter)
{
    return LIMEF_CONTAINER_OF(filter, struct limef_rtsp_source, source.filter);
}

static struct inside *inside_of(const struct limef_rtsp_source *rtsp)
{
    return (struct inside *)(void *)rtsp->camera;
}

static void publish(struct inside *inside)
{
    _Static_assert(sizeof(struct limef_rtsp_source_counters) % sizeof(uint64_t) == 0,
                   "whole words");
    struct limef_rtsp_source_counters counters;
    uint64_t words[N_COUNTER_WORDS];

    rtsp_camera_count(&inside->camera, &counters);
    counters.n_pool = limef_pool_n_made(inside->packets);
    counters.n_pool_used = limef_pool_n_out(inside->packets);
    memcpy(words, &counters, sizeof(words));
    for (size_t i = 0; i < N_COUNTER_WORDS; i++)
        atomic_store_explicit(&inside->counters[i], words[i], memory_order_relaxed);
}

void limef_rtsp_source_get_counters(const struct limef_rtsp_source *rtsp,
                                    struct limef_rtsp_source_counters *counters)
{
    uint64_t words[N_COUNTER_WORDS];

    for (size_t i = 0; i < N_COUNTER_WORDS; i++)
        words[i] = atomic_load_explicit(&inside_of(rtsp)->counters[i], memory_order_relaxed);
    memcpy(counters, words, sizeof(words));
}

/* What of the stream follows from the state; NONE: nothing that downstream does not know. */
static enum limef_signal follows(const struct inside *inside)
{
    switch (inside->state.value) {
    case LIMEF_RTSP_PLAYING:
        return inside->is_lost_said ? LIMEF_SIGNAL_START : LIMEF_SIGNAL_NONE;
    case LIMEF_RTSP_ENDED:
        return LIMEF_SIGNAL_END;
    case LIMEF_RTSP_CONNECTING:
    case LIMEF_RTSP_STALLED:
    case LIMEF_RTSP_STOPPED: /* why nothing came before stays on screen */
        return inside->is_lost_said ? LIMEF_SIGNAL_NONE : LIMEF_SIGNAL_LOST;
    default:
        return LIMEF_SIGNAL_LOST;
    }
}

/* Tells those behind of the state. Returns 0; or AVERROR_EXIT: it is to be said again. */
static int tell(struct inside *inside)
{
    struct limef_signal_frame frame;
    enum limef_signal signal = follows(inside);
    int ret = limef_pass(&inside->rtsp->source.filter, &inside->state.frame);

    if (ret != AVERROR_EXIT && signal != LIMEF_SIGNAL_NONE) {
        limef_signal_frame_set(&frame, signal, inside->state.frame.slot,
                               signal == LIMEF_SIGNAL_START ? "" : inside->state.text);
        frame.code = signal == LIMEF_SIGNAL_START ? 0 : inside->state.code;
        frame.frame.flags = LIMEF_FRAME_LIVE;
        ret = limef_pass(&inside->rtsp->source.filter, &frame.frame);
    }
    inside->is_unsaid = ret == AVERROR_EXIT;
    if (inside->is_unsaid)
        return ret;
    if (signal == LIMEF_SIGNAL_LOST || inside->state.value == LIMEF_RTSP_PLAYING)
        inside->is_lost_said = signal == LIMEF_SIGNAL_LOST;
    return 0;
}

/* Another connection begins. */
static void cut_tracks(struct inside *inside)
{
    for (unsigned i = 0; i < N_MEDIA; i++) {
        inside->tracks[i].is_described = false;
        rtsp_cut_begin(&inside->tracks[i].cut);
    }
}

/* What stands behind hears of it in order with the media. */
static int state_changed(void *context, enum limef_rtsp_state state, int code, const char *text)
{
    struct inside *inside = context;

    publish(inside);
    limef_log(LIMEF_LOG_INFO, inside->rtsp->source.filter.name, "%s", limef_rtsp_state_name(state));
    limef_signal_frame_set(&inside->state, LIMEF_SIGNAL_STATE, inside->camera.settings.slot, text);
    inside->state.value = state;
    inside->state.code = code;
    inside->state.serial = inside->camera.reason;
    inside->state.frame.flags = LIMEF_FRAME_LIVE;
    limef_report(&inside->state);
    if (state != LIMEF_RTSP_PLAYING && state != LIMEF_RTSP_STALLED)
        cut_tracks(inside);
    tell(inside); /* what nobody heard the next step says again: the camera goes on */
    return 0;
}

static int describe(struct inside *inside, const struct rtsp_receiver *receiver)
{
    struct limef_codec_frame *codec = &inside->codec;
    struct limef_payload *payload = limef_pool_get(inside->codecs);

    if (!payload || !memory_permits() ||
        avcodec_parameters_copy(limef_payload_codec(payload), receiver->depacketizer.parameters) <
            0) {
        limef_payload_unref(payload);
        return AVERROR(ENOMEM);
    }
    limef_payload_unref(codec->frame.payload);
    limef_codec_frame_set(codec, payload);
    codec->frame.slot = inside->camera.settings.slot;
    codec->frame.media = (uint16_t)receiver->media;
    codec->frame.track = (uint16_t)receiver->media;
    codec->frame.flags = LIMEF_FRAME_LIVE;
    codec->frame.entered_us = receiver->arrived_us;
    return limef_pass(&inside->rtsp->source.filter, &codec->frame);
}

static int pass_unit(struct inside *inside, const struct rtsp_receiver *receiver,
                     const struct rtsp_arrival *arrival, struct rtsp_cut *cut)
{
    struct limef_packet_frame *packet = &inside->packet;
    struct limef_payload *payload = limef_pool_get(inside->packets);
    bool is_key = arrival->unit->is_key, is_damaged = arrival->unit->is_damaged;
    bool is_new = cut->is_new;
    size_t bytes = arrival->unit->bytes;
    AVPacket *av;
    int ret;

    if (!payload) {
        inside->camera.past.n_dropped_units++;
        rtsp_cut_begin(cut);
        return AVERROR(ENOMEM);
    }
    av = limef_payload_packet(payload);
    av->buf = rtsp_unit_take(arrival->unit);
    av->data = av->buf->data;
    av->size = (int)bytes;
    av->flags = (is_key ? AV_PKT_FLAG_KEY : 0) | (rtsp_cut_pass(cut) ? AV_PKT_FLAG_DISCARD : 0);
    limef_payload_unref(packet->frame.payload);
    limef_packet_frame_set(packet, payload);
    packet->frame.slot = inside->camera.settings.slot;
    packet->frame.media = (uint16_t)receiver->media;
    packet->frame.track = (uint16_t)receiver->media;
    packet->frame.flags = LIMEF_FRAME_LIVE | (is_key ? LIMEF_FRAME_KEY : 0) |
                          (is_damaged ? LIMEF_FRAME_CORRUPT : 0) |
                          (is_new ? LIMEF_FRAME_DISCONTINUITY : 0);
    packet->frame.pts_us = arrival->pts_us;
    packet->frame.duration_us = arrival->duration_us;
    packet->frame.entered_us = arrival->arrived_us;
    packet->frame.wall_us = arrival->wall_us;
    packet->dts_us = LIMEF_NO_TIME;
    ret = limef_pass(&inside->rtsp->source.filter, &packet->frame);
    if (ret != AVERROR_EXIT) {
        inside->camera.past.n_units++;
        inside->camera.past.n_pictures += receiver->media == LIMEF_MEDIA_VIDEO;
    }
    return ret;
}

/* What is behind and fails has said so; it is not the camera's fault. What is behind and was
 * stopped goes on at a key. */
static int pass_arrival(struct inside *inside, const struct rtsp_receiver *receiver,
                        const struct rtsp_arrival *arrival)
{
    struct rtsp_track_state *track = &inside->tracks[receiver->media];
    int ret;

    if (rtsp_cut_drops(&track->cut, arrival, inside->camera.settings.shows_damage)) {
        inside->camera.past.n_dropped_units++;
        track->is_described &= !arrival->unit->has_new_codec; /* it is told with the next one */
        return 0;
    }
    ret = inside->is_unsaid ? tell(inside) : 0;
    if (ret != AVERROR_EXIT && (!track->is_described || arrival->unit->has_new_codec)) {
        ret = describe(inside, receiver);
        track->is_described = ret >= 0;
    }
    if (ret != AVERROR_EXIT)
        ret = pass_unit(inside, receiver, arrival, &track->cut);
    if (ret != AVERROR_EXIT)
        return 0;
    inside->camera.past.n_dropped_units++;
    track->is_described &= !arrival->unit->has_new_codec;
    rtsp_cut_begin(&track->cut);
    return ret;
}

static int pass_held(struct inside *inside, struct rtsp_held *held)
{
    int ret = pass_arrival(inside, held->receiver, &held->arrival);

    rtsp_unit_clear(&held->unit);
    return ret;
}

/* What waited for other streams until then. */
static int pass_until(struct inside *inside, int64_t until_us)
{
    struct rtsp_held *held;
    int ret = 0;

    for (unsigned i = 0; i < N_MEDIA; i++)
        while (ret >= 0 && (held = rtsp_hold_next(&inside->tracks[i].hold, until_us)))
            ret = pass_held(inside, held);
    return ret;
}

static int arrived(void *context, struct rtsp_receiver *receiver,
                   const struct rtsp_arrival *arrival)
{
    struct inside *inside = context;
    struct rtsp_hold *hold = &inside->tracks[receiver->media].hold;
    bool is_new = arrival->unit->has_new_codec;
    int ret = 0;

    /* the codec that is told is the receiver's of now: who changes it does not wait, and nobody
     * before */
    while (ret >= 0 && hold->n > 0 && (is_new || rtsp_hold_is_full(hold, arrival->unit->bytes)))
        ret = pass_held(inside, rtsp_hold_next(hold, LIMEF_FOREVER));
    if (ret < 0 || (!is_new && rtsp_hold_take(hold, receiver, arrival)))
        return ret;
    return pass_arrival(inside, receiver, arrival);
}

/* Nothing that would come goes with it any more. */
static void over(void *context)
{
    struct inside *inside = context;
    struct rtsp_held *held;

    pass_until(inside, LIMEF_FOREVER);
    for (unsigned i = 0; i < N_MEDIA; i++) /* nobody took it, and its receiver goes */
        while ((held = rtsp_hold_next(&inside->tracks[i].hold, LIMEF_FOREVER)))
            rtsp_unit_clear(&held->unit);
}

static int rtsp_source_step(struct limef_source *source, int64_t *due_us)
{
    struct inside *inside = inside_of(rtsp_of(&source->filter));
    int ret;

    if (inside->is_unsaid)
        tell(inside);
    ret = rtsp_camera_step(&inside->camera, due_us);
    if (inside->is_unsaid && ret < 0)
        ret = AVERROR_EXIT;
    if (ret != AVERROR_EXIT && pass_until(inside, limef_now_us()) == AVERROR_EXIT)
        ret = AVERROR_EXIT;
    for (unsigned i = 0; i < N_MEDIA; i++)
        *due_us = FFMIN(*due_us, rtsp_hold_due_us(&inside->tracks[i].hold));
    if (inside->camera.pending == RTSP_DESCRIBE) /* it takes its time to answer */
        libavcodec_prepare();
    publish(inside);
    return ret;
}

static int rtsp_source_go(struct limef_filter *filter, const struct limef_frame *in)
{
    const struct limef_signal_frame *signal = limef_signal_frame_from(in);
    struct inside *inside = inside_of(rtsp_of(filter));

    if (signal && (in->slot == inside->camera.settings.slot || in->slot == UINT32_MAX)) {
        if (signal->signal == LIMEF_SIGNAL_STOP || signal->signal == LIMEF_SIGNAL_PAUSE)
            rtsp_camera_stop(&inside->camera);
        else if (signal->signal == LIMEF_SIGNAL_START || signal->signal == LIMEF_SIGNAL_PLAY)
            rtsp_camera_start(&inside->camera);
        publish(inside);
    }
    return limef_pass(filter, in);
}

static void rtsp_source_clear(struct limef_filter *filter)
{
    struct limef_rtsp_source *rtsp = rtsp_of(filter);
    struct inside *inside = inside_of(rtsp);

    libavcodec_settle();
    if (inside) {
        inside->camera.events.state = NULL;
        for (unsigned i = 0; i < N_MEDIA; i++)
            rtsp_hold_clear(&inside->tracks[i].hold);
        rtsp_camera_clear(&inside->camera);
        limef_payload_unref(inside->packet.frame.payload);
        limef_payload_unref(inside->codec.frame.payload);
        limef_pool_release(inside->packets);
        limef_pool_release(inside->codecs);
        memory_release(inside);
    }
    *rtsp = (struct limef_rtsp_source){.camera = NULL};
}

static const struct limef_filter_ops rtsp_source_ops = {
    .kind = "rtsp source",
    .flags = LIMEF_FILTER_SOURCE,
    .go = rtsp_source_go,
    .clear = rtsp_source_clear,
};

struct limef_rtsp_source *rtsp_source_from(struct limef_filter *filter)
{
    return filter->ops == &rtsp_source_ops ? rtsp_of(filter) : NULL;
}

int limef_rtsp_source_init(struct limef_rtsp_source *rtsp, const char *name,
                           const struct limef_rtsp_source_settings *settings)
{
    struct inside *inside;
    char masked[LIMEF_URL_BYTES];
    int ret = 0;

    name = name ? name : rtsp_source_ops.kind;
    if (!settings || !settings->url)
        return limef_fail(AVERROR(EINVAL), name, "no URL");
    inside = memory_allocate(sizeof(*inside));
    if (!inside)
        return limef_fail(AVERROR(ENOMEM), name, "no memory");
    rtsp->camera = &inside->camera;
    inside->rtsp = rtsp;
    inside->packets = limef_pool_create(LIMEF_FRAME_PACKET);
    inside->codecs = limef_pool_create(LIMEF_FRAME_CODEC);
    cut_tracks(inside);
    limef_filter_init(&rtsp->source.filter, &rtsp_source_ops, name);
    if (!inside->packets || !inside->codecs)
        ret = AVERROR(ENOMEM);
    if (ret >= 0)
        ret = rtsp_camera_open(&inside->camera, name, settings,
                               &(struct rtsp_camera_events){state_changed, arrived, over, inside});
    if (ret < 0) {
        limef_url_mask(masked, sizeof(masked), settings->url);
        limef_filter_clear(&rtsp->source.filter);
        return limef_fail(ret, name, "%s cannot be used", masked);
    }
    rtsp->source.step = rtsp_source_step;
    rtsp->source.wait_fd = inside->camera.poll_fd;
    atomic_store_explicit(&rtsp->source.is_live, 1, memory_order_relaxed);
    rtsp_camera_start(&inside->camera);
    return 0;
}

void limef_rtsp_source_hold(struct limef_rtsp_source *rtsp)
{
    inside_of(rtsp)->camera.sync.holds = true;
}
