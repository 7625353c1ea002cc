/* SPDX-License-Identifier: MIT */
#include "terminal.h"

#include <limef/filter/presenter.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define FD STDIN_FILENO

static struct termios before, keys;
static volatile sig_atomic_t is_open;
/* bytes that were read and not understood yet */
static char bytes[16];
static size_t n_bytes;

/* A process in the background would be stopped for touching it. */
static bool is_ours(void)
{
    return tcgetpgrp(FD) == getpgrp();
}

static void set(const struct termios *mode)
{
    int error = errno; /* this may be a signal's handler */

    if (is_ours())
        tcsetattr(FD, TCSANOW, mode);
    errno = error;
}

/* ^Z: whoever comes to the front meanwhile finds the terminal as it was. */
static void suspend(int number)
{
    (void)number;
    set(&before);
    raise(SIGSTOP);
    if (is_open)
        set(&keys);
}

void terminal_open(void)
{
    if (!isatty(FD) || !is_ours() || tcgetattr(FD, &before) < 0)
        return;
    keys = before;
    keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    keys.c_cc[VMIN] = 1;
    keys.c_cc[VTIME] = 0;
    is_open = 1;
    set(&keys);
    signal(SIGTSTP, suspend);
}

void terminal_close(void)
{
    if (!is_open)
        return;
    is_open = 0;
    set(&before);
}

int terminal_fd(void)
{
    return is_open ? FD : -1;
}

/* Takes what has come. */
static void fill(void)
{
    struct pollfd input = {.fd = FD, .events = POLLIN};
    ssize_t n;

    if (!is_open || n_bytes == sizeof(bytes) || !is_ours() || poll(&input, 1, 0) <= 0)
        return;
    n = read(FD, bytes + n_bytes, sizeof(bytes) - n_bytes);
    if (n > 0)
        n_bytes += (size_t)n;
    else if (n == 0 || errno != EINTR)
        is_open = 0; /* it has gone */
}

/* What xterm, and every console after it, sends for a key that is no character. */
static const struct {
    const char *bytes;
    int64_t key;
} sequences[] = {
    {"\033[A", LIMEF_KEY_UP},         {"\033[B", LIMEF_KEY_DOWN}, {"\033[C", LIMEF_KEY_RIGHT},
    {"\033[D", LIMEF_KEY_LEFT},       {"\033OA", LIMEF_KEY_UP},   {"\033OB", LIMEF_KEY_DOWN},
    {"\033OC", LIMEF_KEY_RIGHT},      {"\033OD", LIMEF_KEY_LEFT}, {"\033[5~", LIMEF_KEY_PAGE_UP},
    {"\033[6~", LIMEF_KEY_PAGE_DOWN},
};

/* How many bytes the first key has, 1 at least; *key is 0 if it is none that is known. */
static size_t understand(int64_t *key)
{
    size_t n = 1;

    *key = 0;
    if (bytes[0] != '\033') {
        if (bytes[0] == '\n' || bytes[0] == '\r')
            *key = LIMEF_KEY_ENTER;
        else if (bytes[0] >= ' ' && bytes[0] <= '~')
            *key = bytes[0];
        return n;
    }
    for (size_t i = 0; i < sizeof(sequences) / sizeof(sequences[0]); i++) {
        size_t length = strlen(sequences[i].bytes);

        if (n_bytes >= length && !memcmp(bytes, sequences[i].bytes, length)) {
            *key = sequences[i].key;
            return length;
        }
    }
    if (n_bytes == 1 || (bytes[1] != '[' && bytes[1] != 'O')) {
        *key = LIMEF_KEY_ESCAPE;
        return n;
    }
    /* an unknown one: parameters, and a letter or ~ that ends it (ECMA-48, 5.4) */
    for (n = 2; n < n_bytes && (bytes[n] < '@' || bytes[n] > '~'); n++)
        continue;
    return n < n_bytes ? n + 1 : n;
}

bool terminal_read(int64_t *key)
{
    size_t n;

    fill();
    *key = 0;
    while (n_bytes && !*key) {
        n = understand(key);
        n_bytes -= n;
        memmove(bytes, bytes + n, n_bytes);
    }
    return *key != 0;
}
