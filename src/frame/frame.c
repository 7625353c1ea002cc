/* SPDX-License-Identifier: MIT */
#include <limef/frame/any.h>

#include <limef/frame/pool.h>

#include <libavcodec/avcodec.h>
#include <string.h>

size_t limef_frame_size_bytes(enum limef_frame_class frame_class)
{
    switch (frame_class) {
    case LIMEF_FRAME_PACKET:
        return sizeof(struct limef_packet_frame);
    case LIMEF_FRAME_DECODED:
        return sizeof(struct limef_decoded_frame);
    case LIMEF_FRAME_CODEC:
        return sizeof(struct limef_codec_frame);
    case LIMEF_FRAME_SIGNAL:
        return sizeof(struct limef_signal_frame);
    case LIMEF_FRAME_GROUP:
    case LIMEF_FRAME_EMPTY:
        break;
    }
    return sizeof(struct limef_frame);
}

const char *limef_frame_class_name(enum limef_frame_class frame_class)
{
    static const char *const names[] = {"empty", "packet", "decoded", "codec", "signal", "group"};

    return (unsigned)frame_class < sizeof(names) / sizeof(names[0]) ? names[frame_class]
                                                                    : "unknown";
}

static enum limef_media media_of(enum AVMediaType type)
{
    switch (type) {
    case AVMEDIA_TYPE_VIDEO:
        return LIMEF_MEDIA_VIDEO;
    case AVMEDIA_TYPE_AUDIO:
        return LIMEF_MEDIA_AUDIO;
    default:
        return LIMEF_MEDIA_OTHER;
    }
}

void limef_packet_frame_set(struct limef_packet_frame *packet, struct limef_payload *payload)
{
    const AVPacket *av = limef_payload_packet(payload);

    *packet = (struct limef_packet_frame){
        .frame = {.frame_class = LIMEF_FRAME_PACKET, .pts_us = LIMEF_NO_TIME, .payload = payload},
        .dts_us = LIMEF_NO_TIME,
        .data = av->data,
        .size_bytes = (size_t)av->size,
        .av = av,
    };
    if (av->flags & AV_PKT_FLAG_KEY)
        packet->frame.flags |= LIMEF_FRAME_KEY;
    if (av->flags & AV_PKT_FLAG_CORRUPT)
        packet->frame.flags |= LIMEF_FRAME_CORRUPT;
}

void limef_decoded_frame_set(struct limef_decoded_frame *decoded, struct limef_payload *payload)
{
    const AVFrame *av = limef_payload_picture(payload);

    *decoded = (struct limef_decoded_frame){
        .frame = {.frame_class = LIMEF_FRAME_DECODED,
                  .media = av->nb_samples > 0 ? LIMEF_MEDIA_AUDIO : LIMEF_MEDIA_VIDEO,
                  .pts_us = LIMEF_NO_TIME,
                  .payload = payload},
        .av = av,
    };
}

void limef_codec_frame_set(struct limef_codec_frame *codec, struct limef_payload *payload)
{
    const AVCodecParameters *parameters = limef_payload_codec(payload);

    *codec = (struct limef_codec_frame){
        .frame = {.frame_class = LIMEF_FRAME_CODEC,
                  .media = (uint16_t)media_of(parameters->codec_type),
                  .pts_us = LIMEF_NO_TIME,
                  .payload = payload},
        .parameters = parameters,
    };
}

const char *limef_codec_name(const struct AVCodecParameters *parameters)
{
    return parameters ? avcodec_get_name(parameters->codec_id) : "none";
}

void limef_signal_frame_set(struct limef_signal_frame *signal_frame, uint32_t signal, uint32_t slot,
                            const char *text)
{
    *signal_frame = (struct limef_signal_frame){
        .frame = {.frame_class = LIMEF_FRAME_SIGNAL, .slot = slot, .pts_us = LIMEF_NO_TIME},
        .signal = signal,
    };
    if (text)
        strncpy(signal_frame->text, text, sizeof(signal_frame->text) - 1);
}

const char *limef_signal_name(uint32_t signal)
{
    static const char *const names[] = {
        [LIMEF_SIGNAL_NONE] = "none",   [LIMEF_SIGNAL_START] = "start",
        [LIMEF_SIGNAL_STOP] = "stop",   [LIMEF_SIGNAL_FLUSH] = "flush",
        [LIMEF_SIGNAL_END] = "end",     [LIMEF_SIGNAL_LOST] = "lost",
        [LIMEF_SIGNAL_PLAY] = "play",   [LIMEF_SIGNAL_PAUSE] = "pause",
        [LIMEF_SIGNAL_SEEK] = "seek",   [LIMEF_SIGNAL_RATE] = "rate",
        [LIMEF_SIGNAL_STEP] = "step",   [LIMEF_SIGNAL_CHOOSE] = "choose",
        [LIMEF_SIGNAL_GATE] = "gate",   [LIMEF_SIGNAL_SNAPSHOT] = "snapshot",
        [LIMEF_SIGNAL_ERROR] = "error", [LIMEF_SIGNAL_KEY] = "key",
        [LIMEF_SIGNAL_PLAN] = "plan",   [LIMEF_SIGNAL_STATE] = "state",
        [LIMEF_SIGNAL_TRACK] = "track", [LIMEF_SIGNAL_DECODER] = "decoder",
        [LIMEF_SIGNAL_DEPTH] = "depth", [LIMEF_SIGNAL_LATE] = "late",
        [LIMEF_SIGNAL_GAP] = "gap",     [LIMEF_SIGNAL_STUCK] = "stuck",
    };

    if (signal < sizeof(names) / sizeof(names[0]))
        return names[signal];
    return signal >= LIMEF_SIGNAL_USER ? "user" : "unknown";
}

int limef_any_frame_ref(union limef_any_frame *any, const struct limef_frame *from)
{
    bool refers = from->frame_class != LIMEF_FRAME_SIGNAL && from->frame_class != LIMEF_FRAME_EMPTY;

    if (refers && !from->payload)
        return AVERROR(EINVAL);
    memcpy(any, from, limef_frame_size_bytes(from->frame_class));
    limef_payload_ref(from->payload);
    return 0;
}

void limef_any_frame_clear(union limef_any_frame *any)
{
    struct limef_payload *payload = any->frame.payload;

    *any = (union limef_any_frame){0};
    limef_payload_unref(payload);
}
