/* SPDX-License-Identifier: MIT */
#include <limef/filter/ring_source.h>

#include "base/memory_private.h"
#include "filter/filter_counts.h"

#include <limef/base/log.h>
#include <limef/frame/pool.h>

#include <libavutil/buffer.h>
#include <libavutil/channel_layout.h>
#include <libavutil/frame.h>
#include <libavutil/mathematics.h>
#include <string.h>

#define DEFAULT_RATE 48000
#define MIN_BLOCK_FRAMES 16
#define MAX_BLOCK_FRAMES 48000
#define MAX_CHANNELS 8
#define BLOCKS_A_SECOND 50

static struct limef_ring_source *ring_of(struct limef_filter *filter)
{
    return LIMEF_CONTAINER_OF(filter, struct limef_ring_source, source.filter);
}

static unsigned n_channels_of(const struct limef_ring_source *ring)
{
    return ring->settings.ring->n_channels;
}

/* What the next n frames are; samples NULL: silence. */
static void fill(const struct limef_ring_source *ring, AVFrame *block, const float *samples,
                 unsigned n)
{
    unsigned n_channels = n_channels_of(ring);
    float *to = (float *)(void *)block->data[0];

    if (!samples)
        memset(to, 0, (size_t)n * n_channels * sizeof(*to));
    else if (!ring->settings.planar)
        memcpy(to, samples, (size_t)n * n_channels * sizeof(*to));
    for (unsigned c = 0; samples && ring->settings.planar && c < n_channels; c++)
        for (unsigned i = 0; i < n; i++)
            to[(size_t)c * n + i] = samples[(size_t)i * n_channels + c];
}

static void describe(const struct limef_ring_source *ring, AVFrame *block, unsigned n)
{
    unsigned n_channels = n_channels_of(ring);
    size_t plane_bytes = (size_t)n * sizeof(float);

    block->format = ring->settings.planar ? AV_SAMPLE_FMT_FLTP : AV_SAMPLE_FMT_FLT;
    block->nb_samples = (int)n;
    block->sample_rate = (int)ring->settings.rate;
    av_channel_layout_default(&block->ch_layout, (int)n_channels);
    block->extended_data = block->data;
    for (unsigned c = 0; c < (ring->settings.planar ? n_channels : 1); c++)
        block->data[c] = block->buf[0]->data + c * plane_bytes;
    block->linesize[0] = (int)(ring->settings.planar ? plane_bytes : plane_bytes * n_channels);
}

/* Passes on a block of n frames; samples NULL: silence. Returns as limef_filter_ops.go. */
static int pass_block(struct limef_ring_source *ring, const float *samples, unsigned n)
{
    struct limef_payload *payload = limef_pool_get(ring->blocks);
    struct limef_frame *frame = &ring->out.frame;
    uint64_t at = LIMEF_COUNTED(ring->n_frames);
    AVFrame *block = payload ? limef_payload_picture(payload) : NULL;

    if (block)
        block->buf[0] = av_buffer_pool_get(ring->buffers);
    LIMEF_COUNT(ring->n_frames, n); /* also if it is lost: times go on */
    if (!block || !block->buf[0]) {
        limef_payload_unref(payload);
        return AVERROR(ENOMEM);
    }
    describe(ring, block, n);
    fill(ring, block, samples, n);
    limef_payload_unref(frame->payload);
    limef_decoded_frame_set(&ring->out, payload);
    frame->slot = ring->settings.slot;
    frame->media = LIMEF_MEDIA_AUDIO;
    frame->flags = LIMEF_FRAME_LIVE;
    frame->pts_us = av_rescale((int64_t)at, 1000000, ring->settings.rate);
    frame->duration_us = av_rescale(n, 1000000, ring->settings.rate);
    frame->entered_us = limef_now_us();
    LIMEF_COUNT(ring->n_blocks, 1);
    LIMEF_COUNT(ring->source.filter.copied_bytes,
                (uint64_t)n * n_channels_of(ring) * sizeof(float));
    return limef_pass(&ring->source.filter, frame);
}

/* Silence for what was missed before what waits, a block at most. Returns 1: there was none. */
static int pass_silence(struct limef_ring_source *ring)
{
    uint64_t n = LIMEF_COUNTED(ring->reader.n_missed) - LIMEF_COUNTED(ring->n_silence);

    if (!n)
        return 1;
    n = n < ring->settings.block_frames ? n : ring->settings.block_frames;
    LIMEF_COUNT(ring->n_silence, n);
    return pass_block(ring, NULL, (unsigned)n);
}

/* The next block; n_least: rather none than one with fewer frames. Returns 1: there is none. */
static int pass_next(struct limef_ring_source *ring, unsigned n_least)
{
    unsigned n;
    int ret;

    if (!ring->n_waiting && limef_broadcast_waiting(&ring->reader) >= n_least)
        ring->n_waiting =
            limef_broadcast_read(&ring->reader, ring->samples, ring->settings.block_frames);
    ret = pass_silence(ring);
    if (ret != 1)
        return ret;
    n = ring->n_waiting;
    ring->n_waiting = 0;
    return n ? pass_block(ring, ring->samples, n) : 1;
}

static int ring_source_step(struct limef_source *source, int64_t *due_us)
{
    struct limef_ring_source *ring = LIMEF_CONTAINER_OF(source, struct limef_ring_source, source);
    uint64_t n_waiting = limef_broadcast_waiting(&ring->reader);
    unsigned n_block = ring->settings.block_frames;
    int ret = pass_next(ring, n_block);

    if (ret == AVERROR_EXIT)
        return ret;
    if (ret != 1)
        return 0; /* a block that was lost was counted where it was */
    n_block -= n_waiting < n_block ? (unsigned)n_waiting : 0;
    *due_us = limef_now_us() + av_rescale(n_block, 1000000, ring->settings.rate);
    return AVERROR(EAGAIN);
}

static int ring_source_go(struct limef_filter *filter, const struct limef_frame *in)
{
    return limef_pass(filter, in);
}

static void ring_source_clear(struct limef_filter *filter)
{
    struct limef_ring_source *ring = ring_of(filter);

    limef_payload_unref(ring->out.frame.payload);
    limef_pool_release(ring->blocks);
    av_buffer_pool_uninit(&ring->buffers);
    memory_release(ring->samples);
    *ring = (struct limef_ring_source){.n_waiting = 0};
}

static unsigned ring_source_counts(const struct limef_filter *filter,
                                   struct limef_filter_count *counts)
{
    const struct limef_ring_source *ring =
        LIMEF_CONTAINER_OF(filter, const struct limef_ring_source, source.filter);
    const struct limef_filter_count now[] = {
        {"missed", LIMEF_COUNTED(ring->reader.n_missed)},
        {"silence", LIMEF_COUNTED(ring->n_silence)},
    };

    return filter_counts(counts, now, sizeof(now));
}

static const struct limef_filter_ops ring_source_ops = {.kind = "ring source",
                                                        .flags = LIMEF_FILTER_SOURCE,
                                                        .go = ring_source_go,
                                                        .clear = ring_source_clear,
                                                        .counts = ring_source_counts};

static AVBufferRef *make_buffer(void *ring, size_t size_bytes)
{
    (void)ring;
    return memory_permits() ? av_buffer_alloc(size_bytes) : NULL;
}

static int allocate(struct limef_ring_source *ring)
{
    size_t bytes =
        (size_t)ring->settings.block_frames * n_channels_of(ring) * sizeof(*ring->samples);

    ring->samples = memory_allocate(bytes);
    ring->blocks = limef_pool_create(LIMEF_FRAME_DECODED);
    ring->buffers = memory_permits() ? av_buffer_pool_init2(bytes, ring, make_buffer, NULL) : NULL;
    return ring->samples && ring->blocks && ring->buffers ? 0 : AVERROR(ENOMEM);
}

int limef_ring_source_init(struct limef_ring_source *ring, const char *name,
                           const struct limef_ring_source_settings *settings)
{
    struct limef_ring_source_settings *wanted = &ring->settings;
    int ret;

    name = name ? name : ring_source_ops.kind;
    if (!settings->ring || settings->ring->n_channels > MAX_CHANNELS)
        return limef_fail(AVERROR(EINVAL), name, "no ring, or one of too many channels");
    *wanted = *settings;
    wanted->rate = wanted->rate ? wanted->rate : DEFAULT_RATE;
    wanted->block_frames =
        wanted->block_frames ? wanted->block_frames : wanted->rate / BLOCKS_A_SECOND;
    ret = wanted->block_frames < MIN_BLOCK_FRAMES || wanted->block_frames > MAX_BLOCK_FRAMES
              ? AVERROR(EINVAL)
              : allocate(ring);
    if (ret < 0) {
        ring_source_clear(&ring->source.filter);
        return limef_fail(ret, name, "%u Hz, blocks of %u", settings->rate, settings->block_frames);
    }
    limef_filter_init(&ring->source.filter, &ring_source_ops, name);
    ring->source.step = ring_source_step;
    atomic_store_explicit(&ring->source.is_live, 1, memory_order_relaxed);
    limef_broadcast_reader_init(&ring->reader, settings->ring);
    return 0;
}

int limef_ring_source_end(struct limef_ring_source *ring)
{
    struct limef_signal_frame end;
    int ret;

    if (!ring->samples)
        return 0;
    do {
        ret = pass_next(ring, 1);
    } while (ret != 1 && ret != AVERROR_EXIT);
    limef_signal_frame_set(&end, LIMEF_SIGNAL_END, ring->settings.slot, NULL);
    return limef_pass(&ring->source.filter, &end.frame);
}

void limef_ring_source_get_counters(const struct limef_ring_source *ring,
                                    struct limef_ring_source_counters *counters)
{
    *counters = (struct limef_ring_source_counters){
        .n_blocks = LIMEF_COUNTED(ring->n_blocks),
        .n_frames = LIMEF_COUNTED(ring->n_frames),
        .n_missed = LIMEF_COUNTED(ring->reader.n_missed),
        .n_silence = LIMEF_COUNTED(ring->n_silence),
    };
}
