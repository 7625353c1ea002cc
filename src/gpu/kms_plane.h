/* SPDX-License-Identifier: MIT */
/* What a plane of a display can show, and how it is told to. */
#ifndef LIMEF_SRC_GPU_KMS_PLANE_H
#define LIMEF_SRC_GPU_KMS_PLANE_H

#include "gpu/kms_calls.h"

#include <limef/frame/hardware.h>

struct output;

struct kms_format {
    uint32_t fourcc;
    uint64_t modifier;
};

/* The numbers of a plane's properties; 0: it has no such. */
struct kms_plane_properties {
    uint32_t framebuffer, crtc;
    uint32_t src_x, src_y, src_width, src_height;
    uint32_t x, y, width, height;
    uint32_t in_fence, encoding, range;
};

enum kms_encoding { KMS_BT601, KMS_BT709, KMS_BT2020, KMS_N_ENCODINGS };
enum kms_range { KMS_LIMITED, KMS_FULL, KMS_N_RANGES };

struct kms_plane {
    uint32_t id; /* 0: there is none */
    uint64_t type;
    uint32_t possible_crtcs;
    uint32_t crtc; /* that it was on when it was read */
    int64_t zpos;  /* property of that name: above those with less; -1: it does not say */
    struct kms_plane_properties properties;
    /* of the enumerated properties; -1: it cannot do that */
    int64_t encodings[KMS_N_ENCODINGS], ranges[KMS_N_RANGES];
    struct kms_format *formats; /* owned */
    unsigned n_formats;
};

/* Reads a plane. 0, or an error, not logged; then nothing is owed. */
int kms_plane_read(struct kms_plane *plane, const struct kms_calls *calls, int fd, uint32_t id,
                   const struct output *output);

void kms_plane_clear(struct kms_plane *plane, const struct output *output);

/* Whether another plane lies over it; true if neither says. */
bool kms_plane_is_under(const struct kms_plane *plane, const struct kms_plane *other);

/* Whether a plane lists the format with that modifier; with DRM_FORMAT_MOD_INVALID, by which the
 * card's driver knows how its own buffer lies, with any. */
bool kms_plane_takes(const struct kms_plane *plane, uint32_t fourcc, uint64_t modifier);

/*
 * The values of the colour properties for a picture, -1 each where the plane has no such property
 * and needs none. False: the plane cannot show these colours as they are meant.
 */
bool kms_plane_colours(const struct kms_plane *plane, const struct limef_hardware_frame *picture,
                       int64_t *encoding, int64_t *range);

/* The number of an object's property, by its name; 0: it has no such. value: NULL, or written. */
uint32_t kms_find_property(const struct kms_calls *calls, int fd, uint32_t object, uint32_t type,
                           const char *name, uint64_t *value);

#endif
