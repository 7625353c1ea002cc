/* SPDX-License-Identifier: MIT */
/* Pictures of a decoder in hardware, handed out where they lie. */
#include "export.h"

#include <drm_fourcc.h>
#include <errno.h>
#include <libavutil/hwcontext_drm.h>
#include <limef/frame/hardware.h>
#include <linux/dma-buf.h>
#include <stdarg.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

TestSuite(export_hardware, .fini = close_export, .timeout = 60);

/* What was said of reading dma-bufs by the CPU. */
static atomic_uint n_begun, n_ended;

/* In the place of the C library's. */
int ioctl(int fd, unsigned long request, ...)
{
    const struct dma_buf_sync *sync;
    void *argument;
    va_list arguments;

    va_start(arguments, request);
    sync = argument = va_arg(arguments, void *);
    va_end(arguments);
    if (request == DMA_BUF_IOCTL_SYNC)
        atomic_fetch_add(sync->flags & DMA_BUF_SYNC_END ? &n_ended : &n_begun, 1);
    return (int)syscall(SYS_ioctl, fd, request, argument);
}

/* A DRM-PRIME picture, NV12, in a memfd; released: counts. */
static LIMEF_ATOMIC(int) n_released;

static void release_prime(void *opaque, uint8_t *data)
{
    AVDRMFrameDescriptor *drm = (AVDRMFrameDescriptor *)(void *)data;

    (void)opaque;
    close(drm->objects[0].fd);
    free(drm);
    atomic_fetch_add(&n_released, 1);
}

static ino_t give_cropped_prime(uint64_t modifier, size_t left, size_t top)
{
    struct limef_payload *payload = limef_pool_get(pictures);
    struct AVFrame *av = limef_payload_picture(payload);
    AVDRMFrameDescriptor *drm = calloc(1, sizeof(*drm));
    struct limef_decoded_frame decoded;
    struct stat file;

    *drm = (AVDRMFrameDescriptor){
        .nb_objects = 1,
        .objects = {{.fd = memfd_create("picture", 0),
                     .size = 64 * 64 * 2,
                     .format_modifier = modifier}},
        .nb_layers = 1,
        .layers = {{.format = DRM_FORMAT_NV12,
                    .nb_planes = 2,
                    .planes = {{.pitch = 64}, {.offset = 64 * 48, .pitch = 64}}}}};
    cr_assert(eq(int, ftruncate(drm->objects[0].fd, 64 * 64 * 2), 0));
    cr_assert(eq(int, (int)pwrite(drm->objects[0].fd, "abc", 3, 64 * 47), 3));
    fstat(drm->objects[0].fd, &file);
    av->format = AV_PIX_FMT_DRM_PRIME;
    av->width = 64;
    av->height = 48;
    av->crop_left = left;
    av->crop_top = top;
    av->data[0] = (uint8_t *)drm;
    av->buf[0] = av_buffer_create((uint8_t *)drm, sizeof(*drm), release_prime, NULL, 0);
    limef_decoded_frame_set(&decoded, payload);
    limef_go(&exporter.filter, &decoded.frame);
    limef_payload_unref(payload);
    return file.st_ino;
}

static ino_t give_prime(uint64_t modifier)
{
    return give_cropped_prime(modifier, 0, 0);
}

Test(export_hardware, a_hardware_picture_is_handed_out_where_it_lies_until_it_is_given_back)
{
    struct connection reader;
    struct picture picture;
    struct stat file;
    ino_t inode;

    open_export((struct limef_export_settings){0});
    reader = join_as(
        (struct limef_export_subscribe){.mode = LIMEF_EXPORT_QUEUED, .takes = LIMEF_EXPORT_DMABUF});
    inode = give_prime(DRM_FORMAT_MOD_LINEAR);
    picture = must_read(&reader);
    cr_assert(eq(uint, picture.frame.kind, LIMEF_EXPORT_DMABUF));
    cr_assert(eq(uint, picture.frame.fourcc, DRM_FORMAT_NV12));
    cr_assert(eq(uint, picture.frame.n_fds, 1));
    cr_assert(eq(uint, picture.frame.n_planes, 2));
    cr_assert(eq(uint, picture.frame.planes[1].offset_bytes, 64 * 48));
    cr_assert(eq(int, fstat(picture.fds[0], &file), 0));
    cr_assert(eq(u64, file.st_ino, inode));
    cr_assert(eq(u64, picture.frame.buffer, inode));
    cr_assert(eq(u64, counters().copied_bytes, 0));
    ASSERT_COMES(counters().n_direct == 1);
    cr_assert(eq(int, atomic_load(&n_released), 0));
    connection_release(&reader, &picture);
    ASSERT_COMES(atomic_load(&n_released) == 1);
    connection_close(&reader);
}

Test(export_hardware, who_reads_a_dma_buf_tells_the_kernel_when)
{
    const uint8_t *planes[LIMEF_EXPORT_MAX_PLANES];
    struct connection reader;
    struct picture picture;

    open_export((struct limef_export_settings){0});
    reader = join_as(
        (struct limef_export_subscribe){.mode = LIMEF_EXPORT_QUEUED, .takes = LIMEF_EXPORT_DMABUF});
    give_prime(DRM_FORMAT_MOD_LINEAR);
    picture = must_read(&reader);
    for (int i = 0; i < 2; i++)
        cr_assert(eq(int, connection_map(&reader, &picture, planes), 0));
    cr_assert(eq(uint, atomic_load(&n_begun), 1));
    cr_assert(eq(uint, atomic_load(&n_ended), 0));
    connection_release(&reader, &picture);
    cr_assert(eq(uint, atomic_load(&n_ended), 1));
    connection_close(&reader);
}

Test(export_hardware, planes_may_have_descriptors_of_their_own)
{
    const uint8_t *planes[LIMEF_EXPORT_MAX_PLANES];
    struct connection reader = {.socket = -1};
    struct picture picture = {
        .frame = {.kind = LIMEF_EXPORT_DMABUF,
                  .n_fds = 2,
                  .n_planes = 2,
                  .planes = {{.pitch_bytes = 64, .row_bytes = 64, .rows = 4},
                             {.fd = 1, .pitch_bytes = 64, .row_bytes = 64, .rows = 2}}},
        .fds = {memfd_create("luma", MFD_CLOEXEC), memfd_create("chroma", MFD_CLOEXEC)},
    };

    cr_assert(eq(int, (int)pwrite(picture.fds[0], "a", 1, 64 * 4 - 1), 1));
    cr_assert(eq(int, (int)pwrite(picture.fds[1], "b", 1, 64 * 2 - 1), 1));
    cr_assert(eq(int, connection_map(&reader, &picture, planes), 0));
    cr_assert(eq(chr, (char)planes[0][64 * 4 - 1], 'a'));
    cr_assert(eq(chr, (char)planes[1][64 * 2 - 1], 'b'));
    cr_assert(eq(uint, atomic_load(&n_begun), 2));
    /* one that is not there */
    picture.frame.planes[1].fd = 2;
    cr_assert(eq(int, connection_map(&reader, &picture, planes), -1));
    cr_assert(eq(int, errno, EPROTO));
    connection_release(&reader, &picture);
    connection_close(&reader);
}

Test(export_hardware, who_reads_a_picture_with_a_fence_waits_for_it)
{
    const uint8_t *planes[LIMEF_EXPORT_MAX_PLANES];
    struct connection reader = {.socket = -1};
    struct picture picture = {
        .frame = {.kind = LIMEF_EXPORT_DMABUF, .n_fds = 2, .has_fence = 1},
        .fds = {memfd_create("picture", MFD_CLOEXEC), eventfd(0, EFD_CLOEXEC)},
    };

    cr_assert(eq(int, ftruncate(picture.fds[0], 4096), 0));
    cr_assert(eq(int, connection_map(&reader, &picture, planes), -1));
    cr_assert(eq(int, errno, ETIMEDOUT));
    cr_assert(eq(int, eventfd_write(picture.fds[1], 1), 0));
    cr_assert(eq(int, connection_map(&reader, &picture, planes), 0));
    connection_release(&reader, &picture);
    connection_close(&reader);
}

Test(export_hardware, a_hardware_picture_is_copied_for_who_takes_memory_alone)
{
    const uint8_t *planes[LIMEF_EXPORT_MAX_PLANES];
    struct connection reader;
    struct picture picture;

    open_export((struct limef_export_settings){0});
    reader = join(LIMEF_EXPORT_QUEUED, 1);
    give_prime(DRM_FORMAT_MOD_LINEAR);
    picture = must_read(&reader);
    cr_assert(eq(uint, picture.frame.kind, LIMEF_EXPORT_MEMORY));
    cr_assert(eq(str, picture.frame.format, "nv12"));
    cr_assert(eq(int, connection_map(&reader, &picture, planes), 0));
    cr_assert(
        eq(int, memcmp(planes[0] + (size_t)47 * picture.frame.planes[0].pitch_bytes, "abc", 3), 0));
    cr_assert(eq(u64, counters().copied_bytes, 64 * 48 * 3 / 2));
    cr_assert(eq(str, (char *)counters().copied_why, "a reader takes no dma-buf"));
    connection_close(&reader);
}

Test(export_hardware, of_a_hardware_picture_is_handed_out_what_is_to_be_shown)
{
    static const uint32_t kinds[] = {LIMEF_EXPORT_DMABUF, LIMEF_EXPORT_MEMORY};

    open_export((struct limef_export_settings){0});
    for (size_t i = 0; i < 2; i++) {
        const uint8_t *planes[LIMEF_EXPORT_MAX_PLANES];
        struct connection reader = join_as(
            (struct limef_export_subscribe){.mode = LIMEF_EXPORT_QUEUED, .takes = kinds[i]});
        struct picture picture;

        give_cropped_prime(DRM_FORMAT_MOD_LINEAR, 2, 6);
        picture = must_read(&reader);
        cr_assert(eq(uint, picture.frame.kind, kinds[i]));
        cr_assert(eq(uint, picture.frame.width, 62));
        cr_assert(eq(uint, picture.frame.height, 42));
        cr_assert(eq(uint, picture.frame.planes[0].row_bytes, 62));
        cr_assert(eq(uint, picture.frame.planes[1].rows, 21));
        cr_assert(eq(uint, picture.frame.planes[1].offset_bytes, 64 * 48 + 3 * 64 + 2));
        cr_assert(eq(int, connection_map(&reader, &picture, planes), 0));
        /* of "abc" at the left, two are cut off */
        cr_assert(
            eq(chr, (char)planes[0][(size_t)(47 - 6) * picture.frame.planes[0].pitch_bytes], 'c'));
        connection_close(&reader);
        ASSERT_COMES(counters().n_readers == 0);
    }
}

Test(export_hardware, a_picture_that_begins_within_tiles_has_no_rows_to_hand_out)
{
    struct connection reader;

    open_export((struct limef_export_settings){0});
    reader = join_as(
        (struct limef_export_subscribe){.mode = LIMEF_EXPORT_QUEUED, .takes = LIMEF_EXPORT_DMABUF});
    give_cropped_prime(I915_FORMAT_MOD_Y_TILED, 2, 6);
    ASSERT_COMES(counters().n_failed == 1); /* without its driver it cannot be copied either */
    give_prime(I915_FORMAT_MOD_Y_TILED);
    cr_assert(eq(uint, must_read(&reader).frame.kind, LIMEF_EXPORT_DMABUF));
    connection_close(&reader);
}

Test(export_hardware, a_hardware_picture_that_cannot_be_copied_is_missed_and_said_once)
{
    struct connection reader;

    open_export((struct limef_export_settings){0});
    reader = join(LIMEF_EXPORT_QUEUED, 1);
    give_prime(I915_FORMAT_MOD_Y_TILED);
    give_prime(I915_FORMAT_MOD_Y_TILED);
    ASSERT_COMES(counters().n_failed == 2);
    ASSERT_COMES(counters().n_missed == 2);
    cr_assert(eq(uint, n_errors_logged, 1));
    ASSERT_COMES(atomic_load(&n_released) == 2);
    give(3);
    cr_assert(eq(u64, must_read(&reader).frame.n_missed, 2));
    connection_close(&reader);
}
