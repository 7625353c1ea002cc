/* SPDX-License-Identifier: MIT */
/*
 * SIGINT, SIGTERM and SIGHUP: the first asks the player to end, the second ends the process. What
 * hangs, hangs in a display server or a driver: no thread has to be free for either to work.
 */
#ifndef LIMEF_PLAY_SIGNALS_H
#define LIMEF_PLAY_SIGNALS_H

#include <stdbool.h>

/* SIGUSR1 asks for a dump: it is not handled, but read. Before any thread is started. Returns a
 * descriptor that is readable when it came, or a negative AVERROR code, logged. */
int signals_open_dump(void);

/* Whether it came since the last call. */
bool signals_asked_dump(int fd);

/* Before there is anything to take down, and when it is taken down: a signal ends the process with
 * PLAY_BY_SIGNAL. */
void signals_end_at_once(void);

/* From here on the first one only asks, and set-up has two seconds to end. */
void signals_ask(void);

/* From here on, and for one that has come before, it begins the time that taking down may take. */
void signals_end_set_up(void);

/* Whether one has asked. */
bool signals_asked(void);

/* Taking everything down ends the process, with this status and a line saying so, if it takes too
 * long; again: with another status, in the time that is left. */
void signals_begin_take_down(int status);

/* What is done now may take so much longer. */
void signals_take_down_takes(unsigned more_s);

/* It was taken down in time. */
void signals_end_take_down(void);

#endif
