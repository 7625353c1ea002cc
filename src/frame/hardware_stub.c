/* SPDX-License-Identifier: MIT */
/* Hardware frames without VA-API. */
#include "frame/hardware_private.h"

#include <libavutil/error.h>

int hardware_vaapi_map(struct limef_hardware_frame *hardware, const struct AVFrame *picture)
{
    (void)hardware;
    (void)picture;
    return AVERROR(ENOSYS);
}

int hardware_frames_prepare(struct AVBufferRef *frames)
{
    (void)frames;
    return 0;
}

void hardware_note_new(const struct AVFrame *picture)
{
    (void)picture;
}

unsigned hardware_n_failed_calls(void)
{
    return 0;
}

bool hardware_has_fixed_pool(const struct AVBufferRef *device)
{
    (void)device;
    return true;
}

bool hardware_is_trusted(const struct AVBufferRef *device, uint64_t kind)
{
    (void)device;
    (void)kind;
    return true;
}

void hardware_trust(const struct AVBufferRef *device, uint64_t kind)
{
    (void)device;
    (void)kind;
}

int hardware_vaapi_open(struct AVBufferRef **device, const char *node)
{
    (void)device;
    (void)node;
    return AVERROR(ENOSYS);
}

const char *hardware_vaapi_name(const struct AVBufferRef *device)
{
    (void)device;
    return NULL;
}
