/* SPDX-License-Identifier: MIT */
/*
 * An X server that dies. Left alone, Xlib ends the process then.
 */
#ifndef LIMEF_SRC_GPU_X11_LOSS_H
#define LIMEF_SRC_GPU_X11_LOSS_H

#include <SDL.h>
#include <stdbool.h>

/*
 * Makes Xlib note that the window's X server is gone, and return from what it
 * was asked to do. A window that is not on X11 is left alone, and so is a
 * second one. Thread: the window's
 */
void x11_loss_watch(SDL_Window *window);

/* Whether it is gone: nothing may be asked of it, or of SDL about it. Thread: the window's */
bool x11_loss_seen(void);

/* When the window has been closed: Xlib is as it was. Thread: the window's */
void x11_loss_forget(void);

#endif
