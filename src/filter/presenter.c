/* SPDX-License-Identifier: MIT */
#include <limef/filter/presenter.h>

#include "base/memory_private.h"
#include "filter/presenter_private.h"
#include "gpu/compositor.h"

#include <limef/base/log.h>
#include <limef/thread/thread.h>

#include <libavutil/frame.h>
#include <libavutil/imgutils.h>
#include <stdio.h>

/* A jump of media time beyond this is a cut, not a pause in the stream. */
#define JUMP_US 10000000
/* A picture that is later than this stays late: the clock is set anew. */
#define HOPELESS_US 1000000
/* How long a late picture waits for the one behind it that may be due as well. */
#define SECOND_LOOK_US 1000
/* A live slot's first picture is shown this much later than it could be, so that the next may
 * jitter. */
#define LIVE_DELAY_US 20000
/* How often a window is asked for events. */
#define POLL_US 10000
/* What lasts as long as nobody knows. */
#define UNKNOWN_DURATION_US 40000
/* Pictures that are due this close to each other are composed together. */
#define TOGETHER_US 3000
/* A tile says that it waits only after a while: most do not wait that long. */
#define WAIT_TEXT_US 1000000

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
}

void presenter_set_state(struct limef_presenter *presenter, struct limef_tile *tile,
                         enum limef_tile_state state, int64_t now_us)
{
    atomic_store_explicit(&tile->state, (uint32_t)state, memory_order_relaxed);
    tile->since_us = now_us;
    tile->text_second = -1;
    presenter->dirty = true;
}

static void set_anchor(struct limef_tile *tile, int64_t media_us, int64_t at_us)
{
    presenter_clock_anchor(&tile->clock, media_us, at_us);
    LIMEF_COUNT(tile->n_anchors, 1);
}

static int64_t last_lasts_us(const struct limef_tile *tile)
{
    int64_t duration_us =
        tile->shown_duration_us > 0 ? tile->shown_duration_us : UNKNOWN_DURATION_US;

    return presenter_clock_lasts_us(&tile->clock, duration_us);
}

/* The media time of the picture that waits: its own, or what follows the one on screen. */
static int64_t find_pts_us(const struct limef_tile *tile, const struct limef_frame *frame)
{
    if (frame->pts_us != LIMEF_NO_TIME)
        return frame->pts_us;
    return tile->shown_pts_us +
           (tile->shown_duration_us > 0 ? tile->shown_duration_us : UNKNOWN_DURATION_US);
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
        due_us = now_us + (live ? LIVE_DELAY_US : 0);
        set_anchor(tile, pts_us, due_us);
        return due_us;
    }
    if (tile->stepping)
        return now_us;
    if (is_cut(frame, tile->shown_pts_us, pts_us)) {
        due_us = tile->shown_us + last_lasts_us(tile);
        set_anchor(tile, pts_us, due_us > now_us && due_us < now_us + JUMP_US ? due_us : now_us);
    }
    due_us = presenter_clock_due_us(clock, pts_us);
    if (due_us < now_us - HOPELESS_US || (live && due_us < now_us)) {
        set_anchor(tile, pts_us, now_us);
        due_us = now_us;
    }
    return due_us;
}

void presenter_set_due(struct limef_presenter *presenter, struct limef_tile *tile, int64_t now_us)
{
    if (!presenter_has_next(tile))
        return;
    tile->due_us = presenter->settings.untimed && tile->clock.paused_us == LIMEF_NO_TIME
                       ? now_us
                       : find_due_us(tile, now_us);
    /* a picture that should be off the screen already: the one behind it may be due as well */
    presenter_wake_at(presenter, tile->due_us < now_us - last_lasts_us(tile)
                                     ? now_us + SECOND_LOOK_US
                                     : tile->due_us);
}

/* Copies a picture that nobody counts; `next` then refers to the copy. */
static int keep_copy(struct limef_presenter *presenter, struct limef_tile *tile,
                     const struct limef_decoded_frame *decoded)
{
    const AVFrame *av = decoded->av;
    AVFrame *copy = tile->copy;
    int ret = 0;

    if (!copy && !(copy = tile->copy = memory_new_av_frame()))
        return AVERROR(ENOMEM);
    if (copy->width != av->width || copy->height != av->height || copy->format != av->format) {
        av_frame_unref(copy);
        copy->width = av->width;
        copy->height = av->height;
        copy->format = av->format;
        ret = memory_permits() ? av_frame_get_buffer(copy, 0) : AVERROR(ENOMEM);
    }
    if (ret >= 0)
        ret = av_frame_copy(copy, av);
    if (ret < 0)
        return ret;
    copy->sample_aspect_ratio = av->sample_aspect_ratio;
    copy->colorspace = av->colorspace;
    copy->color_range = av->color_range;
    copy->chroma_location = av->chroma_location;
    tile->next.decoded = *decoded;
    tile->next.decoded.av = copy;
    ret = av_image_get_buffer_size(av->format, av->width, av->height, 1);
    LIMEF_COUNT(presenter->filter.copied_bytes, (uint64_t)(ret > 0 ? ret : 0));
    LIMEF_COUNT(tile->copied_bytes, (uint64_t)(ret > 0 ? ret : 0));
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

/* A picture is on its way to the screen. */
static void note_shown(struct limef_tile *tile, const struct limef_decoded_frame *picture,
                       int64_t now_us)
{
    tile->shown_pts_us = find_pts_us(tile, &picture->frame);
    tile->shown_duration_us = picture->frame.duration_us;
    tile->shown_us = tile->due_us;
    tile->entered_us = picture->frame.entered_us;
    tile->has_picture = tile->fresh = true;
    if (tile->stepping) {
        tile->stepping = false;
        presenter_clock_pause(&tile->clock, now_us);
        set_anchor(tile, tile->shown_pts_us, now_us);
    }
    atomic_store_explicit(&tile->position_us, tile->shown_pts_us, memory_order_relaxed);
    atomic_store_explicit(&tile->width, picture->av->width, memory_order_relaxed);
    atomic_store_explicit(&tile->height, picture->av->height, memory_order_relaxed);
    atomic_store_explicit(&tile->format, picture->av->format, memory_order_relaxed);
}

/* After a composed picture was presented: the new ones in it were seen. */
static void note_presented(struct limef_presenter *presenter, int64_t now_us)
{
    bool any = false;

    for (unsigned i = 0; i < presenter->n_tiles; i++) {
        struct limef_tile *tile = &presenter->tiles[i];

        if (!tile->fresh)
            continue;
        any = true;
        tile->fresh = false;
        LIMEF_COUNT(tile->n_shown, 1);
        if (LIMEF_COUNTED(tile->first_shown_us) == 0)
            atomic_store_explicit(&tile->first_shown_us, now_us, memory_order_relaxed);
        if (tile->entered_us)
            limef_histogram_add(&tile->latency, now_us - tile->entered_us);
    }
    if (any || presenter->compositor)
        LIMEF_COUNT(presenter->n_presented, 1);
    if (any && LIMEF_COUNTED(presenter->first_shown_us) == 0)
        atomic_store_explicit(&presenter->first_shown_us, now_us, memory_order_relaxed);
}

/* Puts the picture that waits on screen. */
static void show_next(struct limef_presenter *presenter, struct limef_tile *tile, int64_t now_us)
{
    struct compositor_upload moved = {0};
    int ret = 0;

    if (presenter->compositor)
        ret = compositor_set_picture(presenter->compositor, (unsigned)(tile - presenter->tiles),
                                     &tile->next.decoded, &moved);
    LIMEF_COUNT(tile->uploaded_bytes, moved.uploaded_bytes);
    if (moved.copied_bytes) {
        LIMEF_COUNT(tile->copied_bytes, moved.copied_bytes);
        LIMEF_COUNT(presenter->filter.copied_bytes, moved.copied_bytes);
        atomic_store_explicit(&tile->copied_why, moved.why, memory_order_relaxed);
    }
    if (ret < 0 || presenter->failed)
        LIMEF_COUNT(tile->n_failed, 1);
    else
        note_shown(tile, &tile->next.decoded, now_us);
    presenter_drop_next(tile);
    if (LIMEF_COUNTED(tile->state) != LIMEF_TILE_PLAYING)
        presenter_set_state(presenter, tile, LIMEF_TILE_PLAYING, now_us);
    presenter->dirty = true;
}

/* A picture finds the place of the next one taken. 0: it is free now. */
static int make_room(struct limef_presenter *presenter, struct limef_tile *tile,
                     const struct limef_frame *frame, int64_t now_us)
{
    const struct limef_presenter_clock *clock = &tile->clock;

    if (!presenter->settings.untimed && !tile->stepping && frame->pts_us != LIMEF_NO_TIME &&
        !is_cut(frame, tile->next.frame.pts_us, frame->pts_us) &&
        presenter_clock_due_us(clock, frame->pts_us) <= now_us) {
        LIMEF_COUNT(tile->n_dropped_late, 1);
        presenter_drop_next(tile);
        return 0;
    }
    if (frame->flags & LIMEF_FRAME_LIVE && clock->paused_us == LIMEF_NO_TIME) {
        /* more waits than a live slot should hold: catch up, a tenth faster than natural */
        presenter_clock_shift(&tile->clock, -(last_lasts_us(tile) / 10));
        tile->due_us -= last_lasts_us(tile) / 10;
    }
    presenter_wake_at(presenter, tile->due_us);
    return AVERROR(EAGAIN);
}

/* Without a screen and without a clock a picture is shown by being looked at. */
static void show_to_nobody(struct limef_presenter *presenter, struct limef_tile *tile,
                           const struct limef_decoded_frame *decoded, int64_t now_us)
{
    tile->due_us = now_us;
    note_shown(tile, decoded, now_us);
    if (LIMEF_COUNTED(tile->state) != LIMEF_TILE_PLAYING)
        presenter_set_state(presenter, tile, LIMEF_TILE_PLAYING, now_us);
    note_presented(presenter, now_us);
}

static int take_picture(struct limef_presenter *presenter, struct limef_tile *tile,
                        const struct limef_decoded_frame *decoded)
{
    int64_t now_us = limef_now_us();
    int ret;

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
        tile->clock.paused_us == LIMEF_NO_TIME) {
        show_to_nobody(presenter, tile, decoded, now_us);
        return 0;
    }
    ret = keep_next(presenter, tile, decoded);
    if (ret < 0)
        return ret;
    tile->next.frame.pts_us = find_pts_us(tile, &decoded->frame);
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

/* Whether the output can be opened: with its size known, or not worth waiting for any longer. */
static bool is_ready_to_open(struct limef_presenter *presenter, int64_t now_us)
{
    const struct limef_presenter_settings *settings = &presenter->settings;

    if (!presenter->begun_us)
        presenter->begun_us = now_us;
    return settings->output == LIMEF_OUTPUT_NONE || settings->output == LIMEF_OUTPUT_OFFSCREEN ||
           presenter->n_tiles > 1 || settings->fullscreen ||
           (settings->width > 0 && settings->height > 0) ||
           presenter_has_next(&presenter->tiles[0]) ||
           LIMEF_COUNTED(presenter->tiles[0].state) != LIMEF_TILE_WAITING ||
           now_us >= presenter->begun_us + WAIT_TEXT_US;
}

/* A lone tile's output has its first picture's size. */
static void choose_size(struct limef_presenter *presenter)
{
    const struct limef_decoded_frame *first = &presenter->tiles[0].next.decoded;
    struct limef_presenter_settings *settings = &presenter->settings;
    const AVFrame *av = first->av;
    int64_t width;

    if (presenter->n_tiles > 1 || !presenter_has_next(&presenter->tiles[0]) ||
        (settings->width > 0 && settings->height > 0))
        return;
    width = av->sample_aspect_ratio.num > 0 && av->sample_aspect_ratio.den > 0
                ? av_rescale(av->width, av->sample_aspect_ratio.num, av->sample_aspect_ratio.den)
                : av->width;
    settings->width = (int)av_clip64(first->rotation_degrees % 180 ? av->height : width, 1, 16384);
    settings->height = (int)av_clip64(first->rotation_degrees % 180 ? width : av->height, 1, 16384);
}

int limef_presenter_open(struct limef_presenter *presenter)
{
    struct limef_signal_frame failure;
    int ret = 0;

    if (presenter->opened)
        return 0;
    presenter->failed = false;
    choose_size(presenter);
    if (presenter->settings.output != LIMEF_OUTPUT_NONE)
        ret = compositor_open(&presenter->compositor, &presenter->settings, presenter->n_tiles,
                              presenter->filter.name);
    if (ret < 0) {
        presenter->failed = true;
        limef_signal_frame_set(&failure, LIMEF_SIGNAL_ERROR, LIMEF_PRESENTER_ALL,
                               "the output cannot be opened");
        failure.code = ret;
        limef_report(&failure);
        return ret;
    }
    presenter->opened = presenter->dirty = true;
    atomic_store_explicit(&presenter->output,
                          (uint32_t)(presenter->compositor
                                         ? compositor_output(presenter->compositor)
                                         : LIMEF_OUTPUT_NONE),
                          memory_order_relaxed);
    return 0;
}

static void handle_events(struct limef_presenter *presenter, int64_t now_us)
{
    struct limef_signal_frame key_signal;
    int event, key = 0;

    if (!presenter->compositor || !compositor_has_events(presenter->compositor) ||
        now_us < presenter->polled_us + POLL_US)
        return;
    presenter->polled_us = now_us;
    while ((event = compositor_poll(presenter->compositor, &key)) != 0) {
        presenter->dirty = true;
        if (event != 2)
            continue;
        limef_signal_frame_set(&key_signal, LIMEF_SIGNAL_KEY, LIMEF_PRESENTER_ALL, NULL);
        key_signal.value = key;
        limef_report(&key_signal);
    }
}

static int64_t end_us(const struct limef_presenter *presenter, const struct limef_tile *tile)
{
    if (!tile->has_picture || presenter->settings.untimed)
        return INT64_MIN;
    return tile->clock.paused_us != LIMEF_NO_TIME ? LIMEF_FOREVER
                                                  : tile->shown_us + last_lasts_us(tile);
}

/* The last picture's time is over. */
static void end_tile(struct limef_presenter *presenter, struct limef_tile *tile, int64_t now_us)
{
    uint32_t slot = (uint32_t)(tile - presenter->tiles);
    struct limef_signal_frame over;

    tile->ending = false;
    if (!presenter->settings.keep_last_picture) {
        tile->has_picture = false;
        if (presenter->compositor)
            compositor_clear_picture(presenter->compositor, slot);
    }
    presenter_set_state(presenter, tile, LIMEF_TILE_ENDED, now_us);
    limef_signal_frame_set(&over, LIMEF_SIGNAL_END, slot, tile->text);
    over.code = tile->end_code;
    limef_report(&over);
}

/* Says in the tile why it has no picture. Returns when the text changes by itself. */
static int64_t tell_why(struct limef_presenter *presenter, struct limef_tile *tile, int64_t now_us)
{
    enum limef_tile_state state = (enum limef_tile_state)LIMEF_COUNTED(tile->state);
    int64_t second = (now_us - tile->since_us) / 1000000;
    int64_t changes_us = state == LIMEF_TILE_LOST || (state == LIMEF_TILE_WAITING &&
                                                      now_us < tile->since_us + WAIT_TEXT_US)
                             ? tile->since_us + (second + 1) * 1000000
                             : LIMEF_FOREVER;
    char text[sizeof(tile->text) + 16] = "";

    if (tile->text_second == second ||
        (tile->text_second >= 0 && changes_us == LIMEF_FOREVER && state != LIMEF_TILE_WAITING))
        return changes_us;
    tile->text_second = second;
    if (state == LIMEF_TILE_LOST)
        snprintf(text, sizeof(text), "%s %02d:%02d", tile->text[0] ? tile->text : "no signal",
                 (int)(second / 60), (int)(second % 60));
    else if (state == LIMEF_TILE_ENDED && !presenter->settings.keep_last_picture)
        snprintf(text, sizeof(text), "%s", tile->text[0] ? tile->text : "end of file");
    else if (state == LIMEF_TILE_WAITING && second * 1000000 >= WAIT_TEXT_US)
        snprintf(text, sizeof(text), "waiting");
    if (presenter->compositor)
        compositor_set_text(presenter->compositor, (unsigned)(tile - presenter->tiles), text);
    presenter->dirty = true;
    return changes_us;
}

/* One tile's turn. Returns when it wants the next one. */
static int64_t tick_tile(struct limef_presenter *presenter, struct limef_tile *tile, int64_t now_us)
{
    int64_t why_us;

    if (presenter_has_next(tile) && tile->due_us <= now_us + TOGETHER_US &&
        (presenter->opened || presenter->failed))
        show_next(presenter, tile, now_us);
    if (tile->ending && !presenter_has_next(tile) && now_us >= end_us(presenter, tile))
        end_tile(presenter, tile, now_us);
    why_us = tell_why(presenter, tile, now_us);
    if (presenter_has_next(tile))
        return FFMIN(tile->due_us, why_us);
    return tile->ending ? FFMIN(end_us(presenter, tile), why_us) : why_us;
}

int64_t limef_presenter_tick(void *context, int64_t now_us)
{
    struct limef_presenter *presenter = context;
    int64_t due_us = LIMEF_FOREVER;
    bool dirty;

    if (!presenter->opened && !presenter->failed && is_ready_to_open(presenter, now_us))
        limef_presenter_open(presenter);
    if (!presenter->opened && !presenter->failed)
        return presenter->begun_us + WAIT_TEXT_US;
    handle_events(presenter, now_us);
    for (unsigned i = 0; i < presenter->n_tiles; i++)
        due_us = FFMIN(due_us, tick_tile(presenter, &presenter->tiles[i], now_us));
    dirty = presenter->dirty;
    presenter->dirty = false;
    if (dirty && presenter->opened) {
        if (!presenter->compositor || compositor_present(presenter->compositor) >= 0)
            note_presented(presenter, limef_now_us());
    }
    if (presenter->compositor && compositor_has_events(presenter->compositor))
        due_us = FFMIN(due_us, presenter->polled_us + POLL_US);
    return due_us;
}

void limef_presenter_close(struct limef_presenter *presenter)
{
    if (presenter->compositor)
        compositor_close(&presenter->compositor);
    presenter->opened = false;
    presenter->failed = true;
}

static void presenter_clear(struct limef_filter *filter)
{
    struct limef_presenter *presenter = presenter_of(filter);

    limef_presenter_close(presenter);
    for (unsigned i = 0; i < presenter->n_tiles; i++) {
        presenter_drop_next(&presenter->tiles[i]);
        av_frame_free(&presenter->tiles[i].copy);
        presenter->tiles[i] = (struct limef_tile){0};
    }
    *presenter = (struct limef_presenter){0};
}

static const struct limef_filter_ops presenter_ops = {"presenter", LIMEF_FILTER_THREAD_BOUND,
                                                      presenter_go, presenter_clear};

int limef_presenter_init(struct limef_presenter *presenter, const char *name,
                         struct limef_tile *tiles, unsigned n_tiles,
                         const struct limef_presenter_settings *settings)
{
    if (n_tiles == 0 || !tiles)
        return AVERROR(EINVAL);
    limef_filter_init(&presenter->filter, &presenter_ops, name);
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
