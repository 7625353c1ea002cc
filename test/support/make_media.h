/* SPDX-License-Identifier: MIT */
/*
 * Makes clips, with libavcodec, in a folder of their own.
 *
 * Picture n is a flat gray of brightness media_luma(n), but for a darker corner
 * at the top left: a test can tell which picture it sees, and which way up.
 */
#ifndef LIMEF_TEST_SUPPORT_MAKE_MEDIA_H
#define LIMEF_TEST_SUPPORT_MAKE_MEDIA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All-zero: 25 pictures of 160x120 at 25 a second, H.264 if it can be made, MPEG-4 Part 2 if not.
 */
struct media {
    const char *codec;  /* encoder: "mjpeg", ... */
    const char *format; /* muxer; NULL: by the file's suffix */
    int width, height;
    int n_pictures;
    int fps;
    int gop;              /* a key frame every so many pictures; 0: 10 */
    int b_frames;         /* between two others */
    bool audio;           /* a tone, AAC */
    bool raw_audio;       /* a tone, PCM */
    int audio_ms;         /* as long is the tone; 0: as the pictures */
    int audio_behind_ms;  /* in the file, not in time; negative: before the pictures */
    int64_t begins_ms;    /* added to all times */
    int rotation_degrees; /* to be turned clockwise by this */
    int change_at;        /* from this picture on: half the size, without a word in the container */
    int deep_at;          /* likewise: 10 bits */
    int crop_left;        /* columns that are not to be shown, of H.264 */
};

/* The folder, made at the first call. */
const char *media_folder(void);

/* A file's path in the folder. @return a string that lives until the next but seven call */
const char *media_path(const char *name);

/* Removes the folder and what is in it. */
void media_remove(void);

/* Makes a clip in the folder; ends the program if that fails. @return its path, as media_path() */
const char *media_make(const char *name, const struct media *media);

/* Reads a file whole; to be freed. */
unsigned char *media_read(const char *path, size_t *size_bytes);

/* Writes bytes to a file in the folder. @return its path, as media_path() */
const char *media_write(const char *name, const void *bytes, size_t size_bytes);

/* Brightness of picture n, 48..208. */
int media_luma(int n);

/* The number, modulo 32, of the picture that has this brightness, give or take the codec's loss. */
int media_number(int luma);

#endif
