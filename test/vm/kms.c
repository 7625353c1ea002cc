/* SPDX-License-Identifier: MIT */
/*
 * kms CARD [TEST...]
 *
 * Shows pictures by KMS on a card of vkms and holds them against what its
 * display shows, by writeback. Runs in the virtual machine, as root.
 */
#include "card.h"

#include <limef/base/log.h>
#include <limef/filter/presenter.h>

#include <dirent.h>
#include <drm_fourcc.h>
#include <fcntl.h>
#include <libavutil/error.h>
#include <linux/vt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#define WIDTH 320
#define HEIGHT 240
/* Under emulation the first drawing of GL takes seconds. */
#define DEADLINE_US 60000000

struct stage {
    struct card card;
    struct limef_presenter_kms kms;
    struct limef_presenter presenter;
    struct limef_tile tiles[2];
    struct picture pictures[3];
    unsigned n_pictures;
};

static const char *path;

static int open_presenter(struct stage *stage, unsigned n_tiles, int width, int height)
{
    struct limef_presenter_settings settings = {.output = LIMEF_OUTPUT_KMS,
                                                .untimed = true,
                                                .width = width,
                                                .height = height,
                                                .kms = &stage->kms};

    if (limef_presenter_init(&stage->presenter, "screen", stage->tiles, n_tiles, &settings) < 0)
        die("no presenter");
    return limef_presenter_open(&stage->presenter);
}

/* On the card that the test has open. */
static void open_stage(struct stage *stage, unsigned n_tiles)
{
    *stage = (struct stage){0};
    card_open(&stage->card, path);
    stage->kms.drm_fd = stage->card.fd;
    if (open_presenter(stage, n_tiles, WIDTH, HEIGHT) < 0)
        die("the output does not open");
}

static struct picture *add_picture(struct stage *stage, uint32_t fourcc, int width, int height)
{
    struct picture *picture = &stage->pictures[stage->n_pictures];

    picture_open(picture, &stage->card, fourcc, width, height, (int)++stage->n_pictures * 7);
    return picture;
}

static void close_stage(struct stage *stage)
{
    if (limef_presenter_close(&stage->presenter) < 0)
        die("the output does not close");
    limef_filter_clear(&stage->presenter.filter);
    for (unsigned i = 0; i < stage->n_pictures; i++) {
        if (!stage->pictures[i].released && stage->pictures[i].payload.n_refs > 1)
            die("picture %u is still in use", i);
        picture_close(&stage->pictures[i]);
    }
    card_close(&stage->card);
}

static void wait_until(struct stage *stage, bool (*done)(const struct stage *), const char *what)
{
    int64_t deadline_us = limef_now_us() + DEADLINE_US, now_us, due_us;

    while (!done(stage)) {
        now_us = limef_now_us();
        if (now_us > deadline_us)
            die("in vain: %s", what);
        due_us = limef_presenter_tick(&stage->presenter, now_us);
        if (due_us > now_us)
            usleep((useconds_t)(due_us - now_us < 2000 ? due_us - now_us : 2000));
    }
}

static bool is_settled(const struct stage *stage)
{
    return !stage->presenter.flip.waiting && !stage->presenter.dirty &&
           stage->tiles[0].next.frame.frame_class == LIMEF_FRAME_EMPTY &&
           stage->tiles[1].next.frame.frame_class == LIMEF_FRAME_EMPTY;
}

/* Gives a picture to the presenter; it is on the screen then. */
static void show(struct stage *stage, uint32_t slot, struct picture *picture)
{
    struct limef_decoded_frame decoded = {.frame = {.frame_class = LIMEF_FRAME_DECODED,
                                                    .slot = slot,
                                                    .media = LIMEF_MEDIA_VIDEO,
                                                    .pts_us = LIMEF_NO_TIME,
                                                    .payload = &picture->payload},
                                          .av = picture->av};

    picture->released = false;
    if (limef_go(&stage->presenter.filter, &decoded.frame) < 0)
        die("a picture is refused");
    wait_until(stage, is_settled, "a picture comes onto the screen");
}

/* Holds the screen against a picture at a place, and black around it. */
static void expect(const struct stage *stage, const struct picture *picture, int at_x, int at_y,
                   int tolerance)
{
    int width, height, worst = 0;
    uint8_t *screen = card_read_screen(&stage->card, &width, &height);

    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            const uint8_t *pixel = screen + 4 * ((ptrdiff_t)y * width + x);
            int rgb[3] = {0, 0, 0};

            if (x >= at_x && y >= at_y && x < at_x + picture->width && y < at_y + picture->height)
                picture_expected(picture, x - at_x, y - at_y, rgb);
            for (int c = 0; c < 3; c++) {
                int off = abs(pixel[2 - c] - rgb[c]);

                if (off > tolerance && off > worst)
                    printf("pixel %d,%d: %d %d %d, not %d %d %d\n", x, y, pixel[2], pixel[1],
                           pixel[0], rgb[0], rgb[1], rgb[2]);
                worst = off > worst ? off : worst;
            }
        }
    free(screen);
    if (worst > tolerance)
        die("the screen is %d off", worst);
    printf("  %dx%d pixels, at most %d off\n", width, height, worst);
}

static void expect_counts(const struct stage *stage, uint64_t n_planes, uint64_t n_composed)
{
    uint64_t planes = LIMEF_COUNTED(stage->presenter.n_planes);
    uint64_t composed = LIMEF_COUNTED(stage->presenter.n_composed);
    const char *why = LIMEF_COUNTED(stage->presenter.planes_why);

    if (planes != n_planes || composed != n_composed)
        die("%d on planes, %d composed, not %d and %d; %s", (int)planes, (int)composed,
            (int)n_planes, (int)n_composed, why ? why : "no reason");
}

static void full_screen_picture_is_on_a_plane(void)
{
    static const uint32_t formats[] = {DRM_FORMAT_NV12, DRM_FORMAT_YUV420, DRM_FORMAT_XRGB8888};
    struct stage stage;

    for (int i = 0; i < 3; i++) {
        struct picture *first, *second;

        open_stage(&stage, 1);
        first = add_picture(&stage, formats[i], WIDTH, HEIGHT);
        second = add_picture(&stage, formats[i], WIDTH, HEIGHT);
        show(&stage, 0, first);
        expect(&stage, first, 0, 0, formats[i] == DRM_FORMAT_XRGB8888 ? 0 : 1);
        if (first->payload.n_refs != 3) /* ours, the compositor's, the display's */
            die("the picture on the screen has %u references", first->payload.n_refs);
        show(&stage, 0, second);
        expect(&stage, second, 0, 0, formats[i] == DRM_FORMAT_XRGB8888 ? 0 : 1);
        if (first->payload.n_refs != 1)
            die("the picture before is still held");
        expect_counts(&stage, 2, 0);
        close_stage(&stage);
    }
}

static void colours_are_those_of_the_picture(void)
{
    struct stage stage;
    struct picture *picture;

    open_stage(&stage, 1);
    picture = add_picture(&stage, DRM_FORMAT_NV12, WIDTH, HEIGHT);
    picture->av->colorspace = AVCOL_SPC_BT709;
    show(&stage, 0, picture);
    expect(&stage, picture, 0, 0, 1);
    picture = add_picture(&stage, DRM_FORMAT_NV12, WIDTH, HEIGHT);
    picture->av->color_range = AVCOL_RANGE_JPEG;
    show(&stage, 0, picture);
    expect(&stage, picture, 0, 0, 1);
    expect_counts(&stage, 2, 0);
    picture = add_picture(&stage, DRM_FORMAT_NV12, WIDTH, HEIGHT);
    picture->av->colorspace = AVCOL_SPC_BT2020_NCL;
    show(&stage, 0, picture);
    expect_counts(&stage, 2, 1); /* vkms has no such matrix: GL has */
    close_stage(&stage);
}

static void wide_picture_is_on_an_overlay_with_black_around_it(void)
{
    struct stage stage;
    struct picture *wide, *full;

    open_stage(&stage, 1);
    wide = add_picture(&stage, DRM_FORMAT_NV12, WIDTH, 180);
    full = add_picture(&stage, DRM_FORMAT_NV12, WIDTH, HEIGHT);
    show(&stage, 0, wide);
    expect(&stage, wide, 0, 30, 1);
    show(&stage, 0, full);
    expect(&stage, full, 0, 0, 1);
    show(&stage, 0, wide);
    expect(&stage, wide, 0, 30, 1);
    expect_counts(&stage, 3, 0);
    close_stage(&stage);
}

/* vkms does not scale. */
static void what_no_plane_scales_is_composed_and_the_next_is_not(void)
{
    struct stage stage;
    struct picture *small, *full, *again;
    const char *why;

    open_stage(&stage, 1);
    full = add_picture(&stage, DRM_FORMAT_XRGB8888, WIDTH, HEIGHT);
    small = add_picture(&stage, DRM_FORMAT_XRGB8888, WIDTH / 2, HEIGHT / 2);
    again = add_picture(&stage, DRM_FORMAT_XRGB8888, WIDTH, HEIGHT);
    show(&stage, 0, full);
    show(&stage, 0, small);
    expect_counts(&stage, 1, 1);
    why = LIMEF_COUNTED(stage.presenter.planes_why);
    if (!why || strcmp(why, "no plane scales so"))
        die("composed because %s", why ? why : "of nothing");
    if (LIMEF_COUNTED(stage.tiles[0].uploaded_bytes) + LIMEF_COUNTED(stage.tiles[0].copied_bytes))
        die("the composed picture was moved");
    show(&stage, 0, again);
    expect(&stage, again, 0, 0, 0);
    expect_counts(&stage, 2, 1);
    close_stage(&stage);
}

static void text_over_a_picture_is_composed(void)
{
    struct stage stage;
    struct picture *picture;

    open_stage(&stage, 1);
    picture = add_picture(&stage, DRM_FORMAT_XRGB8888, WIDTH, HEIGHT);
    show(&stage, 0, picture);
    limef_presenter_set_overlay(&stage.presenter, "text");
    wait_until(&stage, is_settled, "the text comes onto the screen");
    expect_counts(&stage, 1, 1);
    limef_presenter_set_overlay(&stage.presenter, NULL);
    show(&stage, 0, picture);
    expect_counts(&stage, 2, 1);
    expect(&stage, picture, 0, 0, 0);
    close_stage(&stage);
}

static void two_streams_are_composed_and_one_alone_is_not(void)
{
    struct stage stage;
    struct picture *left, *right;
    uint64_t n_composed;

    open_stage(&stage, 2);
    left = add_picture(&stage, DRM_FORMAT_NV12, WIDTH, HEIGHT);
    right = add_picture(&stage, DRM_FORMAT_NV12, WIDTH, HEIGHT);
    show(&stage, 0, left);
    show(&stage, 1, right);
    n_composed = LIMEF_COUNTED(stage.presenter.n_composed);
    if (n_composed < 2)
        die("the grid was not composed");
    expect_counts(&stage, 0, n_composed);
    limef_presenter_set_layout(&stage.presenter, 1);
    show(&stage, 1, right);
    expect(&stage, right, 0, 0, 1);
    n_composed = LIMEF_COUNTED(stage.presenter.n_composed);
    expect_counts(&stage, 1, n_composed);
    limef_presenter_set_layout(&stage.presenter, LIMEF_PRESENTER_ALL);
    wait_until(&stage, is_settled, "the grid comes back");
    if (LIMEF_COUNTED(stage.presenter.n_composed) == n_composed)
        die("the grid does not come back");
    close_stage(&stage);
}

static void mode_is_the_nearest_one(void)
{
    struct stage stage = {0};
    int width, height;

    stage.kms.device = path;
    if (open_presenter(&stage, 1, 630, 470) < 0 ||
        limef_presenter_get_size(&stage.presenter, &width, &height) < 0)
        die("the output does not open");
    if (width != 640 || height != 480)
        die("%dx%d for 630x470", width, height);
    limef_filter_clear(&stage.presenter.filter);
}

static unsigned count_lines(const char *file_path, const char *what)
{
    FILE *file = fopen(file_path, "r");
    char line[256];
    unsigned n = 0;

    while (file && fgets(line, sizeof(line), file))
        n += strstr(line, what) != NULL;
    if (file)
        fclose(file);
    return n;
}

static unsigned count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    unsigned n = 0;

    while (folder && readdir(folder))
        n++;
    closedir(folder);
    return n;
}

static void nothing_is_left_behind(void)
{
    char framebuffers[64];
    unsigned n_descriptors = 0, n_framebuffers = 0;
    uint32_t shown = 0;

    snprintf(framebuffers, sizeof(framebuffers), "/sys/kernel/debug/dri/%s/framebuffer",
             path + strlen("/dev/dri/card"));
    for (int i = 0; i < 5; i++) {
        struct stage stage;
        struct card card;

        card_open(&card, path);
        if (i == 1) { /* what libraries keep for good they have now */
            n_descriptors = count_descriptors();
            n_framebuffers = count_lines(framebuffers, "framebuffer[");
            shown = card_framebuffer(&card);
        } else if (i > 1 && (count_descriptors() != n_descriptors ||
                             count_lines(framebuffers, "framebuffer[") != n_framebuffers ||
                             card_framebuffer(&card) != shown)) {
            die("%u descriptors, %u framebuffers, %u on the screen; were %u, %u, %u",
                count_descriptors(), count_lines(framebuffers, "framebuffer["),
                card_framebuffer(&card), n_descriptors, n_framebuffers, shown);
        }
        card_close(&card);
        open_stage(&stage, 1);
        show(&stage, 0, add_picture(&stage, DRM_FORMAT_NV12, WIDTH, HEIGHT));
        show(&stage, 0, add_picture(&stage, DRM_FORMAT_NV12, WIDTH / 2, HEIGHT / 2));
        show(&stage, 0, add_picture(&stage, DRM_FORMAT_NV12, WIDTH, 180));
        close_stage(&stage);
    }
    if (!shown)
        die("there was nothing on the screen to come back");
}

static void leased_display_is_enough(void)
{
    struct stage stage = {0};
    struct card owner;
    uint32_t objects[12], n = 0, lessee;
    drmModePlaneRes *planes;

    card_open(&owner, path);
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
    if (open_presenter(&stage, 1, WIDTH, HEIGHT) < 0)
        die("the output does not open");
    show(&stage, 0, add_picture(&stage, DRM_FORMAT_NV12, WIDTH, HEIGHT));
    expect_counts(&stage, 1, 0);
    if (fcntl(stage.kms.drm_fd, F_GETFD) < 0)
        die("the lease was closed");
    expect(&stage, &stage.pictures[0], 0, 0, 1);
    close_stage(&stage);
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
    const char *number = path + strlen("/dev/dri/card");

    snprintf(file_path, sizeof(file_path), "/sys/class/drm/card%s-Virtual-1/status", number);
    write_file(file_path, in ? "detect" : "off");
    snprintf(file_path, sizeof(file_path), "/sys/class/drm/card%s/uevent", number);
    write_file(file_path, "change");
}

static uint64_t n_flips_before;

static bool has_flipped(const struct stage *stage)
{
    return LIMEF_COUNTED(stage->presenter.n_flips) > n_flips_before && is_settled(stage);
}

static int64_t until_us;

static bool is_later(const struct stage *stage)
{
    (void)stage;
    return limef_now_us() > until_us;
}

static void display_that_is_unplugged_comes_back(void)
{
    struct stage stage;
    struct picture *picture;

    open_stage(&stage, 1);
    picture = add_picture(&stage, DRM_FORMAT_NV12, WIDTH, HEIGHT);
    show(&stage, 0, picture);
    plug(false);
    until_us = limef_now_us() + 300000;
    wait_until(&stage, is_later, "time passes");
    n_flips_before = LIMEF_COUNTED(stage.presenter.n_flips);
    show(&stage, 0, picture); /* to nobody, and nothing waits for a flip */
    if (LIMEF_COUNTED(stage.presenter.n_flips) != n_flips_before)
        die("a flip without a display");
    plug(true);
    wait_until(&stage, has_flipped, "the display comes back");
    show(&stage, 0, picture);
    expect(&stage, picture, 0, 0, 1);
    close_stage(&stage);
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
    struct card other = {.fd = open(path, O_RDWR | O_CLOEXEC)};
    bool taken = drmSetMaster(other.fd) == 0;

    (void)stage;
    close(other.fd);
    return taken;
}

static void display_follows_the_console(void)
{
    struct stage stage = {0};
    struct picture *picture;

    switch_console(1);
    stage.kms.device = path;
    if (open_presenter(&stage, 1, WIDTH, HEIGHT) < 0)
        die("the output does not open");
    card_open(&stage.card, path);
    picture = add_picture(&stage, DRM_FORMAT_NV12, WIDTH, HEIGHT);
    show(&stage, 0, picture);
    if (can_be_taken(&stage))
        die("the card is nobody's while it shows");
    switch_console(2);
    wait_until(&stage, can_be_taken, "the card is let go of");
    show(&stage, 0, picture);
    n_flips_before = LIMEF_COUNTED(stage.presenter.n_flips);
    switch_console(1);
    wait_until(&stage, has_flipped, "the card is taken again");
    if (can_be_taken(&stage))
        die("the card is nobody's after all");
    close_stage(&stage);
}

static const struct {
    const char *name;
    void (*run)(void);
} tests[] = {
#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name                                                                                \
    }
    TEST(full_screen_picture_is_on_a_plane),
    TEST(colours_are_those_of_the_picture),
    TEST(wide_picture_is_on_an_overlay_with_black_around_it),
    TEST(what_no_plane_scales_is_composed_and_the_next_is_not),
    TEST(text_over_a_picture_is_composed),
    TEST(two_streams_are_composed_and_one_alone_is_not),
    TEST(mode_is_the_nearest_one),
    TEST(nothing_is_left_behind),
    TEST(leased_display_is_enough),
    TEST(display_that_is_unplugged_comes_back),
    TEST(display_follows_the_console),
#undef TEST
};

static bool is_asked(const char *name, int n, char **names)
{
    for (int i = 0; i < n; i++)
        if (!strcmp(names[i], name))
            return true;
    return n == 0;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        die("usage: %s CARD [TEST...]", argv[0]);
    path = argv[1];
    setvbuf(stdout, NULL, _IOLBF, 0);
    limef_log_set_level(LIMEF_LOG_INFO);
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        int64_t begun_us = limef_now_us();

        if (!is_asked(tests[i].name, argc - 2, argv + 2))
            continue;
        printf("%s\n", tests[i].name);
        tests[i].run();
        printf("ok %s, %.1f s\n", tests[i].name, (double)(limef_now_us() - begun_us) / 1e6);
    }
    return 0;
}
