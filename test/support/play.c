/* SPDX-License-Identifier: MIT */
#include "play.h"

#include "make_media.h"

#include <libavutil/error.h>
#include <libavutil/frame.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_STEPS 200000 /* more than any clip of a test takes: a source that never ends */

static const struct play_note no_note;

static void note_picture(struct play_note *note, const struct limef_decoded_frame *decoded)
{
    const AVFrame *av = decoded->av;

    note->width = av->width;
    note->height = av->height;
    note->format = av->format;
    note->rotation_degrees = decoded->rotation_degrees;
    note->mirrored = decoded->mirrored;
    if (av->nb_samples == 0)
        note->number =
            media_number(av->data[0][av->linesize[0] * (av->height / 2) + av->width / 2]);
}

static int play_end_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct play_end *end = LIMEF_CONTAINER_OF(filter, struct play_end, filter);
    const struct limef_signal_frame *signal = limef_signal_frame_from(in);
    struct play_note *note = &end->notes[end->n_notes];

    if (end->is_closed || (end->exit_after && end->n_notes >= end->exit_after))
        return AVERROR_EXIT;
    if (end->n_notes == PLAY_MAX)
        return end->answer;
    end->n_notes++;
    *note = (struct play_note){.frame_class = in->frame_class, .frame = *in};
    if (limef_decoded_frame_from(in))
        note_picture(note, limef_decoded_frame_from(in));
    if (signal) {
        note->signal = signal->signal;
        note->serial = signal->serial;
        note->code = signal->code;
        note->value = signal->value;
        memcpy(note->text, signal->text, sizeof(note->text));
    }
    return end->answer;
}

const struct limef_filter_ops play_end_ops = {.kind = "end", .go = play_end_go};

void play_init(struct play *play, const struct limef_file_source_settings *settings,
               const struct limef_decode_settings *decode)
{
    struct limef_filter *end = &play->end.filter;

    memset(play, 0, sizeof(*play));
    limef_filter_init(end, &play_end_ops, NULL);
    if (limef_file_source_init(&play->file, NULL, settings) < 0)
        abort();
    if (!decode) {
        limef_connect(&play->file.source.filter, end);
        return;
    }
    if (limef_decode_filter_init(&play->decode, NULL, decode) < 0)
        abort();
    limef_connect(&play->file.source.filter, &play->decode.filter);
    limef_connect(&play->decode.filter, end);
}

static int step(struct play *play)
{
    int64_t due_us = 0;
    int ret = play->file.source.step(&play->file.source, &due_us);
    int64_t wait_us = due_us - limef_now_us();

    if (ret == AVERROR(EAGAIN) && wait_us > 0)
        nanosleep(&(struct timespec){wait_us / 1000000, wait_us % 1000000 * 1000}, NULL);
    return ret == AVERROR(EAGAIN) ? 0 : ret;
}

int play_run(struct play *play)
{
    return play_until(play, PLAY_MAX + 1);
}

int play_until(struct play *play, unsigned n)
{
    for (int i = 0; i < MAX_STEPS; i++) {
        int ret;

        if (play_count(play, LIMEF_FRAME_DECODED) + play_count(play, LIMEF_FRAME_PACKET) >= n)
            return 0;
        ret = step(play);
        if (ret < 0)
            return ret;
    }
    return AVERROR_BUG;
}

void play_clear(struct play *play)
{
    limef_filter_clear(&play->file.source.filter);
    limef_filter_clear(&play->decode.filter);
}

void play_signal(struct play *play, uint32_t signal, int code, int64_t value, uint32_t serial)
{
    struct limef_signal_frame frame;

    limef_signal_frame_set(&frame, signal, 0, NULL);
    frame.code = code;
    frame.value = value;
    frame.serial = serial;
    limef_go(&play->file.source.filter, &frame.frame);
}

unsigned play_count(const struct play *play, enum limef_frame_class frame_class)
{
    unsigned n = 0;

    for (unsigned i = 0; i < play->end.n_notes; i++)
        n += play->end.notes[i].frame_class == frame_class;
    return n;
}

const struct play_note *play_nth(const struct play *play, enum limef_frame_class frame_class,
                                 unsigned n)
{
    for (unsigned i = 0; i < play->end.n_notes; i++)
        if (play->end.notes[i].frame_class == frame_class && n-- == 0)
            return &play->end.notes[i];
    return &no_note;
}

const struct play_note *play_signal_note(const struct play *play, uint32_t signal)
{
    for (unsigned i = 0; i < play->end.n_notes; i++)
        if (play->end.notes[i].frame_class == LIMEF_FRAME_SIGNAL &&
            play->end.notes[i].signal == signal)
            return &play->end.notes[i];
    return &no_note;
}

void play_forget(struct play *play)
{
    play->end.n_notes = 0;
}
