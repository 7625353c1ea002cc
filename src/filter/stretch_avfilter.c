/* SPDX-License-Identifier: MIT */
/*
 * A graph of libavfilter's: source, atempo, sink.
 *
 * atempo moves pieces of sound to where they fit, by up to half of its window, and says nothing
 * about it. So interleaved floats get two more channels: each frame's number, and a constant, both
 * far too faint to matter. What comes out of one divided by what comes out of the other is where
 * the sound comes from, however atempo weights it. The constant also is what it compares where
 * there is silence: without it all places fit equally well, and the one that it takes is half a
 * window off.
 *
 * atempo's window is the power of two from 1/24 of the rate on: 43 ms at 48 kHz, which makes a beep
 * at half the rate begin up to 40 ms early. It is told half of the rate, and has one of 21 ms.
 */
#include "filter/stretch.h"

#include <inttypes.h>
#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavutil/buffer.h>
#include <libavutil/channel_layout.h>
#include <libavutil/common.h>
#include <libavutil/error.h>
#include <libavutil/frame.h>
#include <libavutil/mem.h>
#include <libavutil/samplefmt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* The constant, and a frame's number n is n times UNIT: less than the constant for ten hours. */
#define CONSTANT 0x1p-30f
#define UNIT 0x1p-61f
#define N_MORE 2
/* Channels that layouts have bits for. */
#define MOST_MARKED 16
/* What begins is heard before the middle of the piece in which it begins: measured, beeps out of
 * silence and noise are so much of the stream early at rates from 500 to 2000, +- 5 ms. */
#define EARLY_US 3000

struct stretch {
    AVFilterGraph *graph;
    AVFilterContext *source, *sink;
    AVFrame *marked;       /* a block with two channels more; NULL: not interleaved floats */
    AVBufferPool *buffers; /* for those of buffer_bytes */
    size_t buffer_bytes;
    int n_channels, sample_rate;
    int32_t rate;
    int64_t n_frames; /* written */
};

static int add(struct stretch *stretch, AVFilterContext **context, const char *kind,
               const char *arguments)
{
    const AVFilter *filter = avfilter_get_by_name(kind);

    return filter ? avfilter_graph_create_filter(context, filter, kind, arguments, NULL,
                                                 stretch->graph)
                  : AVERROR_FILTER_NOT_FOUND;
}

/* That of what atempo gets; layouts without an order are the usual ones of so many channels. What
 * the channels of a marked block are called does not matter: nobody converts them. */
static void set_layout(const struct stretch *stretch, AVChannelLayout *layout, const AVFrame *like)
{
    if (stretch->marked)
        av_channel_layout_from_mask(layout, (UINT64_C(1) << (stretch->n_channels + N_MORE)) - 1);
    else if (like->ch_layout.order == AV_CHANNEL_ORDER_UNSPEC)
        av_channel_layout_default(layout, like->ch_layout.nb_channels);
    else
        av_channel_layout_copy(layout, &like->ch_layout);
}

static int build(struct stretch *stretch, const AVFrame *like, int32_t rate)
{
    AVChannelLayout layout = {0};
    AVFilterContext *atempo;
    char text[256], name[96];
    int ret, sample_rate = like->sample_rate / (stretch->marked ? 2 : 1);

    set_layout(stretch, &layout, like);
    ret = av_channel_layout_describe(&layout, name, sizeof(name));
    if (layout.order == AV_CHANNEL_ORDER_NATIVE)
        snprintf(name, sizeof(name), "0x%" PRIx64, layout.u.mask);
    av_channel_layout_uninit(&layout);
    if (ret < 0)
        return ret;
    snprintf(text, sizeof(text), "sample_rate=%d:sample_fmt=%s:channel_layout=%s:time_base=1/%d",
             sample_rate, av_get_sample_fmt_name(like->format), name, sample_rate);
    ret = add(stretch, &stretch->source, "abuffer", text);
    snprintf(text, sizeof(text), "tempo=%d.%03d", (int)rate / 1000, (int)rate % 1000);
    if (ret >= 0)
        ret = add(stretch, &atempo, "atempo", text);
    if (ret >= 0)
        ret = add(stretch, &stretch->sink, "abuffersink", NULL);
    if (ret >= 0)
        ret = avfilter_link(stretch->source, 0, atempo, 0);
    if (ret >= 0)
        ret = avfilter_link(atempo, 0, stretch->sink, 0);
    return ret < 0 ? ret : avfilter_graph_config(stretch->graph, NULL);
}

static void close_stretch(struct stretch *stretch)
{
    if (!stretch)
        return;
    avfilter_graph_free(&stretch->graph);
    av_frame_free(&stretch->marked);
    av_buffer_pool_uninit(&stretch->buffers);
    av_free(stretch);
}

static int open_stretch(struct stretch **opened, const AVFrame *like, int32_t rate)
{
    struct stretch *stretch = av_mallocz(sizeof(*stretch));
    bool marks = like->format == AV_SAMPLE_FMT_FLT && like->ch_layout.nb_channels <= MOST_MARKED;
    int ret = AVERROR(ENOMEM);

    if (!stretch)
        return ret;
    stretch->n_channels = like->ch_layout.nb_channels;
    stretch->sample_rate = like->sample_rate;
    stretch->rate = rate;
    stretch->graph = avfilter_graph_alloc();
    if (marks)
        stretch->marked = av_frame_alloc();
    if (stretch->graph && (stretch->marked || !marks)) {
        stretch->graph->nb_threads = 1;
        ret = build(stretch, like, rate);
    }
    if (ret < 0)
        close_stretch(stretch);
    else
        *opened = stretch;
    return ret;
}

/* An empty block with two channels more. */
static int get_marked(struct stretch *stretch, const AVFrame *block)
{
    AVFrame *marked = stretch->marked;
    int n_channels = stretch->n_channels + N_MORE;
    size_t n_bytes = (size_t)block->nb_samples * (size_t)n_channels * sizeof(float);

    if (n_bytes > stretch->buffer_bytes) {
        av_buffer_pool_uninit(&stretch->buffers);
        stretch->buffers = av_buffer_pool_init(n_bytes, NULL);
        stretch->buffer_bytes = n_bytes;
    }
    marked->buf[0] = stretch->buffers ? av_buffer_pool_get(stretch->buffers) : NULL;
    if (!marked->buf[0])
        return AVERROR(ENOMEM);
    marked->data[0] = marked->buf[0]->data;
    marked->extended_data = marked->data;
    marked->linesize[0] = (int)n_bytes;
    marked->nb_samples = block->nb_samples;
    marked->sample_rate = block->sample_rate / 2;
    marked->format = block->format;
    set_layout(stretch, &marked->ch_layout, block);
    return 0;
}

static int write_marked(struct stretch *stretch, const AVFrame *block)
{
    const float *in = (const float *)(const void *)block->data[0];
    size_t n_channels = (size_t)stretch->n_channels;
    int ret = get_marked(stretch, block);
    float *out;

    if (ret < 0)
        return ret;
    out = (float *)(void *)stretch->marked->data[0];
    for (int i = 0; i < block->nb_samples; i++, in += n_channels, out += n_channels + N_MORE) {
        memcpy(out, in, n_channels * sizeof(*in));
        out[n_channels] = (float)(stretch->n_frames + i) * UNIT;
        out[n_channels + 1] = CONSTANT;
    }
    stretch->n_frames += block->nb_samples;
    ret = av_buffersrc_add_frame(stretch->source, stretch->marked);
    av_frame_unref(stretch->marked);
    return ret;
}

static int write_block(struct stretch *stretch, const AVFrame *block)
{
    return stretch->marked && block ? write_marked(stretch, block)
                                    : av_buffersrc_write_frame(stretch->source, block);
}

/* Takes the two channels away. */
static double unmark(const struct stretch *stretch, AVFrame *block)
{
    size_t n_channels = (size_t)stretch->n_channels;
    const float *in = (const float *)(const void *)block->data[0];
    float *out = (float *)(void *)block->data[0];
    double sum = 0;

    for (int i = 0; i < block->nb_samples; i++, in += n_channels + N_MORE, out += n_channels) {
        sum += (double)in[n_channels] / (double)in[n_channels + 1];
        memmove(out, in, n_channels * sizeof(*in));
    }
    block->ch_layout =
        (AVChannelLayout){.order = AV_CHANNEL_ORDER_UNSPEC, .nb_channels = stretch->n_channels};
    block->linesize[0] = (int)((size_t)block->nb_samples * n_channels * sizeof(float));
    /* a line through the middle: pieces of sound run at the natural rate, and jump */
    return sum / block->nb_samples * (CONSTANT / UNIT) -
           (block->nb_samples - 1) / 2.0 * stretch->rate / 1000 +
           EARLY_US * 1e-6 * stretch->sample_rate;
}

static int read_block(struct stretch *stretch, AVFrame *block, double *position)
{
    int ret = av_buffersink_get_frame(stretch->sink, block);

    *position = -1;
    if (ret < 0)
        return ret;
    block->sample_rate = stretch->sample_rate;
    if (stretch->marked && block->nb_samples > 0)
        *position = unmark(stretch, block);
    return 0;
}

__attribute__((visibility("default"))) const struct stretch_ops limef_stretch = {
    .abi = STRETCH_ABI,
    .open = open_stretch,
    .write = write_block,
    .read = read_block,
    .close = close_stretch,
};
