/* SPDX-License-Identifier: MIT */
#include "filter/decode_kept.h"

#include <string.h>

static void forget_first(struct decode_kept *kept, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        kept->bytes -= kept->packets[i].packet.size_bytes;
        limef_payload_unref(kept->packets[i].packet.frame.payload);
    }
    kept->n -= n;
    kept->n_before = kept->n_before > n ? kept->n_before - n : 0;
    kept->serial += n;
    memmove(kept->packets, kept->packets + n, kept->n * sizeof(kept->packets[0]));
}

void decode_kept_clear(struct decode_kept *kept)
{
    forget_first(kept, kept->n);
}

void decode_kept_add(struct decode_kept *kept, const struct limef_packet_frame *packet,
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
    if (is_key)
        kept->n_before = kept->n;
    if (kept->n == 0)
        kept->serial = serial;
    kept->packets[kept->n++] = (struct decode_kept_packet){.packet = *packet};
    limef_payload_ref(packet->frame.payload);
    kept->bytes += packet->size_bytes;
}

bool decode_kept_pass(struct decode_kept *kept, uint64_t serial)
{
    struct decode_kept_packet *packet;

    if (serial < kept->serial || serial >= kept->serial + kept->n)
        return true;
    packet = &kept->packets[serial - kept->serial];
    if (packet->was_passed)
        return false;
    packet->is_passed = true;
    if (kept->n_before > 0 && serial >= kept->serial + kept->n_before)
        forget_first(kept, kept->n_before);
    return true;
}

void decode_kept_begin_again(struct decode_kept *kept)
{
    for (unsigned i = 0; i < kept->n; i++)
        kept->packets[i].was_passed = kept->packets[i].is_passed;
}
