/* SPDX-License-Identifier: MIT */
#include "played_driver.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct played_driver driver;

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

struct gl driver_gl(void)
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

void driver_list(uint32_t fourcc, uint64_t modifier, bool external)
{
    driver.listed[driver.n_listed].fourcc = fourcc;
    driver.listed[driver.n_listed].modifier = modifier;
    driver.listed[driver.n_listed++].external = external;
}

struct limef_hardware_frame driver_frame(uint32_t fourcc, unsigned n_planes, uint64_t modifier)
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
