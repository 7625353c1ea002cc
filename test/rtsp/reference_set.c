/* SPDX-License-Identifier: MIT */
#include "rtsp/reference_set.h"

#include "support/moving_pictures.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavcodec/avcodec.h>
#include <libavutil/adler32.h>
#include <libavutil/log.h>
#include <string.h>

#define N_PICTURES 60

static AVPacket *packets[N_PICTURES];
static unsigned n_packets;
static AVCodecParameters *parameters;
static uint32_t sums[N_PICTURES]; /* of each picture, by its time */

static void clear_stream(void)
{
    while (n_packets > 0)
        av_packet_free(&packets[--n_packets]);
    avcodec_parameters_free(&parameters);
}

static void set_up(void)
{
    av_log_set_level(AV_LOG_QUIET);
}

TestSuite(reference_set, .timeout = 120, .init = set_up, .fini = clear_stream);

static void take_packet(AVPacket *packet)
{
    cr_assert(lt(uint, n_packets, N_PICTURES));
    packets[n_packets++] = av_packet_clone(packet);
}

/* Whether each picture that comes of the stream without one of its units is as it is in the whole.
 */
static bool is_right_without(unsigned left_out, bool learns)
{
    AVCodecContext *decoder = avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_HEVC));
    AVFrame *picture = av_frame_alloc();
    bool is_right = true;

    avcodec_parameters_to_context(decoder, parameters);
    decoder->thread_count = 1;
    cr_assert(ge(int, avcodec_open2(decoder, NULL, NULL), 0));
    for (unsigned i = 0; i <= n_packets; i++) {
        if (i != left_out)
            avcodec_send_packet(decoder, i < n_packets ? packets[i] : NULL);
        while (avcodec_receive_frame(decoder, picture) >= 0) {
            uint32_t sum = 1;

            for (int y = 0; y < picture->height; y++)
                sum = av_adler32_update(sum, picture->data[0] + y * picture->linesize[0],
                                        (unsigned)picture->width);
            if (learns)
                sums[picture->pts] = sum;
            is_right &= sums[picture->pts] == sum;
        }
    }
    av_frame_free(&picture);
    avcodec_free_context(&decoder);
    return is_right;
}

static void make_stream(const char *values)
{
    parameters = moving_encode(&(struct moving_pictures){.encoder = "libx265",
                                                         .preset = "medium",
                                                         .options = "x265-params",
                                                         .values = values,
                                                         .n_pictures = N_PICTURES},
                               take_packet);
    if (!parameters)
        cr_skip_test("no encoder of H.265");
    cr_assert(eq(uint, n_packets, N_PICTURES));
    is_right_without(N_PICTURES + 1, true);
}

/* Whether a unit refers to what is missing; all its NAL units are taken. */
static bool take(struct reference_sets *sets, const AVPacket *unit, bool is_explained)
{
    bool is_missing = false;
    int begin = -1;

    for (int i = 0; i + 3 <= unit->size; i++) {
        bool is_end = i + 3 == unit->size;
        const uint8_t *nal = unit->data + begin;
        size_t bytes = (size_t)((is_end ? unit->size : i) - begin);

        if (!is_end && memcmp(unit->data + i, "\0\0\1", 3) != 0)
            continue;
        if (begin >= 0 && nal[0] >> 1 == 33)
            reference_sets_take_sps(sets, nal, bytes);
        else if (begin >= 0 && nal[0] >> 1 == 34)
            reference_sets_take_pps(sets, nal, bytes);
        else if (begin >= 0 && nal[0] >> 1 < 32)
            is_missing |= reference_sets_take(sets, nal, bytes, is_explained);
        begin = i + 3;
    }
    return is_missing;
}

static const char *const streams[] = {
    "log-level=none:pools=none:frame-threads=1:repeat-headers=1:keyint=12:min-keyint=12:"
    "scenecut=0:bframes=0:ref=3",
    "log-level=none:pools=none:frame-threads=1:repeat-headers=1:keyint=15:min-keyint=15:"
    "scenecut=0:bframes=3:b-adapt=0:b-pyramid=1:open-gop=1",
    "log-level=none:pools=none:frame-threads=1:repeat-headers=1:keyint=20:min-keyint=20:"
    "scenecut=0:bframes=4:b-adapt=0:open-gop=0:ref=4:scaling-list=default",
};
#define N_STREAMS (sizeof(streams) / sizeof(streams[0]))

Test(reference_set, misses_nothing_in_a_whole_stream)
{
    for (unsigned i = 0; i < N_STREAMS; i++) {
        static struct reference_sets sets;

        memset(&sets, 0, sizeof(sets));
        make_stream(streams[i]);
        for (unsigned j = 0; j < 2 * n_packets; j++)
            cr_assert(not(take(&sets, packets[j % n_packets], false)), "stream %u, unit %u", i, j);
        cr_assert(sets.is_known);
        clear_stream();
    }
}

Test(reference_set, misses_each_picture_without_which_another_is_damaged)
{
    unsigned n_told = 0, n_needless = 0;

    for (unsigned i = 0; i < N_STREAMS; i++) {
        make_stream(streams[i]);
        for (unsigned left_out = 1; left_out < n_packets; left_out++) {
            static struct reference_sets sets;
            bool is_told = false;

            if (packets[left_out]->flags & AV_PKT_FLAG_KEY)
                continue;
            memset(&sets, 0, sizeof(sets));
            for (unsigned j = 0; j < n_packets; j++)
                is_told |= j != left_out && take(&sets, packets[j], false);
            n_told += is_told;
            n_needless += !is_told;
            if (!is_told)
                cr_assert(is_right_without(left_out, false), "stream %u, unit %u", i, left_out);
        }
        clear_stream();
    }
    cr_assert(gt(uint, n_told, 50));
    cr_assert(gt(uint, n_needless, 20)); /* pictures that nothing refers to */
}

Test(reference_set, misses_nothing_that_leads_a_key_behind_a_gap)
{
    static struct reference_sets sets;

    make_stream(streams[1]);
    memset(&sets, 0, sizeof(sets));
    for (unsigned i = 0; i < n_packets; i++)
        if (i < 7 || packets[i]->flags & AV_PKT_FLAG_KEY || i > 15)
            cr_assert(not(take(&sets, packets[i], i == 16 || i == 15)), "unit %u", i);
}

Test(reference_set, does_not_believe_who_always_names_what_is_missing)
{
    static struct reference_sets sets;
    unsigned n_told_late = 0, n_told = 0;

    make_stream(streams[0]);
    memset(&sets, 0, sizeof(sets));
    for (unsigned i = 0; i < 3 * n_packets; i++) {
        bool is_told = i % 12 != 5 && take(&sets, packets[i % n_packets], false);

        n_told += is_told;
        n_told_late += is_told && i > 5 * 12;
    }
    cr_assert(gt(uint, n_told, 0));
    cr_assert(eq(uint, n_told_late, 0));
}
