/* SPDX-License-Identifier: MIT */
#include "elements.h"

#include "assembly.h"
#include "burn.h"
#include "null.h"
#include "pattern.h"

#include <limef/filter/decode.h>
#include <limef/filter/dump.h>
#include <limef/filter/encode.h>
#include <limef/filter/file_source.h>
#include <limef/filter/framemd5.h>
#include <limef/filter/gate.h>
#include <limef/filter/presenter.h>
#include <limef/filter/scale.h>
#include <limef/filter/snapshot.h>
#include <limef/filter/split.h>
#include <limef/filter/statistics.h>
#include <limef/filter/throttle.h>
#include <limef/filter/timestamps.h>
#include <limef/filter/writer.h>

#include <errno.h>
#include <libavutil/error.h>
#include <limef/base/log.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SIDE 16384
#define MAX_SECONDS 31536000.0

static const char *const yes_no_words[] = {"no", "yes", NULL};
static const char *const media_words[] = {"both", "video", "audio", NULL};
static const char *const track_words[] = {"video", "audio", NULL};

/* The filter as what it is. */
#define AS(type, element) ((type *)(void *)(element)->filter)

static const struct parameter file_parameters[] = {
    {"url", PARAMETER_TEXT, .is_positional = true, .is_needed = true},
    {"pace", PARAMETER_PACE},
    {"loop", PARAMETER_REPEAT},
    {"media", PARAMETER_WORD, .words = media_words},
    {"start", PARAMETER_SECONDS, .max = MAX_SECONDS},
    {"timeout", PARAMETER_SECONDS, .min = 0.1, .max = MAX_SECONDS},
    {"options", PARAMETER_TEXT},
    {NULL},
};

static int init_file(struct assembly *assembly, struct element *element, const struct value *values)
{
    struct limef_file_source_settings settings = {
        .url = values[0].text,
        .options = values[6].text,
        .slot = element->slot,
        .media = values[3].is_given ? (enum limef_media)values[3].integer : LIMEF_MEDIA_VIDEO,
        .pace = (int32_t)values[1].integer,
        .n_loops = (uint32_t)values[2].integer,
        .start_us = values[4].integer,
        .timeout_us = values[5].integer,
    };

    (void)assembly;
    return limef_file_source_init(AS(struct limef_file_source, element), element->name, &settings);
}

static const struct parameter pattern_parameters[] = {
    {"size", PARAMETER_SIZE, .is_positional = true, .min = 16, .max = MAX_SIDE},
    {"fps", PARAMETER_NUMBER, .min = 0.001, .max = 100000},
    {"n", PARAMETER_INTEGER, .max = 1e15},
    {"pace", PARAMETER_WORD, .words = (const char *const[]){"natural", "fastest", NULL}},
    {"live", PARAMETER_WORD, .words = yes_no_words},
    {NULL},
};

static int init_pattern(struct assembly *assembly, struct element *element,
                        const struct value *values)
{
    struct pattern_settings settings = {
        .width = (int)values[0].integer,
        .height = (int)values[0].second,
        .fps = values[1].number,
        .n_pictures = values[2].integer,
        .is_fastest = values[3].integer,
        .is_live = values[4].integer,
        .slot = element->slot,
    };

    (void)assembly;
    return pattern_init(AS(struct pattern, element), element->name, &settings);
}

static const struct parameter decode_parameters[] = {
    {"media", PARAMETER_WORD, .is_positional = true, .words = track_words},
    {"threads", PARAMETER_INTEGER, .max = 64},
    {NULL},
};

static int init_decode(struct assembly *assembly, struct element *element,
                       const struct value *values)
{
    struct limef_decode_settings settings = {
        .media = values[0].integer ? LIMEF_MEDIA_AUDIO : LIMEF_MEDIA_VIDEO,
        .n_threads = (unsigned)values[1].integer,
    };

    (void)assembly;
    return limef_decode_filter_init(AS(struct limef_decode_filter, element), element->name,
                                    &settings);
}

static const struct parameter encode_parameters[] = {
    {"codec", PARAMETER_TEXT, .is_positional = true, .is_needed = true},
    {"bit-rate", PARAMETER_NUMBER, .min = 1000, .max = 1e10},
    {"quality", PARAMETER_INTEGER, .min = 1, .max = 31},
    {"gop", PARAMETER_INTEGER, .min = 1, .max = 100000},
    {"threads", PARAMETER_INTEGER, .max = 64},
    {"options", PARAMETER_TEXT},
    {NULL},
};

static int init_encode(struct assembly *assembly, struct element *element,
                       const struct value *values)
{
    struct limef_encode_settings settings = {
        .codec = values[0].text,
        .bit_rate = (int64_t)values[1].number,
        .quality = (int)values[2].integer,
        .gop = (int)values[3].integer,
        .n_threads = (unsigned)values[4].integer,
        .options = values[5].text,
    };

    (void)assembly;
    return limef_encode_filter_init(AS(struct limef_encode_filter, element), element->name,
                                    &settings);
}

static const struct parameter scale_parameters[] = {
    {"size", PARAMETER_SIZE, .is_positional = true, .min = 1, .max = MAX_SIDE},
    {"width", PARAMETER_INTEGER, .min = 1, .max = MAX_SIDE},
    {"height", PARAMETER_INTEGER, .min = 1, .max = MAX_SIDE},
    {"format", PARAMETER_TEXT},
    {"fit", PARAMETER_WORD, .words = yes_no_words},
    {"quality", PARAMETER_WORD, .words = (const char *const[]){"fast", "good", NULL}},
    {NULL},
};

static int init_scale(struct assembly *assembly, struct element *element,
                      const struct value *values)
{
    struct limef_scale_settings settings = {
        .width = (int)(values[1].is_given ? values[1].integer : values[0].integer),
        .height = (int)(values[2].is_given ? values[2].integer : values[0].second),
        .pixel_format = values[3].text,
        .fit = values[4].integer,
        .quality = (enum limef_scale_quality)values[5].integer,
    };

    (void)assembly;
    return limef_scale_filter_init(AS(struct limef_scale_filter, element), element->name,
                                   &settings);
}

static const struct parameter no_parameters[] = {{NULL}};

static int init_split(struct assembly *assembly, struct element *element,
                      const struct value *values)
{
    (void)assembly;
    (void)values;
    limef_split_filter_init(AS(struct limef_split_filter, element), element->name);
    return 0;
}

static int init_switch(struct assembly *assembly, struct element *element,
                       const struct value *values)
{
    (void)assembly;
    (void)values;
    element->inputs = calloc(element->n_inputs, sizeof(*element->inputs));
    if (!element->inputs)
        return limef_fail(AVERROR(ENOMEM), element->name, "%u inputs", element->n_inputs);
    limef_switch_filter_init(AS(struct limef_switch_filter, element), element->name,
                             element->inputs, element->n_inputs);
    return 0;
}

static const struct parameter gate_parameters[] = {
    {"state", PARAMETER_WORD, .is_positional = true,
     .words = (const char *const[]){"open", "shut", NULL}},
    {"rebase", PARAMETER_WORD, .words = yes_no_words},
    {NULL},
};

static int init_gate(struct assembly *assembly, struct element *element, const struct value *values)
{
    (void)assembly;
    limef_gate_filter_init(AS(struct limef_gate_filter, element), element->name,
                           values[0].integer ? LIMEF_GATE_SHUT : LIMEF_GATE_WAITING,
                           values[1].integer);
    return 0;
}

static const struct parameter throttle_parameters[] = {
    {"fps", PARAMETER_NUMBER, .is_positional = true, .is_needed = true, .min = 0.001,
     .max = 100000},
    {NULL},
};

static int init_throttle(struct assembly *assembly, struct element *element,
                         const struct value *values)
{
    (void)assembly;
    limef_throttle_filter_init(AS(struct limef_throttle_filter, element), element->name,
                               (int64_t)(1e6 / values[0].number));
    return 0;
}

static const struct parameter path_parameters[] = {
    {"path", PARAMETER_TEXT, .is_positional = true},
    {NULL},
};

/* Opens the file that was given; element->file stays NULL for standard output. */
static int open_file(struct element *element, const struct value *path)
{
    if (!path->is_given)
        return 0;
    element->file = fopen(path->text, "w");
    return element->file ? 0 : limef_fail(AVERROR(errno), element->name, "%s", path->text);
}

static int init_dump(struct assembly *assembly, struct element *element, const struct value *values)
{
    int ret = open_file(element, &values[0]);

    (void)assembly;
    if (ret >= 0)
        limef_dump_filter_init(AS(struct limef_dump_filter, element), element->name, NULL, NULL,
                               element->file ? element->file : stdout);
    return ret;
}

static int init_framemd5(struct assembly *assembly, struct element *element,
                         const struct value *values)
{
    int ret = open_file(element, &values[0]);

    (void)assembly;
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
    struct limef_presenter *presenter = AS(struct limef_presenter, element);
    struct limef_presenter_settings settings = {
        .output = (enum limef_presenter_output)values[0].integer,
        .width = (int)values[1].integer,
        .height = (int)values[1].second,
        .untimed = values[2].integer,
        .title = "limef-graph",
    };
    struct limef_thread_settings thread = {
        .name = element->name, .priority = LIMEF_PRIORITY_DISPLAY, .reports = &assembly->reports};
    int ret;

    element->tiles = calloc(assembly->n_slots, sizeof(struct limef_tile));
    element->screen =
        aligned_alloc(LIMEF_CACHE_LINE_BYTES,
                      sizeof(*element->screen) / LIMEF_CACHE_LINE_BYTES * LIMEF_CACHE_LINE_BYTES +
                          LIMEF_CACHE_LINE_BYTES);
    if (!element->tiles || !element->screen)
        return limef_fail(AVERROR(ENOMEM), element->name, "init");
    memset(element->screen, 0, sizeof(*element->screen));
    ret = limef_presenter_init(presenter, element->name, element->tiles, assembly->n_slots,
                               &settings);
    if (ret < 0)
        return ret;
    limef_consumer_init(element->screen, &presenter->filter, &thread);
    limef_thread_set_task(&element->screen->thread, limef_presenter_tick, presenter);
    return 0;
}

static const struct parameter burn_parameters[] = {
    {"us", PARAMETER_INTEGER, .is_positional = true, .is_needed = true, .max = 10000000},
    {"then", PARAMETER_INTEGER, .max = 10000000},
    {"after", PARAMETER_SECONDS, .max = MAX_SECONDS},
    {NULL},
};

static int init_burn(struct assembly *assembly, struct element *element, const struct value *values)
{
    struct burn *burn = AS(struct burn, element);

    (void)assembly;
    burn_init(burn, element->name, values[0].integer);
    if (values[1].is_given)
        burn->later_us = values[1].integer;
    burn->after_us = values[2].integer;
    return 0;
}

static const struct parameter null_parameters[] = {
    {"deadline", PARAMETER_SECONDS, .min = 0.000001, .max = MAX_SECONDS},
    {NULL},
};

static int init_null(struct assembly *assembly, struct element *element, const struct value *values)
{
    struct null_sink *null_sink = AS(struct null_sink, element);

    null_sink_init(null_sink, element->name, values[0].integer);
    null_sink->end_codes = assembly->end_codes;
    null_sink->n_slots = assembly->n_slots;
    return 0;
}

static const struct element_kind kinds[] = {
    {"burn", 0, sizeof(struct burn), burn_parameters, init_burn,
     "uses processor time for each frame"},
    {"decode", 0, sizeof(struct limef_decode_filter), decode_parameters, init_decode,
     "packets to pictures or samples"},
    {"dump", 0, sizeof(struct limef_dump_filter), path_parameters, init_dump,
     "a line for each frame"},
    {"encode", 0, sizeof(struct limef_encode_filter), encode_parameters, init_encode,
     "pictures or samples to packets"},
    {"file", ELEMENT_SOURCE, sizeof(struct limef_file_source), file_parameters, init_file,
     "reads a file or URL; file:NAME is short for it"},
    {"framemd5", 0, sizeof(struct limef_framemd5_filter), path_parameters, init_framemd5,
     "a sum of each picture"},
    {"gate", 0, sizeof(struct limef_gate_filter), gate_parameters, init_gate,
     "opens at a key frame"},
    {"jpeg", 0, sizeof(struct limef_snapshot_filter), snapshot_parameters, init_snapshot,
     "the same as snapshot"},
    {"null", ELEMENT_NULL, sizeof(struct null_sink), null_parameters, init_null,
     "takes everything, and notes what came in time"},
    {"pattern", ELEMENT_SOURCE, sizeof(struct pattern), pattern_parameters, init_pattern,
     "makes test pictures"},
    {"scale", 0, sizeof(struct limef_scale_filter), scale_parameters, init_scale,
     "size and pixel format"},
    {"screen", ELEMENT_SCREEN, sizeof(struct limef_presenter), screen_parameters, init_screen,
     "shows all that comes in one grid, on a thread of its own"},
    {"snapshot", 0, sizeof(struct limef_snapshot_filter), snapshot_parameters, init_snapshot,
     "pictures to PNG or JPEG files"},
    {"split", ELEMENT_SPLIT, sizeof(struct limef_split_filter), no_parameters, init_split,
     "the same to several branches"},
    {"statistics", 0, sizeof(struct limef_statistics_filter), no_parameters, init_statistics,
     "counts and measures"},
    {"switch", ELEMENT_SWITCH, sizeof(struct limef_switch_filter), no_parameters, init_switch,
     "one of several inputs, the first at first"},
    {"throttle", 0, sizeof(struct limef_throttle_filter), throttle_parameters, init_throttle,
     "at most so many pictures a second"},
    {"timestamps", 0, sizeof(struct limef_timestamps_filter), no_parameters, init_timestamps,
     "repairs times"},
    {"writer", 0, sizeof(struct limef_writer_filter), writer_parameters, init_writer,
     "packets to a file of any container"},
};

#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

const struct element_kind *element_kind_find(const char *kind)
{
    for (size_t i = 0; i < N_KINDS; i++)
        if (!strcmp(kinds[i].kind, kind))
            return &kinds[i];
    return NULL;
}

void element_kind_list(char *list, size_t list_bytes)
{
    size_t n = 0;

    for (size_t i = 0; i < N_KINDS && n < list_bytes; i++)
        n += (size_t)snprintf(list + n, list_bytes - n, "%s%s", i ? ", " : "", kinds[i].kind);
}

void element_kind_print(FILE *file)
{
    for (size_t i = 0; i < N_KINDS; i++) {
        fprintf(file, "%s", kinds[i].kind);
        for (const struct parameter *p = kinds[i].parameters; p->key; p++)
            fprintf(file, p->is_needed ? " %s" : p->is_positional ? " [%s]" : " [%s=]", p->key);
        fprintf(file, "\n    %s\n", kinds[i].help);
    }
}

void element_clear(struct element *element)
{
    if (element->screen)
        limef_consumer_clear(element->screen);
    for (uint32_t i = 0; element->inputs && i < element->n_inputs; i++)
        limef_filter_clear(&element->inputs[i].filter);
    if (element->filter)
        limef_filter_clear(element->filter);
    if (element->file)
        fclose(element->file);
    free(element->inputs);
    free(element->screen);
    free(element->tiles);
    free(element->path);
    free(element->filter);
    *element = (struct element){0};
}
