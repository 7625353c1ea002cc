/* SPDX-License-Identifier: MIT */
/*
 * What VA-API hands over of a picture, and how a codec makes an access unit of it
 * that a decoder without VA-API understands.
 */
#ifndef LIMEF_TEST_VA_CODEC_H
#define LIMEF_TEST_VA_CODEC_H

#include "bits.h"

#include <libavcodec/avcodec.h>
#include <va/va.h>

#define CODEC_MAX_REFERENCES 3
#define STREAM_N_DECODED 32 /* more than the references of any picture */

struct context;
struct image;

/* A slice, in the picture's data. */
struct slice {
    size_t offset, size;
};

/* All between vaBeginPicture and vaEndPicture. */
struct picture {
    VASurfaceID target;
    struct bytes parameters;       /* the codec's picture parameters; empty: none came */
    struct bytes matrices;         /* the codec's quantisation matrices; empty: none came */
    struct bytes slice_parameters; /* one after the other, each of the codec's slice_bytes */
    struct bytes data;
    struct bytes slices; /* struct slice, as many as there are parameters of */
};

/* A picture that was decoded. */
struct decoded {
    VASurfaceID surface;
    int32_t order; /* picture order count */
};

/* What a context remembers of a stream. All-zero: nothing. */
struct stream {
    struct decoded decoded[STREAM_N_DECODED]; /* H.265: the last ones */
    unsigned n_decoded;
    struct bytes headers;     /* the parameter sets that the decoder has */
    unsigned n_references[2]; /* H.264: the picture parameter set's defaults, as far as known */
};

struct codec {
    enum AVCodecID id;
    size_t picture_bytes; /* of VAPictureParameterBuffer... */
    size_t matrix_bytes;  /* of VAIQMatrixBuffer...; 0: has none */
    size_t slice_bytes;   /* of VASliceParameterBuffer... */

    /* libavcodec asks for a picture's buffer before those of missing references (H.265), or
     * after them (H.264) */
    bool picture_is_first;

    /* The surfaces that a picture is predicted from, CODEC_MAX_REFERENCES at most. NULL: a stream's
     * first picture has none. @return how many */
    unsigned (*find_references)(const struct picture *picture, VASurfaceID *ids);

    /* Appends the access unit. @return whether it could be made */
    bool (*rebuild)(struct stream *stream, const struct picture *picture, struct bytes *unit);
};

extern const struct codec codec_h264, codec_hevc, codec_vp9;

static inline unsigned picture_n_slices(const struct picture *picture)
{
    return (unsigned)(picture->slices.size / sizeof(struct slice));
}

static inline const struct slice *picture_slice(const struct picture *picture, unsigned n)
{
    return (const struct slice *)(const void *)picture->slices.data + n;
}

/* Appends headers, if they are others than the decoder has. */
void stream_send_headers(struct stream *stream, struct bytes *headers, struct bytes *unit);

void stream_clear(struct stream *stream);

#endif
