/* SPDX-License-Identifier: MIT */
#include "gpu/import.h"

#include "base/memory_private.h"
#include "base/words.h"
#include "frame/drm_format.h"
#include "gpu/import_choice.h"

#include <limef/frame/hardware.h>

#include <drm_fourcc.h>
#include <errno.h>
#include <fcntl.h>
#include <libavutil/error.h>
#include <libavutil/pixfmt.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* How long a picture that a driver has announced may take to be written. */
#define FENCE_MS 200
/* Buffers in a row that the driver refuses before it is not asked again. */
#define MAX_REFUSALS 4

/* Where the planes of a picture lie: what an image is known by. */
struct place {
    uint64_t inode;
    uint32_t offset_bytes, pitch_bytes;
};

struct image {
    struct place places[LIMEF_HARDWARE_MAX_PLANES];
    EGLImageKHR parts[3];
    struct texture_set set;
    uint64_t used; /* by which picture, last */
};

/* What all images of a stream have in common; without padding, to be compared as bytes. */
struct stream {
    uint64_t modifier;
    uint32_t fourcc;
    int pix_fmt, width, height;
    unsigned n_planes;
    int color_space, color_range, chroma_location;
    uint32_t zero;
};

struct import {
    struct stream stream;
    struct import_choice choice;
    const char *refused; /* why none of the stream is imported; NULL: it is */
    unsigned n_refusals; /* in a row */
    uint64_t n_pictures;
    unsigned n_images;
    struct image images[IMPORT_MAX_IMAGES];
};

static void drop_image(struct import *import, const struct gl *gl, unsigned i)
{
    struct image *image = &import->images[i];

    if (gl) {
        gl->DeleteTextures(3, image->set.ids);
        for (unsigned part = 0; part < 3; part++)
            if (image->parts[part])
                gl->egl.DestroyImageKHR(gl->display, image->parts[part]);
    }
    *image = (struct image){0};
}

static void drop_all(struct import *import, const struct gl *gl)
{
    for (unsigned i = 0; i < import->n_images; i++)
        drop_image(import, gl, i);
    import->n_images = 0;
}

void import_forget(struct import *import, const struct gl *gl, const struct texture_set *shown)
{
    for (unsigned i = 0; import && i < import->n_images; i++)
        if (&import->images[i].set != shown)
            drop_image(import, gl, i);
}

bool import_has(const struct import *import, const struct texture_set *set)
{
    for (unsigned i = 0; import && i < import->n_images; i++)
        if (&import->images[i].set == set)
            return set->ids[0] != 0;
    return false;
}

void import_clear(struct import **import, const struct gl *gl)
{
    if (!*import)
        return;
    drop_all(*import, gl);
    memory_release(*import);
    *import = NULL;
}

/* The GPU waits for the fence, or the CPU does. */
static int wait_for_fence(const struct gl *gl, int fence_fd)
{
    struct pollfd fence = {.fd = fence_fd, .events = POLLIN};
    int own_fd, n;

    if (fence_fd < 0)
        return 0;
    own_fd = gl->native_fences ? fcntl(fence_fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (own_fd >= 0) {
        const EGLint attributes[] = {EGL_SYNC_NATIVE_FENCE_FD_ANDROID, own_fd, EGL_NONE};
        EGLSyncKHR sync =
            gl->egl.CreateSyncKHR(gl->display, EGL_SYNC_NATIVE_FENCE_ANDROID, attributes);

        if (sync) { /* which owns own_fd now */
            EGLint waits = gl->egl.WaitSyncKHR(gl->display, sync, 0);

            gl->egl.DestroySyncKHR(gl->display, sync);
            if (waits)
                return 0;
        } else {
            close(own_fd);
        }
    }
    do
        n = poll(&fence, 1, FENCE_MS);
    while (n < 0 && errno == EINTR);
    return n == 1 && fence.revents & POLLIN ? 0 : AVERROR(ETIMEDOUT);
}

static void find_places(const struct limef_hardware_frame *hardware,
                        struct place places[LIMEF_HARDWARE_MAX_PLANES])
{
    memset(places, 0, LIMEF_HARDWARE_MAX_PLANES * sizeof(places[0]));
    for (unsigned i = 0; i < hardware->n_planes; i++) {
        places[i].inode = hardware->planes[i].inode;
        places[i].offset_bytes = hardware->planes[i].offset_bytes;
        places[i].pitch_bytes = hardware->planes[i].pitch_bytes;
    }
}

static struct image *find_image(struct import *import,
                                const struct place places[LIMEF_HARDWARE_MAX_PLANES])
{
    for (unsigned i = 0; i < import->n_images; i++)
        if (import->images[i].set.ids[0] &&
            !memcmp(import->images[i].places, places, sizeof(import->images[i].places)))
            return &import->images[i];
    return NULL;
}

/* A free place for an image, or that of the one that was not used for the longest time. Drops what
 * has gone out of use. */
static struct image *make_room(struct import *import, const struct gl *gl)
{
    unsigned oldest = 0, vacant = IMPORT_MAX_IMAGES;

    for (unsigned i = 0; i < import->n_images; i++) {
        if (import->images[i].set.ids[0] &&
            import->n_pictures - import->images[i].used > IMPORT_MAX_UNUSED)
            drop_image(import, gl, i);
        if (!import->images[i].set.ids[0])
            vacant = i;
        if (import->images[i].used < import->images[oldest].used)
            oldest = i;
    }
    if (vacant < IMPORT_MAX_IMAGES)
        return &import->images[vacant];
    if (import->n_images < IMPORT_MAX_IMAGES)
        return &import->images[import->n_images++];
    drop_image(import, gl, oldest);
    return &import->images[oldest];
}

/* The colour of a picture that the driver converts itself. */
static unsigned add_hints(const struct stream *stream, EGLint *attributes)
{
    bool left = stream->chroma_location == AVCHROMA_LOC_LEFT ||
                stream->chroma_location == AVCHROMA_LOC_TOPLEFT ||
                stream->chroma_location == AVCHROMA_LOC_BOTTOMLEFT ||
                stream->chroma_location == AVCHROMA_LOC_UNSPECIFIED;
    bool top = stream->chroma_location == AVCHROMA_LOC_TOP ||
               stream->chroma_location == AVCHROMA_LOC_TOPLEFT;
    bool large = stream->height > 576 || stream->width > 1024;
    EGLint matrix = large ? EGL_ITU_REC709_EXT : EGL_ITU_REC601_EXT;
    unsigned n = 0;

    if (stream->color_space == AVCOL_SPC_BT709)
        matrix = EGL_ITU_REC709_EXT;
    else if (stream->color_space == AVCOL_SPC_BT2020_NCL ||
             stream->color_space == AVCOL_SPC_BT2020_CL)
        matrix = EGL_ITU_REC2020_EXT;
    else if (stream->color_space == AVCOL_SPC_BT470BG || stream->color_space == AVCOL_SPC_SMPTE170M)
        matrix = EGL_ITU_REC601_EXT;
    attributes[n++] = EGL_YUV_COLOR_SPACE_HINT_EXT;
    attributes[n++] = matrix;
    attributes[n++] = EGL_SAMPLE_RANGE_HINT_EXT;
    attributes[n++] =
        stream->color_range == AVCOL_RANGE_JPEG ? EGL_YUV_FULL_RANGE_EXT : EGL_YUV_NARROW_RANGE_EXT;
    attributes[n++] = EGL_YUV_CHROMA_HORIZONTAL_SITING_HINT_EXT;
    attributes[n++] = left ? EGL_YUV_CHROMA_SITING_0_EXT : EGL_YUV_CHROMA_SITING_0_5_EXT;
    attributes[n++] = EGL_YUV_CHROMA_VERTICAL_SITING_HINT_EXT;
    attributes[n++] = top ? EGL_YUV_CHROMA_SITING_0_EXT : EGL_YUV_CHROMA_SITING_0_5_EXT;
    return n;
}

/* Planes first .. first + n_planes - 1 of a picture as one image. */
static EGLImageKHR create_image(const struct import *import, const struct gl *gl,
                                const struct limef_hardware_frame *hardware,
                                const struct import_part *part)
{
    static const EGLint names[LIMEF_HARDWARE_MAX_PLANES][5] = {
        {EGL_DMA_BUF_PLANE0_FD_EXT, EGL_DMA_BUF_PLANE0_OFFSET_EXT, EGL_DMA_BUF_PLANE0_PITCH_EXT,
         EGL_DMA_BUF_PLANE0_MODIFIER_LO_EXT, EGL_DMA_BUF_PLANE0_MODIFIER_HI_EXT},
        {EGL_DMA_BUF_PLANE1_FD_EXT, EGL_DMA_BUF_PLANE1_OFFSET_EXT, EGL_DMA_BUF_PLANE1_PITCH_EXT,
         EGL_DMA_BUF_PLANE1_MODIFIER_LO_EXT, EGL_DMA_BUF_PLANE1_MODIFIER_HI_EXT},
        {EGL_DMA_BUF_PLANE2_FD_EXT, EGL_DMA_BUF_PLANE2_OFFSET_EXT, EGL_DMA_BUF_PLANE2_PITCH_EXT,
         EGL_DMA_BUF_PLANE2_MODIFIER_LO_EXT, EGL_DMA_BUF_PLANE2_MODIFIER_HI_EXT},
        {EGL_DMA_BUF_PLANE3_FD_EXT, EGL_DMA_BUF_PLANE3_OFFSET_EXT, EGL_DMA_BUF_PLANE3_PITCH_EXT,
         EGL_DMA_BUF_PLANE3_MODIFIER_LO_EXT, EGL_DMA_BUF_PLANE3_MODIFIER_HI_EXT},
    };
    EGLint attributes[6 + 10 * LIMEF_HARDWARE_MAX_PLANES + 8 + 1] = {
        EGL_WIDTH,           part->width, EGL_HEIGHT, part->height, EGL_LINUX_DRM_FOURCC_EXT,
        (EGLint)part->fourcc};
    unsigned n = 6;

    for (unsigned i = 0; i < part->n_planes; i++) {
        const struct limef_hardware_plane *plane = &hardware->planes[part->first_plane + i];
        const EGLint values[5] = {
            plane->fd, (EGLint)plane->offset_bytes, (EGLint)plane->pitch_bytes,
            (EGLint)(hardware->modifier & 0xffffffff), (EGLint)(hardware->modifier >> 32)};

        for (unsigned k = 0; k < (import->choice.with_modifier ? 5 : 3); k++) {
            attributes[n++] = names[i][k];
            attributes[n++] = values[k];
        }
    }
    if (import->choice.form == IMPORT_EXTERNAL)
        n += add_hints(&import->stream, attributes + n);
    attributes[n] = EGL_NONE;
    return gl->egl.CreateImageKHR(gl->display, EGL_NO_CONTEXT, EGL_LINUX_DMA_BUF_EXT, NULL,
                                  attributes);
}

static bool make_texture(const struct gl *gl, struct image *image, unsigned i)
{
    GLenum target = image->set.target;

    gl->ActiveTexture(GL_TEXTURE0 + i);
    gl->BindTexture(target, image->set.ids[i]);
    gl->TexParameteri(target, GL_TEXTURE_MIN_FILTER, GL_LINEAR);
    gl->TexParameteri(target, GL_TEXTURE_MAG_FILTER, GL_LINEAR);
    gl->TexParameteri(target, GL_TEXTURE_WRAP_S, GL_CLAMP_TO_EDGE);
    gl->TexParameteri(target, GL_TEXTURE_WRAP_T, GL_CLAMP_TO_EDGE);
    gl->EGLImageTargetTexture2DOES(target, (GLeglImageOES)image->parts[i]);
    image->set.filters[i] = GL_LINEAR;
    return gl->GetError() == GL_NO_ERROR;
}

/* The images of a buffer that was not seen before. NULL: the driver refuses. */
static struct image *make_image(struct import *import, const struct gl *gl,
                                const struct limef_hardware_frame *hardware)
{
    struct image *image = make_room(import, gl);
    const struct import_choice *choice = &import->choice;
    bool made = true;

    image->set.target = choice->form == IMPORT_EXTERNAL ? GL_TEXTURE_EXTERNAL_OES : GL_TEXTURE_2D;
    gl->GenTextures(3, image->set.ids);
    for (unsigned i = 0; made && i < choice->n_parts; i++) {
        image->parts[i] = create_image(import, gl, hardware, &choice->parts[i]);
        made = image->parts[i] != EGL_NO_IMAGE_KHR && make_texture(gl, image, i);
    }
    if (made)
        return image;
    drop_image(import, gl, (unsigned)(image - import->images));
    return NULL;
}

/* The same as one texture that the driver converts, where the planes' textures were refused. */
static struct image *make_otherwise(struct import *import, const struct gl *gl,
                                    const struct limef_hardware_frame *hardware)
{
    struct import_choice by_planes = import->choice;
    struct image *image = NULL;

    if (by_planes.form == IMPORT_PLANES &&
        !import_choose(&import->choice, gl, hardware, import->stream.pix_fmt, true))
        image = make_image(import, gl, hardware);
    if (!image) /* it may be the buffer's fault */
        import->choice = by_planes;
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

/* Another stream than before: none of the images is of use any more. */
static void begin_stream(struct import *import, const struct gl *gl, const struct stream *stream,
                         const struct limef_hardware_frame *hardware)
{
    drop_all(import, gl);
    import->stream = *stream;
    import->n_refusals = 0;
    import->refused = import_choose(&import->choice, gl, hardware, stream->pix_fmt, false);
}

static struct import *get(struct import **import)
{
    if (!*import)
        *import = memory_allocate(sizeof(**import));
    return *import;
}

int import_picture(struct import **of, const struct gl *gl,
                   const struct limef_hardware_frame *hardware, int pix_fmt,
                   struct imported *imported, const char **why)
{
    const struct stream stream = {
        .modifier = hardware->modifier,
        .fourcc = hardware->fourcc,
        .pix_fmt = pix_fmt,
        .width = hardware->width,
        .height = hardware->height,
        .n_planes = hardware->n_planes,
        .color_space = hardware->color_space,
        .color_range = hardware->color_range,
        .chroma_location = hardware->chroma_location,
    };
    struct place places[LIMEF_HARDWARE_MAX_PLANES];
    struct import *import = get(of);
    struct image *image;

    if (!import)
        return AVERROR(ENOMEM);
    if (memcmp(&stream, &import->stream, sizeof(stream)) != 0)
        begin_stream(import, gl, &stream, hardware);
    *imported = (struct imported){0};
    *why = import->refused;
    if (*why)
        return AVERROR(ENOTSUP);
    if (wait_for_fence(gl, hardware->fence_fd) < 0)
        return AVERROR(ETIMEDOUT);
    import->n_pictures++;
    find_places(hardware, places);
    image = find_image(import, places);
    if (!image) {
        image = make_image(import, gl, hardware);
        if (!image && import->n_images <= 1)
            image = make_otherwise(import, gl, hardware);
        if (!image) {
            *why = note_refusal(import, gl);
            return AVERROR(ENOTSUP);
        }
        memcpy(image->places, places, sizeof(places));
        import->n_refusals = 0;
        imported->n_made = import->choice.n_parts;
    }
    image->used = import->n_pictures;
    imported->set = &image->set;
    imported->format = import->choice.format;
    return 0;
}
