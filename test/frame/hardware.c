/* SPDX-License-Identifier: MIT */
#include <limef/frame/hardware.h>

#include "gpu/memfd_frame.h"
#include "support/frames.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <drm_fourcc.h>
#include <libavutil/frame.h>
#include <sys/eventfd.h>
#include <unistd.h>

static struct limef_pool *pool;

static void set_up(void)
{
    pool = limef_pool_create(LIMEF_FRAME_DECODED);
}

static void tear_down(void)
{
    limef_pool_release(pool);
}

TestSuite(hardware, .init = set_up, .fini = tear_down);

/* Describes a picture of 64x48 of which so much is cut off at the left and above. */
static struct limef_hardware_frame map_cropped(int format, unsigned left, unsigned top,
                                               uint64_t modifier)
{
    AVFrame *from = make_picture(format, 64, 48, 1);
    struct limef_payload *payload = memfd_frame_make(
        pool, from,
        (struct memfd_layout){.modifier = modifier, .crop_left = left, .crop_top = top});
    struct limef_hardware_frame hardware;

    cr_assert(eq(int, limef_hardware_frame_map(&hardware, limef_payload_picture(payload)), 0));
    limef_payload_unref(payload);
    av_frame_free(&from);
    return hardware;
}

Test(hardware, planes_of_rows_begin_at_the_first_pixel_that_is_shown)
{
    struct limef_hardware_frame whole = map_cropped(AV_PIX_FMT_NV12, 0, 0, DRM_FORMAT_MOD_LINEAR);
    struct limef_hardware_frame hardware =
        map_cropped(AV_PIX_FMT_NV12, 6, 4, DRM_FORMAT_MOD_LINEAR);

    cr_assert(eq(int, hardware.x, 0));
    cr_assert(eq(int, hardware.y, 0));
    cr_assert(eq(int, hardware.width, 58));
    cr_assert(eq(int, hardware.height, 44));
    cr_assert(eq(uint, hardware.planes[0].offset_bytes, whole.planes[0].offset_bytes + 4 * 64 + 6));
    cr_assert(eq(uint, hardware.planes[1].offset_bytes, whole.planes[1].offset_bytes + 2 * 64 + 6));

    whole = map_cropped(AV_PIX_FMT_YUV420P, 0, 0, DRM_FORMAT_MOD_LINEAR);
    hardware = map_cropped(AV_PIX_FMT_YUV420P, 6, 4, DRM_FORMAT_MOD_LINEAR);
    cr_assert(eq(uint, hardware.planes[2].offset_bytes,
                 whole.planes[2].offset_bytes + 2 * whole.planes[2].pitch_bytes + 3));
}

Test(hardware, of_tiles_the_first_pixel_is_said)
{
    struct limef_hardware_frame whole = map_cropped(AV_PIX_FMT_NV12, 0, 0, I915_FORMAT_MOD_Y_TILED);
    struct limef_hardware_frame hardware =
        map_cropped(AV_PIX_FMT_NV12, 6, 4, I915_FORMAT_MOD_Y_TILED);

    cr_assert(eq(int, hardware.x, 6));
    cr_assert(eq(int, hardware.y, 4));
    cr_assert(eq(int, hardware.width, 58));
    cr_assert(eq(uint, hardware.planes[1].offset_bytes, whole.planes[1].offset_bytes));
}

Test(hardware, half_a_sample_of_chroma_is_no_place_to_begin)
{
    struct limef_hardware_frame hardware =
        map_cropped(AV_PIX_FMT_NV12, 3, 0, DRM_FORMAT_MOD_LINEAR);

    cr_assert(eq(int, hardware.x, 3));
    cr_assert(eq(int, hardware.width, 61));
}

/* Describes a picture whose planes are layers, of which a frames context says what they are. */
static int map_layers(struct limef_hardware_frame *hardware, int format, int frames_of)
{
    AVFrame *from = make_picture(format, 64, 48, 1);
    struct limef_payload *payload =
        memfd_frame_make(pool, from, (struct memfd_layout){.layers = true, .frames_of = frames_of});
    int ret = limef_hardware_frame_map(hardware, limef_payload_picture(payload));

    limef_payload_unref(payload);
    av_frame_free(&from);
    return ret;
}

/* As all dma-bufs have before Linux 5.3. */
Test(hardware, buffers_that_cannot_be_told_apart_have_no_inode)
{
    AVFrame *from = make_picture(AV_PIX_FMT_NV12, 64, 48, 1);
    struct limef_payload *payload = memfd_frame_make(pool, from, (struct memfd_layout){0});
    int memfd = memfd_frame_take_fd(payload), other = eventfd(0, EFD_CLOEXEC);
    struct limef_hardware_frame hardware;

    memfd_frame_give_fd(payload, other);
    cr_assert(eq(int, limef_hardware_frame_map(&hardware, limef_payload_picture(payload)), 0));
    cr_assert(eq(u64, hardware.planes[0].inode, 0));
    memfd_frame_give_fd(payload, memfd);
    cr_assert(eq(int, limef_hardware_frame_map(&hardware, limef_payload_picture(payload)), 0));
    cr_assert(ne(u64, hardware.planes[0].inode, 0));
    close(other);
    limef_payload_unref(payload);
    av_frame_free(&from);
}

/* R8, R8, R8 may be 4:2:0, 4:2:2, 4:4:4. */
Test(hardware, layers_are_what_their_frames_context_says)
{
    static const struct {
        int format;
        uint32_t fourcc;
    } formats[] = {{AV_PIX_FMT_YUV422P, DRM_FORMAT_YUV422}, {AV_PIX_FMT_YUV444P, DRM_FORMAT_YUV444},
                   {AV_PIX_FMT_NV12, DRM_FORMAT_NV12},      {AV_PIX_FMT_NV16, DRM_FORMAT_NV16},
                   {AV_PIX_FMT_P010, DRM_FORMAT_P010},      {AV_PIX_FMT_P016, DRM_FORMAT_P016}};
    struct limef_hardware_frame hardware;

    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        cr_assert(eq(int, map_layers(&hardware, formats[i].format, formats[i].format), 0));
        cr_assert(eq(u32, hardware.fourcc, formats[i].fourcc));
    }
    cr_assert(eq(int, map_layers(&hardware, AV_PIX_FMT_NV12, 0), 0));
    cr_assert(eq(u32, hardware.fourcc, DRM_FORMAT_NV12));
}

Test(hardware, layers_without_a_name_are_not_described)
{
    struct limef_hardware_frame hardware;

    cr_assert(
        eq(int, map_layers(&hardware, AV_PIX_FMT_YUV440P, AV_PIX_FMT_YUV440P), AVERROR(EINVAL)));
    cr_assert(eq(int, map_layers(&hardware, AV_PIX_FMT_NV12, AV_PIX_FMT_YUV422P), AVERROR(EINVAL)));
}
