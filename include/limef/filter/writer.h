/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Writes the packets of one slot into a file, through libavformat, and passes
 * everything on as it is.
 *
 * The file begins when the codec frames of its tracks are known and, where there
 * is video, at a key frame. END, STOP and clear finish it. What the codec frames
 * say cannot change inside a file: that finishes it too, and the next one begins.
 */
#ifndef LIMEF_FILTER_WRITER_H
#define LIMEF_FILTER_WRITER_H

#include <limef/filter/codecs.h>

LIMEF_BEGIN_DECLS

struct AVFormatContext;
struct AVPacket;

/** What to write, and where. All-zero but path is sane. */
struct limef_writer_settings {
    /** A file, or a URL that libavformat can write to. "cam-%n.mkv": %n is the number of the file,
     *  from 001; without it there is only one. Borrowed; must outlive the filter */
    const char *path;
    const char *format; /**< libavformat's name of the container, "matroska"; borrowed; must outlive
                             the filter. NULL: by the end of path */
    const char *options; /**< for the container, "key=value:key=value"; borrowed likewise. NULL:
                              none */
    unsigned
        n_tracks; /**< wait for the codec frames of so many; 0: those before the first packet */
};

/** What it has done so far. */
struct limef_writer_counters {
    uint64_t n_packets; /**< written */
    uint64_t n_bytes;   /**< in them */
    uint64_t n_files;   /**< begun */
    uint64_t n_waited;  /**< packets before the file could begin, and behind a hole before a key */
    uint64_t n_ignored; /**< packets of another slot, or of a track that came too late, and frames
                            that are not encoded */
    uint64_t n_errors;  /**< packets that were not written, and files not finished; said once */
    uint64_t n_times_fixed; /**< packets without a decoding time, or not later than the last one */
};

/** One track of the file. */
struct limef_writer_track {
    bool in_file, has_dts;
    bool is_after_gap;   /**< nothing up to its next key frame can be decoded */
    int64_t last_dts;    /**< in the container's units */
    int64_t next_dts_us; /**< stream time that follows it */
};

/** Memory of a writer; kind "writer". All-zero and limef_writer_filter_init(). */
struct limef_writer_filter {
    struct limef_filter filter;
    struct limef_writer_settings settings;

    /* the thread that runs it */
    struct AVFormatContext *format; /**< NULL: no file is open */
    struct AVPacket *shell;         /**< borrows a frame's bytes for one call */
    struct limef_codecs codecs;
    struct limef_writer_track tracks[LIMEF_MAX_TRACKS];
    int64_t origin_us;                   /**< stream time that is 0 in the file */
    int64_t end_us;                      /**< where the file ends so far */
    int64_t deadline_us;                 /**< of the call of libavformat that runs */
    bool anew, failed, has_slot;         /**< times begin anew; no more packets into this file */
    bool said_slot, said_late, said_raw; /**< why something was ignored */
    uint32_t slot;

    /* written by the thread that runs it, read by any */
    LIMEF_ATOMIC(uint64_t) n_packets, n_bytes, n_files, n_waited, n_ignored, n_errors;
    LIMEF_ATOMIC(uint64_t) n_times_fixed;
};

/**
 * Makes a writer; opens nothing before the first packet.
 *
 * @param writer    written; must be all-zero.
 * @param name      as limef_filter_init().
 * @param settings  copied; what it points to is borrowed and must outlive the filter.
 * @return 0; AVERROR(EINVAL): no path, no such container, or options that are not
 *         "key=value:key=value"; AVERROR(ENOMEM). Logged.
 * Thread: the controlling one
 */
LIMEF_API int limef_writer_filter_init(struct limef_writer_filter *writer, const char *name,
                                       const struct limef_writer_settings *settings);

/**
 * Reads the counters.
 *
 * @param counters  written.
 * Thread: any
 */
LIMEF_API void limef_writer_get_counters(const struct limef_writer_filter *writer,
                                         struct limef_writer_counters *counters);

LIMEF_END_DECLS

#endif
