/* SPDX-License-Identifier: MIT */
#include "audio/output_private.h"

#include <limef/base/log.h>

#include <libavutil/common.h>
#include <libavutil/error.h>

/* How soon a stop is seen. */
#define LOOK_US 50000

static void close_it(struct audio_device *device)
{
    if (device)
        device->ops->close(device);
}

static int reopen_step(struct limef_thread *thread, int64_t deadline_us)
{
    struct limef_audio_output *output =
        LIMEF_CONTAINER_OF(thread, struct limef_audio_output, reopener);
    int64_t now_us = limef_now_us();
    struct audio_device *device;

    if (output->broken) {
        close_it(output->broken);
        output->broken = NULL;
        output->reopen_us = now_us + output->settings.reopen_us;
    }
    if (now_us < output->reopen_us) {
        audio_sleep_until(FFMIN3(now_us + LOOK_US, output->reopen_us, deadline_us));
        return 0;
    }
    output->reopen_us = now_us + output->settings.reopen_us;
    if (audio_output_open(output, output->wanted, &device) < 0)
        return 0;
    /* release: what open made of it; pairs with audio_output_take_reopened() */
    atomic_store_explicit(&output->reopened, device, memory_order_release);
    return AVERROR_EXIT;
}

static int reopen_go(struct limef_thread *thread, const struct limef_signal_frame *signal_frame)
{
    (void)thread;
    (void)signal_frame;
    return 0;
}

static void do_nothing(struct limef_thread *thread)
{
    (void)thread;
}

static const struct limef_thread_ops reopen_ops = {.step = reopen_step,
                                                   .go = reopen_go,
                                                   .wake = do_nothing,
                                                   .open = do_nothing,
                                                   .retry = do_nothing};

void audio_output_reopen(struct limef_audio_output *output)
{
    struct limef_thread_settings settings = {.name = "audio again",
                                             .priority = LIMEF_PRIORITY_BACKGROUND};

    if (limef_thread_running(&output->reopener))
        return;
    limef_thread_stop(&output->reopener, LIMEF_FOREVER); /* it has ended */
    limef_thread_clear(&output->reopener);
    limef_thread_init(&output->reopener, &reopen_ops, &settings);
    output->is_reopening = limef_thread_start(&output->reopener) >= 0;
}

struct audio_device *audio_output_take_reopened(struct limef_audio_output *output)
{
    /* acquire: pairs with reopen_step() */
    struct audio_device *device = atomic_load_explicit(&output->reopened, memory_order_acquire);

    if (!device)
        return NULL;
    atomic_store_explicit(&output->reopened, NULL, memory_order_relaxed);
    output->is_reopening = false;
    return device;
}

int audio_output_reopen_stop(struct limef_audio_output *output, int64_t timeout_us)
{
    int ret = limef_thread_stop(&output->reopener, timeout_us);

    if (ret < 0)
        return ret;
    limef_thread_clear(&output->reopener);
    close_it(audio_output_take_reopened(output));
    close_it(output->broken);
    output->broken = NULL;
    return 0;
}
