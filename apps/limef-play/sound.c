/* SPDX-License-Identifier: MIT */
#include "sound.h"

#include <glob.h>
#include <libavutil/common.h>
#include <libavutil/error.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RATE 48000
#define N_CHANNELS 2
/* Of each stream, 1.4 s: its lead, and what a decoder of pictures holds. */
#define RING_FRAMES 65536
/* For the recorder, 1.4 s: a disk may be slow. */
#define BROADCAST_FRAMES 65536
/* Sound that waits before it is heard: live sound may come unevenly by so much. */
#define AHEAD_FRAMES (RATE / 25)
/* A stream of which none came while so much was mixed gives none any more. */
#define GONE_FRAMES RATE
/* For the mixer to let go of a stream, a few periods; once, where the device hangs. */
#define LEAVE_US 20000
#define MAX_VOLUME 200
#define VOLUME_STEP 5

/* Whether anybody could hear something: a sound card, or a server. */
static bool may_be_heard(void)
{
    const char *folder = getenv("XDG_RUNTIME_DIR");
    static const char *const sockets[] = {"/pulse/native", "/pipewire-0"};
    char path[512];
    glob_t cards;
    bool found;

    if (getenv("PULSE_SERVER") || getenv("PIPEWIRE_REMOTE"))
        return true;
    for (size_t i = 0; folder && i < sizeof(sockets) / sizeof(sockets[0]); i++) {
        snprintf(path, sizeof(path), "%s%s", folder, sockets[i]);
        if (access(path, F_OK) == 0)
            return true;
    }
    found = glob("/dev/snd/pcm*p", GLOB_NOSORT, NULL, &cards) == 0;
    globfree(&cards);
    return found;
}

static bool is_wanted(const struct play_options *options)
{
    const char *ao = options->ao ? options->ao : "auto";

    if (options->untimed || !strcmp(ao, "none")) /* nothing is in time then */
        return false;
    return strcmp(ao, "auto") || options->ao_record || options->ao_stream || may_be_heard();
}

static int init_inputs(struct play_sound *sound)
{
    struct limef_mixer_input_settings settings = {.n_ahead = AHEAD_FRAMES};
    int ret = 0;

    for (unsigned i = 0; i < sound->n_streams && ret >= 0; i++) {
        sound->slots[i].input = &sound->inputs[i];
        ret = limef_mixer_input_init(&sound->inputs[i], &sound->mixer, "stream",
                                     sound->samples + (size_t)i * RING_FRAMES * N_CHANNELS,
                                     RING_FRAMES, &settings);
        if (ret >= 0 && i < LIMEF_MIXER_MAX_INPUTS)
            ret = limef_mixer_connect(&sound->mixer, &sound->inputs[i]);
    }
    return ret;
}

static int allocate(struct play_sound *sound)
{
    size_t input_bytes = sizeof(sound->inputs[0]); /* a multiple of its alignment */

    sound->inputs = aligned_alloc(LIMEF_CACHE_LINE_BYTES, sound->n_streams * input_bytes);
    sound->slots = calloc(sound->n_streams, sizeof(sound->slots[0]));
    sound->coming = calloc(sound->n_streams, sizeof(sound->coming[0]));
    sound->samples =
        calloc((size_t)sound->n_streams * RING_FRAMES * N_CHANNELS, sizeof(sound->samples[0]));
    sound->words =
        calloc(LIMEF_BROADCAST_WORDS(BROADCAST_FRAMES, N_CHANNELS), sizeof(sound->words[0]));
    if (!sound->inputs || !sound->slots || !sound->coming || !sound->samples || !sound->words)
        return limef_fail(AVERROR(ENOMEM), "limef-play", "sound of %u streams", sound->n_streams);
    memset(sound->inputs, 0, sound->n_streams * input_bytes);
    return 0;
}

int play_sound_init(struct play_sound *sound, const struct play_options *options,
                    unsigned n_streams, struct limef_reports *reports)
{
    struct limef_mixer_settings mixer = {
        .rate = RATE, .n_channels = N_CHANNELS, .ring = &sound->ring};
    struct limef_thread_settings thread = {
        .name = "sound", .priority = LIMEF_PRIORITY_INGEST, .reports = reports};
    int ret;

    sound->on = is_wanted(options);
    if (!sound->on && !options->untimed && (!options->ao || !strcmp(options->ao, "auto")))
        limef_log(LIMEF_LOG_INFO, "limef-play", "no sound card or server: there is no sound");
    if (options->untimed && options->ao && strcmp(options->ao, "auto") != 0 &&
        strcmp(options->ao, "none") != 0)
        return limef_fail(AVERROR(EINVAL), "limef-play",
                          "--ao=%s with --untimed: there is no sound", options->ao);
    if (!sound->on)
        return 0;
    sound->settings.patience_us = options->audio_buffer_us;
    sound->n_streams = n_streams;
    sound->alone = UINT32_MAX;
    atomic_store_explicit(&sound->volume, 100, memory_order_relaxed);
    ret = allocate(sound);
    if (ret >= 0)
        ret = limef_broadcast_ring_init(&sound->ring, sound->words, BROADCAST_FRAMES, N_CHANNELS);
    if (ret >= 0)
        ret = limef_mixer_init(&sound->mixer, "mixer", &mixer);
    if (ret >= 0)
        ret = init_inputs(sound);
    if (ret < 0)
        return ret;
    limef_audio_sink_init(&sound->sink, "sound", sound->slots, n_streams, &sound->mixer);
    limef_consumer_init(&sound->thread, &sound->sink.filter, &thread);
    limef_thread_set_task(&sound->thread.thread, limef_audio_sink_tick, &sound->sink);
    play_sound_change_volume(sound, 0);
    return 0;
}

static int open_output(struct play_sound *sound)
{
    int ret = limef_audio_output_start(&sound->output, "audio", &sound->mixer, &sound->settings);

    sound->playing = ret >= 0;
    return ret;
}

/* What else takes the sound, beside the output. */
static int start_encoded(struct play_sound *sound, const struct play_options *options)
{
    int ret = 0;

    if (options->ao_record)
        ret = play_encoded_record(&sound->recorded, options->ao_record, &sound->ring, RATE);
    if (ret >= 0 && options->ao_stream)
        ret = play_encoded_stream(&sound->streamed, options, &sound->ring, RATE);
    return ret;
}

int play_sound_start(struct play_sound *sound, const struct play_options *options)
{
    const char *ao = options->ao ? options->ao : "auto";
    int ret = 0;

    if (!sound->on)
        return 0;
    if (!strncmp(ao, "wav:", 4)) {
        sound->settings.kind = LIMEF_AUDIO_NULL;
        ret = limef_audio_recorder_start(&sound->recorder, ao + 4, &sound->ring, RATE);
    } else if (!strncmp(ao, "alsa", 4)) {
        sound->settings.kind = LIMEF_AUDIO_ALSA;
        sound->settings.device = ao[4] == ':' ? ao + 5 : NULL;
    }
    if (ret >= 0)
        ret = start_encoded(sound, options);
    if (ret >= 0 && strcmp(ao, "auto"))
        ret = open_output(sound);
    return ret < 0 ? ret : limef_thread_start(&sound->thread.thread);
}

int play_sound_begins(struct play_sound *sound)
{
    return sound->on && !sound->playing ? open_output(sound) : 0;
}

void play_sound_signal(struct play_sound *sound, const struct limef_signal_frame *signal_frame)
{
    if (sound->on)
        limef_thread_send(&sound->thread.thread, signal_frame);
}

static bool has_place(const struct play_sound *sound, uint32_t slot)
{
    return LIMEF_COUNTED(sound->inputs[slot].connected);
}

static bool wants_place(const struct play_sound *sound, uint32_t slot)
{
    return LIMEF_COUNTED(sound->slots[slot].wants_place);
}

static void look_what_comes(struct play_sound *sound)
{
    for (uint32_t i = 0; i < sound->n_streams; i++) {
        /* that it wants a place comes before its first block */
        uint64_t n = 2 * LIMEF_COUNTED(sound->slots[i].n_blocks) + wants_place(sound, i);

        if (n != sound->coming[i].n_seen)
            sound->coming[i] = (struct play_coming){n, LIMEF_COUNTED(sound->mixer.n_frames)};
    }
}

static bool is_coming(const struct play_sound *sound, uint32_t slot)
{
    return LIMEF_COUNTED(sound->mixer.n_frames) - sound->coming[slot].at_frame < GONE_FRAMES;
}

/* It has given sound, which went into the mixer, and some of it may follow. */
static bool is_sounding(const struct play_sound *sound, uint32_t slot)
{
    struct limef_mixer_heard heard;

    if (!has_place(sound, slot) || !play_sound_is_heard(sound, slot) ||
        (!is_coming(sound, slot) &&
         limef_sample_ring_fill(&sound->inputs[slot].ring) < AHEAD_FRAMES))
        return false;
    limef_mixer_input_get_heard(&sound->inputs[slot], &heard);
    return heard.state != LIMEF_INPUT_ENDED;
}

/* Whose place in the mixer it is: the lowest. The one that is alone, those that give sound, all
 * others. */
static unsigned rank(const struct play_sound *sound, uint32_t slot)
{
    if (slot == sound->alone)
        return 0;
    if (is_sounding(sound, slot) || (wants_place(sound, slot) && is_coming(sound, slot)))
        return 1 + slot;
    return 1 + sound->n_streams + slot;
}

static uint32_t find_least(const struct play_sound *sound)
{
    uint32_t least = UINT32_MAX;

    for (uint32_t i = 0; i < sound->n_streams; i++)
        if (has_place(sound, i) && (least == UINT32_MAX || rank(sound, i) > rank(sound, least)))
            least = i;
    return least;
}

/* One that the mixer has not let go of yet. */
static bool is_any_leaving(struct play_sound *sound)
{
    for (uint32_t i = 0; i < sound->n_streams; i++)
        if (sound->inputs[i].leaving &&
            limef_mixer_disconnect(&sound->mixer, &sound->inputs[i], 0) < 0)
            return true;
    return false;
}

/* Returns whether it has one, or may have one next time; another stream may have to leave. */
static bool give_place(struct play_sound *sound, uint32_t slot)
{
    uint32_t least;

    if (is_any_leaving(sound))
        return true;
    if (sound->mixer.n_connected == LIMEF_MIXER_MAX_INPUTS) {
        least = find_least(sound);
        if (rank(sound, least) < rank(sound, slot))
            return false;
        if (limef_mixer_disconnect(&sound->mixer, &sound->inputs[least], LEAVE_US) < 0)
            return true;
    }
    limef_mixer_connect(&sound->mixer, &sound->inputs[slot]);
    return true;
}

/* The mixer has fewer places than there are streams: those have them that give sound. */
static void give_places(struct play_sound *sound)
{
    unsigned n_silent = 0;

    if (sound->n_streams <= LIMEF_MIXER_MAX_INPUTS)
        return;
    if (sound->alone != UINT32_MAX && !has_place(sound, sound->alone))
        give_place(sound, sound->alone);
    for (uint32_t i = 0; i < sound->n_streams; i++)
        if (wants_place(sound, i) && is_coming(sound, i) && !has_place(sound, i))
            n_silent += !give_place(sound, i);
    if (n_silent > sound->n_silent && sound->alone == UINT32_MAX) {
        limef_log(LIMEF_LOG_WARNING, "limef-play",
                  "%u of %u streams are silent: the mixer takes %d", n_silent, sound->n_streams,
                  LIMEF_MIXER_MAX_INPUTS);
        sound->n_silent = n_silent;
    }
}

/* Streams that are heard side by side. */
static unsigned count_heard(const struct play_sound *sound)
{
    unsigned n = 0;

    for (unsigned i = 0; i < sound->n_streams && sound->alone == UINT32_MAX; i++)
        n += is_sounding(sound, i);
    return FFMAX(n, 1);
}

/* They are about as loud together as one alone. Returns whether the mixer knows. */
static bool tell_sum(struct play_sound *sound)
{
    unsigned n_heard = count_heard(sound);
    float gain = (float)LIMEF_COUNTED(sound->volume) / 100 / sqrtf((float)n_heard);

    if (limef_mixer_set(&sound->mixer, NULL, LIMEF_MIXER_GAIN, gain) < 0 ||
        limef_mixer_set(&sound->mixer, NULL, LIMEF_MIXER_MUTE, LIMEF_COUNTED(sound->muted)) < 0)
        return false;
    sound->n_heard = n_heard;
    return true;
}

static bool tell_streams(struct play_sound *sound)
{
    for (unsigned i = 0; i < sound->n_streams; i++)
        if (limef_mixer_set(&sound->mixer, &sound->inputs[i], LIMEF_MIXER_MUTE,
                            sound->alone != UINT32_MAX && sound->alone != i) < 0)
            return false;
    return true;
}

void play_sound_tell(struct play_sound *sound)
{
    look_what_comes(sound);
    give_places(sound);
    if (sound->tells_sum || count_heard(sound) != sound->n_heard)
        sound->tells_sum = !tell_sum(sound);
    if (sound->tells_streams)
        sound->tells_streams = !tell_streams(sound);
}

void play_sound_toggle_mute(struct play_sound *sound)
{
    if (!sound->on)
        return;
    atomic_store_explicit(&sound->muted, !LIMEF_COUNTED(sound->muted), memory_order_relaxed);
    sound->tells_sum = true;
    play_sound_tell(sound);
}

void play_sound_change_volume(struct play_sound *sound, int by)
{
    int volume = av_clip(LIMEF_COUNTED(sound->volume) + by * VOLUME_STEP, 0, MAX_VOLUME);

    if (!sound->on)
        return;
    atomic_store_explicit(&sound->volume, volume, memory_order_relaxed);
    sound->tells_sum = true;
    play_sound_tell(sound);
}

void play_sound_solo(struct play_sound *sound, uint32_t slot)
{
    if (!sound->on)
        return;
    sound->alone = slot;
    sound->tells_streams = true;
    play_sound_tell(sound);
}

bool play_sound_is_heard(const struct play_sound *sound, uint32_t slot)
{
    return sound->on && LIMEF_COUNTED(sound->slots[slot].n_blocks) > 0;
}

/* Those of the broadcast ring. Returns 0, AVERROR(ETIMEDOUT), or what the first one failed with. */
static int stop_readers(struct play_sound *sound, int64_t timeout_us)
{
    int stopped[] = {limef_audio_recorder_stop(&sound->recorder, timeout_us),
                     play_encoded_stop(&sound->recorded, timeout_us),
                     play_encoded_stop(&sound->streamed, timeout_us)};
    int ret = 0;

    sound->n_unwritten = sound->recorder.file ? LIMEF_COUNTED(sound->recorder.reader.n_missed)
                                              : sound->recorder.n_missed;
    for (size_t i = 0; i < sizeof(stopped) / sizeof(stopped[0]); i++)
        if (ret >= 0 || stopped[i] == AVERROR(ETIMEDOUT))
            ret = stopped[i];
    return ret;
}

int play_sound_stop(struct play_sound *sound, int64_t timeout_us)
{
    int ret = 0, written;

    if (!sound->on)
        return 0;
    if (sound->playing) {
        limef_audio_output_get_counters(&sound->output, &sound->counters);
        ret = limef_audio_output_stop(&sound->output, timeout_us);
        sound->playing = ret < 0;
    }
    written = stop_readers(sound, timeout_us);
    if (ret >= 0)
        ret = limef_thread_stop(&sound->thread.thread, timeout_us);
    return ret < 0 ? ret : written;
}

void play_sound_clear(struct play_sound *sound)
{
    if (sound->on) {
        limef_consumer_clear(&sound->thread);
        limef_filter_clear(&sound->sink.filter);
    }
    play_encoded_clear(&sound->recorded);
    play_encoded_clear(&sound->streamed);
    free(sound->inputs);
    free(sound->slots);
    free(sound->coming);
    free(sound->samples);
    free(sound->words);
    *sound = (struct play_sound){.on = false};
}
