/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The camera source: RTSP (RFC 2326, RFC 7826) and RTP (RFC 3550) without a thread of its
 * own and without ever waiting. It connects, plays, notices that the camera is
 * gone, and connects again, for as long as it runs; what is connected behind it
 * stays as it is. One thread serves any number of them: a graph sees to that.
 *
 * What it passes on: LIMEF_SIGNAL_STATE at each change of its state, or of the
 * reason for it; START when
 * media comes; a codec frame for each track before its first packet, and when
 * its parameters change; packets, each a whole access unit; LOST when no media
 * comes. Times begin near 0 and never go back, whatever the camera's clock does; those of sound
 * and pictures are in step once the camera's sender reports tell how (enum limef_rtsp_sync).
 *
 * Signals that it takes: STOP, START, PLAY, PAUSE (the camera is left, and
 * asked anew); it passes all on.
 */
#ifndef LIMEF_FILTER_RTSP_SOURCE_H
#define LIMEF_FILTER_RTSP_SOURCE_H

#include <limef/thread/producer.h>

LIMEF_BEGIN_DECLS

struct rtsp_camera;

/** What a camera source is doing: value of LIMEF_SIGNAL_STATE. */
enum limef_rtsp_state {
    LIMEF_RTSP_STOPPED,      /**< not begun, or stopped by a signal */
    LIMEF_RTSP_CONNECTING,   /**< up to the first access unit */
    LIMEF_RTSP_PLAYING,      /**< access units come */
    LIMEF_RTSP_STALLED,      /**< connected, but nothing came for a while */
    LIMEF_RTSP_LOST,         /**< the connection broke, or nothing came for too long */
    LIMEF_RTSP_WAITING,      /**< until it is tried again */
    LIMEF_RTSP_REFUSED_USER, /**< user or password are wrong, or the certificate is */
    LIMEF_RTSP_NOT_FOUND,    /**< the camera has no such stream */
    LIMEF_RTSP_UNSUPPORTED,  /**< nothing that it offers can be used */
    LIMEF_RTSP_ENDED,        /**< the camera ended it, or reconnecting is off */
};

/** Why a camera is in its state: limef_signal_frame.serial of LIMEF_SIGNAL_STATE. Each leads to one
 * state, at once; waiting, ended and stalled have that of what happened. */
enum limef_rtsp_reason {
    LIMEF_RTSP_REASON_NONE, /**< nothing is wrong: connecting, playing; stopped by a signal */

    /* lost */
    LIMEF_RTSP_REASON_NAME,        /**< its name is not known, or nobody tells in time */
    LIMEF_RTSP_REASON_UNREACHABLE, /**< no connection: refused, no way, no answer in time */
    LIMEF_RTSP_REASON_TLS,         /**< it speaks no TLS, or none that we know */
    LIMEF_RTSP_REASON_NO_ANSWER,   /**< to a request, in time */
    LIMEF_RTSP_REASON_NO_MEDIA,    /**< it plays, and nothing came, in time */
    LIMEF_RTSP_REASON_SILENCE,     /**< nothing comes any more; stalled before that */
    LIMEF_RTSP_REASON_NO_PICTURE,  /**< packets come, but no whole picture; likewise */
    LIMEF_RTSP_REASON_BROKEN,      /**< the connection was closed, or broke */
    LIMEF_RTSP_REASON_LEFT,        /**< it ended the streams, or the session, or forgot it */
    LIMEF_RTSP_REASON_STATUS,      /**< it answered what is no success: counters.status */
    LIMEF_RTSP_REASON_RESOURCES,   /**< no memory, or no descriptors, here */

    /* refused */
    LIMEF_RTSP_REASON_CERTIFICATE,  /**< not the right one */
    LIMEF_RTSP_REASON_NO_LOGIN,     /**< it wants a user and a password, and there are none */
    LIMEF_RTSP_REASON_LOGIN,        /**< they are wrong */
    LIMEF_RTSP_REASON_FORBIDDEN,    /**< they may not see this: 403 */
    LIMEF_RTSP_REASON_UNSAFE_LOGIN, /**< another host that it led to wants the password itself */

    LIMEF_RTSP_REASON_NOT_FOUND, /**< not found: 404, 410 */

    /* not supported */
    LIMEF_RTSP_REASON_NO_TLS, /**< this library was built without, or its settings are wrong */
    LIMEF_RTSP_REASON_LOGIN_SCHEME, /**< it asks for the password in a way that is not known */
    LIMEF_RTSP_REASON_REDIRECTION,  /**< to nowhere, in a circle, or out of TLS */
    LIMEF_RTSP_REASON_VERSION,      /**< it speaks neither RTSP 1.0 nor 2.0: 505 */
    LIMEF_RTSP_REASON_REQUEST,      /**< it does not do what it has to: 405, 501, ... */
    LIMEF_RTSP_REASON_TRANSPORT,    /**< neither transport that may be tried */
    LIMEF_RTSP_REASON_DESCRIPTION,  /**< it cannot be read */
    LIMEF_RTSP_REASON_ENCODING,     /**< no stream that is asked for is in one that is known */
    LIMEF_RTSP_REASON_INTERLEAVED,  /**< its pictures are sent so far from the order that they are
                                         decoded in that there is no room for it: more than 1024
                                         units, or 16 MiB (RFC 6184 7.2, RFC 7798 6) */
};

/** By what sound and pictures of one camera are in step, so that those of one moment have one time.
 */
enum limef_rtsp_sync {
    LIMEF_RTSP_SYNC_ARRIVAL,  /**< by when the first of each came: the camera says nothing, or
                                   nothing that can be true */
    LIMEF_RTSP_SYNC_RTP_INFO, /**< by the answer to PLAY (RFC 2326 12.33), until it is reported */
    LIMEF_RTSP_SYNC_REPORTS,  /**< by sender reports (RFC 3550 6.4.1) */
};

/** How packets come. */
enum limef_rtsp_transport {
    LIMEF_RTSP_AUTO, /**< TCP; UDP if the camera refuses that, and what worked is remembered; TCP
                          alone with TLS, as UDP is not encrypted */
    LIMEF_RTSP_TCP,  /**< in the RTSP connection */
    LIMEF_RTSP_UDP,  /**< multicast where the camera describes it so, for as long as that brings
                          something; else unicast */
    LIMEF_RTSP_MULTICAST, /**< asked for whatever it describes; else as UDP */
};

/** Whom to trust, for rtsps://. */
struct limef_rtsp_tls_settings {
    const char *ca_file;     /**< PEM; NULL: the system's store */
    const char *fingerprint; /**< SHA-256 of the one certificate that is right, in hexadecimal */
    bool unverified;         /**< any certificate; for tests */
};

/** Who asks, as it is typed: nothing is percent-encoded. 127 bytes each. */
struct limef_rtsp_login {
    const char *user;     /**< NULL: that of the URL */
    const char *password; /**< likewise */
};

/** All-zero but url is sane. What it points to is borrowed and must outlive the source. */
struct limef_rtsp_source_settings {
    const char *url;        /**< rtsp:// or rtsps://, with user and password if there are any */
    uint32_t slot;          /**< of its frames */
    enum limef_media media; /**< LIMEF_MEDIA_NONE: all; else only that */
    enum limef_rtsp_transport transport;
    int64_t timeout_us; /**< silence after which a camera is lost, and deadline of each answer; 0:
                             5 s */
    bool once;          /**< END instead of connecting again */
    bool shows_damage;  /**< passes on what refers to lost packets, instead of waiting for the next
                             key frame */
    const struct limef_rtsp_login *login;      /**< copied, can be wiped; NULL: as the URL says */
    const struct limef_rtsp_tls_settings *tls; /**< NULL: verified, by the system's store */
};

/** What a source has done so far. */
struct limef_rtsp_source_counters {
    enum limef_rtsp_state state;
    enum limef_rtsp_reason reason; /**< of that */
    int32_t code;                  /**< AVERROR of the last failure; 0: none */
    int32_t status;                /**< of the last answer that was no success; 0: none */
    bool is_udp;                   /**< what is used now */
    int64_t last_unit_us;          /**< limef_now_us() of the last access unit; 0: none yet */
    int64_t retry_us;         /**< limef_now_us() of the next try while it waits; 0: it does not */
    uint64_t n_connects;      /**< times that it tried */
    uint64_t n_reconnects;    /**< times that media came again */
    uint64_t n_packets;       /**< of RTP */
    uint64_t n_bytes;         /**< in them */
    uint64_t n_lost;          /**< packets that never came, or still waited for one of those when
                                   the stream was left, behind the first that did */
    uint64_t n_duplicates;    /**< and dropped */
    uint64_t n_late;          /**< that came when they were given up */
    uint64_t n_malformed;     /**< packets or messages that lie */
    uint64_t n_foreign;       /**< packets of another sender, of a payload type that was not
                                   described or cannot be used, or of a channel that
                                   nobody asked for, and NAL units of H.265 without a meaning;
                                   dropped */
    uint64_t n_kernel_drops;  /**< datagrams that the kernel had no room for */
    uint64_t n_units;         /**< access units passed on */
    uint64_t n_pictures;      /**< of those, of video */
    uint64_t n_dropped_units; /**< damaged, or before the key frame after a loss; and parts that
                                   there was no memory to put in decoding order */
    uint64_t n_hurried;       /**< parts of units that waited 2 s for what is decoded before them,
                                   or had no room to, and went on without */
    uint64_t n_jumps;         /**< of the camera's timestamps, repaired */
    uint64_t n_strayed;      /**< times that those of a stream were more than 500 ms before or after
                                  its units came, by what was sent ahead or left out, and were
                                  brought back to that */
    uint64_t n_lost_groups;  /**< times that a multicast group brought nothing, or could not be
                                  joined, and unicast was asked for */
    uint64_t n_other_ssrc;   /**< times that a stream began with another SSRC than the camera had
                                  said, and was taken */
    uint64_t n_formats;      /**< times that a stream went on with another payload type of those
                                  that were described for it; a codec frame says what it is */
    int64_t jitter_us;       /**< of the first video track, RFC 3550 A.8 */
    int64_t clock_offset_us; /**< camera's wall clock minus ours, by sender reports */
    double drift_ppm; /**< how much faster the camera's clock is than ours: its wall clock, if its
                           reports have told that, else that of its timestamps, of this connection
                           or those before; 0: not known, which takes a minute at least and a
                           network that lets it be told within 10 */
    enum limef_rtsp_sync sync;
    int64_t skew_us; /**< how much later sound came than its pictures, the first of each; 0: by
                          arrival */
    uint64_t n_corrections;     /**< times that a stream was put in step */
    uint64_t corrected_us;      /**< by so much in all; while it plays 100 ms in a second at most */
    uint64_t n_refused_reports; /**< times that reports of two streams turned out not to be of one
                                     clock: more than 2 s apart, 500 ms if they are called by
                                     different names (CNAME) */
    uint64_t n_late_names;      /**< times that its name took longer than a second to be found */
    uint64_t n_lost_names;      /**< times that nobody knew it, or not in time */
    uint32_t n_pool;            /**< packets of its pool, and of those, */
    uint32_t n_pool_used;       /**< that somebody behind it has */
};

/** Memory of a camera source; kind "rtsp source". All-zero and limef_rtsp_source_init(). */
struct limef_rtsp_source {
    struct limef_source source;
    struct rtsp_camera *camera; /**< owned */
};

/**
 * Makes a source; connects at its first step.
 *
 * @param rtsp      written; must be all-zero.
 * @param name      as limef_filter_init().
 * @param settings  copied, the URL with it: its memory may hold a password and can be wiped.
 * @return 0; AVERROR(EINVAL): no URL that can be read, or control characters in user or password;
 *         AVERROR(ENOMEM); what the system refused a descriptor with. Logged, without the password.
 * Thread: the controlling one
 */
LIMEF_API int limef_rtsp_source_init(struct limef_rtsp_source *rtsp, const char *name,
                                     const struct limef_rtsp_source_settings *settings);

/**
 * Sound and pictures of one moment are passed on when the last of them has come, for who hears
 * and shows at once what comes: what comes earlier is held, by at most 2 s, 128 units, or 8 MiB. It
 * grows by 100 ms in a second at most. Without it they have one time, and are passed on as they
 * come.
 *
 * Thread: the controlling one, before it runs
 */
LIMEF_API void limef_rtsp_source_hold(struct limef_rtsp_source *rtsp);

/**
 * Reads the counters.
 *
 * @param counters  written.
 * Thread: any
 */
LIMEF_API void limef_rtsp_source_get_counters(const struct limef_rtsp_source *rtsp,
                                              struct limef_rtsp_source_counters *counters);

/** "arrival", "rtp-info", "sender-reports". Lives forever. Thread: any */
LIMEF_API const char *limef_rtsp_sync_name(enum limef_rtsp_sync by);

/** A state's name, for people: "playing", "no answer", ... Lives forever. Thread: any */
LIMEF_API const char *limef_rtsp_state_name(enum limef_rtsp_state state);

/** A reason's name: "unreachable", "login", ... Lives forever. Thread: any */
LIMEF_API const char *limef_rtsp_reason_name(enum limef_rtsp_reason reason);

LIMEF_END_DECLS

#endif
