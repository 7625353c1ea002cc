/* SPDX-License-Identifier: MIT */
#include <limef/filter/snapshot.h>

#include "filter/filter_counts.h"
#include "filter/fingerprint.h"

#include "frame/fetch.h"
#include "frame/image_file.h"

#include <limef/base/log.h>
#include <limef/thread/report.h>

#include <errno.h>
#include <inttypes.h>
#include <libavutil/error.h>
#include <libavutil/frame.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static struct limef_snapshot_filter *snapshot_of(struct limef_filter *filter)
{
    return LIMEF_CONTAINER_OF(filter, struct limef_snapshot_filter, filter);
}

/* Writes what a pattern's letter stands for. Returns as snprintf(). */
static int expand_letter(const struct limef_snapshot_filter *snapshot, char letter, char *at,
                         size_t left, const struct limef_frame *frame)
{
    switch (letter) {
    case 's':
        return snprintf(at, left, "%" PRIu32, frame->slot);
    case 'n':
        return snprintf(at, left, "%06" PRIu64, LIMEF_COUNTED(snapshot->n_written) + 1);
    case 't':
        return snprintf(at, left, "%" PRId64, frame->pts_us);
    default:
        return snprintf(at, left, "%c", letter);
    }
}

/* Makes the file's name of the pattern. Returns 0, or AVERROR(ENAMETOOLONG). */
static int expand(const struct limef_snapshot_filter *snapshot, char *path, size_t path_bytes,
                  const struct limef_frame *frame)
{
    const char *pattern = snapshot->settings.path ? snapshot->settings.path : "";
    size_t n = 0;

    path[0] = '\0';
    for (; *pattern; pattern++) {
        char letter = *pattern;
        int length;

        if (letter == '%' && pattern[1]) {
            length = expand_letter(snapshot, *++pattern, path + n, path_bytes - n, frame);
        } else {
            length = snprintf(path + n, path_bytes - n, "%c", letter);
        }
        n += (size_t)length;
        if (n >= path_bytes)
            return AVERROR(ENAMETOOLONG);
    }
    return 0;
}

static void write_picture(struct limef_snapshot_filter *snapshot,
                          const struct limef_decoded_frame *picture)
{
    struct limef_decoded_frame in_memory = *picture;
    struct limef_signal_frame report;
    AVFrame *memory = NULL;
    char path[PATH_MAX];
    int ret = expand(snapshot, path, sizeof(path), &picture->frame);

    if (ret < 0)
        limef_fail(ret, snapshot->filter.name, "%s", snapshot->settings.path);
    else
        ret = fetch_if_needed(&in_memory, &memory, &snapshot->filter);
    if (ret >= 0)
        ret = image_file_write_upright(&in_memory, path, snapshot->filter.name);
    av_frame_free(&memory);
    snapshot->asked = false;
    if (ret >= 0) {
        LIMEF_COUNT(snapshot->n_written, 1);
        return;
    }
    LIMEF_COUNT(snapshot->n_failed, 1);
    limef_signal_frame_set(&report, LIMEF_SIGNAL_ERROR, picture->frame.slot,
                           "snapshot not written");
    report.code = ret;
    limef_report(&report);
}

static bool is_wanted(const struct limef_snapshot_filter *snapshot)
{
    switch (snapshot->settings.when) {
    case LIMEF_SNAPSHOT_EVERY:
        return true;
    case LIMEF_SNAPSHOT_FIRST:
        if (LIMEF_COUNTED(snapshot->n_written) + LIMEF_COUNTED(snapshot->n_failed) == 0)
            return true;
        break;
    case LIMEF_SNAPSHOT_ASKED:
        break;
    }
    return snapshot->asked;
}

static int snapshot_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct limef_snapshot_filter *snapshot = snapshot_of(filter);
    const struct limef_signal_frame *signal = limef_signal_frame_from(in);
    const struct limef_decoded_frame *decoded = limef_decoded_frame_from(in);

    if (signal && signal->signal == LIMEF_SIGNAL_SNAPSHOT)
        snapshot->asked = true;
    if (decoded && in->media == LIMEF_MEDIA_VIDEO && is_wanted(snapshot))
        write_picture(snapshot, decoded);
    return limef_pass(filter, in);
}

/* The path's end says in which format. */
static uint64_t snapshot_fingerprint(const struct limef_filter *filter)
{
    const struct limef_snapshot_settings *settings =
        &LIMEF_CONTAINER_OF(filter, const struct limef_snapshot_filter, filter)->settings;

    return fingerprint_mix_text(fingerprint_mix(FINGERPRINT_START, settings->when),
                                settings->path ? strrchr(settings->path, '.') : NULL);
}

static unsigned snapshot_counts(const struct limef_filter *filter,
                                struct limef_filter_count *counts)
{
    const struct limef_snapshot_filter *snapshot =
        LIMEF_CONTAINER_OF(filter, const struct limef_snapshot_filter, filter);
    const struct limef_filter_count now[] = {
        {"written", LIMEF_COUNTED(snapshot->n_written)},
        {"failed", LIMEF_COUNTED(snapshot->n_failed)},
    };

    return filter_counts(counts, now, sizeof(now));
}

static const struct limef_filter_ops snapshot_ops = {.kind = "snapshot",
                                                     .flags = LIMEF_FILTER_BLOCKING,
                                                     .go = snapshot_go,
                                                     .fingerprint = snapshot_fingerprint,
                                                     .counts = snapshot_counts};

void limef_snapshot_filter_init(struct limef_snapshot_filter *snapshot, const char *name,
                                const struct limef_snapshot_settings *settings)
{
    limef_filter_init(&snapshot->filter, &snapshot_ops, name);
    snapshot->settings = *settings;
}

void limef_snapshot_get_counters(const struct limef_snapshot_filter *snapshot,
                                 struct limef_snapshot_counters *counters)
{
    counters->n_written = LIMEF_COUNTED(snapshot->n_written);
    counters->n_failed = LIMEF_COUNTED(snapshot->n_failed);
}
