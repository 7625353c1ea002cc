/* SPDX-License-Identifier: MIT */
/* Where the KMS output is: mode, card, lease, plug, console; and what it leaves there. */
#include "stage.h"

#include "frame/drm_device.h"

#include <limef/base/clock.h>

#include <drm_fourcc.h>
#include <fcntl.h>
#include <linux/vt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

void mode_is_the_nearest_one(void)
{
    struct stage stage = {0};
    int width, height;

    stage.kms.device = stage_path;
    if (stage_open_presenter(&stage, 1, 630, 470) < 0)
        die("the output does not open");
    card_open(&stage.card, stage_path);
    stage_show(&stage, 0, stage_add(&stage, DRM_FORMAT_NV12, STAGE_WIDTH, STAGE_HEIGHT));
    limef_presenter_get_size(&stage.presenter, &width, &height);
    if (width != 640 || height != 480)
        die("%dx%d for 630x470", width, height);
    stage_close(&stage);
}

static uint64_t number_of(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    uint64_t number = fd < 0 ? 0 : drm_device_number(fd);

    if (fd >= 0)
        close(fd);
    return number;
}

/* So that a buffer of which only its driver knows how it lies is put on that driver's planes alone.
 */
void nodes_of_a_card_are_of_one_device(void)
{
    const char *other = getenv("VGEM");
    uint64_t number = number_of(stage_path), of_other = other ? number_of(other) : 0;
    unsigned n_same = 0;

    for (int i = 128; i < 136; i++) {
        char path[32];

        snprintf(path, sizeof(path), "/dev/dri/renderD%d", i);
        n_same += of_other && number_of(path) == of_other;
    }
    if (!number || !of_other || number == of_other)
        die("%s is of device %llu, vgem of %llu", stage_path, (unsigned long long)number,
            (unsigned long long)of_other);
    if (n_same != 1)
        die("%u render nodes are of vgem", n_same);
    if (number_of("/dev/null"))
        die("/dev/null is of a card");
}

void leased_display_is_enough(void)
{
    struct stage stage = {0};
    struct card owner;
    uint32_t objects[12], n = 0, lessee;
    drmModePlaneRes *planes;

    card_open(&owner, stage_path);
    drmSetClientCap(owner.fd, DRM_CLIENT_CAP_UNIVERSAL_PLANES, 1);
    planes = drmModeGetPlaneResources(owner.fd);
    objects[n++] = owner.connector;
    objects[n++] = owner.crtc;
    for (uint32_t i = 0; i < planes->count_planes && n < 12; i++)
        objects[n++] = planes->planes[i];
    drmModeFreePlaneResources(planes);
    stage.kms.drm_fd = drmModeCreateLease(owner.fd, objects, (int)n, O_CLOEXEC, &lessee);
    if (stage.kms.drm_fd < 0)
        die("no lease");
    stage.card = owner;
    if (stage_open_presenter(&stage, 1, STAGE_WIDTH, STAGE_HEIGHT) < 0)
        die("the output does not open");
    stage_show(&stage, 0, stage_add(&stage, DRM_FORMAT_NV12, STAGE_WIDTH, STAGE_HEIGHT));
    stage_expect_counts(&stage, 1, 0);
    if (fcntl(stage.kms.drm_fd, F_GETFD) < 0)
        die("the lease was closed");
    if (drm_device_number(stage.kms.drm_fd) != number_of(stage_path))
        die("the lease is of another device");
    stage_expect(&stage, &stage.pictures[0], 0, 0, 1);
    stage_close(&stage);
    close(stage.kms.drm_fd);
}

static void write_file(const char *file_path, const char *text)
{
    int fd = open(file_path, O_WRONLY | O_CLOEXEC);

    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        die("cannot write %s", file_path);
    close(fd);
}

/* vkms has one connector of its own; nobody is told of what is forced on it. */
static void plug(bool in)
{
    char file_path[80];
    const char *number = stage_path + strlen("/dev/dri/card");

    snprintf(file_path, sizeof(file_path), "/sys/class/drm/card%s-Virtual-1/status", number);
    write_file(file_path, in ? "detect" : "off");
    snprintf(file_path, sizeof(file_path), "/sys/class/drm/card%s/uevent", number);
    write_file(file_path, "change");
}

static uint64_t n_flips_before;

static bool has_flipped(const struct stage *stage)
{
    return LIMEF_COUNTED(stage->presenter.n_flips) > n_flips_before && stage_is_settled(stage);
}

static int64_t until_us;

static bool is_later(const struct stage *stage)
{
    (void)stage;
    return limef_now_us() > until_us;
}

void display_that_is_unplugged_comes_back(void)
{
    struct stage stage;
    struct picture *picture;

    stage_open(&stage, 1);
    picture = stage_add(&stage, DRM_FORMAT_NV12, STAGE_WIDTH, STAGE_HEIGHT);
    stage_show(&stage, 0, picture);
    plug(false);
    until_us = limef_now_us() + 300000;
    stage_wait(&stage, is_later, "time passes");
    n_flips_before = LIMEF_COUNTED(stage.presenter.n_flips);
    stage_show(&stage, 0, picture); /* to nobody, and nothing waits for a flip */
    if (LIMEF_COUNTED(stage.presenter.n_flips) != n_flips_before)
        die("a flip without a display");
    plug(true);
    stage_wait(&stage, has_flipped, "the display comes back");
    stage_show(&stage, 0, picture);
    stage_expect(&stage, picture, 0, 0, 1);
    stage_close(&stage);
}

/* The emulator plugs another display into virtio-gpu, or none: the kernel finds that out, and
 * tells. */
static void ask_for_display(int width, int height)
{
    FILE *console = fopen("/dev/console", "w");

    if (!console)
        die("there is no console to ask for a display");
    fprintf(console, "\nPLUG %dx%d\n", width, height);
    fclose(console);
}

static bool is_unplugged(const struct stage *stage)
{
    drmModeConnector *connector = drmModeGetConnectorCurrent(stage->card.fd, stage->card.connector);
    bool is = connector && connector->connection == DRM_MODE_DISCONNECTED;

    drmModeFreeConnector(connector);
    return is;
}

/* All of the display shows this picture, from outside. */
static void expect_full(struct stage *stage, int width, int height)
{
    struct picture *picture = stage_add(stage, DRM_FORMAT_XRGB8888, width, height);
    int shown_width, shown_height;

    stage_show(stage, 0, picture);
    limef_presenter_get_size(&stage->presenter, &shown_width, &shown_height);
    if (shown_width != width || shown_height != height)
        die("%dx%d on a display of %dx%d", shown_width, shown_height, width, height);
    stage_expect(stage, picture, 0, 0, 0);
}

void display_that_is_plugged_in_has_a_mode_of_its_own(void)
{
    const char *virtio_gpu = getenv("VIRTIO_GPU");
    struct stage stage = {.kms.device = virtio_gpu};

    if (!virtio_gpu)
        die("VIRTIO_GPU names no card");
    stage_path = virtio_gpu;
    if (stage_open_presenter(&stage, 1, 0, 0) < 0)
        die("the output does not open");
    card_open(&stage.card, stage_path);
    expect_full(&stage, STAGE_WIDTH, STAGE_HEIGHT);
    ask_for_display(0, 0);
    stage_wait(&stage, is_unplugged, "the display is unplugged");
    stage_show(&stage, 0, &stage.pictures[0]); /* to nobody */
    n_flips_before = LIMEF_COUNTED(stage.presenter.n_flips);
    ask_for_display(640, 400);
    stage_wait(&stage, has_flipped, "another display is used");
    expect_full(&stage, 640, 400);
    n_flips_before = LIMEF_COUNTED(stage.presenter.n_flips);
    ask_for_display(800, 600); /* which nobody unplugged before */
    stage_wait(&stage, has_flipped, "a third display is used");
    expect_full(&stage, 800, 600);
    stage_close(&stage);
}

static void switch_console(int number)
{
    int fd = open("/dev/tty0", O_RDWR | O_CLOEXEC);

    if (fd < 0 || ioctl(fd, VT_ACTIVATE, number) < 0 || ioctl(fd, VT_WAITACTIVE, number) < 0)
        die("no console %d", number);
    close(fd);
}

static bool can_be_taken(const struct stage *stage)
{
    struct card other = {.fd = open(stage_path, O_RDWR | O_CLOEXEC)};
    bool taken = drmSetMaster(other.fd) == 0;

    (void)stage;
    close(other.fd);
    return taken;
}

void display_follows_the_console(void)
{
    struct stage stage = {0};
    struct picture *picture;

    switch_console(1);
    stage.kms.device = stage_path;
    if (stage_open_presenter(&stage, 1, STAGE_WIDTH, STAGE_HEIGHT) < 0)
        die("the output does not open");
    card_open(&stage.card, stage_path);
    picture = stage_add(&stage, DRM_FORMAT_NV12, STAGE_WIDTH, STAGE_HEIGHT);
    stage_show(&stage, 0, picture);
    if (can_be_taken(&stage))
        die("the card is nobody's while it shows");
    switch_console(2);
    stage_wait(&stage, can_be_taken, "the card is let go of");
    stage_show(&stage, 0, picture);
    n_flips_before = LIMEF_COUNTED(stage.presenter.n_flips);
    switch_console(1);
    stage_wait(&stage, has_flipped, "the card is taken again");
    if (can_be_taken(&stage))
        die("the card is nobody's after all");
    stage_close(&stage);
}
