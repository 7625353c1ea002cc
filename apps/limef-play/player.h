/* SPDX-License-Identifier: MIT */
/*
 * The player: streams, a graph that runs them, a screen, and the application's side of both.
 */
#ifndef LIMEF_PLAY_PLAYER_H
#define LIMEF_PLAY_PLAYER_H

#include "options.h"
#include "sound.h"
#include "stream.h"

#include <limef/filter/framemd5.h>
#include <limef/filter/presenter.h>
#include <limef/metrics/metrics.h>
#include <limef/thread/consumer.h>

/* Exit status, as limef-play(1) lists them. */
enum play_status {
    PLAY_OK = 0,
    PLAY_SET_UP_FAILED = 1,
    PLAY_NOTHING_PLAYED = 2,
    PLAY_SOME_NOT_PLAYED = 3,
    PLAY_BY_SIGNAL = 4,
    PLAY_LIVE_LOST = 5,
    PLAY_NO_OUTPUT = 7,
};

/* What is measured while it plays, for the report. */
struct play_measures {
    int64_t begun_us;   /* when the process began */
    unsigned n_threads; /* peak */
    bool steady;        /* the next two are set */
    uint64_t steady_allocations;
    uint64_t steady_frames;
    uint64_t allocations; /* at the end, before anything is torn down */
    uint64_t frames;
};

struct player {
    const struct play_options *options;
    struct play_stream *streams;
    unsigned n_streams;
    struct limef_reports reports;
    struct limef_graph graph;
    void *graph_memory;

    struct AVBufferRef *hardware; /* what streams are decoded with; NULL: software */
    const char *wrapper;          /* likewise, without a device of VA-API */
    struct limef_tile *tiles;
    struct limef_presenter_window window;
    struct limef_presenter presenter;
    struct limef_framemd5_filter framemd5;
    FILE *framemd5_file;
    struct limef_filter *screen_chain; /* what the streams are connected to */
    struct limef_consumer screen;      /* a thread of the player's own: it opens the display */
    struct play_sound sound;
    struct limef_metrics metrics; /* all-zero: nobody asked for them */

    /* the main thread */
    bool paused, quit, by_signal, no_output, screen_hangs;
    bool said_output;      /* progress: where pictures go */
    bool said_shown;       /* progress: that there is a picture */
    char waits[WAY_BYTES]; /* who waits for fences, as it was said last */
    bool plan_lost;        /* a plan could not be printed, none is from here on */
    int64_t printed_us;
    int32_t rate; /* thousandths */
    uint32_t seek_serial;
    int64_t visited_us; /* when the screen was last asked to come by */
    bool said_silent;   /* that the display does not answer */
    struct play_measures measures;

    /* the screen's thread; after that has stopped, nobody */
    unsigned n_snapshots;

    /* written by the main thread, read by the screen's: whichever it sees, it is told again */
    LIMEF_ATOMIC(uint32_t) solo; /* LIMEF_PRESENTER_ALL: the grid */
    LIMEF_ATOMIC(bool) overlay;
    /* set by the main thread; cleared by the screen's, release, pairs with the main one's acquire
     */
    LIMEF_ATOMIC(bool) visiting;
};

/*
 * Builds everything and starts it.
 *
 * options  borrowed; must outlive the player. begun_us: when the process began.
 * Returns an enum play_status; not PLAY_OK: one line was logged, nothing is owed.
 */
int player_start(struct player *player, const struct play_options *options, int64_t begun_us);

/* Plays until all is over, the user quits, or a signal comes. */
void player_run(struct player *player);

/* Writes the snapshot that the options ask for. Returns 0, or what it failed with, logged;
 * AVERROR(ETIMEDOUT): the display does not answer. */
int player_snapshot(struct player *player);

/* Stops the streams. What the report says stays readable until player_clear(). Returns 0, or
 * AVERROR(ETIMEDOUT): a thread is stuck and nothing may be freed under it. */
int player_stop(struct player *player);

/* Closes the framemd5 file, complete as far as frames came: it may be where the report goes too.
 * After player_stop(). Returns 0; AVERROR(EIO): it could not be written; or as
 * limef_thread_call(); logged. */
int player_finish_files(struct player *player);

/* How it went: an enum play_status. After player_run(). */
int player_status(const struct player *player);

/* Releases everything, the screen last. Returns 0; AVERROR(ETIMEDOUT): as player_stop(), nothing
 * was freed; or AVERROR(EIO): the framemd5 file could not be written, logged. */
int player_clear(struct player *player);

/* Looks for what decodes beside the CPU, as the options say; without it, software does. hardware.c
 */
void player_open_hardware(struct player *player);

/* Plays at another rate, in thousandths of the natural one. */
void player_set_rate(struct player *player, int32_t rate);

/* Handles a key of the window. */
void player_key(struct player *player, int64_t key);

/* Pictures shown so far, of all streams. */
uint64_t player_n_shown(const struct player *player);

/* Asks the screen's thread to come by, if it is time: to put the statistics overlay up to date,
 * and to show that it lives. Says once when it does not. */
void player_visit_screen(struct player *player);

#endif
