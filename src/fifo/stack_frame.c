/* SPDX-License-Identifier: MIT */
#include "fifo/stack_frame.h"

#include "base/hot.h"
#include "base/memory_private.h"

#include <limef/frame/pool.h>

#include <libavcodec/avcodec.h>
#include <libavutil/imgutils.h>
#include <libavutil/samplefmt.h>
#include <string.h>

/* Plane alignment of copied pictures: what the widest vector units read. */
#define PLANE_ALIGN_BYTES 64

static int memory_reserve(struct limef_stack_frame *stack, size_t bytes)
{
    void *memory;

    if (bytes <= stack->memory_bytes)
        return 0;
    memory = memory_allocate(bytes);
    if (!memory)
        return AVERROR(ENOMEM);
    memory_release(stack->memory);
    stack->memory = memory;
    stack->memory_bytes = bytes;
    LIMEF_COUNT(stack->lane->n_allocations, 1);
    return 0;
}

static int copy_packet(struct limef_stack_frame *stack, const struct limef_packet_frame *from)
{
    int ret = memory_reserve(stack, from->size_bytes + AV_INPUT_BUFFER_PADDING_SIZE);

    if (ret < 0)
        return ret;
    if (from->size_bytes)
        memcpy(stack->memory, from->data, from->size_bytes);
    memset((uint8_t *)stack->memory + from->size_bytes, 0, AV_INPUT_BUFFER_PADDING_SIZE);
    stack->any.packet.data = stack->memory;
    stack->any.packet.av = NULL;
    LIMEF_COUNT(stack->lane->copied_bytes, from->size_bytes);
    return 0;
}

/* Bytes of a picture or of samples, without what aligns them. */
static uint64_t av_bytes(const AVFrame *av)
{
    int bytes = av->nb_samples > 0 ? av_samples_get_buffer_size(NULL, av->ch_layout.nb_channels,
                                                                av->nb_samples, av->format, 1)
                                   : av_image_get_buffer_size(av->format, av->width, av->height, 1);

    return bytes > 0 ? (uint64_t)bytes : 0;
}

static int copy_picture(struct limef_stack_frame *stack, const AVFrame *from)
{
    AVFrame *av = stack->av;
    int bytes =
        av_image_get_buffer_size(from->format, from->width, from->height, PLANE_ALIGN_BYTES);
    int ret = bytes < 0 ? bytes : memory_reserve(stack, (size_t)bytes);

    if (ret < 0)
        return ret;
    av_image_fill_arrays(av->data, av->linesize, stack->memory, from->format, from->width,
                         from->height, PLANE_ALIGN_BYTES);
    av_image_copy(av->data, av->linesize, (const uint8_t **)from->data, from->linesize,
                  from->format, from->width, from->height);
    LIMEF_COUNT(stack->lane->copied_bytes, av_bytes(from));
    return 0;
}

static int copy_samples(struct limef_stack_frame *stack, const AVFrame *from)
{
    AVFrame *av = stack->av;
    int n_channels = from->ch_layout.nb_channels;
    int bytes = av_samples_get_buffer_size(NULL, n_channels, from->nb_samples, from->format, 0);
    int ret = bytes < 0 ? bytes : memory_reserve(stack, (size_t)bytes);

    if (ret < 0)
        return ret;
    if (av_sample_fmt_is_planar(from->format) && n_channels > AV_NUM_DATA_POINTERS)
        return AVERROR(EINVAL);
    av_samples_fill_arrays(av->data, av->linesize, stack->memory, n_channels, from->nb_samples,
                           from->format, 0);
    av_samples_copy(av->data, from->extended_data, 0, 0, from->nb_samples, n_channels,
                    from->format);
    LIMEF_COUNT(stack->lane->copied_bytes, av_bytes(from));
    return 0;
}

static int copy_decoded(struct limef_stack_frame *stack, const AVFrame *from)
{
    int ret;

    if (!from)
        return AVERROR(EINVAL);
    if (!stack->av && !(stack->av = memory_new_av_frame()))
        return AVERROR(ENOMEM);
    if (from->buf[0]) /* libavutil counts it: a reference will do */
        return memory_permits() ? av_frame_ref(stack->av, from) : AVERROR(ENOMEM);
    ret = av_frame_copy_props(stack->av, from);
    stack->av->format = from->format;
    stack->av->width = from->width;
    stack->av->height = from->height;
    stack->av->nb_samples = from->nb_samples;
    if (ret >= 0 && from->nb_samples > 0)
        ret = av_channel_layout_copy(&stack->av->ch_layout, &from->ch_layout);
    if (ret < 0)
        return ret;
    return from->nb_samples > 0 ? copy_samples(stack, from) : copy_picture(stack, from);
}

static int copy_codec(struct limef_stack_frame *stack, const struct limef_codec_frame *from)
{
    struct limef_lane *lane = stack->lane;
    struct limef_payload *payload;
    int ret;

    if (!from->parameters)
        return AVERROR(EINVAL);
    if (!lane->codecs && !(lane->codecs = limef_pool_create(LIMEF_FRAME_CODEC)))
        return AVERROR(ENOMEM);
    payload = limef_pool_get(lane->codecs);
    if (!payload)
        return AVERROR(ENOMEM);
    ret = avcodec_parameters_copy(limef_payload_codec(payload), from->parameters);
    if (ret < 0) {
        limef_payload_unref(payload);
        return ret;
    }
    stack->any.frame.payload = payload;
    stack->any.codec.parameters = limef_payload_codec(payload);
    return 0;
}

static APART int copy_uncounted(struct limef_stack_frame *stack, const struct limef_frame *from)
{
    int ret;

    switch (from->frame_class) {
    case LIMEF_FRAME_PACKET:
        return copy_packet(stack, limef_packet_frame_from(from));
    case LIMEF_FRAME_DECODED:
        ret = copy_decoded(stack, limef_decoded_frame_from(from)->av);
        stack->any.decoded.av = stack->av;
        return ret;
    case LIMEF_FRAME_CODEC:
        return copy_codec(stack, limef_codec_frame_from(from));
    default:
        return 0;
    }
}

/* Sizes that the compiler knows: a few moves instead of a call. */
static void copy_struct(union limef_any_frame *to, const struct limef_frame *from)
{
    switch (from->frame_class) {
    case LIMEF_FRAME_PACKET:
        memcpy(to, from, sizeof(struct limef_packet_frame));
        break;
    case LIMEF_FRAME_DECODED:
        memcpy(to, from, sizeof(struct limef_decoded_frame));
        break;
    default:
        memcpy(to, from, limef_frame_size_bytes(from->frame_class));
        break;
    }
}

HOT int stack_frame_adapt(struct limef_stack_frame *stack, const struct limef_frame *from)
{
    int ret;

    copy_struct(&stack->any, from);
    if (from->payload) {
        limef_payload_ref(from->payload);
        return 0;
    }
    ret = copy_uncounted(stack, from);
    if (ret < 0)
        stack_frame_empty(stack);
    return ret;
}

HOT void stack_frame_empty(struct limef_stack_frame *stack)
{
    struct limef_payload *payload = stack->any.frame.payload;

    stack->any.frame.frame_class = LIMEF_FRAME_EMPTY;
    stack->any.frame.payload = NULL;
    if (payload)
        limef_payload_unref(payload);
    else if (stack->av)
        av_frame_unref(stack->av);
}

void stack_frame_clear(struct limef_stack_frame *stack)
{
    stack_frame_empty(stack);
    av_frame_free(&stack->av);
    memory_release(stack->memory);
    *stack = (struct limef_stack_frame){.memory = NULL};
}

uint64_t frame_payload_bytes(const struct limef_frame *frame)
{
    const struct limef_packet_frame *packet = limef_packet_frame_from(frame);
    const struct limef_decoded_frame *decoded = limef_decoded_frame_from(frame);
    uint64_t bytes = 0;

    if (packet)
        return packet->size_bytes;
    if (!decoded || !decoded->av)
        return 0;
    for (int i = 0; i < AV_NUM_DATA_POINTERS && decoded->av->buf[i]; i++)
        bytes += (uint64_t)decoded->av->buf[i]->size;
    return bytes ? bytes : av_bytes(decoded->av);
}
