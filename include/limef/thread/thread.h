/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What producer and consumer threads have in common: start, stop with a
 * deadline, commands that do not queue behind media, a periodic task, a
 * priority class, an affinity, a name.
 */
#ifndef LIMEF_THREAD_THREAD_H
#define LIMEF_THREAD_THREAD_H

#include <limef/frame/any.h>
#include <limef/thread/report.h>

#include <pthread.h>

LIMEF_BEGIN_DECLS

struct limef_filter;
struct limef_source;
struct limef_thread;
struct limef_thread_reply;

/** What a thread's work is worth, most urgent last but background. */
enum limef_priority {
    LIMEF_PRIORITY_PROCESSING, /**< decoding, scaling: nice 0 */
    LIMEF_PRIORITY_RECORDING,  /**< what is lost is missed later: nice -3 */
    LIMEF_PRIORITY_INGEST,     /**< reading sources: SCHED_RR 5, else nice -5 */
    LIMEF_PRIORITY_DISPLAY,    /**< capture and display: SCHED_RR 10, else nice -10 */
    LIMEF_PRIORITY_AUDIO,      /**< real-time audio: SCHED_FIFO 20, else nice -15 */
    LIMEF_PRIORITY_BACKGROUND, /**< snapshots, what nobody waits for: nice 10 */
};

/** How a thread runs. All-zero is sane. */
struct limef_thread_settings {
    const char *name;              /**< borrowed; 15 characters of it are shown by the system */
    enum limef_priority priority;  /**< what is not permitted falls back, and is said once */
    uint64_t cpu_mask;             /**< bit n: may run on CPU n; 0: wherever the process may */
    struct limef_reports *reports; /**< borrowed; must outlive the thread. NULL: none */
};

/**
 * A periodic task: called on the thread, between frames, when its time has come.
 *
 * @param now_us  limef_now_us().
 * @return when to be called next, on the same clock; LIMEF_FOREVER: never again.
 */
typedef int64_t limef_task_fn(void *context, int64_t now_us);

/** Something to do once on a thread. @return what limef_thread_call() returns. */
typedef int limef_call_fn(void *context);

/** Commands that may wait for one thread. */
#define LIMEF_THREAD_MAX_COMMANDS 16

/** A signal, or a function to call, that waits for the thread. */
struct limef_thread_command {
    struct limef_signal_frame signal_frame;
    struct limef_filter *to; /**< who gets the signal; NULL: as limef_thread_ops.go says */
    limef_call_fn *call;     /**< NULL: the signal */
    void *context;
    struct limef_thread_reply *reply; /**< NULL: nobody waits for the call */
};

/** What producers and consumers put behind a thread. All but step may be NULL: nothing. */
struct limef_thread_ops {
    /** Does one piece of work, waiting for it until `deadline_us` at most. @return 0,
     * AVERROR(EAGAIN), AVERROR_EOF: nothing more until a command comes; AVERROR_EXIT: the thread
     * ends. */
    int (*step)(struct limef_thread *thread, int64_t deadline_us);
    /** A signal that was sent to the thread. @return as limef_filter_ops.go */
    int (*go)(struct limef_thread *thread, const struct limef_signal_frame *signal_frame);
    /** Makes step return soon, for good if the thread was asked to stop. Any thread. */
    void (*wake)(struct limef_thread *thread);
    /** Before the thread starts, in the controlling one. */
    void (*open)(struct limef_thread *thread);
    /** After the periodic task or a command ran: what was refused may be offered again. */
    void (*retry)(struct limef_thread *thread);
    /** The last thing that the thread does. */
    void (*leave)(struct limef_thread *thread);
};

/** The base of producers and consumers; its first member. */
struct limef_thread {
    const struct limef_thread_ops *ops;
    struct limef_thread_settings settings;

    /* the controlling thread */
    pthread_t handle;

    /* the thread itself */
    limef_task_fn *task;
    void *task_context;
    int64_t task_due_us;
    struct limef_source *stepped; /**< whose step runs; NULL: none */

    /* any */
    LIMEF_ATOMIC(uint32_t)
    stopping; /**< seq_cst; written under lock; pairs with what looks before it
                   sleeps */
    LIMEF_ATOMIC(uint32_t)
    n_commands; /**< written under lock, release; pairs with the thread's acquire */
    LIMEF_ATOMIC(uint32_t) wake_word; /**< what an idle producer sleeps on */
    LIMEF_ATOMIC(uint64_t) n_errors;  /**< frames that the chain lost, by codes that it returned */
    LIMEF_ATOMIC(uint32_t) alive; /**< 1 from start until its function returns; stop sleeps on it */
    LIMEF_ATOMIC(int) tid;        /**< the system's number of it; 0 before it runs */
    LIMEF_ATOMIC(int64_t)
    inside_us; /**< limef_now_us() when it went into its filters, a command or its task; 0: it
                    waits for something to do. Of a coarse clock: up to 10 ms early */
    LIMEF_ATOMIC(int) scheduled_as; /**< what was got: enum limef_scheduled */

    pthread_mutex_t lock;
    /* protected by lock */
    bool started;    /**< there is a thread to join */
    void *sleeps_on; /**< futex word of a blocked write, or NULL */
    struct limef_thread_command commands[LIMEF_THREAD_MAX_COMMANDS];
};

/** What scheduling a thread got. */
enum limef_scheduled {
    LIMEF_SCHEDULED_DEFAULT, /**< as the process is */
    LIMEF_SCHEDULED_NICE,    /**< by nice value */
    LIMEF_SCHEDULED_RR,      /**< SCHED_RR */
    LIMEF_SCHEDULED_FIFO,    /**< SCHED_FIFO */
};

/**
 * Prepares a thread's base; called by the init functions of producers and consumers.
 *
 * @param settings  copied; what it points to is borrowed. NULL: the defaults.
 * Thread: the controlling one
 */
LIMEF_API void limef_thread_init(struct limef_thread *thread, const struct limef_thread_ops *ops,
                                 const struct limef_thread_settings *settings);

/** Leaves all-zero; the thread must be stopped. Thread: the controlling one */
LIMEF_API void limef_thread_clear(struct limef_thread *thread);

/**
 * Starts the thread. Threads of a chain start in any order.
 *
 * @return 0; AVERROR(EBUSY): it runs already; or what the system refused with.
 * Thread: the controlling one
 */
LIMEF_API int limef_thread_start(struct limef_thread *thread);

/**
 * Asks the thread to stop, and does not wait. Stopping many: ask all, then wait for each.
 * Commands that wait are still done.
 *
 * Thread: any
 */
LIMEF_API void limef_thread_ask_stop(struct limef_thread *thread);

/**
 * Stops the thread. What waits in its fifo stays there; the media of it is dropped when the thread
 * is started again, and counted; signals and codec frames are not. Of each video stream that lost
 * packets its chain then gets a GAP.
 *
 * @param timeout_us  how long to wait for the thread to come back.
 * @return 0, also if it was not running; AVERROR(ETIMEDOUT): it is still stuck in something that
 *         cannot be interrupted (a driver that does not come back): its memory must stay, and stop
 *         may be called again; AVERROR(EDEADLK): called from the thread itself: it ends soon,
 *         stop must be called again from another one.
 * Thread: any, several at once too; not while another one starts it
 */
LIMEF_API int limef_thread_stop(struct limef_thread *thread, int64_t timeout_us);

/**
 * Sends a signal to the thread, ahead of all media: a producer's source gets it, or the chain
 * behind a consumer's fifo.
 *
 * @param signal_frame  copied.
 * @return 0; AVERROR(EAGAIN): too many commands wait; AVERROR_EXIT: the thread does not run.
 * Thread: any
 */
LIMEF_API int limef_thread_send(struct limef_thread *thread,
                                const struct limef_signal_frame *signal_frame);

/**
 * Runs a function on the thread, between two frames, and waits for it: connect, disconnect, read
 * what only that thread may read. If the thread is not running it runs right here:
 * then one at a time, and not while the thread is started.
 *
 * @param timeout_us  after which the call is withdrawn. A call that has begun is waited for.
 * @return what the function returned; AVERROR(ETIMEDOUT): withdrawn, it did not run;
 *         AVERROR(EAGAIN): too many commands wait, it did not run.
 * Thread: any
 */
LIMEF_API int limef_thread_call(struct limef_thread *thread, limef_call_fn *call, void *context,
                                int64_t timeout_us);

/**
 * Runs a function on the thread, between two frames, and does not wait for it: for a caller that
 * must go on while the thread hangs. What came of it is said by the function itself, through
 * limef_report() or an atomic of the context.
 *
 * @param call     called once, unless the thread ends first; what it returns is not kept.
 * @param context  borrowed until the function has run, or limef_thread_stop() has returned 0.
 * @return 0; AVERROR(EAGAIN): too many commands wait; AVERROR_EXIT: the thread does not run.
 * Thread: any
 */
LIMEF_API int limef_thread_post(struct limef_thread *thread, limef_call_fn *call, void *context);

/**
 * Gives the thread a periodic task, called as soon as the thread runs.
 *
 * @param task  NULL: none.
 * Thread: the controlling one while it does not run, or the thread itself
 */
LIMEF_API void limef_thread_set_task(struct limef_thread *thread, limef_task_fn *task,
                                     void *context);

/** The limef thread that this code runs on; NULL: none. Thread: any */
LIMEF_API struct limef_thread *limef_thread_current(void);

/**
 * Processor time that the thread has used since it was started; costs the thread nothing.
 *
 * @return microseconds; AVERROR(ESRCH): it is not started, or the system does not say.
 * Thread: any
 */
LIMEF_API int64_t limef_thread_cpu_us(struct limef_thread *thread);

/** Whether the thread was asked to stop; NULL: false. What blocks looks at it. Thread: any */
LIMEF_API bool limef_thread_stopping(const struct limef_thread *thread);

/** Whether the thread's function has not returned yet. Thread: any */
LIMEF_API bool limef_thread_running(const struct limef_thread *thread);

LIMEF_END_DECLS

#endif
