/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The mixer: adds up sound of many inputs, each with a ring of its own, a gain, a
 * balance and a meter, and limits the sum. One thread mixes, that of an audio output;
 * it takes no lock, allocates nothing, makes no system call and waits for nobody. All
 * others talk to it by commands and read snapshots.
 *
 *     limef_mixer_init(&mixer, "mixer", &settings);
 *     limef_mixer_input_init(&input, &mixer, "slot 0", samples, n_frames, NULL);
 *     limef_mixer_connect(&mixer, &input);
 *     limef_mixer_input_write(&input, ...);       a thread of the input's own
 *     limef_mixer_mix(&mixer, out, n, heard_us);  the audio thread
 *
 * Inputs have the mixer's rate and channels: a limef_resample_filter is in front of
 * each. doc/mixer.md
 */
#ifndef LIMEF_AUDIO_MIXER_H
#define LIMEF_AUDIO_MIXER_H

#include <limef/audio/commands.h>
#include <limef/base/clock.h>
#include <limef/fifo/broadcast_ring.h>
#include <limef/fifo/sample_ring.h>
#include <limef/fifo/snapshot.h>

LIMEF_BEGIN_DECLS

struct limef_mixer;
struct mix_ops;

/** Inputs at a time. */
#define LIMEF_MIXER_MAX_INPUTS 64

/** Channels of a mixer at most. */
#define LIMEF_MIXER_MAX_CHANNELS 2

/** Marks of media time that wait in an input; a power of two. */
#define LIMEF_MIXER_N_MARKS 128

/** All-zero is sane. */
struct limef_mixer_settings {
    uint32_t rate;                     /**< frames a second; 0: 48000 */
    uint32_t n_channels;               /**< 1 or 2; 0: 2 */
    struct limef_broadcast_ring *ring; /**< gets all that is mixed; borrowed; must outlive the
                                            mixer. NULL: nobody else hears it */
};

/** All-zero is sane. */
struct limef_mixer_input_settings {
    uint32_t n_ahead; /**< frames that wait before it sounds, also after an underrun; 0: 10 ms */
    uint32_t n_most;  /**< more frames than that are skipped, down to n_ahead; 0: none is. For what
                           is live: else a stall becomes a delay for good */
    bool keeps_time;  /**< it begins with n_ahead frames, whatever came at once before; after an
                         underrun of up to 100 ms it goes on where it would be without,
                         and leaves out what comes too much where the device stands still for up to
                         a second: it is not later than before. For a source with a clock, which
                         comes evenly; one that comes in bursts is better served by the delay */
};

/** How loud it is, 1 is full scale. A level falls slowly, so that a look now and then sees it. */
struct limef_levels {
    float peak[LIMEF_MIXER_MAX_CHANNELS]; /**< falls by 20 dB a second */
    float rms[LIMEF_MIXER_MAX_CHANNELS];  /**< over 300 ms */
};

/** What an input does. */
enum limef_mixer_input_state {
    LIMEF_INPUT_WAITING,  /**< for limef_mixer_input_settings.n_ahead frames */
    LIMEF_INPUT_SOUNDING, /**< its media time runs */
    LIMEF_INPUT_PAUSED,
    LIMEF_INPUT_ENDED, /**< limef_mixer_input_end(), and all of it was mixed */
};

/** Media time that jumps, or begins to run at another rate. */
struct limef_mixer_turn {
    int64_t at_us;    /**< when that is heard; what waits in the device comes before it */
    int64_t media_us; /**< what would be heard then had it gone on as before */
    int32_t rate;     /**< before it, thousandths of media time to time */
};

/** Which media time is heard when. */
struct limef_mixer_heard {
    int64_t media_us;  /**< this media time ... */
    int64_t at_us;     /**< ... is heard then, on limef_now_us()'s clock */
    int32_t rate;      /**< thousandths of media time to time */
    uint32_t state;    /**< enum limef_mixer_input_state */
    uint64_t position; /**< in the input's ring, of what is heard at at_us; while it sounds */
    struct limef_mixer_turn turn; /**< the last one since a flush */
};

/** From a position in an input's ring on, media time runs like this. */
struct limef_mixer_mark {
    uint64_t position;
    int64_t media_us;
    int32_t rate; /**< thousandths of media time to time */
};

/** What a sound that broke off leaves: it goes to silence within 2.5 ms. */
struct limef_mixer_remains {
    float value[LIMEF_MIXER_MAX_CHANNELS];
    unsigned n_left; /**< frames that it lasts; 0: there is none */
};

/** By how much the sum is taken down. */
struct limef_mixer_limiter {
    float gain;      /**< of all channels, 0..1; 1: by nothing */
    unsigned n_held; /**< frames until it begins to rise */
};

/** Memory of an input. All-zero and limef_mixer_input_init(). */
struct limef_mixer_input {
    const char *name; /**< for people; borrowed */
    struct limef_mixer_input_settings settings;
    uint32_t rate; /**< the mixer's */
    struct limef_sample_ring ring;
    LIMEF_ATOMIC(uint32_t) connected; /**< the audio thread may touch it; its release gives it up */

    bool leaving; /**< the controlling thread's: the command was sent */

    /* the writer */
    struct limef_mixer_mark marks[LIMEF_MIXER_N_MARKS];
    struct limef_mixer_mark unmarked; /**< the newest, that found no room among them */
    bool has_unmarked;
    LIMEF_ATOMIC(uint64_t)
    n_unmarked;                      /**< marks for which a newer one came before there was room:
                                          time goes on from an older one; any reads */
    LIMEF_ATOMIC(uint32_t) n_marked; /**< marks written; release, pairs with the mixer */
    LIMEF_ATOMIC(uint64_t) flushed_until; /**< nothing before this position sounds; release */
    LIMEF_ATOMIC(bool) ended;             /**< nothing follows; release, after what was written */
    LIMEF_ATOMIC(uint32_t) n_most;        /**< as in the settings, relaxed */
    LIMEF_ATOMIC(bool) held;              /**< it does not begin yet; relaxed */
    LIMEF_ATOMIC(uint64_t) cut_from;      /**< from there on nothing sounds; relaxed, before: */
    LIMEF_ATOMIC(uint64_t) cut_to;        /**< up to there; release */

    /* the audio thread */
    LIMEF_ALIGNED(LIMEF_CACHE_LINE_BYTES)
    LIMEF_ATOMIC(uint32_t) n_passed; /**< marks read; release, pairs with the writer */
    struct limef_mixer_mark mark;    /**< that of what is read */
    struct limef_mixer_mark before;  /**< that of what is read before media time turned */
    uint64_t turns_at;               /**< position where it does */
    uint64_t turns_from; /**< no mark before this position, the last flush's, tells that it does */
    struct limef_mixer_turn turn; /**< the last one that was told */
    bool marked, turned, muted, paused, silenced;
    bool jumps;  /**< what comes next does not follow what was mixed */
    bool is_dry; /**< it waits since it ran dry, and nothing said yet whether more comes */
    enum limef_mixer_input_state state;
    unsigned n_owed; /**< frames of silence since it ran dry, for keeps_time */
    unsigned n_late; /**< frames that the device stood still, not left out yet, for keeps_time */
    unsigned n_late_for; /**< frames until that is forgotten */
    uint64_t position;   /**< in the ring, of the block's first frame */
    float gain, balance;
    float now[LIMEF_MIXER_MAX_CHANNELS];  /**< the gains in use */
    float last[LIMEF_MIXER_MAX_CHANNELS]; /**< the last frame that it gave, behind its gain */
    uint64_t next;                        /**< position of the one behind that */
    struct limef_mixer_remains remains;
    struct limef_levels levels;
    float square[LIMEF_MIXER_MAX_CHANNELS];

    /* any reads */
    LIMEF_ATOMIC(uint64_t)
    n_ended_dry; /**< of the ring's n_underruns, those that turned out to be its end: that was said
                      later, and nothing was missing */
    struct limef_snapshot heard_now;  /**< struct limef_mixer_heard */
    struct limef_snapshot levels_now; /**< struct limef_levels */
};

/** What a mixer has done so far. */
struct limef_mixer_counters {
    uint64_t n_frames;   /**< mixed */
    uint64_t n_blocks;   /**< calls of limef_mixer_mix() */
    uint64_t n_limited;  /**< blocks in which the limiter was at work */
    uint64_t n_commands; /**< done */
    uint64_t n_cleaned;  /**< blocks of inputs with samples that are no number, or, behind their
                              gain, 20 dB over full scale: those are silence */
};

/** Memory of a mixer. All-zero and limef_mixer_init(). */
struct limef_mixer {
    const char *name; /**< borrowed */
    struct limef_mixer_settings settings;
    const struct mix_ops *ops;
    struct limef_audio_commands commands;

    /* the controlling thread */
    LIMEF_ATOMIC(bool) running; /**< a thread mixes */
    unsigned n_connected;

    /* the audio thread */
    struct limef_mixer_input *inputs[LIMEF_MIXER_MAX_INPUTS];
    unsigned n_inputs;
    float gain;
    bool muted;
    float now[LIMEF_MIXER_MAX_CHANNELS];
    struct limef_mixer_remains remains; /**< of inputs that left */
    struct limef_mixer_limiter limiter;
    struct limef_levels levels;
    float square[LIMEF_MIXER_MAX_CHANNELS];
    int64_t due_us;           /**< when the next block would be heard */
    unsigned n_stalled;       /**< frames by which the device is later than that */
    unsigned coefficients_of; /**< frames of a block that the next two are for */
    float fall, smooth;
    LIMEF_ATOMIC(uint64_t) n_frames, n_blocks, n_limited, n_commands, n_cleaned; /**< any reads */

    struct limef_snapshot levels_now; /**< struct limef_levels; any reads */
};

/**
 * Makes a mixer.
 *
 * @param mixer     written; must be all-zero.
 * @param name      borrowed; NULL: "mixer".
 * @param settings  copied; NULL: the defaults.
 * @return 0, or AVERROR(EINVAL) (logged).
 * Thread: the controlling one
 */
LIMEF_API int limef_mixer_init(struct limef_mixer *mixer, const char *name,
                               const struct limef_mixer_settings *settings);

/**
 * Makes an input.
 *
 * @param input     written; must be all-zero.
 * @param mixer     whose rate and channels it has.
 * @param samples   memory of its ring, n_frames times the mixer's channels; borrowed; must outlive
 *                  the input.
 * @param n_frames  a power of two.
 * @param settings  copied; NULL: the defaults.
 * @return 0, or AVERROR(EINVAL) (logged).
 * Thread: the controlling one
 */
LIMEF_API int limef_mixer_input_init(struct limef_mixer_input *input,
                                     const struct limef_mixer *mixer, const char *name,
                                     float *samples, unsigned n_frames,
                                     const struct limef_mixer_input_settings *settings);

/**
 * Adds an input; it may sound before this returns.
 *
 * @param input  borrowed; must stay until limef_mixer_disconnect() returned 0.
 * @return 0; AVERROR(EEXIST): it is in a mixer; AVERROR(ENOSPC): LIMEF_MIXER_MAX_INPUTS are there;
 *         AVERROR(EAGAIN): too many commands wait.
 * Thread: the controlling one
 */
LIMEF_API int limef_mixer_connect(struct limef_mixer *mixer, struct limef_mixer_input *input);

/**
 * Takes an input out, and waits until the audio thread has let go of it.
 *
 * @return 0, also if it was not connected; AVERROR(ETIMEDOUT): the audio thread does not answer,
 *         the input's memory must stay, call again; AVERROR(EAGAIN): too many commands wait.
 * Thread: the controlling one
 */
LIMEF_API int limef_mixer_disconnect(struct limef_mixer *mixer, struct limef_mixer_input *input,
                                     int64_t timeout_us);

/** What may be set; see limef_mixer_set(). */
enum limef_mixer_control {
    LIMEF_MIXER_GAIN,    /**< linear, 0 or more; 1 at the start */
    LIMEF_MIXER_MUTE,    /**< not 0: silent, its time runs */
    LIMEF_MIXER_BALANCE, /**< -1: left alone, 0: both (at the start), 1: right alone */
    LIMEF_MIXER_PAUSE,   /**< not 0: it waits, its time stands still. Of an input alone */
};

/**
 * Changes something, without a click: within one block.
 *
 * @param input  NULL: the sum of all. Connected, or about to be: it begins so then.
 * @param value  what is out of range is cut.
 * @return 0, or AVERROR(EAGAIN): too many commands wait.
 * Thread: any that knows the input's memory stays until this is obeyed. Never waits
 */
LIMEF_API int limef_mixer_set(struct limef_mixer *mixer, struct limef_mixer_input *input,
                              enum limef_mixer_control control, float value);

/**
 * Mixes a block, and obeys the commands that came.
 *
 * @param out       written: n_frames frames, channels interleaved, each sample -1..1.
 * @param n_frames  1 or more; a change of gain takes a block.
 * @param heard_us  when the first of them is heard, on limef_now_us()'s clock.
 * Thread: the audio thread. Wait-free
 */
LIMEF_API void limef_mixer_mix(struct limef_mixer *mixer, float *out, unsigned n_frames,
                               int64_t heard_us);

/**
 * Says that a thread mixes from now on, or that none does any more. While none does,
 * limef_mixer_disconnect() does the audio thread's part itself, and no media time is heard.
 *
 * Thread: the controlling one, before the audio thread starts and after it has ended
 */
LIMEF_API void limef_mixer_set_running(struct limef_mixer *mixer, bool running);

/** How loud the sum is. @param levels  written. Thread: any */
LIMEF_API void limef_mixer_get_levels(const struct limef_mixer *mixer, struct limef_levels *levels);

/** Reads the counters. @param counters  written. Thread: any */
LIMEF_API void limef_mixer_get_counters(const struct limef_mixer *mixer,
                                        struct limef_mixer_counters *counters);

/** Which inner loops it uses: "avx2", "vector", "scalar". Thread: any */
LIMEF_API const char *limef_mixer_loops(const struct limef_mixer *mixer);

/**
 * Writes sound into an input. If there is no room the oldest is dropped, see
 * limef_sample_ring_write().
 *
 * @param samples   n_frames frames; borrowed.
 * @param media_us  presentation time of the first; LIMEF_NO_TIME: it follows what was before.
 * @param rate      thousandths of media time to time: 2000 if it was made to sound twice as fast.
 * @return how many frames were lost.
 * Thread: the input's writer. Wait-free
 */
LIMEF_API unsigned limef_mixer_input_write(struct limef_mixer_input *input, const float *samples,
                                           unsigned n_frames, int64_t media_us, int32_t rate);

/** Nothing of what was written so far sounds any more. Thread: the input's writer. Wait-free */
LIMEF_API void limef_mixer_input_flush(struct limef_mixer_input *input);

/** Nothing of what was written so far sounds any more but the last n_frames of it. Thread: the
 * input's writer. Wait-free */
LIMEF_API void limef_mixer_input_keep(struct limef_mixer_input *input, unsigned n_frames);

/** Whether nothing follows, so that the end of the ring is no underrun. Writing says that it goes
 * on. Thread: the input's writer. Wait-free */
LIMEF_API void limef_mixer_input_end(struct limef_mixer_input *input, bool ended);

/** Changes limef_mixer_input_settings.n_most: it is live, or not. Thread: the input's writer.
 * Wait-free */
LIMEF_API void limef_mixer_input_set_most(struct limef_mixer_input *input, uint32_t n_most);

/** Whether it begins to sound. One that sounds goes on, until it is flushed or runs dry; what is
 * written meanwhile waits. Thread: the input's writer. Wait-free */
LIMEF_API void limef_mixer_input_hold(struct limef_mixer_input *input, bool held);

/**
 * Leaves out a part of what was written and has not been heard yet: what follows it is there
 * already. One at a time; if the mixer is beyond `from`, it goes on at `to` at once.
 *
 * @param from, to  positions: frames written so far, as limef_sample_ring_head() of its ring.
 * @return 0, or AVERROR(EAGAIN): the last one is still ahead.
 * Thread: the input's writer. Wait-free
 */
LIMEF_API int limef_mixer_input_cut(struct limef_mixer_input *input, uint64_t from, uint64_t to);

/** Whether the part that is left out is still ahead. Thread: the input's writer. Wait-free */
LIMEF_API bool limef_mixer_input_is_cut(const struct limef_mixer_input *input);

/**
 * The media time of a position that was written and not heard yet.
 *
 * @return LIMEF_NO_TIME: not known.
 * Thread: the input's writer. Wait-free
 */
LIMEF_API int64_t limef_mixer_input_media_us(const struct limef_mixer_input *input,
                                             uint64_t position);

/** How many frames can be written without a loss. Thread: the input's writer. Wait-free */
LIMEF_API unsigned limef_mixer_input_room(struct limef_mixer_input *input);

/**
 * The media time that is heard.
 *
 * @return microseconds; LIMEF_NO_TIME: nothing of this input is heard now, or its media time is not
 *         known.
 * Thread: any
 */
LIMEF_API int64_t limef_mixer_input_heard_us(const struct limef_mixer_input *input, int64_t now_us);

/** The same, as a line in time, and the input's state. @param heard  written. Thread: any */
LIMEF_API void limef_mixer_input_get_heard(const struct limef_mixer_input *input,
                                           struct limef_mixer_heard *heard);

/** How loud an input is, behind its gain. @param levels  written. Thread: any */
LIMEF_API void limef_mixer_input_get_levels(const struct limef_mixer_input *input,
                                            struct limef_levels *levels);

LIMEF_END_DECLS

#endif
