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

struct AVFrame;

/** Planes at most. */
#define LIMEF_HARDWARE_MAX_PLANES 4

/** One plane. */
struct limef_hardware_plane {
    int fd;                /**< the dma-buf it lies in; several planes may share one; borrowed */
    uint32_t offset_bytes; /**< of its first row */
    uint32_t pitch_bytes;  /**< from row to row, as the modifier defines it */
    uint64_t inode;        /**< of fd: names the buffer for as long as anybody has it */
};

/** A picture in buffers of the kernel. All-zero: none. */
struct limef_hardware_frame {
    uint32_t fourcc; /**< DRM_FORMAT_... of the whole picture: NV12, P010, YUV420, XRGB8888, ... */
    uint64_t modifier; /**< DRM_FORMAT_MOD_...: how rows lie in memory */
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
 * Describes a picture in VA-API or DRM-PRIME format. The surface of a VA-API
 * picture is exported once, the first time; it is waited for until it is
 * decoded.
 *
 * @param hardware  written; valid as long as the picture's reference is kept.
 * @param picture   borrowed.
 * @return 0; AVERROR(ENOSYS): a picture in ordinary memory, or this build has no VA-API (not
 *         logged); AVERROR(EINVAL): a layout that this description cannot say; AVERROR(EIO): the
 *         driver refuses (logged).
 * Thread: any; one at a time for pictures of one decoder
 */
LIMEF_API int limef_hardware_frame_map(struct limef_hardware_frame *hardware,
                                       const struct AVFrame *picture);

/**
 * Whether a picture is one that limef_hardware_frame_map() describes.
 *
 * Thread: any
 */
LIMEF_API bool limef_hardware_is(const struct AVFrame *picture);

LIMEF_END_DECLS

#endif
