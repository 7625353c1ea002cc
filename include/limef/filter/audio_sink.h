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

LIMEF_BEGIN_DECLS

struct limef_resample_filter;

/**
 * Which picture of a slot is seen: limef_presenter_seen_us() of its tile.
 *
 * @param since_us  written: when it came onto the screen, on limef_now_us()'s clock.
 * @return its media time; LIMEF_NO_TIME: none was seen yet.
 * Thread: the sink's
 */
typedef int64_t limef_audio_seen_fn(void *context, int64_t *since_us);

/** One slot's way into the mixer. All-zero but the first members; input is connected by the
 * application. */
struct limef_audio_slot {
    struct limef_mixer_input *input;        /**< borrowed; NULL: the slot is silent */
    struct limef_resample_filter *resample; /**< what comes from this one follows the clock of the
                                                 output; borrowed. NULL: nothing does */
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
    bool seeking; /**< drop sound until the FLUSH of seek_serial */
    uint32_t seek_serial;
    bool ending; /**< END came, and has not been heard yet */
    int32_t end_code;
    int32_t rate; /**< that RATE asked for, thousandths */
    struct limef_drift drift;

    /* any reads */
    LIMEF_ATOMIC(uint64_t) n_blocks; /**< came */
    LIMEF_ATOMIC(uint64_t)
    n_dropped; /**< blocks that were not to be heard: seeking, not for this rate */
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
};

/**
 * Prepares a sink.
 *
 * It acts on these signals of a slot (UINT32_MAX: of all): PAUSE, PLAY; STEP: PAUSE, and
 * what comes passes until PLAY, from where sound is heard with the picture that is seen then; RATE:
 * it is silent while what comes is not for that rate, see limef_tempo_filter; FLUSH, after which
 * what comes is heard at once; SEEK, which says that sound is worthless until the FLUSH with its
 * serial; START; END. To the application (limef_report()), with media LIMEF_MEDIA_AUDIO: START when
 * the first sound of all slots comes; END when the last of a slot's sound was heard.
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
