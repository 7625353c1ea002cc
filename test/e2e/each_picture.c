/* SPDX-License-Identifier: MIT */
/*
 * each_picture [--kms=CARD] WIDTHxHEIGHT CLIP...: plays clips side by side offscreen: decoded in
 * software and uploaded; then offscreen too, or on a display, which is read by its card's
 * writeback: decoded by VA-API, and decoded in software into buffers that EGL imports, by one
 * thread, by several that decode a picture each, and, if no clip has pictures in another order than
 * it is shown in, by several that share each picture. Each picture of each clip, all of its pixels
 * on the screen, has to be the first time's, give or take 1, and from the second time on not one
 * byte may be copied on its way.
 *
 * Status 77: there is no OpenGL; or it imports nothing of VA-API's, so that pictures are copied,
 * but each is the right one: the last line says so.
 */
#include "each_picture_display.h"

#include <limef/limef.h>

#include <libavutil/buffer.h>
#include <libavutil/frame.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_TILES 16
#define MAX_PICTURES 512
#define SKIPPED 77
#define N_THREADS 4

/* Where a clip is shown, and what was there after each of its pictures. */
struct place {
    int x, y, width, height;
    uint8_t *right[MAX_PICTURES]; /* the first time */
    unsigned n_right, n;
    bool is_reordered; /* some picture is not decoded in the order of the file */
    int64_t pts_us;    /* of the packet before */
};

/* How clips are decoded. */
struct way {
    const char *name;
    bool is_hardware;
    bool is_lent; /* memory of the presenter's */
    bool slices;
    unsigned n_threads;
};

#define DEADLINE_US 60000000 /* the first drawing, where the processor is emulated */

static struct limef_presenter presenter;
static struct limef_presenter_kms kms;
static struct limef_tile tiles[MAX_TILES];
static struct limef_file_source sources[MAX_TILES];
static struct limef_decode_filter decoders[MAX_TILES];
static struct limef_tap_filter packets[MAX_TILES], taps[MAX_TILES];
static struct place places[MAX_TILES];
static unsigned n_tiles;
static int width, height;

static uint8_t *screen;
static int worst;
static bool cannot_import; /* this OpenGL: what can be looked at are pixels alone */

static void must(bool is_so, const char *what)
{
    if (is_so)
        return;
    fprintf(stderr, "each_picture: %s\n", what);
    exit(1);
}

static uint8_t *make_room(int columns, int rows)
{
    uint8_t *room = malloc(4 * (size_t)columns * (size_t)rows);

    must(room, "no memory");
    return room;
}

/* A grid of tiles that are as wide as they are high, in pictures' widths and heights. */
static void find_places(void)
{
    int n_columns = 1;

    while (n_columns * n_columns < (int)n_tiles)
        n_columns++;
    must((int)n_tiles == n_columns * n_columns && width % n_columns == 0 && height % n_columns == 0,
         "the grid is not known");
    for (int i = 0; i < (int)n_tiles; i++) {
        places[i].width = width / n_columns;
        places[i].height = height / n_columns;
        places[i].x = i % n_columns * places[i].width;
        places[i].y = i / n_columns * places[i].height;
    }
}

static const uint8_t *row_of(const struct place *place, int row)
{
    return screen + 4 * ((ptrdiff_t)(place->y + row) * width + place->x);
}

static void keep(struct place *place)
{
    size_t row_bytes = 4 * (size_t)place->width;
    uint8_t *kept = make_room(place->width, place->height);

    must(place->n < MAX_PICTURES, "too many pictures");
    for (int row = 0; row < place->height; row++)
        memcpy(kept + (size_t)row * row_bytes, row_of(place, row), row_bytes);
    place->right[place->n_right++] = kept;
}

static void compare(const struct place *place)
{
    must(place->n < place->n_right, "more pictures than in software");
    for (int row = 0; row < place->height; row++)
        for (int i = 0; i < 4 * place->width; i++) {
            const uint8_t *expected = place->right[place->n] + 4 * row * place->width;
            int off = abs(row_of(place, row)[i] - expected[i]);

            worst = off > worst ? off : worst;
        }
}

/* A display shows it when it has shown the one before; then its own flip has to come. */
static void wait_shown(uint32_t slot, uint64_t n_shown)
{
    int64_t now_us = limef_now_us(), deadline_us = now_us + DEADLINE_US;
    struct limef_presenter_slot_counters counters;

    for (;;) {
        int64_t due_us = limef_presenter_tick(&presenter, now_us);

        limef_presenter_get_counters(&presenter, slot, &counters);
        if (counters.n_shown >= n_shown && !presenter.flip.waiting && !presenter.dirty)
            return;
        must(now_us < deadline_us, "a picture is not shown");
        if (due_us > now_us)
            usleep((useconds_t)((due_us < deadline_us ? due_us : deadline_us) - now_us));
        now_us = limef_now_us();
    }
}

static bool is_on_display(bool is_first)
{
    return kms.drm_fd > 0 && !is_first;
}

/* Shows a picture, and looks at it. */
static int show(void *context, const struct limef_frame *frame)
{
    const bool *is_first = context;
    struct place *place = &places[frame->slot];

    if (frame->frame_class != LIMEF_FRAME_DECODED)
        return 0;
    must(limef_go(&presenter.filter, frame) == 0, "a picture is refused");
    wait_shown(frame->slot, place->n + 1);
    if (is_on_display(*is_first))
        display_read(screen, width, height);
    else
        must(limef_presenter_read(&presenter, screen) == 0, "the screen cannot be read");
    if (*is_first)
        keep(place);
    else
        compare(place);
    place->n++;
    return 0;
}

/* Whether pictures come in another order than they are shown in. */
static int look_at_order(void *unused, const struct limef_frame *frame)
{
    struct place *place = &places[frame->slot];

    (void)unused;
    if (frame->frame_class != LIMEF_FRAME_PACKET || frame->media != LIMEF_MEDIA_VIDEO)
        return 0;
    place->is_reordered |= place->pts_us != LIMEF_NO_TIME && frame->pts_us < place->pts_us;
    place->pts_us = frame->pts_us;
    return 0;
}

static bool is_any_reordered(void)
{
    for (unsigned i = 0; i < n_tiles; i++)
        if (places[i].is_reordered)
            return true;
    return false;
}

static void run_all(void)
{
    unsigned n_left = n_tiles;
    bool has_ended[MAX_TILES] = {false};
    int64_t due_us;

    while (n_left > 0)
        for (unsigned i = 0; i < n_tiles; i++) {
            struct limef_source *source = &sources[i].source;

            if (has_ended[i] || source->step(source, &due_us) == 0)
                continue;
            has_ended[i] = true;
            n_left--;
        }
}

/* Says what was moved, and holds it against what may be. */
static void count(const struct way *way, bool is_first)
{
    struct limef_presenter_slot_counters sum = {0}, one;

    for (unsigned i = 0; i < n_tiles; i++) {
        limef_presenter_get_counters(&presenter, i, &one);
        must(places[i].n_right > 0 && places[i].n == places[i].n_right &&
                 one.n_shown == places[i].n,
             "not as many pictures as in software");
        sum.n_shown += one.n_shown;
        sum.n_imported += one.n_imported;
        sum.n_images += one.n_images;
        sum.n_planes += one.n_planes;
        sum.copied_bytes += one.copied_bytes + LIMEF_COUNTED(decoders[i].filter.copied_bytes);
        if (one.uploaded_why && !is_first)
            printf("%s: uploaded: %s\n", way->name, one.uploaded_why);
    }
    printf(
        "%s: %llu pictures, %llu imported by %llu images, %llu on a plane, %llu bytes copied; at "
        "most %d off\n",
        way->name, (unsigned long long)sum.n_shown, (unsigned long long)sum.n_imported,
        (unsigned long long)sum.n_images, (unsigned long long)sum.n_planes,
        (unsigned long long)sum.copied_bytes, worst);
    must(LIMEF_COUNTED(presenter.filter.copied_bytes) <= sum.copied_bytes, "bytes are not counted");
    must(worst <= 1, "pixels differ");
    if (is_first) {
        must(sum.copied_bytes > 0, "what was uploaded is not counted");
        return;
    }
    cannot_import |= way->is_hardware && sum.n_imported + sum.n_planes == 0;
    if (cannot_import)
        return;
    /* offscreen none is on a plane; a display may show it there, and some by both ways */
    must(sum.n_imported + sum.n_planes >= sum.n_shown, "not all pictures were imported");
    must(sum.copied_bytes == 0, "something was copied");
}

static void play(const struct way *way, char **clips, struct AVBufferRef *device)
{
    bool is_first = places[0].n_right == 0;
    struct limef_presenter_settings settings = {
        .output = is_on_display(is_first) ? LIMEF_OUTPUT_KMS : LIMEF_OUTPUT_OFFSCREEN,
        .untimed = true,
        .width = width,
        .height = height,
        .plain = LIMEF_PRESENTER_WHOLE,
        .kms = &kms};
    struct limef_decode_settings decode = {.hardware = way->is_hardware ? device : NULL,
                                           .low_delay = way->slices,
                                           .n_threads = way->n_threads};

    must(limef_presenter_init(&presenter, "screen", tiles, n_tiles, &settings) == 0,
         "no presenter");
    if (way->is_lent)
        decode.buffers = limef_presenter_get_buffers(&presenter, false);
    if (limef_presenter_open(&presenter) < 0)
        exit(SKIPPED);
    for (unsigned i = 0; i < n_tiles; i++) {
        struct limef_file_source_settings file = {
            .url = clips[i], .slot = i, .pace = LIMEF_PACE_FASTEST};

        must(limef_file_source_init(&sources[i], NULL, &file) == 0, clips[i]);
        must(limef_decode_filter_init(&decoders[i], NULL, &decode) == 0, "no decoder");
        limef_tap_filter_init(&taps[i], NULL, show, &is_first);
        limef_tap_filter_init(&packets[i], NULL, look_at_order, NULL);
        places[i].n = 0;
        places[i].pts_us = LIMEF_NO_TIME;
        limef_connect(&sources[i].source.filter, &packets[i].filter);
        limef_connect(&packets[i].filter, &decoders[i].filter);
        limef_connect(&decoders[i].filter, &taps[i].filter);
    }
    run_all();
    count(way, is_first);
    for (unsigned i = 0; i < n_tiles; i++) {
        limef_filter_clear(&sources[i].source.filter);
        limef_filter_clear(&packets[i].filter);
        limef_filter_clear(&decoders[i].filter);
        limef_filter_clear(&taps[i].filter);
    }
    limef_presenter_close(&presenter);
    limef_filter_clear(&presenter.filter);
}

int main(int argc, char **argv)
{
    static const struct way ways[] = {
        {.name = "software", .n_threads = 1},
        {.name = "VA-API", .n_threads = 1, .is_hardware = true},
        {.name = "software, lent memory", .n_threads = 1, .is_lent = true},
        {.name = "software, lent memory, threads", .n_threads = N_THREADS, .is_lent = true},
        {.name = "software, lent memory, threads of slices",
         .n_threads = N_THREADS,
         .is_lent = true,
         .slices = true},
    };
    struct AVBufferRef *device = NULL;

    if (argc > 1 && !strncmp(argv[1], "--kms=", strlen("--kms="))) {
        kms.drm_fd = display_open(argv[1] + strlen("--kms="));
        must(kms.drm_fd > 0, "this build knows no displays");
        argc--;
        argv++;
    }
    if (argc < 3 || argc - 2 > MAX_TILES || sscanf(argv[1], "%dx%d", &width, &height) != 2 ||
        width < 1 || height < 1 || width > 4096 || height > 4096) {
        fprintf(stderr, "usage: each_picture [--kms=CARD] WIDTHxHEIGHT CLIP... (%d at most)\n",
                MAX_TILES);
        return 2;
    }
    n_tiles = (unsigned)(argc - 2);
    must(limef_hardware_device_open(&device, NULL) == 0, "no VA-API");
    find_places();
    screen = make_room(width, height);
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
        if (!ways[i].slices || !is_any_reordered())
            play(&ways[i], &argv[2], device);
    av_buffer_unref(&device);
    for (unsigned i = 0; i < n_tiles; i++)
        while (places[i].n_right > 0)
            free(places[i].right[--places[i].n_right]);
    free(screen);
    if (cannot_import)
        printf("all pixels are right, and all pictures copied\n");
    return cannot_import ? SKIPPED : 0;
}
