/* SPDX-License-Identifier: MIT */
#include "gpu/png.h"

#include "base/memory_private.h"

#include <limef/base/log.h>

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <stdio.h>

static int fill(AVFrame *frame, const uint8_t *rgba, int width, int height)
{
    int ret;

    frame->format = AV_PIX_FMT_RGB24;
    frame->width = width;
    frame->height = height;
    ret = memory_permits() ? av_frame_get_buffer(frame, 0) : AVERROR(ENOMEM);
    for (int y = 0; ret >= 0 && y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < 3; c++)
                frame->data[0][y * frame->linesize[0] + 3 * x + c] =
                    rgba[4 * ((size_t)y * (size_t)width + (size_t)x) + (size_t)c];
    return ret;
}

static int encode(AVCodecContext *context, AVFrame *frame, AVPacket *packet)
{
    int ret;

    context->width = frame->width;
    context->height = frame->height;
    context->pix_fmt = AV_PIX_FMT_RGB24;
    context->time_base = (AVRational){1, 25};
    context->thread_count = 1;
    ret = avcodec_open2(context, NULL, NULL);
    if (ret >= 0)
        ret = avcodec_send_frame(context, frame);
    return ret < 0 ? ret : avcodec_receive_packet(context, packet);
}

static int write_file(const char *path, const AVPacket *packet)
{
    FILE *file = fopen(path, "wb");
    bool written;

    if (!file)
        return AVERROR(errno);
    written = fwrite(packet->data, 1, (size_t)packet->size, file) == (size_t)packet->size;
    return fclose(file) == 0 && written ? 0 : AVERROR(errno ? errno : EIO);
}

int png_write(const char *path, const uint8_t *rgba, int width, int height, const char *name)
{
    const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_PNG);
    AVFrame *frame = memory_new_av_frame();
    AVPacket *packet = memory_new_packet();
    AVCodecContext *context = codec && memory_permits() ? avcodec_alloc_context3(codec) : NULL;
    int ret = !codec ? AVERROR_ENCODER_NOT_FOUND : AVERROR(ENOMEM);

    if (frame && packet && context)
        ret = fill(frame, rgba, width, height);
    if (ret >= 0)
        ret = encode(context, frame, packet);
    if (ret >= 0)
        ret = write_file(path, packet);
    avcodec_free_context(&context);
    av_packet_free(&packet);
    av_frame_free(&frame);
    return ret < 0 ? limef_fail(ret, name, "cannot write %s", path) : 0;
}
