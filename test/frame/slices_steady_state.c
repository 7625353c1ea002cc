/* SPDX-License-Identifier: MIT */
/*
 * What slices allocate in steady state: nothing of their own. libswscale takes one
 * reference to each of the two pictures for each slice, and that is all there may be,
 * whatever hangs on the pictures.
 */
#include "frame/slices.h"

#include "support/check.h"
#include "support/counted_calls.h"
#include "thread/team_private.h"

#include <libavutil/frame.h>
#include <libswscale/swscale.h>
#include <stdio.h>
#include <stdlib.h>

#define N_WARM_UP 10
#define N_FRAMES 100
#define N_THREADS 2
#define N_SLICES (2 * N_THREADS)

static AVFrame *make(int width, int height)
{
    AVFrame *picture = av_frame_alloc();

    CHECK(picture);
    picture->format = AV_PIX_FMT_YUV420P;
    picture->width = width;
    picture->height = height;
    CHECK(av_frame_get_buffer(picture, 64) == 0);
    for (int i = 0; i < AV_NUM_DATA_POINTERS && picture->buf[i]; i++)
        for (size_t n = 0; n < picture->buf[i]->size; n++)
            picture->buf[i]->data[n] = (uint8_t)n;
    return picture;
}

int main(void)
{
    AVFrame *in = make(640, 480), *out = make(320, 320);
    static struct limef_team_worker workers[N_THREADS - 1];
    struct limef_slices *slices;
    struct limef_team team = {0};
    uint64_t before, n;

    CHECK(av_dict_set(&in->metadata, "key", "value", 0) == 0);
    CHECK(av_frame_new_side_data(in, AV_FRAME_DATA_A53_CC, 32));
    CHECK(team_start(&team, workers, N_THREADS - 1, NULL) == 0);
    team_fix_dispatch(&team, 0);
    CHECK(slices_open(&slices, in, out, SWS_BILINEAR | SWS_ACCURATE_RND, &team) == 0 && slices);
    for (unsigned i = 0; i < N_WARM_UP; i++)
        CHECK(slices_run(slices, out, in) == 0);
    before = counted_allocations();
    for (unsigned i = 0; i < N_FRAMES; i++)
        CHECK(slices_run(slices, out, in) == 0);
    n = counted_allocations() - before;
    printf("%llu allocations for %u pictures%s\n", (unsigned long long)n, N_FRAMES,
           is_sanitized() ? ", not counted under a sanitizer" : "");
    CHECK(n <= 2 * N_SLICES * N_FRAMES);
    CHECK(is_sanitized() || n > 0); /* it does count */
    slices_close(&slices);
    limef_team_stop(&team, 10000000);
    av_frame_free(&in);
    av_frame_free(&out);
    return 0;
}
