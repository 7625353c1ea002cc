/* SPDX-License-Identifier: MIT */
/* The tests' VA-API driver, called as a program would call it. */
#include "display.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <drm_fourcc.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <va/va_drmcommon.h>

#define WIDTH 70
#define HEIGHT 46
#define EXPORT_FLAGS (VA_EXPORT_SURFACE_READ_ONLY | VA_EXPORT_SURFACE_SEPARATE_LAYERS)

TestSuite(va_driver, .init = display_prepare, .timeout = 60);

static VASurfaceID make_surface(VADisplay display, unsigned rt_format)
{
    VASurfaceID id;

    cr_assert(eq(int, vaCreateSurfaces(display, rt_format, WIDTH, HEIGHT, &id, 1, NULL, 0), 0));
    return id;
}

static VADRMPRIMESurfaceDescriptor export(VADisplay display, VASurfaceID id, unsigned flags)
{
    VADRMPRIMESurfaceDescriptor descriptor;

    cr_assert(eq(int,
                 vaExportSurfaceHandle(display, id, VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME_2, flags,
                                       &descriptor),
                 0));
    cr_assert(eq(int, descriptor.num_objects, 1));
    return descriptor;
}

static uint8_t *map(const VADRMPRIMESurfaceDescriptor *descriptor)
{
    void *bytes = mmap(NULL, descriptor->objects[0].size, PROT_READ | PROT_WRITE, MAP_SHARED,
                       descriptor->objects[0].fd, 0);

    cr_assert(ne(ptr, bytes, MAP_FAILED));
    return bytes;
}

static VAImage make_image(VADisplay display, uint32_t fourcc)
{
    VAImageFormat format = {.fourcc = fourcc};
    VAImage image;

    cr_assert(eq(int, vaCreateImage(display, &format, WIDTH, HEIGHT, &image), 0));
    return image;
}

/* Fills an image with bytes that tell their place. */
static void paint(VADisplay display, const VAImage *image)
{
    void *bytes;

    cr_assert(eq(int, vaMapBuffer(display, image->buf, &bytes), 0));
    for (unsigned i = 0; i < image->data_size; i++)
        ((uint8_t *)bytes)[i] = (uint8_t)(7 * i + i / 251);
    cr_assert(eq(int, vaUnmapBuffer(display, image->buf), 0));
}

/* Whether a surface's planes, at offsets in bytes, hold what an image does. */
static bool holds(VADisplay display, const VAImage *image, const uint8_t *bytes,
                  const uint32_t *offsets, const uint32_t *pitches, unsigned sample_bytes)
{
    bool is_equal = true;
    void *expected;

    cr_assert(eq(int, vaMapBuffer(display, image->buf, &expected), 0));
    for (unsigned plane = 0; plane < 2; plane++) {
        for (unsigned row = 0; row < (unsigned)HEIGHT >> plane; row++)
            is_equal &=
                !memcmp(bytes + offsets[plane] + row * pitches[plane],
                        (uint8_t *)expected + image->offsets[plane] + row * image->pitches[plane],
                        WIDTH * sample_bytes);
    }
    cr_assert(eq(int, vaUnmapBuffer(display, image->buf), 0));
    return is_equal;
}

static void check_export(unsigned rt_format, uint32_t fourcc, const uint32_t *layer_formats,
                         unsigned sample_bytes)
{
    VADisplay display = display_open();
    VASurfaceID id = make_surface(display, rt_format);
    VADRMPRIMESurfaceDescriptor separate = export(display, id, EXPORT_FLAGS);
    VADRMPRIMESurfaceDescriptor composed =
        export(display, id, VA_EXPORT_SURFACE_READ_WRITE | VA_EXPORT_SURFACE_COMPOSED_LAYERS);
    VAImage image = make_image(display, fourcc);
    uint8_t *bytes = map(&separate);
    struct stat status[2];

    cr_assert(eq(u32, separate.fourcc, fourcc));
    cr_assert(eq(u64, separate.objects[0].drm_format_modifier, DRM_FORMAT_MOD_LINEAR));
    cr_assert(eq(u32, separate.num_layers, 2));
    cr_assert(eq(u32, separate.layers[0].drm_format, layer_formats[0]));
    cr_assert(eq(u32, separate.layers[1].drm_format, layer_formats[1]));
    cr_assert(eq(u32, composed.num_layers, 1));
    cr_assert(eq(u32, composed.layers[0].drm_format, fourcc));
    cr_assert(eq(u32, composed.layers[0].num_planes, 2));
    cr_assert(eq(u32, composed.layers[0].offset[1], separate.layers[1].offset[0]));
    fstat(separate.objects[0].fd, &status[0]);
    fstat(composed.objects[0].fd, &status[1]);
    cr_assert(eq(u64, status[0].st_ino, status[1].st_ino));

    paint(display, &image);
    cr_assert(eq(
        int, vaPutImage(display, id, image.image_id, 0, 0, WIDTH, HEIGHT, 0, 0, WIDTH, HEIGHT), 0));
    cr_assert(holds(display, &image, bytes, composed.layers[0].offset, composed.layers[0].pitch,
                    sample_bytes));
    bytes[5 * separate.layers[0].pitch[0] + 3] ^= 0xff;
    cr_assert(not(holds(display, &image, bytes, composed.layers[0].offset, composed.layers[0].pitch,
                        sample_bytes)));
    cr_assert(eq(int, vaGetImage(display, id, 0, 0, WIDTH, HEIGHT, image.image_id), 0));
    cr_assert(holds(display, &image, bytes, composed.layers[0].offset, composed.layers[0].pitch,
                    sample_bytes));

    munmap(bytes, separate.objects[0].size);
    close(separate.objects[0].fd);
    close(composed.objects[0].fd);
    vaDestroyImage(display, image.image_id);
    vaDestroySurfaces(display, &id, 1);
    display_close(display);
}

Test(va_driver, exports_nv12)
{
    check_export(VA_RT_FORMAT_YUV420, VA_FOURCC_NV12,
                 (const uint32_t[]){DRM_FORMAT_R8, DRM_FORMAT_GR88}, 1);
}

Test(va_driver, exports_p010)
{
    check_export(VA_RT_FORMAT_YUV420_10, VA_FOURCC_P010,
                 (const uint32_t[]){DRM_FORMAT_R16, DRM_FORMAT_GR1616}, 2);
}

Test(va_driver, exports_an_object_for_each_plane)
{
    VADRMPRIMESurfaceDescriptor descriptor;
    struct stat status[2];
    VADisplay display;
    VASurfaceID id;

    setenv("LIMEF_TEST_VA_OBJECTS", "2", 1);
    setenv("LIMEF_TEST_VA_MODIFIER", "0x100000000000001", 1);
    display = display_open();
    id = make_surface(display, VA_RT_FORMAT_YUV420);
    cr_assert(eq(int,
                 vaExportSurfaceHandle(display, id, VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME_2,
                                       EXPORT_FLAGS, &descriptor),
                 0));
    cr_assert(eq(u32, descriptor.num_objects, 2));
    cr_assert(eq(u32, descriptor.layers[0].object_index[0], 0));
    cr_assert(eq(u32, descriptor.layers[1].object_index[0], 1));
    for (unsigned i = 0; i < 2; i++) {
        cr_assert(eq(u64, descriptor.objects[i].drm_format_modifier, I915_FORMAT_MOD_X_TILED));
        fstat(descriptor.objects[i].fd, &status[i]);
        close(descriptor.objects[i].fd);
    }
    cr_assert(eq(u64, status[0].st_ino, status[1].st_ino));
    vaDestroySurfaces(display, &id, 1);
    display_close(display);
}

Test(va_driver, a_derived_image_is_the_surface)
{
    VADisplay display = display_open();
    VASurfaceID id = make_surface(display, VA_RT_FORMAT_YUV420);
    VADRMPRIMESurfaceDescriptor descriptor = export(display, id, EXPORT_FLAGS);
    uint8_t *bytes = map(&descriptor);
    void *derived;
    VAImage image;

    cr_assert(eq(int, vaDeriveImage(display, id, &image), 0));
    cr_assert(eq(int, vaMapBuffer(display, image.buf, &derived), 0));
    memset(derived, 0x5a, image.data_size);
    cr_assert(eq(int, vaUnmapBuffer(display, image.buf), 0));
    cr_assert(eq(u8, bytes[descriptor.layers[1].offset[0]], 0x5a));
    munmap(bytes, descriptor.objects[0].size);
    close(descriptor.objects[0].fd);
    vaDestroyImage(display, image.image_id);
    vaDestroySurfaces(display, &id, 1);
    cr_assert(eq(str, (char *)display_close(display),
                 "configs=0/0 surfaces=0/1 contexts=0/0 buffers=0/1 images=0/1 descriptors=0 "
                 "pictures=0 undecoded=0"));
}

Test(va_driver, a_descriptor_outlives_its_surface)
{
    VADisplay display = display_open();
    VASurfaceID id = make_surface(display, VA_RT_FORMAT_YUV420);
    VADRMPRIMESurfaceDescriptor descriptor = export(display, id, EXPORT_FLAGS);
    uint8_t *bytes;

    vaDestroySurfaces(display, &id, 1);
    bytes = map(&descriptor);
    bytes[0] = 1;
    munmap(bytes, descriptor.objects[0].size);
    close(descriptor.objects[0].fd);
    display_close(display);
}

Test(va_driver, reports_what_was_left)
{
    VADisplay display = display_open();
    VAConfigID config;
    VAContextID context;
    VASurfaceID ids[2];
    VABufferID buffer;
    int fd;

    cr_assert(
        eq(int, vaCreateConfig(display, VAProfileH264High, VAEntrypointVLD, NULL, 0, &config), 0));
    ids[0] = make_surface(display, VA_RT_FORMAT_YUV420);
    ids[1] = make_surface(display, VA_RT_FORMAT_YUV420);
    cr_assert(eq(int, vaCreateContext(display, config, WIDTH, HEIGHT, 0, ids, 2, &context), 0));
    cr_assert(
        eq(int, vaCreateBuffer(display, context, VASliceDataBufferType, 10, 1, NULL, &buffer), 0));
    fd = export(display, ids[0], EXPORT_FLAGS).objects[0].fd;
    vaDestroySurfaces(display, ids, 1);
    cr_assert(eq(str, (char *)display_close(display),
                 "configs=1/1 surfaces=1/2 contexts=1/1 buffers=1/1 images=0/0 descriptors=1 "
                 "pictures=0 undecoded=0"));
    close(fd);
}

Test(va_driver, refuses_what_was_destroyed)
{
    VADisplay display = display_open();
    VASurfaceID old = make_surface(display, VA_RT_FORMAT_YUV420), next;

    cr_assert(eq(int, vaDestroySurfaces(display, &old, 1), 0));
    next = make_surface(display, VA_RT_FORMAT_YUV420);
    cr_assert(ne(u32, old, next));
    cr_assert(eq(int, vaSyncSurface(display, old), VA_STATUS_ERROR_INVALID_SURFACE));
    cr_assert(eq(int, vaDestroySurfaces(display, &old, 1), VA_STATUS_ERROR_INVALID_SURFACE));
    cr_assert(eq(int, vaSyncSurface(display, next), 0));
    display_close(display);
}

Test(va_driver, refuses_what_it_does_not_have)
{
    VADisplay display = display_open();
    VASurfaceAttrib import = {.type = VASurfaceAttribMemoryType,
                              .flags = VA_SURFACE_ATTRIB_SETTABLE,
                              .value = {.type = VAGenericValueTypeInteger,
                                        .value.i = VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME_2}};
    VASurfaceID surface;
    VAConfigID config;

    cr_assert(eq(int,
                 vaCreateConfig(display, VAProfileAV1Profile0, VAEntrypointVLD, NULL, 0, &config),
                 VA_STATUS_ERROR_UNSUPPORTED_PROFILE));
    cr_assert(eq(int,
                 vaCreateConfig(display, VAProfileH264Main, VAEntrypointEncSlice, NULL, 0, &config),
                 VA_STATUS_ERROR_UNSUPPORTED_ENTRYPOINT));
    cr_assert(eq(int, vaCreateSurfaces(display, VA_RT_FORMAT_YUV444, 64, 64, &surface, 1, NULL, 0),
                 VA_STATUS_ERROR_UNSUPPORTED_RT_FORMAT));
    cr_assert(eq(int,
                 vaCreateSurfaces(display, VA_RT_FORMAT_YUV420, 9000, 64, &surface, 1, NULL, 0),
                 VA_STATUS_ERROR_RESOLUTION_NOT_SUPPORTED));
    cr_assert(eq(int,
                 vaCreateSurfaces(display, VA_RT_FORMAT_YUV420, 64, 64, &surface, 1, &import, 1),
                 VA_STATUS_ERROR_UNSUPPORTED_MEMORY_TYPE));
    display_close(display);
}

Test(va_driver, the_nth_call_fails)
{
    VADisplay display;
    VASurfaceID id;

    setenv("LIMEF_TEST_VA_FAIL", "vaSyncSurface=2:0x22,vaDestroySurfaces=1", 1);
    display = display_open();
    id = make_surface(display, VA_RT_FORMAT_YUV420);
    cr_assert(eq(int, vaSyncSurface(display, id), 0));
    cr_assert(eq(int, vaSyncSurface(display, id), VA_STATUS_ERROR_HW_BUSY));
    cr_assert(eq(int, vaSyncSurface(display, id), 0));
    cr_assert(eq(int, vaDestroySurfaces(display, &id, 1), VA_STATUS_ERROR_OPERATION_FAILED));
    cr_assert(eq(int, vaDestroySurfaces(display, &id, 1), 0));
    display_close(display);
}

Test(va_driver, all_calls_fail_from_the_nth_on)
{
    VADisplay display;
    VASurfaceID id;

    setenv("LIMEF_TEST_VA_FAIL", "*=2+:0x1", 1);
    display = display_open();
    id = make_surface(display, VA_RT_FORMAT_YUV420);
    cr_assert(eq(int, vaSyncSurface(display, id), VA_STATUS_ERROR_OPERATION_FAILED));
    cr_assert(eq(int, vaDestroySurfaces(display, &id, 1), VA_STATUS_ERROR_OPERATION_FAILED));
    cr_assert(ne(ptr, strstr(display_close(display), "surfaces=1/1"), NULL));
}

Test(va_driver, a_call_takes_long)
{
    struct timespec start, end;
    VADisplay display;
    VASurfaceID id;

    setenv("LIMEF_TEST_VA_FAIL", "vaSyncSurface=1@60", 1);
    display = display_open();
    id = make_surface(display, VA_RT_FORMAT_YUV420);
    clock_gettime(CLOCK_MONOTONIC, &start);
    cr_assert(eq(int, vaSyncSurface(display, id), 0));
    clock_gettime(CLOCK_MONOTONIC, &end);
    cr_assert(
        ge(i64, (end.tv_sec - start.tv_sec) * 1000 + (end.tv_nsec - start.tv_nsec) / 1000000, 60));
    display_close(display);
}

static void command(const char *path, const char *text)
{
    char next[DISPLAY_PATH_BYTES + 8];
    FILE *file;

    snprintf(next, sizeof(next), "%s_next", path);
    file = fopen(next, "we");
    fputs(text, file);
    fclose(file);
    rename(next, path);
}

Test(va_driver, a_file_commands_while_it_runs)
{
    char path[DISPLAY_PATH_BYTES];
    VADisplay display;
    VASurfaceID id;

    display_path(path, "fail");
    setenv("LIMEF_TEST_VA_FAIL_FILE", path, 1);
    display = display_open();
    id = make_surface(display, VA_RT_FORMAT_YUV420);
    cr_assert(eq(int, vaSyncSurface(display, id), 0));
    command(path, "vaSyncSurface=2\n");
    cr_assert(eq(int, vaSyncSurface(display, id), 0));
    cr_assert(eq(int, vaSyncSurface(display, id), VA_STATUS_ERROR_OPERATION_FAILED));
    command(path, "");
    cr_assert(eq(int, vaSyncSurface(display, id), 0));
    unlink(path);
    display_close(display);
}

Test(va_driver, wrong_commands_are_refused)
{
    const char *const commands[] = {"vaSyncSurfaces=1", "vaSyncSurface",    "vaSyncSurface=0",
                                    "vaSyncSurface=1x", "vaSyncSurface=1:", "vaSyncSurface=1@"};
    VADisplay display;

    for (unsigned i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
        setenv("LIMEF_TEST_VA_FAIL", commands[i], 1);
        cr_expect(ne(int, display_try(&display), 0), "%s", commands[i]);
    }
    unsetenv("LIMEF_TEST_VA_FAIL");
    display_close(display_open());
}
