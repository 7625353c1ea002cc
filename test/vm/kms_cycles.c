/* SPDX-License-Identifier: MIT */
/*
 * What an output leaves behind that opens and closes, again and again; and for comparison, what GBM
 * and EGL do that are used alone.
 */
#include "stage.h"

#include <limef/base/clock.h>
#include <limef/base/memory.h>

#include <drm_fourcc.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

/* How often, if LIMEF_TEST_CYCLES does not say. GL draws in the first two of some in a row: that is
 * slow where it is emulated. */
#define N_CYCLES 3
#define DRAWING_CYCLE 100
/* What libraries keep for good they have by then. */
#define SETTLED_CYCLE 1
/* A line every so often. */
#define TOLD_CYCLES 50

/* Of this process, and of the kernel. */
struct left {
    unsigned descriptors, framebuffers, dmabufs, dmabuf_bytes;
    uint32_t shown;       /* on the display */
    unsigned shmem_kb;    /* of all processes: buffers of the cards, and files in memory */
    unsigned resident_kb; /* of this process; grows a little as memory is cut up */
    size_t heap_bytes;    /* in use, of all that this process has loaded */
    int n_ours;           /* of these, pieces that the library asked for and did not give back */
};

static int n_allocated;

static void *allocate(void *context, size_t bytes)
{
    void *memory =
        aligned_alloc(LIMEF_CACHE_LINE_BYTES, (bytes + LIMEF_CACHE_LINE_BYTES - 1) /
                                                  LIMEF_CACHE_LINE_BYTES * LIMEF_CACHE_LINE_BYTES);

    (void)context;
    n_allocated += memory != NULL;
    return memory;
}

static void release(void *context, void *memory)
{
    (void)context;
    n_allocated -= memory != NULL;
    free(memory);
}

/* Where the time of a cycle goes. */
struct times {
    int64_t open_us, planes_us, drawing_us, close_us;
    unsigned n, n_drawing;
};

static bool find_number(const char *file_path, const char *format, unsigned numbers[2])
{
    FILE *file = fopen(file_path, "r");
    char line[256];
    bool found = false;

    while (file && !found && fgets(line, sizeof(line), file))
        found = sscanf(line, format, &numbers[0], &numbers[1]) > 0;
    if (file)
        fclose(file);
    return found;
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

static struct left look(void)
{
    struct mallinfo2 heap = mallinfo2();
    struct left left = {.descriptors = stage_count_descriptors(),
                        .heap_bytes = heap.uordblks + heap.hblkhd,
                        .n_ours = n_allocated};
    unsigned numbers[2] = {0};
    char framebuffers[64];
    struct card card;

    snprintf(framebuffers, sizeof(framebuffers), "/sys/kernel/debug/dri/%s/framebuffer",
             stage_path + strlen("/dev/dri/card"));
    left.framebuffers = count_lines(framebuffers, "framebuffer[");
    if (!find_number("/sys/kernel/debug/dma_buf/bufinfo", "Total %u objects, %u bytes", numbers))
        die("the kernel does not say how many dma-bufs there are");
    left.dmabufs = numbers[0];
    left.dmabuf_bytes = numbers[1];
    if (find_number("/proc/meminfo", "Shmem: %u", numbers))
        left.shmem_kb = numbers[0];
    if (find_number("/proc/self/status", "VmRSS: %u", numbers))
        left.resident_kb = numbers[0];
    card_open(&card, stage_path);
    left.shown = card_framebuffer(&card);
    card_close(&card);
    return left;
}

static void say(const char *what, const struct left *left)
{
    printf("  %s: %u descriptors, %u framebuffers, %u dma-bufs of %u bytes, framebuffer %u shown, "
           "%u KiB of shared memory, %u KiB resident, %zu bytes of heap, %d pieces of ours\n",
           what, left->descriptors, left->framebuffers, left->dmabufs, left->dmabuf_bytes,
           left->shown, left->shmem_kb, left->resident_kb, left->heap_bytes, left->n_ours);
}

/* The kernel gives the lowest number that is free: another one than 1, and some are not. */
static void expect_no_handles(const struct card *card)
{
    struct drm_mode_create_dumb dumb = {.width = 16, .height = 16, .bpp = 32};
    struct drm_mode_destroy_dumb destroy;

    if (drmIoctl(card->fd, DRM_IOCTL_MODE_CREATE_DUMB, &dumb) < 0)
        die("no dumb buffer");
    destroy.handle = dumb.handle;
    drmIoctl(card->fd, DRM_IOCTL_MODE_DESTROY_DUMB, &destroy);
    if (dumb.handle != 1)
        die("%u handles of buffers are left", dumb.handle - 1);
}

/* On a card that the output opens itself, or on one that it is lent. */
static void open_stage(struct stage *stage, bool lent)
{
    if (lent) {
        stage_open(stage, 1);
        return;
    }
    *stage = (struct stage){.kms.device = stage_path};
    if (stage_open_presenter(stage, 1, STAGE_WIDTH, STAGE_HEIGHT) < 0)
        die("the output does not open");
    card_open(&stage->card, stage_path);
}

static void run_cycle(struct times *times, bool lent, bool draws)
{
    int64_t begun_us = limef_now_us(), opened_us, shown_us, drawn_us;
    struct stage stage;

    open_stage(&stage, lent);
    opened_us = limef_now_us();
    stage_show(&stage, 0, stage_add(&stage, DRM_FORMAT_NV12, STAGE_WIDTH, STAGE_HEIGHT));
    stage_show(&stage, 0, stage_add(&stage, DRM_FORMAT_NV12, STAGE_WIDTH, 180));
    shown_us = limef_now_us();
    if (draws)
        stage_show(&stage, 0,
                   stage_add(&stage, DRM_FORMAT_NV12, STAGE_WIDTH / 2, STAGE_HEIGHT / 2));
    drawn_us = limef_now_us();
    stage_close_presenter(&stage);
    expect_no_handles(&stage.card);
    card_close(&stage.card);
    times->open_us += opened_us - begun_us;
    times->planes_us += shown_us - opened_us;
    times->drawing_us += drawn_us - shown_us;
    times->close_us += limef_now_us() - drawn_us;
    times->n++;
    times->n_drawing += draws;
}

static void say_times(const struct times *times)
{
    printf(
        "  %u cycles: %.1f ms to open, %.1f two pictures on planes, %.1f to close; %.1f one that "
        "is drawn, of %u\n",
        times->n, (double)times->open_us / 1e3 / times->n,
        (double)times->planes_us / 1e3 / times->n, (double)times->close_us / 1e3 / times->n,
        times->n_drawing ? (double)times->drawing_us / 1e3 / times->n_drawing : 0,
        times->n_drawing);
}

void nothing_is_left_behind(void)
{
    const char *asked = getenv("LIMEF_TEST_CYCLES");
    int n_cycles = asked ? atoi(asked) : N_CYCLES;
    struct times times = {0};
    struct left first = {0}, now;

    limef_memory_set_allocator(&(struct limef_allocator){.allocate = allocate, .release = release});
    for (int i = 0; i < n_cycles; i++) {
        run_cycle(&times, i % 2 == 0, i % DRAWING_CYCLE < 2);
        now = look();
        if (i == SETTLED_CYCLE) {
            first = now;
            say("first", &first);
        }
        if (i > SETTLED_CYCLE && i % TOLD_CYCLES == 0) {
            say_times(&times);
            say("now", &now);
        }
        if (i > SETTLED_CYCLE &&
            (now.descriptors != first.descriptors || now.framebuffers != first.framebuffers ||
             now.dmabufs != first.dmabufs || now.shown != first.shown ||
             now.n_ours != first.n_ours)) {
            say("now", &now);
            die("something is left behind after %d cycles", i + 1);
        }
    }
    say_times(&times);
    say("last", &now);
    if (!first.shown)
        die("there was nothing on the screen to come back");
}
