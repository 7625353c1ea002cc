/* SPDX-License-Identifier: MIT */
/* Commands into the audio thread, snapshots out of it. */
#include "audio/mixer_private.h"

#include <limef/base/log.h>

#include <errno.h>
#include <libavutil/error.h>
#include <math.h>
#include <string.h>
#include <time.h>

/* How often a disconnection looks whether the audio thread is done. */
#define LOOK_NS 1000000

/* Commands beside enum limef_mixer_control. */
enum {
    COMMAND_CONNECT = 0x100,
    COMMAND_DISCONNECT,
};

static int send(struct limef_mixer *mixer, uint32_t kind, struct limef_mixer_input *input,
                float value)
{
    struct limef_audio_command command = {.kind = kind, .value = value, .object = input};

    return limef_audio_commands_send(&mixer->commands, &command);
}

static bool is_gone(const struct limef_mixer_input *input)
{
    /* acquire: whatever the audio thread did with it; pairs with drop() */
    return !atomic_load_explicit(&input->connected, memory_order_acquire);
}

/* The audio thread has let go of what was to leave. */
static void free_place(struct limef_mixer *mixer, struct limef_mixer_input *input)
{
    mixer->n_connected -= input->leaving;
    input->leaving = false;
}

int limef_mixer_connect(struct limef_mixer *mixer, struct limef_mixer_input *input)
{
    int ret;

    if (!is_gone(input))
        return AVERROR(EEXIST);
    free_place(mixer, input); /* nobody may have waited until it was gone */
    if (mixer->n_connected == LIMEF_MIXER_MAX_INPUTS)
        return AVERROR(ENOSPC);
    atomic_store_explicit(&input->connected, 1, memory_order_relaxed);
    ret = send(mixer, COMMAND_CONNECT, input, 0);
    if (ret < 0)
        atomic_store_explicit(&input->connected, 0, memory_order_relaxed);
    else
        mixer->n_connected++;
    return ret;
}

/* Has it leave: once, since its memory may go when the first command is obeyed. Returns whether it
 * is asked to. */
static bool ask_to_leave(struct limef_mixer *mixer, struct limef_mixer_input *input)
{
    if (!input->leaving)
        input->leaving = send(mixer, COMMAND_DISCONNECT, input, 0) == 0;
    return input->leaving;
}

int limef_mixer_disconnect(struct limef_mixer *mixer, struct limef_mixer_input *input,
                           int64_t timeout_us)
{
    int64_t deadline_us = limef_deadline_us(timeout_us);

    while (!is_gone(input)) {
        bool running = LIMEF_COUNTED(mixer->running);

        if (!running) /* there may be no room for it before */
            mixer_obey(mixer);
        if (!ask_to_leave(mixer, input) && running)
            return AVERROR(EAGAIN);
        if (!running)
            mixer_obey(mixer);
        if (is_gone(input))
            break;
        if (limef_now_us() >= deadline_us)
            return AVERROR(ETIMEDOUT);
        nanosleep(&(struct timespec){.tv_nsec = LOOK_NS}, NULL);
    }
    free_place(mixer, input);
    return 0;
}

int limef_mixer_set(struct limef_mixer *mixer, struct limef_mixer_input *input,
                    enum limef_mixer_control control, float value)
{
    return send(mixer, control, input, isnan(value) ? 0 : value);
}

static void add(struct limef_mixer *mixer, struct limef_mixer_input *input)
{
    input->state = LIMEF_INPUT_WAITING; /* also if it sounded when it left */
    input->n_owed = input->n_late = 0;
    input->is_dry = false;
    mixer->inputs[mixer->n_inputs++] = input;
}

static void drop(struct limef_mixer *mixer, struct limef_mixer_input *input)
{
    unsigned i = 0;

    while (i < mixer->n_inputs && mixer->inputs[i] != input)
        i++;
    if (i < mixer->n_inputs)
        mixer->inputs[i] = mixer->inputs[--mixer->n_inputs];
    mixer_remains_leave(mixer, input);
    memset(input->last, 0, sizeof(input->last));
    mixer_input_hush(input);
    /* release: the audio thread is done with it; pairs with is_gone() */
    atomic_store_explicit(&input->connected, 0, memory_order_release);
}

static float cut(float value, float least, float most)
{
    return value < least ? least : value > most ? most : value;
}

static void set(struct limef_mixer *mixer, struct limef_mixer_input *input, uint32_t control,
                float value)
{
    switch (control) {
    case LIMEF_MIXER_GAIN:
        *(input ? &input->gain : &mixer->gain) = cut(value, 0, 1000);
        break;
    case LIMEF_MIXER_MUTE:
        *(input ? &input->muted : &mixer->muted) = value != 0;
        break;
    case LIMEF_MIXER_BALANCE:
        if (input)
            input->balance = cut(value, -1, 1);
        break;
    case LIMEF_MIXER_PAUSE:
        if (input)
            input->paused = value != 0;
        break;
    default:
        break;
    }
}

void mixer_obey(struct limef_mixer *mixer)
{
    struct limef_audio_command command;

    /* as many as can wait, and no more: who sends without end must not keep it from mixing */
    for (unsigned i = 0; i < LIMEF_AUDIO_N_COMMANDS; i++) {
        if (!limef_audio_commands_take(&mixer->commands, &command))
            return;
        if (command.kind == COMMAND_CONNECT)
            add(mixer, command.object);
        else if (command.kind == COMMAND_DISCONNECT)
            drop(mixer, command.object);
        else
            set(mixer, command.object, command.kind, command.value);
        LIMEF_COUNT(mixer->n_commands, 1);
    }
}

void limef_mixer_set_running(struct limef_mixer *mixer, bool running)
{
    atomic_store_explicit(&mixer->running, running, memory_order_relaxed);
    for (unsigned i = 0; i < mixer->n_inputs && !running; i++)
        mixer_input_hush(mixer->inputs[i]);
}

void limef_mixer_get_levels(const struct limef_mixer *mixer, struct limef_levels *levels)
{
    limef_snapshot_read(&mixer->levels_now, levels, sizeof(*levels));
}

void limef_mixer_get_counters(const struct limef_mixer *mixer,
                              struct limef_mixer_counters *counters)
{
    *counters = (struct limef_mixer_counters){
        .n_frames = LIMEF_COUNTED(mixer->n_frames),
        .n_blocks = LIMEF_COUNTED(mixer->n_blocks),
        .n_limited = LIMEF_COUNTED(mixer->n_limited),
        .n_commands = LIMEF_COUNTED(mixer->n_commands),
        .n_cleaned = LIMEF_COUNTED(mixer->n_cleaned),
    };
}

void limef_mixer_input_get_heard(const struct limef_mixer_input *input,
                                 struct limef_mixer_heard *heard)
{
    limef_snapshot_read(&input->heard_now, heard, sizeof(*heard));
}

int64_t limef_mixer_input_heard_us(const struct limef_mixer_input *input, int64_t now_us)
{
    struct limef_mixer_heard heard;

    limef_mixer_input_get_heard(input, &heard);
    if (heard.state != LIMEF_INPUT_SOUNDING || heard.media_us == LIMEF_NO_TIME)
        return LIMEF_NO_TIME;
    /* acquire: pairs with the release of a flush. What the mixer has not thrown away yet is heard,
     * but nothing follows it */
    if (limef_sample_ring_tail(&input->ring) <
        atomic_load_explicit(&input->flushed_until, memory_order_acquire))
        return LIMEF_NO_TIME;
    if (now_us < heard.turn.at_us) /* what it turns from still waits in the device */
        return heard.turn.media_us + (now_us - heard.turn.at_us) * heard.turn.rate / 1000;
    return heard.media_us + (now_us - heard.at_us) * heard.rate / 1000;
}

void limef_mixer_input_get_levels(const struct limef_mixer_input *input,
                                  struct limef_levels *levels)
{
    limef_snapshot_read(&input->levels_now, levels, sizeof(*levels));
}
