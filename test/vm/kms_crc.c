/* SPDX-License-Identifier: MIT */
/* What the display itself says of what it shows: its CRC, which no writeback has a part in. */
#include "stage.h"

#include <drm_fourcc.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <xf86drm.h>

static int open_file(const char *name, int flags)
{
    char path[80];
    int fd;

    snprintf(path, sizeof(path), "/sys/kernel/debug/dri/%s/crtc-0/crc/%s",
             stage_path + strlen("/dev/dri/card"), name);
    fd = open(path, flags | O_CLOEXEC);
    if (fd < 0)
        die("%s: %s", path, strerror(errno));
    return fd;
}

/* Of the present picture. */
static uint32_t read_crc(const struct stage *stage)
{
    int control = open_file("control", O_WRONLY), data;
    uint64_t now, ns;
    unsigned number = 0, crc = 0;

    if (write(control, "auto", 4) != 4)
        die("the display counts nothing: %s", strerror(errno));
    close(control);
    data = open_file("data", O_RDONLY);
    if (drmCrtcGetSequence(stage->card.fd, stage->card.crtc, &now, &ns) < 0)
        die("the display does not count its refreshes: %s", strerror(errno));
    /* one at a time; those of refreshes before may be of the picture before */
    while (number <= now) {
        char entry[64] = "";

        if (read(data, entry, sizeof(entry) - 1) <= 0 || sscanf(entry, "%x %x", &number, &crc) != 2)
            die("the display says no CRC: %s", entry);
    }
    close(data);
    return crc;
}

void display_counts_the_same_of_the_same_picture(void)
{
    struct stage stage;
    struct picture *picture, *other, *same;
    uint32_t on_plane, of_other;

    stage_open(&stage, 1);
    picture = stage_add(&stage, DRM_FORMAT_XRGB8888, STAGE_WIDTH, STAGE_HEIGHT);
    other = stage_add(&stage, DRM_FORMAT_XRGB8888, STAGE_WIDTH, STAGE_HEIGHT);
    same = stage_add(&stage, DRM_FORMAT_XRGB8888, STAGE_WIDTH, STAGE_HEIGHT);
    memcpy(same->data, picture->data, picture->bytes);
    stage_show(&stage, 0, picture);
    on_plane = read_crc(&stage);
    stage_show(&stage, 0, other);
    of_other = read_crc(&stage);
    stage_show(&stage, 0, same);
    printf("  CRC %08x, of another picture %08x\n", on_plane, of_other);
    if (of_other == on_plane)
        die("another picture has the same CRC");
    if (read_crc(&stage) != on_plane)
        die("the same picture has another CRC in another buffer");
    stage_expect_counts(&stage, 3, 0);
    stage_close(&stage);
}
