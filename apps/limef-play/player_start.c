/* SPDX-License-Identifier: MIT */
/* The player's parts are made, connected and started. */
#include "player.h"

#include "plan.h"
#include "screen.h"

#include <errno.h>
#include <libavutil/error.h>
#include <stdlib.h>
#include <unistd.h>

static enum limef_presenter_output output_of(enum play_vo vo)
{
    switch (vo) {
    case PLAY_VO_WINDOW:
        return LIMEF_OUTPUT_WINDOW;
    case PLAY_VO_KMS:
        return LIMEF_OUTPUT_KMS;
    case PLAY_VO_OFFSCREEN:
        return LIMEF_OUTPUT_OFFSCREEN;
    case PLAY_VO_NONE:
        return LIMEF_OUTPUT_NONE;
    default:
        return LIMEF_OUTPUT_AUTO;
    }
}

static int open_framemd5(struct player *player)
{
    const char *path = player->options->framemd5;
    struct limef_filter *screen = &player->presenter.filter;

    if (!path)
        return 0;
    player->framemd5_file = fopen(path, "w");
    if (!player->framemd5_file)
        return limef_fail(AVERROR(errno), "limef-play", "cannot write %s", path);
    setvbuf(player->framemd5_file, NULL, _IOLBF, 0); /* whole lines, however the process ends */
    limef_framemd5_filter_init(&player->framemd5, "framemd5", NULL, NULL, player->framemd5_file);
    limef_connect(&player->framemd5.filter, screen);
    return 0;
}

static int init_screen(struct player *player)
{
    const struct play_options *options = player->options;
    struct limef_presenter_settings settings = {
        .output = output_of(options->vo),
        .width = options->width,
        .height = options->height,
        .untimed = options->untimed,
        .ends_silently = player->n_streams == 1, /* the player ends with it */
        .plain = options->upload == PLAY_UPLOAD_PLAIN ? LIMEF_PRESENTER_WHOLE : 0,
        .window = &player->window,
        .kms = &options->kms,
    };
    struct limef_thread_settings thread = {
        .name = "screen", .priority = LIMEF_PRIORITY_DISPLAY, .reports = &player->reports};
    int ret;

    player->window =
        (struct limef_presenter_window){.title = "limef-play", .fullscreen = options->fullscreen};
    if (options->untimed) /* nothing is on time then */
        thread.priority = LIMEF_PRIORITY_PROCESSING;
    ret = limef_presenter_init(&player->presenter, "screen", player->tiles, player->n_streams,
                               &settings);
    if (ret >= 0)
        ret = open_framemd5(player);
    if (ret < 0)
        return ret;
    player->screen_chain =
        player->framemd5_file ? &player->framemd5.filter : &player->presenter.filter;
    limef_consumer_init(&player->screen, player->screen_chain, &thread);
    limef_thread_set_task(&player->screen.thread, limef_presenter_tick, &player->presenter);
    return 0;
}

static int64_t heard_us(void *context, int64_t now_us)
{
    return limef_mixer_input_heard_us(context, now_us);
}

static int init_stream(struct player *player, uint32_t slot)
{
    const struct play_options *options = player->options;
    struct play_stream *stream = &player->streams[slot];
    int ret;

    if (options->upload != PLAY_UPLOAD_PLAIN)
        stream->buffers =
            limef_presenter_get_buffers(&player->presenter, options->upload == PLAY_UPLOAD_DIRECT);
    stream->hardware = player->hardware;
    stream->wrapper = player->wrapper;
    if (player->sound.on) {
        stream->sound = &player->sound;
        limef_presenter_set_master(&player->presenter, slot, heard_us, &player->sound.inputs[slot]);
        player->sound.slots[slot].pictures = limef_presenter_is_ready;
        player->sound.slots[slot].pictures_context = &player->tiles[slot];
        player->sound.slots[slot].seen = limef_presenter_seen_us;
        player->sound.slots[slot].seen_context = &player->tiles[slot];
    }
    ret = play_stream_init(stream, slot, options->urls[slot], options, player->screen_chain);
    if (ret >= 0)
        ret = limef_graph_add(&player->graph, stream->from);
    return ret >= 0 && stream->has_main ? limef_graph_add(&player->graph, &stream->main.source)
                                        : ret;
}

static int init_graph(struct player *player)
{
    static const enum limef_plan_mode modes[] = {
        [PLAY_PLAN_AUTO] = LIMEF_PLAN_AUTO,
        [PLAY_PLAN_FUSED] = LIMEF_PLAN_FUSED,
        [PLAY_PLAN_PER_FILTER] = LIMEF_PLAN_PER_FILTER,
    };
    size_t n_filters = player->n_streams * PLAY_STREAM_FILTERS + 3, bytes;
    struct limef_graph_settings settings = {.reports = &player->reports,
                                            .mode = modes[player->options->plan],
                                            .latency_us = player->options->latency_us};
    int ret;

    for (unsigned i = 0; i < player->n_streams; i++)
        n_filters += player->options->mains[i].whole ? PLAY_MAIN_FILTERS : 0;
    bytes = LIMEF_GRAPH_BYTES(n_filters);
    player->graph_memory = aligned_alloc(LIMEF_CACHE_LINE_BYTES, bytes);
    if (!player->graph_memory)
        return limef_fail(AVERROR(ENOMEM), "limef-play", "the graph");
    ret = limef_graph_init(&player->graph, player->graph_memory, bytes, &settings);
    if (ret >= 0)
        ret = limef_graph_add_thread(&player->graph, &player->screen);
    if (ret >= 0 && player->sound.on)
        ret = limef_graph_add_thread(&player->graph, &player->sound.thread);
    return ret;
}

static int open_metrics(struct player *player)
{
    const struct play_options *options = player->options;
    struct limef_metrics_settings settings = {.socket = options->metrics_socket,
                                              .port = options->metrics_port};
    int ret;

    if (!settings.socket && !settings.port)
        return 0;
    ret = limef_metrics_open(&player->metrics, &settings);
    return ret < 0 ? ret : limef_metrics_add(&player->metrics, &player->graph);
}

static int init(struct player *player)
{
    int ret = limef_reports_init(&player->reports);

    player->n_streams = player->options->n_urls;
    player->streams = calloc(player->n_streams, sizeof(player->streams[0]));
    player->tiles = calloc(player->n_streams, sizeof(player->tiles[0]));
    if (!player->streams || !player->tiles)
        return limef_fail(AVERROR(ENOMEM), "limef-play", "%u streams", player->n_streams);
    if (ret >= 0)
        ret = init_screen(player);
    player_open_hardware(player);
    if (ret >= 0)
        ret = play_sound_init(&player->sound, player->options, player->n_streams, &player->reports);
    if (ret >= 0)
        ret = init_graph(player);
    for (uint32_t i = 0; i < player->n_streams && ret >= 0; i++)
        ret = init_stream(player, i);
    return ret < 0 ? ret : open_metrics(player);
}

static int start_threads(struct player *player)
{
    int ret = screen_start(player);

    return ret < 0 ? ret : limef_graph_start(&player->graph);
}

static int fail_start(struct player *player, int status)
{
    if (player_stop(player) == AVERROR(ETIMEDOUT) || player_clear(player) == AVERROR(ETIMEDOUT))
        _exit(status);
    return status;
}

int player_start(struct player *player, const struct play_options *options, int64_t begun_us)
{
    player->options = options;
    player->rate = 1000;
    atomic_store_explicit(&player->solo, LIMEF_PRESENTER_ALL, memory_order_relaxed);
    player->measures.begun_us = begun_us;
    if (init(player) < 0)
        return fail_start(player, PLAY_SET_UP_FAILED);
    if (plan_print(player, "start") < 0)
        return fail_start(player, PLAY_SET_UP_FAILED);
    if (play_sound_start(&player->sound, options) < 0)
        return fail_start(player, PLAY_NO_OUTPUT);
    if (start_threads(player) < 0)
        return fail_start(player, PLAY_SET_UP_FAILED);
    if (options->rate != player->rate)
        player_set_rate(player, options->rate);
    return PLAY_OK;
}
