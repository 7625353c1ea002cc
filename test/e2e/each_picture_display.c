/* SPDX-License-Identifier: MIT */
#include "each_picture_display.h"

#include "vm/card.h"

#include <stddef.h>
#include <stdlib.h>

static struct card card;

int display_open(const char *path)
{
    card_open(&card, path);
    return card.fd;
}

void display_read(uint8_t *rgba, int width, int height)
{
    int columns, rows;
    uint8_t *screen = card_read_screen(&card, &columns, &rows);

    if (columns != width || rows != height)
        die("the display has %dx%d pixels", columns, rows);
    for (size_t i = 0; i < (size_t)width * (size_t)height; i++) {
        for (size_t c = 0; c < 3; c++)
            rgba[4 * i + c] = screen[4 * i + 2 - c];
        rgba[4 * i + 3] = 255;
    }
    free(screen);
}
