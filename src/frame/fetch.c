/* SPDX-License-Identifier: MIT */
#include "frame/fetch.h"

#include "base/memory_private.h"
#include "frame/download.h"
#include "frame/hardware_private.h"

#include <limef/base/log.h>
#include <limef/filter/filter.h>

#include <libavutil/frame.h>

/* What libavcodec leaves to whoever has the pixels. */
static void crop(AVFrame *memory, const AVFrame *from)
{
    memory->crop_left = from->crop_left;
    memory->crop_top = from->crop_top;
    if (from->crop_left || from->crop_top)
        av_frame_apply_cropping(memory, AV_FRAME_CROP_UNALIGNED);
}

int fetch_if_needed(struct limef_decoded_frame *decoded, struct AVFrame **memory,
                    struct limef_filter *filter)
{
    int64_t bytes;

    if (!limef_hardware_is(decoded->av))
        return 0;
    if (!*memory)
        *memory = memory_new_av_frame();
    bytes = *memory ? download(*memory, decoded->av) : AVERROR(ENOMEM);
    if (bytes < 0) {
        hardware_note_error(decoded->av, (int)bytes);
        return limef_fail((int)bytes, filter->name, "a picture cannot be fetched from hardware");
    }
    (*memory)->pict_type = decoded->av->pict_type;
    crop(*memory, decoded->av);
    LIMEF_COUNT(filter->copied_bytes, (uint64_t)bytes);
    decoded->av = *memory;
    return 0;
}

int64_t fetch_in_place(AVFrame *picture)
{
    AVFrame *memory = memory_new_av_frame();
    int64_t bytes = memory ? download(memory, picture) : AVERROR(ENOMEM);

    if (bytes >= 0 && av_frame_copy_props(memory, picture) < 0)
        bytes = AVERROR(ENOMEM);
    if (bytes >= 0) {
        crop(memory, picture);
        av_frame_unref(picture);
        av_frame_move_ref(picture, memory);
    }
    av_frame_free(&memory);
    return bytes;
}
