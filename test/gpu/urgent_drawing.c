/* SPDX-License-Identifier: MIT */
/* The threads that draw where the CPU renders, as urgent as pictures that are in time. */
#include "rendering.h"
#include "thread/priority.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <dirent.h>
#include <libavutil/frame.h>
#include <libavutil/pixfmt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int gray[3] = {126, 128, 128};
static struct limef_tile tile;
static struct limef_presenter presenter;

static bool draws(const char *thread)
{
    char path[300], name[32] = "";
    FILE *comm;

    snprintf(path, sizeof(path), "/proc/self/task/%s/comm", thread);
    comm = fopen(path, "r");
    if (!comm || !fgets(name, sizeof(name), comm))
        name[0] = 0;
    if (comm)
        fclose(comm);
    return strncmp(name, "llvmpipe", 8) == 0;
}

/* How many threads draw, and how many of them with a real-time priority. */
static void count(int *n, int *n_urgent)
{
    DIR *threads = opendir("/proc/self/task");
    struct dirent *entry;

    *n = *n_urgent = 0;
    cr_assert(threads != NULL);
    while ((entry = readdir(threads)))
        if (draws(entry->d_name)) {
            ++*n;
            *n_urgent +=
                (sched_getscheduler(atoi(entry->d_name)) & ~SCHED_RESET_ON_FORK) == SCHED_RR;
        }
    closedir(threads);
}

static void open_as_display(bool untimed, int *n, int *n_urgent)
{
    struct limef_presenter_settings settings = {.width = 64, .height = 32, .untimed = untimed};
    int width, height;
    AVFrame *av;

    if (priority_apply(LIMEF_PRIORITY_DISPLAY, "display") != LIMEF_SCHEDULED_RR)
        cr_skip_test("real-time priorities are not permitted here");
    if (!rendering_open(&presenter, &tile, 1, settings))
        cr_skip_test("no surfaceless EGL here");
    av = rendering_plain(AV_PIX_FMT_YUV420P, 32, 32, gray);
    cr_assert(zero(int, rendering_show(&presenter, 0, av, 0, false)));
    av_frame_free(&av);
    free(rendering_read(&presenter, &width, &height)); /* so that all of them have run */
    count(n, n_urgent);
    if (!*n)
        cr_skip_test("no threads of llvmpipe draw here");
}

static void close_presenter(void)
{
    limef_filter_clear(&presenter.filter);
}

TestSuite(urgent_drawing, .fini = close_presenter, .timeout = 60);

Test(urgent_drawing, comes_before_what_is_not_urgent_where_pictures_are_in_time)
{
    int n, n_urgent;

    open_as_display(false, &n, &n_urgent);
    cr_assert(eq(int, n_urgent, n));
}

Test(urgent_drawing, is_as_all_else_where_nothing_is_in_time)
{
    int n, n_urgent;

    open_as_display(true, &n, &n_urgent);
    cr_assert(zero(int, n_urgent));
}
