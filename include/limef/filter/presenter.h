/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The presenter: shows the pictures of N slots side by side in one grid, each
 * when its time has come. It sits directly behind a FrameFifo, and says
 * AVERROR(EAGAIN) while a slot's next picture waits for its time: that is the
 * back-pressure. A graph gives it a thread and calls its tick. On a consumer
 * thread of the application limef_presenter_tick() is the periodic task:
 *
 *     limef_presenter_init(&presenter, "screen", tiles, n_tiles, &settings);
 *     limef_consumer_init(&consumer, &presenter.filter, &thread_settings);
 *     limef_thread_set_task(&consumer.thread, limef_presenter_tick, &presenter);
 *
 * The window and the GL context belong to the thread that opens them: the one
 * that runs the first tick, or limef_presenter_open().
 */
#ifndef LIMEF_FILTER_PRESENTER_H
#define LIMEF_FILTER_PRESENTER_H

#include <limef/base/histogram.h>
#include <limef/filter/filter.h>
#include <limef/frame/buffer_source.h>

LIMEF_BEGIN_DECLS

/** A signal's slot, and a layout's: all of them. */
#define LIMEF_PRESENTER_ALL UINT32_MAX

/** Longest text of an overlay, its end included. */
#define LIMEF_PRESENTER_OVERLAY_BYTES 1024

/** Where pictures go. */
enum limef_presenter_output {
    LIMEF_OUTPUT_AUTO,      /**< a window where a display server answers; where none is named, KMS
                                 on a console that is free; else offscreen */
    LIMEF_OUTPUT_WINDOW,    /**< a window on X11 or Wayland */
    LIMEF_OUTPUT_OFFSCREEN, /**< rendered by EGL without a display */
    LIMEF_OUTPUT_NONE,      /**< to nobody, in time; no GL library is even loaded */
    LIMEF_OUTPUT_KMS,       /**< a display without a display server, by the kernel's modesetting */
    LIMEF_OUTPUT_HOST,      /**< drawn by a program in its own window: presenter_host.h */
};

/** Which display LIMEF_OUTPUT_KMS takes, and how. All-zero is sane. */
struct limef_presenter_kms {
    const char *device;    /**< "/dev/dri/card1"; NULL: the first card with a display that nobody
                                else shows something on; borrowed, as is connector */
    const char *connector; /**< as in /sys/class/drm, "HDMI-A-1"; NULL: the first with a display */
    int drm_fd;            /**< of a card that is open, or of a lease (drmModeCreateLease()), whose
                                master is the caller; then no card is looked for, and who switches
                                consoles is the caller. Its events are read here, all of them: flips
                                of the caller's own are lost. Borrowed; must outlive the output. 0:
                                none */
    int refresh_hz;        /**< of several modes of one size; 0: the display's preference */
};

/** The window, where there is one. All-zero is sane. */
struct limef_presenter_window {
    const char *title; /**< borrowed, as this. NULL: "limef" */
    bool fullscreen;
};

/** What is done without although it is there: for tests and comparisons. */
enum limef_presenter_plain {
    LIMEF_PRESENTER_GLES2 = 1, /**< plain OpenGL ES 2 without extensions */
    LIMEF_PRESENTER_WHOLE = 2, /**< where the CPU renders too, pictures are uploaded whole: else one
                                    that is shown at half its size or less becomes as small first */
};

/** All-zero is sane. */
struct limef_presenter_settings {
    enum limef_presenter_output output;
    int width; /**< of the output in pixels; 0: one tile: that of its first picture, else 1280x720;
                    KMS: of the mode, or the nearest; 0: the display's preferred one */
    int height;
    bool untimed;       /**< show every picture at once, drop none */
    bool ends_silently; /**< an ended tile shows its last picture alone, not why it ended */
    unsigned plain;     /**< bits of enum limef_presenter_plain */
    const struct limef_presenter_window *window; /**< borrowed; must outlive the presenter. NULL:
                                                      the defaults */
    const struct limef_presenter_kms *kms;       /**< likewise */
};

/** Values of LIMEF_SIGNAL_KEY; printable keys are their ASCII character, lower case unless shifted.
 */
enum limef_key {
    LIMEF_KEY_ENTER = 13,
    LIMEF_KEY_ESCAPE = 27,
    LIMEF_KEY_LEFT = 0x10000,
    LIMEF_KEY_RIGHT,
    LIMEF_KEY_UP,
    LIMEF_KEY_DOWN,
    LIMEF_KEY_PAGE_UP,
    LIMEF_KEY_PAGE_DOWN,
    LIMEF_KEY_CLOSE, /**< the window's close button */
};

/** What a tile is doing. */
enum limef_tile_state {
    LIMEF_TILE_WAITING, /**< no picture yet */
    LIMEF_TILE_PLAYING,
    LIMEF_TILE_LOST,  /**< the source has no media at present */
    LIMEF_TILE_ENDED, /**< END, and the last picture's time is over */
};

/** Media time of one slot on the monotonic clock. */
struct limef_presenter_clock {
    int64_t anchor_media_us; /**< this media time ... */
    int64_t anchor_us;       /**< ... is shown then; LIMEF_NO_TIME: the next picture sets it */
    int64_t paused_us;       /**< when it was paused; LIMEF_NO_TIME: it runs */
    int32_t rate;            /**< thousandths of the natural one; 0: 1000 */
};

/**
 * Which media time of a slot is heard: limef_mixer_input_heard_us() of its input.
 *
 * @return LIMEF_NO_TIME: none at present; pictures go on in their own time then.
 * Thread: the presenter's
 */
typedef int64_t limef_presenter_master_fn(void *context, int64_t now_us);

/** What a slot has done so far; see limef_presenter_get_counters(). */
struct limef_presenter_slot_counters {
    enum limef_tile_state state;
    int width, height;   /**< of the last picture, as decoded */
    int format;          /**< its enum AVPixelFormat; -1: none yet */
    uint64_t n_pictures; /**< came in */
    uint64_t n_shown;
    uint64_t n_dropped_late;   /**< a newer one was due already */
    uint64_t n_dropped_flush;  /**< by FLUSH, on the way to one, or for limef_presenter_close() */
    uint64_t n_dropped_burst;  /**< older than now on purpose: LIMEF_FRAME_BURST */
    uint64_t n_failed;         /**< could not be shown */
    uint64_t n_anchors;        /**< times the clock was set anew: start, flush, jumps, too late */
    uint64_t copied_bytes;     /**< moved between decoder and screen, by limef or by a library that
                                    it called: the sum of the next three; 0: not one byte was */
    uint64_t uploaded_bytes;   /**< of copied_bytes: from ordinary memory to the GL, or into a
                                    buffer of a display: the transfer that such pictures need */
    uint64_t direct_bytes;     /**< of copied_bytes: by the GL's driver, to a texture, out of its
                                    mapped memory, where the decoder wrote them: no upload */
    uint64_t memory_bytes;     /**< of copied_bytes: written in memory before that: downloaded,
                                    converted, repacked, made smaller */
    uint64_t n_direct;         /**< pictures of direct_bytes */
    uint64_t n_imported;       /**< pictures whose own memory was the texture: 0 bytes were moved */
    uint64_t n_images;         /**< EGLImages made for those: some for each buffer, none for a
                                    picture in a buffer that was seen before */
    uint64_t n_planes;         /**< pictures that the display read where the decoder wrote them, on
                                    a plane: 0 bytes were moved, nothing was drawn */
    const char *copied_why;    /**< why the last of memory_bytes were written; lives forever; NULL:
                                    none were */
    const char *uploaded_why;  /**< why the last uploaded picture was; lives forever; NULL: none */
    const char *failed_why;    /**< why the last of n_failed could neither be read by the GPU nor be
                                    copied; lives forever; NULL: it was another failure, or none */
    uint64_t n_failed_buffers; /**< of limef_presenter_get_buffers(), for all slots, that could not
                                    be made: there was no memory for them at the time, or were as
                                    many as there may be; and how often the kernel refused the CPU
                                    access to one, so that another one was taken, or none */
    int64_t first_shown_us; /**< limef_now_us() when its first picture was presented; 0: not yet */
    int64_t last_shown_us;  /**< likewise of its last picture */
    int64_t position_us;    /**< pts_us of the picture on screen; LIMEF_NO_TIME: none yet */
    struct limef_histogram latency;   /**< from limef_frame.entered_us to presented */
    struct limef_histogram deviation; /**< of pictures, when presented, from what was heard */
};

/** Memory of one slot. All-zero at first; its members are the presenter's. */
struct limef_tile {
    /* its thread; for nobody else */
    union limef_any_frame next; /**< waits for its time; empty class: none */
    int64_t due_us;             /**< when next is shown; LIMEF_FOREVER: not while paused */
    int64_t shown_us;           /**< when the picture on screen was due */
    int64_t shown_pts_us;
    int64_t shown_duration_us;
    int64_t entered_us; /**< of a picture that is uploaded and not presented yet; else 0 */
    int64_t text_second;
    struct limef_presenter_clock clock;
    limef_presenter_master_fn *master; /**< who tells what is heard; NULL: nobody */
    void *master_context;              /**< borrowed */
    int32_t rate;                      /**< that RATE asked for, thousandths; 0: 1000 */
    bool mastered;                     /**< something was heard when the clock was set last */
    int64_t
        waits_until_us; /**< the first picture is there and waits for its sound; 0: it does not */
    int64_t strays_until_us; /**< far from its sound, it goes on by itself; 0: it is not */
    struct AVFrame *copy;    /**< of a picture that nobody counts; owned */
    bool is_silent;          /**< START said that no sound follows */
    bool waited_in_vain;     /**< the first picture did, and nothing was heard since */
    bool prepared;           /**< the picture that waits is in its texture */
    bool has_picture;        /**< on screen */
    bool fresh;              /**< uploaded since the last presentation */
    bool shown_live;         /**< the picture on screen is of a live source */
    bool stepping;           /**< show one more, then hold */
    bool seeking;            /**< drop pictures until the FLUSH of seek_serial */
    bool ending;             /**< END came, the last picture's time is not over */
    bool hurried;       /**< the picture that waits is live, and shown sooner for those behind it */
    unsigned n_hurried; /**< one after the other */
    unsigned n_begun;   /**< pictures of a live source since its clock was set first, up to some */
    unsigned n_looks;   /**< pictures of a live source in a row that were there before their time */
    int64_t least_wait_us; /**< the least of what they waited */
    uint32_t seek_serial;
    int64_t since_us; /**< when the state began */
    int32_t end_code;
    char text[44]; /**< why there is no picture */
    bool has_text; /**< on screen: that, or that it waits */

    /* written by its thread, for limef_presenter_get_counters() and the like */
    LIMEF_ATOMIC(uint64_t) ready; /**< see limef_presenter_is_ready(); relaxed */
    LIMEF_ATOMIC(uint32_t) state;
    LIMEF_ATOMIC(int) width, height, format;
    LIMEF_ATOMIC(uint64_t) n_pictures, n_shown, n_dropped_late, n_dropped_flush, n_failed;
    LIMEF_ATOMIC(uint64_t) n_dropped_burst;
    LIMEF_ATOMIC(uint64_t) n_anchors, uploaded_bytes, memory_bytes;
    LIMEF_ATOMIC(uint64_t) n_direct, direct_bytes, n_imported, n_images, n_planes;
    LIMEF_ATOMIC(const char *) copied_why;
    LIMEF_ATOMIC(const char *) uploaded_why;
    LIMEF_ATOMIC(const char *) failed_why;
    LIMEF_ATOMIC(int64_t) first_shown_us, last_shown_us, position_us;
    struct limef_histogram latency, deviation;
};

struct buffer_pool;
struct compositor;
struct presenter_host;

/** Memory of a presenter; kind "presenter", bound to its thread. */
struct limef_presenter {
    struct limef_filter filter;
    struct limef_presenter_settings settings;
    struct limef_tile *tiles; /**< borrowed; tile i is slot i */
    unsigned n_tiles;
    struct buffer_pool *buffers; /**< for decoders; NULL: nobody asked; owned, counted */
    struct presenter_host *host; /**< who draws for LIMEF_OUTPUT_HOST; borrowed; else NULL */

    /* its thread */
    struct compositor *compositor; /**< NULL: not open, or output none; owned */
    bool opened, failed, closed, dirty;
    bool owes; /**< the application was not told yet what is in owed */
    struct limef_signal_frame owed;
    int64_t begun_us, polled_us;
    struct limef_presenter_flip {
        bool waiting;         /**< what was presented is not on the screen yet */
        bool unpaced;         /**< the display shows at once what it is given */
        int n_off_beat;       /**< flips that it did not wait with, less those that it did */
        int64_t committed_us; /**< when what waits was given to it */
        uint64_t n_flips;     /**< of the output, seen so far */
        int64_t at_us;        /**< of the last one; 0: none */
        int64_t period_us;    /**< of the display; 0: not known */
        int64_t target_us;    /**< the refresh that is meant for what waits; 0: none is */
        int64_t ready_us;     /**< when the flip that is waited for is looked for; 0: none is */
        int64_t composing_us; /**< how long pictures take to the screen, if it has no rhythm */
    } flip;

    /* any reads */
    LIMEF_ATOMIC(uint32_t) output;      /**< the enum limef_presenter_output in use */
    LIMEF_ATOMIC(uint64_t) n_presented; /**< composed pictures */
    LIMEF_ATOMIC(uint64_t) n_composed;  /**< drawn by GL */
    LIMEF_ATOMIC(uint64_t) n_planes;    /**< one picture, read by the display where it lay */
    LIMEF_ATOMIC(const char *)
    planes_why;                      /**< why the last one was composed, though it lay where a
                                          display can read it; lives forever. NULL: none was */
    LIMEF_ATOMIC(uint64_t) n_flips;  /**< came onto the screen, where the output knows (KMS) */
    LIMEF_ATOMIC(uint64_t) n_missed; /**< of these, a refresh or more after the one meant for it */
    /** of these, given to the display too late for it; the others are the display's */
    LIMEF_ATOMIC(uint64_t) n_missed_here;
    /** Fences of pictures that were not written yet, by who waits for them: the GPU that draws, the
     * display (there those of what GL drew as well), or this thread; of them, not signalled in
     * time. With LIMEF_OUTPUT_HOST a host has them: limef_presenter_host_get_counters() */
    LIMEF_ATOMIC(uint64_t) n_fences_gpu, n_fences_display, n_fences_cpu, n_fences_late;
    LIMEF_ATOMIC(const char *)
    fences_why;                           /**< why this thread waited last; lives forever. NULL: it
                                               did not */
    LIMEF_ATOMIC(int64_t) first_shown_us; /**< when the first picture was presented; 0: not yet */
};

/**
 * Prepares a presenter; opens nothing.
 *
 * It acts on these signals of a slot (LIMEF_PRESENTER_ALL: of all): PAUSE, PLAY, STEP; RATE, but
 * while something of the slot is heard pictures run as fast as that, see limef_tempo_filter; LOST
 * and END, whose text the tile shows; START and FLUSH, after which the next picture is shown at
 * once; SEEK, which says that pictures are worthless until the FLUSH with its serial. An
 * application sends a SEEK to the presenter's thread first and to the source next: a paused
 * presenter then lets the way to the FLUSH be free.
 *
 * To the application (limef_report()): KEY; END of a slot whose last picture's time is over; ERROR
 * if the output could not be opened, or was lost. END and ERROR come as soon as the queue has room
 * for them, a KEY that finds none is lost.
 *
 * @param presenter  written; must be all-zero.
 * @param tiles      borrowed, all-zero; must outlive the presenter.
 * @param n_tiles    how many slots there are, 1 or more.
 * @param settings   copied; NULL: the defaults.
 * @return 0, or AVERROR(EINVAL): no tiles (logged).
 * Thread: the controlling one
 */
LIMEF_API int limef_presenter_init(struct limef_presenter *presenter, const char *name,
                                   struct limef_tile *tiles, unsigned n_tiles,
                                   const struct limef_presenter_settings *settings);

/**
 * Opens the output now, instead of in the first tick.
 *
 * @return 0, also if it is open; AVERROR(ENOSYS): this build has no such output; AVERROR(ENODEV):
 * no display server answers, or no EGL; another negative AVERROR code. Logged. Thread: the
 * presenter's (limef_thread_call())
 */
LIMEF_API int limef_presenter_open(struct limef_presenter *presenter);

/**
 * Closes the output; it stays closed. limef_filter_clear() does so, too, but GL and window
 * libraries want it from the thread that opened them: call this before that thread stops. What
 * waits for its time, and what still comes, is dropped: counted in n_dropped_flush, no failure.
 *
 * Pictures in mapped buffers of limef_presenter_get_buffers() are memory of the GL: as long as a
 * decoder, a fifo or anybody else has one, the output cannot go. It then lends no more and stays
 * open; stop and clear the decoders, and close it again. limef_filter_clear() abandons such an
 * output instead: window, GL context and buffers stay until the process ends, the pictures valid.
 *
 * @return 0, also if it is not open; AVERROR(EBUSY), logged: pictures in its buffers are in use.
 * Thread: the presenter's
 */
LIMEF_API int limef_presenter_close(struct limef_presenter *presenter);

/**
 * Memory for limef_decode_settings.buffers: dma-bufs (or, where the CPU renders, memfds) that EGL
 * imports as textures, so that nothing is moved; or buffers of the GL that stay mapped, which its
 * driver reads where the decoder wrote them, so that nothing is uploaded. They are made when the
 * output is open and a decoder misses one: dma-bufs at once, on its thread, those of the GL for the
 * pictures that come then; whatever finds none is decoded into ordinary memory and uploaded, and
 * where there was no memory for one it is tried again later. What nobody had for some ten seconds
 * is given back, a few a second, by the presenter's thread; by a host's as pictures are drawn. So
 * there are as many as all decoders together hold at once, in reference, in a fifo or on the
 * screen, which the depth of their chains bounds; and at most 1024, half of the machine's memory
 * (not of a control group's), and half of the descriptors that the process may have (RLIMIT_NOFILE
 * when the output opens; a memfd has two), for each presenter by itself. What is beyond that is
 * counted (n_failed_buffers) and logged. Ordinary memory is all there is where GL has neither,
 * where reading such memory is slow, and where the CPU renders and imports nothing; the log says so
 * at level info.
 *
 * @param always  mapped buffers also where reading them is slow or the CPU renders: for tests and
 * comparisons.
 * For a host (LIMEF_OUTPUT_HOST) dma-bufs alone, where its context is EGL's, from its first draw
 * on.
 *
 * @return borrowed; a decoder counts itself as its user. NULL: the output is none, or there is no
 *         memory (logged); a decoder takes that, too.
 * Thread: the controlling one, before the presenter's thread starts
 */
LIMEF_API struct limef_buffer_source *limef_presenter_get_buffers(struct limef_presenter *presenter,
                                                                  bool always);

/**
 * Shows what is due, handles the window's events, renders if something changed. A limef_task_fn.
 *
 * @param presenter  a struct limef_presenter.
 * @return when to be called next.
 * Thread: the presenter's
 */
LIMEF_API int64_t limef_presenter_tick(void *presenter, int64_t now_us);

/**
 * Shows all tiles in a grid, or one alone.
 *
 * @param slot  which one; LIMEF_PRESENTER_ALL: the grid.
 * @return 0, or AVERROR(EINVAL): no such slot.
 * Thread: the presenter's
 */
LIMEF_API int limef_presenter_set_layout(struct limef_presenter *presenter, uint32_t slot);

/**
 * Between window and full screen.
 *
 * @return 0, or AVERROR(ENOSYS): the output is not a window.
 * Thread: the presenter's
 */
LIMEF_API int limef_presenter_toggle_fullscreen(struct limef_presenter *presenter);

/**
 * Text over the top left corner.
 *
 * @param text  lines; copied, cut to LIMEF_PRESENTER_OVERLAY_BYTES. NULL: none.
 * Thread: the presenter's
 */
LIMEF_API void limef_presenter_set_overlay(struct limef_presenter *presenter, const char *text);

/**
 * Writes the composed picture, as the screen shows it, to a file: PNG or JPEG by its name.
 *
 * @return 0; AVERROR(ENOSYS): the output is none; or what went wrong, logged.
 * Thread: the presenter's
 */
LIMEF_API int limef_presenter_snapshot(struct limef_presenter *presenter, const char *path);

/**
 * Reads the composed picture.
 *
 * @param rgba    written: rows from the top, 4 bytes a pixel; at least its size from
 *                limef_presenter_get_size().
 * @return 0, or as limef_presenter_snapshot().
 * Thread: the presenter's
 */
LIMEF_API int limef_presenter_read(struct limef_presenter *presenter, uint8_t *rgba);

/**
 * The output's present size in pixels.
 *
 * @return 0, or AVERROR(EAGAIN): not open, or not known before the first picture.
 * Thread: the presenter's
 */
LIMEF_API int limef_presenter_get_size(struct limef_presenter *presenter, int *width, int *height);

/**
 * Shows a slot's pictures in time with its sound: while something is heard of it, its clock
 * follows, by and by, or at once where it is more than 40 ms off. The first picture after a start
 * or a seek, unless it is live, waits for its sound by 100 ms at most, and once in vain.
 *
 * @param master   NULL: its pictures keep their own time, as without this.
 * @param context  borrowed; must outlive the presenter's run.
 * @return 0, or AVERROR(EINVAL): no such slot.
 * Thread: the controlling one, before the presenter's thread starts
 */
LIMEF_API int limef_presenter_set_master(struct limef_presenter *presenter, uint32_t slot,
                                         limef_presenter_master_fn *master, void *context);

/**
 * Whether the first picture of a slot after the START or FLUSH with this serial can be shown at
 * once: it is drawn, unseen, and waits for its sound; or it was shown; or there is none to wait
 * for. A limef_audio_pictures_fn, so that sound begins no sooner.
 *
 * @param tile  a struct limef_tile.
 * Thread: any
 */
LIMEF_API bool limef_presenter_is_ready(void *tile, uint32_t serial);

/**
 * Which picture of a tile is on screen: a limef_audio_seen_fn.
 *
 * @param tile      a struct limef_tile.
 * @param since_us  written: when it was presented, on limef_now_us()'s clock.
 * @return its pts_us; LIMEF_NO_TIME: there was none yet.
 * Thread: any
 */
LIMEF_API int64_t limef_presenter_seen_us(void *tile, int64_t *since_us);

/**
 * What a slot has done so far.
 *
 * @param counters  written.
 * @return 0, or AVERROR(EINVAL): no such slot.
 * Thread: any
 */
LIMEF_API int limef_presenter_get_counters(const struct limef_presenter *presenter, uint32_t slot,
                                           struct limef_presenter_slot_counters *counters);

LIMEF_END_DECLS

#endif
