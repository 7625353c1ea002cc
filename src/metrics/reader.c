/* SPDX-License-Identifier: MIT */
/* One reader: HTTP (RFC 9112) as far as a GET needs it, one request for each connection. */
#include "metrics/metrics_private.h"

#include "base/memory_private.h"

#include <errno.h>
#include <libavutil/error.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool takes(const char **at, const char *end, const char *word)
{
    size_t n = strlen(word);

    if ((size_t)(end - *at) < n || memcmp(*at, word, n) != 0)
        return false;
    *at += n;
    return true;
}

/* Without its line end. */
static enum metrics_answer read_line(const char *at, const char *end, bool *head_only)
{
    const char *target, *target_end;
    bool is_get;

    if (end > at && end[-1] == '\r')
        end--;
    for (const char *c = at; c < end; c++)
        if ((unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f)
            return METRICS_BAD;
    is_get = takes(&at, end, "GET ");
    *head_only = !is_get && takes(&at, end, "HEAD ");
    if (!is_get && !*head_only) {
        target = memchr(at, ' ', (size_t)(end - at));
        at = target ? target + 1 : end;
    }
    target = at;
    target_end = memchr(at, ' ', (size_t)(end - at));
    if (!target_end || target_end == target)
        return METRICS_BAD;
    at = target_end + 1;
    if (!takes(&at, end, "HTTP/1.") || end - at != 1 || (*at != '0' && *at != '1'))
        return METRICS_BAD;
    if (!is_get && !*head_only)
        return METRICS_NO_METHOD;
    target_end = memchr(target, '?', (size_t)(target_end - target))
                     ? memchr(target, '?', (size_t)(target_end - target))
                     : target_end;
    if ((target_end - target == 1 && *target == '/') ||
        (target_end - target == 8 && !memcmp(target, "/metrics", 8)))
        return METRICS_OK;
    return METRICS_NOT_FOUND;
}

enum metrics_answer metrics_request_read(const char *request, size_t n_bytes, bool *head_only)
{
    const char *line_end = memchr(request, '\n', n_bytes);

    *head_only = false;
    if (!line_end || !(memmem(line_end, n_bytes - (size_t)(line_end - request), "\n\r\n", 3) ||
                       memmem(line_end, n_bytes - (size_t)(line_end - request), "\n\n", 2)))
        return n_bytes >= METRICS_REQUEST_BYTES ? METRICS_TOO_LARGE : METRICS_MORE;
    return read_line(request, line_end, head_only);
}

void metrics_reader_open(struct metrics_reader *reader, int fd, int64_t deadline_us)
{
    *reader = (struct metrics_reader){.fd = fd, .deadline_us = deadline_us};
}

void metrics_reader_close(struct metrics_reader *reader)
{
    if (reader->fd >= 0)
        close(reader->fd);
    memory_release(reader->body);
    *reader = (struct metrics_reader){.fd = -1};
}

static const char *reason_of(enum metrics_answer answer)
{
    switch (answer) {
    case METRICS_OK:
        return "OK";
    case METRICS_NOT_FOUND:
        return "Not Found";
    case METRICS_NO_METHOD:
        return "Method Not Allowed";
    case METRICS_TOO_LARGE:
        return "Request Header Fields Too Large";
    case METRICS_BUSY:
        return "Service Unavailable";
    default:
        return "Bad Request";
    }
}

void metrics_reader_answer(struct metrics_reader *reader, enum metrics_answer answer, char *body,
                           size_t n_body, bool head_only)
{
    reader->n_head = (size_t)snprintf(
        reader->head, sizeof(reader->head),
        "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%sConnection: close\r\n\r\n",
        (int)answer, reason_of(answer),
        answer == METRICS_OK ? LIMEF_OPENMETRICS_TYPE : "text/plain", n_body,
        answer == METRICS_NO_METHOD ? "Allow: GET, HEAD\r\n" : "");
    reader->body = body;
    reader->n_body = head_only ? 0 : n_body;
    reader->n_sent = 0;
}

int metrics_reader_receive(struct metrics_reader *reader, bool *head_only)
{
    ssize_t n = recv(reader->fd, reader->request + reader->n_request,
                     sizeof(reader->request) - reader->n_request, 0);

    if (n == 0)
        return AVERROR_EOF;
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? METRICS_MORE : AVERROR(errno);
    reader->n_request += (size_t)n;
    return (int)metrics_request_read(reader->request, reader->n_request, head_only);
}

/* Once a piece is refused the rest is not tried. Returns whether all of it is sent, or an error. */
static int send_piece(struct metrics_reader *reader, const char *piece, size_t n_bytes,
                      size_t begins)
{
    size_t done = reader->n_sent - begins;
    ssize_t n;

    if (reader->n_sent >= begins + n_bytes)
        return 1;
    n = send(reader->fd, piece + done, n_bytes - done, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : AVERROR(errno);
    reader->n_sent += (size_t)n;
    return reader->n_sent == begins + n_bytes;
}

int metrics_reader_send(struct metrics_reader *reader)
{
    int ret = send_piece(reader, reader->head, reader->n_head, 0);

    return ret <= 0 ? ret : send_piece(reader, reader->body, reader->n_body, reader->n_head);
}
