/* SPDX-License-Identifier: MIT */
#include "support/boundary.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/error.h>

static struct limef_fifo fifo;
static struct limef_input_filter input;
static struct limef_stack_frame frames[8];

static void open_fifo(void)
{
    limef_fifo_init(&fifo, "test");
}

static void close_fifo(void)
{
    limef_filter_clear(&input.filter);
    limef_fifo_clear(&fifo);
}

TestSuite(input, .init = open_fifo, .fini = close_fifo, .timeout = 30);

Test(input, frames_cross_in_its_lane)
{
    struct limef_packet_frame packet = packet_frame(3, LIMEF_MEDIA_VIDEO, 0);

    cr_assert(zero(int, limef_input_filter_init(&input, NULL, &fifo, frames, 8, NULL)));
    cr_assert(eq(str, (char *)input.filter.name, (char *)"input"));
    cr_assert(ne(uint, input.filter.ops->flags & LIMEF_FILTER_BOUNDARY, 0));
    cr_assert(zero(int, limef_go(&input.filter, &packet.frame)));
    cr_assert(eq(u64, LIMEF_COUNTED(input.filter.n_frames), 1));
    cr_assert(eq(str, read_all_names(&fifo), (char *)"3"));
    limef_fifo_close(&fifo);
    cr_assert(eq(int, limef_go(&input.filter, &packet.frame), AVERROR_EXIT));
}

Test(input, says_what_it_copied)
{
    struct limef_packet_frame packet = packet_frame(3, LIMEF_MEDIA_VIDEO, 0);

    cr_assert(zero(int, limef_input_filter_init(&input, NULL, &fifo, frames, 8, NULL)));
    limef_go(&input.filter, &packet.frame);
    cr_assert(zero(u64, LIMEF_COUNTED(input.filter.copied_bytes)));
    packet.frame.payload = NULL;
    limef_go(&input.filter, &packet.frame);
    cr_assert(eq(u64, LIMEF_COUNTED(input.filter.copied_bytes), 100));
}

Test(input, clear_takes_it_out_of_its_fifo)
{
    struct limef_input_filter zero = {0};

    cr_assert(zero(int, limef_input_filter_init(&input, "in", &fifo, frames, 8, NULL)));
    write_video(&input.lane, 0);
    limef_filter_clear(&input.filter);
    cr_assert(zero(int, memcmp(&input, &zero, sizeof(zero))));
    cr_assert(zero(ptr, fifo.lanes));
    limef_filter_clear(&input.filter);
}

Test(input, that_fails_to_be_made_is_all_zero)
{
    struct limef_input_filter zero = {0};

    limef_log_set_level(LIMEF_LOG_ERROR);
    cr_assert(
        eq(int, limef_input_filter_init(&input, "in", &fifo, frames, 5, NULL), AVERROR(EINVAL)));
    cr_assert(zero(int, memcmp(&input, &zero, sizeof(zero))));
}
