/* SPDX-License-Identifier: MIT */
/* Pictures that readers have, and memory that they can map. */
#include "filter/export_private.h"

#include "base/memory_private.h"
#include "frame/dmabuf.h"
#include "frame/download.h"
#include "frame/drm_format.h"
#include "frame/shown_size.h"

#include <limef/base/log.h>

#include <errno.h>
#include <fcntl.h>
#include <libavutil/frame.h>
#include <libavutil/hwcontext.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* F_SEAL_FUTURE_WRITE of Linux 5.1, which not every C library knows; older kernels refuse it */
#define SEAL_FUTURE_WRITE 0x0010

/* What a row begins at: as GPUs and vector code like it. */
#define ALIGN_BYTES 64

static void memory_close(struct export_memory *memory)
{
    if (!memory->bytes)
        return;
    av_frame_free(&memory->av);
    munmap(memory->data, memory->bytes);
    close(memory->fd);
    *memory = (struct export_memory){.fd = -1};
}

static void keep_mapped(void *opaque, uint8_t *data)
{
    (void)opaque;
    (void)data;
}

static AVBufferRef *refer_to(uint8_t *data, size_t bytes)
{
    return memory_permits() ? av_buffer_create(data, bytes, keep_mapped, NULL, 0) : NULL;
}

/* A frame that owns a reference to nothing: what transfers from hardware want. */
static AVFrame *describe(uint8_t *data, size_t bytes)
{
    AVFrame *av = memory_new_av_frame();

    if (!av)
        return NULL;
    av->buf[0] = refer_to(data, bytes);
    if (!av->buf[0])
        av_frame_free(&av);
    return av;
}

/* A reader must not be able to make it smaller, which would end us with SIGBUS at the next copy,
 * nor to write what others read. */
static int seal(int fd)
{
    int size = F_SEAL_SHRINK | F_SEAL_GROW;

    if (fcntl(fd, F_ADD_SEALS, size | SEAL_FUTURE_WRITE | F_SEAL_SEAL) == 0)
        return 0;
    return fcntl(fd, F_ADD_SEALS, size | F_SEAL_SEAL) == 0 ? 0 : AVERROR(errno);
}

static int memory_open(struct export_memory *memory, size_t bytes)
{
    int fd = memory_permits() ? memfd_create("limef-export", MFD_CLOEXEC | MFD_ALLOW_SEALING) : -1;
    int ret = 0;

    if (fd < 0)
        return AVERROR(ENOMEM);
    memory->data = MAP_FAILED;
    if (ftruncate(fd, (off_t)bytes) == 0)
        memory->data = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory->data == MAP_FAILED)
        ret = AVERROR(errno);
    else if (!(memory->av = describe(memory->data, bytes)))
        ret = AVERROR(ENOMEM);
    else
        ret = seal(fd);
    if (ret == 0) {
        memory->fd = fd;
        memory->bytes = bytes;
        return 0;
    }
    av_frame_free(&memory->av);
    if (memory->data != MAP_FAILED)
        munmap(memory->data, bytes);
    close(fd);
    *memory = (struct export_memory){.fd = -1};
    return ret;
}

/* Not so large that most of it would be wasted. */
static bool fits(const struct export_memory *memory, size_t bytes)
{
    return memory->bytes >= bytes && memory->bytes / 2 <= bytes;
}

void export_memories_trim(struct export_server *server)
{
    for (unsigned i = 0; i < server->n_pictures; i++)
        if (!server->memories[i].used)
            memory_close(&server->memories[i]);
}

/* Memory that nobody has. NULL: there is none. */
static struct export_memory *memory_get(struct export_server *server, size_t bytes)
{
    struct export_memory *vacant = NULL;

    for (unsigned i = 0; i < server->n_pictures; i++) {
        struct export_memory *memory = &server->memories[i];

        if (memory->used)
            continue;
        if (fits(memory, bytes))
            return memory;
        memory_close(memory); /* of pictures that were larger or smaller */
        vacant = vacant ? vacant : memory;
    }
    if (!vacant || memory_open(vacant, bytes) < 0)
        return NULL;
    vacant->number = ++server->last_number;
    return vacant;
}

/* Counts a failure, and says the first one. */
static int fail(struct export_server *server, int code, const char *what)
{
    LIMEF_COUNT(server->n_failed, 1);
    if (LIMEF_COUNTED(server->n_failed) == 1)
        limef_fail(code, server->name, "%s", what);
    return code;
}

/* Where planes of a format lie in memory. Returns how long that is; 0: no such pictures. */
static size_t lay_out(struct limef_export_frame *message, int format)
{
    int linesizes[4], width = (int)message->width, height = (int)message->height;
    ptrdiff_t pitches[4];
    size_t sizes[4], at = 0;

    if (av_image_fill_linesizes(linesizes, format, width) < 0)
        return 0;
    for (int i = 0; i < 4; i++)
        pitches[i] = FFALIGN(linesizes[i], ALIGN_BYTES);
    if (av_image_fill_plane_sizes(sizes, format, height, pitches) < 0)
        return 0;
    message->n_planes = 0;
    for (int i = 0; i < 4 && sizes[i]; i++) {
        bool is_palette = !linesizes[i];
        size_t pitch = is_palette ? sizes[i] : (size_t)pitches[i];

        message->planes[i] = (struct limef_export_plane){
            .offset_bytes = (uint32_t)at,
            .pitch_bytes = (uint32_t)pitch,
            .row_bytes = (uint32_t)(is_palette ? sizes[i] : (size_t)linesizes[i]),
            .rows = (uint32_t)(sizes[i] / pitch),
        };
        at += FFALIGN(sizes[i], ALIGN_BYTES);
        message->n_planes++;
    }
    return at <= UINT32_MAX ? at : 0;
}

/* The memory as the picture that a copy makes of it. */
static void shape(struct export_memory *memory, const struct limef_export_frame *message,
                  int format)
{
    AVFrame *av = memory->av;

    av->format = format;
    av->width = (int)message->width;
    av->height = (int)message->height;
    for (unsigned i = 0; i < 4; i++) {
        bool is_plane = i < message->n_planes;

        av->data[i] = is_plane ? memory->data + message->planes[i].offset_bytes : NULL;
        av->linesize[i] = is_plane ? (int)message->planes[i].pitch_bytes : 0;
    }
}

/* Copies a hardware picture. If it is not what it says, other memory comes back. Returns as
 * download(). */
static int64_t download_into(struct export_memory *memory, const AVFrame *from)
{
    int64_t bytes = download(memory->av, from);

    if (bytes >= 0 && memory->av->buf[0]->data == memory->data)
        return bytes;
    av_frame_unref(memory->av);
    memory->av->buf[0] = refer_to(memory->data, memory->bytes);
    if (!memory->av->buf[0]) { /* it is of no use any more */
        memory_close(memory);
        return AVERROR(ENOMEM);
    }
    return bytes < 0 ? bytes : AVERROR(ENOTSUP);
}

/* Where a copy lies that is in memory: of all of the picture, and it is told of what is shown. */
static void describe_memory(const struct export_memory *memory, struct limef_export_frame *message,
                            int format)
{
    lay_out(message, format);
    for (unsigned i = 0; i < message->n_planes; i++) {
        message->planes[i].offset_bytes = (uint32_t)(memory->av->data[i] - memory->data);
        message->planes[i].pitch_bytes = (uint32_t)memory->av->linesize[i];
    }
}

/* Copies a picture, once. from: the picture, borrowed. */
static int make_memory(struct export_server *server, struct export_picture *picture,
                       const AVFrame *from, const char *why)
{
    struct limef_export_frame whole = {.width = (uint32_t)from->width,
                                       .height = (uint32_t)from->height};
    size_t bytes = lay_out(&whole, picture->format);
    struct export_memory *memory = bytes ? memory_get(server, bytes) : NULL;
    int64_t moved_bytes = AVERROR(ENOSYS);

    if (!memory)
        return fail(server, bytes ? AVERROR(ENOMEM) : AVERROR(ENOSYS), "memory for a picture");
    shape(memory, &whole, picture->format);
    if (limef_hardware_is(from)) {
        moved_bytes = download_into(memory, from);
    } else if (from->format == picture->format) {
        av_image_copy(memory->av->data, memory->av->linesize, (const uint8_t **)from->data,
                      from->linesize, from->format, from->width, from->height);
        moved_bytes =
            FFMAX(av_image_get_buffer_size(picture->format, from->width, from->height, 1), 0);
    }
    if (moved_bytes < 0)
        return fail(server, (int)moved_bytes, "copy of a picture");
    describe_memory(memory, &picture->message, picture->format);
    memory->used = true;
    picture->memory = memory;
    LIMEF_COUNT(server->copied_bytes, (uint64_t)moved_bytes);
    atomic_store_explicit(&server->copied_why, why, memory_order_relaxed);
    return 0;
}

/* What a copy of it holds. */
static int format_in_memory(const struct export_picture *picture, const AVFrame *av)
{
    bool swapped;

    if (av->hw_frames_ctx)
        return ((const AVHWFramesContext *)(const void *)av->hw_frames_ctx->data)->sw_format;
    return limef_hardware_is(av) && picture->has_descriptors
               ? drm_format_pix_fmt(picture->hardware.fourcc, &swapped)
               : av->format;
}

/* What the message says of it, wherever it lies. */
static void begin_message(struct export_picture *picture, const struct limef_decoded_frame *decoded,
                          uint64_t sequence)
{
    const AVFrame *av = decoded->av;
    const char *format = av_get_pix_fmt_name(picture->format);

    picture->message = (struct limef_export_frame){
        .sequence = sequence,
        .pts_us = decoded->frame.pts_us,
        .duration_us = decoded->frame.duration_us,
        .wall_us = decoded->frame.wall_us,
        .entered_us = decoded->frame.entered_us,
        .slot = decoded->frame.slot,
        .flags = decoded->frame.flags,
        .fourcc = drm_format_of(picture->format),
        .width = (uint32_t)shown_width(av),
        .height = (uint32_t)shown_height(av),
        .sar_num = (uint32_t)av->sample_aspect_ratio.num,
        .sar_den = (uint32_t)av->sample_aspect_ratio.den,
        .rotation_degrees = (uint16_t)((decoded->rotation_degrees % 360 + 360) % 360),
        .mirrored = decoded->mirrored != 0,
        .primaries = (uint8_t)av->color_primaries,
        .transfer = (uint8_t)av->color_trc,
        .matrix = (uint8_t)av->colorspace,
        .range = (uint8_t)av->color_range,
        .chroma_location = (uint8_t)av->chroma_location,
    };
    snprintf(picture->message.format, sizeof(picture->message.format), "%s", format ? format : "");
}

struct export_picture *export_picture_take(struct export_server *server,
                                           const struct limef_decoded_frame *decoded,
                                           uint64_t sequence)
{
    struct export_picture *picture = server->pictures;

    while (picture->n_users) /* there are more than can be in use */
        picture++;
    *picture = (struct export_picture){.has_descriptors = false};
    /* a software decoder's picture may lie in a dma-buf, too: see limef_presenter_get_buffers() */
    if (decoded->frame.payload)
        picture->has_descriptors = limef_hardware_frame_map(&picture->hardware, decoded->av) == 0 ||
                                   dmabuf_frame_map_to_read(&picture->hardware, decoded->av) == 0;
    picture->format = format_in_memory(picture, decoded->av);
    begin_message(picture, decoded, sequence);
    server->last = picture->message;
    if (decoded->frame.payload) {
        picture->kept = *decoded;
        limef_payload_ref(decoded->frame.payload);
    } else if (make_memory(server, picture, decoded->av,
                           "nobody counts references to the picture") < 0) {
        return NULL;
    }
    picture->n_users = 1;
    return picture;
}

void export_picture_ref(struct export_server *server, struct export_picture *picture, bool lent)
{
    picture->n_users++;
    if (lent && picture->n_lent++ == 0)
        LIMEF_COUNT(server->n_lent, 1);
}

void export_picture_unref(struct export_server *server, struct export_picture *picture, bool lent)
{
    if (lent && --picture->n_lent == 0)
        LIMEF_COUNT(server->n_lent, (uint32_t)-1);
    if (--picture->n_users)
        return;
    if (picture->memory)
        picture->memory->used = false;
    limef_payload_unref(picture->kept.frame.payload);
    *picture = (struct export_picture){0};
}

/* The picture where the decoder wrote it. */
static void describe_hardware(const struct export_picture *picture,
                              struct limef_export_frame *message, int fds[LIMEF_EXPORT_MAX_FDS])
{
    const struct limef_hardware_frame *hardware = &picture->hardware;
    struct limef_export_frame linear = picture->message;
    size_t known = lay_out(&linear, picture->format);

    message->kind = LIMEF_EXPORT_DMABUF;
    message->buffer = hardware->planes[0].inode;
    message->fourcc = hardware->fourcc;
    message->modifier = hardware->modifier;
    message->n_planes = hardware->n_planes;
    for (unsigned i = 0; i < hardware->n_planes; i++) {
        const struct limef_hardware_plane *plane = &hardware->planes[i];
        unsigned fd = 0;

        while (fd < message->n_fds && fds[fd] != plane->fd)
            fd++;
        if (fd == message->n_fds)
            fds[message->n_fds++] = plane->fd;
        message->planes[i] = (struct limef_export_plane){
            .fd = fd,
            .offset_bytes = plane->offset_bytes,
            .pitch_bytes = plane->pitch_bytes,
            .row_bytes = known && i < linear.n_planes ? linear.planes[i].row_bytes : 0,
            .rows = known && i < linear.n_planes ? linear.planes[i].rows : 0,
        };
    }
    message->has_fence = hardware->fence_fd >= 0;
    if (message->has_fence)
        fds[message->n_fds++] = hardware->fence_fd;
}

/* Why a picture has to be copied for a reader; NULL: it has not. */
static const char *why_copy(const struct export_picture *picture, uint32_t takes)
{
    if (!picture->has_descriptors)
        return "ordinary memory has no descriptor";
    if (!picture->hardware.planes[0].inode) /* a message says which buffer it is */
        return DMABUF_WITHOUT_INODE;
    if (!(takes & LIMEF_EXPORT_DMABUF))
        return "a reader takes no dma-buf";
    /* a message says where rows begin */
    return picture->hardware.x || picture->hardware.y
               ? "the picture begins within the buffer's tiles"
               : NULL;
}

int export_picture_describe(struct export_server *server, struct export_picture *picture,
                            uint32_t takes, struct limef_export_frame *message,
                            int fds[LIMEF_EXPORT_MAX_FDS])
{
    const char *why = why_copy(picture, takes);
    int ret;

    if (!why) {
        *message = picture->message;
        describe_hardware(picture, message, fds);
        return 0;
    }
    if (!picture->memory) {
        ret = make_memory(server, picture, picture->kept.av, why);
        if (ret < 0)
            return ret;
    }
    *message = picture->message;
    message->kind = LIMEF_EXPORT_MEMORY;
    message->buffer = picture->memory->number;
    message->n_fds = 1;
    fds[0] = picture->memory->fd;
    return 0;
}
