/* SPDX-License-Identifier: MIT */
/*
 * What GL draws into: a surface of GBM, through EGL. GBM has the card open for
 * itself, so that buffer handles are nobody else's; what was drawn comes here as
 * a descriptor.
 */
#include "gpu/kms.h"

#include <errno.h>
#include <unistd.h>

#define MAX_MODIFIERS 64

static struct gbm_surface *new_surface(const struct kms *kms)
{
    const struct kms_plane *primary = &kms->device.primary;
    const struct kms_calls *calls = kms->calls;
    uint32_t width = kms->device.mode.hdisplay, height = kms->device.mode.vdisplay;
    struct gbm_surface *surface = NULL;
    uint64_t modifiers[MAX_MODIFIERS];
    unsigned n = 0;

    for (unsigned i = 0; i < primary->n_formats && n < MAX_MODIFIERS; i++)
        if (primary->formats[i].fourcc == GBM_FORMAT_XRGB8888)
            modifiers[n++] = primary->formats[i].modifier;
    if (n > 0)
        surface = calls->gbm_surface_create_with_modifiers(kms->surface.gbm, width, height,
                                                           GBM_FORMAT_XRGB8888, modifiers, n);
    if (!surface) /* a driver without modifiers */
        surface = calls->gbm_surface_create(kms->surface.gbm, width, height, GBM_FORMAT_XRGB8888,
                                            GBM_BO_USE_SCANOUT | GBM_BO_USE_RENDERING);
    return surface;
}

/* A configuration whose buffers are what the surface's are. Deeper ones come first, in dozens. */
static bool choose_config(struct kms_surface *surface, const struct output *output, int version)
{
    const EGLint wanted[] = {EGL_SURFACE_TYPE,
                             EGL_WINDOW_BIT,
                             EGL_RENDERABLE_TYPE,
                             version == 3 ? EGL_OPENGL_ES3_BIT : EGL_OPENGL_ES2_BIT,
                             EGL_RED_SIZE,
                             8,
                             EGL_GREEN_SIZE,
                             8,
                             EGL_BLUE_SIZE,
                             8,
                             EGL_NONE};
    const struct gl *gl = output->gl;
    EGLint n = 0, format = 0;
    EGLConfig *configs;
    bool found = false;

    if (!gl->egl.ChooseConfig(surface->display, wanted, NULL, 0, &n) || n < 1)
        return false;
    configs = output->allocate((size_t)n * sizeof(configs[0]));
    if (!configs || !gl->egl.ChooseConfig(surface->display, wanted, configs, n, &n))
        n = 0;
    for (EGLint i = 0; i < n && !found; i++) {
        found =
            gl->egl.GetConfigAttrib(surface->display, configs[i], EGL_NATIVE_VISUAL_ID, &format) &&
            format == GBM_FORMAT_XRGB8888;
        if (found)
            surface->config = configs[i];
    }
    output->release(configs);
    return found;
}

static bool new_context(struct kms_surface *surface, const struct output *output, bool gles2)
{
    const struct gl *gl = output->gl;

    for (int version = gles2 ? 2 : 3; version >= 2 && surface->context == EGL_NO_CONTEXT;
         version--) {
        const EGLint attributes[] = {EGL_CONTEXT_CLIENT_VERSION, version, EGL_NONE};

        if (choose_config(surface, output, version))
            surface->context = gl->egl.CreateContext(surface->display, surface->config,
                                                     EGL_NO_CONTEXT, attributes);
    }
    return surface->context != EGL_NO_CONTEXT;
}

static EGLDisplay display_of(const struct gl *gl, struct gbm_device *gbm)
{
    PFNEGLGETPLATFORMDISPLAYEXTPROC get =
        (PFNEGLGETPLATFORMDISPLAYEXTPROC)gl->egl.GetProcAddress("eglGetPlatformDisplayEXT");

    return get ? get(EGL_PLATFORM_GBM_KHR, gbm, NULL) : EGL_NO_DISPLAY;
}

/* Makes what is drawn into, as large as the mode. */
static const char *open_egl_surface(struct kms *kms)
{
    struct kms_surface *surface = &kms->surface;
    const struct gl *gl = kms->output->gl;

    surface->width = kms->device.mode.hdisplay;
    surface->height = kms->device.mode.vdisplay;
    surface->surface = new_surface(kms);
    if (!surface->surface)
        return "GBM makes no surface";
    surface->egl_surface = gl->egl.CreateWindowSurface(surface->display, surface->config,
                                                       (EGLNativeWindowType)surface->surface, NULL);
    if (surface->egl_surface == EGL_NO_SURFACE ||
        !gl->egl.MakeCurrent(surface->display, surface->egl_surface, surface->egl_surface,
                             surface->context))
        return "EGL makes no surface on GBM's";
    return NULL;
}

static void close_egl_surface(struct kms *kms)
{
    struct kms_surface *surface = &kms->surface;
    const struct gl *gl = kms->output->gl;

    if (surface->display != EGL_NO_DISPLAY)
        gl->egl.MakeCurrent(surface->display, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT);
    if (surface->egl_surface != EGL_NO_SURFACE)
        gl->egl.DestroySurface(surface->display, surface->egl_surface);
    if (surface->surface)
        kms->calls->gbm_surface_destroy(surface->surface);
    /* framebuffers went with their buffers: forget_drawn() */
    surface->egl_surface = EGL_NO_SURFACE;
    surface->surface = NULL;
}

const char *kms_surface_open(struct kms *kms, bool gles2)
{
    struct kms_surface *surface = &kms->surface;
    const struct gl *gl = kms->output->gl;
    int fd = kms->device.render_fd >= 0 ? kms->device.render_fd : kms->device.fd;

    surface->gbm = kms->calls->gbm_create_device(fd);
    if (!surface->gbm)
        return "GBM does not know the card";
    surface->display = display_of(gl, surface->gbm);
    if (surface->display == EGL_NO_DISPLAY)
        return "EGL has no platform GBM";
    if (!gl->egl.Initialize(surface->display, NULL, NULL) || !gl->egl.BindAPI(EGL_OPENGL_ES_API))
        return "EGL does not start on GBM";
    if (!new_context(surface, kms->output, gles2))
        return "no OpenGL ES context on GBM";
    return open_egl_surface(kms);
}

const char *kms_surface_resize(struct kms *kms)
{
    close_egl_surface(kms);
    return open_egl_surface(kms);
}

void kms_surface_close(struct kms *kms)
{
    struct kms_surface *surface = &kms->surface;
    const struct gl *gl = kms->output->gl;

    close_egl_surface(kms);
    if (surface->display != EGL_NO_DISPLAY) {
        if (surface->context != EGL_NO_CONTEXT)
            gl->egl.DestroyContext(surface->display, surface->context);
        gl->egl.Terminate(surface->display);
        gl->egl.ReleaseThread();
    }
    if (surface->gbm)
        kms->calls->gbm_device_destroy(surface->gbm);
    *surface = (struct kms_surface){0};
}

/* A buffer that GBM has drawn into for the first time becomes the kernel's framebuffer. */
static int add_framebuffer(struct kms *kms, struct gbm_bo *bo, uint32_t *framebuffer)
{
    const struct kms_calls *calls = kms->calls;
    int n_planes = calls->gbm_bo_get_plane_count(bo), fd = calls->gbm_bo_get_fd(bo), ret;
    struct limef_hardware_frame drawn = {
        .fourcc = GBM_FORMAT_XRGB8888,
        .modifier = calls->gbm_bo_get_modifier(bo),
        .width = kms->surface.width,
        .height = kms->surface.height,
        .n_planes = n_planes > LIMEF_HARDWARE_MAX_PLANES || n_planes < 1 ? 1 : (unsigned)n_planes,
    };

    if (fd < 0)
        return -EIO;
    for (unsigned i = 0; i < drawn.n_planes; i++)
        drawn.planes[i] = (struct limef_hardware_plane){
            .fd = fd,
            .offset_bytes = calls->gbm_bo_get_offset(bo, (int)i),
            .pitch_bytes = calls->gbm_bo_get_stride_for_plane(bo, (int)i),
        };
    ret = kms_frames_add(kms, &drawn, framebuffer);
    close(fd);
    return ret;
}

/* GBM drops buffers that it has not needed for a while, and others may get their address. */
static void forget_drawn(struct gbm_bo *bo, void *context)
{
    struct kms *kms = context;

    for (unsigned i = 0; i < KMS_MAX_DRAWN; i++)
        if (kms->surface.drawn[i].bo == bo) {
            kms->calls->drmModeRmFB(kms->device.fd, kms->surface.drawn[i].framebuffer);
            kms->surface.drawn[i] = (struct kms_drawn){0};
        }
}

/* Where a buffer's framebuffer is, or will be; NULL: there are too many. */
static struct kms_drawn *place_of(struct kms_surface *surface, const struct gbm_bo *bo)
{
    struct kms_drawn *vacant = NULL;

    for (unsigned i = 0; i < KMS_MAX_DRAWN; i++) {
        if (surface->drawn[i].bo == bo)
            return &surface->drawn[i];
        if (!surface->drawn[i].bo)
            vacant = &surface->drawn[i];
    }
    return vacant;
}

/* The buffer that was drawn into, and the fence of that, -1: none; both to be given back. */
static struct gbm_bo *take_drawn(struct kms *kms, int *fence_fd)
{
    struct kms_surface *surface = &kms->surface;
    const struct gl *gl = kms->output->gl;
    /* without it the driver goes by the buffer's own fences */
    EGLSyncKHR sync = kms->device.primary.properties.in_fence ? fence_begin(gl) : EGL_NO_SYNC_KHR;
    bool swapped = gl->egl.SwapBuffers(surface->display, surface->egl_surface);
    struct gbm_bo *bo;

    *fence_fd = fence_end(gl, sync);
    bo = swapped ? kms->calls->gbm_surface_lock_front_buffer(surface->surface) : NULL;
    if (!bo && *fence_fd >= 0)
        close(*fence_fd);
    return bo;
}

int kms_surface_swap(struct kms *kms, struct kms_shown *shown, struct kms_scene *scene)
{
    struct kms_surface *surface = &kms->surface;
    int ret = 0, fence_fd;
    struct gbm_bo *bo = take_drawn(kms, &fence_fd);
    struct kms_drawn *place;

    if (!bo)
        return -EIO;
    *shown = (struct kms_shown){.drawn = bo, .surface = surface->surface};
    *scene = kms_scene_of(kms, 0);
    kms_fence_give(&kms->device.primary, &scene->primary, shown, fence_fd);
    place = place_of(surface, bo);
    if (!place)
        ret = -ENOSPC;
    else if (!place->bo)
        ret = add_framebuffer(kms, bo, &place->framebuffer);
    if (ret < 0) {
        kms_shown_release(kms, shown);
        return ret;
    }
    if (!place->bo)
        kms->calls->gbm_bo_set_user_data(bo, kms, forget_drawn);
    place->bo = bo;
    scene->primary.framebuffer = place->framebuffer;
    return 0;
}
