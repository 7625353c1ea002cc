/* SPDX-License-Identifier: MIT */
/*
 * each_picture WIDTHxHEIGHT CLIP...: plays clips side by side offscreen, three times: decoded in
 * software and uploaded, decoded by VA-API, decoded in software into buffers that EGL imports. Each
 * picture that is composed, all of its pixels, has to be the first time's, give or take 1, and
 * nothing may be copied on its way; of software's, the first few may be uploaded.
 *
 * Status 77: there is no such OpenGL, or it imports nothing.
 */
#include <limef/limef.h>

#include <libavutil/buffer.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_TILES 16
#define MAX_PICTURES 512
#define SKIPPED 77

static struct limef_presenter presenter;
static struct limef_tile tiles[MAX_TILES];
static struct limef_file_source sources[MAX_TILES];
static struct limef_decode_filter decoders[MAX_TILES];
static struct limef_tap_filter taps[MAX_TILES];
static unsigned n_tiles;
static int width, height;

static uint8_t *right[MAX_PICTURES]; /* what was composed the first time */
static unsigned n_right;
static unsigned n_composed;
static uint8_t *composed;
static int worst;

static void must(bool is_so, const char *what)
{
    if (is_so)
        return;
    fprintf(stderr, "each_picture: %s\n", what);
    exit(1);
}

static uint8_t *make_room(void)
{
    uint8_t *room = malloc(4 * (size_t)width * (size_t)height);

    must(room, "no memory");
    return room;
}

static void compare(const uint8_t *expected)
{
    for (size_t i = 0; i < 4 * (size_t)width * (size_t)height; i++) {
        int off = abs(composed[i] - expected[i]);

        worst = off > worst ? off : worst;
    }
}

static void look(bool is_first)
{
    must(n_composed < MAX_PICTURES, "too many pictures");
    must(limef_presenter_read(&presenter, composed) == 0, "the screen cannot be read");
    if (is_first) {
        right[n_right++] = composed;
        composed = make_room();
    } else if (n_composed < n_right) {
        compare(right[n_composed]);
    }
    n_composed++;
}

/* Shows a picture; looks at the screen when each tile has its next one. */
static int show(void *context, const struct limef_frame *frame)
{
    const bool *is_first = context;

    if (frame->frame_class != LIMEF_FRAME_DECODED)
        return 0;
    must(limef_go(&presenter.filter, frame) == 0, "a picture is refused");
    limef_presenter_tick(&presenter, limef_now_us());
    if (frame->slot == n_tiles - 1)
        look(*is_first);
    return 0;
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
static void count(const char *way, bool is_first, bool is_hardware)
{
    struct limef_presenter_slot_counters sum = {0}, one;
    uint64_t copied_bytes = LIMEF_COUNTED(presenter.filter.copied_bytes);

    for (unsigned i = 0; i < n_tiles; i++) {
        limef_presenter_get_counters(&presenter, i, &one);
        sum.n_shown += one.n_shown;
        sum.n_imported += one.n_imported;
        sum.n_images += one.n_images;
        sum.uploaded_bytes += one.uploaded_bytes;
        copied_bytes += LIMEF_COUNTED(decoders[i].filter.copied_bytes);
    }
    printf("%s: %llu pictures, %llu imported by %llu images, %llu bytes uploaded, %llu copied; %u "
           "screens, at most %d off\n",
           way, (unsigned long long)sum.n_shown, (unsigned long long)sum.n_imported,
           (unsigned long long)sum.n_images, (unsigned long long)sum.uploaded_bytes,
           (unsigned long long)copied_bytes, n_composed, worst);
    must(copied_bytes == 0, "something was copied");
    must(n_composed == n_right && n_right > 0, "not as many pictures as in software");
    must(worst <= 1, "pixels differ");
    if (!is_first && sum.n_imported == 0)
        exit(SKIPPED);
    must(!is_hardware || (sum.n_imported == sum.n_shown && sum.uploaded_bytes == 0),
         "pictures of hardware were uploaded");
}

static void play(const char *way, char **clips, struct AVBufferRef *device, bool lends)
{
    bool is_first = n_right == 0;
    struct limef_presenter_settings screen = {.output = LIMEF_OUTPUT_OFFSCREEN,
                                              .untimed = true,
                                              .width = width,
                                              .height = height,
                                              .plain = LIMEF_PRESENTER_WHOLE};
    struct limef_decode_settings decode = {.hardware = device, .n_threads = 1};

    must(limef_presenter_init(&presenter, "screen", tiles, n_tiles, &screen) == 0, "no presenter");
    if (lends)
        decode.buffers = limef_presenter_get_buffers(&presenter, false);
    if (limef_presenter_open(&presenter) < 0)
        exit(SKIPPED);
    for (unsigned i = 0; i < n_tiles; i++) {
        struct limef_file_source_settings file = {
            .url = clips[i], .slot = i, .pace = LIMEF_PACE_FASTEST};

        must(limef_file_source_init(&sources[i], NULL, &file) == 0, clips[i]);
        must(limef_decode_filter_init(&decoders[i], NULL, &decode) == 0, "no decoder");
        limef_tap_filter_init(&taps[i], NULL, show, &is_first);
        limef_connect(&sources[i].source.filter, &decoders[i].filter);
        limef_connect(&decoders[i].filter, &taps[i].filter);
    }
    n_composed = 0;
    run_all();
    count(way, is_first, device != NULL);
    for (unsigned i = 0; i < n_tiles; i++) {
        limef_filter_clear(&sources[i].source.filter);
        limef_filter_clear(&decoders[i].filter);
        limef_filter_clear(&taps[i].filter);
    }
    limef_presenter_close(&presenter);
    limef_filter_clear(&presenter.filter);
}

int main(int argc, char **argv)
{
    struct AVBufferRef *device = NULL;

    if (argc < 3 || argc - 2 > MAX_TILES || sscanf(argv[1], "%dx%d", &width, &height) != 2 ||
        width < 1 || height < 1 || width > 4096 || height > 4096) {
        fprintf(stderr, "usage: each_picture WIDTHxHEIGHT CLIP... (%d at most)\n", MAX_TILES);
        return 2;
    }
    n_tiles = (unsigned)(argc - 2);
    must(limef_hardware_device_open(&device, NULL) == 0, "no VA-API");
    composed = make_room();
    play("software", &argv[2], NULL, false);
    play("VA-API", &argv[2], device, false);
    play("software, lent memory", &argv[2], NULL, true);
    av_buffer_unref(&device);
    while (n_right > 0)
        free(right[--n_right]);
    free(composed);
    return 0;
}
