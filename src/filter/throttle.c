/* SPDX-License-Identifier: MIT */
#include <limef/filter/throttle.h>

#include "filter/filter_counts.h"
#include "filter/fingerprint.h"

#include <libavcodec/packet.h>

/* A frame this much before its time, beyond an interval, means that the stream's time jumped. */
#define JUMP_US 1000000

static struct limef_throttle_filter *throttle_of(struct limef_filter *filter)
{
    return LIMEF_CONTAINER_OF(filter, struct limef_throttle_filter, filter);
}

static int64_t stream_time_us(const struct limef_frame *in)
{
    const struct limef_packet_frame *packet = limef_packet_frame_from(in);

    return packet && packet->dts_us != LIMEF_NO_TIME ? packet->dts_us : in->pts_us;
}

/* Whether a frame's time has come; if so, the next one's is set. */
static bool is_due(struct limef_throttle_track *track, const struct limef_frame *in,
                   int64_t interval_us)
{
    int64_t time_us = stream_time_us(in);
    bool by_clock = time_us == LIMEF_NO_TIME;

    if (by_clock)
        time_us = limef_now_us();
    if (!track->started || track->by_clock != by_clock || time_us >= track->due_us + interval_us ||
        time_us < track->due_us - interval_us - JUMP_US) {
        *track = (struct limef_throttle_track){
            .due_us = time_us + interval_us,
            .started = true,
            .by_clock = by_clock,
            .broken = track->broken,
        };
        return true;
    }
    if (time_us < track->due_us - interval_us / 2)
        return false;
    /* from when it was due, not from when it came: the average stays at the rate */
    track->due_us += interval_us;
    return true;
}

static bool is_disposable(const struct limef_packet_frame *packet)
{
    return packet->av && (packet->av->flags & AV_PKT_FLAG_DISPOSABLE);
}

static bool passes_packet(struct limef_throttle_track *track,
                          const struct limef_packet_frame *packet, int64_t interval_us)
{
    bool is_key = packet->frame.flags & LIMEF_FRAME_KEY;
    bool passes;

    if (track->broken && !is_key)
        return false;
    passes = is_due(track, &packet->frame, interval_us);
    if (!is_disposable(packet))
        track->broken = !passes;
    return passes;
}

static int throttle_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct limef_throttle_filter *throttle = throttle_of(filter);
    bool is_packet = in->frame_class == LIMEF_FRAME_PACKET;
    struct limef_throttle_track *track;
    int i;

    if (throttle->interval_us <= 0 || in->media != LIMEF_MEDIA_VIDEO ||
        (!is_packet && in->frame_class != LIMEF_FRAME_DECODED))
        return limef_pass(filter, in);
    i = limef_tracks_find(&throttle->tracks, in);
    if (i < 0)
        return limef_pass(filter, in);
    track = &throttle->states[i];
    if (is_packet ? passes_packet(track, limef_packet_frame_from(in), throttle->interval_us)
                  : is_due(track, in, throttle->interval_us))
        return limef_pass(filter, in);
    LIMEF_COUNT(throttle->n_dropped, 1);
    return 0;
}

static void throttle_clear(struct limef_filter *filter)
{
    *throttle_of(filter) = (struct limef_throttle_filter){0};
}

static uint64_t throttle_fingerprint(const struct limef_filter *filter)
{
    return fingerprint_mix(
        FINGERPRINT_START,
        LIMEF_CONTAINER_OF(filter, const struct limef_throttle_filter, filter)->interval_us);
}

static unsigned throttle_counts(const struct limef_filter *filter,
                                struct limef_filter_count *counts)
{
    const struct limef_throttle_filter *throttle =
        LIMEF_CONTAINER_OF(filter, const struct limef_throttle_filter, filter);
    const struct limef_filter_count now[] = {
        {"dropped", LIMEF_COUNTED(throttle->n_dropped)},
    };

    return filter_counts(counts, now, sizeof(now));
}

const struct limef_filter_ops limef_throttle_ops = {.kind = "throttle",
                                                    .go = throttle_go,
                                                    .clear = throttle_clear,
                                                    .fingerprint = throttle_fingerprint,
                                                    .counts = throttle_counts};

void limef_throttle_filter_init(struct limef_throttle_filter *throttle, const char *name,
                                int64_t interval_us)
{
    limef_filter_init(&throttle->filter, &limef_throttle_ops, name);
    throttle->interval_us = interval_us;
}

uint64_t limef_throttle_n_dropped(const struct limef_throttle_filter *throttle)
{
    return LIMEF_COUNTED(throttle->n_dropped);
}
