/* SPDX-License-Identifier: MIT */
#include "pattern.h"

#include <limef/base/log.h>
#include <limef/frame/any.h>
#include <limef/frame/pool.h>

#include <libavutil/frame.h>
#include <libavutil/imgutils.h>
#include <string.h>

#define ALIGN_BYTES 64
#define BAR_LINES 16

static struct pattern *pattern_of(struct limef_source *source)
{
    return LIMEF_CONTAINER_OF(source, struct pattern, source);
}

static int pass_signal(struct pattern *pattern, uint32_t signal)
{
    struct limef_signal_frame frame;

    limef_signal_frame_set(&frame, signal, pattern->settings.slot, NULL);
    return limef_pass(&pattern->source.filter, &frame.frame);
}

static int64_t due_of(const struct pattern *pattern, int64_t number)
{
    return pattern->began_us + (int64_t)((double)number * 1e6 / pattern->settings.fps);
}

/* Returns 0, or AVERROR(ENOMEM). */
static int draw(struct pattern *pattern, AVFrame *picture)
{
    const AVFrame *ramp = pattern->ramp;
    int height = ramp->height, lines = height < BAR_LINES ? height : BAR_LINES;
    int top = (int)(pattern->number * 4 % (height - lines + 1));

    picture->format = ramp->format;
    picture->width = ramp->width;
    picture->height = height;
    picture->color_range = ramp->color_range;
    picture->buf[0] = av_buffer_pool_get(pattern->buffers);
    if (!picture->buf[0])
        return AVERROR(ENOMEM);
    av_image_fill_arrays(picture->data, picture->linesize, picture->buf[0]->data, picture->format,
                         picture->width, height, ALIGN_BYTES);
    av_image_copy(picture->data, picture->linesize, (const uint8_t **)(void *)ramp->data,
                  ramp->linesize, picture->format, picture->width, height);
    memset(picture->data[0] + (ptrdiff_t)top * picture->linesize[0], 235,
           (size_t)lines * (size_t)picture->linesize[0]);
    return 0;
}

static int pass_picture(struct pattern *pattern)
{
    struct limef_payload *payload = limef_pool_get(pattern->pictures);
    struct limef_frame *frame = &pattern->out.frame;

    if (!payload || draw(pattern, limef_payload_picture(payload)) < 0) {
        limef_payload_unref(payload);
        return limef_fail(AVERROR(ENOMEM), pattern->source.filter.name, "no picture");
    }
    limef_payload_unref(frame->payload);
    limef_decoded_frame_set(&pattern->out, payload);
    frame->slot = pattern->settings.slot;
    frame->pts_us = due_of(pattern, pattern->number) - pattern->began_us;
    frame->duration_us = (int64_t)(1e6 / pattern->settings.fps);
    frame->entered_us = limef_now_us();
    frame->flags = pattern->settings.is_live ? LIMEF_FRAME_LIVE : 0;
    return limef_pass(&pattern->source.filter, frame);
}

/* Leaves out what should have been there already. */
static void catch_up(struct pattern *pattern)
{
    int64_t now_us = limef_now_us();

    while (due_of(pattern, pattern->number + 1) <= now_us) {
        pattern->number++;
        LIMEF_COUNT(pattern->n_left_out, 1);
    }
}

static int pattern_step(struct limef_source *source, int64_t *due_us)
{
    struct pattern *pattern = pattern_of(source);
    int ret;

    if (pattern->ended)
        return AVERROR_EOF;
    if (!pattern->started) {
        pattern->started = true;
        pattern->began_us = limef_now_us();
        return pass_signal(pattern, LIMEF_SIGNAL_START);
    }
    if (pattern->settings.n_pictures && pattern->number >= pattern->settings.n_pictures) {
        pattern->ended = true;
        ret = pass_signal(pattern, LIMEF_SIGNAL_END);
        return ret < 0 ? ret : AVERROR_EOF;
    }
    if (!pattern->settings.is_fastest && due_of(pattern, pattern->number) > limef_now_us()) {
        *due_us = due_of(pattern, pattern->number);
        return AVERROR(EAGAIN);
    }
    if (pattern->settings.is_live)
        catch_up(pattern);
    ret = pass_picture(pattern);
    pattern->number++;
    return ret == AVERROR_EXIT ? ret : 0;
}

static int pattern_go(struct limef_filter *filter, const struct limef_frame *in)
{
    return limef_pass(filter, in);
}

static void pattern_clear(struct limef_filter *filter)
{
    struct pattern *pattern = LIMEF_CONTAINER_OF(filter, struct pattern, source.filter);

    limef_payload_unref(pattern->out.frame.payload);
    limef_pool_release(pattern->pictures);
    av_buffer_pool_uninit(&pattern->buffers);
    av_frame_free(&pattern->ramp);
    *pattern = (struct pattern){0};
}

static uint64_t pattern_fingerprint(const struct limef_filter *filter)
{
    const struct pattern *pattern = LIMEF_CONTAINER_OF(filter, const struct pattern, source.filter);

    return (uint64_t)pattern->ramp->width << 44 ^ (uint64_t)pattern->ramp->height << 24 ^
           (uint64_t)pattern->settings.is_fastest << 23 ^ (uint64_t)(pattern->settings.fps * 1000);
}

static const struct limef_filter_ops pattern_ops = {.kind = "pattern",
                                                    .flags = LIMEF_FILTER_SOURCE,
                                                    .go = pattern_go,
                                                    .clear = pattern_clear,
                                                    .fingerprint = pattern_fingerprint};

static AVFrame *make_ramp(int width, int height)
{
    AVFrame *ramp = av_frame_alloc();

    if (!ramp)
        return NULL;
    ramp->format = AV_PIX_FMT_YUV420P;
    ramp->width = width;
    ramp->height = height;
    ramp->color_range = AVCOL_RANGE_MPEG;
    if (av_frame_get_buffer(ramp, ALIGN_BYTES) < 0) {
        av_frame_free(&ramp);
        return NULL;
    }
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            ramp->data[0][y * ramp->linesize[0] + x] =
                (uint8_t)(16 + (x * 160 / width + y * 60 / height));
    for (int i = 1; i < 3; i++)
        memset(ramp->data[i], 128, (size_t)ramp->linesize[i] * (size_t)((height + 1) / 2));
    return ramp;
}

int pattern_init(struct pattern *pattern, const char *name, const struct pattern_settings *settings)
{
    int bytes;

    limef_filter_init(&pattern->source.filter, &pattern_ops, name);
    pattern->source.step = pattern_step;
    pattern->settings = *settings;
    if (!settings->width || !settings->height) {
        pattern->settings.width = 640;
        pattern->settings.height = 360;
    }
    if (!(settings->fps > 0))
        pattern->settings.fps = 25;
    bytes = av_image_get_buffer_size(AV_PIX_FMT_YUV420P, pattern->settings.width,
                                     pattern->settings.height, ALIGN_BYTES);
    pattern->ramp = make_ramp(pattern->settings.width, pattern->settings.height);
    pattern->pictures = limef_pool_create(LIMEF_FRAME_DECODED);
    pattern->buffers = bytes > 0 ? av_buffer_pool_init((size_t)bytes + ALIGN_BYTES, NULL) : NULL;
    if (pattern->ramp && pattern->pictures && pattern->buffers)
        return 0;
    limef_filter_clear(&pattern->source.filter);
    return limef_fail(AVERROR(ENOMEM), "pattern", "init");
}
