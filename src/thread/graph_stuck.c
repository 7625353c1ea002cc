/* SPDX-License-Identifier: MIT */
/*
 * The watchdog: names a filter whose thread does not come back, a boundary that nobody reads from,
 * and who keeps frames of a live stream for longer than is granted. It looks at what the threads
 * write anyway; nobody waits for it.
 */
#include "thread/graph_seen.h"

#include <limef/base/log.h>
#include <limef/base/url.h>

#include <libavutil/common.h>
#include <libavutil/error.h>
#include <stdio.h>

/* What waits for devices and the network may do so for that many times as long. */
#define BLOCKING_PATIENCE 5
/* Looks within the time that is granted. */
#define LOOKS 4
/* Others want the registry too. */
#define LEAST_PERIOD_US 5000
/* Looks in a row at which frames are too old before that is said, and in time before it is over: a
 * fifo that is full is at its bound all the time. */
#define LOOKS_LATE 2
#define LOOKS_IN_TIME 4
/* What is said after one look; the rest after the next. */
#define MAX_SAID 8

enum trouble {
    TROUBLE_INSIDE, /* a thread does not come back */
    TROUBLE_UNREAD, /* frames wait, the thread does nothing */
    TROUBLE_LATE,   /* frames of a live stream wait for longer than is granted */
};

/* Something to say when the registry is free again. */
struct said {
    char who[80], thread[16];
    int tid;
    int64_t for_us, granted_us;
    enum trouble trouble;
    bool is_over;
};

struct said_list {
    struct said said[MAX_SAID];
    unsigned n;
};

static void name_filter(char *name, size_t n_bytes, const struct limef_filter *filter)
{
    char masked[LIMEF_URL_BYTES];

    snprintf(name, n_bytes, "'%s' (%s)", limef_url_mask(masked, sizeof(masked), filter->name),
             filter->ops->kind);
}

static void say(struct limef_graph_inside *graph, const struct said *said)
{
    double seconds = (double)said->for_us / 1e6;
    struct limef_signal_frame signal;

    if (said->is_over)
        limef_log(LIMEF_LOG_WARNING, graph->settings.name, "%s %s after %.1f s", said->who,
                  said->trouble == TROUBLE_LATE ? "is in time again" : "moved on", seconds);
    else if (said->trouble == TROUBLE_LATE)
        limef_log(LIMEF_LOG_WARNING, graph->settings.name,
                  "%s is late: a live frame has waited for it for %.1f s, %.1f s are granted; "
                  "thread %s (%d)",
                  said->who, seconds, (double)said->granted_us / 1e6, said->thread, said->tid);
    else if (said->trouble == TROUBLE_UNREAD)
        limef_log(LIMEF_LOG_WARNING, graph->settings.name,
                  "%s is stuck: frames have waited for it for %.1f s, thread %s (%d) takes none",
                  said->who, seconds, said->thread, said->tid);
    else
        limef_log(LIMEF_LOG_WARNING, graph->settings.name,
                  "%s is stuck: thread %s (%d) has been in it for %.1f s", said->who, said->thread,
                  said->tid, seconds);
    if (!graph->settings.reports)
        return;
    limef_signal_frame_set(&signal, LIMEF_SIGNAL_STUCK, 0, said->who);
    signal.code = said->is_over ? 0 : AVERROR(ETIMEDOUT);
    signal.value = said->for_us;
    limef_reports_write(graph->settings.reports, &signal);
}

static void note(struct said_list *list, const struct said *said, const struct graph_thread *thread)
{
    struct said *noted = &list->said[list->n++];

    *noted = *said;
    if (!thread)
        return;
    snprintf(noted->thread, sizeof(noted->thread), "%s", thread->thread->settings.name);
    noted->tid = LIMEF_COUNTED(thread->thread->tid);
}

static void look_at_thread(const struct limef_graph_inside *graph, struct graph_thread *thread,
                           int64_t now_us, struct said_list *list)
{
    int64_t inside_us = LIMEF_COUNTED(thread->thread->inside_us);
    int64_t patience_us = graph->stuck_after_us;
    struct said said = {.for_us = now_us - thread->stuck_us, .is_over = true};
    struct graph_node *in;
    struct graph_edge *waits_at;

    if (thread->stuck_us && thread->stuck_us != inside_us) {
        snprintf(said.who, sizeof(said.who), "%s", thread->stuck_in);
        note(list, &said, NULL);
        thread->stuck_us = 0;
    }
    if (!inside_us || thread->stuck_us || now_us - inside_us < patience_us)
        return;
    graph_where(graph, thread, &in, &waits_at);
    /* who waits for room is kept by another thread, whose turn it is; a command that waits for
     * threads has a deadline of its own */
    if (!in || waits_at || in->filter->ops->flags & LIMEF_FILTER_BOUNDARY)
        return;
    if (in->filter->ops->flags & LIMEF_FILTER_BLOCKING &&
        now_us - inside_us < BLOCKING_PATIENCE * patience_us)
        return;
    thread->stuck_us = inside_us;
    name_filter(thread->stuck_in, sizeof(thread->stuck_in), in->filter);
    said = (struct said){.for_us = now_us - inside_us};
    snprintf(said.who, sizeof(said.who), "%s", thread->stuck_in);
    note(list, &said, thread);
}

/* Whether the reader could take frames, and does not. A lane that is held was read from: who read
 * wants no more now. */
static bool is_neglected(const struct graph_edge *edge)
{
    const struct graph_thread *thread = edge->to->thread;
    const struct limef_lane *lane = &edge->input.lane;

    return edge->is_shown && limef_lane_n_waiting(lane) && !LIMEF_COUNTED(lane->held) && thread &&
           !LIMEF_COUNTED(thread->thread->inside_us);
}

static void look_at_edge(const struct limef_graph_inside *graph, struct graph_edge *edge,
                         int64_t now_us, struct said_list *list)
{
    uint64_t n_read = edge->is_shown ? LIMEF_COUNTED(edge->input.lane.n_read) : 0;
    struct said said = {.for_us = now_us - edge->neglected_us, .trouble = TROUBLE_UNREAD};

    name_filter(said.who, sizeof(said.who), edge->to->filter);
    if (!is_neglected(edge) || n_read != edge->n_read_then || !edge->neglected_us) {
        said.is_over = true;
        if (edge->said_neglected)
            note(list, &said, NULL);
        edge->said_neglected = false;
        edge->neglected_us = now_us;
        edge->n_read_then = n_read;
    } else if (!edge->said_neglected && !edge->is_late && said.for_us >= graph->stuck_after_us) {
        edge->said_neglected = true;
        note(list, &said, edge->to->thread);
    }
}

/* Whether what waits there is dropped rather than that it grows old, and somebody shall read it. */
static bool may_be_late(const struct graph_edge *edge)
{
    const struct limef_lane *lane = &edge->input.lane;

    return edge->is_shown && lane->settings.overflow != LIMEF_OVERFLOW_BLOCK &&
           !LIMEF_COUNTED(lane->held);
}

/* How old frames may be there: towards a recording, older. */
static int64_t granted_us(const struct limef_graph_inside *graph, const struct graph_edge *edge)
{
    return FFMAX(graph->late_after_us, edge->is_shown ? edge->input.lane.settings.max_time_us : 0);
}

/* How old the oldest of the frames is that wait, or would be if a short fifo had not dropped it
 * while the thread was busy. 0: none waits, or they may. */
static int64_t age_us(const struct graph_edge *edge, int64_t now_us)
{
    const struct limef_lane *lane = &edge->input.lane;
    const struct graph_thread *thread = edge->to->thread;
    int64_t inside_us = thread ? LIMEF_COUNTED(thread->thread->inside_us) : 0;

    if (!may_be_late(edge) || !limef_lane_n_waiting(lane))
        return 0;
    return FFMAX(limef_lane_oldest_us(lane), inside_us ? now_us - inside_us : 0);
}

/* Who keeps what waits there: where its thread is, or, if that one waits for room, whom it waits
 * for. */
static struct graph_node *who_keeps(const struct limef_graph_inside *graph,
                                    const struct graph_edge *edge)
{
    struct graph_node *in = NULL;
    struct graph_edge *waits_at = NULL;

    if (edge->to->thread)
        graph_where(graph, edge->to->thread, &in, &waits_at);
    return waits_at ? waits_at->to : in ? in : edge->to;
}

/* Whether that is said already, and more of it. */
static bool is_said(const struct graph_edge *edge)
{
    return edge->said_neglected || (edge->to->thread && edge->to->thread->stuck_us);
}

static void look_at_age(const struct limef_graph_inside *graph, struct graph_edge *edge,
                        int64_t now_us, struct said_list *list)
{
    struct said said = {.trouble = TROUBLE_LATE,
                        .is_over = edge->is_late,
                        .for_us = age_us(edge, now_us),
                        .granted_us = granted_us(graph, edge)};
    bool is_late = said.for_us > said.granted_us;
    struct graph_node *who;

    if (is_late == edge->is_late || (is_late && is_said(edge))) {
        edge->n_unlike = 0;
        return;
    }
    if (++edge->n_unlike < (edge->is_late ? LOOKS_IN_TIME : LOOKS_LATE))
        return;
    edge->n_unlike = 0;
    if (edge->is_late) {
        said.for_us = now_us - edge->late_us;
        snprintf(said.who, sizeof(said.who), "%s", edge->late_in);
        note(list, &said, NULL);
    } else {
        who = who_keeps(graph, edge);
        name_filter(said.who, sizeof(said.who), who->filter);
        note(list, &said, who->thread);
        snprintf(edge->late_in, sizeof(edge->late_in), "%s", said.who);
        edge->late_us = now_us - said.for_us;
        edge->n_late++;
    }
    edge->is_late = is_late;
}

void graph_stop_watching(struct limef_graph_inside *graph, struct graph_edge *edge)
{
    struct said late = {.trouble = TROUBLE_LATE, .is_over = true};
    struct said unread = {.trouble = TROUBLE_UNREAD, .is_over = true};
    int64_t now_us = limef_now_us();
    bool was_late, was_neglected;

    pthread_mutex_lock(&graph->registry);
    was_late = edge->is_late;
    was_neglected = edge->said_neglected;
    edge->is_late = edge->said_neglected = false;
    late.for_us = now_us - edge->late_us;
    unread.for_us = now_us - edge->neglected_us;
    snprintf(late.who, sizeof(late.who), "%s", edge->late_in);
    pthread_mutex_unlock(&graph->registry);
    if (was_neglected)
        name_filter(unread.who, sizeof(unread.who), edge->to->filter);
    if (was_late)
        say(graph, &late);
    if (was_neglected)
        say(graph, &unread);
}

int64_t graph_look_for_stuck(struct limef_graph_inside *graph, int64_t now_us)
{
    int64_t period_us = graph->stuck_after_us / LOOKS;
    struct said_list list = {.n = 0};

    if (graph_lock_registry(graph) < 0)
        return now_us + FFMAX(period_us, LEAST_PERIOD_US);
    graph_note_progress(graph, now_us);
    /* two may come from one thread, or one connection */
    for (struct graph_thread *at = graph->threads; at && list.n + 2 <= MAX_SAID; at = at->next)
        look_at_thread(graph, at, now_us, &list);
    for (struct graph_edge *edge = graph->edges; edge && list.n + 2 <= MAX_SAID;
         edge = edge->next) {
        look_at_edge(graph, edge, now_us, &list);
        look_at_age(graph, edge, now_us, &list);
        if (may_be_late(edge))
            period_us = FFMIN(period_us, graph->late_after_us);
    }
    pthread_mutex_unlock(&graph->registry);
    for (unsigned i = 0; i < list.n; i++)
        say(graph, &list.said[i]);
    return now_us + FFMAX(period_us, LEAST_PERIOD_US);
}
