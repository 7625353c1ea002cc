/* SPDX-License-Identifier: MIT */
/*
 * hold [cameras=N] [seconds=N] [rate=N] [transport=tcp|udp|multicast] [described=0|1]: so many
 * cameras received, put together and counted; of multicast the group is described (1), or asked
 * for; they run in a process of their own. 256, 20, 15, tcp. What both took, what came of what was
 * due by the clock, and what was lost.
 * Fails if a camera does not play, if a unit does not come or anything is lost. 77: there is no
 * encoder for a clip, or no multicast on the loopback interface.
 */
#include "camera/arguments.h"
#include "camera/camera.h"

#include <limef/limef.h>

#include <arpa/inet.h>
#include <inttypes.h>
#include <libavutil/log.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define MAX_CAMERAS 1024
#define PATIENCE_US 60000000
/* What was not counted because a camera began later, or a window ended early. */
#define LEAST_SHARE 0.9

static struct clip clips[2];
static struct limef_rtsp_source *sources;
static struct limef_statistics_filter *counts;
static struct limef_reports reports;
static struct limef_graph graph;
static void *graph_memory;

/* The cameras' process: sends its ports, and ends when nobody reads any more. */
static void serve(const struct cameras_settings *settings, int ports_fd, int end_fd)
{
    struct cameras *cameras = cameras_start(settings, clips);
    unsigned n = settings->n_cameras;
    char byte;

    for (unsigned i = 0; i < n; i++) {
        uint16_t port = cameras_port(cameras, i);

        if (write(ports_fd, &port, sizeof(port)) != sizeof(port))
            abort();
    }
    while (read(end_fd, &byte, 1) > 0)
        continue;
    cameras_stop(cameras);
    clip_clear(&clips[0]);
}

static void set_up(unsigned n, int ports_fd, enum limef_rtsp_transport transport)
{
    size_t bytes = LIMEF_GRAPH_BYTES(3 * (size_t)n + 8);

    sources = zeroed(n * sizeof(*sources));
    counts = zeroed(n * sizeof(*counts));
    graph_memory = zeroed(bytes);
    if (limef_reports_init(&reports) < 0 ||
        limef_graph_init(&graph, graph_memory, bytes,
                         &(struct limef_graph_settings){.name = "hold", .reports = &reports}) < 0)
        abort();
    for (unsigned i = 0; i < n; i++) {
        uint16_t port;
        char url[64];

        if (read(ports_fd, &port, sizeof(port)) != sizeof(port))
            abort();
        snprintf(url, sizeof(url), "rtsp://127.0.0.1:%u/stream", port);
        if (limef_rtsp_source_init(&sources[i], "camera",
                                   &(struct limef_rtsp_source_settings){
                                       .url = url, .slot = i, .transport = transport}) < 0)
            abort();
        limef_statistics_filter_init(&counts[i], "count");
        limef_connect(&sources[i].source.filter, &counts[i].filter);
        if (limef_graph_add(&graph, &sources[i].source) < 0)
            abort();
    }
    if (limef_graph_start(&graph) < 0)
        abort();
}

static bool is_udp; /* as they are to be asked */

struct sum {
    unsigned n_playing;
    uint64_t n_units, n_lost, n_kernel_drops, n_bytes;
};

static struct sum sum_up(unsigned n)
{
    struct sum sum = {.n_playing = 0};

    for (unsigned i = 0; i < n; i++) {
        struct limef_rtsp_source_counters counters;

        limef_rtsp_source_get_counters(&sources[i], &counters);
        /* what comes before the first key frame is of no use */
        sum.n_playing += counters.state == LIMEF_RTSP_PLAYING && counters.n_units > 0 &&
                         counters.is_udp == is_udp && counters.n_lost_groups == 0;
        sum.n_units += counters.n_units;
        sum.n_lost += counters.n_lost;
        sum.n_kernel_drops += counters.n_kernel_drops;
        sum.n_bytes += counters.n_bytes;
    }
    return sum;
}

/* Whether a packet to a group comes back on the loopback interface. */
static bool can_multicast(void)
{
    struct sockaddr_in group = {.sin_family = AF_INET, .sin_addr.s_addr = inet_addr(CAMERA_GROUP)};
    struct ip_mreqn request = {.imr_multiaddr = group.sin_addr,
                               .imr_address.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = 2};
    socklen_t bytes = sizeof(group);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    char byte = 1;
    bool can = fd >= 0 && bind(fd, (struct sockaddr *)&group, bytes) == 0 &&
               getsockname(fd, (struct sockaddr *)&group, &bytes) == 0 &&
               setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof(request)) == 0 &&
               setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &request, sizeof(request)) == 0 &&
               setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0 &&
               sendto(fd, &byte, 1, 0, (struct sockaddr *)&group, bytes) == 1 &&
               recv(fd, &byte, 1, 0) == 1;

    if (fd >= 0)
        close(fd);
    return can;
}

static double processor_s(int who)
{
    struct rusage usage;

    getrusage(who, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

/* Reads reports until the time is over. */
static void wait_until(int64_t end_us)
{
    struct limef_signal_frame report;

    while (limef_now_us() < end_us)
        limef_reports_read(&reports, &report, 50000);
}

/* Reads reports until all play and so many units have come; on a busy machine, where the cameras
 * are late as well, that takes its time. */
static void wait_for(unsigned n, uint64_t n_units)
{
    int64_t end_us = limef_now_us() + PATIENCE_US;
    struct limef_signal_frame report;
    struct sum sum = sum_up(n);

    while (limef_now_us() < end_us && (sum.n_playing < n || sum.n_units < n_units)) {
        limef_reports_read(&reports, &report, 50000);
        sum = sum_up(n);
    }
}

static int measure(unsigned n, double rate_hz, double seconds, int64_t empty_bytes)
{
    double before_s, took_s, expected = n * rate_hz * seconds;
    int64_t begun_us = limef_now_us(), played_us;
    struct sum before, after;
    int n_threads;

    wait_for(n, 0);
    played_us = limef_now_us() - begun_us;
    before = sum_up(n);
    before_s = processor_s(RUSAGE_SELF);
    begun_us = limef_now_us();
    wait_until(begun_us + (int64_t)(seconds * 1e6));
    wait_for(n, before.n_units + (uint64_t)(LEAST_SHARE * expected));
    seconds = (double)(limef_now_us() - begun_us) * 1e-6;
    took_s = processor_s(RUSAGE_SELF) - before_s;
    after = sum_up(n);
    n_threads = count_entries("/proc/self/task") - 2;
    printf("%u cameras, all play after %.1f s\n", n, (double)played_us * 1e-6);
    printf("%u play, %" PRIu64 " units in %.1f s (%.1f %%), lost %" PRIu64 " packets, %" PRIu64
           " in the kernel, %.1f Mbit/s\n",
           after.n_playing, after.n_units - before.n_units, seconds,
           100 * (double)(after.n_units - before.n_units) / (n * rate_hz * seconds),
           after.n_lost - before.n_lost, after.n_kernel_drops - before.n_kernel_drops,
           (double)(after.n_bytes - before.n_bytes) * 8e-6 / seconds);
    printf("processor %.2f s (%.3f s a camera and minute), %.0f kB a camera, %d threads\n", took_s,
           took_s * 60 / seconds / n, (double)(read_memory_bytes() - empty_bytes) / 1024 / n,
           n_threads);
    return after.n_playing != n || after.n_lost > before.n_lost ||
           (double)(after.n_units - before.n_units) < LEAST_SHARE * expected;
}

int main(int n_arguments, char **arguments)
{
    unsigned n = (unsigned)number(arguments, "cameras", 256);
    unsigned rate_hz = (unsigned)number(arguments, "rate", 15);
    const char *transport = argument(arguments, "transport");
    bool is_multicast = transport && !strcmp(transport, "multicast");
    bool is_described = number(arguments, "described", 1) != 0;
    int ports[2], ends[2], ret, status = 0;
    struct rlimit files;
    int64_t stopped_us, empty_bytes;
    pid_t child;

    (void)n_arguments;
    av_log_set_level(AV_LOG_FATAL);
    limef_log_set_level(LIMEF_LOG_ERROR);
    if (n < 1 || n > MAX_CAMERAS || getrlimit(RLIMIT_NOFILE, &files) < 0)
        return 1;
    transport = transport ? transport : "tcp";
    if (is_multicast && !can_multicast())
        return 77;
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (!clip_make(&clips[0], &(struct clip_settings){640, 360, 60, 30, 1}))
        return 77;
    if (pipe(ports) < 0 || pipe(ends) < 0 || (child = fork()) < 0)
        abort();
    if (child == 0) {
        close(ends[1]);
        serve(&(struct cameras_settings){.n_cameras = n,
                                         .rate_hz = rate_hz,
                                         .seed = 1,
                                         .is_multicast = is_multicast && is_described},
              ports[1], ends[0]);
        return 0;
    }
    clip_clear(&clips[0]);
    empty_bytes = read_memory_bytes();
    is_udp = strcmp(transport, "tcp") != 0;
    set_up(n, ports[0],
           is_multicast && !is_described ? LIMEF_RTSP_MULTICAST
           : is_udp                      ? LIMEF_RTSP_UDP
                                         : LIMEF_RTSP_TCP);
    ret = measure(n, rate_hz, (double)number(arguments, "seconds", 20), empty_bytes);
    stopped_us = limef_now_us();
    limef_graph_stop(&graph, 20000000);
    limef_graph_clear(&graph);
    for (unsigned i = 0; i < n; i++)
        limef_filter_clear(&sources[i].source.filter);
    stopped_us = limef_now_us() - stopped_us;
    close(ends[0]);
    close(ends[1]);
    waitpid(child, &status, 0);
    printf("stopped in %" PRId64 " ms; the cameras took %.2f s of processor\n", stopped_us / 1000,
           processor_s(RUSAGE_CHILDREN));
    limef_reports_clear(&reports);
    free(sources);
    free(counts);
    free(graph_memory);
    return ret || status;
}
