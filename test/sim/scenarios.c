/* SPDX-License-Identifier: MIT */
#include "sim/scenarios.h"

#include <string.h>

static const double picture_bytes = 1920 * 1080 * 1.5;

static uint32_t add_camera(struct sim_graph *graph, double rate_hz)
{
    uint32_t source = sim_add_source(graph, rate_hz, 30);

    graph->filters[source].late_us = 5000;
    return source;
}

static uint32_t add_file(struct sim_graph *graph, double rate_hz)
{
    return sim_add_file(graph, rate_hz, 40);
}

/* A filter whose cost spreads as decoders' and scalers' does. */
static uint32_t add(struct sim_graph *graph, uint32_t from, const char *kind, double cost_us)
{
    uint32_t number = sim_add_behind(graph, from, kind, cost_us);

    graph->filters[number].jitter = 0.15;
    if (graph->filters[from].flags & LIMEF_FILTER_SOURCE ||
        !strcmp(graph->filters[from].kind, "demux"))
        graph->edges[graph->n_edges - 1].is_encoded = true;
    else
        graph->edges[graph->n_edges - 1].frame_bytes = picture_bytes;
    return number;
}

/* Packets of cameras: parsed, stamped, counted, written. */
static void build_light(struct sim_graph *graph, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        uint32_t last = add_camera(graph, 25);

        for (unsigned k = 0; k < 9; k++)
            last = add(graph, last, "light", 8);
    }
}

static void build_decodes(struct sim_graph *graph, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        uint32_t decode = add(graph, add_camera(graph, 25), "decode", 6000);

        graph->filters[decode].heavy = 1.5;
        add(graph, add(graph, decode, "scale", 1200), "sink", 50);
    }
}

static void build_transcode(struct sim_graph *graph, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        uint32_t scale =
            add(graph, add(graph, add_file(graph, 25), "decode", 15000), "scale", 8000);

        add(graph, add(graph, scale, "encode", 22000), "mux", 60);
    }
}

static void build_resize(struct sim_graph *graph, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        add(graph, add(graph, add(graph, add_camera(graph, 25), "decode", 24000), "scale", 17000),
            "sink", 20);
}

/* Recording, showing, a snapshot now and then, a transcode: what a recorder for cameras does. */
static void build_mix(struct sim_graph *graph, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        uint32_t split = add(graph, add_camera(graph, 25), "demux", 3), decode, tap;
        uint32_t throttle;

        add(graph, split, "writer", 80);
        decode = add(graph, split, "decode", 7000);
        tap = add(graph, decode, "split", 3);
        add(graph, add(graph, tap, "scale", 1500), "sink", 60);
        throttle = add(graph, tap, "throttle", 2);
        graph->filters[throttle].keep_every = 25;
        /* not of the library's type, whose thread is a background one: here that would run when
         * nobody else wants to, which is harsher than Linux */
        add(graph, throttle, "jpeg", 9000);
    }
    add(graph, add(graph, add(graph, add_file(graph, 25), "decode", 8000), "scale", 6000), "encode",
        20000);
    build_light(graph, 8);
}

/* Cameras on one display, whose thread is bound: its filters lie behind all the others. */
static void build_wall(struct sim_graph *graph, unsigned n)
{
    uint32_t display;

    for (unsigned i = 0; i < n; i++)
        add(graph, add(graph, add_camera(graph, 25), "decode", 5000), "scale", 900);
    display = sim_add_filter(graph, "presenter", 700);
    for (unsigned i = 0; i < n; i++)
        sim_add_edge(graph, 3 * i + 2, display);
    for (uint32_t i = 0; i < graph->n_edges; i++)
        if (graph->edges[i].to == display)
            graph->edges[i].frame_bytes = picture_bytes;
}

static void build_everything(struct sim_graph *graph, unsigned n)
{
    build_light(graph, n * 6 / 10);
    build_decodes(graph, n * 3 / 10);
    build_transcode(graph, n / 50);
    build_resize(graph, n / 50);
}

const struct scenario scenarios[] = {
    {"64 light chains, 2 cores", build_light, 64, 2, 4},
    {"4 decodes, 2 cores", build_decodes, 4, 2, 8},
    {"8 decodes, 2 cores", build_decodes, 8, 2, 8},
    {"decode + scale + encode, 2 cores", build_transcode, 1, 2, 20},
    {"resize behind decode, 2 cores", build_resize, 1, 2, 20},
    {"mix at 90 %, 2 cores", build_mix, 4, 2, 10},
    {"wall of 9, 2 cores", build_wall, 9, 2, 8},
    {"wall of 25, 8 cores", build_wall, 25, 8, 6},
    {"16 light chains, 1 core", build_light, 16, 1, 4},
    {"3 decodes, 1 core", build_decodes, 3, 1, 8},
    {"decode + scale + encode, 1 core", build_transcode, 1, 1, 10},
    {"2 resizes behind decodes, 4 cores", build_resize, 2, 4, 20},
    {"16 decodes, 4 cores", build_decodes, 16, 4, 8},
    {"mix, 4 cores", build_mix, 8, 4, 8},
    {"50 chains of all kinds, 16 cores", build_everything, 50, 16, 8},
    {"250 chains of all kinds, 32 cores", build_everything, 250, 32, 4},
    {"500 chains of all kinds, 64 cores", build_everything, 500, 64, 4},
    {"1000 light chains, 4 cores", build_light, 1000, 4, 3},
    {"1000 light chains, 64 cores", build_light, 1000, 64, 3},
    {0},
};
