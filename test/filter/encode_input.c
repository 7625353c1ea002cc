/* SPDX-License-Identifier: MIT */
#include "support/encode_chain.h"

TestSuite(encode_input, .init = set_up, .fini = tear_down, .timeout = 30);

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

Test(encode_input, samples_become_blocks_of_the_codecs_size_and_come_back)
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

Test(encode_input, a_gap_between_samples_stays_a_gap)
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

Test(encode_input, sample_formats_that_it_does_not_take_are_refused)
{
    init(&(struct limef_encode_settings){.codec = "aac"});
    cr_assert(eq(int, give_tone(0, 1024, AV_SAMPLE_FMT_S16, 0), AVERROR(EINVAL)));
    cr_assert(ne(ptr, strstr(last_line, "fltp"), NULL), "%s", last_line);
}
