/* SPDX-License-Identifier: MIT */
#include "fifo/key_waits.h"

#include <limef/frame/group.h>

/* Its place in the list; n: it is not there. */
static unsigned find(const struct limef_key_waits *waits, uint64_t stream)
{
    unsigned i = 0;

    while (i < waits->n && waits->streams[i] != stream)
        i++;
    return i;
}

/* Returns false if there is no room. */
static bool add(struct limef_key_waits *waits, uint64_t stream)
{
    if (find(waits, stream) < waits->n)
        return true;
    if (waits->n == LIMEF_LANE_MAX_WAITS)
        return false;
    waits->streams[waits->n++] = stream;
    return true;
}

static void take_out(struct limef_key_waits *waits, uint64_t stream)
{
    unsigned i = find(waits, stream);

    if (i < waits->n)
        waits->streams[i] = waits->streams[--waits->n];
}

static bool begin(struct limef_key_waits *waits, const struct limef_frame *lost)
{
    if (!has_followers(lost))
        return true;
    if (waits->all_but) {
        take_out(waits, stream_of(lost));
        return true;
    }
    if (add(waits, stream_of(lost)))
        return true;
    *waits = (struct limef_key_waits){.all_but = true};
    return false;
}

bool key_waits_begin(struct limef_key_waits *waits, const struct limef_frame *lost)
{
    bool has_room = begin(waits, lost);

    for (unsigned i = 0, n = limef_group_n(lost); i < n; i++)
        has_room &= begin(waits, &limef_group_nth(lost, i)->frame);
    return has_room;
}

void key_waits_end(struct limef_key_waits *waits, uint64_t stream)
{
    if (waits->all_but)
        add(waits, stream);
    else
        take_out(waits, stream);
}

void key_waits_end_slot(struct limef_key_waits *waits, uint32_t slot)
{
    if (slot == UINT32_MAX)
        *waits = (struct limef_key_waits){.n = 0};
    for (unsigned i = waits->all_but ? 0 : waits->n; i-- > 0;)
        if (waits->streams[i] >> 16 == slot)
            take_out(waits, waits->streams[i]);
}

bool key_waits_find(const struct limef_key_waits *waits, uint64_t stream)
{
    return (find(waits, stream) < waits->n) != waits->all_but;
}

bool key_waits_gap(const struct limef_key_waits *waits, unsigned n, struct limef_signal_frame *gap)
{
    uint32_t slot = UINT32_MAX; /* of too many to know which */

    if (n >= (waits->all_but ? 1 : waits->n))
        return false;
    if (!waits->all_but)
        slot = (uint32_t)(waits->streams[n] >> 16);
    limef_signal_frame_set(gap, LIMEF_SIGNAL_GAP, slot, "dropped to the next key frame");
    gap->frame.media = LIMEF_MEDIA_VIDEO;
    gap->frame.track = waits->all_but ? 0 : (uint16_t)waits->streams[n];
    return true;
}
