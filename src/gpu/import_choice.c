/* SPDX-License-Identifier: MIT */
#include "gpu/import_choice.h"

#include "base/words.h"
#include "frame/dmabuf.h"
#include "frame/drm_format.h"

#include <limef/frame/hardware.h>

#include <drm_fourcc.h>
#include <libavutil/pixdesc.h>

/* What drivers list at most, of formats and of modifiers of one. */
#define MAX_LISTED 256

/* What the driver says about a format with a modifier. */
enum listed {
    LISTED_NOT,       /* not the format */
    LISTED_OTHERWISE, /* with other modifiers alone */
    LISTED_EXTERNAL,  /* for samplerExternalOES alone */
    LISTED,
};

static bool lists_format(const struct gl *gl, uint32_t fourcc)
{
    EGLint formats[MAX_LISTED], n = 0;

    if (!gl->egl.QueryDmaBufFormatsEXT(gl->display, MAX_LISTED, formats, &n))
        return false;
    for (EGLint i = 0; i < n && i < MAX_LISTED; i++)
        if ((uint32_t)formats[i] == fourcc)
            return true;
    return false;
}

/* with_modifier: written; whether the driver wants to be told it. */
static enum listed look_up(const struct gl *gl, uint32_t fourcc, uint64_t modifier,
                           bool *with_modifier)
{
    bool plain = modifier == DRM_FORMAT_MOD_LINEAR || modifier == DRM_FORMAT_MOD_INVALID;
    EGLuint64KHR modifiers[MAX_LISTED];
    EGLBoolean external[MAX_LISTED] = {0}; /* llvmpipe leaves it as it is */
    bool all_external = true;
    EGLint n = 0;

    *with_modifier = false;
    if (!gl->import_modifiers)
        return plain ? LISTED : LISTED_OTHERWISE;
    if (!lists_format(gl, fourcc))
        return LISTED_NOT;
    if (!gl->egl.QueryDmaBufModifiersEXT(gl->display, (EGLint)fourcc, MAX_LISTED, modifiers,
                                         external, &n))
        n = 0;
    for (EGLint i = 0; i < n && i < MAX_LISTED; i++) {
        all_external &= external[i] != EGL_FALSE;
        if (modifiers[i] != modifier)
            continue;
        *with_modifier = true;
        return external[i] ? LISTED_EXTERNAL : LISTED;
    }
    if (n == 0) /* Mesa 22 lists none, and takes linear ones */
        return plain ? LISTED : LISTED_OTHERWISE;
    if (modifier != DRM_FORMAT_MOD_INVALID)
        return LISTED_OTHERWISE;
    return all_external ? LISTED_EXTERNAL : LISTED;
}

/* A plane of so many channels; 0: there is no such texture. */
static uint32_t plane_fourcc(const struct picture_format *format, unsigned i)
{
    static const uint32_t names[2][2] = {{DRM_FORMAT_R8, DRM_FORMAT_GR88},
                                         {DRM_FORMAT_R16, DRM_FORMAT_GR1616}};

    return format->n_channels[i] > 2 ? 0
                                     : names[format->channel_bytes - 1][format->n_channels[i] - 1];
}

/* Plane by plane; what the driver says about the worst of them. */
static enum listed choose_planes(struct import_choice *choice, const struct gl *gl,
                                 const struct limef_hardware_frame *hardware, bool swapped)
{
    enum listed worst = LISTED;

    choice->form = IMPORT_PLANES;
    choice->n_parts = choice->format.n_planes;
    for (unsigned i = 0; i < choice->n_parts; i++) {
        struct import_part *part = &choice->parts[i];
        enum listed listed;

        part->fourcc = plane_fourcc(&choice->format, i);
        part->first_plane = swapped && i > 0 ? 3 - i : i;
        part->n_planes = 1;
        picture_plane_size(&choice->format, i, hardware->width, hardware->height, &part->width,
                           &part->height);
        listed = part->fourcc
                     ? look_up(gl, part->fourcc, hardware->modifier, &choice->with_modifier)
                     : LISTED_NOT;
        if (listed < worst)
            worst = listed;
    }
    return worst;
}

static enum listed choose_whole(struct import_choice *choice, const struct gl *gl,
                                const struct limef_hardware_frame *hardware, bool rgb)
{
    enum listed listed =
        hardware->fourcc ? look_up(gl, hardware->fourcc, hardware->modifier, &choice->with_modifier)
                         : LISTED_NOT;

    choice->form = rgb && listed == LISTED ? IMPORT_WHOLE : IMPORT_EXTERNAL;
    choice->format = (struct picture_format){
        .kind = choice->form == IMPORT_WHOLE ? PICTURE_RGB : PICTURE_EXTERNAL,
        .n_planes = 1,
        .n_channels = {4},
        .channel_bytes = 1,
        .depth = 8,
        .scale = 1,
    };
    choice->n_parts = 1;
    choice->parts[0] = (struct import_part){.fourcc = hardware->fourcc,
                                            .width = hardware->width,
                                            .height = hardware->height,
                                            .n_planes = hardware->n_planes};
    return listed;
}

static const char *say_why_not(const struct limef_hardware_frame *hardware, int pix_fmt,
                               const struct gl *gl, enum listed listed)
{
    const char *of = av_get_pix_fmt_name((enum AVPixelFormat)pix_fmt);
    char name[5];

    drm_format_name(hardware->fourcc, name);
    if (hardware->fourcc)
        of = name;
    if (listed == LISTED_NOT)
        return words_keep("the driver imports no %s", of ? of : "such format");
    if (listed == LISTED_OTHERWISE && !gl->import_modifiers)
        return words_keep("modifier 0x%llx: EGL_EXT_image_dma_buf_import_modifiers is missing",
                          (unsigned long long)hardware->modifier);
    if (listed == LISTED_OTHERWISE)
        return words_keep("the driver imports no %s with modifier 0x%llx", of ? of : "such format",
                          (unsigned long long)hardware->modifier);
    return "GL_OES_EGL_image_external is missing";
}

const char *import_choose(struct import_choice *choice, const struct gl *gl,
                          const struct limef_hardware_frame *hardware, int pix_fmt,
                          bool external_only)
{
    bool swapped = false, by_planes, rgb;
    const AVPixFmtDescriptor *desc;
    enum listed planes = LISTED_NOT, whole;

    *choice = (struct import_choice){0};
    if (gl->cannot_import)
        return gl->cannot_import;
    if (!hardware->planes[0].inode)
        return DMABUF_WITHOUT_INODE;
    if (hardware->width > gl->max_texture || hardware->height > gl->max_texture)
        return "it is larger than a texture can be";
    if (pix_fmt == AV_PIX_FMT_NONE)
        pix_fmt = drm_format_pix_fmt(hardware->fourcc, &swapped);
    desc = av_pix_fmt_desc_get((enum AVPixelFormat)pix_fmt);
    by_planes = !external_only && picture_format_of(&choice->format, pix_fmt, true) >= 0 &&
                choice->format.n_planes == hardware->n_planes &&
                (choice->format.n_planes > 1 || choice->format.kind == PICTURE_GRAY);
    rgb = desc && desc->flags & AV_PIX_FMT_FLAG_RGB && hardware->n_planes == 1;
    if (by_planes) {
        planes = choose_planes(choice, gl, hardware, swapped);
        if (planes == LISTED)
            return NULL;
    }
    whole = choose_whole(choice, gl, hardware, rgb);
    /* what is gray would come out red: drivers convert YUV alone */
    if (choice->form == IMPORT_WHOLE ||
        (whole >= LISTED_EXTERNAL && gl->external_images && !(desc && desc->nb_components < 3)))
        return NULL;
    return say_why_not(hardware, pix_fmt, gl, whole > planes ? whole : planes);
}
