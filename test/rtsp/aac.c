/* SPDX-License-Identifier: MIT */
#include "units.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/opt.h>

TestSuite(rtsp_aac, .timeout = 30, .fini = clear);

Test(rtsp_aac, generic_parts_packets_of_several_units)
{
    open_as(SDP_AUDIO, "MPEG4-GENERIC", 48000,
            "mode=AAC-hbr;config=1190;sizelength=13;indexlength=3;indexdeltalength=3");
    push(1000, true,
         "\0\x20\0\x10\0\x18"
         "abcde",
         11); /* 2 and 3 bytes */
    cr_assert(eq(u32, n_got, 2));
    assert_bytes(0, "ab", 2);
    assert_bytes(1, "cde", 3);
    cr_assert(eq(i64, got[0].timestamp, 1000));
    cr_assert(eq(i64, got[1].timestamp, 2024));
    cr_assert(eq(i64, got[1].duration, 1024));
    cr_assert(eq(int, depacketizer.parameters->extradata_size, 2));
}

Test(rtsp_aac, generic_joins_a_unit_of_several_packets)
{
    open_as(SDP_AUDIO, "MPEG4-GENERIC", 48000, "config=1190");
    push(1, false,
         "\0\x10\0\x28"
         "abc",
         7); /* 5 bytes in all */
    push(1, true,
         "\0\x10\0\x28"
         "de",
         6);
    cr_assert(eq(u32, n_got, 1));
    assert_bytes(0, "abcde", 5);
    cr_assert(eq(int,
                 push(2, true,
                      "\0\x20\0\xff\0\xff"
                      "ab",
                      8),
                 AVERROR_INVALIDDATA));
}

/* RFC 3640 3.2.1.1, 3.2.2: a header of 8 bits, 1 and 6 of CTS, 1 and none of DTS, 1 of random
 * access, 2 of state; one of 8, 1, 1 and 7, 1, 2; 8 that say that 5 are auxiliary. */
Test(rtsp_aac, generic_reads_over_what_a_header_has_besides)
{
    static const uint8_t packet[] = {0, 39,   2,   0xaa, 0xa0, 0x6a, 0xa4,
                                     5, 0xf8, 'a', 'b',  'c',  'd',  'e'};

    open_as(SDP_AUDIO, "MPEG4-GENERIC", 48000,
            "config=1190;sizeLength=8;indexLength=0;indexDeltaLength=0;CTSDeltaLength=6;"
            "DTSDeltaLength=7;randomAccessIndication=1;streamStateIndication=2;"
            "auxiliaryDataSizeLength=8");
    cr_assert(zero(int, push(1000, true, packet, sizeof(packet))));
    cr_assert(eq(u32, n_got, 2));
    assert_bytes(0, "ab", 2);
    assert_bytes(1, "cde", 3);
}

Test(rtsp_aac, generic_that_is_interleaved_is_refused)
{
    struct sdp_media media = {.kind = SDP_AUDIO,
                              .encoding = "MPEG4-GENERIC",
                              .clock_hz = 48000,
                              .n_channels = 2,
                              .format = "config=1190;maxDisplacement=3072"};

    cr_assert(eq(int, depacketizer_open(&depacketizer, &media, keep, NULL), AVERROR_PATCHWELCOME));
}

/* Of which nothing was said: a difference that is not 0. */
Test(rtsp_aac, generic_units_that_are_out_of_order_are_malformed)
{
    open_as(SDP_AUDIO, "MPEG4-GENERIC", 48000, "config=1190;indexdeltalength=3");
    cr_assert(eq(int,
                 push(1000, true,
                      "\0\x20\0\x10\0\x19"
                      "abcde",
                      11),
                 AVERROR_INVALIDDATA));
    cr_assert(eq(u64, depacketizer.n_malformed, 1));
    push(9000, true, "\0\x10\0\x10z", 6);
    cr_assert(got[n_got - 1].follows_loss);
}

Test(rtsp_aac, generic_believes_no_auxiliary_length)
{
    open_as(SDP_AUDIO, "MPEG4-GENERIC", 48000, "config=1190;auxiliarydatasizelength=16");
    cr_assert(eq(int,
                 push(1, true,
                      "\0\x10\0\x10\xff\xff"
                      "ab",
                      8),
                 AVERROR_INVALIDDATA));
    cr_assert(zero(int, push(2, true, "\0\x10\0\x10\0\x10zzab", 10)));
    assert_bytes(n_got - 1, "ab", 2);
}

/* Nobody else of the thread waits for a camera that sends a million units in one. */
Test(rtsp_aac, latm_takes_no_more_units_of_an_element_than_it_can_have)
{
    uint8_t element[2 * 1000];

    for (size_t i = 0; i < sizeof(element); i++)
        element[i] = 1;
    open_as(SDP_AUDIO, "MP4A-LATM", 48000, "cpresent=0;config=400023203fc0");
    cr_assert(eq(int, push(1, true, element, sizeof(element)), AVERROR_INVALIDDATA));
    cr_assert(eq(u32, n_got, 64));
    cr_assert(eq(u64, depacketizer.n_malformed, 1));
}

Test(rtsp_aac, latm_parts_units_by_their_lengths)
{
    /* StreamMuxConfig: all flags 0, then AudioSpecificConfig 0x1190, shifted by 15 bits */
    open_as(SDP_AUDIO, "MP4A-LATM", 48000, "cpresent=0;config=400023203fc0");
    push(1, true,
         "\2"
         "ab\3"
         "cde",
         7);
    cr_assert(eq(u32, n_got, 2));
    assert_bytes(0, "ab", 2);
    assert_bytes(1, "cde", 3);
    cr_assert(eq(int, depacketizer.parameters->extradata[0], 0x11));
    cr_assert(eq(int, depacketizer.parameters->extradata[1], 0x90));
}

/* RFC 3640 4.1: constantDuration; ISO/IEC 14496-3: frameLengthFlag; the clock may be of another
 * rate than what is coded, as with spectral band replication. */
Test(rtsp_aac, generic_tells_how_long_a_unit_is)
{
    static const struct {
        const char *format;
        int clock_hz, duration, rate_hz;
    } configs[] = {
        {"config=1190", 48000, 1024, 48000},
        {"config=1194", 48000, 960, 48000},
        {"config=1310", 24000, 1024, 24000},
        {"config=1310", 48000, 2048, 24000},     /* bands are replicated, without a word */
        {"config=2b118800", 48000, 2048, 48000}, /* with one */
        {"config=b99000", 48000, 512, 48000},    /* low delay */
        {"config=b99400", 48000, 480, 48000},
        {"config=f8e62000", 48000, 512, 48000}, /* enhanced low delay */
        {"config=f8e63000", 48000, 480, 48000},
        {"config=1190", 90000, 1920, 48000},
        {"config=1190;constantDuration=960", 48000, 960, 48000},
        {"config=1190;constantDuration=-1", 48000, 1024, 48000},
        {"config=fff8", 48000, 1024, 48000}, /* of something else */
        {"config=11", 48000, 1024, 48000},
    };

    for (size_t i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
        open_as(SDP_AUDIO, "MPEG4-GENERIC", configs[i].clock_hz, configs[i].format);
        cr_assert(zero(int, push(1000, true, "\0\x20\0\x08\0\x08xy", 8)));
        cr_assert(eq(u32, n_got, 2));
        cr_assert(eq(i64, got[0].duration, configs[i].duration), "%s", configs[i].format);
        cr_assert(eq(i64, got[1].timestamp, 1000 + configs[i].duration));
        cr_assert(eq(int, depacketizer.parameters->sample_rate, configs[i].rate_hz), "%s",
                  configs[i].format);
        clear();
    }
}

#define N_FRAMES 64

/* Frames of an encoder, and what libavformat's muxer makes of them: LOAS. */
static struct reference {
    AVPacket *packets[N_FRAMES];
    unsigned n;
    uint8_t config[2];
    uint8_t *stream;
    size_t n_stream;
} reference;

static void mux(const AVCodecContext *encoder, const char *interval)
{
    AVFormatContext *format = NULL;
    AVDictionary *options = NULL;

    cr_assert(ge(int, avformat_alloc_output_context2(&format, NULL, "latm", NULL), 0));
    cr_assert(ge(int, avio_open_dyn_buf(&format->pb), 0));
    cr_assert(avformat_new_stream(format, NULL) != NULL);
    cr_assert(ge(int, avcodec_parameters_from_context(format->streams[0]->codecpar, encoder), 0));
    av_dict_set(&options, "smc-interval", interval, 0);
    cr_assert(ge(int, avformat_write_header(format, &options), 0));
    av_dict_free(&options);
    for (unsigned i = 0; i < reference.n; i++) {
        AVPacket *packet = av_packet_clone(reference.packets[i]);

        packet->stream_index = 0;
        cr_assert(ge(int, av_write_frame(format, packet), 0));
        av_packet_free(&packet);
    }
    cr_assert(ge(int, av_write_trailer(format), 0));
    reference.n_stream = (size_t)avio_close_dyn_buf(format->pb, &reference.stream);
    avformat_free_context(format);
}

static void encode(const char *interval)
{
    AVCodecContext *encoder = avcodec_alloc_context3(avcodec_find_encoder(AV_CODEC_ID_AAC));
    AVFrame *frame = av_frame_alloc();

    encoder->sample_fmt = AV_SAMPLE_FMT_FLTP;
    encoder->sample_rate = 44100;
    encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    av_channel_layout_default(&encoder->ch_layout, 2);
    cr_assert(zero(int, avcodec_open2(encoder, NULL, NULL)));
    frame->format = encoder->sample_fmt;
    frame->nb_samples = 1024;
    av_channel_layout_copy(&frame->ch_layout, &encoder->ch_layout);
    cr_assert(zero(int, av_frame_get_buffer(frame, 0)));
    for (unsigned i = 0; reference.n < N_FRAMES; i++) {
        AVPacket *packet = av_packet_alloc();

        for (int k = 0; k < 2 * 1024; k++)
            ((float *)(void *)frame->data[k / 1024])[k % 1024] =
                (float)((i * 2048 + (unsigned)k * 7919u) % 1000) / 1000 - .5f;
        frame->pts = (int64_t)i * 1024;
        cr_assert(zero(int, avcodec_send_frame(encoder, frame)));
        if (avcodec_receive_packet(encoder, packet) == 0)
            reference.packets[reference.n++] = packet;
        else
            av_packet_free(&packet);
    }
    memcpy(reference.config, encoder->extradata, sizeof(reference.config));
    mux(encoder, interval);
    av_frame_free(&frame);
    avcodec_free_context(&encoder);
}

static void forget(void)
{
    for (unsigned i = 0; i < reference.n; i++)
        av_packet_free(&reference.packets[i]);
    av_freep(&reference.stream);
}

/* Each element behind its LOAS header, from one of them on, as a packet. */
static void push_stream(unsigned from)
{
    size_t at = 0;

    for (unsigned i = 0; at + 3 <= reference.n_stream; i++) {
        size_t bytes = (size_t)(reference.stream[at + 1] & 0x1f) << 8 | reference.stream[at + 2];

        cr_assert(eq(u32, reference.stream[at], 0x56));
        if (i >= from)
            push(i * 2090, true, reference.stream + at + 3, bytes);
        at += 3 + bytes;
    }
}

static void assert_is_reference(unsigned from)
{
    cr_assert(eq(u32, n_got, reference.n - from));
    for (unsigned i = n_got - MAX_UNITS; i < n_got; i++) {
        const AVPacket *packet = reference.packets[from + i];

        cr_assert(not(got[i % MAX_UNITS].is_damaged));
        assert_bytes(i % MAX_UNITS, packet->data, (size_t)packet->size);
    }
    /* without what an encoder appends to it, which has no place in LATM (1.6.5) */
    cr_assert(eq(int, depacketizer.parameters->extradata_size, 2));
    cr_assert(zero(int, memcmp(depacketizer.parameters->extradata, reference.config, 2)));
    cr_assert(eq(int, depacketizer.parameters->sample_rate, 44100));
    cr_assert(eq(int, depacketizer.parameters->ch_layout.nb_channels, 2));
}

Test(rtsp_aac, latm_in_band_is_what_was_multiplexed)
{
    encode("1");
    open_as(SDP_AUDIO, "MP4A-LATM", 90000, "cpresent=1");
    push_stream(0);
    assert_is_reference(0);
    cr_assert(eq(i64, got[0].duration, 2090)); /* 1024 at 44.1 kHz */
    cr_assert(zero(u64, depacketizer.n_malformed));
    forget();
}

/* One who comes in the middle has nothing until the configuration comes again; no more is lost. */
Test(rtsp_aac, latm_in_band_begins_with_a_configuration)
{
    encode("10");
    open_as(SDP_AUDIO, "MP4A-LATM", 90000, ""); /* cpresent is 1 by itself */
    push_stream(5);
    assert_is_reference(10);
    cr_assert(eq(u64, depacketizer.n_malformed, 5));
    forget();
}

/* All flags 0, AudioSpecificConfig of 48 kHz with 1 or 2 channels, no other data; then a unit. */
static void push_element(unsigned n_channels, unsigned n_units, const char *units)
{
    uint8_t element[32] = {0};
    unsigned n = 0, words[][2] = {{0, 1},    {0, 1}, {1, 1},          {n_units - 1, 6}, {0, 7},
                                  {2, 5},    {3, 4}, {n_channels, 4}, {0, 3},           {0, 3},
                                  {0xff, 8}, {0, 1}, {0, 1}};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        for (unsigned k = words[i][1]; k-- > 0; n++)
            element[n / 8] |= (uint8_t)((words[i][0] >> k & 1) << (7 - n % 8));
    for (; *units; units++, n += 16) {
        for (unsigned k = 0; k < 16; k++)
            element[(n + k) / 8] |=
                (uint8_t)(((0x100u | (unsigned char)*units) >> (15 - k) & 1) << (7 - (n + k) % 8));
    }
    push(n, true, element, (n + 7) / 8);
}

Test(rtsp_aac, latm_in_band_changes_its_configuration)
{
    open_as(SDP_AUDIO, "MP4A-LATM", 48000, "cpresent=1");
    push_element(2, 1, "a");
    push_element(2, 2, "bc");
    push_element(1, 1, "d");
    cr_assert(eq(u32, n_got, 4));
    for (unsigned i = 0; i < 4; i++) {
        assert_bytes(i, &"abcd"[i], 1);
        cr_assert(eq(int, got[i].has_new_codec, i == 0 || i == 3), "%u", i);
    }
    cr_assert(eq(int, depacketizer.parameters->extradata[1], 0x88));
    cr_assert(eq(int, depacketizer.parameters->ch_layout.nb_channels, 1));
}

/* ISO/IEC 14496-3 1.7.3: what is more than units of AAC, and lengths that lie. */
Test(rtsp_aac, latm_in_band_believes_no_bit)
{
    static const struct {
        const char *element;
        size_t bytes;
    } lies[] = {
        {"\x40\0\x11\x90\x1f\xe0", 6},           /* not in one time */
        {"\x20\x40\x11\x90\x1f\xe0", 6},         /* two programs */
        {"\x20\x00\xff\xff\xff\xff", 6},         /* no AAC */
        {"\x20\x00\x11\x80\x1f\xe0\x09\x80", 8}, /* channels described elsewhere: no end */
        {"\x60\x00", 2},                         /* for future use */
        {"\x50\xff\xff\xff\xff\xff\xff\xff", 8}, /* a length of a configuration */
        {"\x20", 1},
    };

    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        open_as(SDP_AUDIO, "MP4A-LATM", 48000, "cpresent=1");
        cr_assert(eq(int, push(1, true, lies[i].element, lies[i].bytes), AVERROR_INVALIDDATA),
                  "%zu", i);
        cr_assert(zero(u32, n_got));
        clear();
    }
}

Test(rtsp_aac, is_not_known_without_its_configuration)
{
    struct sdp_media media = {
        .kind = SDP_AUDIO, .encoding = "MP4A-LATM", .format = "cpresent=0", .clock_hz = 1};

    cr_assert(eq(int, depacketizer_open(&depacketizer, &media, keep, NULL), AVERROR(ENOSYS)));
    media.format = "cpresent=0;config=ffff";
    cr_assert(eq(int, depacketizer_open(&depacketizer, &media, keep, NULL), AVERROR(ENOSYS)));
    media.encoding = "MPEG4-GENERIC";
    media.format = "";
    cr_assert(eq(int, depacketizer_open(&depacketizer, &media, keep, NULL), AVERROR(ENOSYS)));
}
