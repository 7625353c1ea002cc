/* SPDX-License-Identifier: MIT */
/*
 * Counts the calls into a VA-API driver that fail. libavcodec's decoders of H.264 and H.265 go on
 * when a slice did not reach the driver, and say "invalid data" where it was the driver that
 * failed: who wants to know must look between libva and the driver.
 */
#ifndef LIMEF_SRC_FRAME_HARDWARE_VAAPI_WATCH_H
#define LIMEF_SRC_FRAME_HARDWARE_VAAPI_WATCH_H

#include <va/va.h>

struct vaapi_watch;

/* Begins to watch an initialised display. NULL: it cannot be. */
struct vaapi_watch *vaapi_watch_begin(VADisplay display);

/* Before the display is terminated. NULL does nothing. */
void vaapi_watch_end(struct vaapi_watch *watch);

#endif
