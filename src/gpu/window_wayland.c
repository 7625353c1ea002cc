/* SPDX-License-Identifier: MIT */
/*
 * A window on Wayland alone, without a keyboard: for compositors that have no
 * seat, where SDL2 cannot go (a headless one, a sign on a wall). A module,
 * loaded by output.c when the one of SDL2 gives no window.
 */
#include "gpu/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <wayland-client.h>
#include <wayland-egl.h>

#include "xdg-shell-client-protocol.h"

struct window {
    struct wl_display *display;
    struct wl_registry *registry;
    struct wl_compositor *compositor;
    struct xdg_wm_base *shell;
    struct wl_surface *surface;
    struct xdg_surface *shell_surface;
    struct xdg_toplevel *toplevel;
    struct wl_egl_window *native;
    EGLDisplay egl_display;
    EGLContext context;
    EGLSurface egl_surface;
    int width, height;
    int asked_width, asked_height; /* by the compositor, until it says that it is done asking */
    bool waits;                    /* nobody knows its size yet */
    bool configured, resized, closing, full;
    bool lost; /* the compositor is gone: nothing is asked of it any more */
};

extern const struct output_ops limef_output_module;

static void answer_ping(void *data, struct xdg_wm_base *shell, uint32_t serial)
{
    (void)data;
    xdg_wm_base_pong(shell, serial);
}

static const struct xdg_wm_base_listener shell_listener = {.ping = answer_ping};

static void note_global(void *data, struct wl_registry *registry, uint32_t name,
                        const char *interface, uint32_t version)
{
    struct window *window = data;

    (void)version;
    if (strcmp(interface, wl_compositor_interface.name) == 0)
        window->compositor = wl_registry_bind(registry, name, &wl_compositor_interface, 1);
    else if (strcmp(interface, xdg_wm_base_interface.name) == 0)
        window->shell = wl_registry_bind(registry, name, &xdg_wm_base_interface, 1);
}

static void forget_global(void *data, struct wl_registry *registry, uint32_t name)
{
    (void)data;
    (void)registry;
    (void)name;
}

static const struct wl_registry_listener registry_listener = {note_global, forget_global};

static void configure_surface(void *data, struct xdg_surface *shell_surface, uint32_t serial)
{
    struct window *window = data;

    xdg_surface_ack_configure(shell_surface, serial);
    window->configured = true;
    if (window->asked_width > 0 && window->asked_height > 0 &&
        (window->asked_width != window->width || window->asked_height != window->height)) {
        window->width = window->asked_width;
        window->height = window->asked_height;
        window->resized = true;
        if (window->native)
            wl_egl_window_resize(window->native, window->width, window->height, 0, 0);
    }
}

static const struct xdg_surface_listener surface_listener = {.configure = configure_surface};

static void configure_toplevel(void *data, struct xdg_toplevel *toplevel, int32_t width,
                               int32_t height, struct wl_array *states)
{
    struct window *window = data;

    (void)toplevel;
    (void)states;
    window->asked_width = width;
    window->asked_height = height;
}

static void close_toplevel(void *data, struct xdg_toplevel *toplevel)
{
    struct window *window = data;

    (void)toplevel;
    window->closing = true;
}

static const struct xdg_toplevel_listener toplevel_listener = {.configure = configure_toplevel,
                                                               .close = close_toplevel};

static void close_egl(struct window *window, const struct gl *gl)
{
    if (window->egl_display != EGL_NO_DISPLAY) {
        gl->egl.MakeCurrent(window->egl_display, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT);
        if (window->egl_surface != EGL_NO_SURFACE)
            gl->egl.DestroySurface(window->egl_display, window->egl_surface);
        if (window->context != EGL_NO_CONTEXT)
            gl->egl.DestroyContext(window->egl_display, window->context);
        gl->egl.Terminate(window->egl_display);
        gl->egl.ReleaseThread();
    }
    if (window->native)
        wl_egl_window_destroy(window->native);
}

/* Also of a lost one: libwayland frees its objects, and sends nothing over a failed connection. */
static void window_close(struct output *output)
{
    struct window *window = output->private_data;

    if (!window)
        return;
    close_egl(window, output->gl);
    if (window->toplevel)
        xdg_toplevel_destroy(window->toplevel);
    if (window->shell_surface)
        xdg_surface_destroy(window->shell_surface);
    if (window->surface)
        wl_surface_destroy(window->surface);
    if (window->shell)
        xdg_wm_base_destroy(window->shell);
    if (window->compositor)
        wl_compositor_destroy(window->compositor);
    if (window->registry)
        wl_registry_destroy(window->registry);
    if (window->display)
        wl_display_disconnect(window->display);
    output->release(window);
    output->private_data = NULL;
}

static bool open_surface(struct window *window, const struct output_settings *settings)
{
    if (getenv("XDG_RUNTIME_DIR"))
        window->display = wl_display_connect(NULL);
    if (!window->display)
        return false;
    window->registry = wl_display_get_registry(window->display);
    wl_registry_add_listener(window->registry, &registry_listener, window);
    wl_display_roundtrip(window->display);
    if (!window->compositor || !window->shell)
        return false;
    xdg_wm_base_add_listener(window->shell, &shell_listener, window);
    window->surface = wl_compositor_create_surface(window->compositor);
    window->shell_surface = xdg_wm_base_get_xdg_surface(window->shell, window->surface);
    xdg_surface_add_listener(window->shell_surface, &surface_listener, window);
    window->toplevel = xdg_surface_get_toplevel(window->shell_surface);
    xdg_toplevel_add_listener(window->toplevel, &toplevel_listener, window);
    xdg_toplevel_set_title(window->toplevel, settings->title);
    xdg_toplevel_set_app_id(window->toplevel, "limef");
    if (settings->fullscreen)
        xdg_toplevel_set_fullscreen(window->toplevel, NULL);
    wl_surface_commit(window->surface);
    /* a surface may show something only when it was configured */
    while (!window->configured)
        if (wl_display_roundtrip(window->display) < 0)
            return false;
    return true;
}

static bool open_egl(struct window *window, const struct gl *gl, bool gles2)
{
    EGLConfig config = NULL;
    EGLint n = 0;

    window->native = wl_egl_window_create(window->surface, window->width, window->height);
    window->egl_display = gl->egl.GetDisplay((EGLNativeDisplayType)window->display);
    if (!window->native || window->egl_display == EGL_NO_DISPLAY ||
        !gl->egl.Initialize(window->egl_display, NULL, NULL) || !gl->egl.BindAPI(EGL_OPENGL_ES_API))
        return false;
    for (int version = gles2 ? 2 : 3; version >= 2 && window->context == EGL_NO_CONTEXT;
         version--) {
        const EGLint wanted[] = {EGL_SURFACE_TYPE,
                                 EGL_WINDOW_BIT,
                                 EGL_RENDERABLE_TYPE,
                                 version == 3 ? EGL_OPENGL_ES3_BIT : EGL_OPENGL_ES2_BIT,
                                 EGL_RED_SIZE,
                                 8,
                                 EGL_NONE};
        const EGLint attributes[] = {EGL_CONTEXT_CLIENT_VERSION, version, EGL_NONE};

        if (gl->egl.ChooseConfig(window->egl_display, wanted, &config, 1, &n) && n > 0)
            window->context =
                gl->egl.CreateContext(window->egl_display, config, EGL_NO_CONTEXT, attributes);
    }
    if (window->context == EGL_NO_CONTEXT)
        return false;
    window->egl_surface = gl->egl.CreateWindowSurface(window->egl_display, config,
                                                      (EGLNativeWindowType)window->native, NULL);
    return window->egl_surface != EGL_NO_SURFACE &&
           gl->egl.MakeCurrent(window->egl_display, window->egl_surface, window->egl_surface,
                               window->context);
}

static int window_open(struct output *output, const struct output_settings *settings)
{
    struct window *window = output->allocate(sizeof(*window));
    bool known = settings->width > 0 && settings->height > 0;
    const char *missing = NULL;

    if (!window)
        return output->fail(-ENOMEM, settings->name, "window");
    output->private_data = window;
    window->waits = !known && !settings->fullscreen;
    window->width = known ? settings->width : 1280;
    window->height = known ? settings->height : 720;
    if (settings->wayland_silent || !open_surface(window, settings))
        missing = "no Wayland compositor answers";
    else if (!open_egl(window, output->gl, settings->gles2))
        missing = "no OpenGL ES on this Wayland compositor";
    if (missing) {
        window_close(output);
        return output->fail(-ENODEV, settings->name, "%s", missing);
    }
    /* a frame callback that never comes must not hold the thread */
    output->gl->egl.SwapInterval(window->egl_display, 0);
    return 0;
}

static void window_size(struct output *output, int *width, int *height)
{
    const struct window *window = output->private_data;

    *width = window->waits ? 0 : window->width;
    *height = window->waits ? 0 : window->height;
}

static int window_resize(struct output *output, int width, int height)
{
    struct window *window = output->private_data;

    window->waits = false;
    if (window->asked_width > 0 && window->asked_height > 0)
        return 0; /* the compositor knew better */
    window->width = width;
    window->height = height;
    wl_egl_window_resize(window->native, width, height, 0, 0);
    return 0;
}

static void window_swap(struct output *output)
{
    const struct window *window = output->private_data;

    if (!window->lost)
        output->gl->egl.SwapBuffers(window->egl_display, window->egl_surface);
}

/* Reads what came without waiting for more. False: the connection has failed, which libwayland
 * remembers, dispatching nothing any more. */
static bool read_events(struct wl_display *display)
{
    while (wl_display_prepare_read(display) != 0)
        if (wl_display_dispatch_pending(display) < 0)
            return false;
    wl_display_flush(display); /* of what fails here, the reading hears as well */
    return wl_display_read_events(display) >= 0 && wl_display_dispatch_pending(display) >= 0;
}

static enum output_event window_poll(struct output *output, int *value)
{
    struct window *window = output->private_data;

    if (window->lost)
        return OUTPUT_EVENT_NONE;
    if (!read_events(window->display)) {
        window->lost = true;
        return OUTPUT_EVENT_LOST;
    }
    if (window->closing) {
        window->closing = false;
        *value = LIMEF_KEY_CLOSE;
        return OUTPUT_EVENT_KEY;
    }
    if (window->resized) {
        window->resized = false;
        return OUTPUT_EVENT_REDRAW;
    }
    return OUTPUT_EVENT_NONE;
}

static int window_toggle_fullscreen(struct output *output)
{
    struct window *window = output->private_data;

    if (window->lost)
        return -ENODEV;
    window->full = !window->full;
    if (window->full)
        xdg_toplevel_set_fullscreen(window->toplevel, NULL);
    else
        xdg_toplevel_unset_fullscreen(window->toplevel);
    return 0;
}

LIMEF_API const struct output_ops limef_output_module = {
    .abi = OUTPUT_ABI,
    .kind = LIMEF_OUTPUT_WINDOW,
    .open = window_open,
    .close = window_close,
    .size = window_size,
    .resize = window_resize,
    .swap = window_swap,
    .poll = window_poll,
    .toggle_fullscreen = window_toggle_fullscreen,
};
