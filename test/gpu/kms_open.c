/* SPDX-License-Identifier: MIT */
/* Opening a card and its surface, on a card and an EGL that are not there. */
#include "gpu/kms.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTOR 1
#define ENCODER 2
#define CRTC 3
#define PLANE 4
#define MAGIC 77

static uint32_t connectors[] = {CONNECTOR}, encoders[] = {ENCODER}, crtcs[] = {CRTC};
static uint32_t planes[] = {PLANE};
static drmModeModeInfo modes[] = {{.hdisplay = 640, .vdisplay = 480}};
static drmModeRes resources = {
    .count_connectors = 1, .connectors = connectors, .count_crtcs = 1, .crtcs = crtcs};
static drmModeConnector connector = {.connector_id = CONNECTOR,
                                     .connection = DRM_MODE_CONNECTED,
                                     .count_modes = 1,
                                     .modes = modes,
                                     .count_encoders = 1,
                                     .encoders = encoders};
static drmModeEncoder encoder = {.encoder_id = ENCODER, .possible_crtcs = 1};
static drmModePlaneRes plane_resources = {.count_planes = 1, .planes = planes};
static drmModeCrtc crtc = {.crtc_id = CRTC, .buffer_id = 30};
static drmModePlane plane = {.plane_id = PLANE, .possible_crtcs = 1};

/* The properties of every object; a property's number is its place, from 1. */
static const char *const property_names[] = {"FB_ID",  "CRTC_ID", "type",       "MODE_ID",
                                             "ACTIVE", "zpos",    "link-status"};
#define N_PROPERTIES (sizeof(property_names) / sizeof(property_names[0]))
#define LINK_STATUS (N_PROPERTIES - 1)
static uint32_t property_ids[N_PROPERTIES] = {1, 2, 3, 4, 5, 6, 7};
static uint64_t property_values[N_PROPERTIES] = {0, 0, DRM_PLANE_TYPE_PRIMARY, 0, 0, 5, 0};
static drmModeObjectProperties properties = {
    .count_props = N_PROPERTIES, .props = property_ids, .prop_values = property_values};
static drmModePropertyRes property;

static int asked_fd, vouched_by_fd; /* whose magic was asked for; who vouched for it */

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

static int say_yes(int fd)
{
    (void)fd;
    return 1;
}

static int get_magic(int fd, drm_magic_t *magic)
{
    asked_fd = fd;
    *magic = MAGIC;
    return 0;
}

static int vouch(int fd, drm_magic_t magic)
{
    cr_assert(eq(u32, magic, MAGIC));
    vouched_by_fd = fd;
    return 0;
}

static drmModeResPtr get_resources(int fd)
{
    (void)fd;
    return &resources;
}

static drmModeConnectorPtr get_connector(int fd, uint32_t id)
{
    (void)fd, (void)id;
    return &connector;
}

static drmModeEncoderPtr get_encoder(int fd, uint32_t id)
{
    (void)fd, (void)id;
    return &encoder;
}

static drmModeCrtcPtr get_crtc(int fd, uint32_t id)
{
    static drmModeCrtc looks[4];
    static unsigned n;

    (void)fd, (void)id;
    looks[n % 4] = crtc;
    return &looks[n++ % 4];
}

static drmModePlaneResPtr get_plane_resources(int fd)
{
    (void)fd;
    return &plane_resources;
}

static drmModePlanePtr get_plane(int fd, uint32_t id)
{
    (void)fd, (void)id;
    return &plane;
}

static drmModeObjectPropertiesPtr get_properties(int fd, uint32_t id, uint32_t type)
{
    (void)fd, (void)id, (void)type;
    return &properties;
}

static drmModePropertyPtr get_property(int fd, uint32_t id)
{
    (void)fd;
    property.prop_id = id;
    snprintf(property.name, sizeof(property.name), "%s", property_names[id - 1]);
    return &property;
}

static int create_blob(int fd, const void *data, size_t bytes, uint32_t *id)
{
    (void)fd, (void)data, (void)bytes;
    *id = 9;
    return 0;
}

static int destroy_blob(int fd, uint32_t id)
{
    (void)fd, (void)id;
    return 0;
}

#define FREE(type)                                                                                 \
    static void free_##type(type *it)                                                              \
    {                                                                                              \
        (void)it;                                                                                  \
    }
FREE(drmModeRes)
FREE(drmModeConnector)
FREE(drmModeEncoder)
FREE(drmModeCrtc)
FREE(drmModePlaneRes)
FREE(drmModePlane)
FREE(drmModeObjectProperties)
FREE(drmModePropertyRes)
FREE(drmModePropertyBlobRes)

static struct gbm_device *create_device(int fd)
{
    (void)fd;
    return (struct gbm_device *)&resources;
}

static struct gbm_surface *create_surface(struct gbm_device *gbm, uint32_t width, uint32_t height,
                                          uint32_t format, uint32_t flags)
{
    (void)gbm, (void)width, (void)height, (void)format, (void)flags;
    return (struct gbm_surface *)&resources;
}

static const struct kms_calls calls = {
    .drmSetClientCap = set_client_cap,
    .drmGetCap = get_cap,
    .drmIsMaster = say_yes,
    .drmDropMaster = say_yes,
    .drmGetMagic = get_magic,
    .drmAuthMagic = vouch,
    .drmModeGetResources = get_resources,
    .drmModeFreeResources = free_drmModeRes,
    .drmModeGetConnector = get_connector,
    .drmModeFreeConnector = free_drmModeConnector,
    .drmModeGetEncoder = get_encoder,
    .drmModeFreeEncoder = free_drmModeEncoder,
    .drmModeGetCrtc = get_crtc,
    .drmModeFreeCrtc = free_drmModeCrtc,
    .drmModeGetPlaneResources = get_plane_resources,
    .drmModeFreePlaneResources = free_drmModePlaneRes,
    .drmModeGetPlane = get_plane,
    .drmModeFreePlane = free_drmModePlane,
    .drmModeObjectGetProperties = get_properties,
    .drmModeFreeObjectProperties = free_drmModeObjectProperties,
    .drmModeGetProperty = get_property,
    .drmModeFreeProperty = free_drmModePropertyRes,
    .drmModeFreePropertyBlob = free_drmModePropertyBlobRes,
    .drmModeCreatePropertyBlob = create_blob,
    .drmModeDestroyPropertyBlob = destroy_blob,
    .gbm_create_device = create_device,
    .gbm_surface_create = create_surface,
};

static void *allocate(size_t bytes)
{
    return calloc(1, bytes);
}

static struct output output = {.allocate = allocate, .release = free};

Test(kms_open, the_descriptor_that_is_master_vouches_for_the_one_that_draws)
{
    const struct limef_presenter_kms asked = {.device = "/dev/null"};
    const struct kms_mode_wish wish = {0};
    struct kms_device device;

    cr_assert(eq(int, kms_device_open(&device, &calls, &output, &asked, &wish, "screen"), 0));
    cr_assert(ge(int, device.render_fd, 0));
    cr_assert(ne(int, device.render_fd, device.fd));
    cr_assert(eq(int, asked_fd, device.render_fd));
    cr_assert(eq(int, vouched_by_fd, device.fd));
    cr_assert(eq(i64, device.primary.zpos, 5));
    kms_device_close(&device);
}

Test(kms_open, a_link_that_was_lost_wants_the_mode_again)
{
    const struct limef_presenter_kms asked = {.device = "/dev/null"};
    const struct kms_mode_wish wish = {0};
    struct kms_device device;

    cr_assert(eq(int, kms_device_open(&device, &calls, &output, &asked, &wish, "screen"), 0));
    cr_assert(not(kms_device_look_again(&device)));
    property_values[LINK_STATUS] = DRM_MODE_LINK_STATUS_BAD;
    cr_assert(kms_device_look_again(&device));
    kms_device_close(&device);
}

Test(kms_open, what_was_shown_before_is_known_after_a_display_came_back)
{
    const struct limef_presenter_kms asked = {.device = "/dev/null"};
    const struct kms_mode_wish wish = {0};
    struct kms_device device;

    cr_assert(eq(int, kms_device_open(&device, &calls, &output, &asked, &wish, "screen"), 0));
    crtc.buffer_id = 31; /* ours */
    connector.connection = DRM_MODE_DISCONNECTED;
    cr_assert(kms_device_look_again(&device));
    cr_assert(eq(u32, device.connector, 0));
    connector.connection = DRM_MODE_CONNECTED;
    cr_assert(kms_device_look_again(&device));
    cr_assert(eq(u32, device.former->buffer_id, 30));
    kms_device_close(&device);
}

/* Configurations of EGL: the deepest come first, with and without depth and stencil, multisampled
 * and not. */
#define N_CONFIGS 130
#define RIGHT_CONFIG 120

static EGLBoolean choose(EGLDisplay display, const EGLint *wanted, EGLConfig *configs, EGLint max,
                         EGLint *n)
{
    (void)display, (void)wanted;
    *n = configs && max < N_CONFIGS ? max : N_CONFIGS;
    for (EGLint i = 0; configs && i < *n; i++)
        configs[i] = (EGLConfig)(uintptr_t)(1 + i);
    return EGL_TRUE;
}

static EGLBoolean get_attribute(EGLDisplay display, EGLConfig config, EGLint name, EGLint *value)
{
    (void)display;
    cr_assert(eq(int, name, EGL_NATIVE_VISUAL_ID));
    *value = (uintptr_t)config == RIGHT_CONFIG ? GBM_FORMAT_XRGB8888 : GBM_FORMAT_XRGB2101010;
    return EGL_TRUE;
}

static EGLDisplay get_platform_display(EGLenum platform, void *native, const EGLint *attributes)
{
    (void)platform, (void)attributes;
    return native;
}

static __eglMustCastToProperFunctionPointerType get_address(const char *name)
{
    (void)name;
    return (__eglMustCastToProperFunctionPointerType)get_platform_display;
}

static EGLBoolean initialize(EGLDisplay display, EGLint *major, EGLint *minor)
{
    (void)display, (void)major, (void)minor;
    return EGL_TRUE;
}

static EGLBoolean bind_api(EGLenum api)
{
    (void)api;
    return EGL_TRUE;
}

static EGLContext create_context(EGLDisplay display, EGLConfig config, EGLContext shared,
                                 const EGLint *attributes)
{
    (void)display, (void)shared, (void)attributes;
    return config;
}

static EGLSurface create_egl_surface(EGLDisplay display, EGLConfig config,
                                     EGLNativeWindowType window, const EGLint *attributes)
{
    (void)display, (void)window, (void)attributes;
    return config;
}

static EGLBoolean make_current(EGLDisplay display, EGLSurface draw, EGLSurface read,
                               EGLContext context)
{
    (void)display, (void)draw, (void)read, (void)context;
    return EGL_TRUE;
}

Test(kms_open, the_right_configuration_is_found_behind_dozens_of_deeper_ones)
{
    struct gl gl = {.egl = {.ChooseConfig = choose,
                            .GetConfigAttrib = get_attribute,
                            .GetProcAddress = get_address,
                            .Initialize = initialize,
                            .BindAPI = bind_api,
                            .CreateContext = create_context,
                            .CreateWindowSurface = create_egl_surface,
                            .MakeCurrent = make_current}};
    struct kms kms = {.calls = &calls, .output = &output};

    output.gl = &gl;
    cr_assert(zero(ptr, (void *)kms_surface_open(&kms, false)));
    cr_assert(eq(sz, (size_t)kms.surface.context, RIGHT_CONFIG));
}

static int receive_error;

/* In the place of the C library's: what fails once, and has nothing then. */
ssize_t recvfrom(int fd, void *restrict data, size_t bytes, int flags, __SOCKADDR_ARG from,
                 socklen_t *restrict from_bytes)
{
    (void)fd, (void)data, (void)bytes, (void)flags, (void)from, (void)from_bytes;
    errno = receive_error;
    receive_error = EAGAIN;
    return -1;
}

Test(kms_open, displays_are_looked_at_again_after_announcements_were_lost)
{
    receive_error = ENOBUFS;
    cr_assert(kms_hotplug_read(STDIN_FILENO));
    cr_assert(not(kms_hotplug_read(STDIN_FILENO)));
}
