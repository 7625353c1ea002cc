/* SPDX-License-Identifier: MIT */
#ifndef LIMEF_SRC_GPU_PNG_H
#define LIMEF_SRC_GPU_PNG_H

#include <stdint.h>

/* Writes opaque pixels, rows from the top, to a file. 0, or an error, logged. */
int png_write(const char *path, const uint8_t *rgba, int width, int height, const char *name);

#endif
