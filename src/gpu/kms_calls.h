/* SPDX-License-Identifier: MIT */
/*
 * The functions of libdrm and libgbm that the KMS output calls, in one table,
 * so that a test can take the place of a device, or let one call fail.
 */
#ifndef LIMEF_SRC_GPU_KMS_CALLS_H
#define LIMEF_SRC_GPU_KMS_CALLS_H

#include <gbm.h>
#include <stdbool.h>
#include <stdint.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#define KMS_CALLS(X)                                                                               \
    X(int, drmSetClientCap, (int, uint64_t, uint64_t))                                             \
    X(int, drmGetCap, (int, uint64_t, uint64_t *))                                                 \
    X(int, drmIsMaster, (int))                                                                     \
    X(int, drmSetMaster, (int))                                                                    \
    X(int, drmDropMaster, (int))                                                                   \
    X(int, drmGetMagic, (int, drm_magic_t *))                                                      \
    X(int, drmAuthMagic, (int, drm_magic_t))                                                       \
    X(int, drmIoctl, (int, unsigned long, void *))                                                 \
    X(int, drmHandleEvent, (int, drmEventContextPtr))                                              \
    X(int, drmPrimeFDToHandle, (int, int, uint32_t *))                                             \
    X(int, drmCloseBufferHandle, (int, uint32_t))                                                  \
    X(drmModeResPtr, drmModeGetResources, (int))                                                   \
    X(void, drmModeFreeResources, (drmModeResPtr))                                                 \
    X(drmModeConnectorPtr, drmModeGetConnector, (int, uint32_t))                                   \
    X(void, drmModeFreeConnector, (drmModeConnectorPtr))                                           \
    X(drmModeEncoderPtr, drmModeGetEncoder, (int, uint32_t))                                       \
    X(void, drmModeFreeEncoder, (drmModeEncoderPtr))                                               \
    X(drmModeCrtcPtr, drmModeGetCrtc, (int, uint32_t))                                             \
    X(void, drmModeFreeCrtc, (drmModeCrtcPtr))                                                     \
    X(int, drmModeSetCrtc,                                                                         \
      (int, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t *, int, drmModeModeInfoPtr))          \
    X(drmModePlaneResPtr, drmModeGetPlaneResources, (int))                                         \
    X(void, drmModeFreePlaneResources, (drmModePlaneResPtr))                                       \
    X(drmModePlanePtr, drmModeGetPlane, (int, uint32_t))                                           \
    X(void, drmModeFreePlane, (drmModePlanePtr))                                                   \
    X(drmModeObjectPropertiesPtr, drmModeObjectGetProperties, (int, uint32_t, uint32_t))           \
    X(void, drmModeFreeObjectProperties, (drmModeObjectPropertiesPtr))                             \
    X(drmModePropertyPtr, drmModeGetProperty, (int, uint32_t))                                     \
    X(void, drmModeFreeProperty, (drmModePropertyPtr))                                             \
    X(drmModePropertyBlobPtr, drmModeGetPropertyBlob, (int, uint32_t))                             \
    X(void, drmModeFreePropertyBlob, (drmModePropertyBlobPtr))                                     \
    X(int, drmModeCreatePropertyBlob, (int, const void *, size_t, uint32_t *))                     \
    X(int, drmModeDestroyPropertyBlob, (int, uint32_t))                                            \
    X(bool, drmModeFormatModifierBlobIterNext,                                                     \
      (const drmModePropertyBlobRes *, drmModeFormatModifierIterator *))                           \
    X(int, drmModeAddFB2WithModifiers,                                                             \
      (int, uint32_t, uint32_t, uint32_t, const uint32_t[4], const uint32_t[4], const uint32_t[4], \
       const uint64_t[4], uint32_t *, uint32_t))                                                   \
    X(int, drmModeRmFB, (int, uint32_t))                                                           \
    X(struct gbm_device *, gbm_create_device, (int))                                               \
    X(void, gbm_device_destroy, (struct gbm_device *))                                             \
    X(struct gbm_surface *, gbm_surface_create,                                                    \
      (struct gbm_device *, uint32_t, uint32_t, uint32_t, uint32_t))                               \
    X(struct gbm_surface *, gbm_surface_create_with_modifiers,                                     \
      (struct gbm_device *, uint32_t, uint32_t, uint32_t, const uint64_t *, const unsigned))       \
    X(void, gbm_surface_destroy, (struct gbm_surface *))                                           \
    X(struct gbm_bo *, gbm_surface_lock_front_buffer, (struct gbm_surface *))                      \
    X(void, gbm_surface_release_buffer, (struct gbm_surface *, struct gbm_bo *))                   \
    X(int, gbm_bo_get_fd, (struct gbm_bo *))                                                       \
    X(int, gbm_bo_get_plane_count, (struct gbm_bo *))                                              \
    X(uint32_t, gbm_bo_get_offset, (struct gbm_bo *, int))                                         \
    X(uint32_t, gbm_bo_get_stride_for_plane, (struct gbm_bo *, int))                               \
    X(uint64_t, gbm_bo_get_modifier, (struct gbm_bo *))                                            \
    X(void, gbm_bo_set_user_data, (struct gbm_bo *, void *, void (*)(struct gbm_bo *, void *)))

struct kms_calls {
#define KMS_CALL_MEMBER(result, name, arguments) result(*name) arguments;
    KMS_CALLS(KMS_CALL_MEMBER)
#undef KMS_CALL_MEMBER
};

/* The libraries' own. */
extern const struct kms_calls kms_calls_of_libraries;

#endif
