/* SPDX-License-Identifier: MIT */
#include "rtsp/pace.h"

#include <libavutil/common.h>
#include <math.h>
#include <string.h>

/* Among what comes in so long is one that nothing held up. */
#define FIRST_WINDOW_US INT64_C(10000000)
/* Crystals change with the day's warmth: what is older tells less. */
#define LONGEST_WINDOW_US (16 * FIRST_WINDOW_US)
/* Of less no slope is told. */
#define LEAST_POINTS 6
/* Nor of slopes whose median may be wrong by more, and by a part of it. */
#define MOST_ERROR 10e-6
#define PART_OF_ERROR 25
/* Half of a normal distribution is within 1/1.4826 of its deviation, and a median has 1.2533 times
 * the error of a mean. */
#define ERROR_OF_MEDIAN (1.4826 * 1.2533)
/* The way is another one, or the camera left something out: what was before tells nothing. */
#define STEP_US 200000
/* 30 pictures a second that are 29.97 are a thousand off, and some cameras ten thousand. More is
 * no clock, but a file that is sent faster. */
#define MOST_RATE 10500e-6
/* Of two streams that are of one clock, as far as both errors say. */
#define SAME_RATE (2 * MOST_ERROR)
#define PART_OF_RATE (PART_OF_ERROR / 2)
/* What is off for another reason than the slope is made up for in so long, and slowly: a network
 * that is full for minutes is not followed. */
#define PULL_US 600e6
#define MOST_PULL 200e-6
/* What was sent ahead; the latency filter grants a hundredth to a clock that is slow. */
#define PULL_BACK 8000e-6
/* How far time goes on at least, of the camera's, where that is too far ahead. */
#define LEAST_PACE 1e-3

static double median(double *values, unsigned n)
{
    for (unsigned i = 1; i < n; i++) {
        double value = values[i];
        unsigned at = i;

        for (; at > 0 && values[at - 1] > value; at--)
            values[at] = values[at - 1];
        values[at] = value;
    }
    return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

static void tell_slope(struct rtsp_pace *pace)
{
    double slopes[RTSP_PACE_POINTS / 2], slope, error;
    unsigned n = pace->n / 2;

    for (unsigned i = 0; i < n; i++) {
        const struct rtsp_pace_point *a = &pace->points[i], *b = &pace->points[i + pace->n - n];

        slopes[i] = (double)(b->delay_us - a->delay_us) / (double)(b->at_us - a->at_us);
    }
    slope = median(slopes, n);
    for (unsigned i = 0; i < n; i++)
        slopes[i] = fabs(slopes[i] - slope);
    error = ERROR_OF_MEDIAN * median(slopes, n) / sqrt(n);
    if (error > MOST_ERROR + fabs(slope) / PART_OF_ERROR)
        return;
    pace->slope = slope;
    pace->is_known = true;
}

/* Room for another point: two become one, or the oldest goes. */
static void make_room(struct rtsp_pace *pace)
{
    struct rtsp_pace_point *points = pace->points;

    if (pace->window_us == LONGEST_WINDOW_US) {
        memmove(points, points + 1, --pace->n * sizeof(*points));
        return;
    }
    pace->n /= 2;
    for (unsigned i = 0; i < pace->n; i++)
        points[i] = points[2 * i + (points[2 * i + 1].delay_us < points[2 * i].delay_us)];
    pace->window_us *= 2;
}

/* Whether a point is far from where the slope leads from the last one. */
static bool is_step(const struct rtsp_pace *pace, const struct rtsp_pace_point *point)
{
    const struct rtsp_pace_point *last = &pace->points[pace->n ? pace->n - 1 : 0];

    return pace->n > 0 && fabs((double)(point->delay_us - last->delay_us) -
                               pace->slope * (double)(point->at_us - last->at_us)) > STEP_US;
}

static void add_point(struct rtsp_pace *pace)
{
    if (is_step(pace, &pace->least)) {
        pace->n = 0;
        pace->window_us = FIRST_WINDOW_US;
    }
    if (pace->n == RTSP_PACE_POINTS)
        make_room(pace);
    pace->points[pace->n++] = pace->least;
    if (pace->n >= LEAST_POINTS)
        tell_slope(pace);
}

bool rtsp_pace_take(struct rtsp_pace *pace, int64_t now_us, int64_t delay_us)
{
    bool is_first = !pace->window_us;
    bool is_over = !is_first && now_us - pace->since_us >= pace->window_us;

    if (is_over)
        add_point(pace);
    if (is_first)
        pace->window_us = FIRST_WINDOW_US;
    if (is_first || is_over)
        pace->since_us = now_us;
    if (is_first || is_over || delay_us < pace->least.delay_us)
        pace->least = (struct rtsp_pace_point){.at_us = now_us, .delay_us = delay_us};
    return is_over;
}

double rtsp_pace_drift_ppm(const struct rtsp_pace *pace)
{
    return pace->is_known ? -1e6 * pace->slope : 0;
}

static double added_us(const struct rtsp_course *course, int64_t own_us)
{
    double since_us = (double)(own_us - course->from_us);

    return since_us > 0 ? course->at_us + since_us * course->now
                        : course->at_us - course->step_us + since_us * course->before;
}

/* From the highest time on; a step is behind it, so that what comes out of order has it as well. */
static void bend(struct rtsp_course *course, int64_t highest_us, double rate, double step_us)
{
    course->at_us = added_us(course, highest_us) + step_us;
    course->step_us = step_us;
    course->from_us = highest_us;
    course->before = course->now;
    course->now = rate;
}

/* The slope over our time as what is added over the camera's. */
static double drift_rate(const struct rtsp_pace *pace)
{
    return fabs(pace->slope) > MOST_RATE ? 0 : pace->slope / (1 - pace->slope);
}

static double pull(const struct rtsp_course *course, double least_us)
{
    if (course->is_ahead)
        return -PULL_BACK;
    if (!course->pace.is_known && course->pace.n < LEAST_POINTS)
        return 0;
    return av_clipd((least_us - course->first_us) / PULL_US, -MOST_PULL, MOST_PULL);
}

/* Ten seconds are over, and the quickest unit that came in them was so late. */
static void decide(struct rtsp_course *course, double least_us)
{
    if (!course->has_first)
        course->first_us = av_clipd(least_us, -RTSP_COURSE_AHEAD_US, RTSP_COURSE_AHEAD_US);
    course->has_first = true;
    if (least_us > RTSP_COURSE_MOST_LATE_US) {
        course->owed_us = least_us;
        course->n_strayed++;
        least_us = 0;
    }
    course->is_ahead = least_us < -RTSP_COURSE_AHEAD_US || course->leads_ahead;
    course->leads_ahead = false;
    course->rate = drift_rate(&course->pace) + pull(course, least_us);
}

/* All streams of a camera look at the same seconds, so that they are moved together. */
static void look_at_window(struct rtsp_course *course, const struct rtsp_came *came)
{
    int64_t window = came->at_us / FIRST_WINDOW_US;

    if (course->has_begun && window <= course->window)
        return;
    if (course->is_whole && course->has_least)
        decide(course, course->least_us);
    course->is_whole = course->has_begun || came->at_us % FIRST_WINDOW_US < FIRST_WINDOW_US / 2;
    course->has_begun = true;
    course->has_least = false;
    course->window = window;
}

static void note_late(struct rtsp_course *course, const struct rtsp_came *came)
{
    double late_us = (double)(came->at_us - came->own_us) - added_us(course, came->own_us);

    if (came->may_have_waited || (course->has_least && late_us >= course->least_us))
        return;
    course->has_least = true;
    course->least_us = late_us;
}

static void note_cap(struct rtsp_course *course)
{
    if (course->n_strayed == 0 || course->window > course->capped_in + 1)
        course->n_strayed++;
    course->capped_in = course->window;
}

/* Up to a time that is higher than all before. */
static void go_to(struct rtsp_course *course, const struct rtsp_came *came, double rate)
{
    double goes_us = (double)(came->own_us - came->highest_us), step_us = course->owed_us;
    double ahead_us = (double)(came->own_us - came->at_us) + added_us(course, came->highest_us) +
                      goes_us * rate + step_us - RTSP_COURSE_MOST_AHEAD_US;

    course->owed_us = 0;
    if (ahead_us > 0) {
        double less_us = FFMIN(step_us, ahead_us);

        note_cap(course);
        step_us -= less_us;
        rate = FFMAX(rate - (ahead_us - less_us) / goes_us, LEAST_PACE - 1);
    }
    if (rate != course->now || step_us > 0)
        bend(course, came->highest_us, rate, step_us);
}

void rtsp_course_take(struct rtsp_course *course, const struct rtsp_came *came,
                      struct rtsp_course *leader)
{
    rtsp_pace_take(&course->pace, came->at_us, came->at_us - came->own_us);
    look_at_window(course, came);
    if (leader)
        leader->leads_ahead |= course->is_ahead;
    if (came->own_us > came->highest_us)
        go_to(course, came, leader ? leader->rate : course->rate);
    note_late(course, came);
}

void rtsp_course_restart(struct rtsp_course *course, int64_t own_us)
{
    struct rtsp_pace pace = {.is_known = course->pace.is_known, .slope = course->pace.slope};
    double rate = drift_rate(&pace);

    *course = (struct rtsp_course){
        .pace = pace, .from_us = own_us, .before = rate, .now = rate, .rate = rate};
}

bool rtsp_course_is_of(const struct rtsp_course *course, const struct rtsp_course *other)
{
    return !course->pace.is_known || !other->pace.is_known ||
           fabs(course->pace.slope - other->pace.slope) <
               SAME_RATE + fabs(other->pace.slope) / PART_OF_RATE;
}

int64_t rtsp_course_us(const struct rtsp_course *course, int64_t own_us)
{
    return llrint(added_us(course, own_us));
}
