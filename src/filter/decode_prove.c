/* SPDX-License-Identifier: MIT */
/*
 * Whether a driver tells the truth: the first picture of a key frame beside the same one from
 * libavcodec's software. Once for each device and kind of picture (codec, profile, size within a
 * factor of two), and only where decoding is exact by its standard. What cannot be compared is
 * passed on and counted, and those of the next key frames are tried.
 */
#include "filter/decode_kept.h"
#include "filter/decode_private.h"

#include "base/memory_private.h"
#include "frame/convert.h"
#include "frame/download.h"
#include "frame/hardware_private.h"

#include <limef/base/log.h>

#include <libavcodec/avcodec.h>
#include <libavutil/common.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
#include <string.h>

/* Key frames that are tried before pictures of a kind count as such that cannot be compared. */
#define MAX_TRIES 8

struct proof {
    AVFrame *hardware, *software, *converted;
};

enum verdict {
    VERDICT_TRUE,
    VERDICT_WRONG,
    VERDICT_NONE,
};

/* A number for what drivers are right or wrong at; not 0. */
static uint64_t kind_of(const struct limef_decode_filter *decode, const AVFrame *picture)
{
    int pixels = FFMAX(picture->width, 1) * FFMAX(picture->height, 1);

    return (uint64_t)decode->parameters->codec_id << 32 |
           (uint64_t)(uint16_t)decode->context->profile << 8 | (uint64_t)(unsigned)av_log2(pixels);
}

static bool is_exact(enum AVCodecID codec_id)
{
    return codec_id == AV_CODEC_ID_H264 || codec_id == AV_CODEC_ID_HEVC ||
           codec_id == AV_CODEC_ID_VP8 || codec_id == AV_CODEC_ID_VP9;
}

/* Decodes the key frame of a picture, alone. */
static int decode_key(AVFrame *picture, const struct limef_decode_filter *decode, uint64_t serial)
{
    const struct limef_packet_frame *key = decode_kept_packet(decode->hardware.kept, serial);
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
        ret = key->av ? 0 : AVERROR(EINVAL);
    if (ret >= 0)
        ret = memory_permits() ? av_packet_ref(packet, key->av) : AVERROR(ENOMEM);
    if (ret >= 0) {
        packet->pts = key->frame.pts_us;
        packet->dts = key->dts_us;
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

/* why: of VERDICT_NONE; lives forever. */
static enum verdict compare(const struct limef_decode_filter *decode, const AVFrame *picture,
                            struct proof *proof, const char **why)
{
    const AVFrame *software = proof->software;

    *why = "there is no memory";
    if (!proof->hardware || !proof->software || !proof->converted)
        return VERDICT_NONE;
    *why = "software cannot decode the key frame alone";
    if (decode_key(proof->software, decode, decode_carried_of(decode, picture)->serial) < 0)
        return VERDICT_NONE;
    *why = "the picture cannot be read";
    if (!memory_permits() ||
        (limef_hardware_is(picture) ? (int)FFMIN(download(proof->hardware, picture), 0)
                                    : av_frame_ref(proof->hardware, picture)) < 0)
        return VERDICT_NONE;
    *why = "the key frame is damaged"; /* which each conceals in a way of its own */
    if (software->decode_error_flags || software->flags & AV_FRAME_FLAG_CORRUPT)
        return VERDICT_NONE;
    *why = "software makes another picture of the key frame";
    if (software->width != picture->width || software->height != picture->height ||
        software->pts != picture->pts || picture->crop_left || picture->crop_top)
        return VERDICT_NONE;
    *why = "its format cannot be converted";
    if (convert(proof->converted, software, proof->hardware->format) < 0)
        return VERDICT_NONE;
    return is_same(proof->hardware, proof->converted) ? VERDICT_TRUE : VERDICT_WRONG;
}

static enum verdict judge(const struct limef_decode_filter *decode, const AVFrame *picture,
                          const char **why)
{
    struct proof proof = {memory_new_av_frame(), memory_new_av_frame(), memory_new_av_frame()};
    enum verdict verdict = compare(decode, picture, &proof, why);

    av_frame_free(&proof.hardware);
    av_frame_free(&proof.software);
    av_frame_free(&proof.converted);
    return verdict;
}

/* Whether a picture is a key frame's that is kept, and it is worth it. */
static bool can_be_tried(const struct limef_decode_filter *decode, const AVFrame *picture,
                         const char **why)
{
    const struct limef_decode_carried *carried = decode_carried_of(decode, picture);
    const struct limef_decode_kept *kept = decode->hardware.kept;

    *why = "its key frame is not kept";
    if (kept->n == 0)
        return false;
    *why = "no key frame of its kind could be";
    return carried && decode->hardware.n_tries < MAX_TRIES &&
           (carried->serial == kept->serial || carried->serial == kept->serial + kept->n_before);
}

static void note_unproved(struct limef_decode_filter *decode, const char *why)
{
    if (LIMEF_COUNTED(decode->n_unproved) == 0)
        limef_log(LIMEF_LOG_INFO, decode->filter.name,
                  "pictures of hardware are passed on that were not compared with software's: %s",
                  why);
    LIMEF_COUNT(decode->n_unproved, 1);
    atomic_store_explicit(&decode->unproved_why, why, memory_order_relaxed);
}

bool decode_is_true(struct limef_decode_filter *decode, const AVFrame *picture)
{
    const AVBufferRef *device = decode->settings.hardware; /* a wrapper has none */
    struct limef_decode_hardware *hardware = &decode->hardware;
    uint64_t kind = kind_of(decode, picture);
    enum verdict verdict = VERDICT_NONE;
    const char *why;

    if (hardware->true_kind == kind || !is_exact(decode->parameters->codec_id))
        return true;
    if (hardware->tried_kind != kind)
        hardware->n_tries = 0;
    hardware->tried_kind = kind;
    if (device && hardware_is_trusted(device, kind)) {
        verdict = VERDICT_TRUE;
    } else if (can_be_tried(decode, picture, &why)) {
        hardware->n_tries++;
        verdict = judge(decode, picture, &why);
        if (verdict == VERDICT_TRUE && device)
            hardware_trust(device, kind);
    }
    if (verdict == VERDICT_TRUE)
        hardware->true_kind = kind;
    else if (verdict == VERDICT_NONE)
        note_unproved(decode, why);
    return verdict != VERDICT_WRONG;
}
