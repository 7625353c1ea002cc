/* SPDX-License-Identifier: MIT */
/*
 * A source of test pictures: a gray ramp over which a bar moves.
 */
#ifndef LIMEF_GRAPH_PATTERN_H
#define LIMEF_GRAPH_PATTERN_H

#include <limef/thread/producer.h>

struct AVBufferPool;
struct AVFrame;
struct limef_pool;

struct pattern_settings {
    int width, height;  /* 0: 640x360 */
    double fps;         /* 0: 25 */
    bool is_fastest;    /* as fast as what is behind takes them */
    bool is_live;       /* does not wait: what cannot be made in time is left out */
    int64_t n_pictures; /* 0: no end */
    uint32_t slot;
};

/* Kind "pattern". All-zero and pattern_init(). */
struct pattern {
    struct limef_source source;
    struct pattern_settings settings;
    struct AVBufferPool *buffers;
    struct limef_pool *pictures;
    struct AVFrame *ramp; /* what is the same in all */
    struct limef_decoded_frame out;
    int64_t began_us, number;
    bool started, ended;

    LIMEF_ATOMIC(uint64_t) n_left_out; /* written by the thread that runs it, read by any */
};

/* Returns 0, or AVERROR(ENOMEM), logged. */
int pattern_init(struct pattern *pattern, const char *name,
                 const struct pattern_settings *settings);

#endif
