/* SPDX-License-Identifier: MIT */
/* A PNG file without a library: the pixels are stored, not compressed. */
#ifndef LIMEF_READ_PNG_H
#define LIMEF_READ_PNG_H

#include <stdint.h>

/* rgb: rows from the top, 3 bytes a pixel. 0, or -1 with errno. */
int png_write(const char *path, const uint8_t *rgb, uint32_t width, uint32_t height);

#endif
