/* SPDX-License-Identifier: MIT */
/*
 * Which decoder a codec frame needs, and how it is set up.
 */
#include "filter/decode_private.h"

#include "base/memory_private.h"
#include "frame/av_compat.h"

#include <limef/base/log.h>
#include <limef/thread/report.h>

#include <libavutil/cpu.h>
#include <string.h>

#define MAX_THREADS 4
#define SMALL_PIXELS (640 * 480) /* below, one core decodes hundreds of pictures a second */

static unsigned choose_n_threads(const struct limef_decode_filter *decode,
                                 const struct limef_codec_frame *codec)
{
    int64_t n_pixels = (int64_t)codec->parameters->width * codec->parameters->height;

    if (decode->settings.n_threads > 0)
        return decode->settings.n_threads;
    if (decode->is_parallel)
        return (unsigned)FFMIN(av_cpu_count(), MAX_THREADS);
    if (codec->frame.media == LIMEF_MEDIA_AUDIO || codec->frame.flags & LIMEF_FRAME_LIVE ||
        (n_pixels > 0 && n_pixels <= SMALL_PIXELS))
        return 1;
    return (unsigned)FFMIN(av_cpu_count(), MAX_THREADS);
}

static int open_with(struct limef_decode_filter *decode, const struct limef_codec_frame *codec,
                     const AVCodec *decoder, unsigned n_threads)
{
    AVCodecContext *context = memory_permits() ? avcodec_alloc_context3(decoder) : NULL;
    int ret;

    if (!context)
        return AVERROR(ENOMEM);
    decode->context = context;
    ret = avcodec_parameters_to_context(context, codec->parameters);
    if (ret < 0)
        return ret;
    context->pkt_timebase = AV_TIME_BASE_Q;
    context->thread_count = (int)n_threads;
    if (codec->frame_rate_num > 0)
        context->framerate = (AVRational){codec->frame_rate_num, codec->frame_rate_den};
    /* else part of what a stream cuts off at the left is shown */
    context->flags |= AV_CODEC_FLAG_UNALIGNED;
    compat_let_carry(context);
    if (!decode->hardware.is_used)
        decode_use_buffers(decode, decoder);
    else if (decode_hardware_set_up(decode) < 0)
        return AVERROR(ENOMEM);
    if (decode->settings.low_delay) {
        context->flags |= AV_CODEC_FLAG_LOW_DELAY;
        context->thread_type = FF_THREAD_SLICE;
    }
    return memory_permits() ? avcodec_open2(context, decoder, NULL) : AVERROR(ENOMEM);
}

int decode_open(struct limef_decode_filter *decode, const struct limef_codec_frame *codec)
{
    const AVCodec *decoder = decode_hardware_find(decode, codec->parameters->codec_id);
    unsigned n_threads = choose_n_threads(decode, codec);
    int ret;

    decode->is_empty = true;
    decode->hardware.is_used = decoder != NULL;
    if (!decoder)
        decoder = avcodec_find_decoder(codec->parameters->codec_id);
    if (!decoder)
        return AVERROR_DECODER_NOT_FOUND;
    ret = open_with(decode, codec, decoder, n_threads);
    if (ret != AVERROR(EAGAIN) || n_threads == 1)
        return ret;
    /* pthread_create()'s: the system gives no more threads */
    avcodec_free_context(&decode->context);
    LIMEF_COUNT(decode->n_without_threads, 1);
    limef_log(LIMEF_LOG_WARNING, decode->filter.name,
              "the system gives no thread to decode with: decoding on one");
    return open_with(decode, codec, decoder, 1);
}

int decode_remember(struct limef_decode_filter *decode, const AVCodecParameters *parameters)
{
    /* not when the filter was made: libavcodec may be on its way still */
    if (!decode->parameters)
        decode->parameters = memory_new_codec_parameters();
    if (!decode->shell)
        decode->shell = memory_new_packet();
    decode->codec.parameters = decode->parameters;
    if (!decode->parameters || !decode->shell || !memory_permits())
        return AVERROR(ENOMEM);
    return avcodec_parameters_copy(decode->parameters, parameters) < 0 ? AVERROR(ENOMEM) : 0;
}

static bool is_same_bytes(const void *a, int a_size, const void *b, int b_size)
{
    return a_size == b_size && (a_size <= 0 || memcmp(a, b, (size_t)a_size) == 0);
}

bool decode_is_same_stream(const AVCodecParameters *a, const AVCodecParameters *b)
{
    return a->codec_id == b->codec_id && a->codec_tag == b->codec_tag && a->width == b->width &&
           a->height == b->height && a->sample_rate == b->sample_rate &&
           a->ch_layout.nb_channels == b->ch_layout.nb_channels &&
           a->block_align == b->block_align &&
           a->bits_per_coded_sample == b->bits_per_coded_sample &&
           is_same_bytes(a->extradata, a->extradata_size, b->extradata, b->extradata_size);
}

int decode_cannot_open(struct limef_decode_filter *decode, const struct limef_codec_frame *codec,
                       int code)
{
    struct limef_signal_frame lost;

    avcodec_free_context(&decode->context);
    LIMEF_COUNT(decode->n_errors, 1);
    limef_fail(code, decode->filter.name, "no decoder for %s",
               avcodec_get_name(codec->parameters->codec_id));
    limef_signal_frame_set(&lost, LIMEF_SIGNAL_LOST, codec->frame.slot, "cannot be decoded");
    lost.code = compat_code(code);
    if (limef_pass(&decode->filter, &lost.frame) == AVERROR_EXIT)
        return AVERROR_EXIT;
    lost.signal = LIMEF_SIGNAL_ERROR;
    limef_report(&lost);
    return lost.code;
}
