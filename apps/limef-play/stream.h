/* SPDX-License-Identifier: MIT */
/*
 * One URL on its way to the screen:
 *
 *     file source | decode - limit | presenter
 *
 * where | is a thread boundary, and - a call. With --plan=fused the first one
 * is a call, with --plan=per-filter all are boundaries.
 */
#ifndef LIMEF_PLAY_STREAM_H
#define LIMEF_PLAY_STREAM_H

#include "limit.h"
#include "options.h"

#include <limef/base/url.h>
#include <limef/filter/decode.h>
#include <limef/filter/file_source.h>
#include <limef/filter/input.h>
#include <limef/thread/consumer.h>
#include <limef/thread/producer.h>

/* Stack frames of the two boundaries: what may wait, what the reader holds, and signals. */
#define PLAY_PACKET_FRAMES 64
#define PLAY_PICTURE_FRAMES 16

struct play_stream {
    struct limef_buffer_source *buffers; /* where to decode into; NULL: anywhere. Set before init */
    uint32_t slot;
    bool live;                 /* by its URL's scheme: does not wait, and is missed when it ends */
    char url[LIMEF_URL_BYTES]; /* masked */
    char name[32];             /* of its filters, for logs */

    struct limef_file_source source;
    struct limef_producer reader;

    struct limef_stack_frame packets[PLAY_PACKET_FRAMES];
    struct limef_input_filter to_decoder;
    struct limef_consumer decoder;
    struct limef_decode_filter decode;

    struct limef_stack_frame decoded[PLAY_PICTURE_FRAMES];
    struct limef_input_filter to_limiter; /* with --plan=per-filter, as limiter */
    struct limef_consumer limiter;
    struct play_limit limit;

    struct limef_stack_frame pictures[PLAY_PICTURE_FRAMES];
    struct limef_input_filter to_screen;

    /* the main thread */
    int64_t seek_target_us, sought_at_us; /* the last one asked for, and when */
    bool ended;
    int32_t end_code;
    char end_text[64];
};

/*
 * Connects the chain into a screen's fifo; starts nothing.
 *
 * url     borrowed; must outlive the stream.
 * screen  whom its pictures go to.
 * Returns 0, or a negative AVERROR code.
 */
int play_stream_init(struct play_stream *stream, uint32_t slot, const char *url,
                     const struct play_options *options, struct limef_fifo *screen,
                     struct limef_reports *reports);

/* Starts its threads. */
int play_stream_start(struct play_stream *stream);

/* Asks its threads to stop; play_stream_stop() waits for them. */
void play_stream_ask_stop(struct play_stream *stream);

/* Stops its threads, within timeout_us each. Returns 0, or AVERROR(ETIMEDOUT): one is stuck. */
int play_stream_stop(struct play_stream *stream, int64_t timeout_us);

/* Releases everything. Its threads must be stopped; on the screen's thread, or when that is. */
void play_stream_clear(struct play_stream *stream);

/* Whether the reader decodes, too: no boundary between them. */
bool play_stream_is_fused(const struct play_stream *stream);

/* Whether each filter has a thread. */
bool play_stream_is_per_filter(const struct play_stream *stream);

/* The thread that writes to the screen: "read", "decode" or "limit". */
const char *play_stream_last_thread(const struct play_stream *stream);

#endif
