/* SPDX-License-Identifier: MIT */
/*
 * Buffers that somebody else makes and deletes, the keeper, lent to decoders:
 * the part of a presenter's buffers that knows no GL. What is there is lent without a lock; who
 * misses one waits while another one is made, if the keeper has said that it makes them at once.
 */
#ifndef LIMEF_SRC_FRAME_BUFFER_POOL_H
#define LIMEF_SRC_FRAME_BUFFER_POOL_H

#include "frame/dmabuf.h"

#include <limef/frame/buffer_source.h>

#include <pthread.h>

struct AVFrame;

/* Buffers at most. */
#define BUFFER_POOL_MAX 1024
/* Requests without an answer that are remembered. */
#define BUFFER_POOL_MISSED 16

enum buffer_state {
    BUFFER_NONE, /* the keeper's: no memory */
    BUFFER_FREE,
    BUFFER_LENT,
};

struct buffer_keeper;
struct buffer_pool;

struct buffer {
    struct buffer_pool *pool;
    /* written by the keeper while state is NONE, constant otherwise */
    uint8_t *data;
    uint32_t id;          /* the keeper's */
    struct dmabuf dmabuf; /* the memory's descriptor; empty: it has none. Released with the pool */
    LIMEF_ATOMIC(size_t) bytes;
    LIMEF_ATOMIC(uint32_t) free_since; /* the pool's age */
    /* enum buffer_state; who changes it from FREE owns the buffer */
    LIMEF_ATOMIC(uint32_t) state;
};

struct buffer_pool {
    struct limef_buffer_source source;
    bool always;                 /* the keeper's: lend also where that does not pay */
    pthread_mutex_t lock;        /* held while a buffer is made at once; guards: */
    struct buffer_keeper *maker; /* whose buffers are; NULL: it makes them when it tends */
    LIMEF_ATOMIC(bool) is_kept;  /* a keeper has begun */
    /* no more is lent, and why; NULL: it is */
    LIMEF_ATOMIC(const char *) refused;
    LIMEF_ATOMIC(const char *) missed_why; /* why the last who missed one did; NULL: nobody has */
    /* sizes that were missed since the keeper asked; 0: none */
    LIMEF_ATOMIC(size_t) missed[BUFFER_POOL_MISSED];
    LIMEF_ATOMIC(uint32_t) n_missed;
    LIMEF_ATOMIC(uint64_t)
    n_failed; /* buffers that could not be made, or be written by the CPU; the
                 keeper's, or who has the lock */
    /* why the last one was of these; NULL: it was not */
    LIMEF_ATOMIC(const char *) short_why;
    LIMEF_ATOMIC(uint32_t) age; /* the keeper's: goes up with time */
    /* buffers[0 .. n_used - 1] have been in use; only grows */
    LIMEF_ATOMIC(uint32_t) n_used;
    struct buffer buffers[BUFFER_POOL_MAX];
};

/* An empty pool with one user, the caller; NULL: no memory. */
struct buffer_pool *buffer_pool_create(void);

/* The keeper, or who else has a reference. NULL does nothing. */
void buffer_pool_unref(struct buffer_pool *pool);

/* From now on nothing is lent; NULL: something is. The keeper. */
void buffer_pool_refuse(struct buffer_pool *pool, const char *why);

/* Takes the oldest size that was missed; 0: none. The keeper. */
size_t buffer_pool_next_missed(struct buffer_pool *pool);

/* A buffer could not be made; until one is added, who misses one hears why, which lives forever.
 * The keeper. */
void buffer_pool_note_failure(struct buffer_pool *pool, const char *why);

/* Why a picture lies in none of the buffers; lives forever. Any thread. */
const char *buffer_pool_why_ordinary(const struct buffer_pool *pool);

/* Why nothing is lent to one who misses it; lives forever. Any thread. */
const char *buffer_pool_why_none(const struct buffer_pool *pool);

/* A buffer without memory, to be given some and to be added; NULL: the pool is full. The keeper. */
struct buffer *buffer_pool_vacant(struct buffer_pool *pool);
void buffer_pool_add(struct buffer *buffer, uint8_t *data, size_t bytes, uint32_t id);

/* Takes a buffer back of fewer bytes that nobody has; NULL: there is none. The keeper. */
struct buffer *buffer_pool_take_back(struct buffer_pool *pool, size_t fewer_than);

/* Likewise one that nobody had since the pool was of an age that is more than max_age below its
 * present one. */
struct buffer *buffer_pool_take_unused(struct buffer_pool *pool, uint32_t max_age);

/* In which buffer an address lies; NULL: in none. The keeper. */
const struct buffer *buffer_pool_find(const struct buffer_pool *pool, const uint8_t *address);

/* In which buffer of any pool a picture lies; NULL: in none. Any thread that has a reference to the
 * picture. */
const struct buffer *buffer_pool_buffer_of(const struct AVFrame *picture);

/* How many are lent at present. */
unsigned buffer_pool_n_lent(const struct buffer_pool *pool);

#endif
