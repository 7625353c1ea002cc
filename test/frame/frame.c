/* SPDX-License-Identifier: MIT */
#include <limef/frame/any.h>

#include "support/frames.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavcodec/avcodec.h>
#include <string.h>

static bool is_all_zero(const void *memory, size_t n_bytes)
{
    const unsigned char *bytes = memory;

    while (n_bytes && !bytes[n_bytes - 1])
        n_bytes--;
    return !n_bytes;
}

Test(frame, all_zero_is_empty_and_can_be_cleared)
{
    union limef_any_frame any = {0};

    cr_assert(eq(int, (int)any.frame.frame_class, LIMEF_FRAME_EMPTY));
    limef_any_frame_clear(&any);
    cr_assert(is_all_zero(&any, sizeof(any)));
}

Test(frame, empty_can_be_kept)
{
    union limef_any_frame any = {0};
    struct limef_frame empty = {0};

    cr_assert(eq(int, limef_any_frame_ref(&any, &empty), 0));
    limef_any_frame_clear(&any);
}

Test(frame, a_downcast_to_another_class_is_none)
{
    struct limef_packet_frame packet = make_packet(0, 0);

    cr_assert(eq(ptr, (void *)limef_packet_frame_from(&packet.frame), &packet));
    cr_assert(eq(ptr, (void *)limef_decoded_frame_from(&packet.frame), NULL));
    cr_assert(eq(ptr, (void *)limef_codec_frame_from(&packet.frame), NULL));
    cr_assert(eq(ptr, (void *)limef_signal_frame_from(&packet.frame), NULL));
}

Test(frame, each_class_fits_into_any_and_has_a_name)
{
    static const char *const names[] = {"empty", "packet", "decoded", "codec", "signal"};

    for (int i = LIMEF_FRAME_EMPTY; i <= LIMEF_FRAME_SIGNAL; i++) {
        cr_assert(ge(sz, limef_frame_size_bytes(i), sizeof(struct limef_frame)));
        cr_assert(le(sz, limef_frame_size_bytes(i), sizeof(union limef_any_frame)));
        cr_assert(eq(str, (char *)limef_frame_class_name(i), (char *)names[i]));
    }
    cr_assert(
        eq(sz, limef_frame_size_bytes((enum limef_frame_class)99), sizeof(struct limef_frame)));
    cr_assert(eq(str, (char *)limef_frame_class_name((enum limef_frame_class)99), "unknown"));
}

Test(frame, keeping_takes_a_reference_and_clearing_gives_it_back)
{
    struct limef_pool *pool = limef_pool_create(LIMEF_FRAME_PACKET);
    struct limef_payload *payload = limef_pool_get(pool);
    struct limef_packet_frame packet;
    union limef_any_frame any = {0};

    limef_packet_frame_set(&packet, payload);
    cr_assert(eq(int, limef_any_frame_ref(&any, &packet.frame), 0));
    cr_assert(eq(u64, LIMEF_COUNTED(payload->n_refs), 2));
    cr_assert(eq(int, memcmp(&any.packet, &packet, sizeof(packet)), 0));
    limef_any_frame_clear(&any);
    cr_assert(eq(u64, LIMEF_COUNTED(payload->n_refs), 1));
    cr_assert(is_all_zero(&any, sizeof(any)));
    limef_payload_unref(payload);
    limef_pool_release(pool);
}

Test(frame, bytes_that_nobody_counts_cannot_be_kept)
{
    struct limef_packet_frame packet = make_packet(0, 0);
    union limef_any_frame any = {0};

    cr_assert(eq(int, limef_any_frame_ref(&any, &packet.frame), AVERROR(EINVAL)));
    cr_assert(is_all_zero(&any, sizeof(any)));
}

Test(frame, a_packet_takes_bytes_and_flags_of_its_payload)
{
    struct limef_pool *pool = limef_pool_create(LIMEF_FRAME_PACKET);
    struct limef_payload *payload = limef_pool_get(pool);
    AVPacket *av = limef_payload_packet(payload);
    struct limef_packet_frame packet;

    cr_assert(eq(int, av_new_packet(av, 77), 0));
    av->flags = AV_PKT_FLAG_KEY | AV_PKT_FLAG_CORRUPT;
    limef_packet_frame_set(&packet, payload);
    cr_assert(eq(ptr, (void *)packet.data, av->data));
    cr_assert(eq(sz, packet.size_bytes, 77));
    cr_assert(eq(u64, packet.frame.flags, LIMEF_FRAME_KEY | LIMEF_FRAME_CORRUPT));
    cr_assert(eq(i64, packet.frame.pts_us, LIMEF_NO_TIME));
    cr_assert(eq(i64, packet.dts_us, LIMEF_NO_TIME));
    limef_payload_unref(payload);
    limef_pool_release(pool);
}

Test(frame, decoded_tells_samples_from_a_picture)
{
    struct limef_pool *pool = limef_pool_create(LIMEF_FRAME_DECODED);
    struct limef_payload *payload = limef_pool_get(pool);
    struct limef_decoded_frame decoded;

    limef_decoded_frame_set(&decoded, payload);
    cr_assert(eq(u64, decoded.frame.media, LIMEF_MEDIA_VIDEO));
    limef_payload_picture(payload)->nb_samples = 1024;
    limef_decoded_frame_set(&decoded, payload);
    cr_assert(eq(u64, decoded.frame.media, LIMEF_MEDIA_AUDIO));
    limef_payload_unref(payload);
    limef_pool_release(pool);
}

Test(frame, codec_tells_its_media)
{
    static const struct {
        enum AVMediaType type;
        enum limef_media media;
    } cases[] = {{AVMEDIA_TYPE_VIDEO, LIMEF_MEDIA_VIDEO},
                 {AVMEDIA_TYPE_AUDIO, LIMEF_MEDIA_AUDIO},
                 {AVMEDIA_TYPE_SUBTITLE, LIMEF_MEDIA_OTHER}};
    struct limef_pool *pool = limef_pool_create(LIMEF_FRAME_CODEC);
    struct limef_payload *payload = limef_pool_get(pool);
    struct limef_codec_frame codec;

    for (int i = 0; i < 3; i++) {
        limef_payload_codec(payload)->codec_type = cases[i].type;
        limef_codec_frame_set(&codec, payload);
        cr_assert(eq(int, codec.frame.media, (int)cases[i].media));
    }
    limef_payload_unref(payload);
    limef_pool_release(pool);
}

Test(frame, a_codec_is_called_as_libavcodec_calls_it)
{
    AVCodecParameters *parameters = avcodec_parameters_alloc();

    parameters->codec_id = AV_CODEC_ID_H264;
    cr_assert(eq(str, (char *)limef_codec_name(parameters), "h264"));
    cr_assert(eq(str, (char *)limef_codec_name(NULL), "none"));
    avcodec_parameters_free(&parameters);
}

Test(frame, a_signal_keeps_what_fits_of_its_text)
{
    struct limef_signal_frame signal;
    char text[100];

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    limef_signal_frame_set(&signal, LIMEF_SIGNAL_END, 5, text);
    cr_assert(eq(sz, strlen(signal.text), sizeof(signal.text) - 1));
    cr_assert(eq(u64, signal.frame.slot, 5));
    limef_signal_frame_set(&signal, LIMEF_SIGNAL_END, 5, NULL);
    cr_assert(eq(str, signal.text, ""));
}

Test(frame, every_signal_has_a_name)
{
    for (uint32_t i = LIMEF_SIGNAL_NONE; i <= LIMEF_SIGNAL_KEY; i++)
        cr_assert(ne(str, (char *)limef_signal_name(i), "unknown"));
    cr_assert(eq(str, (char *)limef_signal_name(LIMEF_SIGNAL_SEEK), "seek"));
    cr_assert(eq(str, (char *)limef_signal_name(LIMEF_SIGNAL_USER + 3), "user"));
    cr_assert(eq(str, (char *)limef_signal_name(LIMEF_SIGNAL_USER - 1), "unknown"));
}
