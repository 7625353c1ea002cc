/* SPDX-License-Identifier: MIT */
/* How many pictures a decoder in hardware lets others hold. */
#include <limef/filter/decode.h>

#include "support/hardware_run.h"

#include <limef/base/clock.h>
#include <limef/thread/graph.h>

#include <semaphore.h>
#include <time.h>
#include <unistd.h>

#define TOO_LONG_US 60000000
#define MEMORY_BYTES LIMEF_GRAPH_BYTES(16)
#define N_PICTURES 60
/* What a picture's number is counted by: media_number(). */
#define N_NUMBERS 32
/* What the last filter keeps, and says that it keeps. */
#define N_KEPT 5

TestSuite(decode_depth, .init = set_up, .fini = tear_down, .timeout = 120);

static void tell(unsigned depth)
{
    struct limef_signal_frame told;

    limef_signal_frame_set(&told, LIMEF_SIGNAL_DEPTH, 0, NULL);
    told.value = depth;
    cr_assert(eq(int, limef_go(&run.decode.filter, &told.frame), 0));
}

Test(decode_depth, is_what_was_told_if_none_is_wished_for)
{
    const char *url = clip();
    struct seen expected = play_in_software(url);

    open_device();
    init(url, device);
    run.decode.settings.n_held = 0;
    run.holds = true;
    tell(4);
    play();
    assert_same(&expected, "while all are held");
    cr_assert(ge(u64, counters_of().n_copied, 36 - 4 - 2));
    clear();
    init(url, device);
    run.holds = true;
    tell(4);
    play();
    cr_assert(le(u64, counters_of().n_copied, 36 - 8)); /* wished for: 8 */
    clear();
    init(url, device);
    run.decode.settings.n_held = 0;
    run.holds = true;
    tell(60);
    play();
    assert_same(&expected, "while all are held");
    cr_assert(eq(u64, counters_of().n_copied, 0));
    clear();
}

/* Keeps the last pictures, and looks at each again when it lets go of it. */
struct keeper {
    struct limef_filter filter;
    struct limef_payload *kept[N_KEPT];
    unsigned n; /* that came */
    LIMEF_ATOMIC(unsigned) n_wrong, n_right;
    sem_t ended;
};

static void let_go(struct keeper *keeper, unsigned number)
{
    struct limef_payload **kept = &keeper->kept[number % N_KEPT];
    struct limef_hardware_frame hardware;
    bool is_right = limef_hardware_is(limef_payload_picture(*kept)) &&
                    limef_hardware_frame_map(&hardware, limef_payload_picture(*kept)) == 0 &&
                    number_in(&hardware) == (int)(number % N_NUMBERS);

    atomic_fetch_add(is_right ? &keeper->n_right : &keeper->n_wrong, 1);
    limef_payload_unref(*kept);
    *kept = NULL;
}

static int keeper_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct keeper *keeper = LIMEF_CONTAINER_OF(filter, struct keeper, filter);
    const struct limef_decoded_frame *decoded = limef_decoded_frame_from(in);
    const struct limef_signal_frame *signal = limef_signal_frame_from(in);

    if (decoded) {
        if (keeper->n >= N_KEPT)
            let_go(keeper, keeper->n - N_KEPT);
        keeper->kept[keeper->n++ % N_KEPT] = limef_payload_ref(decoded->frame.payload);
        /* as slow as a display: what is before it fills up */
        usleep(2000);
    }
    if (signal && signal->signal == LIMEF_SIGNAL_END) {
        for (unsigned i = keeper->n < N_KEPT ? 0 : keeper->n - N_KEPT; i < keeper->n; i++)
            let_go(keeper, i);
        sem_post(&keeper->ended);
    }
    return 0;
}

static const struct limef_filter_ops keeper_ops = {
    .kind = "keeper", .flags = LIMEF_FILTER_THREAD_BOUND | LIMEF_FILTER_DISPLAY, .go = keeper_go};

/* source - decode | keeper, as a graph runs them: nothing is copied, nothing is overwritten. */
Test(decode_depth, of_a_graph_is_enough_for_a_display_that_is_slower_than_the_decoder)
{
    static _Alignas(64) char memory[MEMORY_BYTES];
    static struct keeper keeper;
    struct limef_graph graph = {0};
    int64_t deadline_us = limef_deadline_us(TOO_LONG_US);
    struct timespec deadline = {deadline_us / 1000000, deadline_us % 1000000 * 1000};
    const char *url =
        make("a.mkv", &(struct media){.n_pictures = N_PICTURES, .gop = 12, .b_frames = 2});

    open_device();
    init(url, device);
    run.decode.settings.n_held = 0;
    limef_filter_init(&keeper.filter, &keeper_ops, NULL);
    keeper.filter.n_kept = N_KEPT;
    cr_assert(zero(int, sem_init(&keeper.ended, 0, 0)));
    limef_connect(&run.decode.filter, &keeper.filter);
    cr_assert(eq(int, limef_graph_init(&graph, memory, sizeof(memory), NULL), 0));
    cr_assert(eq(int, limef_graph_add(&graph, &run.source.source), 0));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    cr_assert(zero(int, sem_clockwait(&keeper.ended, CLOCK_MONOTONIC, &deadline)));
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    cr_assert(eq(uint, atomic_load(&keeper.n_wrong), 0));
    cr_assert(eq(uint, atomic_load(&keeper.n_right), N_PICTURES));
    cr_assert(eq(u64, counters_of().n_copied, 0));
    cr_assert(eq(u64, counters_of().n_failures, 0));
    cr_assert(gt(uint, run.decode.n_behind, N_KEPT));
    cr_assert(lt(uint, run.decode.n_behind, 32)); /* not the guess that is made without a graph */
    limef_graph_clear(&graph);
    clear();
}
