/* SPDX-License-Identifier: MIT */
/*
 * What is given to libavcodec: a frame as it is, or samples in blocks.
 */
#include "filter/encode_private.h"

#include "base/memory_private.h"

#include <limef/base/log.h>
#include <limef/frame/decoded.h>

#include <libavcodec/avcodec.h>
#include <libavutil/imgutils.h>
#include <libavutil/mathematics.h>
#include <libavutil/samplefmt.h>

#define MAX_JITTER_MS 2 /* of samples' times: rounding in containers, not a gap */

static uint64_t payload_bytes(const AVFrame *frame)
{
    int n = frame->nb_samples > 0
                ? av_samples_get_buffer_size(NULL, frame->ch_layout.nb_channels, frame->nb_samples,
                                             frame->format, 1)
                : av_image_get_buffer_size(frame->format, frame->width, frame->height, 1);

    return n > 0 ? (uint64_t)n : 0;
}

void encode_borrow(struct limef_encode_filter *encode, const struct limef_decoded_frame *in)
{
    const AVFrame *from = in->av;
    AVFrame *shell = encode->shell;
    bool is_counted = in->frame.payload && from->buf[0];

    for (int i = 0; i < AV_NUM_DATA_POINTERS; i++) {
        shell->data[i] = from->data[i];
        shell->linesize[i] = from->linesize[i];
        shell->buf[i] = is_counted ? from->buf[i] : NULL;
    }
    shell->format = encode->media == LIMEF_MEDIA_VIDEO ? encode->context->pix_fmt : from->format;
    shell->width = from->width;
    shell->height = from->height;
    shell->sample_aspect_ratio = from->sample_aspect_ratio;
    shell->color_range = from->color_range;
    shell->color_primaries = from->color_primaries;
    shell->color_trc = from->color_trc;
    shell->colorspace = from->colorspace;
    shell->chroma_location = from->chroma_location;
    shell->nb_samples = from->nb_samples;
    shell->sample_rate = from->sample_rate;
    if (encode->media == LIMEF_MEDIA_AUDIO)
        shell->ch_layout = from->ch_layout;
    if (!is_counted)
        LIMEF_COUNT(encode->filter.copied_bytes, payload_bytes(from));
}

void encode_give_back(AVFrame *shell)
{
    for (int i = 0; i < AV_NUM_DATA_POINTERS; i++)
        shell->buf[i] = NULL;
    shell->ch_layout = (AVChannelLayout){0};
    av_frame_unref(shell);
}

/* The tick of a frame's first sample. What waits in the block is before it. */
static int64_t tick_of(struct limef_encode_filter *encode, const struct limef_frame *in)
{
    int64_t n_waiting = encode->block->nb_samples;
    int64_t expected = encode->next_tick + n_waiting, tick;

    if (encode->last_us == LIMEF_NO_TIME)
        encode->origin_us = in->pts_us == LIMEF_NO_TIME ? 0 : in->pts_us;
    if (in->pts_us == LIMEF_NO_TIME) {
        LIMEF_COUNT(encode->n_times_fixed, 1);
        return expected;
    }
    tick = av_rescale(in->pts_us - encode->origin_us, encode->rate_num, 1000000);
    if (FFABS(tick - expected) * 1000 <= (int64_t)MAX_JITTER_MS * encode->rate_num)
        return expected;
    if (tick < expected)
        LIMEF_COUNT(encode->n_times_fixed, 1);
    return FFMAX(tick, encode->next_tick + n_waiting);
}

static void carry(struct limef_encode_filter *encode, const struct limef_frame *in)
{
    struct limef_encode_carried *carried =
        &encode->carried[encode->n_carried++ % LIMEF_ENCODE_MAX_INSIDE];

    *carried = (struct limef_encode_carried){
        .tick = encode->next_tick,
        .pts_us = encode->origin_us + av_rescale(encode->next_tick, 1000000, encode->rate_num),
        .entered_us = in->entered_us,
        .wall_us = in->wall_us,
        .flags = in->flags & ~(uint32_t)LIMEF_FRAME_KEY,
    };
}

static AVBufferRef *make_buffer(void *encode, size_t size_bytes)
{
    (void)encode;
    return memory_permits() ? av_buffer_alloc(size_bytes) : NULL;
}

/* Gives the block memory for so many samples, if it has none. Returns 0, or AVERROR(ENOMEM). */
static int prepare_block(struct limef_encode_filter *encode, const AVFrame *like, int n_samples)
{
    AVFrame *block = encode->block;
    int n_channels = like->ch_layout.nb_channels;
    int size_bytes = av_samples_get_buffer_size(NULL, n_channels, n_samples, like->format, 0);

    if (block->buf[0])
        return 0;
    if (!encode->blocks && memory_permits())
        encode->blocks = av_buffer_pool_init2((size_t)size_bytes, encode, make_buffer, NULL);
    block->buf[0] = encode->blocks ? av_buffer_pool_get(encode->blocks) : NULL;
    if (!block->buf[0])
        return AVERROR(ENOMEM);
    block->format = like->format;
    block->sample_rate = like->sample_rate;
    av_channel_layout_copy(&block->ch_layout, &like->ch_layout);
    av_samples_fill_arrays(block->data, block->linesize, block->buf[0]->data, n_channels, n_samples,
                           like->format, 0);
    return 0;
}

static int send_block(struct limef_encode_filter *encode, encode_send_fn *send)
{
    AVFrame *block = encode->block;
    int n_samples = block->nb_samples, ret;

    block->pts = encode->next_tick;
    encode->next_tick += n_samples;
    ret = send(encode, block);
    av_frame_unref(block);
    return ret;
}

/* Fills blocks, and sends those that are full. */
static int put_together(struct limef_encode_filter *encode, const struct limef_decoded_frame *in,
                        int block_samples, encode_send_fn *send)
{
    const AVFrame *from = in->av;
    int last = 0;

    for (int done = 0, n; done < from->nb_samples; done += n) {
        int filled = encode->block->nb_samples, ret;

        ret = prepare_block(encode, from, block_samples);
        if (ret < 0)
            return limef_fail(ret, encode->filter.name, "samples were lost");
        if (filled == 0)
            carry(encode, &in->frame);
        n = FFMIN(from->nb_samples - done, block_samples - filled);
        av_samples_copy(encode->block->extended_data, from->extended_data, filled, done, n,
                        from->ch_layout.nb_channels, from->format);
        encode->block->nb_samples = filled + n;
        if (filled + n < block_samples)
            continue;
        ret = send_block(encode, send);
        if (ret == AVERROR_EXIT)
            return ret;
        if (ret < 0)
            last = ret;
    }
    LIMEF_COUNT(encode->filter.copied_bytes, payload_bytes(from));
    return last;
}

int encode_samples(struct limef_encode_filter *encode, const struct limef_decoded_frame *in,
                   encode_send_fn *send)
{
    bool is_free = encode->encoder->capabilities & AV_CODEC_CAP_VARIABLE_FRAME_SIZE;
    int block_samples = is_free ? 0 : encode->context->frame_size;
    int ret;

    encode->next_tick = tick_of(encode, &in->frame) - encode->block->nb_samples;
    encode->last_us = in->frame.pts_us == LIMEF_NO_TIME ? encode->last_us : in->frame.pts_us;
    if (encode->last_us == LIMEF_NO_TIME)
        encode->last_us = 0;
    if (block_samples > 0 && (encode->block->nb_samples > 0 || in->av->nb_samples != block_samples))
        return put_together(encode, in, block_samples, send);
    carry(encode, &in->frame);
    encode_borrow(encode, in);
    encode->shell->pts = encode->next_tick;
    encode->next_tick += in->av->nb_samples;
    ret = send(encode, encode->shell);
    encode_give_back(encode->shell);
    return ret;
}

int encode_last_samples(struct limef_encode_filter *encode, encode_send_fn *send)
{
    return encode->block && encode->block->nb_samples > 0 ? send_block(encode, send) : 0;
}
