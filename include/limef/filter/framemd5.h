/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A checksum of each decoded picture: the last column of `ffmpeg -f framemd5`.
 */
#ifndef LIMEF_FILTER_FRAMEMD5_H
#define LIMEF_FILTER_FRAMEMD5_H

#include <limef/filter/filter.h>

#include <stdio.h>

LIMEF_BEGIN_DECLS

struct AVFrame;
struct AVMD5;

/**
 * Gets each checksum.
 *
 * @param frame       the picture's header; borrowed.
 * @param size_bytes  of the visible pixels (and of the palette, if there is one).
 * @param md5         32 hexadecimal digits, terminated; borrowed.
 * Thread: the filter's
 */
typedef void limef_framemd5_fn(void *context, const struct limef_frame *frame, size_t size_bytes,
                               const char *md5);

/** Kind "framemd5". As static data: `.filter = LIMEF_FILTER(&limef_framemd5_ops, "framemd5",
 * NULL)`. */
struct limef_framemd5_filter {
    struct limef_filter filter;
    limef_framemd5_fn *sink; /**< who gets the checksums; NULL: file */
    void *context;           /**< the sink's; borrowed; must outlive the filter */
    FILE *file; /**< gets a line "slot, pts_us, size_bytes, md5" for each picture, NOPTS for an
                     unknown time; borrowed; must outlive the filter. NULL: nobody */

    struct AVMD5 *md5;      /**< made at the first picture; owned */
    struct AVFrame *mapped; /**< a hardware picture while it is read in place; owned */
    struct AVFrame *memory; /**< of hardware pictures that cannot be read in place; owned */
    LIMEF_ATOMIC(uint64_t) n_skipped; /**< pictures whose pixels could not be read */
};

/**
 * The type. Pictures are summed plane by plane without padding, in the pixel format they were
 * decoded to; audio and what is not decoded just passes. All frames are passed on, first; what
 * is behind may refuse a picture with AVERROR(EAGAIN): it is summed when it comes again.
 * A hardware picture is read where it is, or where the driver does not let one, in a copy that
 * limef_filter.copied_bytes counts; its format is that of the surface, NV12 mostly. What cannot be
 * read is counted as skipped and logged once; AVERROR(ENOMEM) if there is no memory for the
 * summing.
 */
extern LIMEF_API const struct limef_filter_ops limef_framemd5_ops;

/**
 * @param framemd5  written; must be all-zero.
 * @param sink, context, file  as the members.
 * Thread: the controlling one
 */
LIMEF_API void limef_framemd5_filter_init(struct limef_framemd5_filter *framemd5, const char *name,
                                          limef_framemd5_fn *sink, void *context, FILE *file);

/** How many pictures could not be summed. Thread: any */
LIMEF_API uint64_t limef_framemd5_n_skipped(const struct limef_framemd5_filter *framemd5);

LIMEF_END_DECLS

#endif
