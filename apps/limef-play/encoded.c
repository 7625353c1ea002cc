/* SPDX-License-Identifier: MIT */
#include "encoded.h"

#include <limef/base/log.h>

#include <libavutil/error.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BIT_RATE 128000

/* Ogg and WebM take no AAC. */
static bool is_opus(const char *path)
{
    static const char *const ends[] = {".opus", ".ogg", ".oga", ".webm"};
    const char *dot = strrchr(path, '.');

    for (size_t i = 0; dot && i < sizeof(ends) / sizeof(ends[0]); i++)
        if (!strcasecmp(dot, ends[i]))
            return true;
    return false;
}

static int init_encoder(struct play_encoded *encoded, const char *name, bool opus,
                        const struct limef_broadcast_ring *ring, uint32_t rate)
{
    struct limef_ring_source_settings from = {.ring = ring, .rate = rate, .planar = !opus};
    struct limef_encode_settings to = {.codec = opus ? "libopus" : "aac", .bit_rate = BIT_RATE};
    int ret;

    encoded->on = true;
    ret = limef_ring_source_init(&encoded->source, name, &from);
    if (ret >= 0)
        ret = limef_encode_filter_init(&encoded->encode, name, &to);
    return ret;
}

static int start(struct play_encoded *encoded, const char *name, struct limef_filter *last)
{
    struct limef_thread_settings thread = {.name = name, .priority = LIMEF_PRIORITY_RECORDING};

    limef_connect(&encoded->source.source.filter, &encoded->encode.filter);
    limef_connect(&encoded->encode.filter, last);
    limef_producer_init(&encoded->thread, &encoded->source.source, &thread);
    return limef_thread_start(&encoded->thread.thread);
}

int play_encoded_record(struct play_encoded *encoded, const char *path,
                        const struct limef_broadcast_ring *ring, uint32_t rate)
{
    struct limef_writer_settings writer = {.path = path};
    int ret = init_encoder(encoded, "record", is_opus(path), ring, rate);

    if (ret >= 0)
        ret = limef_writer_filter_init(&encoded->writer, "record", &writer);
    return ret < 0 ? ret : start(encoded, "record", &encoded->writer.filter);
}

int play_encoded_stream(struct play_encoded *encoded, const struct play_options *options,
                        const struct limef_broadcast_ring *ring, uint32_t rate)
{
    struct limef_shout_settings shout = {.url = options->ao_stream,
                                         .password = getenv("LIMEF_ICECAST_PASSWORD"),
                                         .timeout_us = options->timeout_us};
    int ret = init_encoder(encoded, "stream", true, ring, rate);

    if (ret >= 0)
        ret = limef_shout_filter_init(&encoded->shout, "stream", &shout);
    return ret < 0 ? ret : start(encoded, "stream", &encoded->shout.filter);
}

int play_encoded_stop(struct play_encoded *encoded, int64_t timeout_us)
{
    struct limef_writer_counters written;
    struct limef_encode_counters encode;
    int ret;

    if (!encoded->on)
        return 0;
    ret = limef_thread_stop(&encoded->thread.thread, timeout_us);
    if (ret < 0 || encoded->ended)
        return ret < 0 ? ret : encoded->ret;
    encoded->ended = true;
    limef_ring_source_end(&encoded->source); /* what it fails with is counted below */
    limef_writer_get_counters(&encoded->writer, &written);
    limef_encode_get_counters(&encoded->encode, &encode);
    encoded->ret = written.n_errors || encode.n_errors ? AVERROR(EIO) : 0;
    return encoded->ret;
}

void play_encoded_clear(struct play_encoded *encoded)
{
    limef_producer_clear(&encoded->thread);
    limef_filter_clear(&encoded->source.source.filter);
    limef_filter_clear(&encoded->encode.filter);
    limef_filter_clear(&encoded->writer.filter);
    limef_filter_clear(&encoded->shout.filter);
    encoded->on = encoded->ended = false;
}
