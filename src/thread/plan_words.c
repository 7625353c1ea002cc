/* SPDX-License-Identifier: MIT */
#include "thread/plan_words.h"

#include "thread/plan_private.h"

#include <limef/thread/plan_print.h>

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

const char *plan_figure(struct plan_figure *figure, double value, int decimals, const char *unknown)
{
    static const int64_t scales[] = {1, 10, 100, 1000};
    int64_t scale = scales[decimals], number;

    if (!plan_is_known(value)) {
        snprintf(figure->text, sizeof(figure->text), "%s", unknown);
        return figure->text;
    }
    number = (int64_t)(value * (double)scale + 0.5);
    if (decimals)
        snprintf(figure->text, sizeof(figure->text), "%" PRId64 ".%0*" PRId64, number / scale,
                 decimals, number % scale);
    else
        snprintf(figure->text, sizeof(figure->text), "%" PRId64, number);
    return figure->text;
}

struct plan_label plan_label(const struct limef_plan_problem *problem, uint32_t filter)
{
    const struct limef_plan_filter *named = &problem->filters[filter];
    const char *kind = named->kind ? named->kind : "?";
    struct plan_label label;

    if (!named->name)
        snprintf(label.text, sizeof(label.text), "%s", kind);
    else if (!strncmp(named->name, kind, strlen(kind)))
        snprintf(label.text, sizeof(label.text), "%s", named->name);
    else
        snprintf(label.text, sizeof(label.text), "%s %s", kind, named->name);
    return label;
}

const char *limef_plan_reason_name(enum limef_plan_reason reason)
{
    switch (reason) {
    case LIMEF_PLAN_FUSED_CHEAP:
        return "fused_cheap";
    case LIMEF_PLAN_FUSED_UNMEASURED:
        return "fused_unmeasured";
    case LIMEF_PLAN_FUSED_NO_CPU:
        return "fused_no_cpu";
    case LIMEF_PLAN_CUT_BLOCKING:
        return "cut_blocking";
    case LIMEF_PLAN_CUT_BOUND:
        return "cut_bound";
    case LIMEF_PLAN_CUT_EXPLICIT:
        return "cut_explicit";
    case LIMEF_PLAN_CUT_REAL_TIME:
        return "cut_real_time";
    case LIMEF_PLAN_CUT_JOIN:
        return "cut_join";
    case LIMEF_PLAN_CUT_LOAD:
        return "cut_load";
    case LIMEF_PLAN_CUT_LATE:
        return "cut_late";
    case LIMEF_PLAN_CUT_BRANCH:
        return "cut_branch";
    case LIMEF_PLAN_CUT_PRIORITY:
        return "cut_priority";
    case LIMEF_PLAN_CUT_UNMEASURED:
        return "cut_unmeasured";
    case LIMEF_PLAN_CUT_MODE:
        return "cut_mode";
    case LIMEF_PLAN_CUT_TRIED:
        return "cut_tried";
    case LIMEF_PLAN_FUSED_TRIED:
        return "fused_tried";
    }
    return "unknown";
}

const char *limef_plan_mode_name(enum limef_plan_mode mode)
{
    static const char *const names[] = {"auto", "fused", "per_filter", "per_stream", "whitelist"};

    return (unsigned)mode < sizeof(names) / sizeof(*names) ? names[mode] : "unknown";
}

const char *limef_priority_name(enum limef_priority priority)
{
    static const char *const names[] = {"processing", "recording", "ingest",
                                        "display",    "audio",     "background"};

    return (unsigned)priority < sizeof(names) / sizeof(*names) ? names[priority] : "unknown";
}

const char *limef_overflow_name(enum limef_overflow overflow)
{
    static const char *const names[] = {"block", "drop oldest", "drop to key"};

    return (unsigned)overflow < sizeof(names) / sizeof(*names) ? names[overflow] : "unknown";
}

/* Text that grows to the end of its memory. */
struct line {
    char *at;
    size_t n_bytes;
};

LIMEF_PRINTF(2, 3)
static void say(struct line *line, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(line->at, line->n_bytes, format, args);
    va_end(args);
    if (n > 0) {
        size_t used = (size_t)n < line->n_bytes ? (size_t)n : line->n_bytes - 1;

        line->at += used;
        line->n_bytes -= used;
    }
}

/* One side of a cut: its first filter, and what a frame costs there. */
static void say_side(struct line *line, const struct limef_plan_problem *problem,
                     const struct limef_plan_island *island, bool p95)
{
    struct plan_figure ms;
    double rate_hz = problem->filters[island->first].rate_hz;
    double us = p95 ? island->p95_us : LIMEF_NOT_MEASURED;

    if (!p95 && plan_is_known(island->load) && rate_hz > 0)
        us = island->load * 1e6 / rate_hz;
    say(line, "%s %s ms", plan_label(problem, island->first).text,
        plan_figure(&ms, us < 0 ? us : us / 1e3, 1, "?"));
}

static void say_load(struct line *line, const struct limef_plan *plan,
                     const struct limef_plan_problem *problem, uint32_t edge)
{
    const struct limef_plan_island *from =
        &plan->islands[plan->island_of[problem->edges[edge].from]];
    const struct limef_plan_island *to = &plan->islands[plan->island_of[problem->edges[edge].to]];
    bool late = plan->links[edge].reason == LIMEF_PLAN_CUT_LATE;
    double rate_hz = problem->filters[to->first].rate_hz, load = LIMEF_NOT_MEASURED;
    struct plan_figure ms, cores;

    if (plan_is_known(from->load) && plan_is_known(to->load))
        load = from->load + to->load;
    say_side(line, problem, from, late);
    say(line, " + ");
    say_side(line, problem, to, late);
    say(line,
        late ? " in 95 of 100 frames, of %s ms, load %s of a core" : " of %s ms, load %s of a core",
        plan_figure(&ms, rate_hz > 0 ? 1e3 / rate_hz : LIMEF_NOT_MEASURED, 1, "?"),
        plan_figure(&cores, load, 2, "?"));
}

static void say_fused(struct line *line, const struct limef_plan *plan,
                      const struct limef_plan_problem *problem, uint32_t edge)
{
    const struct limef_plan_filter *to = &problem->filters[problem->edges[edge].to];
    const struct limef_plan_island *island =
        &plan->islands[plan->island_of[problem->edges[edge].to]];
    struct plan_figure a, b;

    switch (plan->links[edge].reason) {
    case LIMEF_PLAN_FUSED_NO_CPU:
        say(line, "all that is fused there loads %s of a core, but of %s cores none is free for it",
            plan_figure(&a, island->load, 2, "?"),
            plan_figure(&b, problem->machine.n_cpus, 1, "?"));
        break;
    case LIMEF_PLAN_FUSED_TRIED:
        say(line, "tried: with a cut there more frames are late; what is fused loads %s of a core",
            plan_figure(&a, island->load, 2, "?"));
        break;
    case LIMEF_PLAN_FUSED_UNMEASURED:
        say(line, "not measured yet, and nothing forces a cut");
        break;
    default:
        if (to->cost_us < problem->machine.handover_us)
            say(line, "%s us beside a handover of %s us", plan_figure(&a, to->cost_us, 1, "?"),
                plan_figure(&b, problem->machine.handover_us, 1, "?"));
        else
            say(line, "all that is fused there loads %s of a core",
                plan_figure(&a, island->load, 2, "?"));
    }
}

static struct plan_label bound_one(const struct limef_plan_problem *problem, uint32_t edge,
                                   unsigned flag)
{
    const struct limef_plan_edge *ends = &problem->edges[edge];

    return plan_label(problem, problem->filters[ends->to].flags & flag ? ends->to : ends->from);
}

static void say_cut(struct line *line, const struct limef_plan *plan,
                    const struct limef_plan_problem *problem, uint32_t edge)
{
    const struct limef_plan_edge *ends = &problem->edges[edge];
    uint32_t reader = plan->islands[plan->island_of[ends->from]].first;

    switch (plan->links[edge].reason) {
    case LIMEF_PLAN_CUT_BLOCKING:
        if (problem->filters[ends->to].flags & LIMEF_FILTER_BLOCKING) {
            say(line, "%s waits for devices", plan_label(problem, ends->to).text);
            break;
        }
        say(line, "%s would be read late: ", plan_label(problem, reader).text);
        say_load(line, plan, problem, edge);
        break;
    case LIMEF_PLAN_CUT_BOUND:
        say(line, "%s is bound to a thread",
            bound_one(problem, edge, LIMEF_FILTER_THREAD_BOUND).text);
        break;
    case LIMEF_PLAN_CUT_EXPLICIT:
        say(line, "they run on threads that the application gave");
        break;
    case LIMEF_PLAN_CUT_REAL_TIME:
        say(line, "%s is real-time", bound_one(problem, edge, LIMEF_FILTER_REAL_TIME).text);
        break;
    case LIMEF_PLAN_CUT_JOIN:
        say(line, "several threads come together at %s", plan_label(problem, ends->to).text);
        break;
    case LIMEF_PLAN_CUT_BRANCH:
        say(line, "%s works seldom, and then holds up other branches: ",
            plan_label(problem, ends->to).text);
        say_load(line, plan, problem, edge);
        break;
    case LIMEF_PLAN_CUT_PRIORITY:
        say(line, "%s before is of another urgency: ", plan_label(problem, reader).text);
        say_load(line, plan, problem, edge);
        break;
    case LIMEF_PLAN_CUT_TRIED:
        say(line, "tried: fewer frames are late with it: ");
        say_load(line, plan, problem, edge);
        break;
    case LIMEF_PLAN_CUT_UNMEASURED:
        say(line, "%s has threads of its own, and is not measured yet",
            plan_label(problem, ends->to).text);
        break;
    case LIMEF_PLAN_CUT_MODE:
        say(line, "the mode %s asks for it", limef_plan_mode_name(problem->mode));
        break;
    default:
        say_load(line, plan, problem, edge);
    }
}

static void say_fifo(struct line *line, const struct limef_plan *plan,
                     const struct limef_plan_problem *problem, uint32_t number)
{
    const struct limef_plan_edge *edge = &problem->edges[number];
    const struct limef_plan_link *link = &plan->links[number];
    double p95_us = plan->islands[plan->island_of[edge->to]].p95_us;
    struct plan_figure burst, jitter, busy, rate;

    say(line, "; %u deep, %s: ", link->depth, limef_overflow_name(link->overflow));
    if (!plan_is_known(edge->burst_frames) || !plan_is_known(edge->rate_hz)) {
        say(line, "bursts are not measured yet");
        return;
    }
    say(line, "bursts of %s, jitter %s ms, read in %s ms, %s a second",
        plan_figure(&burst, edge->burst_frames, 0, "?"),
        plan_figure(&jitter, edge->jitter_us / 1e3, 1, "?"),
        plan_figure(&busy, p95_us / 1e3, 1, "?"), plan_figure(&rate, edge->rate_hz, 1, "?"));
}

void limef_plan_explain(const struct limef_plan *plan, const struct limef_plan_problem *problem,
                        uint32_t edge, char *text, size_t n_bytes)
{
    struct line line = {.at = text, .n_bytes = n_bytes};

    if (!n_bytes)
        return;
    say(&line, plan->links[edge].is_cut ? "cut: " : "fused: ");
    if (plan->links[edge].is_cut) {
        say_cut(&line, plan, problem, edge);
        say_fifo(&line, plan, problem, edge);
    } else {
        say_fused(&line, plan, problem, edge);
    }
}
