/* SPDX-License-Identifier: MIT */
/*
 * stop [sources=N] [allow_ms=N]: sources in every state a camera can be in, all at once, stopped
 * and released, the processors' time that others took left out. 64 and 2000 unless given. 77: there
 * is no encoder for a clip.
 */
#include "camera/arguments.h"
#include "camera/camera.h"
#include "camera/waits.h"

#include <limef/limef.h>

#include <arpa/inet.h>
#include <inttypes.h>
#include <libavutil/log.h>
#include <sys/socket.h>

#define MAX_SOURCES 256
#define TIMEOUT_US 4000000
#define SETTLED_US 60000000

enum kind {
    CONNECTING,
    RESOLVING,
    TLS,
    SILENT,
    PLAYING,
    PLAYING_UDP,
    STALLED,
    WAITING,
    REFUSED,
    NOT_FOUND,
    UNSUPPORTED,
    LOST,
    N_KINDS
};

static const char *const kinds[N_KINDS] = {"connecting", "resolving", "tls",           "no answer",
                                           "playing",    "by udp",    "stalled",       "waiting",
                                           "refused",    "not found", "not supported", "lost"};

static struct clip clips[2];
static struct cameras *cameras, *silent;
static struct limef_rtsp_source *sources;
static struct limef_statistics_filter *counts;
static struct limef_reports reports;
static struct limef_graph graph;
static void *graph_memory;

/* A port where nobody accepts, and the queue of who wants in is full: connecting takes for ever. */
static uint16_t open_deaf_port(int fds[8])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof(address);

    fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fds[0] < 0 || bind(fds[0], (struct sockaddr *)&address, bytes) < 0 ||
        listen(fds[0], 0) < 0 || getsockname(fds[0], (struct sockaddr *)&address, &bytes) < 0)
        abort();
    for (int i = 1; i < 8; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        connect(fds[i], (struct sockaddr *)&address, bytes);
    }
    return ntohs(address.sin_port);
}

static void write_url(char url[128], enum kind kind, unsigned i, uint16_t deaf)
{
    static const char good[] = CAMERA_USER ":" CAMERA_PASSWORD, wrong[] = CAMERA_USER ":wrong";
    bool is_silent = kind == TLS || kind == SILENT;
    unsigned port = kind == CONNECTING ? deaf
                    : kind == WAITING  ? 1
                                       : cameras_port(is_silent ? silent : cameras, i);

    snprintf(url, 128, "%s://%s@%s:%u/stream", kind == TLS ? "rtsps" : "rtsp",
             kind == REFUSED ? wrong : good, kind == RESOLVING ? "nobody.invalid" : "127.0.0.1",
             port);
}

static enum kind kind_of(unsigned i)
{
    return (enum kind)(i % N_KINDS);
}

static bool is_there(enum kind kind, enum limef_rtsp_state state)
{
    switch (kind) {
    case PLAYING:
    case PLAYING_UDP:
        return state == LIMEF_RTSP_PLAYING;
    case STALLED:
        return state == LIMEF_RTSP_STALLED;
    case WAITING:
        return state == LIMEF_RTSP_WAITING;
    case REFUSED:
        return state == LIMEF_RTSP_REFUSED_USER;
    case NOT_FOUND:
        return state == LIMEF_RTSP_NOT_FOUND;
    case UNSUPPORTED:
        return state == LIMEF_RTSP_UNSUPPORTED;
    case LOST: /* which is a moment, before it waits */
        return state == LIMEF_RTSP_LOST || state == LIMEF_RTSP_WAITING;
    case TLS: /* a library without TLS says so */
        return state == LIMEF_RTSP_CONNECTING || state == LIMEF_RTSP_UNSUPPORTED;
    case RESOLVING: /* how long that takes is not ours to say */
        return state == LIMEF_RTSP_CONNECTING || state == LIMEF_RTSP_WAITING;
    default:
        return state == LIMEF_RTSP_CONNECTING;
    }
}

static void set_up(unsigned n, uint16_t deaf)
{
    size_t bytes = LIMEF_GRAPH_BYTES(3 * (size_t)n + 8);

    sources = zeroed(n * sizeof(*sources));
    counts = zeroed(n * sizeof(*counts));
    graph_memory = zeroed(bytes);
    if (limef_reports_init(&reports) < 0 ||
        limef_graph_init(&graph, graph_memory, bytes,
                         &(struct limef_graph_settings){.name = "stop", .reports = &reports}) < 0)
        abort();
    for (unsigned i = 0; i < n; i++) {
        char url[128];

        write_url(url, kind_of(i), i, deaf);
        if (limef_rtsp_source_init(
                &sources[i], "camera",
                &(struct limef_rtsp_source_settings){
                    .url = url,
                    .slot = i,
                    .transport = kind_of(i) == PLAYING_UDP ? LIMEF_RTSP_UDP : LIMEF_RTSP_TCP,
                    .timeout_us = kind_of(i) == STALLED ? TIMEOUT_US : SETTLED_US}) < 0)
            abort();
        limef_statistics_filter_init(&counts[i], "count");
        limef_connect(&sources[i].source.filter, &counts[i].filter);
        if (limef_graph_add(&graph, &sources[i].source) < 0)
            abort();
    }
    if (limef_graph_start(&graph) < 0)
        abort();
}

/* What goes wrong with a camera of that kind from the beginning; NULL: nothing. */
static const struct fault *begins_with(enum kind kind)
{
    static const struct fault faults[N_KINDS] = {
        [REFUSED] = {.kind = FAULT_WRONG_PASSWORD, .n = UINT32_MAX},
        [NOT_FOUND] = {.kind = FAULT_STATUS, .n = UINT32_MAX, .variant = 0}, /* 404 */
        [UNSUPPORTED] = {.kind = FAULT_SDP, .n = UINT32_MAX, .variant = 2},  /* no such encoding */
    };

    return faults[kind].kind ? &faults[kind] : NULL;
}

/* As begins_with(), once it plays. */
static const struct fault *breaks(enum kind kind)
{
    static const struct fault faults[N_KINDS] = {
        [STALLED] = {.kind = FAULT_FREEZE, .us = SETTLED_US},
        [LOST] = {.kind = FAULT_RESTART, .us = SETTLED_US},
    };

    return faults[kind].kind ? &faults[kind] : NULL;
}

/* Whether all are in the state they should be in, at this moment; breaks those that play and
 * should not. */
static bool are_all_there(unsigned n, bool broken[])
{
    bool all = true;

    for (unsigned i = 0; i < n; i++) {
        struct limef_rtsp_source_counters counters;

        limef_rtsp_source_get_counters(&sources[i], &counters);
        if (counters.state == LIMEF_RTSP_PLAYING && !broken[i] && breaks(kind_of(i))) {
            broken[i] = true;
            cameras_break(cameras, i, breaks(kind_of(i)));
        }
        if (kind_of(i) == STALLED && counters.state == LIMEF_RTSP_LOST)
            broken[i] = false;
        all &= is_there(kind_of(i), counters.state);
    }
    return all;
}

static int64_t stop_all(unsigned n, int *ret)
{
    int64_t begun_us = limef_now_us();
    struct waits waits;

    waits_read(&waits);
    *ret = limef_graph_stop(&graph, 20000000);
    limef_graph_clear(&graph);
    for (unsigned i = 0; i < n; i++)
        limef_filter_clear(&sources[i].source.filter);
    return waits_leave_out(&waits, limef_now_us() - begun_us);
}

int main(int n_arguments, char **arguments)
{
    unsigned n = (unsigned)number(arguments, "sources", 64);
    static bool broken[MAX_SOURCES];
    int64_t stopped_us, end_us;
    bool are_there = false;
    int fds[8], ret;

    (void)n_arguments;
    av_log_set_level(AV_LOG_FATAL);
    limef_log_set_level(LIMEF_LOG_ERROR);
    if (n < 1 || n > MAX_SOURCES)
        return 1;
    if (!clip_make(&clips[0], &(struct clip_settings){320, 180, 50, 10, 1}))
        return 77;
    cameras = cameras_start(
        &(struct cameras_settings){.n_cameras = n, .seed = 1, .wants_password = true}, clips);
    silent = cameras_start(&(struct cameras_settings){.n_cameras = n, .seed = 2, .is_paused = true},
                           clips);
    for (unsigned i = 0; i < n; i++)
        if (begins_with(kind_of(i)))
            cameras_break(cameras, i, begins_with(kind_of(i)));
    set_up(n, open_deaf_port(fds));
    end_us = limef_now_us() + SETTLED_US;
    while (!are_there && limef_now_us() < end_us) {
        struct limef_signal_frame report;

        limef_reports_read(&reports, &report, 20000);
        are_there = are_all_there(n, broken);
    }
    stopped_us = stop_all(n, &ret);
    cameras_stop(cameras);
    cameras_stop(silent);
    limef_reports_clear(&reports);
    for (int i = 0; i < 8; i++)
        close(fds[i]);
    clip_clear(&clips[0]);
    free(sources);
    free(counts);
    free(graph_memory);
    printf("%u sources (", n);
    for (unsigned i = 0; i < N_KINDS; i++)
        printf("%s%s", i ? ", " : "", kinds[i]);
    printf("): %s, stopped and released in %" PRId64 " ms, code %d\n",
           are_there ? "all in their states" : "not all in their states", stopped_us / 1000, ret);
    return !are_there || ret < 0 || stopped_us > number(arguments, "allow_ms", 2000) * 1000;
}
