/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The way back: signals from threads to the application, which reads them with
 * a deadline or waits for a descriptor. Bounded; what does not fit is counted.
 * Not on the media path: it takes a lock.
 */
#ifndef LIMEF_THREAD_REPORT_H
#define LIMEF_THREAD_REPORT_H

#include <limef/frame/signal.h>

#include <pthread.h>

LIMEF_BEGIN_DECLS

/** Signals that may wait in one queue. */
#define LIMEF_REPORTS_MAX 64

/** A queue of signals to the application; several threads may share one. */
struct limef_reports {
    pthread_mutex_t lock;
    int fd; /**< eventfd, readable while something waits */
    /* protected by lock */
    struct limef_signal_frame signals[LIMEF_REPORTS_MAX];
    unsigned first, n;
    uint64_t n_lost;
};

/**
 * @param reports  written; must be all-zero.
 * @return 0, or a negative AVERROR code (no descriptor).
 * Thread: the controlling one
 */
LIMEF_API int limef_reports_init(struct limef_reports *reports);

/** All-zero afterwards. Thread: the controlling one, when no thread that uses it runs */
LIMEF_API void limef_reports_clear(struct limef_reports *reports);

/**
 * Sends a signal to the application.
 *
 * @param signal_frame  copied.
 * @return 0, or AVERROR(ENOBUFS): full; counted in n_lost.
 * Thread: any
 */
LIMEF_API int limef_reports_write(struct limef_reports *reports,
                                  const struct limef_signal_frame *signal_frame);

/**
 * Takes the oldest signal.
 *
 * @param signal_frame  written.
 * @return 0, or AVERROR(EAGAIN): none came within timeout_us.
 * Thread: any
 */
LIMEF_API int limef_reports_read(struct limef_reports *reports,
                                 struct limef_signal_frame *signal_frame, int64_t timeout_us);

/** A descriptor, readable while a signal waits. @return owned by reports. Thread: any */
LIMEF_API int limef_reports_fd(const struct limef_reports *reports);

/** How many signals did not fit. Thread: any */
LIMEF_API uint64_t limef_reports_n_lost(struct limef_reports *reports);

/**
 * Sends a signal to the application from inside a filter, through the queue of the limef thread
 * that runs it; outside of one, or if that has no queue, it is logged at level info.
 *
 * @return 0, or AVERROR(ENOBUFS): the queue is full, counted. What the application waits for is to
 *         be reported again later.
 * Thread: any
 */
LIMEF_API int limef_report(const struct limef_signal_frame *signal_frame);

LIMEF_END_DECLS

#endif
