/* SPDX-License-Identifier: MIT */
/* make_clips FOLDER: small clips for file_to_frame to begin with, its choice in front of each. */
#include "support/make_media.h"

#include <libavcodec/avcodec.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_BYTES 20000

struct clip {
    const char *name;
    unsigned char choice;
    bool needs_h264;
    struct media media;
};

static const struct clip clips[] = {
    {.name = "plain.mp4"},
    {.name = "turned.mp4", .media = {.rotation_degrees = 90, .b_frames = 2}},
    {.name = "exact_seek.mp4", .choice = 0x23, .media = {.gop = 4}},
    {.name = "audio.mp4", .choice = 8, .media = {.audio = true}},
    {.name = "plain.ts", .media = {.audio = true}},
    {.name = "looped.ts", .choice = 4},
    {.name = "seek.mkv", .choice = 0x12, .media = {.gop = 4}},
    {.name = "plain.h264", .needs_h264 = true},
    {.name = "changed.h264", .needs_h264 = true, .media = {.change_at = 6}},
    {.name = "plain.m4v", .media = {.codec = "mpeg4"}},
    {.name = "plain.avi", .media = {.codec = "mjpeg"}},
};

static bool write_clip(const char *folder, const struct clip *clip)
{
    struct media media = clip->media;
    char path[1024];
    size_t size_bytes;
    unsigned char *bytes;
    FILE *file;
    bool written;

    media.width = 64;
    media.height = 48;
    media.n_pictures = 12;
    bytes = media_read(media_make(clip->name, &media), &size_bytes);
    snprintf(path, sizeof(path), "%s/%s", folder, clip->name);
    file = fopen(path, "wb");
    written = size_bytes < MAX_BYTES && file && putc(clip->choice, file) != EOF &&
              fwrite(bytes, 1, size_bytes, file) == size_bytes;
    if (file)
        written = fclose(file) == 0 && written;
    if (!written)
        fprintf(stderr, "make_clips: %s: %zu bytes are not written\n", path, size_bytes);
    free(bytes);
    return written;
}

int main(int argc, char **argv)
{
    bool written = argc == 2;

    av_log_set_level(AV_LOG_ERROR);
    for (size_t i = 0; written && i < sizeof(clips) / sizeof(clips[0]); i++)
        if (!clips[i].needs_h264 || avcodec_find_encoder_by_name("libx264"))
            written = write_clip(argv[1], &clips[i]);
    media_remove();
    return !written;
}
