/* SPDX-License-Identifier: MIT */
/* What the files of ALSA's module share: what it has a card agree to (device_alsa_open.c), and how
 * that is played on (device_alsa.c). */
#ifndef LIMEF_SRC_AUDIO_DEVICE_ALSA_H
#define LIMEF_SRC_AUDIO_DEVICE_ALSA_H

#include "audio/card_samples.h"
#include "audio/device.h"

#include <alsa/asoundlib.h>

/* The channels that a card may have. */
#define ALSA_MAX_CHANNELS 64

struct alsa_device {
    struct audio_device base;
    snd_pcm_t *pcm;
    struct card_format format;
    bool is_mapped;           /* it is written to in memory that it shares, and in no other way */
    char *period;             /* the latest, in the device's format */
    uint32_t n_given, n_left; /* frames of it, and its last ones, which are not taken yet */
    snd_pcm_uframes_t buffer_frames;
    snd_pcm_uframes_t step_frames;  /* how often the device itself comes by */
    snd_pcm_uframes_t ahead_frames; /* what waits in it when a period is mixed */
    snd_pcm_uframes_t room_frames;  /* so many fit then */
    int64_t window_us;              /* when the present window began; 0: not yet */
    uint64_t n_in_window;           /* frames that it took since */
    bool wild;
    bool suspended;
    int64_t resume_us; /* how long until it is asked again whether it can go on */
};

/* Has the card agree to what the settings ask for, or comes near; they are what it has then.
 * Returns 0, or a negative errno code. */
int alsa_set_hardware(struct alsa_device *alsa);

/* So much is to wait in it when a period is mixed. Returns likewise. */
int alsa_set_software(struct alsa_device *alsa, snd_pcm_uframes_t ahead_frames);

#endif
