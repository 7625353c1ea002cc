/* SPDX-License-Identifier: MIT */
#ifndef LIMEF_SRC_GPU_WAYLAND_SEAT_H
#define LIMEF_SRC_GPU_WAYLAND_SEAT_H

#include <stdbool.h>

/*
 * Whether SDL should keep away from Wayland: no compositor answers, or one that
 * has no seat (no keyboard, no pointer), as a headless one may. SDL 2.26 reads
 * through a null pointer there.
 */
bool wayland_lacks_seat(void);

#endif
