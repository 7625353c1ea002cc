/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The moving test picture of limef-demo-clip.
 */
#ifndef DEMO_PICTURE_H
#define DEMO_PICTURE_H

#include <libavutil/frame.h>

/** How long the flash of each second is shown. */
#define DEMO_FLASH_S 0.08

/**
 * Draws colour bars, a dial that turns once a second, a running clock, moving discs, and a flash at
 * the beginning of each second.
 *
 * @param picture  written: yuv420p, of an even size up to 1280x720, BT.709, limited range.
 * @param time_s   0..3599.
 * @param share    0..1: how much of the clip is over.
 */
void demo_picture_draw(AVFrame *picture, double time_s, double share);

#endif
