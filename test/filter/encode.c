/* SPDX-License-Identifier: MIT */
#include <limef/filter/encode.h>

#include "support/failing.h"
#include "support/frames.h"
#include "support/make_media.h"

#include <limef/base/log.h>
#include <limef/filter/decode.h>
#include <limef/filter/tap.h>
#include <limef/frame/pool.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavcodec/avcodec.h>
#include <libavutil/log.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SEEN 1024
#define FRAME_US 40000

/* What came out of the encoder, and what a decoder made of it. */
struct seen {
    struct limef_packet_frame packets[MAX_SEEN];
    unsigned n_packets, n_codecs, n_signals, codec_before[8];
    int widths[8];
    int64_t pts_us[MAX_SEEN];
    int numbers[MAX_SEEN];
    unsigned n_pictures, n_samples;
    double loudest;
};

static struct limef_encode_filter encode;
static struct limef_decode_filter decode;
static struct limef_tap_filter packet_tap, picture_tap;
static struct seen seen;
static struct limef_pool *pictures;
static unsigned n_logged;
static char last_line[256];

static void note_log(void *context, enum limef_log_level level, const char *name, const char *line)
{
    (void)context;
    (void)name;
    if (level != LIMEF_LOG_ERROR)
        return;
    n_logged++;
    strncpy(last_line, line, sizeof(last_line) - 1);
}

static int note_packet(void *context, const struct limef_frame *frame)
{
    (void)context;
    if (frame->frame_class == LIMEF_FRAME_PACKET && seen.n_packets < MAX_SEEN)
        seen.packets[seen.n_packets++] = *limef_packet_frame_from(frame);
    if (frame->frame_class == LIMEF_FRAME_CODEC && seen.n_codecs < 8) {
        seen.codec_before[seen.n_codecs] = seen.n_packets;
        seen.widths[seen.n_codecs++] = limef_codec_frame_from(frame)->parameters->width;
    }
    seen.n_signals += frame->frame_class == LIMEF_FRAME_SIGNAL;
    return 0;
}

static int note_picture(void *context, const struct limef_frame *frame)
{
    const struct limef_decoded_frame *decoded = limef_decoded_frame_from(frame);

    (void)context;
    if (!decoded)
        return 0;
    if (decoded->av->nb_samples > 0) {
        const float *samples = (const float *)(const void *)decoded->av->data[0];

        seen.n_samples += (unsigned)decoded->av->nb_samples;
        for (int i = 0; i < decoded->av->nb_samples; i++)
            seen.loudest = fmax(seen.loudest, fabs((double)samples[i]));
    } else if (seen.n_pictures < MAX_SEEN) {
        const AVFrame *av = decoded->av;

        seen.numbers[seen.n_pictures] =
            media_number(av->data[0][av->linesize[0] * (av->height / 2) + av->width / 2]);
        seen.pts_us[seen.n_pictures++] = frame->pts_us;
    }
    return 0;
}

static void set_up(void)
{
    av_log_set_level(AV_LOG_QUIET);
    limef_log_set_sink(note_log, NULL);
}

static void tear_down(void)
{
    limef_filter_clear(&encode.filter);
    limef_filter_clear(&decode.filter);
    limef_pool_release(pictures);
}

TestSuite(encode, .init = set_up, .fini = tear_down, .timeout = 30);

static void connect_all(enum limef_media media)
{
    limef_tap_filter_init(&packet_tap, NULL, note_packet, NULL);
    limef_tap_filter_init(&picture_tap, NULL, note_picture, NULL);
    cr_assert(
        eq(int,
           limef_decode_filter_init(
               &decode, NULL, &(struct limef_decode_settings){.media = media, .n_threads = 1}),
           0));
    limef_connect(&encode.filter, &packet_tap.filter);
    limef_connect(&packet_tap.filter, &decode.filter);
    limef_connect(&decode.filter, &picture_tap.filter);
    pictures = limef_pool_create(LIMEF_FRAME_DECODED);
}

static void init(const struct limef_encode_settings *settings)
{
    memset(&seen, 0, sizeof(seen));
    cr_assert(eq(int, limef_encode_filter_init(&encode, NULL, settings), 0));
    connect_all(encode.media);
}

/* A counted picture of brightness media_luma(n). */
static struct limef_decoded_frame picture_frame(int n, int format, int width, int height)
{
    struct limef_payload *payload = limef_pool_get(pictures);
    struct AVFrame *av = limef_payload_picture(payload);
    struct limef_decoded_frame decoded;

    av->format = format;
    av->width = width;
    av->height = height;
    cr_assert(eq(int, av_frame_get_buffer(av, 0), 0));
    memset(av->data[0], media_luma(n), (size_t)av->linesize[0] * (size_t)height);
    for (int i = 1; i < 3 && av->data[i]; i++)
        memset(av->data[i], 128, (size_t)av->linesize[i] * (size_t)(height / 2));
    av->pict_type = AV_PICTURE_TYPE_B; /* as it came from its own decoder: of no concern here */
    limef_decoded_frame_set(&decoded, payload);
    decoded.frame.slot = 3;
    decoded.frame.pts_us = 1000000 + n * FRAME_US + n % 3; /* not quite regular */
    decoded.frame.duration_us = FRAME_US;
    decoded.frame.entered_us = 500 + n;
    return decoded;
}

static int give_size(int n, int width, int height)
{
    struct limef_decoded_frame decoded = picture_frame(n, AV_PIX_FMT_YUV420P, width, height);
    int ret = limef_go(&encode.filter, &decoded.frame);

    limef_payload_unref(decoded.frame.payload);
    return ret;
}

static int give(int n)
{
    return give_size(n, 160, 120);
}

static int give_signal(uint32_t signal)
{
    struct limef_signal_frame frame = make_signal(signal, LIMEF_NO_TIME);

    return limef_go(&encode.filter, &frame.frame);
}

static void expect_pictures(unsigned n)
{
    cr_assert(eq(uint, seen.n_pictures, n));
    for (unsigned i = 0; i < n; i++) {
        cr_assert(eq(int, seen.numbers[i], (int)i % 32));
        cr_assert(eq(i64, seen.pts_us[i], 1000000 + i * FRAME_US + i % 3), "picture %u", i);
    }
}

Test(encode, pictures_come_back_with_their_times_in_every_codec)
{
    const struct limef_encode_settings cases[] = {
        {.codec = "mjpeg"},
        {.codec = "mpeg4", .gop = 10},
        {.codec = "mpeg4", .gop = 10, .options = "bf=2"},
        {.codec = "mpeg4", .bit_rate = 500000, .n_threads = 2},
        {.codec = "mjpeg", .quality = 2, .n_threads = 2},
        {.codec = "libx264", .gop = 10, .options = "preset=ultrafast:bf=3"},
        {.codec = "ffv1"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (!avcodec_find_encoder_by_name(cases[i].codec))
            continue;
        init(&cases[i]);
        for (int n = 0; n < 30; n++)
            cr_assert(eq(int, give(n), 0));
        give_signal(LIMEF_SIGNAL_END);
        cr_assert(eq(uint, seen.n_packets, 30), "%s", cases[i].codec);
        cr_assert(eq(uint, seen.n_codecs, 1));
        cr_assert(eq(uint, seen.codec_before[0], 0));
        expect_pictures(30);
        cr_assert(eq(u64, LIMEF_COUNTED(encode.filter.copied_bytes), 0));
        tear_down();
        pictures = NULL;
    }
}

Test(encode, packets_of_reordered_pictures_say_whose_they_are)
{
    int64_t last_dts_us = INT64_MIN;
    bool is_reordered = false;

    init(&(struct limef_encode_settings){.codec = "mpeg4", .gop = 12, .options = "bf=2"});
    for (int n = 0; n < 20; n++)
        give(n);
    give_signal(LIMEF_SIGNAL_STOP);
    cr_assert(eq(uint, seen.n_packets, 20));
    for (unsigned i = 0; i < 20; i++) {
        const struct limef_packet_frame *packet = &seen.packets[i];
        int64_t n = (packet->frame.pts_us - 1000000) / FRAME_US;

        cr_assert(eq(i64, packet->frame.entered_us, 500 + n));
        cr_assert(eq(u32, packet->frame.slot, 3));
        cr_assert(gt(i64, packet->dts_us, last_dts_us));
        cr_assert(le(i64, packet->dts_us, packet->frame.pts_us));
        cr_assert(eq(i64, packet->frame.duration_us, FRAME_US));
        is_reordered |= i > 0 && packet->frame.pts_us < seen.packets[i - 1].frame.pts_us;
        last_dts_us = packet->dts_us;
    }
    cr_assert(is_reordered);
    cr_assert(ne(u32, seen.packets[0].frame.flags & LIMEF_FRAME_KEY, 0));
    cr_assert(eq(u32, seen.packets[1].frame.flags & LIMEF_FRAME_KEY, 0));
}

Test(encode, another_size_drains_and_says_so_before_its_packets)
{
    struct limef_encode_counters counters;

    init(&(struct limef_encode_settings){.codec = "mpeg4", .options = "bf=1"});
    for (int n = 0; n < 30; n++)
        cr_assert(eq(int, n < 15 ? give(n) : give_size(n, 320, 240), 0));
    give_signal(LIMEF_SIGNAL_END);
    cr_assert(eq(uint, seen.n_codecs, 2));
    cr_assert(eq(uint, seen.codec_before[1], 15));
    cr_assert(eq(int, seen.widths[0], 160));
    cr_assert(eq(int, seen.widths[1], 320));
    expect_pictures(30);
    limef_encode_get_counters(&encode, &counters);
    cr_assert(eq(u64, counters.n_opened, 2));
    cr_assert(eq(u64, counters.n_frames, 30));
    cr_assert(eq(u64, counters.n_packets, 30));
    cr_assert(eq(u64, counters.n_errors, 0));
    cr_assert(gt(u64, counters.n_bytes, 0));
}

Test(encode, flush_forgets_what_is_inside_and_begins_with_a_key_frame)
{
    init(&(struct limef_encode_settings){.codec = "mpeg4", .gop = 100, .options = "bf=2"});
    for (int n = 0; n < 8; n++)
        give(n);
    cr_assert(lt(uint, seen.n_packets, 8));
    seen.n_packets = 0;
    give_signal(LIMEF_SIGNAL_FLUSH);
    for (int n = 20; n < 28; n++)
        give(n);
    give_signal(LIMEF_SIGNAL_END);
    cr_assert(eq(uint, seen.n_packets, 8));
    cr_assert(ne(u32, seen.packets[0].frame.flags & LIMEF_FRAME_KEY, 0));
    cr_assert(eq(i64, seen.packets[0].frame.pts_us, 1000000 + 20 * FRAME_US + 2));
    cr_assert(eq(uint, seen.n_signals, 2));
}

Test(encode, a_discontinuity_is_encoded_as_a_key_frame)
{
    init(&(struct limef_encode_settings){.codec = "mpeg4", .gop = 100});
    for (int n = 0; n < 8; n++) {
        struct limef_decoded_frame decoded = picture_frame(n, AV_PIX_FMT_YUV420P, 160, 120);

        decoded.frame.flags |= n == 5 ? LIMEF_FRAME_DISCONTINUITY : 0;
        limef_go(&encode.filter, &decoded.frame);
        limef_payload_unref(decoded.frame.payload);
    }
    for (unsigned n = 0; n < 8; n++)
        cr_assert(eq(int, !!(seen.packets[n].frame.flags & LIMEF_FRAME_KEY), n == 0 || n == 5));
    cr_assert(ne(u32, seen.packets[5].frame.flags & LIMEF_FRAME_DISCONTINUITY, 0));
}

Test(encode, times_that_are_missing_or_repeat_are_mended_and_counted)
{
    struct limef_encode_counters counters;
    const int64_t given[] = {100, 40100, 40100, LIMEF_NO_TIME, 160000, 150000, 200000};

    init(&(struct limef_encode_settings){.codec = "mpeg4"});
    for (unsigned i = 0; i < 7; i++) {
        struct limef_decoded_frame decoded = picture_frame(0, AV_PIX_FMT_YUV420P, 160, 120);

        decoded.frame.pts_us = given[i];
        cr_assert(eq(int, limef_go(&encode.filter, &decoded.frame), 0));
        limef_payload_unref(decoded.frame.payload);
    }
    give_signal(LIMEF_SIGNAL_END);
    cr_assert(eq(uint, seen.n_packets, 7));
    for (unsigned i = 1; i < 7; i++)
        cr_assert(gt(i64, seen.packets[i].frame.pts_us, seen.packets[i - 1].frame.pts_us));
    cr_assert(eq(i64, seen.packets[2].frame.pts_us, 40101));
    cr_assert(eq(i64, seen.packets[3].frame.pts_us, 80101));
    limef_encode_get_counters(&encode, &counters);
    cr_assert(eq(u64, counters.n_times_fixed, 3));
    cr_assert(eq(uint, seen.n_codecs, 1));
}

Test(encode, time_that_goes_far_back_is_a_new_beginning)
{
    init(&(struct limef_encode_settings){.codec = "mpeg4", .gop = 1000, .options = "bf=2"});
    for (int n = 0; n < 60; n++)
        give(n);
    for (int n = 0; n < 10; n++)
        give(n);
    give_signal(LIMEF_SIGNAL_END);
    cr_assert(eq(uint, seen.n_packets, 70));
    cr_assert(eq(uint, seen.n_codecs, 2));
    cr_assert(eq(uint, seen.codec_before[1], 60));
    cr_assert(ne(u32, seen.packets[60].frame.flags & LIMEF_FRAME_KEY, 0));
    cr_assert(eq(i64, seen.packets[60].frame.pts_us, 1000000));
}

Test(encode, a_picture_that_nobody_counts_is_copied_and_counted)
{
    AVFrame *av = make_picture(AV_PIX_FMT_YUV420P, 64, 48, 1);
    struct limef_decoded_frame decoded = make_decoded(av, 0);

    init(&(struct limef_encode_settings){.codec = "mpeg4"});
    limef_go(&encode.filter, &decoded.frame);
    give_signal(LIMEF_SIGNAL_END);
    cr_assert(eq(uint, seen.n_packets, 1));
    cr_assert(eq(u64, LIMEF_COUNTED(encode.filter.copied_bytes), 64 * 48 * 3 / 2));
    av_frame_free(&av);
}

Test(encode, a_format_that_it_does_not_take_is_said_once_and_names_the_cure)
{
    struct limef_encode_counters counters;

    init(&(struct limef_encode_settings){.codec = "mpeg4"});
    n_logged = 0;
    for (int n = 0; n < 5; n++) {
        struct limef_decoded_frame decoded = picture_frame(n, AV_PIX_FMT_RGB24, 64, 48);

        cr_assert(eq(int, limef_go(&encode.filter, &decoded.frame), AVERROR(EINVAL)));
        limef_payload_unref(decoded.frame.payload);
    }
    cr_assert(eq(uint, n_logged, 1));
    cr_assert(ne(ptr, strstr(last_line, "scale"), NULL), "%s", last_line);
    cr_assert(ne(ptr, strstr(last_line, "yuv420p"), NULL), "%s", last_line);
    limef_encode_get_counters(&encode, &counters);
    cr_assert(eq(u64, counters.n_errors, 5));
    cr_assert(eq(int, give(5), 0));
    cr_assert(eq(uint, seen.n_signals, 1)); /* LOST */
    give_signal(LIMEF_SIGNAL_END);
    cr_assert(eq(uint, seen.n_packets, 1));
}

Test(encode, full_range_formats_of_old_are_taken_as_what_they_are)
{
    init(&(struct limef_encode_settings){.codec = "mpeg4"});
    for (int n = 0; n < 4; n++) {
        struct limef_decoded_frame decoded = picture_frame(n, AV_PIX_FMT_YUVJ420P, 160, 120);

        cr_assert(eq(int, limef_go(&encode.filter, &decoded.frame), 0));
        limef_payload_unref(decoded.frame.payload);
    }
    give_signal(LIMEF_SIGNAL_END);
    expect_pictures(4);
}

Test(encode, pictures_in_hardware_are_refused_with_one_line)
{
    AVFrame *av = make_picture(AV_PIX_FMT_YUV420P, 64, 48, 1);
    struct limef_decoded_frame decoded = make_decoded(av, 0);

    av->hw_frames_ctx = av_buffer_alloc(1);
    init(&(struct limef_encode_settings){.codec = "mpeg4"});
    n_logged = 0;
    for (int n = 0; n < 3; n++)
        cr_assert(eq(int, limef_go(&encode.filter, &decoded.frame), AVERROR(ENOSYS)));
    cr_assert(eq(uint, n_logged, 1));
    av_frame_free(&av);
}

Test(encode, wrong_settings_are_refused)
{
    struct limef_encode_filter refused = {0};
    const struct {
        struct limef_encode_settings settings;
        int code;
    } cases[] = {
        {{.codec = NULL}, AVERROR_ENCODER_NOT_FOUND},
        {{.codec = "no such"}, AVERROR_ENCODER_NOT_FOUND},
        {{.codec = "mpeg4", .quality = 32}, AVERROR(EINVAL)},
        {{.codec = "mpeg4", .bit_rate = -1}, AVERROR(EINVAL)},
        {{.codec = "mpeg4", .gop = -1}, AVERROR(EINVAL)},
        {{.codec = "mpeg4", .options = "nothing"}, AVERROR(EINVAL)},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_assert(
            eq(int, limef_encode_filter_init(&refused, NULL, &cases[i].settings), cases[i].code));
        cr_assert(eq(ptr, (void *)refused.filter.ops, NULL));
    }
    init(&(struct limef_encode_settings){.codec = "mpeg4", .options = "no_such=1"});
    cr_assert(eq(int, give(0), AVERROR_OPTION_NOT_FOUND));
    cr_assert(ne(ptr, strstr(last_line, "no_such"), NULL));
}

static int answer_exit(void *context, const struct limef_frame *frame)
{
    (void)context;
    return frame->frame_class == LIMEF_FRAME_PACKET ? AVERROR_EXIT : 0;
}

Test(encode, that_those_behind_stopped_comes_back)
{
    init(&(struct limef_encode_settings){.codec = "mjpeg"});
    packet_tap.tap = answer_exit;
    cr_assert(eq(int, give(0), AVERROR_EXIT));
    packet_tap.tap = note_packet;
    cr_assert(eq(int, give(1), 0));
}

Test(encode, in_steady_state_limef_allocates_nothing)
{
    uint64_t before;

    init(&(struct limef_encode_settings){.codec = "mpeg4"});
    for (int n = 0; n < 10; n++)
        give(n);
    before = limef_memory_n_allocations();
    for (int n = 10; n < 60; n++)
        give(n);
    cr_assert(eq(u64, limef_memory_n_allocations(), before));
}

Test(encode, each_failing_allocation_is_enomem_and_the_next_picture_comes)
{
    bool failed = true;

    for (unsigned n = 1; failed; n++) {
        int ret, again = 0;

        memset(&seen, 0, sizeof(seen));
        pictures = limef_pool_create(LIMEF_FRAME_DECODED);
        limef_payload_unref(limef_pool_get(pictures));
        failing_install(n);
        ret = limef_encode_filter_init(&encode, NULL,
                                       &(struct limef_encode_settings){.codec = "mpeg4"});
        if (ret == 0) {
            limef_tap_filter_init(&packet_tap, NULL, note_packet, NULL);
            limef_connect(&encode.filter, &packet_tap.filter);
            ret = give(0);
            again = give(1);
            cr_assert(eq(int, give(2), 0));
        }
        failed = failing_failed();
        cr_assert(eq(int, ret ? ret : again, failed ? AVERROR(ENOMEM) : 0));
        limef_filter_clear(&encode.filter);
        cr_assert(eq(int, failing_n_out(), 0));
        failing_remove();
        limef_pool_release(pictures);
    }
    pictures = NULL;
}

/* A tone in blocks of n samples, 48 kHz, two channels. */
static int give_tone(int64_t first, int n, int format, int64_t pts_us)
{
    struct limef_payload *payload = limef_pool_get(pictures);
    AVFrame *av = limef_payload_picture(payload);
    struct limef_decoded_frame decoded;
    int ret;

    av->format = format;
    av->nb_samples = n;
    av->sample_rate = 48000;
    av_channel_layout_default(&av->ch_layout, 2);
    cr_assert(eq(int, av_frame_get_buffer(av, 0), 0));
    for (int i = 0; i < n && format == AV_SAMPLE_FMT_FLTP; i++)
        for (int c = 0; c < 2; c++)
            ((float *)(void *)av->data[c])[i] = 0.5f * sinf((float)(first + i) * 0.05f);
    limef_decoded_frame_set(&decoded, payload);
    decoded.frame.pts_us = pts_us;
    ret = limef_go(&encode.filter, &decoded.frame);
    limef_payload_unref(payload);
    return ret;
}

Test(encode, samples_become_blocks_of_the_codecs_size_and_come_back)
{
    const int sizes[] = {1024, 480, 3000};

    for (size_t i = 0; i < 3; i++) {
        int64_t first = 0, last_us = INT64_MIN;

        init(&(struct limef_encode_settings){.codec = "aac", .bit_rate = 128000});
        for (; first < 48000; first += sizes[i]) /* times as a container rounds them */
            cr_assert(eq(int,
                         give_tone(first, sizes[i], AV_SAMPLE_FMT_FLTP,
                                   2000000 + first * 1000 / 48000 * 1000),
                         0));
        give_signal(LIMEF_SIGNAL_END);
        cr_assert(ge(uint, seen.n_packets, (unsigned)(first / 1024)));
        for (unsigned n = 0; n < seen.n_packets; n++) {
            int64_t expected_us = 2000000 + ((int64_t)n - 1) * 1024 * 1000000 / 48000;

            cr_assert(le(i64, llabs(seen.packets[n].frame.pts_us - expected_us), 2), "packet %u",
                      n);
            cr_assert(gt(i64, seen.packets[n].frame.pts_us, last_us));
            last_us = seen.packets[n].frame.pts_us;
        }
        cr_assert(ge(uint, seen.n_samples, (unsigned)first));
        cr_assert(gt(dbl, seen.loudest, 0.4));
        cr_assert(lt(dbl, seen.loudest, 0.6));
        cr_assert(eq(int, LIMEF_COUNTED(encode.filter.copied_bytes) > 0, sizes[i] != 1024));
        tear_down();
        pictures = NULL;
    }
}

Test(encode, a_gap_between_samples_stays_a_gap)
{
    int64_t before_us, after_us;

    init(&(struct limef_encode_settings){.codec = "aac"});
    for (int64_t n = 0; n < 20; n++)
        give_tone(n * 1024, 1024, AV_SAMPLE_FMT_FLTP,
                  n * 1024 * 1000000 / 48000 + (n >= 10 ? 500000 : 0));
    give_signal(LIMEF_SIGNAL_END);
    before_us = seen.packets[10].frame.pts_us; /* the first is priming */
    after_us = seen.packets[11].frame.pts_us;
    cr_assert(le(i64, llabs(after_us - before_us - 521333), 50));
}

Test(encode, sample_formats_that_it_does_not_take_are_refused)
{
    init(&(struct limef_encode_settings){.codec = "aac"});
    cr_assert(eq(int, give_tone(0, 1024, AV_SAMPLE_FMT_S16, 0), AVERROR(EINVAL)));
    cr_assert(ne(ptr, strstr(last_line, "fltp"), NULL), "%s", last_line);
}

Test(encode, what_is_not_of_its_kind_passes)
{
    struct limef_packet_frame packet = make_packet(7, LIMEF_FRAME_KEY);

    init(&(struct limef_encode_settings){.codec = "aac"});
    limef_go(&encode.filter, &packet.frame);
    cr_assert(eq(uint, seen.n_packets, 1));
    cr_assert(eq(int, give(0), 0));
    cr_assert(eq(uint, seen.n_codecs, 0));
}

Test(encode, the_fingerprint_tells_settings_apart)
{
    struct limef_encode_filter others[4] = {0};
    const struct limef_encode_settings settings[4] = {
        {.codec = "mpeg4"},
        {.codec = "mjpeg"},
        {.codec = "mpeg4", .gop = 5},
        {.codec = "mpeg4", .options = "bf=1"},
    };

    for (int i = 0; i < 4; i++)
        cr_assert(eq(int, limef_encode_filter_init(&others[i], NULL, &settings[i]), 0));
    for (int i = 1; i < 4; i++)
        cr_assert(ne(u64, others[0].filter.ops->fingerprint(&others[0].filter),
                     others[i].filter.ops->fingerprint(&others[i].filter)));
    for (int i = 0; i < 4; i++)
        limef_filter_clear(&others[i].filter);
}
