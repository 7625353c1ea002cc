/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What an export and its readers say to each other: doc/export.md. For programs
 * that read pictures and need nothing else of this library: the header depends
 * on stdint.h alone, and may be copied.
 *
 * A unix socket of type SOCK_SEQPACKET; a packet is one message, whole. All
 * numbers are little-endian, and where C puts them without padding.
 */
#ifndef LIMEF_FILTER_EXPORT_PROTOCOL_H
#define LIMEF_FILTER_EXPORT_PROTOCOL_H

#include <stdint.h>

/** limef_export_hello.magic and limef_export_subscribe.magic; without a NUL. */
#define LIMEF_EXPORT_MAGIC "limefexp"

/** Another number: another protocol. */
#define LIMEF_EXPORT_VERSION 1

/** A time that is not known. */
#define LIMEF_EXPORT_NO_TIME INT64_MIN

/** Planes, and descriptors that come with a picture, at most. */
#define LIMEF_EXPORT_MAX_PLANES 4
#define LIMEF_EXPORT_MAX_FDS 5

/** limef_export_header.type. The comment says who sends it. */
enum limef_export_message {
    LIMEF_EXPORT_HELLO = 1,     /**< the export, at once: struct limef_export_hello */
    LIMEF_EXPORT_SUBSCRIBE = 2, /**< the reader, within 5 s: struct limef_export_subscribe */
    LIMEF_EXPORT_FRAME = 3,     /**< the export: struct limef_export_frame, with descriptors */
    LIMEF_EXPORT_NEXT = 4,      /**< a reader of the latest: struct limef_export_header alone */
    LIMEF_EXPORT_RELEASE = 5,   /**< the reader: struct limef_export_release */
    LIMEF_EXPORT_GOODBYE = 6,   /**< the export; nothing follows: struct limef_export_goodbye. A
                                   reader   that has had enough closes its socket */
};

/** limef_export_subscribe.mode */
enum limef_export_mode {
    LIMEF_EXPORT_LATEST = 1, /**< each NEXT is answered by the newest picture there is */
    LIMEF_EXPORT_QUEUED = 2, /**< all pictures, as long as fewer than depth are not released */
};

/** limef_export_frame.kind, and bits of limef_export_subscribe.takes */
enum limef_export_kind {
    LIMEF_EXPORT_MEMORY = 1, /**< memfd: to be mapped, read only */
    LIMEF_EXPORT_DMABUF = 2, /**< dma-buf, to be imported; mapped only if modifier is 0, linear */
};

/** limef_export_goodbye.reason */
enum limef_export_reason {
    LIMEF_EXPORT_OVER = 0,        /**< the export ends */
    LIMEF_EXPORT_BAD_MESSAGE = 1, /**< a message that does not exist, or not now */
    LIMEF_EXPORT_BAD_VERSION = 2, /**< of the reader */
    LIMEF_EXPORT_TOO_MANY = 3,    /**< readers are connected already */
    LIMEF_EXPORT_TOO_LATE = 4,    /**< SUBSCRIBE did not come */
};

/** How each message begins. */
struct limef_export_header {
    uint32_t type;  /**< enum limef_export_message */
    uint32_t bytes; /**< of the message, this included */
};

/** What is offered. 64 bytes. */
struct limef_export_hello {
    struct limef_export_header header;
    char magic[8];
    uint32_t version;
    uint32_t max_depth; /**< pictures that a reader may have and not have released */
    uint32_t fourcc;    /**< of the last picture, as in the frame; 0: none, or unknown */
    uint32_t width, height;
    uint32_t reserved;
    char format[24]; /**< of the last picture, as in the frame */
};

/** What is wanted. 32 bytes. */
struct limef_export_subscribe {
    struct limef_export_header header;
    char magic[8];
    uint32_t version;
    uint32_t mode;  /**< enum limef_export_mode */
    uint32_t depth; /**< pictures it means to have at a time; cut to max_depth, and
                        so is 0 */
    uint32_t takes; /**< enum limef_export_kind, or-ed; MEMORY always is; DMABUF is preferred */
};

/** Where a plane lies. 24 bytes. */
struct limef_export_plane {
    uint32_t fd;           /**< which of the descriptors of the message, from 0 */
    uint32_t offset_bytes; /**< of its first row */
    uint32_t pitch_bytes;  /**< from row to row */
    uint32_t row_bytes;    /**< of each row that are pixels; 0: unknown */
    uint32_t rows;         /**< 0: unknown */
    uint32_t reserved;
};

/** A picture. 256 bytes, with n_fds descriptors as SCM_RIGHTS. */
struct limef_export_frame {
    struct limef_export_header header;
    uint64_t sequence;      /**< of all pictures, from 1: names it in RELEASE */
    uint64_t n_missed;      /**< pictures between the last one that this reader got and this */
    int64_t pts_us;         /**< time in the stream; LIMEF_EXPORT_NO_TIME: unknown */
    int64_t duration_us;    /**< 0: unknown */
    int64_t wall_us;        /**< of its capture, since 1970; 0: unknown */
    int64_t entered_us;     /**< CLOCK_MONOTONIC when it entered the process; 0: unknown */
    uint64_t buffer;        /**< names the memory: the same as before, the same memory as before */
    uint64_t modifier;      /**< DRM_FORMAT_MOD_...; 0: linear */
    uint32_t slot;          /**< of the stream */
    uint32_t flags;         /**< enum limef_frame_flag, or-ed */
    uint32_t kind;          /**< enum limef_export_kind */
    uint32_t fourcc;        /**< DRM_FORMAT_...; 0: there is none for this format */
    uint32_t width, height; /**< pixels to be shown */
    uint32_t sar_num, sar_den; /**< shape of a pixel; 0: square */
    uint16_t rotation_degrees; /**< turn it clockwise by this to see it upright */
    uint16_t mirrored;         /**< 1: mirror left-right, after turning */
    uint32_t n_fds;
    uint32_t n_planes;
    uint8_t primaries, transfer, matrix; /**< ITU-T H.273; 2: unknown */
    uint8_t range;                       /**< 0: unknown, 1: limited, 2: full */
    uint8_t chroma_location; /**< 0: unknown, 1: left, 2: centre, 3: top left, 4: top, 5: bottom
                                  left, 6: bottom */
    uint8_t has_fence;       /**< the last descriptor is a sync_file: wait for it first */
    uint8_t reserved[6];
    char format[32]; /**< libavutil's name of the pixel format, "yuv420p"; of a hardware picture,
                          what is in it */
    struct limef_export_plane planes[LIMEF_EXPORT_MAX_PLANES];
};

/** A picture is not looked at any more. 16 bytes. */
struct limef_export_release {
    struct limef_export_header header;
    uint64_t sequence;
};

/** The last message. 16 bytes. */
struct limef_export_goodbye {
    struct limef_export_header header;
    uint32_t reason; /**< enum limef_export_reason */
    uint32_t reserved;
};

#endif
