/* SPDX-License-Identifier: MIT */
#include "support/encode_chain.h"

TestSuite(encode, .init = set_up, .fini = tear_down, .timeout = 30);

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

/* Gives a picture of which one thing is otherwise; 0: nothing. Returns false if there is no such.
 */
static bool give_other(unsigned what, int n)
{
    struct limef_decoded_frame decoded = picture_frame(n, AV_PIX_FMT_YUV420P, 160, 120);
    AVFrame *av = limef_payload_picture(decoded.frame.payload);

    switch (what) {
    case 0:
        break;
    case 1:
        av->colorspace = AVCOL_SPC_BT709;
        break;
    case 2:
        av->color_range = AVCOL_RANGE_MPEG;
        break;
    case 3:
        av->color_primaries = AVCOL_PRI_BT709;
        break;
    case 4:
        av->color_trc = AVCOL_TRC_BT709;
        break;
    case 5:
        av->sample_aspect_ratio = (AVRational){4, 3};
        break;
    case 6:
        decoded.rotation_degrees = 90;
        break;
    case 7:
        decoded.mirrored = true;
        break;
    case 8:
        decoded.frame.slot++;
        break;
    case 9:
        decoded.frame.track++;
        break;
    default:
        what = UINT_MAX;
    }
    if (what != UINT_MAX)
        cr_assert(eq(int, limef_go(&encode.filter, &decoded.frame), 0));
    limef_payload_unref(decoded.frame.payload);
    return what != UINT_MAX;
}

Test(encode, whatever_is_otherwise_of_a_picture_opens_it_again_once)
{
    struct limef_encode_counters counters;
    bool is_there = true;

    for (unsigned what = 0; is_there; what++) {
        init(&(struct limef_encode_settings){.codec = "mpeg4"});
        give_other(0, 0);
        give_other(0, 1);
        is_there = give_other(what, 2);
        if (is_there)
            give_other(what, 3);
        limef_encode_get_counters(&encode, &counters);
        cr_assert(eq(u64, counters.n_opened, what && is_there ? 2 : 1), "%u", what);
        tear_down();
        pictures = NULL;
    }
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
    unsigned n_enomem = 0;

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
        ret = ret ? ret : again;
        cr_assert(ret == 0 || (failed && ret == AVERROR(ENOMEM)), "%d", ret);
        n_enomem += ret != 0; /* pools do with fewer payloads than they would like */
        limef_filter_clear(&encode.filter);
        cr_assert(eq(int, failing_n_out(), 0));
        failing_remove();
        limef_pool_release(pictures);
    }
    cr_assert(ge(uint, n_enomem, 7)); /* init 3, open 2, the first of each pool */
    pictures = NULL;
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
