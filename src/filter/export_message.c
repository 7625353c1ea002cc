/* SPDX-License-Identifier: MIT */
/* doc/export.md: messages as they go over the socket. */
#include "filter/export_private.h"

#include <endian.h>
#include <errno.h>
#include <libavutil/error.h>
#include <string.h>
#include <sys/socket.h>

_Static_assert(sizeof(struct limef_export_hello) == 64, "doc/export.md");
_Static_assert(sizeof(struct limef_export_subscribe) == 32, "doc/export.md");
_Static_assert(sizeof(struct limef_export_frame) == 256, "doc/export.md");
_Static_assert(offsetof(struct limef_export_frame, planes) == 160, "doc/export.md");
_Static_assert(sizeof(struct limef_export_release) == 16, "doc/export.md");
_Static_assert(sizeof(struct limef_export_goodbye) == 16, "doc/export.md");

int export_send(int socket, const void *message, size_t bytes, const int *fds, unsigned n_fds)
{
    union {
        char bytes[CMSG_SPACE(LIMEF_EXPORT_MAX_FDS * sizeof(int))];
        struct cmsghdr aligned;
    } control = {.bytes = {0}};
    struct iovec part = {.iov_base = (void *)(uintptr_t)message, .iov_len = bytes};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};

    if (n_fds) {
        struct cmsghdr *rights;

        header.msg_control = control.bytes;
        header.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
        rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
        memcpy(CMSG_DATA(rights), fds, n_fds * sizeof(int));
    }
    return sendmsg(socket, &header, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)bytes ? 0
                                                                                   : AVERROR(errno);
}

static struct limef_export_header header_of(enum limef_export_message type, size_t bytes)
{
    return (struct limef_export_header){htole32(type), htole32((uint32_t)bytes)};
}

void export_message_hello(struct limef_export_hello *hello, unsigned max_depth,
                          const struct limef_export_frame *last)
{
    *hello = (struct limef_export_hello){
        .header = header_of(LIMEF_EXPORT_HELLO, sizeof(*hello)),
        .version = htole32(LIMEF_EXPORT_VERSION),
        .max_depth = htole32(max_depth),
        .fourcc = htole32(last->fourcc),
        .width = htole32(last->width),
        .height = htole32(last->height),
    };
    memcpy(hello->magic, LIMEF_EXPORT_MAGIC, sizeof(hello->magic));
    memcpy(hello->format, last->format, sizeof(hello->format) - 1);
}

void export_message_goodbye(struct limef_export_goodbye *goodbye, enum limef_export_reason reason)
{
    *goodbye = (struct limef_export_goodbye){
        .header = header_of(LIMEF_EXPORT_GOODBYE, sizeof(*goodbye)), .reason = htole32(reason)};
}

void export_message_frame(struct limef_export_frame *frame)
{
    const struct limef_export_frame from = *frame;

    frame->header = header_of(LIMEF_EXPORT_FRAME, sizeof(*frame));
    frame->sequence = htole64(from.sequence);
    frame->n_missed = htole64(from.n_missed);
    frame->pts_us = (int64_t)htole64((uint64_t)from.pts_us);
    frame->duration_us = (int64_t)htole64((uint64_t)from.duration_us);
    frame->wall_us = (int64_t)htole64((uint64_t)from.wall_us);
    frame->entered_us = (int64_t)htole64((uint64_t)from.entered_us);
    frame->buffer = htole64(from.buffer);
    frame->modifier = htole64(from.modifier);
    frame->slot = htole32(from.slot);
    frame->flags = htole32(from.flags);
    frame->kind = htole32(from.kind);
    frame->fourcc = htole32(from.fourcc);
    frame->width = htole32(from.width);
    frame->height = htole32(from.height);
    frame->sar_num = htole32(from.sar_num);
    frame->sar_den = htole32(from.sar_den);
    frame->rotation_degrees = htole16(from.rotation_degrees);
    frame->mirrored = htole16(from.mirrored);
    frame->n_fds = htole32(from.n_fds);
    frame->n_planes = htole32(from.n_planes);
    for (unsigned i = 0; i < LIMEF_EXPORT_MAX_PLANES; i++)
        frame->planes[i] = (struct limef_export_plane){
            .fd = htole32(from.planes[i].fd),
            .offset_bytes = htole32(from.planes[i].offset_bytes),
            .pitch_bytes = htole32(from.planes[i].pitch_bytes),
            .row_bytes = htole32(from.planes[i].row_bytes),
            .rows = htole32(from.planes[i].rows),
        };
}
