/* SPDX-License-Identifier: MIT */
/*
 * cameras URL N [tcp|udp]: receives a camera N times over, and counts, until SIGINT. One JSON
 * object on standard output: units, lost, playing, media_threads, stop_us.
 */
#include <limef/limef.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>

#define MAX_CAMERAS 512

static struct limef_reports reports;
static struct limef_graph graph;
static struct limef_rtsp_source cameras[MAX_CAMERAS];
static struct limef_statistics_filter counts[MAX_CAMERAS];
static _Alignas(LIMEF_CACHE_LINE_BYTES) char memory[LIMEF_GRAPH_BYTES(2 * MAX_CAMERAS)];

static int start(const char *url, int n, enum limef_rtsp_transport transport)
{
    if (limef_reports_init(&reports) < 0 ||
        limef_graph_init(&graph, memory, sizeof(memory), NULL) < 0)
        return -1;
    for (int i = 0; i < n; i++) {
        struct limef_rtsp_source_settings settings = {.url = url,
                                                      .slot = (uint32_t)i,
                                                      .media = LIMEF_MEDIA_VIDEO,
                                                      .transport = transport};

        if (limef_rtsp_source_init(&cameras[i], "camera", &settings) < 0)
            return -1;
        limef_statistics_filter_init(&counts[i], "count");
        limef_connect(&cameras[i].source.filter, &counts[i].filter);
        if (limef_graph_add(&graph, &cameras[i].source) < 0)
            return -1;
    }
    return limef_graph_start(&graph);
}

static void run(const sigset_t *ends)
{
    struct pollfd fds[] = {{.fd = signalfd(-1, ends, SFD_CLOEXEC), .events = POLLIN},
                           {.fd = limef_reports_fd(&reports), .events = POLLIN}};
    struct limef_signal_frame report;

    while (poll(fds, 2, -1) > 0 && !fds[0].revents)
        while (limef_reports_read(&reports, &report, 0) == 0)
            continue;
}

/* Threads that run a filter. */
static int count_media_threads(int n)
{
    static struct limef_graph_filter_look looks[2 * MAX_CAMERAS];
    size_t n_looks = 2 * MAX_CAMERAS, n_boundaries = 0;
    int n_threads = 0;

    if (limef_graph_look(&graph, looks, &n_looks, NULL, &n_boundaries) < 0)
        return -1;
    for (int i = 0; i < 2 * n && (size_t)i < n_looks; i++) {
        int j = 0;

        while (j < i && strcmp(looks[i].thread, looks[j].thread))
            j++;
        n_threads += j == i;
    }
    return n_threads;
}

int main(int n_arguments, char **arguments)
{
    int n = n_arguments > 2 ? atoi(arguments[2]) : 0, n_media_threads, n_playing = 0;
    bool is_udp = n_arguments > 3 && !strcmp(arguments[3], "udp");
    struct limef_rtsp_source_counters counters, sum = {.n_units = 0};
    int64_t stop_us;
    sigset_t ends;

    if (n < 1 || n > MAX_CAMERAS)
        return fputs("cameras URL N [tcp|udp]\n", stderr), 1;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);
    if (start(arguments[1], n, is_udp ? LIMEF_RTSP_UDP : LIMEF_RTSP_TCP) < 0)
        return 1;
    run(&ends);
    n_media_threads = count_media_threads(n);
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
    printf("{\"units\": %llu, \"lost\": %llu, \"playing\": %d, \"media_threads\": %d, "
           "\"stop_us\": %lld}\n",
           (unsigned long long)sum.n_units, (unsigned long long)sum.n_lost, n_playing,
           n_media_threads, (long long)stop_us);
    return 0;
}
