/* SPDX-License-Identifier: MIT */
/* Read back by FFmpeg's demuxer, in a file that has the size it speaks of and hardly any bytes. */
#include "audio/wav_header.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavformat/avformat.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RATE 48000

static uint8_t header[WAV_HEADER_BYTES];

/* Frames that FFmpeg finds in a stereo file of so many. */
static int64_t read_back(int64_t n_frames)
{
    char path[] = "/tmp/limef-wav-XXXXXX";
    AVFormatContext *format = NULL;
    int64_t n_found;
    int fd = mkstemp(path), ret;

    wav_header_make(header, RATE, 2, (uint64_t)n_frames);
    cr_assert(ge(int, fd, 0));
    cr_assert(eq(long, write(fd, header, sizeof(header)), WAV_HEADER_BYTES));
    ret = ftruncate(fd, WAV_HEADER_BYTES + n_frames * 8);
    close(fd);
    if (ret < 0) {
        unlink(path);
        cr_skip("no such large files here");
    }
    ret = avformat_open_input(&format, path, NULL, NULL);
    unlink(path);
    cr_assert(zero(int, ret));
    cr_assert(eq(int, format->streams[0]->codecpar->codec_id, AV_CODEC_ID_PCM_F32LE));
    cr_assert(eq(int, format->streams[0]->codecpar->sample_rate, RATE));
    n_found = format->streams[0]->duration;
    avformat_close_input(&format);
    return n_found;
}

Test(wav_header, tells_how_much_there_is, .timeout = 30)
{
    cr_assert(eq(long, read_back(1234567), 1234567));
    cr_assert(zero(int, memcmp(header, "RIFF", 4)));
}

Test(wav_header, is_rf64_from_where_32_bits_do_not_say_it, .timeout = 30)
{
    int64_t most = (UINT32_MAX - 1 - (WAV_HEADER_BYTES - 8)) / 8;

    cr_assert(eq(long, read_back(most), most));
    cr_assert(zero(int, memcmp(header, "RIFF", 4)));
    cr_assert(eq(long, read_back(most + 1), most + 1));
    cr_assert(zero(int, memcmp(header, "RF64", 4)));
    cr_assert(eq(long, read_back(24LL * 3600 * RATE), 24LL * 3600 * RATE));
}
