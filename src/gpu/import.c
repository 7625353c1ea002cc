/* SPDX-License-Identifier: MIT */
#include "gpu/import.h"

#include "base/words.h"
#include "frame/drm_format.h"

#include <libavutil/error.h>
#include <libavutil/pixfmt.h>
#include <string.h>

/* Buffers in a row that the driver refuses before it is not asked again. */
#define MAX_REFUSALS 4

static void show(struct import *import, struct image *image)
{
    if (image) {
        image->n_users++;
        image->user = import;
    }
    if (import->shown)
        import->shown->n_users--;
    import->shown = image;
}

void import_hide(struct import *import)
{
    show(import, NULL);
}

void import_clear(struct import *import, struct images *images, const struct gl *gl)
{
    show(import, NULL);
    if (import->begun) {
        images_drop(images, gl, import);
        images->n_streams--;
    }
    *import = (struct import){0};
}

static struct image_key key_of(const struct import *import,
                               const struct limef_hardware_frame *hardware)
{
    struct image_key key = {.stream = import->stream};

    for (unsigned i = 0; i < hardware->n_planes; i++) {
        key.planes[i].inode = hardware->planes[i].inode;
        key.planes[i].offset_bytes = hardware->planes[i].offset_bytes;
        key.planes[i].pitch_bytes = hardware->planes[i].pitch_bytes;
    }
    return key;
}

/* The same as one texture that the driver converts, where the planes' textures were refused. */
static struct image *make_otherwise(struct import *import, struct images *images,
                                    const struct gl *gl,
                                    const struct limef_hardware_frame *hardware)
{
    struct import_choice by_planes = import->choice;
    struct image *image = NULL;

    if (by_planes.form == IMPORT_PLANES &&
        !import_choose(&import->choice, gl, hardware, import->stream.pix_fmt, true)) {
        struct image_key key;

        import->stream.form = import->choice.form;
        key = key_of(import, hardware);
        image = images_make(images, gl, &key, &import->choice, hardware);
    }
    if (!image) { /* it may be the buffer's fault */
        import->choice = by_planes;
        import->stream.form = by_planes.form;
    }
    return image;
}

/* A buffer was refused that by what the driver says should not have been. */
static const char *note_refusal(struct import *import, const struct gl *gl)
{
    char name[5];
    const char *why;

    drm_format_name(import->choice.parts[0].fourcc, name);
    why = words_keep("the driver refuses a buffer of %s, modifier 0x%llx (EGL error 0x%x)", name,
                     (unsigned long long)import->stream.modifier, (unsigned)gl->egl.GetError());
    if (++import->n_refusals >= MAX_REFUSALS)
        import->refused = why;
    return why;
}

/* Begins another stream, if it is one: none of the images is of use any more. */
static void follow(struct import *import, struct images *images, const struct gl *gl,
                   const struct limef_hardware_frame *hardware, int pix_fmt)
{
    const struct image_stream stream = {
        .modifier = hardware->modifier,
        .fourcc = hardware->fourcc,
        .pix_fmt = pix_fmt,
        .width = hardware->width,
        .height = hardware->height,
        .n_planes = hardware->n_planes,
        .color_space = hardware->color_space,
        .color_range = hardware->color_range,
        .chroma_location = hardware->chroma_location,
        .form = import->stream.form,
    };

    if (import->begun && !memcmp(&stream, &import->stream, sizeof(stream)))
        return;
    if (import->begun)
        images_drop(images, gl, import);
    else
        images->n_streams++;
    import->begun = true;
    import->stream = stream;
    import->n_refusals = 0;
    import->any = false;
    import->refused = import_choose(&import->choice, gl, hardware, pix_fmt, false);
    import->stream.form = import->choice.form;
}

int import_picture(struct import *import, struct images *images, const struct gl *gl,
                   const struct limef_hardware_frame *hardware, int pix_fmt, unsigned *n_made,
                   const char **why)
{
    struct image *image, *before;
    struct image_key key;

    *n_made = 0;
    follow(import, images, gl, hardware, pix_fmt);
    *why = import->refused;
    if (*why)
        return AVERROR(ENOTSUP);
    /* what the CPU wrote, or a decoder whose format is known by more than its fourcc */
    if (fence_before_drawing(gl, hardware, pix_fmt == AV_PIX_FMT_NONE, &images->fences) < 0)
        return AVERROR(ETIMEDOUT);
    key = key_of(import, hardware);
    image = images_find(images, &key);
    if (!image) {
        image = images_make(images, gl, &key, &import->choice, hardware);
        if (!image && !import->any)
            image = make_otherwise(import, images, gl, hardware);
        if (!image) {
            *why = note_refusal(import, gl);
            return AVERROR(ENOTSUP);
        }
        *n_made = import->choice.n_parts;
    }
    import->n_refusals = 0;
    import->any = true;
    before = import->shown;
    show(import, image);
    if (before && memcmp(&before->key.stream, &key.stream, sizeof(key.stream)) != 0)
        images_drop_one(images, gl, before);
    return 0;
}
