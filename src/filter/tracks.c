/* SPDX-License-Identifier: MIT */
#include <limef/filter/tracks.h>

#include <libavutil/error.h>

static uint64_t key_of(const struct limef_frame *frame)
{
    return (uint64_t)frame->slot << 32 | (uint32_t)frame->media << 16 | frame->track;
}

int limef_tracks_find(struct limef_tracks *tracks, const struct limef_frame *frame)
{
    uint64_t key = key_of(frame);
    unsigned i = tracks->latest;

    if (i < tracks->n && tracks->keys[i] == key)
        return (int)i;
    for (i = 0; i < tracks->n && tracks->keys[i] != key; i++)
        ;
    if (i == LIMEF_MAX_TRACKS)
        return AVERROR(ENOSPC);
    if (i == tracks->n) {
        tracks->keys[i] = key;
        tracks->n++;
    }
    tracks->latest = i;
    return (int)i;
}
