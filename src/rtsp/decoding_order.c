/* SPDX-License-Identifier: MIT */
#include "rtsp/decoding_order.h"

#include "base/memory_private.h"

#include <limef/base/clock.h>

#include <libavutil/common.h>
#include <libavutil/error.h>
#include <string.h>

/* What fits into an Ethernet frame, and some; a larger part has memory of its own. */
#define PART_BYTES 2048
/* Numbers that go back by so much more than what the stream may be out of order are those of a
 * sender that began anew. */
#define FAR_BACK 256
#define FARTHEST 16384 /* numbers of 16 bits that wrap tell no more */
/* Memory that was not needed while so many parts went on is given back. */
#define UNNEEDED_PARTS 4096

struct decoding_order_part {
    struct decoding_order_part *next; /* vacant */
    int64_t number, timestamp, arrived_us;
    bool is_counted, is_behind_gap, is_marked;
    size_t bytes;
    uint8_t *large; /* owned; NULL: they are here */
    uint8_t data[PART_BYTES];
};

static struct decoding_order_part *new_part(struct decoding_order *order, size_t bytes)
{
    struct decoding_order_part *part = order->vacant;
    uint8_t *large = bytes > PART_BYTES ? memory_allocate(bytes) : NULL;

    if (bytes > PART_BYTES && !large)
        return NULL;
    if (part) {
        order->vacant = part->next;
        order->n_vacant--;
    } else {
        part = memory_allocate(sizeof(*part));
    }
    if (!part) {
        memory_release(large);
        return NULL;
    }
    part->large = large;
    part->bytes = bytes;
    return part;
}

static void release_vacant(struct decoding_order *order, unsigned but)
{
    struct decoding_order_part *part;

    while (order->n_vacant > but) {
        part = order->vacant;
        order->vacant = part->next;
        order->n_vacant--;
        memory_release(part);
    }
}

static void give_back(struct decoding_order *order, struct decoding_order_part *part)
{
    memory_release(part->large);
    part->next = order->vacant;
    order->vacant = part;
    order->n_vacant++;
    if (++order->n_done < UNNEEDED_PARTS)
        return;
    release_vacant(order, order->most_parts - order->n_parts);
    order->most_parts = order->n_parts + 1;
    order->n_done = 0;
}

static struct decoding_order_part *take_first(struct decoding_order *order)
{
    struct decoding_order_part *part = order->parts[0];

    order->n_parts--;
    memmove(order->parts, order->parts + 1, order->n_parts * sizeof(order->parts[0]));
    order->waiting_bytes -= part->bytes;
    order->n_counted -= part->is_counted;
    return part;
}

/* Behind those of its own number. */
static void insert(struct decoding_order *order, struct decoding_order_part *part)
{
    unsigned begin = 0, end = order->n_parts;

    while (begin < end) {
        unsigned middle = (begin + end) / 2;

        if (order->parts[middle]->number <= part->number)
            begin = middle + 1;
        else
            end = middle;
    }
    memmove(order->parts + begin + 1, order->parts + begin,
            (order->n_parts - begin) * sizeof(order->parts[0]));
    order->parts[begin] = part;
    if (order->n_parts++ == 0)
        order->oldest_us = part->arrived_us;
    order->most_parts = FFMAX(order->most_parts, order->n_parts);
    order->n_counted += part->is_counted;
    order->waiting_bytes += part->bytes;
}

int64_t decoding_order_due_us(const struct decoding_order *order)
{
    return order->n_parts > 0 ? order->oldest_us + DECODING_ORDER_WAIT_US : LIMEF_FOREVER;
}

/* What came first may have gone on since: who it is now is looked for when it matters, which is
 * every two seconds at most. */
static bool is_overdue(struct decoding_order *order, int64_t now_us)
{
    if (now_us < decoding_order_due_us(order))
        return false;
    order->oldest_us = now_us;
    for (unsigned i = 0; i < order->n_parts; i++)
        order->oldest_us = FFMIN(order->oldest_us, order->parts[i]->arrived_us);
    return now_us >= decoding_order_due_us(order);
}

static bool is_full(struct decoding_order *order, int64_t now_us)
{
    return order->n_parts == DECODING_ORDER_PARTS || order->waiting_bytes > DECODING_ORDER_BYTES ||
           is_overdue(order, now_us);
}

/* Whether nothing can come that is decoded before the first: RFC 6184 section 7.2.2, RFC 7798
 * section 6; and at once what is next to the last one, as there is no number between them. */
static bool is_due(const struct decoding_order *order)
{
    int64_t number = order->parts[0]->number;

    if (order->is_open && number > order->open_number)
        return false;
    return (order->has_passed && number <= order->passed + 1) || order->n_counted > order->depth ||
           order->newest - number >= order->spread;
}

/* A marker is of the last packet that is sent of an access unit, not of the last that is decoded:
 * it ends one if nothing waits, else the time of the next one does. */
static int pass_first(struct decoding_order *order, struct depacketizer *depacketizer)
{
    struct decoding_order_part *part = take_first(order);
    int64_t before = order->has_passed ? order->passed : part->number - 2;
    bool is_lost = part->number > before + 1 && before < order->doubtful;
    bool is_all =
        part->is_marked || (order->is_marked && part->timestamp == order->marked_timestamp);
    struct rtp_packet packet = {.marker = is_all && order->n_parts == 0,
                                .payload = part->large ? part->large : part->data,
                                .payload_bytes = part->bytes};
    unsigned n_missing = is_lost || part->is_behind_gap || order->is_damaged;
    int ret;

    order->has_passed = true;
    order->passed = part->number;
    order->is_damaged = false;
    ret = depacketizer_push_next(depacketizer, &packet, part->timestamp, n_missing);
    give_back(order, part);
    return ret;
}

static int pass(struct decoding_order *order, struct depacketizer *depacketizer, bool all)
{
    int ret = 0;

    while (order->n_parts > 0 && ret != AVERROR_EXIT) {
        bool is_in_order = all || is_due(order);

        if (!is_in_order && !is_full(order, depacketizer->now_us))
            break;
        depacketizer->n_hurried += !is_in_order;
        order->is_damaged |= !is_in_order; /* what is decoded before it may come yet */
        ret = pass_first(order, depacketizer);
    }
    return ret == AVERROR_EXIT ? ret : 0;
}

int decoding_order_put(struct decoding_order *order, struct depacketizer *depacketizer,
                       const struct decoding_piece *piece)
{
    struct decoding_order_part *part;
    uint8_t *to;

    order->is_open = piece->is_open;
    order->open_number = piece->number;
    if (order->has_passed && piece->number < order->passed) {
        order->is_damaged = true;
        depacketizer->n_malformed++;
        return AVERROR_INVALIDDATA;
    }
    part = new_part(order, piece->head_bytes + piece->bytes);
    if (!part) {
        depacketizer->n_given_up += order->n_parts + 1u;
        decoding_order_restart(order);
        order->is_damaged = order->is_behind_gap = true;
        return AVERROR(ENOMEM);
    }
    part->number = piece->number;
    part->timestamp = piece->timestamp;
    part->arrived_us = depacketizer->now_us;
    part->is_counted = piece->is_counted;
    part->is_behind_gap = piece->is_behind_gap;
    part->is_marked = piece->is_marked;
    to = part->large ? part->large : part->data;
    memcpy(to, piece->head, piece->head_bytes);
    if (piece->bytes > 0)
        memcpy(to + piece->head_bytes, piece->data, piece->bytes);
    if (piece->is_marked) {
        order->is_marked = true;
        order->marked_timestamp = piece->timestamp;
    }
    insert(order, part);
    return pass(order, depacketizer, false);
}

int decoding_order_tick(struct decoding_order *order, struct depacketizer *depacketizer)
{
    return pass(order, depacketizer, false);
}

int decoding_order_flush(struct decoding_order *order, struct depacketizer *depacketizer)
{
    return pass(order, depacketizer, true);
}

/* How far units may be out of order, in numbers. */
static int64_t reach(const struct decoding_order *order)
{
    int64_t depth = order->depth < INT32_MAX ? order->depth : 0;

    return order->spread < INT32_MAX ? FFMAX(depth, order->spread) : depth;
}

int64_t decoding_order_number(struct decoding_order *order, uint16_t don)
{
    int64_t number = order->newest + (int16_t)(don - (uint16_t)order->newest);

    if (order->has_passed && number < order->passed - FFMIN(reach(order), FARTHEST) - FAR_BACK) {
        decoding_order_restart(order);
        order->is_damaged = true;
    }
    if (!order->has_begun)
        order->newest = number = UINT16_MAX + 1 + don;
    order->has_begun = true;
    order->newest = FFMAX(order->newest, number);
    if (order->is_behind_gap)
        order->doubtful = order->newest + reach(order);
    order->is_behind_gap = false;
    return number;
}

uint16_t decoding_order_next(const struct decoding_order *order)
{
    return (uint16_t)(order->newest + order->has_begun);
}

void decoding_order_restart(struct decoding_order *order)
{
    while (order->n_parts > 0)
        give_back(order, take_first(order));
    order->has_begun = order->has_passed = order->is_open = false;
    order->is_behind_gap = order->is_damaged = order->is_marked = false;
    order->doubtful = 0;
}

void decoding_order_clear(struct decoding_order *order)
{
    decoding_order_restart(order);
    release_vacant(order, 0);
}
