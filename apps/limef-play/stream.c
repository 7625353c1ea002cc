/* SPDX-License-Identifier: MIT */
#include "stream.h"

#include <libavutil/common.h>
#include <libavutil/cpu.h>
#include <libavutil/error.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Before anything is measured: source to processing 6 frames, processing to sink 4. */
#define FILE_PACKETS_DEPTH 6
#define PICTURES_DEPTH 4
/* A live source does not wait: what may queue up while the decoder is busy. */
#define LIVE_PACKETS_DEPTH 60
#define LIVE_PACKETS_TIME_US 2000000

static bool is_live(const char *url)
{
    static const char *const schemes[] = {
        "rtsp:", "rtsps:", "rtp:", "srtp:", "udp:", "srt:", "rtmp:", "rtmps:", NULL};

    for (int i = 0; schemes[i]; i++)
        if (!strncasecmp(url, schemes[i], strlen(schemes[i])))
            return true;
    return false;
}

bool play_stream_is_fused(const struct play_stream *stream)
{
    return !stream->to_decoder.filter.ops;
}

bool play_stream_is_per_filter(const struct play_stream *stream)
{
    return stream->to_limiter.filter.ops;
}

const char *play_stream_last_thread(const struct play_stream *stream)
{
    if (play_stream_is_per_filter(stream))
        return "limit";
    return play_stream_is_fused(stream) ? "read" : "decode";
}

static int init_source(struct play_stream *stream, const char *url,
                       const struct play_options *options)
{
    static const char *const transports[] = {"", "rtsp_transport=tcp", "rtsp_transport=udp"};
    bool rtsp = !strncasecmp(url, "rtsp", 4);
    struct limef_file_source_settings settings = {
        .url = url,
        .options = rtsp && options->transport ? transports[options->transport] : NULL,
        .slot = stream->slot,
        .media = LIMEF_MEDIA_VIDEO,
        .pace = LIMEF_PACE_FASTEST,
        .n_loops = options->n_loops,
        .start_us = options->start_us,
        .timeout_us = options->timeout_us,
    };

    int ret = limef_file_source_init(&stream->source, stream->name, &settings);

    if (ret >= 0)
        limef_file_source_choose(&stream->source, options->video_track, 0);
    return ret;
}

/* Many decoders share the CPUs; a lone one is left to the library. */
static unsigned choose_n_threads(const struct play_options *options)
{
    if (options->decode_threads > 0 || options->n_urls < 2)
        return (unsigned)options->decode_threads;
    return FFMAX((unsigned)av_cpu_count() / options->n_urls, 1);
}

static int init_decode(struct play_stream *stream, const struct play_options *options)
{
    struct limef_decode_settings settings = {
        .media = LIMEF_MEDIA_VIDEO,
        .n_threads = choose_n_threads(options),
        .buffers = stream->buffers,
    };

    play_limit_init(&stream->limit, options->n_frames, options->duration_us);
    limef_connect(&stream->limit.filter, &stream->to_screen.filter);
    return limef_decode_filter_init(&stream->decode, stream->name, &settings);
}

static int init_boundary(struct play_stream *stream, struct limef_reports *reports)
{
    struct limef_lane_settings file_lane = {.overflow = LIMEF_OVERFLOW_BLOCK,
                                            .depth = FILE_PACKETS_DEPTH};
    struct limef_lane_settings live_lane = {.overflow = LIMEF_OVERFLOW_DROP_TO_KEY,
                                            .depth = LIVE_PACKETS_DEPTH,
                                            .max_time_us = LIVE_PACKETS_TIME_US};

    limef_consumer_init(&stream->decoder, &stream->decode.filter,
                        &(struct limef_thread_settings){.name = "decode", .reports = reports});
    limef_connect(&stream->source.source.filter, &stream->to_decoder.filter);
    return limef_input_filter_init(&stream->to_decoder, "to decoder", &stream->decoder.fifo,
                                   stream->packets, PLAY_PACKET_FRAMES,
                                   stream->live ? &live_lane : &file_lane);
}

static int init_limiter(struct play_stream *stream, struct limef_reports *reports)
{
    struct limef_lane_settings lane = {.depth = PICTURES_DEPTH};

    if (stream->live)
        lane.overflow = LIMEF_OVERFLOW_DROP_OLDEST;
    limef_consumer_init(&stream->limiter, &stream->limit.filter,
                        &(struct limef_thread_settings){.name = "limit", .reports = reports});
    limef_connect(&stream->decode.filter, &stream->to_limiter.filter);
    return limef_input_filter_init(&stream->to_limiter, "to limiter", &stream->limiter.fifo,
                                   stream->decoded, PLAY_PICTURE_FRAMES, &lane);
}

int play_stream_init(struct play_stream *stream, uint32_t slot, const char *url,
                     const struct play_options *options, struct limef_fifo *screen,
                     struct limef_reports *reports)
{
    struct limef_thread_settings reading = {
        .name = "read", .priority = LIMEF_PRIORITY_INGEST, .reports = reports};
    struct limef_lane_settings pictures = {.depth = PICTURES_DEPTH};
    int ret;

    stream->slot = slot;
    stream->live = is_live(url);
    limef_url_mask(stream->url, sizeof(stream->url), url);
    snprintf(stream->name, sizeof(stream->name), "slot %u", (unsigned)slot);
    if (stream->live)
        pictures.overflow = LIMEF_OVERFLOW_DROP_OLDEST;
    ret = init_source(stream, url, options);
    if (ret >= 0)
        ret = init_decode(stream, options);
    if (ret < 0)
        return ret;
    limef_connect(&stream->decode.filter, &stream->limit.filter);
    if (options->plan == PLAY_PLAN_FUSED) {
        reading.priority = LIMEF_PRIORITY_PROCESSING;
        limef_connect(&stream->source.source.filter, &stream->decode.filter);
    } else {
        ret = init_boundary(stream, reports);
    }
    if (ret >= 0 && options->plan == PLAY_PLAN_PER_FILTER)
        ret = init_limiter(stream, reports);
    limef_producer_init(&stream->reader, &stream->source.source, &reading);
    if (ret < 0)
        return ret;
    return limef_input_filter_init(&stream->to_screen, "to screen", screen, stream->pictures,
                                   PLAY_PICTURE_FRAMES, &pictures);
}

int play_stream_start(struct play_stream *stream)
{
    int ret = 0;

    if (play_stream_is_per_filter(stream))
        ret = limef_thread_start(&stream->limiter.thread);
    if (ret >= 0 && !play_stream_is_fused(stream))
        ret = limef_thread_start(&stream->decoder.thread);
    if (ret >= 0)
        ret = limef_thread_start(&stream->reader.thread);
    return ret;
}

void play_stream_ask_stop(struct play_stream *stream)
{
    limef_thread_ask_stop(&stream->reader.thread);
    limef_thread_ask_stop(&stream->decoder.thread);
    limef_thread_ask_stop(&stream->limiter.thread);
}

int play_stream_stop(struct play_stream *stream, int64_t timeout_us)
{
    struct limef_thread *threads[] = {&stream->reader.thread, &stream->decoder.thread,
                                      &stream->limiter.thread};
    int ret = 0;

    for (unsigned i = 0; i < FF_ARRAY_ELEMS(threads); i++) {
        int thread_ret = limef_thread_stop(threads[i], timeout_us);

        ret = ret < 0 ? ret : thread_ret;
    }
    return ret;
}

void play_stream_clear(struct play_stream *stream)
{
    limef_producer_clear(&stream->reader);
    limef_filter_clear(&stream->source.source.filter);
    limef_filter_clear(&stream->to_decoder.filter);
    limef_filter_clear(&stream->decode.filter);
    limef_consumer_clear(&stream->decoder);
    limef_filter_clear(&stream->to_limiter.filter);
    limef_consumer_clear(&stream->limiter);
    limef_filter_clear(&stream->to_screen.filter);
}
