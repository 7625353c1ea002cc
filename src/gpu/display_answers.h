/* SPDX-License-Identifier: MIT */
/*
 * Whether a display server answers, asked on a connection of our own, with a deadline: the window
 * libraries wait for one without end.
 */
#ifndef LIMEF_SRC_GPU_DISPLAY_ANSWERS_H
#define LIMEF_SRC_GPU_DISPLAY_ANSWERS_H

#include <stdint.h>

enum display_answer {
    DISPLAY_ABSENT,  /* nobody listens */
    DISPLAY_ANSWERS, /* also who refuses us; and who cannot be asked */
    DISPLAY_SILENT,  /* somebody listens, and has not answered in time */
};

/*
 * Asks an X server. It is shown an impossible protocol version, which it refuses (X Window System
 * Protocol, "Connection Setup"): a client that was let in and left would be the last one for some
 * servers, and they start anew then.
 *
 * display  as in DISPLAY; NULL: none. Servers on other hosts cannot be asked; of one on this host's
 *          TCP, ssh's for the most, only the connection is awaited: ssh tells its user of clients
 *          that it refuses.
 */
enum display_answer display_x11_answers(const char *display, int64_t timeout_us);

/*
 * Asks a Wayland compositor, by wl_display.sync.
 *
 * folder   as in XDG_RUNTIME_DIR; NULL: none. name: as in WAYLAND_DISPLAY, a path or a name in the
 * folder; NULL: "wayland-0", as libwayland has it.
 */
enum display_answer display_wayland_answers(const char *folder, const char *name,
                                            int64_t timeout_us);

#endif
