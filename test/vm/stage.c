/* SPDX-License-Identifier: MIT */
#include "stage.h"

#include <limef/base/clock.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Under emulation the first drawing of GL takes seconds. */
#define DEADLINE_US 60000000

const char *stage_path;

int stage_open_presenter(struct stage *stage, unsigned n_tiles, int width, int height)
{
    struct limef_presenter_settings settings = {.output = LIMEF_OUTPUT_KMS,
                                                .untimed = true,
                                                .width = width,
                                                .height = height,
                                                .kms = &stage->kms};

    if (limef_presenter_init(&stage->presenter, "screen", stage->tiles, n_tiles, &settings) < 0)
        die("no presenter");
    if (stage->lends)
        limef_presenter_get_buffers(&stage->presenter, false);
    return limef_presenter_open(&stage->presenter);
}

void stage_open(struct stage *stage, unsigned n_tiles)
{
    *stage = (struct stage){0};
    card_open(&stage->card, stage_path);
    stage->kms.drm_fd = stage->card.fd;
    if (stage_open_presenter(stage, n_tiles, STAGE_WIDTH, STAGE_HEIGHT) < 0)
        die("the output does not open");
}

struct picture *stage_add(struct stage *stage, uint32_t fourcc, int width, int height)
{
    struct picture *picture = &stage->pictures[stage->n_pictures];

    picture_open(picture, &stage->card, fourcc, width, height, (int)++stage->n_pictures * 7);
    return picture;
}

void stage_close_presenter(struct stage *stage)
{
    if (limef_presenter_close(&stage->presenter) < 0)
        die("the output does not close");
    limef_filter_clear(&stage->presenter.filter);
    for (unsigned i = 0; i < stage->n_pictures; i++) {
        if (!stage->pictures[i].released && stage->pictures[i].payload.n_refs > 1)
            die("picture %u is still in use", i);
        picture_close(&stage->pictures[i]);
    }
}

void stage_close(struct stage *stage)
{
    stage_close_presenter(stage);
    card_close(&stage->card);
}

void stage_wait(struct stage *stage, bool (*done)(const struct stage *), const char *what)
{
    int64_t deadline_us = limef_now_us() + DEADLINE_US, now_us, due_us;

    while (!done(stage)) {
        now_us = limef_now_us();
        if (now_us > deadline_us)
            die("in vain: %s", what);
        due_us = limef_presenter_tick(&stage->presenter, now_us);
        if (due_us > now_us)
            usleep((useconds_t)((due_us < deadline_us ? due_us : deadline_us) - now_us));
    }
}

bool stage_is_settled(const struct stage *stage)
{
    return !stage->presenter.flip.waiting && !stage->presenter.dirty &&
           stage->tiles[0].next.frame.frame_class == LIMEF_FRAME_EMPTY &&
           stage->tiles[1].next.frame.frame_class == LIMEF_FRAME_EMPTY;
}

void stage_show_frame(struct stage *stage, const struct limef_decoded_frame *decoded)
{
    if (limef_go(&stage->presenter.filter, &decoded->frame) < 0)
        die("a picture is refused");
    stage_wait(stage, stage_is_settled, "a picture comes onto the screen");
}

struct limef_frame stage_frame_of(uint32_t slot, struct picture *picture)
{
    picture->released = false;
    return (struct limef_frame){.frame_class = LIMEF_FRAME_DECODED,
                                .slot = slot,
                                .media = LIMEF_MEDIA_VIDEO,
                                .pts_us = LIMEF_NO_TIME,
                                .payload = &picture->payload};
}

void stage_show(struct stage *stage, uint32_t slot, struct picture *picture)
{
    struct limef_decoded_frame decoded = {.frame = stage_frame_of(slot, picture),
                                          .av = picture->av};

    stage_show_frame(stage, &decoded);
}

int stage_expect_pixels(const struct stage *stage, stage_pixel_fn *expected, const void *context,
                        int tolerance)
{
    int width, height, worst = 0;
    uint8_t *screen = card_read_screen(&stage->card, &width, &height);

    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            const uint8_t *pixel = screen + 4 * ((ptrdiff_t)y * width + x);
            int rgb[3] = {0, 0, 0};

            expected(context, x, y, rgb);
            for (int c = 0; c < 3; c++) {
                int off = abs(pixel[2 - c] - rgb[c]);

                if (off > tolerance && off > worst)
                    printf("pixel %d,%d: %d %d %d, not %d %d %d\n", x, y, pixel[2], pixel[1],
                           pixel[0], rgb[0], rgb[1], rgb[2]);
                worst = off > worst ? off : worst;
            }
        }
    free(screen);
    if (worst > tolerance)
        die("the screen is %d off", worst);
    return worst;
}

void stage_av_pixel(const void *context, int x, int y, int rgb[3])
{
    const AVFrame *av = context;
    int row = y - (STAGE_HEIGHT - av->height) / 2;

    if (row < 0 || row >= av->height || x >= av->width)
        return;
    colour_expected(av->data[0][row * av->linesize[0] + x],
                    av->data[1][row / 2 * av->linesize[1] + x / 2],
                    av->data[2][row / 2 * av->linesize[2] + x / 2], av, rgb);
}

/* A picture at a place. */
struct placed {
    const struct picture *picture;
    int x, y;
};

static void placed_pixel(const void *context, int x, int y, int rgb[3])
{
    const struct placed *placed = context;
    const struct picture *picture = placed->picture;

    if (x >= placed->x && y >= placed->y && x < placed->x + picture->width &&
        y < placed->y + picture->height)
        picture_expected(picture, x - placed->x, y - placed->y, rgb);
}

void stage_expect(const struct stage *stage, const struct picture *picture, int at_x, int at_y,
                  int tolerance)
{
    const struct placed placed = {picture, at_x, at_y};

    printf("  at most %d off\n", stage_expect_pixels(stage, placed_pixel, &placed, tolerance));
}

void stage_expect_counts(const struct stage *stage, uint64_t n_planes, uint64_t n_composed)
{
    uint64_t planes = LIMEF_COUNTED(stage->presenter.n_planes);
    uint64_t composed = LIMEF_COUNTED(stage->presenter.n_composed);
    const char *why = LIMEF_COUNTED(stage->presenter.planes_why);

    if (planes != n_planes || composed != n_composed)
        die("%d on planes, %d composed, not %d and %d; %s", (int)planes, (int)composed,
            (int)n_planes, (int)n_composed, why ? why : "no reason");
}

unsigned stage_count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    unsigned n = 0;

    while (folder && readdir(folder))
        n++;
    closedir(folder);
    return n;
}
