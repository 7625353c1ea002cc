/* SPDX-License-Identifier: MIT */
/* Makes a clip of 6 s whose sound lies behind its pictures in the file: make_apart PATH MS. */
#include "support/make_media.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    struct media media = {.codec = "mpeg2video", .n_pictures = 150};
    unsigned char *bytes;
    size_t size_bytes;
    FILE *file;
    int ret;

    if (argc != 3)
        return 2;
    media.audio_behind_ms = atoi(argv[2]);
    media.audio = strstr(argv[1], ".ts") != NULL;
    media.raw_audio = !media.audio;
    bytes = media_read(media_make(media.audio ? "apart.ts" : "apart.mkv", &media), &size_bytes);
    file = fopen(argv[1], "wb");
    ret = file && fwrite(bytes, 1, size_bytes, file) == size_bytes ? 0 : 1;
    if (file && fclose(file))
        ret = 1;
    free(bytes);
    media_remove();
    return ret;
}
