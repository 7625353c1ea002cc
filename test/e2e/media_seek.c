/* SPDX-License-Identifier: MIT */
/*
 * Plays each undamaged clip of a folder, then seeks exactly to some of its pictures:
 * what comes must be what came when it was played through, and the sound that is heard
 * with the picture must be there. Behind the last of these pictures the clip is played to
 * its end, behind the others for a second or so. Then to the key frames before them: what
 * comes first must be a picture of no later time, and its sound there as well.
 *
 *     media_seek [--to-the-end] [FOLDER]        or the folder in LIMEF_TEST_MEDIA
 *
 * --to-the-end: behind each of them.
 * Exit status: 0; 1: something differs; 77: no folder.
 */
#include <limef/filter/decode.h>
#include <limef/filter/file_source.h>

#include <dirent.h>
#include <libavutil/adler32.h>
#include <libavutil/error.h>
#include <libavutil/frame.h>
#include <libavutil/log.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SKIPPED 77
#define MAX_PICTURES 2000
#define MAX_SOUNDS 20000
#define N_TARGETS 4
#define N_COMPARED 32

struct picture {
    int64_t pts_us;
    uint32_t sum; /* over the brightness */
};

struct sound {
    int64_t pts_us, duration_us;
};

/* The end of the chain: a list of what comes. */
struct list_filter {
    struct limef_filter filter;
    struct picture pictures[MAX_PICTURES];
    unsigned n;
};

/* Behind the source: a list of the packets of sound. */
struct sound_filter {
    struct limef_filter filter;
    struct sound packets[MAX_SOUNDS];
    unsigned n;
};

static int list_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct list_filter *list = LIMEF_CONTAINER_OF(filter, struct list_filter, filter);
    const struct limef_decoded_frame *decoded = limef_decoded_frame_from(in);
    uint32_t sum = 1;

    if (!decoded || list->n == MAX_PICTURES)
        return 0;
    for (int y = 0; y < decoded->av->height; y++)
        sum = (uint32_t)av_adler32_update(
            sum, decoded->av->data[0] + (ptrdiff_t)y * decoded->av->linesize[0],
            (unsigned)decoded->av->width);
    list->pictures[list->n++] = (struct picture){in->pts_us, sum};
    return 0;
}

static int sound_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct sound_filter *sound = LIMEF_CONTAINER_OF(filter, struct sound_filter, filter);

    if (in->frame_class == LIMEF_FRAME_PACKET && in->media == LIMEF_MEDIA_AUDIO &&
        sound->n < MAX_SOUNDS)
        sound->packets[sound->n++] = (struct sound){in->pts_us, in->duration_us};
    return limef_pass(filter, in);
}

static const struct limef_filter_ops list_ops = {.kind = "list", .go = list_go};
static const struct limef_filter_ops sound_ops = {.kind = "sound", .go = sound_go};
static struct list_filter played, sought;
static struct sound_filter sound_played, sound_sought;

/* The packet of sound that is heard at a time; NULL: none is. */
static const struct sound *heard_at(const struct sound_filter *sound, int64_t us)
{
    for (unsigned i = 0; i < sound->n; i++) {
        const struct sound *packet = &sound->packets[i];

        if (packet->pts_us != LIMEF_NO_TIME && packet->pts_us <= us &&
            us < packet->pts_us + packet->duration_us)
            return packet;
    }
    return NULL;
}

static bool has_sound_of(int64_t us)
{
    return !heard_at(&sound_played, us) || heard_at(&sound_sought, us);
}

static bool has_enough(void)
{
    return sought.n >= N_COMPARED;
}

static bool has_begun(void)
{
    return sought.n > 0 && has_sound_of(sought.pictures[0].pts_us);
}

/* To the end, or until what is_enough says. */
static void run(struct limef_file_source *file, bool (*is_enough)(void))
{
    int64_t due_us;
    int ret;

    do
        ret = file->source.step(&file->source, &due_us);
    while ((ret == 0 || ret == AVERROR(EAGAIN)) && !(is_enough && is_enough()));
}

/* Plays on as run() does. */
static void seek(struct limef_file_source *file, unsigned target, bool exactly,
                 bool (*is_enough)(void))
{
    struct limef_signal_frame seek;

    limef_signal_frame_set(&seek, LIMEF_SIGNAL_SEEK, 0, NULL);
    seek.value = played.pictures[target].pts_us;
    seek.code = exactly;
    sought.n = sound_sought.n = 0;
    limef_go(&file->source.filter, &seek.frame);
    run(file, is_enough);
}

static bool expect_sound_of(int64_t us)
{
    if (!has_sound_of(us))
        puts("without the sound that is heard with it:");
    return has_sound_of(us);
}

static bool is_found(struct limef_file_source *file, unsigned target, bool to_the_end)
{
    unsigned n_left = played.n - target;

    seek(file, target, true, to_the_end ? NULL : has_enough);
    if (sought.n > n_left || (sought.n < n_left && (to_the_end || !has_enough())) ||
        !expect_sound_of(played.pictures[target].pts_us))
        return false;
    for (unsigned i = 0; i < sought.n; i++)
        if (sought.pictures[i].pts_us != played.pictures[target + i].pts_us ||
            sought.pictures[i].sum != played.pictures[target + i].sum)
            return false;
    return true;
}

/* A file that begins in the middle of a group has no key frame before some pictures. */
static bool is_key_found(struct limef_file_source *file, unsigned target)
{
    int64_t first_us;

    seek(file, target, false, has_begun);
    first_us = sought.n ? sought.pictures[0].pts_us : LIMEF_NO_TIME;
    for (unsigned i = 0; i <= target; i++)
        if (played.pictures[i].pts_us == first_us)
            return played.pictures[i].sum == sought.pictures[0].sum && expect_sound_of(first_us);
    return false;
}

static bool check(const char *folder, const char *clip, bool all_to_the_end)
{
    struct limef_file_source file = {0};
    struct limef_decode_filter decode = {0};
    char path[4096];
    bool is_right = true;

    snprintf(path, sizeof(path), "%s/%s", folder, clip);
    played.n = sound_played.n = 0;
    limef_filter_init(&played.filter, &list_ops, NULL);
    limef_filter_init(&sought.filter, &list_ops, NULL);
    limef_filter_init(&sound_played.filter, &sound_ops, NULL);
    limef_filter_init(&sound_sought.filter, &sound_ops, NULL);
    if (limef_file_source_init(
            &file, clip,
            &(struct limef_file_source_settings){.url = path, .pace = LIMEF_PACE_FASTEST}) < 0 ||
        limef_decode_filter_init(&decode, clip, NULL) < 0)
        abort();
    limef_connect(&file.source.filter, &sound_played.filter);
    limef_connect(&sound_played.filter, &decode.filter);
    limef_connect(&decode.filter, &played.filter);
    run(&file, NULL);
    limef_connect(&file.source.filter, &sound_sought.filter);
    limef_connect(&sound_sought.filter, &decode.filter);
    limef_connect(&decode.filter, &sought.filter);
    for (unsigned i = 0; i < N_TARGETS && played.n > 0; i++) {
        unsigned target = played.n * (N_TARGETS - i - 1) / N_TARGETS;

        /* a stream without times cannot be sought in */
        if (played.pictures[target].pts_us != LIMEF_NO_TIME &&
            !is_found(&file, target, all_to_the_end || i == 0)) {
            printf("FAILED %s: picture %u of %u\n", clip, target, played.n);
            is_right = false;
        }
        if (played.pictures[target].pts_us != LIMEF_NO_TIME && !is_key_found(&file, target)) {
            printf("FAILED %s: key frame before picture %u of %u\n", clip, target, played.n);
            is_right = false;
        }
    }
    limef_filter_clear(&file.source.filter);
    limef_filter_clear(&decode.filter);
    return is_right;
}

int main(int argc, char **argv)
{
    bool to_the_end = argc > 1 && !strcmp(argv[1], "--to-the-end");
    const char *path = argc > 1 + to_the_end ? argv[1 + to_the_end] : getenv("LIMEF_TEST_MEDIA");
    DIR *folder = path && *path ? opendir(path) : NULL;
    struct dirent *entry;
    int n_failed = 0, n_checked = 0;

    if (!folder) {
        puts("no folder of clips");
        return SKIPPED;
    }
    av_log_set_level(AV_LOG_QUIET);
    while ((entry = readdir(folder))) {
        const char *name = entry->d_name;

        if (!strchr(name, '.') || name[0] == '.' || strstr(name, ".md") ||
            strncmp(name, "bad_", 4) == 0)
            continue;
        n_failed += !check(path, name, to_the_end);
        n_checked++;
    }
    closedir(folder);
    printf("%d clips, %d failed\n", n_checked, n_failed);
    return n_failed || !n_checked;
}
