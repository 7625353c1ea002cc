/* SPDX-License-Identifier: MIT */
/*
 * session_cycles [--kms=CARD] N CLIP...: N times a whole session, of the kind of a player: a graph
 * with its threads, a decoder of each clip, in turns by VA-API and by software in lent memory, and
 * a presenter, offscreen or on a display; each shows its pictures and closes. What is open, runs or
 * is allocated behind the last one is what was behind the fourth.
 *
 * Status 77: there is no such output, or no VA-API.
 */
#include <limef/base/memory.h>
#include <limef/limef.h>

#include <dirent.h>
#include <libavutil/buffer.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CLIPS 4
#define SKIPPED 77
#define SETTLED_CYCLE 3 /* two of each kind: libraries have what they keep for good */
#define TOLD_CYCLES 50
#define DEADLINE_US 60000000 /* the first drawing, where the processor is emulated */
/* Of the process, a cycle: on a display GBM and EGL leave some 8 kB, see doc/kms.md. A picture is
 * more. And what libraries come to keep for good later than in the fourth. */
#define MAX_GROWTH_BYTES 16384
#define MAX_LATER_HEAP_BYTES 65536
#define MAX_LATER_BYTES (4 << 20)

/* Of this process, and of the kernel; what cannot be told is 0. */
struct left {
    unsigned n_descriptors, n_threads, n_dmabufs, n_framebuffers;
    int n_pieces; /* of memory, that the library has */
    size_t heap_bytes;
    /* also what is free, and once the C library has given that back */
    size_t resident_bytes, held_bytes;
};

static _Alignas(64) char memory[LIMEF_GRAPH_BYTES(2 * MAX_CLIPS + 1)];
static struct limef_graph graph;
static struct limef_reports reports;
static struct limef_file_source files[MAX_CLIPS];
static struct limef_decode_filter decoders[MAX_CLIPS];
static struct limef_presenter presenter;
static struct limef_presenter_kms kms;
static struct limef_tile tiles[MAX_CLIPS];
static unsigned n_clips;

/* relaxed: looked at when the threads have ended */
static LIMEF_ATOMIC(int) n_pieces;

static void *allocate(void *context, size_t bytes)
{
    size_t line = LIMEF_CACHE_LINE_BYTES;
    void *piece = aligned_alloc(line, (bytes + line - 1) / line * line);

    (void)context;
    atomic_fetch_add_explicit(&n_pieces, piece != NULL, memory_order_relaxed);
    return piece;
}

static void release(void *context, void *piece)
{
    (void)context;
    atomic_fetch_sub_explicit(&n_pieces, piece != NULL, memory_order_relaxed);
    free(piece);
}

static void must(bool is_so, const char *what)
{
    if (is_so)
        return;
    fprintf(stderr, "session_cycles: %s\n", what);
    exit(1);
}

static unsigned count_entries(const char *path)
{
    DIR *folder = opendir(path);
    unsigned n = 0;

    while (folder && readdir(folder))
        n++;
    if (folder)
        closedir(folder);
    return n;
}

/* The sum of a number in all lines that have it. */
static unsigned sum_of(const char *path, const char *format)
{
    FILE *file = fopen(path, "r");
    char line[256];
    unsigned number, sum = 0;

    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, format, &number) == 1)
            sum += number;
    if (file)
        fclose(file);
    return sum;
}

static size_t resident_bytes(void)
{
    return (size_t)sum_of("/proc/self/status", "VmRSS: %u") * 1024;
}

static unsigned count_framebuffers(void)
{
    char path[64], line[256];
    unsigned n = 0;
    FILE *file;

    if (!kms.device)
        return 0;
    snprintf(path, sizeof(path), "/sys/kernel/debug/dri/%s/framebuffer",
             kms.device + strlen("/dev/dri/card"));
    file = fopen(path, "r");
    while (file && fgets(line, sizeof(line), file))
        n += strstr(line, "framebuffer[") != NULL;
    if (file)
        fclose(file);
    return n;
}

static struct left look(void)
{
    struct mallinfo2 heap = mallinfo2();

    return (struct left){
        .n_descriptors = count_entries("/proc/self/fd"),
        .n_threads = count_entries("/proc/self/task"),
        .n_dmabufs = sum_of("/sys/kernel/debug/dma_buf/bufinfo", "Total %u objects"),
        .n_framebuffers = count_framebuffers(),
        .n_pieces = atomic_load_explicit(&n_pieces, memory_order_relaxed),
        .heap_bytes = heap.uordblks + heap.hblkhd,
        .resident_bytes = resident_bytes(),
    };
}

/* A thread that compiles shaders has some 40 MB for a moment, in one of the C library's heaps, of
 * which there are eight for each processor: they keep much of it. */
static size_t held_bytes(void)
{
    malloc_trim(0);
    return resident_bytes();
}

static void say(int cycle, const struct left *left)
{
    printf("after %d: %u descriptors, %u threads, %u dma-bufs, %u framebuffers, %d pieces of "
           "memory, %zu bytes of heap, %zu resident, %zu without what is free\n",
           cycle + 1, left->n_descriptors, left->n_threads, left->n_dmabufs, left->n_framebuffers,
           left->n_pieces, left->heap_bytes, left->resident_bytes, left->held_bytes);
}

static void open_session(char **clips, struct AVBufferRef *device)
{
    struct limef_presenter_settings screen = {.output = kms.device ? LIMEF_OUTPUT_KMS
                                                                   : LIMEF_OUTPUT_OFFSCREEN,
                                              .untimed = true,
                                              .width = 320,
                                              .height = 240,
                                              .kms = &kms};
    struct limef_graph_settings how = {.reports = &reports};
    struct limef_decode_settings decode = {.hardware = device};

    must(limef_reports_init(&reports) == 0 &&
             limef_presenter_init(&presenter, "screen", tiles, n_clips, &screen) == 0 &&
             limef_graph_init(&graph, memory, sizeof(memory), &how) == 0,
         "a session cannot be made");
    if (!device)
        decode.buffers = limef_presenter_get_buffers(&presenter, false);
    for (unsigned i = 0; i < n_clips; i++) {
        struct limef_file_source_settings file = {
            .url = clips[i], .slot = i, .pace = LIMEF_PACE_FASTEST};

        must(limef_file_source_init(&files[i], NULL, &file) == 0 &&
                 limef_decode_filter_init(&decoders[i], NULL, &decode) == 0,
             clips[i]);
        limef_connect(&files[i].source.filter, &decoders[i].filter);
        limef_connect(&decoders[i].filter, &presenter.filter);
        must(limef_graph_add(&graph, &files[i].source) == 0, "a source is refused");
    }
    if (limef_graph_start(&graph) < 0)
        exit(SKIPPED);
}

/* Until all clips have ended. */
static void play(void)
{
    int64_t deadline_us = limef_now_us() + DEADLINE_US;
    unsigned n_ended = 0;

    while (n_ended < n_clips) {
        struct limef_signal_frame report;

        must(limef_now_us() < deadline_us, "a session does not end");
        if (limef_reports_read(&reports, &report, 100000) < 0)
            continue;
        if (report.signal == LIMEF_SIGNAL_ERROR)
            fprintf(stderr, "session_cycles: %s\n", report.text);
        must(report.signal != LIMEF_SIGNAL_ERROR, "a session failed");
        n_ended += report.signal == LIMEF_SIGNAL_END;
    }
}

static void close_session(bool in_hardware)
{
    for (unsigned i = 0; i < n_clips; i++) {
        struct limef_presenter_slot_counters shown;

        limef_presenter_get_counters(&presenter, i, &shown);
        must(shown.n_shown > 0, "nothing was shown");
        must(!in_hardware || LIMEF_COUNTED(decoders[i].n_hardware) > 0, "not in hardware");
    }
    must(limef_graph_stop(&graph, DEADLINE_US) == 0, "the graph does not stop");
    limef_graph_clear(&graph);
    for (unsigned i = 0; i < n_clips; i++) {
        limef_filter_clear(&files[i].source.filter);
        limef_filter_clear(&decoders[i].filter);
    }
    limef_filter_clear(&presenter.filter);
    limef_reports_clear(&reports);
}

static void run_cycle(int cycle, char **clips)
{
    struct AVBufferRef *device = NULL;

    if (cycle % 2 == 0 && limef_hardware_device_open(&device, NULL) < 0)
        exit(SKIPPED);
    open_session(clips, device);
    play();
    close_session(device != NULL);
    av_buffer_unref(&device);
}

static bool is_the_same(const struct left *a, const struct left *b)
{
    return a->n_descriptors == b->n_descriptors && a->n_threads == b->n_threads &&
           a->n_dmabufs == b->n_dmabufs && a->n_framebuffers == b->n_framebuffers &&
           a->n_pieces == b->n_pieces;
}

static bool grows(const struct left *first, const struct left *last, int n_cycles)
{
    size_t may_bytes = (size_t)n_cycles * MAX_GROWTH_BYTES;

    if (!first->heap_bytes) /* another allocator is linked in: a sanitizer's, which keeps much */
        return false;
    return last->heap_bytes > first->heap_bytes + may_bytes + MAX_LATER_HEAP_BYTES ||
           last->held_bytes > first->held_bytes + may_bytes + MAX_LATER_BYTES;
}

int main(int argc, char **argv)
{
    struct left first = {0}, now = {0};
    int n_cycles;

    limef_memory_set_allocator(&(struct limef_allocator){.allocate = allocate, .release = release});
    if (argc > 1 && !strncmp(argv[1], "--kms=", strlen("--kms="))) {
        kms.device = argv[1] + strlen("--kms=");
        argc--;
        argv++;
    }
    if (argc < 3 || argc - 2 > MAX_CLIPS || (n_cycles = atoi(argv[1])) <= SETTLED_CYCLE + 1) {
        fprintf(stderr, "usage: session_cycles [--kms=CARD] N CLIP... (more than %d, up to %d)\n",
                SETTLED_CYCLE + 1, MAX_CLIPS);
        return 2;
    }
    n_clips = (unsigned)(argc - 2);
    for (int i = 0; i < n_cycles; i++) {
        run_cycle(i, &argv[2]);
        now = look();
        if (i == SETTLED_CYCLE || i % TOLD_CYCLES == TOLD_CYCLES - 1 || i == n_cycles - 1) {
            now.held_bytes = held_bytes();
            say(i, &now);
        }
        if (i == SETTLED_CYCLE)
            first = now;
        if (i > SETTLED_CYCLE && !is_the_same(&first, &now)) {
            say(i, &now);
            must(false, "something is left behind");
        }
    }
    must(!grows(&first, &now, n_cycles - 1 - SETTLED_CYCLE), "the process grows");
    return 0;
}
