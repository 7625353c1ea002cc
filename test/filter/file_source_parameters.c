/* SPDX-License-Identifier: MIT */
/* Codec parameters that a container announces anew in the middle: AAC in FLV. */
#include <limef/filter/file_source.h>

#include "support/failing.h"
#include "support/make_media.h"
#include "support/play.h"
#include "support/silence.h"

#include <limef/base/log.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavformat/avformat.h>
#include <string.h>

enum { n_packets = 8, changes_at = 4, header_bytes = 2 };

/* AudioSpecificConfig, ISO/IEC 14496-3: AAC LC, two channels, 44 100 and 48 000 Hz */
static const uint8_t headers[2][header_bytes] = {{0x12, 0x10}, {0x11, 0x90}};

static struct play play;
static const char *path;

static void write_packet(AVFormatContext *muxer, int n)
{
    AVPacket *packet = av_packet_alloc();

    cr_assert(zero(int, av_new_packet(packet, 16)));
    memset(packet->data, 0x21, 16);
    packet->pts = packet->dts = 23 * n;
    packet->flags = AV_PKT_FLAG_KEY;
    if (n == changes_at)
        memcpy(av_packet_new_side_data(packet, AV_PKT_DATA_NEW_EXTRADATA, header_bytes), headers[1],
               header_bytes);
    cr_assert(zero(int, av_write_frame(muxer, packet)));
    av_packet_free(&packet);
}

static void make_file(void)
{
    AVFormatContext *muxer = NULL;
    AVCodecParameters *codec;

    av_log_set_level(AV_LOG_QUIET); /* it is no AAC that a decoder would like */
    limef_log_set_sink(log_to_nobody, NULL);
    path = media_path("changes.flv");
    cr_assert(ge(int, avformat_alloc_output_context2(&muxer, NULL, "flv", path), 0));
    codec = avformat_new_stream(muxer, NULL)->codecpar;
    codec->codec_type = AVMEDIA_TYPE_AUDIO;
    codec->codec_id = AV_CODEC_ID_AAC;
    codec->sample_rate = 44100;
    av_channel_layout_default(&codec->ch_layout, 2);
    codec->extradata = av_mallocz(header_bytes + AV_INPUT_BUFFER_PADDING_SIZE);
    codec->extradata_size = header_bytes;
    memcpy(codec->extradata, headers[0], header_bytes);
    cr_assert(ge(int, avio_open(&muxer->pb, path, AVIO_FLAG_WRITE), 0));
    cr_assert(ge(int, avformat_write_header(muxer, NULL), 0));
    for (int n = 0; n < n_packets; n++)
        write_packet(muxer, n);
    cr_assert(zero(int, av_write_trailer(muxer)));
    avio_closep(&muxer->pb);
    avformat_free_context(muxer);
}

static void tear_down(void)
{
    limef_log_set_sink(NULL, NULL);
    media_remove();
}

TestSuite(file_source_parameters, .init = make_file, .fini = tear_down, .timeout = 30);

static struct limef_file_source_settings settings(void)
{
    return (struct limef_file_source_settings){
        .url = path, .options = "format=flv", .pace = LIMEF_PACE_FASTEST};
}

Test(file_source_parameters, that_change_come_in_a_codec_frame_before_what_needs_them)
{
    struct limef_file_source_settings flv = settings();
    unsigned n_before = 0, n_codecs = 0;

    play_init(&play, &flv, NULL);
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_PACKET), n_packets));
    cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_CODEC), 2));
    for (unsigned i = 0; i < play.end.n_notes && n_codecs < 2; i++) {
        n_codecs += play.end.notes[i].frame_class == LIMEF_FRAME_CODEC;
        n_before += play.end.notes[i].frame_class == LIMEF_FRAME_PACKET;
    }
    cr_assert(eq(uint, n_before, changes_at));
    play_clear(&play);
}

Test(file_source_parameters, that_cannot_be_kept_end_the_stream_with_enomem)
{
    struct limef_file_source_settings flv = settings();
    unsigned n = 0, n_ended = 0;
    bool failed;

    do {
        play_init(&play, &flv, NULL);
        play_until(&play, changes_at);
        cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_CODEC), 1));
        failing_install(++n);
        cr_assert(eq(int, play_run(&play), AVERROR_EOF));
        failed = failing_failed();
        failing_remove();
        if (failed) {
            cr_assert(eq(int, play_signal_note(&play, LIMEF_SIGNAL_END)->code, AVERROR(ENOMEM)),
                      "allocation %u", n);
            cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_PACKET), changes_at));
            n_ended++;
        }
        play_clear(&play);
    } while (failed);
    cr_assert(ge(uint, n_ended, 1));
}
