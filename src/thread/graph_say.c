/* SPDX-License-Identifier: MIT */
/* What a running graph says of the changes of its plan: to the log, to the application's queue, and
 * to who asks later. */
#include "thread/graph_private.h"

#include <limef/base/log.h>
#include <limef/thread/plan_print.h>

#include <libavutil/error.h>
#include <stdio.h>
#include <string.h>

/* Of one change of the plan, so many parts are told by name. */
#define MOST_SAID 8

static void log_change(struct limef_graph_inside *graph, int code, const char *what,
                       const char *why)
{
    if (code == AVERROR_EXIT) /* it ends */
        return;
    if (code < 0)
        limef_log(LIMEF_LOG_WARNING, graph->settings.name, "the plan goes on as it was: %s (%s)",
                  what, av_err2str(code));
    else
        limef_log(LIMEF_LOG_INFO, graph->settings.name, "the plan changed: %s; %s", what, why);
}

static void report(struct limef_graph_inside *graph, int code, const char *text)
{
    struct limef_signal_frame signal;

    if (!graph->settings.reports)
        return;
    limef_signal_frame_set(&signal, LIMEF_SIGNAL_PLAN, 0, text);
    signal.code = code;
    signal.value = (int64_t)LIMEF_COUNTED(graph->n_changes);
    limef_reports_write(graph->settings.reports, &signal);
}

static void keep(struct limef_graph_inside *graph, int code, const char *what, const char *why)
{
    struct limef_graph_change *kept;

    pthread_mutex_lock(&graph->said_lock);
    kept = &graph->said[graph->n_said++ % LIMEF_GRAPH_CHANGES];
    *kept = (struct limef_graph_change){
        .at_us = limef_now_us(), .number = LIMEF_COUNTED(graph->n_changes), .code = code};
    snprintf(kept->what, sizeof(kept->what), "%s", what);
    snprintf(kept->why, sizeof(kept->why), "%s", why);
    pthread_mutex_unlock(&graph->said_lock);
}

void graph_say(struct limef_graph_inside *graph, int code, const char *what, const char *why)
{
    log_change(graph, code, what, why);
    report(graph, code, what);
}

static bool has_failed(const struct limef_graph_inside *graph, uint32_t filter)
{
    const uint32_t *chain_of = graph->replan.chain_of;

    for (struct graph_node *node = graph->nodes; node; node = node->next)
        if (node->failed && chain_of[node->number] == chain_of[filter])
            return true;
    return false;
}

/* Parts of a change of the plan. */
struct said {
    char first[LIMEF_GRAPH_WHAT];
    unsigned n;
};

/* What is done to a connection, with its reason, or where a filter goes. */
static void say_part(struct limef_graph_inside *graph, int code,
                     const struct limef_replan_change *change, struct said *said)
{
    static const char *const acts[] = {
        [LIMEF_REPLAN_CUT] = "cut before",
        [LIMEF_REPLAN_FUSE] = "fused",
        [LIMEF_REPLAN_FIFO] = "other fifo before",
        [LIMEF_REPLAN_MOVE] = "moved",
    };
    const struct graph_plan *plan = graph->plan;
    char what[LIMEF_GRAPH_WHAT], why[LIMEF_GRAPH_WHY] = "its thread and priority";

    if (said->n++ >= MOST_SAID)
        return;
    snprintf(what, sizeof(what), "%s%s %.24s", change->is_revert ? "back: " : "", acts[change->act],
             plan->filters[change->filter].name);
    if (change->edge != LIMEF_PLAN_NONE)
        limef_plan_explain(&plan->plan, &plan->problem, change->edge, why, sizeof(why));
    if (said->n == 1)
        memcpy(said->first, what, sizeof(what));
    if (code >= 0 || said->n == 1) /* one failure, one line */
        log_change(graph, code, what, why);
    keep(graph, code, what, why);
}

/* The parts of one kind that came about, or that did not. */
static void say_parts(struct limef_graph_inside *graph, int code, enum limef_replan_act act,
                      struct said *said)
{
    const struct limef_replan *replan = &graph->replan;

    for (uint32_t i = 0; i < replan->n_changes; i++)
        if (replan->changes[i].act == act &&
            has_failed(graph, replan->changes[i].filter) == (code < 0))
            say_part(graph, code, &replan->changes[i], said);
}

void graph_say_changes(struct limef_graph_inside *graph, int code)
{
    static const enum limef_replan_act order[] = {LIMEF_REPLAN_CUT, LIMEF_REPLAN_FUSE,
                                                  LIMEF_REPLAN_MOVE, LIMEF_REPLAN_FIFO};
    char text[LIMEF_GRAPH_WHAT + 24];
    struct said said = {.first = "nothing"};

    for (unsigned i = 0; i < sizeof(order) / sizeof(order[0]); i++)
        say_parts(graph, code, order[i], &said);
    if (!said.n && graph->replan.n_changes)
        say_part(graph, code, graph->replan.changes, &said);
    if (said.n > MOST_SAID && code >= 0)
        limef_log(LIMEF_LOG_INFO, graph->settings.name, "and %u parts more", said.n - MOST_SAID);
    if (said.n > 1)
        snprintf(text, sizeof(text), "%s, and %u more", said.first, said.n - 1);
    else
        snprintf(text, sizeof(text), "%s", said.first);
    report(graph, code, text);
}

size_t limef_graph_changes(struct limef_graph *graph, struct limef_graph_change *changes, size_t n)
{
    struct limef_graph_inside *inside = graph->inside;
    size_t kept;

    pthread_mutex_lock(&inside->said_lock);
    kept = inside->n_said < LIMEF_GRAPH_CHANGES ? inside->n_said : LIMEF_GRAPH_CHANGES;
    n = n < kept ? n : kept;
    for (size_t i = 0; i < n; i++)
        changes[i] = inside->said[(inside->n_said - n + i) % LIMEF_GRAPH_CHANGES];
    pthread_mutex_unlock(&inside->said_lock);
    return n;
}
