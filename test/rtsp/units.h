/* SPDX-License-Identifier: MIT */
/* A depacketizer, packets for it, and the units that it handed out. */
#ifndef LIMEF_TEST_RTSP_UNITS_H
#define LIMEF_TEST_RTSP_UNITS_H

#include "rtsp/depacketizer.h"

#include "packets.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavcodec/codec_par.h>
#include <libavutil/buffer.h>
#include <libavutil/error.h>
#include <stdlib.h>

#define MAX_UNITS 32

struct got {
    uint8_t bytes[4096];
    size_t n_bytes;
    int64_t timestamp, duration;
    bool is_key, is_open, is_damaged, follows_loss, has_new_codec;
    unsigned n_partial;
};

static struct got got[MAX_UNITS];
static unsigned n_got;
static struct depacketizer depacketizer;
static uint16_t sequence;
static unsigned n_missing;

static inline int keep(void *context, struct rtsp_unit *unit)
{
    struct got *unit_got = &got[n_got++ % MAX_UNITS];

    (void)context;
    memcpy(unit_got->bytes, unit->buffer->data, unit->bytes);
    unit_got->n_bytes = unit->bytes;
    unit_got->timestamp = unit->timestamp;
    unit_got->duration = unit->duration;
    unit_got->is_key = unit->is_key;
    unit_got->is_open = unit->is_open;
    unit_got->n_partial = unit->n_partial;
    unit_got->is_damaged = unit->is_damaged;
    unit_got->follows_loss = unit->follows_loss;
    unit_got->has_new_codec = unit->has_new_codec;
    return 0;
}

static inline void open_as(enum sdp_kind kind, const char *encoding, int clock_hz,
                           const char *format)
{
    struct sdp_media media = {.kind = kind,
                              .payload_type = 96,
                              .encoding = encoding,
                              .clock_hz = clock_hz,
                              .n_channels = kind == SDP_AUDIO ? 2 : 0,
                              .format = format};

    n_got = n_missing = 0;
    cr_assert(eq(int, depacketizer_open(&depacketizer, &media, keep, NULL), 0));
}

static inline void clear(void)
{
    depacketizer_clear(&depacketizer);
}

/* Memory of exactly that size: a sanitizer sees what is read behind it. */
static inline int push(uint32_t timestamp, bool marker, const void *payload, size_t bytes)
{
    uint8_t *data = malloc(12 + bytes);
    struct rtp_packet packet;
    int ret;

    packet_write(data, sequence++, timestamp, marker, payload, bytes);
    ret = rtp_packet_read(&packet, data, 12 + bytes);
    if (ret >= 0)
        ret = depacketizer_push(&depacketizer, &packet, timestamp, n_missing);
    n_missing = 0;
    free(data);
    return ret;
}

static inline void assert_bytes(unsigned i, const void *bytes, size_t n_bytes)
{
    cr_assert(eq(sz, got[i].n_bytes, n_bytes));
    cr_assert(zero(int, memcmp(got[i].bytes, bytes, n_bytes)));
}

#endif
