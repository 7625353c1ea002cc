/* SPDX-License-Identifier: MIT */
#include "thread/reading.h"

#include "fifo/lane_private.h"
#include "thread/inside.h"

#include <limef/filter/probe.h>
#include <limef/frame/group.h>

#include <libavutil/error.h>

/* A sink that refused a frame, on a thread without a periodic task, is asked again after this. */
#define RETRY_US 10000

/* Whether the periodic task says when a refused frame is offered again. */
static bool has_pace(const struct limef_thread *thread)
{
    return thread->task && thread->task_due_us != LIMEF_FOREVER;
}

static int64_t timeout_until(int64_t deadline_us)
{
    int64_t left_us;

    if (deadline_us == LIMEF_FOREVER || deadline_us == 0)
        return deadline_us;
    left_us = deadline_us - limef_now_us();
    return left_us > 0 ? left_us : 0;
}

/* Unholds when it is time; returns until when to wait for a frame. */
static int64_t retry_in_time(const struct limef_thread *thread, struct limef_fifo *fifo,
                             int64_t retry_us, int64_t deadline_us)
{
    if (!fifo->n_held || has_pace(thread))
        return deadline_us;
    if (limef_now_us() >= retry_us) {
        limef_fifo_unhold(fifo);
        return deadline_us;
    }
    return deadline_us < retry_us ? deadline_us : retry_us;
}

/* A burst: what a packet of it meets does not hold up the others. */
static int run_group(struct limef_filter *chain, const struct limef_frame *group)
{
    int ret = 0;

    for (unsigned i = 0; i < limef_group_n(group); i++) {
        int answer = limef_probe_run(chain, &limef_group_nth(group, i)->frame);

        if (answer < 0 && answer != AVERROR(EAGAIN) && !ret)
            ret = answer;
    }
    return ret;
}

int reading_give(struct limef_filter *chain, const struct limef_frame *frame)
{
    return frame->frame_class == LIMEF_FRAME_GROUP ? run_group(chain, frame)
                                                   : limef_probe_run(chain, frame);
}

/* A frame that met the end of what is behind, and the thread is to end as well: what the stream is
 * made of is said once more when they start again, and of a packet that it is missing. */
static bool is_for_next_start(const struct limef_thread *thread, int answer)
{
    return answer == AVERROR_EXIT && limef_thread_stopping(thread);
}

int reading_step(struct limef_thread *thread, struct limef_fifo *fifo, struct limef_filter *chain,
                 int64_t *retry_us, int64_t deadline_us)
{
    struct limef_stack_frame *frame;
    int ret;

    deadline_us = retry_in_time(thread, fifo, *retry_us, deadline_us);
    ret = limef_fifo_read(fifo, &frame, timeout_until(deadline_us));
    if (ret < 0)
        return ret;
    if (frame->lane->chain)
        chain = frame->lane->chain;
    thread_goes_in(thread);
    ret = reading_give(chain, &frame->any.frame);
    thread_comes_out(thread);
    if (ret == AVERROR(EAGAIN))
        *retry_us = limef_now_us() + RETRY_US;
    if (ret == AVERROR(EAGAIN) || is_for_next_start(thread, ret))
        limef_fifo_unread(fifo, frame);
    else
        limef_fifo_recycle(fifo, frame);
    if (ret == AVERROR_EXIT) {
        /* what is behind was stopped: the frame is lost, if not for the next start, the thread is
         * not */
        LIMEF_COUNT(thread->n_errors, 1);
        return 0;
    }
    return ret;
}

void reading_wake(struct limef_thread *thread, struct limef_fifo *fifo)
{
    if (limef_thread_stopping(thread))
        limef_fifo_close(fifo);
    else
        limef_fifo_wake(fifo);
}

/* What waited when the thread was stopped is stale; who is behind is told what it misses. */
void reading_open(struct limef_fifo *fifo)
{
    /* while it is closed: what a producer that runs already writes from now on is not stale */
    if (atomic_load_explicit(&fifo->closed, memory_order_relaxed))
        fifo_drop_media(fifo);
    limef_fifo_unhold(fifo);
    limef_fifo_open(fifo);
}
