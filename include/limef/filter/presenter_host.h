/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A presenter in somebody else's window: the host, a program of Qt, GTK, SDL or
 * of its own, has an OpenGL context, and draws the presenter's pictures into
 * its framebuffer when it likes.
 *
 *     settings.output = LIMEF_OUTPUT_HOST;
 *     limef_presenter_init(&presenter, "screen", tiles, n_tiles, &settings);
 *     limef_presenter_host_init(&host, &presenter, &host_settings);
 *     ...                                           the presenter's thread runs, as ever
 *     limef_presenter_host_draw(&host, &target);    the host's thread, when wake() was called
 *
 * The presenter's thread decides what is due, as for any output, and touches no
 * GL. What it decided lies ready, without a lock, for the host's thread, which
 * uploads and draws. Neither waits for the other. doc/embedding.md.
 */
#ifndef LIMEF_FILTER_PRESENTER_HOST_H
#define LIMEF_FILTER_PRESENTER_HOST_H

#include <limef/filter/presenter.h>

LIMEF_BEGIN_DECLS

/**
 * Finds a function of OpenGL by its name: SDL_GL_GetProcAddress(), eglGetProcAddress(), ...
 *
 * @return NULL: there is none.
 * Thread: the host's GL thread
 */
typedef void *limef_host_get_fn(void *context, const char *name);

/**
 * There is something new to draw. It is said once until the next draw. No GL, no call of this
 * library from here: post an event, queue a redraw.
 *
 * Thread: the presenter's
 */
typedef void limef_host_wake_fn(void *context);

/** What the host lends. */
struct limef_presenter_host_settings {
    limef_host_get_fn *get;   /**< needed */
    limef_host_wake_fn *wake; /**< NULL: the host asks limef_presenter_host_has_new() */
    void *context;            /**< of both; borrowed; must outlive the host */
};

/** Where to draw. */
struct limef_presenter_host_target {
    unsigned framebuffer; /**< the GL's name of it; 0: the window */
    int x, y;             /**< of the lower left corner in it, as glViewport() */
    int width, height;    /**< pixels */
    bool flip; /**< the framebuffer's first row is the top one, as in textures that are drawn so */
};

/** What it has done so far. */
struct limef_presenter_host_counters {
    uint64_t n_drawn;    /**< calls of draw */
    uint64_t n_pictures; /**< that were new in one */
    uint64_t n_failed;   /**< pictures that could not be drawn */
    uint64_t n_skipped;  /**< pictures that a newer one replaced before the host drew */
    uint64_t n_wakes;    /**< calls of wake */
    /** Fences of pictures that were not written yet, by who waits for them: the host's GPU, or draw
     * itself, for 200 ms at most; of them, not signalled in time. */
    uint64_t n_fences_gpu, n_fences_cpu, n_fences_late;
    const char *fences_why; /**< why draw waited last; lives forever. NULL: it did not */
};

struct presenter_host;

/** Memory of a host. All-zero and limef_presenter_host_init(). */
struct limef_presenter_host {
    struct presenter_host *link; /**< owned */
};

/**
 * Makes a presenter draw through a host. Loads nothing, draws nothing.
 *
 * @param host       written; must be all-zero.
 * @param presenter  initialised with LIMEF_OUTPUT_HOST; borrowed; must be cleared before the host.
 * @param settings   copied; what it points to is borrowed.
 * @return 0; AVERROR(EINVAL): another output, a host already, or no get; AVERROR(ENOMEM). Logged.
 * Thread: the controlling one, before the presenter's thread starts
 */
LIMEF_API int limef_presenter_host_init(struct limef_presenter_host *host,
                                        struct limef_presenter *presenter,
                                        const struct limef_presenter_host_settings *settings);

/**
 * Draws what the presenter shows now over the whole target: pictures, texts, black. Objects of the
 * GL are made when they are missed. The state of the GL is as before, but for what doc/embedding.md
 * lists.
 *
 * The context is the same in each call, until limef_presenter_host_close().
 *
 * @param target  borrowed.
 * @return 0; AVERROR(ENOSYS): not OpenGL ES 2 or 3 or OpenGL 3.3 or later, or this build has no GL;
 *         AVERROR(EINVAL): an empty target (not logged); or what went wrong, logged: it stays until
 *         close.
 * Thread: the host's GL thread, the context current
 */
LIMEF_API int limef_presenter_host_draw(struct limef_presenter_host *host,
                                        const struct limef_presenter_host_target *target);

/** Whether draw would show something that the last one did not. Thread: any */
LIMEF_API bool limef_presenter_host_has_new(const struct limef_presenter_host *host);

/**
 * Deletes the objects of the GL, before the context goes. The next draw makes them anew, in
 * whichever context is current then, and shows the same pictures.
 *
 * Thread: the host's GL thread, the context current
 */
LIMEF_API void limef_presenter_host_close(struct limef_presenter_host *host);

/**
 * Forgets the objects of the GL without deleting them: the context is gone already.
 *
 * Thread: the host's GL thread
 */
LIMEF_API void limef_presenter_host_abandon(struct limef_presenter_host *host);

/**
 * Releases everything; all-zero afterwards. All-zero does nothing.
 *
 * @param host  closed or abandoned; the presenter is cleared.
 * Thread: the controlling one
 */
LIMEF_API void limef_presenter_host_clear(struct limef_presenter_host *host);

/**
 * Reads the counters.
 *
 * @param counters  written.
 * Thread: any
 */
LIMEF_API void limef_presenter_host_get_counters(const struct limef_presenter_host *host,
                                                 struct limef_presenter_host_counters *counters);

LIMEF_END_DECLS

#endif
