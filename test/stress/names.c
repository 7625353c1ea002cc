/* SPDX-License-Identifier: MIT */
/*
 * names [cameras=N] [allow_ms=N]: cameras whose names nobody answers, each its own; 256 and 2000
 * unless given. Each gives up and asks again, and few threads wait; all stop at once while those
 * hang, and nothing is left behind when they come back.
 */
#include "camera/arguments.h"
#include "support/check.h"
#include "support/failing.h"
#include "support/name_service.h"

#include <limef/limef.h>

#include <inttypes.h>
#include <netdb.h>
#include <time.h>

#define MAX_CAMERAS 256
#define MOST_THREADS 32
#define TIMEOUT_US 200000
#define SETTLED_US 120000000

static struct limef_rtsp_source sources[MAX_CAMERAS];
static struct limef_statistics_filter counts[MAX_CAMERAS];
static struct limef_reports reports;
static struct limef_graph graph;

static void set_up(unsigned n, void *memory, size_t bytes)
{
    CHECK(limef_reports_init(&reports) == 0);
    CHECK(limef_graph_init(&graph, memory, bytes,
                           &(struct limef_graph_settings){.reports = &reports}) == 0);
    for (unsigned i = 0; i < n; i++) {
        char url[64];

        snprintf(url, sizeof(url), "rtsp://camera%u.invalid/stream", i);
        CHECK(limef_rtsp_source_init(&sources[i], "camera",
                                     &(struct limef_rtsp_source_settings){
                                         .url = url, .slot = i, .timeout_us = TIMEOUT_US}) == 0);
        limef_statistics_filter_init(&counts[i], "count");
        limef_connect(&sources[i].source.filter, &counts[i].filter);
        CHECK(limef_graph_add(&graph, &sources[i].source) == 0);
    }
    CHECK(limef_graph_start(&graph) == 0);
}

/* Whether each has given up once, and says why. */
static bool have_all_tried(unsigned n)
{
    bool have_tried = true;

    for (unsigned i = 0; i < n; i++) {
        struct limef_rtsp_source_counters counters;

        limef_rtsp_source_get_counters(&sources[i], &counters);
        have_tried &= counters.n_connects > 1;
        CHECK(counters.reason == LIMEF_RTSP_REASON_NAME ||
              counters.reason == LIMEF_RTSP_REASON_NONE);
    }
    return have_tried;
}

/* Names that are being asked for, and who asks, end when the system answers. */
static void wait_for_the_end(void)
{
    int64_t end_us = limef_now_us() + SETTLED_US;

    while (failing_n_out() > 0 || name_service_n_waiting() > 0) {
        CHECK(limef_now_us() < end_us);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

int main(int n_arguments, char **arguments)
{
    unsigned n = (unsigned)number(arguments, "cameras", 256);
    size_t bytes = LIMEF_GRAPH_BYTES(2 * MAX_CAMERAS + 8);
    void *memory = zeroed(bytes);
    int64_t begun_us, stopped_us, end_us = limef_now_us() + SETTLED_US;
    int n_threads;

    (void)n_arguments;
    CHECK(n > MOST_THREADS && n <= MAX_CAMERAS);
    limef_log_set_level(LIMEF_LOG_ERROR);
    failing_install(0);
    set_up(n, memory, bytes);
    while (!have_all_tried(n)) {
        struct limef_signal_frame report;

        CHECK(limef_now_us() < end_us);
        limef_reports_read(&reports, &report, 20000);
    }
    CHECK(name_service_wait(MOST_THREADS, end_us));   /* each gives its place to the next */
    n_threads = count_entries("/proc/self/task") - 2; /* . and .. */
    begun_us = limef_now_us();
    CHECK(limef_graph_stop(&graph, SETTLED_US) == 0);
    limef_graph_clear(&graph);
    for (unsigned i = 0; i < n; i++)
        limef_filter_clear(&sources[i].source.filter);
    stopped_us = limef_now_us() - begun_us;
    CHECK(name_service_n_waiting() == MOST_THREADS);
    limef_reports_clear(&reports);
    for (unsigned i = 0; i < n; i++)
        limef_filter_clear(&counts[i].filter);
    name_service_answer(EAI_AGAIN);
    wait_for_the_end();
    CHECK(name_service_most_waiting() == MOST_THREADS);
    CHECK(name_service_n_asked() == MOST_THREADS);
    free(memory);
    printf("%u cameras: %d threads, %u of them at names; stopped and released in %" PRId64 " ms\n",
           n, n_threads, MOST_THREADS, stopped_us / 1000);
    return stopped_us > number(arguments, "allow_ms", 2000) * 1000;
}
