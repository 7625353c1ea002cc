/* SPDX-License-Identifier: MIT */
/* The periodic task: opens the output, shows what is due, says why a tile has no picture. */
#include "filter/presenter_host_private.h"
#include "filter/presenter_private.h"
#include "frame/shown_size.h"
#include "gpu/compositor.h"

#include <limef/base/log.h>
#include <limef/thread/report.h>

#include <libavutil/frame.h>
#include <stdio.h>

/* How often a window is asked for events. */
#define POLL_US 10000
/* How soon the application is told again what its queue had no room for. */
#define TELL_AGAIN_US 10000
/* A tile says that it waits only after a while: most do not wait that long. */
#define WAIT_TEXT_US 1000000

void presenter_set_state(struct limef_presenter *presenter, struct limef_tile *tile,
                         enum limef_tile_state state, int64_t now_us)
{
    atomic_store_explicit(&tile->state, (uint32_t)state, memory_order_relaxed);
    tile->since_us = now_us;
    tile->text_second = -1;
    if (presenter->compositor && (state == LIMEF_TILE_LOST || state == LIMEF_TILE_ENDED))
        compositor_forget(presenter->compositor, (unsigned)(tile - presenter->tiles));
}

/* A picture is on its way to the screen. */
static void note_shown(struct limef_tile *tile, const struct limef_decoded_frame *picture,
                       int64_t now_us)
{
    tile->shown_pts_us = presenter_pts_us(tile, &picture->frame);
    tile->shown_duration_us = picture->frame.duration_us;
    tile->shown_us = tile->due_us;
    tile->shown_live = picture->frame.flags & LIMEF_FRAME_LIVE;
    tile->entered_us = picture->frame.entered_us;
    tile->has_picture = tile->fresh = true;
    presenter_set_ready(tile, true);
    if (tile->stepping) {
        tile->stepping = false;
        presenter_clock_pause(&tile->clock, now_us);
        presenter_set_anchor(tile, tile->shown_pts_us, now_us);
    }
    atomic_store_explicit(&tile->position_us, tile->shown_pts_us, memory_order_relaxed);
    atomic_store_explicit(&tile->width, shown_width(picture->av), memory_order_relaxed);
    atomic_store_explicit(&tile->height, shown_height(picture->av), memory_order_relaxed);
    atomic_store_explicit(&tile->format, picture->av->format, memory_order_relaxed);
}

void presenter_note_seen(struct limef_presenter *presenter, int64_t now_us)
{
    bool any = false;

    for (unsigned i = 0; i < presenter->n_tiles; i++) {
        struct limef_tile *tile = &presenter->tiles[i];

        if (!tile->fresh)
            continue;
        any = true;
        tile->fresh = false;
        LIMEF_COUNT(tile->n_shown, 1);
        presenter_note_deviation(tile, now_us);
        atomic_store_explicit(&tile->last_shown_us, now_us, memory_order_relaxed);
        if (LIMEF_COUNTED(tile->first_shown_us) == 0)
            atomic_store_explicit(&tile->first_shown_us, now_us, memory_order_relaxed);
        if (tile->entered_us)
            limef_histogram_add(&tile->latency, now_us - tile->entered_us);
    }
    if (any || presenter->compositor || presenter->host)
        LIMEF_COUNT(presenter->n_presented, 1);
    if (any && LIMEF_COUNTED(presenter->first_shown_us) == 0)
        atomic_store_explicit(&presenter->first_shown_us, now_us, memory_order_relaxed);
}

/* Says who waited for fences. */
static void count_fences(struct limef_presenter *presenter)
{
    struct fence_counts fences = compositor_fences(presenter->compositor);

    atomic_store_explicit(&presenter->n_fences_gpu, fences.n_gpu, memory_order_relaxed);
    atomic_store_explicit(&presenter->n_fences_display, fences.n_display, memory_order_relaxed);
    atomic_store_explicit(&presenter->n_fences_cpu, fences.n_cpu, memory_order_relaxed);
    atomic_store_explicit(&presenter->n_fences_late, fences.n_late, memory_order_relaxed);
    atomic_store_explicit(&presenter->fences_why, fences.cpu_why, memory_order_relaxed);
}

/* Counts what a tile's pictures moved, and who waited for them. */
static void count_moved(struct limef_presenter *presenter, struct limef_tile *tile)
{
    struct compositor_upload moved;

    if (presenter->host) {
        presenter_host_take_moved(presenter->host, (unsigned)(tile - presenter->tiles), &moved);
    } else {
        compositor_take_moved(presenter->compositor, (unsigned)(tile - presenter->tiles), &moved);
        count_fences(presenter);
    }
    LIMEF_COUNT(tile->uploaded_bytes, moved.uploaded_bytes);
    LIMEF_COUNT(tile->direct_bytes, moved.direct_bytes);
    LIMEF_COUNT(tile->n_direct, moved.direct_bytes > 0);
    LIMEF_COUNT(tile->n_imported, moved.n_imported);
    LIMEF_COUNT(tile->n_images, moved.n_images);
    LIMEF_COUNT(tile->n_planes, moved.n_planes);
    if (moved.n_failed && tile->fresh) { /* else it was shown before, on a plane */
        LIMEF_COUNT(tile->n_failed, 1);
        tile->fresh = false;
    }
    if (moved.uploaded_why)
        atomic_store_explicit(&tile->uploaded_why, moved.uploaded_why, memory_order_relaxed);
    if (moved.failed_why)
        atomic_store_explicit(&tile->failed_why, moved.failed_why, memory_order_relaxed);
    if (moved.memory_bytes) {
        LIMEF_COUNT(tile->memory_bytes, moved.memory_bytes);
        atomic_store_explicit(&tile->copied_why, moved.why, memory_order_relaxed);
    }
    LIMEF_COUNT(presenter->filter.copied_bytes,
                moved.uploaded_bytes + moved.direct_bytes + moved.memory_bytes);
}

/* While the first picture waits for its sound: then it comes onto the screen as quickly as others.
 * Later ones are drawn in no time, and what is on screen until then shall stay there. */
static void prepare_next(struct limef_presenter *presenter, struct limef_tile *tile)
{
    unsigned slot = (unsigned)(tile - presenter->tiles);

    if (tile->prepared || tile->has_picture || !presenter->compositor ||
        compositor_set_picture(presenter->compositor, slot, &tile->next.decoded) < 0)
        return;
    tile->prepared = true;
    count_moved(presenter, tile);
    compositor_prepare(presenter->compositor);
}

/* Puts the picture that waits on screen. */
static void show_next(struct limef_presenter *presenter, struct limef_tile *tile, int64_t now_us)
{
    int ret = 0;

    if (presenter->compositor && !tile->prepared)
        ret = compositor_set_picture(presenter->compositor, (unsigned)(tile - presenter->tiles),
                                     &tile->next.decoded);
    else if (presenter->host)
        ret = presenter_host_show(presenter->host, (unsigned)(tile - presenter->tiles),
                                  &tile->next.decoded);
    if (presenter->compositor || presenter->host)
        count_moved(presenter, tile);
    if (presenter->closed)
        LIMEF_COUNT(tile->n_dropped_flush, 1);
    else if (ret < 0 || presenter->failed)
        LIMEF_COUNT(tile->n_failed, 1);
    else
        note_shown(tile, &tile->next.decoded, now_us);
    presenter_drop_next(tile);
    if (LIMEF_COUNTED(tile->state) != LIMEF_TILE_PLAYING)
        presenter_set_state(presenter, tile, LIMEF_TILE_PLAYING, now_us);
    presenter->dirty = true;
}

void presenter_show_to_nobody(struct limef_presenter *presenter, struct limef_tile *tile,
                              const struct limef_decoded_frame *decoded, int64_t now_us)
{
    tile->due_us = now_us;
    note_shown(tile, decoded, now_us);
    if (LIMEF_COUNTED(tile->state) != LIMEF_TILE_PLAYING)
        presenter_set_state(presenter, tile, LIMEF_TILE_PLAYING, now_us);
    presenter_note_seen(presenter, now_us);
}

/* Whether the output can be opened: with its size known, or not worth waiting for any longer. */
static bool is_ready_to_open(struct limef_presenter *presenter, int64_t now_us)
{
    const struct limef_presenter_settings *settings = &presenter->settings;

    if (!presenter->begun_us)
        presenter->begun_us = now_us;
    return settings->output == LIMEF_OUTPUT_NONE || settings->output == LIMEF_OUTPUT_OFFSCREEN ||
           settings->output == LIMEF_OUTPUT_KMS || settings->output == LIMEF_OUTPUT_HOST ||
           presenter->n_tiles > 1 || (settings->window && settings->window->fullscreen) ||
           (settings->width > 0 && settings->height > 0) ||
           presenter_has_next(&presenter->tiles[0]) ||
           LIMEF_COUNTED(presenter->tiles[0].state) != LIMEF_TILE_WAITING ||
           now_us >= presenter->begun_us + WAIT_TEXT_US;
}

/* A lone tile's window has its first picture's size, from the beginning. */
static void choose_size(struct limef_presenter *presenter)
{
    const struct limef_decoded_frame *first = &presenter->tiles[0].next.decoded;
    struct limef_presenter_settings *settings = &presenter->settings;
    const AVFrame *av = first->av;
    int64_t width;
    int height;

    if (!output_may_be_window(settings->output) || presenter->n_tiles > 1 ||
        !presenter_has_next(&presenter->tiles[0]) || (settings->width > 0 && settings->height > 0))
        return;
    width =
        av->sample_aspect_ratio.num > 0 && av->sample_aspect_ratio.den > 0
            ? av_rescale(shown_width(av), av->sample_aspect_ratio.num, av->sample_aspect_ratio.den)
            : shown_width(av);
    height = shown_height(av);
    settings->width = (int)av_clip64(first->rotation_degrees % 180 ? height : width, 1, 16384);
    settings->height = (int)av_clip64(first->rotation_degrees % 180 ? width : height, 1, 16384);
}

/* Tells the application that there is no output: in a later tick if its queue is full. */
static void owe(struct limef_presenter *presenter, const struct limef_signal_frame *report)
{
    presenter->owed = *report;
    presenter->owes = limef_report(report) == AVERROR(ENOBUFS);
}

static void pay(struct limef_presenter *presenter)
{
    if (presenter->owes)
        presenter->owes = limef_report(&presenter->owed) == AVERROR(ENOBUFS);
}

int limef_presenter_open(struct limef_presenter *presenter)
{
    struct limef_signal_frame failure;
    int ret = 0;

    if (presenter->opened)
        return 0;
    presenter->closed = presenter->failed = false;
    choose_size(presenter);
    if (presenter->settings.output == LIMEF_OUTPUT_HOST) {
        if (!presenter->host)
            ret = limef_fail(AVERROR(EINVAL), presenter->filter.name, "there is no host");
    } else if (presenter->settings.output != LIMEF_OUTPUT_NONE)
        ret = compositor_open(&presenter->compositor, &presenter->settings, presenter->n_tiles,
                              presenter->buffers, presenter->filter.name);
    if (ret < 0) {
        presenter->failed = true;
        limef_signal_frame_set(&failure, LIMEF_SIGNAL_ERROR, LIMEF_PRESENTER_ALL,
                               "the output cannot be opened");
        failure.code = ret;
        owe(presenter, &failure);
        return ret;
    }
    presenter->opened = presenter->dirty = true;
    atomic_store_explicit(&presenter->output,
                          (uint32_t)(presenter->compositor
                                         ? compositor_output(presenter->compositor)
                                     : presenter->host ? LIMEF_OUTPUT_HOST
                                                       : LIMEF_OUTPUT_NONE),
                          memory_order_relaxed);
    return 0;
}

static void report_event(struct limef_presenter *presenter, enum output_event event, int key)
{
    struct limef_signal_frame report;

    if (event == OUTPUT_EVENT_LOST) {
        limef_signal_frame_set(&report, LIMEF_SIGNAL_ERROR, LIMEF_PRESENTER_ALL,
                               LIMEF_COUNTED(presenter->output) == LIMEF_OUTPUT_KMS
                                   ? "the display is gone"
                                   : "the display server is gone");
        report.code = limef_fail(AVERROR(ENODEV), presenter->filter.name, "%s", report.text);
        owe(presenter, &report);
    } else {
        limef_signal_frame_set(&report, LIMEF_SIGNAL_KEY, LIMEF_PRESENTER_ALL, NULL);
        report.value = key;
        limef_report(&report);
    }
}

static void handle_events(struct limef_presenter *presenter, int64_t now_us)
{
    enum output_event event;
    int key = 0;

    if (!presenter->compositor || !compositor_has_events(presenter->compositor) ||
        now_us < presenter->polled_us + POLL_US)
        return;
    presenter->polled_us = now_us;
    while ((event = compositor_poll(presenter->compositor, &key)) != OUTPUT_EVENT_NONE) {
        if (event == OUTPUT_EVENT_REDRAW)
            presenter->dirty = true;
        else
            report_event(presenter, event, key);
    }
}

/* When the time of the last picture is over, which begins when it is seen. */
static int64_t end_us(const struct limef_presenter *presenter, const struct limef_tile *tile)
{
    if (!tile->has_picture || presenter->settings.untimed)
        return INT64_MIN;
    return tile->clock.paused_us != LIMEF_NO_TIME
               ? LIMEF_FOREVER
               : FFMAX(tile->shown_us, LIMEF_COUNTED(tile->last_shown_us)) +
                     presenter_lasts_us(tile);
}

static bool is_ending(const struct limef_tile *tile)
{
    return tile->ending && !presenter_has_next(tile);
}

/* The last picture's time is over. The application waits for this: as long as its queue is full the
 * tile goes on ending. */
static void end_tile(struct limef_presenter *presenter, struct limef_tile *tile, int64_t now_us)
{
    uint32_t slot = (uint32_t)(tile - presenter->tiles);
    struct limef_signal_frame over;

    if (LIMEF_COUNTED(tile->state) != LIMEF_TILE_ENDED)
        presenter_set_state(presenter, tile, LIMEF_TILE_ENDED, now_us);
    limef_signal_frame_set(&over, LIMEF_SIGNAL_END, slot, tile->text);
    over.code = tile->end_code;
    tile->ending = limef_report(&over) == AVERROR(ENOBUFS);
}

/* Says in the tile why it has no picture, or no newer one. Returns when the text changes by itself.
 */
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
    else if (state == LIMEF_TILE_ENDED && !presenter->settings.ends_silently)
        snprintf(text, sizeof(text), "%s", tile->text[0] ? tile->text : "end of file");
    else if (state == LIMEF_TILE_WAITING && second * 1000000 >= WAIT_TEXT_US)
        snprintf(text, sizeof(text), "waiting");
    if (presenter->compositor)
        compositor_set_text(presenter->compositor, (unsigned)(tile - presenter->tiles), text);
    if (presenter->host)
        presenter_host_set_text(presenter->host, (unsigned)(tile - presenter->tiles), text);
    presenter->dirty |= text[0] || tile->has_text;
    tile->has_text = text[0];
    return changes_us;
}

/* One tile's turn. Returns when it wants the next one. */
static int64_t tick_tile(struct limef_presenter *presenter, struct limef_tile *tile, int64_t now_us)
{
    bool is_drawn_now;
    int64_t why_us;

    if (presenter_awaits_sound(tile)) {
        prepare_next(presenter, tile);
        now_us = limef_now_us();
        if (!LIMEF_COUNTED(tile->ready)) { /* sound may begin by now */
            presenter_set_ready(tile, true);
            presenter_wait_for_sound(tile, now_us);
        }
        presenter_set_due(presenter, tile, now_us);
    }
    if (presenter_has_next(tile) && presenter_is_time(presenter, tile, now_us) &&
        (presenter->opened || presenter->failed))
        show_next(presenter, tile, now_us);
    is_drawn_now = tile->fresh && presenter->dirty && presenter->opened;
    if (is_ending(tile) && !is_drawn_now && now_us >= end_us(presenter, tile))
        end_tile(presenter, tile, now_us);
    why_us = tell_why(presenter, tile, now_us);
    if (presenter_awaits_sound(tile))
        return FFMIN(now_us + PRESENTER_LISTEN_US, why_us);
    if (presenter_has_next(tile))
        return FFMIN(presenter_take_us(presenter, tile), why_us);
    return why_us;
}

/* When the next tile has to end, behind what was drawn in this tick; or has to be told of again. */
static int64_t next_end_us(const struct limef_presenter *presenter, int64_t now_us)
{
    int64_t next_us = LIMEF_FOREVER;

    for (unsigned i = 0; i < presenter->n_tiles; i++) {
        const struct limef_tile *tile = &presenter->tiles[i];

        if (is_ending(tile))
            next_us = FFMIN(next_us, LIMEF_COUNTED(tile->state) == LIMEF_TILE_ENDED
                                         ? now_us + TELL_AGAIN_US
                                         : FFMAX(end_us(presenter, tile), now_us));
    }
    return next_us;
}

/* An output that nobody sees before has the size of its first picture; it waits for that one. */
static bool is_ready_to_show(const struct limef_presenter *presenter, int64_t now_us)
{
    if (LIMEF_COUNTED(presenter->n_presented) > 0 || now_us >= presenter->begun_us + WAIT_TEXT_US ||
        LIMEF_COUNTED(presenter->output) == LIMEF_OUTPUT_WINDOW || presenter->host)
        return true;
    for (unsigned i = 0; i < presenter->n_tiles; i++)
        if (presenter->tiles[i].has_picture ||
            LIMEF_COUNTED(presenter->tiles[i].state) != LIMEF_TILE_WAITING)
            return true;
    return false;
}

/* Draws what changed, and gives it to the output. */
static void present(struct limef_presenter *presenter)
{
    int how = 0;

    presenter->dirty = false;
    if (presenter->compositor)
        how = compositor_present(presenter->compositor);
    if (presenter->host)
        presenter_host_present(presenter->host);
    if (how < 0)
        return;
    if (how == COMPOSITOR_ON_PLANE)
        LIMEF_COUNT(presenter->n_planes, 1);
    else if (presenter->compositor)
        LIMEF_COUNT(presenter->n_composed, 1);
    for (unsigned i = 0; i < presenter->n_tiles && presenter->compositor; i++)
        count_moved(presenter, &presenter->tiles[i]);
    if (presenter->compositor)
        atomic_store_explicit(&presenter->planes_why, compositor_planes_why(presenter->compositor),
                              memory_order_relaxed);
    presenter_note_committed(presenter);
}

static int64_t tick(struct limef_presenter *presenter, int64_t now_us)
{
    int64_t due_us = LIMEF_FOREVER, ready_us, began_us, seen_us;

    if (!presenter->opened && !presenter->failed && is_ready_to_open(presenter, now_us))
        limef_presenter_open(presenter);
    if (!presenter->opened && !presenter->failed)
        return presenter->begun_us + WAIT_TEXT_US;
    handle_events(presenter, now_us);
    pay(presenter);
    ready_us = presenter_read_flips(presenter, now_us);
    began_us = limef_now_us();
    for (unsigned i = 0; i < presenter->n_tiles && ready_us == 0; i++)
        due_us = FFMIN(due_us, tick_tile(presenter, &presenter->tiles[i], now_us));
    if (presenter->dirty && presenter->opened && ready_us == 0 &&
        is_ready_to_show(presenter, now_us)) {
        present(presenter);
        /* what waits behind a flip is looked at when that has come */
        seen_us = limef_now_us();
        ready_us = presenter_read_flips(presenter, seen_us);
        presenter_note_composed(presenter, seen_us - began_us);
    }
    due_us = FFMIN(due_us, ready_us ? ready_us : next_end_us(presenter, now_us));
    if (presenter->compositor)
        due_us = FFMIN(due_us, compositor_tend(presenter->compositor, now_us));
    if (presenter->compositor && compositor_has_events(presenter->compositor))
        due_us = FFMIN(due_us, presenter->polled_us + POLL_US);
    if (presenter->owes)
        due_us = FFMIN(due_us, now_us + TELL_AGAIN_US);
    return due_us;
}

int64_t limef_presenter_tick(void *context, int64_t now_us)
{
    struct limef_presenter *presenter = context;
    int64_t due_us;

    limef_filter_mark(&presenter->filter, 1); /* as the task of an application's thread too */
    due_us = tick(presenter, now_us);
    limef_filter_mark(&presenter->filter, 0);
    return due_us;
}

int limef_presenter_close(struct limef_presenter *presenter)
{
    /* what waits may lie in the output's buffers */
    for (unsigned i = 0; i < presenter->n_tiles; i++)
        presenter_flush_next(&presenter->tiles[i]);
    if (presenter->compositor && compositor_close(&presenter->compositor) < 0)
        return limef_fail(AVERROR(EBUSY), presenter->filter.name,
                          "the output stays open: pictures in its buffers are still in use");
    presenter->opened = false;
    presenter->flip = (struct limef_presenter_flip){0};
    presenter->closed = presenter->failed = true;
    return 0;
}
