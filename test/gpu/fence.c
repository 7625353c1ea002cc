/* SPDX-License-Identifier: MIT */
/* Who waits for pictures that are written still, with a driver that the test plays. */
#include "gpu/fence.h"

#include "gpu/import.h"
#include "played_driver.h"
#include "support/played_ioctl.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <drm_fourcc.h>
#include <errno.h>
#include <fcntl.h>
#include <libavutil/error.h>
#include <sys/eventfd.h>
#include <unistd.h>

static struct images images;

static int import_with_fence(struct gl *gl, int fence_fd, int buffer_fd)
{
    struct limef_hardware_frame hardware = driver_frame(DRM_FORMAT_R8, 1, 0);
    struct import import = {0};
    unsigned n_made;
    const char *why;
    int ret;

    driver.n_listed = 0;
    driver_list(DRM_FORMAT_R8, 0, false);
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

Test(fence, the_gpu_waits_for_a_fence_if_it_can)
{
    struct gl gl = driver_gl();
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

Test(fence, the_cpu_waits_for_a_fence_where_the_gpu_cannot)
{
    struct gl gl = driver_gl();
    int unsignalled = eventfd(0, EFD_CLOEXEC);

    cr_assert(eq(int, import_with_fence(&gl, unsignalled, 100), AVERROR(ETIMEDOUT)));
    cr_assert(eq(int, driver.n_waits, 0));
    expect_fences(0, 1, 1, "EGL_ANDROID_native_fence_sync is missing");
    close(unsignalled);
}

Test(fence, what_is_written_is_waited_for_by_nobody)
{
    struct gl gl = driver_gl();
    int signalled = eventfd(1, EFD_CLOEXEC);

    gl.native_fences = true;
    cr_assert(eq(int, import_with_fence(&gl, signalled, 100), 0));
    cr_assert(eq(int, import_with_fence(&gl, -1, signalled), 0));
    cr_assert(eq(int, driver.n_waits, 0));
    expect_fences(0, 0, 0, NULL);
    close(signalled);
}

Test(fence, the_cpu_waits_for_a_buffer_of_which_the_kernel_gives_no_fence)
{
    struct gl gl = driver_gl();
    int unwritten = eventfd(0, EFD_CLOEXEC);

    gl.native_fences = true;
    cr_assert(eq(int, import_with_fence(&gl, -1, unwritten), AVERROR(ETIMEDOUT)));
    expect_fences(0, 1, 1, "the kernel gives no fence of a buffer");
    close(unwritten);
}

Test(fence, what_was_drawn_has_a_fence_where_the_driver_has_them)
{
    struct gl gl = driver_gl();
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

/* One fence of a picture in two buffers that are both being written; -1: there is none. */
static int fence_of_two(int one, int other)
{
    struct limef_hardware_frame hardware = driver_frame(DRM_FORMAT_NV12, 2, 0);

    hardware.planes[0].fd = one;
    hardware.planes[1].fd = other;
    return fence_of_picture(&hardware);
}

Test(fence, whatever_the_kernel_refuses_leaves_the_wait_to_others_and_no_descriptor)
{
    static const int errors[] = {ENOMEM, EMFILE, ENOTTY, EINVAL, EIO};
    int one = eventfd(0, EFD_CLOEXEC), other = eventfd(0, EFD_CLOEXEC), fence_fd;
    unsigned n_open = played_n_descriptors(), n_late = 0;
    struct gl gl = driver_gl();

    gl.native_fences = true;
    played_ioctl.on = true;
    fence_fd = fence_of_two(one, other);
    cr_assert(ge(int, fence_fd, 0));
    close(fence_fd);
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
        for (unsigned call = 1; call <= 3; call++) {
            bool merges = call == 3;

            played_ioctl =
                (struct played_ioctl){.on = true,
                                      .failing = merges ? "SYNC_IOC_MERGE" : "EXPORT_SYNC_FILE",
                                      .first = merges ? 1 : call,
                                      .error = errors[i]};
            cr_assert(eq(int, fence_of_two(one, other), -1));
            cr_assert(eq(uint, played_ioctl.n_failed, 1));
            cr_assert(eq(uint, played_n_descriptors(), n_open));
        }
    played_ioctl = (struct played_ioctl){
        .on = true, .failing = "EXPORT_SYNC_FILE", .first = 1, .error = ENOMEM};
    cr_assert(eq(int, import_with_fence(&gl, -1, one), AVERROR(ETIMEDOUT)));
    expect_fences(0, 1, ++n_late, "the kernel gives no fence of a buffer");
    cr_assert(eq(int, import_with_fence(&gl, -1, one), 0)); /* now the GPU waits */
    expect_fences(1, 1, n_late, "the kernel gives no fence of a buffer");
    close(one);
    close(other);
}
