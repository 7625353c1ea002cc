/* SPDX-License-Identifier: MIT */
#include "base/file_reader.h"

#include "base/detached.h"
#include "base/memory_private.h"

#include <limef/base/clock.h>

#include <errno.h>
#include <fcntl.h>
#include <libavutil/common.h>
#include <libavutil/error.h>
#include <libavutil/mem.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BLOCK_BYTES 131072      /* as far as the system itself reads ahead */
#define FIRST_BYTES 32768       /* after a jump: where another one follows, little was in vain */
#define STACK_BYTES (64 * 1024) /* it calls the system, and nothing else */
#define LOOK_US 50000           /* how late a stop or a deadline may be noticed */
#define CLOSE_US 100000         /* for what is read just now: a disk that works is faster */

enum job { JOB_NONE, JOB_OPEN, JOB_SIZE, JOB_READ };

struct block {
    uint8_t *bytes;
    int64_t at;     /* from the file's beginning */
    size_t n_bytes; /* in it; 0: nothing, or the file's end */
    int code;       /* why there are none; 0: it is the end */
};

struct file_reader {
    struct file_reader_patience patience;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;

    /* protected by lock */
    enum job job; /* NONE: the thread waits for one */
    bool is_left; /* nobody asks any more */

    /* the thread's while it has a job, else the caller's */
    int fd; /* -1: none */
    int64_t fd_at;
    int code; /* of opening and measuring */
    struct stat status;
    struct block *asked; /* whose at is set, and as many bytes are wanted */
    size_t asked_bytes;

    /* the caller's */
    int64_t at;
    struct block *current, *other; /* the other is read ahead, or was current before */
    struct block blocks[2];
    char path[PATH_MAX]; /* of the thread, which may be left with it */
};

static int open_now(struct file_reader *reader)
{
    if (reader->fd < 0)
        reader->fd = open(reader->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (reader->fd < 0 || fstat(reader->fd, &reader->status) < 0)
        return AVERROR(errno);
    reader->fd_at = S_ISREG(reader->status.st_mode) ? lseek(reader->fd, 0, SEEK_CUR) : 0;
    return 0;
}

/* A disk as a whole has its size at its end only. */
static int measure(struct file_reader *reader)
{
    if (fstat(reader->fd, &reader->status) < 0)
        return AVERROR(errno);
    if (!S_ISBLK(reader->status.st_mode))
        return 0;
    reader->fd_at = reader->status.st_size = lseek(reader->fd, 0, SEEK_END);
    return reader->fd_at < 0 ? AVERROR(errno) : 0;
}

static void read_block(struct file_reader *reader)
{
    struct block *block = reader->asked;
    ssize_t n = 0;

    if (reader->fd_at != block->at)
        n = lseek(reader->fd, block->at, SEEK_SET) < 0 ? -1 : 0;
    if (n == 0)
        n = read(reader->fd, block->bytes, reader->asked_bytes);
    block->code = n < 0 ? AVERROR(errno) : 0;
    block->n_bytes = n > 0 ? (size_t)n : 0;
    reader->fd_at = n < 0 ? -1 : block->at + n;
}

static void do_job(struct file_reader *reader, enum job job)
{
    if (job == JOB_OPEN)
        reader->code = open_now(reader);
    else if (job == JOB_SIZE)
        reader->code = measure(reader);
    else
        read_block(reader);
}

static void free_reader(struct file_reader *reader)
{
    if (reader->fd >= 0)
        close(reader->fd);
    av_free(reader->blocks[0].bytes);
    av_free(reader->blocks[1].bytes);
    pthread_cond_destroy(&reader->changed);
    pthread_mutex_destroy(&reader->lock);
    memory_release(reader);
}

static void *work(void *argument)
{
    struct file_reader *reader = argument;
    bool is_mine; /* it was left in the middle of a job */

    pthread_setname_np(pthread_self(), "limef file");
    pthread_mutex_lock(&reader->lock);
    while (!reader->is_left) {
        enum job job = reader->job;

        if (job == JOB_NONE) {
            pthread_cond_wait(&reader->changed, &reader->lock);
            continue;
        }
        pthread_mutex_unlock(&reader->lock);
        do_job(reader, job);
        pthread_mutex_lock(&reader->lock);
        if (!reader->is_left)
            reader->job = JOB_NONE;
        pthread_cond_signal(&reader->changed);
    }
    is_mine = reader->job != JOB_NONE;
    pthread_mutex_unlock(&reader->lock);
    if (is_mine)
        free_reader(reader);
    return NULL;
}

/* Under the lock. Returns whether something may have changed; false: it is deadline_us. */
static bool wait_a_while(struct file_reader *reader, int64_t deadline_us)
{
    struct timespec until = {.tv_sec = deadline_us / 1000000,
                             .tv_nsec = deadline_us % 1000000 * 1000};

    return pthread_cond_timedwait(&reader->changed, &reader->lock, &until) == 0;
}

/* Under the lock: until the thread has no job. */
static int wait_for_thread(struct file_reader *reader)
{
    while (reader->job != JOB_NONE) {
        if (reader->patience.gives_up(reader->patience.context))
            return AVERROR_EXIT;
        wait_a_while(reader, limef_now_us() + LOOK_US);
    }
    return 0;
}

/* Under the lock, with no job. */
static void ask(struct file_reader *reader, enum job job)
{
    reader->job = job;
    pthread_cond_signal(&reader->changed);
}

static void ask_block(struct file_reader *reader, struct block *block, int64_t at, size_t bytes)
{
    block->at = at;
    block->n_bytes = 0;
    reader->asked = block;
    reader->asked_bytes = bytes;
    ask(reader, JOB_READ);
}

/* Has a job done that is not reading. */
static int have_done(struct file_reader *reader, enum job job)
{
    int ret;

    pthread_mutex_lock(&reader->lock);
    ret = wait_for_thread(reader);
    if (ret == 0) {
        ask(reader, job);
        ret = wait_for_thread(reader);
    }
    if (ret == 0)
        ret = reader->code;
    pthread_mutex_unlock(&reader->lock);
    return ret;
}

static struct file_reader *make_reader(const char *path, int fd,
                                       const struct file_reader_patience *patience)
{
    struct file_reader *reader = memory_allocate(sizeof(*reader));
    pthread_condattr_t attributes;

    if (!reader)
        return NULL;
    reader->fd = -1;
    reader->patience = *patience;
    reader->current = &reader->blocks[0];
    reader->other = &reader->blocks[1];
    pthread_mutex_init(&reader->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC); /* limef_now_us()'s */
    pthread_cond_init(&reader->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    for (unsigned i = 0; i < 2; i++) {
        reader->blocks[i].bytes = memory_permits() ? av_malloc(BLOCK_BYTES) : NULL;
        if (!reader->blocks[i].bytes) {
            free_reader(reader);
            return NULL;
        }
    }
    reader->fd = fd;
    snprintf(reader->path, sizeof(reader->path), "%s", path ? path : "");
    return reader;
}

int file_reader_open(struct file_reader **reader, const char *path, int fd,
                     const struct file_reader_patience *patience)
{
    struct file_reader *made;
    int ret;

    *reader = NULL;
    if (path && strlen(path) >= PATH_MAX)
        return AVERROR(ENAMETOOLONG);
    made = make_reader(path, fd, patience);
    if (!made) {
        if (fd >= 0)
            close(fd);
        return AVERROR(ENOMEM);
    }
    ret = detachable_start(&made->thread, work, made,
                           FFMAX(STACK_BYTES, (size_t)sysconf(_SC_THREAD_STACK_MIN)));
    if (ret < 0) {
        free_reader(made);
        return ret;
    }
    ret = have_done(made, JOB_OPEN);
    if (ret < 0)
        file_reader_close(&made);
    else
        made->at = made->fd_at;
    *reader = made;
    return ret;
}

mode_t file_reader_mode(const struct file_reader *reader)
{
    return reader->status.st_mode;
}

int file_reader_release(struct file_reader **reader)
{
    int fd = (*reader)->fd;

    (*reader)->fd = -1;
    file_reader_close(reader);
    return fd;
}

int64_t file_reader_size(struct file_reader *reader)
{
    int ret = have_done(reader, JOB_SIZE);

    return ret < 0 ? ret : reader->status.st_size;
}

int64_t file_reader_tell(const struct file_reader *reader)
{
    return reader->at;
}

void file_reader_seek(struct file_reader *reader, int64_t at)
{
    reader->at = at;
}

static bool has(const struct block *block, int64_t at)
{
    return at >= block->at && at < block->at + (int64_t)block->n_bytes;
}

static void swap(struct file_reader *reader)
{
    struct block *block = reader->current;

    reader->current = reader->other;
    reader->other = block;
}

/* Under the lock, with no job: makes the block current in which `at` is, and has the next one read
 * where this one follows on the last. */
static int find_block(struct file_reader *reader)
{
    const struct block *last = reader->current;
    bool follows = last->n_bytes && reader->at == last->at + (int64_t)last->n_bytes;
    bool is_ahead = follows && reader->asked == reader->other && reader->other->at == reader->at;
    size_t bytes = follows ? FFMIN(2 * reader->asked_bytes, BLOCK_BYTES) : FIRST_BYTES;
    int ret = 0;

    if (!is_ahead && !has(reader->other, reader->at)) {
        ask_block(reader, reader->other, reader->at, bytes);
        ret = wait_for_thread(reader);
    }
    if (ret < 0)
        return ret;
    swap(reader);
    if (follows && reader->current->n_bytes)
        ask_block(reader, reader->other, reader->current->at + (int64_t)reader->current->n_bytes,
                  bytes);
    return 0;
}

int file_reader_read(struct file_reader *reader, uint8_t *buffer, int bytes)
{
    const struct block *block = reader->current;
    int ret = 0;

    if (!has(block, reader->at)) {
        pthread_mutex_lock(&reader->lock);
        ret = wait_for_thread(reader);
        if (ret == 0)
            ret = find_block(reader);
        pthread_mutex_unlock(&reader->lock);
        block = reader->current;
    }
    if (ret < 0)
        return ret;
    if (!block->n_bytes)
        return block->code < 0 ? block->code : AVERROR_EOF;
    bytes = (int)FFMIN(bytes, block->at + (int64_t)block->n_bytes - reader->at);
    memcpy(buffer, block->bytes + (reader->at - block->at), (size_t)bytes);
    reader->at += bytes;
    return bytes;
}

void file_reader_close(struct file_reader **reader)
{
    struct file_reader *left = *reader;
    int64_t deadline_us = limef_now_us() + CLOSE_US;
    bool is_idle;

    *reader = NULL;
    if (!left)
        return;
    pthread_mutex_lock(&left->lock);
    while (left->job != JOB_NONE && wait_a_while(left, deadline_us))
        ;
    is_idle = left->job == JOB_NONE;
    left->is_left = true;
    pthread_cond_signal(&left->changed);
    if (!is_idle)
        pthread_detach(left->thread);
    pthread_mutex_unlock(&left->lock);
    if (!is_idle)
        return;
    pthread_join(left->thread, NULL);
    free_reader(left);
}
