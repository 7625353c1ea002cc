/* SPDX-License-Identifier: MIT */
/* Opening a card and its surface, on a card and an EGL that are not there. */
#include "gpu/kms.h"
#include "played_card.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void *allocate(size_t bytes)
{
    return calloc(1, bytes);
}

static struct output output = {.allocate = allocate, .release = free};
static struct kms_calls calls;

static void set_up(void)
{
    played_card_reset();
    calls = played_card_calls();
}

TestSuite(kms_open, .init = set_up);

Test(kms_open, the_descriptor_that_is_master_vouches_for_the_one_that_draws)
{
    const struct limef_presenter_kms asked = {.device = "/dev/null"};
    const struct kms_mode_wish wish = {0};
    struct kms_device device;

    cr_assert(eq(int, kms_device_open(&device, &calls, &output, &asked, &wish, "screen"), 0));
    cr_assert(ge(int, device.render_fd, 0));
    cr_assert(ne(int, device.render_fd, device.fd));
    cr_assert(eq(int, played_card.asked_fd, device.render_fd));
    cr_assert(eq(int, played_card.vouched_by_fd, device.fd));
    cr_assert(eq(i64, device.primary.zpos, 5));
    kms_device_close(&device);
}

Test(kms_open, a_link_that_was_lost_wants_the_mode_again)
{
    const struct limef_presenter_kms asked = {.device = "/dev/null"};
    const struct kms_mode_wish wish = {0};
    struct kms_device device;
    const char *why;

    cr_assert(eq(int, kms_device_open(&device, &calls, &output, &asked, &wish, "screen"), 0));
    cr_assert(not(kms_device_look_again(&device, &why)));
    played_card.lost_link = true;
    cr_assert(kms_device_look_again(&device, &why));
    kms_device_close(&device);
}

Test(kms_open, what_was_shown_before_is_known_after_a_display_came_back)
{
    const struct limef_presenter_kms asked = {.device = "/dev/null"};
    const struct kms_mode_wish wish = {0};
    struct kms_device device;
    const char *why;

    cr_assert(eq(int, kms_device_open(&device, &calls, &output, &asked, &wish, "screen"), 0));
    played_card.shown = PLAYED_FORMER + 1; /* ours */
    played_card.unplugged = true;
    cr_assert(kms_device_look_again(&device, &why));
    cr_assert(eq(u32, device.connector, 0));
    played_card.unplugged = false;
    cr_assert(kms_device_look_again(&device, &why));
    cr_assert(eq(u32, device.former->buffer_id, PLAYED_FORMER));
    kms_device_close(&device);
}

Test(kms_open, the_right_configuration_is_found_behind_dozens_of_deeper_ones)
{
    struct gl gl;
    struct kms kms = {.calls = &calls, .output = &output};

    played_card_gl(&gl);
    output.gl = &gl;
    cr_assert(zero(ptr, (void *)kms_surface_open(&kms, false)));
    cr_assert(eq(sz, (size_t)kms.surface.context, PLAYED_RIGHT_CONFIG));
    kms_surface_close(&kms);
}

static int receive_error;

/* In the place of the C library's: what fails once, and has nothing then. */
ssize_t recvfrom(int fd, void *restrict data, size_t bytes, int flags, __SOCKADDR_ARG from,
                 socklen_t *restrict from_bytes)
{
    (void)fd, (void)data, (void)bytes, (void)flags, (void)from, (void)from_bytes;
    errno = receive_error;
    receive_error = EAGAIN;
    return -1;
}

Test(kms_open, displays_are_looked_at_again_after_announcements_were_lost)
{
    receive_error = ENOBUFS;
    cr_assert(kms_hotplug_read(STDIN_FILENO));
    cr_assert(not(kms_hotplug_read(STDIN_FILENO)));
}
