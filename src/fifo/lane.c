/* SPDX-License-Identifier: MIT */
#include "fifo/lane_private.h"

#include "base/hot.h"
#include "fifo/futex.h"
#include "fifo/overflow.h"
#include "fifo/ring.h"

#include <limef/base/log.h>
#include <limef/frame/pool.h>

#include <libavutil/error.h>

/* Stack frames that media leaves to signals and to the frame that the consumer holds. */
#define RESERVED_FRAMES 2

/* Waits are sampled: no closer than SAMPLE_GAP_US on average, every frame of a slow stream. */
#define SAMPLE_GAP_US 1000
#define SAMPLE_EVERY_MAX 64

static void note_max_used(struct limef_lane *lane, const struct limef_frame *written)
{
    uint32_t max_used = atomic_load_explicit(&lane->max_used, memory_order_relaxed);
    uint32_t n_waiting;

    if (own_tail(lane) - lane->head_cache <= max_used) /* no more media than positions */
        return;
    refresh_head(lane);
    n_waiting = (uint32_t)n_media_waiting(lane);
    if (!n_waiting && is_media(written)) /* the reader was faster than this look */
        n_waiting = 1;
    if (n_waiting > max_used)
        atomic_store_explicit(&lane->max_used, n_waiting, memory_order_relaxed);
}

static void sample(struct limef_lane *lane, struct limef_stack_frame *stack)
{
    int64_t now_us, gap_us;

    if (LIMEF_COUNTED(stack->written_us)) /* a store only if it changes something, see the struct */
        atomic_store_explicit(&stack->written_us, 0, memory_order_relaxed);
    if (--lane->sample_in > 0)
        return;
    now_us = limef_now_us();
    atomic_store_explicit(&stack->written_us, now_us, memory_order_relaxed);
    gap_us = now_us - lane->sampled_us;
    lane->sampled_us = now_us;
    if (gap_us < SAMPLE_GAP_US && lane->sample_every < SAMPLE_EVERY_MAX)
        lane->sample_every *= 2;
    else if (gap_us > 4 * SAMPLE_GAP_US && lane->sample_every > 1)
        lane->sample_every /= 2;
    lane->sample_in = lane->sample_every;
}

/* Who is closed does not get it. What is live goes on behind it; a file's is offered again. */
static APART int refuse(struct limef_lane *lane, const struct limef_frame *frame)
{
    if (lane->settings.overflow == LIMEF_OVERFLOW_DROP_TO_KEY)
        lane_begin_waits(lane, frame);
    return AVERROR_EXIT;
}

HOT int limef_lane_write(struct limef_lane *lane, const struct limef_frame *frame)
{
    const struct limef_signal_frame *signal_frame = limef_signal_frame_from(frame);
    struct limef_stack_frame *stack;
    int ret;

    if (frame->payload)
        prefetch_line(frame->payload);
    if (lane_is_closed(lane))
        return refuse(lane, frame);
    if (signal_frame && signal_frame->signal == LIMEF_SIGNAL_FLUSH)
        lane_flush(lane, frame->slot);
    ret = lane_make_room(lane, frame, &stack);
    if (ret < 0 || !stack)
        return ret;
    ret = stack_frame_adapt(stack, frame);
    if (ret < 0) {
        keep_spare(lane, stack);
        lane_begin_waits(lane, frame);
        lane->ends_hole = false;
        return limef_fail(ret, "lane", "cannot keep a %s frame of slot %u",
                          limef_frame_class_name(frame->frame_class), (unsigned)frame->slot);
    }
    if (lane->ends_hole) {
        lane->ends_hole = false;
        stack->any.frame.flags |= LIMEF_FRAME_DISCONTINUITY;
    }
    sample(lane, stack);
    LIMEF_COUNT(lane->n_written, 1);
    publish(lane, stack);
    wake_reader(lane);
    /* last: it may take a line from the reader's CPU, and the frame need not wait for that */
    note_max_used(lane, frame);
    return 0;
}

HOT bool lane_has_frames(const struct limef_lane *lane)
{
    if (LIMEF_COUNTED(lane->held))
        return false;
    return lane->unread || atomic_load_explicit(&lane->head, memory_order_acquire) !=
                               atomic_load_explicit(&lane->tail, memory_order_acquire);
}

static void note_taken(struct limef_lane *lane, struct limef_stack_frame *const *frames, unsigned n)
{
    LIMEF_COUNT(lane->n_read, n);
    for (unsigned i = 0; i < n; i++)
        if (LIMEF_COUNTED(frames[i]->written_us))
            limef_histogram_add(&lane->wait, limef_now_us() - LIMEF_COUNTED(frames[i]->written_us));
}

HOT unsigned lane_take(struct limef_lane *lane, struct limef_stack_frame **frames,
                       unsigned max_frames)
{
    /* acquire: when the producer moved head, tail is seen at least as far on */
    uint32_t head = atomic_load_explicit(&lane->head, memory_order_acquire);
    uint32_t n;

    if (LIMEF_COUNTED(lane->held))
        return 0;
    if (lane->unread) {
        frames[0] = lane->unread;
        lane->unread = frames[0]->next;
        return 1;
    }
    do {
        /* the producer may have moved head past what tail_cache knows */
        if ((int32_t)(lane->tail_cache - head) <= 0) {
            lane->tail_cache = atomic_load_explicit(&lane->tail, memory_order_acquire);
            if (lane->tail_cache == head)
                return 0;
        }
        n = lane->tail_cache - head;
        if (n > max_frames)
            n = max_frames;
        for (uint32_t i = 0; i < n; i++)
            frames[i] = frame_down(lane, head + i);
        /* acq_rel: the slots are read before head moves; a position that the producer took back
         * or reused makes this fail, and what was read of it is forgotten */
    } while (!atomic_compare_exchange_weak_explicit(&lane->head, &head, head + n,
                                                    memory_order_acq_rel, memory_order_acquire));
    if (lane->tail_cache != head + n)
        prefetch_line(at(lane, head + n)); /* the next one, while the caller works on this one */
    note_taken(lane, frames, n);
    return n;
}

void lane_wake_writer(struct limef_lane *lane)
{
    /* what it waits for (a closed fifo, room), before the 0; pairs with its fence */
    atomic_thread_fence(memory_order_seq_cst);
    atomic_store_explicit(&lane->writer_sleeps, 0, memory_order_relaxed);
    futex_wake(&lane->writer_sleeps);
}

HOT void lane_offer_room(struct limef_lane *lane)
{
    uint32_t n_waiting;

    /* room before the look at the writer; pairs with its seq_cst store and fence */
    atomic_thread_fence(memory_order_seq_cst);
    if (!atomic_load_explicit(&lane->writer_sleeps, memory_order_relaxed))
        return;
    /* half empty is early enough for a writer, and spares a wake-up per frame */
    n_waiting = atomic_load_explicit(&lane->tail, memory_order_relaxed) -
                atomic_load_explicit(&lane->head, memory_order_relaxed);
    if (n_waiting <= lane->settings.depth / 2)
        lane_wake_writer(lane);
}

HOT void lane_recycle(struct limef_lane *lane, struct limef_stack_frame *const *frames,
                      unsigned n_frames)
{
    uint32_t recycled = atomic_load_explicit(&lane->recycled, memory_order_relaxed);

    for (unsigned i = 0; i < n_frames; i++) {
        stack_frame_empty(frames[i]);
        atomic_store_explicit(&at(lane, recycled + i)->up, (uint32_t)(frames[i] - lane->frames),
                              memory_order_relaxed);
    }
    /* release: the emptied frames and slots; pairs with the acquire in take_free() */
    atomic_store_explicit(&lane->recycled, recycled + n_frames, memory_order_release);
    lane_offer_room(lane);
}

int limef_lane_init(struct limef_lane *lane, struct limef_stack_frame *frames, unsigned n_frames,
                    const struct limef_lane_settings *settings)
{
    if (n_frames < 4 || n_frames > LIMEF_LANE_MAX_FRAMES || (n_frames & (n_frames - 1)))
        return limef_fail(AVERROR(EINVAL), "lane", "%u stack frames, not a power of two from 4",
                          n_frames);
    if (settings)
        lane->settings = *settings;
    if (!lane->settings.depth)
        lane->settings.depth = n_frames - n_frames / 4;
    if (lane->settings.depth > n_frames - RESERVED_FRAMES)
        lane->settings.depth = n_frames - RESERVED_FRAMES;
    lane->frames = frames;
    lane->n_frames = n_frames;
    lane->sample_every = lane->sample_in = 1;
    for (unsigned i = 0; i < n_frames; i++) {
        frames[i].lane = lane;
        atomic_store_explicit(&frames[i].up, i, memory_order_relaxed);
    }
    lane->recycled_cache = n_frames;
    atomic_store_explicit(&lane->recycled, n_frames, memory_order_relaxed);
    return 0;
}

void limef_lane_clear(struct limef_lane *lane)
{
    for (unsigned i = 0; i < lane->n_frames; i++)
        stack_frame_clear(&lane->frames[i]);
    limef_pool_release(lane->codecs);
    *lane = (struct limef_lane){0};
}

static void move_frame(struct limef_stack_frame *to, struct limef_stack_frame *from)
{
    to->any = from->any;
    to->memory = from->memory;
    to->memory_bytes = from->memory_bytes;
    to->av = from->av;
    atomic_store_explicit(&to->written_us, LIMEF_COUNTED(from->written_us), memory_order_relaxed);
    from->any = (union limef_any_frame){.frame = {.payload = NULL}};
    from->memory = NULL;
    from->memory_bytes = 0;
    from->av = NULL;
}

struct lane_rest lane_move_out(struct limef_lane *lane, struct limef_stack_frame *frames)
{
    struct lane_rest rest = {.waits_for_key = lane->waits_for_key,
                             .ends_hole = lane->ends_hole,
                             .n_holes = lane->n_holes,
                             .n_unsaid = LIMEF_COUNTED(lane->n_dropped_to_key) - lane->n_said};
    uint32_t head = LIMEF_COUNTED(lane->head);

    for (struct limef_stack_frame *unread = lane->unread; unread; unread = unread->next)
        move_frame(&frames[rest.n_unread++], unread);
    /* the next lane counts them, as it takes them back */
    LIMEF_COUNT(lane->n_read, -(uint64_t)rest.n_unread);
    while (head + rest.n_waiting != own_tail(lane)) {
        move_frame(&frames[rest.n_unread + rest.n_waiting],
                   frame_down(lane, head + rest.n_waiting));
        rest.n_waiting++;
    }
    return rest;
}

void lane_move_in(struct limef_lane *lane, const struct lane_rest *rest)
{
    struct limef_stack_frame **last = &lane->unread;

    lane->waits_for_key = rest->waits_for_key;
    lane->ends_hole = rest->ends_hole;
    lane->n_holes = rest->n_holes;
    lane->n_said = 0 - rest->n_unsaid; /* as if this one had dropped those too */
    /* the frames of a new lane come in order */
    for (unsigned i = 0; i < rest->n_unread; i++) {
        *last = take_free(lane);
        last = &(*last)->next;
    }
    LIMEF_COUNT(lane->n_read, rest->n_unread);
    for (unsigned i = 0; i < rest->n_waiting; i++)
        publish(lane, take_free(lane));
}

/* Taken and not given back; not less than none, whenever it is looked at. */
static unsigned n_held(const struct limef_lane *lane)
{
    uint32_t n_recycled = LIMEF_COUNTED(lane->recycled) - lane->n_frames;
    int32_t n = (int32_t)((uint32_t)LIMEF_COUNTED(lane->n_read) - n_recycled);

    return n > 0 ? (unsigned)n : 0;
}

uint64_t lane_n_read(const struct limef_lane *lane)
{
    return LIMEF_COUNTED(lane->n_read) - LIMEF_COUNTED(lane->n_dropped_stale);
}

void limef_lane_get_counters(const struct limef_lane *lane, struct limef_lane_counters *counters)
{
    int64_t n_read = (int64_t)lane_n_read(lane);

    *counters = (struct limef_lane_counters){
        .n_written = LIMEF_COUNTED(lane->n_written),
        .n_read = n_read > 0 ? (uint64_t)n_read : 0,
        .n_dropped_oldest = LIMEF_COUNTED(lane->n_dropped_oldest),
        .n_dropped_to_key = LIMEF_COUNTED(lane->n_dropped_to_key),
        .n_dropped_flush = LIMEF_COUNTED(lane->n_dropped_flush),
        .n_dropped_timeout = LIMEF_COUNTED(lane->n_dropped_timeout),
        .n_dropped_stale = LIMEF_COUNTED(lane->n_dropped_stale),
        .n_superseded = LIMEF_COUNTED(lane->n_superseded),
        .n_blocked = LIMEF_COUNTED(lane->n_blocked),
        .n_wakes = LIMEF_COUNTED(lane->n_wakes),
        .copied_bytes = LIMEF_COUNTED(lane->copied_bytes),
        .n_allocations = LIMEF_COUNTED(lane->n_allocations),
        .max_used = LIMEF_COUNTED(lane->max_used),
        .depth = lane->settings.depth,
        .n_frames = lane->n_frames,
        .n_used = limef_lane_n_waiting(lane) + n_held(lane),
    };
}

uint64_t limef_lane_n_dropped(const struct limef_lane_counters *counters)
{
    return counters->n_dropped_oldest + counters->n_dropped_to_key + counters->n_dropped_flush +
           counters->n_dropped_timeout + counters->n_dropped_stale + counters->n_superseded;
}

unsigned limef_lane_n_waiting(const struct limef_lane *lane)
{
    /* acquire: tail is seen at least as far on; pairs with what moved head, as in lane_take() */
    uint32_t head = atomic_load_explicit(&lane->head, memory_order_acquire);

    return LIMEF_COUNTED(lane->tail) - head;
}

int64_t limef_lane_oldest_us(const struct limef_lane *lane)
{
    /* acquire: head before tail, whose release in the write brings the numbers of the slots */
    uint32_t head = atomic_load_explicit(&lane->head, memory_order_acquire);
    uint32_t n = atomic_load_explicit(&lane->tail, memory_order_acquire) - head;
    int64_t now_us = limef_now_us();

    for (uint32_t i = 0; i < n && n <= lane->n_frames; i++) {
        uint32_t slot = (head + i) & (lane->n_frames - 1);
        uint32_t number = LIMEF_COUNTED(lane->frames[slot].down);
        int64_t written_us =
            number < lane->n_frames ? LIMEF_COUNTED(lane->frames[number].written_us) : 0;

        if (written_us) /* another frame's, if somebody moved head meanwhile: it is younger */
            return now_us > written_us ? now_us - written_us : 1;
    }
    return 0;
}
