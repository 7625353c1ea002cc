/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Control that travels in the chain, in order with the media. A filter acts on
 * the signals that concern it and passes all of them on.
 */
#ifndef LIMEF_FRAME_SIGNAL_H
#define LIMEF_FRAME_SIGNAL_H

#include <limef/frame/frame.h>

LIMEF_BEGIN_DECLS

/** What a signal says. The comment names the members it uses. */
enum limef_signal {
    LIMEF_SIGNAL_NONE,
    /** down: a stream begins or goes on. `serial`: that of a SEEK that failed, or of the last;
     *  `value`: of a file, pts_us of its beginning, or LIMEF_NO_TIME; `code`: 1 << enum limef_media
     *  for each that follows, added up; 0: not known. */
    LIMEF_SIGNAL_START,
    /** down: a stream was stopped by command; nothing follows until START. */
    LIMEF_SIGNAL_STOP,
    /** down: forget what is queued, start anew at a key frame. `value`: drop decoded
     *  frames before this pts_us (exact seek), or LIMEF_NO_TIME; `serial`: that of the SEEK. */
    LIMEF_SIGNAL_FLUSH,
    /** down: the stream is over. `code`: 0, or the error that ended it; `text`: why. */
    LIMEF_SIGNAL_END,
    /** down: no media at present; `text`: why ("connecting", "no signal"). */
    LIMEF_SIGNAL_LOST,
    /** to a source: go on, at once. */
    LIMEF_SIGNAL_PLAY,
    /** to a source or presenter: hold, until PLAY. */
    LIMEF_SIGNAL_PAUSE,
    /** to a source: `value`: pts_us to go to; `code`: 0 to the key frame before it, 1 exactly;
     *  `serial`: comes back in the FLUSH. */
    LIMEF_SIGNAL_SEEK,
    /** to a source or presenter: `value`: rate in thousandths, 1000 = natural. */
    LIMEF_SIGNAL_RATE,
    /** to a presenter: show the next picture, then hold. */
    LIMEF_SIGNAL_STEP,
    /** to a switch: `value`: the input to choose. */
    LIMEF_SIGNAL_CHOOSE,
    /** to a gate: open at the next key frame (`value` 1) or shut (`value` 0). */
    LIMEF_SIGNAL_GATE,
    /** to a snapshot: write the next picture. */
    LIMEF_SIGNAL_SNAPSHOT,
    /** up: something failed, the thread goes on or not as `text` says. `code`: AVERROR. */
    LIMEF_SIGNAL_ERROR,
    /** up: an event of the window. `value`: a key, see presenter.h. */
    LIMEF_SIGNAL_KEY,
    /** up: a graph's plan changed. `value`: how many times so far; `code`: 0, or why it stayed as
     *  it was; `text`: what. */
    LIMEF_SIGNAL_PLAN,
    /** down and up: a live source's state changed. `value`: enum limef_rtsp_state; `serial`: enum
     *  limef_rtsp_reason; `code`: an AVERROR, or 0; `text`: why. */
    LIMEF_SIGNAL_STATE,
    /** down and up: what decodes the stream from here on. `value`: enum limef_decode_step; `code`:
     *  0, or what failed; `text`: for people. */
    LIMEF_SIGNAL_DECODER,
    /** to a file source: `value`: which audio track to read from now on, from 1; 0: the next one.
     */
    LIMEF_SIGNAL_TRACK,
    /** to a filter of LIMEF_FILTER_POOLS: `value`: its pictures that what is behind it may hold at
     *  once, by the plan of the graph. */
    LIMEF_SIGNAL_DEPTH,
    /** up: a live stream was later than its budget and has caught up. `value`: how late, in
     *  microseconds; `serial`: how many frames were dropped; `text`: where. */
    LIMEF_SIGNAL_LATE,
    /** down: packets of this slot and track were left out here; who decodes or keeps it goes on at
     *  its next key frame. Slot UINT32_MAX: of any video. */
    LIMEF_SIGNAL_GAP,
    /** up: a filter does not come back, or keeps live frames for longer than is granted. `text`:
     * which, and of what kind; `value`: for how long, in microseconds; `code`: AVERROR(ETIMEDOUT),
     * or 0: it moved on after that long. */
    LIMEF_SIGNAL_STUCK,
    /** First number that this library never uses: an application's own start here. */
    LIMEF_SIGNAL_USER = 0x10000,
};

/** Class LIMEF_FRAME_SIGNAL. */
struct limef_signal_frame {
    struct limef_frame frame;
    uint32_t signal; /**< enum limef_signal, or an application's own */
    int32_t code;    /**< 0, or a negative AVERROR code, or as the signal says */
    int64_t value;
    uint32_t serial; /**< counts what the sender wants to recognise again */
    char text[44];   /**< for people; always terminated */
};

/**
 * Makes a signal of a slot.
 *
 * @param signal_frame  written; whatever it held is forgotten.
 * @param text          copied, cut to what fits; NULL: none.
 * Thread: any
 */
LIMEF_API void limef_signal_frame_set(struct limef_signal_frame *signal_frame, uint32_t signal,
                                      uint32_t slot, const char *text);

/**
 * The signal behind a frame.
 *
 * @return frame, downcast; NULL if it is of another class.
 * Thread: any
 */
static inline const struct limef_signal_frame *
limef_signal_frame_from(const struct limef_frame *frame)
{
    return frame->frame_class == LIMEF_FRAME_SIGNAL
               ? (const struct limef_signal_frame *)(const void *)frame
               : NULL;
}

/**
 * A signal's name, for people: "end", "seek", ...
 *
 * @return a string that lives forever.
 * Thread: any
 */
LIMEF_API const char *limef_signal_name(uint32_t signal);

LIMEF_END_DECLS

#endif
