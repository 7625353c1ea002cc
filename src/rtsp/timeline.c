/* SPDX-License-Identifier: MIT */
#include "rtsp/timeline.h"

#include <libavutil/common.h>
#include <libavutil/mathematics.h>
#include <stdlib.h>

/* The camera's clock stepped if it went on by so much more than ours, and than usual. What a
 * network lets pile up comes late and all at once, but never with a time of its own. */
#define JUMP_AHEAD_US 200000
/* Pictures that refer to later ones go back by themselves, but not so far; and the later one is
 * that far ahead. */
#define REORDER_US 1500000
/* Of a stream that has so many pictures in a row in the order that they are shown in, each is. */
#define MANY_IN_ORDER 64
/* Even then an encoder may put a few between two: the second of them is so far ahead. */
#define MANY_BETWEEN 5
/* No crystal goes so far ahead, or back, from one report to the next: the camera's clock was set.
 */
#define SET_BY_US 500000

int64_t rtsp_timeline_us(const struct rtsp_receiver *receiver, int64_t ticks)
{
    return av_rescale(ticks, 1000000, receiver->depacketizer.clock_hz);
}

/* A time of the stream by arrival of its first unit. */
static int64_t own_us(const struct rtsp_receiver *receiver, int64_t ticks)
{
    return receiver->clock->anchor_us +
           rtsp_timeline_us(receiver, ticks - receiver->clock->anchor_ticks);
}

/* The first unit; and what is known of its time. */
static void anchor(struct rtsp_receiver *receiver, int64_t ticks)
{
    struct rtsp_clock *clock = receiver->clock;
    const struct rtsp_wall *wall = &receiver->wall;
    const struct rtsp_first *first = &receiver->first;
    int64_t wall_us = LIMEF_NO_TIME, told_us = LIMEF_NO_TIME;

    rtsp_clock_anchor(clock, ticks, receiver->arrived_us);
    if (wall->is_placed)
        wall_us = wall->wall_us + rtsp_timeline_us(receiver, ticks - wall->ticks);
    if (first->has_timestamp)
        told_us = rtsp_timeline_us(receiver, (int32_t)((uint32_t)ticks - first->timestamp));
    if (told_us != LIMEF_NO_TIME && llabs(told_us) > RTSP_FIRST_SPREAD_US)
        told_us = LIMEF_NO_TIME;           /* it began for others */
    receiver->first.has_timestamp = false; /* it may begin anew, from elsewhere */
    rtsp_clock_join(clock, wall_us, told_us);
}

/* A picture that refers to a later one comes behind it, and is shown after all that came before
 * that one. */
static bool may_go_back(const struct rtsp_receiver *receiver, const struct rtsp_unit *unit)
{
    return !unit->is_in_order && receiver->media != LIMEF_MEDIA_AUDIO &&
           unit->timestamp > receiver->clock->before_ticks;
}

static void note_ticks(struct rtsp_receiver *receiver, int64_t ticks)
{
    struct rtsp_clock *clock = receiver->clock;
    bool is_first = clock->highest_ticks == LIMEF_NO_TIME;
    int64_t unit_us = own_us(receiver, ticks);

    clock->last_ticks = ticks;
    clock->last_arrived_us = receiver->arrived_us;
    if (ticks <= clock->highest_ticks) {
        clock->n_in_order = 0;
        return;
    }
    if (!is_first)
        clock->usual_us = unit_us - clock->last_own_us;
    clock->n_in_order++;
    clock->before_ticks = clock->highest_ticks;
    clock->highest_ticks = ticks;
    clock->last_own_us = unit_us;
}

static bool is_in_order(const struct rtsp_receiver *receiver)
{
    return receiver->media == LIMEF_MEDIA_AUDIO || receiver->clock->n_in_order >= MANY_IN_ORDER;
}

/* Whether it went on by more than our clock and than usual, to a time that is still to come. */
static bool has_jumped_ahead(const struct rtsp_receiver *receiver, int64_t ticks)
{
    const struct rtsp_clock *clock = receiver->clock;
    int64_t most_us = receiver->arrived_us - clock->last_arrived_us;
    int64_t unit_us = own_us(receiver, ticks);
    int64_t ahead_us = unit_us + rtsp_course_us(&clock->course, unit_us) -
                       (receiver->arrived_us - clock->sync->begun_us);
    int64_t limit_us = is_in_order(receiver) ? JUMP_AHEAD_US : REORDER_US;

    if (receiver->media != LIMEF_MEDIA_AUDIO)
        limit_us = av_clip64(MANY_BETWEEN * clock->usual_us, limit_us, REORDER_US);
    most_us = FFMAX(most_us, clock->usual_us) + limit_us;
    return unit_us - clock->last_own_us > most_us && ahead_us > limit_us;
}

static bool has_jumped(const struct rtsp_receiver *receiver, const struct rtsp_unit *unit)
{
    int64_t stream_us = rtsp_timeline_us(receiver, unit->timestamp - receiver->clock->last_ticks);

    return stream_us < (may_go_back(receiver, unit) ? -REORDER_US : 0) ||
           has_jumped_ahead(receiver, unit->timestamp);
}

/* A report that was sent before the stream jumped. */
static bool is_before_jump(const struct rtsp_receiver *receiver, int64_t ticks)
{
    const struct rtsp_wall *wall = &receiver->wall;

    return wall->has_jumped &&
           llabs(ticks - wall->jumped_ticks) < llabs(ticks - receiver->clock->last_ticks);
}

/* What was reported with a timestamp from behind the jump, and so behind the last unit before it,
 * was taken for another wall clock. */
static void jump(struct rtsp_receiver *receiver, int64_t ticks)
{
    struct rtsp_clock *clock = receiver->clock;
    struct rtsp_wall *wall = &receiver->wall;
    int64_t before_us = own_us(receiver, ticks);

    wall->has_jumped = true;
    wall->jumped_ticks = clock->last_ticks;
    rtsp_clock_jump(clock, ticks, receiver->arrived_us, before_us - clock->last_own_us);
    if (wall->is_placed && wall->arrived_us >= clock->last_arrived_us &&
        llabs(wall->ticks - ticks) < llabs(wall->ticks - clock->last_ticks))
        clock->base_us += before_us - clock->anchor_us;
    else
        wall->is_placed = false;
}

void rtsp_timeline_place(struct rtsp_receiver *receiver, struct rtsp_arrival *arrival)
{
    const struct rtsp_unit *unit = arrival->unit;
    struct rtsp_clock *clock = receiver->clock;
    int64_t unit_us;

    if (unit->has_new_codec)
        clock->n_in_order = 0;
    if (!clock->is_anchored)
        anchor(receiver, unit->timestamp);
    else if (has_jumped(receiver, unit))
        jump(receiver, unit->timestamp);
    unit_us = own_us(receiver, unit->timestamp);
    rtsp_clock_follow(clock, arrival->arrived_us, unit_us);
    arrival->pts_us = rtsp_clock_pts_us(clock, unit_us);
    if (clock->sync->holds)
        arrival->hold_us = rtsp_clock_hold_us(clock, unit_us);
    arrival->duration_us = rtsp_timeline_us(receiver, unit->duration);
    if (receiver->wall.is_placed)
        arrival->wall_us = receiver->wall.wall_us +
                           rtsp_timeline_us(receiver, unit->timestamp - receiver->wall.ticks);
    note_ticks(receiver, unit->timestamp);
    if (clock->last_pts_us == LIMEF_NO_TIME || arrival->pts_us > clock->last_pts_us)
        clock->last_pts_us = arrival->pts_us;
}

void rtsp_timeline_report(struct rtsp_receiver *receiver, const struct rtsp_report *report)
{
    struct rtsp_wall *wall = &receiver->wall;
    int64_t now_us = report->arrived_us, ahead_us = report->wall_us - now_us;
    int64_t ticks = rtp_statistics_timestamp(&receiver->statistics, report->timestamp);

    if (is_before_jump(receiver, ticks))
        return;
    wall->ticks = ticks;
    wall->wall_us = report->wall_us;
    wall->arrived_us = report->arrived_us;
    wall->offset_us = report->offset_us;
    if (wall->is_known && llabs(ahead_us - wall->ahead_us) > SET_BY_US)
        wall->pace = (struct rtsp_pace){.n = 0};
    rtsp_pace_take(&wall->pace, now_us, -ahead_us);
    wall->ahead_us = ahead_us;
    wall->is_known = wall->is_placed = true;
    receiver->clock->source = report->source;
    if (receiver->clock->is_anchored)
        rtsp_clock_report(receiver->clock, wall->wall_us, own_us(receiver, wall->ticks));
}
