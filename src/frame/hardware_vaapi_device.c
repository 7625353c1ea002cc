/* SPDX-License-Identifier: MIT */
/* VA-API on a DRM node, as a device of libavutil. */
#include "frame/hardware_private.h"

#include "base/memory_private.h"
#include "frame/drm_device.h"
#include "frame/hardware_vaapi_watch.h"

#include <limef/base/log.h>

#include <errno.h>
#include <fcntl.h>
#include <libavutil/hwcontext.h>
#include <libavutil/hwcontext_vaapi.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <va/va_drm.h>

/* Kinds of pictures that are remembered; others are looked at in each stream. */
#define MAX_TRUSTED 32

/* What lives as long as the device. */
struct vaapi_device {
    int fd;
    uint64_t number; /* of fd's device */
    VADisplay display;
    struct vaapi_watch *watch;
    char name[192];
    /* kinds that were seen to be right; 0: a free place. Relaxed: to look once more does no harm */
    LIMEF_ATOMIC(uint64_t) trusted[MAX_TRUSTED];
};

static void log_libva(void *context, const char *line)
{
    (void)context;
    limef_log(LIMEF_LOG_DEBUG, HARDWARE_NAME, "libva: %.*s", (int)strcspn(line, "\n"), line);
}

static void device_close(struct vaapi_device *device)
{
    vaapi_watch_end(device->watch);
    /* libva frees its own part only where the driver did not fail; it has let go of it anyway */
    if (device->display && vaTerminate(device->display) != VA_STATUS_SUCCESS)
        vaTerminate(device->display);
    close(device->fd);
    memory_release(device);
}

static void device_free(AVHWDeviceContext *context)
{
    device_close(context->user_opaque);
}

static int open_display(struct vaapi_device *device, const char *node)
{
    const char *vendor;
    int major, minor;

    device->display = vaGetDisplayDRM(device->fd);
    if (!device->display)
        return AVERROR(ENODEV);
    vaSetErrorCallback(device->display, log_libva, NULL);
    vaSetInfoCallback(device->display, log_libva, NULL);
    if (vaInitialize(device->display, &major, &minor) != VA_STATUS_SUCCESS)
        return AVERROR(ENODEV);
    vendor = vaQueryVendorString(device->display);
    snprintf(device->name, sizeof(device->name), "VA-API on %s (%s)", node,
             vendor ? vendor : "it does not say what");
    device->watch = vaapi_watch_begin(device->display);
    return device->watch ? 0 : AVERROR(ENOMEM);
}

static int open_device(struct vaapi_device **device, const char *node)
{
    int fd = open(node, O_RDWR | O_CLOEXEC), ret;

    if (fd < 0)
        return errno == ENOENT ? AVERROR(ENODEV) : AVERROR(errno);
    *device = memory_allocate(sizeof(**device));
    if (!*device) {
        close(fd);
        return AVERROR(ENOMEM);
    }
    (*device)->fd = fd;
    (*device)->number = drm_device_number(fd);
    ret = open_display(*device, node);
    if (ret < 0)
        device_close(*device);
    return ret;
}

int hardware_vaapi_open(AVBufferRef **reference, const char *node)
{
    struct vaapi_device *device = NULL;
    AVHWDeviceContext *context;
    AVBufferRef *made;
    int ret = open_device(&device, node);

    if (ret < 0)
        return ret;
    made = memory_permits() ? av_hwdevice_ctx_alloc(AV_HWDEVICE_TYPE_VAAPI) : NULL;
    if (!made) {
        device_close(device);
        return AVERROR(ENOMEM);
    }
    context = (AVHWDeviceContext *)(void *)made->data;
    context->user_opaque = device;
    context->free = device_free;
    ((AVVAAPIDeviceContext *)context->hwctx)->display = device->display;
    ret = av_hwdevice_ctx_init(made);
    if (ret < 0)
        av_buffer_unref(&made);
    *reference = made;
    return ret;
}

static struct vaapi_device *device_of(const AVBufferRef *reference)
{
    const AVHWDeviceContext *context = (const AVHWDeviceContext *)(const void *)reference->data;

    return context->free == device_free ? context->user_opaque : NULL;
}

const char *hardware_vaapi_name(const AVBufferRef *reference)
{
    const struct vaapi_device *device = device_of(reference);

    return device ? device->name : NULL;
}

uint64_t hardware_vaapi_number(const AVBufferRef *reference)
{
    const struct vaapi_device *device = device_of(reference);

    return device ? device->number : 0;
}

bool hardware_has_fixed_pool(const AVBufferRef *reference)
{
    const AVHWDeviceContext *context = (const AVHWDeviceContext *)(const void *)reference->data;
    const struct vaapi_device *device = device_of(reference);

    /* the old driver of Intel wants to be told of its surfaces when a decoder is opened */
    return context->type != AV_HWDEVICE_TYPE_VAAPI || (device && strstr(device->name, "i965"));
}

bool hardware_is_trusted(const AVBufferRef *reference, uint64_t kind)
{
    const struct vaapi_device *device = device_of(reference);

    for (unsigned i = 0; device && i < MAX_TRUSTED; i++)
        if (atomic_load_explicit(&device->trusted[i], memory_order_relaxed) == kind)
            return true;
    return !device;
}

void hardware_trust(const AVBufferRef *reference, uint64_t kind)
{
    struct vaapi_device *device = device_of(reference);

    for (unsigned i = 0; device && i < MAX_TRUSTED; i++) {
        uint64_t is = 0;

        if (atomic_compare_exchange_strong_explicit(&device->trusted[i], &is, kind,
                                                    memory_order_relaxed, memory_order_relaxed) ||
            is == kind)
            return;
    }
}
