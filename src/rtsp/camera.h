/* SPDX-License-Identifier: MIT */
/*
 * One camera: connects, asks, receives, notices trouble and begins again (RFC
 * 2326; RFC 7826 with one that speaks that alone). It never waits: step does what can be done now
 * and says when the next thing is due; its descriptor is readable when something came. One thread.
 */
#ifndef LIMEF_SRC_RTSP_CAMERA_H
#define LIMEF_SRC_RTSP_CAMERA_H

#include "rtsp/auth.h"
#include "rtsp/datagrams.h"
#include "rtsp/framing.h"
#include "rtsp/location.h"
#include "rtsp/receiver.h"
#include "rtsp/stream.h"

#include <limef/filter/rtsp_source.h>

#define RTSP_CAMERA_SESSION_BYTES 128
#define RTSP_CAMERA_WHY_BYTES 160
#define RTSP_TRANSPORT_BYTES 192 /* of the header, as we write it */

enum rtsp_request {
    RTSP_NO_REQUEST,
    RTSP_DESCRIBE,
    RTSP_SETUP,
    RTSP_PLAY,
    RTSP_KEEP_ALIVE,
    RTSP_TEARDOWN,
};

/* One stream of it that is received. */
struct rtsp_track {
    struct rtsp_receiver receiver;
    struct datagrams datagrams;
    char control[RTSP_URL_BYTES];
    char session[RTSP_CAMERA_SESSION_BYTES]; /* that its SETUP was answered with */
    uint8_t channel; /* of RTP in the RTSP connection; RTCP has the next one */
    bool is_set_up, has_reported;
    const char *group; /* of multicast; in the description; NULL: unicast */
    uint16_t group_port;
    int group_ttl;             /* as sdp_media has it */
    const char *group_sources; /* as sdp_media has them */
    bool excludes_sources;
    struct rtsp_camera *camera;
};

/* What a camera tells of itself; on its thread, from rtsp_camera_step(). */
struct rtsp_camera_events {
    /* Returns 0, or AVERROR_EXIT, which step returns. */
    int (*state)(void *context, enum limef_rtsp_state state, int code, const char *text);
    rtsp_arrival_fn *arrival;    /* receiver.media tells the track */
    void (*over)(void *context); /* its tracks are about to go */
    void *context;
};

struct rtsp_camera {
    const char *name;                           /* for logs */
    struct limef_rtsp_source_settings settings; /* without the URL */
    struct rtsp_camera_events events;
    struct rtsp_location location, first_location; /* a redirection changes the one */
    struct rtsp_secrets secrets;
    int poll_fd;
    uint64_t random;

    /* the connection */
    struct rtsp_stream stream;
    struct rtsp_framing framing; /* of what comes in it */
    struct rtsp_auth auth;
    uint32_t ssrc; /* of receiver reports: of the first track, and counted on */
    enum rtsp_request pending;
    uint32_t sequence;   /* CSeq of the last request */
    bool is_misnumbered; /* an answer came with another one, though none was given up */
    unsigned n_refusals; /* 401 in a row */
    unsigned n_redirections;
    char session[RTSP_CAMERA_SESSION_BYTES]; /* the last one that was told */
    bool is_apart;                           /* each track has a session of its own; */
    bool was_apart;                          /* and that is not tried again */
    int session_timeout_s;
    bool keeps_alive_by_options;
    bool keeps_alive_unnamed; /* our password was refused for that */
    char base[RTSP_URL_BYTES], aggregate[RTSP_URL_BYTES];

    /* what it described */
    char *description; /* owned */
    struct sdp sdp;
    unsigned n_tracks;
    struct rtsp_track *tracks[SDP_MAX_MEDIA]; /* owned */
    unsigned asked_track;                 /* that the request is about: SETUP, or any of is_apart */
    bool is_without[SDP_APPLICATION + 1]; /* of that kind it describes some that cannot be used */
    char unusable[96];     /* why some of it cannot be used, pictures above all; "": all can be */
    struct rtsp_sync sync; /* goes on in the next connection */

    /* states and times */
    enum limef_rtsp_state state;
    enum limef_rtsp_reason reason; /* of that */
    bool is_udp, was_udp_refused, was_tcp_refused;
    bool shuns_groups;  /* they brought nothing: unicast is asked for */
    unsigned n_hung_up; /* connections in a row that ended at SETUP or PLAY, by one transport */
    bool speaks_2, was_1_refused, was_2_refused; /* RTSP 2.0 instead of 1.0 */
    bool has_played;                             /* in this connection */
    unsigned n_passed;   /* steps in which only datagrams of RTP were looked for */
    int64_t deadline_us; /* of connecting, or of the answer that is waited for; LIMEF_FOREVER */
    int64_t media_us;    /* when the first unit, or a key frame, has to be there; LIMEF_FOREVER */
    int64_t keep_alive_us, report_us, retry_us;
    int64_t first_backoff_us, longest_backoff_us, backoff_us;
    int64_t played_since_us, last_unit_us, answered_us; /* the last: anything at all */
    char why[RTSP_CAMERA_WHY_BYTES];                    /* of the last failure */
    int code, status;

    /* sums of connections that are over, and what no connection owns */
    struct limef_rtsp_source_counters past;
};

/*
 * Prepares a camera.
 *
 * camera    written; all-zero before.
 * settings  copied, with its URL.
 * Returns 0; AVERROR(EINVAL): the URL; what the system refused a descriptor with. Not logged.
 */
int rtsp_camera_open(struct rtsp_camera *camera, const char *name,
                     const struct limef_rtsp_source_settings *settings,
                     const struct rtsp_camera_events *events);

/* Does what can be done. due_us is written: when to come again at the latest. Returns 0: come again
 * at once; AVERROR(EAGAIN); AVERROR_EOF: ended; AVERROR_EXIT. */
int rtsp_camera_step(struct rtsp_camera *camera, int64_t *due_us);

/* Leaves the camera; step does nothing more until it is started. */
void rtsp_camera_stop(struct rtsp_camera *camera);
/* Connects at the next step, if it does not already. */
void rtsp_camera_start(struct rtsp_camera *camera);

/* Sums up. Thread: the camera's */
void rtsp_camera_count(const struct rtsp_camera *camera,
                       struct limef_rtsp_source_counters *counters);

/* Leaves and releases all; all-zero afterwards. */
void rtsp_camera_clear(struct rtsp_camera *camera);

/* requests.c */

/* What a request is called in a camera's version. */
const char *rtsp_camera_method(const struct rtsp_camera *camera, enum rtsp_request request);
/* Sends a request. Returns 0, or what went wrong. */
int rtsp_camera_ask(struct rtsp_camera *camera, enum rtsp_request request);

/* answers.c */

/* Takes an answer, or a request of the camera. Returns 0; AVERROR_EXIT: of an event. What is wrong
 * ends the connection. */
int rtsp_camera_take(struct rtsp_camera *camera, const struct rtsp_item *item, int64_t now_us);

/* Goes to where an answer, or a request of the camera, leads. Returns as rtsp_camera_take(). */
int rtsp_camera_redirect(struct rtsp_camera *camera, const struct rtsp_item *item);

/* Nothing was answered to what keeps the session alive: another way to ask, or none. */
void rtsp_camera_keep_on(struct rtsp_camera *camera, int64_t now_us);

/* notices.c */

/* Takes a request of the camera. Returns as rtsp_camera_take(). */
int rtsp_camera_take_request(struct rtsp_camera *camera, const struct rtsp_item *item);

/* failure.c */

/* Splitmix64: cameras that do something together do not do it at the same time. */
uint64_t rtsp_camera_random(struct rtsp_camera *camera);

void rtsp_camera_begin_backoff(struct rtsp_camera *camera);

/* Whether it has played for a while, so that what was wrong before is of no importance. */
bool rtsp_camera_is_steady(const struct rtsp_camera *camera, int64_t now_us);

/* Changes the state, or the reason for it, and says so. Returns what the event returned. */
int rtsp_camera_set_state(struct rtsp_camera *camera, enum limef_rtsp_state state,
                          enum limef_rtsp_reason reason, int code, const char *text);
/* Closes the connection and says why; it is tried again as the settings and the reason have it.
 * What this machine has no room for is none of the camera's. Returns what the events returned. */
int rtsp_camera_fail(struct rtsp_camera *camera, enum limef_rtsp_reason told, int code,
                     const char *text);
/* Takes leave without waiting for what the camera says. */
void rtsp_camera_hang_up(struct rtsp_camera *camera);
/* Connects anew at once: another transport, another place. */
void rtsp_camera_begin_again(struct rtsp_camera *camera);

/* liveness.c */

/* Whether it has a stream of that kind that is received. */
bool rtsp_camera_has(const struct rtsp_camera *camera, enum limef_media media);
/* It plays. Returns what the event returned. */
int rtsp_camera_play(struct rtsp_camera *camera, int64_t now_us);
/* A unit came. Returns likewise. */
int rtsp_camera_note_unit(struct rtsp_camera *camera, const struct rtsp_receiver *receiver,
                          const struct rtsp_arrival *arrival);
/* Whether it is no fault if nothing has come since PLAY: nothing of it is a picture, and what it
 * would send would get through. */
bool rtsp_camera_may_be_silent(const struct rtsp_camera *camera);
/* What was waited for does not come by this transport: another one, the next time. Returns what
 * the events returned. */
int rtsp_camera_look_elsewhere(struct rtsp_camera *camera, int64_t now_us);
/* Of one that played: stalled, lost, or as before. Returns what the events returned. */
int rtsp_camera_look_at_silence(struct rtsp_camera *camera, int64_t now_us);
/* When that is to be looked at again. */
int64_t rtsp_camera_silent_us(const struct rtsp_camera *camera);
/* When it is asked whether it is there; LIMEF_FOREVER: pictures tell. */
int64_t rtsp_camera_ask_us(const struct rtsp_camera *camera);
/* By when it has to answer to that; LIMEF_FOREVER: as to anything. */
int64_t rtsp_camera_answer_by_us(const struct rtsp_camera *camera, int64_t now_us);

/* tracks.c */

/* Takes a description. Returns 0; AVERROR(ENOSYS): nothing in it that can be used;
 * AVERROR_PATCHWELCOME: its pictures are further out of order than there is room for; others. */
int rtsp_camera_describe(struct rtsp_camera *camera, const char *text, size_t bytes);
void rtsp_camera_clear_tracks(struct rtsp_camera *camera);
/* Goes on without the track that is set up. */
void rtsp_camera_drop_track(struct rtsp_camera *camera);
/* Reads datagrams of all tracks, of RTP (0) or RTCP (1). Returns 0: none was there; 1: all that was
 * there; 2: there may be more; AVERROR_EXIT. */
int rtsp_camera_receive_datagrams(struct rtsp_camera *camera, unsigned which, int64_t now_us);
/* A packet of the RTSP connection. */
int rtsp_camera_take_media(struct rtsp_camera *camera, const struct rtsp_item *item,
                           int64_t now_us);
/* Receiver reports for all tracks. */
void rtsp_camera_report(struct rtsp_camera *camera, int64_t now_us);
/* Says goodbye to those who look at the same groups: who reports less often, the more do. By
 * unicast TEARDOWN says it. */
void rtsp_camera_leave_groups(struct rtsp_camera *camera);

/* transport.c */

/* Whether an address, a number, is one of multicast. */
bool rtsp_is_group(const char *address);
/* Whether these settings leave no choice but UDP. */
bool rtsp_is_udp(enum limef_rtsp_transport transport);
/* Whether a track comes to a group, if by UDP. */
bool rtsp_track_has_group(const struct rtsp_track *track);
/* What was tried by UDP was in vain. Returns whether that was a group, and unicast is to be asked
 * for from now on, which is said and counted. */
bool rtsp_camera_shun_groups(struct rtsp_camera *camera, const char *why);
/* Asks by the other one the next time, if it may. By TLS there is one alone: that is seen to when
 * it is asked for. */
void rtsp_camera_change_transport(struct rtsp_camera *camera);
/* The Transport header of a track's SETUP. Returns 0, or why there can be none. */
int rtsp_track_ask(struct rtsp_track *track, char transport[RTSP_TRANSPORT_BYTES]);
/* Takes the camera's. Returns 0, AVERROR_INVALIDDATA, or why there is no socket for it. */
int rtsp_track_take(struct rtsp_track *track, const char *transport);

#endif
