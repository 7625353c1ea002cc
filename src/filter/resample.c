/* SPDX-License-Identifier: MIT */
#include "filter/resample_private.h"

#include "base/memory_private.h"
#include "filter/clean_samples.h"
#include "filter/filter_counts.h"
#include "filter/fingerprint.h"

#include <limef/base/log.h>
#include <limef/frame/pool.h>

#include <libavutil/common.h>
#include <libavutil/frame.h>
#include <libswresample/swresample.h>

/* Longer than any of libswresample's filters: this part of a second, and so many frames. */
#define PUSH_PART 50
#define PUSH_LEAST 64

/* Bits of limef_resample_filter.said. */
enum error { SPEED, INSIDE };

static struct limef_resample_filter *resample_of(struct limef_filter *filter)
{
    return LIMEF_CONTAINER_OF(filter, struct limef_resample_filter, filter);
}

static bool is_as_before(const struct limef_resample_filter *resample, const AVFrame *in)
{
    const AVFrame *from = resample->from;

    return from->sample_rate == in->sample_rate && from->format == in->format &&
           !av_channel_layout_compare(&from->ch_layout, &in->ch_layout);
}

/* Remembers what blocks look like now; also if they cannot be converted, which is said once. */
static int follow(struct limef_resample_filter *resample, const AVFrame *in)
{
    char layout[64] = "?";
    int ret;

    if (resample->from->sample_rate)
        LIMEF_COUNT(resample->n_changes, 1);
    swr_free(&resample->swr);
    resample->began = false;
    resample->from->sample_rate = in->sample_rate;
    resample->from->format = in->format;
    ret = av_channel_layout_copy(&resample->from->ch_layout, &in->ch_layout);
    if (ret >= 0 && (in->sample_rate <= 0 || in->ch_layout.nb_channels <= 0))
        ret = AVERROR_INVALIDDATA;
    if (ret >= 0)
        ret = resample_open(resample, in);
    if (ret >= 0)
        return 0;
    av_channel_layout_describe(&in->ch_layout, layout, sizeof(layout));
    return limef_fail(ret, resample->filter.name, "sound of %d Hz, %s, %s cannot be converted",
                      in->sample_rate, layout, av_get_sample_fmt_name(in->format));
}

static AVBufferRef *make_buffer(void *resample, size_t size_bytes)
{
    (void)resample;
    return memory_permits() ? av_buffer_alloc(size_bytes) : NULL;
}

/* Room for n frames, of a pool whose buffers are large enough. */
static AVBufferRef *get_buffer(struct limef_resample_filter *resample, unsigned n_frames)
{
    size_t frame_bytes = resample->settings.n_channels * sizeof(float);

    if (!resample->buffers || n_frames > resample->n_capacity) {
        av_buffer_pool_uninit(&resample->buffers);
        resample->n_capacity = n_frames + n_frames / 4; /* blocks differ a little */
        resample->buffers = memory_permits()
                                ? av_buffer_pool_init2(resample->n_capacity * frame_bytes, resample,
                                                       make_buffer, NULL)
                                : NULL;
    }
    return resample->buffers ? av_buffer_pool_get(resample->buffers) : NULL;
}

/* What is not the answer to a block. Each kind is said once: what comes next is like it. */
static void count_error(struct limef_resample_filter *resample, int code, enum error error)
{
    static const char *const whats[] = {
        [SPEED] = "a speed was refused", [INSIDE] = "what was inside is lost"};

    if (!(resample->said & 1u << error))
        limef_fail(code, resample->filter.name, "%s", whats[error]);
    resample->said |= 1u << error;
    LIMEF_COUNT(resample->n_errors, 1);
}

/* Before it converts n frames more. */
static void set_speed(struct limef_resample_filter *resample, int n_frames)
{
    int32_t ppm = LIMEF_COUNTED(resample->ppm);
    int ret;

    resample->n_until_again -= n_frames;
    if (!resample->settings.follows || (ppm == resample->ppm_in_use && resample->n_until_again > 0))
        return;
    ret = swr_set_compensation(resample->swr, ppm, RESAMPLE_SPEED_LASTS);
    if (ret < 0)
        count_error(resample, ret, SPEED);
    resample->ppm_in_use = ppm; /* else each block would try it again */
    resample->n_until_again = RESAMPLE_SPEED_LASTS / 2;
}

static int pass_block(struct limef_resample_filter *resample, struct limef_payload *payload)
{
    struct limef_decoded_frame *out = &resample->out;

    limef_payload_unref(out->frame.payload);
    out->frame.payload = payload;
    out->av = limef_payload_picture(payload);
    LIMEF_COUNT(resample->n_out, (uint64_t)out->av->nb_samples);
    LIMEF_COUNT(resample->filter.copied_bytes,
                (uint64_t)out->av->nb_samples * resample->settings.n_channels * sizeof(float));
    return limef_pass(&resample->filter, &out->frame);
}

/* Stream time of what lasts so long. */
static int64_t stream_us(const struct limef_resample_filter *resample, int64_t lasts_us)
{
    int32_t rate = resample->out.rate;

    return rate ? lasts_us * rate / 1000 : lasts_us;
}

/* in is NULL: what is still inside; n_most frames of what comes out. The header of the block that
 * is passed on is in out. */
static int convert(struct limef_resample_filter *resample, const AVFrame *in, int n_most)
{
    struct limef_payload *payload = limef_pool_get(resample->blocks);
    AVFrame *block;
    int n;

    if (!payload)
        return AVERROR(ENOMEM);
    block = limef_payload_picture(payload);
    block->buf[0] = get_buffer(resample, n_most > 0 ? (unsigned)n_most : 1);
    if (!block->buf[0]) {
        limef_payload_unref(payload);
        return AVERROR(ENOMEM);
    }
    block->data[0] = block->buf[0]->data;
    block->extended_data = block->data;
    n = swr_convert(resample->swr, block->data, n_most,
                    in ? (const uint8_t **)in->extended_data : NULL, in ? in->nb_samples : 0);
    if (n <= 0) {
        limef_payload_unref(payload);
        return n;
    }
    resample->began = true;
    block->format = AV_SAMPLE_FMT_FLT;
    block->nb_samples = n;
    block->sample_rate = (int)resample->settings.rate;
    block->linesize[0] = n * (int)(resample->settings.n_channels * sizeof(float));
    av_channel_layout_default(&block->ch_layout, (int)resample->settings.n_channels);
    resample->out.frame.duration_us =
        stream_us(resample, av_rescale(n, 1000000, resample->settings.rate));
    return pass_block(resample, payload);
}

/* The time of the oldest sample that went in and did not come out. */
static int64_t time_inside(const struct limef_resample_filter *resample)
{
    return resample->ends_us == LIMEF_NO_TIME
               ? LIMEF_NO_TIME
               : resample->ends_us - stream_us(resample, swr_get_delay(resample->swr, 1000000));
}

/* Of less than its filter is long libswresample gives nothing: silence pushes it out. */
static int push_out(struct limef_resample_filter *resample, int n_inside)
{
    int n_silent = FFMAX(resample->from->sample_rate / PUSH_PART, PUSH_LEAST);
    int ret = memory_permits() ? swr_inject_silence(resample->swr, n_silent) : AVERROR(ENOMEM);

    return ret < 0 ? ret : convert(resample, NULL, n_inside);
}

/* Passes on what the resampler still holds; its time goes on from what was before. Returns 0, what
 * could not be passed on is lost; or AVERROR_EXIT. */
static int drain(struct limef_resample_filter *resample)
{
    int n_inside = resample->swr ? (int)swr_get_delay(resample->swr, resample->settings.rate) : 0;
    int ret = 0;

    if (n_inside < 1)
        return 0;
    resample->out.frame.pts_us = time_inside(resample);
    if (resample->began)
        ret = convert(resample, NULL, swr_get_out_samples(resample->swr, 0));
    else
        ret = push_out(resample, n_inside);
    if (ret < 0 && ret != AVERROR_EXIT)
        count_error(resample, ret, INSIDE);
    return ret == AVERROR_EXIT ? ret : 0;
}

/* A copy without what is no number. */
static int clean(struct limef_resample_filter *resample, const AVFrame **in)
{
    AVFrame *copy = resample->clean;
    size_t n_bad = clean_samples_count(*in);
    int ret;

    if (!n_bad)
        return 0;
    LIMEF_COUNT(resample->n_cleaned, n_bad);
    av_frame_unref(copy);
    copy->format = (*in)->format;
    copy->nb_samples = (*in)->nb_samples;
    copy->sample_rate = (*in)->sample_rate;
    ret = av_channel_layout_copy(&copy->ch_layout, &(*in)->ch_layout);
    if (ret >= 0)
        ret = memory_permits() ? av_frame_get_buffer(copy, 0) : AVERROR(ENOMEM);
    if (ret >= 0)
        ret = av_frame_copy(copy, *in);
    if (ret < 0)
        return ret;
    clean_samples(copy);
    *in = copy;
    return 0;
}

/* When the first frame that comes out is to be heard: what is still inside comes before. */
static void set_header(struct limef_resample_filter *resample, const struct limef_decoded_frame *in)
{
    struct limef_payload *payload = resample->out.frame.payload;

    if (in->frame.pts_us != LIMEF_NO_TIME)
        resample->ends_us = in->frame.pts_us;
    resample->out.frame = in->frame;
    resample->out.frame.payload = payload;
    resample->out.rate = in->rate;
    resample->out.frame.pts_us = time_inside(resample);
}

static int take_block(struct limef_resample_filter *resample, const struct limef_decoded_frame *in)
{
    const AVFrame *block = in->av;
    int ret = 0;

    LIMEF_COUNT(resample->n_blocks, 1);
    if (!is_as_before(resample, block)) {
        ret = drain(resample);
        if (ret < 0)
            return ret;
        ret = follow(resample, block);
    } else if (!resample->swr) {
        ret = AVERROR(ENOSYS); /* said when it came first */
    }
    if (ret >= 0)
        ret = clean(resample, &block);
    if (ret < 0) {
        LIMEF_COUNT(resample->n_errors, 1);
        return ret;
    }
    set_speed(resample, block->nb_samples);
    set_header(resample, in);
    if (resample->ends_us != LIMEF_NO_TIME)
        resample->ends_us +=
            stream_us(resample, av_rescale(block->nb_samples, 1000000, block->sample_rate));
    ret = convert(resample, block, swr_get_out_samples(resample->swr, block->nb_samples));
    if (ret < 0 && ret != AVERROR_EXIT && ret != AVERROR(EAGAIN))
        LIMEF_COUNT(resample->n_errors, 1);
    return ret;
}

/* The next block makes it anew. */
static void forget(struct limef_resample_filter *resample)
{
    swr_free(&resample->swr);
    resample->from->sample_rate = 0;
}

static int take_signal(struct limef_resample_filter *resample, const struct limef_frame *in)
{
    uint32_t signal = limef_signal_frame_from(in)->signal;
    int ret;

    if (signal == LIMEF_SIGNAL_FLUSH) {
        forget(resample);
        resample->ends_us = LIMEF_NO_TIME;
    } else if (signal == LIMEF_SIGNAL_END || signal == LIMEF_SIGNAL_STOP) {
        ret = drain(resample);
        if (ret < 0)
            return ret;
        forget(resample); /* it takes nothing more behind its end */
    }
    return limef_pass(&resample->filter, in);
}

static int resample_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct limef_resample_filter *resample = resample_of(filter);

    if (in->frame_class == LIMEF_FRAME_SIGNAL)
        return take_signal(resample, in);
    if (in->frame_class != LIMEF_FRAME_DECODED || in->media != LIMEF_MEDIA_AUDIO)
        return limef_pass(filter, in);
    return take_block(resample, limef_decoded_frame_from(in));
}

static void resample_clear(struct limef_filter *filter)
{
    struct limef_resample_filter *resample = resample_of(filter);

    swr_free(&resample->swr);
    av_frame_free(&resample->from);
    av_frame_free(&resample->clean);
    limef_payload_unref(resample->out.frame.payload);
    limef_pool_release(resample->blocks);
    av_buffer_pool_uninit(&resample->buffers);
    *resample = (struct limef_resample_filter){0};
}

static uint64_t resample_fingerprint(const struct limef_filter *filter)
{
    const struct limef_resample_filter *resample =
        LIMEF_CONTAINER_OF(filter, const struct limef_resample_filter, filter);
    uint64_t hash = fingerprint_mix(FINGERPRINT_START, resample->settings.rate);

    hash = fingerprint_mix(hash, resample->settings.n_channels);
    hash = fingerprint_mix(hash, resample->settings.follows);
    hash = fingerprint_mix(hash, resample->from->sample_rate);
    return fingerprint_mix(hash, resample->from->format);
}

static unsigned resample_counts(const struct limef_filter *filter,
                                struct limef_filter_count *counts)
{
    const struct limef_resample_filter *resample =
        LIMEF_CONTAINER_OF(filter, const struct limef_resample_filter, filter);
    const struct limef_filter_count now[] = {
        {"cleaned", LIMEF_COUNTED(resample->n_cleaned)},
        {"changes", LIMEF_COUNTED(resample->n_changes)},
        {"errors", LIMEF_COUNTED(resample->n_errors)},
    };

    return filter_counts(counts, now, sizeof(now));
}

static const struct limef_filter_ops resample_ops = {.kind = "resample",
                                                     .go = resample_go,
                                                     .clear = resample_clear,
                                                     .fingerprint = resample_fingerprint,
                                                     .counts = resample_counts};

int limef_resample_filter_init(struct limef_resample_filter *resample, const char *name,
                               const struct limef_resample_settings *settings)
{
    struct limef_resample_settings wanted =
        settings ? *settings : (struct limef_resample_settings){0};

    name = name ? name : resample_ops.kind;
    wanted.rate = wanted.rate ? wanted.rate : 48000;
    wanted.n_channels = wanted.n_channels ? wanted.n_channels : 2;
    if (wanted.rate < 1000 || wanted.rate > 768000 || wanted.n_channels > RESAMPLE_MAX_CHANNELS)
        return limef_fail(AVERROR(EINVAL), name, "%u Hz, %u channels", wanted.rate,
                          wanted.n_channels);
    limef_filter_init(&resample->filter, &resample_ops, name);
    resample->settings = wanted;
    resample->ends_us = LIMEF_NO_TIME;
    resample->from = memory_new_av_frame();
    resample->clean = memory_new_av_frame();
    resample->blocks = limef_pool_create(LIMEF_FRAME_DECODED);
    if (!resample->from || !resample->clean || !resample->blocks) {
        resample_clear(&resample->filter);
        return limef_fail(AVERROR(ENOMEM), name, "init");
    }
    return 0;
}

void limef_resample_set_ppm(struct limef_resample_filter *resample, int32_t ppm)
{
    ppm = av_clip(ppm, -LIMEF_RESAMPLE_MAX_PPM, LIMEF_RESAMPLE_MAX_PPM);
    atomic_store_explicit(&resample->ppm, ppm, memory_order_relaxed);
}

void limef_resample_get_counters(const struct limef_resample_filter *resample,
                                 struct limef_resample_counters *counters)
{
    *counters = (struct limef_resample_counters){
        .n_blocks = LIMEF_COUNTED(resample->n_blocks),
        .n_out = LIMEF_COUNTED(resample->n_out),
        .n_cleaned = LIMEF_COUNTED(resample->n_cleaned),
        .n_changes = LIMEF_COUNTED(resample->n_changes),
        .n_errors = LIMEF_COUNTED(resample->n_errors),
    };
}
