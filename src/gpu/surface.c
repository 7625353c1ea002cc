/* SPDX-License-Identifier: MIT */
#include "gpu/surface.h"

#include "base/memory_private.h"
#include "base/words.h"
#include "frame/dmabuf.h"
#include "frame/download.h"
#include "frame/pool_private.h"

#include <limef/base/clock.h>
#include <limef/base/log.h>
#include <limef/frame/decoded.h>
#include <limef/frame/hardware.h>

#include <libavutil/common.h>
#include <libavutil/frame.h>
#include <libavutil/pixdesc.h>

/* How often images are looked for that are out of use: IMAGES_MAX_AGE counts these. */
#define SWEEP_US 1000000

void surface_ways_open(struct surface_ways *ways, const struct gl *gl, int card_fd,
                       struct buffer_pool *pool, bool lends_mapped, const char *name)
{
    const char *not_imported, *not_mapped;

    ways->gl = gl;
    ways->name = name;
    ways->pool = pool;
    if (!pool)
        return;
    not_imported = dmabuf_buffers_open(&ways->dmabufs, gl, card_fd, pool, name);
    if (!not_imported) {
        limef_log(LIMEF_LOG_INFO, name, "decoders write into memory that the GPU reads: %s",
                  dmabuf_kind_name(ways->dmabufs.source.kind));
        buffer_pool_refuse(pool, NULL);
        return;
    }
    not_mapped = lends_mapped ? mapped_buffers_open(&ways->mapped, gl, pool, name)
                              : "memory of the host's context would have to outlive it";
    if (not_mapped) {
        buffer_pool_refuse(pool, words_keep("%s; %s", not_imported, not_mapped));
        limef_log(LIMEF_LOG_INFO, name, "decoders use ordinary memory: %s; %s", not_imported,
                  not_mapped);
        return;
    }
    limef_log(LIMEF_LOG_INFO, name, "decoders write into buffers of the GPU, not into dma-bufs: %s",
              not_imported);
    buffer_pool_refuse(pool, NULL);
}

void surface_ways_tend(struct surface_ways *ways, int64_t now_us)
{
    int64_t mapped_us, dmabufs_us;

    held_release(&ways->held, ways->gl);
    if (now_us >= ways->sweep_us) { /* before the buffers, whose memory images keep */
        images_sweep(&ways->images, ways->gl);
        ways->sweep_us = now_us + SWEEP_US;
    }
    mapped_us = buffer_keeper_tend(&ways->mapped.keeper, now_us);
    dmabufs_us = buffer_keeper_tend(&ways->dmabufs.keeper, now_us);
    ways->tend_us = FFMIN(mapped_us, dmabufs_us);
}

int surface_ways_close(struct surface_ways *ways)
{
    held_clear(&ways->held, ways->gl);
    dmabuf_buffers_close(&ways->dmabufs);
    return buffer_keeper_close(&ways->mapped.keeper);
}

/* The picture before has been drawn for the last time; what is told to the GPU next is not of it.
 */
static void replace_payload(struct surface *surface, struct surface_ways *ways,
                            struct limef_payload *payload)
{
    if (surface->payload)
        held_add(&ways->held, ways->gl, surface->payload);
    surface->payload = limef_payload_ref(payload);
}

/* Takes the memory of a picture in buffers of the kernel for textures. */
static int import(struct surface *surface, struct surface_ways *ways,
                  const struct limef_decoded_frame *picture, struct upload *moved, const char **why)
{
    struct limef_hardware_frame hardware;
    int ret = limef_hardware_frame_map(&hardware, picture->av);

    *why = "the decoder's surface cannot be described as a dma-buf";
    if (ret < 0)
        return AVERROR(ENOTSUP);
    *why = "nobody counts references to the picture";
    if (!picture->frame.payload)
        return AVERROR(ENOTSUP);
    *why = "the picture begins within the buffer's tiles";
    if (hardware.x || hardware.y)
        return AVERROR(ENOTSUP);
    return textures_import(&surface->textures, &ways->images, ways->gl, &hardware, AV_PIX_FMT_NONE,
                           moved, why);
}

const char *surface_why_ordinary(const struct surface_ways *ways)
{
    return ways->pool ? buffer_pool_why_ordinary(ways->pool)
                      : "nobody asked for memory that the GPU reads";
}

/* A picture that software decoded: taken as it is, if it lies in a dma-buf. */
static int take_software(struct surface *surface, struct surface_ways *ways,
                         const struct limef_decoded_frame *picture, struct upload *moved)
{
    struct limef_payload *payload = picture->frame.payload;
    const AVFrame *av = picture->av;
    struct limef_hardware_frame hardware;
    const char *why = NULL;
    int ret = payload ? dmabuf_frame_map(&hardware, av) : AVERROR(ENOSYS);

    if (ret < 0 && ret != AVERROR(ENOSYS)) {
        why = "the kernel does not say that the GPU sees what the CPU wrote";
    } else if (ret >= 0) {
        ret = textures_import(&surface->textures, &ways->images, ways->gl, &hardware, av->format,
                              moved, &why);
        if (ret != AVERROR(ENOTSUP))
            return ret;
    }
    moved->from = payload ? mapped_buffers_find(&ways->mapped, av->data[0]) : NULL;
    if (moved->from) /* the GPU reads it there */
        moved->shrinks = 0;
    moved->uploaded_why = why ? why : surface_why_ordinary(ways);
    moved->bottom_up = ways->bottom_up;
    ret = textures_upload(&surface->textures, ways->gl, av, moved, ways->name);
    if (moved->direct_bytes)
        held_add(&ways->held, ways->gl, limef_payload_ref(payload));
    return ret;
}

/* What cannot be imported is copied by the driver or the CPU, and uploaded. */
static int copy_and_upload(struct surface *surface, struct surface_ways *ways,
                           const struct limef_decoded_frame *picture, struct upload *moved,
                           const char *why)
{
    const AVFrame *av = picture->av;
    int64_t bytes = AVERROR(ENOMEM);
    int ret;

    if (surface->downloaded || (surface->downloaded = memory_new_av_frame()))
        bytes = download(surface->downloaded, av);
    if (bytes < 0)
        moved->failed_why = why;
    if (bytes < 0 && bytes != AVERROR(ENOMEM))
        pool_note_error(picture->frame.payload, (int)bytes); /* its decoder hears of it */
    if (bytes < 0 && surface->refused == why) /* a line for each of them says no more */
        return (int)bytes;
    surface->refused = bytes < 0 ? why : NULL;
    if (bytes < 0)
        return limef_fail((int)bytes, ways->name, "cannot show a picture of %s: %s",
                          av_get_pix_fmt_name((enum AVPixelFormat)av->format), why);
    moved->from = NULL;
    moved->shrinks = 0; /* it is not kept */
    ret = textures_upload(&surface->textures, ways->gl, surface->downloaded, moved, ways->name);
    moved->memory_bytes += (uint64_t)bytes;
    moved->why = moved->uploaded_why = why;
    return ret;
}

static int take_pixels(struct surface *surface, struct surface_ways *ways,
                       const struct limef_decoded_frame *picture, struct upload *moved)
{
    const char *why;
    int ret;

    *moved = (struct upload){.shrinks = surface->shrinks};
    if (!limef_hardware_is(picture->av))
        return take_software(surface, ways, picture, moved);
    ret = import(surface, ways, picture, moved, &why);
    if (ret == AVERROR(ETIMEDOUT)) {
        moved->failed_why = "a picture's fence is not signalled in time";
        return limef_fail(ret, ways->name, "%s", moved->failed_why);
    }
    return ret == AVERROR(ENOTSUP) ? copy_and_upload(surface, ways, picture, moved, why) : ret;
}

int surface_take(struct surface *surface, struct surface_ways *ways,
                 const struct limef_decoded_frame *picture, struct upload *moved, bool *turned)
{
    const AVFrame *av = picture->av;
    int rotation = (picture->rotation_degrees % 360 + 360) % 360;
    int ret = take_pixels(surface, ways, picture, moved);

    if (ret >= 0 && !moved->imported) /* what was imported before is not drawn again */
        import_hide(&surface->textures.import);
    if (ret >= 0)
        replace_payload(surface, ways, moved->imported ? picture->frame.payload : NULL);
    else
        surface->has_picture &= surface->textures.shown != NULL;
    if (ret < 0)
        return ret;
    *turned = surface->sar_num != av->sample_aspect_ratio.num ||
              surface->sar_den != av->sample_aspect_ratio.den || surface->rotation != rotation ||
              surface->mirrored != (picture->mirrored != 0) || !surface->has_picture;
    surface->sar_num = av->sample_aspect_ratio.num;
    surface->sar_den = av->sample_aspect_ratio.den;
    surface->rotation = rotation;
    surface->mirrored = picture->mirrored != 0;
    surface->has_picture = true;
    surface->dirty = true;
    return 0;
}

void surface_forget(struct surface *surface, struct surface_ways *ways)
{
    held_release(&ways->held, ways->gl);
    images_drop(&ways->images, ways->gl, &surface->textures.import);
}

void surface_let_go(struct surface *surface, struct surface_ways *ways)
{
    replace_payload(surface, ways, NULL);
    textures_forget(&surface->textures, &ways->images, ways->gl);
    surface->has_picture &= surface->textures.shown != NULL;
}

void surface_clear(struct surface *surface, struct surface_ways *ways)
{
    surface_let_go(surface, ways);
    textures_clear(&surface->textures, ways->gl);
    av_frame_free(&surface->downloaded);
    ways->gl->DeleteTextures(1, &surface->label.id);
    *surface = (struct surface){0};
}
