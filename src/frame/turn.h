/* SPDX-License-Identifier: MIT */
/*
 * Turns pictures by quarters, for files that people look at.
 */
#ifndef LIMEF_SRC_FRAME_TURN_H
#define LIMEF_SRC_FRAME_TURN_H

struct AVFrame;

/*
 * Turns a picture clockwise, then mirrors it left-right if asked.
 *
 * to: all but data is set by the caller: width and height (swapped at 90 and 270), and the format
 *     of `from`, whose planes must all be subsampled alike in both directions (RGB24, 4:2:0); with
 *     buffers.
 * degrees: 0, 90, 180, 270.
 */
void turn_picture(struct AVFrame *to, const struct AVFrame *from, int degrees, int mirrored);

#endif
