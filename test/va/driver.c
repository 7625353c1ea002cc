/* SPDX-License-Identifier: MIT */
#include "driver.h"

#include <dirent.h>
#include <drm_fourcc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <va/va_drmcommon.h>

#define JOIN(a, b) a##b
#define MEMFD "/memfd:" MEMORY_NAME
#define DMA_BUF "/dmabuf:" MEMORY_NAME
#define INIT_NAME(minor) JOIN(__vaDriverInit_1_, minor)

/* libva looks for the name of its own version, then for older ones */
VAStatus INIT_NAME(VA_MINOR_VERSION)(VADriverContextP context)
    __attribute__((visibility("default")));

static VAStatus refuse(VADriverContextP context)
{
    (void)context;
    return VA_STATUS_ERROR_UNIMPLEMENTED;
}

/* What libva wants or calls unasked; the calling conventions of the machines that have VA-API let a
 * function take fewer arguments than it is given */
static void refuse_the_rest(struct VADriverVTable *table)
{
    static const size_t refused[] = {
        offsetof(struct VADriverVTable, vaQuerySurfaceError),
        offsetof(struct VADriverVTable, vaPutSurface),
        offsetof(struct VADriverVTable, vaSetImagePalette),
        offsetof(struct VADriverVTable, vaCreateSubpicture),
        offsetof(struct VADriverVTable, vaDestroySubpicture),
        offsetof(struct VADriverVTable, vaSetSubpictureImage),
        offsetof(struct VADriverVTable, vaSetSubpictureChromakey),
        offsetof(struct VADriverVTable, vaSetSubpictureGlobalAlpha),
        offsetof(struct VADriverVTable, vaAssociateSubpicture),
        offsetof(struct VADriverVTable, vaDeassociateSubpicture),
        offsetof(struct VADriverVTable, vaGetDisplayAttributes),
        offsetof(struct VADriverVTable, vaSetDisplayAttributes),
        offsetof(struct VADriverVTable, vaLockSurface),
        offsetof(struct VADriverVTable, vaUnlockSurface),
        offsetof(struct VADriverVTable, vaAcquireBufferHandle),
        offsetof(struct VADriverVTable, vaReleaseBufferHandle),
    };
    VAStatus (*function)(VADriverContextP) = refuse;

    for (unsigned i = 0; i < sizeof(refused) / sizeof(*refused); i++)
        memcpy((char *)table + refused[i], &function, sizeof(function));
}

static int card_of(VADriverContextP context)
{
    const struct drm_state *state = context->drm_state;

    return state && state->fd > STDERR_FILENO ? state->fd : -1;
}

static void read_settings(struct driver *driver)
{
    const char *modifier = getenv("LIMEF_TEST_VA_MODIFIER");
    const char *n_objects = getenv("LIMEF_TEST_VA_OBJECTS");
    const char *fourcc = getenv("LIMEF_TEST_VA_FOURCC");

    driver->is_late = getenv("LIMEF_TEST_VA_LATE") != NULL;
    if (getenv("LIMEF_TEST_VA_WRONG"))
        driver->wrong_from = strtoul(getenv("LIMEF_TEST_VA_WRONG"), NULL, 10);
    driver->modifier = modifier ? strtoull(modifier, NULL, 0) : DRM_FORMAT_MOD_LINEAR;
    if (fourcc && strlen(fourcc) == 4)
        driver->fourcc = VA_FOURCC(fourcc[0], fourcc[1], fourcc[2], fourcc[3]);
    driver->n_objects = n_objects && !strcmp(n_objects, "2") ? 2 : 1;
}

VAStatus INIT_NAME(VA_MINOR_VERSION)(VADriverContextP context)
{
    struct driver *driver;

    if (!fault_init())
        return VA_STATUS_ERROR_INVALID_VALUE;
    driver = calloc(1, sizeof(*driver));
    if (!driver)
        return VA_STATUS_ERROR_ALLOCATION_FAILED;
    pthread_mutex_init(&driver->objects.lock, NULL);
    pthread_mutex_init(&driver->pixels, NULL);
    driver->card_fd = card_of(context);
    read_settings(driver);
    context->pDriverData = driver;
    context->version_major = VA_MAJOR_VERSION;
    context->version_minor = VA_MINOR_VERSION;
    context->max_profiles = 16;
    context->max_entrypoints = 1;
    context->max_attributes = 8;
    context->max_image_formats = 4;
    context->max_subpic_formats = 1;
    context->max_display_attributes = 1;
    context->str_vendor = "limef test driver, decodes in software";
#define VA_CALL(name, function) context->vtable->name = function;
    VA_CALLS(VA_CALL)
#undef VA_CALL
    refuse_the_rest(context->vtable);
    return VA_STATUS_SUCCESS;
}

/* Descriptors of surfaces that this process still has, whoever they were exported to. */
static unsigned count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    unsigned n = 0;
    struct dirent *entry;

    while (folder && (entry = readdir(folder))) {
        char target[256];
        ssize_t size = readlinkat(dirfd(folder), entry->d_name, target, sizeof(target) - 1);

        target[size > 0 ? size : 0] = '\0';
        n += !strncmp(target, MEMFD, strlen(MEMFD)) || !strncmp(target, DMA_BUF, strlen(DMA_BUF));
    }
    if (folder)
        closedir(folder);
    return n;
}

static void report(const struct driver *driver, const unsigned long *n_live)
{
    static const char *const kinds[N_OBJECT_KINDS] = {"configs", "surfaces", "contexts", "buffers",
                                                      "images"};
    const char *path = getenv("LIMEF_TEST_VA_REPORT");
    FILE *file = path ? fopen(path, "ae") : NULL;

    if (!file)
        return;
    for (unsigned kind = 0; kind < N_OBJECT_KINDS; kind++)
        fprintf(file, "%s=%lu/%lu ", kinds[kind], n_live[kind], driver->objects.n_made[kind]);
    fprintf(file, "descriptors=%u pictures=%lu undecoded=%lu\n", count_descriptors(),
            driver->n_pictures, driver->n_undecoded);
    fclose(file);
}

static void free_all(struct driver *driver)
{
    struct objects *objects = &driver->objects;
    void *object;

    while ((object = objects_take_any(objects, OBJECT_IMAGE)))
        image_free(object);
    while ((object = objects_take_any(objects, OBJECT_BUFFER)))
        buffer_free(object);
    while ((object = objects_take_any(objects, OBJECT_CONTEXT)))
        context_free(object);
    while ((object = objects_take_any(objects, OBJECT_SURFACE)))
        surface_free(object);
    while ((object = objects_take_any(objects, OBJECT_CONFIG)))
        config_free(object);
    free(objects->slots);
    pthread_mutex_destroy(&objects->lock);
}

/* Ends the display also where an error is commanded: libva unloads the driver in any case. */
VAStatus driver_terminate(VADriverContextP context)
{
    VAStatus status = fault(CALL_vaTerminate);
    struct driver *driver = driver_of(context);
    unsigned long n_live[N_OBJECT_KINDS];

    memcpy(n_live, driver->objects.n_live, sizeof(n_live));
    free_all(driver);
    report(driver, n_live);
    pthread_mutex_destroy(&driver->pixels);
    free(driver);
    context->pDriverData = NULL;
    return status;
}

VAStatus driver_query_subpicture_formats(VADriverContextP context, VAImageFormat *formats,
                                         unsigned *flags, unsigned *n_formats)
{
    (void)context;
    (void)formats;
    (void)flags;
    CALLED(vaQuerySubpictureFormats);
    *n_formats = 0;
    return VA_STATUS_SUCCESS;
}

VAStatus driver_query_display_attributes(VADriverContextP context, VADisplayAttribute *attributes,
                                         int *n_attributes)
{
    (void)context;
    (void)attributes;
    CALLED(vaQueryDisplayAttributes);
    *n_attributes = 0;
    return VA_STATUS_SUCCESS;
}
