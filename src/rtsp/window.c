/* SPDX-License-Identifier: MIT */
#include "rtsp/window.h"

#include "base/memory_private.h"

#include <limef/base/clock.h>

#include <libavutil/error.h>
#include <string.h>

/* Packets that may come before the first one that is to come; what waits has room behind them. */
#define MOST_BEHIND (RTP_WINDOW_FIRST_PACKETS / 2)

static struct rtp_window_slot *slot_of(const struct rtp_window *window, int64_t sequence)
{
    return &window->slots[(uint64_t)sequence & (window->n_slots - 1)];
}

/* The packet came, and no other between it and the one that was to come. */
static void advance(struct rtp_window *window, int64_t sequence)
{
    int64_t n = sequence + 1 - window->next;

    window->received = (n < 64 ? window->received << n : 0) | 1;
    window->next = sequence + 1;
}

static uint8_t *take_memory(struct rtp_window *window, size_t bytes)
{
    uint8_t *memory = window->vacant;

    if (bytes > RTP_WINDOW_PACKET_BYTES)
        return memory_allocate(bytes);
    if (!memory)
        return memory_allocate(RTP_WINDOW_PACKET_BYTES);
    memcpy(&window->vacant, memory, sizeof(window->vacant));
    window->n_vacant--;
    return memory;
}

static void put_memory(struct rtp_window *window, uint8_t *memory, size_t bytes)
{
    if (bytes > RTP_WINDOW_PACKET_BYTES ||
        window->n_vacant + window->n_waiting >= RTP_WINDOW_KEPT_PACKETS) {
        memory_release(memory);
        return;
    }
    window->n_vacant++;
    memcpy(memory, &window->vacant, sizeof(window->vacant));
    window->vacant = memory;
}

static void give_back_lent(struct rtp_window *window)
{
    if (window->lent)
        put_memory(window, window->lent, window->lent_bytes);
    window->lent = NULL;
}

/* Nobody waits. */
static void release_memory(struct rtp_window *window)
{
    give_back_lent(window);
    while (window->vacant)
        memory_release(take_memory(window, 0));
    memory_release(window->slots);
    window->slots = NULL;
    window->n_slots = 0;
}

/* A packet did not wait. What was needed at the beginning, or by one bad minute, is not kept for
 * ever: it is two fifths of what a camera takes. */
static void note_in_order(struct rtp_window *window)
{
    if (window->n_waiting == 0 && window->slots && ++window->n_in_order >= RTP_WINDOW_IDLE_PACKETS)
        release_memory(window);
}

static void empty(struct rtp_window *window, struct rtp_window_slot *slot)
{
    put_memory(window, slot->data, slot->bytes);
    window->waiting_bytes -= slot->bytes;
    slot->bytes = 0;
    window->n_waiting--;
}

/* Room for a packet so far behind the one that is to come. */
static int make_slots(struct rtp_window *window, int64_t gap)
{
    struct rtp_window larger = {.n_slots =
                                    window->n_slots ? window->n_slots : RTP_WINDOW_FIRST_PACKETS};

    while (gap >= larger.n_slots)
        larger.n_slots *= 2;
    if (larger.n_slots == window->n_slots)
        return 0;
    larger.slots = memory_allocate(larger.n_slots * sizeof(*larger.slots));
    if (!larger.slots)
        return AVERROR(ENOMEM);
    for (unsigned i = 0; i < window->n_slots; i++)
        if (window->slots[i].bytes > 0)
            *slot_of(&larger, window->slots[i].sequence) = window->slots[i];
    memory_release(window->slots);
    window->slots = larger.slots;
    window->n_slots = larger.n_slots;
    return 0;
}

static int keep(struct rtp_window *window, int64_t sequence, const uint8_t *data, size_t bytes,
                int64_t now_us)
{
    struct rtp_window_slot *slot;
    uint8_t *memory;

    if (make_slots(window, sequence - window->next) < 0)
        return AVERROR(ENOMEM);
    slot = slot_of(window, sequence);
    if (slot->bytes > 0 && slot->sequence != sequence)
        return AVERROR(EAGAIN);
    if (slot->bytes > 0) {
        window->n_duplicates++;
        return RTP_WINDOW_DUPLICATE;
    }
    if (window->waiting_bytes + bytes > RTP_WINDOW_BYTES)
        return AVERROR(EAGAIN);
    memory = take_memory(window, bytes);
    if (!memory)
        return AVERROR(ENOMEM);
    *slot = (struct rtp_window_slot){
        .sequence = sequence,
        .arrived_us = now_us,
        .bytes = bytes,
        .data = memory,
    };
    memcpy(slot->data, data, bytes);
    window->waiting_bytes += bytes;
    window->n_in_order = 0;
    if (window->n_waiting++ == 0 || sequence < window->searched)
        window->searched = sequence;
    return RTP_WINDOW_WAITS;
}

static int refuse_old(struct rtp_window *window, int64_t sequence)
{
    int64_t age = window->next - 1 - sequence;

    if (age < 64 && window->received >> age & 1) {
        window->n_duplicates++;
        return RTP_WINDOW_DUPLICATE;
    }
    window->n_late++;
    return RTP_WINDOW_LATE;
}

/* Packets that came before others, and will not come any more. Before the first that came nobody
 * knows whether they were sent to us: a server tells every viewer where its stream began (RFC 3550
 * A.3 counts from the first that came as well). */
static unsigned give_up(struct rtp_window *window, int64_t n)
{
    if (window->received)
        window->n_lost += (uint64_t)n;
    return (unsigned)n;
}

/* What is missing before a packet is given up: no gap is waited for, or it is larger than the
 * window, so that nothing is gained by waiting. */
static bool gives_up(const struct rtp_window *window, int64_t gap)
{
    return window->n_waiting == 0 && (window->wait_us == 0 || gap >= RTP_WINDOW_PACKETS);
}

/* The earliest that came is this one. */
static void begin(struct rtp_window *window, int64_t sequence)
{
    int16_t behind =
        window->knows_first ? (int16_t)((uint16_t)sequence - window->first) : (int16_t)0;

    window->has_begun = true;
    window->received = 0;
    if (window->is_held)
        window->next = sequence - MOST_BEHIND;
    else
        window->next = sequence - (behind > 0 && behind < MOST_BEHIND ? behind : 0);
}

int rtp_window_put(struct rtp_window *window, int64_t sequence, const uint8_t *data, size_t bytes,
                   int64_t now_us, unsigned *n_missing)
{
    int64_t gap;

    *n_missing = 0;
    if (!window->has_begun)
        begin(window, sequence);
    gap = sequence - window->next;
    if (gap < 0)
        return refuse_old(window, sequence);
    if ((gap == 0 && !window->is_held) || gives_up(window, gap)) {
        *n_missing = give_up(window, gap);
        advance(window, sequence);
        note_in_order(window);
        return RTP_WINDOW_NEXT;
    }
    return gap < RTP_WINDOW_PACKETS ? keep(window, sequence, data, bytes, now_us) : AVERROR(EAGAIN);
}

static struct rtp_window_slot *first_waiting(struct rtp_window *window)
{
    for (; window->n_waiting > 0; window->searched++)
        if (slot_of(window, window->searched)->bytes > 0)
            return slot_of(window, window->searched);
    return NULL;
}

/* When what is missing is given up: something waits for it. */
static int64_t gives_up_us(const struct rtp_window *window)
{
    int64_t oldest_us = LIMEF_FOREVER;
    unsigned n_left = window->n_waiting;

    for (int64_t sequence = window->searched; n_left > 0; sequence++) {
        const struct rtp_window_slot *slot = slot_of(window, sequence);

        if (slot->bytes == 0)
            continue;
        n_left--;
        if (slot->arrived_us < oldest_us)
            oldest_us = slot->arrived_us;
    }
    return oldest_us + window->wait_us;
}

static bool is_over(const struct rtp_window *window, int64_t now_us)
{
    return now_us != LIMEF_NO_TIME && now_us >= gives_up_us(window);
}

const uint8_t *rtp_window_take(struct rtp_window *window, int64_t now_us, size_t *bytes,
                               unsigned *n_missing)
{
    struct rtp_window_slot *slot = first_waiting(window);

    give_back_lent(window);
    if (slot && window->is_held) {
        if (!is_over(window, now_us))
            return NULL;
        rtp_window_release(window, -1);
    }
    if (!slot || (slot->sequence != window->next && !is_over(window, now_us)))
        return NULL;
    *n_missing = give_up(window, slot->sequence - window->next);
    advance(window, slot->sequence);
    window->n_waiting--;
    window->waiting_bytes -= slot->bytes;
    *bytes = window->lent_bytes = slot->bytes;
    slot->bytes = 0;
    window->lent = slot->data;
    return slot->data;
}

const uint8_t *rtp_window_first(struct rtp_window *window, size_t *bytes)
{
    const struct rtp_window_slot *slot = first_waiting(window);

    *bytes = slot ? slot->bytes : 0;
    return slot ? slot->data : NULL;
}

void rtp_window_release(struct rtp_window *window, int first)
{
    struct rtp_window_slot *slot = first_waiting(window);
    int64_t least = window->next; /* what waits has room behind it */

    window->is_held = false;
    window->knows_first = first >= 0;
    window->first = (uint16_t)first;
    if (!slot)
        return;
    begin(window, slot->sequence);
    if (window->next < least)
        window->next = least;
}

int64_t rtp_window_due_us(const struct rtp_window *window)
{
    return window->n_waiting > 0 ? gives_up_us(window) : LIMEF_FOREVER;
}

void rtp_window_restart(struct rtp_window *window)
{
    if (window->received) /* else nothing of the stream came before them */
        window->n_lost += window->n_waiting;
    for (unsigned i = 0; window->n_waiting > 0; i++)
        if (window->slots[i].bytes > 0)
            empty(window, &window->slots[i]);
    window->has_begun = false;
    window->received = 0;
}

void rtp_window_clear(struct rtp_window *window)
{
    rtp_window_restart(window);
    release_memory(window);
    *window = (struct rtp_window){.wait_us = 0};
}
