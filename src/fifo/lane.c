/* SPDX-License-Identifier: MIT */
#include "fifo/lane_private.h"

#include "fifo/futex.h"
#include "fifo/stack_frame.h"
#include "thread/interrupt.h"

#include <limef/base/log.h>
#include <limef/frame/pool.h>
#include <limef/thread/thread.h>

#include <libavutil/error.h>

/* Stack frames that media leaves to signals and to the frame that the consumer holds. */
#define RESERVED_FRAMES 2

/* A blocked writer looks this often before it sleeps. */
#define WRITER_SPIN_ROUNDS 100

/* Waits are sampled: no closer than SAMPLE_GAP_US on average, every frame of a slow stream. */
#define SAMPLE_GAP_US 1000
#define SAMPLE_EVERY_MAX 64

static bool is_media(const struct limef_frame *frame)
{
    return frame->frame_class == LIMEF_FRAME_PACKET || frame->frame_class == LIMEF_FRAME_DECODED;
}

static struct limef_stack_frame *at(const struct limef_lane *lane, uint32_t position)
{
    return &lane->frames[position & (lane->n_frames - 1)];
}

static struct limef_stack_frame *frame_down(const struct limef_lane *lane, uint32_t position)
{
    return &lane->frames[atomic_load_explicit(&at(lane, position)->down, memory_order_relaxed)];
}

static uint32_t own_tail(const struct limef_lane *lane)
{
    return atomic_load_explicit(&lane->tail, memory_order_relaxed);
}

static void refresh_head(struct limef_lane *lane)
{
    /* acquire: slots below head are the producer's again; pairs with the consumer's swap of head */
    lane->head_cache = atomic_load_explicit(&lane->head, memory_order_acquire);
}

static uint64_t media_before(const struct limef_lane *lane, uint32_t position)
{
    return position == own_tail(lane) ? lane->media_written : at(lane, position)->media_before;
}

/* By the producer's own record: what the consumer has not taken as far as head_cache knows. */
static uint64_t n_media_waiting(const struct limef_lane *lane)
{
    return lane->media_written - media_before(lane, lane->head_cache);
}

static bool exceeds_bytes_or_time(const struct limef_lane *lane, const struct limef_frame *in)
{
    const struct limef_lane_settings *settings = &lane->settings;
    const struct limef_stack_frame *oldest = at(lane, lane->head_cache);

    if (!n_media_waiting(lane))
        return false;
    if (settings->max_bytes &&
        lane->bytes_written - oldest->bytes_before + frame_payload_bytes(in) > settings->max_bytes)
        return true;
    return settings->max_time_us && in->pts_us != LIMEF_NO_TIME &&
           oldest->pts_us != LIMEF_NO_TIME && in->pts_us - oldest->pts_us > settings->max_time_us;
}

static bool is_full(struct limef_lane *lane, const struct limef_frame *in)
{
    const struct limef_lane_settings *settings = &lane->settings;
    bool looks_at_oldest = settings->max_bytes || settings->max_time_us;

    /* an old head_cache is a safe guess, and its slot not yet reused, up to depth positions on */
    if (looks_at_oldest || own_tail(lane) - lane->head_cache >= settings->depth)
        refresh_head(lane);
    if (n_media_waiting(lane) >= settings->depth)
        return true;
    return looks_at_oldest && exceeds_bytes_or_time(lane, in);
}

static void note_max_used(struct limef_lane *lane)
{
    uint32_t max_used = atomic_load_explicit(&lane->max_used, memory_order_relaxed);

    if (n_media_waiting(lane) <= max_used)
        return;
    refresh_head(lane);
    if (n_media_waiting(lane) > max_used)
        atomic_store_explicit(&lane->max_used, (uint32_t)n_media_waiting(lane),
                              memory_order_relaxed);
}

static void sample(struct limef_lane *lane, struct limef_stack_frame *stack)
{
    int64_t gap_us;

    if (stack->written_us) /* a store only if it changes something, see the struct */
        stack->written_us = 0;
    if (--lane->sample_in > 0)
        return;
    stack->written_us = limef_now_us();
    gap_us = stack->written_us - lane->sampled_us;
    lane->sampled_us = stack->written_us;
    if (gap_us < SAMPLE_GAP_US && lane->sample_every < SAMPLE_EVERY_MAX)
        lane->sample_every *= 2;
    else if (gap_us > 4 * SAMPLE_GAP_US && lane->sample_every > 1)
        lane->sample_every /= 2;
    lane->sample_in = lane->sample_every;
}

/* Puts a frame into the ring's next slot. */
static void publish(struct limef_lane *lane, struct limef_stack_frame *stack)
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

static void keep_spare(struct limef_lane *lane, struct limef_stack_frame *stack)
{
    stack_frame_empty(stack);
    stack->next_spare = lane->spare;
    lane->spare = stack;
}

/* Moves head over [head, to): what was there is the producer's now. */
static bool take_back_up_to(struct limef_lane *lane, uint32_t to)
{
    /* acq_rel, as the consumer's: only one of the two gets a position */
    return atomic_compare_exchange_strong_explicit(&lane->head, &lane->head_cache, to,
                                                   memory_order_acq_rel, memory_order_acquire);
}

/* Takes all that waits back, drops the `n_drops` oldest media, queues the rest again in order.
 * Returns how many were dropped. */
static unsigned requeue_without(struct limef_lane *lane, unsigned n_drops)
{
    uint32_t tail = own_tail(lane), position;
    unsigned n_dropped = 0;

    refresh_head(lane);
    do { /* each failure is a frame that the consumer took: at most n_frames of them */
        position = lane->head_cache;
        if (position == tail || !n_media_waiting(lane))
            return 0;
    } while (!take_back_up_to(lane, tail));
    lane->head_cache = tail;
    for (; position != tail; position++) {
        struct limef_stack_frame *stack = frame_down(lane, position);

        if (is_media(&stack->any.frame) && n_dropped < n_drops) {
            keep_spare(lane, stack);
            n_dropped++;
        } else {
            publish(lane, stack);
        }
    }
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
        LIMEF_COUNT(lane->n_dropped_oldest, requeue_without(lane, 1));
        return true;
    }
    stack = frame_down(lane, head);
    if (take_back_up_to(lane, head + 1)) {
        lane->head_cache = head + 1;
        keep_spare(lane, stack);
        LIMEF_COUNT(lane->n_dropped_oldest, 1);
    }
    return true;
}

static struct limef_stack_frame *take_free(struct limef_lane *lane)
{
    struct limef_stack_frame *stack = lane->spare;

    if (stack) {
        lane->spare = stack->next_spare;
        return stack;
    }
    if (lane->taken == lane->recycled_cache) {
        /* acquire: the frame and its slot; pairs with the release in lane_recycle() */
        lane->recycled_cache = atomic_load_explicit(&lane->recycled, memory_order_acquire);
        if (lane->taken == lane->recycled_cache)
            return NULL;
    }
    return &lane->frames[atomic_load_explicit(&at(lane, lane->taken++)->up, memory_order_relaxed)];
}

static bool is_closed(struct limef_lane *lane)
{
    /* acquire: pairs with limef_fifo_add_lane() and limef_fifo_close() */
    struct limef_fifo *fifo = atomic_load_explicit(&lane->fifo, memory_order_acquire);

    return !fifo || atomic_load_explicit(&fifo->closed, memory_order_acquire);
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

/* Waits for the consumer. Returns 0, AVERROR_EXIT or AVERROR(ETIMEDOUT). */
static int wait_for_room(struct limef_lane *lane, const struct limef_frame *in)
{
    int64_t block_us = lane->settings.block_us;
    int64_t deadline_us = limef_deadline_us(block_us ? block_us : LIMEF_FOREVER);
    int ret = 0;

    for (int i = 0; i < WRITER_SPIN_ROUNDS; i++) {
        if (has_room(lane, in))
            return 0;
        cpu_relax();
    }
    LIMEF_COUNT(lane->n_blocked, 1);
    while (!ret) {
        /* seq_cst: before the look for room; pairs with the fence in lane_recycle() */
        atomic_store_explicit(&lane->writer_sleeps, 1, memory_order_seq_cst);
        thread_set_sleeps_on(&lane->writer_sleeps);
        atomic_thread_fence(memory_order_seq_cst);
        if (has_room(lane, in))
            break;
        if (is_closed(lane) || limef_thread_stopping(limef_thread_current()))
            ret = AVERROR_EXIT;
        else if (deadline_us != LIMEF_FOREVER && limef_now_us() >= deadline_us)
            ret = AVERROR(ETIMEDOUT);
        else
            futex_wait(&lane->writer_sleeps, 1, deadline_us);
    }
    thread_set_sleeps_on(NULL);
    atomic_store_explicit(&lane->writer_sleeps, 0, memory_order_relaxed);
    return ret;
}

/* Whether the drop-to-key policy lets a packet in; if it does there is room in the bounds. */
static bool admit_to_key(struct limef_lane *lane, const struct limef_frame *in)
{
    bool audio = in->media == LIMEF_MEDIA_AUDIO; /* each packet of it stands alone */
    bool key = !audio && (in->flags & LIMEF_FRAME_KEY);

    if (!audio && !key && lane->waits_for_key) {
        LIMEF_COUNT(lane->n_dropped_to_key, 1);
        return false;
    }
    if (!is_full(lane, in)) {
        lane->waits_for_key = lane->waits_for_key && !key;
        return true;
    }
    if (key) { /* what waits would be decoded late: go on from here */
        lane->waits_for_key = false;
        LIMEF_COUNT(lane->n_dropped_to_key, requeue_without(lane, lane->n_frames));
        return true;
    }
    lane->waits_for_key = lane->waits_for_key || !audio;
    LIMEF_COUNT(lane->n_dropped_to_key, 1);
    return false;
}

/* Finds a stack frame by the lane's policy. Returns 0 and *stack, or 0 and NULL if the frame is
 * dropped, or an error. */
static int make_room(struct limef_lane *lane, const struct limef_frame *in,
                     struct limef_stack_frame **stack)
{
    bool media = is_media(in);
    bool blocks = lane->settings.overflow == LIMEF_OVERFLOW_BLOCK;

    *stack = NULL;
    if (lane->settings.overflow == LIMEF_OVERFLOW_DROP_TO_KEY &&
        in->frame_class == LIMEF_FRAME_PACKET && !admit_to_key(lane, in))
        return 0;
    for (;;) {
        int ret;

        if (!(media && is_full(lane, in)) && (*stack = take_free(lane)))
            return 0;
        if (!blocks && drop_oldest(lane))
            continue;
        if (!blocks && media) { /* the consumer holds every frame */
            LIMEF_COUNT(lane->n_dropped_oldest, 1);
            return 0;
        }
        ret = wait_for_room(lane, in);
        if (ret == AVERROR(ETIMEDOUT))
            LIMEF_COUNT(lane->n_dropped_timeout, 1);
        if (ret < 0)
            return ret;
    }
}

int limef_lane_write(struct limef_lane *lane, const struct limef_frame *frame)
{
    const struct limef_signal_frame *signal_frame = limef_signal_frame_from(frame);
    struct limef_stack_frame *stack;
    int ret;

    if (is_closed(lane))
        return AVERROR_EXIT;
    if (signal_frame && signal_frame->signal == LIMEF_SIGNAL_FLUSH) {
        LIMEF_COUNT(lane->n_dropped_flush, requeue_without(lane, lane->n_frames));
        lane->waits_for_key = false;
    }
    ret = make_room(lane, frame, &stack);
    if (ret < 0 || !stack)
        return ret;
    ret = stack_frame_adapt(stack, frame);
    if (ret < 0) {
        keep_spare(lane, stack);
        return limef_fail(ret, "lane", "cannot keep a %s frame of slot %u",
                          limef_frame_class_name(frame->frame_class), (unsigned)frame->slot);
    }
    sample(lane, stack);
    publish(lane, stack);
    LIMEF_COUNT(lane->n_written, 1);
    note_max_used(lane);
    if (fifo_wake_reader(atomic_load_explicit(&lane->fifo, memory_order_relaxed)))
        LIMEF_COUNT(lane->n_wakes, 1);
    return 0;
}

bool lane_has_frames(const struct limef_lane *lane)
{
    if (lane->held)
        return false;
    return lane->unread || atomic_load_explicit(&lane->head, memory_order_acquire) !=
                               atomic_load_explicit(&lane->tail, memory_order_acquire);
}

static void note_taken(struct limef_lane *lane, struct limef_stack_frame *const *frames, unsigned n)
{
    LIMEF_COUNT(lane->n_read, n);
    for (unsigned i = 0; i < n; i++)
        if (frames[i]->written_us)
            limef_histogram_add(&lane->wait, limef_now_us() - frames[i]->written_us);
}

unsigned lane_take(struct limef_lane *lane, struct limef_stack_frame **frames, unsigned max_frames)
{
    /* acquire: when the producer moved head, tail is seen at least as far on */
    uint32_t head = atomic_load_explicit(&lane->head, memory_order_acquire);
    uint32_t n;

    if (lane->held)
        return 0;
    if (lane->unread) {
        frames[0] = lane->unread;
        lane->unread = NULL;
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
    note_taken(lane, frames, n);
    return n;
}

void lane_wake_writer(struct limef_lane *lane)
{
    atomic_store_explicit(&lane->writer_sleeps, 0, memory_order_relaxed);
    futex_wake(&lane->writer_sleeps);
}

void lane_recycle(struct limef_lane *lane, struct limef_stack_frame *const *frames,
                  unsigned n_frames)
{
    uint32_t recycled = atomic_load_explicit(&lane->recycled, memory_order_relaxed);
    uint32_t n_waiting;

    for (unsigned i = 0; i < n_frames; i++) {
        stack_frame_empty(frames[i]);
        atomic_store_explicit(&at(lane, recycled + i)->up, (uint32_t)(frames[i] - lane->frames),
                              memory_order_relaxed);
    }
    /* release: the emptied frames and slots; pairs with the acquire in take_free() */
    atomic_store_explicit(&lane->recycled, recycled + n_frames, memory_order_release);
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

void limef_lane_get_counters(const struct limef_lane *lane, struct limef_lane_counters *counters)
{
    *counters = (struct limef_lane_counters){
        .n_written = LIMEF_COUNTED(lane->n_written),
        .n_read = LIMEF_COUNTED(lane->n_read),
        .n_dropped_oldest = LIMEF_COUNTED(lane->n_dropped_oldest),
        .n_dropped_to_key = LIMEF_COUNTED(lane->n_dropped_to_key),
        .n_dropped_flush = LIMEF_COUNTED(lane->n_dropped_flush),
        .n_dropped_timeout = LIMEF_COUNTED(lane->n_dropped_timeout),
        .n_blocked = LIMEF_COUNTED(lane->n_blocked),
        .n_wakes = LIMEF_COUNTED(lane->n_wakes),
        .copied_bytes = LIMEF_COUNTED(lane->copied_bytes),
        .n_allocations = LIMEF_COUNTED(lane->n_allocations),
        .max_used = LIMEF_COUNTED(lane->max_used),
        .depth = lane->settings.depth,
    };
}

unsigned limef_lane_n_waiting(const struct limef_lane *lane)
{
    uint32_t head = LIMEF_COUNTED(lane->head);

    return LIMEF_COUNTED(lane->tail) - head;
}
