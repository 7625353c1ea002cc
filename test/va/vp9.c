/* SPDX-License-Identifier: MIT */
/* VP9: VA-API is given whole frames, headers and all. */
#include "codec.h"

static bool rebuild(struct stream *stream, const struct picture *picture, struct bytes *unit)
{
    (void)stream;
    if (picture_n_slices(picture) != 1)
        return false;
    return bytes_append(unit, picture->data.data + picture_slice(picture, 0)->offset,
                        picture_slice(picture, 0)->size);
}

const struct codec codec_vp9 = {
    .id = AV_CODEC_ID_VP9,
    .picture_bytes = sizeof(VADecPictureParameterBufferVP9),
    .slice_bytes = sizeof(VASliceParameterBufferVP9),
    .rebuild = rebuild,
};
