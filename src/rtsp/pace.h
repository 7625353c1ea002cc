/* SPDX-License-Identifier: MIT */
/*
 * How fast a camera's clock goes by ours, and its times put on ours by that.
 *
 * What is known are delays: when something came, minus its time by the camera's clock. A network
 * makes each of them longer by chance; the least of some seconds is that of the way alone, and how
 * it changes is the difference of the two clocks (D. Mills, RFC 5905 section 10, keeps the least of
 * eight samples for the same reason). The slope is the median of those between points half of the
 * time apart (H. Theil, "A rank-invariant method of linear and polynomial regression analysis",
 * 1950, the incomplete method), so that minutes in which all was held up do not count.
 */
#ifndef LIMEF_SRC_RTSP_PACE_H
#define LIMEF_SRC_RTSP_PACE_H

#include <stdbool.h>
#include <stdint.h>

/* Of these the slope is told: of 10 s each at first, of 160 s each, which is 85 minutes, in the
 * end. */
#define RTSP_PACE_POINTS 32

struct rtsp_pace_point {
    int64_t at_us, delay_us;
};

/* All-zero: nothing came. */
struct rtsp_pace {
    int64_t window_us; /* one point is the least of so long; 0: nothing came */
    int64_t since_us;  /* since when the next one is looked for */
    struct rtsp_pace_point least;
    unsigned n;
    struct rtsp_pace_point points[RTSP_PACE_POINTS];
    bool is_known;
    double slope; /* of delays over time; the last one that was known */
};

/* Takes a delay. Returns whether another point came of it, which is the last one. */
bool rtsp_pace_take(struct rtsp_pace *pace, int64_t now_us, int64_t delay_us);

/* How much faster that clock is than ours, in millionths; 0: not known: it takes a minute, and for
 * as long as the slopes say that it may be wrong by more than 10 and a 25th of it. */
double rtsp_pace_drift_ppm(const struct rtsp_pace *pace);

/* No time is further ahead of when its unit came. */
#define RTSP_COURSE_MOST_AHEAD_US 500000
/* Nor, in the long run, so far ahead of the unit that nothing held up; */
#define RTSP_COURSE_AHEAD_US 200000
/* and that one is not so much later than its time. */
#define RTSP_COURSE_MOST_LATE_US 500000

/*
 * What is added to times of that clock, so that they go on as ours does, near when what has them
 * came: in a line that bends between two units, and always rises less than time falls back, so that
 * times keep their order. All-zero: nothing is.
 *
 * By the slope, and by 200 millionths more towards where the quickest unit of the first seconds
 * was; by 8000 where times are RTSP_COURSE_AHEAD_US ahead, until they are no more. What was sent
 * ahead stays within RTSP_COURSE_MOST_AHEAD_US: time hardly goes on meanwhile. Where no unit of ten
 * seconds came within RTSP_COURSE_MOST_LATE_US of its time, times go on to where they came at once.
 */
struct rtsp_course {
    struct rtsp_pace pace;
    int64_t from_us;    /* the line bends at that time of the camera's clock, */
    double at_us;       /* behind which so much is added, */
    double step_us;     /* which is so much more than up to there, */
    double before, now; /* and so much more with each microsecond */
    double rate;        /* that it goes by where nothing is to be brought back at once */
    double owed_us;     /* to be added at once */

    /* when units come after their times, the least of ten seconds */
    int64_t window; /* number of the ten seconds; not looked at if hardly begun */
    bool has_begun, is_whole, has_least;
    bool is_ahead;    /* RTSP_COURSE_AHEAD_US, it or one that */
    bool leads_ahead; /* it leads */
    double least_us;
    bool has_first;
    double first_us;    /* of the first ten seconds, which is kept */
    int64_t capped_in;  /* the last ones that had a time brought back from ahead */
    uint64_t n_strayed; /* times that times were brought back at once */
};

/* A unit, as its course takes it. */
struct rtsp_came {
    int64_t at_us;        /* when, by our clock, which is at 0 where the camera's was by arrival */
    int64_t own_us;       /* its time by the camera's clock */
    int64_t highest_us;   /* of all that came before */
    bool may_have_waited; /* for us: it tells nothing of how late it is */
};

/*
 * Takes a unit.
 *
 * leader  of another stream by the same clock, which it goes with; NULL: there is none. Borrowed.
 */
void rtsp_course_take(struct rtsp_course *course, const struct rtsp_came *came,
                      struct rtsp_course *leader);

/* The camera begins anew, at an own time: nothing is added there, but its clock goes as fast as it
 * did, for as long as nothing else is known. */
void rtsp_course_restart(struct rtsp_course *course, int64_t own_us);

/* Whether two streams can be of one clock, as far as is known. */
bool rtsp_course_is_of(const struct rtsp_course *course, const struct rtsp_course *other);

/* What is added to a time. Those up to some seconds back stay in their order. */
int64_t rtsp_course_us(const struct rtsp_course *course, int64_t own_us);

#endif
