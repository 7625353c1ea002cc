/* SPDX-License-Identifier: MIT */
/* One reader: what it says, and what it gets. */
#include "filter/export_private.h"

#include <limef/base/log.h>

#include <endian.h>
#include <errno.h>
#include <libavutil/common.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* How long a connection may stay silent before SUBSCRIBE. */
#define SUBSCRIBE_US 5000000

/* Messages of one reader that are looked at before it is somebody else's turn. */
#define MESSAGES_IN_TURN 32

#define LARGEST_MESSAGE sizeof(struct limef_export_subscribe)

static int pid_of(int fd)
{
    struct ucred who = {.pid = -1};
    socklen_t bytes = sizeof(who);

    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &bytes);
    return who.pid;
}

void export_reader_open(struct export_server *server, struct export_reader *reader, int fd,
                        int64_t now_us)
{
    struct limef_export_hello hello;

    reader->fd = fd;
    reader->deadline_us = now_us + SUBSCRIBE_US;
    reader->subscribed = reader->begun = reader->asked = false;
    reader->sequence = reader->n_missed_before = 0;
    atomic_store_explicit(&reader->n_sent, 0, memory_order_relaxed);
    atomic_store_explicit(&reader->n_missed, 0, memory_order_relaxed);
    atomic_store_explicit(&reader->pid, pid_of(fd), memory_order_relaxed);
    export_message_hello(&hello, server->settings.max_depth, &server->last);
    export_send(fd, &hello, sizeof(hello), NULL, 0);
}

static void set_n_held(struct export_reader *reader, uint32_t n_held)
{
    atomic_store_explicit(&reader->n_held, n_held, memory_order_relaxed);
}

static void take_back(struct export_server *server, struct export_reader *reader, unsigned n)
{
    unsigned n_held = LIMEF_COUNTED(reader->n_held) - 1;
    struct export_picture *picture = reader->held[n];

    memmove(&reader->held[n], &reader->held[n + 1], (n_held - n) * sizeof(reader->held[0]));
    set_n_held(reader, n_held);
    export_picture_unref(server, picture, true);
}

void export_reader_close(struct export_server *server, struct export_reader *reader,
                         enum limef_export_reason reason)
{
    struct limef_export_goodbye goodbye;

    export_message_goodbye(&goodbye, reason);
    export_send(reader->fd, &goodbye, sizeof(goodbye), NULL, 0);
    close(reader->fd);
    reader->fd = -1;
    while (LIMEF_COUNTED(reader->n_held))
        take_back(server, reader, LIMEF_COUNTED(reader->n_held) - 1);
    if (!reader->subscribed)
        LIMEF_COUNT(server->n_refused, 1);
    else if (reason == LIMEF_EXPORT_BAD_MESSAGE)
        LIMEF_COUNT(server->n_expelled, 1);
    if (reason != LIMEF_EXPORT_OVER)
        limef_log(LIMEF_LOG_WARNING, server->name, "reader %d is expelled: %s",
                  LIMEF_COUNTED(reader->pid),
                  reason == LIMEF_EXPORT_TOO_LATE ? "it does not subscribe"
                                                  : "it breaks the protocol");
    if (reader->subscribed)
        LIMEF_COUNT(server->n_subscribed, (uint32_t)-1);
    reader->subscribed = false;
    atomic_store_explicit(&reader->mode, 0, memory_order_relaxed);
}

/* The pictures up to this one came by, and it did not get them. */
static void note_missed(struct export_server *server, struct export_reader *reader,
                        uint64_t sequence)
{
    if (sequence <= reader->sequence)
        return;
    if (reader->begun) {
        LIMEF_COUNT(reader->n_missed, sequence - reader->sequence);
        LIMEF_COUNT(server->n_missed, sequence - reader->sequence);
    }
    reader->begun = true;
    reader->sequence = sequence;
}

/* Hands it a picture. Returns whether it has it now. */
static bool hand(struct export_server *server, struct export_reader *reader,
                 struct export_picture *picture)
{
    unsigned n_held = LIMEF_COUNTED(reader->n_held), n_fds;
    struct limef_export_frame message;
    int fds[LIMEF_EXPORT_MAX_FDS];
    bool direct;

    if (n_held == LIMEF_COUNTED(reader->depth) ||
        export_picture_describe(server, picture, reader->takes, &message, fds) < 0)
        return false;
    direct = message.kind == LIMEF_EXPORT_DMABUF;
    n_fds = message.n_fds;
    message.n_missed = LIMEF_COUNTED(reader->n_missed) - reader->n_missed_before;
    export_message_frame(&message);
    /* noted first: it may have looked and given back before send returns */
    reader->held[n_held] = picture;
    set_n_held(reader, n_held + 1);
    export_picture_ref(server, picture, true);
    if (export_send(reader->fd, &message, sizeof(message), fds, n_fds) < 0) {
        take_back(server, reader, n_held); /* its socket is full, or gone: poll() tells that */
        return false;
    }
    reader->n_missed_before = LIMEF_COUNTED(reader->n_missed);
    reader->begun = true;
    reader->sequence = picture->message.sequence;
    reader->asked = false;
    LIMEF_COUNT(reader->n_sent, 1);
    LIMEF_COUNT(server->n_sent, 1);
    LIMEF_COUNT(server->n_direct, direct);
    return true;
}

/* A reader of the latest gets the newest one if it wants one and does not know it. */
static void hand_newest(struct export_server *server, struct export_reader *reader)
{
    struct export_picture *newest = server->newest;

    if (reader->asked && newest && newest->message.sequence > reader->sequence)
        hand(server, reader, newest);
}

void export_reader_offer(struct export_server *server, struct export_reader *reader,
                         struct export_picture *picture)
{
    uint64_t sequence = picture->message.sequence;

    note_missed(server, reader, sequence - 1);
    reader->begun = true;
    if (LIMEF_COUNTED(reader->mode) == LIMEF_EXPORT_QUEUED) {
        if (!hand(server, reader, picture))
            note_missed(server, reader, sequence);
    } else if (reader->asked) {
        hand(server, reader, picture);
    }
}

static enum limef_export_reason subscribe(struct export_server *server,
                                          struct export_reader *reader, const void *message)
{
    struct limef_export_subscribe wanted;
    uint32_t mode, depth;

    memcpy(&wanted, message, sizeof(wanted));
    mode = le32toh(wanted.mode);
    depth = le32toh(wanted.depth);
    if (memcmp(wanted.magic, LIMEF_EXPORT_MAGIC, sizeof(wanted.magic)) != 0 ||
        (mode != LIMEF_EXPORT_LATEST && mode != LIMEF_EXPORT_QUEUED))
        return LIMEF_EXPORT_BAD_MESSAGE;
    if (le32toh(wanted.version) != LIMEF_EXPORT_VERSION)
        return LIMEF_EXPORT_BAD_VERSION;
    reader->takes = le32toh(wanted.takes);
    reader->subscribed = true;
    atomic_store_explicit(&reader->depth,
                          depth ? FFMIN(depth, server->settings.max_depth)
                                : server->settings.max_depth,
                          memory_order_relaxed);
    atomic_store_explicit(&reader->mode, mode, memory_order_relaxed);
    LIMEF_COUNT(server->n_connected, 1);
    LIMEF_COUNT(server->n_subscribed, 1);
    return LIMEF_EXPORT_OVER;
}

static enum limef_export_reason release(struct export_server *server, struct export_reader *reader,
                                        const void *message)
{
    struct limef_export_release given_back;

    memcpy(&given_back, message, sizeof(given_back));
    for (unsigned i = 0; i < LIMEF_COUNTED(reader->n_held); i++)
        if (reader->held[i]->message.sequence == le64toh(given_back.sequence)) {
            take_back(server, reader, i);
            hand_newest(server, reader);
            return LIMEF_EXPORT_OVER;
        }
    return LIMEF_EXPORT_BAD_MESSAGE;
}

/* How long a message of this type is; 0: a reader sends none such. */
static size_t bytes_of(uint32_t type)
{
    switch (type) {
    case LIMEF_EXPORT_SUBSCRIBE:
        return sizeof(struct limef_export_subscribe);
    case LIMEF_EXPORT_NEXT:
        return sizeof(struct limef_export_header);
    case LIMEF_EXPORT_RELEASE:
        return sizeof(struct limef_export_release);
    default:
        return 0;
    }
}

enum limef_export_reason export_reader_take(struct export_server *server,
                                            struct export_reader *reader, const void *message,
                                            size_t bytes)
{
    struct limef_export_header header;

    if (bytes < sizeof(header))
        return LIMEF_EXPORT_BAD_MESSAGE;
    memcpy(&header, message, sizeof(header));
    header.type = le32toh(header.type);
    if (bytes != bytes_of(header.type) || le32toh(header.bytes) != bytes ||
        reader->subscribed == (header.type == LIMEF_EXPORT_SUBSCRIBE))
        return LIMEF_EXPORT_BAD_MESSAGE;
    switch (header.type) {
    case LIMEF_EXPORT_SUBSCRIBE:
        return subscribe(server, reader, message);
    case LIMEF_EXPORT_RELEASE:
        return release(server, reader, message);
    default: /* NEXT */
        if (reader->asked || LIMEF_COUNTED(reader->mode) != LIMEF_EXPORT_LATEST)
            return LIMEF_EXPORT_BAD_MESSAGE;
        reader->asked = true;
        hand_newest(server, reader);
        return LIMEF_EXPORT_OVER;
    }
}

void export_reader_listen(struct export_server *server, struct export_reader *reader)
{
    char message[LARGEST_MESSAGE];

    for (int i = 0; i < MESSAGES_IN_TURN; i++) {
        /* without room for control data the kernel drops descriptors that come along. MSG_TRUNC:
         * how long it really was */
        ssize_t bytes = recv(reader->fd, message, sizeof(message), MSG_DONTWAIT | MSG_TRUNC);
        enum limef_export_reason reason = LIMEF_EXPORT_BAD_MESSAGE;

        if (bytes < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (bytes <= 0) {
            export_reader_close(server, reader, LIMEF_EXPORT_OVER);
            return;
        }
        if (bytes <= (ssize_t)sizeof(message))
            reason = export_reader_take(server, reader, message, (size_t)bytes);
        if (reason != LIMEF_EXPORT_OVER) {
            export_reader_close(server, reader, reason);
            return;
        }
    }
}
