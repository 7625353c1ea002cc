/* SPDX-License-Identifier: MIT */
#include "filter/handover.h"

#include "base/memory_private.h"
#include "frame/keep.h"

#include <libavutil/frame.h>
#include <stdio.h>

#define HANDOVER_FRESH 4u
#define PLACE 3u

static void box_init(struct handover_box *box)
{
    box->writers = 0;
    box->readers = 1;
    atomic_store_explicit(&box->between, 2, memory_order_relaxed);
}

/* The writer's place is done. Returns whether what the reader has not seen has come back for it. */
static bool box_leave(struct handover_box *box)
{
    /* acq_rel: what was written is seen by the reader's exchange, and what it has done with the
     * place that comes back is over */
    uint32_t old = atomic_exchange_explicit(&box->between, box->writers | HANDOVER_FRESH,
                                            memory_order_acq_rel);

    box->writers = old & PLACE;
    return old & HANDOVER_FRESH;
}

/* Returns whether the reader's place is a new one. */
static bool box_fetch(struct handover_box *box)
{
    if (!(atomic_load_explicit(&box->between, memory_order_relaxed) & HANDOVER_FRESH))
        return false;
    /* acq_rel: as in box_leave(), the other way round */
    box->readers =
        atomic_exchange_explicit(&box->between, box->readers, memory_order_acq_rel) & PLACE;
    return true;
}

struct handover *handover_create(unsigned n_tiles)
{
    struct handover *handover =
        memory_allocate(sizeof(*handover) + n_tiles * sizeof(handover->tiles[0]));

    if (!handover)
        return NULL;
    handover->n_tiles = n_tiles;
    box_init(&handover->overlay);
    atomic_store_explicit(&handover->layout, LIMEF_PRESENTER_ALL, memory_order_relaxed);
    for (unsigned i = 0; i < n_tiles; i++) {
        box_init(&handover->tiles[i].picture);
        box_init(&handover->tiles[i].text);
    }
    return handover;
}

/* The copy's memory stays for the next one. */
static void empty(struct handover_picture *place)
{
    if (place->any.frame.payload)
        limef_any_frame_clear(&place->any);
    place->any = (union limef_any_frame){0};
}

void handover_release(struct handover *handover)
{
    if (!handover)
        return;
    for (unsigned i = 0; i < handover->n_tiles; i++)
        for (unsigned n = 0; n < 3; n++) {
            empty(&handover->tiles[i].pictures[n]);
            av_frame_free(&handover->tiles[i].pictures[n].copy);
        }
    memory_release(handover);
}

/* A picture that nobody counts. */
static int keep_copy(struct handover_picture *place, const struct limef_decoded_frame *picture,
                     uint64_t *copied_bytes)
{
    int ret = keep_picture(&place->copy, picture->av, copied_bytes);

    if (ret < 0)
        return ret;
    place->any.decoded = *picture;
    place->any.decoded.av = place->copy;
    return 0;
}

int handover_write_picture(struct handover *handover, unsigned tile,
                           const struct limef_decoded_frame *picture, uint64_t *copied_bytes,
                           bool *skipped)
{
    struct handover_tile *to = &handover->tiles[tile];
    struct handover_picture *place = &to->pictures[to->picture.writers];
    int ret;

    *copied_bytes = 0;
    *skipped = false;
    empty(place);
    ret = picture->frame.payload ? limef_any_frame_ref(&place->any, &picture->frame)
                                 : keep_copy(place, picture, copied_bytes);
    if (ret < 0)
        return ret;
    *skipped = box_leave(&to->picture);
    empty(
        &to->pictures[to->picture.writers]); /* a surface of the decoder is not kept for nothing */
    return 0;
}

void handover_write_text(struct handover *handover, unsigned tile, const char *text)
{
    struct handover_tile *to = &handover->tiles[tile];

    snprintf(to->texts[to->text.writers], HANDOVER_TEXT_BYTES, "%s", text ? text : "");
    box_leave(&to->text);
}

void handover_write_overlay(struct handover *handover, const char *text)
{
    snprintf(handover->overlays[handover->overlay.writers], LIMEF_PRESENTER_OVERLAY_BYTES, "%s",
             text ? text : "");
    box_leave(&handover->overlay);
}

const struct limef_decoded_frame *handover_read_picture(struct handover *handover, unsigned tile,
                                                        bool *fresh)
{
    struct handover_tile *from = &handover->tiles[tile];
    const struct limef_decoded_frame *picture;

    if (atomic_load_explicit(&from->picture.between, memory_order_relaxed) & HANDOVER_FRESH)
        empty(&from->pictures[from->picture.readers]);
    *fresh = box_fetch(&from->picture);
    picture = &from->pictures[from->picture.readers].any.decoded;
    return picture->frame.frame_class == LIMEF_FRAME_DECODED ? picture : NULL;
}

const char *handover_read_text(struct handover *handover, unsigned tile)
{
    struct handover_tile *from = &handover->tiles[tile];

    box_fetch(&from->text);
    return from->texts[from->text.readers];
}

const char *handover_read_overlay(struct handover *handover)
{
    box_fetch(&handover->overlay);
    return handover->overlays[handover->overlay.readers];
}
