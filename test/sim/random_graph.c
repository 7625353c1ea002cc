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

static uint32_t add_source(struct sim_graph *graph, struct dice *dice)
{
    double rate_hz = happens(dice, 0.75) ? 10 + 50 * draw(dice) : 50 + 250 * draw(dice);
    uint32_t source = sim_add_source(graph, rate_hz, 5 + 45 * draw(dice));

    graph->filters[source].is_live = happens(dice, 0.6);
    if (!graph->filters[source].is_live)
        graph->filters[source].flags = LIMEF_FILTER_SOURCE;
    if (happens(dice, 0.3))
        graph->filters[source].late_us = 0.3e6 / rate_hz * draw(dice);
    if (happens(dice, 0.1))
        graph->filters[source].burst = 2 + draw_up_to(dice, 3);
    return source;
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

static double load_of(const struct sim_graph *graph, double *heaviest)
{
    double rates[64] = {0}, load = 0;

    *heaviest = 0;
    for (uint32_t i = 0; i < graph->n_filters; i++) {
        rates[i] += graph->filters[i].rate_hz;
        for (uint32_t k = 0; k < graph->n_edges; k++) {
            uint32_t from = graph->edges[k].from;

            if (graph->edges[k].to == i)
                rates[i] += rates[from] /
                            (graph->filters[from].keep_every ? graph->filters[from].keep_every : 1);
        }
        load += rates[i] * graph->filters[i].cost_us / 1e6;
        *heaviest = fmax(*heaviest, rates[i] * graph->filters[i].cost_us / 1e6);
    }
    return load;
}

void scenario_random(struct sim_graph *graph, struct sim_machine *machine, uint64_t seed,
                     unsigned max_filters)
{
    struct dice dice = {.seed = seed};
    unsigned n_sources = 1 + draw_up_to(&dice, 3), n;
    double wanted, heaviest, load, factor;

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

    /* from idle to nearly full, where no filter alone is more than a core can do; light graphs,
     * where boundaries cost most, as often as heavy ones */
    wanted = machine->n_cpus *
             (happens(&dice, 0.6) ? 0.2 + 0.7 * draw(&dice) : 0.002 * pow(100, draw(&dice)));
    load = load_of(graph, &heaviest);
    factor = wanted / load;
    if (factor * heaviest > 0.8)
        factor = 0.8 / heaviest;
    for (uint32_t i = 0; i < graph->n_filters; i++)
        graph->filters[i].cost_us *= factor;
}
