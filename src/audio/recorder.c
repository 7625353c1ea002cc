/* SPDX-License-Identifier: MIT */
#include <limef/audio/recorder.h>

#include "audio/device.h"
#include "audio/wav_header.h"

#include <limef/base/clock.h>
#include <limef/base/log.h>

#include <errno.h>
#include <libavutil/common.h>
#include <libavutil/error.h>
#include <libavutil/intfloat.h>
#include <libavutil/intreadwrite.h>
#include <string.h>
#include <unistd.h>

/* How often it looks for something to write. */
#define PERIOD_US 20000
#define BLOCK_FRAMES 1024
#define MAX_CHANNELS 8

static struct limef_audio_recorder *recorder_of(struct limef_thread *thread)
{
    return LIMEF_CONTAINER_OF(thread, struct limef_audio_recorder, thread);
}

static int fail(struct limef_audio_recorder *recorder)
{
    if (recorder->failed)
        return AVERROR(EIO);
    recorder->failed = true;
    return limef_fail(AVERROR(errno ? errno : EIO), "recorder", "cannot write %s", recorder->path);
}

static void make_header(const struct limef_audio_recorder *recorder, uint8_t *header)
{
    wav_header_make(header, recorder->rate, recorder->reader.ring->n_channels,
                    LIMEF_COUNTED(recorder->n_frames));
}

static int write_header(struct limef_audio_recorder *recorder)
{
    uint8_t header[WAV_HEADER_BYTES];

    make_header(recorder, header);
    return fwrite(header, sizeof(header), 1, recorder->file) == 1 ? 0 : fail(recorder);
}

/* Once a second: of a process that is killed there is a file that can be read up to here. */
static void write_sizes(struct limef_audio_recorder *recorder)
{
    uint64_t n_frames = LIMEF_COUNTED(recorder->n_frames);
    uint8_t header[WAV_HEADER_BYTES];

    if (recorder->failed || n_frames - recorder->n_told < recorder->rate)
        return;
    recorder->n_told = n_frames;
    make_header(recorder, header);
    /* what it speaks of is there first; a pipe has no sizes */
    if (fflush(recorder->file) != 0 ||
        (pwrite(fileno(recorder->file), header, sizeof(header), 0) < 0 && errno != ESPIPE))
        fail(recorder);
}

static void write_frames(struct limef_audio_recorder *recorder, const float *frames, unsigned n)
{
    size_t n_samples = (size_t)n * recorder->reader.ring->n_channels;
    uint8_t bytes[BLOCK_FRAMES * MAX_CHANNELS * sizeof(float)];

    for (size_t i = 0; i < n_samples; i++)
        AV_WL32(bytes + i * sizeof(float), av_float2int(frames[i]));
    if (!recorder->failed && fwrite(bytes, sizeof(float), n_samples, recorder->file) != n_samples)
        fail(recorder);
    LIMEF_COUNT(recorder->n_frames, recorder->failed ? 0 : n);
}

/* What was missed before what was read just now. */
static void write_missed(struct limef_audio_recorder *recorder)
{
    static const float silence[BLOCK_FRAMES * MAX_CHANNELS];
    uint64_t n_missed = LIMEF_COUNTED(recorder->reader.n_missed);

    while (recorder->n_missed < n_missed) {
        uint64_t n = n_missed - recorder->n_missed;

        n = n < BLOCK_FRAMES ? n : BLOCK_FRAMES;
        write_frames(recorder, silence, (unsigned)n);
        recorder->n_missed += n;
    }
}

/* What was there when it began: a disk that is slower than the sound never has all. */
static void write_all(struct limef_audio_recorder *recorder)
{
    float frames[BLOCK_FRAMES * MAX_CHANNELS];
    unsigned n_left = recorder->reader.ring->n_frames, n;

    while (n_left &&
           (n = limef_broadcast_read(&recorder->reader, frames, FFMIN(BLOCK_FRAMES, n_left)))) {
        n_left -= n;
        write_missed(recorder);
        write_frames(recorder, frames, n);
    }
}

static int recorder_step(struct limef_thread *thread, int64_t deadline_us)
{
    int64_t due_us = limef_now_us() + PERIOD_US;

    write_all(recorder_of(thread));
    write_sizes(recorder_of(thread));
    audio_sleep_until(due_us < deadline_us ? due_us : deadline_us);
    return 0;
}

static const struct limef_thread_ops recorder_ops = {.step = recorder_step};

int limef_audio_recorder_start(struct limef_audio_recorder *recorder, const char *path,
                               const struct limef_broadcast_ring *ring, uint32_t rate)
{
    struct limef_thread_settings settings = {.name = "recorder",
                                             .priority = LIMEF_PRIORITY_RECORDING};
    int ret;

    *recorder = (struct limef_audio_recorder){.path = NULL};
    if (ring->n_channels > MAX_CHANNELS)
        return limef_fail(AVERROR(EINVAL), "recorder", "%u channels", ring->n_channels);
    recorder->file = fopen(path, "wb");
    if (!recorder->file)
        return limef_fail(AVERROR(errno), "recorder", "cannot write %s", path);
    recorder->path = path;
    recorder->rate = rate;
    limef_broadcast_reader_init(&recorder->reader, ring);
    ret = write_header(recorder);
    if (ret >= 0) {
        limef_thread_init(&recorder->thread, &recorder_ops, &settings);
        ret = limef_thread_start(&recorder->thread);
        if (ret < 0)
            limef_thread_clear(&recorder->thread);
    }
    if (ret < 0) {
        fclose(recorder->file);
        *recorder = (struct limef_audio_recorder){.path = NULL};
    }
    return ret;
}

/* What the thread left in the ring, then the sizes. */
static int complete(struct limef_audio_recorder *recorder)
{
    write_all(recorder);
    write_missed(recorder);
    if (!recorder->failed && fseek(recorder->file, 0, SEEK_SET) == 0) /* a pipe has no sizes */
        write_header(recorder);
    if (fclose(recorder->file) != 0)
        fail(recorder);
    return recorder->failed ? AVERROR(EIO) : 0;
}

int limef_audio_recorder_stop(struct limef_audio_recorder *recorder, int64_t timeout_us)
{
    int ret;

    if (!recorder->file)
        return 0;
    ret = limef_thread_stop(&recorder->thread, timeout_us);
    if (ret < 0)
        return ret;
    limef_thread_clear(&recorder->thread);
    ret = complete(recorder);
    *recorder = (struct limef_audio_recorder){.n_missed = recorder->n_missed};
    return ret;
}
