/* SPDX-License-Identifier: MIT */
/*
 * Clips whose groups refer past their key frames, and a decoder of which is noted what goes in and
 * what comes out. With LIMEF_TEST_VA_FOLDER it decodes in hardware.
 */
#ifndef LIMEF_TEST_FILTER_DECODE_CUT_H
#define LIMEF_TEST_FILTER_DECODE_CUT_H

#include <limef/filter/decode.h>

#include "support/moving_pictures.h"
#include "support/silence.h"

#include <limef/base/log.h>
#include <limef/filter/framemd5.h>
#include <limef/filter/scale.h>
#include <limef/filter/tap.h>
#include <limef/frame/hardware.h>
#include <limef/frame/pool.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavcodec/avcodec.h>
#include <libavutil/intreadwrite.h>
#include <libavutil/log.h>
#include <libavutil/mem.h>
#include <stdlib.h>
#include <string.h>

#define N_PICTURES 72
#define GOP 12
#define FRAME_US 40000

struct picture {
    int64_t pts_us;
    char md5[33];
};

struct clip {
    AVCodecParameters *parameters;
    struct limef_pool *packets;
    struct limef_packet_frame frames[N_PICTURES];
    struct picture pictures[N_PICTURES]; /* what comes of all of it */
    unsigned n;
};

/* What went into the decoder, and what came out. */
struct seen {
    struct limef_frame packets[2 * N_PICTURES];
    struct picture pictures[2 * N_PICTURES];
    unsigned n_packets, n_pictures, n_hardware;
};

static struct clip clip;
static struct seen seen;
static bool is_closed; /* nothing of the clip refers past a key frame */
static struct limef_tap_filter before, behind;
static struct limef_decode_filter decode;
static struct limef_scale_filter scale;
static struct limef_framemd5_filter framemd5;
static struct AVBufferRef *device;

static inline void set_up(void)
{
    av_log_set_level(AV_LOG_QUIET);
    limef_log_set_sink(log_to_nobody, NULL);
#ifdef LIMEF_TEST_VA_FOLDER
    setenv("LIBVA_DRIVERS_PATH", LIMEF_TEST_VA_FOLDER, 1);
    setenv("LIBVA_DRIVER_NAME", "limef", 1);
    setenv("LIMEF_TEST_VA_MEMORY", "memfd", 1);
    cr_assert(eq(int, limef_hardware_device_open(&device, "/dev/null"), 0));
#endif
}

static inline void free_clip(void)
{
    for (unsigned i = 0; i < clip.n; i++)
        limef_payload_unref(clip.frames[i].frame.payload);
    limef_pool_release(clip.packets);
    avcodec_parameters_free(&clip.parameters);
    memset(&clip, 0, sizeof(clip));
}

static inline void tear_down(void)
{
    free_clip();
    av_buffer_unref(&device);
}

static inline void take_packet(AVPacket *av)
{
    struct limef_payload *payload = limef_pool_get(clip.packets);
    struct limef_packet_frame *frame = &clip.frames[clip.n++];

    cr_assert(le(uint, clip.n, N_PICTURES));
    av_packet_move_ref(limef_payload_packet(payload), av);
    limef_packet_frame_set(frame, payload);
    av = limef_payload_packet(payload);
    frame->frame.media = LIMEF_MEDIA_VIDEO;
    frame->frame.flags = LIMEF_FRAME_LIVE | (av->flags & AV_PKT_FLAG_KEY ? LIMEF_FRAME_KEY : 0);
    frame->frame.pts_us = av->pts * FRAME_US;
    frame->dts_us = av->dts * FRAME_US;
}

/* Returns false if there is no such encoder. */
static inline bool encode(const char *name, const char *options, const char *values)
{
    if (!clip.packets)
        clip.packets = limef_pool_create(LIMEF_FRAME_PACKET);
    clip.parameters = moving_encode(&(struct moving_pictures){.encoder = name,
                                                              .preset = "veryfast",
                                                              .options = options,
                                                              .values = values,
                                                              .flags = AV_CODEC_FLAG_GLOBAL_HEADER,
                                                              .n_pictures = N_PICTURES},
                                    take_packet);
    cr_assert(eq(uint, clip.n, clip.parameters ? N_PICTURES : 0));
    return clip.parameters;
}

static inline int note_packet(void *context, const struct limef_frame *frame)
{
    (void)context;
    if (frame->frame_class == LIMEF_FRAME_PACKET && seen.n_packets < 2 * N_PICTURES)
        seen.packets[seen.n_packets++] = *frame;
    return 0;
}

static inline int note_hardware(void *context, const struct limef_frame *frame)
{
    const struct limef_decoded_frame *decoded = limef_decoded_frame_from(frame);

    (void)context;
    seen.n_hardware += decoded && limef_hardware_is(decoded->av);
    return 0;
}

static inline void note_picture(void *context, const struct limef_frame *frame, size_t size_bytes,
                                const char *md5)
{
    struct picture *picture = &seen.pictures[seen.n_pictures];

    (void)context;
    (void)size_bytes;
    if (seen.n_pictures == 2 * N_PICTURES)
        return;
    picture->pts_us = frame->pts_us;
    memcpy(picture->md5, md5, 32);
    seen.n_pictures++;
}

/* Decodes what comes to before.filter. */
static inline void begin(unsigned n_threads)
{
    struct limef_decode_settings settings = {
        .n_threads = n_threads, .hardware = device, .n_held = 8};
    struct limef_codec_frame codec = {
        .frame = {.frame_class = LIMEF_FRAME_CODEC, .media = LIMEF_MEDIA_VIDEO},
        .parameters = clip.parameters};

    memset(&seen, 0, sizeof(seen));
    limef_tap_filter_init(&before, NULL, note_packet, NULL);
    cr_assert(eq(int, limef_decode_filter_init(&decode, NULL, &settings), 0));
    limef_tap_filter_init(&behind, NULL, note_hardware, NULL);
    cr_assert(eq(int,
                 limef_scale_filter_init(&scale, NULL,
                                         &(struct limef_scale_settings){.pixel_format = "nv12"}),
                 0));
    limef_framemd5_filter_init(&framemd5, NULL, note_picture, NULL, NULL);
    limef_connect(&before.filter, &decode.filter);
    limef_connect(&decode.filter, &behind.filter);
    limef_connect(&behind.filter, &scale.filter);
    limef_connect(&scale.filter, &framemd5.filter);
    limef_go(&before.filter, &codec.frame);
}

static inline struct limef_decode_counters end(void)
{
    struct limef_decode_counters counters;
    struct limef_signal_frame stop;

    limef_signal_frame_set(&stop, LIMEF_SIGNAL_END, 0, NULL);
    limef_go(&before.filter, &stop.frame);
    limef_decode_get_counters(&decode, &counters);
    limef_filter_clear(&before.filter);
    limef_filter_clear(&decode.filter);
    limef_filter_clear(&behind.filter);
    limef_filter_clear(&scale.filter);
    limef_filter_clear(&framemd5.filter);
    return counters;
}

static inline void learn(void)
{
    begin(1);
    for (unsigned i = 0; i < clip.n; i++)
        limef_go(&before.filter, &clip.frames[i].frame);
    end();
    cr_assert(eq(uint, seen.n_pictures, N_PICTURES));
    memcpy(clip.pictures, seen.pictures, sizeof(clip.pictures));
}

/* ISO/IEC 14496-15, 5.3.3.1: what says that lengths of four bytes stand before the units. */
static inline void say_lengths(void)
{
    const uint8_t *sets = clip.parameters->extradata;
    size_t sps, pps;
    uint8_t *box;

    if (sets[0] == 1) /* the encoder has done it, since libavcodec 61 */
        return;
    sps = AV_RB32(sets);
    pps = AV_RB32(sets + 4 + sps);
    box = av_mallocz(sps + pps + 64);
    memcpy(box, (const uint8_t[]){1, sets[5], sets[6], sets[7], 0xff, 0xe1}, 6);
    memcpy(box + 6, sets + 2, 2 + sps);
    box[8 + sps] = 1;
    memcpy(box + 9 + sps, sets + 6 + sps, 2 + pps);
    av_freep(&clip.parameters->extradata);
    clip.parameters->extradata = box;
    clip.parameters->extradata_size = (int)(11 + sps + pps);
}

static inline const struct picture *find(int64_t pts_us)
{
    for (unsigned i = 0; i < clip.n; i++)
        if (clip.pictures[i].pts_us == pts_us)
            return &clip.pictures[i];
    return NULL;
}

static inline bool has_come(int64_t pts_us)
{
    for (unsigned i = 0; i < seen.n_pictures; i++)
        if (seen.pictures[i].pts_us == pts_us)
            return true;
    return false;
}

/* Whether a packet that the decoder got refers past a key frame behind a hole. */
static inline bool is_leading(unsigned n)
{
    for (unsigned key = n; key-- > 0 && !is_closed;)
        if (seen.packets[key].flags & LIMEF_FRAME_KEY)
            return key > 0 && seen.packets[key].flags & LIMEF_FRAME_DISCONTINUITY &&
                   seen.packets[n].pts_us < seen.packets[key].pts_us;
    return false;
}

/* Each picture once, in order, and as it is in the whole stream; none that nobody sent; none lost
 * but those that refer past a hole. Returns how many these are. */
static inline unsigned check(const struct limef_decode_counters *counters)
{
    unsigned n_leading = 0;

    for (unsigned i = 0; i < seen.n_pictures; i++) {
        const struct picture *picture = &seen.pictures[i];

        cr_assert(ne(ptr, (void *)find(picture->pts_us), NULL));
        cr_assert(eq(str, (char *)picture->md5, (char *)find(picture->pts_us)->md5), "%lld",
                  (long long)picture->pts_us);
        cr_assert(i == 0 || picture->pts_us > seen.pictures[i - 1].pts_us);
    }
    for (unsigned i = 0; i < seen.n_packets; i++) {
        n_leading += is_leading(i);
        if (!(seen.packets[i].flags & LIMEF_FRAME_BURST))
            cr_assert(eq(int, has_come(seen.packets[i].pts_us), !is_leading(i)), "%u", i);
    }
    cr_assert(eq(u64, counters->n_dropped_leading, n_leading));
    cr_assert(eq(u64, counters->n_corrupt, 0));
    cr_assert(eq(u64, counters->n_errors, 0));
    if (device)
        cr_assert(eq(uint, seen.n_hardware, seen.n_pictures));
    return n_leading;
}

#endif
