/* SPDX-License-Identifier: MIT */
#include "limit.h"

#include <limef/filter/tap.h>
#include <limef/frame/decoded.h>
#include <limef/frame/signal.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <libavutil/error.h>

TestSuite(limit, .timeout = 60);

static struct play_limit limit;
static struct limef_tap_filter tap;
static unsigned n_pictures, n_ends;
static uint32_t last_signal;

static int note(void *context, const struct limef_frame *frame)
{
    const struct limef_signal_frame *signal = limef_signal_frame_from(frame);

    (void)context;
    n_pictures += frame->frame_class == LIMEF_FRAME_DECODED;
    if (signal) {
        last_signal = signal->signal;
        n_ends += signal->signal == LIMEF_SIGNAL_END;
    }
    return 0;
}

static void begin(int64_t n_frames, int64_t duration_us)
{
    play_limit_init(&limit, "limit", LIMEF_MEDIA_VIDEO, n_frames, duration_us);
    limef_tap_filter_init(&tap, "tap", note, NULL);
    limef_connect(&limit.filter, &tap.filter);
}

static int give_picture(int64_t pts_us)
{
    struct limef_decoded_frame picture = {.frame = {.frame_class = LIMEF_FRAME_DECODED,
                                                    .media = LIMEF_MEDIA_VIDEO,
                                                    .pts_us = pts_us,
                                                    .duration_us = 40000}};

    return limef_go(&limit.filter, &picture.frame);
}

static int give_signal(uint32_t number)
{
    struct limef_signal_frame signal;

    limef_signal_frame_set(&signal, number, 0, NULL);
    return limef_go(&limit.filter, &signal.frame);
}

Test(limit, ends_after_so_many_pictures)
{
    begin(3, -1);
    for (int i = 0; i < 3; i++)
        cr_assert(zero(int, give_picture(i * 40000)));
    cr_assert(eq(int, give_picture(120000), AVERROR_EXIT));
    cr_assert(eq(uint, n_pictures, 3));
    cr_assert(eq(uint, n_ends, 1));
}

Test(limit, ends_after_so_much_time_from_the_first_picture)
{
    begin(-1, 80000);
    for (int i = 0; i < 5; i++)
        give_picture(1000000 + i * 40000);
    cr_assert(eq(uint, n_pictures, 2));
    cr_assert(eq(uint, n_ends, 1));
}

Test(limit, behind_its_end_signals_pass_and_no_second_end)
{
    begin(1, -1);
    cr_assert(zero(int, give_picture(0)));
    cr_assert(zero(int, give_signal(LIMEF_SIGNAL_SNAPSHOT)));
    cr_assert(eq(u32, last_signal, LIMEF_SIGNAL_SNAPSHOT));
    cr_assert(eq(int, give_signal(LIMEF_SIGNAL_END), AVERROR_EXIT));
    cr_assert(eq(uint, n_ends, 1));
    cr_assert(eq(uint, n_pictures, 1));
}

Test(limit, of_sound_leaves_pictures_alone)
{
    struct limef_decoded_frame block = {.frame = {.frame_class = LIMEF_FRAME_DECODED,
                                                  .media = LIMEF_MEDIA_AUDIO,
                                                  .duration_us = 20000}};

    begin(-1, 100000);
    limit.media = LIMEF_MEDIA_AUDIO;
    cr_assert(zero(int, give_picture(500000)));
    for (block.frame.pts_us = 0; block.frame.pts_us < 100000; block.frame.pts_us += 20000)
        cr_assert(zero(int, limef_go(&limit.filter, &block.frame)));
    cr_assert(zero(uint, n_ends));
    limef_go(&limit.filter, &block.frame);
    cr_assert(eq(uint, n_ends, 1));
    cr_assert(eq(int, limef_go(&limit.filter, &block.frame), AVERROR_EXIT));
}
