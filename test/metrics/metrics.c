/* SPDX-License-Identifier: MIT */
/* The server, with readers that are good, slow, many and hostile. */
#include "support/chain.h"
#include "support/failing.h"

#include <limef/filter/decode.h>
#include <limef/filter/gop_cache.h>
#include <limef/filter/latency.h>
#include <limef/filter/timestamps.h>
#include <limef/metrics/metrics.h>

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define GET "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"

static _Alignas(64) char memory[LIMEF_GRAPH_BYTES(16)];
static struct number_source source;
static struct number_sink sink;
static struct limef_graph graph;
static struct limef_metrics metrics;

static void start_on_port(int64_t timeout_us)
{
    struct limef_graph_settings graph_settings = {.name = "play", .mode = LIMEF_PLAN_FUSED};
    struct limef_metrics_settings settings = {.port = LIMEF_METRICS_ANY_PORT,
                                              .timeout_us = timeout_us};

    number_source_init(&source, INT64_MAX);
    number_sink_init(&sink);
    limef_connect(&source.source.filter, &sink.filter);
    cr_assert(eq(int, limef_graph_init(&graph, memory, sizeof(memory), &graph_settings), 0));
    cr_assert(eq(int, limef_graph_add(&graph, &source.source), 0));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    cr_assert(eq(int, limef_metrics_open(&metrics, &settings), 0));
    cr_assert(eq(int, limef_metrics_add(&metrics, &graph), 0));
}

static void stop(void)
{
    limef_metrics_close(&metrics);
    atomic_store(&sink.stuck, 0);
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    limef_graph_clear(&graph);
}

static int connect_to_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {htonl(INADDR_LOOPBACK)},
                                  .sin_port = htons((uint16_t)limef_metrics_port(&metrics))};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert(ge(int, fd, 0));
    cr_assert(eq(int, connect(fd, (struct sockaddr *)&address, sizeof(address)), 0));
    return fd;
}

/* All that comes until the server closes, in memory that the next call reuses. */
static char *read_all(int fd)
{
    static char answer[1 << 20];
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    size_t used = 0;
    ssize_t n = 1;

    while (n > 0 && used < sizeof(answer) - 1) {
        cr_assert(eq(int, poll(&readable, 1, TOO_LONG_US / 1000), 1));
        n = recv(fd, answer + used, sizeof(answer) - 1 - used, 0);
        used += n > 0 ? (size_t)n : 0;
    }
    close(fd);
    answer[used] = '\0';
    return answer;
}

static char *ask(const char *request)
{
    int fd = connect_to_port();

    cr_assert(eq(sz, (size_t)send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request)));
    return read_all(fd);
}

#define ASSERT_HAS(text, words)                                                                    \
    do {                                                                                           \
        char *has_ = text;                                                                         \
        cr_assert(ne(ptr, strstr(has_, words), NULL), "%s is not in:\n%s", words, has_);           \
    } while (0)

Test(metrics, serves_what_a_graph_counts)
{
    char *answer, *body;

    start_on_port(0);
    ASSERT_COMES(atomic_load(&sink.n_packets) > 0);
    answer = ask(GET);
    ASSERT_HAS(answer, "HTTP/1.1 200 OK\r\n");
    ASSERT_HAS(answer, "Content-Type: " LIMEF_OPENMETRICS_TYPE "\r\n");
    body = strstr(answer, "\r\n\r\n") + 4;
    cr_assert(eq(sz, (size_t)atoi(strstr(answer, "Content-Length: ") + 16), strlen(body)));
    ASSERT_HAS(body, "limef_filter_frames_total{graph=\"play\",filter=\"sink\",kind=\"sink\"} ");
    ASSERT_HAS(body, "limef_thread_inside_seconds{graph=\"play\",thread=\"play-1\",");
    cr_assert(eq(str, body + strlen(body) - 6, "# EOF\n"));
    stop();
}

Test(metrics, serves_while_a_thread_is_stuck)
{
    start_on_port(0);
    atomic_store(&sink.stuck, 1);
    ASSERT_COMES(atomic_load(&sink.in_go));
    ASSERT_HAS(ask(GET), "thread=\"play-1\",filter=\"sink\",kind=\"sink\"} ");
    stop();
}

Test(metrics, waits_for_no_reader_that_sleeps)
{
    int asleep[LIMEF_METRICS_MAX_READERS - 1];

    start_on_port(0);
    for (int i = 0; i < LIMEF_METRICS_MAX_READERS - 1; i++) {
        asleep[i] = connect_to_port();
        if (i % 2) /* one half asks, and never reads */
            send(asleep[i], GET, strlen(GET), MSG_NOSIGNAL);
    }
    ASSERT_HAS(ask(GET), "200 OK");
    for (int i = 0; i < LIMEF_METRICS_MAX_READERS - 1; i++)
        close(asleep[i]);
    stop();
}

Test(metrics, refuses_a_reader_too_many_and_takes_the_next)
{
    int readers[LIMEF_METRICS_MAX_READERS];

    start_on_port(0);
    for (int i = 0; i < LIMEF_METRICS_MAX_READERS; i++)
        readers[i] = connect_to_port();
    ASSERT_HAS(read_all(connect_to_port()), "503");
    for (int i = 0; i < LIMEF_METRICS_MAX_READERS; i++)
        close(readers[i]);
    ASSERT_COMES(strstr(ask(GET), "200 OK"));
    stop();
}

Test(metrics, drops_a_reader_that_asks_for_nothing)
{
    start_on_port(50000);
    cr_assert(eq(str, read_all(connect_to_port()), ""));
    stop();
}

Test(metrics, refuses_what_it_does_not_serve)
{
    static char large[8192];

    start_on_port(0);
    ASSERT_HAS(ask("POST /metrics HTTP/1.1\r\n\r\n"), "HTTP/1.1 405 ");
    ASSERT_HAS(ask("GET /etc/passwd HTTP/1.1\r\n\r\n"), "HTTP/1.1 404 ");
    ASSERT_HAS(ask("nonsense\r\n\r\n"), "HTTP/1.1 400 ");
    memset(large, 'a', 4096);
    ASSERT_HAS(ask(large), "HTTP/1.1 431 ");
    stop();
}

Test(metrics, serves_on_a_socket_of_the_user_alone_and_removes_it)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct limef_metrics_settings settings = {.socket = address.sun_path};
    struct stat file;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/limef-metrics-%d", (int)getpid());
    cr_assert(eq(int, limef_metrics_open(&metrics, &settings), 0));
    cr_assert(eq(int, limef_metrics_port(&metrics), 0));
    cr_assert(eq(int, stat(address.sun_path, &file), 0));
    cr_assert(eq(u32, file.st_mode & 0777, 0600));
    cr_assert(eq(int, connect(fd, (struct sockaddr *)&address, sizeof(address)), 0));
    cr_assert(eq(sz, (size_t)send(fd, GET, strlen(GET), 0), strlen(GET)));
    ASSERT_HAS(read_all(fd), "limef_build_info{version=");
    limef_metrics_close(&metrics);
    cr_assert(lt(int, stat(address.sun_path, &file), 0));
}

Test(metrics, tells_graphs_and_filters_of_one_name_apart)
{
    static _Alignas(64) char other_memory[LIMEF_GRAPH_BYTES(8)];
    static struct number_source other_source;
    static struct number_sink sinks[2];
    struct limef_graph_settings settings = {.name = "play", .mode = LIMEF_PLAN_FUSED};
    struct limef_graph other = {0};
    char *answer;

    start_on_port(0);
    number_source_init(&other_source, 1);
    number_sink_init(&sinks[0]);
    number_sink_init(&sinks[1]);
    limef_connect(&other_source.source.filter, &sinks[0].filter);
    limef_connect(&sinks[0].filter, &sinks[1].filter);
    cr_assert(eq(int, limef_graph_init(&other, other_memory, sizeof(other_memory), &settings), 0));
    cr_assert(eq(int, limef_graph_add(&other, &other_source.source), 0));
    cr_assert(eq(int, limef_metrics_add(&metrics, &other), 0));
    answer = ask(GET);
    ASSERT_HAS(answer, "{graph=\"play\",filter=\"sink\",kind=\"sink\"}");
    ASSERT_HAS(answer, "{graph=\"play #2\",filter=\"sink\",kind=\"sink\"}");
    ASSERT_HAS(answer, "{graph=\"play #2\",filter=\"sink #2\",kind=\"sink\"}");
    limef_metrics_remove(&metrics, &other);
    cr_assert(eq(ptr, strstr(ask(GET), "play #2"), NULL));
    limef_graph_clear(&other);
    stop();
}

Test(metrics, serves_what_caches_and_budgets_count)
{
    static struct limef_gop_cache_filter cache;
    static struct limef_latency_filter latency;
    static char text[65536];
    struct limef_packet_frame packet = packet_frame(0, LIMEF_MEDIA_VIDEO, LIMEF_FRAME_KEY);
    size_t used = 0;

    number_source_init(&source, 0);
    number_sink_init(&sink);
    limef_gop_cache_filter_init(&cache, "cache", NULL);
    limef_latency_filter_init(&latency, "budget", 300000);
    limef_connect(&source.source.filter, &latency.filter);
    limef_connect(&latency.filter, &cache.filter);
    limef_connect(&cache.filter, &sink.filter);
    cr_assert(eq(int,
                 limef_graph_init(&graph, memory, sizeof(memory),
                                  &(struct limef_graph_settings){.name = "play"}),
                 0));
    cr_assert(eq(int, limef_graph_add(&graph, &source.source), 0));
    cr_assert(ge(int, limef_go(&cache.filter, &packet.frame), 0));
    cr_assert(eq(int, limef_metrics_print(&graph, text, sizeof(text) - 1, &used), 0));
    text[used] = '\0';
    ASSERT_HAS(text, "limef_gop_cache_packets{graph=\"play\",cache=\"cache\"} 1\n");
    ASSERT_HAS(text, "limef_gop_cache_given_up_total{graph=\"play\",cache=\"cache\","
                     "reason=\"too_large\"} 0\n");
    ASSERT_HAS(text, "limef_gop_cache_bursts_total{graph=\"play\",cache=\"cache\"} 0\n");
    ASSERT_HAS(text, "limef_latency_budget_seconds{graph=\"play\",latency=\"budget\"} 0.300000\n");
    ASSERT_HAS(text, "limef_latency_slower_total{graph=\"play\",latency=\"budget\"} 0\n");
    limef_graph_clear(&graph);
    limef_filter_clear(&cache.filter);
}

Test(metrics, serves_what_a_filter_of_any_kind_drops_and_repairs)
{
    static struct limef_timestamps_filter times;
    static struct limef_decode_filter decode;
    static char text[65536];
    struct limef_packet_frame packet = packet_frame(1000, LIMEF_MEDIA_VIDEO, LIMEF_FRAME_KEY);
    size_t used = 0;

    number_source_init(&source, 0);
    limef_timestamps_filter_init(&times, "times", 0);
    cr_assert(
        eq(int,
           limef_decode_filter_init(&decode, "slot 0",
                                    &(struct limef_decode_settings){.media = LIMEF_MEDIA_VIDEO}),
           0));
    limef_connect(&source.source.filter, &times.filter);
    limef_connect(&times.filter, &decode.filter);
    cr_assert(eq(int,
                 limef_graph_init(&graph, memory, sizeof(memory),
                                  &(struct limef_graph_settings){.name = "play"}),
                 0));
    cr_assert(eq(int, limef_graph_add(&graph, &source.source), 0));
    for (int i = 0; i < 2; i++)
        cr_assert(ge(int, limef_go(&times.filter, &packet.frame), 0));
    cr_assert(eq(int, limef_metrics_print(&graph, text, sizeof(text) - 1, &used), 0));
    text[used] = '\0';
    ASSERT_HAS(text, "# TYPE limef_filter_events counter\n");
    ASSERT_HAS(text,
               "limef_filter_events_total{graph=\"play\",filter=\"times\",kind=\"timestamps\","
               "event=\"backward\"} 1\n");
    ASSERT_HAS(text, "limef_filter_events_total{graph=\"play\",filter=\"slot 0\",kind=\"decode\","
                     "event=\"backward\"} 0\n");
    ASSERT_HAS(text, "limef_filter_events_total{graph=\"play\",filter=\"slot 0\",kind=\"decode\","
                     "event=\"dropped_leading\"} 0\n");
    limef_graph_clear(&graph);
    limef_filter_clear(&decode.filter);
}

Test(metrics, refuses_settings_that_say_nothing)
{
    limef_log_set_level(LIMEF_LOG_ERROR);
    cr_assert(eq(int, limef_metrics_open(&metrics, &(struct limef_metrics_settings){.port = 0}),
                 AVERROR(EINVAL)));
    cr_assert(eq(int,
                 limef_metrics_open(
                     &metrics, &(struct limef_metrics_settings){.port = 1, .socket = "/tmp/x"}),
                 AVERROR(EINVAL)));
    cr_assert(eq(ptr, metrics.server, NULL));
}

Test(metrics, leaves_nothing_behind_when_there_is_no_memory)
{
    struct limef_metrics_settings settings = {.port = LIMEF_METRICS_ANY_PORT};

    for (unsigned n = 1;; n++) {
        int ret;

        failing_install(n);
        ret = limef_metrics_open(&metrics, &settings);
        if (!failing_failed()) {
            cr_assert(eq(int, ret, 0));
            break;
        }
        cr_assert(lt(int, ret, 0));
        cr_assert(eq(ptr, metrics.server, NULL));
        cr_assert(eq(int, failing_n_out(), 0));
    }
    limef_metrics_close(&metrics);
    cr_assert(eq(int, failing_n_out(), 0));
    failing_remove();
}
