/* SPDX-License-Identifier: MIT */
/*
 * Decoders of libavcodec around those of the system, of which there are none here: libvpx's takes
 * the place of vp8_v4l2m2m at libavcodec's boundary, and is made to behave like one: it has to have
 * a device, gives DRM-PRIME or memory, carries times alone, and cannot go on when it was drained.
 */
#include <limef/filter/decode.h>

#include "gpu/memfd_frame.h"
#include "support/hardware_run.h"

#include <dlfcn.h>
#include <drm_fourcc.h>

TestSuite(decode_wrapper, .init = set_up, .fini = tear_down, .timeout = 120);

static struct {
    bool has_device, gives_dmabufs, is_wrong;
    uint64_t modifier;  /* of its dmabufs; not linear: nobody here reads them */
    int n_tiled;        /* so many pictures have it; the others are linear */
    int fails_at;       /* this picture of a context is not had, and none after it; 0: all are */
    int n_bad_contexts; /* in how many contexts that is so */
    int n_contexts, n_pictures;
    const AVCodecContext *spent; /* it was drained */
    struct limef_pool *pool;
} device_of_system;

/* In the place of libavcodec's, for the library too. */
#define IN_PLACE __attribute__((visibility("default")))
#define NEXT(function) ((__typeof__(&(function)))dlsym(RTLD_NEXT, #function))

static bool is_wrapper(const AVCodec *codec)
{
    return av_codec_is_decoder(codec) && !strcmp(codec->name, "libvpx");
}

static bool is_ours(const AVCodecContext *context)
{
    return context->codec && is_wrapper(context->codec);
}

IN_PLACE const AVCodec *avcodec_find_decoder_by_name(const char *name)
{
    if (!strcmp(name, "vp8_v4l2m2m"))
        name = "libvpx";
    if (!strcmp(name, "h264_v4l2m2m") && device_of_system.has_device)
        name = "h264";
    return NEXT(avcodec_find_decoder_by_name)(name);
}

IN_PLACE int avcodec_open2(AVCodecContext *context, const AVCodec *codec, AVDictionary **options)
{
    bool opens = codec && is_wrapper(codec);

    if (opens && !device_of_system.has_device)
        return AVERROR(ENODEV);
    if (opens) {
        device_of_system.n_contexts++;
        device_of_system.n_pictures = 0;
    }
    if (opens || context == device_of_system.spent) /* another one where that one was */
        device_of_system.spent = NULL;
    return NEXT(avcodec_open2)(context, codec, options);
}

IN_PLACE void avcodec_flush_buffers(AVCodecContext *context)
{
    if (is_ours(context))
        device_of_system.spent = context;
    else
        NEXT(avcodec_flush_buffers)(context);
}

IN_PLACE int avcodec_send_packet(AVCodecContext *context, const AVPacket *packet)
{
    if (context == device_of_system.spent)
        return AVERROR_EOF;
    return NEXT(avcodec_send_packet)(context, packet);
}

/* What such a decoder knows of its picture. */
static void forget_packet(AVFrame *picture)
{
    picture->opaque = NULL;
#if LIBAVCODEC_VERSION_MAJOR < 60
    picture->reordered_opaque = 0;
#endif
}

static void move_to_dmabuf(AVFrame *picture)
{
    bool is_tiled = device_of_system.n_tiled > 0 && device_of_system.n_tiled--;
    struct limef_payload *payload = memfd_frame_make(
        device_of_system.pool, picture,
        (struct memfd_layout){.modifier = is_tiled ? device_of_system.modifier : 0});
    AVFrame *made = limef_payload_picture(payload);

    av_frame_copy_props(made, picture);
    av_frame_unref(picture);
    av_frame_ref(picture, made);
    limef_payload_unref(payload);
}

IN_PLACE int avcodec_receive_frame(AVCodecContext *context, AVFrame *picture)
{
    int ret;

    if (context == device_of_system.spent)
        return AVERROR_EOF;
    ret = NEXT(avcodec_receive_frame)(context, picture);
    if (ret < 0 || !is_ours(context))
        return ret;
    device_of_system.n_pictures++;
    if (device_of_system.fails_at > 0 && device_of_system.n_pictures >= device_of_system.fails_at &&
        device_of_system.n_contexts <= device_of_system.n_bad_contexts) {
        av_frame_unref(picture);
        return AVERROR(EIO);
    }
    forget_packet(picture);
    if (device_of_system.is_wrong)
        picture->data[0][7] ^= 1;
    if (device_of_system.gives_dmabufs)
        move_to_dmabuf(picture);
    return 0;
}

/* A clip; and the device, which decodes it. */
static const char *set_out(void)
{
    const char *url = "";

    if (!avcodec_find_encoder_by_name("libvpx") || !avcodec_find_decoder_by_name("libvpx"))
        cr_skip_test("libavcodec is without libvpx");
    url = make("a.mkv", &(struct media){.codec = "libvpx", .n_pictures = 36, .gop = 12});
    device_of_system.has_device = true;
    device_of_system.pool = limef_pool_create(LIMEF_FRAME_DECODED);
    return url;
}

static void begin(const char *url)
{
    used_wrapper = "v4l2m2m";
    init(url, NULL);
}

static void end(void)
{
    clear();
    used_wrapper = NULL;
    limef_pool_release(device_of_system.pool);
}

Test(decode_wrapper, pictures_in_memory_of_the_device_are_those_of_software)
{
    const char *url = set_out();
    struct seen expected = play_in_software(url);

    begin(url);
    play();
    assert_same(&expected, "v4l2m2m");
    cr_assert(eq(str, (char *)counters_of().with, "v4l2m2m"));
    cr_assert(eq(u64, counters_of().n_frames, 36));
    cr_assert(eq(uint, run.seen.n_hardware, 0));
    cr_assert(eq(uint, run.seen.n_steps, 1));
    cr_assert(eq(i64, run.seen.steps[0], LIMEF_DECODE_IN_HARDWARE));
    cr_assert(eq(u64, LIMEF_COUNTED(run.decode.filter.copied_bytes), 0));
    end();
}

Test(decode_wrapper, pictures_in_buffers_of_the_kernel_are_passed_on_as_such)
{
    const char *url = set_out();
    struct seen expected = play_in_software(url);

    device_of_system.gives_dmabufs = true;
    begin(url);
    run.maps = true;
    play();
    assert_same(&expected, "DRM-PRIME");
    cr_assert(eq(uint, run.seen.n_hardware, 36));
    cr_assert(eq(uint, run.seen.n_mapped, 36));
    cr_assert(eq(u64, LIMEF_COUNTED(run.decode.filter.copied_bytes), 0));
    end();
}

Test(decode_wrapper, no_more_are_held_than_the_device_can_spare)
{
    const char *url = set_out();
    struct seen expected = play_in_software(url);

    for (int i = 0; i < 2; i++) {
        device_of_system.gives_dmabufs = i;
        begin(url);
        run.holds = true;
        play();
        assert_same(&expected, "while all are held");
        cr_assert(ge(u64, counters_of().n_copied, 36 - 8 - 2));
        cr_assert(eq(u64, counters_of().copied_bytes, counters_of().n_copied * 160 * 120 * 3 / 2));
        clear();
    }
    used_wrapper = NULL;
    limef_pool_release(device_of_system.pool);
}

Test(decode_wrapper, without_a_device_software_decodes_and_it_is_told)
{
    const char *url = set_out();
    struct seen expected = play_in_software(url);

    device_of_system.has_device = false;
    begin(url);
    play();
    assert_same(&expected, "no device");
    cr_assert(eq(ptr, (void *)counters_of().with, NULL));
    cr_assert(eq(uint, run.seen.n_steps, 1));
    cr_assert(eq(i64, run.seen.steps[0], LIMEF_DECODE_IN_SOFTWARE));
    cr_assert(eq(int, counters_of().last_error, AVERROR(ENODEV)));
    cr_assert(eq(u64, counters_of().n_failures, 1));
    end();
}

Test(decode_wrapper, a_codec_without_such_a_decoder_is_decoded_in_software)
{
    const char *url = set_out();

    (void)url;
    begin(make("b.mkv", &(struct media){.codec = "ffv1"}));
    play();
    cr_assert(eq(uint, run.seen.n, 25));
    cr_assert(eq(uint, run.seen.n_steps, 1));
    cr_assert(eq(i64, run.seen.steps[0], LIMEF_DECODE_IN_SOFTWARE));
    end();
}

Test(decode_wrapper, what_fails_goes_on_in_a_new_context_and_no_picture_is_lost)
{
    const char *url = set_out();
    struct seen expected = play_in_software(url);

    for (int at = 1; at <= 36; at += 1 + at / 4) {
        device_of_system.n_contexts = 0;
        device_of_system.fails_at = at;
        device_of_system.n_bad_contexts = 1;
        begin(url);
        play();
        assert_same(&expected, "a failure");
        cr_assert(eq(u64, counters_of().n_steps[LIMEF_DECODE_NEW_CONTEXT], 1), "picture %d", at);
        cr_assert(eq(u64, counters_of().n_steps[LIMEF_DECODE_IN_SOFTWARE], 0), "picture %d", at);
        cr_assert(eq(int, device_of_system.n_contexts, 2), "picture %d", at);
        clear();
    }
    used_wrapper = NULL;
    limef_pool_release(device_of_system.pool);
}

Test(decode_wrapper, what_fails_again_and_again_ends_in_software)
{
    const char *url = set_out();
    struct seen expected = play_in_software(url);

    device_of_system.fails_at = 3;
    device_of_system.n_bad_contexts = 100;
    begin(url);
    play();
    assert_same(&expected, "many failures");
    cr_assert(eq(u64, counters_of().n_steps[LIMEF_DECODE_IN_SOFTWARE], 1));
    cr_assert(eq(ptr, (void *)counters_of().with, NULL));
    end();
}

/* Pictures that can neither be shown nor copied, of those of a clip. */
static void play_unreadable(const char *url, int n_tiled)
{
    device_of_system.gives_dmabufs = true;
    device_of_system.modifier = DRM_FORMAT_MOD_ARM_16X16_BLOCK_U_INTERLEAVED;
    device_of_system.n_tiled = n_tiled;
    device_of_system.n_contexts = 0;
    begin(url);
    play();
}

Test(decode_wrapper, buffers_that_nobody_can_read_end_in_software_and_it_is_told)
{
    static const int64_t steps[] = {LIMEF_DECODE_IN_HARDWARE, LIMEF_DECODE_NEW_CONTEXT,
                                    LIMEF_DECODE_IN_HARDWARE, LIMEF_DECODE_IN_SOFTWARE};
    const char *url = set_out();
    struct seen expected = play_in_software(url);

    play_unreadable(url, 1000);
    /* those that were on their way are lost: one of each context */
    cr_assert(eq(uint, run.seen.n, 36 - 2));
    for (unsigned i = 0; i < run.seen.n; i++)
        cr_assert(eq(str, run.seen.md5[i], expected.md5[i + 2]), "picture %u", i);
    cr_assert(eq(uint, run.seen.n_steps, 4));
    for (int i = 0; i < 4; i++)
        cr_assert(eq(i64, run.seen.steps[i], steps[i]));
    cr_assert(eq(u64, counters_of().n_failures, 2));
    cr_assert(eq(ptr, (void *)counters_of().with, NULL));
    cr_assert(eq(int, counters_of().last_error, AVERROR(ENOTSUP)));
    end();
}

Test(decode_wrapper, one_buffer_that_nobody_can_read_costs_itself_and_a_context)
{
    const char *url = set_out();

    play_in_software(url);
    play_unreadable(url, 1);
    cr_assert(eq(uint, run.seen.n, 36 - 1));
    cr_assert(eq(u64, counters_of().n_failures, 1));
    cr_assert(eq(u64, counters_of().n_steps[LIMEF_DECODE_NEW_CONTEXT], 1));
    cr_assert(eq(str, (char *)counters_of().with, "v4l2m2m"));
    end();
}

static void play_until(uint64_t n_pictures)
{
    int64_t due_us;

    while (LIMEF_COUNTED(run.decode.n_decoded) < n_pictures)
        cr_assert(eq(int, run.source.source.step(&run.source.source, &due_us), 0));
}

Test(decode_wrapper, a_buffer_that_nobody_can_read_is_the_first_whatever_else_failed_before)
{
    static const int64_t steps[] = {LIMEF_DECODE_IN_HARDWARE, LIMEF_DECODE_NEW_CONTEXT,
                                    LIMEF_DECODE_IN_HARDWARE, LIMEF_DECODE_NEW_CONTEXT,
                                    LIMEF_DECODE_IN_HARDWARE};
    const char *url = set_out();

    device_of_system.fails_at = 4;
    device_of_system.n_bad_contexts = 1;
    begin(url);
    play_until(6);
    device_of_system.gives_dmabufs = true;
    device_of_system.modifier = DRM_FORMAT_MOD_ARM_16X16_BLOCK_U_INTERLEAVED;
    device_of_system.n_tiled = 1;
    play();
    cr_assert(eq(uint, run.seen.n, 36 - 1));
    cr_assert(eq(uint, run.seen.n_steps, 5));
    for (int i = 0; i < 5; i++)
        cr_assert(eq(i64, run.seen.steps[i], steps[i]));
    end();
}

static void forget_payload(struct limef_payload *payload)
{
    (void)payload;
}

Test(decode_wrapper, damage_that_is_decoded_again_does_not_cost_the_packet_behind_it)
{
    static uint8_t noise[40]; /* a key frame without its start code: libvpx goes on behind it */
    struct limef_payload payload;
    const struct limef_packet_frame damaged = {.frame = {.frame_class = LIMEF_FRAME_PACKET,
                                                         .media = LIMEF_MEDIA_VIDEO,
                                                         .pts_us = LIMEF_NO_TIME,
                                                         .payload = &payload},
                                               .data = noise,
                                               .size_bytes = sizeof(noise),
                                               .dts_us = LIMEF_NO_TIME};
    const char *url = set_out();
    struct seen expected = play_in_software(url);
    struct limef_decoded_frame late = {0};

    limef_payload_init(&payload, forget_payload);
    device_of_system.gives_dmabufs = true;
    device_of_system.modifier = DRM_FORMAT_MOD_ARM_16X16_BLOCK_U_INTERLEAVED;
    device_of_system.n_contexts = 0;
    begin(url);
    play_until(5);
    device_of_system.n_tiled = 1;
    run.holds = true;
    limef_disconnect(&run.tap.filter);
    play_until(6);
    run.holds = false;
    cr_assert(lt(int, limef_go(&run.decode.filter, &damaged.frame), 0));
    limef_connect(&run.tap.filter, &run.scale.filter);
    limef_decoded_frame_set(&late, run.held[0]);
    late.frame.media = LIMEF_MEDIA_VIDEO;
    cr_assert(lt(int, limef_go(&run.scale.filter, &late.frame), 0));
    play(); /* all is decoded again first, the damage last */
    cr_assert(eq(u64, counters_of().n_steps[LIMEF_DECODE_NEW_CONTEXT], 1));
    cr_assert(eq(uint, run.seen.n, 36 - 1));
    for (unsigned i = 0; i < run.seen.n; i++)
        cr_assert(eq(str, run.seen.md5[i], expected.md5[i < 5 ? i : i + 1]), "picture %u", i);
    end();
}

Test(decode_wrapper, what_always_fails_far_behind_a_key_frame_is_not_tried_without_end)
{
    struct seen expected;
    const char *url;

    set_out();
    url = make("far.mkv",
               &(struct media){
                   .codec = "libvpx", .n_pictures = 255, .gop = 255, .width = 48, .height = 48});
    expected = play_in_software(url);
    device_of_system.fails_at = 253;
    device_of_system.n_bad_contexts = 100;
    begin(url);
    play();
    assert_same(&expected, "far behind a key frame");
    cr_assert(eq(u64, counters_of().n_failures, 5));
    cr_assert(eq(u64, counters_of().n_steps[LIMEF_DECODE_IN_SOFTWARE], 1));
    end();
}

Test(decode_wrapper, a_first_picture_that_is_wrong_is_never_passed_on)
{
    const char *url = set_out();
    struct seen expected = play_in_software(url);

    for (int i = 0; i < 2; i++) {
        device_of_system.gives_dmabufs = i;
        device_of_system.is_wrong = true;
        begin(url);
        play();
        assert_same(&expected, "a device that lies");
        cr_assert(eq(u64, counters_of().n_frames, 0));
        cr_assert(eq(int, counters_of().last_error, AVERROR_EXTERNAL));
        clear();
    }
    used_wrapper = NULL;
    limef_pool_release(device_of_system.pool);
}

/* To the beginning; what comes from there on is all of the clip. */
static void seek_and_expect(const struct seen *expected)
{
    struct limef_signal_frame seek;

    limef_signal_frame_set(&seek, LIMEF_SIGNAL_SEEK, 0, NULL);
    seek.value = limef_file_source_start_us(&run.source);
    cr_assert(eq(int, limef_go(&run.source.source.filter, &seek.frame), 0));
    run.seen.n = 0;
    play();
    assert_same(expected, "after a seek");
}

Test(decode_wrapper, it_goes_on_behind_an_end_and_a_seek_in_another_context)
{
    const char *url = set_out();
    struct seen expected = play_in_software(url);
    int64_t due_us;

    begin(url);
    for (int i = 0; i < 20; i++)
        run.source.source.step(&run.source.source, &due_us);
    cr_assert(gt(uint, run.seen.n, 5));
    seek_and_expect(&expected);
    cr_assert(eq(int, device_of_system.n_contexts, 2));
    seek_and_expect(&expected);
    cr_assert(eq(int, device_of_system.n_contexts, 3));
    cr_assert(eq(str, (char *)counters_of().with, "v4l2m2m"));
    cr_assert(eq(u64, counters_of().n_failures, 0));
    end();
}

Test(decode_wrapper, one_is_found_only_where_it_decodes_a_picture_rightly)
{
    set_out();
    cr_assert(eq(str, (char *)limef_hardware_wrapper_find("v4l2m2m"), "v4l2m2m"));
    cr_assert(eq(ptr, (void *)limef_hardware_wrapper_find("rkmpp"), NULL));
    device_of_system.has_device = false; /* Debian's own, for which there is no device */
    cr_assert(eq(ptr, (void *)limef_hardware_wrapper_find("v4l2m2m"), NULL));
    cr_assert(eq(ptr, (void *)limef_hardware_wrapper_find("nothing"), NULL));
    limef_pool_release(device_of_system.pool);
}
