/* SPDX-License-Identifier: MIT */
#include <limef/filter/encode.h>

#include "filter/encode_private.h"
#include "filter/filter_counts.h"

#include "base/memory_private.h"
#include "frame/av_compat.h"
#include "frame/fetch.h"

#include <limef/base/log.h>
#include <limef/frame/pool.h>
#include <limef/thread/report.h>

#include <libavcodec/avcodec.h>
#include <libavutil/mathematics.h>
#include <string.h>

#define MAX_BACK_US 1000000   /* times that go back by more are those of another stream */
#define MAX_AHEAD_US 60000000 /* likewise; MPEG-4 Part 2 writes a bit for each second of a gap */

static struct limef_encode_filter *encode_of(struct limef_filter *filter)
{
    return LIMEF_CONTAINER_OF(filter, struct limef_encode_filter, filter);
}

/* Counts it, and says the 1st, 2nd, 4th, 8th, ... of many failures. */
static int note_error(struct limef_encode_filter *encode, int code)
{
    uint64_t n;

    LIMEF_COUNT(encode->n_errors, 1);
    n = LIMEF_COUNTED(encode->n_errors);
    if ((n & (n - 1)) == 0)
        limef_fail(code, encode->filter.name, "cannot encode");
    return compat_code(code);
}

static int64_t us_of_ticks(const struct limef_encode_filter *encode, int64_t ticks)
{
    return av_rescale_q(ticks, (AVRational){encode->rate_den, encode->rate_num}, AV_TIME_BASE_Q);
}

/* What was put in last before a tick, or first of all; NULL: nothing. */
static const struct limef_encode_carried *carried_at(const struct limef_encode_filter *encode,
                                                     int64_t tick)
{
    const struct limef_encode_carried *carried = NULL;

    for (uint64_t i = 1; i <= encode->n_carried && i <= LIMEF_ENCODE_MAX_INSIDE; i++) {
        carried = &encode->carried[(encode->n_carried - i) % LIMEF_ENCODE_MAX_INSIDE];
        if (carried->tick <= tick)
            break;
    }
    return carried;
}

/* Stream time of a tick: exact where a picture was, by the rate before the first and in between. */
static int64_t us_at(const struct limef_encode_filter *encode, int64_t tick)
{
    const struct limef_encode_carried *carried = carried_at(encode, tick);

    if (tick == AV_NOPTS_VALUE || !carried)
        return LIMEF_NO_TIME;
    return carried->pts_us + us_of_ticks(encode, tick - carried->tick);
}

static void describe(struct limef_encode_filter *encode, const AVPacket *packet)
{
    struct limef_packet_frame *out = &encode->out;
    const struct limef_encode_carried *carried = carried_at(encode, packet->pts);

    out->frame.slot = encode->format.slot;
    out->frame.media = (uint16_t)encode->media;
    out->frame.track = (uint16_t)encode->format.track;
    out->frame.pts_us = us_at(encode, packet->pts);
    out->dts_us = us_at(encode, packet->dts);
    if (encode->media == LIMEF_MEDIA_AUDIO)
        out->frame.duration_us = us_of_ticks(encode, packet->duration);
    if (!carried)
        return;
    if (encode->media == LIMEF_MEDIA_VIDEO)
        out->frame.duration_us = carried->duration_us;
    out->frame.entered_us = carried->entered_us;
    out->frame.wall_us = carried->wall_us;
    out->frame.flags |= carried->flags;
}

static int pass_packet(struct limef_encode_filter *encode, struct limef_payload *payload)
{
    limef_payload_unref(encode->out.frame.payload);
    limef_packet_frame_set(&encode->out, payload);
    describe(encode, limef_payload_packet(payload));
    LIMEF_COUNT(encode->n_packets, 1);
    LIMEF_COUNT(encode->n_bytes, encode->out.size_bytes);
    return limef_pass(&encode->filter, &encode->out.frame);
}

/* Passes on what is ready. Returns 0, AVERROR_EXIT, or the last error there was. */
static int receive_all(struct limef_encode_filter *encode)
{
    int last = 0;

    for (;;) {
        struct limef_payload *payload =
            encode->spare ? encode->spare : limef_pool_get(encode->packets);
        int ret;

        encode->spare = NULL;
        if (!payload)
            return note_error(encode, AVERROR(ENOMEM));
        ret = avcodec_receive_packet(encode->context, limef_payload_packet(payload));
        if (ret < 0) {
            encode->spare = payload;
            if (ret != AVERROR(EAGAIN) && ret != AVERROR_EOF)
                last = note_error(encode, ret);
            return last;
        }
        ret = pass_packet(encode, payload);
        if (ret == AVERROR_EXIT)
            return ret;
        if (ret < 0)
            last = ret;
    }
}

/* What has no time of its own is due one tick later. Returns the tick that a frame gets. */
static int64_t place(struct limef_encode_filter *encode, const struct limef_frame *in,
                     struct limef_encode_carried *carried)
{
    int64_t pts_us = in->pts_us, tick;
    AVRational tick_s = {encode->rate_den, encode->rate_num};

    if (pts_us == LIMEF_NO_TIME)
        pts_us = encode->last_us == LIMEF_NO_TIME ? 0 : encode->last_us + us_of_ticks(encode, 1);
    else if (encode->last_us != LIMEF_NO_TIME && pts_us <= encode->last_us)
        pts_us = encode->last_us + 1;
    if (pts_us != in->pts_us)
        LIMEF_COUNT(encode->n_times_fixed, 1);
    if (encode->last_us == LIMEF_NO_TIME)
        encode->origin_us = pts_us;
    tick =
        FFMAX(av_rescale_q(pts_us - encode->origin_us, AV_TIME_BASE_Q, tick_s), encode->next_tick);
    encode->last_us = pts_us;
    encode->next_tick = tick + 1;
    *carried = (struct limef_encode_carried){
        .tick = tick,
        .pts_us = pts_us,
        .duration_us = in->duration_us,
        .entered_us = in->entered_us,
        .wall_us = in->wall_us,
        .flags = in->flags & ~(uint32_t)LIMEF_FRAME_KEY,
    };
    return tick;
}

static int send(struct limef_encode_filter *encode, AVFrame *frame)
{
    int ret = avcodec_send_frame(encode->context, frame), received;

    if (ret == AVERROR(EAGAIN)) { /* left over from a call that was cut short */
        ret = receive_all(encode);
        if (ret != AVERROR_EXIT)
            ret = avcodec_send_frame(encode->context, frame);
    }
    if (ret == AVERROR_EXIT)
        return ret;
    if (ret < 0)
        ret = note_error(encode, ret);
    else
        LIMEF_COUNT(encode->n_encoded, 1);
    received = receive_all(encode);
    return received < 0 ? received : ret;
}

static void reset(struct limef_encode_filter *encode)
{
    avcodec_free_context(&encode->context);
    encode->n_carried = 0;
    encode->next_tick = 0;
    encode->last_us = LIMEF_NO_TIME;
    if (encode->block)
        av_frame_unref(encode->block);
    av_buffer_pool_uninit(&encode->blocks);
}

/* Hands out what is inside; the next frame opens anew. */
static int drain(struct limef_encode_filter *encode)
{
    int ret;

    if (!encode->context)
        return 0;
    ret = encode_last_samples(encode, send);
    if (ret != AVERROR_EXIT) {
        avcodec_send_frame(encode->context, NULL);
        ret = receive_all(encode);
    }
    reset(encode);
    return ret;
}

static int cannot_open(struct limef_encode_filter *encode, const struct limef_frame *in)
{
    struct limef_signal_frame lost;

    LIMEF_COUNT(encode->n_errors, 1);
    limef_signal_frame_set(&lost, LIMEF_SIGNAL_LOST, in->slot, "cannot be encoded");
    lost.code = encode->error = compat_code(encode->error);
    if (limef_pass(&encode->filter, &lost.frame) == AVERROR_EXIT)
        return AVERROR_EXIT;
    lost.signal = LIMEF_SIGNAL_ERROR;
    limef_report(&lost);
    return encode->error;
}

static bool is_another_time(const struct limef_encode_filter *encode, const struct limef_frame *in)
{
    return encode->last_us != LIMEF_NO_TIME && in->pts_us != LIMEF_NO_TIME &&
           (in->pts_us < encode->last_us - MAX_BACK_US ||
            in->pts_us > encode->last_us + MAX_AHEAD_US);
}

static struct limef_encode_format format_of(const struct limef_decoded_frame *in)
{
    struct limef_encode_format format = {
        .slot = in->frame.slot,
        .media = in->frame.media,
        .track = in->frame.track,
        .format = in->av->format,
        .width = in->av->width,
        .height = in->av->height,
        .colorspace = in->av->colorspace,
        .color_range = in->av->color_range,
        .color_primaries = in->av->color_primaries,
        .color_trc = in->av->color_trc,
        .aspect_num = in->av->sample_aspect_ratio.num,
        .aspect_den = in->av->sample_aspect_ratio.den,
        .sample_rate = in->av->sample_rate,
        .n_channels = in->av->ch_layout.nb_channels,
        .rotation_degrees = in->rotation_degrees,
        .mirrored = in->mirrored,
    };

    if (in->av->ch_layout.order == AV_CHANNEL_ORDER_NATIVE)
        format.channel_mask = in->av->ch_layout.u.mask;
    return format;
}

/* Field by field: the padding of what a function returns is anything. */
static bool is_same_format(const struct limef_encode_format *a, const struct limef_encode_format *b)
{
    return a->slot == b->slot && a->media == b->media && a->track == b->track &&
           a->format == b->format && a->width == b->width && a->height == b->height &&
           a->colorspace == b->colorspace && a->color_range == b->color_range &&
           a->color_primaries == b->color_primaries && a->color_trc == b->color_trc &&
           a->aspect_num == b->aspect_num && a->aspect_den == b->aspect_den &&
           a->sample_rate == b->sample_rate && a->n_channels == b->n_channels &&
           a->rotation_degrees == b->rotation_degrees && a->mirrored == b->mirrored &&
           a->channel_mask == b->channel_mask;
}

/* Opens for frames like this one, unless that is open already. */
static int follow(struct limef_encode_filter *encode, const struct limef_decoded_frame *in)
{
    struct limef_encode_format format = format_of(in);
    bool is_same = is_same_format(&format, &encode->format);

    if (is_same && encode->error < 0) {
        LIMEF_COUNT(encode->n_errors, 1);
        return encode->error;
    }
    if (is_same && encode->context && !is_another_time(encode, &in->frame))
        return 0;
    if (drain(encode) == AVERROR_EXIT)
        return AVERROR_EXIT;
    encode->format = format;
    encode->error = encode_open(encode, in);
    if (encode->error < 0) {
        int ret = cannot_open(encode, &in->frame);

        if (encode->error == AVERROR(ENOMEM))
            encode->error = 0; /* the next frame tries again */
        return ret;
    }
    LIMEF_COUNT(encode->n_opened, 1);
    return limef_pass(&encode->filter, &encode->codec.frame);
}

static int take_picture(struct limef_encode_filter *encode, const struct limef_decoded_frame *in)
{
    struct limef_encode_carried *carried =
        &encode->carried[encode->n_carried % LIMEF_ENCODE_MAX_INSIDE];
    int ret;

    encode_borrow(encode, in);
    encode->shell->pts = place(encode, &in->frame, carried);
    encode->n_carried++;
    if (in->frame.flags & LIMEF_FRAME_DISCONTINUITY)
        encode->shell->pict_type = AV_PICTURE_TYPE_I;
    ret = send(encode, encode->shell);
    encode_give_back(encode->shell);
    return ret;
}

static int take_signal(struct limef_encode_filter *encode, const struct limef_signal_frame *signal)
{
    int ret = 0;

    if (signal->frame.slot != encode->format.slot) /* another stream's */
        return limef_pass(&encode->filter, &signal->frame);
    switch (signal->signal) {
    case LIMEF_SIGNAL_FLUSH:
        reset(encode);
        break;
    case LIMEF_SIGNAL_END:
    case LIMEF_SIGNAL_STOP:
        ret = drain(encode);
        break;
    default:
        break;
    }
    return ret == AVERROR_EXIT ? ret : limef_pass(&encode->filter, &signal->frame);
}

static int encode_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct limef_encode_filter *encode = encode_of(filter);
    struct limef_decoded_frame decoded;
    int ret;

    if (in->frame_class == LIMEF_FRAME_SIGNAL)
        return take_signal(encode, limef_signal_frame_from(in));
    if (in->frame_class != LIMEF_FRAME_DECODED || in->media != encode->media)
        return limef_pass(filter, in);
    decoded = *limef_decoded_frame_from(in);
    ret = fetch_if_needed(&decoded, &encode->fetched, filter);
    if (ret < 0)
        return ret;
    ret = follow(encode, &decoded);
    if (ret == AVERROR_EXIT || !encode->context)
        return ret;
    return in->media == LIMEF_MEDIA_VIDEO ? take_picture(encode, &decoded)
                                          : encode_samples(encode, &decoded, send);
}

static void encode_clear(struct limef_filter *filter)
{
    struct limef_encode_filter *encode = encode_of(filter);

    avcodec_free_context(&encode->context);
    av_frame_free(&encode->shell);
    av_frame_free(&encode->block);
    av_frame_free(&encode->fetched);
    av_buffer_pool_uninit(&encode->blocks);
    limef_payload_unref(encode->out.frame.payload);
    limef_payload_unref(encode->codec.frame.payload);
    limef_payload_unref(encode->spare);
    limef_pool_release(encode->packets);
    limef_pool_release(encode->codecs);
    *encode = (struct limef_encode_filter){0};
}

static uint64_t mix(uint64_t hash, const void *bytes, size_t n) /* FNV-1a */
{
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3U;
    return hash;
}

static uint64_t encode_fingerprint(const struct limef_filter *filter)
{
    const struct limef_encode_settings *settings =
        &LIMEF_CONTAINER_OF(filter, const struct limef_encode_filter, filter)->settings;
    int64_t numbers[] = {settings->bit_rate, settings->quality, settings->gop, settings->n_threads};
    uint64_t hash = mix(0xcbf29ce484222325U, numbers, sizeof(numbers));

    hash = mix(hash, settings->codec, strlen(settings->codec) + 1);
    return settings->options ? mix(hash, settings->options, strlen(settings->options)) : hash;
}

static unsigned encode_counts(const struct limef_filter *filter, struct limef_filter_count *counts)
{
    const struct limef_encode_filter *encode =
        LIMEF_CONTAINER_OF(filter, const struct limef_encode_filter, filter);
    const struct limef_filter_count now[] = {
        {"errors", LIMEF_COUNTED(encode->n_errors)},
        {"times_fixed", LIMEF_COUNTED(encode->n_times_fixed)},
        {"opened", LIMEF_COUNTED(encode->n_opened)},
    };

    return filter_counts(counts, now, sizeof(now));
}

static const struct limef_filter_ops encode_ops = {.kind = "encode",
                                                   .flags = LIMEF_FILTER_SELF_THREADED,
                                                   .go = encode_go,
                                                   .clear = encode_clear,
                                                   .fingerprint = encode_fingerprint,
                                                   .counts = encode_counts};

int limef_encode_filter_init(struct limef_encode_filter *encode, const char *name,
                             const struct limef_encode_settings *settings)
{
    int ret;

    name = name ? name : encode_ops.kind;
    encode->settings = *settings;
    ret = encode_choose(encode, name);
    if (ret < 0) {
        *encode = (struct limef_encode_filter){0};
        return ret;
    }
    limef_filter_init(&encode->filter, &encode_ops, name);
    encode->last_us = LIMEF_NO_TIME;
    encode->shell = memory_new_av_frame();
    encode->packets = limef_pool_create(LIMEF_FRAME_PACKET);
    encode->codecs = limef_pool_create(LIMEF_FRAME_CODEC);
    if (encode->media == LIMEF_MEDIA_AUDIO)
        encode->block = memory_new_av_frame();
    if (!encode->shell || !encode->packets || !encode->codecs ||
        (encode->media == LIMEF_MEDIA_AUDIO && !encode->block)) {
        encode_clear(&encode->filter);
        return limef_fail(AVERROR(ENOMEM), name, "init");
    }
    return 0;
}

void limef_encode_get_counters(const struct limef_encode_filter *encode,
                               struct limef_encode_counters *counters)
{
    *counters = (struct limef_encode_counters){
        .n_frames = LIMEF_COUNTED(encode->n_encoded),
        .n_packets = LIMEF_COUNTED(encode->n_packets),
        .n_bytes = LIMEF_COUNTED(encode->n_bytes),
        .n_errors = LIMEF_COUNTED(encode->n_errors),
        .n_opened = LIMEF_COUNTED(encode->n_opened),
        .n_times_fixed = LIMEF_COUNTED(encode->n_times_fixed),
    };
}
