/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Sends encoded sound to an Icecast server, as Ogg, and passes everything on as it is.
 * (libshout; loaded when it is first needed.)
 *
 *     ring source - encode (libopus) - shout
 *
 * A server that is not there is tried again, later each time; what comes meanwhile is dropped and
 * counted. doc/filter/shout.md
 */
#ifndef LIMEF_FILTER_SHOUT_H
#define LIMEF_FILTER_SHOUT_H

#include <limef/base/url.h>
#include <limef/filter/filter.h>

LIMEF_BEGIN_DECLS

struct AVFormatContext;
struct AVPacket;
struct shout_client;
struct resolver;
struct shout_client_ops;

/** Where to send. All-zero but url is sane. */
struct limef_shout_settings {
    /** "icecast://user:password@host:8000/mount", icecasts:// with TLS; the user is "source" and
     * the port 8000 unless it says otherwise. Borrowed */
    const char *url;
    const char *password; /**< if it is not in url; borrowed. NULL: none */
    const char *name;     /**< of the stream, for its listeners; borrowed; must outlive the filter.
                               NULL: "limef" */
    int64_t timeout_us;   /**< of a server that does not answer, or takes nothing; 0: 10 s */
    int64_t retry_us;     /**< how long after the first failure it tries again; twice as long after
                               each further one, 30 s at most. 0: 1 s */
};

/** What it does. */
enum limef_shout_state {
    LIMEF_SHOUT_OFF,        /**< nothing came yet, or it waits to try again */
    LIMEF_SHOUT_CONNECTING, /**< the server has not answered yet */
    LIMEF_SHOUT_ON,         /**< what comes is sent */
};

/** What it has done so far. */
struct limef_shout_counters {
    enum limef_shout_state state;
    uint64_t n_packets;  /**< of sound, sent */
    uint64_t n_bytes;    /**< sent */
    uint64_t n_dropped;  /**< packets that came while no server took them */
    uint64_t n_connects; /**< times that a server let it in */
    uint64_t n_failures; /**< tries that failed, and connections that were lost */
};

/** Memory of it; kind "shout". All-zero and limef_shout_filter_init(). */
struct limef_shout_filter {
    struct limef_filter filter;
    struct limef_shout_settings settings;
    struct limef_url url; /**< settings.url, with settings.password if it had none */

    /* the thread that runs it */
    const struct shout_client_ops *ops; /**< NULL: not loaded */
    struct shout_client *client;        /**< NULL: never tried to connect */
    struct AVFormatContext *format;     /**< NULL: no stream was begun on this connection */
    struct AVPacket *shell;             /**< borrows a frame's bytes for one call */
    struct limef_codec_frame codec;     /**< of what comes; owns a reference */
    struct resolver *resolver;          /**< looks up the server's name; NULL: nothing does */
    bool was_slow;                      /**< nobody answered that when it was asked last */
    bool is_refused;                    /**< what comes cannot be sent; said once */
    int64_t due_us;                     /**< when to try again, or to give up the try that runs */
    int64_t backoff_us, connected_us;
    int64_t taken_us;  /**< when the server took something last, or nothing waited for it */
    uint64_t n_taken;  /**< of n_bytes, what did not wait then */
    int64_t origin_us; /**< stream time that is 0 on this connection */

    /* written by the thread that runs it, read by any */
    LIMEF_ATOMIC(uint32_t) state;
    LIMEF_ATOMIC(uint64_t) n_packets, n_bytes, n_dropped, n_connects, n_failures;
};

/**
 * Makes it; connects with the first packet.
 *
 * END and STOP end the stream, the next packet begins another one. No call waits for the server
 * or for its address, but for at most a second at the end; by TLS libshout looks up the name, whose
 * address was found already, once more. A process that calls
 * it from threads that are not the library's ignores SIGPIPE.
 *
 * @param shout     written; must be all-zero.
 * @param name      as limef_filter_init().
 * @param settings  copied; what it points to is borrowed, as said there.
 * @return 0; AVERROR(EINVAL): no such URL; AVERROR(ENOSYS): built without libshout;
 *         AVERROR(ENOMEM). Logged.
 * Thread: the controlling one
 */
LIMEF_API int limef_shout_filter_init(struct limef_shout_filter *shout, const char *name,
                                      const struct limef_shout_settings *settings);

/** Reads the counters. @param counters  written. Thread: any */
LIMEF_API void limef_shout_get_counters(const struct limef_shout_filter *shout,
                                        struct limef_shout_counters *counters);

LIMEF_END_DECLS

#endif
