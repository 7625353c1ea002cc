/* SPDX-License-Identifier: MIT */
/*
 * From a decoder onto a plane: each picture that the display shows, read back, is that of software
 * decoding into ordinary memory; nothing was drawn, and not one byte was moved, of VA-API's and of
 * software's.
 */
#include "stage.h"

#include <limef/filter/decode.h>
#include <limef/filter/file_source.h>
#include <limef/filter/tap.h>
#include <limef/frame/hardware.h>

#include <drm_fourcc.h>
#include <libavutil/buffer.h>
#include <stdio.h>
#include <stdlib.h>

#ifndef LIMEF_TEST_VA_FOLDER /* this build has no driver */
#define LIMEF_TEST_VA_FOLDER NULL
#endif
#define MAX_PICTURES 64
#define MAX_BUFFERS 64

static const char *const clips[] = {"h264.mkv",          "hevc.mkv",          "vp9.mkv",
                                    "sizes_h264.mpegts", "sizes_hevc.mpegts", "sizes_vp9.ivf"};

/* A file, decoded in software and then by what is looked at. */
struct decoding {
    struct limef_file_source source;
    struct limef_decode_filter decode;
    struct limef_tap_filter tap;
    struct stage *stage;
    AVFrame *software[MAX_PICTURES];
    unsigned n_software, n_shown;
    uint64_t inodes[MAX_BUFFERS]; /* of different buffers */
    unsigned n_inodes;
    int worst;
};

static int keep(void *context, const struct limef_frame *frame)
{
    struct decoding *decoding = context;
    const struct limef_decoded_frame *decoded = limef_decoded_frame_from(frame);

    if (!decoded)
        return 0;
    if (decoding->n_software == MAX_PICTURES)
        die("more than %d pictures", MAX_PICTURES);
    decoding->software[decoding->n_software++] = av_frame_clone(decoded->av);
    return 0;
}

static void note_buffer(struct decoding *decoding, const AVFrame *av)
{
    struct limef_hardware_frame hardware;

    if (!limef_hardware_is(av) || limef_hardware_frame_map(&hardware, av) < 0)
        die("picture %u is not in hardware", decoding->n_shown);
    for (unsigned i = 0; i < decoding->n_inodes; i++)
        if (decoding->inodes[i] == hardware.planes[0].inode)
            return;
    if (decoding->n_inodes == MAX_BUFFERS)
        die("more than %d buffers", MAX_BUFFERS);
    decoding->inodes[decoding->n_inodes++] = hardware.planes[0].inode;
}

static int show(void *context, const struct limef_frame *frame)
{
    struct decoding *decoding = context;
    const struct limef_decoded_frame *decoded = limef_decoded_frame_from(frame);
    int worst;

    if (!decoded)
        return 0;
    if (decoding->n_shown == decoding->n_software)
        die("more pictures than in software");
    if (!decoding->stage->lends)
        note_buffer(decoding, decoded->av);
    stage_show_frame(decoding->stage, decoded);
    worst = stage_expect_pixels(decoding->stage, stage_av_pixel,
                                decoding->software[decoding->n_shown++], 1);
    decoding->worst = worst > decoding->worst ? worst : decoding->worst;
    return 0;
}

static void run(struct decoding *decoding, const char *path, limef_tap_fn *tap,
                const struct limef_decode_settings *decode)
{
    struct limef_file_source_settings source = {.url = path, .pace = LIMEF_PACE_FASTEST};
    int64_t due_us;

    if (limef_file_source_init(&decoding->source, NULL, &source) < 0 ||
        limef_decode_filter_init(&decoding->decode, NULL, decode) < 0)
        die("%s cannot be decoded", path);
    limef_tap_filter_init(&decoding->tap, NULL, tap, decoding);
    limef_connect(&decoding->source.source.filter, &decoding->decode.filter);
    limef_connect(&decoding->decode.filter, &decoding->tap.filter);
    while (decoding->source.source.step(&decoding->source.source, &due_us) == 0)
        continue;
    if (LIMEF_COUNTED(decoding->decode.filter.copied_bytes))
        die("the decoder copied something");
    limef_filter_clear(&decoding->source.source.filter);
    limef_filter_clear(&decoding->decode.filter);
    limef_filter_clear(&decoding->tap.filter);
}

static uint64_t uploaded_bytes(const struct stage *stage)
{
    return LIMEF_COUNTED(stage->tiles[0].uploaded_bytes);
}

/* All that was shown so far was on planes, and moved by nobody but as an upload. */
static void expect_on_planes(const struct stage *stage, unsigned n_shown)
{
    const struct limef_tile *tile = &stage->tiles[0];
    uint64_t moved_bytes =
        LIMEF_COUNTED(stage->presenter.filter.copied_bytes) - LIMEF_COUNTED(tile->uploaded_bytes);

    if (moved_bytes)
        die("%llu bytes were moved", (unsigned long long)moved_bytes);
    stage_expect_counts(stage, n_shown, 0);
}

/* Returns how many pictures there were. */
static unsigned play(const char *path, struct stage *stage,
                     const struct limef_decode_settings *decode)
{
    static struct decoding decoding;

    decoding = (struct decoding){.stage = stage};
    run(&decoding, path, keep, &(struct limef_decode_settings){.n_threads = 1});
    run(&decoding, path, show, decode);
    if (!decoding.n_shown || decoding.n_shown != decoding.n_software)
        die("%u pictures, not %u", decoding.n_shown, decoding.n_software);
    printf("  %s: %u pictures in %u buffers, at most %d off, %llu bytes uploaded so far\n", path,
           decoding.n_shown, decoding.n_inodes, decoding.worst,
           (unsigned long long)uploaded_bytes(stage));
    for (unsigned i = 0; i < decoding.n_software; i++)
        av_frame_free(&decoding.software[i]);
    return decoding.n_shown;
}

/* All of them; that there are none is said. */
static void play_clips(struct stage *stage, const struct limef_decode_settings *decode)
{
    const char *folder = getenv("LIMEF_TEST_CLIPS");
    unsigned n_shown = 0;
    char path[512];

    if (!folder)
        printf("  skipped: there are no clips\n");
    for (size_t i = 0; folder && i < sizeof(clips) / sizeof(clips[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, clips[i]);
        n_shown += play(path, stage, decode);
        expect_on_planes(stage, n_shown);
    }
}

void pictures_of_vaapi_are_on_a_plane(void)
{
    const char *driver = LIMEF_TEST_VA_FOLDER;
    struct limef_decode_settings decode = {0};
    struct stage stage;
    char memory[80];

    if (!driver) {
        printf("  skipped: no VA-API driver was built\n");
        return;
    }
    snprintf(memory, sizeof(memory), "dumb:%s", stage_path);
    setenv("LIMEF_TEST_VA_MEMORY", memory, 1);
    setenv("LIBVA_DRIVERS_PATH", driver, 1);
    setenv("LIBVA_DRIVER_NAME", "limef", 1);
    stage_open(&stage, 1); /* first: who opens a card first is its master */
    if (limef_hardware_device_open(&decode.hardware, stage_path) < 0)
        die("no VA-API on %s", stage_path);
    play_clips(&stage, &decode);
    if (uploaded_bytes(&stage))
        die("%llu bytes were uploaded", (unsigned long long)uploaded_bytes(&stage));
    stage_close(&stage);
    av_buffer_unref(&decode.hardware);
}

/* Nobody names the memory: it is the display's own. */
void pictures_of_software_are_on_a_plane(void)
{
    struct limef_decode_settings decode = {.n_threads = 1};
    struct stage stage = {.lends = true};

    card_open(&stage.card, stage_path);
    stage.kms.drm_fd = stage.card.fd;
    if (stage_open_presenter(&stage, 1, STAGE_WIDTH, STAGE_HEIGHT) < 0)
        die("the output does not open");
    decode.buffers = limef_presenter_get_buffers(&stage.presenter, false);
    play_clips(&stage, &decode);
    if (uploaded_bytes(&stage))
        die("%llu bytes were uploaded: %s", (unsigned long long)uploaded_bytes(&stage),
            LIMEF_COUNTED(stage.tiles[0].uploaded_why));
    stage_close(&stage);
}
