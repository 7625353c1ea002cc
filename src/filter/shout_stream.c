/* SPDX-License-Identifier: MIT */
/* Ogg, by libavformat, into the connection. */
#include "filter/shout_private.h"

#include "base/libavformat.h"
#include "base/memory_private.h"
#include "frame/av_compat.h"

#include <libavutil/mathematics.h>
#include <libavutil/mem.h>
#include <libavutil/opt.h>

#define BUFFER_BYTES 8192
/* Ogg's pages: how long sound waits before it is sent. */
#define PAGE_US "200000"

static int io_write(void *shout, compat_written_byte *bytes, int n_bytes)
{
    struct limef_shout_filter *to = shout;
    int ret = to->ops->send(to->client, bytes, (size_t)n_bytes);

    if (ret < 0)
        return ret;
    LIMEF_COUNT(to->n_bytes, (uint64_t)n_bytes);
    return n_bytes;
}

static AVIOContext *make_io(struct limef_shout_filter *shout)
{
    uint8_t *buffer = memory_permits() ? av_malloc(BUFFER_BYTES) : NULL;
    AVIOContext *io = buffer ? libavformat.avio_alloc_context(buffer, BUFFER_BYTES, 1, shout, NULL,
                                                              io_write, NULL)
                             : NULL;

    if (!io)
        av_free(buffer);
    return io;
}

static void release(struct limef_shout_filter *shout)
{
    if (shout->format && shout->format->pb) {
        av_freep(&shout->format->pb->buffer);
        libavformat.avio_context_free(&shout->format->pb);
    }
    libavformat.avformat_free_context(shout->format);
    shout->format = NULL;
}

static int write_header(struct limef_shout_filter *shout)
{
    AVStream *stream = libavformat.avformat_new_stream(shout->format, NULL);
    AVDictionary *options = NULL;
    int ret;

    if (!stream || avcodec_parameters_copy(stream->codecpar, shout->codec.parameters) < 0)
        return AVERROR(ENOMEM);
    stream->codecpar->codec_tag = 0;
    shout->format->flush_packets = 1;
    av_dict_set(&options, "page_duration", PAGE_US, 0);
    ret = libavformat.avformat_write_header(shout->format, &options);
    av_dict_free(&options);
    return ret;
}

int shout_stream_begin(struct limef_shout_filter *shout)
{
    int ret = libavformat_load(shout->filter.name);

    if (ret >= 0)
        ret = memory_permits()
                  ? libavformat.avformat_alloc_output_context2(&shout->format, NULL, "ogg", NULL)
                  : AVERROR(ENOMEM);
    if (ret < 0)
        return compat_code(ret);
    shout->format->pb = make_io(shout);
    ret = shout->format->pb ? write_header(shout) : AVERROR(ENOMEM);
    shout->origin_us = LIMEF_NO_TIME;
    if (ret < 0)
        release(shout);
    return compat_code(ret);
}

int shout_stream_write(struct limef_shout_filter *shout, const struct limef_packet_frame *packet)
{
    const AVStream *stream = shout->format->streams[0];
    AVPacket *shell = shout->shell;
    int64_t pts_us = packet->frame.pts_us;
    int ret;

    if (shout->origin_us == LIMEF_NO_TIME)
        shout->origin_us = pts_us;
    shell->data = (uint8_t *)packet->data;
    shell->size = (int)packet->size_bytes;
    shell->pts = shell->dts =
        av_rescale_q(pts_us - shout->origin_us, AV_TIME_BASE_Q, stream->time_base);
    shell->duration = av_rescale_q(packet->frame.duration_us, AV_TIME_BASE_Q, stream->time_base);
    shell->flags = AV_PKT_FLAG_KEY;
    ret = libavformat.av_write_frame(shout->format, shell); /* takes no reference */
    av_packet_unref(shell);
    if (ret >= 0)
        LIMEF_COUNT(shout->n_packets, 1);
    return compat_code(ret);
}

void shout_stream_end(struct limef_shout_filter *shout, bool is_lost)
{
    if (!shout->format)
        return;
    if (!is_lost)
        libavformat.av_write_trailer(shout->format);
    release(shout);
}
