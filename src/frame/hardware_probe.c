/* SPDX-License-Identifier: MIT */
#include "frame/hardware_probe.h"

#include "base/memory_private.h"
#include "frame/hardware_private.h"

#include <libavcodec/avcodec.h>
#include <libavutil/hwcontext.h>
#include <string.h>

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

/* NULL device: in software. */
static int decode(AVFrame *picture, AVBufferRef *device, struct probe *probe)
{
    const AVCodec *decoder = avcodec_find_decoder(AV_CODEC_ID_H264);
    AVCodecContext *context = decoder && memory_permits() ? avcodec_alloc_context3(decoder) : NULL;
    int ret;

    if (!context)
        return decoder ? AVERROR(ENOMEM) : AVERROR(ENOSYS);
    context->thread_count = 1;
    if (device) {
        context->opaque = probe;
        context->get_format = choose_format;
        context->hw_device_ctx = av_buffer_ref(device);
    }
    ret =
        !device || context->hw_device_ctx ? avcodec_open2(context, decoder, NULL) : AVERROR(ENOMEM);
    if (ret >= 0)
        ret = decode_one(context, picture);
    avcodec_free_context(&context);
    return ret;
}

/* NV12 against planar 4:2:0. */
static bool is_same(const AVFrame *hardware, const AVFrame *software)
{
    for (int y = 0; y < software->height; y++)
        if (memcmp(hardware->data[0] + (ptrdiff_t)y * hardware->linesize[0],
                   software->data[0] + (ptrdiff_t)y * software->linesize[0],
                   (size_t)software->width) != 0)
            return false;
    for (int y = 0; y < software->height / 2; y++)
        for (int x = 0; x < software->width; x++)
            if (hardware->data[1][(ptrdiff_t)y * hardware->linesize[1] + x] !=
                software->data[1 + x % 2][(ptrdiff_t)y * software->linesize[1 + x % 2] + x / 2])
                return false;
    return true;
}

static int compare(AVFrame *hardware, AVFrame *memory, AVFrame *software, AVBufferRef *device)
{
    struct limef_hardware_frame mapped;
    struct probe probe = {.format = AV_PIX_FMT_VAAPI};
    int ret = decode(software, NULL, NULL);

    if (ret < 0) /* a libavcodec without H.264: nothing to compare with */
        return ret == AVERROR(ENOMEM) ? ret : 0;
    ret = decode(hardware, device, &probe);
    if (probe.is_unknown)
        return 0;
    if (ret >= 0)
        ret = limef_hardware_frame_map(&mapped, hardware);
    memory->format = AV_PIX_FMT_NV12;
    if (ret >= 0)
        ret = av_hwframe_transfer_data(memory, hardware, 0);
    if (ret < 0)
        return ret == AVERROR(ENOMEM) ? ret : AVERROR(EIO);
    return memory->width >= software->width && memory->height >= software->height &&
                   is_same(memory, software)
               ? 0
               : AVERROR(EIO);
}

int hardware_probe(AVBufferRef *device)
{
    AVFrame *hardware = memory_new_av_frame();
    AVFrame *memory = memory_new_av_frame();
    AVFrame *software = memory_new_av_frame();
    int ret = AVERROR(ENOMEM);

    if (hardware && memory && software)
        ret = compare(hardware, memory, software, device);
    av_frame_free(&hardware);
    av_frame_free(&memory);
    av_frame_free(&software);
    return ret;
}
