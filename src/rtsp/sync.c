/* SPDX-License-Identifier: MIT */
#include "rtsp/sync.h"

#include <limef/base/log.h>

#include <inttypes.h>
#include <libavutil/common.h>
#include <stdlib.h>

/* Encoders take up to a second. Streams that are further apart are not of one clock, or a server
 * began the one with what it had kept. */
#define MOST_APART_US 2000000
/* The same for what nobody has proved: what the answer to PLAY says, and reports of streams whose
 * names say that they are not of one source (RFC 3550 6.5.1). */
#define MOST_UNPROVED_APART_US 500000
/* Reports are hardly more exact. */
#define NEAR_US 4000
/* By which part of it time runs faster or slower while a stream is put in step. */
#define SLOWLY 10
/* Behind that, what comes out of order is over, too. */
#define SETTLED_US 1500000
/* From one report to the next no clock goes off by so much: it was set. */
#define SET_BY_US 100000
/* Reports that a stream's clock is an average of. */
#define MOST_AVERAGED 8
/* Who sent so many will not be the only one by chance. */
#define MANY_REPORTS 3
/* Behind a jump time goes on by what it usually does, unless that is so much too little; */
#define STEP_US 200000
/* or by so much, as long as that is not known. */
#define LEAST_STEP_US 1000
/* Of repairs of a clock there is a line so often at most. */
#define SAY_EACH_US 60000000

void rtsp_sync_init(struct rtsp_sync *sync, const char *name)
{
    *sync = (struct rtsp_sync){.name = name, .begun_us = LIMEF_NO_TIME};
    for (unsigned i = 0; i < RTSP_SYNC_MAX_CLOCKS; i++)
        sync->clocks[i] = (struct rtsp_clock){.sync = sync, .last_pts_us = LIMEF_NO_TIME};
}

/* What all wait for is left out, or it would grow with each connection. */
static void forget_common_shift(struct rtsp_sync *sync)
{
    int64_t least_us = INT64_MAX;

    for (unsigned i = 0; i < RTSP_SYNC_MAX_CLOCKS; i++)
        if (sync->clocks[i].is_anchored)
            least_us = FFMIN(least_us, sync->clocks[i].end_shift_us);
    for (unsigned i = 0; i < RTSP_SYNC_MAX_CLOCKS; i++) {
        struct rtsp_clock *clock = &sync->clocks[i];

        if (clock->is_anchored)
            clock->end_shift_us -= least_us;
        clock->shift_us = clock->end_shift_us;
    }
}

void rtsp_sync_restart(struct rtsp_sync *sync)
{
    forget_common_shift(sync);
    for (unsigned i = 0; i < RTSP_SYNC_MAX_CLOCKS; i++)
        sync->clocks[i].is_anchored = false;
    sync->master = NULL;
}

/* An own time by our clock. */
static int64_t our_us(const struct rtsp_clock *clock, int64_t own_us)
{
    return own_us + rtsp_course_us(&clock->course, own_us);
}

/* What puts it in step, at a time by our clock. */
static int64_t step_us(const struct rtsp_clock *clock, int64_t now_us)
{
    int64_t most_us = FFMAX(now_us - clock->from_us, 0) / SLOWLY;

    return clock->shift_us + av_clip64(clock->end_shift_us - clock->shift_us, -most_us, most_us);
}

int64_t rtsp_clock_pts_us(const struct rtsp_clock *clock, int64_t own_us)
{
    int64_t now_us = our_us(clock, own_us);

    return now_us + step_us(clock, now_us);
}

/* The wall clock where the time by our clock is 0, as the two go now. */
static int64_t base_us(const struct rtsp_clock *clock)
{
    return clock->base_us - rtsp_course_us(&clock->course, clock->last_own_us);
}

static struct rtsp_clock *playing(struct rtsp_sync *sync, enum limef_media media)
{
    for (unsigned i = 0; i < RTSP_SYNC_MAX_CLOCKS; i++)
        if (sync->clocks[i].is_anchored &&
            (media == LIMEF_MEDIA_NONE || sync->clocks[i].media == media))
            return &sync->clocks[i];
    return NULL;
}

/* By what the streams are in step, and how far apart sound and pictures are by that. */
static void note_by(struct rtsp_sync *sync, enum limef_rtsp_sync by)
{
    const struct rtsp_clock *pictures = playing(sync, LIMEF_MEDIA_VIDEO);
    const struct rtsp_clock *sound = playing(sync, LIMEF_MEDIA_AUDIO);

    sync->by = by;
    sync->skew_us = 0;
    if (!pictures || !sound)
        return;
    if (by == LIMEF_RTSP_SYNC_REPORTS)
        sync->skew_us = base_us(pictures) - base_us(sound);
    else if (by == LIMEF_RTSP_SYNC_RTP_INFO)
        sync->skew_us = pictures->told_us - sound->told_us;
}

void rtsp_clock_anchor(struct rtsp_clock *clock, int64_t ticks, int64_t arrived_us)
{
    struct rtsp_sync *sync = clock->sync;
    int64_t own_us;

    if (sync->begun_us == LIMEF_NO_TIME)
        sync->begun_us = arrived_us;
    if (!playing(sync, LIMEF_MEDIA_NONE))
        note_by(sync, LIMEF_RTSP_SYNC_ARRIVAL);
    own_us = arrived_us - sync->begun_us;
    clock->shift_us = step_us(clock, own_us);
    if (clock->last_pts_us != LIMEF_NO_TIME && own_us + clock->shift_us <= clock->last_pts_us)
        own_us = clock->last_pts_us + 1 - clock->shift_us;
    clock->from_us = clock->anchor_us = clock->last_own_us = clock->held_at_us = own_us;
    clock->anchor_ticks = ticks;
    clock->highest_ticks = clock->before_ticks = LIMEF_NO_TIME;
    clock->is_anchored = true;
    clock->n_strayed += clock->course.n_strayed;
    rtsp_course_restart(&clock->course, own_us);
    clock->usual_us = clock->n_in_order = 0;
    clock->n_reports = 0;
    clock->is_stale = clock->is_refused = clock->is_told = clock->is_held = false;
}

/* A clock may jump each second for months. */
static void say_repair(struct rtsp_sync *sync, int64_t now_us, const char *what, int64_t by_us)
{
    sync->n_repairs++;
    if (sync->repair_said_us && now_us - sync->repair_said_us < SAY_EACH_US)
        return;
    limef_log(LIMEF_LOG_INFO, sync->name,
              "%s %" PRId64 " ms: times go on by our clock, repair %" PRIu64, what, by_us / 1000,
              sync->n_repairs);
    sync->repair_said_us = now_us;
}

void rtsp_clock_jump(struct rtsp_clock *clock, int64_t ticks, int64_t arrived_us, int64_t by_us)
{
    int64_t at_us = arrived_us - clock->sync->begun_us;
    int64_t own_us = clock->last_own_us + FFMAX(clock->usual_us, LEAST_STEP_US);
    int64_t added_us = rtsp_course_us(&clock->course, own_us);

    if (!clock->usual_us || at_us - own_us - added_us > STEP_US)
        own_us = FFMAX(own_us, at_us - added_us);
    say_repair(clock->sync, arrived_us, "its timestamps jumped by",
               by_us - (own_us - clock->last_own_us));
    clock->anchor_us = own_us;
    clock->anchor_ticks = ticks;
    clock->highest_ticks = clock->before_ticks = LIMEF_NO_TIME;
    clock->n_jumps++;
}

int64_t rtsp_clock_hold_us(struct rtsp_clock *clock, int64_t own_us)
{
    const struct rtsp_sync *sync = clock->sync;
    int64_t least_us = INT64_MAX, hold_us;

    for (unsigned i = 0; i < RTSP_SYNC_MAX_CLOCKS; i++) {
        const struct rtsp_clock *other = &sync->clocks[i];

        if (other->is_anchored && other->media != LIMEF_MEDIA_OTHER)
            least_us = FFMIN(least_us, step_us(other, our_us(other, other->last_own_us)));
    }
    hold_us = FFMAX(step_us(clock, our_us(clock, own_us)) - least_us, 0);
    if (clock->is_held && hold_us > clock->held_us)
        hold_us = FFMIN(hold_us, clock->held_us + FFMAX(own_us - clock->held_at_us, 0) / SLOWLY);
    clock->is_held = true;
    clock->held_us = hold_us;
    clock->held_at_us = FFMAX(own_us, clock->held_at_us);
    return hold_us;
}

void rtsp_clock_leave(struct rtsp_clock *clock)
{
    clock->is_anchored = false;
    if (clock->sync->master == clock)
        clock->sync->master = NULL;
}

static bool is_reported(const struct rtsp_clock *clock)
{
    return clock->is_anchored && clock->n_reports > 0;
}

/* The wall clock where the time that is given will be 0, once all was corrected. */
static int64_t end_base_us(const struct rtsp_clock *clock)
{
    return base_us(clock) - clock->end_shift_us;
}

static int64_t most_apart_us(const struct rtsp_clock *clock, const struct rtsp_clock *other)
{
    bool is_other_source = clock->source && other->source && clock->source != other->source;

    return is_other_source ? MOST_UNPROVED_APART_US : MOST_APART_US;
}

/* The stream that reports of others are compared with: pictures, if they are reported. */
static struct rtsp_clock *reference(struct rtsp_sync *sync, const struct rtsp_clock *but)
{
    struct rtsp_clock *found = NULL;

    for (unsigned i = 0; i < RTSP_SYNC_MAX_CLOCKS; i++) {
        struct rtsp_clock *clock = &sync->clocks[i];

        if (is_reported(clock) && clock != but &&
            (!found || (clock->media == LIMEF_MEDIA_VIDEO && found->media != LIMEF_MEDIA_VIDEO)))
            found = clock;
    }
    return found;
}

static void note_correction(struct rtsp_sync *sync, int64_t by_us)
{
    sync->n_corrections++;
    sync->corrected_us += (uint64_t)llabs(by_us);
}

/* Nothing of it was given yet: at once, but not before the beginning, nor back. */
static void shift_at_once(struct rtsp_clock *clock, int64_t by_us)
{
    int64_t least_us = clock->last_pts_us == LIMEF_NO_TIME ? 0 : FFMAX(clock->last_pts_us + 1, 0);
    int64_t shift_us = FFMAX(clock->end_shift_us + by_us, least_us - clock->anchor_us);

    if (shift_us != clock->shift_us)
        note_correction(clock->sync, shift_us - clock->shift_us);
    clock->shift_us = clock->end_shift_us = shift_us;
}

/* By and by, and not while it is done already: what came out of order in that time has to be over.
 */
static void shift_slowly(struct rtsp_clock *clock, int64_t by_us)
{
    int64_t takes_us = llabs(clock->end_shift_us - clock->shift_us) * SLOWLY;
    int64_t now_us = our_us(clock, clock->last_own_us);
    bool is_done =
        clock->end_shift_us == clock->shift_us || now_us >= clock->from_us + takes_us + SETTLED_US;

    if (llabs(by_us) < NEAR_US || !is_done)
        return;
    clock->shift_us = clock->end_shift_us;
    clock->end_shift_us += by_us;
    clock->from_us = now_us;
    note_correction(clock->sync, by_us);
}

/* A stream that begins is put in step with another one, by a time that is negative where it comes
 * later. Where streams are held until the last one comes, that one plays as it did: it would
 * be late. */
static void join(struct rtsp_clock *clock, struct rtsp_clock *other, int64_t by_us)
{
    if (by_us < 0 && clock->sync->holds)
        shift_slowly(other, -by_us);
    else
        shift_at_once(clock, by_us);
}

/* By what the answer to PLAY says. Where all are told that their first packet is at the beginning,
 * that is all that the camera means, mostly, and not that they are of one moment. */
static void join_as_told(struct rtsp_clock *clock)
{
    struct rtsp_sync *sync = clock->sync;

    for (unsigned i = 0; i < RTSP_SYNC_MAX_CLOCKS; i++) {
        struct rtsp_clock *other = &sync->clocks[i];
        int64_t apart_us = clock->told_us - other->told_us;

        if (other == clock || !other->is_anchored || !other->is_told ||
            (clock->is_exact && other->is_exact) || llabs(apart_us) > MOST_UNPROVED_APART_US)
            continue;
        join(clock, other, apart_us - clock->end_shift_us + other->end_shift_us);
        note_by(sync, LIMEF_RTSP_SYNC_RTP_INFO);
        return;
    }
}

static void say_refused(const struct rtsp_sync *sync, int64_t apart_us)
{
    limef_log(LIMEF_LOG_WARNING, sync->name,
              "sender reports say that its streams are %" PRId64
              " ms apart: they are in step by arrival",
              apart_us / 1000);
}

/* A stream of which nothing is reported, beside one that has been for long. */
static void look_for_silence(struct rtsp_sync *sync)
{
    bool is_silent = false, is_many = false;

    for (unsigned i = 0; i < RTSP_SYNC_MAX_CLOCKS; i++) {
        const struct rtsp_clock *clock = &sync->clocks[i];

        if (!clock->is_anchored || clock->media == LIMEF_MEDIA_OTHER)
            continue;
        is_silent |= clock->n_reports == 0;
        is_many |= clock->n_reports >= MANY_REPORTS;
    }
    if (!is_silent || !is_many || sync->is_silence_said)
        return;
    sync->is_silence_said = true;
    limef_log(LIMEF_LOG_INFO, sync->name,
              "no usable sender reports of one of its streams: they are in step by arrival");
}

/* Whose reports can be of one clock. Returns how many they are. */
static unsigned accept_reports(struct rtsp_sync *sync)
{
    const struct rtsp_clock *with = reference(sync, NULL);
    unsigned n = 0;

    for (unsigned i = 0; i < RTSP_SYNC_MAX_CLOCKS; i++) {
        struct rtsp_clock *clock = &sync->clocks[i];
        bool was_refused = clock->is_refused;
        int64_t apart_us;

        if (!is_reported(clock))
            continue;
        apart_us = base_us(with) - base_us(clock);
        clock->is_refused = llabs(apart_us) > most_apart_us(clock, with);
        n += !clock->is_refused;
        if (!clock->is_refused || was_refused)
            continue;
        if (sync->n_refused++ == 0)
            say_refused(sync, apart_us);
    }
    return n;
}

static bool is_accepted(const struct rtsp_clock *clock)
{
    return is_reported(clock) && !clock->is_refused;
}

/* Streams whose reports say how far apart they are need no two measures of one clock. */
void rtsp_clock_follow(struct rtsp_clock *clock, int64_t arrived_us, int64_t own_us)
{
    struct rtsp_clock *master = clock->sync->master;
    bool is_led = master && master != clock && is_accepted(master) && is_accepted(clock) &&
                  rtsp_course_is_of(&clock->course, &master->course);
    uint64_t n_strayed = clock->course.n_strayed;
    int64_t before_us = rtsp_course_us(&clock->course, own_us);

    rtsp_course_take(&clock->course,
                     &(struct rtsp_came){.at_us = arrived_us - clock->sync->begun_us,
                                         .own_us = own_us,
                                         .highest_us = clock->last_own_us,
                                         .may_have_waited = clock->sync->is_behind},
                     is_led ? &master->course : NULL);
    if (clock->course.n_strayed != n_strayed)
        say_repair(clock->sync, arrived_us, "its times minus those at which its units come:",
                   own_us + before_us - (arrived_us - clock->sync->begun_us));
}

/* It stays, also while nothing is reported of it. Returns whether the others can follow it now. */
static bool find_master(struct rtsp_sync *sync)
{
    if (sync->master && !sync->master->is_refused)
        return is_reported(sync->master);
    sync->master = NULL;
    for (unsigned i = 0; i < RTSP_SYNC_MAX_CLOCKS; i++) {
        struct rtsp_clock *clock = &sync->clocks[i];

        if (is_accepted(clock) && (!sync->master || end_base_us(clock) < end_base_us(sync->master)))
            sync->master = clock;
    }
    return true;
}

/* Which clock was set is told by the next reports of all. Who sends none meanwhile, though others
 * send many, has stopped: nothing is known of it any more. Returns whether some are waited for. */
static bool waits_for_reports(struct rtsp_sync *sync)
{
    unsigned n_most = 0;
    bool waits = false;

    for (unsigned i = 0; i < RTSP_SYNC_MAX_CLOCKS; i++)
        if (is_reported(&sync->clocks[i]) && !sync->clocks[i].is_stale)
            n_most = FFMAX(n_most, sync->clocks[i].n_reports);
    for (unsigned i = 0; i < RTSP_SYNC_MAX_CLOCKS; i++) {
        struct rtsp_clock *clock = &sync->clocks[i];

        if (!is_reported(clock) || !clock->is_stale)
            continue;
        if (n_most >= MANY_REPORTS)
            clock->n_reports = 0;
        else
            waits = true;
    }
    return waits;
}

static void put_in_step(struct rtsp_sync *sync)
{
    unsigned n_accepted;

    if (waits_for_reports(sync))
        return;
    n_accepted = accept_reports(sync);
    look_for_silence(sync);
    if (n_accepted < 2) {
        if (sync->by == LIMEF_RTSP_SYNC_REPORTS)
            note_by(sync, LIMEF_RTSP_SYNC_ARRIVAL);
        return;
    }
    note_by(sync, LIMEF_RTSP_SYNC_REPORTS);
    if (!find_master(sync))
        return;
    for (unsigned i = 0; i < RTSP_SYNC_MAX_CLOCKS; i++)
        if (is_accepted(&sync->clocks[i]) && &sync->clocks[i] != sync->master)
            shift_slowly(&sync->clocks[i],
                         end_base_us(&sync->clocks[i]) - end_base_us(sync->master));
}

void rtsp_clock_join(struct rtsp_clock *clock, int64_t wall_us, int64_t told_us)
{
    struct rtsp_clock *other = reference(clock->sync, clock);

    if (told_us != LIMEF_NO_TIME) {
        clock->is_told = true;
        clock->is_exact = told_us == 0;
        clock->told_us = told_us - clock->anchor_us;
    }
    if (wall_us == LIMEF_NO_TIME) {
        if (clock->is_told)
            join_as_told(clock);
        return;
    }
    clock->n_reports = 1;
    clock->base_us = wall_us - clock->anchor_us;
    if (other && !other->is_stale &&
        llabs(base_us(other) - base_us(clock)) <= most_apart_us(clock, other))
        join(clock, other, end_base_us(clock) - end_base_us(other));
    put_in_step(clock->sync);
}

void rtsp_clock_report(struct rtsp_clock *clock, int64_t wall_us, int64_t own_us)
{
    struct rtsp_sync *sync = clock->sync;
    int64_t off_us = wall_us - own_us - clock->base_us;

    if (clock->n_reports > 0 && llabs(off_us) > SET_BY_US) {
        for (unsigned i = 0; i < RTSP_SYNC_MAX_CLOCKS; i++)
            sync->clocks[i].is_stale = true;
        clock->n_reports = 0;
    }
    clock->is_stale = false;
    clock->n_reports++;
    clock->base_us += off_us / FFMIN(clock->n_reports, MOST_AVERAGED);
    put_in_step(sync);
}

void rtsp_sync_count(const struct rtsp_sync *sync, struct limef_rtsp_source_counters *counters)
{
    for (unsigned i = 0; i < RTSP_SYNC_MAX_CLOCKS; i++) {
        counters->n_jumps += sync->clocks[i].n_jumps;
        counters->n_strayed += sync->clocks[i].n_strayed + sync->clocks[i].course.n_strayed;
    }
    counters->sync = sync->by;
    counters->skew_us = sync->skew_us;
    counters->n_corrections = sync->n_corrections;
    counters->corrected_us = sync->corrected_us;
    counters->n_refused_reports = sync->n_refused;
}

const char *limef_rtsp_sync_name(enum limef_rtsp_sync by)
{
    static const char *const names[] = {
        [LIMEF_RTSP_SYNC_ARRIVAL] = "arrival",
        [LIMEF_RTSP_SYNC_RTP_INFO] = "rtp-info",
        [LIMEF_RTSP_SYNC_REPORTS] = "sender-reports",
    };

    return (size_t)by < sizeof(names) / sizeof(names[0]) ? names[by] : "unknown";
}
