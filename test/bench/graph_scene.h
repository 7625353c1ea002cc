/* SPDX-License-Identifier: MIT */
/*
 * The graphs that bench_graph runs: real filters, and sinks that know when each frame was due.
 */
#ifndef LIMEF_TEST_BENCH_GRAPH_SCENE_H
#define LIMEF_TEST_BENCH_GRAPH_SCENE_H

#include <limef/filter/decode.h>
#include <limef/filter/encode.h>
#include <limef/filter/file_source.h>
#include <limef/filter/gate.h>
#include <limef/filter/scale.h>
#include <limef/filter/split.h>
#include <limef/filter/statistics.h>
#include <limef/filter/tap.h>
#include <limef/filter/throttle.h>
#include <limef/filter/timestamps.h>

#define SCENE_MAX_CHAINS 80
#define SCENE_MAX_FILTERS (SCENE_MAX_CHAINS * 12)
#define SINK_MAX_FRAMES 8192 /* that can be counted */

/* Frame k of a chain is due at zero_us + k * period_us. */
struct schedule {
    double period_us;
    int64_t start_us;              /* chains do not begin all at once */
    LIMEF_ATOMIC(int64_t) zero_us; /* relaxed; 0: not known yet */
    LIMEF_ATOMIC(uint64_t) n;      /* frames that the source passed on */
};

/* The end of a chain. Frames [from, until) are counted, by their numbers. */
struct sink {
    struct limef_tap_filter tap;
    const struct schedule *schedule;
    bool drops;     /* frames may be missing: the time stamp is the number */
    uint64_t n;     /* frames that came so far */
    double zero_us; /* of the time that is counted; those below too: written before... */
    uint64_t from, until;
    LIMEF_ATOMIC(uint32_t) counts; /* ...this; release, pairs with the sink's acquire */
    uint32_t n_late;
    int64_t late_us[SINK_MAX_FRAMES]; /* of each counted frame that came */
};

/* A file played at its pace or at another one. */
struct file_chain {
    struct limef_file_source file;
    int (*step)(struct limef_source *, int64_t *);
    struct schedule schedule;
    struct limef_decode_filter decode;
    struct limef_split_filter split;
    struct limef_scale_filter scale;
    struct limef_encode_filter encode;
    struct sink sink, second_sink;
};

/* A live source of small packets with ten light filters. */
struct light_chain {
    struct limef_source source;
    struct schedule schedule;
    struct limef_packet_frame packet;
    bool started;
    struct limef_timestamps_filter timestamps;
    struct limef_statistics_filter statistics[3];
    struct limef_gate_filter gates[2];
    struct limef_tap_filter taps[2];
    struct limef_throttle_filter throttle;
    struct sink sink;
};

struct scene_filter {
    struct limef_filter *filter;
    char name[24];
    unsigned chain;
};

struct scene {
    struct limef_source *sources[SCENE_MAX_CHAINS];
    struct schedule *schedules[SCENE_MAX_CHAINS];
    struct sink *sinks[2 * SCENE_MAX_CHAINS];
    struct scene_filter filters[SCENE_MAX_FILTERS];
    struct scene_filter *edges[SCENE_MAX_FILTERS][2];
    unsigned n_sources, n_sinks, n_filters, n_edges;
    struct limef_split_filter *split_of[SCENE_MAX_CHAINS];
};

/*
 * Builds a scenario: light, decode4, decode8, encode, resize, mix. Ends the program where it cannot.
 *
 * small   a clip of 1280x720, 25 a second; large: of 1920x1080. Both without reordering.
 * fps     of the scenarios encode and resize
 */
void scene_build(struct scene *scene, const char *name, const char *small, const char *large,
                 double fps);

void scene_clear(struct scene *scene);

#endif
