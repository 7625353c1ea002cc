/* SPDX-License-Identifier: MIT */
/* Fences that the display waits for: an eventfd is as good as the kernel's where poll() asks it. */
#include "kms_fake.h"

#include <limef/base/log.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <drm_fourcc.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/sync_file.h>
#include <stdarg.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

extern const struct output_ops limef_output_module;

static struct kms kms;
static struct output output;
static struct limef_payload payload;
static const struct layout_rect full = {0, 0, 640, 480};
static int fence;  /* not signalled */
static int second; /* of the second plane: another buffer */

/* What the kernel makes of buffers' fences. */
static struct {
    bool exports; /* one for each buffer: itself */
    int of_both;  /* of two together; 0: it refuses */
    unsigned n_merged;
} kernel;

/* In the place of the C library's. */
int ioctl(int fd, unsigned long request, ...)
{
    struct sync_merge_data *merge;
    void *argument;
    va_list arguments;

    va_start(arguments, request);
    merge = argument = va_arg(arguments, void *);
    va_end(arguments);
    if (kernel.exports && _IOC_TYPE(request) == DMA_BUF_BASE && _IOC_NR(request) == 2) {
        ((int32_t *)argument)[1] = dup(fd); /* behind the flags */
        return 0;
    }
    if (request != SYNC_IOC_MERGE)
        return (int)syscall(SYS_ioctl, fd, request, argument);
    kernel.n_merged++;
    merge->fence = kernel.of_both ? dup(kernel.of_both) : -1;
    errno = ENOMEM;
    return kernel.of_both ? 0 : -1;
}

static void no_release(struct limef_payload *released)
{
    (void)released;
}

static void open_fake(void)
{
    fake_open(&kms, &output);
    output.fail = limef_fail;
    kms.name = "screen";
    kms.device.primary.properties.in_fence = FAKE_IN_FENCE;
    limef_payload_init(&payload, no_release);
    fence = second = eventfd(0, EFD_CLOEXEC);
}

static void clear(void)
{
    kms_shown_release(&kms, &kms.pending);
    kms_shown_release(&kms, &kms.shown);
    kms_frames_clear(&kms, NULL);
    close(fence);
    cr_assert(eq(uint, payload.n_refs, 1));
}

TestSuite(kms_fence, .init = open_fake, .fini = clear);

static void signal_fence(void)
{
    cr_assert(eq(int, eventfd_write(fence, 1), 0));
}

static int show(int fence_fd, const char **why)
{
    struct limef_hardware_frame picture = {.fourcc = DRM_FORMAT_NV12,
                                           .width = 640,
                                           .height = 480,
                                           .n_planes = 2,
                                           .fence_fd = fence_fd};

    for (unsigned i = 0; i < 2; i++)
        picture.planes[i] = (struct limef_hardware_plane){
            .fd = i ? second : fence, .offset_bytes = i * 640, .pitch_bytes = 640, .inode = 7};
    return kms_scan_out(&output, &picture, full, &payload, why);
}

static int64_t flips(uint64_t *n_flips)
{
    struct output_flip flip;
    int64_t ready_us = limef_output_module.flips(&output, &flip);

    *n_flips = flip.n_flips;
    return ready_us;
}

Test(kms_fence, display_waits_for_a_picture_that_is_not_written)
{
    const char *why;
    int given;

    cr_assert(eq(int, show(fence, &why), 0));
    given = (int)fake_card.fences[1];
    cr_assert(gt(int, given, 0));
    cr_assert(ne(int, given, fence)); /* which is the picture's */
    cr_assert(eq(u64, output.fences.n_display, 1));
    kms_shown_release(&kms, &kms.pending);
    cr_assert(lt(int, fcntl(given, F_GETFD), 0));
    kms.waiting = false;
    signal_fence();
    cr_assert(eq(int, show(fence, &why), 0)); /* there is nothing to wait for */
    cr_assert(eq(u64, fake_card.fences[1], 0));
    cr_assert(eq(u64, output.fences.n_display, 1));
}

/* Shows a picture in two buffers that are both being written. */
static void show_two_buffers(bool merges)
{
    const char *why;

    second = eventfd(0, EFD_CLOEXEC);
    kernel.exports = true;
    kernel.of_both = merges ? eventfd(0, EFD_CLOEXEC) : 0;
    cr_assert(eq(int, show(-1, &why), 0));
    cr_assert(eq(uint, kernel.n_merged, 1));
}

static void close_two_buffers(int next_free)
{
    int now_free;

    close(second);
    if (kernel.of_both)
        close(kernel.of_both);
    kms_shown_release(&kms, &kms.pending);
    now_free = dup(fence);
    cr_assert(eq(int, now_free, next_free), "no descriptor is left");
    close(now_free);
}

/* The number that the next descriptor gets. */
static int next_free(void)
{
    int fd = dup(fence);

    close(fd);
    return fd;
}

Test(kms_fence, display_waits_for_each_buffer_of_a_picture)
{
    int before, given;

    kms.frames[0].fd = -1;
    before = next_free();
    show_two_buffers(true);
    given = (int)fake_card.fences[1];
    cr_assert(gt(int, given, 0));
    cr_assert(eq(u64, output.fences.n_display, 1));
    signal_fence();
    cr_assert(eq(int, eventfd_write(second, 1), 0));
    cr_assert(not(fence_is_signalled(given)), "it is neither of the two");
    cr_assert(eq(int, eventfd_write(kernel.of_both, 1), 0));
    cr_assert(fence_is_signalled(given));
    close_two_buffers(before);
}

Test(kms_fence, fences_that_cannot_be_merged_are_left_to_the_driver)
{
    int before = next_free();

    show_two_buffers(false);
    cr_assert(eq(u64, fake_card.fences[1], 0));
    cr_assert(eq(u64, output.fences.n_display, 0));
    close_two_buffers(before);
}

Test(kms_fence, test_of_a_way_waits_for_nobody)
{
    const char *why;

    fake_card.takes_plane = 15;
    cr_assert(eq(int, show(fence, &why), -ENOTSUP));
    cr_assert(eq(u64, output.fences.n_display, 0));
    cr_assert(ge(int, fcntl(fence, F_GETFD), 0));
}

Test(kms_fence, plane_without_fences_is_given_no_picture_that_has_one)
{
    const char *why = "";

    kms.device.primary.properties.in_fence = 0;
    cr_assert(eq(int, show(fence, &why), -ENOTSUP));
    cr_assert(eq(str, (char *)why, "no plane waits for fences"));
    cr_assert(eq(uint, payload.n_refs, 1));
    cr_assert(eq(int, show(-1, &why), 0)); /* what is in the buffers the driver knows */
}

Test(kms_fence, picture_that_nobody_writes_is_late_and_others_go_on)
{
    uint64_t n_flips;
    const char *why;

    cr_assert(eq(int, show(fence, &why), 0));
    kms.late_us = INT64_MAX;
    kms.committed_us = 1; /* a flip without a fence would be given up */
    cr_assert(gt(i64, flips(&n_flips), 0));
    cr_assert(eq(u64, output.fences.n_late, 0));
    kms.late_us = 1;
    for (int i = 0; i < 3; i++)
        cr_assert(eq(i64, flips(&n_flips), 0)); /* nobody waits any longer */
    cr_assert(eq(u64, n_flips, 0));
    cr_assert(eq(u64, output.fences.n_late, 1));
    cr_assert(not(kms_settle(&kms)));
    cr_assert(eq(uint, payload.n_refs, 2)); /* the display may read it still */
    cr_assert(eq(int, show(-1, &why), -ENOTSUP));
    cr_assert(eq(str, (char *)why, "the display is not ready"));
    signal_fence();
    kms.committed_us = 1; /* no event comes from a card that is not there */
    cr_assert(eq(i64, flips(&n_flips), 0));
    cr_assert(eq(u64, n_flips, 1));
    cr_assert(kms.redraw && !kms.late);
}
