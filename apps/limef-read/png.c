/* SPDX-License-Identifier: MIT */
/* PNG, third edition (W3C), section 5: chunks; RFC 1950: zlib; RFC 1951, 3.2.4: stored blocks. */
#include "png.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define BLOCK_BYTES 65535u

/* A file, and the checksums of what is written. */
struct png {
    FILE *file;
    uint32_t crc;
    uint32_t adler_low, adler_high;
};

static void put(struct png *png, const uint8_t *bytes, size_t n_bytes)
{
    fwrite(bytes, 1, n_bytes, png->file);
    for (size_t i = 0; i < n_bytes; i++) {
        png->crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            png->crc = png->crc >> 1 ^ (png->crc & 1 ? 0xedb88320u : 0);
    }
}

static void put_u32(struct png *png, uint32_t number)
{
    put(png,
        (const uint8_t[]){(uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8),
                          (uint8_t)number},
        4);
}

static void begin_chunk(struct png *png, const char type[5], uint32_t bytes)
{
    put_u32(png, bytes);
    png->crc = ~0u;
    put(png, (const uint8_t *)type, 4);
}

static void end_chunk(struct png *png)
{
    put_u32(png, ~png->crc);
}

static void put_pixels(struct png *png, const uint8_t *bytes, size_t n_bytes)
{
    put(png, bytes, n_bytes);
    for (size_t i = 0; i < n_bytes; i++) {
        png->adler_low = (png->adler_low + bytes[i]) % 65521;
        png->adler_high = (png->adler_high + png->adler_low) % 65521;
    }
}

/* A row, in as many stored blocks as it takes. */
static void put_row(struct png *png, const uint8_t *row, uint32_t bytes, bool is_last)
{
    const uint8_t no_filter = 0;

    for (uint32_t at = 0; at < bytes + 1;) {
        uint32_t n = bytes + 1 - at < BLOCK_BYTES ? bytes + 1 - at : BLOCK_BYTES;

        put(png,
            (const uint8_t[]){is_last && at + n == bytes + 1, (uint8_t)n, (uint8_t)(n >> 8),
                              (uint8_t)~n, (uint8_t)(~n >> 8)},
            5);
        if (at == 0)
            put_pixels(png, &no_filter, 1);
        put_pixels(png, row + (at ? at - 1 : 0), at ? n : n - 1);
        at += n;
    }
}

int png_write(const char *path, const uint8_t *rgb, uint32_t width, uint32_t height)
{
    struct png png = {.file = fopen(path, "wb"), .adler_low = 1};
    uint32_t row_bytes = 3 * width;
    uint32_t n_blocks = (row_bytes + BLOCK_BYTES) / BLOCK_BYTES;
    bool failed;

    if (!png.file)
        return -1;
    put(&png, (const uint8_t *)"\x89PNG\r\n\x1a\n", 8);
    begin_chunk(&png, "IHDR", 13);
    put_u32(&png, width);
    put_u32(&png, height);
    put(&png, (const uint8_t[]){8, 2, 0, 0, 0}, 5); /* bits, RGB, methods */
    end_chunk(&png);
    begin_chunk(&png, "IDAT", 2 + height * (5 * n_blocks + 1 + row_bytes) + 4);
    put(&png, (const uint8_t[]){0x78, 0x01}, 2);
    for (uint32_t y = 0; y < height; y++)
        put_row(&png, rgb + (size_t)y * row_bytes, row_bytes, y + 1 == height);
    put_u32(&png, png.adler_high << 16 | png.adler_low);
    end_chunk(&png);
    begin_chunk(&png, "IEND", 0);
    end_chunk(&png);
    failed = ferror(png.file);
    return fclose(png.file) != 0 || failed ? -1 : 0;
}
