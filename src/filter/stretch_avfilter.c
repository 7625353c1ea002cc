/* SPDX-License-Identifier: MIT */
/* A graph of libavfilter's: source, atempo, sink. */
#include "filter/stretch.h"

#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavutil/channel_layout.h>
#include <libavutil/frame.h>
#include <libavutil/mem.h>
#include <libavutil/samplefmt.h>
#include <stdio.h>

struct stretch {
    AVFilterGraph *graph;
    AVFilterContext *source, *sink;
};

static int add(struct stretch *stretch, AVFilterContext **context, const char *kind,
               const char *arguments)
{
    const AVFilter *filter = avfilter_get_by_name(kind);

    return filter ? avfilter_graph_create_filter(context, filter, kind, arguments, NULL,
                                                 stretch->graph)
                  : AVERROR_FILTER_NOT_FOUND;
}

/* What atempo gives out is what it was given: it takes interleaved samples only, and floats where
 * they come as floats. libavfilter puts a conversion in between where they are not. */
static int build(struct stretch *stretch, const AVFrame *like, int32_t rate)
{
    AVFilterContext *atempo;
    AVChannelLayout layout = {0};
    char text[256], name[96];
    int ret;

    /* layouts without an order are the usual ones of so many channels */
    if (like->ch_layout.order == AV_CHANNEL_ORDER_UNSPEC)
        av_channel_layout_default(&layout, like->ch_layout.nb_channels);
    else
        av_channel_layout_copy(&layout, &like->ch_layout);
    ret = av_channel_layout_describe(&layout, name, sizeof(name));
    av_channel_layout_uninit(&layout);
    if (ret < 0)
        return ret;
    snprintf(text, sizeof(text), "sample_rate=%d:sample_fmt=%s:channel_layout=%s:time_base=1/%d",
             like->sample_rate, av_get_sample_fmt_name(like->format), name, like->sample_rate);
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
    if (stretch)
        avfilter_graph_free(&stretch->graph);
    av_free(stretch);
}

static int open_stretch(struct stretch **opened, const AVFrame *like, int32_t rate)
{
    struct stretch *stretch = av_mallocz(sizeof(*stretch));
    int ret = AVERROR(ENOMEM);

    if (stretch)
        stretch->graph = avfilter_graph_alloc();
    if (stretch && stretch->graph) {
        stretch->graph->nb_threads = 1;
        ret = build(stretch, like, rate);
    }
    if (ret < 0)
        close_stretch(stretch);
    else
        *opened = stretch;
    return ret;
}

static int write_block(struct stretch *stretch, const AVFrame *block)
{
    return av_buffersrc_write_frame(stretch->source, block);
}

static int read_block(struct stretch *stretch, AVFrame *block)
{
    return av_buffersink_get_frame(stretch->sink, block);
}

__attribute__((visibility("default"))) const struct stretch_ops limef_stretch = {
    .abi = STRETCH_ABI,
    .open = open_stretch,
    .write = write_block,
    .read = read_block,
    .close = close_stretch,
};
