/* SPDX-License-Identifier: MIT */
/* VP9: VA-API is given whole frames, headers and all. */
#include "codec.h"

#include <string.h>

#define KEY_FRAME 0

static bool rebuild(struct stream *stream, const struct picture *picture, struct bytes *unit)
{
    (void)stream;
    if (picture_n_slices(picture) != 1)
        return false;
    return bytes_append(unit, picture->data.data + picture_slice(picture, 0)->offset,
                        picture_slice(picture, 0)->size);
}

/* A stream may change its size without a key frame: the pictures are then in surfaces of a context
 * that is gone. */
static unsigned find_references(const struct picture *picture, VASurfaceID *ids)
{
    VADecPictureParameterBufferVP9 parameters;

    if (picture->parameters.size == 0)
        return 0;
    memcpy(&parameters, picture->parameters.data, sizeof(parameters));
    if (parameters.pic_fields.bits.frame_type == KEY_FRAME || parameters.pic_fields.bits.intra_only)
        return 0;
    ids[0] = parameters.reference_frames[parameters.pic_fields.bits.last_ref_frame];
    ids[1] = parameters.reference_frames[parameters.pic_fields.bits.golden_ref_frame];
    ids[2] = parameters.reference_frames[parameters.pic_fields.bits.alt_ref_frame];
    return 3;
}

const struct codec codec_vp9 = {
    .id = AV_CODEC_ID_VP9,
    .picture_bytes = sizeof(VADecPictureParameterBufferVP9),
    .slice_bytes = sizeof(VASliceParameterBufferVP9),
    .find_references = find_references,
    .rebuild = rebuild,
};
