/* SPDX-License-Identifier: MIT */
#include "frame/image_file.h"

#include "base/memory_private.h"
#include "frame/convert.h"
#include "frame/turn.h"

#include <limef/base/log.h>
#include <limef/frame/decoded.h>

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

/* A picture with buffers, empty, with the turned shape of another one. */
static int make_like(AVFrame **made, const AVFrame *picture, bool is_across)
{
    AVFrame *to = memory_new_av_frame();

    if (!to)
        return AVERROR(ENOMEM);
    *made = to;
    to->width = is_across ? picture->height : picture->width;
    to->height = is_across ? picture->width : picture->height;
    to->format = picture->format;
    to->color_range = picture->color_range;
    to->colorspace = picture->colorspace;
    to->sample_aspect_ratio = picture->sample_aspect_ratio;
    if (is_across && picture->sample_aspect_ratio.num > 0)
        to->sample_aspect_ratio = av_inv_q(picture->sample_aspect_ratio);
    return memory_permits() ? av_frame_get_buffer(to, 0) : AVERROR(ENOMEM);
}

static int make_upright(AVFrame **picture, int degrees, int mirrored)
{
    AVFrame *turned = NULL;
    int ret;

    if (degrees == 0 && !mirrored)
        return 0;
    ret = make_like(&turned, *picture, degrees == 90 || degrees == 270);
    if (ret < 0) {
        av_frame_free(&turned);
        return ret;
    }
    turn_picture(turned, *picture, degrees, mirrored);
    av_frame_free(picture);
    *picture = turned;
    return 0;
}

/* The picture in the format that the encoder takes. On failure *made is still the caller's. */
static int make_encodable(AVFrame **made, const AVFrame *picture, enum AVCodecID codec)
{
    bool is_png = codec == AV_CODEC_ID_PNG;
    AVFrame like = {
        .width = picture->width,
        .height = picture->height,
        .format = is_png ? AV_PIX_FMT_RGB24 : AV_PIX_FMT_YUVJ420P,
        .color_range = AVCOL_RANGE_JPEG,
        /* JFIF 1.02, "Color space": BT.601 */
        .colorspace = is_png ? AVCOL_SPC_RGB : AVCOL_SPC_SMPTE170M,
        .sample_aspect_ratio = picture->sample_aspect_ratio,
    };
    struct SwsContext *context = NULL;
    int ret = make_like(made, &like, false);

    if (ret >= 0)
        ret = convert_open(&context, picture, *made,
                           SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT);
    if (ret >= 0)
        ret = sws_scale(context, (const uint8_t *const *)picture->data, picture->linesize, 0,
                        picture->height, (*made)->data, (*made)->linesize);
    sws_freeContext(context);
    return ret < 0 ? ret : 0;
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

static int write_image(const AVFrame *picture, int degrees, int mirrored, const char *path,
                       const char *name)
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
        ret = make_upright(&encodable, degrees, mirrored);
    if (ret >= 0)
        ret = encode(packet, encodable, codec);
    if (ret >= 0)
        ret = write_file(packet, path);
    av_frame_free(&encodable);
    av_packet_free(&packet);
    return ret < 0 ? limef_fail(ret, name, "%s: cannot write the picture", path) : 0;
}

int image_file_write(const AVFrame *picture, const char *path, const char *name)
{
    return write_image(picture, 0, 0, path, name);
}

int image_file_write_upright(const struct limef_decoded_frame *decoded, const char *path,
                             const char *name)
{
    return write_image(decoded->av, decoded->rotation_degrees, decoded->mirrored, path, name);
}
