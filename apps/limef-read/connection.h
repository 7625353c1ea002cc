/* SPDX-License-Identifier: MIT */
/*
 * The reader's side of doc/export.md. Needs export_protocol.h and Linux, nothing of the library.
 */
#ifndef LIMEF_READ_CONNECTION_H
#define LIMEF_READ_CONNECTION_H

#include <limef/filter/export_protocol.h>

#include <stdbool.h>
#include <stddef.h>

/* Buffers whose mapping is kept. */
#define N_MAPPINGS 64

struct mapping {
    uint64_t buffer;
    uint32_t kind, fd; /* which of its descriptors */
    void *data;
    size_t bytes;
    uint64_t used; /* when, counted */
};

struct connection {
    int socket;
    struct mapping mappings[N_MAPPINGS];
    uint64_t n_used;
};

/* A picture that was lent. */
struct picture {
    struct limef_export_frame frame; /* in this machine's byte order */
    int fds[LIMEF_EXPORT_MAX_FDS];   /* frame.n_fds of them, ours */
    bool is_read;                    /* the kernel was told that the CPU reads it, a dma-buf */
};

/* Connects and subscribes. 0, or -1: errno says why; EPROTO: whoever answers is no export. */
int connection_open(struct connection *connection, const char *path,
                    const struct limef_export_subscribe *wanted);

void connection_close(struct connection *connection);

/* Asks a connection in mode latest for the newest picture. 0, or -1 with errno. */
int connection_ask(const struct connection *connection);

/* Waits for a picture. 1; 0: the export said goodbye, *reason says why; -1 with errno. */
int connection_read(struct connection *connection, struct picture *picture, uint32_t *reason);

/* Maps the picture's memory; a buffer that is known is not mapped again. Where plane 0 .. 3 begin.
 * What it says is written: the picture's fence is waited for. 0, or -1 with errno: it cannot be
 * mapped, or what it says of itself does not fit; ETIMEDOUT: nobody has written it. */
int connection_map(struct connection *connection, struct picture *picture,
                   const uint8_t *planes[LIMEF_EXPORT_MAX_PLANES]);

/* Gives it back. 0, or -1 with errno. */
int connection_release(const struct connection *connection, struct picture *picture);

#endif
