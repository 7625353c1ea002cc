/* SPDX-License-Identifier: MIT */
#include <limef/filter/decode.h>

#include "support/make_media.h"
#include "support/play.h"
#include "support/silence.h"

#include <limef/base/log.h>
#include <limef/frame/pool.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <dlfcn.h>
#include <libavcodec/avcodec.h>
#include <libavutil/log.h>
#include <stdlib.h>
#include <string.h>

#define FRAME_US 40000

static struct play play;

static void set_up(void)
{
    av_log_set_level(AV_LOG_QUIET);
    limef_log_set_sink(log_to_nobody, NULL);
}

TestSuite(decode, .init = set_up, .fini = media_remove, .timeout = 30);

static void play_all(const char *url, const struct limef_decode_settings *settings)
{
    play_init(
        &play,
        &(struct limef_file_source_settings){.url = url, .slot = 3, .pace = LIMEF_PACE_FASTEST},
        settings);
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
}

static const struct play_note *picture(unsigned n)
{
    return play_nth(&play, LIMEF_FRAME_DECODED, n);
}

/* Behind a splice: what lies between source and decoder in some tests. */
struct splice {
    struct limef_filter filter;
    int (*change)(struct splice *splice, const struct limef_frame *in);
    int n;
};

static int splice_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct splice *splice = LIMEF_CONTAINER_OF(filter, struct splice, filter);

    return splice->change(splice, in);
}

static const struct limef_filter_ops splice_ops = {.kind = "splice", .go = splice_go};

static void play_spliced(const char *url,
                         int (*change)(struct splice *splice, const struct limef_frame *in))
{
    struct splice splice = {.change = change};

    play_init(&play, &(struct limef_file_source_settings){.url = url, .pace = LIMEF_PACE_FASTEST},
              &(struct limef_decode_settings){.n_threads = 1});
    limef_filter_init(&splice.filter, &splice_ops, NULL);
    limef_connect(&play.file.source.filter, &splice.filter);
    limef_connect(&splice.filter, &play.decode.filter);
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
}

Test(decode, every_picture_comes_once_in_order_with_its_time)
{
    const struct media clips[] = {
        {.b_frames = 0}, {.b_frames = 3}, {.codec = "mpeg4", .b_frames = 1}, {.codec = "mjpeg"}};

    for (size_t i = 0; i < sizeof(clips) / sizeof(clips[0]); i++) {
        for (unsigned n_threads = 1; n_threads <= 3; n_threads += 2) {
            play_all(media_make("a.mkv", &clips[i]),
                     &(struct limef_decode_settings){.n_threads = n_threads});
            cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_DECODED), 25));
            for (unsigned n = 0; n < 25; n++) {
                cr_assert(eq(int, picture(n)->number, (int)n));
                cr_assert(eq(u32, picture(n)->frame.slot, 3));
                cr_assert(eq(u16, picture(n)->frame.media, LIMEF_MEDIA_VIDEO));
                cr_assert(le(
                    i64, llabs(picture(n)->frame.pts_us - picture(0)->frame.pts_us - n * FRAME_US),
                    1000));
            }
            play_clear(&play);
        }
    }
}

static int note_entered(struct splice *splice, const struct limef_frame *in)
{
    struct limef_packet_frame packet;

    if (in->frame_class != LIMEF_FRAME_PACKET)
        return limef_pass(&splice->filter, in);
    packet = *limef_packet_frame_from(in);
    packet.frame.entered_us = 1000 + in->pts_us;
    packet.frame.wall_us = 2000 + in->pts_us;
    packet.frame.flags |= LIMEF_FRAME_LIVE;
    return limef_pass(&splice->filter, &packet.frame);
}

Test(decode, a_picture_carries_what_its_packet_said_through_reordering)
{
    play_spliced(media_make("a.mp4", &(struct media){.b_frames = 3}), note_entered);
    cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_DECODED), 25));
    for (unsigned n = 0; n < 25; n++) {
        const struct limef_frame *frame = &picture(n)->frame;

        cr_assert(eq(i64, frame->entered_us, 1000 + frame->pts_us));
        cr_assert(eq(i64, frame->wall_us, 2000 + frame->pts_us));
        cr_assert(ne(u32, frame->flags & LIMEF_FRAME_LIVE, 0));
    }
    play_clear(&play);
}

/* The 14th packet is left out, and that is said. */
static int leave_out(struct splice *splice, const struct limef_frame *in)
{
    struct limef_signal_frame gap;

    if (in->frame_class != LIMEF_FRAME_PACKET || ++splice->n != 14)
        return limef_pass(&splice->filter, in);
    limef_signal_frame_set(&gap, LIMEF_SIGNAL_GAP, UINT32_MAX, NULL);
    return limef_pass(&splice->filter, &gap.frame);
}

Test(decode, goes_on_at_a_key_frame_after_a_gap)
{
    play_spliced(media_make("a.mkv", &(struct media){.gop = 10}), leave_out);
    cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_DECODED), 25 - 7));
    for (unsigned n = 0; n < 25 - 7; n++)
        cr_assert(eq(int, picture(n)->number, (int)(n < 13 ? n : n + 7)));
    play_clear(&play);
}

/* Of another slot, and of another track. */
static int say_gaps_of_others(struct splice *splice, const struct limef_frame *in)
{
    struct limef_signal_frame gap;

    if (in->frame_class == LIMEF_FRAME_PACKET && ++splice->n == 14) {
        limef_signal_frame_set(&gap, LIMEF_SIGNAL_GAP, in->slot + 1, NULL);
        gap.frame.track = in->track;
        limef_pass(&splice->filter, &gap.frame);
        gap.frame.slot = in->slot;
        gap.frame.track = in->track + 1;
        limef_pass(&splice->filter, &gap.frame);
    }
    return limef_pass(&splice->filter, in);
}

Test(decode, another_streams_gap_is_none_of_its_own)
{
    play_spliced(media_make("a.mkv", &(struct media){.gop = 10}), say_gaps_of_others);
    cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_DECODED), 25));
    play_clear(&play);
}

static int shift_times(struct splice *splice, const struct limef_frame *in)
{
    struct limef_packet_frame packet;

    if (in->frame_class != LIMEF_FRAME_PACKET)
        return limef_pass(&splice->filter, in);
    packet = *limef_packet_frame_from(in);
    packet.frame.pts_us += 5000000;
    packet.dts_us += 5000000;
    return limef_pass(&splice->filter, &packet.frame);
}

Test(decode, takes_the_frames_times_and_not_the_payloads)
{
    play_spliced(media_make("a.mp4", &(struct media){0}), shift_times);
    cr_assert(eq(i64, picture(0)->frame.pts_us, 5000000));
    cr_assert(eq(i64, picture(24)->frame.pts_us, 5000000 + 24 * FRAME_US));
    play_clear(&play);
}

static int insert_empty(struct splice *splice, const struct limef_frame *in)
{
    struct limef_packet_frame empty;

    if (in->frame_class != LIMEF_FRAME_PACKET)
        return limef_pass(&splice->filter, in);
    empty = *limef_packet_frame_from(in);
    empty.size_bytes = 0;
    limef_pass(&splice->filter, &empty.frame);
    return limef_pass(&splice->filter, in);
}

Test(decode, an_empty_packet_is_ignored_and_ends_nothing)
{
    play_spliced(media_make("a.mp4", &(struct media){0}), insert_empty);
    cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_DECODED), 25));
    cr_assert(eq(u64, LIMEF_COUNTED(play.decode.n_ignored), 25));
    play_clear(&play);
}

static int damage_some(struct splice *splice, const struct limef_frame *in)
{
    static const uint8_t noise[64] = {0, 0, 0, 60, 0xff, 0x31, 0x42, 0x99};
    struct limef_packet_frame packet;

    if (in->frame_class != LIMEF_FRAME_PACKET || splice->n++ % 5 != 3)
        return limef_pass(&splice->filter, in);
    packet = *limef_packet_frame_from(in);
    packet.frame.payload = NULL;
    packet.av = NULL;
    packet.data = noise;
    packet.size_bytes = sizeof(noise);
    return limef_pass(&splice->filter, &packet.frame);
}

Test(decode, a_damaged_packet_is_counted_and_decoding_goes_on)
{
    struct limef_decode_counters counters;

    play_spliced(media_make("a.mp4", &(struct media){0}), damage_some);
    limef_decode_get_counters(&play.decode, &counters);
    cr_assert(gt(u64, counters.n_corrupt, 0));
    cr_assert(eq(u64, counters.n_packets, 25));
    cr_assert(ge(u64, counters.n_frames, 20));
    cr_assert(eq(u64, counters.n_frames, play_count(&play, LIMEF_FRAME_DECODED)));
    play_clear(&play);
}

static int take_from_payload(struct splice *splice, const struct limef_frame *in)
{
    struct limef_packet_frame packet;

    if (in->frame_class != LIMEF_FRAME_PACKET)
        return limef_pass(&splice->filter, in);
    packet = *limef_packet_frame_from(in);
    packet.frame.payload = NULL;
    packet.av = NULL;
    splice->n += (int)packet.size_bytes;
    return limef_pass(&splice->filter, &packet.frame);
}

Test(decode, bytes_that_nobody_counts_are_copied_and_that_is_counted)
{
    play_spliced(media_make("a.mp4", &(struct media){0}), take_from_payload);
    cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_DECODED), 25));
    cr_assert(
        eq(u64, LIMEF_COUNTED(play.decode.filter.copied_bytes), LIMEF_COUNTED(play.file.n_bytes)));
    play_clear(&play);
}

static int repeat_codec(struct splice *splice, const struct limef_frame *in)
{
    static struct limef_codec_frame codec;

    if (in->frame_class == LIMEF_FRAME_CODEC) {
        codec = *limef_codec_frame_from(in);
        codec.rotation_degrees = 90;
    }
    if (in->frame_class == LIMEF_FRAME_PACKET)
        limef_pass(&splice->filter, &codec.frame);
    return limef_pass(&splice->filter, in);
}

Test(decode, the_same_codec_again_changes_nothing)
{
    play_spliced(media_make("a.mp4", &(struct media){.b_frames = 2}), repeat_codec);
    cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_DECODED), 25));
    cr_assert(eq(u64, LIMEF_COUNTED(play.decode.n_codec_changes), 1));
    cr_assert(eq(int, picture(24)->rotation_degrees, 90));
    play_clear(&play);
}

Test(decode, another_codec_hands_out_what_was_inside_and_goes_on)
{
    const char *first = media_make("a.mp4", &(struct media){.b_frames = 3});
    const char *second =
        media_make("b.mp4", &(struct media){.codec = "mpeg4", .width = 96, .height = 80});
    struct limef_file_source other = {0};
    struct limef_file_source_settings settings = {.url = first, .pace = LIMEF_PACE_FASTEST};
    int64_t due_us;

    play_init(&play, &settings, &(struct limef_decode_settings){.n_threads = 1});
    for (int i = 0; i < 12; i++)
        play.file.source.step(&play.file.source, &due_us);
    settings.url = second;
    cr_assert(eq(int, limef_file_source_init(&other, NULL, &settings), 0));
    limef_connect(&other.source.filter, &play.decode.filter);
    while (other.source.step(&other.source, &due_us) == 0)
        ;
    cr_assert(eq(u64, LIMEF_COUNTED(play.decode.n_codec_changes), 2));
    /* all packets of the first clip that went in came out, then all of the second */
    cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_DECODED),
                 (uint)LIMEF_COUNTED(play.file.n_packets) + 25));
    cr_assert(eq(int, picture((uint)LIMEF_COUNTED(play.file.n_packets) - 1)->width, 160));
    cr_assert(eq(int, picture((uint)LIMEF_COUNTED(play.file.n_packets))->width, 96));
    limef_filter_clear(&other.source.filter);
    play_clear(&play);
}

Test(decode, pictures_may_change_size_in_the_middle)
{
    const struct media media = {.n_pictures = 30, .change_at = 15, .format = "mpegts"};

    play_all(media_make("a.ts", &media), &(struct limef_decode_settings){.n_threads = 1});
    cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_DECODED), 30));
    cr_assert(eq(int, picture(14)->width, 160));
    cr_assert(eq(int, picture(15)->width, 80));
    cr_assert(eq(int, picture(15)->number, 15));
    play_clear(&play);
}

Test(decode, odd_sizes_come_as_they_are)
{
    play_all(media_make("a.mkv", &(struct media){.codec = "ffv1", .width = 161, .height = 121}),
             &(struct limef_decode_settings){.n_threads = 1});
    cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_DECODED), 25));
    cr_assert(eq(int, picture(7)->width, 161));
    cr_assert(eq(int, picture(7)->height, 121));
    play_clear(&play);
}

Test(decode, sound_is_decoded_where_that_is_asked)
{
    play_all(media_make("a.mp4", &(struct media){.audio = true}),
             &(struct limef_decode_settings){.media = LIMEF_MEDIA_AUDIO});
    cr_assert(gt(uint, play_count(&play, LIMEF_FRAME_DECODED), 40));
    for (unsigned i = 1; i < play_count(&play, LIMEF_FRAME_DECODED); i++) {
        cr_assert(eq(u16, picture(i)->frame.media, LIMEF_MEDIA_AUDIO));
        cr_assert(gt(i64, picture(i)->frame.pts_us, picture(i - 1)->frame.pts_us));
    }
    play_clear(&play);
}

Test(decode, packets_of_another_track_are_ignored)
{
    struct limef_packet_frame packet = {
        .frame = {.frame_class = LIMEF_FRAME_PACKET, .media = LIMEF_MEDIA_VIDEO, .track = 5},
        .data = (const uint8_t *)"abc",
        .size_bytes = 3,
    };

    play_all(media_make("a.mp4", &(struct media){0}), &(struct limef_decode_settings){0});
    cr_assert(eq(int, limef_go(&play.decode.filter, &packet.frame), 0));
    cr_assert(eq(u64, LIMEF_COUNTED(play.decode.n_ignored), 1));
    cr_assert(eq(u64, LIMEF_COUNTED(play.decode.n_packets), 25));
    play_clear(&play);
}

Test(decode, without_a_decoder_it_says_lost_and_goes_on)
{
    AVCodecParameters *parameters = avcodec_parameters_alloc();
    struct limef_codec_frame codec = {
        .frame = {.frame_class = LIMEF_FRAME_CODEC, .media = LIMEF_MEDIA_VIDEO},
        .parameters = parameters};

    parameters->codec_type = AVMEDIA_TYPE_VIDEO;
    parameters->codec_id = AV_CODEC_ID_NONE;
    play_init(&play, &(struct limef_file_source_settings){.url = "unused"},
              &(struct limef_decode_settings){0});
    cr_assert(eq(int, limef_go(&play.decode.filter, &codec.frame), AVERROR_DECODER_NOT_FOUND));
    cr_assert(eq(u32, play_signal_note(&play, LIMEF_SIGNAL_LOST)->signal, LIMEF_SIGNAL_LOST));
    cr_assert(eq(u64, LIMEF_COUNTED(play.decode.n_errors), 1));
    avcodec_parameters_free(&parameters);
    play_clear(&play);
}

Test(decode, flush_forgets_what_is_inside)
{
    play_init(
        &play,
        &(struct limef_file_source_settings){
            .url = media_make("a.mp4", &(struct media){.b_frames = 3}), .pace = LIMEF_PACE_FASTEST},
        &(struct limef_decode_settings){.n_threads = 1});
    while (LIMEF_COUNTED(play.file.n_packets) < 10)
        play_until(&play, play_count(&play, LIMEF_FRAME_DECODED) + 1);
    play_forget(&play);
    play_signal(&play, LIMEF_SIGNAL_FLUSH, 0, LIMEF_NO_TIME, 0);
    play_signal(&play, LIMEF_SIGNAL_END, 0, 0, 0);
    cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_DECODED), 0));
    play_clear(&play);
}

Test(decode, what_passed_last_stays_valid_until_the_next_go)
{
    play_all(media_make("a.mp4", &(struct media){0}), &(struct limef_decode_settings){0});
    cr_assert(ne(ptr, play.decode.out.frame.payload, NULL));
    cr_assert(eq(int, limef_payload_picture(play.decode.out.frame.payload)->width, 160));
    play_clear(&play);
}

static bool no_threads; /* beside the calling one */
static bool no_decoder;

typedef int open_fn(AVCodecContext *context, const AVCodec *codec, AVDictionary **options);

/* Stands before libavcodec's: what it says where the system gives its decoder no thread. */
LIMEF_API int avcodec_open2(AVCodecContext *context, const AVCodec *codec, AVDictionary **options)
{
    open_fn *open_decoder;

    *(void **)&open_decoder = dlsym(RTLD_NEXT, "avcodec_open2");
    if (no_decoder || (no_threads && context->thread_count != 1))
        return AVERROR(EAGAIN);
    return open_decoder(context, codec, options);
}

Test(decode, a_decoder_that_got_no_thread_is_not_offered_the_frame_again)
{
    const struct play_note *lost;

    play_init(&play,
              &(struct limef_file_source_settings){.url = media_make("a.mkv", &(struct media){0}),
                                                   .pace = LIMEF_PACE_FASTEST},
              &(struct limef_decode_settings){.n_threads = 2});
    no_decoder = true;
    for (int i = 0; i < 3; i++) {
        AVCodecParameters *parameters = avcodec_parameters_alloc();
        struct limef_codec_frame codec = {
            .frame = {.frame_class = LIMEF_FRAME_CODEC, .media = LIMEF_MEDIA_VIDEO},
            .parameters = parameters};

        parameters->codec_type = AVMEDIA_TYPE_VIDEO;
        parameters->codec_id = AV_CODEC_ID_MPEG4;
        cr_assert(eq(int, limef_go(&play.decode.filter, &codec.frame), AVERROR_EXTERNAL));
        avcodec_parameters_free(&parameters);
    }
    lost = play_signal_note(&play, LIMEF_SIGNAL_LOST);
    cr_assert(eq(int, lost->code, AVERROR_EXTERNAL));
    no_decoder = false;
    cr_assert(eq(int, play_run(&play), AVERROR_EOF));
    cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_DECODED), 25));
    play_clear(&play);
}

Test(decode, without_threads_of_its_own_it_decodes_on_one)
{
    struct limef_decode_counters counters;

    no_threads = true;
    play_all(media_make("a.mkv", &(struct media){0}),
             &(struct limef_decode_settings){.n_threads = 3});
    no_threads = false;
    cr_assert(eq(uint, play_count(&play, LIMEF_FRAME_DECODED), 25));
    limef_decode_get_counters(&play.decode, &counters);
    cr_assert(eq(u64, counters.n_without_threads, 1));
    cr_assert(eq(u64, counters.n_codec_changes, 1));
    cr_assert(zero(u64, counters.n_errors));
    cr_assert(eq(int, play.decode.context->thread_count, 1));
    play_clear(&play);
}
