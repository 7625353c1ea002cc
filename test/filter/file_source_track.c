/* SPDX-License-Identifier: MIT */
/* Another audio track while a file is read. */
#include "support/make_media.h"
#include "support/play.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavformat/avformat.h>

#define N_TRACKS 3
#define N_BLOCKS 50
#define BLOCK 480

static struct play play;

/* Tracks of PCM; none of pictures. */
static const char *make_tracks(void)
{
    const char *path = media_path("tracks.mkv");
    AVFormatContext *format = NULL;
    AVPacket *packet = av_packet_alloc();

    cr_assert(ge(int, avformat_alloc_output_context2(&format, NULL, "matroska", path), 0));
    for (int i = 0; i < N_TRACKS; i++) {
        AVCodecParameters *parameters = avformat_new_stream(format, NULL)->codecpar;

        parameters->codec_type = AVMEDIA_TYPE_AUDIO;
        parameters->codec_id = AV_CODEC_ID_PCM_S16LE;
        parameters->format = AV_SAMPLE_FMT_S16;
        parameters->sample_rate = 48000;
        parameters->bits_per_coded_sample = 16;
        av_channel_layout_default(&parameters->ch_layout, 1);
    }
    cr_assert(ge(int, avio_open(&format->pb, path, AVIO_FLAG_WRITE), 0));
    cr_assert(ge(int, avformat_write_header(format, NULL), 0));
    for (int n = 0; n < N_BLOCKS * N_TRACKS; n++) {
        cr_assert(zero(int, av_new_packet(packet, BLOCK * 2)));
        memset(packet->data, 0, BLOCK * 2);
        packet->stream_index = n % N_TRACKS;
        packet->pts = packet->dts = n / N_TRACKS * 10;
        cr_assert(ge(int, av_interleaved_write_frame(format, packet), 0));
    }
    av_write_trailer(format);
    avio_closep(&format->pb);
    avformat_free_context(format);
    av_packet_free(&packet);
    return path;
}

static void open_play(void)
{
    struct limef_file_source_settings settings = {.url = make_tracks(), .pace = LIMEF_PACE_FASTEST};

    play_init(&play, &settings, NULL);
}

static void close_play(void)
{
    play_clear(&play);
    media_remove();
}

static const struct play_note *last(void)
{
    return play_nth(&play, LIMEF_FRAME_PACKET, play_count(&play, LIMEF_FRAME_PACKET) - 1);
}

/* The track that is read after so many packets and a signal. */
static unsigned change(unsigned n, int64_t wanted)
{
    play_until(&play, n);
    play_signal(&play, LIMEF_SIGNAL_TRACK, 0, wanted, 0);
    play_until(&play, n + 2); /* one may have waited already */
    return last()->frame.track;
}

TestSuite(file_source_track, .init = open_play, .fini = close_play, .timeout = 30);

Test(file_source_track, the_next_one_and_round_again)
{
    cr_assert(eq(uint, change(5, 0), 1));
    cr_assert(eq(uint, change(10, 0), 2));
    cr_assert(eq(uint, change(15, 0), 0));
}

Test(file_source_track, the_one_that_is_asked_for_described_and_discontinuous)
{
    unsigned n_codecs;

    play_until(&play, 5);
    n_codecs = play_count(&play, LIMEF_FRAME_CODEC);
    cr_assert(eq(uint, change(5, 3), 2));
    cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_CODEC), n_codecs + 1));
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    cr_assert(eq(uint, last()->frame.track, 2));
    /* not a moment is missing, none is there twice */
    for (unsigned i = 1; i < play_count(&play, LIMEF_FRAME_PACKET); i++)
        cr_assert(le(long,
                     labs(play_nth(&play, LIMEF_FRAME_PACKET, i)->frame.pts_us -
                          play_nth(&play, LIMEF_FRAME_PACKET, i - 1)->frame.pts_us),
                     20000));
}

Test(file_source_track, one_that_is_not_there_changes_nothing)
{
    cr_assert(eq(uint, change(5, 9), 0));
    cr_assert(eq(uint, change(10, 1), 0));
}
