/* SPDX-License-Identifier: MIT */
/*
 * av_sync CLIP WAV [RATE [TO [PATIENCE]]]: plays a clip whose flashes and beeps coincide, at so
 * many thousandths of its rate, goes to second TO of it, if that is not 0, when 1.5 s were mixed,
 * and has PATIENCE milliseconds more of sound wait in the device; or a camera (rtsp://) up to its
 * end; looks at the offscreen picture after each time it was composed and listens to what was
 * recorded, and prints how much later than its beep each flash was seen; of each how long its
 * picture took to be composed, for how long a processor of the machine stood still around it, and
 * how much later than its beep the presenter wanted it to be seen, which no machine is too slow
 * for.
 *
 * But for the last of these neither the presenter nor the mixer is asked: when a flash was seen is
 * the time when the picture is read back, when a beep is heard comes from its place in the file and
 * from when the blocks around it were mixed, half a period, and the patience, before they are
 * heard.
 */
#include "stalls.h"

#include <limef/limef.h>

#include <libavutil/error.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RATE 48000
#define PERIOD 240
#define MAX_MARKS 1000
#define RING_FRAMES 65536
#define TIMEOUT_US 60000000
#define LOOK_US 500 /* how often the mixer is looked at */
#define PIECE (RATE / 10)
#define MAX_PIECES 1200
#define SAME_US 200000 /* a flash and a beep that are further apart are not of the same second */
#define SAME_LIVE_US 450000
#define AROUND_US 100000 /* what stood still so long before may have made either late */

static struct limef_file_source source;
static struct limef_rtsp_source camera;
static bool is_live;
static struct limef_latency_filter latency;
static struct limef_split_filter split;
static struct limef_decode_filter decode, sound_decode;
static struct limef_resample_filter resample;
static struct limef_presenter presenter;
static struct limef_tile tile;
static struct limef_consumer screen, sound;
static struct limef_reports reports;
static struct limef_graph graph;
static LIMEF_ALIGNED(LIMEF_CACHE_LINE_BYTES) char graph_memory[LIMEF_GRAPH_BYTES(16)];

static struct limef_broadcast_ring ring;
static limef_broadcast_word words[LIMEF_BROADCAST_WORDS(RING_FRAMES, 2)];
static struct limef_mixer mixer;
static struct limef_mixer_input input;
static float memory[32768 * 2];
static struct limef_audio_slot slot;
static struct limef_audio_sink sink;
static struct limef_audio_output output;
static struct limef_audio_recorder recorder;

/* When the recording would have begun by what was mixed in each piece of it: a machine that stands
 * still moves all that comes later. */
static int64_t began_us[MAX_PIECES];

/* the screen's thread */
static struct flash {
    int64_t seen_us, composed_us; /* when; how long that took */
    int64_t due_us;               /* when it was to be seen */
} flashes[MAX_MARKS];
static unsigned n_flashes;
static bool bright;
static uint64_t n_seen;
static uint8_t *rgba;

static void must(int ret, const char *what)
{
    if (ret >= 0)
        return;
    fprintf(stderr, "%s: %s\n", what, av_err2str(ret));
    exit(ret == AVERROR(ENOSYS) || ret == AVERROR(ENODEV) ? 77 : 1);
}

static void look(int64_t now_us, int64_t composed_us)
{
    int width = 0, height = 0;
    bool was_bright = bright;

    if (!tile.has_picture) /* the first is drawn ahead of its time, unseen */
        return;
    if (limef_presenter_get_size(&presenter, &width, &height) < 0)
        return;
    if (!rgba)
        rgba = calloc((size_t)width * (size_t)height, 4);
    if (!rgba || limef_presenter_read(&presenter, rgba) < 0)
        return;
    bright = rgba[((size_t)height / 2 * (size_t)width + (size_t)width / 2) * 4] > 128;
    if (bright && !was_bright && n_flashes < MAX_MARKS)
        flashes[n_flashes++] = (struct flash){now_us, composed_us, tile.shown_us};
}

static int64_t tick(void *context, int64_t now_us)
{
    int64_t due_us = limef_presenter_tick(context, now_us), seen_us = limef_now_us();

    if (LIMEF_COUNTED(presenter.n_presented) != n_seen)
        look(seen_us, seen_us - now_us);
    n_seen = LIMEF_COUNTED(presenter.n_presented);
    return due_us;
}

static int64_t heard_us(void *context, int64_t now_us)
{
    return limef_mixer_input_heard_us(context, now_us);
}

static void open_sound(const char *wav, int64_t patience_us)
{
    struct limef_mixer_settings settings = {.rate = RATE, .ring = &ring};
    struct limef_audio_output_settings null = {
        .kind = LIMEF_AUDIO_NULL, .period_frames = PERIOD, .patience_us = patience_us};
    struct limef_thread_settings thread = {.name = "sound", .reports = &reports};
    struct limef_mixer_input_settings ahead = {.n_ahead = is_live ? RATE / 25 : 0};

    must(limef_broadcast_ring_init(&ring, words, RING_FRAMES, 2), "ring");
    must(limef_mixer_init(&mixer, NULL, &settings), "mixer");
    must(limef_mixer_input_init(&input, &mixer, NULL, memory, 32768, &ahead), "input");
    must(limef_mixer_connect(&mixer, &input), "input");
    slot.input = &input;
    slot.resample = &resample;
    slot.pictures = limef_presenter_is_ready;
    slot.pictures_context = &tile;
    limef_audio_sink_init(&sink, NULL, &slot, 1, &mixer);
    limef_consumer_init(&sound, &sink.filter, &thread);
    limef_thread_set_task(&sound.thread, limef_audio_sink_tick, &sink);
    must(limef_audio_recorder_start(&recorder, wav, &ring, RATE), "recorder");
    must(limef_audio_output_start(&output, NULL, &mixer, &null), "output");
    must(limef_thread_start(&sound.thread), "sound");
}

static int open_screen(void *context)
{
    return limef_presenter_open(context);
}

static void open_pictures(void)
{
    struct limef_presenter_settings settings = {.output = LIMEF_OUTPUT_OFFSCREEN};
    struct limef_thread_settings thread = {
        .name = "screen", .priority = LIMEF_PRIORITY_DISPLAY, .reports = &reports};

    must(limef_presenter_init(&presenter, "screen", &tile, 1, &settings), "screen");
    must(limef_presenter_set_master(&presenter, 0, heard_us, &input), "screen");
    limef_consumer_init(&screen, &presenter.filter, &thread);
    limef_thread_set_task(&screen.thread, tick, &presenter);
    must(limef_thread_start(&screen.thread), "screen");
    must(limef_thread_call(&screen.thread, open_screen, &presenter, TIMEOUT_US), "no pictures");
}

/* To the presenter, the sink, and the source. */
static void seek(int to_s)
{
    struct limef_signal_frame seek;

    limef_signal_frame_set(&seek, LIMEF_SIGNAL_SEEK, 0, NULL);
    seek.value = limef_file_source_start_us(&source) + to_s * INT64_C(1000000);
    seek.code = 1;
    seek.serial = 1;
    must(limef_thread_send(&sound.thread, &seek), "seek");
    must(limef_thread_send(&screen.thread, &seek), "seek");
    must(limef_graph_send(&graph, &source.source.filter, &seek), "seek");
}

static void set_rate(int rate)
{
    struct limef_signal_frame signal_frame;

    limef_signal_frame_set(&signal_frame, LIMEF_SIGNAL_RATE, 0, NULL);
    signal_frame.value = rate;
    must(limef_thread_send(&sound.thread, &signal_frame), "rate");
}

/* Returns what is to be run. */
static struct limef_source *open_source(const char *url)
{
    struct limef_file_source_settings file = {.url = url, .pace = LIMEF_PACE_FASTEST};
    struct limef_rtsp_source_settings rtsp = {
        .url = url, .transport = LIMEF_RTSP_TCP, .once = true};

    if (is_live) {
        must(limef_rtsp_source_init(&camera, "camera", &rtsp), "camera");
        limef_rtsp_source_hold(&camera);
        limef_latency_filter_init(&latency, NULL, 0);
        limef_connect(&camera.source.filter, &split.filter);
        limef_connect(&split.filter, &latency.filter);
        limef_connect(&latency.filter, &decode.filter);
        return &camera.source;
    }
    must(limef_file_source_init(&source, "source", &file), "source");
    limef_connect(&source.source.filter, &split.filter);
    limef_connect(&split.filter, &decode.filter);
    return &source.source;
}

static void open_chain(const char *url)
{
    struct limef_decode_settings video = {.media = LIMEF_MEDIA_VIDEO};
    struct limef_decode_settings audio = {.media = LIMEF_MEDIA_AUDIO};
    struct limef_graph_settings settings = {.reports = &reports};
    struct limef_resample_settings live = {.follows = true};
    struct limef_source *from;

    limef_split_filter_init(&split, NULL);
    must(limef_decode_filter_init(&decode, "pictures", &video), "decode");
    must(limef_decode_filter_init(&sound_decode, "sound", &audio), "decode");
    must(limef_resample_filter_init(&resample, NULL, is_live ? &live : NULL), "resample");
    from = open_source(url);
    limef_connect(&decode.filter, &presenter.filter);
    limef_connect(&sound_decode.filter, &resample.filter);
    limef_connect(&resample.filter, &sink.filter);
    must(limef_split_connect(&split, &sound_decode.filter, LIMEF_SPLIT_FROM_NOW), "split");
    must(limef_graph_init(&graph, graph_memory, sizeof(graph_memory), &settings), "graph");
    must(limef_graph_add_thread(&graph, &screen), "graph");
    must(limef_graph_add_thread(&graph, &sound), "graph");
    must(limef_graph_add(&graph, from), "graph");
    must(limef_graph_start(&graph), "graph");
}

/* The earliest look is the one right after a block was mixed. */
static void look_at_mixer(void)
{
    uint64_t n_frames = limef_sample_ring_head(&input.ring) ? LIMEF_COUNTED(ring.head) : 0;
    int64_t zero_us = limef_now_us() - (int64_t)(n_frames * 1000000 / RATE);
    uint64_t piece = n_frames / PIECE;

    if (n_frames && piece < MAX_PIECES && (!began_us[piece] || zero_us < began_us[piece]))
        began_us[piece] = zero_us;
}

/* A device that never ran dry has one clock from the beginning to the end. */
static void level_pieces(void)
{
    struct limef_audio_output_counters counters;
    int64_t first_us = INT64_MAX;

    limef_audio_output_get_counters(&output, &counters);
    for (int i = 0; i < MAX_PIECES; i++)
        if (began_us[i] && began_us[i] < first_us)
            first_us = began_us[i];
    for (int i = 0; i < MAX_PIECES && !counters.n_underruns; i++)
        if (began_us[i])
            began_us[i] = first_us;
}

/* When a frame of the recording was mixed; 0: that was not seen. */
static int64_t mixed_us(int64_t frame)
{
    int64_t piece = frame / PIECE;

    while (piece < MAX_PIECES && !began_us[piece])
        piece++;
    return piece < MAX_PIECES ? began_us[piece] + frame * 1000000 / RATE : 0;
}

/* Until both have ended. */
static void play(int to_s)
{
    struct limef_signal_frame report;
    int64_t deadline_us = limef_deadline_us(TIMEOUT_US);
    int n_ended = 0;

    while (n_ended < 2 && limef_now_us() < deadline_us) {
        int64_t now_us = limef_now_us();

        look_at_mixer();
        if (to_s && limef_mixer_input_heard_us(&input, now_us) > 1500000) {
            seek(to_s);
            to_s = 0;
        }
        if (limef_reports_read(&reports, &report, LOOK_US) == 0)
            n_ended += report.signal == LIMEF_SIGNAL_END;
    }
}

static unsigned find_beeps(const char *wav, int64_t *frames)
{
    FILE *file = fopen(wav, "rb");
    float frame[2];
    int64_t at = 0, last = -RATE;
    unsigned n = 0;

    if (!file || fseek(file, 94, SEEK_SET))
        return 0;
    for (; fread(frame, sizeof(frame), 1, file) == 1; at++) {
        if (fabsf(frame[0]) < 0.1f)
            continue;
        if (at - last > RATE / 5 && n < MAX_MARKS)
            frames[n++] = at;
        last = at;
    }
    fclose(file);
    return n;
}

/* What is printed of each flash and its beep, ms. */
static const char *const figures[] = {"late_ms", "composed_ms", "stalled_ms", "due_ms"};
#define N_FIGURES (sizeof(figures) / sizeof(figures[0]))

static double pairs[MAX_MARKS][N_FIGURES];

static double stalled_ms(int64_t seen_us, int64_t beep_us)
{
    int64_t first_us = seen_us < beep_us ? seen_us : beep_us;
    int64_t last_us = seen_us < beep_us ? beep_us : seen_us;

    return (double)stalls_between_ns((first_us - AROUND_US) * 1000, last_us * 1000) / 1e6;
}

static unsigned find_pairs(const int64_t *beeps, unsigned n_beeps, int64_t patience_us)
{
    int64_t same_us = is_live ? SAME_LIVE_US : SAME_US;
    unsigned n = 0;

    for (unsigned i = 0; i < n_beeps; i++)
        for (unsigned k = 0; k < n_flashes && n < MAX_MARKS; k++) {
            int64_t beep_us = mixed_us(beeps[i] + 3 * PERIOD / 2) + patience_us;
            int64_t late_us = flashes[k].seen_us - beep_us;

            if (llabs(late_us) >= same_us)
                continue;
            pairs[n][0] = (double)late_us / 1e3;
            pairs[n][1] = (double)flashes[k].composed_us / 1e3;
            pairs[n][2] = stalled_ms(flashes[k].seen_us, beep_us);
            pairs[n++][3] = (double)(flashes[k].due_us - beep_us) / 1e3;
        }
    return n;
}

static void print(const int64_t *beeps, unsigned n_beeps, int64_t patience_us,
                  const struct stalls *stalls)
{
    unsigned n = find_pairs(beeps, n_beeps, patience_us);

    printf("{\"flashes\": %u, \"beeps\": %u, ", n_flashes, n_beeps);
    for (size_t k = 0; k < N_FIGURES; k++) {
        printf("\"%s\": [", figures[k]);
        for (unsigned i = 0; i < n; i++)
            printf("%s%.2f", i ? ", " : "", pairs[i][k]);
        printf("], ");
    }
    if (is_live) {
        struct limef_rtsp_source_counters counters;

        limef_rtsp_source_get_counters(&camera, &counters);
        printf("\"sync\": \"%s\", \"skew_us\": %lld, \"corrected_us\": %llu, ",
               limef_rtsp_sync_name(counters.sync), (long long)counters.skew_us,
               (unsigned long long)counters.corrected_us);
    }
    printf("\"stalls\": %ld, \"stall_worst_ms\": %.2f, \"stalls_seen\": \"%s\"}\n", stalls->n,
           (double)stalls->worst_ns / 1e6, stalls->real_time ? "real time" : "ordinary");
}

int main(int n_arguments, char **arguments)
{
    static int64_t beeps[MAX_MARKS];
    struct stalls stalls;
    int64_t patience_us = n_arguments > 5 ? atoi(arguments[5]) * INT64_C(1000) : 0;
    unsigned n_beeps;

    if (n_arguments < 3)
        return 1;
    is_live = strncmp(arguments[1], "rtsp:", 5) == 0;
    must(limef_reports_init(&reports), "reports");
    open_sound(arguments[2], patience_us);
    open_pictures();
    if (n_arguments > 3)
        set_rate(atoi(arguments[3]));
    open_chain(arguments[1]);
    stalls_start(NULL, 0);
    play(n_arguments > 4 ? atoi(arguments[4]) : 0);
    stalls_stop(&stalls);
    level_pieces();
    must(limef_graph_stop(&graph, TIMEOUT_US), "graph");
    must(limef_audio_output_stop(&output, TIMEOUT_US), "output");
    must(limef_audio_recorder_stop(&recorder, TIMEOUT_US), "recorder");
    must(limef_thread_stop(&sound.thread, TIMEOUT_US), "sound");
    must(limef_thread_stop(&screen.thread, TIMEOUT_US), "screen");
    limef_graph_clear(&graph);
    n_beeps = find_beeps(arguments[2], beeps);
    print(beeps, n_beeps, patience_us, &stalls);
    limef_filter_clear(&source.source.filter);
    limef_filter_clear(&camera.source.filter);
    limef_filter_clear(&latency.filter);
    limef_filter_clear(&split.filter);
    limef_filter_clear(&decode.filter);
    limef_filter_clear(&sound_decode.filter);
    limef_filter_clear(&resample.filter);
    limef_filter_clear(&sink.filter);
    limef_filter_clear(&presenter.filter);
    limef_consumer_clear(&screen);
    limef_consumer_clear(&sound);
    limef_reports_clear(&reports);
    free(rgba);
    return 0;
}
