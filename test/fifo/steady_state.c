/* SPDX-License-Identifier: MIT */
/*
 * What a boundary costs in steady state, with counted payloads: no malloc, no
 * allocation of the library, no copied byte; and no system call while the
 * reader keeps up, which a seccomp filter would end the process for.
 */
#include "support/chain.h"
#include "support/check.h"
#include "support/counted_calls.h"

#include <sys/syscall.h>

#define N_WARM_UP 1000
#define N_FRAMES 20000

static struct boundary boundary;
static struct limef_pool *pool;

/* As a demuxer does: a payload of its pool, a frame that refers to it, on its way. */
static void write_one(struct limef_lane *lane)
{
    struct limef_payload *payload = limef_pool_get(pool);
    struct limef_packet_frame packet;

    CHECK(payload);
    limef_packet_frame_set(&packet, payload);
    CHECK(limef_lane_write(lane, &packet.frame) == 0);
    limef_payload_unref(payload);
}

static void write_and_read(int n_frames)
{
    for (int i = 0; i < n_frames; i++) {
        struct limef_stack_frame *frame;

        write_one(&boundary.lane);
        CHECK(limef_fifo_read(&boundary.fifo, &frame, TOO_LONG_US) == 0);
        limef_fifo_recycle(&boundary.fifo, frame);
    }
}

static void write_and_read_again(const void *context)
{
    (void)context;
    write_and_read(N_FRAMES);
}

/* One thread, so that the reader always keeps up. */
static void check_one_thread(void)
{
    struct limef_lane_counters counters;
    uint64_t n_allocations, n_malloced;

    CHECK(boundary_open(&boundary, 64, NULL) == 0);
    write_and_read(N_WARM_UP);
    n_allocations = limef_memory_n_allocations();
    n_malloced = counted_allocations();
    write_and_read(N_FRAMES);
    counters = counters_of(&boundary.lane);
    CHECK(limef_memory_n_allocations() == n_allocations);
    CHECK(counted_allocations() == n_malloced);
    CHECK(counters.n_wakes == 0 && counters.n_blocked == 0);
    CHECK(counters.copied_bytes == 0 && counters.n_allocations == 0);
    if (!is_sanitized()) /* the clock: where that is a system call */
        CHECK(makes_no_system_calls(write_and_read_again, NULL, SYS_clock_gettime));
    boundary_clear(&boundary);
}

/* Makes as many payloads as can ever be out at once: one for each stack frame, one in hand. */
static void fill_pool(void)
{
    struct limef_payload *payloads[BOUNDARY_MAX_FRAMES + 1];

    for (int i = 0; i <= BOUNDARY_MAX_FRAMES; i++)
        CHECK((payloads[i] = limef_pool_get(pool)));
    for (int i = 0; i <= BOUNDARY_MAX_FRAMES; i++)
        limef_payload_unref(payloads[i]);
}

/* A consumer thread on the other side. */
static void check_two_threads(void)
{
    static struct limef_consumer consumer;
    static struct limef_input_filter input;
    static struct number_sink sink;
    struct limef_lane_counters counters;
    uint64_t n_allocations, n_malloced;

    number_sink_init(&sink);
    limef_consumer_init(&consumer, &sink.filter, NULL);
    CHECK(!limef_input_filter_init(&input, "in", &consumer.fifo, boundary.frames, 64, NULL));
    CHECK(limef_thread_start(&consumer.thread) == 0);
    fill_pool();
    for (int i = 0; i < N_WARM_UP; i++)
        write_one(&input.lane);
    CHECK(WAIT_FOR(atomic_load(&sink.n_packets) == N_WARM_UP));
    n_allocations = limef_memory_n_allocations();
    n_malloced = counted_allocations();
    for (int i = 0; i < N_FRAMES; i++)
        write_one(&input.lane);
    CHECK(WAIT_FOR(atomic_load(&sink.n_packets) == N_WARM_UP + N_FRAMES));
    counters = counters_of(&input.lane);
    CHECK(limef_memory_n_allocations() == n_allocations);
    CHECK(counted_allocations() == n_malloced);
    CHECK(counters.copied_bytes == 0 && counters.n_allocations == 0);
    CHECK(limef_thread_stop(&consumer.thread, TOO_LONG_US) == 0);
    limef_filter_clear(&input.filter);
    limef_consumer_clear(&consumer);
    printf("on two threads %llu wake-ups and %llu waits; ", (unsigned long long)counters.n_wakes,
           (unsigned long long)counters.n_blocked);
}

int main(void)
{
    pool = limef_pool_create(LIMEF_FRAME_PACKET);
    CHECK(pool);
    check_one_thread();
    check_two_threads();
    limef_pool_release(pool);
    printf("%d frames each way: no allocation, no copied byte%s\n", N_FRAMES,
           is_sanitized() ? "" : ", no malloc, no system call while the reader keeps up");
    return 0;
}
