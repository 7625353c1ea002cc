/* SPDX-License-Identifier: MIT */
/* Looks for hardware that decodes, and has it prove that. */
#include "frame/hardware_private.h"

#include "frame/hardware_probe.h"

#include <limef/base/log.h>

#include <libavutil/buffer.h>
#include <libavutil/error.h>
#include <stdio.h>
#include <stdlib.h>

/* Numbers of render nodes, drivers/gpu/drm/drm_drv.c of Linux. */
#define FIRST_RENDER_NODE 128
#define LAST_RENDER_NODE 191

static int prove(struct AVBufferRef **device)
{
    int ret = hardware_probe(*device);

    if (ret >= 0)
        return 0;
    limef_fail(ret, HARDWARE_NAME, "%s decodes wrongly, it is not used",
               limef_hardware_device_name(*device));
    av_buffer_unref(device);
    return ret;
}

int limef_hardware_device_open(struct AVBufferRef **device, const char *node)
{
    int ret = AVERROR(ENODEV);

    *device = NULL;
    if (!node)
        node = getenv("LIMEF_VAAPI_DEVICE");
    if (node) {
        ret = hardware_vaapi_open(device, node);
        return ret < 0 ? limef_fail(ret, HARDWARE_NAME, "%s: no VA-API", node) : prove(device);
    }
    for (int i = FIRST_RENDER_NODE; i <= LAST_RENDER_NODE; i++) {
        char path[32];
        int other;

        snprintf(path, sizeof(path), "/dev/dri/renderD%d", i);
        other = hardware_vaapi_open(device, path);
        if (other >= 0)
            other = prove(device);
        if (other >= 0)
            return 0;
        if (other != AVERROR(ENODEV))
            ret = other;
        if (other == AVERROR(ENOSYS))
            break;
    }
    return ret;
}
