/* SPDX-License-Identifier: MIT */
/*
 * A picture straight on a plane: the display reads what the decoder wrote,
 * nothing is composed. Whether it can is the driver's to say (TEST_ONLY), once
 * for each kind of picture.
 */
#include "gpu/kms.h"

#include <drm_fourcc.h>
#include <errno.h>

/* Buffers in a row that the card refuses before it is not asked again. */
#define MAX_REFUSALS 4

static bool same_way(const struct kms_way *way, const struct limef_hardware_frame *picture,
                     struct layout_rect rect)
{
    const struct limef_hardware_frame *known = &way->picture;

    return way->known && known->fourcc == picture->fourcc && known->modifier == picture->modifier &&
           known->width == picture->width && known->height == picture->height &&
           known->color_space == picture->color_space &&
           known->color_range == picture->color_range &&
           known->planes[0].pitch_bytes == picture->planes[0].pitch_bytes &&
           way->rect.x == rect.x && way->rect.y == rect.y && way->rect.width == rect.width &&
           way->rect.height == rect.height;
}

static bool covers(const struct kms *kms, struct layout_rect rect)
{
    return rect.x == 0 && rect.y == 0 && rect.width == kms->device.mode.hdisplay &&
           rect.height == kms->device.mode.vdisplay;
}

/* The picture on a plane; on an overlay, with black around it. False: its colours cannot be said.
 */
static bool make_scene(const struct kms *kms, const struct kms_plane *plane,
                       const struct limef_hardware_frame *picture, struct layout_rect rect,
                       uint32_t framebuffer, struct kms_scene *scene)
{
    struct kms_layer layer = {.framebuffer = framebuffer,
                              .source_width = picture->width,
                              .source_height = picture->height,
                              .rect = rect,
                              .fence_fd = -1};

    *scene = kms_scene_of(kms, kms->black);
    if (!kms_plane_colours(plane, picture, &layer.encoding, &layer.range))
        return false;
    if (plane == &kms->device.primary) {
        scene->primary = layer;
    } else {
        scene->overlay = layer;
        scene->on = plane;
    }
    return true;
}

/* Whether the driver shows such pictures on a plane. NULL: it does; else why not. */
static const char *test(struct kms *kms, const struct kms_plane *plane,
                        const struct limef_hardware_frame *picture, struct layout_rect rect,
                        uint32_t framebuffer)
{
    const struct kms_plane *primary = &kms->device.primary;
    struct kms_scene scene;
    int ret;

    if (!kms_plane_takes(plane, picture->fourcc, picture->modifier))
        return "no plane takes the format";
    if (plane != primary && !kms_plane_is_under(primary, plane))
        return "no plane that takes it lies over the others";
    if (!make_scene(kms, plane, picture, rect, framebuffer, &scene))
        return "no plane knows its colours";
    ret = kms_commit(kms, &scene, DRM_MODE_ATOMIC_TEST_ONLY);
    if (ret == 0)
        return NULL;
    return picture->width != rect.width || picture->height != rect.height
               ? "no plane scales so"
               : "the driver refuses it on a plane";
}

static void find_way(struct kms *kms, const struct limef_hardware_frame *picture,
                     struct layout_rect rect, uint32_t framebuffer)
{
    struct kms_way *way = &kms->way;
    const char *why = "no plane takes the format";

    *way = (struct kms_way){.known = true, .picture = *picture, .rect = rect};
    /* beside a primary plane that is not full there is what the display calls black */
    if (covers(kms, rect) || kms->device.n_overlays == 0) {
        why = test(kms, &kms->device.primary, picture, rect, framebuffer);
        if (!why) {
            way->plane = &kms->device.primary;
            return;
        }
    }
    for (unsigned i = 0; i < kms->device.n_overlays; i++) {
        const char *why_not = test(kms, &kms->device.overlays[i], picture, rect, framebuffer);

        if (!why_not) {
            way->plane = &kms->device.overlays[i];
            return;
        }
        if (kms_plane_takes(&kms->device.overlays[i], picture->fourcc, picture->modifier))
            why = why_not;
    }
    way->why_not = why;
}

/* Lets the display wait for whoever writes the picture still. Of fences in its buffers the driver
 * knows by itself, if it takes none. */
static bool give_fence(const struct kms *kms, const struct limef_hardware_frame *picture,
                       struct kms_scene *scene, struct kms_shown *shown)
{
    struct kms_layer *layer = scene->on ? &scene->overlay : &scene->primary;
    const struct kms_plane *plane = scene->on ? scene->on : &kms->device.primary;

    return kms_fence_give(plane, layer, shown, fence_of_picture(picture)) || picture->fence_fd < 0;
}

/* Whether somebody else than this card's driver would have to say how its rows lie. */
static bool is_foreign(const struct kms *kms, const struct limef_hardware_frame *picture)
{
    return picture->modifier == DRM_FORMAT_MOD_INVALID &&
           (!picture->device || picture->device != kms->device.number);
}

int kms_scan_out(struct output *output, const struct limef_hardware_frame *picture,
                 struct layout_rect rect, struct limef_payload *payload, const char **why)
{
    struct kms *kms = output->private_data;
    struct kms_shown shown = {0};
    struct kms_scene scene;
    uint32_t framebuffer;
    int ret;

    *why = NULL;
    if (kms->away || kms->needs_mode || kms->waiting)
        *why = "the display is not ready";
    else if (kms->device.render_fd < 0)
        *why = "the card that was lent cannot be opened once more";
    else if (is_foreign(kms, picture))
        *why = "it has no modifier, and is not known to be of this card";
    else if (same_way(&kms->way, picture, rect) && !kms->way.plane)
        *why = kms->way.why_not;
    if (*why)
        return -ENOTSUP;
    framebuffer = kms_frames_find(kms, picture, why);
    if (!framebuffer) {
        if (kms->n_refusals >= MAX_REFUSALS)
            kms->way =
                (struct kms_way){.known = true, .picture = *picture, .rect = rect, .why_not = *why};
        return -ENOTSUP;
    }
    if (!same_way(&kms->way, picture, rect)) {
        find_way(kms, picture, rect, framebuffer);
        kms_frames_clear(kms, picture);
    }
    *why = kms->way.why_not;
    if (!kms->way.plane || !make_scene(kms, kms->way.plane, picture, rect, framebuffer, &scene))
        return -ENOTSUP;
    if (!give_fence(kms, picture, &scene, &shown)) {
        *why = "no plane waits for fences";
        return -ENOTSUP;
    }
    shown.payload = output->payload_ref(payload);
    ret = kms_show(kms, &scene, &shown);
    if (ret < 0) {
        kms_shown_release(kms, &shown);
        kms->way = (struct kms_way){0};
        *why = "the driver refuses what it had accepted";
        return -ENOTSUP;
    }
    kms->said_failed = false;
    return 0;
}

static bool takes_software(const struct kms_plane *plane)
{
    return kms_plane_takes(plane, DRM_FORMAT_YUV420, DRM_FORMAT_MOD_LINEAR) ||
           kms_plane_takes(plane, DRM_FORMAT_NV12, DRM_FORMAT_MOD_LINEAR);
}

int kms_card(const struct output *output)
{
    const struct kms_device *device = &((const struct kms *)output->private_data)->device;
    bool takes = takes_software(&device->primary);

    for (unsigned i = 0; i < device->n_overlays; i++)
        takes |= takes_software(&device->overlays[i]);
    return takes ? device->render_fd : -1;
}
