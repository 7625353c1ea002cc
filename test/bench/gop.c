/* SPDX-License-Identifier: MIT */
/*
 * How long it takes from attaching a branch to a live stream in the middle of a
 * group of pictures to the first picture that the presenter shows: the gop
 * cache's burst crosses into the decoder's thread, is decoded, and its last
 * picture is presented. The stream stands still meanwhile, so that nothing
 * else can be what is shown.
 *
 * Or to the first picture of a branch behind a decoder that runs already, of a
 * stream that goes on at 25 pictures a second.
 *
 * Or until libavcodec alone has the last picture of the same packets, in one loop, on as many
 * threads as it likes.
 *
 *   gop CLIP [REPETITIONS [decoded|bare]]     prints one JSON object, milliseconds
 */
#include <limef/limef.h>

#include <libavcodec/avcodec.h>
#include <libavutil/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_FRAMES 4096
#define TIMEOUT_US 10000000
#define PERIOD_US 40000

static union limef_any_frame clip[MAX_FRAMES];
static unsigned n_clip;

static int keep_go(struct limef_filter *filter, const struct limef_frame *in)
{
    (void)filter;
    if (n_clip < MAX_FRAMES && in->frame_class != LIMEF_FRAME_SIGNAL)
        n_clip += limef_any_frame_ref(&clip[n_clip], in) >= 0;
    return 0;
}

static const struct limef_filter_ops keep_ops = {.kind = "keep", .go = keep_go};

static int load(const char *path)
{
    static struct limef_file_source file;
    static struct limef_filter keep = LIMEF_FILTER(&keep_ops, "keep", NULL);
    struct limef_file_source_settings settings = {
        .url = path, .media = LIMEF_MEDIA_VIDEO, .pace = LIMEF_PACE_FASTEST};
    int64_t due_us;
    int ret = limef_file_source_init(&file, "clip", &settings);

    limef_connect(&file.source.filter, &keep);
    while (ret >= 0 || ret == AVERROR(EAGAIN))
        ret = file.source.step(&file.source, &due_us);
    return ret == AVERROR_EOF ? 0 : ret;
}

/* Gives as much of the clip as it may. */
struct held {
    struct limef_source source;
    LIMEF_ATOMIC(uint32_t) allowed;
    uint32_t n_passed;
};

static int held_step(struct limef_source *source, int64_t *due_us)
{
    struct held *held = LIMEF_CONTAINER_OF(source, struct held, source);
    union limef_any_frame any;

    if (held->n_passed == LIMEF_COUNTED(held->allowed)) {
        *due_us = limef_now_us() + 1000;
        return AVERROR(EAGAIN);
    }
    any = clip[held->n_passed++];
    any.frame.flags |= LIMEF_FRAME_LIVE;
    limef_pass(&source->filter, &any.frame);
    return 0;
}

static int held_go(struct limef_filter *filter, const struct limef_frame *in)
{
    return limef_pass(filter, in);
}

static const struct limef_filter_ops held_ops = {
    .kind = "held", .flags = LIMEF_FILTER_SOURCE, .go = held_go};

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
}

struct scene {
    struct held held;
    struct limef_gop_cache_filter cache;
    struct limef_split_filter split;
    struct limef_decode_filter decode;
    struct limef_split_filter pictures; /* behind the decoder, if that runs already */
    struct limef_tile tile;
    struct limef_presenter presenter;
    struct limef_consumer screen; /* as a player has it: it runs before anything is shown */
    struct limef_graph graph;
    void *memory;
};

static int begin(struct scene *scene, uint32_t at, bool is_decoded)
{
    size_t bytes = LIMEF_GRAPH_BYTES(8);
    struct limef_presenter_settings settings = {.output = LIMEF_OUTPUT_NONE};
    struct limef_filter *last = is_decoded ? &scene->pictures.filter : &scene->split.filter;
    int ret;

    limef_filter_init(&scene->held.source.filter, &held_ops, NULL);
    scene->held.source.step = held_step;
    atomic_store(&scene->held.source.is_live, 1);
    limef_gop_cache_filter_init(&scene->cache, "cache", NULL);
    limef_split_filter_init(&scene->split, "split");
    limef_connect(&scene->held.source.filter, &scene->cache.filter);
    limef_connect(&scene->cache.filter, &scene->split.filter);
    scene->memory = aligned_alloc(LIMEF_CACHE_LINE_BYTES, bytes);
    ret = limef_presenter_init(&scene->presenter, "screen", &scene->tile, 1, &settings);
    if (ret >= 0)
        ret = limef_decode_filter_init(&scene->decode, "late", NULL);
    limef_split_filter_init(&scene->pictures, "pictures");
    if (is_decoded) {
        limef_connect(&scene->split.filter, &scene->decode.filter);
        limef_connect(&scene->decode.filter, &scene->pictures.filter);
    } else {
        limef_connect(&scene->decode.filter, &scene->presenter.filter);
    }
    limef_consumer_init(&scene->screen, &scene->presenter.filter,
                        &(struct limef_thread_settings){.name = "screen"});
    limef_thread_set_task(&scene->screen.thread, limef_presenter_tick, &scene->presenter);
    if (ret >= 0)
        ret = limef_graph_init(&scene->graph, scene->memory, bytes, NULL);
    if (ret >= 0)
        ret = limef_graph_add_thread(&scene->graph, &scene->screen);
    if (ret >= 0)
        ret = limef_graph_add(&scene->graph, &scene->held.source);
    if (ret >= 0)
        ret = limef_graph_start(&scene->graph);
    if (ret >= 0)
        ret = limef_thread_start(&scene->screen.thread);
    for (uint32_t n = 1; n <= at && ret >= 0; n++) {
        atomic_store(&scene->held.allowed, n);
        while (LIMEF_COUNTED(last->n_frames) < n - is_decoded) /* one frame is no picture */
            nap();
    }
    return ret;
}

static void end(struct scene *scene)
{
    limef_graph_stop(&scene->graph, TIMEOUT_US);
    limef_thread_stop(&scene->screen.thread, TIMEOUT_US);
    limef_graph_clear(&scene->graph);
    limef_consumer_clear(&scene->screen);
    limef_filter_clear(&scene->decode.filter);
    limef_filter_clear(&scene->presenter.filter);
    limef_filter_clear(&scene->cache.filter);
    limef_filter_clear(&scene->split.filter);
    limef_filter_clear(&scene->pictures.filter);
    free(scene->memory);
    *scene = (struct scene){.memory = NULL};
}

static bool is_shown(struct scene *scene)
{
    return LIMEF_COUNTED(scene->tile.first_shown_us) > 0;
}

static void attach(struct scene *scene)
{
    int64_t end_us = limef_deadline_us(TIMEOUT_US);

    limef_graph_connect(&scene->graph, &scene->split.filter, 1, &scene->decode.filter, TIMEOUT_US);
    limef_graph_call(&scene->graph, &scene->cache.filter, limef_gop_cache_serve, &scene->cache,
                     TIMEOUT_US);
    while (!is_shown(scene) && limef_now_us() < end_us)
        nap();
}

/* At some moment between two pictures. */
static int64_t attach_decoded(struct scene *scene, uint32_t at)
{
    int64_t due_us = limef_now_us() + PERIOD_US, end_us, begun_us;

    while (limef_now_us() < due_us - PERIOD_US + at * INT64_C(7001) % PERIOD_US)
        nap();
    begun_us = limef_now_us();
    limef_graph_connect(&scene->graph, &scene->pictures.filter, 0, &scene->presenter.filter,
                        TIMEOUT_US);
    for (end_us = limef_deadline_us(TIMEOUT_US); !is_shown(scene) && limef_now_us() < end_us;
         nap()) {
        if (limef_now_us() < due_us)
            continue;
        atomic_store(&scene->held.allowed, at < n_clip ? ++at : at);
        due_us += PERIOD_US;
    }
    return begun_us;
}

static void receive_all(AVCodecContext *decoder, AVFrame *picture, unsigned *n_pictures)
{
    while (avcodec_receive_frame(decoder, picture) >= 0)
        ++*n_pictures;
}

/* Milliseconds; -1: nothing came. */
static double measure_bare(uint32_t at)
{
    AVCodecContext *decoder = NULL;
    AVFrame *picture = av_frame_alloc();
    int64_t begun_us = limef_now_us();
    unsigned n_pictures = 0;

    for (uint32_t i = 0; i < at; i++) {
        const struct limef_frame *frame = &clip[i].frame;
        const AVCodecParameters *parameters;

        if (frame->frame_class == LIMEF_FRAME_CODEC && !decoder) {
            parameters = limef_payload_codec(frame->payload);
            decoder = avcodec_alloc_context3(avcodec_find_decoder(parameters->codec_id));
            avcodec_parameters_to_context(decoder, parameters);
            decoder->thread_count = 0;
            if (avcodec_open2(decoder, NULL, NULL) < 0)
                return -1;
        } else if (frame->frame_class == LIMEF_FRAME_PACKET && decoder) {
            avcodec_send_packet(decoder, limef_payload_packet(frame->payload));
            receive_all(decoder, picture, &n_pictures);
        }
    }
    avcodec_send_packet(decoder, NULL);
    receive_all(decoder, picture, &n_pictures);
    av_frame_free(&picture);
    avcodec_free_context(&decoder);
    return n_pictures + 1 >= at ? (double)(limef_now_us() - begun_us) / 1000 : -1;
}

/* Milliseconds; -1: nothing came. */
static double measure(uint32_t at, bool is_decoded)
{
    static struct scene scene;
    int64_t begun_us;
    double ms = -1;

    if (begin(&scene, at, is_decoded) >= 0) {
        begun_us = limef_now_us();
        if (is_decoded)
            begun_us = attach_decoded(&scene, at);
        else
            attach(&scene);
        if (is_shown(&scene))
            ms = (double)(LIMEF_COUNTED(scene.tile.first_shown_us) - begun_us) / 1000;
    }
    end(&scene);
    return ms;
}

static int compare(const void *a, const void *b)
{
    return *(const double *)a < *(const double *)b ? -1 : *(const double *)a > *(const double *)b;
}

int main(int argc, char **argv)
{
    int n = argc > 2 ? atoi(argv[2]) : 20;
    bool is_decoded = argc > 3 && !strcmp(argv[3], "decoded");
    bool is_bare = argc > 3 && !strcmp(argv[3], "bare");
    double *ms = calloc((size_t)(n > 0 ? n : 1), sizeof(*ms));

    if (argc < 2 || n < 1 || !ms || load(argv[1]) < 0 || n_clip < 3)
        return 1;
    for (int i = 0; i < n; i++) { /* from the middle of the group to its end */
        uint32_t at = n_clip / 2 + (uint32_t)i * (n_clip / 2 - 1) / (uint32_t)n;

        ms[i] = is_bare ? measure_bare(at) : measure(at, is_decoded);
    }
    qsort(ms, (size_t)n, sizeof(*ms), compare);
    printf("{\"packets\": %u, \"repetitions\": %d, \"min_ms\": %.1f, \"p50_ms\": %.1f, "
           "\"max_ms\": %.1f}\n",
           n_clip, n, ms[0], ms[n / 2], ms[n - 1]);
    for (unsigned i = 0; i < n_clip; i++)
        limef_any_frame_clear(&clip[i]);
    free(ms);
    return 0;
}
