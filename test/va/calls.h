/* SPDX-License-Identifier: MIT */
/*
 * The functions of VA-API that the driver has, by the names they have in libva's
 * table and in commands (fault.h). Declares each with the type the table wants.
 */
#ifndef LIMEF_TEST_VA_CALLS_H
#define LIMEF_TEST_VA_CALLS_H

#include <va/va_backend.h>

#define VA_CALLS(X)                                                                                \
    X(vaTerminate, driver_terminate)                                                               \
    X(vaQueryConfigProfiles, config_query_profiles)                                                \
    X(vaQueryConfigEntrypoints, config_query_entrypoints)                                          \
    X(vaGetConfigAttributes, config_get_attributes)                                                \
    X(vaCreateConfig, config_create)                                                               \
    X(vaDestroyConfig, config_destroy)                                                             \
    X(vaQueryConfigAttributes, config_query_attributes)                                            \
    X(vaQuerySurfaceAttributes, config_query_surface_attributes)                                   \
    X(vaCreateSurfaces, surfaces_create)                                                           \
    X(vaCreateSurfaces2, surfaces_create2)                                                         \
    X(vaDestroySurfaces, surfaces_destroy)                                                         \
    X(vaSyncSurface, surface_sync)                                                                 \
    X(vaSyncSurface2, surface_sync2)                                                               \
    X(vaQuerySurfaceStatus, surface_query_status)                                                  \
    X(vaExportSurfaceHandle, surface_export)                                                       \
    X(vaCreateContext, context_create)                                                             \
    X(vaDestroyContext, context_destroy)                                                           \
    X(vaBeginPicture, context_begin_picture)                                                       \
    X(vaRenderPicture, context_render_picture)                                                     \
    X(vaEndPicture, context_end_picture)                                                           \
    X(vaCreateBuffer, buffer_create)                                                               \
    X(vaBufferSetNumElements, buffer_set_num_elements)                                             \
    X(vaMapBuffer, buffer_map)                                                                     \
    X(vaUnmapBuffer, buffer_unmap)                                                                 \
    X(vaBufferInfo, buffer_info)                                                                   \
    X(vaDestroyBuffer, buffer_destroy)                                                             \
    X(vaQueryImageFormats, image_query_formats)                                                    \
    X(vaCreateImage, image_create)                                                                 \
    X(vaDeriveImage, image_derive)                                                                 \
    X(vaDestroyImage, image_destroy)                                                               \
    X(vaGetImage, image_get)                                                                       \
    X(vaPutImage, image_put)                                                                       \
    X(vaQuerySubpictureFormats, driver_query_subpicture_formats)                                   \
    X(vaQueryDisplayAttributes, driver_query_display_attributes)

enum call {
#define VA_CALL(name, function) CALL_##name,
    VA_CALLS(VA_CALL)
#undef VA_CALL
        N_CALLS
};

#define VA_CALL(name, function) extern __typeof__(*((struct VADriverVTable *)0)->name) function;
VA_CALLS(VA_CALL)
#undef VA_CALL

#endif
