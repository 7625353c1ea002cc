/* SPDX-License-Identifier: MIT */
/*
 * One stream of a camera, from its packets to access units with times: order,
 * loss, depacketizing, reports, and the camera's clock put on ours.
 */
#ifndef LIMEF_SRC_RTSP_RECEIVER_H
#define LIMEF_SRC_RTSP_RECEIVER_H

#include "rtsp/depacketizer.h"
#include "rtsp/rtcp.h"
#include "rtsp/rtp_info.h"
#include "rtsp/sync.h"
#include "rtsp/window.h"

#include <limef/frame/frame.h>

struct rtsp_receiver;

/* Sender reports: the camera's wall clock. */
struct rtsp_wall {
    bool is_known;
    bool is_placed;         /* the next two are of the stream's clock as it runs now */
    int64_t ticks, wall_us; /* of the last report */
    int64_t arrived_us;     /* when it came */
    bool has_jumped;        /* the stream, behind */
    int64_t jumped_ticks;
    int64_t offset_us;     /* camera's wall clock minus ours, when it came */
    int64_t ahead_us;      /* and minus limef_now_us(), which nobody sets */
    struct rtsp_pace pace; /* since the clock was set */
};

/* A sender report; kept where it came before the first packet of its sender. */
struct rtsp_report {
    bool is_there;
    uint32_t ssrc, timestamp, ntp_middle;
    uint64_t source;
    int64_t wall_us, offset_us, arrived_us;
};

/* A complete access unit. */
struct rtsp_arrival {
    struct rtsp_unit *unit; /* its buffer may be taken */
    int64_t pts_us, duration_us, wall_us, arrived_us;
    int64_t
        hold_us; /* how much later what goes with it comes; 0: it is the last, or nobody waits */
    bool is_discontinuous;
};

/* Returns 0, or an error that rtsp_receiver_rtp() returns. */
typedef int rtsp_arrival_fn(void *context, struct rtsp_receiver *receiver,
                            const struct rtsp_arrival *arrival);

/* All-zero and rtsp_receiver_open(). */
struct rtsp_receiver {
    struct depacketizer depacketizer;
    struct rtp_statistics statistics;
    struct rtp_window window;
    struct rtsp_first first;
    struct rtcp_last last_report;
    struct rtsp_wall wall;
    struct rtsp_report early;
    struct rtsp_clock *clock; /* borrowed */
    enum limef_media media;
    struct sdp_media described; /* as it is read now; its strings are borrowed */
    bool is_other_format;       /* it was read as another format up to the next unit */
    int64_t arrived_us;         /* of the packet that is handled */
    unsigned n_missing_before;  /* the next packet, and a packet that could not be used */
    bool is_restarted;          /* the next unit follows nothing */
    int64_t left_us;            /* when BYE came; 0: it did not */
    bool is_ssrc_told;          /* by the camera: */
    uint32_t told_ssrc;
    bool has_told_come; /* a packet of that did */
    bool knows_sender;  /* whatever comes is the camera's */
    bool is_shared;     /* anybody's reports come: those of a group */
    uint64_t n_packets, n_bytes, n_malformed, n_foreign;
    uint64_t n_other_ssrc; /* streams that began with another SSRC than was told, and were taken */
    uint64_t n_formats;    /* times that it went on in another one of those that were described */
    struct rtsp_stranger {
        uint8_t *data; /* owned; NULL: there is none */
        size_t bytes;
        int64_t arrived_us;
    } stranger; /* a packet of what may be another stream: not before the next one of it comes */
    rtsp_arrival_fn *sink;
    void *context; /* borrowed */
};

/*
 * Prepares a receiver for a stream that was described. Where packets of another payload type come
 * that its section has, it goes on with what that stands for (RFC 3551 section 6: a sender may
 * change between them at any time).
 *
 * media  copied; its strings are borrowed, and must outlive the receiver.
 * clock  borrowed; must outlive the receiver.
 * Returns as depacketizer_open().
 */
int rtsp_receiver_open(struct rtsp_receiver *receiver, const struct sdp_media *media,
                       struct rtsp_clock *clock, rtsp_arrival_fn *sink, void *context);

/* Whether packets of that type are of its stream. */
bool rtsp_receiver_knows(const struct rtsp_receiver *receiver, uint8_t payload_type);

/* Takes a packet. Returns 0, also if it is none; what the sink returned. */
int rtsp_receiver_rtp(struct rtsp_receiver *receiver, const uint8_t *data, size_t bytes,
                      int64_t now_us);
void rtsp_receiver_rtcp(struct rtsp_receiver *receiver, const uint8_t *data, size_t bytes,
                        int64_t now_us);

/* When the last sender report came that can be the camera's; 0: none did. */
int64_t rtsp_receiver_reported_us(const struct rtsp_receiver *receiver);

/*
 * The first packet is told, as rtp_window_release(). A server that many look at may name one that
 * went to others long ago: it is believed if what comes first is of about the same time; and
 * nothing is missing in a TCP connection. Returns as rtsp_receiver_rtp().
 */
int rtsp_receiver_begin(struct rtsp_receiver *receiver, const struct rtsp_first *first);

/* Gives up what was waited for long enough. Returns as rtsp_receiver_rtp(). */
int rtsp_receiver_tick(struct rtsp_receiver *receiver, int64_t now_us);

/* When to call tick; LIMEF_FOREVER. */
int64_t rtsp_receiver_due_us(const struct rtsp_receiver *receiver);

/* How much faster the camera's clock is than ours, in millionths: its wall clock, if its
 * reports have told that, or else that of its timestamps; 0: not known (rtsp_pace_drift_ppm()). */
double rtsp_receiver_drift_ppm(const struct rtsp_receiver *receiver);

/* Hands out what is there: the stream is over. */
int rtsp_receiver_flush(struct rtsp_receiver *receiver);

/* All-zero afterwards. */
void rtsp_receiver_clear(struct rtsp_receiver *receiver);

#endif
