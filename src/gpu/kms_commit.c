/* SPDX-License-Identifier: MIT */
/*
 * An atomic commit, without the library's: that one copies and sorts what it
 * is given, in memory that it allocates.
 */
#include "gpu/kms.h"

#include <errno.h>

#define MAX_OBJECTS (4 + KMS_MAX_OVERLAYS + KMS_MAX_STRANGERS)
#define MAX_PROPERTIES (40 + 2 * (KMS_MAX_OVERLAYS + KMS_MAX_STRANGERS))

/* Objects in the order in which they come, each with its properties in a row. */
struct request {
    uint32_t objects[MAX_OBJECTS], counts[MAX_OBJECTS];
    uint32_t properties[MAX_PROPERTIES];
    uint64_t values[MAX_PROPERTIES];
    uint32_t n_objects, n_properties;
};

static void begin(struct request *request, uint32_t object)
{
    request->objects[request->n_objects++] = object;
}

/* property 0: the object has no such. */
static void set(struct request *request, uint32_t property, uint64_t value)
{
    if (!property)
        return;
    request->counts[request->n_objects - 1]++;
    request->properties[request->n_properties] = property;
    request->values[request->n_properties++] = value;
}

static void set_layer(struct request *request, const struct kms_plane *plane, uint32_t crtc,
                      const struct kms_layer *layer)
{
    const struct kms_plane_properties *properties = &plane->properties;

    begin(request, plane->id);
    set(request, properties->framebuffer, layer->framebuffer);
    set(request, properties->crtc, layer->framebuffer ? crtc : 0);
    if (!layer->framebuffer)
        return;
    set(request, properties->src_x, 0);
    set(request, properties->src_y, 0);
    /* 16.16 fixed point */
    set(request, properties->src_width, (uint64_t)layer->source_width << 16);
    set(request, properties->src_height, (uint64_t)layer->source_height << 16);
    set(request, properties->x, (uint64_t)(int64_t)layer->rect.x);
    set(request, properties->y, (uint64_t)(int64_t)layer->rect.y);
    set(request, properties->width, (uint64_t)layer->rect.width);
    set(request, properties->height, (uint64_t)layer->rect.height);
    if (layer->encoding >= 0)
        set(request, properties->encoding, (uint64_t)layer->encoding);
    if (layer->range >= 0)
        set(request, properties->range, (uint64_t)layer->range);
    if (layer->fence_fd >= 0)
        set(request, properties->in_fence, (uint64_t)layer->fence_fd);
}

static void set_mode(struct request *request, const struct kms_device *device, bool on)
{
    begin(request, device->connector);
    set(request, device->connector_crtc, on ? device->crtc : 0);
    if (on) /* else a link that was lost is not trained again */
        set(request, device->connector_link, DRM_MODE_LINK_STATUS_GOOD);
    begin(request, device->crtc);
    set(request, device->crtc_mode, on ? device->mode_blob : 0);
    set(request, device->crtc_active, on);
    for (unsigned i = 0; i < device->n_strangers && on; i++) {
        begin(request, device->strangers[i].id);
        set(request, device->strangers[i].framebuffer, 0);
        set(request, device->strangers[i].crtc, 0);
    }
}

static int send(struct kms *kms, struct request *request, uint32_t flags)
{
    struct drm_mode_atomic atomic = {
        .flags = flags,
        .count_objs = request->n_objects,
        .objs_ptr = (uintptr_t)request->objects,
        .count_props_ptr = (uintptr_t)request->counts,
        .props_ptr = (uintptr_t)request->properties,
        .prop_values_ptr = (uintptr_t)request->values,
        .user_data = kms->n_commits + 1, /* what its flip says: see kms_read_flips() */
    };

    return kms->calls->drmIoctl(kms->device.fd, DRM_IOCTL_MODE_ATOMIC, &atomic) < 0 ? -errno : 0;
}

int kms_commit(struct kms *kms, const struct kms_scene *scene, uint32_t flags)
{
    struct kms_device *device = &kms->device;
    const struct kms_plane *before = kms->scene.on;
    bool modeset = flags & DRM_MODE_ATOMIC_ALLOW_MODESET;
    struct request request = {0};

    if (modeset)
        set_mode(&request, device, true);
    set_layer(&request, &device->primary, device->crtc, &scene->primary);
    if (scene->on)
        set_layer(&request, scene->on, device->crtc, &scene->overlay);
    for (unsigned i = 0; i < device->n_overlays; i++) {
        const struct kms_plane *plane = &device->overlays[i];

        if (plane != scene->on && (modeset || plane == before))
            set_layer(&request, plane, 0, &(struct kms_layer){0});
    }
    return send(kms, &request, flags);
}

void kms_commit_nothing(struct kms *kms)
{
    struct request request = {0};

    if (!kms->device.connector)
        return;
    set_mode(&request, &kms->device, false);
    set_layer(&request, &kms->device.primary, 0, &(struct kms_layer){0});
    if (kms->scene.on)
        set_layer(&request, kms->scene.on, 0, &(struct kms_layer){0});
    send(kms, &request, DRM_MODE_ATOMIC_ALLOW_MODESET);
}
