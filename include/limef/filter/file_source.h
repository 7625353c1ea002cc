/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The file source: reads whatever libavformat opens, a file or a URL, and makes
 * packets of it. It opens on its own thread, at its first step, so that
 * starting it never blocks.
 *
 * What it passes on, in this order: START; a codec frame for each chosen track;
 * packets, as the container has them, but pictures and sound of a file in the order of
 * their times (see limef_file_source_set_sound_lead()): what lies too early in it is kept, up to
 * 1024 packets, 16 MiB and 5 s of a track, beyond which they come as they are; after a seek FLUSH;
 * at the end END. Times are the container's own: a file may start at 39 h.
 *
 * Signals that it takes: PLAY, PAUSE, SEEK, RATE, START, STOP; it passes all on.
 */
#ifndef LIMEF_FILTER_FILE_SOURCE_H
#define LIMEF_FILTER_FILE_SOURCE_H

#include <limef/thread/producer.h>

LIMEF_BEGIN_DECLS

struct AVFormatContext;
struct file_reader;

/** Plays as fast as it is read: limef_file_source_settings.pace. */
#define LIMEF_PACE_NATURAL 0
/** As fast as what is behind takes it. */
#define LIMEF_PACE_FASTEST (-1)

/** limef_file_source_settings.n_loops: again and again. */
#define LIMEF_LOOP_FOREVER UINT32_MAX

/** Tracks of a file that a source looks at; what comes after is ignored. */
#define LIMEF_FILE_MAX_TRACKS 64

/** What to play, and how. All-zero but url is sane. */
struct limef_file_source_settings {
    const char *url;        /**< borrowed; must outlive the source */
    const char *options;    /**< for libavformat, "key=value:key=value", as "rtsp_transport=tcp";
                                 "format=NAME" forces a demuxer. Borrowed; must outlive the source.
                                 NULL: none */
    uint32_t slot;          /**< of its frames */
    enum limef_media media; /**< LIMEF_MEDIA_NONE: video and audio, what there is of them;
                                 LIMEF_MEDIA_VIDEO, LIMEF_MEDIA_AUDIO: only that */
    int32_t pace;       /**< LIMEF_PACE_NATURAL, LIMEF_PACE_FASTEST, or thousandths of a picture a
                             second: 25000 for 25 fps. What is live is never paced */
    uint32_t n_loops;   /**< how often to play it again after the first time */
    int64_t start_us;   /**< where to start, from the file's beginning; exact; loops start here */
    int64_t timeout_us; /**< how long one call of libavformat may block; 0: 10 s; and how
                             long it may take to find the address of a server */
};

/** What a source has done so far. */
struct limef_file_source_counters {
    uint64_t n_packets;    /**< passed on */
    uint64_t n_bytes;      /**< in them */
    uint64_t n_refused;    /**< of them, those for which what is behind returned an error */
    uint64_t n_video;      /**< of them, those of the video track */
    uint64_t n_skipped;    /**< dropped: empty ones, what was kept when a seek or another track
                                came, and after a seek those before its key frame */
    uint64_t n_seeks;      /**< that succeeded */
    uint64_t n_loops;      /**< times it began again */
    uint64_t n_bad_times;  /**< of packets, taken for unknown: more than 1100 years from zero */
    uint64_t n_lost_names; /**< times that the name of a server was not found in time */
    uint64_t n_late;       /**< packets of pictures or sound that lie so far behind what goes with
                                them in the file that they come too late */
};

/** What goes on with one elementary stream. */
struct limef_file_track {
    bool chosen;
    bool described;     /**< its codec frame was passed on */
    bool discontinuous; /**< its next packet gets LIMEF_FRAME_DISCONTINUITY */
};

/** Memory of a file source; kind "file source". All-zero and limef_file_source_init(). */
struct limef_file_source {
    struct limef_source source;
    struct limef_file_source_settings settings;
    int video_wanted, audio_wanted; /**< number of the track among its kind, from 1; 0: the best */
    int64_t sound_lead_us;          /**< sound is passed on so much earlier than its pictures */

    /* the thread that runs it */
    struct AVFormatContext *format;
    struct limef_pool *packets;
    struct limef_pool *codecs;
    struct limef_payload *spare;      /**< an empty packet */
    struct limef_packet_frame packet; /**< read; not passed on yet, or the last one that was */
    struct limef_codec_frame codec;   /**< the last one that was passed on */
    struct limef_signal_frame signal; /**< the last one of its own */
    struct limef_file_track tracks[LIMEF_FILE_MAX_TRACKS];
    int video, audio; /**< tracks; -1: none */
    bool opened, ended, paused, waiting, live;
    bool is_unsaid;                   /**< nobody heard `signal` */
    struct file_reader *reader;       /**< of a file; NULL: none is open */
    struct limef_packet_frame *ahead; /**< read, and passed on when it is their turn, where there
                                           are pictures and sound; owned */
    unsigned n_ahead;
    unsigned n_as_they_came;    /**< the first of them: times jumped behind them */
    int64_t video_us, audio_us; /**< of the last packets that were read, to see such jumps */
    size_t ahead_bytes;         /**< in them */
    int64_t early_us;           /**< of what was passed on since it could wait no longer */
    int early_track;
    bool ends;       /**< nothing follows them */
    int64_t read_to; /**< where the last packet that was read ends in the file; -1: not known */
    int fd;          /**< of a pipe or device that the source polls, if has_fd */
    bool has_fd;
    bool disk_hangs;     /**< it was a file's disk that took longer */
    bool timed_out;      /**< the last blocking call took longer than it may */
    bool interrupted;    /**< a stop came in the middle of a call: it is opened anew then */
    int64_t deadline_us; /**< of the blocking call that runs */
    int64_t size_bytes;  /**< of the file when it was opened; 0 or negative: it has none */
    int64_t rate;        /**< in thousandths */

    /* pacing: stream time anchor_ts_us is due at anchor_us */
    bool anchored;
    int64_t anchor_us, anchor_ts_us, paced_ts_us;
    int64_t due_us; /**< of the packet that waits */
    int64_t n_pictures;

    /* looping: added to the container's times */
    int64_t offset_us;
    int64_t loop_us;           /**< where a pass begins, on the container's clock */
    int64_t end_us;            /**< where what was passed on ends */
    uint64_t n_packets_before; /**< n_packets when this pass began */

    /* seeking */
    bool seek_asked, seek_exact, seek_to_key;
    bool seek_known_key; /* the key frame at seek_us was read, and comes once more */
    uint32_t seek_serial;
    int64_t seek_us, sought_us;
    bool seek_under_way;   /* nothing of where it goes was passed on yet */
    int64_t resume_us;     /* where it goes on if it is opened anew, on the container's clock */
    int64_t sound_from_us; /* sound of this time and later passes before a key frame is found */
    int64_t sound_last_us; /* of what has passed so; LIMEF_NO_TIME: nothing */
    unsigned seek_tries, seek_skipped;

    /* written by the thread that runs it, read by any */
    LIMEF_ATOMIC(uint64_t) n_packets, n_bytes, n_refused, n_skipped, n_seeks, n_loops;
    LIMEF_ATOMIC(uint64_t) n_video, n_bad_times, n_lost_names, n_late;
    LIMEF_ATOMIC(int64_t) start_us, duration_us, position_us;
};

/**
 * Makes a source; opens nothing yet.
 *
 * @param file      written; must be all-zero.
 * @param name      as limef_filter_init().
 * @param settings  copied; what it points to is borrowed and must outlive the source.
 * @return 0; AVERROR(EINVAL): no URL; AVERROR(ENOMEM). Logged.
 * Thread: the controlling one
 */
LIMEF_API int limef_file_source_init(struct limef_file_source *file, const char *name,
                                     const struct limef_file_source_settings *settings);

/**
 * Chooses tracks instead of the best one of each kind.
 *
 * @param video  1 for the first video track, 2 for the second, ...; 0: the best one.
 * @param audio  likewise.
 *
 * Where there is no track of that number none of its kind is read, which is logged; if that leaves
 * nothing to play, the stream ends with AVERROR_STREAM_NOT_FOUND.
 * Thread: the controlling one, before the source's thread starts
 */
static inline void limef_file_source_choose(struct limef_file_source *file, int video, int audio)
{
    file->video_wanted = video;
    file->audio_wanted = audio;
}

/**
 * Has sound passed on ahead of the pictures that go with it. What pictures are waited for in keeps
 * the source from reading on, so without a lead no more sound waits to be heard than pictures wait
 * to be seen, which may be few: a decoder of pictures that stalls for longer is heard.
 *
 * @param lead_us  0 to 1 s; 0, as it is at first: none. Of LIMEF_PACE_FASTEST, where a file has
 *                 pictures and sound; what takes the sound needs room for as much, and some more.
 * Thread: the controlling one, before the source's thread starts
 */
static inline void limef_file_source_set_sound_lead(struct limef_file_source *file, int64_t lead_us)
{
    file->sound_lead_us = lead_us;
}

/**
 * Reads the counters.
 *
 * @param counters  written.
 * Thread: any
 */
LIMEF_API void limef_file_source_get_counters(const struct limef_file_source *file,
                                              struct limef_file_source_counters *counters);

/** When the file starts on its own clock; LIMEF_NO_TIME if not known (yet). Thread: any */
LIMEF_API int64_t limef_file_source_start_us(const struct limef_file_source *file);

/** How long the file is; LIMEF_NO_TIME if not known (yet). Thread: any */
LIMEF_API int64_t limef_file_source_duration_us(const struct limef_file_source *file);

/** pts_us of what was passed on last, of sound less its lead; LIMEF_NO_TIME if not known (yet).
 * Thread: any */
LIMEF_API int64_t limef_file_source_position_us(const struct limef_file_source *file);

LIMEF_END_DECLS

#endif
