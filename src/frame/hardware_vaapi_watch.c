/* SPDX-License-Identifier: MIT */
#include "frame/hardware_vaapi_watch.h"

#include "base/memory_private.h"
#include "frame/hardware_private.h"

#include <limef/base/log.h>

#include <va/va_backend.h>

struct vaapi_watch {
    struct VADriverVTable seen; /* what libva calls instead of the driver */
    struct VADriverVTable *driver;
    VADriverContextP context;
};

static _Thread_local unsigned n_failed;

unsigned hardware_n_failed_calls(void)
{
    return n_failed;
}

static const struct VADriverVTable *driver_of(VADriverContextP context)
{
    return LIMEF_CONTAINER_OF(context->vtable, struct vaapi_watch, seen)->driver;
}

static VAStatus note(const char *call, VAStatus status)
{
    if (status == VA_STATUS_SUCCESS)
        return status;
    n_failed++;
    limef_log(LIMEF_LOG_DEBUG, HARDWARE_NAME, "%s: %s", call, vaErrorStr(status));
    return status;
}

#define WATCH(call, parameters, arguments)                                                         \
    static VAStatus watch_##call parameters                                                        \
    {                                                                                              \
        return note(#call, driver_of(context)->call arguments);                                    \
    }

WATCH(vaCreateContext,
      (VADriverContextP context, VAConfigID config, int width, int height, int flags,
       VASurfaceID *targets, int n_targets, VAContextID *id),
      (context, config, width, height, flags, targets, n_targets, id))
WATCH(vaCreateSurfaces,
      (VADriverContextP context, int width, int height, int format, int n_surfaces,
       VASurfaceID *surfaces),
      (context, width, height, format, n_surfaces, surfaces))
WATCH(vaCreateSurfaces2,
      (VADriverContextP context, unsigned format, unsigned width, unsigned height,
       VASurfaceID *surfaces, unsigned n_surfaces, VASurfaceAttrib *attributes,
       unsigned n_attributes),
      (context, format, width, height, surfaces, n_surfaces, attributes, n_attributes))
WATCH(vaCreateBuffer,
      (VADriverContextP context, VAContextID id, VABufferType type, unsigned size_bytes,
       unsigned n_elements, void *data, VABufferID *buffer),
      (context, id, type, size_bytes, n_elements, data, buffer))
WATCH(vaBeginPicture, (VADriverContextP context, VAContextID id, VASurfaceID target),
      (context, id, target))
WATCH(vaRenderPicture,
      (VADriverContextP context, VAContextID id, VABufferID *buffers, int n_buffers),
      (context, id, buffers, n_buffers))
WATCH(vaEndPicture, (VADriverContextP context, VAContextID id), (context, id))

struct vaapi_watch *vaapi_watch_begin(VADisplay display)
{
    const struct VADisplayContext *shown = display;
    struct vaapi_watch *watch = memory_allocate(sizeof(*watch));

    if (!watch)
        return NULL;
    watch->context = shown->pDriverContext;
    watch->driver = watch->context->vtable;
    watch->seen = *watch->driver;
    watch->seen.vaCreateContext = watch_vaCreateContext;
    watch->seen.vaCreateSurfaces = watch_vaCreateSurfaces;
    if (watch->driver->vaCreateSurfaces2)
        watch->seen.vaCreateSurfaces2 = watch_vaCreateSurfaces2;
    watch->seen.vaCreateBuffer = watch_vaCreateBuffer;
    watch->seen.vaBeginPicture = watch_vaBeginPicture;
    watch->seen.vaRenderPicture = watch_vaRenderPicture;
    watch->seen.vaEndPicture = watch_vaEndPicture;
    watch->context->vtable = &watch->seen;
    return watch;
}

void vaapi_watch_end(struct vaapi_watch *watch)
{
    if (!watch)
        return;
    watch->context->vtable = watch->driver; /* libva frees it */
    memory_release(watch);
}
