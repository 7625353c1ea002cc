/* SPDX-License-Identifier: MIT */
/*
 * Files, named pipes, devices, sockets and inherited descriptors: libavformat opens and reads them
 * with calls that cannot be interrupted, and that a disk, a server of files or a writer may let
 * wait for ever.
 */
#include "filter/file_source_private.h"

#include "base/file_reader.h"
#include "base/libavformat.h"
#include "base/memory_private.h"

#include <errno.h>
#include <fcntl.h>
#include <libavutil/avstring.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_BYTES 32768
#define POLL_MS 50 /* how late a stop or a deadline may be noticed */

static int io_poll(void *context, uint8_t *buffer, int size)
{
    struct limef_file_source *file = context;
    struct pollfd pollfd = {.fd = file->fd, .events = POLLIN};

    while (!file_source_is_interrupted(file)) {
        ssize_t n;

        if (poll(&pollfd, 1, POLL_MS) <= 0)
            continue;
        n = read(file->fd, buffer, (size_t)size);
        if (n > 0)
            return (int)n;
        if (n == 0)
            return AVERROR_EOF;
        if (errno != EAGAIN && errno != EINTR)
            return AVERROR(errno);
    }
    return AVERROR_EXIT;
}

/* What the reader returned, kept in mind where it is that a deadline passed. */
static int64_t noted(struct limef_file_source *file, int64_t ret)
{
    file->disk_hangs |= ret == AVERROR_EXIT && file->timed_out;
    return ret;
}

static int io_read(void *context, uint8_t *buffer, int size)
{
    struct limef_file_source *file = context;

    return (int)noted(file, file_reader_read(file->reader, buffer, size));
}

static int64_t io_seek(void *context, int64_t offset, int whence)
{
    struct limef_file_source *file = context;
    int64_t from = 0;

    whence &= ~AVSEEK_FORCE;
    if (whence == AVSEEK_SIZE || whence == SEEK_END)
        from = noted(file, file_reader_size(file->reader));
    else if (whence == SEEK_CUR)
        from = file_reader_tell(file->reader);
    if (from < 0 || whence == AVSEEK_SIZE)
        return from;
    if (offset < -from || offset > INT64_MAX - from)
        return AVERROR(EINVAL);
    file_reader_seek(file->reader, from + offset);
    return from + offset;
}

/* What a URL names in the file system; NULL: it has a scheme. */
static const char *path_of(const char *url)
{
    static const char scheme[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.";

    if (av_strstart(url, "file:", &url))
        return url;
    return url[strspn(url, scheme)] == ':' ? NULL : url;
}

/* The number of "pipe:3"; -1: it is none. */
static int inherited_fd(const char *url)
{
    const char *text;
    char *end;
    long number;

    if (!av_strstart(url, "pipe:", &text))
        return -1;
    number = strtol(text, &end, 10);
    return *end == '\0' && number >= 0 && number <= INT_MAX ? (int)number : -1;
}

/* Opens it: what is waited for by poll() becomes file->fd, what is not file->reader. With neither,
 * libavformat shall open it. */
static int open_descriptor(struct limef_file_source *file)
{
    struct file_reader_patience patience = {file_source_is_interrupted, file};
    const char *path = path_of(file->settings.url);
    int inherited = inherited_fd(file->settings.url), fd = -1, ret;
    mode_t mode;

    if (!path && inherited < 0)
        return 0;
    if (inherited >= 0 && (fd = fcntl(inherited, F_DUPFD_CLOEXEC, 0)) < 0)
        return AVERROR(errno);
    file_source_may_block(file);
    ret = (int)noted(file, file_reader_open(&file->reader, path, fd, &patience));
    if (ret == AVERROR(ENOENT))
        return 0; /* it may be a pattern */
    if (ret < 0)
        return ret;
    mode = file_reader_mode(file->reader);
    if (S_ISDIR(mode)) {
        file_reader_close(&file->reader);
        return AVERROR(EISDIR);
    }
    if (!S_ISREG(mode) && !S_ISBLK(mode)) {
        file->fd = file_reader_release(&file->reader);
        file->has_fd = true;
    }
    return 0;
}

int file_source_io_open(struct limef_file_source *file, AVIOContext **io)
{
    int ret = open_descriptor(file);
    uint8_t *buffer;

    *io = NULL;
    if (ret < 0 || (!file->reader && !file->has_fd))
        return ret;
    buffer = memory_permits() ? av_malloc(BUFFER_BYTES) : NULL;
    if (buffer)
        *io = libavformat.avio_alloc_context(
            buffer, BUFFER_BYTES, 0, file, file->reader ? io_read : io_poll, NULL,
            file->reader && inherited_fd(file->settings.url) < 0 ? io_seek : NULL);
    if (*io)
        return 0;
    av_free(buffer);
    file_source_io_close(file, io);
    return AVERROR(ENOMEM);
}

void file_source_io_close(struct limef_file_source *file, AVIOContext **io)
{
    if (*io) {
        av_freep(&(*io)->buffer);
        libavformat.avio_context_free(io);
    }
    file_reader_close(&file->reader);
    if (file->has_fd)
        close(file->fd);
    file->has_fd = false;
}
