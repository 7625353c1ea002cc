/* SPDX-License-Identifier: MIT */
#include "sim/scenarios.h"

#include <math.h>

/* Draws one after another. */
struct dice {
    uint64_t seed, n;
};

static double draw(struct dice *dice)
{
    return sim_draw(dice->seed, 1, dice->n++);
}

static unsigned draw_up_to(struct dice *dice, unsigned n)
{
    return (unsigned)(draw(dice) * n);
}

static bool happens(struct dice *dice, double probability)
{
    return draw(dice) < probability;
}

/* How frames of a source come. */
static uint32_t come(struct sim_graph *graph, struct dice *dice, uint32_t source)
{
    struct sim_filter *filter = &graph->filters[source];

    if (happens(dice, 0.3))
        filter->late_us = 0.3e6 / filter->rate_hz * draw(dice);
    if (happens(dice, 0.1))
        filter->burst = 2 + draw_up_to(dice, 3);
    return source;
}

static uint32_t add_source(struct sim_graph *graph, struct dice *dice)
{
    double rate_hz = happens(dice, 0.75) ? 10 + 50 * draw(dice) : 50 + 250 * draw(dice);
    double cost_us = 5 + 45 * draw(dice);

    return come(graph, dice,
                happens(dice, 0.6) ? sim_add_source(graph, rate_hz, cost_us)
                                   : sim_add_file(graph, rate_hz, cost_us));
}

static void add_filter(struct sim_graph *graph, struct dice *dice, uint32_t begin)
{
    uint32_t n = graph->n_filters - begin;
    uint32_t behind = begin + (happens(dice, 0.75) ? n - 1 : draw_up_to(dice, n));
    /* light ones are as likely as heavy ones, by the logarithm */
    uint32_t number = sim_add_behind(graph, behind, "filter", 5 * pow(2000, draw(dice)));
    struct sim_filter *filter = &graph->filters[number];

    filter->jitter = 0.3 * draw(dice);
    if (happens(dice, 0.15))
        filter->heavy = 1 + 2 * draw(dice);
    if (happens(dice, 0.1))
        filter->keep_every = 2 + draw_up_to(dice, 4);
    if (happens(dice, 0.05))
        filter->flags |= LIMEF_FILTER_RECORDS;
}

/* A filter that gets frames of two others, not before it. */
static void add_join(struct sim_graph *graph, struct dice *dice)
{
    uint32_t a = draw_up_to(dice, graph->n_filters), b = draw_up_to(dice, graph->n_filters);
    uint32_t join;

    if (a == b)
        return;
    join = sim_add_behind(graph, a, "join", 20);
    sim_add_edge(graph, b, join);
}

/* heaviest: of one thread. */
static double load_of(const struct sim_graph *graph, double *heaviest)
{
    double rates[64] = {0}, load = 0;

    *heaviest = 0;
    for (uint32_t i = 0; i < graph->n_filters; i++) {
        const struct sim_filter *filter = &graph->filters[i];

        rates[i] += filter->rate_hz;
        for (uint32_t k = 0; k < graph->n_edges; k++) {
            uint32_t from = graph->edges[k].from;

            if (graph->edges[k].to == i)
                rates[i] += rates[from] /
                            (graph->filters[from].keep_every ? graph->filters[from].keep_every : 1);
        }
        load += rates[i] * (filter->cost_us + filter->inside_us) / 1e6;
        *heaviest = fmax(*heaviest, rates[i] * filter->cost_us / 1e6);
        if (filter->n_inside)
            *heaviest = fmax(*heaviest, rates[i] * filter->inside_us / filter->n_inside / 1e6);
    }
    return load;
}

/* From idle to nearly full, where no thread alone is more than a core can do; light graphs, where
 * boundaries cost most, as often as heavy ones. */
static void load(struct sim_graph *graph, const struct sim_machine *machine, struct dice *dice)
{
    double wanted = machine->n_cpus *
                    (happens(dice, 0.6) ? 0.2 + 0.7 * draw(dice) : 0.002 * pow(100, draw(dice)));
    double heaviest, factor = wanted / load_of(graph, &heaviest);

    if (factor * heaviest > 0.8)
        factor = 0.8 / heaviest;
    for (uint32_t i = 0; i < graph->n_filters; i++) {
        graph->filters[i].cost_us *= factor;
        graph->filters[i].inside_us *= factor;
    }
}

void scenario_random(struct sim_graph *graph, struct sim_machine *machine, uint64_t seed,
                     unsigned max_filters)
{
    struct dice dice = {.seed = seed};
    unsigned n_sources = 1 + draw_up_to(&dice, 3), n;

    *machine = (struct sim_machine){.n_cpus = 1u << draw_up_to(&dice, 4)};
    n = n_sources + 1 + draw_up_to(&dice, max_filters - n_sources - 1);
    for (unsigned i = 0; i < n_sources; i++) {
        uint32_t begin = add_source(graph, &dice);
        unsigned share = (n - graph->n_filters - (n_sources - 1 - i)) / (n_sources - i);

        for (unsigned k = 0; k < share; k++)
            add_filter(graph, &dice, begin);
    }
    if (graph->n_filters < max_filters && happens(&dice, 0.15))
        add_join(graph, &dice);
    load(graph, machine, &dice);
}

/* ---- of real types ---- */

enum passes { PACKETS, PICTURES, NOTHING };

/* A graph that is being built: what its filters pass on. */
struct types {
    struct sim_graph *graph;
    struct dice *dice;
    enum passes passes[64];
    bool is_shown[64]; /* on the display */
};

static void add_typed_source(struct types *types)
{
    struct dice *dice = types->dice;
    double rate_hz = 10 + 50 * draw(dice), cost_us = 5 + 45 * draw(dice), which = draw(dice);
    uint32_t source = which < 0.5 ? sim_add_source(types->graph, rate_hz, cost_us)
                                  : sim_add_file(types->graph, rate_hz, cost_us);

    types->graph->filters[source].kind = which < 0.5 ? "rtsp source" : "file source";
    if (which >= 0.85) /* a live one that libavformat reads */
        types->graph->filters[source].is_live = true;
    types->passes[come(types->graph, dice, source)] = PACKETS;
}

/* least..most: by the logarithm. */
static struct sim_filter *add_typed(struct types *types, uint32_t behind, const char *kind,
                                    double least_us, double most_us, enum passes passes)
{
    double cost_us = least_us * pow(most_us / least_us, draw(types->dice));
    uint32_t number = sim_add_behind(types->graph, behind, kind, cost_us);
    struct sim_filter *filter = &types->graph->filters[number];

    filter->jitter = 0.3 * draw(types->dice);
    types->graph->edges[types->graph->n_edges - 1].is_encoded = types->passes[behind] == PACKETS;
    types->passes[number] = passes;
    return filter;
}

/* What libavcodec does on threads of its own is more or less than what it does on the caller's. */
static void add_codec(struct types *types, uint32_t behind, const char *kind, enum passes passes)
{
    struct sim_filter *filter = add_typed(types, behind, kind, 1000, 20000, passes);

    if (happens(types->dice, 0.5))
        filter->heavy = 1 + 2 * draw(types->dice);
    if (!happens(types->dice, 0.4))
        return;
    filter->inside_us = filter->cost_us * 2 * draw(types->dice);
    filter->n_inside = 1 + draw_up_to(types->dice, 4);
}

static void add_behind_packets(struct types *types, uint32_t behind)
{
    double which = draw(types->dice);

    if (which < 0.5)
        add_codec(types, behind, "decode", PICTURES);
    else if (which < 0.7)
        add_typed(types, behind, "writer", 20, 200, NOTHING);
    else if (which < 0.75)
        add_typed(types, behind, "sound", 20, 200, NOTHING)->flags = LIMEF_FILTER_REAL_TIME;
    else
        add_typed(types, behind, "gate", 1, 20, PACKETS);
}

static void add_behind_pictures(struct types *types, uint32_t behind)
{
    double which = draw(types->dice);

    if (which < 0.35)
        add_typed(types, behind, "scale", 500, 10000, PICTURES);
    else if (which < 0.55)
        add_typed(types, behind, "filter", 5, 10000, PICTURES);
    else if (which < 0.65)
        add_typed(types, behind, "throttle", 1, 5, PICTURES)->keep_every =
            2 + draw_up_to(types->dice, 24);
    else if (which < 0.85)
        add_codec(types, behind, "encode", PACKETS);
    else
        add_typed(types, behind, "snapshot", 3000, 15000, NOTHING);
}

/* Mostly behind the last one, else a branch. */
static void add_typed_filter(struct types *types, uint32_t begin)
{
    uint32_t n = types->graph->n_filters - begin, behind = types->graph->n_filters - 1;

    if (!happens(types->dice, 0.75))
        behind = begin + draw_up_to(types->dice, n);
    while (types->passes[behind] == NOTHING)
        behind--; /* down to the source */
    if (types->passes[behind] == PACKETS)
        add_behind_packets(types, behind);
    else
        add_behind_pictures(types, behind);
}

/* The last picture of each source on one display. */
static void add_display(struct types *types, uint32_t n_before)
{
    uint32_t display = LIMEF_PLAN_NONE;

    for (uint32_t i = 0; i < n_before; i++) {
        if (!types->is_shown[i])
            continue;
        if (display == LIMEF_PLAN_NONE)
            display = sim_add_filter(types->graph, "presenter", 200 + 1300 * draw(types->dice));
        sim_add_edge(types->graph, i, display);
    }
}

void scenario_types(struct sim_graph *graph, struct sim_machine *machine, uint64_t seed,
                    unsigned max_filters)
{
    struct dice dice = {.seed = seed ^ 0x7e5};
    struct types types = {.graph = graph, .dice = &dice};
    unsigned n_sources = 1 + draw_up_to(&dice, 3), n;
    bool has_display = happens(&dice, 0.5);

    *machine = (struct sim_machine){.n_cpus = 1u << draw_up_to(&dice, 4)};
    n = n_sources + 1 + draw_up_to(&dice, max_filters - n_sources - 2);
    for (unsigned i = 0; i < n_sources; i++) {
        uint32_t begin = graph->n_filters, shown = LIMEF_PLAN_NONE;
        unsigned share = (n - begin - (n_sources - i)) / (n_sources - i);

        add_typed_source(&types);
        for (unsigned k = 0; k < share; k++)
            add_typed_filter(&types, begin);
        for (uint32_t k = begin; k < graph->n_filters && has_display; k++)
            if (types.passes[k] == PICTURES)
                shown = k;
        if (shown != LIMEF_PLAN_NONE)
            types.is_shown[shown] = true;
    }
    add_display(&types, graph->n_filters);
    load(graph, machine, &dice);
}
