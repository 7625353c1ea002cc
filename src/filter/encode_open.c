/* SPDX-License-Identifier: MIT */
/*
 * Which encoder is meant, and how it is set up for what comes.
 */
#include "filter/encode_private.h"

#include "base/memory_private.h"
#include "frame/av_compat.h"
#include "frame/convert.h"

#include <limef/base/log.h>
#include <limef/frame/pool.h>

#include <libavutil/cpu.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <math.h>

#define MAX_QUALITY 31
#define DEFAULT_QUALITY 4 /* of encoders whose own default is 200 kbit/s for any picture */
#define DEFAULT_RATE 25
#define MAX_THREADS 4
#define SMALL_PIXELS (640 * 480)

static const AVCodec *find_encoder(const char *codec)
{
    const AVCodec *encoder = avcodec_find_encoder_by_name(codec);
    const AVCodecDescriptor *descriptor = encoder ? NULL : avcodec_descriptor_get_by_name(codec);

    return descriptor ? avcodec_find_encoder(descriptor->id) : encoder;
}

int encode_choose(struct limef_encode_filter *encode, const char *name)
{
    const struct limef_encode_settings *settings = &encode->settings;
    AVDictionary *options = NULL;
    int ret = 0;

    encode->encoder = settings->codec ? find_encoder(settings->codec) : NULL;
    if (!encode->encoder || (encode->encoder->type != AVMEDIA_TYPE_VIDEO &&
                             encode->encoder->type != AVMEDIA_TYPE_AUDIO))
        return limef_fail(AVERROR_ENCODER_NOT_FOUND, name, "%s",
                          settings->codec ? settings->codec : "no codec given");
    encode->media =
        encode->encoder->type == AVMEDIA_TYPE_AUDIO ? LIMEF_MEDIA_AUDIO : LIMEF_MEDIA_VIDEO;
    if (settings->bit_rate < 0 || settings->gop < 0 || settings->quality < 0 ||
        settings->quality > MAX_QUALITY || settings->n_threads > INT16_MAX)
        return limef_fail(AVERROR(EINVAL), name, "bit rate, quality, gop or threads out of range");
    if (settings->options)
        ret = av_dict_parse_string(&options, settings->options, "=", ":", 0);
    av_dict_free(&options);
    return ret < 0 ? limef_fail(AVERROR(EINVAL), name, "options %s", settings->options) : 0;
}

/* Those of libavcodec's own that understand a quantiser and have a poor default bit rate. */
static bool is_mpeg_family(const AVCodec *encoder)
{
    switch (encoder->id) {
    case AV_CODEC_ID_MJPEG:
    case AV_CODEC_ID_MPEG1VIDEO:
    case AV_CODEC_ID_MPEG2VIDEO:
    case AV_CODEC_ID_MPEG4:
    case AV_CODEC_ID_H263:
    case AV_CODEC_ID_FLV1:
        return true;
    default:
        return false;
    }
}

static bool has_format(const int *formats, int format)
{
    if (!formats)
        return true;
    while (*formats >= 0 && *formats != format)
        formats++;
    return *formats >= 0;
}

/* The formats that an encoder takes, ended by -1; NULL: any, or not known. */
static const int *formats_of(const AVCodec *encoder)
{
    return encoder->type == AVMEDIA_TYPE_VIDEO
               ? (const int *)(const void *)compat_pixel_formats(encoder)
               : (const int *)(const void *)compat_sample_formats(encoder);
}

static const char *format_name(const AVCodec *encoder, int format)
{
    const char *name = encoder->type == AVMEDIA_TYPE_VIDEO ? av_get_pix_fmt_name(format)
                                                           : av_get_sample_fmt_name(format);

    return name ? name : "unknown";
}

static int refuse_format(const struct limef_encode_filter *encode, const int *formats)
{
    const AVCodec *encoder = encode->encoder;
    const char *is = format_name(encoder, encode->format.format);

    if (encoder->type == AVMEDIA_TYPE_VIDEO)
        return limef_fail(
            AVERROR(EINVAL), encode->filter.name,
            "%s does not take %s; a scale filter with pixel format %s before it helps",
            encoder->name, is, format_name(encoder, formats[0]));
    return limef_fail(AVERROR(EINVAL), encode->filter.name, "%s takes samples as %s, these are %s",
                      encoder->name, format_name(encoder, formats[0]), is);
}

/* Ticks a second: what a picture's duration says, of the common rates the exact one. */
static void choose_rate(struct limef_encode_filter *encode, const struct limef_frame *in)
{
    double rate = in->duration_us > 0 ? 1e6 / (double)in->duration_us : DEFAULT_RATE;
    double whole = rint(rate), ntsc = rint(rate * 1.001);

    encode->rate_den = 1;
    if (encode->media == LIMEF_MEDIA_AUDIO) {
        encode->rate_num = encode->format.sample_rate;
    } else if (rate < 1 || rate > 1000) {
        encode->rate_num = DEFAULT_RATE;
    } else if (fabs(rate - whole) < 0.0004 * rate) {
        encode->rate_num = (int)whole;
    } else if (fabs(rate - ntsc / 1.001) < 0.0004 * rate) {
        encode->rate_num = (int)ntsc * 1000;
        encode->rate_den = 1001;
    } else {
        AVRational reduced = av_d2q(rate, 1001);

        encode->rate_num = reduced.num;
        encode->rate_den = reduced.den;
    }
}

static unsigned choose_n_threads(const struct limef_encode_filter *encode,
                                 const struct limef_frame *in)
{
    if (encode->settings.n_threads > 0)
        return encode->settings.n_threads;
    if (encode->media == LIMEF_MEDIA_AUDIO || in->flags & LIMEF_FRAME_LIVE ||
        (int64_t)encode->format.width * encode->format.height <= SMALL_PIXELS)
        return 1;
    return (unsigned)FFMIN(av_cpu_count(), MAX_THREADS);
}

/* Returns 0, or a negative AVERROR code, logged if it is not ENOMEM. */
static int describe_input(struct limef_encode_filter *encode, const struct limef_decoded_frame *in)
{
    const struct limef_encode_format *format = &encode->format;
    AVCodecContext *context = encode->context;
    const int *formats = formats_of(encode->encoder);
    int as = format->format;

    if (encode->media == LIMEF_MEDIA_AUDIO) {
        if (!has_format(formats, as))
            return refuse_format(encode, formats);
        if (in->av->ch_layout.nb_channels > AV_NUM_DATA_POINTERS)
            return limef_fail(AVERROR(ENOSYS), encode->filter.name, "%d channels",
                              in->av->ch_layout.nb_channels);
        context->sample_fmt = as;
        context->sample_rate = format->sample_rate;
        return av_channel_layout_copy(&context->ch_layout, &in->av->ch_layout);
    }
    context->color_range = format->color_range;
    if (!has_format(formats, as)) { /* what the "yuvj" formats say, the range says too */
        as = convert_plain_format(as);
        context->color_range = AVCOL_RANGE_JPEG;
        if (as == format->format || !has_format(formats, as))
            return refuse_format(encode, formats);
    }
    context->pix_fmt = as;
    context->width = format->width;
    context->height = format->height;
    context->colorspace = format->colorspace;
    context->color_primaries = format->color_primaries;
    context->color_trc = format->color_trc;
    context->sample_aspect_ratio = (AVRational){format->aspect_num, format->aspect_den};
    context->framerate = (AVRational){encode->rate_num, encode->rate_den};
    return 0;
}

static void apply_settings(struct limef_encode_filter *encode, const struct limef_frame *in)
{
    const struct limef_encode_settings *settings = &encode->settings;
    AVCodecContext *context = encode->context;
    int quality = settings->quality;

    context->time_base = (AVRational){encode->rate_den, encode->rate_num};
    context->thread_count = (int)choose_n_threads(encode, in);
    context->flags |= AV_CODEC_FLAG_GLOBAL_HEADER; /* it all goes into the codec frame */
    if (settings->bit_rate)
        context->bit_rate = settings->bit_rate;
    if (settings->gop)
        context->gop_size = settings->gop;
    if (!quality && !settings->bit_rate && is_mpeg_family(encode->encoder))
        quality = DEFAULT_QUALITY;
    if (quality) {
        context->flags |= AV_CODEC_FLAG_QSCALE;
        context->global_quality = quality * FF_QP2LAMBDA;
    }
    if (encode->encoder->id == AV_CODEC_ID_MJPEG) /* limited range, as most pictures have it */
        context->strict_std_compliance = FF_COMPLIANCE_UNOFFICIAL;
}

/* Returns 0, or a negative AVERROR code, logged. */
static int open_with_options(struct limef_encode_filter *encode)
{
    const char *name = encode->filter.name;
    const AVDictionaryEntry *left;
    AVDictionary *options = NULL;
    int ret = 0;

    if (encode->settings.options)
        ret = av_dict_parse_string(&options, encode->settings.options, "=", ":", 0);
    if (ret >= 0)
        ret = memory_permits() ? avcodec_open2(encode->context, encode->encoder, &options)
                               : AVERROR(ENOMEM);
    left = av_dict_get(options, "", NULL, AV_DICT_IGNORE_SUFFIX);
    if (ret < 0)
        limef_fail(ret, name, "cannot open %s", encode->encoder->name);
    else if (left)
        ret = limef_fail(AVERROR_OPTION_NOT_FOUND, name, "%s has no option %s",
                         encode->encoder->name, left->key);
    av_dict_free(&options);
    return ret;
}

/* Returns 0, or AVERROR(ENOMEM), logged. */
static int make_codec_frame(struct limef_encode_filter *encode)
{
    const struct limef_encode_format *format = &encode->format;
    struct limef_payload *payload = limef_pool_get(encode->codecs);

    if (!payload ||
        avcodec_parameters_from_context(limef_payload_codec(payload), encode->context) < 0) {
        limef_payload_unref(payload);
        return limef_fail(AVERROR(ENOMEM), encode->filter.name, "codec frame");
    }
    limef_payload_unref(encode->codec.frame.payload);
    limef_codec_frame_set(&encode->codec, payload);
    encode->codec.frame.slot = format->slot;
    encode->codec.frame.track = (uint16_t)format->track;
    encode->codec.rotation_degrees = (int16_t)format->rotation_degrees;
    encode->codec.mirrored = (int16_t)format->mirrored;
    if (encode->media == LIMEF_MEDIA_VIDEO) {
        encode->codec.frame_rate_num = encode->rate_num;
        encode->codec.frame_rate_den = encode->rate_den;
        encode->codec.aspect_num = format->aspect_num;
        encode->codec.aspect_den = format->aspect_den;
    }
    return 0;
}

int encode_open(struct limef_encode_filter *encode, const struct limef_decoded_frame *in)
{
    int ret;

    encode->context = memory_permits() ? avcodec_alloc_context3(encode->encoder) : NULL;
    if (!encode->context)
        return limef_fail(AVERROR(ENOMEM), encode->filter.name, "cannot open");
    choose_rate(encode, &in->frame);
    ret = describe_input(encode, in);
    if (ret >= 0) {
        apply_settings(encode, &in->frame);
        ret = open_with_options(encode);
    }
    if (ret >= 0)
        ret = make_codec_frame(encode);
    if (ret < 0)
        avcodec_free_context(&encode->context);
    return ret;
}
