/* SPDX-License-Identifier: MIT */
/* Pictures of the usual formats as RGB. */
#ifndef LIMEF_READ_RGB_H
#define LIMEF_READ_RGB_H

#include <limef/filter/export_protocol.h>

/* 3 bytes a pixel, rows from the top; free(). NULL: errno; ENOTSUP: not this format. */
uint8_t *rgb_make(const struct limef_export_frame *frame,
                  const uint8_t *const planes[LIMEF_EXPORT_MAX_PLANES]);

#endif
