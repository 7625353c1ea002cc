/* SPDX-License-Identifier: MIT */
#include "gpu/images.h"

#include <libavutil/pixfmt.h>
#include <string.h>

_Static_assert(sizeof(struct image_key) == 48 + 16 * LIMEF_HARDWARE_MAX_PLANES, "no padding");

static uint64_t hash_of(const struct image_key *key)
{
    uint64_t words[sizeof(*key) / sizeof(uint64_t)], hash = 0;

    memcpy(words, key, sizeof(words));
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        hash = (hash ^ words[i]) * 0x9e3779b97f4a7c15ull + (hash >> 29);
    return hash | 1; /* 0 is a free place */
}

static void drop(struct images *images, const struct gl *gl, unsigned i)
{
    struct image *image = &images->images[i];

    gl->DeleteTextures(3, image->set.ids);
    for (unsigned part = 0; part < 3; part++)
        if (image->parts[part])
            gl->egl.DestroyImageKHR(gl->display, image->parts[part]);
    *image = (struct image){0};
    images->hashes[i] = 0;
}

void images_drop_one(struct images *images, const struct gl *gl, struct image *image)
{
    if (!image->n_users)
        drop(images, gl, (unsigned)(image - images->images));
}

void images_drop(struct images *images, const struct gl *gl, const void *user)
{
    for (unsigned i = 0; i < images->n_used; i++)
        if (images->hashes[i] && !images->images[i].n_users && images->images[i].user == user)
            drop(images, gl, i);
}

struct image *images_find(struct images *images, const struct image_key *key)
{
    uint64_t hash = hash_of(key);

    images->n_pictures++;
    for (unsigned i = 0; i < images->n_used; i++)
        if (images->hashes[i] == hash &&
            !memcmp(&images->images[i].key, key, sizeof(images->images[i].key))) {
            images->images[i].used = images->n_pictures;
            images->images[i].age = images->n_sweeps;
            return &images->images[i];
        }
    return NULL;
}

static void drop_unused(struct images *images, const struct gl *gl)
{
    uint64_t max_unused = (uint64_t)IMAGES_MAX_UNUSED * (images->n_streams ? images->n_streams : 1);

    for (unsigned i = 0; i < images->n_used; i++) {
        struct image *image = &images->images[i];

        if (image->n_users)
            image->age = images->n_sweeps;
        else if (images->hashes[i] && (images->n_pictures - image->used > max_unused ||
                                       images->n_sweeps - image->age > IMAGES_MAX_AGE))
            drop(images, gl, i);
    }
}

void images_sweep(struct images *images, const struct gl *gl)
{
    images->n_sweeps++;
    drop_unused(images, gl);
}

/* A free place, or that of the image that was not used for the longest time. Drops what has gone
 * out of use. IMAGES_MAX: all are shown. */
static unsigned make_room(struct images *images, const struct gl *gl)
{
    unsigned vacant = IMAGES_MAX, oldest = IMAGES_MAX;

    drop_unused(images, gl);
    for (unsigned i = 0; i < images->n_used; i++) {
        const struct image *image = &images->images[i];

        if (!images->hashes[i])
            vacant = i;
        else if (!image->n_users &&
                 (oldest == IMAGES_MAX || image->used < images->images[oldest].used))
            oldest = i;
    }
    if (vacant < IMAGES_MAX)
        return vacant;
    if (images->n_used < IMAGES_MAX)
        return images->n_used++;
    if (oldest < IMAGES_MAX)
        drop(images, gl, oldest);
    return oldest;
}

/* The colour of a picture that the driver converts itself. */
static unsigned add_hints(const struct image_stream *stream, EGLint *attributes)
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
static EGLImageKHR create_image(const struct gl *gl, const struct image_stream *stream,
                                const struct import_choice *choice,
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

        for (unsigned k = 0; k < (choice->with_modifier ? 5 : 3); k++) {
            attributes[n++] = names[i][k];
            attributes[n++] = values[k];
        }
    }
    if (choice->form == IMPORT_EXTERNAL)
        n += add_hints(stream, attributes + n);
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

struct image *images_make(struct images *images, const struct gl *gl, const struct image_key *key,
                          const struct import_choice *choice,
                          const struct limef_hardware_frame *hardware)
{
    unsigned place = make_room(images, gl);
    struct image *image = &images->images[place];
    bool made = true;

    if (place == IMAGES_MAX)
        return NULL;
    image->set.target = choice->form == IMPORT_EXTERNAL ? GL_TEXTURE_EXTERNAL_OES : GL_TEXTURE_2D;
    gl->GenTextures(3, image->set.ids);
    for (unsigned i = 0; made && i < choice->n_parts; i++) {
        image->parts[i] = create_image(gl, &key->stream, choice, hardware, &choice->parts[i]);
        made = image->parts[i] != EGL_NO_IMAGE_KHR && make_texture(gl, image, i);
    }
    if (!made) {
        drop(images, gl, place);
        return NULL;
    }
    image->key = *key;
    image->used = images->n_pictures;
    image->age = images->n_sweeps;
    images->hashes[place] = hash_of(key);
    return image;
}
