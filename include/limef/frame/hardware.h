/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What a picture that lies in a buffer of the kernel looks like to those who
 * read it without a CPU: one description for VA-API surfaces and for DRM-PRIME
 * frames of any decoder (V4L2, MPP). EGL imports it, a KMS plane shows it, a
 * socket hands it to another process.
 *
 * Nothing is copied and nothing is owned: descriptors belong to the picture's
 * surface and stay open as long as somebody has a reference to the picture.
 */
#ifndef LIMEF_FRAME_HARDWARE_H
#define LIMEF_FRAME_HARDWARE_H

#include <limef/base/api.h>

LIMEF_BEGIN_DECLS

struct AVBufferRef;
struct AVFrame;

/** Planes at most. */
#define LIMEF_HARDWARE_MAX_PLANES 4

/** One plane. */
struct limef_hardware_plane {
    int fd;                /**< the dma-buf it lies in; several planes may share one; borrowed */
    uint32_t offset_bytes; /**< of its first row */
    uint32_t pitch_bytes;  /**< from row to row, as the modifier defines it */
    uint64_t inode;        /**< of fd: names the buffer for as long as anybody has it. 0: the kernel
                                does not tell buffers apart, before Linux 5.3 */
};

/** A picture in buffers of the kernel. All-zero: none. */
struct limef_hardware_frame {
    uint32_t fourcc; /**< DRM_FORMAT_... of the whole picture: NV12, P010, YUV420, XRGB8888, ... */
    uint64_t modifier; /**< DRM_FORMAT_MOD_...: how rows lie in memory */
    uint64_t device;   /**< with DRM_FORMAT_MOD_INVALID: whose driver alone knows how rows lie, as
                              the inode of its folder in sysfs; 0: not known, or modifier says it */
    int x, y;          /**< the first pixel to be shown, in what planes describe; 0, 0 where
                              rows are linear, and in almost all streams */
    int width, height; /**< pixels to be shown; what is allocated may be larger */
    unsigned n_planes;
    struct limef_hardware_plane planes[LIMEF_HARDWARE_MAX_PLANES];
    int fence_fd;        /**< a sync_file that is signalled when it is written; borrowed. -1: it is
                              written, or the buffer has an implicit fence */
    int color_space;     /**< enum AVColorSpace */
    int color_range;     /**< enum AVColorRange */
    int chroma_location; /**< enum AVChromaLocation */
};

/**
 * Describes a picture in VA-API or DRM-PRIME format. A VA-API surface is
 * exported once, the first time, its descriptors stay open as long as the
 * surface lives; the first time for each picture it is waited for until it is
 * decoded. Later calls for the same picture look it up.
 *
 * @param hardware  written; valid as long as the picture's reference is kept.
 * @param picture   borrowed.
 * @return 0; AVERROR(ENOSYS): a picture in ordinary memory, or this build has no VA-API (not
 *         logged); AVERROR(EINVAL): a layout that this description cannot say; AVERROR(EIO): the
 *         driver refuses, or the picture could not be decoded (logged; the decoder hears of it).
 * Thread: any
 */
LIMEF_API int limef_hardware_frame_map(struct limef_hardware_frame *hardware,
                                       const struct AVFrame *picture);

/**
 * Whether a picture is one that limef_hardware_frame_map() describes.
 *
 * Thread: any
 */
LIMEF_API bool limef_hardware_is(const struct AVFrame *picture);

/**
 * Opens hardware that decodes: VA-API on a DRM node. It has proved itself: where it knows H.264,
 * it decoded a picture and the pixels were right.
 *
 * @param device  written: a reference to an AVHWDeviceContext, the caller's to av_buffer_unref(),
 *                for limef_decode_settings.hardware. NULL if this fails.
 * @param node    "/dev/dri/renderD128"; NULL: what the environment variable LIMEF_VAAPI_DEVICE
 *                names, or if there is none the first render node that works.
 * @return 0; AVERROR(ENODEV): there is no such device (not logged if none was named);
 *         AVERROR(ENOSYS): this build has no VA-API; AVERROR(EIO): the driver does not work or
 *         decodes wrongly (logged); AVERROR(ENOMEM).
 * Thread: any
 */
LIMEF_API int limef_hardware_device_open(struct AVBufferRef **device, const char *node);

/**
 * Looks for libavcodec's decoders around those of the system, of V4L2 and of Rockchip's MPP: they
 * exist, there is a device, and the one for H.264 decodes a picture rightly.
 *
 * @param wanted  "v4l2m2m" or "rkmpp": no other, and whether or not a device is where it is looked
 *                for; NULL: the first that works.
 * @return for limef_decode_settings.wrapper; lives forever. NULL: none works.
 * Thread: any
 */
LIMEF_API const char *limef_hardware_wrapper_find(const char *wanted);

/**
 * What a device is called, for people: "VA-API on /dev/dri/renderD128 (the driver's own words)".
 *
 * @return a string that lives as long as the device.
 * Thread: any
 */
LIMEF_API const char *limef_hardware_device_name(const struct AVBufferRef *device);

LIMEF_END_DECLS

#endif
