/* SPDX-License-Identifier: MIT */
#include <limef/filter/tempo.h>

#include "base/memory_private.h"
#include "base/module.h"
#include "filter/filter_counts.h"
#include "filter/fingerprint.h"
#include "filter/stretch.h"

#include <limef/base/log.h>
#include <limef/frame/pool.h>

#include <libavutil/common.h>
#include <libavutil/frame.h>

/* Times that differ by more from where samples are by their number are a jump. */
#define JUMP_US 20000

static struct limef_tempo_filter *tempo_of(struct limef_filter *filter)
{
    return LIMEF_CONTAINER_OF(filter, struct limef_tempo_filter, filter);
}

static int64_t frames_us(const struct limef_tempo_filter *tempo, uint64_t n_frames)
{
    return av_rescale((int64_t)n_frames, 1000000, tempo->like->sample_rate);
}

/* Forgets what is inside. */
static void shut(struct limef_tempo_filter *tempo)
{
    if (tempo->stretch)
        tempo->ops->close(tempo->stretch);
    tempo->stretch = NULL;
    tempo->failed = false;
    tempo->n_in = tempo->n_out = 0;
    tempo->begins_us = LIMEF_NO_TIME;
}

/* position: of the input, what its first sample is made of; negative: where it should be */
static int pass_stretched(struct limef_tempo_filter *tempo, struct limef_payload *payload,
                          double position)
{
    struct limef_decoded_frame *out = &tempo->out;
    int64_t after_us = position < 0 ? frames_us(tempo, tempo->n_out) * tempo->rate / 1000
                                    : (int64_t)(position * 1e6 / tempo->like->sample_rate + 0.5);
    unsigned n = (unsigned)limef_payload_picture(payload)->nb_samples;

    limef_payload_unref(out->frame.payload);
    out->frame.payload = payload;
    out->av = limef_payload_picture(payload);
    out->rate = tempo->rate;
    out->frame.pts_us = LIMEF_NO_TIME;
    if (tempo->begins_us != LIMEF_NO_TIME)
        out->frame.pts_us = tempo->begins_us + after_us;
    out->frame.duration_us = frames_us(tempo, n) * tempo->rate / 1000;
    tempo->n_out += n;
    return limef_pass(&tempo->filter, &out->frame);
}

/* Passes on what is ready. Returns 0, AVERROR_EXIT, or the last error there was. */
static int pass_all(struct limef_tempo_filter *tempo)
{
    int last = 0;

    for (;;) {
        struct limef_payload *payload = tempo->spare ? tempo->spare : limef_pool_get(tempo->blocks);
        double position;
        int ret;

        tempo->spare = NULL;
        if (!payload)
            return AVERROR(ENOMEM);
        ret = tempo->ops->read(tempo->stretch, limef_payload_picture(payload), &position);
        if (ret < 0) {
            tempo->spare = payload;
            return ret == AVERROR(EAGAIN) || ret == AVERROR_EOF ? last : ret;
        }
        ret = pass_stretched(tempo, payload, position);
        if (ret == AVERROR_EXIT)
            return ret;
        if (ret < 0)
            last = ret;
    }
}

/* Passes on all that is inside. */
static int drain(struct limef_tempo_filter *tempo)
{
    int ret = 0;

    if (tempo->stretch && tempo->ops->write(tempo->stretch, NULL) >= 0)
        ret = pass_all(tempo);
    shut(tempo);
    return ret;
}

static bool is_possible(int32_t rate)
{
    return rate >= LIMEF_TEMPO_MIN_RATE && rate <= LIMEF_TEMPO_MAX_RATE;
}

static const struct stretch_ops *load(const struct limef_tempo_filter *tempo)
{
    const struct stretch_ops *ops = module_load(STRETCH_FILE, STRETCH_SYMBOL, tempo->filter.name);

    return ops && ops->abi == STRETCH_ABI ? ops : NULL;
}

static int open_stretch(struct limef_tempo_filter *tempo, const AVFrame *in)
{
    int ret = av_channel_layout_copy(&tempo->like->ch_layout, &in->ch_layout);

    tempo->like->sample_rate = in->sample_rate;
    tempo->like->format = in->format;
    if (ret >= 0 && (in->sample_rate <= 0 || in->ch_layout.nb_channels <= 0))
        ret = AVERROR_INVALIDDATA;
    if (ret >= 0 && !tempo->ops)
        tempo->ops = load(tempo);
    if (ret >= 0 && !tempo->ops)
        ret = AVERROR(ENOSYS);
    if (ret >= 0)
        ret = memory_permits() ? tempo->ops->open(&tempo->stretch, tempo->like, tempo->rate)
                               : AVERROR(ENOMEM);
    return ret < 0 ? limef_fail(ret, tempo->filter.name, "no sound at %d/1000 of its rate%s",
                                (int)tempo->rate, tempo->ops ? "" : ", libavfilter is not there")
                   : 0;
}

static bool is_like(const struct limef_tempo_filter *tempo, const AVFrame *in)
{
    return tempo->like->sample_rate == in->sample_rate && tempo->like->format == in->format &&
           !av_channel_layout_compare(&tempo->like->ch_layout, &in->ch_layout);
}

static bool jumps(const struct limef_tempo_filter *tempo, const struct limef_frame *in)
{
    int64_t expected_us = tempo->begins_us + frames_us(tempo, tempo->n_in);

    return in->flags & LIMEF_FRAME_DISCONTINUITY ||
           (tempo->begins_us != LIMEF_NO_TIME && in->pts_us != LIMEF_NO_TIME &&
            FFABS(in->pts_us - expected_us) > JUMP_US);
}

/* Another rate: what came before keeps its own. */
static int change(struct limef_tempo_filter *tempo, int32_t rate)
{
    if (drain(tempo) == AVERROR_EXIT)
        return AVERROR_EXIT;
    tempo->rate = rate;
    LIMEF_COUNT(tempo->n_changes, 1);
    return 0;
}

/* The rate that limef_tempo_set_rate() asked for, before a block. */
static int change_before(struct limef_tempo_filter *tempo, const struct limef_frame *in)
{
    int32_t rate = LIMEF_COUNTED(tempo->asked);
    struct limef_signal_frame said;

    if (rate == tempo->rate)
        return 0;
    if (change(tempo, rate) == AVERROR_EXIT)
        return AVERROR_EXIT;
    limef_signal_frame_set(&said, LIMEF_SIGNAL_RATE, in->slot, NULL);
    said.frame.media = LIMEF_MEDIA_AUDIO;
    said.value = rate;
    return limef_pass(&tempo->filter, &said.frame) == AVERROR_EXIT ? AVERROR_EXIT : 0;
}

static int stretch(struct limef_tempo_filter *tempo, const struct limef_decoded_frame *in)
{
    struct limef_payload *payload = tempo->out.frame.payload;
    int ret;

    if (in->frame.pts_us != LIMEF_NO_TIME)
        tempo->begins_us = in->frame.pts_us - frames_us(tempo, tempo->n_in);
    tempo->n_in += (uint64_t)in->av->nb_samples;
    tempo->out = *in;
    tempo->out.frame.payload = payload;
    LIMEF_COUNT(tempo->n_stretched, 1);
    ret = tempo->ops->write(tempo->stretch, in->av);
    if (ret >= 0)
        ret = pass_all(tempo);
    else if (!LIMEF_COUNTED(tempo->n_errors)) /* each further one is counted */
        limef_fail(ret, tempo->filter.name, "a block of sound was lost");
    if (ret < 0 && ret != AVERROR_EXIT)
        LIMEF_COUNT(tempo->n_errors, 1);
    return ret;
}

static int take_block(struct limef_tempo_filter *tempo, const struct limef_decoded_frame *in)
{
    LIMEF_COUNT(tempo->n_blocks, 1);
    if (change_before(tempo, &in->frame) == AVERROR_EXIT)
        return AVERROR_EXIT;
    if (tempo->rate == 1000 || !is_possible(tempo->rate) || in->frame.flags & LIMEF_FRAME_LIVE)
        return limef_pass(&tempo->filter, &in->frame);
    if ((tempo->stretch && jumps(tempo, &in->frame)) ||
        ((tempo->stretch || tempo->failed) && !is_like(tempo, in->av))) {
        if (drain(tempo) == AVERROR_EXIT)
            return AVERROR_EXIT;
        LIMEF_COUNT(tempo->n_restarts, 1);
    }
    if (!tempo->stretch && !tempo->failed)
        tempo->failed = open_stretch(tempo, in->av) < 0;
    if (!tempo->failed)
        return stretch(tempo, in);
    LIMEF_COUNT(tempo->n_errors, 1);
    return limef_pass(&tempo->filter, &in->frame);
}

static int take_signal(struct limef_tempo_filter *tempo, const struct limef_signal_frame *in)
{
    int ret = 0;

    switch (in->signal) {
    case LIMEF_SIGNAL_RATE:
        limef_tempo_set_rate(tempo, (int32_t)av_clip64(in->value, 1, INT32_MAX));
        if (LIMEF_COUNTED(tempo->asked) != tempo->rate)
            ret = change(tempo, LIMEF_COUNTED(tempo->asked));
        break;
    case LIMEF_SIGNAL_FLUSH:
        if (tempo->stretch)
            LIMEF_COUNT(tempo->n_restarts, 1);
        shut(tempo);
        break;
    case LIMEF_SIGNAL_END:
    case LIMEF_SIGNAL_STOP:
        ret = drain(tempo);
        break;
    default:
        break;
    }
    return ret == AVERROR_EXIT ? ret : limef_pass(&tempo->filter, &in->frame);
}

static int tempo_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct limef_tempo_filter *tempo = tempo_of(filter);

    if (in->frame_class == LIMEF_FRAME_SIGNAL)
        return take_signal(tempo, limef_signal_frame_from(in));
    if (in->frame_class != LIMEF_FRAME_DECODED || in->media != LIMEF_MEDIA_AUDIO)
        return limef_pass(filter, in);
    return take_block(tempo, limef_decoded_frame_from(in));
}

static void tempo_clear(struct limef_filter *filter)
{
    struct limef_tempo_filter *tempo = tempo_of(filter);

    shut(tempo);
    av_frame_free(&tempo->like);
    limef_payload_unref(tempo->out.frame.payload);
    limef_payload_unref(tempo->spare);
    limef_pool_release(tempo->blocks);
    *tempo = (struct limef_tempo_filter){0};
}

static uint64_t tempo_fingerprint(const struct limef_filter *filter)
{
    const struct limef_tempo_filter *tempo =
        LIMEF_CONTAINER_OF(filter, const struct limef_tempo_filter, filter);

    return fingerprint_mix(FINGERPRINT_START, LIMEF_COUNTED(tempo->asked));
}

static unsigned tempo_counts(const struct limef_filter *filter, struct limef_filter_count *counts)
{
    const struct limef_tempo_filter *tempo =
        LIMEF_CONTAINER_OF(filter, const struct limef_tempo_filter, filter);
    const struct limef_filter_count now[] = {
        {"changes", LIMEF_COUNTED(tempo->n_changes)},
        {"restarts", LIMEF_COUNTED(tempo->n_restarts)},
        {"errors", LIMEF_COUNTED(tempo->n_errors)},
    };

    return filter_counts(counts, now, sizeof(now));
}

static const struct limef_filter_ops tempo_ops = {.kind = "tempo",
                                                  .go = tempo_go,
                                                  .clear = tempo_clear,
                                                  .fingerprint = tempo_fingerprint,
                                                  .counts = tempo_counts};

int limef_tempo_filter_init(struct limef_tempo_filter *tempo, const char *name)
{
    limef_filter_init(&tempo->filter, &tempo_ops, name);
    limef_tempo_set_rate(tempo, 1000);
    tempo->rate = 1000;
    tempo->begins_us = LIMEF_NO_TIME;
    tempo->like = memory_new_av_frame();
    tempo->blocks = limef_pool_create(LIMEF_FRAME_DECODED);
    if (!tempo->like || !tempo->blocks) {
        tempo_clear(&tempo->filter);
        return limef_fail(AVERROR(ENOMEM), name ? name : tempo_ops.kind, "init");
    }
    return 0;
}

void limef_tempo_set_rate(struct limef_tempo_filter *tempo, int32_t rate)
{
    atomic_store_explicit(&tempo->asked, rate, memory_order_relaxed);
}

int limef_tempo_load(struct limef_tempo_filter *tempo)
{
    if (!tempo->ops)
        tempo->ops = load(tempo);
    return tempo->ops ? 0
                      : limef_fail(AVERROR(ENOSYS), tempo->filter.name,
                                   "no sound at other rates, libavfilter is not there");
}

void limef_tempo_get_counters(const struct limef_tempo_filter *tempo,
                              struct limef_tempo_counters *counters)
{
    *counters = (struct limef_tempo_counters){
        .n_blocks = LIMEF_COUNTED(tempo->n_blocks),
        .n_stretched = LIMEF_COUNTED(tempo->n_stretched),
        .n_changes = LIMEF_COUNTED(tempo->n_changes),
        .n_restarts = LIMEF_COUNTED(tempo->n_restarts),
        .n_errors = LIMEF_COUNTED(tempo->n_errors),
    };
}
