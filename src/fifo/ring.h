/* SPDX-License-Identifier: MIT */
/*
 * The producer's side of a lane's two rings.
 */
#ifndef LIMEF_SRC_FIFO_RING_H
#define LIMEF_SRC_FIFO_RING_H

#include "fifo/lane_private.h"
#include "fifo/stack_frame.h"

static inline bool is_media(const struct limef_frame *frame)
{
    return frame->frame_class == LIMEF_FRAME_PACKET || frame->frame_class == LIMEF_FRAME_DECODED ||
           frame->frame_class == LIMEF_FRAME_GROUP;
}

static inline struct limef_stack_frame *at(const struct limef_lane *lane, uint32_t position)
{
    return &lane->frames[position & (lane->n_frames - 1)];
}

/* Asks for the line that both ends of a stack frame touch, to be written soon, so that it is here
 * when its turn comes. */
static inline void prefetch_line(const void *line)
{
#if defined(__x86_64__)
    /* the builtin gives prefetchw only to compilers told of a processor that has it; others take
     * the instruction as a no-op */
    __asm__ __volatile__("prefetchw %0" : : "m"(*(const char *)line));
#else
    __builtin_prefetch(line, 1);
#endif
}

static inline struct limef_stack_frame *frame_down(const struct limef_lane *lane, uint32_t position)
{
    return &lane->frames[atomic_load_explicit(&at(lane, position)->down, memory_order_relaxed)];
}

static inline uint32_t own_tail(const struct limef_lane *lane)
{
    return atomic_load_explicit(&lane->tail, memory_order_relaxed);
}

static inline void refresh_head(struct limef_lane *lane)
{
    /* acquire: slots below head are the producer's again; pairs with the consumer's swap of head */
    lane->head_cache = atomic_load_explicit(&lane->head, memory_order_acquire);
}

static inline uint64_t media_before(const struct limef_lane *lane, uint32_t position)
{
    return position == own_tail(lane) ? lane->media_written : at(lane, position)->media_before;
}

/* By the producer's own record: what the consumer has not taken as far as head_cache knows. */
static inline uint64_t n_media_waiting(const struct limef_lane *lane)
{
    return lane->media_written - media_before(lane, lane->head_cache);
}

/* Puts a frame into the ring's next slot. */
static inline void publish(struct limef_lane *lane, struct limef_stack_frame *stack)
{
    const struct limef_frame *frame = &stack->any.frame;
    uint32_t tail = own_tail(lane);
    struct limef_stack_frame *slot = at(lane, tail);

    slot->media_before = lane->media_written;
    slot->bytes_before = lane->bytes_written;
    slot->pts_us = frame->pts_us;
    lane->media_written += is_media(frame);
    if (lane->settings.max_bytes)
        lane->bytes_written += frame_payload_bytes(frame);
    atomic_store_explicit(&slot->down, (uint32_t)(stack - lane->frames), memory_order_relaxed);
    /* release: the frame and its slot before tail; pairs with the acquire in lane_take() */
    atomic_store_explicit(&lane->tail, tail + 1, memory_order_release);
}

static inline void keep_spare(struct limef_lane *lane, struct limef_stack_frame *stack)
{
    stack_frame_empty(stack);
    stack->next = lane->spare;
    lane->spare = stack;
}

static inline struct limef_stack_frame *take_free(struct limef_lane *lane)
{
    struct limef_stack_frame *stack = lane->spare;

    if (stack) {
        lane->spare = stack->next;
        return stack;
    }
    if (lane->taken == lane->recycled_cache) {
        /* acquire: the frame and its slot; pairs with the release in lane_recycle() */
        lane->recycled_cache = atomic_load_explicit(&lane->recycled, memory_order_acquire);
        if (lane->taken == lane->recycled_cache)
            return NULL;
    }
    stack = &lane->frames[atomic_load_explicit(&at(lane, lane->taken++)->up, memory_order_relaxed)];
    if (lane->taken != lane->recycled_cache) { /* the next one, while this one is filled */
        const char *next = (const char *)at(lane, lane->taken);

        prefetch_line(next);
        prefetch_line(next + LIMEF_CACHE_LINE_BYTES);
    }
    return stack;
}

static inline bool lane_is_closed(struct limef_lane *lane)
{
    struct limef_fifo *fifo, *looked_at;

    do {
        /* acquire: pairs with limef_fifo_add_lane() and limef_fifo_close() */
        looked_at = fifo = atomic_load_explicit(&lane->fifo, memory_order_acquire);
        if (fifo && !atomic_load_explicit(&fifo->closed, memory_order_acquire))
            return false;
        /* what was closed may be the fifo that the lane has left meanwhile */
        fifo = atomic_load_explicit(&lane->fifo, memory_order_acquire);
    } while (fifo != looked_at);
    return true;
}

/* Says that something was published. */
static inline void wake_reader(struct limef_lane *lane)
{
    struct limef_fifo *fifo;

    /* what was published, before the looks at whose the lane is and whether that sleeps; pairs with
     * the stores of fifo_move_lane() and of a reader that is about to sleep */
    atomic_thread_fence(memory_order_seq_cst);
    fifo = atomic_load_explicit(&lane->fifo, memory_order_acquire);
    if (!fifo || atomic_load_explicit(&fifo->reader, memory_order_relaxed) == READER_AWAKE)
        return;
    if (fifo_wake_sleeper(fifo))
        LIMEF_COUNT(lane->n_wakes, 1);
}

#endif
