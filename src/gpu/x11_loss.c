/* SPDX-License-Identifier: MIT */
#include "gpu/x11_loss.h"

#include <SDL_syswm.h>
#include <dlfcn.h>
#include <poll.h>

typedef void exit_handler_fn(Display *display, void *context);
typedef void set_exit_handler_fn(Display *display, exit_handler_fn *handler, void *context);
typedef XIOErrorHandler set_error_handler_fn(XIOErrorHandler handler);
typedef void unlock_display_fn(Display *display);

/* Xlib has one error handler for all displays. Written by the thread of the window, which is also
 * the one that Xlib calls it on for that display; other displays get the handler that was there. */
static struct {
    Display *display;
    XIOErrorHandler previous;
    unlock_display_fn *unlock;
    bool lost; /* stays so: Xlib does not forget a display that SDL still holds */
} watched;

/* Xlib has locked the display for the thread that is to end the process. This one will not, and
 * libGLX, when the process ends, wants that lock on another. */
static void note_loss(Display *display, void *unused)
{
    (void)unused;
    watched.unlock(display);
    watched.lost = true;
}

/* Xlib's own handler ends the process; after this one it goes on to note_loss(). */
static int go_on(Display *display)
{
    if (display != watched.display && watched.previous)
        return watched.previous(display);
    return 0;
}

/* Looks at the connection itself, before anybody uses it. Once Xlib or xcb has noticed, it is too
 * late for their callers: with xcb's greatest request being 0 then, Mesa 22 puts its picture in
 * endlessly many pieces of nothing, and SDL 2.26 reads a property until Xlib gives it a null
 * pointer. The handlers are for a server that dies after this look. */
bool x11_loss_seen(void)
{
    struct pollfd connection = {.fd = -1, .events = POLLRDHUP};

    if (!watched.lost && watched.display) {
        connection.fd = ConnectionNumber(watched.display);
        watched.lost = poll(&connection, 1, 0) > 0;
    }
    return watched.lost;
}

void x11_loss_watch(SDL_Window *window)
{
    set_exit_handler_fn *set_exit_handler = NULL;
    set_error_handler_fn *set_error_handler = NULL;
    SDL_SysWMinfo info;
    void *xlib;

    SDL_VERSION(&info.version);
    if (watched.display || !SDL_GetWindowWMInfo(window, &info) || info.subsystem != SDL_SYSWM_X11)
        return;
    /* the copy that SDL has loaded; before libX11 1.7 there is no such function */
    xlib = dlopen("libX11.so.6", RTLD_NOW | RTLD_NOLOAD);
    if (!xlib)
        return;
    *(void **)&set_exit_handler = dlsym(xlib, "XSetIOErrorExitHandler");
    *(void **)&set_error_handler = dlsym(xlib, "XSetIOErrorHandler");
    *(void **)&watched.unlock = dlsym(xlib, "XUnlockDisplay");
    if (set_exit_handler && set_error_handler && watched.unlock) {
        watched.display = info.info.x11.display;
        watched.previous = set_error_handler(go_on);
        set_exit_handler(watched.display, note_loss, NULL);
    }
    dlclose(xlib);
}

void x11_loss_forget(void)
{
    set_error_handler_fn *set_error_handler = NULL;
    void *xlib = watched.display ? dlopen("libX11.so.6", RTLD_NOW | RTLD_NOLOAD) : NULL;

    watched.display = NULL;
    if (!xlib)
        return;
    *(void **)&set_error_handler = dlsym(xlib, "XSetIOErrorHandler");
    if (set_error_handler)
        set_error_handler(watched.previous);
    dlclose(xlib);
}
