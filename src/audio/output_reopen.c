/* SPDX-License-Identifier: MIT */
#include "audio/output_private.h"

#include "fifo/futex.h"

#include <limef/base/log.h>

#include <libavutil/common.h>
#include <libavutil/error.h>

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

static int reopen_step(struct limef_thread *thread, int64_t deadline_us)
{
    struct limef_audio_output *output = output_of(thread);
    /* seq_cst: lost_by too; pairs with audio_output_reopen() */
    struct audio_device *broken =
        atomic_exchange_explicit(&output->broken, NULL, memory_order_seq_cst);
    int64_t now_us = limef_now_us();

    if (broken)
        close_broken(output, broken);
    else if (!output->is_lost)
        wait_for_news(output, deadline_us);
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
