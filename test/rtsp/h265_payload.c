/* SPDX-License-Identifier: MIT */
/* PACI packets: RFC 7798 4.4.4. Type 50, then the type that is carried, how long the extension is,
 * and that. */
#include "units.h"

TestSuite(rtsp_h265_payload, .timeout = 10, .fini = clear);

#define PACI "\x64\1"

Test(rtsp_h265_payload, what_a_paci_packet_carries_comes_as_without_one)
{
    open_as(SDP_VIDEO, "H265", 90000, "");
    push(1, false, PACI "\x60\x38xyz\0\3\x40\1v\0\3\x42\1s\0\3\x44\1p", 7 + 15); /* several */
    push(1, false,
         PACI "\x62\0\x93\x80"
              "ab",
         8); /* fragments */
    push(1, true,
         PACI "\x62\x10x\x53"
              "cd",
         8);
    push(2, true, PACI "\x02\x30xyz\x80p", 9); /* one */
    cr_assert(eq(u32, n_got, 2));
    assert_bytes(0,
                 "\0\0\0\1\x40\1v\0\0\0\1\x42\1s\0\0\0\1\x44\1p\0\0\0\1\x26\1\x80"
                 "abcd",
                 3 * 7 + 4 + 2 + 5);
    assert_bytes(1, "\0\0\0\1\x02\1\x80p", 8);
    cr_assert(got[0].is_key && got[0].has_new_codec && !got[0].is_damaged);
    cr_assert(not(got[1].is_damaged));
    cr_assert(zero(u64, depacketizer.n_malformed));
}

Test(rtsp_h265_payload, its_layers_are_those_of_the_packet)
{
    open_as(SDP_VIDEO, "H265", 90000, "");
    push(1, true, "\x65\x0b\x26\0\x80k", 6);
    assert_bytes(0, "\0\0\0\1\x27\x0b\x80k", 8);
}

Test(rtsp_h265_payload, the_longest_extension_is_left_out)
{
    uint8_t packet[4 + 31 + 2] = {0x64, 1, 0x27, 0xf0, [35] = 0x80, 'k'};

    open_as(SDP_VIDEO, "H265", 90000, "");
    push(1, true, packet, sizeof(packet));
    assert_bytes(0, "\0\0\0\1\x26\1\x80k", 8);
}

Test(rtsp_h265_payload, parameter_sets_in_parts_are_parameters)
{
    open_as(SDP_VIDEO, "H265", 90000, "");
    push(1, false, PACI "\x40\0v", 5);
    push(1, false, "\x62\1\xa1s", 4);
    push(1, false, "\x62\1\x61t", 4);
    push(1, true, "\x26\1\x80", 3);
    cr_assert(eq(int, depacketizer.parameters->extradata_size, 7 + 8));
    cr_assert(zero(
        int, memcmp(depacketizer.parameters->extradata, "\0\0\0\1\x40\1v\0\0\0\1\x42\1st", 15)));
}

Test(rtsp_h265_payload, units_in_it_come_in_decoding_order)
{
    open_as(SDP_VIDEO, "H265", 90000, "sprop-max-don-diff=2;sprop-depack-buf-nalus=1");
    push(1, true, PACI "\x26\x10x\0\1\x80k", 9);
    push(3, true,
         PACI "\x02\0\0\3\x80"
              "3",
         8);
    push(2, true,
         PACI "\x62\0\xc1\0\2\x80"
              "2",
         9);
    cr_assert(zero(int, depacketizer_flush(&depacketizer)));
    cr_assert(eq(u32, n_got, 3));
    assert_bytes(0, "\0\0\0\1\x26\1\x80k", 8);
    assert_bytes(1,
                 "\0\0\0\1\x02\1\x80"
                 "2",
                 8);
    assert_bytes(2,
                 "\0\0\0\1\x02\1\x80"
                 "3",
                 8);
    cr_assert(zero(u64, depacketizer.n_malformed));
}

static void assert_refused(const char *format, const char *payload, size_t bytes)
{
    open_as(SDP_VIDEO, "H265", 90000, format);
    cr_assert(eq(int, push(1, true, payload, bytes), AVERROR_INVALIDDATA), "%s", format);
    cr_assert(eq(u64, depacketizer.n_malformed, 1));
    clear();
}

Test(rtsp_h265_payload, believes_no_length_and_no_packet_in_another)
{
    static const char *const formats[] = {"", "sprop-max-don-diff=2"};

    for (unsigned i = 0; i < 2; i++) {
        assert_refused(formats[i], PACI, 2);
        assert_refused(formats[i], PACI "\x26", 3);
        assert_refused(formats[i], PACI "\x26\x20x", 5);    /* shorter than its extension */
        assert_refused(formats[i], PACI "\x26\x10x", 5);    /* nothing behind it */
        assert_refused(formats[i], PACI "\x64\0\x64\1", 6); /* one in another */
    }
    assert_refused("", PACI "\x60\0\0\2\x60\1", 8); /* several in several */
    assert_refused("", "\x62\1\xf2z", 4);           /* a fragment of one */
}

Test(rtsp_h265_payload, a_type_without_a_meaning_in_it_is_left_out)
{
    open_as(SDP_VIDEO, "H265", 90000, "");
    cr_assert(zero(int, push(1, false, PACI "\x66\0z", 5)));
    cr_assert(eq(u64, depacketizer.n_reserved, 1));
}
