/* SPDX-License-Identifier: MIT */
/*
 * Each call of libdrm, libgbm and EGL that the KMS output makes fails: its first call, a later one,
 * all from one on, with each of the errors that make a difference; on a card that is lent, on one
 * that is named, and on one that is looked for. The picture goes on, or an error says why not.
 */
#include "failing_kms.h"
#include "gpu/kms.h"
#include "played_card.h"

#include <limef/base/log.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <dirent.h>
#include <drm_fourcc.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

extern const struct output_ops limef_output_module;
extern const struct kms_calls *limef_output_kms_calls;

TestSuite(kms_faults, .timeout = 240);

/* How the output comes to its card. */
enum way { LENT, NAMED, LOOKED_FOR, N_WAYS };
static const char *const way_names[] = {"lent", "named", "looked for"};

/* Time goes on when the test wants it to. */
static int64_t played_us = 1000000;
static bool in_front, plugged, lost;

int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_access(const char *path, int mode);
int __wrap_open(const char *path, int flags, ...);
bool __wrap_kms_console_in_front(struct kms_console *console);
int __wrap_kms_hotplug_open(void);
bool __wrap_kms_hotplug_read(int fd);
int __real_open(const char *path, int flags, ...);

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    (void)clock;
    *now = (struct timespec){played_us / 1000000, played_us % 1000000 * 1000};
    return 0;
}

int __wrap_access(const char *path, int mode)
{
    (void)mode;
    return strcmp(path, "/dev/dri/card1") == 0 ? 0 : -1;
}

/* A card is whatever can be opened and is always readable. */
int __wrap_open(const char *path, int flags, ...)
{
    return __real_open(strncmp(path, "/dev/dri/", 9) == 0 ? "/dev/null" : path, flags);
}

bool __wrap_kms_console_in_front(struct kms_console *console)
{
    (void)console;
    return in_front;
}

int __wrap_kms_hotplug_open(void)
{
    return -1;
}

bool __wrap_kms_hotplug_read(int fd)
{
    bool news = plugged;

    (void)fd;
    plugged = false;
    return news;
}

static struct output output;
static struct gl gl;
static struct kms_calls calls;
static unsigned n_errors;
static bool told_nobody; /* the last was that there is no display */
static struct limef_payload payload;
static int buffer_fd, lent_fd;

static int note_error(int code, const char *name, const char *format, ...)
{
    va_list arguments;
    char line[256];

    (void)name;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    if (getenv("LIMEF_TEST_LOG"))
        fprintf(stderr, "%s: %d\n", line, code);
    told_nobody = strstr(line, "no display is connected") != NULL;
    n_errors += !played_card.unplugged || !told_nobody; /* which is so while it is unplugged */
    return code;
}

static void *allocate(size_t bytes)
{
    return calloc(1, bytes);
}

static void no_release(struct limef_payload *released)
{
    (void)released;
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

static int open_output(enum way way)
{
    const struct limef_presenter_kms asked[] = {
        [LENT] = {.drm_fd = lent_fd}, [NAMED] = {.device = "/dev/dri/card1"}, [LOOKED_FOR] = {0}};
    const struct output_settings settings = {.name = "screen", .kms = &asked[way]};

    played_card_reset();
    played_card.is_master = way == LENT;
    played_card_gl(&gl);
    failing_kms_wrap_egl(&gl);
    in_front = true;
    plugged = lost = false;
    n_errors = 0;
    told_nobody = false;
    output = (struct output){.ops = &limef_output_module,
                             .gl = &gl,
                             .fail = note_error,
                             .allocate = allocate,
                             .release = free,
                             .payload_ref = limef_payload_ref,
                             .payload_unref = limef_payload_unref};
    return limef_output_module.open(&output, &settings);
}

static struct limef_hardware_frame picture_of(int height)
{
    struct limef_hardware_frame picture = {.fourcc = DRM_FORMAT_NV12,
                                           .modifier = DRM_FORMAT_MOD_LINEAR,
                                           .width = PLAYED_WIDTH,
                                           .height = height,
                                           .n_planes = 2,
                                           .fence_fd = -1};

    for (int i = 0; i < 2; i++)
        picture.planes[i] = (struct limef_hardware_plane){
            .fd = buffer_fd, .pitch_bytes = PLAYED_WIDTH, .inode = (uint64_t)height};
    return picture;
}

/* Longer than a screen that is away is waited for, and than a flip that is lost. */
#define LOOKS 800
#define LOOK_US 2000

enum shown { SHOWN, NOT_SHOWN, LOST };

/* As the presenter does: on a plane what the display takes there, drawn what it refuses, and again
 * what the output asks for again. height 0: it is drawn. */
static enum shown show(int height)
{
    struct limef_hardware_frame picture = picture_of(height);
    struct layout_rect rect = {0, (PLAYED_HEIGHT - height) / 2, PLAYED_WIDTH, height};
    unsigned n_flips = played_card.n_flips;
    struct output_flip flip;
    bool dirty = true;
    const char *why;
    int value;

    for (int i = 0; i < LOOKS && (dirty || played_card.n_flips == n_flips); i++) {
        enum output_event event = output.ops->poll(&output, &value);

        played_us += LOOK_US;
        if (event == OUTPUT_EVENT_LOST) {
            n_errors++; /* the presenter says so */
            lost = true;
        }
        if (lost)
            return LOST;
        dirty |= event == OUTPUT_EVENT_REDRAW;
        if (output.ops->flips(&output, &flip) != 0 || !dirty)
            continue;
        if (i == 0) /* those of the picture before are not of this one */
            n_flips = played_card.n_flips;
        if (!height || output.ops->scan_out(&output, &picture, rect, &payload, &why) < 0)
            output.ops->swap(&output);
        dirty = false;
    }
    return played_card.n_flips > n_flips ? SHOWN : NOT_SHOWN;
}

/* Another display in the place of the one that there was. */
static void replug(bool is_small)
{
    played_card.unplugged = plugged = true;
    show(0);
    played_card.unplugged = false;
    played_card.is_small = is_small;
    plugged = true;
}

/* All that a screen goes through. Returns how many pictures did not come, the last ones of which
 * may be lost. */
static unsigned live(enum way way)
{
    static const int heights[] = {PLAYED_HEIGHT, 0, 240, 0, PLAYED_HEIGHT, 120, 0, 0, 0};
    unsigned n_missing = 0;

    for (size_t i = 0; i < sizeof(heights) / sizeof(heights[0]); i++)
        n_missing += show(heights[i]) != SHOWN;
    in_front = way == LENT; /* another console comes, and goes; who lends a card sees to that */
    show(0);
    in_front = true;
    n_missing += show(0) != SHOWN;
    replug(false);
    n_missing += show(PLAYED_HEIGHT) != SHOWN;
    replug(true);
    n_missing += show(0) != SHOWN;
    played_card.is_small = false; /* the same one has another mode now */
    plugged = true;
    n_missing += show(0) != SHOWN;
    n_missing += show(PLAYED_HEIGHT) != SHOWN;
    output.ops->forget(&output);
    n_missing += show(0) != SHOWN;
    return n_missing;
}

static void set_up(void)
{
    calls = played_card_calls();
    limef_output_kms_calls = failing_kms_wrap(&calls);
    limef_payload_init(&payload, no_release);
    buffer_fd = eventfd(1, EFD_CLOEXEC);
    lent_fd = __real_open("/dev/null", O_RDWR | O_CLOEXEC);
}

/* Nothing is left, unless it is what failed that gives it back. */
static void expect_nothing_left(const char *when)
{
    static const char *const gives_back[] = {
        "drmIoctl",          "drmCloseBufferHandle", "drmModeDestroyPropertyBlob", "drmModeRmFB",
        "eglDestroyContext", "eglDestroySurface",    "eglDestroySyncKHR"};
    const char *left = played_card_left();

    cr_assert(eq(uint, payload.n_refs, 1), "%s", when);
    cr_assert(eq(ptr, (void *)played_card.wrong, NULL), "%s: %s", when, played_card.wrong);
    cr_assert(eq(ptr, output.private_data, NULL), "%s", when);
    for (size_t i = 0; i < sizeof(gives_back) / sizeof(gives_back[0]); i++)
        if (failing_kms.name && strcmp(failing_kms.name, gives_back[i]) == 0)
            return;
    cr_assert(eq(ptr, (void *)left, NULL), "%s: %s is left", when, left);
}

/* Whether the call was made so often. */
static bool run_failing(enum way way, const struct failing_kms *fault)
{
    unsigned n_descriptors = count_descriptors(), n_missing = 0;
    enum shown after = SHOWN;
    bool failed;
    char when[160];
    int ret;

    snprintf(when, sizeof(when), "%s: call %u%s of %s fails: %s", way_names[way], fault->first,
             fault->onward ? " and all after it" : "", fault->name, strerror(fault->error));
    if (getenv("LIMEF_TEST_LOG"))
        fprintf(stderr, "%s\n", when);
    failing_kms = *fault;
    ret = open_output(way);
    if (ret < 0) {
        cr_assert(eq(uint, n_errors, 1), "%s: it does not open", when);
        cr_assert(eq(uint, played_card.shown, PLAYED_FORMER), "%s: the screen is not as it was",
                  when);
    } else {
        n_missing = live(way);
        cr_assert(n_missing == 0 || n_errors > 0 || told_nobody,
                  "%s: %u pictures missing without a word", when, n_missing);
        failing_kms.first = UINT32_MAX; /* and from now on it does not */
        after = show(0);
        cr_assert(after == SHOWN || after == LOST, "%s: and no picture then", when);
        failing_kms.first = fault->first;
    }
    output.ops->close(&output);
    failed = failing_kms.n_failed > 0;
    expect_nothing_left(when);
    cr_assert(eq(uint, count_descriptors(), n_descriptors), "%s", when);
    return failed;
}

Test(kms_faults, each_call_is_made_and_what_was_on_the_screen_comes_back)
{
    set_up();
    for (enum way way = LENT; way < N_WAYS; way++) {
        failing_kms = (struct failing_kms){0};
        cr_assert(eq(int, open_output(way), 0));
        cr_assert(eq(uint, live(way), 0), "%s", way_names[way]);
        output.ops->close(&output);
        cr_assert(eq(uint, n_errors, 0), "%s", way_names[way]);
        cr_assert(eq(uint, played_card.shown, PLAYED_FORMER), "%s", way_names[way]);
        expect_nothing_left(way_names[way]);
    }
    for (unsigned i = 0; i < failing_kms_n_list; i++)
        printf("%s: %u\n", failing_kms_list[i].name, failing_kms_list[i].n_calls);
}

static void expect_size(int width, int height)
{
    int columns, rows;

    cr_assert(eq(int, show(0), SHOWN));
    output.ops->size(&output, &columns, &rows);
    cr_assert(eq(int, columns, width));
    cr_assert(eq(int, rows, height));
}

Test(kms_faults, a_display_that_comes_back_with_another_mode_is_drawn_in_its_size)
{
    set_up();
    failing_kms = (struct failing_kms){0};
    cr_assert(eq(int, open_output(NAMED), 0));
    expect_size(PLAYED_WIDTH, PLAYED_HEIGHT);
    cr_assert(eq(int, show(PLAYED_HEIGHT), SHOWN)); /* on a plane, of that size */
    replug(true);
    expect_size(PLAYED_SMALL_WIDTH, PLAYED_SMALL_HEIGHT);
    replug(false);
    expect_size(PLAYED_WIDTH, PLAYED_HEIGHT);
    cr_assert(eq(int, show(PLAYED_HEIGHT), SHOWN));
    output.ops->close(&output);
    cr_assert(eq(uint, n_errors, 0));
    expect_nothing_left("another mode");
}

/* Errors that are told apart, and one that is not; the kernel's alone. */
static const int errors[] = {EIO, EBUSY, EACCES, EINVAL, ENOMEM, ENODEV};
#define N_ERRORS(name) (strncmp(name, "drm", 3) ? 1 : sizeof(errors) / sizeof(errors[0]))
static const unsigned calls_that_fail[] = {1, 2, 3, 5, 8, 13, 21, 55};

static void fail_each(enum way way)
{
    unsigned n_failed = 0;

    set_up();
    for (unsigned i = 0; i < failing_kms_n_list; i++) {
        if (!failing_kms_list[i].returns)
            continue;
        for (size_t error = 0; error < N_ERRORS(failing_kms_list[i].name); error++) {
            bool failed = true;

            for (size_t n = 0; failed && n < sizeof(calls_that_fail) / sizeof(unsigned); n++)
                for (int onward = 0; failed && onward < 2; onward++) {
                    failed = run_failing(way, &(struct failing_kms){failing_kms_list[i].name,
                                                                    calls_that_fail[n], onward,
                                                                    errors[error]});
                    n_failed += failed;
                }
        }
    }
    printf("%s: %u runs in which a call failed\n", way_names[way], n_failed);
    cr_assert(gt(uint, n_failed, 1000));
}

Test(kms_faults, pictures_go_on_or_an_error_says_why_on_a_card_that_is_lent)
{
    fail_each(LENT);
}

Test(kms_faults, so_they_do_on_a_card_that_is_named)
{
    fail_each(NAMED);
}

Test(kms_faults, so_they_do_on_the_first_card_that_will_do)
{
    fail_each(LOOKED_FOR);
}
