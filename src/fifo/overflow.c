/* SPDX-License-Identifier: MIT */
#include "fifo/overflow.h"

#include "base/hot.h"
#include "fifo/futex.h"
#include "fifo/key_waits.h"
#include "fifo/ring.h"
#include "filter/probe_private.h"
#include "thread/interrupt.h"

#include <limef/base/log.h>
#include <limef/filter/filter.h>
#include <limef/frame/group.h>
#include <limef/thread/thread.h>

#include <libavutil/error.h>

/* A blocked writer looks this often before it sleeps. */
#define WRITER_LOOKS 4

static const char *name_of(const struct limef_lane *lane)
{
    return lane->chain ? lane->chain->name : "lane";
}

void lane_begin_waits(struct limef_lane *lane, const struct limef_frame *lost)
{
    if (!key_waits_begin(&lane->waits_for_key, lost))
        limef_log(LIMEF_LOG_WARNING, name_of(lane),
                  "more than %d streams have holes: some are left with key frames alone",
                  LIMEF_LANE_MAX_WAITS);
}

/* Signals in front have no time. There is media, and head_cache is new. */
static const struct limef_stack_frame *oldest_media(const struct limef_lane *lane)
{
    uint32_t position = lane->head_cache;

    while (media_before(lane, position + 1) == media_before(lane, position))
        position++;
    return at(lane, position);
}

static bool exceeds_bytes_or_time(const struct limef_lane *lane, const struct limef_frame *in)
{
    const struct limef_lane_settings *settings = &lane->settings;
    const struct limef_stack_frame *oldest;
    int64_t span_us;

    if (!n_media_waiting(lane))
        return false;
    oldest = oldest_media(lane);
    if (settings->max_bytes &&
        lane->bytes_written - oldest->bytes_before + frame_payload_bytes(in) > settings->max_bytes)
        return true;
    if (!settings->max_time_us || in->pts_us == LIMEF_NO_TIME || oldest->pts_us == LIMEF_NO_TIME)
        return false;
    if (__builtin_sub_overflow(in->pts_us, oldest->pts_us, &span_us))
        return in->pts_us > oldest->pts_us;
    return span_us > settings->max_time_us;
}

static inline bool is_full(struct limef_lane *lane, const struct limef_frame *in)
{
    const struct limef_lane_settings *settings = &lane->settings;
    bool looks_at_oldest = settings->max_bytes || settings->max_time_us;

    /* an old head_cache is a safe guess: no more media waits than there are positions */
    if (!looks_at_oldest && own_tail(lane) - lane->head_cache < settings->depth)
        return false;
    refresh_head(lane);
    if (n_media_waiting(lane) >= settings->depth)
        return true;
    return looks_at_oldest && exceeds_bytes_or_time(lane, in);
}

/* Moves head over [head, to): what was there is the producer's now. */
static bool take_back_up_to(struct limef_lane *lane, uint32_t to)
{
    /* acq_rel, as the consumer's: only one of the two gets a position */
    return atomic_compare_exchange_strong_explicit(&lane->head, &lane->head_cache, to,
                                                   memory_order_acq_rel, memory_order_acquire);
}

/* Moves head to tail: all that waits, from *first on, is the producer's now. Returns false if
 * nothing does. */
static bool take_back_all(struct limef_lane *lane, uint32_t *first)
{
    uint32_t tail = own_tail(lane);

    refresh_head(lane);
    do { /* each failure is a frame that the consumer took: at most n_frames of them */
        *first = lane->head_cache;
        if (*first == tail)
            return false;
    } while (!take_back_up_to(lane, tail));
    lane->head_cache = tail;
    return true;
}

/* Takes all that waits back, drops the `n_drops` oldest media of a slot, UINT32_MAX: of any, queues
 * the rest again in order. Returns how many were dropped. */
static unsigned requeue_without(struct limef_lane *lane, uint32_t slot, unsigned n_drops)
{
    uint32_t tail = own_tail(lane), position;
    unsigned n_dropped = 0, n_requeued = 0;

    refresh_head(lane);
    if (!n_media_waiting(lane) || !take_back_all(lane, &position))
        return 0;
    for (; position != tail; position++) {
        struct limef_stack_frame *stack = frame_down(lane, position);
        bool is_of_slot = slot == UINT32_MAX || stack->any.frame.slot == slot;

        if (is_of_slot && is_media(&stack->any.frame) && n_dropped < n_drops) {
            lane_begin_waits(lane, &stack->any.frame);
            keep_spare(lane, stack);
            n_dropped++;
        } else {
            publish(lane, stack);
            n_requeued++;
        }
    }
    if (n_requeued) /* the reader may have seen the lane empty, and the write may yet fail */
        wake_reader(lane);
    return n_dropped;
}

/* Returns false if there is no media to drop. */
static bool drop_oldest(struct limef_lane *lane)
{
    uint32_t head;
    struct limef_stack_frame *stack;

    refresh_head(lane);
    if (!n_media_waiting(lane))
        return false;
    head = lane->head_cache;
    if (media_before(lane, head + 1) == media_before(lane, head)) { /* a signal is in front */
        LIMEF_COUNT(lane->n_dropped_oldest, requeue_without(lane, UINT32_MAX, 1));
        return true;
    }
    stack = frame_down(lane, head);
    if (take_back_up_to(lane, head + 1)) {
        lane->head_cache = head + 1;
        lane_begin_waits(lane, &stack->any.frame);
        keep_spare(lane, stack);
        LIMEF_COUNT(lane->n_dropped_oldest, 1);
    }
    return true;
}

/* Whether the last one of its stream says all: those before it need not be known. */
static bool is_state(uint32_t signal)
{
    switch (signal) {
    case LIMEF_SIGNAL_START:
    case LIMEF_SIGNAL_STOP:
    case LIMEF_SIGNAL_FLUSH:
    case LIMEF_SIGNAL_END:
    case LIMEF_SIGNAL_LOST:
    case LIMEF_SIGNAL_STATE:
    case LIMEF_SIGNAL_DECODER:
    case LIMEF_SIGNAL_GAP:
        return true;
    default:
        return false;
    }
}

/* Whether nobody needs the older one, with no media between the two. */
static bool supersedes(const struct limef_frame *newer, const struct limef_frame *older)
{
    const struct limef_signal_frame *newer_signal = limef_signal_frame_from(newer);
    const struct limef_signal_frame *older_signal = limef_signal_frame_from(older);

    if (stream_of(newer) != stream_of(older) || newer->media != older->media ||
        newer->frame_class != older->frame_class)
        return false;
    if (!newer_signal || !older_signal)
        return newer->frame_class == LIMEF_FRAME_CODEC;
    return newer_signal->signal == older_signal->signal && is_state(newer_signal->signal);
}

/* The oldest of [first, tail) that one of the others or `in`, behind them, supersedes; tail: none.
 * They are the producer's. */
static uint32_t find_superseded(const struct limef_lane *lane, uint32_t first,
                                const struct limef_frame *in)
{
    uint32_t tail = own_tail(lane), position = first;

    for (; position != tail; position++) {
        const struct limef_frame *older = &frame_down(lane, position)->any.frame;
        uint32_t next = position + 1;

        if (supersedes(in, older))
            break;
        while (next != tail && !supersedes(&frame_down(lane, next)->any.frame, older))
            next++;
        if (next != tail)
            break;
    }
    return position;
}

/* Where no media waits. What is left keeps its order. Returns false if none is superseded. */
static bool drop_superseded(struct limef_lane *lane, const struct limef_frame *in)
{
    uint32_t tail = own_tail(lane), position, superseded;

    if (!take_back_all(lane, &position))
        return false;
    superseded = find_superseded(lane, position, in);
    for (; position != tail; position++)
        if (position == superseded)
            keep_spare(lane, frame_down(lane, position));
        else
            publish(lane, frame_down(lane, position));
    wake_reader(lane); /* it may have seen the lane empty */
    LIMEF_COUNT(lane->n_superseded, superseded != tail);
    return superseded != tail;
}

static bool has_room(struct limef_lane *lane, const struct limef_frame *in)
{
    if (is_media(in) && is_full(lane, in))
        return false;
    if (lane->spare || lane->taken != lane->recycled_cache)
        return true;
    lane->recycled_cache = atomic_load_explicit(&lane->recycled, memory_order_acquire);
    return lane->taken != lane->recycled_cache;
}

/* Waits for the consumer. Returns 0, AVERROR_EXIT or AVERROR(ETIMEDOUT): at once where the lane
 * drops and the consumer has given nothing back since the last time, as the writer has others to
 * serve. */
static int wait_for_room(struct limef_lane *lane, const struct limef_frame *in)
{
    int64_t block_us = lane->settings.block_us;
    int64_t deadline_us = limef_deadline_us(block_us ? block_us : LIMEF_FOREVER);
    int ret = 0;

    for (int i = 0; i < WRITER_LOOKS; i++) {
        if (has_room(lane, in))
            return 0;
        cpu_relax_for(LOOK_GAP_PAUSES);
    }
    if (lane->settings.overflow != LIMEF_OVERFLOW_BLOCK && lane->timed_out_at == lane->taken + 1)
        return AVERROR(ETIMEDOUT);
    LIMEF_COUNT(lane->n_blocked, 1);
    probe_wait_begins();
    while (!ret) {
        /* seq_cst: before the look for room; pairs with the fence in lane_recycle() */
        atomic_store_explicit(&lane->writer_sleeps, 1, memory_order_seq_cst);
        thread_set_sleeps_on(&lane->writer_sleeps);
        atomic_thread_fence(memory_order_seq_cst);
        if (has_room(lane, in))
            break;
        if (lane_is_closed(lane) || limef_thread_stopping(limef_thread_current()))
            ret = AVERROR_EXIT;
        else if (deadline_us != LIMEF_FOREVER && limef_now_us() >= deadline_us)
            ret = AVERROR(ETIMEDOUT);
        else
            futex_wait(&lane->writer_sleeps, 1, deadline_us);
    }
    probe_wait_ends();
    thread_set_sleeps_on(NULL);
    atomic_store_explicit(&lane->writer_sleeps, 0, memory_order_relaxed);
    lane->timed_out_at = ret == AVERROR(ETIMEDOUT) ? lane->taken + 1 : 0;
    return ret;
}

static inline struct limef_stack_frame *admit(struct limef_lane *lane, const struct limef_frame *in)
{
    return is_media(in) && is_full(lane, in) ? NULL : take_free(lane);
}

/* Drops all media that waits; the streams that lost something wait for a key frame. */
static bool drop_all_to_key(struct limef_lane *lane)
{
    unsigned n_dropped = requeue_without(lane, UINT32_MAX, lane->n_frames);

    LIMEF_COUNT(lane->n_dropped_to_key, n_dropped);
    return n_dropped > 0;
}

static void end_hole(struct limef_lane *lane)
{
    uint64_t n_dropped = LIMEF_COUNTED(lane->n_dropped_to_key);

    lane->ends_hole = true;
    if (n_dropped == lane->n_said) /* what was refused, while it was closed, was not dropped */
        return;
    lane->n_holes++;
    if (lane->n_holes & (lane->n_holes - 1))
        return;
    limef_log(LIMEF_LOG_WARNING, name_of(lane),
              "fell behind: %llu packets dropped up to a key frame, %llu times so far",
              (unsigned long long)(n_dropped - lane->n_said), (unsigned long long)lane->n_holes);
    lane->n_said = n_dropped;
}

static bool is_key(const struct limef_frame *frame)
{
    return has_followers(frame) && (frame->flags & LIMEF_FRAME_KEY);
}

/* The drop-to-key policy for a packet; NULL if it is dropped. */
static struct limef_stack_frame *admit_to_key(struct limef_lane *lane, const struct limef_frame *in)
{
    uint64_t stream = stream_of(in);
    bool waits = key_waits_has(&lane->waits_for_key, stream) && has_followers(in);
    bool key = is_key(in);
    struct limef_stack_frame *stack = NULL;

    if (key || !waits) {
        stack = admit(lane, in);
        if (!stack && key) { /* what waits would be decoded late: go on from here */
            drop_all_to_key(lane);
            stack = take_free(lane);
        }
    }
    if (stack) {
        if (key_waits_has(&lane->waits_for_key, stream) && key) {
            end_hole(lane);
            key_waits_end(&lane->waits_for_key, stream);
        }
    } else {
        lane_begin_waits(lane, in);
        LIMEF_COUNT(lane->n_dropped_to_key, 1);
    }
    return stack;
}

/* Drops what the policy gives for a frame that found no room; false if there is nothing. */
static bool drop_for(struct limef_lane *lane, const struct limef_frame *in)
{
    switch (lane->settings.overflow) {
    case LIMEF_OVERFLOW_DROP_OLDEST:
        return drop_oldest(lane);
    case LIMEF_OVERFLOW_DROP_TO_KEY: /* each picture stands alone; a signal may find packets */
        return is_media(in) ? drop_oldest(lane) : drop_all_to_key(lane);
    case LIMEF_OVERFLOW_BLOCK:
        break;
    }
    return false;
}

/* Of a lane that has none. Returns as lane_make_room(). */
static APART int gain_room(struct limef_lane *lane, const struct limef_frame *in,
                           struct limef_stack_frame **stack)
{
    do {
        int ret;

        if (drop_for(lane, in))
            continue;
        if (lane->settings.overflow != LIMEF_OVERFLOW_BLOCK && is_media(in)) {
            LIMEF_COUNT(lane->n_dropped_oldest, 1); /* the consumer holds every frame */
            lane_begin_waits(lane, in);
            return 0;
        }
        if (lane->settings.overflow != LIMEF_OVERFLOW_BLOCK && drop_superseded(lane, in))
            continue;
        ret = wait_for_room(lane, in);
        if (ret == AVERROR(ETIMEDOUT))
            LIMEF_COUNT(lane->n_dropped_timeout, 1);
        if (ret < 0)
            return ret;
    } while (!(*stack = admit(lane, in)));
    return 0;
}

/* A burst brings those of its streams that wait their key frames. */
static APART void end_waits_of(struct limef_lane *lane, const struct limef_frame *group)
{
    for (unsigned i = 0; i < limef_group_n(group); i++) {
        const struct limef_frame *packet = &limef_group_nth(group, i)->frame;

        if (!is_key(packet) || !key_waits_has(&lane->waits_for_key, stream_of(packet)))
            continue;
        end_hole(lane);
        key_waits_end(&lane->waits_for_key, stream_of(packet));
    }
}

HOT int lane_make_room(struct limef_lane *lane, const struct limef_frame *in,
                       struct limef_stack_frame **stack)
{
    int ret = 0;

    if (lane->settings.overflow == LIMEF_OVERFLOW_DROP_TO_KEY &&
        in->frame_class == LIMEF_FRAME_PACKET) {
        *stack = admit_to_key(lane, in);
        return 0;
    }
    *stack = admit(lane, in);
    if (!*stack)
        ret = gain_room(lane, in, stack);
    if (*stack && in->frame_class == LIMEF_FRAME_GROUP)
        end_waits_of(lane, in);
    return ret;
}

void lane_flush(struct limef_lane *lane, uint32_t slot)
{
    LIMEF_COUNT(lane->n_dropped_flush, requeue_without(lane, slot, lane->n_frames));
    key_waits_end_slot(&lane->waits_for_key, slot);
}
