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

/* How long pictures may stall and sound goes on: more of it waits than what its input begins with.
 */
#define SOUND_LEAD_US 300000

bool play_stream_is_live(const struct play_stream *stream)
{
    return LIMEF_COUNTED(stream->from->is_live);
}

bool play_stream_is_camera(const struct play_stream *stream)
{
    return stream->from == &stream->camera.source;
}

uint32_t play_stream_main_slot(const struct play_stream *stream)
{
    return stream->slot + PLAY_MAX_URLS;
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
    static const char *const transports[] = {"", "rtsp_transport=tcp", "rtsp_transport=udp",
                                             "rtsp_transport=udp_multicast"};
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
    if (ret < 0)
        return ret;
    limef_file_source_choose(&stream->source, options->video_track, options->audio_track);
    limef_file_source_set_sound_lead(&stream->source, SOUND_LEAD_US);
    return 0;
}

static int init_camera(struct play_stream *stream, struct limef_rtsp_source *camera,
                       const char *url, const struct play_options *options)
{
    static const enum limef_rtsp_transport transports[] = {
        [PLAY_TRANSPORT_AUTO] = LIMEF_RTSP_AUTO,
        [PLAY_TRANSPORT_TCP] = LIMEF_RTSP_TCP,
        [PLAY_TRANSPORT_UDP] = LIMEF_RTSP_UDP,
        [PLAY_TRANSPORT_MULTICAST] = LIMEF_RTSP_MULTICAST,
    };
    bool is_main = camera == &stream->main;
    struct play_trust *trust = is_main ? &stream->main_trust : &stream->camera_trust;
    const char *name = is_main ? stream->main_name : stream->name;
    struct limef_rtsp_source_settings settings = {
        .url = url,
        .slot = is_main ? play_stream_main_slot(stream) : stream->slot,
        .media = stream->sound ? LIMEF_MEDIA_NONE : LIMEF_MEDIA_VIDEO,
        .shows_damage = options->shows_damage,
        .transport = transports[options->transport],
        .timeout_us = options->timeout_us,
        .once = !options->reconnect,
        .tls = &trust->tls,
    };
    int ret = trust_read(trust, name, url, options);

    stream->from = &stream->camera.source;
    if (ret >= 0)
        ret = limef_rtsp_source_init(camera, name, &settings);
    if (ret >= 0 && stream->sound)
        limef_rtsp_source_hold(camera);
    return ret;
}

/* A camera with two streams. The large one is not connected yet, unless it always is. */
static int init_both(struct play_stream *stream, const char *sub, const char *main,
                     const struct play_options *options)
{
    struct limef_signal_frame stop;
    int ret = init_camera(stream, &stream->camera, sub, options);

    snprintf(stream->main_name, sizeof(stream->main_name), "slot %u main", (unsigned)stream->slot);
    if (ret >= 0)
        ret = init_camera(stream, &stream->main, main, options);
    if (ret < 0)
        return ret;
    stream->has_main = true;
    limef_switch_filter_init(&stream->choice, stream->name, stream->inputs, 2);
    stream->choice.keeps_media = true;
    stream->choice.slot = stream->slot;
    limef_connect(&stream->camera.source.filter, &stream->inputs[0].filter);
    limef_connect(&stream->main.source.filter, &stream->inputs[1].filter);
    stream->main_connected = options->keeps_mains;
    if (options->keeps_mains)
        return 0;
    limef_signal_frame_set(&stop, LIMEF_SIGNAL_STOP, play_stream_main_slot(stream), NULL);
    limef_go(&stream->main.source.filter, &stop.frame);
    return 0;
}

static bool is_rtsp(const char *url)
{
    return !strncasecmp(url, "rtsp://", 7) || !strncasecmp(url, "rtsps://", 8);
}

static int init_from(struct play_stream *stream, const char *url,
                     const struct play_options *options)
{
    const char *main = options->mains[stream->slot].whole;
    bool is_camera = is_rtsp(url) && !options->rtsp_by_libavformat;

    if (main && (!is_camera || !is_rtsp(main)))
        return limef_fail(AVERROR(EINVAL), stream->name,
                          "two streams of one camera need --rtsp=limef and two RTSP URLs");
    if (!is_camera && is_rtsp(url) && trust_is_told(url))
        return limef_fail(AVERROR(EINVAL), stream->name,
                          "#tls-ca, #tls-fingerprint: not with --rtsp=libavformat");
    if (main)
        return init_both(stream, url, main, options);
    return is_camera ? init_camera(stream, &stream->camera, url, options)
                     : init_source(stream, url, options);
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
static int init_sound(struct play_stream *stream, struct limef_filter *head,
                      struct limef_filter *pictures)
{
    struct limef_decode_settings decode = {.media = LIMEF_MEDIA_AUDIO, .n_threads = 1};
    struct limef_resample_settings resample = {.follows = true};
    int ret = limef_decode_filter_init(&stream->sound_decode, stream->name, &decode);

    limef_split_filter_init(&stream->split, stream->name);
    if (ret >= 0)
        ret = limef_resample_filter_init(&stream->resample, stream->name, &resample);
    if (ret < 0)
        return ret;
    limef_connect(head, &stream->split.filter);
    limef_connect(&stream->split.filter, pictures);
    limef_connect(&stream->sound_decode.filter, &stream->sound_limit.filter);
    limef_connect(&stream->sound_limit.filter, &stream->resample.filter);
    limef_connect(&stream->resample.filter, &stream->sound->sink.filter);
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
        .wrapper = stream->wrapper,
    };
    struct limef_filter *head, *pictures = &stream->decode.filter;
    int ret;

    stream->slot = slot;
    limef_url_mask(stream->url, sizeof(stream->url), url);
    snprintf(stream->name, sizeof(stream->name), "slot %u", (unsigned)slot);
    ret = init_from(stream, url, options);
    if (ret >= 0)
        ret = limef_decode_filter_init(&stream->decode, stream->name, &decode);
    if (ret >= 0 && options->export_path)
        ret = init_export(stream, options->export_path);
    if (ret < 0)
        return ret;
    play_limit_init(&stream->limit, stream->name, LIMEF_MEDIA_VIDEO, options->n_frames,
                    options->duration_us);
    play_limit_init(&stream->sound_limit, stream->name, LIMEF_MEDIA_AUDIO, -1,
                    options->duration_us);
    if (play_stream_is_live(stream)) {
        limef_latency_filter_init(&stream->latency, stream->name, options->latency_us);
        limef_connect(&stream->latency.filter, pictures);
        pictures = &stream->latency.filter;
    }
    head = stream->has_main ? &stream->choice.filter : &stream->from->filter;
    limef_connect(head, pictures);
    limef_connect(&stream->decode.filter, &stream->limit.filter);
    if (options->export_path) {
        limef_connect(&stream->limit.filter, &stream->export_filter.filter);
        limef_connect(&stream->export_filter.filter, screen);
    } else {
        limef_connect(&stream->limit.filter, screen);
    }
    return stream->sound ? init_sound(stream, head, pictures) : 0;
}

void play_stream_clear(struct play_stream *stream)
{
    limef_filter_clear(&stream->source.source.filter);
    limef_filter_clear(&stream->camera.source.filter);
    limef_filter_clear(&stream->main.source.filter);
    for (unsigned i = 0; i < 2; i++)
        limef_filter_clear(&stream->inputs[i].filter);
    limef_filter_clear(&stream->choice.filter);
    limef_filter_clear(&stream->latency.filter);
    limef_filter_clear(&stream->decode.filter);
    limef_filter_clear(&stream->limit.filter);
    limef_filter_clear(&stream->export_filter.filter);
    limef_filter_clear(&stream->split.filter);
    limef_filter_clear(&stream->sound_decode.filter);
    limef_filter_clear(&stream->sound_limit.filter);
    limef_filter_clear(&stream->resample.filter);
}
