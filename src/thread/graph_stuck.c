/* SPDX-License-Identifier: MIT */
/*
 * The watchdog: names a filter whose thread does not come back, and a boundary that nobody reads
 * from. It looks at what the threads write anyway; nobody waits for it.
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
/* What is said after one look; the rest after the next. */
#define MAX_SAID 8

/* Something to say when the registry is free again. */
struct said {
    char who[80], thread[16];
    int tid;
    int64_t for_us;
    bool is_over;
    bool is_unread; /* frames wait, the thread does nothing */
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
        limef_log(LIMEF_LOG_WARNING, graph->settings.name, "%s moved on after %.1f s", said->who,
                  seconds);
    else if (said->is_unread)
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
    struct said said = {.for_us = now_us - edge->neglected_us, .is_unread = true};

    name_filter(said.who, sizeof(said.who), edge->to->filter);
    if (!is_neglected(edge) || n_read != edge->n_read_then || !edge->neglected_us) {
        said.is_over = true;
        if (edge->said_neglected)
            note(list, &said, NULL);
        edge->said_neglected = false;
        edge->neglected_us = now_us;
        edge->n_read_then = n_read;
    } else if (!edge->said_neglected && said.for_us >= graph->stuck_after_us) {
        edge->said_neglected = true;
        note(list, &said, edge->to->thread);
    }
}

int64_t graph_look_for_stuck(struct limef_graph_inside *graph, int64_t now_us)
{
    int64_t next_us = now_us + FFMAX(graph->stuck_after_us / LOOKS, LEAST_PERIOD_US);
    struct said_list list = {.n = 0};

    if (graph_lock_registry(graph) < 0)
        return next_us;
    /* two may come from one thread */
    for (struct graph_thread *at = graph->threads; at && list.n + 2 <= MAX_SAID; at = at->next)
        look_at_thread(graph, at, now_us, &list);
    for (struct graph_edge *edge = graph->edges; edge && list.n < MAX_SAID; edge = edge->next)
        look_at_edge(graph, edge, now_us, &list);
    pthread_mutex_unlock(&graph->registry);
    for (unsigned i = 0; i < list.n; i++)
        say(graph, &list.said[i]);
    return next_us;
}
