/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: bytes as a file, through source and decoder, to pictures and
 * samples. The first byte chooses what is done on the way: seeking, looping,
 * the media.
 */
#include "file_to_frame.h"
#include "support/silence.h"

#include <limef/base/log.h>
#include <limef/filter/decode.h>
#include <limef/filter/file_source.h>
#include <limef/filter/tap.h>

#include <libavutil/error.h>
#include <libavutil/log.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAX_STEPS 400
#define MAX_BYTES (1 << 18)

static uint64_t n_decoded;

uint64_t file_to_frame_n_decoded(void)
{
    return n_decoded;
}

static int count_decoded(void *context, const struct limef_frame *frame)
{
    (void)context;
    n_decoded += frame->frame_class == LIMEF_FRAME_DECODED;
    return 0;
}

static void say_n_decoded(void)
{
    fprintf(stderr, "file_to_frame: %llu frames decoded\n", (unsigned long long)n_decoded);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    av_log_set_level(AV_LOG_QUIET);
    limef_log_set_sink(log_to_nobody, NULL);
    atexit(say_n_decoded);
    return 0;
}

static void play(struct limef_file_source *file, unsigned choice)
{
    struct limef_signal_frame seek;
    int64_t due_us;

    limef_signal_frame_set(&seek, LIMEF_SIGNAL_SEEK, 0, NULL);
    seek.value = (int64_t)(choice >> 4) * 100000;
    seek.code = choice & 1;
    for (int i = 0; i < MAX_STEPS; i++) {
        int ret = file->source.step(&file->source, &due_us);

        if (ret < 0 && ret != AVERROR(EAGAIN))
            break;
        if (i == 10 && choice & 2)
            limef_go(&file->source.filter, &seek.frame);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct limef_file_source file = {0};
    struct limef_decode_filter decode = {0};
    struct limef_tap_filter count = {.filter = LIMEF_FILTER(&limef_tap_ops, "count", NULL),
                                     .tap = count_decoded};
    struct limef_file_source_settings settings = {.pace = LIMEF_PACE_FASTEST,
                                                  .timeout_us = 2000000};
    unsigned choice = size_bytes > 0 ? data[0] : 0;
    char url[64];
    int fd;

    if (size_bytes < 2 || size_bytes > MAX_BYTES)
        return -1;
    fd = memfd_create("clip", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data + 1, size_bytes - 1) != (ssize_t)(size_bytes - 1))
        abort();
    snprintf(url, sizeof(url), "/proc/self/fd/%d", fd);
    settings.url = url;
    settings.options = "protocol_whitelist=file";
    settings.n_loops = choice & 4 ? 2 : 0;
    settings.media = choice & 8 ? LIMEF_MEDIA_AUDIO : LIMEF_MEDIA_VIDEO;
    if (limef_file_source_init(&file, NULL, &settings) == 0 &&
        limef_decode_filter_init(
            &decode, NULL,
            &(struct limef_decode_settings){.media = settings.media, .n_threads = 1}) == 0) {
        limef_connect(&file.source.filter, &decode.filter);
        limef_connect(&decode.filter, &count.filter);
        play(&file, choice);
    }
    limef_filter_clear(&file.source.filter);
    limef_filter_clear(&decode.filter);
    close(fd);
    return 0;
}
