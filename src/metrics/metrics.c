/* SPDX-License-Identifier: MIT */
/* The thread that serves the metrics. It waits for nobody but in poll(). */
#include "metrics/metrics_private.h"

#include "base/memory_private.h"
#include "base/unix_socket.h"
#include "thread/unsignalled.h"

#include <limef/base/log.h>
#include <limef/thread/thread.h>

#include <arpa/inet.h>
#include <errno.h>
#include <libavutil/common.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEFAULT_TIMEOUT_US 10000000
#define PERMISSIONS 0600
#define BACKLOG 16
/* When to accept again after there were no descriptors left. */
#define ACCEPT_AGAIN_US 1000000
#define FIRST_BYTES 65536
/* Of thousands of cameras. */
#define LARGEST_BYTES (64 << 20)
/* The thread only copies. */
#define STOP_US 10000000

/* What is polled: the wake-up, the socket, the readers. */
#define POLL_WAKE 0
#define POLL_SOCKET 1
#define POLL_READERS 2

struct metrics_server {
    struct limef_thread thread;
    char name[16], path[108];
    int64_t timeout_us;
    int listens, wake_fd;
    int port;
    struct stat socket_file;

    /* the thread */
    int64_t accept_us;
    struct metrics_reader readers[LIMEF_METRICS_MAX_READERS];

    pthread_mutex_t lock;
    /* protected by lock */
    struct metrics_graph *graphs;
};

static struct metrics_server *server_of(struct limef_thread *thread)
{
    return LIMEF_CONTAINER_OF(thread, struct metrics_server, thread);
}

/* In memory that grows until it fits. */
static int write_into(const struct metrics_graph *graphs, char **text, size_t *used)
{
    struct limef_openmetrics metrics;
    int ret = AVERROR(ENOSPC);

    for (size_t n = FIRST_BYTES; ret == AVERROR(ENOSPC) && n <= LARGEST_BYTES; n *= 2) {
        memory_release(*text);
        *text = memory_allocate(n);
        if (!*text)
            return AVERROR(ENOMEM);
        limef_openmetrics_init(&metrics, *text, n);
        ret = metrics_write(&metrics, graphs);
        *used = metrics.used;
    }
    return ret;
}

/* Of two graphs that have the same name the second gets a number. */
static void name_graph(const struct metrics_server *server, struct metrics_graph *named)
{
    unsigned n_before = 0;

    for (struct metrics_graph *graph = server->graphs; graph != named; graph = graph->next)
        n_before += !strcmp(graph->seen.name, named->seen.name);
    snprintf(named->name, sizeof(named->name), n_before ? "%.24s #%u" : "%s", named->seen.name,
             n_before + 1);
}

/* The lock is held so that no graph goes meanwhile; it waits for no thread of a graph. */
static int print_all(struct metrics_server *server, char **text, size_t *used)
{
    struct metrics_graph *graph;
    int ret = 0;

    pthread_mutex_lock(&server->lock);
    for (graph = server->graphs; graph && ret >= 0; graph = graph->next)
        ret = metrics_graph_see(graph);
    for (graph = server->graphs; graph && ret >= 0; graph = graph->next)
        name_graph(server, graph);
    if (ret >= 0)
        ret = write_into(server->graphs, text, used);
    for (graph = server->graphs; graph; graph = graph->next)
        metrics_graph_forget(graph);
    pthread_mutex_unlock(&server->lock);
    return ret;
}

static void answer(struct metrics_server *server, struct metrics_reader *reader,
                   enum metrics_answer answer, bool head_only)
{
    char *text = NULL;
    size_t used = 0;

    if (answer == METRICS_OK && print_all(server, &text, &used) < 0) {
        memory_release(text);
        text = NULL;
        used = 0;
        answer = METRICS_BUSY;
    }
    metrics_reader_answer(reader, answer, text, used, head_only);
}

static void serve(struct metrics_server *server, struct metrics_reader *reader, unsigned events)
{
    bool head_only;
    int ret = 0;

    if (!reader->n_head && events & (POLLIN | POLLHUP | POLLERR)) {
        ret = metrics_reader_receive(reader, &head_only);
        if (ret > 0)
            answer(server, reader, (enum metrics_answer)ret, head_only);
    }
    if (ret >= 0 && reader->n_head)
        ret = metrics_reader_send(reader);
    else if (ret >= 0)
        return;
    if (ret != 0)
        metrics_reader_close(reader);
}

static void accept_reader(struct metrics_server *server)
{
    struct metrics_reader extra, *reader = &extra;
    int fd = accept4(server->listens, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
            server->accept_us = limef_deadline_us(ACCEPT_AGAIN_US);
        return;
    }
    for (unsigned i = 0; i < LIMEF_METRICS_MAX_READERS; i++)
        if (server->readers[i].fd < 0)
            reader = &server->readers[i];
    metrics_reader_open(reader, fd, limef_deadline_us(server->timeout_us));
    if (reader != &extra)
        return;
    metrics_reader_answer(reader, METRICS_BUSY, NULL, 0, false);
    metrics_reader_send(reader);
    metrics_reader_close(reader);
}

/* Who is too slow goes. Returns until when the rest may wait. */
static int64_t expel(struct metrics_server *server, int64_t now_us)
{
    int64_t until_us = LIMEF_FOREVER;

    for (unsigned i = 0; i < LIMEF_METRICS_MAX_READERS; i++) {
        struct metrics_reader *reader = &server->readers[i];

        if (reader->fd >= 0 && now_us >= reader->deadline_us)
            metrics_reader_close(reader);
        else if (reader->fd >= 0)
            until_us = FFMIN(until_us, reader->deadline_us);
    }
    return until_us;
}

static int timeout_ms(int64_t until_us, int64_t now_us)
{
    if (until_us == LIMEF_FOREVER)
        return -1;
    return (int)av_clip64((until_us - now_us + 999) / 1000, 0, INT32_MAX);
}

static int server_step(struct limef_thread *thread, int64_t deadline_us)
{
    struct metrics_server *server = server_of(thread);
    struct pollfd polled[POLL_READERS + LIMEF_METRICS_MAX_READERS];
    int64_t now_us = limef_now_us(), until_us = FFMIN(deadline_us, expel(server, now_us));
    bool accepts = now_us >= server->accept_us;
    eventfd_t n_wakes;

    polled[POLL_WAKE] = (struct pollfd){server->wake_fd, POLLIN, 0};
    polled[POLL_SOCKET] = (struct pollfd){accepts ? server->listens : -1, POLLIN, 0};
    if (!accepts)
        until_us = FFMIN(until_us, server->accept_us);
    for (unsigned i = 0; i < LIMEF_METRICS_MAX_READERS; i++)
        polled[POLL_READERS + i] =
            (struct pollfd){server->readers[i].fd, server->readers[i].n_head ? POLLOUT : POLLIN, 0};
    if (poll(polled, FF_ARRAY_ELEMS(polled), timeout_ms(until_us, now_us)) <= 0)
        return 0;
    if (polled[POLL_WAKE].revents)
        eventfd_read(server->wake_fd, &n_wakes);
    for (unsigned i = 0; i < LIMEF_METRICS_MAX_READERS; i++)
        if (polled[POLL_READERS + i].revents)
            serve(server, &server->readers[i], (unsigned)polled[POLL_READERS + i].revents);
    if (polled[POLL_SOCKET].revents)
        accept_reader(server);
    return 0;
}

static void server_wake(struct limef_thread *thread)
{
    eventfd_write(server_of(thread)->wake_fd, 1); /* cannot fail: it holds 2^64 - 2 of them */
}

static const struct limef_thread_ops server_ops = {.step = server_step, .wake = server_wake};

static int listen_on_port(struct metrics_server *server, int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {htonl(INADDR_LOOPBACK)},
                                  .sin_port = htons((uint16_t)(port < 0 ? 0 : port))};
    socklen_t n_bytes = sizeof(address);
    int on = 1;

    server->listens = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (server->listens < 0 ||
        setsockopt(server->listens, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        bind(server->listens, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(server->listens, BACKLOG) < 0 ||
        getsockname(server->listens, (struct sockaddr *)&address, &n_bytes) < 0)
        return limef_fail(AVERROR(errno), server->name, "127.0.0.1:%d: cannot serve there",
                          FFMAX(port, 0));
    server->port = ntohs(address.sin_port);
    return 0;
}

static int listen_somewhere(struct metrics_server *server,
                            const struct limef_metrics_settings *settings)
{
    if (!settings->socket == !settings->port || settings->port > 65535 ||
        settings->port < LIMEF_METRICS_ANY_PORT)
        return limef_fail(AVERROR(EINVAL), server->name, "neither a socket nor a port, or both");
    if (settings->port)
        return listen_on_port(server, settings->port);
    if (strlen(settings->socket) >= sizeof(server->path))
        return limef_fail(AVERROR(ENAMETOOLONG), server->name, "%s", settings->socket);
    server->listens = unix_socket_open(settings->socket, SOCK_STREAM, PERMISSIONS,
                                       &server->socket_file, server->name);
    if (server->listens >= 0)
        snprintf(server->path, sizeof(server->path), "%s", settings->socket);
    return FFMIN(server->listens, 0);
}

/* Of a server whose thread does not run. */
static void server_free(struct metrics_server *server)
{
    struct metrics_graph *next;

    for (unsigned i = 0; i < LIMEF_METRICS_MAX_READERS; i++)
        metrics_reader_close(&server->readers[i]);
    for (struct metrics_graph *graph = server->graphs; graph; graph = next) {
        next = graph->next;
        memory_release(graph);
    }
    if (server->path[0])
        unix_socket_close(server->listens, server->path, &server->socket_file);
    else if (server->listens >= 0)
        close(server->listens);
    if (server->wake_fd >= 0)
        close(server->wake_fd);
    limef_thread_clear(&server->thread);
    pthread_mutex_destroy(&server->lock);
    memory_release(server);
}

static int start(struct metrics_server *server)
{
    server->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (server->wake_fd < 0)
        return limef_fail(AVERROR(errno), server->name, "no event descriptor");
    return thread_start_unsignalled(&server->thread);
}

int limef_metrics_open(struct limef_metrics *metrics, const struct limef_metrics_settings *settings)
{
    const char *name = settings->name ? settings->name : "metrics";
    struct metrics_server *server = memory_allocate(sizeof(*server));
    int ret;

    if (!server)
        return limef_fail(AVERROR(ENOMEM), name, "no memory");
    snprintf(server->name, sizeof(server->name), "%s", name);
    server->timeout_us = settings->timeout_us ? settings->timeout_us : DEFAULT_TIMEOUT_US;
    server->listens = server->wake_fd = -1;
    for (unsigned i = 0; i < LIMEF_METRICS_MAX_READERS; i++)
        server->readers[i].fd = -1;
    pthread_mutex_init(&server->lock, NULL);
    limef_thread_init(&server->thread, &server_ops,
                      &(struct limef_thread_settings){.name = server->name});
    ret = listen_somewhere(server, settings);
    if (ret >= 0)
        ret = start(server);
    if (ret < 0) {
        server_free(server);
        return ret;
    }
    metrics->server = server;
    return 0;
}

void limef_metrics_close(struct limef_metrics *metrics)
{
    struct metrics_server *server = metrics->server;

    if (!server)
        return;
    metrics->server = NULL;
    if (limef_thread_stop(&server->thread, STOP_US) == 0)
        server_free(server);
}

int limef_metrics_add(struct limef_metrics *metrics, struct limef_graph *graph)
{
    struct metrics_server *server = metrics->server;
    struct metrics_graph *added = memory_allocate(sizeof(*added)), **end;

    if (!added)
        return limef_fail(AVERROR(ENOMEM), server->name, "no memory");
    added->graph = graph;
    pthread_mutex_lock(&server->lock);
    for (end = &server->graphs; *end;)
        end = &(*end)->next;
    *end = added;
    pthread_mutex_unlock(&server->lock);
    return 0;
}

void limef_metrics_remove(struct limef_metrics *metrics, struct limef_graph *graph)
{
    struct metrics_server *server = metrics->server;
    struct metrics_graph **link, *found;

    pthread_mutex_lock(&server->lock);
    for (link = &server->graphs; *link && (*link)->graph != graph;)
        link = &(*link)->next;
    found = *link;
    if (found)
        *link = found->next;
    pthread_mutex_unlock(&server->lock);
    memory_release(found);
}

int limef_metrics_port(const struct limef_metrics *metrics)
{
    return metrics->server->port;
}

int limef_metrics_print(struct limef_graph *graph, char *text, size_t n_bytes, size_t *used)
{
    struct metrics_graph seen = {.graph = graph};
    struct limef_openmetrics metrics;
    int ret = metrics_graph_see(&seen);

    if (ret < 0)
        return ret;
    snprintf(seen.name, sizeof(seen.name), "%s", seen.seen.name);
    limef_openmetrics_init(&metrics, text, n_bytes);
    ret = metrics_write(&metrics, &seen);
    *used = metrics.used;
    metrics_graph_forget(&seen);
    return ret;
}
