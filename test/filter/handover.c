/* SPDX-License-Identifier: MIT */
#include "filter/handover.h"

#include "support/failing.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/error.h>
#include <libavutil/frame.h>
#include <limef/frame/pool.h>
#include <string.h>

static struct handover *handover;
static uint64_t copied_bytes;
static bool skipped, fresh;

static AVFrame *make_gray(uint8_t value)
{
    AVFrame *av = av_frame_alloc();

    av->format = AV_PIX_FMT_GRAY8;
    av->width = 32;
    av->height = 16;
    cr_assert(eq(int, av_frame_get_buffer(av, 0), 0));
    memset(av->data[0], value, (size_t)av->linesize[0] * 16);
    return av;
}

static int write_uncounted(const AVFrame *av, int64_t pts_us)
{
    struct limef_decoded_frame decoded = {
        .frame = {.frame_class = LIMEF_FRAME_DECODED, .pts_us = pts_us}, .av = av};

    return handover_write_picture(handover, 0, &decoded, &copied_bytes, &skipped);
}

Test(handover, gives_the_newest_and_keeps_it_until_there_is_another)
{
    AVFrame *av = make_gray(1);
    const struct limef_decoded_frame *picture;

    handover = handover_create(1);
    cr_assert(eq(ptr, (void *)handover_read_picture(handover, 0, &fresh), NULL));
    cr_assert(not(fresh));
    for (int i = 1; i <= 3; i++) {
        memset(av->data[0], i, 32);
        cr_assert(eq(int, write_uncounted(av, i), 0));
        cr_assert(eq(int, skipped, i > 1));
        cr_assert(eq(u64, copied_bytes, 32 * 16));
    }
    picture = handover_read_picture(handover, 0, &fresh);
    cr_assert(fresh);
    cr_assert(eq(i64, picture->frame.pts_us, 3));
    cr_assert(eq(int, picture->av->data[0][0], 3));
    memset(av->data[0], 9, 32); /* it is a copy */
    picture = handover_read_picture(handover, 0, &fresh);
    cr_assert(not(fresh));
    cr_assert(eq(int, picture->av->data[0][0], 3));
    handover_release(handover);
    av_frame_free(&av);
}

Test(handover, gives_a_reference_back_as_soon_as_nobody_can_want_it)
{
    struct limef_pool *pool = limef_pool_create(LIMEF_FRAME_DECODED);
    struct limef_payload *payloads[4];

    handover = handover_create(1);
    for (int i = 0; i < 4; i++) {
        struct limef_decoded_frame decoded;

        payloads[i] = limef_pool_get(pool);
        limef_decoded_frame_set(&decoded, payloads[i]);
        cr_assert(
            eq(int, handover_write_picture(handover, 0, &decoded, &copied_bytes, &skipped), 0));
        if (i == 1)
            handover_read_picture(handover, 0, &fresh);
    }
    /* replaced before it was read; being read; replaced; waits */
    cr_assert(eq(uint, LIMEF_COUNTED(payloads[0]->n_refs), 1));
    cr_assert(eq(uint, LIMEF_COUNTED(payloads[1]->n_refs), 2));
    cr_assert(eq(uint, LIMEF_COUNTED(payloads[2]->n_refs), 1));
    cr_assert(eq(uint, LIMEF_COUNTED(payloads[3]->n_refs), 2));
    handover_read_picture(handover, 0, &fresh);
    cr_assert(eq(uint, LIMEF_COUNTED(payloads[1]->n_refs), 1));
    handover_release(handover);
    for (int i = 0; i < 4; i++) {
        cr_assert(eq(uint, LIMEF_COUNTED(payloads[i]->n_refs), 1));
        limef_payload_unref(payloads[i]);
    }
    limef_pool_release(pool);
}

Test(handover, hands_texts_over)
{
    handover = handover_create(2);
    cr_assert(eq(str, (char *)handover_read_text(handover, 1), ""));
    handover_write_text(handover, 1, "no signal");
    handover_write_overlay(handover, "over");
    cr_assert(eq(str, (char *)handover_read_text(handover, 0), ""));
    cr_assert(eq(str, (char *)handover_read_text(handover, 1), "no signal"));
    cr_assert(eq(str, (char *)handover_read_overlay(handover), "over"));
    handover_write_text(handover, 1, NULL);
    handover_write_overlay(handover, NULL);
    cr_assert(eq(str, (char *)handover_read_text(handover, 1), ""));
    cr_assert(eq(str, (char *)handover_read_overlay(handover), ""));
    handover_release(handover);
}

Test(handover, each_failing_allocation_is_returned_and_the_next_picture_is_welcome)
{
    AVFrame *av = make_gray(1);

    failing_install(1);
    cr_assert(eq(ptr, handover_create(1), NULL));
    failing_remove();
    handover = handover_create(1);
    for (unsigned n = 1; n <= 2; n++) {
        failing_install(n);
        cr_assert(eq(int, write_uncounted(av, n), AVERROR(ENOMEM)));
        failing_remove();
    }
    cr_assert(eq(ptr, (void *)handover_read_picture(handover, 0, &fresh), NULL));
    cr_assert(eq(int, write_uncounted(av, 3), 0));
    cr_assert(eq(i64, handover_read_picture(handover, 0, &fresh)->frame.pts_us, 3));
    handover_release(handover);
    av_frame_free(&av);
}
