/* SPDX-License-Identifier: MIT */
#include "journal.h"

#include <limef/base/log.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define N_LINES 200
/* What the library cuts a line to, with a name. */
#define LINE_BYTES 640

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* protected by lock */
static char lines[N_LINES][LINE_BYTES];
static uint64_t n_lines; /* since they are kept; the first ones may be overwritten */
static bool holds;

static void take_line(void *context, enum limef_log_level level, const char *name, const char *line)
{
    static const char *const words[] = {"error", "warning", "info", "debug"};
    char whole[LINE_BYTES];

    (void)context;
    snprintf(whole, sizeof(whole), "%s: %s: %s", name, words[level], line);
    pthread_mutex_lock(&lock);
    if (holds)
        memcpy(lines[n_lines++ % N_LINES], whole, sizeof(whole));
    else
        fprintf(stderr, "%s\n", whole);
    pthread_mutex_unlock(&lock);
}

void journal_open(void)
{
    limef_log_set_sink(take_line, NULL);
}

void journal_hold(void)
{
    pthread_mutex_lock(&lock);
    holds = true;
    pthread_mutex_unlock(&lock);
}

static size_t n_kept(void)
{
    return n_lines < N_LINES ? (size_t)n_lines : N_LINES;
}

static void print_latest(FILE *file, size_t n)
{
    for (n = n < n_kept() ? n : n_kept(); n; n--)
        fprintf(file, "%s\n", lines[(n_lines - n) % N_LINES]);
}

void journal_release(void)
{
    pthread_mutex_lock(&lock);
    if (n_lines > N_LINES)
        fprintf(stderr, "limef-graph: of %llu lines of the log the last %d\n",
                (unsigned long long)n_lines, N_LINES);
    print_latest(stderr, N_LINES);
    n_lines = 0;
    holds = false;
    pthread_mutex_unlock(&lock);
}

size_t journal_count(size_t n)
{
    pthread_mutex_lock(&lock);
    n = n < n_kept() ? n : n_kept();
    pthread_mutex_unlock(&lock);
    return n;
}

void journal_print(FILE *file, size_t n)
{
    pthread_mutex_lock(&lock);
    print_latest(file, n);
    pthread_mutex_unlock(&lock);
}
