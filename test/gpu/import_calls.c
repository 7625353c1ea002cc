/* SPDX-License-Identifier: MIT */
/* What is asked of a driver, by a driver that the test plays. */
#include "gpu/import.h"
#include "gpu/import_choice.h"
#include "played_driver.h"

#include <limef/frame/hardware.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <drm_fourcc.h>
#include <fcntl.h>
#include <libavutil/error.h>
#include <libavutil/pixfmt.h>
#include <string.h>
#include <unistd.h>

static struct images images;

static const char *choose(struct import_choice *choice, const struct gl *gl,
                          struct limef_hardware_frame hardware)
{
    return import_choose(choice, gl, &hardware, AV_PIX_FMT_NONE, false);
}

static EGLint attribute(EGLint name)
{
    for (unsigned i = 0; driver.attributes[i] != EGL_NONE; i += 2)
        if (driver.attributes[i] == name)
            return driver.attributes[i + 1];
    return -1;
}

#define TILED I915_FORMAT_MOD_Y_TILED

Test(import_choice, buffers_that_cannot_be_told_apart_are_not_imported)
{
    struct limef_hardware_frame hardware = driver_frame(DRM_FORMAT_NV12, 2, DRM_FORMAT_MOD_LINEAR);
    struct gl gl = driver_gl();
    struct import_choice choice;
    const char *why;

    driver_list(DRM_FORMAT_R8, DRM_FORMAT_MOD_LINEAR, false);
    driver_list(DRM_FORMAT_GR88, DRM_FORMAT_MOD_LINEAR, false);
    cr_assert(eq(ptr, (void *)choose(&choice, &gl, hardware), NULL));
    hardware.planes[0].inode = 0;
    why = choose(&choice, &gl, hardware);
    cr_assert(ne(ptr, (void *)why, NULL));
    cr_assert(ne(ptr, strstr(why, "Linux 5.3"), NULL));
}

Test(import_choice, planes_are_taken_one_by_one_where_the_driver_lists_them)
{
    struct gl gl = driver_gl();
    struct import_choice choice;

    driver_list(DRM_FORMAT_R8, TILED, false);
    driver_list(DRM_FORMAT_GR88, TILED, false);
    driver_list(DRM_FORMAT_NV12, TILED, true);
    cr_assert(eq(ptr, (void *)choose(&choice, &gl, driver_frame(DRM_FORMAT_NV12, 2, TILED)), NULL));
    cr_assert(eq(int, choice.form, IMPORT_PLANES));
    cr_assert(choice.with_modifier);
    cr_assert(eq(uint, choice.n_parts, 2));
    cr_assert(eq(u32, choice.parts[1].fourcc, DRM_FORMAT_GR88));
    cr_assert(eq(int, choice.parts[1].width, 320));
}

Test(import_choice, what_is_listed_for_external_images_alone_becomes_one)
{
    struct gl gl = driver_gl();
    struct import_choice choice;

    driver_list(DRM_FORMAT_R8, DRM_FORMAT_MOD_LINEAR, false);
    driver_list(DRM_FORMAT_GR88, TILED, false);
    driver_list(DRM_FORMAT_NV12, TILED, true);
    cr_assert(eq(ptr, (void *)choose(&choice, &gl, driver_frame(DRM_FORMAT_NV12, 2, TILED)), NULL));
    cr_assert(eq(int, choice.form, IMPORT_EXTERNAL));
    cr_assert(eq(int, choice.format.kind, PICTURE_EXTERNAL));
    cr_assert(eq(uint, choice.parts[0].n_planes, 2));
    gl.external_images = false;
    cr_assert(eq(str, (char *)choose(&choice, &gl, driver_frame(DRM_FORMAT_NV12, 2, TILED)),
                 "GL_OES_EGL_image_external is missing"));
}

Test(import_choice, more_planes_than_the_format_has_are_never_taken_one_by_one)
{
    struct gl gl = driver_gl();
    struct import_choice choice;

    driver_list(DRM_FORMAT_R8, TILED, false);
    driver_list(DRM_FORMAT_GR88, TILED, false);
    driver_list(DRM_FORMAT_NV12, TILED, true);
    choose(&choice, &gl,
           driver_frame(DRM_FORMAT_NV12, 4, TILED)); /* compression has planes of its own */
    cr_assert(eq(int, choice.form, IMPORT_EXTERNAL));
}

Test(import_choice, rgb_is_one_ordinary_texture)
{
    struct gl gl = driver_gl();
    struct import_choice choice;

    driver_list(DRM_FORMAT_XRGB8888, TILED, false);
    cr_assert(
        eq(ptr, (void *)choose(&choice, &gl, driver_frame(DRM_FORMAT_XRGB8888, 1, TILED)), NULL));
    cr_assert(eq(int, choice.form, IMPORT_WHOLE));
    cr_assert(eq(int, choice.format.kind, PICTURE_RGB));
}

Test(import_choice, the_reason_names_format_modifier_or_extension)
{
    struct gl gl = driver_gl();
    struct import_choice choice;

    driver_list(DRM_FORMAT_NV12, DRM_FORMAT_MOD_LINEAR, true);
    cr_assert(eq(str, (char *)choose(&choice, &gl, driver_frame(DRM_FORMAT_P010, 2, 0)),
                 "the driver imports no P010"));
    cr_assert(eq(str, (char *)choose(&choice, &gl, driver_frame(DRM_FORMAT_NV12, 2, TILED)),
                 "the driver imports no NV12 with modifier 0x100000000000002"));
    gl.import_modifiers = false;
    cr_assert(eq(str, (char *)choose(&choice, &gl, driver_frame(DRM_FORMAT_NV12, 2, TILED)),
                 "modifier 0x100000000000002: EGL_EXT_image_dma_buf_import_modifiers is missing"));
    cr_assert(eq(ptr, (void *)choose(&choice, &gl, driver_frame(DRM_FORMAT_NV12, 2, 0)), NULL));
    gl.cannot_import = "EGL_EXT_image_dma_buf_import is missing";
    cr_assert(eq(ptr, (void *)choose(&choice, &gl, driver_frame(DRM_FORMAT_NV12, 2, 0)),
                 (void *)gl.cannot_import));
}

Test(import_choice, a_driver_that_lists_no_modifier_is_told_none)
{
    struct gl gl = driver_gl();
    struct import_choice choice;

    driver_list(DRM_FORMAT_R8, DRM_FORMAT_MOD_INVALID, false);
    cr_assert(eq(
        ptr, (void *)choose(&choice, &gl, driver_frame(DRM_FORMAT_R8, 1, DRM_FORMAT_MOD_INVALID)),
        NULL));
    driver.n_listed = 0;
    cr_assert(ne(ptr, (void *)choose(&choice, &gl, driver_frame(DRM_FORMAT_R8, 1, 0)), NULL));
}

Test(import_calls, yvu_has_its_planes_the_other_way_round)
{
    struct gl gl = driver_gl();
    struct import_choice choice;

    driver_list(DRM_FORMAT_R8, DRM_FORMAT_MOD_LINEAR, false);
    cr_assert(eq(ptr, (void *)choose(&choice, &gl, driver_frame(DRM_FORMAT_YVU420, 3, 0)), NULL));
    cr_assert(eq(uint, choice.parts[1].first_plane, 2));
    cr_assert(eq(uint, choice.parts[2].first_plane, 1));
}

Test(import_calls, an_external_image_is_told_its_colour)
{
    struct limef_hardware_frame hardware = driver_frame(DRM_FORMAT_NV12, 2, TILED);
    struct gl gl = driver_gl();
    struct import import = {0};
    unsigned n_made;
    const char *why;

    driver_list(DRM_FORMAT_NV12, TILED, true);
    hardware.color_space = AVCOL_SPC_BT2020_NCL;
    hardware.color_range = AVCOL_RANGE_JPEG;
    hardware.chroma_location = AVCHROMA_LOC_TOPLEFT;
    cr_assert(eq(int, import_picture(&import, &images, &gl, &hardware, -1, &n_made, &why), 0));
    cr_assert(eq(int, attribute(EGL_YUV_COLOR_SPACE_HINT_EXT), EGL_ITU_REC2020_EXT));
    cr_assert(eq(int, attribute(EGL_SAMPLE_RANGE_HINT_EXT), EGL_YUV_FULL_RANGE_EXT));
    cr_assert(
        eq(int, attribute(EGL_YUV_CHROMA_VERTICAL_SITING_HINT_EXT), EGL_YUV_CHROMA_SITING_0_EXT));
    cr_assert(eq(int, attribute(EGL_DMA_BUF_PLANE1_OFFSET_EXT), 640 * 360));
    cr_assert(eq(int, attribute(EGL_DMA_BUF_PLANE1_MODIFIER_HI_EXT), (EGLint)(TILED >> 32)));
    import_clear(&import, &images, &gl);
    cr_assert(eq(int, driver.n_images + driver.n_textures, 0));
}

Test(import_calls, each_failing_image_is_cleaned_up_after)
{
    struct limef_hardware_frame hardware = driver_frame(DRM_FORMAT_NV12, 2, 0);
    struct gl gl = driver_gl();

    driver_list(DRM_FORMAT_R8, 0, false);
    driver_list(DRM_FORMAT_GR88, 0, false);
    driver_list(DRM_FORMAT_NV12, 0, true);
    for (unsigned n = 1; n <= 2; n++) {
        struct import import = {0};
        unsigned n_made;
        const char *why;

        driver.fails_image = n;
        /* as one image instead */
        cr_assert(eq(int, import_picture(&import, &images, &gl, &hardware, -1, &n_made, &why), 0));
        cr_assert(eq(int, import.choice.format.kind, PICTURE_EXTERNAL));
        cr_assert(eq(int, driver.n_images, 1));
        import_clear(&import, &images, &gl);
        cr_assert(eq(int, driver.n_images + driver.n_textures, 0), "image %u", n);
    }
}

Test(import_calls, a_driver_that_refuses_everything_is_asked_a_few_times)
{
    struct limef_hardware_frame hardware = driver_frame(DRM_FORMAT_R8, 1, 0);
    struct gl gl = driver_gl();
    struct import import = {0};
    unsigned n_made;
    const char *why;
    int n_asked = 0;

    driver_list(DRM_FORMAT_R8, 0, false);
    for (int i = 0; i < 20; i++) {
        driver.fails_image = 1;
        hardware.planes[0].inode++;
        cr_assert(eq(int, import_picture(&import, &images, &gl, &hardware, -1, &n_made, &why),
                     AVERROR(ENOTSUP)));
        cr_assert(eq(str, (char *)why,
                     "the driver refuses a buffer of R8, modifier 0x0 (EGL error 0x3003)"));
        n_asked += driver.fails_image == 0;
    }
    cr_assert(eq(int, n_asked, 4));
    driver.fails_image = 0;
    hardware.width = 320; /* another stream is another try */
    cr_assert(eq(int, import_picture(&import, &images, &gl, &hardware, -1, &n_made, &why), 0));
    import_clear(&import, &images, &gl);
}
