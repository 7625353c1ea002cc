/* SPDX-License-Identifier: MIT */
/*
 * What GL composes for a display, and what is full on it: several pictures each, every pixel as the
 * display shows it (card_read_screen()) held against what the picture says.
 */
#include "stage.h"

#include <drm_fourcc.h>
#include <math.h>
#include <stdio.h>

#define N_PICTURES 3
#define CELL_HEIGHT (STAGE_HEIGHT / 2) /* of two tiles, one above the other */

void full_screen_pictures_follow_each_other(void)
{
    struct picture *pictures[2];
    struct stage stage;

    stage_open(&stage, 1);
    for (int i = 0; i < 2; i++)
        pictures[i] = stage_add(&stage, DRM_FORMAT_XRGB8888, STAGE_WIDTH, STAGE_HEIGHT);
    for (int i = 0; i < N_PICTURES; i++) {
        picture_draw(pictures[i % 2], 20 + 5 * i); /* while the other one is shown */
        stage_show(&stage, 0, pictures[i % 2]);
        stage_expect(&stage, pictures[i % 2], 0, 0, 0);
    }
    stage_expect_counts(&stage, N_PICTURES, 0);
    stage_close(&stage);
}

/* Of pictures that are as large as their cells. */
static void grid_pixel(const void *context, int x, int y, int rgb[3])
{
    const struct stage *stage = context;

    picture_expected(&stage->pictures[y / CELL_HEIGHT], x, y % CELL_HEIGHT, rgb);
}

void grid_shows_each_picture_of_its_streams(void)
{
    struct stage stage;
    int worst = 0;

    stage_open(&stage, 2);
    stage_add(&stage, DRM_FORMAT_P010, STAGE_WIDTH, CELL_HEIGHT);
    stage_add(&stage, DRM_FORMAT_XRGB8888, STAGE_WIDTH, CELL_HEIGHT);
    stage_show(&stage, 1, &stage.pictures[1]);
    for (int i = 0; i < 2 * N_PICTURES; i++) {
        uint32_t slot = i % 2;

        picture_draw(&stage.pictures[slot], 30 + 5 * i);
        stage_show(&stage, slot, &stage.pictures[slot]);
        worst = (int)fmax(worst, stage_expect_pixels(&stage, grid_pixel, &stage, 1));
    }
    printf("  %d pictures, at most %d off\n", 2 * N_PICTURES, worst);
    stage_expect_counts(&stage, 0, LIMEF_COUNTED(stage.presenter.n_composed));
    stage_close(&stage);
}

struct turned {
    const struct picture *picture;
    int degrees; /* clockwise */
    bool mirrored;
};

static void turned_pixel(const void *context, int x, int y, int rgb[3])
{
    const struct turned *turned = context;
    int right = turned->picture->width - 1, foot = turned->picture->height - 1;

    x = turned->mirrored ? STAGE_WIDTH - 1 - x : x;
    switch (turned->degrees) {
    case 90:
        picture_expected(turned->picture, y, foot - x, rgb);
        break;
    case 180:
        picture_expected(turned->picture, right - x, foot - y, rgb);
        break;
    case 270:
        picture_expected(turned->picture, right - y, x, rgb);
        break;
    default:
        picture_expected(turned->picture, x, y, rgb);
    }
}

void turned_pictures_are_composed(void)
{
    static const struct turned turns[] = {
        {.degrees = 90}, {.degrees = 180}, {.degrees = 270}, {.mirrored = true}};

    for (size_t i = 0; i < sizeof(turns) / sizeof(turns[0]); i++) {
        bool sideways = turns[i].degrees % 180 != 0;
        struct turned turned = turns[i];
        struct stage stage;

        stage_open(&stage, 1);
        turned.picture =
            stage_add(&stage, DRM_FORMAT_XRGB8888, sideways ? STAGE_HEIGHT : STAGE_WIDTH,
                      sideways ? STAGE_WIDTH : STAGE_HEIGHT);
        stage_show_frame(
            &stage, &(struct limef_decoded_frame){.frame = stage_frame_of(0, &stage.pictures[0]),
                                                  .av = turned.picture->av,
                                                  .rotation_degrees = (int16_t)turned.degrees,
                                                  .mirrored = turned.mirrored});
        printf("  by %d degrees%s: at most %d off\n", turned.degrees,
               turned.mirrored ? ", mirrored" : "",
               stage_expect_pixels(&stage, turned_pixel, &turned, 0));
        stage_expect_counts(&stage, 0, 1);
        stage_close(&stage);
    }
}

/* Twice as large: between the middles of four pixels, in proportion. */
static void enlarged_pixel(const void *context, int x, int y, int rgb[3])
{
    const struct picture *picture = context;
    double at_x = fmin(fmax((x + 0.5) / 2 - 0.5, 0), picture->width - 1);
    double at_y = fmin(fmax((y + 0.5) / 2 - 0.5, 0), picture->height - 1);
    double sums[3] = {0};

    for (int corner = 0; corner < 4; corner++) {
        int column = (int)fmin(floor(at_x) + corner % 2, picture->width - 1);
        int row = (int)fmin(floor(at_y) + corner / 2, picture->height - 1);
        double part_x = at_x - floor(at_x), part_y = at_y - floor(at_y);
        double part = (corner % 2 ? part_x : 1 - part_x) * (corner / 2 ? part_y : 1 - part_y);
        int corner_rgb[3];

        picture_expected(picture, column, row, corner_rgb);
        for (int c = 0; c < 3; c++)
            sums[c] += part * corner_rgb[c];
    }
    for (int c = 0; c < 3; c++)
        rgb[c] = (int)lround(sums[c]);
}

void small_picture_is_enlarged(void)
{
    struct stage stage;
    struct picture *picture;

    stage_open(&stage, 1);
    picture = stage_add(&stage, DRM_FORMAT_XRGB8888, STAGE_WIDTH / 2, STAGE_HEIGHT / 2);
    stage_show(&stage, 0, picture);
    printf("  at most %d off\n", stage_expect_pixels(&stage, enlarged_pixel, picture, 1));
    stage_expect_counts(&stage, 0, 1);
    stage_close(&stage);
}

/* No plane here takes it. */
void pictures_of_10_bits_are_composed(void)
{
    struct stage stage;

    stage_open(&stage, 1);
    for (int i = 0; i < N_PICTURES; i++) {
        struct picture *picture = stage_add(&stage, DRM_FORMAT_P010, STAGE_WIDTH, STAGE_HEIGHT);

        stage_show(&stage, 0, picture);
        stage_expect(&stage, picture, 0, 0, 1);
    }
    stage_expect_counts(&stage, 0, N_PICTURES);
    stage_close(&stage);
}
