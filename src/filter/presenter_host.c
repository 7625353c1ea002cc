/* SPDX-License-Identifier: MIT */
#include <limef/filter/presenter_host.h>

#include "base/memory_private.h"
#include "filter/handover.h"
#include "filter/presenter_host_private.h"
#include "frame/buffer_pool.h"

#include <limef/base/log.h>

#include <libavutil/error.h>

/* What drawing a tile's pictures moved, until the presenter's thread counts it. */
struct moved {
    LIMEF_ATOMIC(uint64_t) uploaded_bytes, memory_bytes;
    LIMEF_ATOMIC(uint32_t) n_imported, n_images;
    LIMEF_ATOMIC(const char *) why, uploaded_why, failed_why;
};

struct presenter_host {
    struct limef_presenter_host_settings settings;
    const char *name;
    bool gles2;
    struct handover *handover;
    struct buffer_pool *buffers; /* for decoders; NULL: nobody asked; owned, counted */

    /* the host's GL thread */
    struct compositor *compositor; /* NULL: not open */
    struct fence_counts fences;    /* of it, counted already */
    int failed;                    /* why it cannot be opened; 0: it can */

    /* set by the presenter's thread after it has written the handover; cleared by the host's before
     * it reads that. acq_rel exchanges, which pair with each other */
    LIMEF_ATOMIC(uint32_t) fresh;

    /* written by the host's GL thread, read by any */
    LIMEF_ATOMIC(int) width, height;
    LIMEF_ATOMIC(uint64_t) n_drawn, n_pictures, n_failed;
    LIMEF_ATOMIC(uint64_t) n_fences_gpu, n_fences_cpu, n_fences_late;
    LIMEF_ATOMIC(const char *) fences_why;
    /* written by the presenter's */
    LIMEF_ATOMIC(uint64_t) n_skipped, n_wakes;

    struct moved moved[];
};

int limef_presenter_host_init(struct limef_presenter_host *host, struct limef_presenter *presenter,
                              const struct limef_presenter_host_settings *settings)
{
    const char *name = presenter->filter.name;
    struct presenter_host *link;

    if (presenter->settings.output != LIMEF_OUTPUT_HOST || presenter->host || !settings->get)
        return limef_fail(AVERROR(EINVAL), name,
                          "a host needs an output of its own, and says where the GL is");
    link = memory_allocate(sizeof(*link) + presenter->n_tiles * sizeof(link->moved[0]));
    if (link)
        link->handover = handover_create(presenter->n_tiles);
    if (!link || !link->handover) {
        memory_release(link);
        return limef_fail(AVERROR(ENOMEM), name, "host");
    }
    link->settings = *settings;
    link->name = name;
    link->gles2 = presenter->settings.plain & LIMEF_PRESENTER_GLES2;
    presenter->host = host->link = link;
    if (presenter->buffers)
        presenter_host_use_buffers(link, presenter->buffers);
    return 0;
}

void limef_presenter_host_clear(struct limef_presenter_host *host)
{
    if (host->link) {
        compositor_abandon(&host->link->compositor);
        handover_release(host->link->handover);
        buffer_pool_unref(host->link->buffers);
        memory_release(host->link);
    }
    *host = (struct limef_presenter_host){0};
}

void presenter_host_use_buffers(struct presenter_host *host, struct buffer_pool *buffers)
{
    if (host->buffers)
        return; /* they are these */
    limef_payload_ref(&buffers->source.users);
    host->buffers = buffers;
}

int presenter_host_show(struct presenter_host *host, unsigned tile,
                        const struct limef_decoded_frame *picture)
{
    uint64_t copied_bytes;
    bool skipped;
    int ret = handover_write_picture(host->handover, tile, picture, &copied_bytes, &skipped);

    if (copied_bytes) {
        atomic_fetch_add_explicit(&host->moved[tile].memory_bytes, copied_bytes,
                                  memory_order_relaxed);
        atomic_store_explicit(&host->moved[tile].why, "nobody counts references to the picture",
                              memory_order_relaxed);
    }
    LIMEF_COUNT(host->n_skipped, skipped);
    return ret < 0 ? limef_fail(ret, host->name, "picture for the host") : 0;
}

void presenter_host_take_moved(struct presenter_host *host, unsigned tile,
                               struct compositor_upload *moved)
{
    struct moved *drawn = &host->moved[tile];

    /* relaxed: figures, they order nothing */
    *moved = (struct compositor_upload){
        .uploaded_bytes = atomic_exchange_explicit(&drawn->uploaded_bytes, 0, memory_order_relaxed),
        .memory_bytes = atomic_exchange_explicit(&drawn->memory_bytes, 0, memory_order_relaxed),
        .n_imported = atomic_exchange_explicit(&drawn->n_imported, 0, memory_order_relaxed),
        .n_images = atomic_exchange_explicit(&drawn->n_images, 0, memory_order_relaxed),
        .why = LIMEF_COUNTED(drawn->why),
        .uploaded_why = LIMEF_COUNTED(drawn->uploaded_why),
        .failed_why = LIMEF_COUNTED(drawn->failed_why),
    };
}

void presenter_host_set_text(struct presenter_host *host, unsigned tile, const char *text)
{
    handover_write_text(host->handover, tile, text);
}

void presenter_host_set_overlay(struct presenter_host *host, const char *text)
{
    handover_write_overlay(host->handover, text);
}

void presenter_host_set_layout(struct presenter_host *host, uint32_t solo)
{
    atomic_store_explicit(&host->handover->layout, solo, memory_order_relaxed);
}

void presenter_host_present(struct presenter_host *host)
{
    if (atomic_exchange_explicit(&host->fresh, 1, memory_order_acq_rel) || !host->settings.wake)
        return;
    LIMEF_COUNT(host->n_wakes, 1);
    host->settings.wake(host->settings.context);
}

void presenter_host_size(const struct presenter_host *host, int *width, int *height)
{
    *width = LIMEF_COUNTED(host->width);
    *height = LIMEF_COUNTED(host->height);
}

/* Uploads a picture that is new, here or in this context. */
static void take_picture(struct presenter_host *host, unsigned tile, bool anew)
{
    bool fresh;
    const struct limef_decoded_frame *picture = handover_read_picture(host->handover, tile, &fresh);
    struct compositor_upload moved;
    struct moved *drawn = &host->moved[tile];

    if (!picture || (!fresh && !anew))
        return;
    if (compositor_set_picture(host->compositor, tile, picture) < 0)
        LIMEF_COUNT(host->n_failed, 1);
    else
        LIMEF_COUNT(host->n_pictures, 1);
    compositor_take_moved(host->compositor, tile, &moved);
    atomic_fetch_add_explicit(&drawn->uploaded_bytes, moved.uploaded_bytes, memory_order_relaxed);
    atomic_fetch_add_explicit(&drawn->memory_bytes, moved.memory_bytes, memory_order_relaxed);
    atomic_fetch_add_explicit(&drawn->n_imported, moved.n_imported, memory_order_relaxed);
    atomic_fetch_add_explicit(&drawn->n_images, moved.n_images, memory_order_relaxed);
    if (moved.why)
        atomic_store_explicit(&drawn->why, moved.why, memory_order_relaxed);
    if (moved.uploaded_why)
        atomic_store_explicit(&drawn->uploaded_why, moved.uploaded_why, memory_order_relaxed);
    if (moved.failed_why)
        atomic_store_explicit(&drawn->failed_why, moved.failed_why, memory_order_relaxed);
}

/* Adds what this compositor has waited for since it was asked last: another one begins at 0. */
static void count_fences(struct presenter_host *host)
{
    struct fence_counts now = compositor_fences(host->compositor), *before = &host->fences;

    LIMEF_COUNT(host->n_fences_gpu, now.n_gpu - before->n_gpu);
    LIMEF_COUNT(host->n_fences_cpu, now.n_cpu - before->n_cpu);
    LIMEF_COUNT(host->n_fences_late, now.n_late - before->n_late);
    if (now.cpu_why)
        atomic_store_explicit(&host->fences_why, now.cpu_why, memory_order_relaxed);
    *before = now;
}

static int draw(struct presenter_host *host, const struct limef_presenter_host_target *target,
                bool anew)
{
    struct handover *handover = host->handover;
    int ret;

    compositor_begin_host(host->compositor, target);
    for (unsigned i = 0; i < handover->n_tiles; i++) {
        take_picture(host, i, anew);
        compositor_set_text(host->compositor, i, handover_read_text(handover, i));
    }
    compositor_set_overlay(host->compositor, handover_read_overlay(handover));
    compositor_set_layout(host->compositor, LIMEF_COUNTED(handover->layout));
    ret = compositor_present(host->compositor);
    count_fences(host);
    compositor_end_host(host->compositor);
    return ret;
}

int limef_presenter_host_draw(struct limef_presenter_host *host,
                              const struct limef_presenter_host_target *target)
{
    struct presenter_host *link = host->link;
    bool anew = !link->compositor;
    int ret;

    if (link->failed)
        return link->failed;
    if (target->width <= 0 || target->height <= 0)
        return AVERROR(EINVAL);
    if (anew) {
        ret = compositor_open_host(&link->compositor, &link->settings, link->handover->n_tiles,
                                   link->buffers, link->gles2, link->name);
        if (ret < 0)
            return link->failed = ret;
        link->fences = (struct fence_counts){0};
    }
    atomic_exchange_explicit(&link->fresh, 0, memory_order_acq_rel);
    ret = draw(link, target, anew);
    if (ret < 0)
        return link->failed = ret;
    atomic_store_explicit(&link->width, target->width, memory_order_relaxed);
    atomic_store_explicit(&link->height, target->height, memory_order_relaxed);
    LIMEF_COUNT(link->n_drawn, 1);
    return 0;
}

bool limef_presenter_host_has_new(const struct limef_presenter_host *host)
{
    return LIMEF_COUNTED(host->link->fresh);
}

void limef_presenter_host_close(struct limef_presenter_host *host)
{
    static const struct limef_presenter_host_target nowhere;

    if (!host->link)
        return;
    host->link->failed = 0;
    if (!host->link->compositor)
        return;
    compositor_begin_host(host->link->compositor, &nowhere);
    compositor_close(&host->link->compositor);
}

void limef_presenter_host_abandon(struct limef_presenter_host *host)
{
    if (!host->link)
        return;
    host->link->failed = 0;
    compositor_abandon(&host->link->compositor);
}

void limef_presenter_host_get_counters(const struct limef_presenter_host *host,
                                       struct limef_presenter_host_counters *counters)
{
    const struct presenter_host *link = host->link;

    *counters = (struct limef_presenter_host_counters){
        .n_drawn = LIMEF_COUNTED(link->n_drawn),
        .n_pictures = LIMEF_COUNTED(link->n_pictures),
        .n_failed = LIMEF_COUNTED(link->n_failed),
        .n_skipped = LIMEF_COUNTED(link->n_skipped),
        .n_wakes = LIMEF_COUNTED(link->n_wakes),
        .n_fences_gpu = LIMEF_COUNTED(link->n_fences_gpu),
        .n_fences_cpu = LIMEF_COUNTED(link->n_fences_cpu),
        .n_fences_late = LIMEF_COUNTED(link->n_fences_late),
        .fences_why = LIMEF_COUNTED(link->fences_why),
    };
}
