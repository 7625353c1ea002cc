/* SPDX-License-Identifier: MIT */
#include <limef/filter/presenter.h>

#include "filter/filter_counts.h"
#include "filter/filter_kinds.h"
#include "filter/presenter_private.h"
#include "frame/buffer_pool.h"
#include "frame/keep.h"
#include "gpu/compositor.h"

#include <limef/base/log.h>
#include <limef/thread/thread.h>

#include <libavutil/frame.h>

/* A jump of media time beyond this is a cut, not a pause in the stream. */
#define JUMP_US 10000000
/* A picture that is later than this stays late: the clock is set anew. */
#define HOPELESS_US 1000000
/* How long a late picture waits for the one behind it that may be due as well. */
#define SECOND_LOOK_US 1000

static struct limef_presenter *presenter_of(struct limef_filter *filter)
{
    return LIMEF_CONTAINER_OF(filter, struct limef_presenter, filter);
}

void presenter_wake_at(struct limef_presenter *presenter, int64_t due_us)
{
    struct limef_thread *thread = limef_thread_current();

    if (thread && thread->task_context == presenter && due_us < thread->task_due_us)
        thread->task_due_us = due_us;
}

void presenter_drop_next(struct limef_tile *tile)
{
    limef_any_frame_clear(&tile->next);
    tile->due_us = LIMEF_FOREVER;
    tile->waits_until_us = 0;
    tile->prepared = false;
}

void presenter_flush_next(struct limef_tile *tile)
{
    if (presenter_has_next(tile))
        LIMEF_COUNT(tile->n_dropped_flush, 1);
    presenter_drop_next(tile);
}

static bool is_cut(const struct limef_frame *frame, int64_t from_us, int64_t to_us)
{
    return frame->flags & LIMEF_FRAME_DISCONTINUITY || to_us < from_us || to_us - from_us > JUMP_US;
}

/* When the picture that waits is shown. Sets the clock where it has to be. */
static int64_t find_due_us(struct limef_tile *tile, int64_t now_us)
{
    struct limef_presenter_clock *clock = &tile->clock;
    const struct limef_frame *frame = &tile->next.frame;
    int64_t pts_us = frame->pts_us, due_us;
    bool live = frame->flags & LIMEF_FRAME_LIVE;

    if (!presenter_clock_anchored(clock)) {
        /* also while paused: the first picture after a start or a seek is worth seeing */
        due_us =
            live ? presenter_live_begin_us(tile, now_us) : presenter_begin_us(tile, pts_us, now_us);
        if (due_us != LIMEF_FOREVER)
            presenter_set_anchor(tile, pts_us, due_us);
        return due_us;
    }
    if (tile->stepping)
        return now_us;
    if (is_cut(frame, tile->shown_pts_us, pts_us)) {
        due_us = tile->shown_us + presenter_lasts_us(tile);
        presenter_set_anchor(tile, pts_us,
                             due_us > now_us && due_us < now_us + JUMP_US ? due_us : now_us);
    }
    presenter_follow_master(tile, now_us);
    due_us = presenter_clock_due_us(clock, pts_us);
    if (due_us < now_us - HOPELESS_US) {
        presenter_set_anchor(tile, pts_us, now_us);
        return now_us;
    }
    return live ? presenter_live_due_us(tile, due_us, now_us) : due_us;
}

void presenter_set_due(struct limef_presenter *presenter, struct limef_tile *tile, int64_t now_us)
{
    if (!presenter_has_next(tile))
        return;
    tile->due_us = presenter->settings.untimed && tile->clock.paused_us == LIMEF_NO_TIME
                       ? now_us
                       : find_due_us(tile, now_us);
    if (presenter_awaits_sound(tile)) {
        presenter_wake_at(presenter,
                          now_us + (LIMEF_COUNTED(tile->ready) ? PRESENTER_LISTEN_US : 0));
        return;
    }
    /* a picture that should be off the screen already: the one behind it may be due as well */
    presenter_wake_at(presenter, tile->due_us < now_us - presenter_lasts_us(tile)
                                     ? now_us + SECOND_LOOK_US
                                     : presenter_take_us(presenter, tile));
}

/* Keeps a picture that nobody counts; `next` then refers to what was kept. */
static int keep_copy(struct limef_presenter *presenter, struct limef_tile *tile,
                     const struct limef_decoded_frame *decoded)
{
    uint64_t copied_bytes;
    int ret = keep_picture(&tile->copy, decoded->av, &copied_bytes);

    if (ret < 0)
        return ret;
    tile->next.decoded = *decoded;
    tile->next.decoded.av = tile->copy;
    if (!copied_bytes)
        return 0;
    LIMEF_COUNT(presenter->filter.copied_bytes, copied_bytes);
    LIMEF_COUNT(tile->memory_bytes, copied_bytes);
    atomic_store_explicit(&tile->copied_why, "nobody counts references to the picture",
                          memory_order_relaxed);
    return 0;
}

static int keep_next(struct limef_presenter *presenter, struct limef_tile *tile,
                     const struct limef_decoded_frame *decoded)
{
    int ret = decoded->frame.payload ? limef_any_frame_ref(&tile->next, &decoded->frame)
                                     : keep_copy(presenter, tile, decoded);

    if (ret < 0) {
        LIMEF_COUNT(tile->n_failed, 1);
        return limef_fail(ret, presenter->filter.name, "picture of slot %u", decoded->frame.slot);
    }
    return 0;
}

/* A picture finds the place of the next one taken. 0: it is free now. */
static int make_room(struct limef_presenter *presenter, struct limef_tile *tile,
                     const struct limef_frame *frame, int64_t now_us)
{
    const struct limef_presenter_clock *clock = &tile->clock;

    if (!presenter->settings.untimed && !tile->stepping && frame->pts_us != LIMEF_NO_TIME &&
        !is_cut(frame, tile->next.frame.pts_us, frame->pts_us) && presenter_clock_anchored(clock) &&
        presenter_clock_due_us(clock, frame->pts_us) <= now_us &&
        !presenter_is_beginning(presenter, tile)) {
        LIMEF_COUNT(tile->n_dropped_late, 1);
        presenter_drop_next(tile);
        return 0;
    }
    if (frame->flags & LIMEF_FRAME_LIVE)
        presenter_live_hurry(tile);
    presenter_wake_at(presenter, presenter_take_us(presenter, tile));
    return AVERROR(EAGAIN);
}

static int take_picture(struct limef_presenter *presenter, struct limef_tile *tile,
                        const struct limef_decoded_frame *decoded)
{
    int64_t now_us = limef_now_us();
    int ret;

    if (decoded->frame.flags & LIMEF_FRAME_BURST) {
        LIMEF_COUNT(tile->n_dropped_burst, 1);
        return 0;
    }
    if (!tile->seeking && presenter_has_next(tile)) {
        ret = make_room(presenter, tile, &decoded->frame, now_us);
        if (ret < 0)
            return ret;
    }
    LIMEF_COUNT(tile->n_pictures, 1);
    tile->ending = false;
    if (tile->seeking) {
        LIMEF_COUNT(tile->n_dropped_flush, 1);
        return 0;
    }
    if (presenter->settings.untimed && presenter->opened && !presenter->compositor &&
        !presenter->host && tile->clock.paused_us == LIMEF_NO_TIME) {
        presenter_show_to_nobody(presenter, tile, decoded, now_us);
        return 0;
    }
    ret = keep_next(presenter, tile, decoded);
    if (ret < 0)
        return ret;
    tile->next.frame.pts_us = presenter_pts_us(tile, &decoded->frame);
    presenter_set_due(presenter, tile, now_us);
    return 0;
}

static int presenter_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct limef_presenter *presenter = presenter_of(filter);
    const struct limef_decoded_frame *decoded = limef_decoded_frame_from(in);
    const struct limef_signal_frame *signal_frame = limef_signal_frame_from(in);
    int ret;

    if (decoded && decoded->frame.media == LIMEF_MEDIA_VIDEO) {
        if (in->slot >= presenter->n_tiles)
            return limef_fail(AVERROR(EINVAL), filter->name, "there is no tile for slot %u",
                              in->slot);
        ret = take_picture(presenter, &presenter->tiles[in->slot], decoded);
        if (ret < 0)
            return ret;
    }
    if (signal_frame)
        presenter_signal(presenter, signal_frame, limef_now_us());
    return limef_pass(filter, in);
}

static void presenter_clear(struct limef_filter *filter)
{
    struct limef_presenter *presenter = presenter_of(filter);

    /* an output with pictures in use is abandoned: they stay valid */
    limef_presenter_close(presenter);
    buffer_pool_unref(presenter->buffers);
    for (unsigned i = 0; i < presenter->n_tiles; i++) {
        presenter_drop_next(&presenter->tiles[i]);
        av_frame_free(&presenter->tiles[i].copy);
        presenter->tiles[i] = (struct limef_tile){0};
    }
    *presenter = (struct limef_presenter){0};
}

static int64_t presenter_tick(struct limef_filter *filter, int64_t now_us)
{
    return limef_presenter_tick(presenter_of(filter), now_us);
}

/* The GL context is the thread's; the next thread opens an output of its own. */
static void presenter_leave(struct limef_filter *filter)
{
    struct limef_presenter *presenter = presenter_of(filter);

    if (limef_presenter_close(presenter) >= 0)
        presenter->closed = presenter->failed = false;
}

static unsigned presenter_counts(const struct limef_filter *filter,
                                 struct limef_filter_count *counts)
{
    const struct limef_presenter *presenter =
        LIMEF_CONTAINER_OF(filter, const struct limef_presenter, filter);
    const struct limef_filter_count now[] = {
        {"missed", LIMEF_COUNTED(presenter->n_missed)},
        {"missed_here", LIMEF_COUNTED(presenter->n_missed_here)},
        {"fences_cpu", LIMEF_COUNTED(presenter->n_fences_cpu)},
        {"fences_late", LIMEF_COUNTED(presenter->n_fences_late)},
    };

    return filter_counts(counts, now, sizeof(now));
}

static const struct limef_filter_ops presenter_ops = {.kind = "presenter",
                                                      .flags = LIMEF_FILTER_THREAD_BOUND |
                                                               LIMEF_FILTER_DISPLAY,
                                                      .go = presenter_go,
                                                      .clear = presenter_clear,
                                                      .tick = presenter_tick,
                                                      .leave = presenter_leave,
                                                      .counts = presenter_counts};

struct limef_presenter *presenter_from(struct limef_filter *filter)
{
    return filter->ops == &presenter_ops ? presenter_of(filter) : NULL;
}

int limef_presenter_init(struct limef_presenter *presenter, const char *name,
                         struct limef_tile *tiles, unsigned n_tiles,
                         const struct limef_presenter_settings *settings)
{
    if (n_tiles == 0 || !tiles)
        return limef_fail(AVERROR(EINVAL), name, "a presenter without tiles");
    limef_filter_init(&presenter->filter, &presenter_ops, name);
    presenter->filter.n_kept = PRESENTER_KEEPS;
    if (settings)
        presenter->settings = *settings;
    presenter->tiles = tiles;
    presenter->n_tiles = n_tiles;
    for (unsigned i = 0; i < n_tiles; i++) {
        tiles[i].due_us = LIMEF_FOREVER;
        tiles[i].since_us = limef_now_us();
        tiles[i].text_second = -1;
        tiles[i].clock =
            (struct limef_presenter_clock){.anchor_us = LIMEF_NO_TIME, .paused_us = LIMEF_NO_TIME};
        atomic_store_explicit(&tiles[i].format, -1, memory_order_relaxed);
    }
    return 0;
}
