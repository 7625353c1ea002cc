/* SPDX-License-Identifier: MIT */
/* Fills a buffer_pool with what its decoders miss. All of it belongs to one thread, but for what
 * buffer_keeper_open() says. */
#ifndef LIMEF_SRC_FRAME_BUFFER_KEEPER_H
#define LIMEF_SRC_FRAME_BUFFER_KEEPER_H

#include "frame/buffer_pool.h"

/* All-zero keeps nothing. */
struct buffer_keeper {
    struct buffer_pool *pool; /* borrowed; NULL: nothing is lent */
    const char *name;         /* of who keeps it, borrowed */
    /* Makes memory for a buffer: sets its data, and id or dmabuf. Returns 0, or a negative AVERROR
     * code, not logged: there is none at present. */
    int (*make)(struct buffer_keeper *keeper, struct buffer *buffer, size_t bytes);
    /* Undoes it, but for the dmabuf. NULL: that is all there is. */
    void (*unmake)(struct buffer_keeper *keeper, struct buffer *buffer);
    /* at most; 0: buffer_keeper_open() says */
    size_t max_bytes;
    unsigned max_buffers;
    size_t bytes; /* of all buffers */
    unsigned n_buffers;
    bool was_full;       /* once, which was said */
    bool was_refused;    /* likewise: the CPU was given no access to one */
    int64_t look_us;     /* when those are looked for that are out of use */
    unsigned n_rest;     /* pictures that went without since no memory was to be had; 0: it was */
    unsigned n_left_out; /* and that still will */
};

/*
 * Begins to lend. make, and unmake, are set.
 *
 * There are as many buffers as decoders hold at once: one is made where none is free, and unmade
 * when it is out of use. What bounds that is the depth of the chains behind the decoders; beyond
 * it, for what goes wrong, there are at most max_bytes, half of the machine's memory unless set, in
 * max_buffers, BUFFER_POOL_MAX unless set. Those of a keeper before that decoders still have are
 * among them.
 *
 * at_once  buffers are made on the threads that miss them, one at a time: make and unmake can be
 *          called on any. Else on the keeper's, when it tends.
 */
void buffer_keeper_open(struct buffer_keeper *keeper, struct buffer_pool *pool, bool at_once,
                        const char *name);

/* Makes a buffer for one who misses it. False: there is none for the time being. The keeper, or any
 * thread that holds the pool's lock. */
bool buffer_keeper_make(struct buffer_keeper *keeper, size_t bytes);

/* The kernel gave the CPU no access to a buffer. Whoever holds the pool's lock. */
void buffer_keeper_note_no_access(struct buffer_keeper *keeper);

/*
 * Unmakes some of those that nobody had for ten seconds or so. Makes the buffers that were missed,
 * in place of smaller ones if there are many, unless they are made at once. Never waits. Where
 * there is no memory, it tries again for later pictures.
 *
 * Returns when it has to look for unused ones again, though no picture comes: a few go each second.
 */
int64_t buffer_keeper_tend(struct buffer_keeper *keeper, int64_t now_us);

/*
 * Lends no more, and unmakes what nobody has. 0: that was all; all-zero then. AVERROR(EBUSY): the
 * rest is in use.
 */
int buffer_keeper_close(struct buffer_keeper *keeper);

#endif
