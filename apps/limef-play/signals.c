/* SPDX-License-Identifier: MIT */
#include "signals.h"

#include "player.h"
#include "terminal.h"

#include <limef/base/log.h>

#include <errno.h>
#include <libavutil/error.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* How long taking everything down may take: drivers and display servers are asked, and some do not
 * answer. */
#define TAKE_DOWN_S 8
/* What has not started yet has little to take down. */
#define SET_UP_S 2

static const int signals_that_end[] = {SIGINT, SIGTERM, SIGHUP};
#define N_SIGNALS (sizeof(signals_that_end) / sizeof(signals_that_end[0]))

static volatile sig_atomic_t asked, status_if_stuck = PLAY_BY_SIGNAL;
static volatile sig_atomic_t limit_s = SET_UP_S;

static void end_at_once(int number)
{
    (void)number;
    terminal_close();
    _exit(PLAY_BY_SIGNAL);
}

static void end_stuck(int number)
{
    static const char line[] = "limef-play: the output does not come back, ending without it\n";

    (void)number;
    terminal_close();
    _exit(write(STDERR_FILENO, line, sizeof(line) - 1) < 0 ? PLAY_SET_UP_FAILED : status_if_stuck);
}

/* The alarm does not depend on the main thread seeing what is written here. */
static void ask(int number)
{
    (void)number;
    if (asked)
        end_at_once(number);
    asked = 1;
    alarm((unsigned)limit_s);
}

static void handle_by(void (*handler)(int))
{
    for (size_t i = 0; i < N_SIGNALS; i++)
        signal(signals_that_end[i], handler);
}

void signals_end_at_once(void)
{
    handle_by(end_at_once);
}

void signals_ask(void)
{
    signal(SIGALRM, end_at_once);
    handle_by(ask);
}

void signals_end_set_up(void)
{
    signal(SIGALRM, end_stuck);
    limit_s = TAKE_DOWN_S;
    if (asked)
        alarm(TAKE_DOWN_S);
}

bool signals_asked(void)
{
    return asked;
}

void signals_begin_take_down(int status)
{
    unsigned left_s = alarm(0);

    status_if_stuck = status;
    signal(SIGALRM, end_stuck);
    alarm(left_s ? left_s : TAKE_DOWN_S);
}

void signals_take_down_takes(unsigned more_s)
{
    unsigned left_s = alarm(0);

    if (left_s)
        alarm(left_s + more_s);
}

void signals_end_take_down(void)
{
    alarm(0);
}

int signals_open_dump(void)
{
    sigset_t signals;
    int fd;

    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? limef_fail(AVERROR(errno), "limef-play", "SIGUSR1 will not be seen") : fd;
}

bool signals_asked_dump(int fd)
{
    struct signalfd_siginfo signals[4]; /* the same signal is pending once, whoever sends it */

    return fd >= 0 && read(fd, signals, sizeof(signals)) > 0;
}
