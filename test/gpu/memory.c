/* SPDX-License-Identifier: MIT */
/* Each allocation of the output fails in turn. */
#include "rendering.h"

#include "support/failing.h"
#include "support/silence.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/error.h>
#include <libavutil/frame.h>
#include <limef/base/log.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct limef_tile tiles[2];
static struct limef_presenter presenter;

static void set_up(void)
{
    limef_log_set_sink(log_to_nobody, NULL);
    if (!rendering_open(&presenter, tiles, 2, (struct limef_presenter_settings){0})) {
        limef_filter_clear(&presenter.filter);
        cr_skip_test("no surfaceless EGL here");
    }
    limef_filter_clear(&presenter.filter);
}

TestSuite(gpu_memory, .init = set_up, .timeout = 60);

/* Opens, and shows two pictures of each kind of work. Returns what opening did. */
static int open_and_show(AVFrame *const *pictures, unsigned n_pictures)
{
    struct limef_presenter_settings settings = {
        .output = LIMEF_OUTPUT_OFFSCREEN, .width = 96, .height = 64, .untimed = true};
    struct limef_presenter_slot_counters seen;
    int ret;

    memset(tiles, 0, sizeof(tiles));
    cr_assert(eq(int, limef_presenter_init(&presenter, "screen", tiles, 2, &settings), 0));
    limef_presenter_get_buffers(&presenter, true);
    ret = limef_presenter_open(&presenter);
    if (ret < 0)
        return ret;
    limef_presenter_set_overlay(&presenter, "over");
    for (unsigned i = 0; i < n_pictures; i++) {
        int first = rendering_show(&presenter, 0, pictures[i], 0, false);

        cr_assert(first == 0 || (failing_failed() && first == AVERROR(ENOMEM)), "%d", first);
        cr_assert(eq(int, rendering_show(&presenter, 0, pictures[i], 0, false), 0));
    }
    limef_presenter_get_counters(&presenter, 0, &seen);
    cr_assert(eq(u64, seen.n_pictures, 2 * n_pictures));
    cr_assert(le(u64, seen.n_failed, failing_failed()));
    cr_assert(ge(u64, seen.n_shown + failing_failed(), 2 * n_pictures));
    return 0;
}

Test(gpu_memory, each_failing_allocation_costs_at_most_one_picture_and_leaks_nothing)
{
    AVFrame *pictures[] = {
        rendering_waves(AV_PIX_FMT_YUV420P, 64, 48),
        rendering_waves(AV_PIX_FMT_YUV422P10BE, 64, 48), /* converted: there is no shader */
        rendering_waves(AV_PIX_FMT_RGB24, 50, 40),       /* repacked, where GL wants it */
    };
    bool failed = true;
    unsigned n = 0, n_refused = 0;

    while (failed) {
        int ret;

        failing_install(++n);
        ret = open_and_show(pictures, 3);
        failed = failing_failed();
        cr_assert(ret == 0 || (failed && ret == AVERROR(ENOMEM)), "allocation %u: %d", n, ret);
        n_refused += ret < 0;
        limef_filter_clear(&presenter.filter);
        cr_assert(eq(int, failing_n_out(), 0), "allocation %u", n);
        failing_remove();
    }
    cr_assert(gt(uint, n_refused, 0));
    cr_assert(gt(uint, n, 5));
    for (unsigned i = 0; i < 3; i++)
        av_frame_free(&pictures[i]);
}

Test(gpu_memory, a_snapshot_without_memory_says_so_and_the_next_one_is_written)
{
    struct limef_presenter_settings settings = {.width = 32, .height = 32};
    char path[] = "/tmp/limef_snapshot_XXXXXX.png";
    bool failed = true;
    unsigned n = 0;
    int fd = mkstemps(path, 4);

    cr_assert(ge(int, fd, 0));
    close(fd);
    cr_assert(rendering_open(&presenter, tiles, 2, settings));
    limef_presenter_tick(&presenter, limef_now_us());
    while (failed) {
        int ret;

        failing_install(++n);
        ret = limef_presenter_snapshot(&presenter, path);
        failed = failing_failed();
        cr_assert(eq(int, ret, failed ? AVERROR(ENOMEM) : 0), "allocation %u", n);
        cr_assert(eq(int, failing_n_out(), 0), "allocation %u", n);
        failing_remove();
    }
    cr_assert(gt(uint, n, 2));
    unlink(path);
    limef_filter_clear(&presenter.filter);
}
