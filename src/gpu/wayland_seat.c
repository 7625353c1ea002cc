/* SPDX-License-Identifier: MIT */
#include "gpu/wayland_seat.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wayland-client.h>

static void note_global(void *has_seat, struct wl_registry *registry, uint32_t name,
                        const char *interface, uint32_t version)
{
    (void)registry;
    (void)name;
    (void)version;
    if (strcmp(interface, "wl_seat") == 0)
        *(bool *)has_seat = true;
}

static void forget_global(void *has_seat, struct wl_registry *registry, uint32_t name)
{
    (void)has_seat;
    (void)registry;
    (void)name;
}

bool wayland_lacks_seat(void)
{
    static const struct wl_registry_listener listener = {note_global, forget_global};
    /* without a folder for its socket libwayland complains on standard error */
    struct wl_display *display = getenv("XDG_RUNTIME_DIR") ? wl_display_connect(NULL) : NULL;
    struct wl_registry *registry;
    bool has_seat = false;

    if (!display)
        return true;
    registry = wl_display_get_registry(display);
    wl_registry_add_listener(registry, &listener, &has_seat);
    wl_display_roundtrip(display);
    wl_registry_destroy(registry);
    wl_display_disconnect(display);
    return !has_seat;
}
