/* SPDX-License-Identifier: MIT */
/* The thread that serves the readers. It waits for nobody but in poll(). */
#include "filter/export_private.h"

#include "base/memory_private.h"
#include "base/unix_socket.h"
#include "thread/unsignalled.h"

#include <limef/base/log.h>

#include <errno.h>
#include <libavutil/common.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEFAULT_READERS 8
#define DEFAULT_DEPTH 4
#define DEFAULT_PERMISSIONS 0600
/* When to accept again after there were no descriptors left. */
#define ACCEPT_AGAIN_US 1000000
/* It only copies, and asks drivers to. */
#define STOP_US 10000000

/* What is polled: the fifo, the socket, the readers. */
#define POLL_FIFO 0
#define POLL_SOCKET 1
#define POLL_READERS 2
#define N_POLL (POLL_READERS + LIMEF_EXPORT_MAX_READERS)

static struct export_server *server_of(struct limef_thread *thread)
{
    return LIMEF_CONTAINER_OF(thread, struct export_server, thread);
}

static bool has_reader_of_latest(const struct export_server *server)
{
    for (unsigned i = 0; i < server->settings.max_readers; i++)
        if (LIMEF_COUNTED(server->readers[i].mode) == LIMEF_EXPORT_LATEST)
            return true;
    return false;
}

static void set_newest(struct export_server *server, struct export_picture *picture)
{
    struct export_picture *old = server->newest;

    if (picture)
        export_picture_ref(server, picture, false);
    server->newest = picture;
    if (old)
        export_picture_unref(server, old, false);
}

/* One picture, to all who want it. */
static void distribute(struct export_server *server, const struct limef_decoded_frame *decoded)
{
    struct export_picture *picture;
    uint64_t sequence;

    server->n_read++;
    sequence = server->n_read + LIMEF_COUNTED(server->n_unread) +
               LIMEF_COUNTED(server->lane.n_dropped_oldest);
    if (LIMEF_COUNTED(server->n_subscribed) == 0)
        return;
    picture = export_picture_take(server, decoded, sequence);
    if (!picture)
        return;
    for (unsigned i = 0; i < server->settings.max_readers; i++)
        if (server->readers[i].subscribed)
            export_reader_offer(server, &server->readers[i], picture);
    if (has_reader_of_latest(server))
        set_newest(server, picture);
    export_picture_unref(server, picture, false);
}

/* Returns AVERROR_EXIT when the thread is to stop. */
static int take_pictures(struct export_server *server)
{
    struct limef_stack_frame *frame;
    int ret;

    while ((ret = limef_fifo_read(&server->fifo, &frame, 0)) == 0) {
        const struct limef_decoded_frame *decoded = limef_decoded_frame_from(&frame->any.frame);

        if (decoded)
            distribute(server, decoded);
        limef_fifo_recycle(&server->fifo, frame);
    }
    return ret;
}

static struct export_reader *vacant_reader(struct export_server *server)
{
    for (unsigned i = 0; i < server->settings.max_readers; i++)
        if (server->readers[i].fd < 0)
            return &server->readers[i];
    return NULL;
}

static void refuse(struct export_server *server, int fd)
{
    struct limef_export_goodbye goodbye;

    export_message_goodbye(&goodbye, LIMEF_EXPORT_TOO_MANY);
    export_send(fd, &goodbye, sizeof(goodbye), NULL, 0);
    close(fd);
    LIMEF_COUNT(server->n_refused, 1);
    if (LIMEF_COUNTED(server->n_refused) == 1)
        limef_log(LIMEF_LOG_WARNING, server->name, "more than %u readers: one is refused",
                  server->settings.max_readers);
}

static void accept_reader(struct export_server *server)
{
    int64_t now_us = limef_now_us();
    int fd = accept4(server->listens, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct export_reader *reader = vacant_reader(server);

    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
            server->accept_us = now_us + ACCEPT_AGAIN_US;
        return;
    }
    if (reader)
        export_reader_open(server, reader, fd, now_us);
    else
        refuse(server, fd);
}

/* Those who do not say what they want go. Returns until when the rest may wait. */
static int64_t expel_silent(struct export_server *server, int64_t now_us)
{
    int64_t until_us = LIMEF_FOREVER;

    for (unsigned i = 0; i < server->settings.max_readers; i++) {
        struct export_reader *reader = &server->readers[i];

        if (reader->fd < 0 || reader->subscribed)
            continue;
        if (now_us >= reader->deadline_us)
            export_reader_close(server, reader, LIMEF_EXPORT_TOO_LATE);
        else
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

/* Without readers nothing is kept for them. */
static void tidy(struct export_server *server)
{
    if (server->newest && !has_reader_of_latest(server))
        set_newest(server, NULL);
    if (LIMEF_COUNTED(server->n_subscribed) == 0)
        export_memories_trim(server);
}

static int server_step(struct limef_thread *thread, int64_t deadline_us)
{
    struct export_server *server = server_of(thread);
    struct pollfd polled[N_POLL];
    int64_t now_us, until_us;
    unsigned n = server->settings.max_readers;
    int ret = take_pictures(server);

    if (ret == AVERROR_EXIT)
        return ret;
    now_us = limef_now_us();
    until_us = FFMIN(deadline_us, expel_silent(server, now_us));
    polled[POLL_FIFO] = (struct pollfd){limef_fifo_fd(&server->fifo), POLLIN, 0};
    polled[POLL_SOCKET] =
        (struct pollfd){now_us >= server->accept_us ? server->listens : -1, POLLIN, 0};
    if (now_us < server->accept_us)
        until_us = FFMIN(until_us, server->accept_us);
    for (unsigned i = 0; i < n; i++)
        polled[POLL_READERS + i] = (struct pollfd){server->readers[i].fd, POLLIN, 0};
    if (poll(polled, POLL_READERS + n, timeout_ms(until_us, now_us)) <= 0)
        return 0;
    for (unsigned i = 0; i < n; i++)
        if (polled[POLL_READERS + i].revents)
            export_reader_listen(server, &server->readers[i]);
    if (polled[POLL_SOCKET].revents)
        accept_reader(server);
    tidy(server);
    return 0;
}

static void server_wake(struct limef_thread *thread)
{
    struct export_server *server = server_of(thread);

    if (limef_thread_stopping(thread))
        limef_fifo_close(&server->fifo);
    else
        limef_fifo_wake(&server->fifo);
}

static const struct limef_thread_ops server_ops = {.step = server_step, .wake = server_wake};

static int fill_in(struct limef_export_settings *settings, const char *name)
{
    if (!settings->path || !*settings->path)
        return limef_fail(AVERROR(EINVAL), name, "no path");
    if (settings->max_readers > LIMEF_EXPORT_MAX_READERS ||
        settings->max_depth > LIMEF_EXPORT_MAX_DEPTH || settings->permissions > 0777)
        return limef_fail(AVERROR(EINVAL), name, "more readers or pictures than there can be");
    if (!settings->max_readers)
        settings->max_readers = DEFAULT_READERS;
    if (!settings->max_depth)
        settings->max_depth = DEFAULT_DEPTH;
    if (!settings->permissions)
        settings->permissions = DEFAULT_PERMISSIONS;
    return 0;
}

unsigned limef_export_max_pictures(const struct limef_export_settings *settings)
{
    unsigned n_readers = settings->max_readers ? settings->max_readers : DEFAULT_READERS;

    return n_readers * (settings->max_depth ? settings->max_depth : DEFAULT_DEPTH) + 1 +
           EXPORT_LANE_DEPTH;
}

/* Releases a server whose thread does not run. */
static void server_free(struct export_server *server)
{
    for (unsigned i = 0; i < LIMEF_EXPORT_MAX_READERS; i++)
        if (server->readers[i].fd >= 0)
            export_reader_close(server, &server->readers[i], LIMEF_EXPORT_OVER);
    set_newest(server, NULL);
    if (server->memories)
        export_memories_trim(server);
    unix_socket_close(server->listens, server->settings.path, &server->socket_file);
    limef_thread_clear(&server->thread);
    if (server->lane.fifo)
        limef_fifo_remove_lane(&server->fifo, &server->lane);
    limef_lane_clear(&server->lane);
    limef_fifo_clear(&server->fifo);
    memory_release(server->pictures);
    memory_release(server->memories);
    memory_release(server);
}

/* A picture for each that readers can have, the newest, and the one that comes. */
static int make_pictures(struct export_server *server)
{
    server->n_pictures = server->settings.max_readers * server->settings.max_depth + 2;
    server->pictures = memory_allocate(server->n_pictures * sizeof(server->pictures[0]));
    server->memories = memory_allocate(server->n_pictures * sizeof(server->memories[0]));
    for (unsigned i = 0; server->memories && i < server->n_pictures; i++)
        server->memories[i].fd = -1;
    return server->pictures && server->memories
               ? 0
               : limef_fail(AVERROR(ENOMEM), server->name, "pictures for readers");
}

static int open_lane(struct export_server *server)
{
    struct limef_lane_settings lane = {.overflow = LIMEF_OVERFLOW_DROP_OLDEST,
                                       .depth = EXPORT_LANE_DEPTH};
    int ret = limef_lane_init(&server->lane, server->frames, EXPORT_LANE_FRAMES, &lane);

    if (ret < 0)
        return ret;
    limef_fifo_add_lane(&server->fifo, &server->lane);
    ret = limef_fifo_fd(&server->fifo);
    return ret < 0 ? ret : 0;
}

int export_server_open(struct export_server **server, const char *name,
                       const struct limef_export_settings *settings)
{
    struct limef_thread_settings thread = {.name = name};
    struct export_server *made = memory_allocate(sizeof(*made));
    int ret;

    if (!made)
        return limef_fail(AVERROR(ENOMEM), name, "init");
    made->settings = *settings;
    made->name = name;
    made->listens = -1;
    for (unsigned i = 0; i < LIMEF_EXPORT_MAX_READERS; i++)
        made->readers[i].fd = -1;
    limef_thread_init(&made->thread, &server_ops, &thread);
    limef_fifo_init(&made->fifo, name);
    ret = fill_in(&made->settings, name);
    if (ret >= 0)
        ret = make_pictures(made);
    if (ret >= 0)
        ret = open_lane(made);
    if (ret >= 0)
        ret = made->listens =
            unix_socket_open(made->settings.path, SOCK_SEQPACKET, made->settings.permissions,
                             &made->socket_file, name);
    if (ret >= 0)
        ret = thread_start_unsignalled(&made->thread);
    if (ret < 0) {
        server_free(made);
        return ret;
    }
    *server = made;
    return 0;
}

void export_server_close(struct export_server **server)
{
    struct export_server *old = *server;

    if (!old)
        return;
    *server = NULL;
    /* a driver that does not come back keeps what it has */
    if (limef_thread_stop(&old->thread, STOP_US) == 0)
        server_free(old);
}
