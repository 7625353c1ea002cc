/* SPDX-License-Identifier: MIT */
#include "filter/presenter_private.h"

#include <libavutil/common.h>
#include <stdio.h>

static void set_text(struct limef_tile *tile, const char *text)
{
    snprintf(tile->text, sizeof(tile->text), "%s", text);
}

static void drop_flushed(struct limef_tile *tile)
{
    presenter_flush_next(tile);
    presenter_clock_reset(&tile->clock);
    presenter_set_ready(tile, false);
    tile->ending = false;
}

/* What is on screen does not belong to what comes. */
static void restart(struct limef_presenter *presenter, struct limef_tile *tile, int64_t now_us)
{
    tile->ending = false;
    presenter_clock_reset(&tile->clock);
    presenter_set_ready(tile, false);
    if (LIMEF_COUNTED(tile->state) == LIMEF_TILE_WAITING)
        return;
    set_text(tile, "");
    presenter_set_state(presenter, tile, LIMEF_TILE_WAITING, now_us);
}

static void flush(struct limef_tile *tile, const struct limef_signal_frame *signal_frame)
{
    if (tile->seeking && signal_frame->serial != tile->seek_serial)
        return; /* of an older seek: a newer one is on its way */
    tile->seeking = false;
    tile->seek_serial = signal_frame->serial;
    drop_flushed(tile);
}

static void act(struct limef_presenter *presenter, struct limef_tile *tile,
                const struct limef_signal_frame *signal_frame, int64_t now_us)
{
    switch (signal_frame->signal) {
    case LIMEF_SIGNAL_PLAY:
        presenter_clock_play(&tile->clock, now_us);
        tile->stepping = false;
        break;
    case LIMEF_SIGNAL_PAUSE:
        presenter_clock_pause(&tile->clock, now_us);
        break;
    case LIMEF_SIGNAL_STEP:
        tile->stepping = true;
        break;
    case LIMEF_SIGNAL_RATE:
        tile->rate = (int32_t)av_clip64(signal_frame->value, 1, 1000000);
        presenter_clock_set_rate(&tile->clock, tile->rate, now_us);
        break;
    case LIMEF_SIGNAL_SEEK:
        drop_flushed(tile);
        tile->seeking = true;
        tile->seek_serial = signal_frame->serial;
        break;
    case LIMEF_SIGNAL_FLUSH:
        flush(tile, signal_frame);
        break;
    case LIMEF_SIGNAL_START:
        if (signal_frame->serial == tile->seek_serial)
            tile->seeking = false; /* it failed: no FLUSH comes */
        tile->is_silent = signal_frame->code && !(signal_frame->code >> LIMEF_MEDIA_AUDIO & 1);
        restart(presenter, tile, now_us);
        break;
    case LIMEF_SIGNAL_LOST:
        set_text(tile, signal_frame->text);
        if (LIMEF_COUNTED(tile->state) != LIMEF_TILE_LOST)
            presenter_set_state(presenter, tile, LIMEF_TILE_LOST, now_us);
        tile->text_second = -1;
        drop_flushed(tile);
        presenter_set_ready(tile, true); /* sound need not wait */
        break;
    case LIMEF_SIGNAL_END:
        set_text(tile, signal_frame->text);
        tile->end_code = signal_frame->code;
        tile->ending = true;
        if (LIMEF_COUNTED(tile->state) == LIMEF_TILE_ENDED)
            tile->text_second = -1; /* another reason */
        break;
    default:
        return;
    }
    presenter_set_due(presenter, tile, now_us);
    presenter_wake_at(presenter, now_us);
}

void presenter_signal(struct limef_presenter *presenter,
                      const struct limef_signal_frame *signal_frame, int64_t now_us)
{
    uint32_t slot = signal_frame->frame.slot;

    for (unsigned i = 0; i < presenter->n_tiles; i++)
        if (slot == i || slot == LIMEF_PRESENTER_ALL)
            act(presenter, &presenter->tiles[i], signal_frame, now_us);
}
