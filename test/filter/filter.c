/* SPDX-License-Identifier: MIT */
#include <limef/filter/filter.h>

#include "support/frames.h"
#include "support/sink.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/error.h>

/* A user's own filter: passes every second frame. */
struct halver {
    struct limef_filter filter;
    unsigned n;
    bool cleared;
};

static int halver_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct halver *halver = LIMEF_CONTAINER_OF(filter, struct halver, filter);

    return halver->n++ % 2 ? 0 : limef_pass(filter, in);
}

static void halver_clear(struct limef_filter *filter)
{
    LIMEF_CONTAINER_OF(filter, struct halver, filter)->cleared = true;
}

static const struct limef_filter_ops halver_ops = {
    .kind = "halver", .go = halver_go, .clear = halver_clear};
static const struct limef_filter_ops plain_ops = {.kind = "plain", .go = halver_go};

static struct sink sink = {.filter = LIMEF_FILTER(&sink_ops, "sink", NULL)};
static struct halver halver = {.filter = LIMEF_FILTER(&halver_ops, "halver", &sink.filter)};

Test(filter, a_chain_can_be_static_data)
{
    struct limef_packet_frame packet = make_packet(0, 0);

    for (int i = 0; i < 4; i++)
        cr_assert(eq(int, limef_go(&halver.filter, &packet.frame), 0));
    cr_assert(eq(u64, sink.n_frames, 2));
}

Test(filter, counts_the_frames_it_takes)
{
    struct limef_packet_frame packet = make_packet(0, 0);
    struct limef_signal_frame end = make_signal(LIMEF_SIGNAL_END, 0);

    limef_go(&halver.filter, &packet.frame);
    limef_go(&halver.filter, &end.frame);
    cr_assert(eq(u64, LIMEF_COUNTED(halver.filter.n_frames), 2));
    cr_assert(eq(u64, LIMEF_COUNTED(sink.filter.n_frames), 1));
}

Test(filter, returns_what_is_behind_it)
{
    struct limef_packet_frame packet = make_packet(0, 0);

    sink.answer = AVERROR_EXIT;
    cr_assert(eq(int, limef_go(&halver.filter, &packet.frame), AVERROR_EXIT));
}

Test(filter, without_a_next_one_passing_is_done)
{
    struct limef_packet_frame packet = make_packet(0, 0);

    limef_disconnect(&halver.filter);
    cr_assert(eq(int, limef_go(&halver.filter, &packet.frame), 0));
    cr_assert(eq(u64, sink.n_frames, 0));
    limef_connect(&halver.filter, &sink.filter);
    halver.n = 0;
    limef_go(&halver.filter, &packet.frame);
    cr_assert(eq(u64, sink.n_frames, 1));
}

Test(filter, is_called_by_its_kind_unless_it_has_a_name)
{
    struct halver made = {0};

    limef_filter_init(&made.filter, &halver_ops, NULL);
    cr_assert(eq(str, (char *)made.filter.name, "halver"));
    limef_filter_init(&made.filter, &halver_ops, "mine");
    cr_assert(eq(str, (char *)made.filter.name, "mine"));
}

Test(filter, clear_calls_the_type_and_leaves_the_base_all_zero)
{
    limef_filter_clear(&halver.filter);
    cr_assert(halver.cleared);
    cr_assert(eq(ptr, (void *)halver.filter.ops, NULL));
    cr_assert(eq(ptr, halver.filter.next, NULL));
}

Test(filter, clear_on_all_zero_and_on_a_type_without_clear_does_nothing_else)
{
    struct halver empty = {0}, plain = {0};

    limef_filter_clear(&empty.filter);
    limef_filter_init(&plain.filter, &plain_ops, NULL);
    limef_filter_clear(&plain.filter);
    cr_assert(eq(ptr, (void *)plain.filter.ops, NULL));
}
