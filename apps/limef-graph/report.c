/* SPDX-License-Identifier: MIT */
#include "report.h"

#include "json.h"
#include "null.h"

#include <limef/base/version.h>
#include <limef/filter/file_source.h>
#include <limef/thread/plan_print.h>

#include <sys/resource.h>

static void put_number(struct json *json, const char *key, double number)
{
    if (number < 0)
        json_null(json, key);
    else
        json_decimal(json, key, number);
}

static void put_process(struct json *json, const struct watch *watch)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    json_string(json, "version", limef_version());
    json_decimal(json, "wall_s", (double)(watch->looked_us - watch->began_us) / 1e6);
    json_decimal(json, "cpu_s", watch->cpu_s);
    json_integer(json, "max_rss_bytes", (int64_t)usage.ru_maxrss * 1024);
    json_integer(json, "threads", watch->max_threads);
    json_integer(json, "switches_voluntary", usage.ru_nvcsw);
    json_integer(json, "switches_involuntary", usage.ru_nivcsw);
    json_integer(json, "plan_changes",
                 (int64_t)limef_graph_n_plan_changes(&watch->assembly->graph));
    json_integer(json, "plan_changes_failed",
                 (int64_t)limef_graph_n_failed_changes(&watch->assembly->graph));
    json_integer(json, "frames_lost", (int64_t)limef_graph_n_lost(&watch->assembly->graph));
}

static void add_histogram(struct limef_histogram *sum, const struct limef_histogram *histogram)
{
    for (unsigned i = 0; i < LIMEF_HISTOGRAM_N_BUCKETS; i++)
        LIMEF_COUNT(sum->n[i], LIMEF_COUNTED(histogram->n[i]));
}

/* What arrived at the ends of the chains. */
static void put_frames(struct json *json, const struct assembly *assembly)
{
    static struct limef_histogram age;
    uint64_t n = 0, n_timed = 0, n_on_time = 0;

    for (uint32_t i = 0; i < assembly->n_elements; i++) {
        const struct element *element = &assembly->elements[i];
        const struct null_sink *sink = (const struct null_sink *)(const void *)element->filter;

        if (!(element->kind->traits & ELEMENT_NULL))
            continue;
        n += LIMEF_COUNTED(sink->n_media);
        n_timed += LIMEF_COUNTED(sink->n_timed);
        n_on_time += LIMEF_COUNTED(sink->n_on_time);
        add_histogram(&age, &sink->age);
    }
    json_integer(json, "frames", (int64_t)n);
    json_integer(json, "frames_timed", (int64_t)n_timed);
    json_integer(json, "frames_on_time", (int64_t)n_on_time);
    put_number(json, "on_time_share", n_timed ? (double)n_on_time / (double)n_timed : -1);
    json_open(json, "age_ms", '{');
    put_number(json, "p50", (double)limef_histogram_percentile_us(&age, 0.5) / 1e3);
    put_number(json, "p99", (double)limef_histogram_percentile_us(&age, 0.99) / 1e3);
    json_close(json, '}');
}

static void put_filters(struct json *json, const struct watch *watch)
{
    json_open(json, "filters", '[');
    for (size_t i = 0; i < watch->n_filters; i++) {
        const struct limef_graph_filter_look *look = &watch->filters[i];

        json_open(json, NULL, '{');
        json_string(json, "name", look->name);
        json_string(json, "kind", look->kind);
        json_string(json, "thread", look->thread);
        json_string(json, "priority", limef_priority_name(look->priority));
        json_integer(json, "frames", (int64_t)look->n_frames);
        put_number(json, "cost_us", look->cost_us);
        put_number(json, "p95_us", look->p95_us);
        put_number(json, "rate_hz", look->rate_hz);
        json_integer(json, "copied_bytes", (int64_t)LIMEF_COUNTED(look->filter->copied_bytes));
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void put_boundaries(struct json *json, const struct watch *watch)
{
    json_open(json, "boundaries", '[');
    for (size_t i = 0; i < watch->n_boundaries; i++) {
        const struct limef_graph_boundary_look *boundary = &watch->boundaries[i];

        json_open(json, NULL, '{');
        json_string(json, "from", boundary->from->name);
        json_string(json, "to", boundary->to->name);
        json_integer(json, "depth", boundary->counters.depth);
        json_integer(json, "max_used", boundary->counters.max_used);
        json_integer(json, "writes", (int64_t)boundary->counters.n_written);
        json_integer(json, "drops", (int64_t)limef_lane_n_dropped(&boundary->counters));
        json_integer(json, "copied_bytes", (int64_t)boundary->counters.copied_bytes);
        json_open(json, "wait_us", '{');
        json_integer(json, "p50", boundary->wait_p50_us);
        json_integer(json, "p99", boundary->wait_p99_us);
        json_close(json, '}');
        json_close(json, '}');
    }
    json_close(json, ']');
}

/* The latest, with why. */
static void put_changes(struct json *json, const struct watch *watch)
{
    const struct limef_graph_change *changes = watch->changes;

    json_open(json, "changes", '[');
    for (size_t i = 0; i < watch->n_changes; i++) {
        json_open(json, NULL, '{');
        json_decimal(json, "at_s", (double)(changes[i].at_us - watch->began_us) / 1e6);
        json_integer(json, "number", (int64_t)changes[i].number);
        json_integer(json, "code", changes[i].code);
        json_string(json, "what", changes[i].what);
        json_string(json, "why", changes[i].why);
        json_close(json, '}');
    }
    json_close(json, ']');
}

void report_print_json(const struct watch *watch, FILE *file)
{
    struct json json = {.file = file};

    json_open(&json, NULL, '{');
    put_process(&json, watch);
    put_frames(&json, watch->assembly);
    put_filters(&json, watch);
    put_boundaries(&json, watch);
    put_changes(&json, watch);
    json_close(&json, '}');
    fputc('\n', file);
    fflush(file);
}

void report_print_text(const struct watch *watch, FILE *file)
{
    limef_graph_print(&watch->assembly->graph, limef_plan_print_text, file);
    fprintf(file, "%s\n", watch->n_changes ? "changes of the plan:" : "the plan did not change");
    watch_print_changes(watch, LIMEF_GRAPH_CHANGES, file);
    fflush(file);
}
