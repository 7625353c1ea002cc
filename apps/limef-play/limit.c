/* SPDX-License-Identifier: MIT */
#include "limit.h"

#include <limef/frame/signal.h>

#include <libavutil/error.h>

/* What lasts as long as nobody knows, as the presenter takes it. */
#define UNKNOWN_US 40000

static int end(struct play_limit *limit, const struct limef_frame *in)
{
    struct limef_signal_frame signal_frame;

    limit->reached = true;
    limef_signal_frame_set(&signal_frame, LIMEF_SIGNAL_END, in->slot, "end of the chosen part");
    return limef_pass(&limit->filter, &signal_frame.frame);
}

/* When a picture begins: elementary streams may not say, then it follows the one before. */
static int64_t time_us(struct play_limit *limit, const struct limef_frame *in)
{
    int64_t at_us = in->pts_us != LIMEF_NO_TIME ? in->pts_us : limit->next_us;

    limit->next_us = at_us + (in->duration_us > 0 ? in->duration_us : UNKNOWN_US);
    return at_us;
}

static bool is_past(struct play_limit *limit, const struct limef_frame *in)
{
    int64_t at_us;

    if (limit->duration_us < 0)
        return false;
    at_us = time_us(limit, in);
    if (limit->first_us == LIMEF_NO_TIME)
        limit->first_us = at_us;
    return at_us - limit->first_us >= limit->duration_us;
}

/* No media and no second end; what a signal says concerns those behind all the same. */
static int pass_behind_end(struct play_limit *limit, const struct limef_frame *in)
{
    const struct limef_signal_frame *signal = limef_signal_frame_from(in);

    if (signal && signal->signal != LIMEF_SIGNAL_END)
        return limef_pass(&limit->filter, in);
    return AVERROR_EXIT;
}

static int limit_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct play_limit *limit = LIMEF_CONTAINER_OF(filter, struct play_limit, filter);
    int ret;

    if (limit->reached)
        return pass_behind_end(limit, in);
    if (in->frame_class != LIMEF_FRAME_DECODED || in->media != limit->media)
        return limef_pass(filter, in);
    if (is_past(limit, in))
        return end(limit, in);
    ret = limef_pass(filter, in);
    if (++limit->n_passed == limit->n_frames)
        return end(limit, in);
    return ret;
}

static const struct limef_filter_ops limit_ops = {.kind = "limit", .go = limit_go};

void play_limit_init(struct play_limit *limit, const char *name, uint32_t media, int64_t n_frames,
                     int64_t duration_us)
{
    limef_filter_init(&limit->filter, &limit_ops, name);
    limit->media = media;
    limit->n_frames = n_frames;
    limit->duration_us = duration_us;
    limit->first_us = LIMEF_NO_TIME;
}
