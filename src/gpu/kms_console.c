/* SPDX-License-Identifier: MIT */
/*
 * Virtual consoles. A program that owns one is asked by a signal before it is
 * switched away (VT_PROCESS), and a library takes no signals. So the console
 * stays one that the kernel switches by itself, and the kernel's file that
 * names the one in front is read: it is a little later that the card is let go
 * of.
 */
#include "gpu/kms.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* In front: "tty1\n". */
static bool read_active(int fd, char *text, size_t bytes)
{
    ssize_t n = pread(fd, text, bytes - 1, 0);

    if (n <= 0)
        return false;
    text[n] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return true;
}

void kms_console_open(struct kms_console *console)
{
    *console = (struct kms_console){.in_front = true};
    console->fd = open("/sys/class/tty/tty0/active", O_RDONLY | O_CLOEXEC);
    if (console->fd >= 0 && !read_active(console->fd, console->ours, sizeof(console->ours)))
        kms_console_close(console);
}

void kms_console_close(struct kms_console *console)
{
    if (console->fd >= 0)
        close(console->fd);
    console->fd = -1;
}

bool kms_console_in_front(struct kms_console *console)
{
    struct pollfd changed = {.fd = console->fd, .events = POLLPRI};
    char active[sizeof(console->ours)];

    /* sysfs: POLLPRI until it is read again */
    if (console->fd >= 0 && poll(&changed, 1, 0) > 0 &&
        read_active(console->fd, active, sizeof(active)))
        console->in_front = strcmp(active, console->ours) == 0;
    return console->in_front;
}
