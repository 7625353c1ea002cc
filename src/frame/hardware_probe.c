/* SPDX-License-Identifier: MIT */
#include "frame/hardware_probe.h"

#include "base/memory_private.h"
#include "frame/download.h"
#include "frame/hardware_private.h"

#include <libavcodec/avcodec.h>
#include <libavutil/common.h>
#include <libavutil/hwcontext.h>
#include <libavutil/pixdesc.h>
#include <string.h>

#define PICTURE_PIXELS 128 /* in each direction */

/* A key frame of 128x128, H.264 High: parameter sets and one slice. */
static const uint8_t key_frame[] = {
#include "frame/hardware_probe_picture.inc"
};

/* What get_format found. */
struct probe {
    enum AVPixelFormat format; /* the device's */
    bool is_unknown;           /* it does not decode H.264 */
};

static enum AVPixelFormat choose_format(AVCodecContext *context, const enum AVPixelFormat *formats)
{
    struct probe *probe = context->opaque;
    AVBufferRef *frames = NULL;
    int ret = AVERROR(ENOSYS);

    while (*formats != AV_PIX_FMT_NONE && *formats != probe->format)
        formats++;
    if (*formats != AV_PIX_FMT_NONE)
        ret = avcodec_get_hw_frames_parameters(context, context->hw_device_ctx, *formats, &frames);
    av_buffer_unref(&frames);
    probe->is_unknown = probe->is_unknown || ret == AVERROR(ENOSYS) || ret == AVERROR(ENOENT);
    return *formats;
}

static int decode_one(AVCodecContext *context, AVFrame *picture)
{
    AVPacket *packet = memory_new_packet();
    int ret = AVERROR(ENOMEM);

    if (packet)
        ret = av_new_packet(packet, sizeof(key_frame));
    if (ret >= 0) {
        memcpy(packet->data, key_frame, sizeof(key_frame));
        ret = avcodec_send_packet(context, packet);
    }
    if (ret >= 0)
        ret = avcodec_send_packet(context, NULL);
    if (ret >= 0)
        ret = avcodec_receive_frame(context, picture);
    av_packet_free(&packet);
    return ret;
}

/* NULL device: the decoder needs none. */
static int decode(AVFrame *picture, const AVCodec *decoder, AVBufferRef *device,
                  struct probe *probe)
{
    AVCodecContext *context = decoder && memory_permits() ? avcodec_alloc_context3(decoder) : NULL;
    int ret;

    if (!context)
        return decoder ? AVERROR(ENOMEM) : AVERROR(ENOSYS);
    context->thread_count = 1;
    context->width = context->coded_width = PICTURE_PIXELS; /* some want to know */
    context->height = context->coded_height = PICTURE_PIXELS;
    if (device) {
        context->opaque = probe;
        context->get_format = choose_format;
        context->hw_device_ctx = memory_permits() ? av_buffer_ref(device) : NULL;
    }
    ret =
        !device || context->hw_device_ctx ? avcodec_open2(context, decoder, NULL) : AVERROR(ENOMEM);
    if (ret >= 0)
        ret = decode_one(context, picture);
    avcodec_free_context(&context);
    return ret;
}

static int decode_in_software(AVFrame *picture)
{
    return decode(picture, avcodec_find_decoder(AV_CODEC_ID_H264), NULL, NULL);
}

/* One byte of a picture of 4:2:0, planar or not. */
static int pixel(const AVFrame *picture, int component, int x, int y)
{
    const AVComponentDescriptor *at = &av_pix_fmt_desc_get(picture->format)->comp[component];

    return picture->data[at->plane][(ptrdiff_t)y * picture->linesize[at->plane] +
                                    (ptrdiff_t)x * at->step + at->offset];
}

/* Whether a picture has the pixels of another one. */
static bool is_same(const AVFrame *hardware, const AVFrame *software)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(hardware->format);

    if (desc->flags & (AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_RGB) || desc->nb_components < 3 ||
        desc->log2_chroma_w != 1 || desc->log2_chroma_h != 1 || desc->comp[0].depth != 8 ||
        hardware->width < software->width || hardware->height < software->height)
        return false;
    for (int component = 0; component < 3; component++)
        for (int y = 0; y < software->height >> (component > 0); y++)
            for (int x = 0; x < software->width >> (component > 0); x++)
                if (pixel(hardware, component, x, y) != pixel(software, component, x, y))
                    return false;
    return true;
}

static int compare(AVFrame *hardware, AVFrame *memory, AVFrame *software, AVBufferRef *device)
{
    struct limef_hardware_frame mapped;
    struct probe probe = {.format = AV_PIX_FMT_VAAPI};
    int ret = decode_in_software(software);

    if (ret < 0) /* a libavcodec without H.264: nothing to compare with */
        return ret == AVERROR(ENOMEM) ? ret : 0;
    ret = decode(hardware, avcodec_find_decoder(AV_CODEC_ID_H264), device, &probe);
    if (probe.is_unknown)
        return 0;
    if (ret >= 0)
        ret = limef_hardware_frame_map(&mapped, hardware);
    memory->format = AV_PIX_FMT_NV12;
    if (ret >= 0)
        ret = av_hwframe_transfer_data(memory, hardware, 0);
    if (ret < 0)
        return ret == AVERROR(ENOMEM) ? ret : AVERROR(EIO);
    return is_same(memory, software) ? 0 : AVERROR(EIO);
}

/* Likewise, without a device. */
static int compare_decoder(AVFrame *made, AVFrame *memory, AVFrame *software,
                           const AVCodec *decoder)
{
    int ret = decode(made, decoder, NULL, NULL);

    if (ret >= 0 && limef_hardware_is(made))
        ret = (int)FFMIN(download(memory, made), 0);
    else if (ret >= 0)
        ret = memory_permits() ? av_frame_ref(memory, made) : AVERROR(ENOMEM);
    if (ret < 0)
        return ret;
    ret = decode_in_software(software);
    if (ret < 0) /* nothing to compare with */
        return ret == AVERROR(ENOMEM) ? ret : 0;
    return is_same(memory, software) ? 0 : AVERROR(EIO);
}

/* One of the two. */
static int run_probe(AVBufferRef *device, const AVCodec *decoder)
{
    AVFrame *hardware = memory_new_av_frame();
    AVFrame *memory = memory_new_av_frame();
    AVFrame *software = memory_new_av_frame();
    int ret = AVERROR(ENOMEM);

    if (hardware && memory && software)
        ret = device ? compare(hardware, memory, software, device)
                     : compare_decoder(hardware, memory, software, decoder);
    av_frame_free(&hardware);
    av_frame_free(&memory);
    av_frame_free(&software);
    return ret;
}

int hardware_probe(AVBufferRef *device)
{
    return run_probe(device, NULL);
}

int hardware_probe_decoder(const AVCodec *decoder)
{
    return run_probe(NULL, decoder);
}
