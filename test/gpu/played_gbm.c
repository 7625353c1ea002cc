/* SPDX-License-Identifier: MIT */
#include "played_card.h"

#include <drm_fourcc.h>
#include <stdlib.h>
#include <sys/eventfd.h>

struct gbm_bo {
    bool locked;
    void *data;
    void (*gone)(struct gbm_bo *, void *);
};

/* Of three buffers, of which the display may hold two. */
struct gbm_surface {
    struct gbm_bo buffers[3];
    bool drawn; /* something that nobody has taken yet */
};

static struct gbm_device *create_device(int fd)
{
    (void)fd;
    played_card.n_gbm++;
    return (struct gbm_device *)&played_card;
}

static void destroy_device(struct gbm_device *device)
{
    (void)device;
    played_card.n_gbm--;
}

static struct gbm_surface *current;

static struct gbm_surface *create_surface(struct gbm_device *gbm, uint32_t width, uint32_t height,
                                          uint32_t format, uint32_t flags)
{
    (void)gbm, (void)width, (void)height, (void)format, (void)flags;
    current = calloc(1, sizeof(*current));
    played_card.n_gbm++;
    return current;
}

static struct gbm_surface *create_surface_with_modifiers(struct gbm_device *gbm, uint32_t width,
                                                         uint32_t height, uint32_t format,
                                                         const uint64_t *modifiers, unsigned n)
{
    (void)modifiers, (void)n;
    return create_surface(gbm, width, height, format, 0);
}

static void destroy_surface(struct gbm_surface *surface)
{
    for (int i = 0; i < 3; i++)
        if (surface->buffers[i].gone)
            surface->buffers[i].gone(&surface->buffers[i], surface->buffers[i].data);
    if (current == surface)
        current = NULL;
    free(surface);
    played_card.n_gbm--;
}

static struct gbm_bo *lock_front_buffer(struct gbm_surface *surface)
{
    if (!surface->drawn)
        played_card_note_wrong("a buffer is taken that nobody has drawn into");
    surface->drawn = false;
    for (int i = 0; i < 3; i++)
        if (!surface->buffers[i].locked) {
            surface->buffers[i].locked = true;
            return &surface->buffers[i];
        }
    return NULL;
}

static void release_buffer(struct gbm_surface *surface, struct gbm_bo *bo)
{
    if (surface != current || !bo->locked)
        played_card_note_wrong("a buffer is given back that was not taken");
    bo->locked = false;
}

static int get_fd(struct gbm_bo *bo)
{
    (void)bo;
    return eventfd(0, EFD_CLOEXEC);
}

static int get_plane_count(struct gbm_bo *bo)
{
    (void)bo;
    return 1;
}

static uint32_t get_offset(struct gbm_bo *bo, int plane)
{
    (void)bo, (void)plane;
    return 0;
}

static uint32_t get_stride(struct gbm_bo *bo, int plane)
{
    (void)bo, (void)plane;
    return PLAYED_WIDTH * 4;
}

static uint64_t get_modifier(struct gbm_bo *bo)
{
    (void)bo;
    return DRM_FORMAT_MOD_LINEAR;
}

static void set_user_data(struct gbm_bo *bo, void *data, void (*gone)(struct gbm_bo *, void *))
{
    bo->data = data;
    bo->gone = gone;
}

void played_gbm_fill(struct kms_calls *calls)
{
    calls->gbm_create_device = create_device;
    calls->gbm_device_destroy = destroy_device;
    calls->gbm_surface_create = create_surface;
    calls->gbm_surface_create_with_modifiers = create_surface_with_modifiers;
    calls->gbm_surface_destroy = destroy_surface;
    calls->gbm_surface_lock_front_buffer = lock_front_buffer;
    calls->gbm_surface_release_buffer = release_buffer;
    calls->gbm_bo_get_fd = get_fd;
    calls->gbm_bo_get_plane_count = get_plane_count;
    calls->gbm_bo_get_offset = get_offset;
    calls->gbm_bo_get_stride_for_plane = get_stride;
    calls->gbm_bo_get_modifier = get_modifier;
    calls->gbm_bo_set_user_data = set_user_data;
}

/* Configurations: the deepest come first, with and without depth and stencil, multisampled and not.
 */
#define N_CONFIGS 130

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
    if (name != EGL_NATIVE_VISUAL_ID)
        return EGL_FALSE;
    *value =
        (uintptr_t)config == PLAYED_RIGHT_CONFIG ? GBM_FORMAT_XRGB8888 : GBM_FORMAT_XRGB2101010;
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

static EGLBoolean say_yes(EGLDisplay display)
{
    (void)display;
    return EGL_TRUE;
}

static EGLBoolean release_thread(void)
{
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
    played_card.n_egl++;
    return config;
}

static EGLBoolean destroy_context(EGLDisplay display, EGLContext context)
{
    (void)display, (void)context;
    played_card.n_egl--;
    return EGL_TRUE;
}

static EGLSurface create_egl_surface(EGLDisplay display, EGLConfig config,
                                     EGLNativeWindowType window, const EGLint *attributes)
{
    (void)display, (void)window, (void)attributes;
    played_card.n_egl++;
    return config;
}

static EGLBoolean destroy_egl_surface(EGLDisplay display, EGLSurface surface)
{
    (void)display, (void)surface;
    played_card.n_egl--;
    return EGL_TRUE;
}

static EGLBoolean make_current(EGLDisplay display, EGLSurface draw, EGLSurface read,
                               EGLContext context)
{
    (void)display, (void)draw, (void)read, (void)context;
    return EGL_TRUE;
}

static EGLBoolean swap_buffers(EGLDisplay display, EGLSurface surface)
{
    (void)display, (void)surface;
    current->drawn = true;
    return EGL_TRUE;
}

static EGLSyncKHR create_sync(EGLDisplay display, EGLenum type, const EGLint *attributes)
{
    (void)display, (void)type, (void)attributes;
    played_card.n_egl++;
    return &played_card;
}

static EGLBoolean destroy_sync(EGLDisplay display, EGLSyncKHR sync)
{
    (void)display, (void)sync;
    played_card.n_egl--;
    return EGL_TRUE;
}

/* What was drawn is drawn. */
static EGLint export_fence(EGLDisplay display, EGLSyncKHR sync)
{
    (void)display, (void)sync;
    return eventfd(1, EFD_CLOEXEC);
}

void played_card_gl(struct gl *gl)
{
    *gl = (struct gl){.egl = {.ChooseConfig = choose,
                              .GetConfigAttrib = get_attribute,
                              .GetProcAddress = get_address,
                              .Initialize = initialize,
                              .Terminate = say_yes,
                              .BindAPI = bind_api,
                              .CreateContext = create_context,
                              .DestroyContext = destroy_context,
                              .CreateWindowSurface = create_egl_surface,
                              .DestroySurface = destroy_egl_surface,
                              .MakeCurrent = make_current,
                              .SwapBuffers = swap_buffers,
                              .ReleaseThread = release_thread,
                              .CreateSyncKHR = create_sync,
                              .DestroySyncKHR = destroy_sync,
                              .DupNativeFenceFDANDROID = export_fence},
                      .native_fences = true};
}
