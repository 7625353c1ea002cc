/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Where sound leaves the chains: writes what comes for each slot into that slot's input
 * of a mixer. It sits directly behind the FrameFifo of a consumer thread, and says
 * AVERROR(EAGAIN) while an input is full: that is the back-pressure. What is live is never
 * refused; there the oldest goes, and drift between the two clocks is followed.
 *
 *     limef_audio_sink_init(&sink, "sound", slots, n_slots, &mixer);
 *     limef_consumer_init(&consumer, &sink.filter, &thread_settings);
 *     limef_thread_set_task(&consumer.thread, limef_audio_sink_tick, &sink);
 *
 * doc/filter/audio_sink.md
 */
#ifndef LIMEF_FILTER_AUDIO_SINK_H
#define LIMEF_FILTER_AUDIO_SINK_H

#include <limef/audio/drift.h>
#include <limef/audio/mixer.h>
#include <limef/filter/filter.h>
#include <limef/filter/tempo.h>
#include <limef/frame/decoded.h>

LIMEF_BEGIN_DECLS

struct limef_resample_filter;

/**
 * Whether the first picture that goes with a sound can be shown now, or was: that after the START
 * or FLUSH with this serial. limef_presenter_is_ready() is one.
 *
 * Thread: the sink's
 */
typedef bool limef_audio_pictures_fn(void *context, uint32_t serial);

/**
 * Which picture of a slot is seen: limef_presenter_seen_us() of its tile.
 *
 * @param since_us  written: when it came onto the screen, on limef_now_us()'s clock.
 * @return its media time; LIMEF_NO_TIME: none was seen yet.
 * Thread: the sink's
 */
typedef int64_t limef_audio_seen_fn(void *context, int64_t *since_us);

/** Blocks of a slot that are kept until they are heard: a change of the rate goes back to them. No
 * more of a file's wait: of 2.5 ms, as Opus may have them, 640 ms. */
#define LIMEF_AUDIO_N_KEPT 256

/** A block that was written and may have to be written again. */
struct limef_audio_kept {
    struct limef_decoded_frame frame; /**< with a reference to its payload; empty: none */
};

/** One slot's way into the mixer. All-zero but the first members; input is connected by the
 * application, at any time: sound that comes before, or after a disconnection, waits for that for
 * 0.2 s unless it is live (see wants_place), and is dropped from then on. */
struct limef_audio_slot {
    struct limef_mixer_input *input;        /**< borrowed; NULL: the slot is silent */
    struct limef_resample_filter *resample; /**< what comes from this one follows the clock of the
                                                 output; borrowed. NULL: nothing does */
    limef_audio_pictures_fn *pictures; /**< what its sound waits for at the beginning and after a
                                            seek; NULL: nothing */
    void *pictures_context;            /**< borrowed; must outlive the sink's run */
    limef_audio_seen_fn *seen; /**< sound that comes late begins with the picture that it goes with;
                                    NULL: there are no pictures */
    void *seen_context;        /**< borrowed */

    /* the sink's thread */
    unsigned n_taken;  /**< frames of the block that is being offered */
    int64_t taken_of;  /**< that block's pts_us */
    int64_t next_us;   /**< media time behind what was written; LIMEF_NO_TIME: nothing was yet */
    int64_t begins_us; /**< media time that START or FLUSH said comes first */
    int64_t began_us;  /**< when that was */
    unsigned n_silent; /**< frames of silence that are still to be written */
    bool paused, stepping;
    bool tells_pause; /**< the mixer does not know yet: too many commands wait */
    bool seeking;     /**< drop sound until the FLUSH of seek_serial */
    uint32_t seek_serial;
    bool has_pictures;       /**< START said so */
    bool awaits;             /**< the input is held until there is a picture */
    int64_t awaits_until_us; /**< at most; 0: no sound waits yet */
    bool waited_in_vain;     /**< there was none, and none since */
    bool ending;             /**< END came, and has not been heard yet */
    int64_t ending_since_us;
    bool ended;             /**< and everything before it is written */
    int64_t over_us;        /**< when the last of it is heard; 0: not known yet */
    int64_t place_until_us; /**< how long sound waits for its input to be connected */
    int32_t end_code;
    int32_t rate;     /**< that RATE asked for, thousandths */
    int32_t rate_now; /**< of what is written; they differ while a change has to wait */
    bool silent;      /**< there is no sound at that rate, unless it comes with it */
    struct limef_audio_kept
        kept[LIMEF_AUDIO_N_KEPT];    /**< block i is in place i modulo their number */
    uint64_t n_kept, n_forgotten;    /**< blocks that came, and those of them that are not kept */
    uint64_t at_block;               /**< the one that is written next */
    unsigned at_frame;               /**< from this frame of it on */
    bool goes_back;                  /**< writes in place of what the input leaves out */
    uint64_t fade_at;                /**< what is written next begins as what is here in the ring */
    unsigned n_fade;                 /**< frames that this is still to last */
    struct limef_tempo_filter tempo; /**< empty until it is needed; owned */
    struct limef_filter stretched;   /**< behind it */
    struct AVFrame *piece;           /**< of a block, for it; owned */
    struct limef_drift drift;
    unsigned n_followed; /**< blocks that device_us is an average of */
    double device_us;    /**< of what waits, what the device took in advance */
    uint64_t n_breaks;   /**< frames and times that the input ran dry or left something out */

    /* any reads */
    LIMEF_ATOMIC(uint64_t) n_blocks; /**< came */
    LIMEF_ATOMIC(bool) wants_place;  /**< sound comes, and its input is not connected */
    LIMEF_ATOMIC(uint64_t)
    n_dropped; /**< blocks that were not to be heard: seeking, not for this rate, without a place */
    LIMEF_ATOMIC(uint64_t)
    n_gaps;                    /**< times that a file had no sound, and silence took its place */
    LIMEF_ATOMIC(int32_t) ppm; /**< how much longer what comes is made to last */
};

/** Memory of a sink; kind "audio sink". */
struct limef_audio_sink {
    struct limef_filter filter;
    struct limef_mixer *mixer;      /**< borrowed */
    struct limef_audio_slot *slots; /**< borrowed; slots[i] is slot i */
    unsigned n_slots;
    LIMEF_ATOMIC(bool) has_sound; /**< some sound came; any reads */
    LIMEF_ATOMIC(uint64_t)
    n_refused; /**< blocks that are no slot's, or not of the mixer's rate,
                    channels and format; any reads */
};

/**
 * Prepares a sink.
 *
 * It acts on these signals of a slot (UINT32_MAX: of all): PAUSE, PLAY; STEP: PAUSE, and
 * what comes passes until PLAY, from where sound is heard with the picture that is seen then; RATE:
 * what is heard 40 ms later is at that rate with its pitch kept, also what was written already (see
 * limef_tempo_filter, which it has of its own; it is silent where that does nothing: live sound,
 * other rates); FLUSH, after which what comes is heard at once; SEEK, which says that sound is
 * worthless until the FLUSH with its serial; START; END. To the application (limef_report()), with
 * media LIMEF_MEDIA_AUDIO: START when the first sound of all slots comes; END when the last of a
 * slot's sound was heard.
 *
 * @param sink   written; must be all-zero.
 * @param slots  borrowed; must outlive the sink.
 * @param mixer  borrowed likewise.
 * Thread: the controlling one
 */
LIMEF_API void limef_audio_sink_init(struct limef_audio_sink *sink, const char *name,
                                     struct limef_audio_slot *slots, unsigned n_slots,
                                     struct limef_mixer *mixer);

/** The periodic task of the sink's thread; context is the sink. Thread: the sink's */
LIMEF_API int64_t limef_audio_sink_tick(void *context, int64_t now_us);

LIMEF_END_DECLS

#endif
