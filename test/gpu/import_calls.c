/* SPDX-License-Identifier: MIT */
/* What is asked of a driver, by a driver that the test plays. */
#include "gpu/import.h"
#include "gpu/import_choice.h"

#include <limef/frame/hardware.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <drm_fourcc.h>
#include <fcntl.h>
#include <libavutil/error.h>
#include <libavutil/pixfmt.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* The driver's answers, and what it was asked. */
static struct {
    struct {
        uint32_t fourcc;
        uint64_t modifier;
        bool external;
    } listed[8];
    unsigned n_listed;
    unsigned fails_image; /* which eglCreateImage from now on fails; 0: none */
    bool refuses_fence;
    bool gives_no_fence;
    int n_images, n_textures, n_syncs, n_waits; /* alive, or so far */
    EGLint attributes[64];                      /* of the last image */
} driver;

static struct images images;

static EGLBoolean query_formats(EGLDisplay display, EGLint max, EGLint *formats, EGLint *n)
{
    (void)display;
    *n = 0;
    for (unsigned i = 0; i < driver.n_listed && *n < max; i++)
        formats[(*n)++] = (EGLint)driver.listed[i].fourcc;
    return EGL_TRUE;
}

static EGLBoolean query_modifiers(EGLDisplay display, EGLint fourcc, EGLint max,
                                  EGLuint64KHR *modifiers, EGLBoolean *external, EGLint *n)
{
    (void)display;
    *n = 0;
    for (unsigned i = 0; i < driver.n_listed && *n < max; i++) {
        if (driver.listed[i].fourcc != (uint32_t)fourcc)
            continue;
        modifiers[*n] = driver.listed[i].modifier;
        external[(*n)++] = driver.listed[i].external;
    }
    return EGL_TRUE;
}

static EGLImageKHR create_image(EGLDisplay display, EGLContext context, EGLenum target,
                                EGLClientBuffer buffer, const EGLint *attributes)
{
    unsigned n = 0;

    (void)display;
    cr_assert(context == EGL_NO_CONTEXT && target == EGL_LINUX_DMA_BUF_EXT && !buffer);
    while (attributes[n] != EGL_NONE)
        n += 2;
    memcpy(driver.attributes, attributes, (n + 1) * sizeof(attributes[0]));
    if (driver.fails_image && --driver.fails_image == 0)
        return EGL_NO_IMAGE_KHR;
    driver.n_images++;
    return (EGLImageKHR)&driver;
}

static EGLBoolean destroy_image(EGLDisplay display, EGLImageKHR image)
{
    (void)display;
    cr_assert(eq(ptr, image, &driver));
    driver.n_images--;
    return EGL_TRUE;
}

static EGLSyncKHR create_sync(EGLDisplay display, EGLenum type, const EGLint *attributes)
{
    (void)display;
    cr_assert(type == EGL_SYNC_NATIVE_FENCE_ANDROID);
    if (driver.refuses_fence)
        return EGL_NO_SYNC_KHR;
    if (attributes) {
        cr_assert(attributes[0] == EGL_SYNC_NATIVE_FENCE_FD_ANDROID);
        close(attributes[1]); /* it is the driver's now */
    }
    driver.n_syncs++;
    return (EGLSyncKHR)&driver;
}

static EGLBoolean destroy_sync(EGLDisplay display, EGLSyncKHR sync)
{
    (void)display;
    (void)sync;
    driver.n_syncs--;
    return EGL_TRUE;
}

static EGLint wait_sync(EGLDisplay display, EGLSyncKHR sync, EGLint flags)
{
    (void)display;
    (void)sync;
    (void)flags;
    driver.n_waits++;
    return EGL_TRUE;
}

static EGLint dup_fence(EGLDisplay display, EGLSyncKHR sync)
{
    (void)display;
    (void)sync;
    return driver.gives_no_fence ? EGL_NO_NATIVE_FENCE_FD_ANDROID : eventfd(0, EFD_CLOEXEC);
}

static EGLint egl_error(void)
{
    return EGL_BAD_ALLOC;
}

static void gen_textures(GLsizei n, GLuint *ids)
{
    for (GLsizei i = 0; i < n; i++)
        ids[i] = 1;
    driver.n_textures += n;
}

static void delete_textures(GLsizei n, const GLuint *ids)
{
    for (GLsizei i = 0; i < n; i++)
        driver.n_textures -= ids[i] != 0;
}

static void take_two(GLenum a, GLuint b)
{
    (void)a;
    (void)b;
}

static void take_three(GLenum a, GLenum b, GLint c)
{
    (void)a;
    (void)b;
    (void)c;
}

static void take_one(GLenum a)
{
    (void)a;
}

static void take_image(GLenum target, GLeglImageOES image)
{
    (void)target;
    (void)image;
}

static GLenum gl_error(void)
{
    return GL_NO_ERROR;
}

/* A GL of the driver above, with all extensions. */
static struct gl a_gl(void)
{
    return (struct gl){
        .ActiveTexture = take_one,
        .BindTexture = take_two,
        .DeleteTextures = delete_textures,
        .GenTextures = gen_textures,
        .GetError = gl_error,
        .TexParameteri = take_three,
        .egl = {.CreateImageKHR = create_image,
                .DestroyImageKHR = destroy_image,
                .QueryDmaBufFormatsEXT = query_formats,
                .QueryDmaBufModifiersEXT = query_modifiers,
                .CreateSyncKHR = create_sync,
                .DestroySyncKHR = destroy_sync,
                .WaitSyncKHR = wait_sync,
                .DupNativeFenceFDANDROID = dup_fence,
                .GetError = egl_error},
        .EGLImageTargetTexture2DOES = take_image,
        .import_modifiers = true,
        .external_images = true,
        .max_texture = 8192,
    };
}

static void list(uint32_t fourcc, uint64_t modifier, bool external)
{
    driver.listed[driver.n_listed].fourcc = fourcc;
    driver.listed[driver.n_listed].modifier = modifier;
    driver.listed[driver.n_listed++].external = external;
}

static struct limef_hardware_frame a_frame(uint32_t fourcc, unsigned n_planes, uint64_t modifier)
{
    struct limef_hardware_frame hardware = {.fourcc = fourcc,
                                            .modifier = modifier,
                                            .width = 640,
                                            .height = 360,
                                            .n_planes = n_planes,
                                            .fence_fd = -1};

    for (unsigned i = 0; i < n_planes; i++)
        hardware.planes[i] = (struct limef_hardware_plane){
            .fd = 100, .inode = 7, .pitch_bytes = 640, .offset_bytes = i * 640 * 360};
    return hardware;
}

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
    struct limef_hardware_frame hardware = a_frame(DRM_FORMAT_NV12, 2, DRM_FORMAT_MOD_LINEAR);
    struct gl gl = a_gl();
    struct import_choice choice;
    const char *why;

    list(DRM_FORMAT_R8, DRM_FORMAT_MOD_LINEAR, false);
    list(DRM_FORMAT_GR88, DRM_FORMAT_MOD_LINEAR, false);
    cr_assert(eq(ptr, (void *)choose(&choice, &gl, hardware), NULL));
    hardware.planes[0].inode = 0;
    why = choose(&choice, &gl, hardware);
    cr_assert(ne(ptr, (void *)why, NULL));
    cr_assert(ne(ptr, strstr(why, "Linux 5.3"), NULL));
}

Test(import_choice, planes_are_taken_one_by_one_where_the_driver_lists_them)
{
    struct gl gl = a_gl();
    struct import_choice choice;

    list(DRM_FORMAT_R8, TILED, false);
    list(DRM_FORMAT_GR88, TILED, false);
    list(DRM_FORMAT_NV12, TILED, true);
    cr_assert(eq(ptr, (void *)choose(&choice, &gl, a_frame(DRM_FORMAT_NV12, 2, TILED)), NULL));
    cr_assert(eq(int, choice.form, IMPORT_PLANES));
    cr_assert(choice.with_modifier);
    cr_assert(eq(uint, choice.n_parts, 2));
    cr_assert(eq(u32, choice.parts[1].fourcc, DRM_FORMAT_GR88));
    cr_assert(eq(int, choice.parts[1].width, 320));
}

Test(import_choice, what_is_listed_for_external_images_alone_becomes_one)
{
    struct gl gl = a_gl();
    struct import_choice choice;

    list(DRM_FORMAT_R8, DRM_FORMAT_MOD_LINEAR, false);
    list(DRM_FORMAT_GR88, TILED, false);
    list(DRM_FORMAT_NV12, TILED, true);
    cr_assert(eq(ptr, (void *)choose(&choice, &gl, a_frame(DRM_FORMAT_NV12, 2, TILED)), NULL));
    cr_assert(eq(int, choice.form, IMPORT_EXTERNAL));
    cr_assert(eq(int, choice.format.kind, PICTURE_EXTERNAL));
    cr_assert(eq(uint, choice.parts[0].n_planes, 2));
    gl.external_images = false;
    cr_assert(eq(str, (char *)choose(&choice, &gl, a_frame(DRM_FORMAT_NV12, 2, TILED)),
                 "GL_OES_EGL_image_external is missing"));
}

Test(import_choice, more_planes_than_the_format_has_are_never_taken_one_by_one)
{
    struct gl gl = a_gl();
    struct import_choice choice;

    list(DRM_FORMAT_R8, TILED, false);
    list(DRM_FORMAT_GR88, TILED, false);
    list(DRM_FORMAT_NV12, TILED, true);
    choose(&choice, &gl,
           a_frame(DRM_FORMAT_NV12, 4, TILED)); /* compression has planes of its own */
    cr_assert(eq(int, choice.form, IMPORT_EXTERNAL));
}

Test(import_choice, rgb_is_one_ordinary_texture)
{
    struct gl gl = a_gl();
    struct import_choice choice;

    list(DRM_FORMAT_XRGB8888, TILED, false);
    cr_assert(eq(ptr, (void *)choose(&choice, &gl, a_frame(DRM_FORMAT_XRGB8888, 1, TILED)), NULL));
    cr_assert(eq(int, choice.form, IMPORT_WHOLE));
    cr_assert(eq(int, choice.format.kind, PICTURE_RGB));
}

Test(import_choice, the_reason_names_format_modifier_or_extension)
{
    struct gl gl = a_gl();
    struct import_choice choice;

    list(DRM_FORMAT_NV12, DRM_FORMAT_MOD_LINEAR, true);
    cr_assert(eq(str, (char *)choose(&choice, &gl, a_frame(DRM_FORMAT_P010, 2, 0)),
                 "the driver imports no P010"));
    cr_assert(eq(str, (char *)choose(&choice, &gl, a_frame(DRM_FORMAT_NV12, 2, TILED)),
                 "the driver imports no NV12 with modifier 0x100000000000002"));
    gl.import_modifiers = false;
    cr_assert(eq(str, (char *)choose(&choice, &gl, a_frame(DRM_FORMAT_NV12, 2, TILED)),
                 "modifier 0x100000000000002: EGL_EXT_image_dma_buf_import_modifiers is missing"));
    cr_assert(eq(ptr, (void *)choose(&choice, &gl, a_frame(DRM_FORMAT_NV12, 2, 0)), NULL));
    gl.cannot_import = "EGL_EXT_image_dma_buf_import is missing";
    cr_assert(eq(ptr, (void *)choose(&choice, &gl, a_frame(DRM_FORMAT_NV12, 2, 0)),
                 (void *)gl.cannot_import));
}

Test(import_choice, a_driver_that_lists_no_modifier_is_told_none)
{
    struct gl gl = a_gl();
    struct import_choice choice;

    list(DRM_FORMAT_R8, DRM_FORMAT_MOD_INVALID, false);
    cr_assert(eq(ptr,
                 (void *)choose(&choice, &gl, a_frame(DRM_FORMAT_R8, 1, DRM_FORMAT_MOD_INVALID)),
                 NULL));
    driver.n_listed = 0;
    cr_assert(ne(ptr, (void *)choose(&choice, &gl, a_frame(DRM_FORMAT_R8, 1, 0)), NULL));
}

Test(import_calls, yvu_has_its_planes_the_other_way_round)
{
    struct gl gl = a_gl();
    struct import_choice choice;

    list(DRM_FORMAT_R8, DRM_FORMAT_MOD_LINEAR, false);
    cr_assert(eq(ptr, (void *)choose(&choice, &gl, a_frame(DRM_FORMAT_YVU420, 3, 0)), NULL));
    cr_assert(eq(uint, choice.parts[1].first_plane, 2));
    cr_assert(eq(uint, choice.parts[2].first_plane, 1));
}

Test(import_calls, an_external_image_is_told_its_colour)
{
    struct limef_hardware_frame hardware = a_frame(DRM_FORMAT_NV12, 2, TILED);
    struct gl gl = a_gl();
    struct import import = {0};
    unsigned n_made;
    const char *why;

    list(DRM_FORMAT_NV12, TILED, true);
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
    struct limef_hardware_frame hardware = a_frame(DRM_FORMAT_NV12, 2, 0);
    struct gl gl = a_gl();

    list(DRM_FORMAT_R8, 0, false);
    list(DRM_FORMAT_GR88, 0, false);
    list(DRM_FORMAT_NV12, 0, true);
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
    struct limef_hardware_frame hardware = a_frame(DRM_FORMAT_R8, 1, 0);
    struct gl gl = a_gl();
    struct import import = {0};
    unsigned n_made;
    const char *why;
    int n_asked = 0;

    list(DRM_FORMAT_R8, 0, false);
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

static int import_with_fence(struct gl *gl, int fence_fd, int buffer_fd)
{
    struct limef_hardware_frame hardware = a_frame(DRM_FORMAT_R8, 1, 0);
    struct import import = {0};
    unsigned n_made;
    const char *why;
    int ret;

    driver.n_listed = 0;
    list(DRM_FORMAT_R8, 0, false);
    hardware.fence_fd = fence_fd;
    hardware.planes[0].fd = buffer_fd;
    ret = import_picture(&import, &images, gl, &hardware, -1, &n_made, &why);
    import_clear(&import, &images, gl);
    return ret;
}

static void expect_fences(uint64_t n_gpu, uint64_t n_cpu, uint64_t n_late, const char *why)
{
    cr_assert(eq(u64, images.fences.n_gpu, n_gpu));
    cr_assert(eq(u64, images.fences.n_cpu, n_cpu));
    cr_assert(eq(u64, images.fences.n_late, n_late));
    if (why)
        cr_assert(eq(str, (char *)images.fences.cpu_why, (char *)why));
    else
        cr_assert(zero(ptr, (void *)images.fences.cpu_why));
}

Test(import_calls, the_gpu_waits_for_a_fence_if_it_can)
{
    struct gl gl = a_gl();
    int fence_fd = eventfd(0, EFD_CLOEXEC); /* not signalled: the CPU would wait in vain */

    gl.native_fences = true;
    cr_assert(eq(int, import_with_fence(&gl, fence_fd, 100), 0));
    cr_assert(eq(int, driver.n_waits, 1));
    cr_assert(eq(int, driver.n_syncs, 0));
    expect_fences(1, 0, 0, NULL);
    cr_assert(ge(int, fcntl(fence_fd, F_GETFD), 0)); /* still the picture's */
    driver.refuses_fence = true;
    cr_assert(eq(int, import_with_fence(&gl, fence_fd, 100), AVERROR(ETIMEDOUT)));
    expect_fences(1, 1, 1, "the driver refuses a fence");
    close(fence_fd);
}

Test(import_calls, the_cpu_waits_for_a_fence_where_the_gpu_cannot)
{
    struct gl gl = a_gl();
    int unsignalled = eventfd(0, EFD_CLOEXEC);

    cr_assert(eq(int, import_with_fence(&gl, unsignalled, 100), AVERROR(ETIMEDOUT)));
    cr_assert(eq(int, driver.n_waits, 0));
    expect_fences(0, 1, 1, "EGL_ANDROID_native_fence_sync is missing");
    close(unsignalled);
}

Test(import_calls, what_is_written_is_waited_for_by_nobody)
{
    struct gl gl = a_gl();
    int signalled = eventfd(1, EFD_CLOEXEC);

    gl.native_fences = true;
    cr_assert(eq(int, import_with_fence(&gl, signalled, 100), 0));
    cr_assert(eq(int, import_with_fence(&gl, -1, signalled), 0));
    cr_assert(eq(int, driver.n_waits, 0));
    expect_fences(0, 0, 0, NULL);
    close(signalled);
}

Test(import_calls, the_cpu_waits_for_a_buffer_of_which_the_kernel_gives_no_fence)
{
    struct gl gl = a_gl();
    int unwritten = eventfd(0, EFD_CLOEXEC);

    gl.native_fences = true;
    cr_assert(eq(int, import_with_fence(&gl, -1, unwritten), AVERROR(ETIMEDOUT)));
    expect_fences(0, 1, 1, "the kernel gives no fence of a buffer");
    close(unwritten);
}

Test(import_calls, what_was_drawn_has_a_fence_where_the_driver_has_them)
{
    struct gl gl = a_gl();
    int fence_fd;

    cr_assert(eq(int, fence_end(&gl, fence_begin(&gl)), -1));
    gl.native_fences = true;
    fence_fd = fence_end(&gl, fence_begin(&gl));
    cr_assert(ge(int, fence_fd, 0));
    close(fence_fd);
    driver.gives_no_fence = true;
    cr_assert(eq(int, fence_end(&gl, fence_begin(&gl)), -1));
    cr_assert(eq(int, driver.n_syncs, 0));
    driver.refuses_fence = true;
    cr_assert(eq(int, fence_end(&gl, fence_begin(&gl)), -1));
}
