/* SPDX-License-Identifier: MIT */
/* What the parts of the driver share: one open display, and what its objects are. */
#ifndef LIMEF_TEST_VA_DRIVER_H
#define LIMEF_TEST_VA_DRIVER_H

#include "calls.h"
#include "codec.h"
#include "fault.h"
#include "memory.h"
#include "objects.h"

#include <stdatomic.h>

#define MAX_PICTURE_SIZE 8192

struct AVFrame;

/* A display that was opened. */
struct driver {
    struct objects objects;
    int card_fd;              /* of the display; borrowed; -1: none */
    bool is_late;             /* LIMEF_TEST_VA_LATE: pixels come when a surface is waited for */
    uint64_t modifier;        /* that exported surfaces are said to have */
    uint32_t fourcc;          /* likewise; 0: what they are */
    unsigned n_objects;       /* that an exported surface is said to lie in: 1 or 2 */
    pthread_mutex_t pixels;   /* guards the surfaces' late pictures */
    atomic_ulong n_pictures;  /* that were decoded */
    unsigned long wrong_from; /* the first that is decoded wrongly; 0: none */
    atomic_ulong n_undecoded; /* that libavcodec gave nothing for */
};

static inline struct driver *driver_of(VADriverContextP context)
{
    return context->pDriverData;
}

/* How pictures of a format lie in memory: two planes, the second with two samples a pixel. */
struct pixel_format {
    uint32_t fourcc;           /* VA_FOURCC_... and DRM_FORMAT_..., which are the same here */
    uint32_t plane_formats[2]; /* DRM_FORMAT_... of the planes as pictures of their own */
    unsigned rt_format;        /* VA_RT_FORMAT_... */
    unsigned sample_bytes;
    unsigned bits_per_pixel;
};

/* @return NULL: not of this driver */
const struct pixel_format *pixel_format_of_fourcc(uint32_t fourcc);
const struct pixel_format *pixel_format_of_rt_format(unsigned rt_format);

/* The n-th format. @return NULL: there are no more */
const struct pixel_format *pixel_format_at(unsigned n);

struct config {
    struct object object;
    VAProfile profile;
    const struct codec *codec;
    const struct pixel_format *format;
};

struct decoder;

struct surface {
    struct object object;
    struct decoder *decoder; /* whose picture it holds; referenced; NULL: nobody's */
    unsigned width, height;
    const struct pixel_format *format;
    struct memory memory;
    unsigned n_rows; /* of luma; those of chroma follow */
    /* guarded by the driver's pixels */
    struct AVFrame *late; /* is decoded, not yet in memory; NULL: none */
};

/* Where the second plane begins. */
size_t surface_chroma_offset(const struct surface *surface);

/* Writes a decoded picture, or has it written when the surface is waited for. picture: borrowed. */
VAStatus surface_write(struct driver *driver, struct surface *surface,
                       const struct AVFrame *picture);

/* Waits for what was decoded into it. */
void surface_settle(struct driver *driver, struct surface *surface);

/* Converts a planar picture of libavcodec to the format of a surface.
 * @return whether it has as many bits */
bool pixels_write(struct surface *surface, const struct AVFrame *picture);

/* Copies rows of bytes. */
void pixels_copy(uint8_t *to, size_t to_pitch, const uint8_t *from, size_t from_pitch,
                 size_t row_bytes, unsigned n_rows);

struct buffer {
    struct object object;
    VABufferType type;
    unsigned element_bytes, n_elements;
    uint8_t *bytes;      /* NULL: those of the surface */
    VASurfaceID surface; /* that an image is derived from */
};

/* Frees objects that were taken out of the table. */
void config_free(struct config *config);
void surface_free(struct surface *surface);
void context_free(struct context *context);
void buffer_free(struct buffer *buffer);
void image_free(struct image *image);

#endif
