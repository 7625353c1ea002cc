/* SPDX-License-Identifier: MIT */
/*
 * A picture as a PNG or JPEG file.
 */
#ifndef LIMEF_SRC_FRAME_IMAGE_FILE_H
#define LIMEF_SRC_FRAME_IMAGE_FILE_H

struct AVFrame;
struct limef_decoded_frame;

/*
 * Writes a picture in memory (not a hardware surface) to a file: JPEG if its name ends in .jpg or
 * .jpeg, PNG if it ends in .png. The file appears whole or not at all: it is written under a
 * temporary name beside it and renamed.
 *
 * picture: borrowed. Its rotation is not looked at.
 * name: who speaks in the log.
 * Returns 0 or a negative AVERROR code (logged).
 */
int image_file_write(const struct AVFrame *picture, const char *path, const char *name);

/* The same for a decoded frame, turned and mirrored as it says. */
int image_file_write_upright(const struct limef_decoded_frame *decoded, const char *path,
                             const char *name);

#endif
