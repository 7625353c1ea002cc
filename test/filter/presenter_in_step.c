/* SPDX-License-Identifier: MIT */
/*
 * A minute of flashes and beeps through an audio sink, a mixer, a device with a clock of its own,
 * and a presenter, in simulated time: how far a flash is from its beep is what they decide, however
 * fast the machine is. The library's clock is this program's.
 *
 *   presenter_in_step            plays it with several clocks of the device: a pause, a seek and,
 *                                where there is libavfilter, faster for a while
 *   presenter_in_step OFFSET_US  as if the device was heard so much later than it says: must fail
 */
#include "stress/stress.h"
#include "support/sound.h"

#include <limef/filter/audio_sink.h>
#include <limef/filter/presenter.h>
#include <limef/frame/pool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define RATE 48000
#define PERIOD 240
#define BLOCK 1024
#define STEP_US 500
#define PICTURE_US 40000
#define SECOND_US INT64_C(1000000)
#define N_SECONDS 67
#define MIN_FLASHES 60
#define PAUSE_AT_US (20 * SECOND_US + SECOND_US / 2)
#define SEEK_AT_US (40 * SECOND_US + SECOND_US / 2)
#define SEEK_BY_US (5 * SECOND_US)
#define FASTER_AT_US (47 * SECOND_US + SECOND_US / 2)
#define FASTER_FOR_US (6 * SECOND_US)
#define FASTER 1500
/* Half of what is aimed at: the machine takes its part of that in a real run. */
#define MAX_APART_US 5000

static int64_t simulated_us;

__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec *t)
{
    if (clock != CLOCK_MONOTONIC)
        return (int)syscall(SYS_clock_gettime, clock, t);
    t->tv_sec = simulated_us / SECOND_US;
    t->tv_nsec = simulated_us % SECOND_US * 1000;
    return 0;
}

static struct limef_mixer mixer;
static struct limef_mixer_input input;
static float memory[32768 * 2];
static struct limef_audio_slot slot;
static struct limef_audio_sink sink;
static struct limef_presenter presenter;
static struct limef_tile tile;
static struct limef_pool *pool;
static struct sound_block block;

/* what the source sends next */
static int64_t picture_us, n_sound;
static bool sound_waits;

/* the device: when it wants the next period, and when that is heard */
static double period_us, due_us;
static uint32_t random_state = 1;
static int64_t offset_us;

static int64_t seen_us[N_SECONDS], heard_us[N_SECONDS];
static int64_t last_loud_us, tick_due_us;

static int64_t mixer_heard(void *context, int64_t now_us)
{
    return limef_mixer_input_heard_us(context, now_us);
}

static void open_all(int ppm)
{
    struct limef_presenter_settings settings = {.output = LIMEF_OUTPUT_NONE};
    struct limef_mixer_input_settings ahead = {0};

    simulated_us = SECOND_US;
    picture_us = n_sound = 0;
    sound_waits = false;
    period_us = PERIOD * 1e6 / RATE * (1 + ppm * 1e-6);
    due_us = (double)simulated_us;
    last_loud_us = tick_due_us = 0;
    memset(seen_us, 0, sizeof(seen_us));
    memset(heard_us, 0, sizeof(heard_us));
    pool = limef_pool_create(LIMEF_FRAME_DECODED);
    sound_block_make(&block, RATE, 2, BLOCK, AV_SAMPLE_FMT_FLT);
    CHECK(limef_mixer_init(&mixer, NULL, NULL) == 0);
    CHECK(limef_mixer_input_init(&input, &mixer, NULL, memory, 32768, &ahead) == 0);
    CHECK(limef_mixer_connect(&mixer, &input) == 0);
    CHECK(limef_presenter_init(&presenter, NULL, &tile, 1, &settings) == 0);
    CHECK(limef_presenter_set_master(&presenter, 0, mixer_heard, &input) == 0);
    slot = (struct limef_audio_slot){.input = &input,
                                     .pictures = limef_presenter_is_ready,
                                     .pictures_context = &tile,
                                     .seen = limef_presenter_seen_us,
                                     .seen_context = &tile};
    limef_audio_sink_init(&sink, NULL, &slot, 1, &mixer);
}

static void close_all(void)
{
    limef_filter_clear(&presenter.filter);
    limef_filter_clear(&sink.filter);
    CHECK(limef_mixer_disconnect(&mixer, &input, SECOND_US) == 0);
    sound_block_free(&block);
    limef_pool_release(pool);
    memset(&mixer, 0, sizeof(mixer));
    memset(&input, 0, sizeof(input));
    memset(&tile, 0, sizeof(tile));
}

static void send_one(struct limef_filter *filter, uint32_t signal, int64_t value, uint32_t serial)
{
    struct limef_signal_frame frame;

    limef_signal_frame_set(&frame, signal, 0, NULL);
    frame.value = value;
    frame.serial = serial;
    frame.code = signal == LIMEF_SIGNAL_START ? 1 << LIMEF_MEDIA_VIDEO | 1 << LIMEF_MEDIA_AUDIO
                                              : signal == LIMEF_SIGNAL_SEEK;
    limef_go(filter, &frame.frame);
}

static void send(uint32_t signal, int64_t value, uint32_t serial)
{
    send_one(&presenter.filter, signal, value, serial);
    send_one(&sink.filter, signal, value, serial);
}

/* Offers the next picture. Returns whether it was taken. */
static bool give_picture(void)
{
    struct limef_payload *payload = limef_pool_get(pool);
    struct limef_decoded_frame decoded;
    int ret;

    limef_payload_picture(payload)->format = AV_PIX_FMT_GRAY8;
    limef_payload_picture(payload)->width = limef_payload_picture(payload)->height = 16;
    limef_decoded_frame_set(&decoded, payload);
    decoded.frame.pts_us = picture_us;
    decoded.frame.duration_us = PICTURE_US;
    ret = limef_go(&presenter.filter, &decoded.frame);
    limef_payload_unref(payload);
    if (ret < 0)
        return false;
    picture_us += PICTURE_US;
    return true;
}

/* 40 ms of a tone at the beginning of each second, from its loudest sample on. */
static bool give_sound(void)
{
    if (!sound_waits)
        for (int i = 0; i < BLOCK; i++) {
            int64_t at = (n_sound + i) % RATE;
            float value = at < RATE / 25 ? 0.5f * cosf((float)at * 0.13f) : 0;

            sound_block_set(&block, 0, i, value);
            sound_block_set(&block, 1, i, value);
        }
    block.frame.frame.pts_us = n_sound * SECOND_US / RATE;
    block.frame.frame.duration_us = BLOCK * SECOND_US / RATE;
    sound_waits = limef_go(&sink.filter, &block.frame.frame) == AVERROR(EAGAIN);
    if (!sound_waits)
        n_sound += BLOCK;
    return !sound_waits;
}

static void note(int64_t *times_us, int64_t second, int64_t now_us)
{
    if (second < N_SECONDS)
        times_us[second] = now_us;
}

/* When each second's beep is heard. */
static void listen(const float *out, int64_t at_us)
{
    for (int i = 0; i < PERIOD; i++) {
        int64_t now_us = at_us + (int64_t)(i * period_us / PERIOD), media_us;

        if (fabsf(out[2 * i]) < 0.1f)
            continue;
        media_us = limef_mixer_input_heard_us(&input, now_us);
        if (now_us - last_loud_us > SECOND_US / 5 && media_us != LIMEF_NO_TIME)
            note(heard_us, (media_us + SECOND_US / 2) / SECOND_US, now_us);
        last_loud_us = now_us;
    }
}

/* A thread that comes up to 2 ms late, to a device in which a period and a half wait then. */
static void mix(void)
{
    static float out[PERIOD * 2];
    static double late_us;

    if ((double)simulated_us < due_us + late_us)
        return;
    late_us = next_random(&random_state) % 2000;
    limef_mixer_mix(&mixer, out, PERIOD, (int64_t)(due_us + period_us));
    listen(out, (int64_t)(due_us + period_us) + offset_us);
    due_us += period_us;
}

static void look(void)
{
    struct limef_presenter_slot_counters counters;
    static int64_t last_us = LIMEF_NO_TIME;

    CHECK(limef_presenter_get_counters(&presenter, 0, &counters) == 0);
    if (counters.position_us == last_us)
        return;
    last_us = counters.position_us;
    if (last_us != LIMEF_NO_TIME && last_us % SECOND_US == 0)
        note(seen_us, last_us / SECOND_US, simulated_us);
}

/* To a second ahead of what is sent, as a file source does it. */
static void seek(void)
{
    int64_t to_us = (picture_us / SECOND_US * SECOND_US) + SEEK_BY_US;

    send(LIMEF_SIGNAL_SEEK, to_us, 1);
    picture_us = to_us;
    n_sound = to_us / SECOND_US * RATE;
    sound_waits = false;
    send(LIMEF_SIGNAL_FLUSH, to_us, 1);
}

static void step(void)
{
    mix();
    while (picture_us < N_SECONDS * SECOND_US && give_picture())
        tick_due_us = 0;
    while (n_sound < N_SECONDS * RATE && give_sound())
        ;
    limef_audio_sink_tick(&sink, simulated_us);
    if (simulated_us >=
        tick_due_us) /* else what is due soon is shown too early, as together with others */
        tick_due_us = limef_presenter_tick(&presenter, simulated_us);
    look();
    simulated_us += STEP_US;
}

static int run(int ppm)
{
    int64_t begun_us, worst_us = 0;
    int n = 0, n_faster = 0, n_wrong = 0;

    open_all(ppm);
    begun_us = simulated_us;
    send(LIMEF_SIGNAL_START, 0, 0);
    while (simulated_us < begun_us + N_SECONDS * SECOND_US) {
        int64_t before_us = simulated_us - begun_us;

        step();
        if (before_us == PAUSE_AT_US)
            send(LIMEF_SIGNAL_PAUSE, 0, 0);
        if (before_us == PAUSE_AT_US + SECOND_US)
            send(LIMEF_SIGNAL_PLAY, 0, 0);
        if (before_us == SEEK_AT_US)
            seek();
        if (HAS_TEMPO && before_us == FASTER_AT_US)
            send(LIMEF_SIGNAL_RATE, FASTER, 0);
        if (HAS_TEMPO && before_us == FASTER_AT_US + FASTER_FOR_US)
            send(LIMEF_SIGNAL_RATE, 1000, 0);
    }
    for (int i = 0; i < N_SECONDS; i++) {
        int64_t late_us = seen_us[i] - heard_us[i];

        if (!seen_us[i] || !heard_us[i])
            continue;
        n++;
        n_faster += HAS_TEMPO && heard_us[i] - begun_us > FASTER_AT_US &&
                    heard_us[i] - begun_us < FASTER_AT_US + FASTER_FOR_US;
        n_wrong += llabs(late_us) > MAX_APART_US;
        worst_us = llabs(late_us) > llabs(worst_us) ? late_us : worst_us;
    }
    printf("%d ppm: %d flashes, %d of them faster, at most %lld us from their beeps, %llu pictures "
           "late\n",
           ppm, n, n_faster, (long long)worst_us,
           (unsigned long long)LIMEF_COUNTED(tile.n_dropped_late));
    close_all();
    return n_wrong || n < MIN_FLASHES || (HAS_TEMPO && n_faster <= FASTER_FOR_US / SECOND_US);
}

int main(int n_arguments, char **arguments)
{
    int n_failed;

    offset_us = n_arguments > 1 ? atoi(arguments[1]) : 0;
    n_failed = run(0) + run(500) + run(-500);
    CHECK(n_failed == 0);
    return 0;
}
