/* SPDX-License-Identifier: MIT */
#include "stream.h"

#include "sound.h"

#include <limef/base/log.h>

#include <errno.h>
#include <libavutil/common.h>
#include <libavutil/cpu.h>
#include <libavutil/error.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

bool play_stream_is_live(const struct play_stream *stream)
{
    return LIMEF_COUNTED(stream->from->is_live);
}

bool play_stream_is_camera(const struct play_stream *stream)
{
    return stream->from == &stream->camera.source;
}

int64_t play_stream_duration_us(const struct play_stream *stream)
{
    return play_stream_is_camera(stream) ? LIMEF_NO_TIME
                                         : limef_file_source_duration_us(&stream->source);
}

int64_t play_stream_start_us(const struct play_stream *stream)
{
    return play_stream_is_camera(stream) ? LIMEF_NO_TIME
                                         : limef_file_source_start_us(&stream->source);
}

bool play_stream_was_lost(const struct play_stream *stream)
{
    return stream->ended && !stream->limit.reached && play_stream_is_live(stream);
}

bool play_stream_broke_off(const struct play_stream *stream)
{
    return stream->ended && !stream->limit.reached && stream->end_code < 0;
}

int64_t play_stream_position_us(const struct play_stream *stream,
                                const struct limef_presenter *presenter)
{
    int64_t start_us = play_stream_start_us(stream);
    struct limef_presenter_slot_counters counters;

    limef_presenter_get_counters(presenter, stream->slot, &counters);
    return counters.position_us == LIMEF_NO_TIME || start_us == LIMEF_NO_TIME
               ? counters.position_us
               : counters.position_us - start_us;
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
        .media = stream->sound ? LIMEF_MEDIA_NONE : LIMEF_MEDIA_VIDEO,
        .pace = LIMEF_PACE_FASTEST,
        .n_loops = options->n_loops,
        .start_us = options->start_us,
        .timeout_us = options->timeout_us,
    };

    int ret = limef_file_source_init(&stream->source, stream->name, &settings);

    stream->from = &stream->source.source;
    if (ret >= 0)
        limef_file_source_choose(&stream->source, options->video_track, options->audio_track);
    return ret;
}

static int init_camera(struct play_stream *stream, const char *url,
                       const struct play_options *options)
{
    static const enum limef_rtsp_transport transports[] = {
        [PLAY_TRANSPORT_AUTO] = LIMEF_RTSP_AUTO,
        [PLAY_TRANSPORT_TCP] = LIMEF_RTSP_TCP,
        [PLAY_TRANSPORT_UDP] = LIMEF_RTSP_UDP,
    };
    struct limef_rtsp_source_settings settings = {
        .url = url,
        .slot = stream->slot,
        .media = stream->sound ? LIMEF_MEDIA_NONE : LIMEF_MEDIA_VIDEO,
        .transport = transports[options->transport],
        .timeout_us = options->timeout_us,
        .once = !options->reconnect,
    };

    stream->from = &stream->camera.source;
    return limef_rtsp_source_init(&stream->camera, stream->name, &settings);
}

/* Many decoders share the CPUs; a lone one is left to the library. */
static unsigned choose_n_threads(const struct play_options *options)
{
    if (options->decode_threads > 0 || options->n_urls < 2)
        return (unsigned)options->decode_threads;
    return FFMAX((unsigned)av_cpu_count() / options->n_urls, 1);
}

/* The pattern's first %d is the slot. */
static int init_export(struct play_stream *stream, const char *pattern)
{
    struct limef_export_settings settings = {.path = stream->export_path};
    const char *number = strstr(pattern, "%d");
    int n = number ? snprintf(stream->export_path, sizeof(stream->export_path), "%.*s%u%s",
                              (int)(number - pattern), pattern, (unsigned)stream->slot, number + 2)
                   : snprintf(stream->export_path, sizeof(stream->export_path), "%s", pattern);

    if (n >= (int)sizeof(stream->export_path))
        return limef_fail(AVERROR(ENAMETOOLONG), stream->name, "%s", pattern);
    return limef_export_filter_init(&stream->export_filter, stream->name, &settings);
}

/* Beside the way of the pictures. */
static int init_sound(struct play_stream *stream, int32_t rate)
{
    struct limef_decode_settings decode = {.media = LIMEF_MEDIA_AUDIO, .n_threads = 1};
    struct limef_resample_settings resample = {.follows = true};
    int ret = limef_decode_filter_init(&stream->sound_decode, stream->name, &decode);

    limef_split_filter_init(&stream->split, stream->name);
    if (ret >= 0)
        ret = limef_resample_filter_init(&stream->resample, stream->name, &resample);
    if (ret >= 0)
        ret = limef_tempo_filter_init(&stream->tempo, stream->name);
    if (ret < 0)
        return ret;
    limef_tempo_set_rate(&stream->tempo, rate);
    limef_connect(&stream->from->filter, &stream->split.filter);
    limef_connect(&stream->split.filter, &stream->decode.filter);
    limef_connect(&stream->sound_decode.filter, &stream->resample.filter);
    limef_connect(&stream->resample.filter, &stream->tempo.filter);
    limef_connect(&stream->tempo.filter, &stream->sound->sink.filter);
    stream->sound->slots[stream->slot].resample = &stream->resample;
    return limef_split_connect(&stream->split, &stream->sound_decode.filter, LIMEF_SPLIT_FROM_NOW);
}

int play_stream_init(struct play_stream *stream, uint32_t slot, const char *url,
                     const struct play_options *options, struct limef_filter *screen)
{
    struct limef_decode_settings decode = {
        .media = LIMEF_MEDIA_VIDEO,
        .n_threads = choose_n_threads(options),
        .buffers = stream->buffers,
        .hardware = stream->hardware,
    };
    int ret;

    stream->slot = slot;
    limef_url_mask(stream->url, sizeof(stream->url), url);
    snprintf(stream->name, sizeof(stream->name), "slot %u", (unsigned)slot);
    if (!options->rtsp_by_libavformat &&
        (!strncasecmp(url, "rtsp://", 7) || !strncasecmp(url, "rtsps://", 8)))
        ret = init_camera(stream, url, options);
    else
        ret = init_source(stream, url, options);
    if (ret >= 0)
        ret = limef_decode_filter_init(&stream->decode, stream->name, &decode);
    if (ret >= 0 && options->export_path)
        ret = init_export(stream, options->export_path);
    if (ret < 0)
        return ret;
    play_limit_init(&stream->limit, stream->name, options->n_frames, options->duration_us);
    limef_connect(&stream->from->filter, &stream->decode.filter);
    limef_connect(&stream->decode.filter, &stream->limit.filter);
    if (options->export_path) {
        limef_connect(&stream->limit.filter, &stream->export_filter.filter);
        limef_connect(&stream->export_filter.filter, screen);
    } else {
        limef_connect(&stream->limit.filter, screen);
    }
    return stream->sound ? init_sound(stream, options->rate) : 0;
}

void play_stream_clear(struct play_stream *stream)
{
    limef_filter_clear(&stream->source.source.filter);
    limef_filter_clear(&stream->camera.source.filter);
    limef_filter_clear(&stream->decode.filter);
    limef_filter_clear(&stream->limit.filter);
    limef_filter_clear(&stream->export_filter.filter);
    limef_filter_clear(&stream->split.filter);
    limef_filter_clear(&stream->sound_decode.filter);
    limef_filter_clear(&stream->resample.filter);
    limef_filter_clear(&stream->tempo.filter);
}
