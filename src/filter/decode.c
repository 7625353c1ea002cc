/* SPDX-License-Identifier: MIT */
#include <limef/filter/decode.h>

#include "filter/decode_private.h"
#include "filter/filter_kinds.h"
#include "filter/fingerprint.h"

#include "base/memory_private.h"
#include "frame/av_compat.h"
#include "frame/orientation.h"

#include <limef/base/log.h>
#include <limef/frame/buffer_source.h>
#include <limef/frame/pool.h>

#include <libavutil/common.h>

#define MAX_ERRORS 64 /* in a row, while draining; then it is given up */

static struct limef_decode_filter *decode_of(struct limef_filter *filter)
{
    return LIMEF_CONTAINER_OF(filter, struct limef_decode_filter, filter);
}

/* Says the 1st, 2nd, 4th, 8th, ... of many failures. */
static bool is_worth_a_line(uint64_t n)
{
    return (n & (n - 1)) == 0;
}

static int note_error(struct limef_decode_filter *decode, int code)
{
    uint64_t n;

    if (code != AVERROR_INVALIDDATA) {
        LIMEF_COUNT(decode->n_errors, 1);
        n = LIMEF_COUNTED(decode->n_errors);
        if (is_worth_a_line(n))
            limef_fail(code, decode->filter.name, "cannot decode");
        return compat_code(code);
    }
    LIMEF_COUNT(decode->n_corrupt, 1);
    n = LIMEF_COUNTED(decode->n_corrupt);
    if (is_worth_a_line(n))
        limef_log(LIMEF_LOG_WARNING, decode->filter.name, "%llu damaged packets so far",
                  (unsigned long long)n);
    return code;
}

/* Wrappers around the decoders of others carry times and nothing else. */
static const struct limef_decode_carried *find_by_time(const struct limef_decode_filter *decode,
                                                       int64_t pts_us)
{
    const struct limef_decode_carried *found = NULL;

    for (int i = 0; i < LIMEF_DECODE_MAX_INSIDE; i++) {
        const struct limef_decode_carried *carried = &decode->carried[i];

        if (carried->tag > 0 && carried->pts_us == pts_us && (!found || carried->tag > found->tag))
            found = carried;
    }
    return found;
}

const struct limef_decode_carried *decode_carried_of(const struct limef_decode_filter *decode,
                                                     const AVFrame *picture)
{
    int64_t tag = compat_carried(picture);
    const struct limef_decode_carried *carried =
        &decode->carried[(uint64_t)tag % LIMEF_DECODE_MAX_INSIDE];

    if (tag > 0 && carried->tag == tag)
        return carried;
    return decode_is_wrapper(decode) && picture->pts != AV_NOPTS_VALUE
               ? find_by_time(decode, picture->pts)
               : NULL;
}

/* What the picture has from its packet, and from the codec frame where it says nothing itself. */
static void describe(struct limef_decode_filter *decode, AVFrame *picture)
{
    struct limef_decoded_frame *out = &decode->out;
    const struct limef_decode_carried *carried = decode_carried_of(decode, picture);
    const AVFrameSideData *matrix = av_frame_get_side_data(picture, AV_FRAME_DATA_DISPLAYMATRIX);

    out->frame.slot = decode->codec.frame.slot;
    out->frame.media = decode->codec.frame.media;
    out->frame.track = decode->codec.frame.track;
    out->frame.pts_us = picture->best_effort_timestamp;
    out->frame.duration_us = compat_frame_duration(picture);
    if (carried) {
        out->frame.entered_us = carried->entered_us;
        out->frame.wall_us = carried->wall_us;
        out->frame.flags = carried->flags;
    }
    if (compat_frame_is_key(picture))
        out->frame.flags |= LIMEF_FRAME_KEY;
    if (picture->flags & AV_FRAME_FLAG_CORRUPT || picture->decode_error_flags)
        out->frame.flags |= LIMEF_FRAME_CORRUPT;
    out->rotation_degrees = decode->codec.rotation_degrees;
    out->mirrored = decode->codec.mirrored;
    if (matrix && matrix->size >= 9 * sizeof(int32_t))
        orientation_from_matrix((const int32_t *)(const void *)matrix->data, &out->rotation_degrees,
                                &out->mirrored);
    if (picture->sample_aspect_ratio.num == 0 && decode->codec.aspect_num > 0)
        picture->sample_aspect_ratio =
            (AVRational){decode->codec.aspect_num, decode->codec.aspect_den};
}

/* Whether an exact seek wants none of it. */
static bool is_before_target(struct limef_decode_filter *decode)
{
    const struct limef_frame *frame = &decode->out.frame;
    bool is_audio = frame->media == LIMEF_MEDIA_AUDIO;

    if (decode->drop_before_us == LIMEF_NO_TIME || frame->pts_us == LIMEF_NO_TIME)
        return false;
    /* samples sound until the end of their block, a picture is shown when its time has come */
    if (frame->pts_us + (is_audio ? frame->duration_us - 1 : 0) < decode->drop_before_us)
        return true;
    decode->drop_before_us = LIMEF_NO_TIME;
    return false;
}

/* Whether its packet was there for the sake of others: some decoders hand it out all the same. */
static bool is_unwanted(const AVFrame *picture)
{
    return picture->flags & AV_FRAME_FLAG_DISCARD;
}

static int pass_picture(struct limef_decode_filter *decode, struct limef_payload *payload)
{
    limef_payload_unref(decode->out.frame.payload);
    limef_decoded_frame_set(&decode->out, payload);
    if (decode->hardware.kept && !decode_hardware_admit(decode, limef_payload_picture(payload)))
        return 0;
    describe(decode, limef_payload_picture(payload));
    if (is_unwanted(limef_payload_picture(payload)) || is_before_target(decode)) {
        LIMEF_COUNT(decode->n_dropped_seek, 1);
        return 0;
    }
    if (decode->out.frame.flags & LIMEF_FRAME_BURST)
        return decode_hold_burst(decode);
    decode_go_forward(decode);
    LIMEF_COUNT(decode->n_decoded, 1);
    atomic_store_explicit(&decode->last_frame_us, limef_now_us(), memory_order_relaxed);
    return limef_pass(&decode->filter, &decode->out.frame);
}

/* Passes on what is ready. Returns 0, AVERROR_EXIT, or the last error there was. */
static int receive_all(struct limef_decode_filter *decode)
{
    int ret, last = 0, n_errors = 0;
    bool failed;

    while (n_errors < MAX_ERRORS) {
        struct limef_payload *payload =
            decode->spare ? decode->spare : limef_pool_get(decode->pictures);

        decode->spare = NULL;
        if (!payload)
            return note_error(decode, AVERROR(ENOMEM));
        decode_hardware_begin(decode);
        ret = avcodec_receive_frame(decode->context, limef_payload_picture(payload));
        failed = decode_hardware_failed(decode, ret);
        if (ret >= 0) {
            ret = pass_picture(decode, payload);
            if (ret == AVERROR_EXIT)
                return ret;
        } else {
            decode->spare = payload;
            if (ret == AVERROR(EAGAIN) || ret == AVERROR_EOF)
                break;
            if (!failed)
                note_error(decode, ret);
            n_errors++;
        }
        if (ret < 0)
            last = ret;
    }
    return last;
}

int decode_drain(struct limef_decode_filter *decode)
{
    int ret;

    if (!decode->context)
        return 0;
    avcodec_send_packet(decode->context, NULL);
    ret = receive_all(decode);
    decode_hardware_count_lost(decode);
    decode_flush(decode);
    return ret;
}

/* Makes the shell look like the packet; libavcodec takes references of its own during the call. */
static void borrow(struct limef_decode_filter *decode, const struct limef_packet_frame *packet)
{
    struct limef_decode_carried *carried =
        &decode->carried[(uint64_t)++decode->tag % LIMEF_DECODE_MAX_INSIDE];
    AVPacket *shell = decode->shell;

    shell->data = (uint8_t *)packet->data;
    shell->size = (int)packet->size_bytes;
    shell->pts = packet->frame.pts_us;
    shell->dts = packet->dts_us;
    shell->duration = packet->frame.duration_us;
    shell->flags = packet->frame.flags & LIMEF_FRAME_KEY ? AV_PKT_FLAG_KEY : 0;
    if (packet->frame.flags & LIMEF_FRAME_CORRUPT)
        shell->flags |= AV_PKT_FLAG_CORRUPT;
    if (packet->av) {
        shell->flags |= packet->av->flags & AV_PKT_FLAG_DISCARD;
        shell->side_data = packet->av->side_data;
        shell->side_data_elems = packet->av->side_data_elems;
    }
    if (packet->av && packet->frame.payload)
        shell->buf = packet->av->buf;
    if (!shell->buf)
        LIMEF_COUNT(decode->filter.copied_bytes, packet->size_bytes);
    compat_carry(decode->context, shell, decode->tag);
    *carried = (struct limef_decode_carried){
        .tag = decode->tag,
        .serial = decode->hardware.serial,
        .pts_us = packet->frame.pts_us,
        .entered_us = packet->frame.entered_us,
        .wall_us = packet->frame.wall_us,
        .flags = packet->frame.flags & ~(uint32_t)(LIMEF_FRAME_KEY | LIMEF_FRAME_CORRUPT),
        .is_inside = true,
    };
}

static void give_back(AVPacket *shell)
{
    shell->buf = NULL;
    shell->side_data = NULL;
    shell->side_data_elems = 0;
    av_packet_unref(shell);
}

static int send(struct limef_decode_filter *decode, const struct limef_packet_frame *packet)
{
    bool is_early = decode->drop_before_us != LIMEF_NO_TIME &&
                    packet->frame.pts_us != LIMEF_NO_TIME &&
                    packet->frame.pts_us < decode->drop_before_us;
    int ret;

    /* on the way to the target, what no other picture refers to need not be decoded */
    decode->context->skip_frame =
        is_early || packet->frame.flags & LIMEF_FRAME_BURST ? AVDISCARD_NONREF : AVDISCARD_DEFAULT;
    decode->is_fresh = decode->is_empty = false;
    borrow(decode, packet);
    decode_hardware_begin(decode);
    ret = avcodec_send_packet(decode->context, decode->shell);
    if (ret == AVERROR(EAGAIN)) { /* left over from a call that was cut short */
        ret = receive_all(decode);
        decode_hardware_begin(decode);
        if (ret != AVERROR_EXIT)
            ret = avcodec_send_packet(decode->context, decode->shell);
    }
    give_back(decode->shell);
    LIMEF_COUNT(decode->n_packets, 1);
    if (decode_hardware_failed(decode, ret))
        return ret;
    return ret < 0 && ret != AVERROR_EXIT ? note_error(decode, ret) : ret;
}

/* Hands out what a decoder on several cores has inside. Returns last, or an error that came since.
 */
static int push_all(struct limef_decode_filter *decode, int last)
{
    for (int i = 1; i < decode->context->thread_count && last != AVERROR_EXIT; i++) {
        int ret = decode_push(decode);

        if (ret >= 0)
            ret = receive_all(decode);
        last = ret < 0 ? ret : last;
    }
    return last;
}

int decode_packet(struct limef_decode_filter *decode, const struct limef_packet_frame *packet)
{
    uint64_t n_passed = LIMEF_COUNTED(decode->n_decoded);
    bool is_burst = packet->frame.flags & LIMEF_FRAME_BURST;
    int sent = send(decode, packet), received;

    if (sent == AVERROR_EXIT)
        return sent;
    received = receive_all(decode);
    if (decode_is_parallel(decode) && !is_burst && received != AVERROR_EXIT)
        received = push_all(decode, received);
    if (decode->burst.av && !is_burst && received != AVERROR_EXIT)
        received = decode_end_burst(decode, received, n_passed);
    return received < 0 ? received : sent;
}

static int take_packet(struct limef_decode_filter *decode, const struct limef_packet_frame *packet)
{
    const struct limef_frame *codec = &decode->codec.frame;
    const struct limef_decode_hardware *hardware = &decode->hardware;
    bool is_ours = packet->frame.slot == codec->slot && packet->frame.track == codec->track;
    bool is_key = is_ours && packet->frame.flags & LIMEF_FRAME_KEY;
    bool ends_hole = is_key && codec->media == LIMEF_MEDIA_VIDEO &&
                     (decode->is_after_gap || packet->frame.flags & LIMEF_FRAME_DISCONTINUITY);
    int ret;

    if (is_key)
        decode->is_after_gap = decode->leads = false;
    /* without bytes a packet would mean the end of the stream to libavcodec */
    if (!decode->context || packet->size_bytes == 0 || packet->size_bytes > INT32_MAX || !is_ours ||
        decode->is_after_gap) {
        LIMEF_COUNT(decode->n_ignored, 1);
        return 0;
    }
    ret = ends_hole ? decode_cut(decode, packet) : 0;
    if (ret == AVERROR_EXIT || !decode->context)
        return ret;
    if (decode_is_leading(decode, packet)) {
        LIMEF_COUNT(decode->n_dropped_leading, 1);
        return 0;
    }
    ret = packet->frame.flags & LIMEF_FRAME_BURST ? decode_begin_burst(decode) : 0;
    if (ret < 0)
        return ret;
    /* before libavcodec looks for room for the next one: memory that was just written is the best
     */
    limef_payload_unref(decode->out.frame.payload);
    decode->out.frame.payload = NULL;
    return hardware->kept ? decode_hardware_take(decode, packet) : decode_packet(decode, packet);
}

static int take_codec(struct limef_decode_filter *decode, const struct limef_codec_frame *codec)
{
    bool is_same = decode->context && decode_is_same_stream(decode->parameters, codec->parameters);
    int ret;

    if (!is_same) {
        if (decode_hardware_end(decode) == AVERROR_EXIT)
            return AVERROR_EXIT;
        decode_forget_burst(decode);
        avcodec_free_context(&decode->context);
        decode_hardware_reset(decode);
    }
    decode->codec = *codec;
    decode->codec.frame.payload = NULL;
    decode->codec.parameters = decode->parameters;
    if (is_same)
        return 0;
    decode->is_parallel = false;
    ret = decode_remember(decode, codec->parameters);
    if (ret == 0)
        ret = decode_open(decode, codec);
    if (ret < 0 && decode_is_wrapper(decode))
        ret = decode_hardware_refused(decode, ret);
    if (ret < 0)
        return decode_cannot_open(decode, codec, ret);
    decode->is_fresh = true;
    LIMEF_COUNT(decode->n_codec_changes, 1);
    return decode_hardware_opened(decode);
}

static int take_signal(struct limef_decode_filter *decode, const struct limef_signal_frame *signal)
{
    int ret = 0;

    switch (signal->signal) {
    case LIMEF_SIGNAL_FLUSH:
        if (decode->context)
            decode_flush(decode);
        decode_hardware_clear(decode);
        decode_forget_burst(decode);
        decode->drop_before_us = signal->value;
        decode->is_after_gap = decode->leads = decode->has_passed = false;
        break;
    case LIMEF_SIGNAL_GAP:
        decode->is_after_gap |= decode_is_cut_by(decode, &signal->frame);
        break;
    case LIMEF_SIGNAL_DEPTH:
        decode->n_behind = (unsigned)av_clip64(signal->value, 1, LIMEF_DECODE_MAX_BEHIND);
        break;
    case LIMEF_SIGNAL_END:
    case LIMEF_SIGNAL_STOP:
        ret = decode_hardware_end(decode);
        break;
    default:
        break;
    }
    return ret == AVERROR_EXIT ? ret : limef_pass(&decode->filter, &signal->frame);
}

static int decode_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct limef_decode_filter *decode = decode_of(filter);

    if (in->frame_class == LIMEF_FRAME_SIGNAL)
        return take_signal(decode, limef_signal_frame_from(in));
    if (in->media != decode->settings.media)
        return 0;
    switch (in->frame_class) {
    case LIMEF_FRAME_PACKET:
        return take_packet(decode, limef_packet_frame_from(in));
    case LIMEF_FRAME_CODEC:
        return take_codec(decode, limef_codec_frame_from(in));
    default:
        return limef_pass(filter, in);
    }
}

static void decode_clear(struct limef_filter *filter)
{
    struct limef_decode_filter *decode = decode_of(filter);

    decode_hardware_reset(decode);
    decode_forget_burst(decode);
    avcodec_free_context(&decode->context);
    av_buffer_unref(&decode->settings.hardware);
    avcodec_parameters_free(&decode->parameters);
    av_packet_free(&decode->shell);
    av_packet_free(&decode->delimiter);
    limef_payload_unref(decode->out.frame.payload);
    limef_payload_unref(decode->spare);
    limef_pool_release(decode->pictures);
    if (decode->settings.buffers)
        limef_payload_unref(&decode->settings.buffers->users);
    *decode = (struct limef_decode_filter){0};
}

static uint64_t decode_fingerprint(const struct limef_filter *filter)
{
    const struct limef_decode_filter *decode =
        LIMEF_CONTAINER_OF(filter, const struct limef_decode_filter, filter);
    const AVCodecParameters *stream = decode->parameters;
    uint64_t hash = fingerprint_mix(FINGERPRINT_START, decode->settings.media);

    hash = fingerprint_mix(hash, decode->settings.n_threads);
    hash = fingerprint_mix(hash, decode->settings.low_delay);
    hash = fingerprint_mix(hash, decode->settings.buffers != NULL);
    hash = fingerprint_mix(hash, (decode->settings.hardware || decode->settings.wrapper) &&
                                     !decode->hardware.is_given_up);
    if (!stream)
        return hash;
    hash = fingerprint_mix(hash, stream->codec_id);
    hash = fingerprint_mix(hash, stream->profile);
    hash = fingerprint_mix(hash, stream->format);
    hash = fingerprint_mix(hash, stream->width);
    hash = fingerprint_mix(hash, stream->height);
    return fingerprint_mix(hash, stream->sample_rate);
}

static const struct limef_filter_ops decode_ops = {.kind = "decode",
                                                   .flags = LIMEF_FILTER_SELF_THREADED |
                                                            LIMEF_FILTER_POOLS,
                                                   .go = decode_go,
                                                   .clear = decode_clear,
                                                   .fingerprint = decode_fingerprint,
                                                   .counts = decode_counts};

struct limef_decode_filter *decode_filter_from(struct limef_filter *filter)
{
    return filter->ops == &decode_ops ? decode_of(filter) : NULL;
}

int limef_decode_filter_init(struct limef_decode_filter *decode, const char *name,
                             const struct limef_decode_settings *settings)
{
    limef_filter_init(&decode->filter, &decode_ops, name);
    if (settings)
        decode->settings = *settings;
    if (decode->settings.buffers)
        limef_payload_ref(&decode->settings.buffers->users);
    if (decode->settings.media != LIMEF_MEDIA_AUDIO)
        decode->settings.media = LIMEF_MEDIA_VIDEO;
    if (settings && settings->hardware)
        decode->settings.hardware = memory_permits() ? av_buffer_ref(settings->hardware) : NULL;
    decode->drop_before_us = LIMEF_NO_TIME;
    decode->pictures = limef_pool_create(LIMEF_FRAME_DECODED);
    if (!decode->pictures || (settings && settings->hardware && !decode->settings.hardware)) {
        decode_clear(&decode->filter);
        return limef_fail(AVERROR(ENOMEM), name ? name : decode_ops.kind, "init");
    }
    return 0;
}
