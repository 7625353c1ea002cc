/* SPDX-License-Identifier: MIT */
/*
 * Named pipes, devices, sockets and inherited descriptors: libavformat opens and
 * reads them with calls that wait for ever and cannot be interrupted.
 */
#include "filter/file_source_private.h"

#include "base/libavformat.h"
#include "base/memory_private.h"

#include <fcntl.h>
#include <libavutil/avstring.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_BYTES 32768
#define POLL_MS 50 /* how late a stop or a deadline may be noticed */

static int io_read(void *context, uint8_t *buffer, int size)
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

/* A descriptor for what would block; -1 and errno 0 for what libavformat shall open. */
static int open_what_blocks(const char *url)
{
    const char *path = url;
    struct stat status;
    char *end;
    long number;

    errno = 0;
    av_strstart(url, "file:", &path);
    if (strncmp(url, "pipe:", 5) == 0) {
        number = strtol(url + 5, &end, 10);
        return *end == '\0' ? fcntl((int)number, F_DUPFD_CLOEXEC, 0) : -1;
    }
    if (stat(path, &status) != 0 ||
        !(S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode) || S_ISSOCK(status.st_mode))) {
        errno = 0;
        return -1;
    }
    return open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}

int file_source_io_open(struct limef_file_source *file, AVIOContext **io)
{
    uint8_t *buffer;
    int fd = open_what_blocks(file->settings.url);

    *io = NULL;
    if (fd < 0)
        return AVERROR(errno);
    buffer = memory_permits() ? av_malloc(BUFFER_BYTES) : NULL;
    if (buffer)
        *io = libavformat.avio_alloc_context(buffer, BUFFER_BYTES, 0, file, io_read, NULL, NULL);
    if (!*io) {
        av_free(buffer);
        close(fd);
        return AVERROR(ENOMEM);
    }
    file->fd = fd;
    file->has_fd = true;
    return 0;
}

void file_source_io_close(struct limef_file_source *file, AVIOContext **io)
{
    if (!file->has_fd)
        return;
    if (*io)
        av_freep(&(*io)->buffer);
    libavformat.avio_context_free(io);
    close(file->fd);
    file->has_fd = false;
}
