/* SPDX-License-Identifier: MIT */
/*
 * A module with a device that goes away after ten periods, is not there when it is first tried
 * again, and comes back then. One with the name "stuck" takes no more instead, and opening it again
 * hangs until limef_test_lets_open; one with the name "hanging" does not return until then; one
 * with the name "restless" goes away again and again; one with the name "patient" stays, and says
 * that it runs dry at limef_test_dry_us; one with the name "other rate" has one of its own. How
 * often it waited is in limef_test_n_waits; where limef_test_at_period is set, that is all a wait
 * does. It links nothing of limef.
 */
#include "audio/device.h"

#include <errno.h>
#include <libavutil/error.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define N_PERIODS 10
#define N_RESTLESS 3

extern const struct audio_device_ops limef_audio_module;

struct vanishing_device {
    struct audio_device base;
    int n_left; /* periods until it vanishes; below 0: it stays */
};

__attribute__((visibility("default"))) LIMEF_ATOMIC(int) limef_test_lets_open;
__attribute__((visibility("default"))) void (*limef_test_at_period)(void);
__attribute__((visibility("default"))) LIMEF_ATOMIC(int64_t) limef_test_dry_us;
__attribute__((visibility("default"))) LIMEF_ATOMIC(int) limef_test_n_waits;
static LIMEF_ATOMIC(int) n_opened;

static bool is(const struct audio_device_settings *settings, const char *name)
{
    return settings->device && !strcmp(settings->device, name);
}

static void wait_a_millisecond(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static int vanishing_open(struct audio_device **device,
                          const struct audio_device_settings *settings)
{
    struct vanishing_device *vanishing;
    int n_before = atomic_fetch_add(&n_opened, 1);

    if (n_before == 1 && !is(settings, "restless")) {
        if (!is(settings, "stuck"))
            return AVERROR(ENODEV);
        while (!atomic_load(&limef_test_lets_open))
            wait_a_millisecond();
    }
    vanishing = calloc(1, sizeof(*vanishing));
    if (!vanishing)
        return AVERROR(ENOMEM);
    vanishing->base.ops = &limef_audio_module;
    vanishing->base.settings = *settings;
    vanishing->base.settings.period_frames = 100; /* has its own mind */
    if (is(settings, "other rate"))
        vanishing->base.settings.rate = 44100;
    vanishing->n_left = n_before == 0 ? N_PERIODS : is(settings, "restless") ? N_RESTLESS : -1;
    if (is(settings, "patient"))
        vanishing->n_left = -1;
    *device = &vanishing->base;
    return 0;
}

static int vanishing_wait(struct audio_device *device, int64_t deadline_us, int64_t *heard_us)
{
    struct vanishing_device *vanishing = LIMEF_CONTAINER_OF(device, struct vanishing_device, base);

    if (limef_test_at_period)
        limef_test_at_period();
    else
        wait_a_millisecond();
    *heard_us = deadline_us;
    device->dry_us = atomic_load(&limef_test_dry_us);
    atomic_fetch_add(&limef_test_n_waits, 1);
    if (vanishing->n_left == 0)
        return is(&device->settings, "stuck") ? AVERROR(EAGAIN) : AVERROR(ENODEV);
    if (vanishing->n_left == 1 && is(&device->settings, "hanging"))
        while (!atomic_load(&limef_test_lets_open))
            wait_a_millisecond();
    vanishing->n_left -= vanishing->n_left > 0;
    return 0;
}

static int vanishing_write(struct audio_device *device, const float *frames, unsigned n_frames)
{
    (void)device;
    (void)frames;
    (void)n_frames;
    return 0;
}

static void vanishing_close(struct audio_device *device)
{
    free(LIMEF_CONTAINER_OF(device, struct vanishing_device, base));
}

__attribute__((visibility("default")))
const struct audio_device_ops limef_audio_module = {.kind = "vanishing",
                                                    .abi = AUDIO_ABI,
                                                    .open = vanishing_open,
                                                    .wait = vanishing_wait,
                                                    .write = vanishing_write,
                                                    .close = vanishing_close};
