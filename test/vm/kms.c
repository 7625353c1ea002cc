/* SPDX-License-Identifier: MIT */
/*
 * kms CARD [TEST...]
 *
 * Shows pictures by KMS on a card of vkms and holds them against what its
 * display shows, by writeback. Runs in the virtual machine, as root.
 */
#include "stage.h"

#include <limef/base/clock.h>
#include <limef/base/log.h>

#include <drm_fourcc.h>
#include <stdio.h>
#include <string.h>

static void full_screen_picture_is_on_a_plane(void)
{
    static const uint32_t formats[] = {DRM_FORMAT_NV12, DRM_FORMAT_YUV420, DRM_FORMAT_XRGB8888};
    struct stage stage;

    for (int i = 0; i < 3; i++) {
        struct picture *first, *second;

        stage_open(&stage, 1);
        first = stage_add(&stage, formats[i], STAGE_WIDTH, STAGE_HEIGHT);
        second = stage_add(&stage, formats[i], STAGE_WIDTH, STAGE_HEIGHT);
        stage_show(&stage, 0, first);
        stage_expect(&stage, first, 0, 0, formats[i] == DRM_FORMAT_XRGB8888 ? 0 : 1);
        if (first->payload.n_refs != 4) /* ours, the compositor's two, the display's */
            die("the picture on the screen has %u references", first->payload.n_refs);
        stage_show(&stage, 0, second);
        stage_expect(&stage, second, 0, 0, formats[i] == DRM_FORMAT_XRGB8888 ? 0 : 1);
        if (first->payload.n_refs != 1)
            die("the picture before is still held");
        stage_expect_counts(&stage, 2, 0);
        if (LIMEF_COUNTED(stage.tiles[0].n_planes) != 2)
            die("the slot says nothing of the plane");
        stage_close(&stage);
    }
}

static void colours_are_those_of_the_picture(void)
{
    struct stage stage;
    struct picture *picture;

    stage_open(&stage, 1);
    picture = stage_add(&stage, DRM_FORMAT_NV12, STAGE_WIDTH, STAGE_HEIGHT);
    picture->av->colorspace = AVCOL_SPC_BT709;
    stage_show(&stage, 0, picture);
    stage_expect(&stage, picture, 0, 0, 1);
    picture = stage_add(&stage, DRM_FORMAT_NV12, STAGE_WIDTH, STAGE_HEIGHT);
    picture->av->color_range = AVCOL_RANGE_JPEG;
    stage_show(&stage, 0, picture);
    stage_expect(&stage, picture, 0, 0, 1);
    stage_expect_counts(&stage, 2, 0);
    picture = stage_add(&stage, DRM_FORMAT_NV12, STAGE_WIDTH, STAGE_HEIGHT);
    picture->av->colorspace = AVCOL_SPC_BT2020_NCL;
    stage_show(&stage, 0, picture);
    stage_expect_counts(&stage, 2, 1); /* vkms has no such matrix: GL has */
    stage_close(&stage);
}

static void wide_picture_is_on_an_overlay_with_black_around_it(void)
{
    struct stage stage;
    struct picture *wide, *full;

    stage_open(&stage, 1);
    wide = stage_add(&stage, DRM_FORMAT_NV12, STAGE_WIDTH, 180);
    full = stage_add(&stage, DRM_FORMAT_NV12, STAGE_WIDTH, STAGE_HEIGHT);
    stage_show(&stage, 0, wide);
    stage_expect(&stage, wide, 0, 30, 1);
    stage_show(&stage, 0, full);
    stage_expect(&stage, full, 0, 0, 1);
    stage_show(&stage, 0, wide);
    stage_expect(&stage, wide, 0, 30, 1);
    stage_expect_counts(&stage, 3, 0);
    stage_close(&stage);
}

/* The buffer has more than is to be seen. */
static void what_is_cut_off_is_not_on_a_plane(void)
{
    struct stage stage;
    struct picture *picture;

    stage_open(&stage, 1);
    picture = stage_add(&stage, DRM_FORMAT_NV12, STAGE_WIDTH + 16, STAGE_HEIGHT + 8);
    picture->av->crop_left = 16;
    picture->av->crop_top = 8;
    stage_show(&stage, 0, picture);
    stage_expect(&stage, picture, -16, -8, 1);
    stage_expect_counts(&stage, 1, 0);
    stage_close(&stage);
}

/* vkms does not scale. */
static void what_no_plane_scales_is_composed_and_the_next_is_not(void)
{
    struct stage stage;
    struct picture *small, *full, *again;
    const char *why;

    stage_open(&stage, 1);
    full = stage_add(&stage, DRM_FORMAT_XRGB8888, STAGE_WIDTH, STAGE_HEIGHT);
    small = stage_add(&stage, DRM_FORMAT_XRGB8888, STAGE_WIDTH / 2, STAGE_HEIGHT / 2);
    again = stage_add(&stage, DRM_FORMAT_XRGB8888, STAGE_WIDTH, STAGE_HEIGHT);
    stage_show(&stage, 0, full);
    stage_show(&stage, 0, small);
    stage_expect_counts(&stage, 1, 1);
    why = LIMEF_COUNTED(stage.presenter.planes_why);
    if (!why || strcmp(why, "no plane scales so"))
        die("composed because %s", why ? why : "of nothing");
    if (LIMEF_COUNTED(stage.tiles[0].uploaded_bytes) + LIMEF_COUNTED(stage.tiles[0].memory_bytes))
        die("the composed picture was moved");
    stage_show(&stage, 0, again);
    stage_expect(&stage, again, 0, 0, 0);
    stage_expect_counts(&stage, 2, 1);
    stage_close(&stage);
}

static void text_over_a_picture_is_composed(void)
{
    struct stage stage;
    struct picture *picture;

    stage_open(&stage, 1);
    picture = stage_add(&stage, DRM_FORMAT_XRGB8888, STAGE_WIDTH, STAGE_HEIGHT);
    stage_show(&stage, 0, picture);
    limef_presenter_set_overlay(&stage.presenter, "text");
    stage_wait(&stage, stage_is_settled, "the text comes onto the screen");
    stage_expect_counts(&stage, 1, 1);
    limef_presenter_set_overlay(&stage.presenter, NULL);
    stage_show(&stage, 0, picture);
    stage_expect_counts(&stage, 2, 1);
    stage_expect(&stage, picture, 0, 0, 0);
    stage_close(&stage);
}

static void two_streams_are_composed_and_one_alone_is_not(void)
{
    struct stage stage;
    struct picture *left, *right;
    uint64_t n_composed;

    stage_open(&stage, 2);
    left = stage_add(&stage, DRM_FORMAT_NV12, STAGE_WIDTH, STAGE_HEIGHT);
    right = stage_add(&stage, DRM_FORMAT_NV12, STAGE_WIDTH, STAGE_HEIGHT);
    stage_show(&stage, 0, left);
    stage_show(&stage, 1, right);
    n_composed = LIMEF_COUNTED(stage.presenter.n_composed);
    if (n_composed < 2)
        die("the grid was not composed");
    stage_expect_counts(&stage, 0, n_composed);
    limef_presenter_set_layout(&stage.presenter, 1);
    stage_show(&stage, 1, right);
    stage_expect(&stage, right, 0, 0, 1);
    n_composed = LIMEF_COUNTED(stage.presenter.n_composed);
    stage_expect_counts(&stage, 1, n_composed);
    limef_presenter_set_layout(&stage.presenter, LIMEF_PRESENTER_ALL);
    stage_wait(&stage, stage_is_settled, "the grid comes back");
    if (LIMEF_COUNTED(stage.presenter.n_composed) == n_composed)
        die("the grid does not come back");
    stage_close(&stage);
}

static const struct {
    const char *name;
    void (*run)(void);
    bool by_name; /* only if it is asked for */
} tests[] = {
#define LONG(name)                                                                                 \
    {                                                                                              \
#name, name, true                                                                          \
    }
#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name                                                                                \
    }
    TEST(full_screen_picture_is_on_a_plane),
    TEST(colours_are_those_of_the_picture),
    TEST(wide_picture_is_on_an_overlay_with_black_around_it),
    TEST(what_is_cut_off_is_not_on_a_plane),
    TEST(what_no_plane_scales_is_composed_and_the_next_is_not),
    TEST(picture_in_ordinary_memory_is_on_a_plane),
    TEST(text_over_a_picture_is_composed),
    TEST(two_streams_are_composed_and_one_alone_is_not),
    TEST(full_screen_pictures_follow_each_other),
    TEST(grid_shows_each_picture_of_its_streams),
    TEST(turned_pictures_are_composed),
    TEST(small_picture_is_enlarged),
    TEST(pictures_of_10_bits_are_composed),
    TEST(mode_is_the_nearest_one),
    TEST(nothing_is_left_behind),
    TEST(nodes_of_a_card_are_of_one_device),
    TEST(leased_display_is_enough),
    TEST(display_that_is_unplugged_comes_back),
    TEST(display_follows_the_console),
    TEST(pictures_of_vaapi_are_on_a_plane),
    TEST(pictures_of_software_are_on_a_plane),
    TEST(pictures_of_a_camera_are_on_a_plane),
    TEST(pictures_of_a_camera_are_drawn_as_if_uploaded),
    TEST(display_counts_the_same_of_the_same_picture),
    TEST(display_waits_for_who_writes),
    TEST(display_waits_for_all_who_write),
    LONG(drawing_waits_for_who_writes),
    LONG(display_that_is_plugged_in_has_a_mode_of_its_own),
    LONG(each_call_may_fail),
    LONG(flips_of_two_buffers),
    LONG(gbm_and_egl_alone),
#undef TEST
#undef LONG
};

static bool is_asked(const char *name, int n, char **names)
{
    for (int i = 0; i < n; i++)
        if (!strcmp(names[i], name))
            return true;
    return false;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        die("usage: %s CARD [TEST...]", argv[0]);
    stage_path = argv[1];
    setvbuf(stdout, NULL, _IOLBF, 0);
    limef_log_set_level(LIMEF_LOG_INFO);
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        int64_t begun_us = limef_now_us();

        if (argc > 2 ? !is_asked(tests[i].name, argc - 2, argv + 2) : tests[i].by_name)
            continue;
        printf("%s\n", tests[i].name);
        tests[i].run();
        printf("ok %s, %.1f s\n", tests[i].name, (double)(limef_now_us() - begun_us) / 1e6);
    }
    return 0;
}
