/* SPDX-License-Identifier: MIT */
/* Pictures in buffers of the kernel, copied by the CPU. */
#include "frame/download.h"

#include "gpu/memfd_frame.h"
#include "support/frames.h"

#include <limef/base/memory.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <drm_fourcc.h>
#include <libavutil/frame.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <string.h>

static struct limef_pool *pool;

static void set_up(void)
{
    pool = limef_pool_create(LIMEF_FRAME_DECODED);
}

static void tear_down(void)
{
    limef_pool_release(pool);
}

TestSuite(download, .init = set_up, .fini = tear_down);

static bool is_same(const AVFrame *a, const AVFrame *b)
{
    for (int i = 0; i < av_pix_fmt_count_planes(a->format); i++) {
        int height = i == 1 || i == 2
                         ? AV_CEIL_RSHIFT(a->height, av_pix_fmt_desc_get(a->format)->log2_chroma_h)
                         : a->height;
        size_t row_bytes = (size_t)av_image_get_linesize(a->format, a->width, i);

        for (int y = 0; y < height; y++)
            if (memcmp(a->data[i] + y * a->linesize[i], b->data[i] + y * b->linesize[i], row_bytes))
                return false;
    }
    return true;
}

Test(download, rows_are_copied_from_wherever_they_lie)
{
    const int formats[] = {AV_PIX_FMT_NV12, AV_PIX_FMT_YUV420P, AV_PIX_FMT_P010LE, AV_PIX_FMT_BGRA};
    AVFrame *to = av_frame_alloc();

    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        AVFrame *from = make_picture(formats[i], 95, 37, (unsigned)i);
        struct limef_payload *payload;

        from->color_range = AVCOL_RANGE_JPEG;
        payload = memfd_frame_make(
            pool, from, (struct memfd_layout){.offset_bytes = 80, .row_extra_bytes = 16});
        cr_assert(eq(int, (int)download(to, limef_payload_picture(payload)),
                     av_image_get_buffer_size(formats[i], 95, 37, 1)));
        cr_assert(eq(int, to->format, formats[i]));
        cr_assert(eq(int, to->color_range, AVCOL_RANGE_JPEG));
        cr_assert(is_same(from, to));
        limef_payload_unref(payload);
        av_frame_free(&from);
    }
    av_frame_free(&to);
}

Test(download, what_is_cut_off_at_the_left_and_above_is_left_out)
{
    AVFrame *from = make_picture(AV_PIX_FMT_NV12, 64, 48, 1), *to = av_frame_alloc();
    struct limef_payload *payload =
        memfd_frame_make(pool, from, (struct memfd_layout){.crop_left = 6, .crop_top = 4});

    from->crop_left = 6;
    from->crop_top = 4;
    cr_assert(eq(int, av_frame_apply_cropping(from, AV_FRAME_CROP_UNALIGNED), 0));
    for (int i = 0; i < 2; i++) {
        cr_assert(eq(int, (int)download(to, limef_payload_picture(payload)), 64 * 48 * 3 / 2));
        cr_assert(eq(int, to->width, 58));
        cr_assert(eq(int, to->height, 44));
        cr_assert(is_same(from, to));
    }
    limef_payload_unref(payload);
    av_frame_free(&from);
    av_frame_free(&to);
}

Test(download, cropped_pictures_are_copied_into_the_same_memory_again_and_again)
{
    const int formats[] = {AV_PIX_FMT_NV12, AV_PIX_FMT_YUV420P, AV_PIX_FMT_P010LE, AV_PIX_FMT_BGRA};
    const struct memfd_layout layouts[] = {{.crop_left = 6, .crop_top = 4},
                                           {.crop_left = 3, .crop_top = 5},
                                           {.crop_left = 32},
                                           {.crop_top = 2}};

    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]) * 4; i++) {
        AVFrame *to = av_frame_alloc();
        uint64_t n_allocations = 0;
        const uint8_t *at = NULL;

        for (unsigned n = 0; n < 50; n++) {
            AVFrame *from = make_picture(formats[i / 4], 94, 38, n);
            struct limef_payload *payload = memfd_frame_make(pool, from, layouts[i % 4]);

            from->crop_left = layouts[i % 4].crop_left;
            from->crop_top = layouts[i % 4].crop_top;
            av_frame_apply_cropping(from, AV_FRAME_CROP_UNALIGNED);
            n_allocations = limef_memory_n_allocations();
            cr_assert(gt(int, (int)download(to, limef_payload_picture(payload)), 0));
            cr_assert(eq(u64, limef_memory_n_allocations() - n_allocations, n == 0));
            cr_assert(n == 0 || to->data[0] == at);
            cr_assert(is_same(from, to));
            at = to->data[0];
            limef_payload_unref(payload);
            av_frame_free(&from);
        }
        av_frame_free(&to);
    }
}

Test(download, pictures_of_all_sizes_and_crops_stay_within_their_memory)
{
    AVFrame *to = av_frame_alloc();
    uint32_t random = 1;

    for (unsigned n = 0; n < 2000; n++) {
        struct memfd_layout layout;
        AVFrame *from;
        struct limef_payload *payload;

        random = random * 1664525 + 1013904223;
        layout = (struct memfd_layout){.crop_left = random >> 28, .crop_top = random >> 24 & 15};
        from = make_picture(AV_PIX_FMT_NV12, 20 + (int)(random >> 20 & 15),
                            20 + (int)(random >> 16 & 15), n);
        payload = memfd_frame_make(pool, from, layout);
        from->crop_left = layout.crop_left;
        from->crop_top = layout.crop_top;
        av_frame_apply_cropping(from, AV_FRAME_CROP_UNALIGNED);
        cr_assert(gt(int, (int)download(to, limef_payload_picture(payload)), 0));
        cr_assert(is_same(from, to), "picture %u", n);
        limef_payload_unref(payload);
        av_frame_free(&from);
    }
    av_frame_free(&to);
}

Test(download, tiles_are_the_drivers_alone)
{
    AVFrame *from = make_picture(AV_PIX_FMT_NV12, 64, 64, 1), *to = av_frame_alloc();
    struct limef_payload *payload =
        memfd_frame_make(pool, from, (struct memfd_layout){.modifier = I915_FORMAT_MOD_Y_TILED});

    cr_assert(eq(int, (int)download(to, limef_payload_picture(payload)), AVERROR(ENOTSUP)));
    limef_payload_unref(payload);
    av_frame_free(&from);
    av_frame_free(&to);
}

Test(download, a_picture_beyond_its_memory_is_not_read)
{
    AVFrame *from = make_picture(AV_PIX_FMT_NV12, 64, 64, 1), *to = av_frame_alloc();
    struct limef_payload *payload = memfd_frame_make(pool, from, (struct memfd_layout){0});

    limef_payload_picture(payload)->height = 4096; /* what a broken driver says */
    cr_assert(eq(int, (int)download(to, limef_payload_picture(payload)), AVERROR(ENOTSUP)));
    limef_payload_unref(payload);
    av_frame_free(&from);
    av_frame_free(&to);
}
