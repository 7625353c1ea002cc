/* SPDX-License-Identifier: MIT */
#include "played_card.h"

#include <drm_fourcc.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECTOR 1
#define ENCODER 2
#define CRTC 3
#define PRIMARY 4
#define OVERLAY 5
#define MAGIC 77
#define FORMATS_BLOB 9
#define FIRST_FRAMEBUFFER 100

struct played_card played_card;

static uint32_t connectors[] = {CONNECTOR}, encoders[] = {ENCODER}, crtcs[] = {CRTC};
static uint32_t planes[] = {PRIMARY, OVERLAY};
static uint32_t formats[] = {DRM_FORMAT_XRGB8888, DRM_FORMAT_NV12};
static drmModeModeInfo modes[] = {
    {.hdisplay = PLAYED_WIDTH, .vdisplay = PLAYED_HEIGHT},
    {.hdisplay = PLAYED_SMALL_WIDTH, .vdisplay = PLAYED_SMALL_HEIGHT}};
static struct drm_mode_property_enum encodings[] = {{0, "ITU-R BT.601 YCbCr"},
                                                    {1, "ITU-R BT.709 YCbCr"}};
static struct drm_mode_property_enum ranges[] = {{0, "YCbCr limited range"},
                                                 {1, "YCbCr full range"}};

/* The properties of every object; a property's number is its place, from 1. */
enum property {
    FB_ID,
    CRTC_ID,
    TYPE,
    MODE_ID,
    ACTIVE,
    ZPOS,
    LINK_STATUS,
    IN_FORMATS,
    IN_FENCE,
    ENCODING,
    RANGE,
    N_PROPERTIES
};
static const char *const names[] = {
    [FB_ID] = "FB_ID",
    [CRTC_ID] = "CRTC_ID",
    [TYPE] = "type",
    [MODE_ID] = "MODE_ID",
    [ACTIVE] = "ACTIVE",
    [ZPOS] = "zpos",
    [LINK_STATUS] = "link-status",
    [IN_FORMATS] = "IN_FORMATS",
    [IN_FENCE] = "IN_FENCE_FD",
    [ENCODING] = "COLOR_ENCODING",
    [RANGE] = "COLOR_RANGE",
};

static int refuse(int error)
{
    errno = error;
    return -1;
}

void played_card_note_wrong(const char *what)
{
    if (!played_card.wrong)
        played_card.wrong = what;
}

static void *lend(const void *what, size_t bytes)
{
    void *lent = malloc(bytes);

    if (lent)
        memcpy(lent, what, bytes);
    played_card.n_lent += lent != NULL;
    return lent;
}

static void take_back(void *lent)
{
    played_card.n_lent -= lent != NULL;
    free(lent);
}

#define LENT(type, function)                                                                       \
    static void function(type *lent)                                                               \
    {                                                                                              \
        take_back(lent);                                                                           \
    }
LENT(drmModeRes, free_resources)
LENT(drmModeConnector, free_connector)
LENT(drmModeEncoder, free_encoder)
LENT(drmModeCrtc, free_crtc)
LENT(drmModePlaneRes, free_plane_resources)
LENT(drmModePlane, free_plane)
LENT(drmModePropertyRes, free_property)
LENT(drmModePropertyBlobRes, free_blob)

static int set_client_cap(int fd, uint64_t capability, uint64_t value)
{
    (void)fd, (void)capability, (void)value;
    return 0;
}

static int get_cap(int fd, uint64_t capability, uint64_t *value)
{
    (void)fd, (void)capability;
    *value = 1;
    return 0;
}

static int is_master(int fd)
{
    (void)fd;
    return played_card.is_master;
}

static int set_master(int fd)
{
    (void)fd;
    played_card.is_master = true;
    return 0;
}

static int drop_master(int fd)
{
    (void)fd;
    played_card.is_master = false;
    return 0;
}

static int get_magic(int fd, drm_magic_t *magic)
{
    played_card.asked_fd = fd;
    *magic = MAGIC;
    return 0;
}

static int vouch(int fd, drm_magic_t magic)
{
    played_card.vouched_by_fd = magic == MAGIC ? fd : -1;
    return 0;
}

static drmModeResPtr get_resources(int fd)
{
    const drmModeRes resources = {
        .count_connectors = 1, .connectors = connectors, .count_crtcs = 1, .crtcs = crtcs};

    (void)fd;
    return lend(&resources, sizeof(resources));
}

static drmModeConnectorPtr get_connector(int fd, uint32_t id)
{
    const drmModeConnector connector = {.connector_id = id,
                                        .connection = played_card.unplugged ? DRM_MODE_DISCONNECTED
                                                                            : DRM_MODE_CONNECTED,
                                        .count_modes = 1,
                                        .modes = &modes[played_card.is_small],
                                        .count_encoders = 1,
                                        .encoders = encoders};

    (void)fd;
    return lend(&connector, sizeof(connector));
}

static drmModeEncoderPtr get_encoder(int fd, uint32_t id)
{
    const drmModeEncoder encoder = {.encoder_id = id, .possible_crtcs = 1};

    (void)fd;
    return lend(&encoder, sizeof(encoder));
}

static drmModeCrtcPtr get_crtc(int fd, uint32_t id)
{
    const drmModeCrtc crtc = {
        .crtc_id = id, .buffer_id = played_card.shown, .mode_valid = 1, .mode = modes[0]};

    (void)fd;
    return lend(&crtc, sizeof(crtc));
}

static int set_crtc(int fd, uint32_t crtc, uint32_t framebuffer, uint32_t x, uint32_t y,
                    uint32_t *to, int n_to, drmModeModeInfoPtr mode)
{
    (void)fd, (void)crtc, (void)x, (void)y, (void)to, (void)n_to, (void)mode;
    played_card.shown = framebuffer;
    return 0;
}

static drmModePlaneResPtr get_plane_resources(int fd)
{
    const drmModePlaneRes resources = {.count_planes = 2, .planes = planes};

    (void)fd;
    return lend(&resources, sizeof(resources));
}

static drmModePlanePtr get_plane(int fd, uint32_t id)
{
    const drmModePlane plane = {
        .plane_id = id, .possible_crtcs = 1, .count_formats = 2, .formats = formats};

    (void)fd;
    return lend(&plane, sizeof(plane));
}

static drmModeObjectPropertiesPtr get_properties(int fd, uint32_t id, uint32_t type)
{
    struct {
        drmModeObjectProperties all;
        uint32_t ids[N_PROPERTIES];
        uint64_t values[N_PROPERTIES];
    } * lent;

    (void)fd, (void)type;
    lent = lend(&(char[sizeof(*lent)]){0}, sizeof(*lent));
    if (!lent)
        return NULL;
    for (uint32_t i = 0; i < N_PROPERTIES; i++)
        lent->ids[i] = i + 1;
    lent->values[TYPE] = id == PRIMARY ? DRM_PLANE_TYPE_PRIMARY : DRM_PLANE_TYPE_OVERLAY;
    lent->values[ZPOS] = id + 1;
    lent->values[LINK_STATUS] =
        played_card.lost_link ? DRM_MODE_LINK_STATUS_BAD : DRM_MODE_LINK_STATUS_GOOD;
    lent->values[IN_FORMATS] = FORMATS_BLOB;
    lent->all = (drmModeObjectProperties){N_PROPERTIES, lent->ids, lent->values};
    return &lent->all;
}

static void free_properties(drmModeObjectProperties *properties)
{
    take_back(properties); /* the first member of what was lent */
}

static drmModePropertyPtr get_property(int fd, uint32_t id)
{
    drmModePropertyRes property = {.prop_id = id};

    (void)fd;
    snprintf(property.name, sizeof(property.name), "%s", names[id - 1]);
    if (id - 1 == ENCODING || id - 1 == RANGE) {
        property.count_enums = 2;
        property.enums = id - 1 == ENCODING ? encodings : ranges;
    }
    return lend(&property, sizeof(property));
}

static drmModePropertyBlobPtr get_blob(int fd, uint32_t id)
{
    const drmModePropertyBlobRes blob = {.id = id};

    (void)fd;
    return lend(&blob, sizeof(blob));
}

static bool next_format(const drmModePropertyBlobRes *blob, drmModeFormatModifierIterator *each)
{
    if (blob->id != FORMATS_BLOB || each->fmt_idx == sizeof(formats) / sizeof(formats[0]))
        return false;
    each->fmt = formats[each->fmt_idx++];
    each->mod = DRM_FORMAT_MOD_LINEAR;
    return true;
}

static int create_blob(int fd, const void *data, size_t bytes, uint32_t *id)
{
    (void)fd, (void)data, (void)bytes;
    played_card.n_blobs++;
    *id = FORMATS_BLOB + 1;
    return 0;
}

static int destroy_blob(int fd, uint32_t id)
{
    (void)fd, (void)id;
    played_card.n_blobs--;
    return 0;
}

static int import(int fd, int buffer_fd, uint32_t *handle)
{
    (void)fd;
    if (buffer_fd < 0 || buffer_fd + 1 >= PLAYED_MAX_HANDLES)
        return refuse(EBADF);
    *handle = (uint32_t)buffer_fd + 1;
    played_card.handles[*handle] = true;
    return 0;
}

static int close_handle(int fd, uint32_t handle)
{
    (void)fd;
    if (handle >= PLAYED_MAX_HANDLES || !played_card.handles[handle])
        played_card_note_wrong("a handle is closed that is not open");
    else
        played_card.handles[handle] = false;
    return 0;
}

static bool framebuffers[PLAYED_MAX_HANDLES]; /* alive */
static uint32_t next_framebuffer;

static int add(int fd, uint32_t width, uint32_t height, uint32_t fourcc, const uint32_t handles[4],
               const uint32_t pitches[4], const uint32_t offsets[4], const uint64_t modifiers[4],
               uint32_t *framebuffer, uint32_t flags)
{
    (void)fd, (void)width, (void)height, (void)fourcc;
    (void)handles, (void)pitches, (void)offsets, (void)modifiers, (void)flags;
    do
        next_framebuffer = (next_framebuffer + 1) % PLAYED_MAX_HANDLES;
    while (next_framebuffer < FIRST_FRAMEBUFFER || framebuffers[next_framebuffer]);
    framebuffers[next_framebuffer] = true;
    played_card.n_framebuffers++;
    *framebuffer = next_framebuffer;
    return 0;
}

static int remove_framebuffer(int fd, uint32_t framebuffer)
{
    (void)fd;
    if (framebuffer >= PLAYED_MAX_HANDLES || !framebuffers[framebuffer]) {
        played_card_note_wrong("a framebuffer is removed that is not there");
        return refuse(ENOENT);
    }
    framebuffers[framebuffer] = false;
    played_card.n_framebuffers--;
    if (played_card.shown == framebuffer)
        played_card.shown = 0;
    return 0;
}

/* What a request puts on the primary plane; before: it says nothing of that. */
static uint32_t primary_of(const struct drm_mode_atomic *atomic, uint32_t before)
{
    const uint32_t *objects = (const uint32_t *)(uintptr_t)atomic->objs_ptr;
    const uint32_t *counts = (const uint32_t *)(uintptr_t)atomic->count_props_ptr;
    const uint32_t *properties = (const uint32_t *)(uintptr_t)atomic->props_ptr;
    const uint64_t *values = (const uint64_t *)(uintptr_t)atomic->prop_values_ptr;

    for (uint32_t i = 0; i < atomic->count_objs; i++)
        for (uint32_t k = 0; k < counts[i]; k++, properties++, values++) {
            uint32_t framebuffer = (uint32_t)*values;

            if (objects[i] < PRIMARY || *properties != FB_ID + 1)
                continue;
            if (framebuffer && !framebuffers[framebuffer])
                played_card_note_wrong("a plane is to show a framebuffer that is not there");
            if (objects[i] == PRIMARY)
                before = framebuffer;
        }
    return before;
}

static int commit(const struct drm_mode_atomic *atomic)
{
    uint32_t shown = primary_of(atomic, played_card.shown);

    if (!played_card.is_master)
        return refuse(EACCES);
    if (atomic->flags & DRM_MODE_ATOMIC_TEST_ONLY)
        return 0;
    if (atomic->flags & DRM_MODE_ATOMIC_NONBLOCK && played_card.pending)
        return refuse(EBUSY);
    played_card.shown = shown;
    if (atomic->flags & DRM_MODE_PAGE_FLIP_EVENT)
        played_card.pending = atomic->user_data;
    return 0;
}

static int control(int fd, unsigned long request, void *argument)
{
    (void)fd;
    if (request == DRM_IOCTL_MODE_ATOMIC)
        return commit(argument);
    if (request == DRM_IOCTL_MODE_CREATE_DUMB) {
        struct drm_mode_create_dumb *dumb = argument;

        dumb->handle = 1;
        dumb->pitch = dumb->width * 4;
        played_card.n_dumbs++;
    } else if (request == DRM_IOCTL_MODE_DESTROY_DUMB) {
        played_card.n_dumbs--;
    }
    return 0;
}

static int handle_event(int fd, drmEventContextPtr events)
{
    uint64_t number = played_card.pending;

    played_card.pending = 0;
    if (!number)
        return 0;
    played_card.n_flips++;
    events->page_flip_handler2(fd, 1, 12, 500, CRTC, (void *)(uintptr_t)number);
    return 0;
}

struct kms_calls played_card_calls(void)
{
    struct kms_calls calls = {
        .drmSetClientCap = set_client_cap,
        .drmGetCap = get_cap,
        .drmIsMaster = is_master,
        .drmSetMaster = set_master,
        .drmDropMaster = drop_master,
        .drmGetMagic = get_magic,
        .drmAuthMagic = vouch,
        .drmIoctl = control,
        .drmHandleEvent = handle_event,
        .drmPrimeFDToHandle = import,
        .drmCloseBufferHandle = close_handle,
        .drmModeGetResources = get_resources,
        .drmModeFreeResources = free_resources,
        .drmModeGetConnector = get_connector,
        .drmModeFreeConnector = free_connector,
        .drmModeGetEncoder = get_encoder,
        .drmModeFreeEncoder = free_encoder,
        .drmModeGetCrtc = get_crtc,
        .drmModeFreeCrtc = free_crtc,
        .drmModeSetCrtc = set_crtc,
        .drmModeGetPlaneResources = get_plane_resources,
        .drmModeFreePlaneResources = free_plane_resources,
        .drmModeGetPlane = get_plane,
        .drmModeFreePlane = free_plane,
        .drmModeObjectGetProperties = get_properties,
        .drmModeFreeObjectProperties = free_properties,
        .drmModeGetProperty = get_property,
        .drmModeFreeProperty = free_property,
        .drmModeGetPropertyBlob = get_blob,
        .drmModeFreePropertyBlob = free_blob,
        .drmModeCreatePropertyBlob = create_blob,
        .drmModeDestroyPropertyBlob = destroy_blob,
        .drmModeFormatModifierBlobIterNext = next_format,
        .drmModeAddFB2WithModifiers = add,
        .drmModeRmFB = remove_framebuffer,
    };

    played_gbm_fill(&calls);
    return calls;
}

void played_card_reset(void)
{
    played_card = (struct played_card){.shown = PLAYED_FORMER};
    memset(framebuffers, 0, sizeof(framebuffers));
    framebuffers[PLAYED_FORMER] = true;
    next_framebuffer = FIRST_FRAMEBUFFER;
}

const char *played_card_left(void)
{
    for (int i = 0; i < PLAYED_MAX_HANDLES; i++)
        if (played_card.handles[i])
            return "a handle of a buffer";
    if (played_card.n_lent)
        return "what a call lent";
    if (played_card.n_blobs)
        return "a blob";
    if (played_card.n_framebuffers)
        return "a framebuffer";
    if (played_card.n_dumbs)
        return "a dumb buffer";
    return played_card.n_gbm ? "something of GBM" : played_card.n_egl ? "something of EGL" : NULL;
}
