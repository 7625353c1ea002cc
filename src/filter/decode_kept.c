/* SPDX-License-Identifier: MIT */
#include "filter/decode_kept.h"

#include "base/memory_private.h"

#include <libavcodec/packet.h>

static void release_nothing(struct limef_payload *payload)
{
    (void)payload;
}

/* Stands for payloads whose bytes are counted by libavcodec. */
static struct limef_payload counted_elsewhere = {.n_refs = 1, .release = release_nothing};

struct limef_decode_kept *decode_kept_create(void)
{
    struct limef_decode_kept *kept = memory_allocate(sizeof(*kept));

    for (unsigned i = 0; kept && i < DECODE_KEPT_MAX; i++) {
        kept->packets[i].bytes = memory_new_packet();
        if (!kept->packets[i].bytes) {
            decode_kept_free(kept);
            return NULL;
        }
    }
    return kept;
}

void decode_kept_free(struct limef_decode_kept *kept)
{
    if (!kept)
        return;
    decode_kept_clear(kept);
    for (unsigned i = 0; i < DECODE_KEPT_MAX; i++)
        av_packet_free(&kept->packets[i].bytes);
    memory_release(kept);
}

static struct decode_kept_packet *at(struct limef_decode_kept *kept, unsigned i)
{
    return &kept->packets[(kept->first + i) % DECODE_KEPT_MAX];
}

static void forget_first(struct limef_decode_kept *kept, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        struct decode_kept_packet *packet = at(kept, i);

        kept->bytes -= packet->packet.size_bytes;
        if (packet->packet.frame.payload == &counted_elsewhere)
            av_packet_unref(packet->bytes);
        else
            limef_payload_unref(packet->packet.frame.payload);
    }
    kept->first = (kept->first + n) % DECODE_KEPT_MAX;
    kept->n -= n;
    kept->n_before -= kept->n_before < n ? kept->n_before : n;
    kept->serial += n;
}

void decode_kept_clear(struct limef_decode_kept *kept)
{
    forget_first(kept, kept->n);
}

/* The bytes alone where that can be, so that the payload goes home to its pool. */
static bool refer(struct decode_kept_packet *kept, const struct limef_packet_frame *packet)
{
    bool in_libavcodec = packet->av && packet->av->buf;

    kept->packet = *packet;
    kept->is_passed = kept->was_passed = false;
    if (!in_libavcodec) {
        limef_payload_ref(packet->frame.payload);
        return true;
    }
    if (!memory_permits_reference() || av_packet_ref(kept->bytes, packet->av) < 0)
        return false;
    kept->packet.frame.payload = &counted_elsewhere;
    kept->packet.av = kept->bytes;
    return true;
}

void decode_kept_add(struct limef_decode_kept *kept, const struct limef_packet_frame *packet,
                     uint64_t serial)
{
    bool is_key = packet->frame.flags & LIMEF_FRAME_KEY;

    if (is_key)
        forget_first(kept, kept->n_before);
    if (!packet->frame.payload || kept->n == DECODE_KEPT_MAX ||
        kept->bytes + packet->size_bytes > DECODE_KEPT_MAX_BYTES ||
        serial != kept->serial + kept->n)
        decode_kept_clear(kept);
    if (!packet->frame.payload || (kept->n == 0 && !is_key))
        return;
    if (!refer(at(kept, kept->n), packet)) {
        decode_kept_clear(kept);
        return;
    }
    if (is_key)
        kept->n_before = kept->n;
    if (kept->n == 0)
        kept->serial = serial;
    kept->n++;
    kept->bytes += packet->size_bytes;
}

const struct limef_packet_frame *decode_kept_packet(const struct limef_decode_kept *kept,
                                                    uint64_t serial)
{
    return &kept->packets[(kept->first + (unsigned)(serial - kept->serial)) % DECODE_KEPT_MAX]
                .packet;
}

bool decode_kept_has(const struct limef_decode_kept *kept, uint64_t serial)
{
    return serial >= kept->serial && serial < kept->serial + kept->n;
}

bool decode_kept_pass(struct limef_decode_kept *kept, uint64_t serial)
{
    struct decode_kept_packet *packet;

    if (!decode_kept_has(kept, serial))
        return true;
    packet = at(kept, (unsigned)(serial - kept->serial));
    if (packet->was_passed)
        return false;
    packet->is_passed = true;
    /* a leading picture is shown before the key; others like it may refer past that */
    if (kept->n_before > 0 && serial >= kept->serial + kept->n_before &&
        packet->packet.frame.pts_us >= at(kept, kept->n_before)->packet.frame.pts_us)
        forget_first(kept, kept->n_before);
    return true;
}

void decode_kept_begin_again(struct limef_decode_kept *kept)
{
    for (unsigned i = 0; i < kept->n; i++)
        at(kept, i)->was_passed = at(kept, i)->is_passed;
}
