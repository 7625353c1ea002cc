/* SPDX-License-Identifier: MIT */
/*
 * cameras URL N SECONDS [tcp|udp]: receives a camera N times over, and counts. One JSON object on
 * standard output: units, lost, playing, threads, stop_us.
 */
#include <limef/limef.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct limef_reports reports;
static struct limef_graph graph;

static void *zeroed(size_t n, size_t bytes)
{
    size_t all = (n * bytes + 63) / 64 * 64;
    void *memory = aligned_alloc(64, all);

    if (!memory)
        abort();
    return memset(memory, 0, all);
}

static int count_threads(void)
{
    DIR *tasks = opendir("/proc/self/task");
    int n = 0;

    while (tasks && readdir(tasks))
        n++;
    closedir(tasks);
    return n - 2; /* "." and ".." */
}

int main(int n_arguments, char **arguments)
{
    int n = n_arguments > 3 ? atoi(arguments[2]) : 0;
    struct limef_rtsp_source *cameras;
    struct limef_statistics_filter *counts;
    int64_t end_us, stop_us;
    int n_threads;
    struct limef_rtsp_source_counters counters, sum = {.n_units = 0};
    int n_playing = 0;

    if (n < 1)
        return fputs("cameras URL N SECONDS [tcp|udp]\n", stderr), 1;
    cameras = zeroed((size_t)n, sizeof(*cameras));
    counts = zeroed((size_t)n, sizeof(*counts));
    if (limef_reports_init(&reports) < 0 ||
        limef_graph_init(&graph, zeroed(1, LIMEF_GRAPH_BYTES(3 * (size_t)n + 8)),
                         LIMEF_GRAPH_BYTES(3 * (size_t)n + 8), NULL) < 0)
        return 1;
    for (int i = 0; i < n; i++) {
        struct limef_rtsp_source_settings settings = {
            .url = arguments[1],
            .slot = (uint32_t)i,
            .media = LIMEF_MEDIA_VIDEO,
            .transport =
                n_arguments > 4 && !strcmp(arguments[4], "udp") ? LIMEF_RTSP_UDP : LIMEF_RTSP_TCP,
        };

        if (limef_rtsp_source_init(&cameras[i], "camera", &settings) < 0)
            return 1;
        limef_statistics_filter_init(&counts[i], "count");
        limef_connect(&cameras[i].source.filter, &counts[i].filter);
        if (limef_graph_add(&graph, &cameras[i].source) < 0)
            return 1;
    }
    if (limef_graph_start(&graph) < 0)
        return 1;
    end_us = limef_now_us() + atoi(arguments[3]) * INT64_C(1000000);
    while (limef_now_us() < end_us) {
        struct limef_signal_frame report;

        limef_reports_read(&reports, &report, end_us - limef_now_us());
    }
    n_threads = count_threads();
    for (int i = 0; i < n; i++) {
        limef_rtsp_source_get_counters(&cameras[i], &counters);
        n_playing += counters.state == LIMEF_RTSP_PLAYING;
        sum.n_units += counters.n_units;
        sum.n_lost += counters.n_lost;
    }
    stop_us = limef_now_us();
    limef_graph_stop(&graph, 2000000);
    for (int i = 0; i < n; i++)
        limef_filter_clear(&cameras[i].source.filter);
    stop_us = limef_now_us() - stop_us;
    printf(
        "{\"units\": %llu, \"lost\": %llu, \"playing\": %d, \"threads\": %d, \"stop_us\": %lld}\n",
        (unsigned long long)sum.n_units, (unsigned long long)sum.n_lost, n_playing, n_threads,
        (long long)stop_us);
    return 0;
}
