/* SPDX-License-Identifier: MIT */
/*
 * Kinds that look at frames, keep them, or show them.
 */
#include "assembly.h"
#include "elements_private.h"

#include <limef/base/log.h>
#include <limef/filter/dump.h>
#include <limef/filter/export.h>
#include <limef/filter/framemd5.h>
#include <limef/filter/presenter.h>
#include <limef/filter/snapshot.h>
#include <limef/filter/statistics.h>
#include <limef/filter/timestamps.h>
#include <limef/filter/writer.h>

#include <errno.h>
#include <libavutil/error.h>
#include <stdlib.h>
#include <string.h>

static const struct parameter path_parameters[] = {
    {"path", PARAMETER_TEXT, .is_positional = true},
    {NULL},
};

/* Opens the file that was given; element->file stays NULL for standard output, and where nothing is
 * going to be written: what is in the file stays. */
static int open_file(const struct assembly *assembly, struct element *element,
                     const struct value *path)
{
    if (!path->is_given || assembly->is_only_planned)
        return 0;
    element->file = fopen(path->text, "w");
    return element->file ? 0 : limef_fail(AVERROR(errno), element->name, "%s", path->text);
}

static int init_dump(struct assembly *assembly, struct element *element, const struct value *values)
{
    int ret = open_file(assembly, element, &values[0]);

    if (ret >= 0)
        limef_dump_filter_init(AS(struct limef_dump_filter, element), element->name, NULL, NULL,
                               element->file ? element->file : stdout);
    return ret;
}

static const struct parameter export_parameters[] = {
    {"path", PARAMETER_TEXT, .is_positional = true, .is_needed = true},
    {"permissions", PARAMETER_INTEGER, .max = 777},
    {"readers", PARAMETER_INTEGER, .min = 1, .max = LIMEF_EXPORT_MAX_READERS},
    {"depth", PARAMETER_INTEGER, .min = 1, .max = LIMEF_EXPORT_MAX_DEPTH},
    {NULL},
};

/* "660" is meant as chmod(1) takes it. */
static unsigned octal_of(int64_t digits)
{
    return (unsigned)(digits / 100 % 10 << 6 | digits / 10 % 10 << 3 | digits % 10);
}

static int init_export(struct assembly *assembly, struct element *element,
                       const struct value *values)
{
    struct limef_export_settings settings = {
        .path = values[0].text,
        .permissions = octal_of(values[1].integer),
        .max_readers = (unsigned)values[2].integer,
        .max_depth = (unsigned)values[3].integer,
    };

    (void)assembly;
    return limef_export_filter_init(AS(struct limef_export_filter, element), element->name,
                                    &settings);
}

static int init_framemd5(struct assembly *assembly, struct element *element,
                         const struct value *values)
{
    int ret = open_file(assembly, element, &values[0]);

    if (ret >= 0)
        limef_framemd5_filter_init(AS(struct limef_framemd5_filter, element), element->name, NULL,
                                   NULL, element->file ? element->file : stdout);
    return ret;
}

static int init_statistics(struct assembly *assembly, struct element *element,
                           const struct value *values)
{
    (void)assembly;
    (void)values;
    limef_statistics_filter_init(AS(struct limef_statistics_filter, element), element->name);
    return 0;
}

static int init_timestamps(struct assembly *assembly, struct element *element,
                           const struct value *values)
{
    (void)assembly;
    (void)values;
    limef_timestamps_filter_init(AS(struct limef_timestamps_filter, element), element->name, 0);
    return 0;
}

static const struct parameter snapshot_parameters[] = {
    {"path", PARAMETER_TEXT, .is_positional = true, .is_needed = true},
    {"when", PARAMETER_WORD, .words = (const char *const[]){"asked", "first", "every", NULL}},
    {NULL},
};

static int init_snapshot(struct assembly *assembly, struct element *element,
                         const struct value *values)
{
    char *number;

    (void)assembly;
    element->path = strdup(values[0].text);
    if (!element->path)
        return limef_fail(AVERROR(ENOMEM), element->name, "path");
    while ((number = strstr(element->path, "%d")) != NULL) /* as others write it */
        number[1] = 'n';
    limef_snapshot_filter_init(AS(struct limef_snapshot_filter, element), element->name,
                               &(struct limef_snapshot_settings){
                                   .path = element->path,
                                   .when = values[1].is_given
                                               ? (enum limef_snapshot_when)values[1].integer
                                               : LIMEF_SNAPSHOT_EVERY,
                               });
    return 0;
}

static bool finish_snapshot(const struct assembly *assembly, struct element *element)
{
    struct limef_snapshot_counters counters;

    (void)assembly;
    limef_snapshot_get_counters(AS(struct limef_snapshot_filter, element), &counters);
    return counters.n_failed == 0;
}

static const struct parameter writer_parameters[] = {
    {"path", PARAMETER_TEXT, .is_positional = true, .is_needed = true},
    {"format", PARAMETER_TEXT},
    {"tracks", PARAMETER_INTEGER, .max = LIMEF_MAX_TRACKS},
    {"options", PARAMETER_TEXT},
    {NULL},
};

static int init_writer(struct assembly *assembly, struct element *element,
                       const struct value *values)
{
    struct limef_writer_settings settings = {
        .path = values[0].text,
        .format = values[1].text,
        .n_tracks = (unsigned)values[2].integer,
        .options = values[3].text,
    };

    (void)assembly;
    return limef_writer_filter_init(AS(struct limef_writer_filter, element), element->name,
                                    &settings);
}

/* The file of a source that was stopped ends here. */
static bool finish_writer(const struct assembly *assembly, struct element *element)
{
    struct limef_writer_counters counters;
    struct limef_signal_frame stop;

    element->filter->next = NULL;
    for (uint32_t slot = 0; slot < assembly->n_slots; slot++) {
        limef_signal_frame_set(&stop, LIMEF_SIGNAL_STOP, slot, NULL);
        limef_go(element->filter, &stop.frame);
    }
    limef_writer_get_counters(AS(struct limef_writer_filter, element), &counters);
    return counters.n_errors == 0 && (counters.n_files > 0 || counters.n_ignored == 0);
}

static const struct parameter screen_parameters[] = {
    {"vo", PARAMETER_WORD, .is_positional = true,
     .words = (const char *const[]){"auto", "window", "offscreen", "none", NULL}},
    {"size", PARAMETER_SIZE, .min = 16, .max = MAX_SIDE},
    {"untimed", PARAMETER_WORD, .words = yes_no_words},
    {NULL},
};

static int init_screen(struct assembly *assembly, struct element *element,
                       const struct value *values)
{
    static const struct limef_presenter_window window = {.title = "limef-graph"};
    struct limef_presenter *presenter = AS(struct limef_presenter, element);
    struct limef_presenter_settings settings = {
        .output = (enum limef_presenter_output)values[0].integer,
        .width = (int)values[1].integer,
        .height = (int)values[1].second,
        .untimed = values[2].integer,
        .window = &window,
    };

    element->tiles = calloc(assembly->n_slots, sizeof(struct limef_tile));
    if (!element->tiles)
        return limef_fail(AVERROR(ENOMEM), element->name, "init");
    return limef_presenter_init(presenter, element->name, element->tiles, assembly->n_slots,
                                &settings);
}

const struct element_kind element_dump = {
    "dump",          0,         sizeof(struct limef_dump_filter),
    path_parameters, init_dump, "a line for each frame"};

const struct element_kind element_export = {
    "export",          0,           sizeof(struct limef_export_filter),
    export_parameters, init_export, "hands pictures to other processes over a socket"};

const struct element_kind element_framemd5 = {"framemd5",
                                              0,
                                              sizeof(struct limef_framemd5_filter),
                                              path_parameters,
                                              init_framemd5,
                                              "a sum of each picture"};

const struct element_kind element_jpeg = {"jpeg",
                                          0,
                                          sizeof(struct limef_snapshot_filter),
                                          snapshot_parameters,
                                          init_snapshot,
                                          "the same as snapshot",
                                          finish_snapshot};

const struct element_kind element_screen = {
    "screen",          ELEMENT_SCREEN, sizeof(struct limef_presenter),
    screen_parameters, init_screen,    "shows all that comes in one grid, on a thread of its own"};

const struct element_kind element_snapshot = {"snapshot",
                                              0,
                                              sizeof(struct limef_snapshot_filter),
                                              snapshot_parameters,
                                              init_snapshot,
                                              "pictures to PNG or JPEG files",
                                              finish_snapshot};

const struct element_kind element_statistics = {
    "statistics",         0, sizeof(struct limef_statistics_filter), no_parameters, init_statistics,
    "counts and measures"};

const struct element_kind element_timestamps = {
    "timestamps",   0, sizeof(struct limef_timestamps_filter), no_parameters, init_timestamps,
    "repairs times"};

const struct element_kind element_writer = {
    "writer",          0,           sizeof(struct limef_writer_filter),
    writer_parameters, init_writer, "packets to a file of any container",
    finish_writer};
