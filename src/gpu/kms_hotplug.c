/* SPDX-License-Identifier: MIT */
/* The kernel's own announcements of changes to cards (uevents, lib/kobject_uevent.c), without udev.
 */
#include "gpu/kms.h"

#include <errno.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The group that the kernel sends to; udev's own is 2. */
#define KERNEL_GROUP 1

int kms_hotplug_open(void)
{
    struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = KERNEL_GROUP};
    int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);

    if (fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* "change@/devices/.../drm/card0", then lines "KEY=value", each with its zero. */
static bool is_of_card(const char *text, size_t n)
{
    bool drm = false, changes = false;

    for (size_t at = 0; at < n; at += strlen(text + at) + 1) {
        drm |= strcmp(text + at, "SUBSYSTEM=drm") == 0;
        changes |= strcmp(text + at, "ACTION=change") == 0;
    }
    return drm && changes;
}

bool kms_hotplug_read(int fd)
{
    char text[4096];
    struct sockaddr_nl from = {0};
    socklen_t from_bytes = sizeof(from);
    bool any = false;
    ssize_t n;

    while (fd >= 0) {
        n = recvfrom(fd, text, sizeof(text) - 1, MSG_DONTWAIT, (struct sockaddr *)&from,
                     &from_bytes);
        if (n < 0 && errno == ENOBUFS) { /* some were lost, of a card for all that is known */
            any = true;
            continue;
        }
        if (n <= 0)
            break;
        text[n] = '\0';
        any |= from.nl_pid == 0 && is_of_card(text, (size_t)n); /* the kernel is 0 */
        from_bytes = sizeof(from);
    }
    return any;
}
