/* SPDX-License-Identifier: MIT */
#include "fifo/lane_private.h"

#include "base/hot.h"
#include "fifo/futex.h"
#include "fifo/key_waits.h"
#include "fifo/ring.h"

#include <limef/base/log.h>

#include <errno.h>
#include <libavutil/error.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Looking longer than this costs more than the wake-up it saves: about 20 us of pauses. */
#define SPIN_ROUNDS_MAX 512
#define SPIN_ROUNDS_FIRST 64
/* A sleep shorter than this was not worth the system call. */
#define SHORT_SLEEP_US 20

/* Of the machine: a thread that prepares a fifo may be bound to one CPU while its reader is not. */
static bool has_one_cpu(void)
{
    return sysconf(_SC_NPROCESSORS_ONLN) == 1;
}

void limef_fifo_init(struct limef_fifo *fifo, const char *name)
{
    fifo->name = name ? name : "fifo";
    pthread_mutex_init(&fifo->lock, NULL);
    fifo->fd = -1;
    fifo->spin_rounds = has_one_cpu() ? 0 : SPIN_ROUNDS_FIRST;
}

void limef_fifo_clear(struct limef_fifo *fifo)
{
    if (!fifo->name)
        return;
    while (fifo->lanes)
        limef_fifo_remove_lane(fifo, fifo->lanes);
    if (fifo->fd >= 0)
        close(fifo->fd);
    pthread_mutex_destroy(&fifo->lock);
    *fifo = (struct limef_fifo){0};
}

static bool is_closed(const struct limef_fifo *fifo)
{
    return atomic_load_explicit(&fifo->closed, memory_order_acquire);
}

static void link_lane(struct limef_fifo *fifo, struct limef_lane *lane)
{
    pthread_mutex_lock(&fifo->lock);
    lane->next = fifo->lanes;
    fifo->lanes = lane;
    pthread_mutex_unlock(&fifo->lock);
    fifo->turn = lane;
}

/* Whether it was there. */
static bool unlink_lane(struct limef_fifo *fifo, struct limef_lane *lane)
{
    struct limef_lane **link = &fifo->lanes;

    while (*link && *link != lane)
        link = &(*link)->next;
    if (!*link)
        return false;
    pthread_mutex_lock(&fifo->lock);
    *link = lane->next;
    pthread_mutex_unlock(&fifo->lock);
    lane->next = NULL;
    if (LIMEF_COUNTED(lane->held))
        fifo->n_held--;
    atomic_store_explicit(&lane->held, false, memory_order_relaxed);
    fifo->turn = fifo->lanes;
    return true;
}

void limef_fifo_add_lane(struct limef_fifo *fifo, struct limef_lane *lane)
{
    link_lane(fifo, lane);
    /* release: pairs with the producer's acquire */
    atomic_store_explicit(&lane->fifo, fifo, memory_order_release);
    /* of a reader that is about to poll: frames may wait in the lane already */
    fifo_wake_reader(fifo);
}

void limef_fifo_remove_lane(struct limef_fifo *fifo, struct limef_lane *lane)
{
    if (!unlink_lane(fifo, lane))
        return;
    /* seq_cst: before the wake-up; pairs with the fence of a writer that is about to sleep */
    atomic_store_explicit(&lane->fifo, NULL, memory_order_seq_cst);
    lane_wake_writer(lane);
}

void fifo_move_lane(struct limef_fifo *from, struct limef_fifo *to, struct limef_lane *lane)
{
    if (!unlink_lane(from, lane))
        return;
    /* seq_cst: pairs with the fence of a writer that has published and looks whom to wake */
    atomic_store_explicit(&lane->fifo, to, memory_order_seq_cst);
    link_lane(to, lane);
    fifo_wake_reader(to);
    /* who closed either of them while the lane was in neither list */
    if (is_closed(to))
        lane_wake_writer(lane);
}

bool fifo_wake_reader(struct limef_fifo *fifo)
{
    /* what was published, before the look at the reader; pairs with its seq_cst store */
    atomic_thread_fence(memory_order_seq_cst);
    return fifo_wake_sleeper(fifo);
}

HOT bool fifo_wake_sleeper(struct limef_fifo *fifo)
{
    uint32_t was;
    uint64_t one = 1;

    if (!fifo || atomic_load_explicit(&fifo->reader, memory_order_relaxed) == READER_AWAKE)
        return false;
    was = atomic_exchange_explicit(&fifo->reader, READER_AWAKE, memory_order_acq_rel);
    if (was == READER_ASLEEP)
        futex_wake(&fifo->reader);
    else if (was == READER_POLLS && write(fifo->fd, &one, sizeof(one)) < 0)
        return false; /* EAGAIN: the counter is full, so it is readable */
    return was != READER_AWAKE;
}

/* Looks at the lanes in turn; returns how many frames came. */
static unsigned take_in_turn(struct limef_fifo *fifo, struct limef_stack_frame **frames,
                             unsigned max_frames)
{
    struct limef_lane *first = fifo->turn, *lane = first;
    unsigned n = 0;

    if (!lane)
        return 0;
    do {
        n += lane_take(lane, frames + n, max_frames - n);
        lane = lane->next ? lane->next : fifo->lanes;
    } while (n < max_frames && lane != first);
    if (n)
        fifo->turn = lane;
    return n;
}

static bool has_frames(const struct limef_fifo *fifo)
{
    for (const struct limef_lane *lane = fifo->lanes; lane; lane = lane->next)
        if (lane_has_frames(lane))
            return true;
    return false;
}

static bool was_woken(struct limef_fifo *fifo)
{
    return atomic_load_explicit(&fifo->woken, memory_order_relaxed) &&
           atomic_exchange_explicit(&fifo->woken, 0, memory_order_acquire);
}

/* The reader looks again instead of polling: take the readable state back. A writer that has not
 * got to its write yet costs one idle poll later. */
static void disarm(struct limef_fifo *fifo)
{
    uint64_t count;

    fifo->armed = false;
    atomic_store_explicit(&fifo->reader, READER_AWAKE, memory_order_relaxed);
    if (read(fifo->fd, &count, sizeof(count)) < 0)
        return; /* EAGAIN: it was not readable */
}

/* A wake-up that a read took makes the fd readable once: who polls next would sleep through it. */
static void arm(struct limef_fifo *fifo, bool was_taken)
{
    uint64_t one = 1;

    fifo->armed = true;
    atomic_store_explicit(&fifo->reader, READER_POLLS, memory_order_seq_cst);
    atomic_thread_fence(memory_order_seq_cst);
    if ((was_taken || has_frames(fifo) || is_closed(fifo) ||
         atomic_load_explicit(&fifo->woken, memory_order_relaxed)) &&
        atomic_exchange_explicit(&fifo->reader, READER_AWAKE, memory_order_acq_rel) ==
            READER_POLLS &&
        write(fifo->fd, &one, sizeof(one)) < 0)
        return; /* EAGAIN: readable already */
}

/* Sleeps until something is there, a wake-up, or the deadline. */
static void sleep_until(struct limef_fifo *fifo, int64_t deadline_us)
{
    int64_t slept_at_us = limef_now_us();

    atomic_store_explicit(&fifo->reader, READER_ASLEEP, memory_order_seq_cst);
    /* the store before the looks; pairs with the fence in fifo_wake_reader() */
    atomic_thread_fence(memory_order_seq_cst);
    if (!has_frames(fifo) && !is_closed(fifo) &&
        !atomic_load_explicit(&fifo->woken, memory_order_relaxed))
        futex_wait(&fifo->reader, READER_ASLEEP, deadline_us);
    atomic_store_explicit(&fifo->reader, READER_AWAKE, memory_order_relaxed);
    if (fifo->spin_rounds && limef_now_us() - slept_at_us >= SHORT_SLEEP_US)
        fifo->spin_rounds = fifo->spin_rounds / 2 + 1;
    else if (fifo->spin_rounds)
        fifo->spin_rounds = SPIN_ROUNDS_MAX;
}

/* The reader found nothing: what it took and has not given back made room as well, and a writer
 * that waits for a recycled frame would wait for a reader that waits for the writer. A lane that
 * is held may be as full as before. */
static void offer_room(const struct limef_fifo *fifo)
{
    for (struct limef_lane *lane = fifo->lanes; lane; lane = lane->next)
        lane_offer_room(lane);
}

/* Whether something came meanwhile. */
static bool look_briefly(struct limef_fifo *fifo)
{
    unsigned rounds = fifo->spin_rounds;

    for (unsigned i = 0, pauses; i < rounds; i += pauses) {
        pauses = rounds - i < LOOK_GAP_PAUSES ? rounds - i : LOOK_GAP_PAUSES;
        cpu_relax_for(pauses);
        if (has_frames(fifo)) {
            if (rounds < SPIN_ROUNDS_MAX)
                fifo->spin_rounds = rounds * 2;
            return true;
        }
    }
    return false;
}

/* Where nothing waits, or something has to be heeded first. */
static HOT APART int wait_for_frames(struct limef_fifo *fifo, struct limef_stack_frame **frames,
                                     unsigned max_frames, int64_t timeout_us)
{
    int64_t deadline_us = LIMEF_NO_TIME;
    bool was_taken = false;
    unsigned n;

    if (fifo->armed)
        disarm(fifo);
    for (;;) {
        if (is_closed(fifo))
            return AVERROR_EXIT;
        was_taken = was_woken(fifo);
        if (was_taken)
            break;
        n = take_in_turn(fifo, frames, max_frames);
        if (n)
            return (int)n;
        if (timeout_us > 0 && look_briefly(fifo))
            continue;
        offer_room(fifo);
        if (deadline_us == LIMEF_NO_TIME)
            deadline_us = limef_deadline_us(timeout_us);
        if (timeout_us <= 0 || (deadline_us != LIMEF_FOREVER && limef_now_us() >= deadline_us))
            break;
        sleep_until(fifo, deadline_us);
    }
    if (fifo->fd >= 0)
        arm(fifo, was_taken);
    return AVERROR(EAGAIN);
}

static inline int read_frames(struct limef_fifo *fifo, struct limef_stack_frame **frames,
                              unsigned max_frames, int64_t timeout_us)
{
    unsigned n = 0;

    if (!fifo->armed && !is_closed(fifo) &&
        !atomic_load_explicit(&fifo->woken, memory_order_relaxed))
        n = take_in_turn(fifo, frames, max_frames);
    return n ? (int)n : wait_for_frames(fifo, frames, max_frames, timeout_us);
}

HOT int limef_fifo_read(struct limef_fifo *fifo, struct limef_stack_frame **frame,
                        int64_t timeout_us)
{
    int ret = read_frames(fifo, frame, 1, timeout_us);

    return ret < 0 ? ret : 0;
}

HOT int limef_fifo_read_batch(struct limef_fifo *fifo, struct limef_stack_frame **frames,
                              unsigned max_frames, int64_t timeout_us)
{
    return read_frames(fifo, frames, max_frames, timeout_us);
}

HOT void limef_fifo_recycle(struct limef_fifo *fifo, struct limef_stack_frame *frame)
{
    (void)fifo;
    lane_recycle(frame->lane, &frame, 1);
}

void limef_fifo_recycle_batch(struct limef_fifo *fifo, struct limef_stack_frame **frames,
                              unsigned n_frames)
{
    (void)fifo;
    for (unsigned i = 0, n; i < n_frames; i += n) {
        for (n = 1; i + n < n_frames && frames[i + n]->lane == frames[i]->lane;)
            n++;
        lane_recycle(frames[i]->lane, frames + i, n);
    }
}

static bool is_flush(const struct limef_frame *frame)
{
    const struct limef_signal_frame *signal = limef_signal_frame_from(frame);

    return signal && signal->signal == LIMEF_SIGNAL_FLUSH;
}

/* In the place of the first packet of a video stream that is dropped stands a GAP: who is behind
 * goes on at a key frame. Returns false: that is said already, or nobody needs it. */
static bool become_gap(struct limef_stack_frame *stack, struct limef_key_waits *said)
{
    unsigned n_said = said->n;
    bool was_all = said->all_but;
    struct limef_signal_frame gap;

    key_waits_begin(said, &stack->any.frame);
    if (was_all || !key_waits_gap(said, said->all_but ? 0 : n_said, &gap))
        return false;
    if (!said->all_but && said->n > n_said + 1) /* a group of several */
        gap.frame.slot = UINT32_MAX;
    stack_frame_empty(stack);
    return stack_frame_adapt(stack, &gap.frame) == 0;
}

static void drop_media_of(struct limef_lane *lane)
{
    struct limef_stack_frame *frame, *kept = NULL, **last = &kept;
    struct limef_key_waits said = {.n = 0};

    while (lane_take(lane, &frame, 1)) {
        bool drops = is_media(&frame->any.frame);

        LIMEF_COUNT(lane->n_dropped_stale, drops);
        if (is_flush(&frame->any.frame)) /* who is behind forgets what was said before it */
            said = (struct limef_key_waits){.n = 0};
        if (drops && !become_gap(frame, &said)) {
            lane_recycle(lane, &frame, 1);
            continue;
        }
        frame->next = NULL;
        *last = frame;
        last = &frame->next;
    }
    lane->unread = kept;
}

void fifo_drop_media(struct limef_fifo *fifo)
{
    limef_fifo_unhold(fifo);
    for (struct limef_lane *lane = fifo->lanes; lane; lane = lane->next)
        drop_media_of(lane);
}

void limef_fifo_unread(struct limef_fifo *fifo, struct limef_stack_frame *frame)
{
    struct limef_lane *lane = frame->lane;

    frame->next = lane->unread;
    lane->unread = frame;
    fifo->n_held += !LIMEF_COUNTED(lane->held);
    atomic_store_explicit(&lane->held, true, memory_order_relaxed);
}

void limef_fifo_unhold(struct limef_fifo *fifo)
{
    if (!fifo->n_held)
        return;
    for (struct limef_lane *lane = fifo->lanes; fifo->n_held && lane; lane = lane->next)
        if (LIMEF_COUNTED(lane->held)) {
            atomic_store_explicit(&lane->held, false, memory_order_relaxed);
            fifo->n_held--;
        }
    fifo_wake_reader(fifo); /* if it is about to poll */
}

void limef_fifo_wake(struct limef_fifo *fifo)
{
    atomic_store_explicit(&fifo->woken, 1, memory_order_release);
    fifo_wake_reader(fifo);
}

void limef_fifo_close(struct limef_fifo *fifo)
{
    /* seq_cst: before the wake-ups; pairs with the fences of readers and writers about to sleep */
    atomic_store_explicit(&fifo->closed, 1, memory_order_seq_cst);
    fifo_wake_reader(fifo);
    pthread_mutex_lock(&fifo->lock);
    for (struct limef_lane *lane = fifo->lanes; lane; lane = lane->next)
        lane_wake_writer(lane);
    pthread_mutex_unlock(&fifo->lock);
}

void limef_fifo_open(struct limef_fifo *fifo)
{
    atomic_store_explicit(&fifo->woken, 0, memory_order_relaxed);
    atomic_store_explicit(&fifo->closed, 0, memory_order_release);
}

int limef_fifo_fd(struct limef_fifo *fifo)
{
    if (fifo->fd >= 0)
        return fifo->fd;
    fifo->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fifo->fd < 0)
        return limef_fail(AVERROR(errno), fifo->name, "no event descriptor");
    arm(fifo, false); /* the read that found nothing may lie behind */
    return fifo->fd;
}
