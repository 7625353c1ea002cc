/* SPDX-License-Identifier: MIT */
/*
 * A fifo with one lane, and frames that are told apart by a number, for tests.
 */
#ifndef LIMEF_TEST_SUPPORT_BOUNDARY_H
#define LIMEF_TEST_SUPPORT_BOUNDARY_H

#include <limef/limef.h>

#include <stdio.h>
#include <string.h>

#define BOUNDARY_MAX_FRAMES 64

/* Longer than anything takes that works; a test that waits so long has failed. */
#define TOO_LONG_US 20000000

struct boundary {
    struct limef_fifo fifo;
    struct limef_lane lane;
    struct limef_stack_frame frames[BOUNDARY_MAX_FRAMES];
};

static inline int boundary_open(struct boundary *boundary, unsigned n_frames,
                                const struct limef_lane_settings *settings)
{
    int ret;

    memset(boundary, 0, sizeof(*boundary));
    limef_fifo_init(&boundary->fifo, "test");
    ret = limef_lane_init(&boundary->lane, boundary->frames, n_frames, settings);
    if (!ret)
        limef_fifo_add_lane(&boundary->fifo, &boundary->lane);
    return ret;
}

static inline void boundary_clear(struct boundary *boundary)
{
    limef_fifo_clear(&boundary->fifo);
    limef_lane_clear(&boundary->lane);
}

static inline void release_nothing(struct limef_payload *payload)
{
    (void)payload;
}

/* A payload that is never released. */
static inline struct limef_payload *static_payload(void)
{
    static struct limef_payload payload = {.n_refs = 1, .release = release_nothing};

    return &payload;
}

static inline struct limef_packet_frame packet_frame(int64_t number, enum limef_media media,
                                                     uint32_t flags)
{
    static const uint8_t bytes[100];

    return (struct limef_packet_frame){
        .frame = {.frame_class = LIMEF_FRAME_PACKET,
                  .media = (uint16_t)media,
                  .flags = flags,
                  .pts_us = number * 1000,
                  .payload = static_payload()},
        .dts_us = number,
        .data = bytes,
        .size_bytes = sizeof(bytes),
    };
}

static inline int write_video(struct limef_lane *lane, int64_t number)
{
    struct limef_packet_frame packet = packet_frame(number, LIMEF_MEDIA_VIDEO, 0);

    return limef_lane_write(lane, &packet.frame);
}

static inline int write_key(struct limef_lane *lane, int64_t number)
{
    struct limef_packet_frame packet = packet_frame(number, LIMEF_MEDIA_VIDEO, LIMEF_FRAME_KEY);

    return limef_lane_write(lane, &packet.frame);
}

static inline int write_audio(struct limef_lane *lane, int64_t number)
{
    struct limef_packet_frame packet = packet_frame(number, LIMEF_MEDIA_AUDIO, LIMEF_FRAME_KEY);

    return limef_lane_write(lane, &packet.frame);
}

static inline int write_signal(struct limef_lane *lane, uint32_t signal, int64_t number)
{
    struct limef_signal_frame signal_frame;

    limef_signal_frame_set(&signal_frame, signal, 0, NULL);
    signal_frame.value = number;
    return limef_lane_write(lane, &signal_frame.frame);
}

/* "7" for a packet, "S7" for a signal, "C" for codec parameters, "D" for a picture. */
static inline void name_frame(char *name, size_t size, const struct limef_frame *frame)
{
    const struct limef_packet_frame *packet = limef_packet_frame_from(frame);
    const struct limef_signal_frame *signal_frame = limef_signal_frame_from(frame);

    if (packet)
        snprintf(name, size, "%lld", (long long)packet->dts_us);
    else if (signal_frame)
        snprintf(name, size, "S%lld", (long long)signal_frame->value);
    else
        snprintf(name, size, frame->frame_class == LIMEF_FRAME_CODEC ? "C" : "D");
}

/* Reads and recycles up to n frames; returns their names, in a buffer that the next call reuses. */
static inline char *read_names(struct limef_fifo *fifo, unsigned n)
{
    static char names[4096];
    struct limef_stack_frame *stack;
    size_t length = 0;

    names[0] = 0;
    for (unsigned i = 0; i < n && limef_fifo_read(fifo, &stack, 0) == 0; i++) {
        char name[24];

        name_frame(name, sizeof(name), &stack->any.frame);
        length += (size_t)snprintf(names + length, sizeof(names) - length, "%s%s",
                                   length ? " " : "", name);
        limef_fifo_recycle(fifo, stack);
    }
    return names;
}

static inline char *read_all_names(struct limef_fifo *fifo)
{
    return read_names(fifo, 1000);
}

static inline struct limef_lane_counters counters_of(const struct limef_lane *lane)
{
    struct limef_lane_counters counters;

    limef_lane_get_counters(lane, &counters);
    return counters;
}

/* Whether all that was written was read, or dropped at a restart, and given back. A frame that the
 * reader takes is for a moment neither waiting nor counted as read: both looks, in this order. */
static inline bool all_was_read(const struct limef_lane *lane)
{
    struct limef_lane_counters counters = counters_of(lane);

    return counters.n_read + counters.n_dropped_stale == counters.n_written &&
           !counters_of(lane).n_used;
}

#endif
