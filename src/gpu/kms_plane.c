/* SPDX-License-Identifier: MIT */
#include "gpu/kms_plane.h"

#include "gpu/output.h"

#include <drm_fourcc.h>
#include <errno.h>
#include <libavutil/pixfmt.h>
#include <stddef.h>
#include <string.h>

/* Larger pictures that do not say so are BT.709, as convert_matrix() guesses. */
#define SD_HEIGHT 576
#define SD_WIDTH 1024

static const char *const encoding_names[KMS_N_ENCODINGS] = {
    [KMS_BT601] = "ITU-R BT.601 YCbCr",
    [KMS_BT709] = "ITU-R BT.709 YCbCr",
    [KMS_BT2020] = "ITU-R BT.2020 YCbCr",
};
static const char *const range_names[KMS_N_RANGES] = {
    [KMS_LIMITED] = "YCbCr limited range",
    [KMS_FULL] = "YCbCr full range",
};

uint32_t kms_find_property(const struct kms_calls *calls, int fd, uint32_t object, uint32_t type,
                           const char *name, uint64_t *value)
{
    drmModeObjectPropertiesPtr all = calls->drmModeObjectGetProperties(fd, object, type);
    uint32_t id = 0;

    for (uint32_t i = 0; all && i < all->count_props && !id; i++) {
        drmModePropertyPtr property = calls->drmModeGetProperty(fd, all->props[i]);

        if (property && strcmp(property->name, name) == 0) {
            id = property->prop_id;
            if (value)
                *value = all->prop_values[i];
        }
        calls->drmModeFreeProperty(property);
    }
    calls->drmModeFreeObjectProperties(all);
    return id;
}

static void read_enum(const drmModePropertyRes *property, const char *const *names, unsigned n,
                      int64_t *values)
{
    for (int i = 0; i < property->count_enums; i++)
        for (unsigned k = 0; k < n; k++)
            if (strcmp(property->enums[i].name, names[k]) == 0)
                values[k] = (int64_t)property->enums[i].value;
}

/* Takes what one property says. Returns the number of the blob with the formats, or 0. */
static uint32_t take_property(struct kms_plane *plane, const drmModePropertyRes *property,
                              uint64_t value)
{
#define AT(member) offsetof(struct kms_plane_properties, member)
    static const struct {
        const char *name;
        size_t at;
    } known[] = {
        {"FB_ID", AT(framebuffer)},
        {"CRTC_ID", AT(crtc)},
        {"SRC_X", AT(src_x)},
        {"SRC_Y", AT(src_y)},
        {"SRC_W", AT(src_width)},
        {"SRC_H", AT(src_height)},
        {"CRTC_X", AT(x)},
        {"CRTC_Y", AT(y)},
        {"CRTC_W", AT(width)},
        {"CRTC_H", AT(height)},
        {"IN_FENCE_FD", AT(in_fence)},
        {"COLOR_ENCODING", AT(encoding)},
        {"COLOR_RANGE", AT(range)},
    };
#undef AT

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(property->name, known[i].name) == 0)
            *(uint32_t *)(void *)((char *)&plane->properties + known[i].at) = property->prop_id;
    if (strcmp(property->name, "COLOR_ENCODING") == 0)
        read_enum(property, encoding_names, KMS_N_ENCODINGS, plane->encodings);
    else if (strcmp(property->name, "COLOR_RANGE") == 0)
        read_enum(property, range_names, KMS_N_RANGES, plane->ranges);
    else if (strcmp(property->name, "type") == 0)
        plane->type = value;
    else if (strcmp(property->name, "zpos") == 0)
        plane->zpos = (int64_t)value;
    return strcmp(property->name, "IN_FORMATS") == 0 ? (uint32_t)value : 0;
}

/* From a blob of IN_FORMATS, else the plain list, whose modifier is taken to be linear. */
static int read_formats(struct kms_plane *plane, const struct kms_calls *calls, int fd,
                        uint32_t blob_id, const drmModePlane *from, const struct output *output)
{
    drmModePropertyBlobPtr blob = blob_id ? calls->drmModeGetPropertyBlob(fd, blob_id) : NULL;
    drmModeFormatModifierIterator each = {0};
    unsigned n = 0;

    while (blob && calls->drmModeFormatModifierBlobIterNext(blob, &each))
        n++;
    plane->formats = output->allocate((n + from->count_formats) * sizeof(plane->formats[0]));
    if (plane->formats) {
        each = (drmModeFormatModifierIterator){0};
        while (plane->n_formats < n && calls->drmModeFormatModifierBlobIterNext(blob, &each))
            plane->formats[plane->n_formats++] = (struct kms_format){each.fmt, each.mod};
        for (uint32_t i = 0; i < from->count_formats && n == 0; i++)
            plane->formats[plane->n_formats++] =
                (struct kms_format){from->formats[i], DRM_FORMAT_MOD_LINEAR};
    }
    calls->drmModeFreePropertyBlob(blob);
    return plane->formats ? 0 : -ENOMEM;
}

int kms_plane_read(struct kms_plane *plane, const struct kms_calls *calls, int fd, uint32_t id,
                   const struct output *output)
{
    drmModePlanePtr from = calls->drmModeGetPlane(fd, id);
    drmModeObjectPropertiesPtr all =
        from ? calls->drmModeObjectGetProperties(fd, id, DRM_MODE_OBJECT_PLANE) : NULL;
    uint32_t blob = 0;
    int ret = -ENODEV;

    *plane = (struct kms_plane){.id = id, .zpos = -1};
    for (unsigned i = 0; i < KMS_N_ENCODINGS; i++)
        plane->encodings[i] = -1;
    for (unsigned i = 0; i < KMS_N_RANGES; i++)
        plane->ranges[i] = -1;
    for (uint32_t i = 0; all && i < all->count_props; i++) {
        drmModePropertyPtr property = calls->drmModeGetProperty(fd, all->props[i]);
        uint32_t formats = property ? take_property(plane, property, all->prop_values[i]) : 0;

        blob = formats ? formats : blob;
        calls->drmModeFreeProperty(property);
    }
    if (all) {
        plane->possible_crtcs = from->possible_crtcs;
        plane->crtc = from->crtc_id;
        ret = plane->properties.framebuffer && plane->properties.crtc
                  ? read_formats(plane, calls, fd, blob, from, output)
                  : -ENODEV;
    }
    calls->drmModeFreeObjectProperties(all);
    calls->drmModeFreePlane(from);
    if (ret < 0)
        kms_plane_clear(plane, output);
    return ret;
}

void kms_plane_clear(struct kms_plane *plane, const struct output *output)
{
    output->release(plane->formats);
    *plane = (struct kms_plane){0};
}

bool kms_plane_is_under(const struct kms_plane *plane, const struct kms_plane *other)
{
    if (plane->zpos < 0 || other->zpos < 0)
        return true;
    /* of the same height it is the number that decides: drm_atomic_normalize_zpos() */
    return plane->zpos < other->zpos || (plane->zpos == other->zpos && plane->id < other->id);
}

bool kms_plane_takes(const struct kms_plane *plane, uint32_t fourcc, uint64_t modifier)
{
    for (unsigned i = 0; i < plane->n_formats; i++)
        if (plane->formats[i].fourcc == fourcc &&
            (plane->formats[i].modifier == modifier || modifier == DRM_FORMAT_MOD_INVALID))
            return true;
    return false;
}

static bool is_rgb(uint32_t fourcc)
{
    switch (fourcc) {
    case DRM_FORMAT_XRGB8888:
    case DRM_FORMAT_XBGR8888:
    case DRM_FORMAT_RGBX8888:
    case DRM_FORMAT_BGRX8888:
    case DRM_FORMAT_RGB888:
    case DRM_FORMAT_BGR888:
    case DRM_FORMAT_RGB565:
    case DRM_FORMAT_XRGB2101010:
    case DRM_FORMAT_XBGR2101010:
        return true;
    default:
        return false;
    }
}

/* KMS_N_ENCODINGS: one that planes do not know. */
static enum kms_encoding encoding_of(const struct limef_hardware_frame *picture)
{
    switch (picture->color_space) {
    case AVCOL_SPC_BT470BG:
    case AVCOL_SPC_SMPTE170M:
        return KMS_BT601;
    case AVCOL_SPC_BT709:
        return KMS_BT709;
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
        return KMS_BT2020;
    case AVCOL_SPC_FCC:
    case AVCOL_SPC_SMPTE240M:
        return KMS_N_ENCODINGS;
    default:
        return picture->height > SD_HEIGHT || picture->width > SD_WIDTH ? KMS_BT709 : KMS_BT601;
    }
}

bool kms_plane_colours(const struct kms_plane *plane, const struct limef_hardware_frame *picture,
                       int64_t *encoding, int64_t *range)
{
    enum kms_encoding wanted = encoding_of(picture);
    bool full = picture->color_range == AVCOL_RANGE_JPEG;

    *encoding = *range = -1;
    if (is_rgb(picture->fourcc))
        return true;
    if (wanted == KMS_N_ENCODINGS)
        return false;
    /* a plane that cannot be told does what everybody did before: BT.601, limited */
    if (!plane->properties.encoding && wanted != KMS_BT601)
        return false;
    if (!plane->properties.range && full)
        return false;
    if (plane->properties.encoding)
        *encoding = plane->encodings[wanted];
    if (plane->properties.range)
        *range = plane->ranges[full ? KMS_FULL : KMS_LIMITED];
    return (!plane->properties.encoding || *encoding >= 0) &&
           (!plane->properties.range || *range >= 0);
}
