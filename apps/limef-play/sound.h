/* SPDX-License-Identifier: MIT */
/*
 * The sound of all streams: a thread that takes it from their chains, a mixer, an output.
 *
 *     decode - resample - sound's thread: audio sink - mixer - device, files, network
 */
#ifndef LIMEF_PLAY_SOUND_H
#define LIMEF_PLAY_SOUND_H

#include "encoded.h"
#include "options.h"

#include <limef/audio/output.h>
#include <limef/audio/recorder.h>
#include <limef/filter/audio_sink.h>
#include <limef/thread/consumer.h>

/* Whether sound comes of a stream, which may be gone without an end. */
struct play_coming {
    uint64_t n_seen;   /* what came so far, when that was looked at */
    uint64_t at_frame; /* of the mixer's, when that changed last */
};

struct play_sound {
    bool on; /* else all the rest is empty, and streams have no sound */
    struct limef_mixer mixer;
    struct limef_mixer_input *inputs; /* one for each stream */
    struct limef_audio_slot *slots;
    struct limef_audio_sink sink;
    struct limef_consumer thread;
    float *samples; /* memory of the inputs' rings */

    /* written by the main thread, read by the screen's */
    LIMEF_ATOMIC(bool) muted;
    LIMEF_ATOMIC(int) volume; /* per cent */

    /* the main thread */
    unsigned n_streams;
    struct play_coming *coming;    /* of each stream */
    uint32_t alone;                /* the stream that is heard; UINT32_MAX: all */
    unsigned n_heard;              /* streams side by side, as the mixer knows */
    unsigned n_silent;             /* streams that the mixer had no place for; said */
    bool tells_sum, tells_streams; /* the mixer does not know yet: too many commands wait */
    bool playing;                  /* the output is open */
    struct limef_audio_output output;
    struct limef_audio_output_settings settings;
    struct limef_audio_output_counters counters; /* of the output, when it was closed */
    struct limef_broadcast_ring ring;
    limef_broadcast_word *words;
    struct limef_audio_recorder recorder;
    uint64_t n_unwritten; /* frames that it missed, when it was closed */
    struct play_encoded recorded, streamed;
};

/*
 * Makes what the options ask for; starts nothing. reports: borrowed; must outlive the sound.
 * Returns 0, or a negative AVERROR code, logged.
 */
int play_sound_init(struct play_sound *sound, const struct play_options *options,
                    unsigned n_streams, struct limef_reports *reports);

/* Opens what was asked for by name, and starts the thread. Returns 0, or a negative AVERROR code,
 * logged: the output is not there. */
int play_sound_start(struct play_sound *sound, const struct play_options *options);

/* Opens the device of --ao=auto: there is something to be heard. Returns 0, or a negative AVERROR
 * code, logged: nothing takes the sound, so nothing goes on. */
int play_sound_begins(struct play_sound *sound);

/* Gives a signal to what takes the sound. */
void play_sound_signal(struct play_sound *sound, const struct limef_signal_frame *signal_frame);

/* m; 9 and 0; one stream alone, or UINT32_MAX: all. */
void play_sound_toggle_mute(struct play_sound *sound);
void play_sound_change_volume(struct play_sound *sound, int by);
void play_sound_solo(struct play_sound *sound, uint32_t slot);

/* Says to the mixer what it had no room for, and gives its places to those of too many streams that
 * give sound; called now and then. */
void play_sound_tell(struct play_sound *sound);

/* Whether a stream has given any sound. */
bool play_sound_is_heard(const struct play_sound *sound, uint32_t slot);

/* Stops the thread and the output, and completes the files. Returns 0; AVERROR(EIO): one could not
 * be written; or AVERROR(ETIMEDOUT): a thread is stuck. */
int play_sound_stop(struct play_sound *sound, int64_t timeout_us);

/* Releases everything; it is stopped, and no stream leads to it any more. */
void play_sound_clear(struct play_sound *sound);

#endif
