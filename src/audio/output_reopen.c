/* SPDX-License-Identifier: MIT */
#include "audio/output_private.h"

#include "audio/flush_denormals.h"
#include "audio/mixer_private.h"
#include "fifo/futex.h"

#include <limef/base/log.h>

#include <libavutil/common.h>
#include <libavutil/error.h>

/* A device's call that has not returned at so many looks one after the other hangs: it is to wait a
 * tenth of a second at most. Where the whole process was stopped one look sees that. */
#define LOOK_US 500000
#define MAX_STILL 4

/* limef_audio_output.mixes */
enum { AUDIO_THREAD, IN_DEVICE, REOPENER };

static struct limef_audio_output *output_of(struct limef_thread *thread)
{
    return LIMEF_CONTAINER_OF(thread, struct limef_audio_output, reopener);
}

static void close_it(struct audio_device *device)
{
    if (device)
        device->ops->close(device);
}

static void wake(struct limef_audio_output *output)
{
    atomic_store_explicit(&output->awake, 1, memory_order_seq_cst);
    futex_wake(&output->awake);
}

/* Until a device is lost, or it is to stop. */
static void wait_for_news(struct limef_audio_output *output, int64_t deadline_us)
{
    /* seq_cst: before the looks, so that who comes after them finds it asleep; pairs with
     * audio_output_reopen() and limef_thread_ask_stop(), which write those and then wake */
    atomic_store_explicit(&output->awake, 0, memory_order_seq_cst);
    if (!atomic_load_explicit(&output->broken, memory_order_seq_cst) &&
        !limef_thread_stopping(&output->reopener))
        futex_wait(&output->awake, 0, deadline_us);
}

/* The audio thread leaves to this one what takes long, the line in the log too. */
static void close_broken(struct limef_audio_output *output, struct audio_device *broken)
{
    limef_fail(output->lost_by, output->name, "the sound device is lost; it goes on without sound");
    broken->ops->close(broken);
    output->is_lost = true;
    output->reopen_us = limef_now_us() + output->settings.reopen_us;
}

static void try_again(struct limef_audio_output *output)
{
    struct audio_device *device;

    output->reopen_us = limef_now_us() + output->settings.reopen_us;
    if (audio_output_open(output, output->wanted, &device) < 0)
        return;
    limef_log(LIMEF_LOG_WARNING, output->name,
              LIMEF_COUNTED(output->n_lost) ? "the sound device is back"
                                            : "there is a sound device");
    output->is_lost = false;
    /* release: what open made of it; pairs with audio_output_take_reopened() */
    atomic_store_explicit(&output->reopened, device, memory_order_release);
}

void audio_output_enter(struct limef_audio_output *output)
{
    /* release: the mixer's state; pairs with look_for_hanging() */
    atomic_store_explicit(&output->mixes, IN_DEVICE, memory_order_release);
}

bool audio_output_leave(struct limef_audio_output *output)
{
    uint32_t expected = IN_DEVICE;

    LIMEF_COUNT(output->n_calls, 1);
    if (atomic_compare_exchange_strong_explicit(&output->mixes, &expected, AUDIO_THREAD,
                                                memory_order_relaxed, memory_order_relaxed))
        return true;
    atomic_store_explicit(&output->returned, true, memory_order_release);
    /* acquire: the mixer's state; pairs with stand_in() */
    while (atomic_load_explicit(&output->mixes, memory_order_acquire) != AUDIO_THREAD)
        audio_sleep_until(limef_now_us() + 1000);
    return false;
}

/* A device that is in the way of everybody: what is mixed goes to nobody until it returns. */
static void look_for_hanging(struct limef_audio_output *output)
{
    uint64_t n_calls = LIMEF_COUNTED(output->n_calls);
    uint32_t expected = IN_DEVICE;

    output->look_us = limef_now_us() + LOOK_US;
    output->n_still = n_calls == output->n_seen && LIMEF_COUNTED(output->mixes) == IN_DEVICE
                          ? output->n_still + 1
                          : 0;
    output->n_seen = n_calls;
    /* acquire: the mixer's state; pairs with audio_output_enter() */
    if (output->n_still < MAX_STILL ||
        !atomic_compare_exchange_strong_explicit(&output->mixes, &expected, REOPENER,
                                                 memory_order_acquire, memory_order_relaxed))
        return;
    limef_fail(AVERROR(ETIMEDOUT), output->name,
               "the sound device does not answer; it goes on without sound");
    output->stands_in = true;
    output->n_still = 0;
    flush_denormals();
    audio_device_null_begin(output->stand_in);
    audio_output_tell(output, output->stand_in);
}

/* In place of the audio thread, until that is back. */
static void stand_in(struct limef_audio_output *output, int64_t deadline_us)
{
    struct audio_device *device = output->stand_in;
    int64_t heard_us;

    /* acquire: pairs with audio_output_leave() */
    if (atomic_load_explicit(&output->returned, memory_order_acquire)) {
        output->stands_in = false;
        atomic_store_explicit(&output->returned, false, memory_order_relaxed);
        /* release: the mixer's state */
        atomic_store_explicit(&output->mixes, AUDIO_THREAD, memory_order_release);
    } else if (device->ops->wait(device, deadline_us, &heard_us) >= 0) {
        atomic_store_explicit(&output->delay_us, heard_us - limef_now_us(), memory_order_relaxed);
        limef_mixer_mix(output->mixer, output->stand_in_block, device->settings.period_frames,
                        heard_us);
        LIMEF_COUNT(output->n_periods, 1);
        device->ops->write(device, output->stand_in_block, device->settings.period_frames);
    }
}

static int reopen_step(struct limef_thread *thread, int64_t deadline_us)
{
    struct limef_audio_output *output = output_of(thread);
    /* seq_cst: lost_by too; pairs with audio_output_reopen() */
    struct audio_device *broken =
        atomic_exchange_explicit(&output->broken, NULL, memory_order_seq_cst);
    int64_t now_us = limef_now_us();

    if (output->stands_in)
        stand_in(output, deadline_us);
    else if (broken)
        close_broken(output, broken);
    else if (!output->is_lost && now_us < output->look_us)
        wait_for_news(output, FFMIN(deadline_us, output->look_us));
    else if (!output->is_lost)
        look_for_hanging(output);
    else if (now_us < output->reopen_us)
        wait_for_news(output, FFMIN(output->reopen_us, deadline_us));
    else
        try_again(output);
    return 0;
}

static void reopen_wake(struct limef_thread *thread)
{
    wake(output_of(thread));
}

static const struct limef_thread_ops reopen_ops = {.step = reopen_step, .wake = reopen_wake};

int audio_output_reopen_start(struct limef_audio_output *output)
{
    struct limef_thread_settings settings = {.name = "audio again",
                                             .priority = LIMEF_PRIORITY_BACKGROUND};

    limef_thread_init(&output->reopener, &reopen_ops, &settings);
    return limef_thread_start(&output->reopener);
}

void audio_output_reopen(struct limef_audio_output *output, struct audio_device *broken, int code)
{
    output->lost_by = code;
    atomic_store_explicit(&output->broken, broken, memory_order_seq_cst);
    wake(output);
}

struct audio_device *audio_output_take_reopened(struct limef_audio_output *output)
{
    /* acquire: pairs with try_again() */
    struct audio_device *device = atomic_load_explicit(&output->reopened, memory_order_acquire);

    if (device)
        atomic_store_explicit(&output->reopened, NULL, memory_order_relaxed);
    return device;
}

int audio_output_reopen_stop(struct limef_audio_output *output, int64_t timeout_us)
{
    int ret = limef_thread_stop(&output->reopener, timeout_us);

    if (ret < 0)
        return ret;
    limef_thread_clear(&output->reopener);
    close_it(audio_output_take_reopened(output));
    close_it(atomic_exchange_explicit(&output->broken, NULL, memory_order_relaxed));
    return 0;
}
