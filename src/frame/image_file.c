/* SPDX-License-Identifier: MIT */
#include "frame/image_file.h"

#include "base/memory_private.h"
#include "frame/convert.h"

#include <limef/base/log.h>

#include <libavcodec/avcodec.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define JPEG_QUANTISER                                                                             \
    2 /* 2 is the finest that differs from lossless only by what eyes do not see */

static enum AVCodecID codec_of(const char *path)
{
    const char *suffix = strrchr(path, '.');

    if (suffix && (strcasecmp(suffix, ".jpg") == 0 || strcasecmp(suffix, ".jpeg") == 0))
        return AV_CODEC_ID_MJPEG;
    return suffix && strcasecmp(suffix, ".png") == 0 ? AV_CODEC_ID_PNG : AV_CODEC_ID_NONE;
}

static int convert(AVFrame *to, const AVFrame *from)
{
    struct SwsContext *context = NULL;
    int ret = convert_open(&context, from, to, SWS_BICUBIC);

    if (ret < 0)
        return ret;
    ret = memory_permits() ? av_frame_get_buffer(to, 0) : AVERROR(ENOMEM);
    if (ret >= 0)
        ret = sws_scale(context, (const uint8_t *const *)from->data, from->linesize, 0,
                        from->height, to->data, to->linesize);
    sws_freeContext(context);
    return ret < 0 ? ret : 0;
}

/* The picture in the format that the encoder takes. */
static int make_encodable(AVFrame **made, const AVFrame *picture, enum AVCodecID codec)
{
    AVFrame *to = memory_new_av_frame();
    int ret;

    if (!to)
        return AVERROR(ENOMEM);
    to->width = picture->width;
    to->height = picture->height;
    to->format = codec == AV_CODEC_ID_PNG ? AV_PIX_FMT_RGB24 : AV_PIX_FMT_YUVJ420P;
    to->color_range = AVCOL_RANGE_JPEG;
    /* JFIF 1.02, "Color space": BT.601 */
    to->colorspace = codec == AV_CODEC_ID_PNG ? AVCOL_SPC_RGB : AVCOL_SPC_SMPTE170M;
    to->sample_aspect_ratio = picture->sample_aspect_ratio;
    ret = convert(to, picture);
    if (ret < 0)
        av_frame_free(&to);
    *made = to;
    return ret;
}

static int open_encoder(AVCodecContext **made, const AVFrame *picture, enum AVCodecID codec)
{
    const AVCodec *encoder = avcodec_find_encoder(codec);
    AVCodecContext *context;
    int ret;

    if (!encoder)
        return AVERROR_ENCODER_NOT_FOUND;
    context = memory_permits() ? avcodec_alloc_context3(encoder) : NULL;
    if (!context)
        return AVERROR(ENOMEM);
    context->width = picture->width;
    context->height = picture->height;
    context->pix_fmt = picture->format;
    context->color_range = picture->color_range;
    context->sample_aspect_ratio = picture->sample_aspect_ratio;
    context->time_base = (AVRational){1, 25};
    context->thread_count = 1;
    context->flags |= AV_CODEC_FLAG_QSCALE;
    context->global_quality = JPEG_QUANTISER * FF_QP2LAMBDA;
    ret = avcodec_open2(context, encoder, NULL);
    if (ret < 0)
        avcodec_free_context(&context);
    *made = context;
    return ret;
}

static int encode(AVPacket *packet, AVFrame *picture, enum AVCodecID codec)
{
    AVCodecContext *context = NULL;
    int ret = open_encoder(&context, picture, codec);

    if (ret < 0)
        return ret;
    picture->quality = context->global_quality;
    ret = avcodec_send_frame(context, picture);
    if (ret >= 0)
        ret = avcodec_send_frame(context, NULL);
    if (ret >= 0)
        ret = avcodec_receive_packet(context, packet);
    avcodec_free_context(&context);
    return ret;
}

static int write_file(const AVPacket *packet, const char *path)
{
    char part[PATH_MAX];
    FILE *file;
    bool written;

    if (snprintf(part, sizeof(part), "%s.%ld.part", path, (long)getpid()) >= (int)sizeof(part))
        return AVERROR(ENAMETOOLONG);
    file = fopen(part, "wbe");
    if (!file)
        return AVERROR(errno);
    written = fwrite(packet->data, 1, (size_t)packet->size, file) == (size_t)packet->size;
    if (fclose(file) != 0)
        written = false;
    if (!written || rename(part, path) != 0) {
        int ret = AVERROR(errno);

        unlink(part);
        return ret;
    }
    return 0;
}

int image_file_write(const AVFrame *picture, const char *path, const char *name)
{
    enum AVCodecID codec = codec_of(path);
    AVFrame *encodable = NULL;
    AVPacket *packet;
    int ret;

    if (codec == AV_CODEC_ID_NONE)
        return limef_fail(AVERROR(EINVAL), name, "%s: neither .png nor .jpg", path);
    packet = memory_new_packet();
    ret = packet ? make_encodable(&encodable, picture, codec) : AVERROR(ENOMEM);
    if (ret >= 0)
        ret = encode(packet, encodable, codec);
    if (ret >= 0)
        ret = write_file(packet, path);
    av_frame_free(&encodable);
    av_packet_free(&packet);
    return ret < 0 ? limef_fail(ret, name, "%s: cannot write the picture", path) : 0;
}
