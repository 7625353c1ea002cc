/* SPDX-License-Identifier: MIT */
#include <limef/filter/mosaic.h>

#include "support/failing.h"
#include "thread/team_private.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/error.h>
#include <libavutil/frame.h>
#include <limef/base/memory.h>
#include <limef/frame/pool.h>
#include <string.h>

#define WIDTH 640
#define HEIGHT 360
#define HOUR_US 3600000000LL
#define MAX_CELLS 9

static struct limef_mosaic_filter mosaic;
static struct limef_mosaic_cell cells[MAX_CELLS];
static struct limef_pool *pool;

/* The end of the chain: the last grid, and what else came. */
static struct end {
    struct limef_filter filter;
    unsigned n_grids, n_others;
    int64_t pts_us;
    uint32_t slot;
    uint8_t pixels[WIDTH * HEIGHT * 3 / 2];
} end;

static int end_go(struct limef_filter *filter, const struct limef_frame *in)
{
    const struct limef_decoded_frame *decoded = limef_decoded_frame_from(in);
    uint8_t *to = end.pixels;

    (void)filter;
    if (!decoded) {
        end.n_others++;
        return 0;
    }
    end.n_grids++;
    end.pts_us = in->pts_us;
    end.slot = in->slot;
    for (int plane = 0; plane < 3; plane++)
        for (int y = 0; y < HEIGHT >> (plane > 0); y++, to += WIDTH >> (plane > 0))
            memcpy(to, decoded->av->data[plane] + y * decoded->av->linesize[plane],
                   WIDTH >> (plane > 0));
    return 0;
}

static const struct limef_filter_ops end_ops = {.kind = "end", .go = end_go};

static int init(unsigned n_cells, struct limef_team *team)
{
    int ret;

    memset(&end, 0, sizeof(end));
    limef_filter_init(&end.filter, &end_ops, NULL);
    /* an hour: a grid comes when the test ticks, not before */
    ret = limef_mosaic_filter_init(
        &mosaic, NULL, cells, n_cells,
        &(struct limef_mosaic_settings){
            .width = WIDTH, .height = HEIGHT, .interval_us = HOUR_US, .slot = 77, .team = team});
    if (ret == 0)
        limef_connect(&mosaic.filter, &end.filter);
    return ret;
}

static void make_pool(void)
{
    pool = limef_pool_create(LIMEF_FRAME_DECODED);
}

static void clear_all(void)
{
    limef_filter_clear(&mosaic.filter);
    limef_pool_release(pool);
}

TestSuite(mosaic, .init = make_pool, .fini = clear_all, .timeout = 60);

/* Gives a picture of one grey, or, below 0, of a pattern. */
static int give(uint32_t slot, int width, int height, int grey)
{
    struct limef_payload *payload = limef_pool_get(pool);
    AVFrame *picture = limef_payload_picture(payload);
    struct limef_decoded_frame decoded = {0};
    int ret;

    picture->format = AV_PIX_FMT_YUV420P;
    picture->width = width;
    picture->height = height;
    av_frame_get_buffer(picture, 64);
    for (int plane = 0; plane < 3; plane++)
        for (int y = 0; y < height >> (plane > 0); y++)
            for (int x = 0; x < width >> (plane > 0); x++)
                picture->data[plane][y * picture->linesize[plane] + x] =
                    (uint8_t)(grey < 0 ? x * y - grey * (x + plane)
                              : plane  ? 128
                                       : grey);
    limef_decoded_frame_set(&decoded, payload);
    decoded.frame.media = LIMEF_MEDIA_VIDEO;
    decoded.frame.slot = slot;
    ret = limef_go(&mosaic.filter, &decoded.frame);
    limef_payload_unref(payload);
    return ret;
}

static void tick(int64_t n_intervals)
{
    limef_mosaic_tick(&mosaic, mosaic.start_us + n_intervals * HOUR_US);
}

static int luma(int x, int y)
{
    return end.pixels[y * WIDTH + x];
}

Test(mosaic, each_slot_is_in_its_cell)
{
    init(4, NULL);
    for (uint32_t i = 0; i < 4; i++)
        give(i, 320, 180, 50 + 40 * (int)i);
    tick(0);
    cr_assert(eq(uint, end.n_grids, 1));
    cr_assert(eq(uint, end.slot, 77));
    for (int i = 0; i < 4; i++) {
        int x = i % 2 * WIDTH / 2, y = i / 2 * HEIGHT / 2;

        cr_assert(eq(int, luma(x, y), 50 + 40 * i));
        cr_assert(eq(int, luma(x + WIDTH / 2 - 1, y + HEIGHT / 2 - 1), 50 + 40 * i));
    }
}

Test(mosaic, a_picture_keeps_its_shape_on_black)
{
    init(1, NULL);
    give(0, 100, 100, 200);
    tick(0);
    cr_assert(eq(int, luma(0, HEIGHT / 2), 16));
    cr_assert(eq(int, luma(WIDTH - 1, HEIGHT / 2), 16));
    cr_assert(eq(int, luma(WIDTH / 2, 0), 200));
    cr_assert(eq(int, luma(WIDTH / 2, HEIGHT - 1), 200));
}

Test(mosaic, who_does_not_come_is_black_and_who_is_late_stays)
{
    init(2, NULL);
    give(0, 320, 360, 90);
    tick(0);
    tick(1);
    cr_assert(eq(uint, end.n_grids, 2));
    cr_assert(eq(int, luma(WIDTH / 4, HEIGHT / 2), 90));
    cr_assert(eq(int, luma(WIDTH * 3 / 4, HEIGHT / 2), 16));
    give(1, 320, 360, 120);
    tick(2);
    cr_assert(eq(int, luma(WIDTH / 4, HEIGHT / 2), 90));
    cr_assert(eq(int, luma(WIDTH * 3 / 4, HEIGHT / 2), 120));
}

Test(mosaic, who_is_lost_becomes_black_and_the_signal_passes)
{
    struct limef_signal_frame lost;

    limef_signal_frame_set(&lost, LIMEF_SIGNAL_LOST, 0, NULL);
    init(1, NULL);
    give(0, 320, 180, 90);
    tick(0);
    limef_go(&mosaic.filter, &lost.frame);
    tick(1);
    cr_assert(eq(int, luma(WIDTH / 2, HEIGHT / 2), 16));
    cr_assert(eq(uint, end.n_others, 1));
}

Test(mosaic, comes_at_a_fixed_rate_and_counts_what_it_missed)
{
    init(1, NULL);
    tick(5); /* no picture yet: no grid */
    cr_assert(eq(uint, end.n_grids, 0));
    give(0, 320, 180, 90);
    cr_assert(eq(uint, end.n_grids, 0));
    tick(0);
    cr_assert(eq(i64, end.pts_us, 0));
    tick(0); /* too early */
    tick(1);
    cr_assert(eq(uint, end.n_grids, 2));
    cr_assert(eq(i64, end.pts_us, HOUR_US));
    tick(4);
    cr_assert(eq(uint, end.n_grids, 3));
    cr_assert(eq(i64, end.pts_us, 4 * HOUR_US));
    cr_assert(eq(u64, LIMEF_COUNTED(mosaic.n_missed), 2));
}

Test(mosaic, places_without_a_slot_are_black)
{
    init(5, NULL); /* three columns, two rows */
    for (uint32_t i = 0; i < 5; i++)
        give(i, 320, 180, 99);
    tick(0);
    cr_assert(eq(int, luma(WIDTH - 1, HEIGHT - 1), 16));
    cr_assert(eq(int, luma(WIDTH * 5 / 6, HEIGHT * 3 / 4), 16));
    cr_assert(eq(int, luma(WIDTH * 5 / 6, HEIGHT / 4), 99));
}

Test(mosaic, follows_a_picture_that_changes)
{
    init(1, NULL);
    give(0, 320, 180, 90);
    tick(0);
    give(0, 64, 36, 91);
    tick(1);
    cr_assert(eq(int, luma(WIDTH / 2, HEIGHT / 2), 91));
    give(0, 36, 64, 92);
    tick(2);
    cr_assert(eq(int, luma(0, HEIGHT / 2), 16));
    cr_assert(eq(int, luma(WIDTH / 2, HEIGHT / 2), 92));
}

Test(mosaic, what_is_not_for_a_cell_passes)
{
    struct limef_signal_frame other;

    limef_signal_frame_set(&other, LIMEF_SIGNAL_START, 5, NULL);
    init(1, NULL);
    limef_go(&mosaic.filter, &other.frame);
    cr_assert(eq(uint, end.n_others, 1));
}

Test(mosaic, a_picture_that_nobody_counts_is_refused)
{
    AVFrame *picture = av_frame_alloc();
    struct limef_decoded_frame decoded = {
        .frame = {LIMEF_FRAME_DECODED, .media = LIMEF_MEDIA_VIDEO}, .av = picture};

    init(1, NULL);
    cr_assert(eq(int, limef_go(&mosaic.filter, &decoded.frame), AVERROR(EINVAL)));
    av_frame_free(&picture);
}

Test(mosaic, is_bit_equal_whoever_draws)
{
    static uint8_t alone[sizeof(end.pixels)];
    static struct limef_team team;
    static struct limef_team_worker workers[2];

    for (unsigned n_cells = 1; n_cells <= MAX_CELLS; n_cells++)
        for (int shared = 0; shared < 2; shared++) {
            cr_assert(eq(int, team_start(&team, workers, 2, NULL), 0));
            team_fix_dispatch(&team, 0);
            cr_assert(eq(int, init(n_cells, shared ? &team : NULL), 0));
            for (int round = 0; round < 3; round++) {
                for (uint32_t i = 0; i < n_cells; i += 1 + (uint32_t)round)
                    give(i, 300 + 10 * (int)i, 200 - 6 * (int)i, -1 - (int)i - round);
                tick(round);
            }
            if (shared)
                cr_assert(eq(int, memcmp(alone, end.pixels, sizeof(alone)), 0), "%u", n_cells);
            memcpy(alone, end.pixels, sizeof(alone));
            limef_filter_clear(&mosaic.filter);
            cr_assert(eq(int, limef_team_stop(&team, 10000000), 0));
        }
}

Test(mosaic, in_steady_state_nothing_is_allocated)
{
    uint64_t before;

    init(4, NULL);
    for (uint32_t i = 0; i < 4; i++)
        give(i, 320, 180, 99);
    for (int i = 0; i < 4; i++)
        tick(i);
    before = limef_memory_n_allocations();
    for (int i = 4; i < 20; i++) {
        mosaic.cells[0].changed = true;
        tick(i);
    }
    cr_assert(eq(u64, limef_memory_n_allocations(), before));
}

Test(mosaic, impossible_settings_are_refused)
{
    struct limef_mosaic_settings odd = {.width = 641, .height = 360};

    cr_assert(eq(int, limef_mosaic_filter_init(&mosaic, NULL, cells, 1, &odd), AVERROR(EINVAL)));
    cr_assert(eq(int, limef_mosaic_filter_init(&mosaic, NULL, cells, 0, NULL), AVERROR(EINVAL)));
    cr_assert(eq(ptr, (void *)mosaic.filter.ops, NULL));
}

Test(mosaic, each_failing_allocation_is_enomem_and_leaves_nothing)
{
    bool failed = true;

    for (unsigned n = 1; failed; n++) {
        int ret;

        failing_install(n);
        ret = init(1, NULL);
        failed = failing_failed();
        cr_assert(eq(int, ret, failed ? AVERROR(ENOMEM) : 0));
        limef_filter_clear(&mosaic.filter);
        cr_assert(eq(int, failing_n_out(), 0));
        failing_remove();
    }
}
