/* SPDX-License-Identifier: MIT */
/* What a display shows, read from its card and not from the library. */
#ifndef LIMEF_TEST_E2E_EACH_PICTURE_DISPLAY_H
#define LIMEF_TEST_E2E_EACH_PICTURE_DISPLAY_H

#include <stdint.h>

/* A descriptor of the card, to be lent to the presenter. -1: this build knows no displays. */
int display_open(const char *path);

/* Writes width x height pixels of R, G, B, 255. No flip may be pending. Ends the program if that is
 * not the display's size. */
void display_read(uint8_t *rgba, int width, int height);

#endif
