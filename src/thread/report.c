/* SPDX-License-Identifier: MIT */
#include <limef/thread/report.h>

#include <limef/base/log.h>
#include <limef/thread/thread.h>

#include <errno.h>
#include <fcntl.h>
#include <libavutil/error.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

int limef_reports_init(struct limef_reports *reports)
{
    /* a semaphore: readable as long as it counts what waits */
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);

    if (fd == 0) { /* standard input is closed; 0 is how an empty queue looks */
        fd = fcntl(0, F_DUPFD_CLOEXEC, 3);
        close(0);
    }
    if (fd < 0)
        return limef_fail(AVERROR(errno), "reports", "no event descriptor");
    reports->fd = fd;
    pthread_mutex_init(&reports->lock, NULL);
    return 0;
}

void limef_reports_clear(struct limef_reports *reports)
{
    if (reports->fd <= 0)
        return;
    close(reports->fd);
    pthread_mutex_destroy(&reports->lock);
    *reports = (struct limef_reports){0};
}

int limef_reports_write(struct limef_reports *reports,
                        const struct limef_signal_frame *signal_frame)
{
    uint64_t one = 1;
    int ret = 0;

    pthread_mutex_lock(&reports->lock);
    if (reports->n == LIMEF_REPORTS_MAX) {
        reports->n_lost++;
        ret = AVERROR(ENOBUFS);
    } else {
        reports->signals[(reports->first + reports->n++) % LIMEF_REPORTS_MAX] = *signal_frame;
        if (write(reports->fd, &one, sizeof(one)) < 0)
            ret = AVERROR(errno);
    }
    pthread_mutex_unlock(&reports->lock);
    return ret;
}

static bool take(struct limef_reports *reports, struct limef_signal_frame *signal_frame)
{
    uint64_t one;
    bool taken;

    pthread_mutex_lock(&reports->lock);
    taken = reports->n > 0 && read(reports->fd, &one, sizeof(one)) == sizeof(one);
    if (taken) {
        *signal_frame = reports->signals[reports->first];
        reports->first = (reports->first + 1) % LIMEF_REPORTS_MAX;
        reports->n--;
    }
    pthread_mutex_unlock(&reports->lock);
    return taken;
}

int limef_reports_read(struct limef_reports *reports, struct limef_signal_frame *signal_frame,
                       int64_t timeout_us)
{
    int64_t deadline_us = limef_deadline_us(timeout_us);

    while (!take(reports, signal_frame)) {
        struct pollfd pollfd = {.fd = reports->fd, .events = POLLIN};
        int64_t left_us =
            deadline_us == LIMEF_FOREVER ? LIMEF_FOREVER : deadline_us - limef_now_us();
        int timeout_ms = left_us > 60000000 ? 60000 : (int)((left_us + 999) / 1000);

        if (left_us <= 0)
            return AVERROR(EAGAIN);
        if (poll(&pollfd, 1, timeout_ms) < 0 && errno != EINTR)
            return AVERROR(errno);
    }
    return 0;
}

int limef_reports_fd(const struct limef_reports *reports)
{
    return reports->fd;
}

uint64_t limef_reports_n_lost(struct limef_reports *reports)
{
    uint64_t n_lost;

    pthread_mutex_lock(&reports->lock);
    n_lost = reports->n_lost;
    pthread_mutex_unlock(&reports->lock);
    return n_lost;
}

int limef_report(const struct limef_signal_frame *signal_frame)
{
    struct limef_thread *thread = limef_thread_current();

    if (thread && thread->settings.reports)
        return limef_reports_write(thread->settings.reports, signal_frame);
    limef_log(LIMEF_LOG_INFO, "report", "slot %u: %s: %s", (unsigned)signal_frame->frame.slot,
              limef_signal_name(signal_frame->signal), signal_frame->text);
    return 0;
}
