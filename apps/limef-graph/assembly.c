/* SPDX-License-Identifier: MIT */
#include "assembly.h"

#include "null.h"

#include <limef/base/log.h>
#include <limef/filter/presenter.h>
#include <limef/filter/split.h>
#include <limef/thread/machine.h>

#include <libavutil/error.h>
#include <stdlib.h>
#include <string.h>

static void *allocate(size_t bytes)
{
    size_t rounded =
        (bytes + LIMEF_CACHE_LINE_BYTES - 1) / LIMEF_CACHE_LINE_BYTES * LIMEF_CACHE_LINE_BYTES;
    void *memory = aligned_alloc(LIMEF_CACHE_LINE_BYTES, rounded);

    return memory ? memset(memory, 0, rounded) : NULL;
}

/* Finds the kinds. Returns 0 or -1. */
static int find_kinds(struct assembly *assembly, const struct description *description,
                      struct description_error *error)
{
    char list[224];

    element_kind_list(list, sizeof(list));
    for (uint32_t i = 0; i < description->n_elements; i++) {
        const struct description_element *what = &description->elements[i];
        struct element *element = &assembly->elements[i];

        element->kind = element_kind_find(what->kind);
        element->at = what->at;
        if (!element->kind)
            return description_fail(error, what->at, "not one of %s", list);
        if (element->kind->traits & ELEMENT_SOURCE)
            element->slot = assembly->n_sources++;
    }
    assembly->n_slots = assembly->n_sources;
    for (uint32_t i = 0; i < description->n_elements; i++)
        if (assembly->elements[i].kind->traits & ELEMENT_MOSAIC)
            assembly->elements[i].slot = assembly->n_slots++;
    return 0;
}

static int count_links(struct assembly *assembly, const struct description *description,
                       struct description_error *error)
{
    for (uint32_t i = 0; i < description->n_links; i++) {
        const struct description_link *link = &description->links[i];
        struct element *from = &assembly->elements[link->from];
        struct element *to = &assembly->elements[link->to];

        if (to->kind->traits & ELEMENT_SOURCE)
            return description_fail(error, link->at, "%s makes frames: nothing can lead to it",
                                    to->kind->kind);
        if (from->n_outputs && !(from->kind->traits & ELEMENT_SPLIT))
            return description_fail(error, link->at,
                                    "what is before this leads elsewhere already; use split");
        if (from->n_outputs == LIMEF_SPLIT_MAX_BRANCHES + 1)
            return description_fail(error, link->at, "more than %d branches of one split",
                                    LIMEF_SPLIT_MAX_BRANCHES + 1);
        from->n_outputs++;
        to->n_inputs++;
    }
    for (uint32_t i = 0; i < description->n_elements; i++)
        if (!assembly->elements[i].n_inputs &&
            !(assembly->elements[i].kind->traits & ELEMENT_SOURCE))
            return description_fail(
                error, assembly->elements[i].at,
                "nothing leads to this: a chain begins with a source or a name");
    return 0;
}

/* Depth first: the link that leads back to where the way to it came along; NULL: none does. As deep
 * as a description has elements. */
static const struct description_link *
find_way_back(struct assembly *assembly, const struct description *description, uint32_t at)
{
    const struct description_link *back = NULL;

    assembly->elements[at].visit = ELEMENT_ON_THE_WAY;
    for (uint32_t i = 0; i < description->n_links && !back; i++) {
        const struct description_link *link = &description->links[i];

        if (link->from != at)
            continue;
        if (assembly->elements[link->to].visit == ELEMENT_ON_THE_WAY)
            back = link;
        else if (assembly->elements[link->to].visit == ELEMENT_NOT_SEEN)
            back = find_way_back(assembly, description, link->to);
    }
    assembly->elements[at].visit = ELEMENT_SEEN;
    return back;
}

/* Begins with the sources, then takes what no source leads to. */
static int refuse_circle(struct assembly *assembly, const struct description *description,
                         struct description_error *error)
{
    const struct description_link *back = NULL;

    for (uint32_t i = 0; i < description->n_elements && !back; i++)
        if (assembly->elements[i].kind->traits & ELEMENT_SOURCE)
            back = find_way_back(assembly, description, i);
    for (uint32_t i = 0; i < description->n_elements && !back; i++)
        if (assembly->elements[i].visit == ELEMENT_NOT_SEEN)
            back = find_way_back(assembly, description, i);
    return back ? description_fail(error, back->at,
                                   "this closes a circle; what comes out cannot go in again")
                : 0;
}

/* Writes the levels. There is no circle. */
static void find_levels(struct assembly *assembly, const struct description *description)
{
    bool has_changed = true;

    while (has_changed) {
        has_changed = false;
        for (uint32_t i = 0; i < description->n_links; i++) {
            const struct description_link *link = &description->links[i];
            uint32_t level = assembly->elements[link->from].level + 1;

            if (assembly->elements[link->to].level >= level)
                continue;
            assembly->elements[link->to].level = level;
            has_changed = true;
        }
    }
}

/* An END comes along every way from a source; a switch passes that of the input on air alone. */
static uint32_t n_ends_behind(const struct element *element)
{
    return element->kind->traits & (ELEMENT_SOURCE | ELEMENT_SWITCH) ? 1 : element->n_ends;
}

static void count_ends(struct assembly *assembly, const struct description *description)
{
    uint32_t n = description->n_elements;

    for (uint32_t level = 0; level <= n; level++)
        for (uint32_t i = 0; i < description->n_links; i++) {
            const struct element *from = &assembly->elements[description->links[i].from];
            struct element *to = &assembly->elements[description->links[i].to];

            if (from->level == level && to->n_ends < UINT16_MAX)
                to->n_ends += n_ends_behind(from);
        }
    for (uint32_t i = n; i < assembly->n_elements; i++)
        assembly->elements[i].n_ends =
            n_ends_behind(&assembly->elements[assembly->elements[i].behind]);
}

/* What was named keeps its name; the others are numbered where there are more of the kind. */
static void name_elements(struct assembly *assembly, const struct description *description)
{
    for (uint32_t i = 0; i < assembly->n_elements; i++) {
        struct element *element = &assembly->elements[i];
        const char *name = i < description->n_elements ? description->elements[i].name : NULL;
        unsigned n_before = 0;

        for (uint32_t k = 0; k < i; k++)
            n_before += assembly->elements[k].kind == element->kind;
        if (name)
            snprintf(element->name, sizeof(element->name), "%s", name);
        else if (n_before)
            snprintf(element->name, sizeof(element->name), "%s-%u", element->kind->kind,
                     n_before + 1);
        else
            snprintf(element->name, sizeof(element->name), "%s", element->kind->kind);
    }
}

static int init_element(struct assembly *assembly, const struct description *description,
                        uint32_t i, struct description_error *error)
{
    struct element *element = &assembly->elements[i];
    struct value values[ARGUMENTS_MAX] = {{0}};
    int ret;

    if (i < description->n_elements &&
        arguments_read(description, i, element->kind->parameters, values, error) < 0)
        return AVERROR(EINVAL);
    element->filter = allocate(element->kind->bytes);
    ret = element->filter ? element->kind->init(assembly, element, values) : AVERROR(ENOMEM);
    if (ret < 0)
        description_fail(error, element->at, "%s cannot be set up", element->kind->kind);
    return ret;
}

static void add_null(struct assembly *assembly, uint32_t behind)
{
    struct element *element = &assembly->elements[assembly->n_elements++];

    element->kind = element_kind_find("null");
    element->at = assembly->elements[behind].at;
    element->behind = behind;
    element->n_inputs = 1;
}

/* The next output that is free. */
static int connect(struct element *from, struct limef_filter *to)
{
    if (!from->filter->next) {
        limef_connect(from->filter, to);
        return 0;
    }
    return limef_split_connect((struct limef_split_filter *)(void *)from->filter, to,
                               LIMEF_SPLIT_FROM_NOW);
}

static int connect_all(struct assembly *assembly, const struct description *description)
{
    int ret = 0;

    for (uint32_t i = 0; i < description->n_links && ret >= 0; i++) {
        const struct description_link *link = &description->links[i];
        struct element *to = &assembly->elements[link->to];
        struct limef_filter *filter = to->filter;

        if (to->inputs)
            filter = &to->inputs[to->n_connected++].filter;
        ret = connect(&assembly->elements[link->from], filter);
    }
    for (uint32_t i = description->n_elements; i < assembly->n_elements && ret >= 0; i++)
        ret = connect(&assembly->elements[assembly->elements[i].behind],
                      assembly->elements[i].filter);
    return ret;
}

/* Whose slot comes to an element, if that is one slot alone; -1. */
static int64_t only_slot(const struct assembly *assembly, const struct description *description,
                         uint32_t at)
{
    for (uint32_t i = 0; i < description->n_links && assembly->elements[at].n_inputs == 1; i++) {
        const struct description_link *link = &description->links[i];

        if (link->to != at)
            continue;
        if (assembly->elements[link->from].kind->traits & (ELEMENT_MOSAIC | ELEMENT_SOURCE))
            return assembly->elements[link->from].slot;
        at = link->from;
        i = UINT32_MAX; /* from the first link again */
    }
    return -1;
}

/* A screen that one slot comes to shows that alone. */
static void lay_out_screens(struct assembly *assembly, const struct description *description)
{
    for (uint32_t i = 0; i < description->n_elements; i++) {
        const struct element *element = &assembly->elements[i];
        int64_t slot =
            element->kind->traits & ELEMENT_SCREEN ? only_slot(assembly, description, i) : -1;

        if (slot >= 0)
            limef_presenter_set_layout((struct limef_presenter *)(void *)element->filter,
                                       (uint32_t)slot);
    }
}

static int make_graph(struct assembly *assembly, const struct limef_graph_settings *settings)
{
    struct limef_graph_settings with_reports = *settings;
    size_t bytes = LIMEF_GRAPH_BYTES(2 * (size_t)assembly->n_elements + 16);
    int ret;

    with_reports.reports = &assembly->reports;
    assembly->memory = allocate(bytes);
    ret = assembly->memory
              ? limef_graph_init(&assembly->graph, assembly->memory, bytes, &with_reports)
              : AVERROR(ENOMEM);
    for (uint32_t i = 0; i < assembly->n_elements && ret >= 0; i++)
        if (assembly->elements[i].kind->traits & ELEMENT_SOURCE)
            ret =
                limef_graph_add(&assembly->graph, LIMEF_CONTAINER_OF(assembly->elements[i].filter,
                                                                     struct limef_source, filter));
    return ret;
}

/* Memory of a helper for each core but the one whose thread calls. */
static int make_helpers(struct assembly *assembly, double n_cpus)
{
    bool is_used = false;

    for (uint32_t i = 0; i < assembly->n_elements; i++)
        is_used |= assembly->elements[i].kind->traits & ELEMENT_TEAM;
    n_cpus = n_cpus > 0 ? n_cpus : limef_machine_n_cpus();
    if (!is_used || n_cpus < 2)
        return 0;
    assembly->helpers = allocate(((size_t)n_cpus - 1) * sizeof(*assembly->helpers));
    if (!assembly->helpers)
        return AVERROR(ENOMEM);
    assembly->n_helpers = (unsigned)n_cpus - 1;
    return 0;
}

int assembly_build(struct assembly *assembly, const struct description *description,
                   const struct limef_graph_settings *settings, struct description_error *error)
{
    uint32_t n = description->n_elements;
    int ret;

    *error = (struct description_error){0};
    ret = limef_reports_init(&assembly->reports);
    if (ret < 0)
        return ret;
    assembly->elements = calloc(2 * (size_t)n, sizeof(*assembly->elements));
    if (!assembly->elements)
        return AVERROR(ENOMEM);
    assembly->n_elements = n;
    if (find_kinds(assembly, description, error) < 0 ||
        count_links(assembly, description, error) < 0 ||
        refuse_circle(assembly, description, error) < 0)
        return AVERROR(EINVAL);
    find_levels(assembly, description);
    assembly->end_codes = calloc(assembly->n_slots, sizeof(*assembly->end_codes));
    if (!assembly->end_codes)
        return AVERROR(ENOMEM);
    for (uint32_t i = 0; i < n; i++)
        if (!assembly->elements[i].n_outputs &&
            !(assembly->elements[i].kind->traits & ELEMENT_NULL))
            add_null(assembly, i);
    name_elements(assembly, description);
    count_ends(assembly, description);
    for (uint32_t i = 0; i < assembly->n_elements; i++) {
        ret = init_element(assembly, description, i, error);
        if (ret < 0)
            return ret;
    }
    ret = connect_all(assembly, description);
    if (ret >= 0)
        ret = make_helpers(assembly, settings->n_cpus);
    lay_out_screens(assembly, description);
    return ret < 0 ? ret : make_graph(assembly, settings);
}

int assembly_start(struct assembly *assembly)
{
    int ret = assembly->n_helpers ? limef_team_start(&assembly->team, assembly->helpers,
                                                     assembly->n_helpers, "team")
                                  : 0;

    return ret < 0 ? ret : limef_graph_start(&assembly->graph);
}

int assembly_stop(struct assembly *assembly, int64_t timeout_us)
{
    int ret = assembly->graph.inside ? limef_graph_stop(&assembly->graph, timeout_us) : 0;

    if (ret != AVERROR(ETIMEDOUT)) { /* else somebody may be calling it */
        int stopped = limef_team_stop(&assembly->team, timeout_us);

        if (stopped < 0)
            ret = stopped;
    }
    return ret;
}

static bool is_showing(const struct assembly *assembly, const struct element *screen)
{
    struct limef_presenter_slot_counters counters;

    /* a mosaic has no end of its own */
    for (uint32_t slot = 0; slot < assembly->n_sources; slot++) {
        limef_presenter_get_counters((const struct limef_presenter *)(const void *)screen->filter,
                                     slot, &counters);
        if (counters.state == LIMEF_TILE_PLAYING)
            return true;
    }
    return false;
}

bool assembly_has_ended(const struct assembly *assembly)
{
    for (uint32_t i = 0; i < assembly->n_elements; i++) {
        const struct element *element = &assembly->elements[i];

        if (element->kind->traits & ELEMENT_NULL && element->n_ends > 0 &&
            LIMEF_COUNTED(((const struct null_sink *)(const void *)element->filter)->n_ended) <
                element->n_ends)
            return false;
        if (element->kind->traits & ELEMENT_SCREEN && is_showing(assembly, element))
            return false;
    }
    return true;
}

bool assembly_clear(struct assembly *assembly)
{
    bool is_written = true;

    if (assembly->graph.inside)
        limef_graph_clear(&assembly->graph);
    for (uint32_t i = 0; i < assembly->n_elements; i++)
        if (assembly->elements[i].filter && assembly->elements[i].filter->ops) /* it was set up */
            is_written &= element_finish(assembly, &assembly->elements[i]);
    for (uint32_t i = 0; i < assembly->n_elements; i++)
        element_clear(&assembly->elements[i]);
    if (assembly->reports.fd)
        limef_reports_clear(&assembly->reports);
    free(assembly->elements);
    free(assembly->end_codes);
    free(assembly->memory);
    free(assembly->helpers);
    *assembly = (struct assembly){0};
    return is_written;
}
