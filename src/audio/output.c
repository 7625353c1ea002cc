/* SPDX-License-Identifier: MIT */
#include "audio/output_private.h"

#include "audio/device_module.h"
#include "audio/flush_denormals.h"
#include "audio/mixer_private.h"
#include "audio/pace.h"
#include "base/memory_private.h"

#include <limef/base/log.h>

#include <errno.h>
#include <libavutil/common.h>
#include <libavutil/error.h>

#define DEFAULT_PERIOD_US 5000
#define DEFAULT_REOPEN_US 2000000
/* How long a device may keep the thread waiting before it is asked anew, and a stop is seen. */
#define WAIT_US 100000
/* A device that takes nothing for so long, and for so many periods, does not play any more. */
#define STUCK_US 1000000
#define STUCK_PERIODS 4
/* How often a period that waits for an input looks for it, and the longest that may be asked for.
 */
#define LATE_LOOK_US 500
#define MAX_PATIENCE_US 1000000

static struct limef_audio_output *output_of(struct limef_thread *thread)
{
    return LIMEF_CONTAINER_OF(thread, struct limef_audio_output, thread);
}

int audio_output_open(const struct limef_audio_output *output, const struct audio_device_ops *ops,
                      struct audio_device **device)
{
    struct audio_device_settings settings = {
        .device = output->settings.device,
        .rate = output->mixer->settings.rate,
        .n_channels = output->mixer->settings.n_channels,
        .period_frames = output->settings.period_frames,
        .spare_frames =
            (uint32_t)(output->settings.patience_us * output->mixer->settings.rate / 1000000),
        .name = output->name,
        .callback = output->settings.callback,
    };
    int ret = memory_permits() ? ops->open(device, &settings) : AVERROR(ENOMEM);

    if (ret >= 0 && (*device)->settings.rate != settings.rate)
        ret = audio_device_resample(device, settings.rate, LIMEF_AUDIO_MAX_PERIOD);
    return ret;
}

void audio_output_tell(struct limef_audio_output *output, const struct audio_device *device)
{
    const struct audio_device *plays = device->below ? device->below : device;

    atomic_store_explicit(&output->kind, device->ops->kind, memory_order_relaxed);
    atomic_store_explicit(&output->period_frames, device->settings.period_frames,
                          memory_order_relaxed);
    atomic_store_explicit(&output->device_rate, plays->settings.rate, memory_order_relaxed);
}

static void use_device(struct limef_audio_output *output, struct audio_device *device)
{
    output->device = device;
    output->waited_us = 0;
    audio_output_tell(output, device);
}

static int open_device(struct limef_audio_output *output, const struct audio_device_ops *ops)
{
    struct audio_device *device;
    int ret = audio_output_open(output, ops, &device);

    if (ret >= 0)
        use_device(output, device);
    return ret;
}

/* The underruns of devices that are not used any more stay counted. */
static void count_underruns(struct limef_audio_output *output)
{
    atomic_store_explicit(&output->n_underruns,
                          output->underruns_before + LIMEF_COUNTED(output->device->n_underruns),
                          memory_order_relaxed);
}

static void change_device(struct limef_audio_output *output, struct audio_device *device)
{
    output->underruns_before += LIMEF_COUNTED(output->device->n_underruns);
    use_device(output, device);
}

static void close_devices(struct limef_audio_output *output)
{
    struct audio_device *devices[] = {output->device,
                                      output->stand_in == output->device ? NULL : output->stand_in};

    for (int i = 0; i < 2; i++)
        if (devices[i])
            devices[i]->ops->close(devices[i]);
}

/* The device is gone: one without sound keeps the time, until it comes back. */
static int lose_device(struct limef_audio_output *output, int code)
{
    struct audio_device *broken = output->device;

    if (!output->stand_in || broken == output->stand_in)
        return code;
    LIMEF_COUNT(output->n_lost, 1);
    audio_device_null_begin(output->stand_in);
    change_device(output, output->stand_in);
    audio_output_reopen(output, broken, code);
    return 0;
}

/* Of a lost device: whether it came back. */
static void look_for_device(struct limef_audio_output *output)
{
    struct audio_device *device = audio_output_take_reopened(output);

    if (!device)
        return;
    change_device(output, device);
    LIMEF_COUNT(output->n_reopened, 1);
}

static int play_period(struct limef_audio_output *output, int64_t heard_us)
{
    struct audio_device *device = output->device;
    int64_t begun_us = limef_now_us();
    int ret;

    limef_mixer_mix(output->mixer, output->block, device->settings.period_frames, heard_us);
    limef_histogram_add(&output->mix, limef_now_us() - begun_us);
    atomic_store_explicit(&output->delay_us, heard_us - begun_us, memory_order_relaxed);
    LIMEF_COUNT(output->n_periods, 1);
    audio_output_enter(output);
    ret = device->ops->write(device, output->block, device->settings.period_frames);
    return audio_output_leave(output) ? ret : AVERROR(ETIMEDOUT);
}

static int wait_for_device(struct limef_audio_output *output, int64_t deadline_us,
                           int64_t *heard_us)
{
    struct audio_device *device = output->device;
    int ret;

    audio_output_enter(output);
    ret = device->ops->wait(device, deadline_us, heard_us);
    return audio_output_leave(output) ? ret : AVERROR(ETIMEDOUT);
}

/* Time in which the process itself was stopped is not the device's: a step waits no longer than
 * WAIT_US. */
static bool is_stuck(struct limef_audio_output *output, int64_t begun_us)
{
    const struct audio_device_settings *device = &output->device->settings;
    int64_t period_us = (int64_t)device->period_frames * 1000000 / device->rate;

    output->waited_us += FFMIN(limef_now_us() - begun_us, WAIT_US);
    return output->waited_us > FFMAX(STUCK_US, STUCK_PERIODS * period_us);
}

/* A source that the machine kept from its turn sends what is missing a moment later, and the device
 * still has enough: whether it waits for that. Half a period is left to be mixed in. */
static bool waits_for_input(struct limef_audio_output *output)
{
    const struct audio_device_settings *device = &output->device->settings;
    int64_t half_us = PACE_AHEAD_FRAMES(device->period_frames) * 1000000LL / device->rate;
    int64_t now_us = limef_now_us(), left_us = output->device->dry_us - half_us - now_us;

    mixer_obey(output->mixer); /* it may be to leave */
    if (!output->settings.patience_us || left_us <= 0 ||
        !mixer_is_short(output->mixer, device->period_frames)) {
        output->is_late = false;
        return false;
    }
    LIMEF_COUNT(output->n_late, !output->is_late);
    output->is_late = true;
    audio_sleep_until(now_us + FFMIN(left_us, LATE_LOOK_US));
    return true;
}

static int output_step(struct limef_thread *thread, int64_t deadline_us)
{
    struct limef_audio_output *output = output_of(thread);
    int64_t now_us = limef_now_us(), heard_us;
    int ret;

    if (output->device == output->stand_in)
        look_for_device(output);
    ret = wait_for_device(output, FFMIN(deadline_us, now_us + WAIT_US), &heard_us);
    if (ret >= 0) {
        output->waited_us = 0;
        ret = waits_for_input(output) ? 0 : play_period(output, heard_us);
    } else if (ret == AVERROR(EAGAIN) && is_stuck(output, now_us)) {
        ret = AVERROR(ETIMEDOUT);
    }
    count_underruns(output);
    if (ret < 0 && ret != AVERROR(EAGAIN))
        ret = lose_device(output, ret);
    return ret;
}

/* On the thread, before the first step. */
static int64_t prepare(void *context, int64_t now_us)
{
    (void)context;
    (void)now_us;
    flush_denormals();
    return LIMEF_FOREVER;
}

static const struct limef_thread_ops output_ops = {.step = output_step};

/* What is needed when the device is lost: the audio thread could not have it then without waiting
 * for memory. */
static int prepare_for_loss(struct limef_audio_output *output)
{
    int ret = audio_output_open(output, &audio_device_null, &output->stand_in);

    return ret < 0 ? ret : audio_output_reopen_start(output);
}

/* The device is not there; it may come later. */
static int begin_without(struct limef_audio_output *output)
{
    int ret;

    output->is_lost = true;
    output->reopen_us = limef_now_us() + output->settings.reopen_us;
    ret = prepare_for_loss(output);
    if (ret >= 0)
        use_device(output, output->stand_in);
    return ret;
}

/* Never lost. */
static bool is_ours(const struct audio_device_ops *ops)
{
    return ops == &audio_device_null || ops == &audio_device_callback;
}

static int open_wanted(struct limef_audio_output *output)
{
    int ret = 0;

    if (output->settings.kind == LIMEF_AUDIO_NULL)
        output->wanted = &audio_device_null;
    else if (output->settings.kind == LIMEF_AUDIO_CALLBACK)
        output->wanted = &audio_device_callback;
    else
        output->wanted = device_module_load("limef-audio-alsa.so", output->name);
    if (!output->wanted)
        ret = AVERROR(ENOSYS);
    if (ret >= 0)
        ret = open_device(output, output->wanted);
    if (ret >= 0)
        return is_ours(output->wanted) ? 0 : prepare_for_loss(output);
    if (is_ours(output->wanted))
        return ret;
    if (output->settings.kind != LIMEF_AUDIO_AUTO)
        return limef_fail(ret, output->name, "no sound device %s",
                          output->settings.device ? output->settings.device : "default");
    limef_log(LIMEF_LOG_INFO, output->name, "no sound device: nobody hears it");
    return output->wanted ? begin_without(output) : open_device(output, &audio_device_null);
}

int limef_audio_output_start(struct limef_audio_output *output, const char *name,
                             struct limef_mixer *mixer,
                             const struct limef_audio_output_settings *settings)
{
    struct limef_thread_settings thread = {.name = name ? name : "audio",
                                           .priority = LIMEF_PRIORITY_AUDIO};
    int ret;

    if (settings)
        output->settings = *settings;
    output->name = thread.name;
    output->mixer = mixer;
    if (!output->settings.reopen_us)
        output->settings.reopen_us = DEFAULT_REOPEN_US;
    if (!output->settings.period_frames)
        output->settings.period_frames =
            (uint32_t)((uint64_t)mixer->settings.rate * DEFAULT_PERIOD_US / 1000000);
    if (output->settings.period_frames > LIMEF_AUDIO_MAX_PERIOD)
        output->settings.period_frames = LIMEF_AUDIO_MAX_PERIOD;
    output->settings.patience_us = av_clip64(output->settings.patience_us, 0, MAX_PATIENCE_US);
    ret = open_wanted(output);
    if (ret >= 0) {
        limef_thread_init(&output->thread, &output_ops, &thread);
        limef_thread_set_task(&output->thread, prepare, NULL);
        limef_mixer_set_running(mixer, true);
        ret = limef_thread_start(&output->thread);
    }
    if (ret < 0) {
        limef_mixer_set_running(mixer, false);
        limef_thread_clear(&output->thread);
        audio_output_reopen_stop(output, LIMEF_FOREVER); /* it has nothing to do yet */
        close_devices(output);
        *output = (struct limef_audio_output){0};
    }
    return ret;
}

int limef_audio_output_stop(struct limef_audio_output *output, int64_t timeout_us)
{
    int ret = limef_thread_stop(&output->thread, timeout_us);

    if (ret < 0 || !output->mixer)
        return ret;
    limef_mixer_set_running(output->mixer, false);
    ret = audio_output_reopen_stop(output, timeout_us);
    if (ret < 0)
        return ret;
    limef_thread_clear(&output->thread);
    close_devices(output);
    *output = (struct limef_audio_output){0};
    return 0;
}

void limef_audio_output_get_counters(const struct limef_audio_output *output,
                                     struct limef_audio_output_counters *counters)
{
    *counters = (struct limef_audio_output_counters){
        .kind = LIMEF_COUNTED(output->kind),
        .period_frames = LIMEF_COUNTED(output->period_frames),
        .device_rate = LIMEF_COUNTED(output->device_rate),
        .n_periods = LIMEF_COUNTED(output->n_periods),
        .n_underruns = LIMEF_COUNTED(output->n_underruns),
        .n_lost = LIMEF_COUNTED(output->n_lost),
        .n_reopened = LIMEF_COUNTED(output->n_reopened),
        .n_late = LIMEF_COUNTED(output->n_late),
        .delay_us = LIMEF_COUNTED(output->delay_us),
        .scheduled_as = (enum limef_scheduled)LIMEF_COUNTED(output->thread.scheduled_as),
        .mix_p50_us = limef_histogram_percentile_us(&output->mix, 0.5),
        .mix_p99_us = limef_histogram_percentile_us(&output->mix, 0.99),
    };
}
