/* SPDX-License-Identifier: MIT */
/*
 * A window through SDL2 on X11 or Wayland, with an EGL context of OpenGL ES.
 * A module: loaded when a window is asked for, by output.c.
 */
#include "gpu/output.h"
#include "gpu/wayland_seat.h"
#include "gpu/x11_loss.h"

#include <SDL.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How much of a display a window may take when nobody asked for a size. */
#define MAX_SHARE_PERCENT 90

struct window {
    SDL_Window *sdl;
    SDL_GLContext context;
    int width, height; /* as last seen: what a lost one still answers */
    bool waits;        /* hidden, until somebody knows its size */
    bool said_lost;
};

extern const struct output_ops limef_output_module;

static void close_window(struct window *window)
{
    if (window->context)
        SDL_GL_DeleteContext(window->context);
    if (window->sdl)
        SDL_DestroyWindow(window->sdl);
    window->context = NULL;
    window->sdl = NULL;
}

static void window_close(struct output *output)
{
    struct window *window = output->private_data;

    if (!window)
        return;
    if (!x11_loss_seen()) { /* else what SDL holds stays: it would ask the server about it */
        close_window(window);
        SDL_QuitSubSystem(SDL_INIT_VIDEO);
        x11_loss_forget();
    }
    output->release(window);
    output->private_data = NULL;
}

/*
 * EGL or GLX, on X11 alone. dma-bufs can be imported through EGL, not through GLX. Where the CPU
 * renders there are none, and Mesa 22 sends EGL's pictures through the X connection, GLX's through
 * memory that it shares with the server.
 */
static void set_egl_hints(bool egl)
{
    SDL_SetHint(SDL_HINT_VIDEO_X11_FORCE_EGL, egl ? "1" : "0");
    SDL_SetHint(SDL_HINT_OPENGL_ES_DRIVER, egl ? "1" : "0");
}

static void set_hints(void)
{
    SDL_SetMainReady();
    SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");
    SDL_SetHint(SDL_HINT_VIDEO_X11_NET_WM_BYPASS_COMPOSITOR, "0");
    SDL_SetHint(SDL_HINT_VIDEO_ALLOW_SCREENSAVER, "0");
}

/* Keeps the shape and fits into the display. */
static void fit_display(int *width, int *height)
{
    SDL_Rect bounds;

    if (SDL_GetDisplayUsableBounds(0, &bounds) != 0 || (*width <= bounds.w && *height <= bounds.h))
        return;
    bounds.w = bounds.w * MAX_SHARE_PERCENT / 100;
    bounds.h = bounds.h * MAX_SHARE_PERCENT / 100;
    if ((int64_t)*width * bounds.h > (int64_t)*height * bounds.w) {
        *height = (int)((int64_t)*height * bounds.w / *width);
        *width = bounds.w;
    } else {
        *width = (int)((int64_t)*width * bounds.h / *height);
        *height = bounds.h;
    }
}

static bool is_on_x11(void)
{
    return strcmp(SDL_GetCurrentVideoDriver(), "x11") == 0;
}

/* Leaves it hidden on X11. */
static int create_window(struct window *window, const struct output_settings *settings)
{
    Uint32 flags = SDL_WINDOW_OPENGL | SDL_WINDOW_RESIZABLE | SDL_WINDOW_ALLOW_HIGHDPI;
    int width = settings->width, height = settings->height;

    window->waits = (width <= 0 || height <= 0) && !settings->fullscreen;
    if (width <= 0 || height <= 0) {
        width = 1280;
        height = 720;
    }
    fit_display(&width, &height);
    if (window->waits || is_on_x11())
        flags |= SDL_WINDOW_HIDDEN;
    if (settings->fullscreen)
        flags |= SDL_WINDOW_FULLSCREEN_DESKTOP;
    SDL_GL_SetAttribute(SDL_GL_CONTEXT_PROFILE_MASK, SDL_GL_CONTEXT_PROFILE_ES);
    SDL_GL_SetAttribute(SDL_GL_DEPTH_SIZE, 0);
    SDL_GL_SetAttribute(SDL_GL_ALPHA_SIZE, 0);
    for (int version = settings->gles2 ? 2 : 3; version >= 2 && !window->context; version--) {
        SDL_GL_SetAttribute(SDL_GL_CONTEXT_MAJOR_VERSION, version);
        SDL_GL_SetAttribute(SDL_GL_CONTEXT_MINOR_VERSION, 0);
        if (window->sdl)
            SDL_DestroyWindow(window->sdl);
        window->sdl = SDL_CreateWindow(settings->title, SDL_WINDOWPOS_UNDEFINED,
                                       SDL_WINDOWPOS_UNDEFINED, width, height, flags);
        if (window->sdl)
            window->context = SDL_GL_CreateContext(window->sdl);
    }
    return window->context ? 0 : -ENODEV;
}

/* SDL decides between EGL and GLX once, when its video starts. */
static int create_anew(struct window *window, const struct output_settings *settings, bool egl)
{
    close_window(window);
    SDL_QuitSubSystem(SDL_INIT_VIDEO);
    set_egl_hints(egl);
    return SDL_InitSubSystem(SDL_INIT_VIDEO) == 0 ? create_window(window, settings) : -ENODEV;
}

/* A guess, checked afterwards: opening a second window costs a tenth of a second, so the right way
 * is tried first. */
static bool looks_like_software(void)
{
    return getenv("LIBGL_ALWAYS_SOFTWARE") || access("/dev/dri", F_OK) != 0;
}

static int open_window(struct window *window, const struct gl *gl,
                       const struct output_settings *settings, bool egl)
{
    int ret = create_window(window, settings);

    if (is_on_x11() && (ret < 0 || gl_is_software(gl) == egl)) {
        ret = create_anew(window, settings, !egl);
        if (ret < 0) /* no GLX, or none with OpenGL ES */
            ret = create_anew(window, settings, egl);
    }
    if (ret < 0)
        return ret;
    if (!window->waits && is_on_x11())
        SDL_ShowWindow(window->sdl);
    SDL_GL_SetSwapInterval(settings->untimed ? 0 : 1);
    return 0;
}

/* What is silent must not be asked, whatever the environment prefers: SDL would wait without end.
 */
static void choose_driver(const struct output_settings *settings)
{
    if (settings->wayland_silent)
        SDL_SetHintWithPriority(SDL_HINT_VIDEODRIVER, "x11", SDL_HINT_OVERRIDE);
    else if (settings->x11_silent)
        SDL_SetHintWithPriority(SDL_HINT_VIDEODRIVER, "wayland", SDL_HINT_OVERRIDE);
    else if (wayland_lacks_seat())
        SDL_SetHint(SDL_HINT_VIDEODRIVER, "x11");
}

static int window_open(struct output *output, const struct output_settings *settings)
{
    struct window *window = output->allocate(sizeof(*window));
    bool egl = !looks_like_software();

    if (!window)
        return output->fail(-ENOMEM, settings->name, "window");
    if (x11_loss_seen()) {
        output->release(window);
        return output->fail(-ENODEV, settings->name, "the X server is gone");
    }
    if (settings->x11_silent && wayland_lacks_seat()) {
        output->release(window);
        return output->fail(-ENODEV, settings->name, "the X server does not answer");
    }
    set_hints();
    set_egl_hints(egl);
    choose_driver(settings);
    if (SDL_InitSubSystem(SDL_INIT_VIDEO) != 0) {
        output->release(window);
        return output->fail(-ENODEV, settings->name, "no display server answers: %s",
                            SDL_GetError());
    }
    output->private_data = window;
    if (strcmp(SDL_GetCurrentVideoDriver(), "x11") != 0 &&
        strcmp(SDL_GetCurrentVideoDriver(), "wayland") != 0) {
        window_close(output);
        return output->fail(-ENODEV, settings->name, "no display server answers");
    }
    if (open_window(window, output->gl, settings, egl) < 0) {
        int ret =
            output->fail(-ENODEV, settings->name, "no window with OpenGL ES: %s", SDL_GetError());

        window_close(output);
        return ret;
    }
    x11_loss_watch(window->sdl);
    return 0;
}

static void window_size(struct output *output, int *width, int *height)
{
    struct window *window = output->private_data;

    output->lost = x11_loss_seen();
    if (!window->waits && !output->lost)
        SDL_GL_GetDrawableSize(window->sdl, &window->width, &window->height);
    *width = window->width;
    *height = window->height;
}

static int window_resize(struct output *output, int width, int height)
{
    struct window *window = output->private_data;

    if (x11_loss_seen()) { /* said by window_poll() */
        window->width = width;
        window->height = height;
        return 0;
    }
    fit_display(&width, &height);
    SDL_SetWindowSize(window->sdl, width, height);
    SDL_SetWindowPosition(window->sdl, SDL_WINDOWPOS_CENTERED, SDL_WINDOWPOS_CENTERED);
    SDL_ShowWindow(window->sdl);
    window->waits = false;
    return 0;
}

static void window_swap(struct output *output)
{
    const struct window *window = output->private_data;

    if (!x11_loss_seen())
        SDL_GL_SwapWindow(window->sdl);
}

static int key_of(const SDL_Keysym *key)
{
    switch (key->sym) {
    case SDLK_LEFT:
        return LIMEF_KEY_LEFT;
    case SDLK_RIGHT:
        return LIMEF_KEY_RIGHT;
    case SDLK_UP:
        return LIMEF_KEY_UP;
    case SDLK_DOWN:
        return LIMEF_KEY_DOWN;
    case SDLK_PAGEUP:
        return LIMEF_KEY_PAGE_UP;
    case SDLK_PAGEDOWN:
        return LIMEF_KEY_PAGE_DOWN;
    case SDLK_RETURN:
    case SDLK_KP_ENTER:
        return LIMEF_KEY_ENTER;
    case SDLK_ESCAPE:
        return LIMEF_KEY_ESCAPE;
    default:
        return 0;
    }
}

static enum output_event window_poll(struct output *output, int *value)
{
    struct window *window = output->private_data;
    SDL_Event event;

    if (x11_loss_seen()) {
        bool said = window->said_lost;

        window->said_lost = true;
        return said ? OUTPUT_EVENT_NONE : OUTPUT_EVENT_LOST;
    }
    while (SDL_PollEvent(&event)) {
        switch (event.type) {
        case SDL_KEYDOWN:
            *value = key_of(&event.key.keysym);
            if (*value)
                return OUTPUT_EVENT_KEY;
            break;
        case SDL_TEXTINPUT: /* a printable key, as the keyboard's layout has it */
            if (event.text.text[0] > 0 && !event.text.text[1]) {
                *value = event.text.text[0];
                return OUTPUT_EVENT_KEY;
            }
            break;
        case SDL_QUIT:
            *value = LIMEF_KEY_CLOSE;
            return OUTPUT_EVENT_KEY;
        case SDL_WINDOWEVENT:
            if (event.window.event == SDL_WINDOWEVENT_EXPOSED ||
                event.window.event == SDL_WINDOWEVENT_SIZE_CHANGED ||
                event.window.event == SDL_WINDOWEVENT_SHOWN)
                return OUTPUT_EVENT_REDRAW;
            break;
        default:
            break;
        }
    }
    return OUTPUT_EVENT_NONE;
}

static int window_toggle_fullscreen(struct output *output)
{
    const struct window *window = output->private_data;
    bool full = SDL_GetWindowFlags(window->sdl) & SDL_WINDOW_FULLSCREEN_DESKTOP;

    if (x11_loss_seen())
        return -ENODEV;
    return SDL_SetWindowFullscreen(window->sdl, full ? 0 : SDL_WINDOW_FULLSCREEN_DESKTOP) == 0
               ? 0
               : -ENOSYS;
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
