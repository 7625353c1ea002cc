/* SPDX-License-Identifier: MIT */
#include "limit.h"

#include <libavutil/error.h>

static int end(struct play_limit *limit, const struct limef_frame *in)
{
    struct limef_signal_frame signal_frame;

    limit->reached = true;
    limef_signal_frame_set(&signal_frame, LIMEF_SIGNAL_END, in->slot, "end of the chosen part");
    return limef_pass(&limit->filter, &signal_frame.frame);
}

static bool is_past(struct play_limit *limit, const struct limef_frame *in)
{
    if (limit->duration_us < 0 || in->pts_us == LIMEF_NO_TIME)
        return false;
    if (limit->first_us == LIMEF_NO_TIME)
        limit->first_us = in->pts_us;
    return in->pts_us - limit->first_us >= limit->duration_us;
}

static int limit_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct play_limit *limit = LIMEF_CONTAINER_OF(filter, struct play_limit, filter);
    int ret;

    if (limit->reached)
        return AVERROR_EXIT;
    if (in->frame_class != LIMEF_FRAME_DECODED || in->media != LIMEF_MEDIA_VIDEO)
        return limef_pass(filter, in);
    if (is_past(limit, in))
        return end(limit, in);
    ret = limef_pass(filter, in);
    if (++limit->n_passed == limit->n_frames)
        return end(limit, in);
    return ret;
}

static const struct limef_filter_ops limit_ops = {.kind = "limit", .go = limit_go};

void play_limit_init(struct play_limit *limit, const char *name, int64_t n_frames,
                     int64_t duration_us)
{
    limef_filter_init(&limit->filter, &limit_ops, name);
    limit->n_frames = n_frames;
    limit->duration_us = duration_us;
    limit->first_us = LIMEF_NO_TIME;
}
