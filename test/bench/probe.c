/* SPDX-License-Identifier: MIT */
/*
 * What probes cost: the same chains in a library with probes, and in one that was built without.
 *
 *   probe light [FRAMES [HZ]]   packets through ten light filters, as fast as they go
 *   probe source [FRAMES [HZ]]  the same on the thread of their source
 *   probe decode CLIP           a clip read and decoded, as fast as it goes
 *
 * HZ: so many frames a second are measured, whatever that costs (16).
 * Prints one JSON object: processor time a frame, of the frames how many were measured.
 */
#include "bench.h"

#include <limef/filter/codecs.h>
#include <limef/filter/decode.h>
#include <limef/filter/file_source.h>
#include <limef/filter/gate.h>
#include <limef/filter/probe.h>
#include <limef/filter/statistics.h>
#include <limef/filter/tap.h>
#include <limef/filter/throttle.h>
#include <limef/filter/timestamps.h>

#include <libavutil/error.h>
#include <stdio.h>
#include <string.h>

#define N_LIGHT 10
#define FRAME_US 40000

static struct limef_probe probes[N_LIGHT];
static uint64_t n_bytes;
static uint32_t least_hz; /* 0: the library's */

static int add_bytes(void *context, const struct limef_frame *frame)
{
    (void)context;
    n_bytes += limef_packet_frame_from(frame) ? limef_packet_frame_from(frame)->size_bytes : 1;
    return 0;
}

static void connect_all(struct limef_filter *const *filters, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        limef_probe_attach(&probes[i], filters[i]);
        limef_probe_set_rate(&probes[i], least_hz);
        if (i)
            limef_connect(filters[i - 1], filters[i]);
    }
}

static void print(const char *what, double cpu_ns, uint64_t n_frames)
{
    printf("{\"what\": \"%s\", \"ns\": %.2f, \"frames\": %llu, \"sampled\": %llu, \"own_ns\": [",
           what, cpu_ns / (double)n_frames, (unsigned long long)n_frames,
           (unsigned long long)probes[0].n_sampled);
    for (unsigned i = 0; i < N_LIGHT; i++)
        printf("%s%.1f", i ? ", " : "",
               probes[i].n_sampled ? (double)probes[i].sum_ns / (double)probes[i].n_sampled : 0);
    printf("]}\n");
}

/* A source that has a packet whenever it is asked. */
struct packets {
    struct limef_source source;
    struct limef_packet_frame packet;
    uint64_t n;
};

static const struct limef_packet_frame *next_packet(struct packets *packets)
{
    struct limef_packet_frame *packet = &packets->packet;

    packet->frame.pts_us = packet->dts_us = (int64_t)packets->n * FRAME_US;
    packet->frame.flags = packets->n++ % 25 ? 0 : LIMEF_FRAME_KEY;
    return packet;
}

static int packets_step(struct limef_source *source, int64_t *due_us)
{
    (void)due_us;
    return limef_pass(&source->filter,
                      &next_packet(LIMEF_CONTAINER_OF(source, struct packets, source))->frame);
}

static void drive(struct limef_filter *first, struct packets *packets, bool is_source,
                  uint64_t n_frames)
{
    static const struct limef_filter_ops ops = {.kind = "packets", .flags = LIMEF_FILTER_SOURCE};
    static struct limef_probe probe;
    int64_t due_us;
    int ret = 0;

    packets->source.step = packets_step;
    limef_filter_init(&packets->source.filter, &ops, NULL);
    limef_probe_attach(&probe, &packets->source.filter);
    limef_probe_set_rate(&probe, least_hz);
    limef_connect(&packets->source.filter, first);
    for (uint64_t i = 0; i < n_frames && ret >= 0; i++)
        ret = is_source ? limef_probe_step(&packets->source, &due_us)
                        : limef_probe_run(first, &next_packet(packets)->frame);
    if (ret < 0)
        abort();
}

static void light(const char *what, uint64_t n_frames)
{
    static struct limef_timestamps_filter timestamps;
    static struct limef_statistics_filter statistics[3];
    static struct limef_gate_filter gates[2];
    static struct limef_tap_filter taps[3];
    static struct limef_throttle_filter throttle;
    struct limef_filter *filters[N_LIGHT] = {
        &timestamps.filter, &statistics[0].filter, &gates[0].filter, &taps[0].filter,
        &throttle.filter,   &statistics[1].filter, &taps[1].filter,  &gates[1].filter,
        &taps[2].filter,    &statistics[2].filter};
    uint8_t bytes[1000] = {0};
    struct packets packets = {.packet = {.frame = {LIMEF_FRAME_PACKET, .media = LIMEF_MEDIA_VIDEO,
                                                   .duration_us = FRAME_US},
                                         .data = bytes,
                                         .size_bytes = sizeof(bytes)}};
    int64_t began_ns;

    limef_timestamps_filter_init(&timestamps, NULL, 0);
    limef_throttle_filter_init(&throttle, NULL, FRAME_US / 2);
    for (unsigned i = 0; i < 3; i++) {
        limef_statistics_filter_init(&statistics[i], NULL);
        limef_tap_filter_init(&taps[i], NULL, add_bytes, NULL);
    }
    for (unsigned i = 0; i < 2; i++)
        limef_gate_filter_init(&gates[i], NULL, LIMEF_GATE_WAITING, false);
    connect_all(filters, N_LIGHT);
    began_ns = bench_cpu_ns();
    drive(filters[0], &packets, !strcmp(what, "source"), n_frames);
    print(what, (double)(bench_cpu_ns() - began_ns), n_frames);
    if (n_bytes != 3 * n_frames * sizeof(bytes))
        abort();
    for (unsigned i = 0; i < N_LIGHT; i++)
        limef_filter_clear(filters[i]);
}

static void decode(const char *clip)
{
    static struct limef_file_source file;
    static struct limef_decode_filter decoder;
    static struct limef_tap_filter tap;
    struct limef_filter *filters[] = {&file.source.filter, &decoder.filter, &tap.filter};
    int64_t began_ns, due_us;
    int ret;

    limef_tap_filter_init(&tap, NULL, add_bytes, NULL);
    if (limef_decode_filter_init(&decoder, NULL, &(struct limef_decode_settings){.n_threads = 1}) ||
        limef_file_source_init(&file, NULL,
                               &(struct limef_file_source_settings){.url = clip,
                                                                    .media = LIMEF_MEDIA_VIDEO,
                                                                    .pace = LIMEF_PACE_FASTEST}))
        abort();
    connect_all(filters, 3);
    began_ns = bench_cpu_ns();
    do {
        ret = limef_probe_step(&file.source, &due_us);
    } while (ret != AVERROR_EOF && ret != AVERROR_EXIT);
    print("decode", (double)(bench_cpu_ns() - began_ns), tap.filter.n_frames);
    for (unsigned i = 0; i < 3; i++)
        limef_filter_clear(filters[i]);
}

int main(int n_arguments, char **arguments)
{
    bench_pin(0);
    if (n_arguments > 3)
        least_hz = (uint32_t)atoi(arguments[3]);
    if (n_arguments > 2 && !strcmp(arguments[1], "decode"))
        decode(arguments[2]);
    else if (n_arguments > 1 && (!strcmp(arguments[1], "light") || !strcmp(arguments[1], "source")))
        light(arguments[1], n_arguments > 2 ? strtoull(arguments[2], NULL, 10) : 5000000);
    else
        return 1;
    return 0;
}
