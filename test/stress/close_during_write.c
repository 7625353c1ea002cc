/* SPDX-License-Identifier: MIT */
/*
 * A fifo is closed at a random moment: writers that block and a reader that
 * sleeps all come back, and what waits is neither lost nor doubled.
 */
#include "stress.h"

#define N_ROUNDS 150
#define N_LANES 3

static struct limef_fifo fifo;
static struct limef_lane lanes[N_LANES];
static struct limef_stack_frame frames[N_LANES][4];
static LIMEF_ATOMIC(int64_t) n_written, n_blocked_at_close;

static void *write_until_closed(void *lane)
{
    int64_t number = 0;
    int ret;

    while ((ret = write_video(lane, number)) == 0)
        number++;
    CHECK(ret == AVERROR_EXIT);
    atomic_fetch_add(&n_written, number);
    return NULL;
}

static void *read_until_closed(void *reads)
{
    struct limef_stack_frame *frame;
    int64_t n = 0;
    int ret;

    while (*(int *)reads && (ret = limef_fifo_read(&fifo, &frame, LIMEF_FOREVER)) == 0) {
        limef_fifo_recycle(&fifo, frame);
        n++;
    }
    return (void *)(intptr_t)n;
}

static void run_round(uint32_t *random)
{
    pthread_t writers[N_LANES], reader;
    int64_t n_read = 0, n_waiting = 0;
    int reads = next_random(random) % 4 != 0; /* else the writers block */
    uint32_t pause = next_random(random) % 40;

    atomic_store(&n_written, 0);
    limef_fifo_open(&fifo);
    CHECK(pthread_create(&reader, NULL, read_until_closed, &reads) == 0);
    for (int i = 0; i < N_LANES; i++)
        CHECK(pthread_create(&writers[i], NULL, write_until_closed, &lanes[i]) == 0);
    while (pause--)
        sched_yield();
    for (int i = 0; i < N_LANES; i++)
        atomic_fetch_add(&n_blocked_at_close, atomic_load(&lanes[i].writer_sleeps));
    limef_fifo_close(&fifo);
    for (int i = 0; i < N_LANES; i++)
        must_join(writers[i]);
    n_read = (intptr_t)must_join(reader);
    for (int i = 0; i < N_LANES; i++)
        n_waiting += limef_lane_n_waiting(&lanes[i]);
    CHECK(atomic_load(&n_written) == n_read + n_waiting);

    limef_fifo_open(&fifo);
    read_all_names(&fifo);
}

int main(void)
{
    uint32_t random = 77;

    limef_fifo_init(&fifo, "stress");
    for (int i = 0; i < N_LANES; i++) {
        CHECK(limef_lane_init(&lanes[i], frames[i], 4, NULL) == 0);
        limef_fifo_add_lane(&fifo, &lanes[i]);
    }
    for (int i = 0; i < N_ROUNDS; i++)
        run_round(&random);
    limef_fifo_clear(&fifo);
    for (int i = 0; i < N_LANES; i++)
        limef_lane_clear(&lanes[i]);
    printf("closed %d times under %d writers, %lld of them blocked: all came back\n", N_ROUNDS,
           N_LANES, (long long)atomic_load(&n_blocked_at_close));
    return 0;
}
