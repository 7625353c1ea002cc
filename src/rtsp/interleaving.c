/* SPDX-License-Identifier: MIT */
#include "rtsp/interleaving.h"

#include "rtsp/decoding_order.h"
#include "rtsp/h265_payload.h"

#include "base/memory_private.h"

#include <libavutil/common.h>
#include <libavutil/error.h>
#include <libavutil/intreadwrite.h>
#include <string.h>
#include <strings.h>

enum {
    H264_SLICE = 1, /* the first and the last type of those that have pictures */
    H264_IDR = 5,
    H264_STAP_A = 24,
    H264_STAP_B,
    H264_MTAP16,
    H264_MTAP24,
    H264_FU_A,
    H264_FU_B,
};

struct interleaving {
    bool is_h265;
    struct decoding_order order;
    bool in_fragment; /* the last packet did not end its unit, which is this one */
    int64_t fragment_number, fragment_timestamp;
};

static int refuse(struct depacketizer *depacketizer)
{
    depacketizer->interleaving->order.is_damaged = true;
    depacketizer->n_malformed++;
    return AVERROR_INVALIDDATA;
}

/* What is told of several: that it ends, or the first error. */
static int first_error(int before, int ret)
{
    return before >= 0 || ret == AVERROR_EXIT ? ret : before;
}

static bool is_counted(const struct interleaving *interleaving, unsigned type)
{
    return interleaving->is_h265 || (type >= H264_SLICE && type <= H264_IDR);
}

/* A whole unit. */
static int put_unit(struct depacketizer *depacketizer, struct decoding_piece *piece, uint16_t don)
{
    struct interleaving *interleaving = depacketizer->interleaving;

    piece->number = decoding_order_number(&interleaving->order, don);
    piece->is_counted = is_counted(interleaving, piece->bytes > 0 ? piece->data[0] & 0x1f : 0);
    return decoding_order_put(&interleaving->order, depacketizer, piece);
}

/* A part of a unit: its head is the packet's, without a number. */
static int put_fragment(struct depacketizer *depacketizer, struct decoding_piece *piece,
                        uint16_t don)
{
    struct interleaving *interleaving = depacketizer->interleaving;
    uint8_t header = piece->head[piece->head_bytes - 1]; /* start, end, and in H.264 the type */
    int ret;

    if (header & 0x80) {
        interleaving->fragment_number = decoding_order_number(&interleaving->order, don);
        interleaving->fragment_timestamp = piece->timestamp;
    } else if (!interleaving->in_fragment) {
        return 0; /* its beginning was lost */
    }
    piece->is_counted = header & 0x80 && is_counted(interleaving, header & 0x1f);
    piece->is_open = !(header & 0x40);
    piece->number = interleaving->fragment_number;
    ret = decoding_order_put(&interleaving->order, depacketizer, piece);
    interleaving->in_fragment = ret >= 0 && piece->is_open;
    return ret;
}

/* Reads over so many bytes. Returns where they are; NULL: there are less. */
static const uint8_t *skip(const uint8_t **data, size_t *bytes, size_t n)
{
    const uint8_t *at = *data;

    if (*bytes < n)
        return NULL;
    *data += n;
    *bytes -= n;
    return at;
}

/* A length, what is between it and the unit, and the unit. Returns that; NULL: it is malformed. */
static const uint8_t *read_unit(struct decoding_piece *piece, const uint8_t **data, size_t *bytes,
                                size_t between_bytes)
{
    const uint8_t *length = skip(data, bytes, 2);
    const uint8_t *between = length ? skip(data, bytes, between_bytes) : NULL;

    piece->bytes = length ? AV_RB16(length) : 0;
    piece->data = between && piece->bytes > 0 ? skip(data, bytes, piece->bytes) : NULL;
    return piece->data ? between : NULL;
}

/*
 * Several units of an aggregation packet.
 *
 * don           of the first.
 * offset_bytes  of the time of each (MTAP), which a difference of DON comes before; 0: STAP.
 */
static int take_h264_several(struct depacketizer *depacketizer, const struct decoding_piece *all,
                             uint16_t don, size_t offset_bytes)
{
    const uint8_t *data = all->data;
    size_t bytes = all->bytes;
    int ret = 0;

    for (uint16_t i = 0; bytes > 0 && ret != AVERROR_EXIT; i++) {
        struct decoding_piece piece = {.timestamp = all->timestamp};
        const uint8_t *offset =
            read_unit(&piece, &data, &bytes, offset_bytes ? 1 + offset_bytes : 0);

        if (!offset)
            return first_error(ret, refuse(depacketizer));
        if (offset_bytes > 0)
            piece.timestamp += offset_bytes == 2 ? AV_RB16(offset + 1) : AV_RB24(offset + 1);
        piece.is_marked = all->is_marked && bytes == 0;
        ret = first_error(
            ret, put_unit(depacketizer, &piece, (uint16_t)(don + (offset_bytes ? offset[0] : i))));
    }
    return ret;
}

static int take_h264(struct depacketizer *depacketizer, struct decoding_piece *piece)
{
    const uint8_t *data = piece->data;
    unsigned type = data[0] & 0x1f;
    bool is_fragment = type == H264_FU_A || type == H264_FU_B;
    bool has_number = type >= H264_STAP_B && type <= H264_FU_B && type != H264_FU_A;
    size_t head_bytes = is_fragment ? 2 : 1, don_bytes = has_number ? 2 : 0;
    uint16_t don = decoding_order_next(&depacketizer->interleaving->order);

    if (type < H264_STAP_A || type > H264_FU_B)
        return put_unit(depacketizer, piece, don);
    if (piece->bytes <= head_bytes + don_bytes)
        return refuse(depacketizer);
    if (has_number)
        don = AV_RB16(data + head_bytes);
    piece->data += head_bytes + don_bytes;
    piece->bytes -= head_bytes + don_bytes;
    if (!is_fragment)
        return take_h264_several(depacketizer, piece, don,
                                 type == H264_MTAP16   ? 2
                                 : type == H264_MTAP24 ? 3
                                                       : 0);
    piece->head[0] = (data[0] & 0xe0) | H264_FU_A;
    piece->head[1] = data[1];
    piece->head_bytes = 2;
    return put_fragment(depacketizer, piece, don);
}

/* The first unit has its number, which is there, before its length, the others by how much more
 * than one it is greater than that before. */
static int take_h265_several(struct depacketizer *depacketizer, const struct decoding_piece *all)
{
    uint16_t don = AV_RB16(all->data);
    const uint8_t *data = all->data + 2, *more = data;
    size_t bytes = all->bytes - 2;
    int ret = 0;

    do {
        struct decoding_piece piece = {.timestamp = all->timestamp};

        if (!more || !read_unit(&piece, &data, &bytes, 0))
            return first_error(ret, refuse(depacketizer));
        piece.is_marked = all->is_marked && bytes == 0;
        ret = first_error(ret, put_unit(depacketizer, &piece, don));
        more = skip(&data, &bytes, 1);
        don = (uint16_t)(don + 1 + (more ? *more : 0));
    } while (more && ret != AVERROR_EXIT);
    return ret;
}

static int take_h265(struct depacketizer *depacketizer, struct decoding_piece *piece)
{
    struct h265_payload payload;
    bool is_fragment, has_number;
    size_t head_bytes;
    uint16_t don = 0;

    if (h265_payload_read(&payload, piece->data, piece->bytes) < 0 || payload.bytes < 2)
        return refuse(depacketizer);
    piece->data = payload.data;
    piece->bytes = payload.bytes;
    if (h265_payload_type(&payload) == H265_AP)
        return take_h265_several(depacketizer, piece);
    is_fragment = h265_payload_type(&payload) == H265_FU;
    has_number = !is_fragment || payload.data[0] & 0x80; /* it is where a unit begins (4.4.3) */
    head_bytes = is_fragment ? 1 : 0;
    if (payload.bytes < head_bytes + (has_number ? 2 : 0))
        return refuse(depacketizer);
    memcpy(piece->head, payload.header, 2);
    if (is_fragment)
        piece->head[2] = payload.data[0];
    piece->head_bytes = 2 + head_bytes;
    if (has_number)
        don = AV_RB16(payload.data + head_bytes);
    piece->data += head_bytes + (has_number ? 2 : 0);
    piece->bytes -= head_bytes + (has_number ? 2 : 0);
    return is_fragment ? put_fragment(depacketizer, piece, don)
                       : put_unit(depacketizer, piece, don);
}

/* The unit of which parts came has no end. */
static int give_up_fragment(struct depacketizer *depacketizer)
{
    struct interleaving *interleaving = depacketizer->interleaving;
    struct decoding_piece hole = {.number = interleaving->fragment_number,
                                  .timestamp = interleaving->fragment_timestamp,
                                  .is_behind_gap = true};

    interleaving->in_fragment = false;
    return decoding_order_put(&interleaving->order, depacketizer, &hole);
}

int interleaving_take(struct depacketizer *depacketizer, const struct rtp_packet *packet,
                      int64_t timestamp, unsigned n_missing)
{
    struct interleaving *interleaving = depacketizer->interleaving;
    struct decoding_piece piece = {.timestamp = timestamp,
                                   .is_marked = packet->marker,
                                   .data = packet->payload,
                                   .bytes = packet->payload_bytes};
    int ret = 0;

    interleaving->order.is_behind_gap |= n_missing > 0;
    if (n_missing > 0 && interleaving->in_fragment)
        ret = give_up_fragment(depacketizer);
    if (ret == AVERROR_EXIT || packet->payload_bytes == 0)
        return ret; /* some cameras keep a path open with empty ones */
    return first_error(ret, (interleaving->is_h265 ? take_h265 : take_h264)(depacketizer, &piece));
}

int64_t interleaving_due_us(const struct interleaving *interleaving)
{
    return decoding_order_due_us(&interleaving->order);
}

int interleaving_tick(struct depacketizer *depacketizer)
{
    return decoding_order_tick(&depacketizer->interleaving->order, depacketizer);
}

int interleaving_flush(struct depacketizer *depacketizer)
{
    return decoding_order_flush(&depacketizer->interleaving->order, depacketizer);
}

void interleaving_restart(struct interleaving *interleaving)
{
    decoding_order_restart(&interleaving->order);
    interleaving->in_fragment = false;
}

/* A parameter of a=fmtp; 0: it is missing; INT32_MAX: it is no number, or too large for one. */
static int64_t limit(const struct sdp_media *media, const char *name)
{
    size_t bytes;
    bool is_there = sdp_format_parameter(media, name, &bytes);

    return FFMAX(sdp_format_number(media, name, is_there ? INT32_MAX : 0), 0);
}

int interleaving_open(struct depacketizer *depacketizer, const struct sdp_media *media)
{
    bool is_h265 = strcasecmp(media->encoding, "H264") != 0;
    int64_t spread = limit(media, "sprop-max-don-diff"), bytes;
    int64_t depth = limit(media, is_h265 ? "sprop-depack-buf-nalus" : "sprop-interleaving-depth");
    struct interleaving *interleaving;

    if (is_h265 ? spread == 0 && depth == 0 : limit(media, "packetization-mode") != 2)
        return 0;
    if (is_h265 && depth == 0)
        depth = INT32_MAX;
    if (spread == 0)
        spread = INT32_MAX;
    else if (!is_h265)
        spread++; /* a difference that is not exceeded, where that of H.265 is not reached */
    bytes = limit(media, is_h265 ? "sprop-depack-buf-bytes" : "sprop-deint-buf-req");
    if (FFMIN(depth, spread) > DECODING_ORDER_DEPTH || bytes > (int64_t)DECODING_ORDER_BYTES)
        return AVERROR_PATCHWELCOME;
    interleaving = memory_allocate(sizeof(*interleaving));
    if (!interleaving)
        return AVERROR(ENOMEM);
    interleaving->is_h265 = is_h265;
    interleaving->order.depth = depth;
    interleaving->order.spread = spread;
    depacketizer->interleaving = interleaving;
    return 0;
}

void interleaving_close(struct depacketizer *depacketizer)
{
    if (!depacketizer->interleaving)
        return;
    decoding_order_clear(&depacketizer->interleaving->order);
    memory_release(depacketizer->interleaving);
    depacketizer->interleaving = NULL;
}
