/* SPDX-License-Identifier: MIT */
/*
 * A display without a display server: atomic modesetting, GL through GBM, and
 * pictures straight on planes. A module, loaded by output.c.
 */
#include "gpu/kms.h"
#include "gpu/kms_display.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

/* How often it is asked for a screen that is not ours. */
#define RETRY_US 200000
/* How often displays are looked for while there is none, beside announcements: a look may fail. */
#define LOOK_AGAIN_US 1000000
/* A flip that is late is looked for this often. */
#define LOOK_US 500

extern const struct output_ops limef_output_module;
/* What a test may replace before an output is opened. */
extern LIMEF_API const struct kms_calls *limef_output_kms_calls;
const struct kms_calls *limef_output_kms_calls = &kms_calls_of_libraries;

static int64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* The screen is as it was before. */
static void put_back(struct kms *kms)
{
    struct kms_scene black = kms_scene_of(kms, kms->black);

    kms_commit(kms, &black, 0); /* takes overlays away */
    kms->scene = black;
    if (!kms_display_restore(&kms->device))
        kms_commit_nothing(kms);
}

static void close_all(struct kms *kms)
{
    if (kms->device.fd >= 0 && kms->device.connector) {
        if (kms_settle(kms) && !kms->away)
            put_back(kms);
    }
    kms_shown_release(kms, &kms->shown);
    kms_shown_release(kms, &kms->pending);
    kms_surface_close(kms);
    if (kms->device.fd >= 0) {
        kms_frames_clear(kms, NULL);
        kms_free_black(kms);
    }
    kms_device_close(&kms->device);
    kms_console_close(&kms->console);
    if (kms->uevents_fd >= 0)
        close(kms->uevents_fd);
}

static void kms_output_close(struct output *output)
{
    struct kms *kms = output->private_data;

    if (!kms)
        return;
    close_all(kms);
    output->release(kms);
    output->private_data = NULL;
}

/* Sets the mode, with nothing on the screen yet: what cannot be shown is known now. */
static int show_black(struct kms *kms)
{
    struct kms_scene black;
    int ret = kms_make_black(kms);

    if (ret < 0)
        return ret;
    black = kms_scene_of(kms, kms->black);
    kms->needs_mode = true;
    ret = kms_show(kms, &black, &(struct kms_shown){0});
    kms->flip.period_us = kms->device.period_us;
    return ret;
}

static int kms_output_open(struct output *output, const struct output_settings *settings)
{
    struct kms *kms = output->allocate(sizeof(*kms));
    struct kms_mode_wish wish = {settings->width, settings->height,
                                 settings->kms ? settings->kms->refresh_hz : 0};
    const char *missing;
    int ret;

    if (!kms)
        return output->fail(-ENOMEM, settings->name, "output");
    *kms = (struct kms){.calls = limef_output_kms_calls,
                        .output = output,
                        .name = settings->name,
                        .device = {.fd = -1, .render_fd = -1},
                        .console = {.fd = -1, .in_front = true},
                        .uevents_fd = -1};
    output->private_data = kms;
    ret = kms_device_open(&kms->device, kms->calls, output, settings->kms, &wish, settings->name);
    if (ret < 0) {
        kms_output_close(output);
        return ret;
    }
    missing = kms_surface_open(kms, settings->gles2);
    ret = missing ? -ENODEV : show_black(kms);
    if (ret < 0) {
        kms->away = true; /* what was there is still there */
        ret = output->fail(ret, settings->name, "no display by KMS: %s",
                           missing ? missing : "the mode cannot be set");
        kms_output_close(output);
        return ret;
    }
    if (!kms->device.lent)
        kms_console_open(&kms->console);
    kms->uevents_fd = kms_hotplug_open();
    return 0;
}

static void kms_output_size(struct output *output, int *width, int *height)
{
    const struct kms *kms = output->private_data;

    *width = kms->surface.width;
    *height = kms->surface.height;
}

/* The display has its size from the beginning. */
static int kms_output_resize(struct output *output, int width, int height)
{
    (void)output;
    (void)width;
    (void)height;
    return 0;
}

/* Once, until a picture is shown again. */
static void say_failed(struct kms *kms, int ret, const char *what)
{
    if (!kms->said_failed)
        kms->output->fail(ret, kms->name, "%s", what);
    kms->said_failed = true;
}

/* What a commit was refused with: the screen is somebody else's, the card is gone, or a riddle.
 * While a flip is late nothing else can be shown; it is drawn again then. */
static void take_refusal(struct kms *kms, int ret)
{
    if (ret == -EACCES || ret == -EPERM) {
        kms->away = true;
        kms->retry_us = now_us() + RETRY_US;
        if (kms_console_in_front(&kms->console))
            say_failed(kms, ret, "the screen is somebody else's");
    } else if (ret == -ENODEV) {
        kms->lost = true;
    } else if (ret != -EBUSY || !kms->waiting) {
        if (!kms->said_failed)
            kms->needs_mode = kms->redraw = true; /* once more */
        say_failed(kms, ret, "a picture cannot be shown");
    }
}

static void kms_output_swap(struct output *output)
{
    struct kms *kms = output->private_data;
    struct kms_shown shown = {0};
    struct kms_scene scene;
    int ret = kms_surface_swap(kms, &shown, &scene);

    if (ret == 0 && !kms->away && !kms->lost) {
        ret = kms_show(kms, &scene, &shown);
        kms->said_failed &= ret < 0;
    }
    kms_shown_release(kms, &shown); /* empty if it is shown */
    if (ret < 0)
        take_refusal(kms, ret);
}

static int64_t kms_output_flips(struct output *output, struct output_flip *flip)
{
    struct kms *kms = output->private_data;
    int64_t now = now_us(), period_us = kms->device.period_us, expected_us;

    kms_read_flips(kms);
    *flip = kms->flip;
    if (!kms->waiting || kms->late)
        return 0;
    expected_us = kms->flip.at_us + period_us;
    if (expected_us < kms->committed_us) /* the refresh behind the commit */
        expected_us += (kms->committed_us - expected_us + period_us - 1) / period_us * period_us;
    return expected_us > now ? expected_us + LOOK_US / 2 : now + LOOK_US;
}

/* The display is another one, or has another mode. */
static void change_display(struct kms *kms)
{
    const char *missing, *why;
    bool changed = kms_device_look_again(&kms->device, &why);

    if (why && why != kms->why_none)
        kms->output->fail(-ENODEV, kms->name, "pictures are shown to nobody: %s", why);
    kms->why_none = why;
    if (!changed)
        return;
    kms_settle(kms);
    kms->way = (struct kms_way){0};
    kms->scene = (struct kms_scene){0};
    kms->redraw = kms->needs_mode = true;
    if (!kms->device.connector)
        return;
    kms_shown_release(kms, &kms->shown);
    kms_frames_clear(kms, NULL);
    kms_free_black(kms);
    missing = kms_surface_resize(kms);
    if (missing || kms_make_black(kms) < 0) {
        kms->lost = true;
        kms->output->fail(-ENODEV, kms->name, "the display cannot be used any more: %s",
                          missing ? missing : "no buffer");
    }
    kms->flip.period_us = kms->device.period_us;
}

/* Whether the screen is ours at present; takes it and lets go of it as consoles are switched. */
static void share_screen(struct kms *kms)
{
    const struct kms_calls *calls = kms->calls;
    bool in_front = kms_console_in_front(&kms->console);
    int64_t now = now_us();

    if (!kms->away && !in_front) {
        kms->away = true;
        if (kms_settle(kms))
            put_back(kms);
        calls->drmDropMaster(kms->device.fd);
    } else if (kms->away && in_front && kms->device.connector && now >= kms->retry_us) {
        kms->retry_us = now + RETRY_US;
        if (kms->device.lent || calls->drmSetMaster(kms->device.fd) == 0) {
            kms->away = false;
            kms->needs_mode = kms->redraw = true;
        } else {
            say_failed(kms, -errno, "the screen is still somebody else's");
        }
    }
}

static void kms_output_forget(struct output *output)
{
    struct kms *kms = output->private_data;

    kms->forgets = true;
}

static enum output_event kms_output_poll(struct output *output, int *value)
{
    struct kms *kms = output->private_data;

    (void)value;
    if (kms->said_lost)
        return OUTPUT_EVENT_NONE;
    if (kms->lost) {
        kms->said_lost = true;
        return OUTPUT_EVENT_LOST;
    }
    share_screen(kms);
    if (kms_hotplug_read(kms->uevents_fd) ||
        (kms->why_none && now_us() >= kms->looked_us + LOOK_AGAIN_US)) {
        kms->looked_us = now_us();
        change_display(kms);
        kms->away |= !kms->device.connector;
    }
    if (kms->forgets && !kms->waiting) {
        kms->forgets = false;
        kms_frames_drop_unused(kms, 0);
    }
    if (!kms->redraw)
        return OUTPUT_EVENT_NONE;
    kms->redraw = false;
    return OUTPUT_EVENT_REDRAW;
}

LIMEF_API const struct output_ops limef_output_module = {
    .abi = OUTPUT_ABI,
    .kind = LIMEF_OUTPUT_KMS,
    .open = kms_output_open,
    .close = kms_output_close,
    .size = kms_output_size,
    .resize = kms_output_resize,
    .swap = kms_output_swap,
    .poll = kms_output_poll,
    .scan_out = kms_scan_out,
    .card = kms_card,
    .flips = kms_output_flips,
    .forget = kms_output_forget,
};
