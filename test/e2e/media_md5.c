/* SPDX-License-Identifier: MIT */
/*
 * Decodes every clip of a folder through file source and decoder, and compares
 * each picture with what FFmpeg's framemd5 says of it:
 *
 *     media_md5 FOLDER [NAME]
 *
 * FOLDER/framemd5/CLIP.framemd5.gz is the reference of FOLDER/CLIP; a clip that
 * has none need only end. Exit status: 0; 1: something differs; 77: no folder.
 */
#include <limef/limef.h>

#include <dirent.h>
#include <libavcodec/avcodec.h>
#include <libavutil/imgutils.h>
#include <libavutil/log.h>
#include <libavutil/md5.h>
#include <libavutil/mem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SKIPPED 77
#define MAX_PICTURES 20000
#define HEX_BYTES 33

/* The end of the chain: makes a list of what comes. */
struct md5_filter {
    struct limef_filter filter;
    char (*md5)[HEX_BYTES];
    size_t n;
    uint8_t *pixels;
    int pixels_bytes;
    bool ended;
    int code;
};

static void note_picture(struct md5_filter *list, const AVFrame *picture)
{
    int bytes = av_image_get_buffer_size(picture->format, picture->width, picture->height, 1);
    uint8_t digest[16];

    if (list->n == MAX_PICTURES || bytes < 0)
        return;
    if (bytes > list->pixels_bytes) {
        list->pixels = av_realloc(list->pixels, (size_t)bytes);
        list->pixels_bytes = bytes;
    }
    av_image_copy_to_buffer(list->pixels, bytes, (const uint8_t *const *)picture->data,
                            picture->linesize, picture->format, picture->width, picture->height, 1);
    av_md5_sum(digest, list->pixels, (size_t)bytes);
    for (int i = 0; i < 16; i++)
        snprintf(list->md5[list->n] + 2 * i, 3, "%02x", digest[i]);
    list->n++;
}

static int md5_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct md5_filter *list = LIMEF_CONTAINER_OF(filter, struct md5_filter, filter);
    const struct limef_decoded_frame *decoded = limef_decoded_frame_from(in);
    const struct limef_signal_frame *signal = limef_signal_frame_from(in);

    if (decoded)
        note_picture(list, decoded->av);
    if (signal && signal->signal == LIMEF_SIGNAL_END) {
        list->ended = true;
        list->code = signal->code;
    }
    return 0;
}

static const struct limef_filter_ops md5_ops = {"md5", 0, md5_go, NULL};

/* Plays the first video track of a clip. Returns how it ended. */
static int play(struct md5_filter *list, const char *path)
{
    struct limef_file_source file = {0};
    struct limef_decode_filter decode = {0};
    struct limef_file_source_settings settings = {
        .url = path, .media = LIMEF_MEDIA_VIDEO, .pace = LIMEF_PACE_FASTEST};
    int64_t due_us;
    int ret;

    limef_filter_init(&list->filter, &md5_ops, NULL);
    if (limef_file_source_init(&file, NULL, &settings) < 0 ||
        limef_decode_filter_init(&decode, NULL, &(struct limef_decode_settings){.n_threads = 1}) <
            0)
        abort();
    limef_file_source_choose(&file, 1, 1);
    limef_connect(&file.source.filter, &decode.filter);
    limef_connect(&decode.filter, &list->filter);
    do
        ret = file.source.step(&file.source, &due_us);
    while (ret == 0 || ret == AVERROR(EAGAIN));
    limef_filter_clear(&file.source.filter);
    limef_filter_clear(&decode.filter);
    return list->ended ? list->code : AVERROR_BUG;
}

/* The reference of a clip's first video track. Returns how many pictures, -1: there is none. */
static long read_reference(const char *folder, const char *clip, char (*md5)[HEX_BYTES])
{
    char command[4096], line[512], kind[16];
    int video = -1, stream;
    long n = 0;
    FILE *pipe;

    snprintf(command, sizeof(command), "gzip -dc '%s/framemd5/%s.framemd5.gz' 2>/dev/null", folder,
             clip);
    pipe = popen(command, "r");
    while (pipe && fgets(line, sizeof(line), pipe)) {
        const char *comma = strrchr(line, ',');

        if (sscanf(line, "#media_type %d: %15s", &stream, kind) == 2 && strcmp(kind, "video") == 0)
            video = stream;
        if (line[0] != '#' && comma && atoi(line) == video && n < MAX_PICTURES)
            snprintf(md5[n++], HEX_BYTES, "%.32s", comma + 2);
    }
    return pipe && pclose(pipe) == 0 && video >= 0 ? n : -1;
}

static bool is_this_ffmpegs(const char *clip)
{
    return strncmp(clip, "bad_", 4) != 0 || LIBAVCODEC_VERSION_MAJOR == 59;
}

static bool check(const char *folder, const char *clip, char (*expected)[HEX_BYTES],
                  struct md5_filter *list)
{
    char path[4096];
    long n_expected = read_reference(folder, clip, expected);
    size_t first = 0;
    int code;

    snprintf(path, sizeof(path), "%s/%s", folder, clip);
    list->n = 0;
    list->ended = false;
    code = play(list, path);
    if (!list->ended) {
        printf("FAILED %s: it does not end\n", clip);
        return false;
    }
    if (n_expected < 0 || !is_this_ffmpegs(clip)) {
        printf("played %s: %zu pictures, %s\n", clip, list->n,
               code ? av_err2str(code) : "to the end");
        return true;
    }
    while (first < list->n && first < (size_t)n_expected &&
           strcmp(list->md5[first], expected[first]) == 0)
        first++;
    if (first == list->n && first == (size_t)n_expected) {
        printf("equal  %s: %zu pictures\n", clip, list->n);
        return true;
    }
    printf("FAILED %s: %zu pictures instead of %ld, different from number %zu on\n", clip, list->n,
           n_expected, first);
    return false;
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : getenv("LIMEF_TEST_MEDIA");
    DIR *folder = path ? opendir(path) : NULL;
    char(*expected)[HEX_BYTES];
    struct md5_filter list = {0};
    struct dirent *entry;
    int n_failed = 0, n_checked = 0;

    if (!folder) {
        puts("no folder of clips");
        return SKIPPED;
    }
    expected = calloc(MAX_PICTURES, HEX_BYTES);
    list.md5 = calloc(MAX_PICTURES, HEX_BYTES);
    av_log_set_level(AV_LOG_QUIET);
    while ((entry = readdir(folder))) {
        if (!strchr(entry->d_name, '.') || entry->d_name[0] == '.' ||
            strstr(entry->d_name, ".md") || (argc > 2 && strcmp(argv[2], entry->d_name) != 0))
            continue;
        n_failed += !check(path, entry->d_name, expected, &list);
        n_checked++;
    }
    closedir(folder);
    printf("%d clips, %d failed\n", n_checked, n_failed);
    av_free(list.pixels);
    free(list.md5);
    free(expected);
    return n_failed || !n_checked;
}
