/* SPDX-License-Identifier: MIT */
#include "units.h"

TestSuite(rtsp_depacketizer, .timeout = 10, .fini = clear);

#define SPS "\x67\x42\x00\x1e"
#define PPS "\x68\xce"

Test(rtsp_depacketizer, h264_takes_parameter_sets_from_the_description)
{
    open_as(SDP_VIDEO, "H264", 90000, "sprop-parameter-sets=Z0IAHg==,aM4=");
    cr_assert(eq(int, depacketizer.parameters->extradata_size, 4 + 4 + 4 + 2));
    cr_assert(
        zero(int, memcmp(depacketizer.parameters->extradata, "\0\0\0\1" SPS "\0\0\0\1" PPS, 14)));
}

Test(rtsp_depacketizer, h264_joins_single_units_packets_of_several_and_fragments)
{
    open_as(SDP_VIDEO, "H264", 90000, "");
    push(1000, false, "\x78\0\4" SPS "\0\2" PPS, 1 + 2 + 4 + 2 + 2); /* STAP-A */
    push(1000, false,
         "\x7c\x85\x80"
         "ab",
         5); /* FU-A, start, IDR */
    push(1000, false,
         "\x7c\x05"
         "cd",
         4);
    push(1000, true,
         "\x7c\x45"
         "ef",
         4);
    push(2000, true,
         "\x41\x9a"
         "gh",
         4); /* one alone */
    cr_assert(eq(u32, n_got, 2));
    assert_bytes(0,
                 "\0\0\0\1" SPS "\0\0\0\1" PPS "\0\0\0\1\x65\x80"
                 "abcdef",
                 4 + 4 + 4 + 2 + 4 + 8);
    cr_assert(got[0].is_key);
    cr_assert(got[0].has_new_codec);
    cr_assert(not(got[0].is_damaged));
    assert_bytes(1,
                 "\0\0\0\1\x41\x9a"
                 "gh",
                 8);
    cr_assert(not(got[1].is_key));
    cr_assert(eq(i64, got[1].timestamp, 2000));
}

Test(rtsp_depacketizer, h264_ends_a_unit_where_the_time_changes_without_marker)
{
    open_as(SDP_VIDEO, "H264", 90000, "");
    push(1, false, "\x41\x9a", 2);
    push(2, false, "\x41\x9b", 2);
    cr_assert(eq(u32, n_got, 1));
    cr_assert(eq(int, depacketizer_flush(&depacketizer), 0));
    cr_assert(eq(u32, n_got, 2));
    cr_assert(not(got[0].is_damaged));
}

Test(rtsp_depacketizer, h264_holds_a_last_unit_without_marker_for_cut)
{
    open_as(SDP_VIDEO, "H264", 90000, "");
    push(1, true, "\x41\x9a", 2);
    push(2, false, "\x41\x9b", 2);
    cr_assert(eq(int, depacketizer_flush(&depacketizer), 0));
    cr_assert(eq(u32, n_got, 2));
    cr_assert(not(got[0].is_damaged));
    cr_assert(got[1].is_damaged);
}

Test(rtsp_depacketizer, h264_says_new_parameters_once)
{
    open_as(SDP_VIDEO, "H264", 90000, "sprop-parameter-sets=Z0IAHg==,aM4=");
    push(1, false, "\x78\0\4" SPS "\0\2" PPS, 11);
    push(1, true, "\x65\x80", 2);
    cr_assert(not(got[0].has_new_codec));
    push(2, false, "\x78\0\4\x67\x42\x00\x1f\0\2" PPS, 11);
    push(2, true, "\x65\x80", 2);
    cr_assert(got[1].has_new_codec);
    push(3, false, "\x78\0\4\x67\x42\x00\x1f\0\2" PPS, 11);
    push(3, true, "\x65\x80", 2);
    cr_assert(not(got[2].has_new_codec));
}

Test(rtsp_depacketizer, h264_marks_what_a_loss_damaged_and_what_follows_it)
{
    open_as(SDP_VIDEO, "H264", 90000, "");
    push(1, true, "\x65\x80", 2);
    push(2, false,
         "\x7c\x81\x80"
         "ab",
         5);
    n_missing = 1; /* in the middle of a fragment */
    push(2, true,
         "\x7c\x41"
         "ef",
         4);
    push(3, true, "\x41\x9a", 2);
    n_missing = 2; /* between two units, of which the next one is whole */
    push(5, true, "\x41\x9a", 2);
    n_missing = 1; /* the beginning of the next one */
    push(6, true, "\x41\x1a", 2);
    cr_assert(eq(u32, n_got, 5));
    cr_assert(not(got[0].is_damaged));
    cr_assert(got[1].is_damaged);
    cr_assert(not(got[2].is_damaged));
    cr_assert(not(got[3].is_damaged));
    cr_assert(got[3].follows_loss);
    cr_assert(got[4].is_damaged);
}

Test(rtsp_depacketizer, h264_believes_no_length)
{
    static const struct {
        const char *payload;
        size_t bytes;
    } lies[] = {{"\x78\xff\xff"
                 "a",
                 4},
                {"\x78\0", 2},
                {"\x78\0\0", 3},
                {"\x7c", 1},
                {"\x7c\x85", 2},
                {"\x7a"
                 "abc",
                 4},
                {"\x79\0\0", 3},
                {"\x78\0\5"
                 "a",
                 4}};

    open_as(SDP_VIDEO, "H264", 90000, "");
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
        cr_assert(
            eq(int, push((uint32_t)i, true, lies[i].payload, lies[i].bytes), AVERROR_INVALIDDATA),
            "%zu", i);
    cr_assert(eq(u64, depacketizer.n_malformed, sizeof(lies) / sizeof(lies[0])));
}

/* Else the key frame behind it would be held for damaged. */
Test(rtsp_depacketizer, h264_forgets_a_unit_of_which_nothing_can_be_used)
{
    open_as(SDP_VIDEO, "H264", 90000, "");
    push(1, true, "\x65\x80", 2);
    n_missing = 1; /* the first fragment */
    push(2, true,
         "\x7c\x41"
         "ef",
         4);
    push(3, true, "\x65\x80", 2);
    n_missing = 1;
    push(4, false,
         "\x7c\x01"
         "ef",
         4);
    n_missing = 1; /* the last one of it */
    push(5, true, "\x65\x80", 2);
    cr_assert(eq(u32, n_got, 3));
    for (unsigned i = 0; i < 3; i++)
        cr_assert(not(got[i].is_damaged), "%u", i);
    cr_assert(got[1].follows_loss);
    cr_assert(got[2].follows_loss);
}

static void assert_plays_with(const char *key, const char *slice, const char *reserved)
{
    push(1, false, reserved, 3);
    push(1, true, key, 3);
    push(2, true, reserved, 3); /* a unit of its own, as far as its time says */
    push(3, true, slice, 3);
    n_missing = 1;
    push(4, true, reserved, 3);
    push(5, true, slice, 3);
    cr_assert(eq(u32, n_got, 3));
    for (unsigned i = 0; i < 3; i++) {
        cr_assert(eq(sz, got[i].n_bytes, 7));
        cr_assert(not(got[i].is_damaged));
        cr_assert(eq(int, got[i].follows_loss, i == 2));
    }
    cr_assert(depacketizer.n_reserved == 3 && depacketizer.n_malformed == 0);
    depacketizer_clear(&depacketizer);
}

Test(rtsp_depacketizer, h265_leaves_out_units_of_types_without_a_meaning)
{
    open_as(SDP_VIDEO, "H265", 90000, "");
    assert_plays_with("\x26\x01\x80", "\x02\x01\x80", "\x66\x01z");
}

Test(rtsp_depacketizer, h264_takes_units_of_types_without_a_meaning_for_damage)
{
    static const char *const reserved[] = {"\x60\x80z", "\x7e\x80z", "\x7f\x80z"};

    for (unsigned i = 0; i < 3; i++) {
        open_as(SDP_VIDEO, "H264", 90000, "");
        push(1, true, "\x65\x80k", 3);
        cr_assert(eq(int, push(2, true, reserved[i], 3), AVERROR_INVALIDDATA));
        push(3, true, "\x41\x9ap", 3);
        cr_assert(n_got == 2 && got[1].follows_loss && depacketizer.n_malformed == 1);
        depacketizer_clear(&depacketizer);
    }
}

Test(rtsp_depacketizer, h264_tells_what_may_lead_a_key_and_when_pictures_are_whole)
{
    open_as(SDP_VIDEO, "H264", 90000, "");
    push(1, false, "\x06\x06\x01\xc4\x80", 5); /* at once */
    push(1, true, "\x41\x9a", 2);
    push(2, false, "\x06\x01\x01\x22\x06\x01\x2c\x80", 8); /* 4, behind another message */
    push(2, true, "\x41\x9a", 2);
    push(3, false, "\x06\x06\x01\x2c\x80", 5);
    push(3, true, "\x65\x80", 2);
    push(4, false, "\x06\x01\x01\x06\x80", 5); /* no recovery point */
    push(4, true, "\x41\x9a", 2);
    cr_assert(eq(u32, n_got, 4));
    for (unsigned i = 0; i < 4; i++) {
        cr_assert(eq(int, got[i].is_key, i < 3), "%u", i);
        cr_assert(eq(int, got[i].is_open, i < 2), "%u", i);
        cr_assert(eq(u32, got[i].n_partial, i == 1 ? 4 : 0), "%u", i);
    }
}

Test(rtsp_depacketizer, h265_tells_what_may_lead_a_key)
{
    static const struct {
        const char *slice;
        bool is_key, is_open;
    } kinds[] = {{"\x02\1\x80", false, false}, {"\x20\1\x80", true, true},
                 {"\x22\1\x80", true, false},  {"\x26\1\x80", true, false},
                 {"\x28\1\x80", true, false},  {"\x2a\1\x80", true, true}};

    open_as(SDP_VIDEO, "H265", 90000, "");
    for (uint32_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        push(i + 1, true, kinds[i].slice, 3);
        cr_assert(eq(int, got[i].is_key, kinds[i].is_key), "%u", i);
        cr_assert(eq(int, got[i].is_open, kinds[i].is_open), "%u", i);
    }
}

Test(rtsp_depacketizer, h265_takes_an_end_of_sequence)
{
    open_as(SDP_VIDEO, "H265", 90000, "");
    push(1, false, "\x26\1\x80", 3);
    cr_assert(zero(int, push(1, true, "\x48\1", 2)));
    cr_assert(not(got[0].is_damaged));
    assert_bytes(0, "\0\0\0\1\x26\1\x80\0\0\0\1\x48\1", 13);
    cr_assert(eq(int, push(2, true, "\x26\1", 2), AVERROR_INVALIDDATA));
}

Test(rtsp_depacketizer, h265_joins_packets_of_several_and_fragments)
{
    open_as(SDP_VIDEO, "H265", 90000, "");
    push(1, false, "\x60\1\0\3\x40\1v\0\3\x42\1s\0\3\x44\1p", 2 + 15); /* VPS, SPS, PPS */
    push(1, false,
         "\x62\1\x93\x80"
         "ab",
         6); /* FU, start, IDR_W_RADL */
    push(1, true,
         "\x62\1\x53"
         "cd",
         5);
    cr_assert(eq(u32, n_got, 1));
    assert_bytes(0,
                 "\0\0\0\1\x40\1v\0\0\0\1\x42\1s\0\0\0\1\x44\1p\0\0\0\1\x26\1\x80"
                 "abcd",
                 3 * 7 + 4 + 2 + 5);
    cr_assert(got[0].is_key);
    cr_assert(got[0].has_new_codec);
}

Test(rtsp_depacketizer, jpeg_gets_its_headers_back)
{
    uint8_t first[8 + 4] = {0, 0, 0, 0, 1, 50, 8, 6, 'a', 'b', 'c', 'd'};
    uint8_t second[8 + 2] = {0, 0, 0, 4, 1, 50, 8, 6, 'e', 'f'};

    open_as(SDP_VIDEO, "JPEG", 90000, "");
    push(1, false, first, sizeof(first));
    push(1, true, second, sizeof(second));
    cr_assert(eq(u32, n_got, 1));
    cr_assert(zero(int, memcmp(got[0].bytes, "\xff\xd8\xff\xdb", 4)));
    cr_assert(zero(int, memcmp(got[0].bytes + got[0].n_bytes - 8, "abcdef\xff\xd9", 8)));
    cr_assert(eq(int, depacketizer.parameters->width, 64));
    cr_assert(eq(int, depacketizer.parameters->height, 48));
    cr_assert(got[0].is_key);
    cr_assert(not(got[0].is_damaged));
}

/* Some cameras keep a path open with them. */
Test(rtsp_depacketizer, jpeg_takes_no_harm_from_empty_packets)
{
    uint8_t first[8 + 4] = {0, 0, 0, 0, 1, 50, 8, 6, 'a', 'b', 'c', 'd'};
    uint8_t second[8 + 2] = {0, 0, 0, 4, 1, 50, 8, 6, 'e', 'f'};

    open_as(SDP_VIDEO, "JPEG", 90000, "");
    push(1, false, first, sizeof(first));
    cr_assert(zero(int, push(1, false, first, 0)));
    push(1, true, second, sizeof(second));
    cr_assert(eq(u32, n_got, 1));
    cr_assert(not(got[0].is_damaged));
}

Test(rtsp_depacketizer, jpeg_without_its_first_packet_is_damaged)
{
    uint8_t second[8 + 2] = {0, 0, 0, 4, 1, 50, 8, 6, 'e', 'f'};
    uint8_t first[8 + 4] = {0, 0, 0, 0, 1, 50, 8, 6, 'a', 'b', 'c', 'd'};

    open_as(SDP_VIDEO, "JPEG", 90000, "");
    push(1, true, second, sizeof(second));
    cr_assert(zero(u32, n_got));
    push(2, false, first, sizeof(first));
    second[3] = 9; /* a gap */
    push(2, true, second, sizeof(second));
    cr_assert(got[0].is_damaged);
    second[3] = 4;
    push(3, false, second, sizeof(second)); /* nothing else of it comes */
    push(4, false, first, sizeof(first));
    push(4, true, second, sizeof(second));
    cr_assert(not(got[1].is_damaged));
}

/* Of a camera whose clock stands still. */
Test(rtsp_depacketizer, jpeg_pictures_of_one_time_without_markers_are_two)
{
    uint8_t first[8 + 4] = {0, 0, 0, 0, 1, 50, 8, 6, 'a', 'b', 'c', 'd'};

    open_as(SDP_VIDEO, "JPEG", 90000, "");
    push(1, false, first, sizeof(first));
    first[11] = 'e';
    push(1, true, first, sizeof(first));
    cr_assert(eq(u32, n_got, 2));
    cr_assert(eq(sz, got[0].n_bytes, got[1].n_bytes));
    cr_assert(zero(int, memcmp(got[0].bytes + got[0].n_bytes - 6, "abcd\xff\xd9", 6)));
    cr_assert(zero(int, memcmp(got[1].bytes + got[1].n_bytes - 6, "abce\xff\xd9", 6)));
}

Test(rtsp_depacketizer, jpeg_keeps_tables_that_come_once)
{
    uint8_t with[8 + 4 + 128 + 1] = {0, 0, 0, 0, 1, 200, 8, 6, 0, 0, 0, 128, 42};
    uint8_t without[8 + 4 + 1] = {0, 0, 0, 0, 1, 200, 8, 6, 0, 0, 0, 0, 'x'};

    open_as(SDP_VIDEO, "JPEG", 90000, "");
    cr_assert(eq(int, push(1, true, without, sizeof(without)), AVERROR_INVALIDDATA));
    cr_assert(eq(int, push(2, true, with, sizeof(with)), 0));
    cr_assert(eq(int, push(3, true, without, sizeof(without)), 0));
    cr_assert(eq(u32, n_got, 2));
    cr_assert(eq(int, got[1].bytes[7], 42)); /* behind SOI, DQT, its length and number */
}

Test(rtsp_depacketizer, sound_is_a_unit_a_packet)
{
    open_as(SDP_AUDIO, "PCMA", 8000, "");
    push(1, false, "abcd", 4);
    push(3, false, "ef", 2);
    cr_assert(eq(u32, n_got, 2));
    cr_assert(eq(i64, got[0].duration, 2)); /* two channels */
    clear();
    open_as(SDP_AUDIO, "opus", 48000, "");
    push(1, true, "abcd", 4);
    cr_assert(eq(i64, got[0].duration, 0));
    cr_assert(eq(int, (int)depacketizer.parameters->codec_id, AV_CODEC_ID_OPUS));
}

Test(rtsp_depacketizer, says_what_it_does_not_know)
{
    struct sdp_media media = {.kind = SDP_VIDEO, .encoding = "X-NEW", .format = "", .clock_hz = 1};

    cr_assert(eq(int, depacketizer_open(&depacketizer, &media, keep, NULL), AVERROR(ENOSYS)));
    media.kind = SDP_AUDIO;
    cr_assert(eq(int, depacketizer_open(&depacketizer, &media, keep, NULL), AVERROR(ENOSYS)));
    media.encoding = "MPEG4-GENERIC"; /* without its configuration */
    cr_assert(eq(int, depacketizer_open(&depacketizer, &media, keep, NULL), AVERROR(ENOSYS)));
}
