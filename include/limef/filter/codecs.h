/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What it takes to join a stream that runs already: the latest codec frame of
 * each track, and whether a frame is one to begin with. Part of the filters
 * that let others join: split, switch, gate.
 */
#ifndef LIMEF_FILTER_CODECS_H
#define LIMEF_FILTER_CODECS_H

#include <limef/filter/filter.h>
#include <limef/filter/tracks.h>

LIMEF_BEGIN_DECLS

struct limef_pool;

/** All-zero is empty. */
struct limef_codecs {
    struct limef_tracks tracks; /**< whose codec frames were kept */
    struct limef_codec_frame
        frames[LIMEF_MAX_TRACKS]; /**< the latest of each; one reference each */
    struct limef_pool *pool; /**< for parameters that nobody counts, made when first met; owned */
    bool has_video;          /**< a codec frame or media of a video track was met */
};

/**
 * Looks at a frame that goes by. A codec frame is kept, by reference; parameters that nobody
 * counts are copied, and the bytes added to `owner`'s copied_bytes.
 *
 * @param owner  whose codecs these are: named in the log.
 * @param frame  borrowed.
 * @return 0; AVERROR(ENOSPC): more tracks than LIMEF_MAX_TRACKS; AVERROR(ENOMEM). In both cases
 *         the frame is not kept, and that is logged.
 * Thread: the filter's
 */
LIMEF_API int limef_codecs_keep(struct limef_codecs *codecs, struct limef_filter *owner,
                                const struct limef_frame *frame);

/**
 * Gives what was kept to a filter, in the order in which the tracks were first met.
 *
 * @return 0, or the first error of `to`.
 * Thread: the filter's
 */
LIMEF_API int limef_codecs_go(const struct limef_codecs *codecs, struct limef_filter *to);

/**
 * Whether one who joins can begin with this frame: a video packet that is a key frame, any
 * decoded picture; samples and audio packets where no video was met.
 *
 * Thread: the filter's
 */
LIMEF_API bool limef_codecs_can_start(const struct limef_codecs *codecs,
                                      const struct limef_frame *frame);

/** Releases what was kept; all-zero afterwards. Thread: the filter's, or the controlling one */
LIMEF_API void limef_codecs_clear(struct limef_codecs *codecs);

LIMEF_END_DECLS

#endif
