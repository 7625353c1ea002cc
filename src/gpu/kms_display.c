/* SPDX-License-Identifier: MIT */
#include "gpu/kms_display.h"

#include "gpu/output.h"

#include <stdio.h>
#include <string.h>

/* As the kernel names them in /sys/class/drm: "HDMI-A-1". */
static bool has_name(const drmModeConnector *connector, const char *name)
{
    static const char *const types[] = {
        "Unknown", "VGA",       "DVI-I", "DVI-D", "DVI-A",     "Composite", "SVIDEO",
        "LVDS",    "Component", "DIN",   "DP",    "HDMI-A",    "HDMI-B",    "TV",
        "eDP",     "Virtual",   "DSI",   "DPI",   "Writeback", "SPI",       "USB",
    };
    uint32_t type = connector->connector_type;
    char full[40];

    snprintf(full, sizeof(full), "%s-%u", types[type < sizeof(types) / sizeof(types[0]) ? type : 0],
             connector->connector_type_id);
    return strcmp(name, full) == 0;
}

/* The lower, the better; 0: not at all. */
static int rank(const struct kms_device *device, const drmModeConnector *connector)
{
    if (connector->connector_type == DRM_MODE_CONNECTOR_WRITEBACK || connector->count_modes == 0 ||
        connector->connection == DRM_MODE_DISCONNECTED)
        return 0;
    if (device->connector_name[0] && !has_name(connector, device->connector_name))
        return 0;
    if (connector->connector_id == device->connector)
        return 1;
    return connector->connection == DRM_MODE_CONNECTED ? 2 : 3;
}

static drmModeConnectorPtr choose_connector(const struct kms_device *device,
                                            const drmModeRes *resources)
{
    const struct kms_calls *calls = device->calls;
    drmModeConnectorPtr best = NULL;

    for (int i = 0; i < resources->count_connectors; i++) {
        drmModeConnectorPtr connector =
            calls->drmModeGetConnector(device->fd, resources->connectors[i]);
        int its_rank = connector ? rank(device, connector) : 0;

        if (its_rank && (!best || its_rank < rank(device, best))) {
            calls->drmModeFreeConnector(best);
            best = connector;
        } else {
            calls->drmModeFreeConnector(connector);
        }
    }
    return best;
}

/* Its index, or -1: the one that the connector is on already, else one that is idle, else any. */
static int choose_crtc(const struct kms_device *device, const drmModeRes *resources,
                       const drmModeConnector *connector)
{
    const struct kms_calls *calls = device->calls;
    uint32_t possible = 0, current = 0;
    int best = -1;
    bool best_idle = false;

    for (int i = 0; i < connector->count_encoders; i++) {
        drmModeEncoderPtr encoder = calls->drmModeGetEncoder(device->fd, connector->encoders[i]);

        if (encoder)
            possible |= encoder->possible_crtcs;
        if (encoder && encoder->encoder_id == connector->encoder_id)
            current = encoder->crtc_id;
        calls->drmModeFreeEncoder(encoder);
    }
    for (int i = 0; i < resources->count_crtcs && i < 32; i++) {
        drmModeCrtcPtr crtc;
        bool idle;

        if (!(possible & 1u << i))
            continue;
        if (resources->crtcs[i] == current)
            return i;
        crtc = calls->drmModeGetCrtc(device->fd, resources->crtcs[i]);
        idle = crtc && !crtc->mode_valid;
        calls->drmModeFreeCrtc(crtc);
        if (best < 0 || (idle && !best_idle)) {
            best = i;
            best_idle = idle;
        }
    }
    return best;
}

static void note_stranger(struct kms_device *device, const struct kms_plane *plane)
{
    if (device->n_strangers == KMS_MAX_STRANGERS)
        return;
    device->strangers[device->n_strangers].id = plane->id;
    device->strangers[device->n_strangers].framebuffer = plane->properties.framebuffer;
    device->strangers[device->n_strangers++].crtc = plane->properties.crtc;
}

/* A plane finds its place: the CRTC's primary one, overlays, others that somebody left there. */
static void place_plane(struct kms_device *device, struct kms_plane *plane)
{
    bool ours = plane->crtc == device->crtc;

    if (plane->type == DRM_PLANE_TYPE_PRIMARY && (!device->primary.id || ours) &&
        (plane->crtc == 0 || ours)) {
        kms_plane_clear(&device->primary, device->output);
        device->primary = *plane;
        return;
    }
    if (plane->type == DRM_PLANE_TYPE_OVERLAY && device->n_overlays < KMS_MAX_OVERLAYS) {
        device->overlays[device->n_overlays++] = *plane;
        return;
    }
    if (ours)
        note_stranger(device, plane);
    kms_plane_clear(plane, device->output);
}

static const char *choose_planes(struct kms_device *device, int crtc_index)
{
    const struct kms_calls *calls = device->calls;
    drmModePlaneResPtr all = calls->drmModeGetPlaneResources(device->fd);

    for (uint32_t i = 0; all && i < all->count_planes; i++) {
        struct kms_plane plane;

        if (kms_plane_read(&plane, calls, device->fd, all->planes[i], device->output) < 0)
            continue;
        if (plane.possible_crtcs & 1u << crtc_index)
            place_plane(device, &plane);
        else
            kms_plane_clear(&plane, device->output);
    }
    calls->drmModeFreePlaneResources(all);
    return device->primary.id ? NULL : "its display has no primary plane";
}

static const char *choose_mode(struct kms_device *device, const drmModeConnector *connector)
{
    const drmModeModeInfo *mode =
        kms_mode_choose(connector->modes, connector->count_modes, &device->wish);

    device->mode = *mode;
    device->period_us = kms_mode_period_us(mode);
    return device->calls->drmModeCreatePropertyBlob(device->fd, mode, sizeof(*mode),
                                                    &device->mode_blob) < 0
               ? "the kernel takes no mode"
               : NULL;
}

static const char *find_properties(struct kms_device *device)
{
    const struct kms_calls *calls = device->calls;
    int fd = device->fd;

    device->connector_crtc =
        kms_find_property(calls, fd, device->connector, DRM_MODE_OBJECT_CONNECTOR, "CRTC_ID", NULL);
    device->connector_link = kms_find_property(calls, fd, device->connector,
                                               DRM_MODE_OBJECT_CONNECTOR, "link-status", NULL);
    device->crtc_mode =
        kms_find_property(calls, fd, device->crtc, DRM_MODE_OBJECT_CRTC, "MODE_ID", NULL);
    device->crtc_active =
        kms_find_property(calls, fd, device->crtc, DRM_MODE_OBJECT_CRTC, "ACTIVE", NULL);
    return device->connector_crtc && device->crtc_mode && device->crtc_active
               ? NULL
               : "its display lacks properties of atomic modesetting";
}

/* What the CRTC showed before us; of one that we had before, that is known. */
static drmModeCrtcPtr former_of(struct kms_device *device, uint32_t crtc)
{
    drmModeCrtcPtr former = device->former;

    device->former = NULL;
    if (former && former->crtc_id == crtc)
        return former;
    device->calls->drmModeFreeCrtc(former);
    return device->calls->drmModeGetCrtc(device->fd, crtc);
}

static const char *choose_with(struct kms_device *device, const drmModeRes *resources,
                               const drmModeConnector *connector)
{
    int crtc = choose_crtc(device, resources, connector);
    drmModeCrtcPtr former;
    const char *why;

    if (crtc < 0)
        return "nothing drives its display";
    if (connector->connector_id == device->connector && resources->crtcs[crtc] == device->crtc) {
        /* the same display as before: its planes stay */
        device->calls->drmModeDestroyPropertyBlob(device->fd, device->mode_blob);
        device->mode_blob = 0;
        return choose_mode(device, connector);
    }
    former = former_of(device, resources->crtcs[crtc]);
    kms_display_clear(device);
    device->connector = connector->connector_id;
    device->crtc = resources->crtcs[crtc];
    device->former = former;
    why = choose_planes(device, crtc);
    if (!why)
        why = find_properties(device);
    return why ? why : choose_mode(device, connector);
}

const char *kms_display_choose(struct kms_device *device)
{
    const struct kms_calls *calls = device->calls;
    drmModeResPtr resources = calls->drmModeGetResources(device->fd);
    drmModeConnectorPtr connector;
    const char *why;

    if (!resources)
        return "it has no displays";
    connector = choose_connector(device, resources);
    if (connector)
        why = choose_with(device, resources, connector);
    else
        why =
            device->connector_name[0] ? "no such display is connected" : "no display is connected";
    calls->drmModeFreeConnector(connector);
    calls->drmModeFreeResources(resources);
    return why;
}

bool kms_display_lost_link(const struct kms_device *device)
{
    uint64_t link = DRM_MODE_LINK_STATUS_GOOD;

    if (device->connector && device->connector_link)
        kms_find_property(device->calls, device->fd, device->connector, DRM_MODE_OBJECT_CONNECTOR,
                          "link-status", &link);
    return link != DRM_MODE_LINK_STATUS_GOOD;
}

bool kms_display_restore(struct kms_device *device)
{
    drmModeCrtc *former = device->former;

    return former && device->connector && former->mode_valid && former->buffer_id &&
           device->calls->drmModeSetCrtc(device->fd, device->crtc, former->buffer_id, former->x,
                                         former->y, &device->connector, 1, &former->mode) == 0;
}

void kms_display_clear(struct kms_device *device)
{
    if (device->mode_blob)
        device->calls->drmModeDestroyPropertyBlob(device->fd, device->mode_blob);
    device->calls->drmModeFreeCrtc(device->former);
    kms_plane_clear(&device->primary, device->output);
    for (unsigned i = 0; i < device->n_overlays; i++)
        kms_plane_clear(&device->overlays[i], device->output);
    device->n_overlays = device->n_strangers = 0;
    device->mode_blob = device->connector = device->crtc = 0;
    device->former = NULL;
}
