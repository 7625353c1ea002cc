/* SPDX-License-Identifier: MIT */
/*
 * Where the sum passes 1 a gain takes it down, the same for all channels. It goes in straight lines
 * from piece to piece of the block, and at each end of a piece is low enough for the loudest sample
 * on either side, so that within a block it is down before the sound is loud: no delay is needed
 * for that. Alone what is loud at a block's very beginning may be cut, until the end of that piece.
 * The gain stays down for longer than a period of what can be heard, since a gain that follows the
 * waves bends them, and rises slowly after that.
 */
#include "audio/mixer_private.h"

#include <libavutil/common.h>
#include <math.h>

#define PIECE_FRAMES 32
/* Parts of a second. */
#define HELD_PART 20
/* From 0 to 1; by 6 dB in 200 ms. */
#define RISE_S 0.4f
/* As loud again as what the gain is for. */
#define NEAR 1.01f

static const struct mix_gain full = {{1, 1, 1, 1, 1, 1, 1, 1}, {0}};

static float highest(const struct mix_levels *levels)
{
    float peak = 0;

    for (unsigned i = 0; i < MIX_LANES; i++)
        peak = FFMAX(peak, levels->peak[i]);
    return peak;
}

/* The gain with which these frames do not pass 1; none are as quiet as it gets. */
static float gain_for(const struct limef_mixer *mixer, float *frames, unsigned n_frames)
{
    struct mix_levels levels = {{0}};

    mixer->ops->finish(frames, (size_t)n_frames * mixer->settings.n_channels, &full, INFINITY,
                       &levels);
    return 1 / FFMAX(highest(&levels), 1);
}

/* The gain so many frames on, where it may not be more than `most`. */
static float next_gain(struct limef_mixer *mixer, unsigned n_frames, float most)
{
    struct limef_mixer_limiter *limiter = &mixer->limiter;

    if (most < 1 && most < limiter->gain * NEAR) {
        limiter->n_held = mixer->settings.rate / HELD_PART;
        return FFMIN(limiter->gain, most);
    }
    if (limiter->n_held) {
        limiter->n_held -= FFMIN(n_frames, limiter->n_held);
        return limiter->gain;
    }
    return FFMIN(limiter->gain + (float)n_frames / (RISE_S * (float)mixer->settings.rate), most);
}

bool mixer_limit(struct limef_mixer *mixer, float *out, unsigned n_frames, struct mix_levels *seen)
{
    unsigned n_channels = mixer->settings.n_channels, n = FFMIN(n_frames, PIECE_FRAMES);
    float here, behind;

    if (mixer->limiter.gain == 1 && highest(seen) <= 1)
        return false;
    *seen = (struct mix_levels){{0}};
    here = gain_for(mixer, out, n);
    for (unsigned at = 0; at < n_frames; at += n, n = FFMIN(n_frames - at, PIECE_FRAMES)) {
        unsigned n_behind = FFMIN(n_frames - at - n, PIECE_FRAMES);
        float now[LIMEF_MIXER_MAX_CHANNELS], target[LIMEF_MIXER_MAX_CHANNELS];
        struct mixer_fade fade;
        struct mix_gain gain;

        behind = gain_for(mixer, out + (size_t)(at + n) * n_channels, n_behind);
        now[0] = now[1] = mixer->limiter.gain;
        target[0] = target[1] = mixer->limiter.gain = next_gain(mixer, n, FFMIN(here, behind));
        fade = mixer_fade_to(now, target, n_channels, n);
        gain = mixer_gain_at(&fade, n_channels, 0);
        mixer->ops->finish(out + (size_t)at * n_channels, (size_t)n * n_channels, &gain, 1, seen);
        here = behind;
    }
    return true;
}
