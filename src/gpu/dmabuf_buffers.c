/* SPDX-License-Identifier: MIT */
#include "gpu/dmabuf_buffers.h"

#include "base/memory_private.h"
#include "base/words.h"
#include "gpu/import.h"

#include <limef/frame/hardware.h>

#include <drm_fourcc.h>
#include <libavutil/common.h>
#include <libavutil/pixfmt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* What is imported to find out whether it can be, and with which rows. */
#define TRIAL_WIDTH 160
#define TRIAL_HEIGHT 16
/* No row of less than a page's quarter is known to be refused: AMD's want 256 bytes. */
#define MAX_ROW_ALIGN_BYTES 1024

/* Whether the GL takes such memory for a texture, in rows of so many bytes; and decoders, if it is
 * a card's. */
static const char *try_pitch(const struct dmabuf_source *source, const struct gl *gl,
                             uint32_t pitch_bytes)
{
    struct limef_hardware_frame hardware = {.fourcc = DRM_FORMAT_R8,
                                            .modifier = DRM_FORMAT_MOD_LINEAR,
                                            .width = TRIAL_WIDTH,
                                            .height = TRIAL_HEIGHT,
                                            .n_planes = 1,
                                            .fence_fd = -1};
    struct images *images = memory_allocate(sizeof(*images));
    struct import import = {0};
    unsigned n_made;
    struct dmabuf dmabuf;
    const char *why = "there is no memory";

    if (!images)
        return why;
    if (dmabuf_make(source, &dmabuf,
                    FFMAX((size_t)pitch_bytes * TRIAL_HEIGHT, DMABUF_TRIAL_BYTES)) < 0) {
        memory_release(images);
        return words_keep("%s gives no memory", dmabuf_kind_name(source->kind));
    }
    hardware.planes[0] = (struct limef_hardware_plane){
        .fd = dmabuf.fd, .pitch_bytes = pitch_bytes, .inode = dmabuf.inode};
    if (source->kind == DMABUF_DUMB && dmabuf_is_slow_to_read(&dmabuf))
        why = "the CPU reads the display's memory slowly";
    else if (import_picture(&import, images, gl, &hardware, AV_PIX_FMT_NONE, &n_made, &why) >= 0)
        why = NULL;
    import_clear(&import, images, gl);
    memory_release(images);
    dmabuf_clear(&dmabuf);
    return why;
}

/* The least that rows have to be multiples of. An odd multiple of it is tried: it is none of more.
 */
static const char *try_import(const struct dmabuf_source *source, const struct gl *gl,
                              uint32_t *row_align_bytes)
{
    const char *first_why = NULL;

    for (uint32_t align = LIMEF_BUFFER_ALIGN_BYTES; align <= MAX_ROW_ALIGN_BYTES; align *= 2) {
        const char *why = try_pitch(source, gl, 3 * align);

        *row_align_bytes = align;
        if (!why)
            return NULL;
        if (!first_why)
            first_why = why;
    }
    return first_why;
}

static const char *try_source(struct dmabuf_buffers *buffers, const struct gl *gl)
{
    const char *why = try_import(&buffers->source, gl, &buffers->row_align_bytes);

    if (why)
        dmabuf_source_close(&buffers->source);
    return why;
}

static const char *try_kind(struct dmabuf_buffers *buffers, const struct gl *gl,
                            enum dmabuf_kind kind, const char *path)
{
    if (dmabuf_source_open(&buffers->source, kind, path) < 0)
        return words_keep("there is no %s", dmabuf_kind_name(kind));
    return try_source(buffers, gl);
}

/* Dumb buffers of the display's own card: what its planes read is never copied. */
static const char *try_card(struct dmabuf_buffers *buffers, const struct gl *gl, int card_fd)
{
    if (card_fd < 0)
        return "no display reads what software decodes";
    if (dmabuf_source_open_card(&buffers->source, card_fd) < 0)
        return "out of descriptors";
    return try_source(buffers, gl);
}

/*
 * The memory that LIMEF_DMABUF=KIND[:DEVICE] names: for tests. A GL of Mesa's that renders by the
 * CPU does not survive every dma-bufs, so that it is not offered any unless asked.
 */
static const char *try_named(struct dmabuf_buffers *buffers, const struct gl *gl, const char *named)
{
    for (enum dmabuf_kind kind = 0; kind < DMABUF_N_KINDS; kind++) {
        size_t length = strlen(dmabuf_kind_name(kind));

        if (!strncmp(named, dmabuf_kind_name(kind), length) &&
            (named[length] == '\0' || named[length] == ':'))
            return try_kind(buffers, gl, kind, named[length] ? named + length + 1 : NULL);
    }
    return "LIMEF_DMABUF names no memory";
}

/* A GL that renders by the CPU survives its own card's buffers, and memfds. */
static const char *find_source(struct dmabuf_buffers *buffers, const struct gl *gl, int card_fd)
{
    const char *named = getenv("LIMEF_DMABUF"), *why;

    if (gl->cannot_import)
        return gl->cannot_import;
    if (named && *named)
        return try_named(buffers, gl, named);
    why = gl->software ? NULL : try_kind(buffers, gl, DMABUF_UDMABUF, NULL);
    if (why)
        why = try_kind(buffers, gl, DMABUF_HEAP, NULL);
    if (why || gl->software)
        why = try_card(buffers, gl, card_fd);
    if (why && gl->software)
        why = try_kind(buffers, gl, DMABUF_MEMFD, NULL);
    return why;
}

/* The process needs descriptors for more than pictures: half of those that it may have. */
static unsigned most_buffers(const struct dmabuf_source *source)
{
    unsigned n_each = source->kind == DMABUF_MEMFD ? 2 : 1;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 ||
        limit.rlim_cur / 2 / n_each >= BUFFER_POOL_MAX) /* RLIM_INFINITY as well */
        return BUFFER_POOL_MAX;
    return FFMAX((unsigned)limit.rlim_cur / 2 / n_each, 1);
}

static int make(struct buffer_keeper *keeper, struct buffer *buffer, size_t bytes)
{
    const struct dmabuf_buffers *buffers =
        LIMEF_CONTAINER_OF(keeper, struct dmabuf_buffers, keeper);
    int ret = dmabuf_make(&buffers->source, &buffer->dmabuf, bytes);

    if (ret >= 0)
        buffer->data = buffer->dmabuf.data;
    return ret;
}

const char *dmabuf_buffers_open(struct dmabuf_buffers *buffers, const struct gl *gl, int card_fd,
                                struct buffer_pool *pool, const char *name)
{
    const char *why = find_source(buffers, gl, card_fd);

    if (why)
        return why;
    atomic_store_explicit(&pool->source.row_align_bytes, buffers->row_align_bytes,
                          memory_order_relaxed);
    buffers->keeper =
        (struct buffer_keeper){.make = make, .max_buffers = most_buffers(&buffers->source)};
    buffer_keeper_open(&buffers->keeper, pool, true, name);
    return NULL;
}

void dmabuf_buffers_close(struct dmabuf_buffers *buffers)
{
    buffer_keeper_close(&buffers->keeper);
    dmabuf_source_close(&buffers->source);
    *buffers = (struct dmabuf_buffers){0};
}
