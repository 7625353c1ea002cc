/* SPDX-License-Identifier: MIT */
#include "frame/fetch.h"

#include "base/memory_private.h"
#include "frame/download.h"
#include "frame/pool_private.h"

#include <limef/base/log.h>
#include <limef/filter/filter.h>
#include <limef/frame/hardware.h>

#include <libavutil/frame.h>
#include <libavutil/imgutils.h>

int fetch_if_needed(struct limef_decoded_frame *decoded, struct AVFrame **memory,
                    struct limef_filter *filter)
{
    bool failed_before;
    int64_t bytes;

    if (!limef_hardware_is(decoded->av))
        return 0;
    if (!*memory)
        *memory = memory_new_av_frame();
    failed_before = *memory && (*memory)->opaque;
    bytes = *memory ? download(*memory, decoded->av) : AVERROR(ENOMEM);
    if (bytes < 0) {
        if (bytes != AVERROR(ENOMEM))
            pool_note_error(decoded->frame.payload, (int)bytes); /* its decoder hears of it */
        if (*memory)
            (*memory)->opaque = *memory;
        return failed_before ? (int)bytes
                             : limef_fail((int)bytes, filter->name,
                                          "pictures cannot be fetched from hardware");
    }
    (*memory)->opaque = NULL;
    (*memory)->pict_type = decoded->av->pict_type;
    LIMEF_COUNT(filter->copied_bytes, (uint64_t)bytes);
    decoded->av = *memory;
    return 0;
}

/* A picture that is in memory already, though not in its own. */
static int64_t copy(AVFrame *memory, const AVFrame *picture)
{
    int ret;

    memory->format = picture->format;
    memory->width = picture->width;
    memory->height = picture->height;
    ret = memory_permits() ? av_frame_get_buffer(memory, 0) : AVERROR(ENOMEM);
    if (ret >= 0)
        ret = av_frame_copy(memory, picture);
    return ret < 0 ? ret
                   : av_image_get_buffer_size((enum AVPixelFormat)picture->format, picture->width,
                                              picture->height, 1);
}

int64_t fetch_in_place(AVFrame *picture)
{
    AVFrame *memory = memory_new_av_frame();
    int64_t bytes = AVERROR(ENOMEM);

    if (memory)
        bytes = limef_hardware_is(picture) ? download(memory, picture) : copy(memory, picture);

    if (bytes >= 0 && av_frame_copy_props(memory, picture) < 0)
        bytes = AVERROR(ENOMEM);
    if (bytes >= 0) {
        memory->crop_left = memory->crop_top = 0; /* done */
        av_frame_unref(picture);
        av_frame_move_ref(picture, memory);
    }
    av_frame_free(&memory);
    return bytes;
}
