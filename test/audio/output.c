/* SPDX-License-Identifier: MIT */
#include "one_output.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <float.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static struct limef_mixer mixer;
static struct limef_mixer_input input;
static float memory[16384 * 2];
static struct limef_broadcast_ring ring;
static limef_broadcast_word words[LIMEF_BROADCAST_WORDS(65536, 2)];

static void open_mixer(void)
{
    struct limef_mixer_settings settings = {.ring = &ring};
    float samples[8192 * 2];

    limef_log_set_level(LIMEF_LOG_ERROR);
    for (int i = 0; i < 8192 * 2; i++)
        samples[i] = 0.25f;
    cr_assert(zero(int, limef_broadcast_ring_init(&ring, words, 65536, 2)));
    cr_assert(zero(int, limef_mixer_init(&mixer, NULL, &settings)));
    cr_assert(zero(int, limef_mixer_input_init(&input, &mixer, NULL, memory, 16384, NULL)));
    limef_mixer_connect(&mixer, &input);
    limef_mixer_input_write(&input, samples, 8192, 3000000, 1000);
}

TestSuite(audio_output, .init = open_mixer, .timeout = 60);

Test(audio_output, all_zero_stops_to_all_zero)
{
    stop();
}

Test(audio_output, plays_to_nobody_in_time)
{
    struct limef_audio_output_settings settings = {.kind = LIMEF_AUDIO_NULL, .period_frames = 128};
    int64_t begun_us = limef_now_us(), heard_us, now_us;

    cr_assert(zero(int, limef_audio_output_start(&output, NULL, &mixer, &settings)));
    ASSERT_COMES(limef_mixer_input_heard_us(&input, limef_now_us()) != LIMEF_NO_TIME);
    now_us = limef_now_us();
    heard_us = limef_mixer_input_heard_us(&input, now_us);
    /* what is heard began when it was started, or a little later */
    cr_assert(heard_us == LIMEF_NO_TIME || heard_us - 3000000 <= now_us - begun_us);
    ASSERT_COMES(counters().n_periods >= 20);
    cr_assert(eq(str, (char *)counters().kind, "null"));
    cr_assert(eq(uint, counters().period_frames, 128));
    cr_assert(le(long, (long)(counters().n_periods * 128 * 1000 / 48),
                 (long)(limef_now_us() - begun_us + 10000)));
    stop();
    cr_assert(not(LIMEF_COUNTED(mixer.running)));
    cr_assert(eq(long, limef_mixer_input_heard_us(&input, limef_now_us()), LIMEF_NO_TIME));
}

#if defined(__x86_64__) || defined(__aarch64__)
static int halve_the_least(void *context)
{
    volatile float *least = context;

    *least = FLT_MIN;
    *least /= 2;
    return 0;
}

Test(audio_output, has_no_denormal_numbers_on_the_thread_that_mixes_and_leaves_others_alone)
{
    struct limef_audio_output_settings settings = {.kind = LIMEF_AUDIO_NULL};
    float least;

    cr_assert(zero(int, limef_audio_output_start(&output, NULL, &mixer, &settings)));
    ASSERT_COMES(counters().n_periods > 0);
    cr_assert(zero(int, limef_thread_call(&output.thread, halve_the_least, &least, 30000000)));
    cr_assert(least == 0);
    halve_the_least(&least);
    cr_assert(least != 0);
    stop();
}
#endif

Test(audio_output, starts_again_after_a_stop)
{
    struct limef_audio_output_settings settings = {.kind = LIMEF_AUDIO_NULL};

    for (int i = 0; i < 3; i++) {
        cr_assert(zero(int, limef_audio_output_start(&output, NULL, &mixer, &settings)));
        ASSERT_COMES(counters().n_periods >= 2);
        cr_assert(eq(uint, counters().period_frames, 240));
        stop();
    }
    cr_assert(zero(int, limef_mixer_disconnect(&mixer, &input, TOO_LONG_US)));
}

Test(audio_output, a_disconnection_while_it_plays_gives_the_memory_back)
{
    struct limef_audio_output_settings settings = {.kind = LIMEF_AUDIO_NULL};

    cr_assert(zero(int, limef_audio_output_start(&output, NULL, &mixer, &settings)));
    cr_assert(zero(int, limef_mixer_disconnect(&mixer, &input, TOO_LONG_US)));
    memset(&input, 0x55, sizeof(input));
    memset(memory, 0x55, sizeof(memory));
    ASSERT_COMES(counters().n_periods >= 5);
    stop();
}

Test(audio_output, says_that_a_device_is_not_there)
{
    struct limef_audio_output_settings settings = {.kind = LIMEF_AUDIO_ALSA,
                                                   .device = "hw:there_is_none"};

    cr_assert(lt(int, limef_audio_output_start(&output, NULL, &mixer, &settings), 0));
    stop();
}

Test(audio_output, plays_to_nobody_where_a_device_is_not_needed_and_not_there)
{
    struct limef_audio_output_settings settings = {.device = "hw:there_is_none"};

    cr_assert(zero(int, limef_audio_output_start(&output, NULL, &mixer, &settings)));
    cr_assert(eq(str, (char *)counters().kind, "null"));
    stop();
}

Test(audio_output, plays_through_alsa_no_faster_than_it_can_be_heard)
{
    struct limef_audio_output_settings settings = {.kind = LIMEF_AUDIO_ALSA, .device = "null"};
    int64_t begun_us = limef_now_us();

    if (limef_audio_output_start(&output, NULL, &mixer, &settings) < 0)
        cr_skip("no ALSA in this build");
    ASSERT_COMES(counters().n_periods >= 500);
    cr_assert(eq(str, (char *)counters().kind, "alsa"));
    /* 2.5 s of sound; a device without a clock is held back when that was noticed */
    cr_assert(gt(long, (long)(limef_now_us() - begun_us), 1000000));
    cr_assert(zero(ulong, counters().n_lost));
    stop();
}

/* 0 where the file is not so long yet. */
static uint32_t number_at(FILE *file, long at)
{
    uint8_t b[4] = {0};

    cr_assert(zero(int, fseek(file, at, SEEK_SET)));
    if (fread(b, 1, 4, file) < 4)
        return 0;
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

Test(audio_output, a_recorder_writes_all_that_was_mixed)
{
    struct limef_audio_output_settings settings = {.kind = LIMEF_AUDIO_NULL};
    static struct limef_audio_recorder recorder;
    struct limef_mixer_counters mixed;
    char path[] = "/tmp/limef-recorder-XXXXXX";
    int fd = mkstemp(path);
    uint32_t data_bytes;
    float sample = 0;
    FILE *file;

    cr_assert(ge(int, fd, 0));
    close(fd);
    cr_assert(zero(int, limef_audio_recorder_start(&recorder, path, &ring, 48000)));
    cr_assert(zero(int, limef_audio_output_start(&output, NULL, &mixer, &settings)));
    ASSERT_COMES(counters().n_periods >= 20);
    stop();
    limef_mixer_get_counters(&mixer, &mixed);
    cr_assert(zero(int, limef_audio_recorder_stop(&recorder, TOO_LONG_US)));
    file = fopen(path, "rb");
    data_bytes = number_at(file, 90);
    cr_assert(eq(ulong, data_bytes, mixed.n_frames * 8));
    cr_assert(eq(u32, number_at(file, 4), data_bytes + 86));
    cr_assert(eq(u32, number_at(file, 60), 48000));
    fseek(file, 94 + 1000 * 8, SEEK_SET);
    cr_assert(eq(sz, fread(&sample, 4, 1, file), 1));
    cr_assert(eq(flt, sample, 0.25f));
    fseek(file, 0, SEEK_END);
    cr_assert(eq(long, ftell(file), (long)data_bytes + 94));
    fclose(file);
    unlink(path);
}

static LIMEF_ATOMIC(bool) enough;
static struct limef_audio_recorder behind;

/* There is always more in the ring than was written, as on a disk that is slower than the sound. */
static void *write_ahead(void *context)
{
    static float frames[1024 * 2];
    uint64_t n_written = 0;

    (void)context;
    while (!atomic_load(&enough)) {
        if (n_written < LIMEF_COUNTED(behind.n_frames) + 32768) {
            limef_broadcast_write(&ring, frames, 1024);
            n_written += 1024;
        } else {
            sched_yield();
        }
    }
    return NULL;
}

Test(audio_output, a_recorder_that_never_gets_to_the_end_writes_its_sizes_and_stops)
{
    static float frames[1024 * 2];
    uint64_t n_missed;
    char path[] = "/tmp/limef-recorder-XXXXXX";
    int fd = mkstemp(path);
    pthread_t thread;
    FILE *file;

    cr_assert(ge(int, fd, 0));
    close(fd);
    cr_assert(zero(int, limef_audio_recorder_start(&behind, path, &ring, 8000)));
    cr_assert(zero(int, pthread_create(&thread, NULL, write_ahead, NULL)));
    file = fopen(path, "rb");
    setvbuf(file, NULL, _IONBF, 0);
    ASSERT_COMES(number_at(file, 90) > 0);
    fclose(file);
    cr_assert(zero(int, limef_thread_stop(&behind.thread, TOO_LONG_US)));
    atomic_store(&enough, true);
    pthread_join(thread, NULL);
    n_missed = LIMEF_COUNTED(behind.reader.n_missed) + ring.n_frames;
    for (unsigned i = 0; i < 3 * ring.n_frames; i += 1024)
        limef_broadcast_write(&ring, frames, 1024);
    cr_assert(zero(int, limef_audio_recorder_stop(&behind, TOO_LONG_US)));
    cr_assert(ge(ulong, behind.n_missed, n_missed)); /* and says what it missed last */
    unlink(path);
}

Test(audio_output, a_recorder_s_file_can_be_read_before_it_is_complete)
{
    static struct limef_audio_recorder recorder;
    static float frames[20000 * 2];
    char path[] = "/tmp/limef-recorder-XXXXXX";
    int fd = mkstemp(path);
    uint32_t data_bytes = 0;
    FILE *file;

    cr_assert(ge(int, fd, 0));
    close(fd);
    cr_assert(zero(int, limef_audio_recorder_start(&recorder, path, &ring, 8000)));
    limef_broadcast_write(&ring, frames, 20000);
    file = fopen(path, "rb");
    setvbuf(file, NULL, _IONBF, 0);
    ASSERT_COMES((data_bytes = number_at(file, 90)) == 20000 * 8);
    cr_assert(eq(u32, number_at(file, 4), data_bytes + 86));
    fseek(file, 0, SEEK_END);
    cr_assert(eq(long, ftell(file), (long)data_bytes + 94));
    fclose(file);
    unlink(path);
    cr_assert(zero(int, limef_audio_recorder_stop(&recorder, TOO_LONG_US)));
}

Test(audio_output, a_recorder_says_that_it_cannot_write)
{
    static struct limef_audio_recorder recorder;

    cr_assert(eq(int, limef_audio_recorder_start(&recorder, "/nowhere/a.wav", &ring, 48000),
                 AVERROR(ENOENT)));
    cr_assert(zero(int, limef_audio_recorder_stop(&recorder, 0)));
}
