/* SPDX-License-Identifier: MIT */
/*
 * What tests of the KMS output do with a card beside it: pictures in its dumb
 * buffers, and reading what its display shows, by writeback or from outside.
 */
#ifndef LIMEF_TEST_VM_CARD_H
#define LIMEF_TEST_VM_CARD_H

#include <limef/frame/decoded.h>

#include <libavutil/frame.h>
#include <libavutil/hwcontext_drm.h>
#include <stdint.h>

struct card {
    int fd;
    uint32_t crtc, connector, writeback; /* the first of each; writeback 0: there is none */
};

/* A picture of moving stripes in a dumb buffer of the card; a payload that tells when it goes. */
struct picture {
    struct limef_payload payload;
    bool released;
    const struct card *card;
    AVFrame *av;
    AVDRMFrameDescriptor drm;
    uint32_t fourcc, handle;
    int width, height;
    uint32_t pitch;
    uint8_t *data;
    size_t bytes;
};

/* Ends the program with a line that says what went wrong. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Opens a card with all that its clients can ask for. */
void card_open(struct card *card, const char *path);
void card_close(struct card *card);

/* fourcc: NV12, P010, YUV420 or XRGB8888. step: of the motion. Colour as said by av. */
void picture_open(struct picture *picture, const struct card *card, uint32_t fourcc, int width,
                  int height, int step);
void picture_close(struct picture *picture);

/* Likewise in memory that somebody else made: fourcc, size, pitch, data and bytes say how. */
void picture_wrap(struct picture *picture, int fd);

/* Writes another one into it. */
void picture_draw(struct picture *picture, int step);

/* What such a pixel looks like, by the colours that a picture says it has. */
void colour_expected(double luma, double blue, double red, const AVFrame *like, int rgb[3]);

/* What pixel (x, y) of it looks like. */
void picture_expected(const struct picture *picture, int x, int y, int rgb[3]);

/*
 * Writes what the display shows to memory of 4 bytes a pixel (B, G, R, X), rows of width; free().
 * The display must have no flip pending. Where the card writes nothing back the emulator is asked
 * for the picture, which comes to the folder OUT: see vm.py.
 */
uint8_t *card_read_screen(const struct card *card, int *width, int *height);

/* The framebuffer that the CRTC shows; 0: none. */
uint32_t card_framebuffer(const struct card *card);

#endif
