/* SPDX-License-Identifier: MIT */
/*
 * A source and a sink for tests of threads.
 */
#ifndef LIMEF_TEST_SUPPORT_CHAIN_H
#define LIMEF_TEST_SUPPORT_CHAIN_H

#include "support/boundary.h"

#include <libavutil/error.h>
#include <sched.h>

/* Waits for a condition that another thread brings about; false if it does not. */
#define WAIT_FOR(condition)                                                                        \
    ({                                                                                             \
        int64_t wait_deadline_us = limef_deadline_us(TOO_LONG_US);                                 \
        while (!(condition) && limef_now_us() < wait_deadline_us)                                  \
            sched_yield();                                                                         \
        (condition);                                                                               \
    })

/* In a Criterion test. */
#define ASSERT_COMES(condition)                                                                    \
    do {                                                                                           \
        bool came = WAIT_FOR(condition);                                                           \
        cr_assert(came, "%s", #condition);                                                         \
    } while (0)

/* Writes numbered packets until n_frames, then says END once and is at its end. */
struct number_source {
    struct limef_source source;
    int64_t n_frames;
    LIMEF_ATOMIC(int64_t) n_passed;
    LIMEF_ATOMIC(int64_t) n_signals;
    LIMEF_ATOMIC(int) last_ret;
    bool ended;
};

static inline int number_source_step(struct limef_source *base, int64_t *due_us)
{
    struct number_source *source = LIMEF_CONTAINER_OF(base, struct number_source, source);
    int64_t number = atomic_load(&source->n_passed);
    struct limef_packet_frame packet = packet_frame(number, LIMEF_MEDIA_VIDEO, LIMEF_FRAME_KEY);
    int ret;

    (void)due_us;
    if (number == source->n_frames) {
        struct limef_signal_frame end;

        if (source->ended)
            return AVERROR_EOF;
        source->ended = true;
        limef_signal_frame_set(&end, LIMEF_SIGNAL_END, 0, NULL);
        ret = limef_pass(&base->filter, &end.frame);
        return ret < 0 ? ret : AVERROR_EOF;
    }
    ret = limef_pass(&base->filter, &packet.frame);
    atomic_store(&source->last_ret, ret);
    if (!ret)
        atomic_store(&source->n_passed, number + 1);
    return ret;
}

static inline int number_source_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct number_source *source = LIMEF_CONTAINER_OF(filter, struct number_source, source.filter);

    (void)in;
    atomic_fetch_add(&source->n_signals, 1);
    return 0;
}

static const struct limef_filter_ops number_source_ops = {
    .kind = "numbers", .flags = LIMEF_FILTER_SOURCE, .go = number_source_go};

static inline void number_source_init(struct number_source *source, int64_t n_frames)
{
    *source = (struct number_source){.n_frames = n_frames};
    limef_filter_init(&source->source.filter, &number_source_ops, NULL);
    source->source.step = number_source_step;
}

/* Counts; counts what comes out of order; may refuse or be stuck. */
struct number_sink {
    struct limef_filter filter;
    int64_t expected;
    LIMEF_ATOMIC(int64_t) n_packets;
    LIMEF_ATOMIC(int64_t) n_out_of_order;
    LIMEF_ATOMIC(int64_t) n_signals;
    LIMEF_ATOMIC(int64_t) n_refused;
    LIMEF_ATOMIC(int64_t) refuses; /* so often, first */
    LIMEF_ATOMIC(int) stuck;       /* stays in go while 1 */
    LIMEF_ATOMIC(int) in_go;
    LIMEF_ATOMIC(uint32_t) last_signal;
};

static inline int number_sink_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct number_sink *sink = LIMEF_CONTAINER_OF(filter, struct number_sink, filter);
    const struct limef_packet_frame *packet = limef_packet_frame_from(in);

    if (packet && atomic_load(&sink->refuses) > 0) {
        atomic_fetch_sub(&sink->refuses, 1);
        atomic_fetch_add(&sink->n_refused, 1);
        return AVERROR(EAGAIN);
    }
    atomic_store(&sink->in_go, 1);
    while (atomic_load(&sink->stuck))
        sched_yield();
    atomic_store(&sink->in_go, 0);
    if (packet) {
        if (packet->dts_us != sink->expected)
            atomic_fetch_add(&sink->n_out_of_order, 1);
        sink->expected = packet->dts_us + 1;
        atomic_fetch_add(&sink->n_packets, 1);
    } else if (in->frame_class == LIMEF_FRAME_SIGNAL) {
        atomic_store(&sink->last_signal, limef_signal_frame_from(in)->signal);
        atomic_fetch_add(&sink->n_signals, 1);
    }
    return limef_pass(filter, in);
}

static const struct limef_filter_ops number_sink_ops = {.kind = "sink", .go = number_sink_go};

static inline void number_sink_init(struct number_sink *sink)
{
    *sink = (struct number_sink){0};
    limef_filter_init(&sink->filter, &number_sink_ops, NULL);
}

/* source -> input -> sink, on two threads. */
struct chain {
    struct number_source source;
    struct limef_producer producer;
    struct limef_input_filter input;
    struct limef_stack_frame frames[16];
    struct limef_consumer consumer;
    struct number_sink sink;
};

static inline int chain_init(struct chain *chain, int64_t n_frames,
                             const struct limef_thread_settings *settings)
{
    int ret;

    memset(chain, 0, sizeof(*chain));
    number_sink_init(&chain->sink);
    limef_consumer_init(&chain->consumer, &chain->sink.filter, settings);
    ret = limef_input_filter_init(&chain->input, "input", &chain->consumer.fifo, chain->frames, 16,
                                  NULL);
    number_source_init(&chain->source, n_frames);
    limef_connect(&chain->source.source.filter, &chain->input.filter);
    limef_producer_init(&chain->producer, &chain->source.source, settings);
    return ret;
}

static inline int chain_start(struct chain *chain)
{
    int ret = limef_thread_start(&chain->consumer.thread);

    return ret < 0 ? ret : limef_thread_start(&chain->producer.thread);
}

static inline int chain_stop(struct chain *chain)
{
    int ret = limef_thread_stop(&chain->producer.thread, TOO_LONG_US);
    int other = limef_thread_stop(&chain->consumer.thread, TOO_LONG_US);

    return ret < 0 ? ret : other;
}

static inline void chain_clear(struct chain *chain)
{
    limef_producer_clear(&chain->producer);
    limef_filter_clear(&chain->input.filter);
    limef_consumer_clear(&chain->consumer);
}

#endif
