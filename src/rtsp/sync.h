/* SPDX-License-Identifier: MIT */
/*
 * The streams of one camera on one timeline, so that sound and pictures of one moment have one
 * time, however much later the one comes (RFC 3550 6.4.1, 6.4.4; RFC 7826 18.45).
 *
 * Each stream's own time goes by arrival: its first packet is where our clock is, the rest by its
 * timestamps, which go on without a hole where they jump. What is added to that is, for one, what
 * keeps it near when its units come (pace.h); for another, what puts it in step with the others:
 * all that it takes before anything was passed on, and later a part of it by and by, in which time
 * runs a tenth faster or slower. What comes first waits for what comes last, so that no stream is
 * put back while it plays. The stream that comes last is the one that the others follow, for as
 * long as it can be.
 */
#ifndef LIMEF_SRC_RTSP_SYNC_H
#define LIMEF_SRC_RTSP_SYNC_H

#include "rtsp/pace.h"

#include <limef/filter/rtsp_source.h>

/* One for each kind of stream (enum sdp_kind). */
#define RTSP_SYNC_MAX_CLOCKS 4

struct rtsp_sync;

/* How a stream's clock stands to ours. Survives a reconnection, so that times go on. */
struct rtsp_clock {
    struct rtsp_sync *sync; /* of its camera; borrowed */
    enum limef_media media;
    bool is_anchored; /* what follows, up to the last arrival, is of this connection */
    int64_t anchor_ticks;
    int64_t anchor_us; /* own time of that */
    int64_t last_ticks;
    int64_t highest_ticks, before_ticks; /* and the highest before that; LIMEF_NO_TIME: none */
    int64_t last_own_us;                 /* the highest */
    int64_t usual_us;                    /* by which that last rose; 0: not yet */
    int64_t last_arrived_us;
    unsigned n_in_order; /* units in a row that came in the order that they are shown in */
    int64_t last_pts_us; /* the highest that was given; LIMEF_NO_TIME: none */
    struct rtsp_course course;
    uint64_t n_jumps, n_strayed; /* that, of connections before: rtsp_course */

    /* what is known of it since it was anchored */
    unsigned n_reports;
    uint64_t source; /* by the name that its reports have; 0: not said */
    bool is_stale;   /* not reported since the clock of another one was set */
    bool is_refused; /* its reports have nothing to do with those of the others */
    int64_t base_us; /* the camera's wall clock where the own time is 0; as if both clocks went
                        as one, whatever ours does */
    bool is_told;    /* the answer to PLAY says which timestamp is of the common beginning */
    bool is_exact;   /* that of its first packet */
    int64_t told_us; /* time since that beginning where the own time is 0 */

    /* what is added to the time by our clock, up to from_us, a time by that, and in the end */
    int64_t from_us, shift_us, end_shift_us;
    int64_t held_us, held_at_us; /* how long the last unit waits; own time of that */
    bool is_held;                /* and there was one since it was anchored */
};

/* All-zero and rtsp_sync_init(). */
struct rtsp_sync {
    const char *name; /* for logs; borrowed */
    int64_t begun_us; /* limef_now_us() that is time 0; LIMEF_NO_TIME: not yet */
    bool is_behind;   /* what comes may have waited for us */
    struct rtsp_clock clocks[RTSP_SYNC_MAX_CLOCKS];
    struct rtsp_clock *master; /* that the others follow; NULL: none yet */
    bool holds;                /* whoever is behind wants all streams at the time of the last one */
    enum limef_rtsp_sync by;   /* of this connection, or the last one */
    int64_t skew_us;
    uint64_t n_corrections, corrected_us;
    uint64_t n_refused; /* times that reports of two streams turned out not to be of one clock */
    bool is_silence_said, is_hurry_said;
    int64_t repair_said_us; /* when the last line was of its clock; 0: none was */
    uint64_t n_repairs;
};

void rtsp_sync_init(struct rtsp_sync *sync, const char *name);

/* A connection is over: what was known of its streams is not true any more. */
void rtsp_sync_restart(struct rtsp_sync *sync);

/*
 * The stream's time goes on where ours is, and never back.
 *
 * ticks       of the unit that is first, or first behind a jump.
 * arrived_us  when it came.
 */
void rtsp_clock_anchor(struct rtsp_clock *clock, int64_t ticks, int64_t arrived_us);

/*
 * The timestamps jumped: the stream's time goes on as it went, or where our clock is if that is
 * somewhere else, and never back. What is known of it stays true.
 *
 * ticks       of the unit that is first behind it.
 * by_us       its own time minus the last one, as if they had not jumped.
 */
void rtsp_clock_jump(struct rtsp_clock *clock, int64_t ticks, int64_t arrived_us, int64_t by_us);

/* Its stream goes, and the others do not: they are no more in step with it. */
void rtsp_clock_leave(struct rtsp_clock *clock);

/* What is known of the stream already, after it was anchored and before any time was given. wall_us
 * is the camera's wall clock at its own time; LIMEF_NO_TIME: not known. told_us: its time since the
 * beginning that the answer to PLAY names; LIMEF_NO_TIME: not told. */
void rtsp_clock_join(struct rtsp_clock *clock, int64_t wall_us, int64_t told_us);

/* A sender report: the camera's wall clock at an own time of the stream. */
void rtsp_clock_report(struct rtsp_clock *clock, int64_t wall_us, int64_t own_us);

/* A unit came, of an own time: how fast its clock goes. Before its time is asked for. */
void rtsp_clock_follow(struct rtsp_clock *clock, int64_t arrived_us, int64_t own_us);

/* The time of a unit by its own time, which may be before that of others that came sooner. */
int64_t rtsp_clock_pts_us(const struct rtsp_clock *clock, int64_t own_us);

/* How long a unit waits for those of other streams that go with it, at its own time. It grows by a
 * tenth of the time that goes by; at once behind an anchor. */
int64_t rtsp_clock_hold_us(struct rtsp_clock *clock, int64_t own_us);

/* Sums up how the streams are in step. */
void rtsp_sync_count(const struct rtsp_sync *sync, struct limef_rtsp_source_counters *counters);

#endif
