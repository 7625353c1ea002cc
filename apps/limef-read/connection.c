/* SPDX-License-Identifier: MIT */
#include "connection.h"

#include <endian.h>
#include <errno.h>
#include <linux/dma-buf.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* How long a picture with a fence may take to be written. */
#define FENCE_MS 200

static int fail(int code)
{
    errno = code;
    return -1;
}

static int send_whole(int socket, const void *message, size_t bytes)
{
    return send(socket, message, bytes, MSG_NOSIGNAL) == (ssize_t)bytes ? 0 : -1;
}

static struct limef_export_header header_of(enum limef_export_message type, size_t bytes)
{
    return (struct limef_export_header){htole32(type), htole32((uint32_t)bytes)};
}

int connection_open(struct connection *connection, const char *path,
                    const struct limef_export_subscribe *wanted)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct limef_export_subscribe subscribe = {
        .header = header_of(LIMEF_EXPORT_SUBSCRIBE, sizeof(subscribe)),
        .version = htole32(LIMEF_EXPORT_VERSION),
        .mode = htole32(wanted->mode),
        .depth = htole32(wanted->depth),
        .takes = htole32(wanted->takes),
    };
    struct limef_export_hello hello;

    *connection = (struct connection){.socket = -1};
    if (strlen(path) >= sizeof(address.sun_path))
        return fail(ENAMETOOLONG);
    memcpy(address.sun_path, path, strlen(path) + 1);
    memcpy(subscribe.magic, LIMEF_EXPORT_MAGIC, sizeof(subscribe.magic));
    connection->socket = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (connection->socket < 0 ||
        connect(connection->socket, (const struct sockaddr *)&address, sizeof(address)) < 0)
        return -1;
    if (recv(connection->socket, &hello, sizeof(hello), 0) != sizeof(hello) ||
        memcmp(hello.magic, LIMEF_EXPORT_MAGIC, sizeof(hello.magic)) != 0 ||
        le32toh(hello.version) != LIMEF_EXPORT_VERSION)
        return fail(EPROTO);
    return send_whole(connection->socket, &subscribe, sizeof(subscribe));
}

static void unmap(struct mapping *mapping)
{
    if (mapping->data)
        munmap(mapping->data, mapping->bytes);
    *mapping = (struct mapping){0};
}

void connection_close(struct connection *connection)
{
    for (int i = 0; i < N_MAPPINGS; i++)
        unmap(&connection->mappings[i]);
    if (connection->socket >= 0)
        close(connection->socket);
    connection->socket = -1;
}

int connection_ask(const struct connection *connection)
{
    struct limef_export_header next = header_of(LIMEF_EXPORT_NEXT, sizeof(next));

    return send_whole(connection->socket, &next, sizeof(next));
}

/* From little-endian to this machine's order. */
static void convert(struct limef_export_frame *frame)
{
    uint64_t *const longs[] = {&frame->sequence,
                               &frame->n_missed,
                               (uint64_t *)&frame->pts_us,
                               (uint64_t *)&frame->duration_us,
                               (uint64_t *)&frame->wall_us,
                               (uint64_t *)&frame->entered_us,
                               &frame->buffer,
                               &frame->modifier};
    uint32_t *const words[] = {&frame->header.type, &frame->header.bytes, &frame->slot,
                               &frame->flags,       &frame->kind,         &frame->fourcc,
                               &frame->width,       &frame->height,       &frame->sar_num,
                               &frame->sar_den,     &frame->n_fds,        &frame->n_planes};

    for (size_t i = 0; i < sizeof(longs) / sizeof(longs[0]); i++)
        *longs[i] = le64toh(*longs[i]);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        *words[i] = le32toh(*words[i]);
    frame->rotation_degrees = le16toh(frame->rotation_degrees);
    frame->mirrored = le16toh(frame->mirrored);
    for (int i = 0; i < LIMEF_EXPORT_MAX_PLANES; i++) {
        struct limef_export_plane *plane = &frame->planes[i];

        plane->fd = le32toh(plane->fd);
        plane->offset_bytes = le32toh(plane->offset_bytes);
        plane->pitch_bytes = le32toh(plane->pitch_bytes);
        plane->row_bytes = le32toh(plane->row_bytes);
        plane->rows = le32toh(plane->rows);
    }
}

/* The descriptors that came along; returns how many. */
static unsigned take_fds(struct msghdr *header, int fds[LIMEF_EXPORT_MAX_FDS])
{
    struct cmsghdr *rights = CMSG_FIRSTHDR(header);
    size_t n;

    if (!rights || rights->cmsg_level != SOL_SOCKET || rights->cmsg_type != SCM_RIGHTS)
        return 0;
    n = (rights->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    memcpy(fds, CMSG_DATA(rights), n * sizeof(int));
    return (unsigned)n;
}

static void close_fds(const int *fds, unsigned n_fds)
{
    for (unsigned i = 0; i < n_fds; i++)
        close(fds[i]);
}

int connection_read(struct connection *connection, struct picture *picture, uint32_t *reason)
{
    union {
        char bytes[CMSG_SPACE(LIMEF_EXPORT_MAX_FDS * sizeof(int))];
        struct cmsghdr aligned;
    } control;
    struct limef_export_frame *frame = &picture->frame;
    struct limef_export_goodbye goodbye;
    struct iovec part = {.iov_base = frame, .iov_len = sizeof(*frame)};
    struct msghdr header = {.msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = control.bytes,
                            .msg_controllen = sizeof(control.bytes)};
    ssize_t bytes = recvmsg(connection->socket, &header, MSG_CMSG_CLOEXEC);
    unsigned n_fds;

    if (bytes < 0 && errno == ECONNRESET) /* what it said before is still there */
        bytes = recvmsg(connection->socket, &header, MSG_CMSG_CLOEXEC);
    if (bytes < 0)
        return -1;
    picture->is_read = false;
    n_fds = take_fds(&header, picture->fds);
    memcpy(&goodbye, frame, sizeof(goodbye));
    if (bytes == sizeof(goodbye) && le32toh(goodbye.header.type) == LIMEF_EXPORT_GOODBYE) {
        *reason = le32toh(goodbye.reason);
        return 0;
    }
    convert(frame);
    if (bytes == sizeof(*frame) && frame->header.type == LIMEF_EXPORT_FRAME &&
        frame->n_fds == n_fds && frame->n_planes <= LIMEF_EXPORT_MAX_PLANES)
        return 1;
    close_fds(picture->fds, n_fds);
    return fail(bytes == 0 ? ECONNRESET : EPROTO);
}

static struct mapping *find(struct connection *connection, const struct limef_export_frame *frame,
                            uint32_t fd)
{
    struct mapping *oldest = connection->mappings;

    for (int i = 0; i < N_MAPPINGS; i++) {
        struct mapping *mapping = &connection->mappings[i];

        if (mapping->data && mapping->buffer == frame->buffer && mapping->kind == frame->kind &&
            mapping->fd == fd)
            return mapping;
        if (mapping->used < oldest->used)
            oldest = mapping;
    }
    unmap(oldest);
    return oldest;
}

static int map(struct mapping *mapping, const struct picture *picture, uint32_t fd)
{
    off_t end = lseek(picture->fds[fd], 0, SEEK_END); /* of a dma-buf, too */
    void *data;

    if (end <= 0)
        return -1;
    data = mmap(NULL, (size_t)end, PROT_READ, MAP_SHARED, picture->fds[fd], 0);
    if (data == MAP_FAILED)
        return -1;
    *mapping = (struct mapping){.buffer = picture->frame.buffer,
                                .kind = picture->frame.kind,
                                .fd = fd,
                                .data = data,
                                .bytes = (size_t)end};
    return 0;
}

/* The GPU, or whoever writes it, has done so. */
static int wait_written(const struct picture *picture)
{
    struct pollfd fence = {.fd = picture->fds[picture->frame.n_fds - 1], .events = POLLIN};
    int n;

    if (!picture->frame.has_fence)
        return 0;
    do
        n = poll(&fence, 1, FENCE_MS);
    while (n < 0 && errno == EINTR);
    return n == 1 && fence.revents & POLLIN ? 0 : fail(ETIMEDOUT);
}

/* Descriptors that are memory. */
static unsigned n_buffers(const struct picture *picture)
{
    return picture->frame.n_fds - (picture->frame.has_fence ? 1 : 0);
}

/* Caches of CPUs that do not see what devices write are emptied; a memfd needs no such words. */
static void sync_cpu(const struct picture *picture, uint64_t flags)
{
    struct dma_buf_sync sync = {.flags = flags | DMA_BUF_SYNC_READ};

    for (unsigned i = 0; i < n_buffers(picture); i++)
        while (ioctl(picture->fds[i], DMA_BUF_IOCTL_SYNC, &sync) < 0 &&
               (errno == EINTR || errno == EAGAIN))
            continue;
}

/* Where a plane begins; NULL with errno. */
static const uint8_t *map_plane(struct connection *connection, const struct picture *picture,
                                const struct limef_export_plane *plane)
{
    uint64_t bytes =
        plane->rows ? (uint64_t)plane->pitch_bytes * (plane->rows - 1) + plane->row_bytes : 0;
    struct mapping *mapping = NULL;

    if (plane->fd < n_buffers(picture)) {
        mapping = find(connection, &picture->frame, plane->fd);
        if (!mapping->data && map(mapping, picture, plane->fd) < 0)
            return NULL;
    }
    if (!mapping || plane->offset_bytes + bytes > mapping->bytes) {
        errno = EPROTO;
        return NULL;
    }
    mapping->used = ++connection->n_used;
    return (const uint8_t *)mapping->data + plane->offset_bytes;
}

int connection_map(struct connection *connection, struct picture *picture,
                   const uint8_t *planes[LIMEF_EXPORT_MAX_PLANES])
{
    const struct limef_export_frame *frame = &picture->frame;

    if (frame->modifier != 0 || frame->n_fds == 0)
        return fail(ENOTSUP);
    for (unsigned i = 0; i < frame->n_planes; i++) {
        planes[i] = map_plane(connection, picture, &frame->planes[i]);
        if (!planes[i])
            return -1;
    }
    if (wait_written(picture) < 0)
        return -1;
    if (frame->kind == LIMEF_EXPORT_DMABUF && !picture->is_read) {
        sync_cpu(picture, DMA_BUF_SYNC_START);
        picture->is_read = true;
    }
    return 0;
}

int connection_release(const struct connection *connection, struct picture *picture)
{
    struct limef_export_release release = {
        .header = header_of(LIMEF_EXPORT_RELEASE, sizeof(release)),
        .sequence = htole64(picture->frame.sequence),
    };

    if (picture->is_read)
        sync_cpu(picture, DMA_BUF_SYNC_END);
    picture->is_read = false;
    close_fds(picture->fds, picture->frame.n_fds);
    picture->frame.n_fds = 0;
    return send_whole(connection->socket, &release, sizeof(release));
}
