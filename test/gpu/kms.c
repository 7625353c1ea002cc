/* SPDX-License-Identifier: MIT */
#include "kms_fake.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <drm_fourcc.h>
#include <errno.h>
#include <fcntl.h>
#include <libavutil/pixfmt.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static struct kms kms;
static struct output output;

static void open_fake(void)
{
    fake_open(&kms, &output);
}

static void clear(void)
{
    kms_frames_clear(&kms, NULL);
}

TestSuite(kms, .init = open_fake, .fini = clear);

static drmModeModeInfo mode(int width, int height, uint32_t clock_khz, uint32_t type,
                            uint32_t flags)
{
    return (drmModeModeInfo){.hdisplay = (uint16_t)width,
                             .vdisplay = (uint16_t)height,
                             .htotal = (uint16_t)(width + 160),
                             .vtotal = (uint16_t)(height + 45),
                             .clock = clock_khz,
                             .type = type,
                             .flags = flags};
}

/* 60, 50 and 30 Hz of full HD, preferred is 60; smaller and larger ones */
static int fill_modes(drmModeModeInfo modes[8])
{
    modes[0] = mode(3840, 2160, 264600, 0, 0);
    modes[1] = mode(1920, 1080, 70200, 0, 0);
    modes[2] = mode(1920, 1080, 140400, DRM_MODE_TYPE_PREFERRED, 0);
    modes[3] = mode(1920, 1080, 117000, 0, 0);
    modes[4] = mode(1920, 1080, 140400, 0, DRM_MODE_FLAG_INTERLACE);
    modes[5] = mode(1280, 720, 66096, 0, 0);
    modes[6] = mode(640, 480, 25200, 0, 0);
    return 7;
}

static int chosen(int width, int height, int refresh_hz)
{
    drmModeModeInfo modes[8];
    int n = fill_modes(modes);
    struct kms_mode_wish wish = {width, height, refresh_hz};

    return (int)(kms_mode_choose(modes, n, &wish) - modes);
}

Test(kms_mode, without_a_wish_it_is_the_preferred_one)
{
    cr_assert(eq(int, chosen(0, 0, 0), 2));
}

Test(kms_mode, a_size_is_taken_exactly_or_the_next_larger_or_the_largest)
{
    cr_assert(eq(int, chosen(1280, 720, 0), 5));
    cr_assert(eq(int, chosen(1000, 700, 0), 5));
    cr_assert(eq(int, chosen(1920, 1080, 0), 2));
    cr_assert(eq(int, chosen(1920, 1200, 0), 0));
    cr_assert(eq(int, chosen(5000, 3000, 0), 0));
}

Test(kms_mode, a_rate_is_chosen_among_those_of_the_size)
{
    cr_assert(eq(int, chosen(1920, 1080, 50), 3));
    cr_assert(eq(int, chosen(1920, 1080, 25), 1));
    cr_assert(eq(int, chosen(0, 0, 30), 1));
}

Test(kms_mode, none_is_none)
{
    struct kms_mode_wish wish = {0};

    cr_assert(zero(ptr, (void *)kms_mode_choose(NULL, 0, &wish)));
}

Test(kms_mode, a_period_is_that_of_the_dots)
{
    drmModeModeInfo vga = {.clock = 25175, .htotal = 800, .vtotal = 525, .vrefresh = 60};
    drmModeModeInfo nothing = {0};

    cr_assert(eq(i64, kms_mode_period_us(&vga), 16683));
    vga.flags = DRM_MODE_FLAG_INTERLACE;
    cr_assert(eq(i64, kms_mode_period_us(&vga), 8342));
    cr_assert(eq(i64, kms_mode_period_us(&nothing), 16667));
}

/* A picture of NV12 in "a buffer": any descriptor does. */
static struct limef_hardware_frame picture_of(int width, int height, uint64_t inode)
{
    struct limef_hardware_frame picture = {.fourcc = DRM_FORMAT_NV12,
                                           .modifier = DRM_FORMAT_MOD_LINEAR,
                                           .width = width,
                                           .height = height,
                                           .n_planes = 2,
                                           .fence_fd = -1};

    for (int i = 0; i < 2; i++)
        picture.planes[i] = (struct limef_hardware_plane){.fd = STDERR_FILENO,
                                                          .offset_bytes = (uint32_t)(i * width),
                                                          .pitch_bytes = (uint32_t)width,
                                                          .inode = inode};
    return picture;
}

static void no_release(struct limef_payload *payload)
{
    (void)payload;
}

static struct limef_payload payload;

/* Scans out; the flip comes at once. */
static int scan_out(struct limef_hardware_frame picture, struct layout_rect rect, const char **why)
{
    int ret;

    if (!payload.release)
        limef_payload_init(&payload, no_release);
    ret = kms_scan_out(&output, &picture, rect, &payload, why);
    if (ret == 0) {
        kms_shown_release(&kms, &kms.shown);
        kms.shown = kms.pending;
        kms.pending = (struct kms_shown){0};
        kms.waiting = false;
    }
    return ret;
}

static const struct layout_rect full = {0, 0, 640, 480}, low = {0, 60, 640, 360};

Test(kms, a_full_picture_is_on_the_primary_plane)
{
    const char *why;

    cr_assert(eq(int, scan_out(picture_of(640, 480, 1), full, &why), 0));
    cr_assert(eq(u32, fake_card.shown[1], 100));
    cr_assert(eq(u32, fake_card.shown[2], 0));
    cr_assert(eq(u32, fake_card.last_flags, DRM_MODE_ATOMIC_NONBLOCK | DRM_MODE_PAGE_FLIP_EVENT));
}

Test(kms, a_part_of_the_screen_is_on_an_overlay_over_black)
{
    const char *why;

    cr_assert(eq(int, scan_out(picture_of(640, 360, 1), low, &why), 0));
    cr_assert(eq(u32, fake_card.shown[1], 9));
    cr_assert(eq(u32, fake_card.shown[2], 100));
}

Test(kms, the_overlay_goes_with_the_next_full_picture)
{
    const char *why;

    cr_assert(eq(int, scan_out(picture_of(640, 360, 1), low, &why), 0));
    cr_assert(eq(int, scan_out(picture_of(640, 480, 2), full, &why), 0));
    cr_assert(eq(u32, fake_card.shown[1], 101));
    cr_assert(eq(u32, fake_card.shown[2], 0));
}

Test(kms, an_overlay_is_tried_where_the_primary_plane_refuses)
{
    const char *why;

    fake_card.takes_plane = 2;
    cr_assert(eq(int, scan_out(picture_of(640, 480, 1), full, &why), 0));
    cr_assert(eq(u32, fake_card.shown[2], 100));
}

Test(kms, an_overlay_under_the_primary_plane_is_not_taken)
{
    const char *why;

    kms.device.primary.zpos = 1;
    kms.device.overlays[0].zpos = 0;
    cr_assert(eq(int, scan_out(picture_of(640, 360, 1), low, &why), -ENOTSUP));
    cr_assert(eq(str, (char *)why, "no plane that takes it lies over the others"));
    cr_assert(eq(u32, fake_card.n_tests, 0));
    kms.way = (struct kms_way){0};
    kms.device.overlays[0].zpos = 1; /* the larger number, 2, decides */
    cr_assert(eq(int, scan_out(picture_of(640, 360, 1), low, &why), 0));
    cr_assert(eq(u32, fake_card.shown[2], 100));
}

Test(kms, the_driver_is_asked_once_for_each_kind_of_picture)
{
    const char *why;

    for (uint64_t i = 0; i < 10; i++)
        cr_assert(eq(int, scan_out(picture_of(640, 480, 1 + i % 3), full, &why), 0));
    cr_assert(eq(u32, fake_card.n_tests, 1));
    cr_assert(eq(u32, fake_card.n_commits, 10));
    cr_assert(eq(u32, fake_card.n_added, 3));
}

Test(kms, a_refusal_is_remembered_and_has_a_reason)
{
    const char *why = NULL;

    fake_card.takes_plane = 15;
    for (int i = 0; i < 5; i++)
        cr_assert(eq(int, scan_out(picture_of(320, 240, 1), full, &why), -ENOTSUP));
    cr_assert(eq(str, (char *)why, "no plane scales so"));
    cr_assert(eq(u32, fake_card.n_tests, 2));
    cr_assert(eq(u32, fake_card.n_commits, 0));
    fake_card.takes_plane = 0;
    cr_assert(eq(int, scan_out(picture_of(640, 480, 1), full, &why), 0));
}

Test(kms, formats_and_colours_that_no_plane_knows_are_composed)
{
    struct limef_hardware_frame picture = picture_of(640, 480, 1);
    const char *why = NULL;

    picture.fourcc = DRM_FORMAT_P010;
    cr_assert(eq(int, scan_out(picture, full, &why), -ENOTSUP));
    cr_assert(eq(str, (char *)why, "no plane takes the format"));
    picture = picture_of(640, 480, 1);
    picture.color_space = AVCOL_SPC_BT2020_NCL;
    cr_assert(eq(int, scan_out(picture, full, &why), -ENOTSUP));
    cr_assert(eq(str, (char *)why, "no plane knows its colours"));
    cr_assert(eq(u32, fake_card.n_tests, 0));
}

Test(kms, a_commit_that_fails_after_all_leaves_the_picture_to_gl)
{
    const char *why = NULL;

    fake_card.commit_error = EINVAL;
    cr_assert(eq(int, scan_out(picture_of(640, 480, 1), full, &why), -ENOTSUP));
    cr_assert(eq(u32, payload.n_refs, 1));
    cr_assert(not(kms.waiting));
    fake_card.commit_error = 0;
    cr_assert(eq(int, scan_out(picture_of(640, 480, 1), full, &why), 0));
    cr_assert(eq(u32, payload.n_refs, 2));
    kms_shown_release(&kms, &kms.shown);
    cr_assert(eq(u32, payload.n_refs, 1));
}

Test(kms, a_buffer_that_cannot_be_read_is_composed)
{
    const char *why = NULL;

    fake_card.import_error = ENODEV;
    cr_assert(eq(int, scan_out(picture_of(640, 480, 1), full, &why), -ENOTSUP));
    cr_assert(eq(str, (char *)why, "the card cannot read the buffer"));
    fake_card.import_error = 0;
    fake_card.add_error = EINVAL;
    cr_assert(eq(int, scan_out(picture_of(640, 480, 1), full, &why), -ENOTSUP));
    cr_assert(eq(str, (char *)why, "the card takes no such framebuffer"));
    cr_assert(eq(u32, fake_card.n_closed, 1)); /* two planes, one handle */
}

/* Of one that was given up, or of an embedder who lent his card. */
Test(kms, a_flip_of_another_commit_is_not_waited_for)
{
    struct limef_hardware_frame picture = picture_of(640, 480, 1);
    const char *why;

    limef_payload_init(&payload, no_release);
    cr_assert(eq(int, kms_scan_out(&output, &picture, full, &payload, &why), 0));
    kms.device.fd = eventfd(1, EFD_CLOEXEC); /* something is to be read */
    kms.committed_us = INT64_MAX / 2;        /* however long this takes */
    for (int off = -1; off <= 1; off += 2) {
        fake_card.flips = fake_card.last_number + (uint64_t)off;
        kms_read_flips(&kms);
        cr_assert(kms.waiting);
    }
    fake_card.flips = fake_card.last_number;
    kms_read_flips(&kms);
    cr_assert(not(kms.waiting));
    cr_assert(eq(u64, kms.flip.n_flips, 1));
    cr_assert(eq(i64, kms.flip.at_us, 12000500));
    kms_shown_release(&kms, &kms.shown);
    close(kms.device.fd);
}

Test(kms, of_a_buffer_without_an_inode_no_framebuffer_is_kept)
{
    const char *why = NULL;

    cr_assert(eq(int, scan_out(picture_of(640, 480, 0), full, &why), -ENOTSUP));
    cr_assert(ne(ptr, strstr(why, "Linux 5.3"), NULL));
    cr_assert(eq(u32, fake_card.n_imports, 0));
}

Test(kms, a_driver_without_modifiers_gets_linear_buffers_without_one)
{
    const char *why;

    fake_card.modifiers = false;
    cr_assert(eq(int, scan_out(picture_of(640, 480, 1), full, &why), 0));
}

Test(kms, a_buffer_that_its_driver_alone_knows_is_given_without_a_modifier)
{
    struct limef_hardware_frame picture = picture_of(640, 480, 1);
    const char *why = NULL;

    picture.modifier = DRM_FORMAT_MOD_INVALID;
    picture.device = kms.device.number = 4711;
    cr_assert(eq(int, scan_out(picture, full, &why), 0));
    cr_assert(eq(u32, fake_card.shown[1], 100));
    cr_assert(eq(u32, fake_card.added_flags, 0)); /* with the flag the kernel refuses it */
    cr_assert(eq(u64, fake_card.added_modifier, 0));
    cr_assert(eq(u32, fake_card.n_tests, 1));
    picture.fourcc = DRM_FORMAT_P010;
    cr_assert(eq(int, scan_out(picture, full, &why), -ENOTSUP));
    cr_assert(eq(str, (char *)why, "no plane takes the format"));
}

Test(kms, a_buffer_without_a_modifier_is_composed_unless_it_is_the_cards_own)
{
    struct limef_hardware_frame picture = picture_of(640, 480, 1);
    const char *why = NULL;

    picture.modifier = DRM_FORMAT_MOD_INVALID;
    cr_assert(eq(int, scan_out(picture, full, &why), -ENOTSUP)); /* nobody knows whose it is */
    kms.device.number = 4711;
    picture.device = 815;
    cr_assert(eq(int, scan_out(picture, full, &why), -ENOTSUP));
    cr_assert(eq(str, (char *)why, "it has no modifier, and is not known to be of this card"));
    cr_assert(eq(u32, fake_card.n_imports, 0));
    picture.modifier = DRM_FORMAT_MOD_LINEAR; /* which everybody understands */
    cr_assert(eq(int, scan_out(picture, full, &why), 0));
}

Test(kms, a_buffer_without_a_modifier_is_composed_where_the_driver_says_no)
{
    struct limef_hardware_frame picture = picture_of(640, 480, 1);
    const char *why = NULL;

    picture.modifier = DRM_FORMAT_MOD_INVALID;
    picture.device = kms.device.number = 4711;
    fake_card.takes_plane = 15; /* in the test */
    cr_assert(eq(int, scan_out(picture, full, &why), -ENOTSUP));
    cr_assert(eq(str, (char *)why, "the driver refuses it on a plane"));
    fake_card.takes_plane = 0;
    kms.way.known = false;
    fake_card.add_error = EINVAL;
    picture.planes[0].inode = picture.planes[1].inode = 2;
    cr_assert(eq(int, scan_out(picture, full, &why), -ENOTSUP));
    cr_assert(eq(str, (char *)why, "the card takes no such framebuffer"));
}

Test(kms, framebuffers_are_kept_for_buffers_and_no_more_than_there_is_room)
{
    const char *why;

    for (int turn = 0; turn < 2; turn++)
        for (uint64_t i = 0; i < KMS_MAX_FRAMES; i++)
            cr_assert(eq(int, scan_out(picture_of(640, 480, 1 + i), full, &why), 0));
    cr_assert(eq(u32, fake_card.n_added, KMS_MAX_FRAMES));
    cr_assert(eq(u32, fake_card.n_removed, 0));
    for (uint64_t i = 0; i < 10; i++)
        cr_assert(eq(int, scan_out(picture_of(640, 480, 1000 + i), full, &why), 0));
    cr_assert(eq(u32, fake_card.n_removed, 10));
}

Test(kms, framebuffers_of_another_size_go_but_what_is_on_the_screen_stays)
{
    const char *why;

    for (uint64_t i = 0; i < 5; i++)
        cr_assert(eq(int, scan_out(picture_of(640, 480, 1 + i), full, &why), 0));
    cr_assert(eq(int, scan_out(picture_of(640, 360, 9), low, &why), 0));
    cr_assert(eq(u32, fake_card.n_removed, 4));
    kms_frames_clear(&kms, NULL);
    cr_assert(eq(u32, fake_card.n_removed, fake_card.n_added));
}

Test(kms, framebuffers_that_are_not_used_any_more_go)
{
    const char *why;

    for (uint64_t i = 0; i < 5; i++)
        cr_assert(eq(int, scan_out(picture_of(640, 480, 1 + i), full, &why), 0));
    for (int i = 0; i < KMS_MAX_UNUSED - 5; i++)
        cr_assert(eq(int, scan_out(picture_of(640, 480, 9), full, &why), 0));
    cr_assert(eq(u32, fake_card.n_removed, 0));
    for (int i = 0; i < 10; i++)
        cr_assert(eq(int, scan_out(picture_of(640, 480, 9), full, &why), 0));
    cr_assert(eq(u32, fake_card.n_removed, 5));
}

extern const struct output_ops limef_output_module;

Test(kms, framebuffers_of_a_stream_that_ended_go_but_what_is_on_the_screen_stays)
{
    const char *why;
    int key;

    kms.console = (struct kms_console){.fd = -1, .in_front = true};
    for (uint64_t i = 0; i < 5; i++)
        cr_assert(eq(int, scan_out(picture_of(640, 480, 1 + i), full, &why), 0));
    limef_output_module.forget(&output);
    kms.waiting = true; /* one that is on the screen may not be in the scene any more */
    limef_output_module.poll(&output, &key);
    cr_assert(eq(u32, fake_card.n_removed, 0));
    kms.waiting = false;
    limef_output_module.poll(&output, &key);
    cr_assert(eq(u32, fake_card.n_removed, 4));
    cr_assert(eq(int, scan_out(picture_of(640, 480, 5), full, &why), 0));
    cr_assert(eq(u32, fake_card.n_added, 5));
}

Test(kms, buffers_that_the_card_refuses_are_not_asked_for_without_end)
{
    const char *why = NULL;

    fake_card.add_error = EINVAL;
    for (uint64_t i = 0; i < 20; i++)
        cr_assert(eq(int, scan_out(picture_of(640, 480, 1 + i), full, &why), -ENOTSUP));
    cr_assert(eq(str, (char *)why, "the card takes no such framebuffer"));
    cr_assert(eq(u32, fake_card.n_imports, 8)); /* two planes of each of four */
    fake_card.add_error = 0;
    cr_assert(eq(int, scan_out(picture_of(640, 360, 1), low, &why), 0)); /* of another kind */
    cr_assert(eq(int, scan_out(picture_of(640, 480, 1), full, &why), 0));
}

Test(kms, colours_need_properties_that_say_them)
{
    struct kms_plane plane = kms.device.primary;
    struct limef_hardware_frame picture = picture_of(640, 480, 1);
    int64_t encoding, range;

    picture.color_space = AVCOL_SPC_BT709;
    picture.color_range = AVCOL_RANGE_JPEG;
    cr_assert(kms_plane_colours(&plane, &picture, &encoding, &range));
    cr_assert(eq(i64, encoding, 1));
    cr_assert(eq(i64, range, 1));
    plane.properties.range = 0;
    cr_assert(not(kms_plane_colours(&plane, &picture, &encoding, &range)));
    plane.properties.encoding = 0;
    picture = picture_of(640, 480, 1); /* BT.601, limited: what such a plane does */
    cr_assert(kms_plane_colours(&plane, &picture, &encoding, &range));
    cr_assert(eq(i64, encoding, -1));
    picture = picture_of(1920, 1080, 1);
    cr_assert(not(kms_plane_colours(&plane, &picture, &encoding, &range)));
    picture.fourcc = DRM_FORMAT_XRGB8888;
    cr_assert(kms_plane_colours(&plane, &picture, &encoding, &range));
}

Test(kms, its_memory_is_for_software_only_where_a_plane_takes_software_s_formats)
{
    kms.device.render_fd = 7;
    cr_assert(eq(int, kms_card(&output), 7));
    for (unsigned i = 0; i < kms.device.primary.n_formats; i++)
        kms.device.primary.formats[i].fourcc = DRM_FORMAT_XRGB8888;
    cr_assert(eq(int, kms_card(&output), 7), "the overlay takes NV12");
    kms.device.n_overlays = 0;
    cr_assert(eq(int, kms_card(&output), -1));
    kms.device.render_fd = -1;
}
