/* SPDX-License-Identifier: MIT */
/*
 * Whether a driver tells the truth: a stream's first picture beside the same one from libavcodec's
 * software. Once for each codec and device, and only where decoding is exact by its standard.
 */
#include "filter/decode_kept.h"
#include "filter/decode_private.h"

#include "base/memory_private.h"
#include "frame/convert.h"
#include "frame/download.h"
#include "frame/hardware_private.h"

#include <limef/base/log.h>

#include <libavcodec/avcodec.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
#include <string.h>

struct proof {
    AVFrame *hardware, *software, *converted;
};

static bool is_exact(enum AVCodecID codec_id)
{
    return codec_id == AV_CODEC_ID_H264 || codec_id == AV_CODEC_ID_HEVC ||
           codec_id == AV_CODEC_ID_VP8 || codec_id == AV_CODEC_ID_VP9;
}

/* Decodes the first packet that is kept, alone. */
static int decode_first(AVFrame *picture, const struct limef_decode_filter *decode)
{
    const struct limef_decode_kept *kept = decode->hardware.kept;
    const struct limef_packet_frame *first = decode_kept_packet(kept, kept->serial);
    AVCodecContext *context =
        memory_permits()
            ? avcodec_alloc_context3(avcodec_find_decoder(decode->parameters->codec_id))
            : NULL;
    AVPacket *packet = memory_new_packet();
    int ret = AVERROR(ENOMEM);

    if (context && packet)
        ret = avcodec_parameters_to_context(context, decode->parameters);
    if (ret >= 0) {
        context->thread_count = 1;
        ret = avcodec_open2(context, context->codec, NULL);
    }
    if (ret >= 0)
        ret = first->av ? 0 : AVERROR(EINVAL);
    if (ret >= 0)
        ret = memory_permits() ? av_packet_ref(packet, first->av) : AVERROR(ENOMEM);
    if (ret >= 0) {
        packet->pts = first->frame.pts_us;
        packet->dts = first->dts_us;
        ret = avcodec_send_packet(context, packet);
    }
    if (ret >= 0)
        ret = avcodec_send_packet(context, NULL);
    if (ret >= 0)
        ret = avcodec_receive_frame(context, picture);
    av_packet_free(&packet);
    avcodec_free_context(&context);
    return ret;
}

/* The software's picture in the format of the hardware's. */
static int convert(AVFrame *to, const AVFrame *from, int format)
{
    struct SwsContext *converter = NULL;
    int ret;

    to->format = format;
    to->width = from->width;
    to->height = from->height;
    to->colorspace = from->colorspace;
    to->color_range = from->color_range;
    ret = memory_permits() ? av_frame_get_buffer(to, 0) : AVERROR(ENOMEM);
    if (ret >= 0)
        ret = convert_open(&converter, from, to, SWS_POINT | SWS_ACCURATE_RND);
    if (ret >= 0)
        ret = sws_scale(converter, (const uint8_t *const *)from->data, from->linesize, 0,
                        from->height, to->data, to->linesize);
    sws_freeContext(converter);
    return ret < 0 ? ret : 0;
}

static bool is_same(const AVFrame *a, const AVFrame *b)
{
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(a->format);

    for (int plane = 0; plane < av_pix_fmt_count_planes(a->format); plane++) {
        int n_rows = plane ? AV_CEIL_RSHIFT(a->height, format->log2_chroma_h) : a->height;
        int bytes = av_image_get_linesize(a->format, a->width, plane);

        for (int y = 0; y < n_rows; y++)
            if (memcmp(a->data[plane] + (ptrdiff_t)y * a->linesize[plane],
                       b->data[plane] + (ptrdiff_t)y * b->linesize[plane], (size_t)bytes) != 0)
                return false;
    }
    return true;
}

/* Whether the two differ; what cannot be compared does not. */
static bool differs(const struct limef_decode_filter *decode, const AVFrame *picture,
                    struct proof *proof)
{
    const AVFrame *software = proof->software;

    if (decode_first(proof->software, decode) < 0)
        return false;
    if (!memory_permits() ||
        (limef_hardware_is(picture) ? (int)FFMIN(download(proof->hardware, picture), 0)
                                    : av_frame_ref(proof->hardware, picture)) < 0)
        return false;
    /* damage, which each conceals in a way of its own; or it is another picture */
    if (software->decode_error_flags || software->flags & AV_FRAME_FLAG_CORRUPT ||
        software->width != picture->width || software->height != picture->height ||
        software->pts != picture->pts || picture->crop_left || picture->crop_top)
        return false;
    return convert(proof->converted, software, proof->hardware->format) >= 0 &&
           !is_same(proof->hardware, proof->converted);
}

bool decode_is_true(struct limef_decode_filter *decode, const AVFrame *picture)
{
    enum AVCodecID codec_id = decode->parameters->codec_id;
    struct proof proof = {NULL};
    bool is_true;

    const AVBufferRef *device = decode->settings.hardware; /* a wrapper has none */

    if (!is_exact(codec_id) || (device && hardware_is_trusted(device, codec_id)) ||
        decode->hardware.kept->n == 0)
        return true;
    proof.hardware = memory_new_av_frame();
    proof.software = memory_new_av_frame();
    proof.converted = memory_new_av_frame();
    is_true =
        !proof.hardware || !proof.software || !proof.converted || !differs(decode, picture, &proof);
    if (is_true && device)
        hardware_trust(device, codec_id);
    av_frame_free(&proof.hardware);
    av_frame_free(&proof.software);
    av_frame_free(&proof.converted);
    return is_true;
}
