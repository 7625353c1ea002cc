/* SPDX-License-Identifier: MIT */
#include "graph_scene.h"

#include <limef/base/log.h>

#include <libavutil/error.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIGHT_BYTES 1000
#define LIGHT_PERIOD_US 40000
#define SECOND_US 1000000

static const uint8_t light_bytes[LIGHT_BYTES];

static void *get(size_t bytes)
{
    void *memory =
        aligned_alloc(LIMEF_CACHE_LINE_BYTES, (bytes + LIMEF_CACHE_LINE_BYTES - 1) /
                                                  LIMEF_CACHE_LINE_BYTES * LIMEF_CACHE_LINE_BYTES);

    if (!memory)
        abort();
    return memset(memory, 0, bytes);
}

static void must(int ret)
{
    if (ret < 0) {
        fprintf(stderr, "graph: %s\n", av_err2str(ret));
        exit(1);
    }
}

static int is_media(const struct limef_frame *frame)
{
    return frame->frame_class == LIMEF_FRAME_PACKET || frame->frame_class == LIMEF_FRAME_DECODED;
}

static int arrive(void *context, const struct limef_frame *frame)
{
    struct sink *sink = context;
    uint64_t number;

    if (!is_media(frame))
        return 0;
    number = sink->drops ? (uint64_t)llround((double)frame->pts_us / sink->schedule->period_us)
                         : sink->n;
    sink->n++;
    if (atomic_load_explicit(&sink->counts, memory_order_acquire) && number >= sink->from &&
        number < sink->until && sink->n_late < SINK_MAX_FRAMES)
        sink->late_us[sink->n_late++] =
            limef_now_us() - (int64_t)(sink->zero_us + (double)number * sink->schedule->period_us);
    return 0;
}

static struct scene_filter *find(struct scene *scene, const struct limef_filter *filter)
{
    for (unsigned i = 0; i < scene->n_filters; i++)
        if (scene->filters[i].filter == filter)
            return &scene->filters[i];
    return NULL;
}

static struct scene_filter *know(struct scene *scene, struct limef_filter *filter, const char *name)
{
    struct scene_filter *known = &scene->filters[scene->n_filters++];

    known->filter = filter;
    known->chain = scene->n_sources;
    snprintf(known->name, sizeof(known->name), "%u-%.16s", scene->n_sources, name);
    filter->name = known->name;
    return known;
}

static void note_edge(struct scene *scene, struct limef_filter *from, struct scene_filter *to)
{
    scene->edges[scene->n_edges][0] = find(scene, from);
    scene->edges[scene->n_edges++][1] = to;
}

/* Puts a filter behind another one; returns it. */
static struct limef_filter *append(struct scene *scene, struct limef_filter *from,
                                   struct limef_filter *to, const char *name)
{
    note_edge(scene, from, know(scene, to, name));
    limef_connect(from, to);
    return to;
}

static void init_sink(struct scene *scene, struct sink *sink, const struct schedule *schedule,
                      bool drops)
{
    limef_tap_filter_init(&sink->tap, NULL, arrive, sink);
    sink->schedule = schedule;
    sink->drops = drops;
    scene->sinks[scene->n_sinks++] = sink;
}

static void add_source(struct scene *scene, struct limef_source *source, struct schedule *schedule)
{
    scene->schedules[scene->n_sources] = schedule;
    scene->sources[scene->n_sources++] = source;
}

/* Of a file: notes when its packets are due. */
static int step_file(struct limef_source *source, int64_t *due_us)
{
    struct file_chain *chain = LIMEF_CONTAINER_OF(source, struct file_chain, file.source);
    uint64_t n, number;
    int ret;

    if (chain->schedule.start_us > limef_now_us()) {
        *due_us = chain->schedule.start_us;
        return AVERROR(EAGAIN);
    }
    ret = chain->step(source, due_us);
    n = LIMEF_COUNTED(chain->file.n_packets);
    /* the time is that of the packet that waits, or of the one that was sent */
    number = ret == AVERROR(EAGAIN) && chain->file.waiting ? n : n - 1;
    if (n)
        atomic_store_explicit(&chain->schedule.zero_us,
                              chain->file.due_us -
                                  (int64_t)((double)number * chain->schedule.period_us),
                              memory_order_relaxed);
    atomic_store_explicit(&chain->schedule.n, n, memory_order_relaxed);
    return ret;
}

/* fps: 0: as it is, 25. */
static struct file_chain *add_file(struct scene *scene, const char *clip, double fps)
{
    struct file_chain *chain = get(sizeof(*chain));
    struct limef_file_source_settings settings = {
        .url = clip,
        .slot = scene->n_sources,
        .media = LIMEF_MEDIA_VIDEO,
        .pace = (int32_t)(fps * 1000),
        .n_loops = LIMEF_LOOP_FOREVER,
        .start_us = scene->n_sources % 4 * 2 * SECOND_US,
    };

    must(limef_file_source_init(&chain->file, NULL, &settings));
    must(limef_decode_filter_init(&chain->decode, NULL,
                                  &(struct limef_decode_settings){.n_threads = 1}));
    chain->step = chain->file.source.step;
    chain->file.source.step = step_file;
    chain->schedule.period_us = 1e6 / (fps > 0 ? fps : 25);
    /* phases as cameras have them: spread, the same in each run */
    chain->schedule.start_us = limef_now_us() + scene->n_sources * 7919 % 40 * 1000;
    know(scene, &chain->file.source.filter, "file");
    append(scene, &chain->file.source.filter, &chain->decode.filter, "decode");
    return chain;
}

static void add_decode(struct scene *scene, const char *clip)
{
    struct file_chain *chain = add_file(scene, clip, 0);

    init_sink(scene, &chain->sink, &chain->schedule, false);
    append(scene, &chain->decode.filter, &chain->sink.tap.filter, "sink");
    add_source(scene, &chain->file.source, &chain->schedule);
}

static void init_encoding(struct file_chain *chain, int width, int height)
{
    must(limef_scale_filter_init(&chain->scale, NULL,
                                 &(struct limef_scale_settings){.width = width,
                                                                .height = height,
                                                                .pixel_format = "yuvj420p"}));
    must(limef_encode_filter_init(
        &chain->encode, NULL,
        &(struct limef_encode_settings){.codec = "mjpeg", .quality = 4, .n_threads = 1}));
}

static void add_encode(struct scene *scene, const char *clip, double fps)
{
    struct file_chain *chain = add_file(scene, clip, fps);
    struct limef_filter *last = &chain->decode.filter;

    init_encoding(chain, 1280, 720);
    init_sink(scene, &chain->sink, &chain->schedule, false);
    last = append(scene, last, &chain->scale.filter, "scale");
    last = append(scene, last, &chain->encode.filter, "encode");
    append(scene, last, &chain->sink.tap.filter, "sink");
    add_source(scene, &chain->file.source, &chain->schedule);
}

/* A decoder and a scaler that are too much for one core. */
static void add_resize(struct scene *scene, const char *clip, double fps)
{
    struct file_chain *chain = add_file(scene, clip, fps);
    struct limef_scale_settings settings = {
        .width = 1280, .height = 720, .quality = LIMEF_SCALE_GOOD};

    must(limef_scale_filter_init(&chain->scale, NULL, &settings));
    init_sink(scene, &chain->sink, &chain->schedule, false);
    append(scene, &chain->decode.filter, &chain->scale.filter, "scale");
    append(scene, &chain->scale.filter, &chain->sink.tap.filter, "sink");
    add_source(scene, &chain->file.source, &chain->schedule);
}

/* One branch looks at each picture, the other one makes small ones of them. */
static void add_fork(struct scene *scene, const char *clip)
{
    struct file_chain *chain = add_file(scene, clip, 0);
    struct limef_filter *last;

    init_encoding(chain, 640, 360);
    init_sink(scene, &chain->sink, &chain->schedule, false);
    init_sink(scene, &chain->second_sink, &chain->schedule, false);
    limef_split_filter_init(&chain->split, NULL);
    append(scene, &chain->decode.filter, &chain->split.filter, "split");
    note_edge(scene, &chain->split.filter, know(scene, &chain->scale.filter, "scale"));
    last = append(scene, &chain->scale.filter, &chain->encode.filter, "encode");
    append(scene, last, &chain->sink.tap.filter, "sink");
    note_edge(scene, &chain->split.filter, know(scene, &chain->second_sink.tap.filter, "look"));
    must(limef_split_connect(&chain->split, &chain->second_sink.tap.filter, LIMEF_SPLIT_FROM_NOW));
    must(limef_split_connect(&chain->split, &chain->scale.filter, LIMEF_SPLIT_FROM_NOW));
    add_source(scene, &chain->file.source, &chain->schedule);
}

static int64_t light_due_us(const struct light_chain *chain, uint64_t number)
{
    return chain->schedule.start_us + (int64_t)(number * LIGHT_PERIOD_US);
}

/* A camera: what is late is sent at once. */
static int step_light(struct limef_source *source, int64_t *due_us)
{
    struct light_chain *chain = LIMEF_CONTAINER_OF(source, struct light_chain, source);
    struct limef_frame *frame = &chain->packet.frame;
    uint64_t n = LIMEF_COUNTED(chain->schedule.n);
    int64_t now_us = limef_now_us();

    if (light_due_us(chain, n) > now_us) {
        *due_us = light_due_us(chain, n);
        return AVERROR(EAGAIN);
    }
    if (!chain->started) {
        struct limef_signal_frame start;

        limef_signal_frame_set(&start, LIMEF_SIGNAL_START, frame->slot, NULL);
        chain->started = true;
        limef_pass(&source->filter, &start.frame);
    }
    frame->pts_us = chain->packet.dts_us = (int64_t)(n * LIGHT_PERIOD_US);
    frame->entered_us = now_us;
    frame->flags = LIMEF_FRAME_LIVE | (n % 25 ? 0 : LIMEF_FRAME_KEY);
    LIMEF_COUNT(chain->schedule.n, 1);
    return limef_pass(&source->filter, frame) == AVERROR_EXIT ? AVERROR_EXIT : 0;
}

static int go_light(struct limef_filter *filter, const struct limef_frame *in)
{
    return limef_pass(filter, in);
}

static const struct limef_filter_ops light_ops = {
    .kind = "camera", .flags = LIMEF_FILTER_SOURCE, .go = go_light};

static int look(void *context, const struct limef_frame *frame)
{
    uint64_t *n_bytes = context;
    const struct limef_packet_frame *packet = limef_packet_frame_from(frame);

    *n_bytes += packet ? packet->size_bytes : 1;
    return 0;
}

static void init_light(struct light_chain *chain)
{
    static uint64_t n_bytes[SCENE_MAX_CHAINS];

    limef_timestamps_filter_init(&chain->timestamps, NULL, 0);
    limef_throttle_filter_init(&chain->throttle, NULL, LIGHT_PERIOD_US / 2);
    for (unsigned i = 0; i < 3; i++)
        limef_statistics_filter_init(&chain->statistics[i], NULL);
    for (unsigned i = 0; i < 2; i++) {
        limef_gate_filter_init(&chain->gates[i], NULL, LIMEF_GATE_WAITING, false);
        limef_tap_filter_init(&chain->taps[i], NULL, look, &n_bytes[chain->packet.frame.slot]);
    }
}

static void add_light(struct scene *scene)
{
    struct light_chain *chain = get(sizeof(*chain));
    struct limef_filter *filters[] = {&chain->timestamps.filter,    &chain->statistics[0].filter,
                                      &chain->gates[0].filter,      &chain->taps[0].filter,
                                      &chain->throttle.filter,      &chain->statistics[1].filter,
                                      &chain->gates[1].filter,      &chain->taps[1].filter,
                                      &chain->statistics[2].filter, &chain->sink.tap.filter};
    struct limef_filter *last = &chain->source.filter;

    limef_filter_init(last, &light_ops, NULL);
    chain->source.step = step_light;
    atomic_store_explicit(&chain->source.is_live, 1, memory_order_relaxed);
    chain->packet = (struct limef_packet_frame){
        .frame = {LIMEF_FRAME_PACKET, .slot = scene->n_sources, .media = LIMEF_MEDIA_VIDEO,
                  .duration_us = LIGHT_PERIOD_US},
        .data = light_bytes,
        .size_bytes = LIGHT_BYTES};
    chain->schedule.period_us = LIGHT_PERIOD_US;
    chain->schedule.start_us = limef_now_us() + 100000 + scene->n_sources * 7919 % 40 * 1000;
    atomic_store_explicit(&chain->schedule.zero_us, chain->schedule.start_us, memory_order_relaxed);
    init_light(chain);
    init_sink(scene, &chain->sink, &chain->schedule, true);
    know(scene, last, "camera");
    for (unsigned i = 0; i < sizeof(filters) / sizeof(*filters); i++) {
        char name[16];

        snprintf(name, sizeof(name), "%u", i);
        last = append(scene, last, filters[i], name);
    }
    add_source(scene, &chain->source, &chain->schedule);
}

void scene_build(struct scene *scene, const char *name, const char *small, const char *large,
                 double fps)
{
    unsigned n_light = 0, n_decode = 0, n_fork = 0, n_encode = 0;

    if (!strcmp(name, "light"))
        n_light = 64;
    else if (sscanf(name, "decode%u", &n_decode) == 1)
        n_decode = n_decode < SCENE_MAX_CHAINS ? n_decode : SCENE_MAX_CHAINS;
    else if (!strcmp(name, "encode"))
        n_encode = 1;
    else if (!strcmp(name, "resize"))
        add_resize(scene, large, fps);
    else if (!strcmp(name, "mix"))
        n_light = 32, n_decode = 12, n_fork = 4, n_encode = 1;
    else
        must(AVERROR(EINVAL));
    for (unsigned i = 0; i < n_encode; i++)
        add_encode(scene, large, fps);
    for (unsigned i = 0; i < n_fork; i++)
        add_fork(scene, small);
    for (unsigned i = 0; i < n_decode; i++)
        add_decode(scene, small);
    for (unsigned i = 0; i < n_light; i++)
        add_light(scene);
}

void scene_clear(struct scene *scene)
{
    for (unsigned i = 0; i < scene->n_filters; i++)
        limef_filter_clear(scene->filters[i].filter);
    *scene = (struct scene){0};
}
