/* SPDX-License-Identifier: MIT */
/* What a marker ends, of cameras that set it at each NAL unit. */
#include "rtsp/depacketizer.h"

#include "packets.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavcodec/codec_par.h>
#include <string.h>

#define SPS "\x67\x42\x40\x1e"
#define PPS "\x68\xce"
#define IDR "\x65\x88\x84"
#define SLICE "\x41\x9a"

static struct depacketizer depacketizer;
static uint16_t sequence;
static unsigned n_units, n_damaged, n_new_codecs, n_keys;
static size_t last_bytes;

static int count(void *context, struct rtsp_unit *unit)
{
    (void)context;
    n_units++;
    n_damaged += unit->is_damaged;
    n_new_codecs += unit->has_new_codec;
    n_keys += unit->is_key;
    last_bytes = unit->bytes;
    return 0;
}

static void open_as(const char *encoding)
{
    const struct sdp_media media = {.kind = SDP_VIDEO,
                                    .payload_type = 96,
                                    .encoding = encoding,
                                    .clock_hz = 90000,
                                    .format = ""};

    n_units = n_damaged = n_new_codecs = n_keys = sequence = 0;
    cr_assert(zero(int, depacketizer_open(&depacketizer, &media, count, NULL)));
}

static void clear(void)
{
    depacketizer_clear(&depacketizer);
}

/* One NAL unit, with a marker. */
static void push(uint32_t timestamp, const char *payload, unsigned n_missing)
{
    uint8_t data[64];
    struct rtp_packet packet;
    size_t bytes = packet_write(data, sequence++, timestamp, true, payload, strlen(payload));

    cr_assert(ge(int, rtp_packet_read(&packet, data, bytes), 0));
    cr_assert(ge(int, depacketizer_push(&depacketizer, &packet, timestamp, n_missing), 0));
}

TestSuite(rtsp_marker, .timeout = 10, .fini = clear);

Test(rtsp_marker, parameter_sets_with_markers_are_of_the_picture_behind_them)
{
    open_as("H264");
    push(0, SPS, 0);
    push(0, PPS, 0);
    cr_assert(eq(uint, n_units, 0));
    push(0, IDR, 0);
    cr_assert(eq(uint, n_units, 1));
    cr_assert(eq(uint, n_keys, 1));
    cr_assert(eq(uint, n_new_codecs, 1));
    cr_assert(eq(sz, last_bytes, (size_t)(3 * 4 + 4 + 2 + 3)));
    cr_assert(eq(int, depacketizer.parameters->extradata_size, 2 * 4 + 4 + 2));
    push(3600, SLICE, 0);
    cr_assert(eq(uint, n_units, 2));
    cr_assert(eq(uint, n_damaged, 0));
}

Test(rtsp_marker, so_are_those_of_h265)
{
    open_as("H265");
    push(0, "\x42\x01\x11", 0); /* SPS */
    push(0, "\x44\x01\x12", 0); /* PPS */
    cr_assert(eq(uint, n_units, 0));
    push(0, "\x26\x01\x80", 0); /* IDR */
    cr_assert(eq(uint, n_units, 1));
    cr_assert(eq(uint, n_new_codecs, 1));
    cr_assert(eq(uint, n_damaged, 0));
}

Test(rtsp_marker, a_picture_lost_behind_its_sets_damages_no_other)
{
    open_as("H264");
    push(0, SPS, 0);
    push(3600, IDR, 1);
    cr_assert(eq(uint, n_units, 2));
    cr_assert(eq(uint, n_damaged, 1)); /* the sets alone */
    push(7200, SLICE, 0);
    cr_assert(eq(uint, n_units, 3));
    cr_assert(eq(uint, n_damaged, 1));
}
