/* SPDX-License-Identifier: MIT */
#include "assembly.h"
#include "burn.h"
#include "elements_private.h"
#include "null.h"

#include <limef/filter/decode.h>
#include <limef/filter/encode.h>
#include <limef/filter/gate.h>
#include <limef/filter/gop_cache.h>
#include <limef/filter/latency.h>
#include <limef/filter/mosaic.h>
#include <limef/filter/scale.h>
#include <limef/filter/split.h>
#include <limef/filter/throttle.h>

#include <libavutil/error.h>
#include <limef/base/log.h>
#include <stdlib.h>
#include <string.h>

const char *const yes_no_words[] = {"no", "yes", NULL};
const struct parameter no_parameters[] = {{NULL}};

static const char *const track_words[] = {"video", "audio", NULL};

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
        .team = &assembly->team,
    };

    return limef_scale_filter_init(AS(struct limef_scale_filter, element), element->name,
                                   &settings);
}

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

static const struct parameter gop_cache_parameters[] = {
    {"bytes", PARAMETER_INTEGER, .is_positional = true, .min = 1, .max = 1e12},
    {"seconds", PARAMETER_SECONDS, .min = 0.001, .max = MAX_SECONDS},
    {NULL},
};

static int init_gop_cache(struct assembly *assembly, struct element *element,
                          const struct value *values)
{
    struct limef_gop_cache_settings settings = {
        .max_bytes = (size_t)values[0].integer,
        .max_us = values[1].integer,
    };

    (void)assembly;
    limef_gop_cache_filter_init(AS(struct limef_gop_cache_filter, element), element->name,
                                &settings);
    return 0;
}

static const struct parameter latency_parameters[] = {
    {"budget", PARAMETER_SECONDS, .is_positional = true, .min = 0.001, .max = MAX_SECONDS},
    {NULL},
};

static int init_latency(struct assembly *assembly, struct element *element,
                        const struct value *values)
{
    (void)assembly;
    limef_latency_filter_init(AS(struct limef_latency_filter, element), element->name,
                              values[0].integer);
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

static const struct parameter mosaic_parameters[] = {
    {"size", PARAMETER_SIZE, .is_positional = true, .min = 16, .max = MAX_SIDE},
    {"fps", PARAMETER_NUMBER, .min = 0.001, .max = 1000},
    {NULL},
};

static int init_mosaic(struct assembly *assembly, struct element *element,
                       const struct value *values)
{
    struct limef_mosaic_settings settings = {
        .width = (int)values[0].integer,
        .height = (int)values[0].second,
        .interval_us = values[1].is_given ? (int64_t)(1e6 / values[1].number) : 0,
        .team = &assembly->team,
        .slot = element->slot,
    };

    element->cells = calloc(assembly->n_sources, sizeof(struct limef_mosaic_cell));
    if (!element->cells)
        return limef_fail(AVERROR(ENOMEM), element->name, "%u cells", assembly->n_sources);
    return limef_mosaic_filter_init(AS(struct limef_mosaic_filter, element), element->name,
                                    element->cells, assembly->n_sources, &settings);
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

static const struct element_kind element_burn = {
    "burn",          0,         sizeof(struct burn),
    burn_parameters, init_burn, "uses processor time for each frame"};

static const struct element_kind element_decode = {
    "decode",          0,           sizeof(struct limef_decode_filter),
    decode_parameters, init_decode, "packets to pictures or samples"};

static const struct element_kind element_encode = {
    "encode",          0,           sizeof(struct limef_encode_filter),
    encode_parameters, init_encode, "pictures or samples to packets"};

static const struct element_kind element_gate = {
    "gate",          0,         sizeof(struct limef_gate_filter),
    gate_parameters, init_gate, "opens at a key frame"};

static const struct element_kind element_gop_cache = {
    "gopcache",
    0,
    sizeof(struct limef_gop_cache_filter),
    gop_cache_parameters,
    init_gop_cache,
    "keeps packets since the key frame for who joins the split behind it later"};

static const struct element_kind element_latency = {"latency",
                                                    0,
                                                    sizeof(struct limef_latency_filter),
                                                    latency_parameters,
                                                    init_latency,
                                                    "drops what is live and later than a budget"};

static const struct element_kind element_mosaic = {
    "mosaic",
    ELEMENT_MOSAIC | ELEMENT_TEAM,
    sizeof(struct limef_mosaic_filter),
    mosaic_parameters,
    init_mosaic,
    "composes all that comes in one grid, in memory"};

static const struct element_kind element_null = {
    "null",          ELEMENT_NULL, sizeof(struct null_sink),
    null_parameters, init_null,    "takes everything, and notes what came in time"};

static const struct element_kind element_scale = {
    "scale",          ELEMENT_TEAM, sizeof(struct limef_scale_filter),
    scale_parameters, init_scale,   "size and pixel format"};

static const struct element_kind element_split = {
    "split",       ELEMENT_SPLIT, sizeof(struct limef_split_filter),
    no_parameters, init_split,    "the same to several branches"};

static const struct element_kind element_switch = {
    "switch",      ELEMENT_SWITCH, sizeof(struct limef_switch_filter),
    no_parameters, init_switch,    "one of several inputs, the first at first"};

static const struct element_kind element_throttle = {"throttle",
                                                     0,
                                                     sizeof(struct limef_throttle_filter),
                                                     throttle_parameters,
                                                     init_throttle,
                                                     "at most so many pictures a second"};

static const struct element_kind *const kinds[] = {
    &element_burn,      &element_decode,   &element_dump,       &element_encode,
    &element_export,    &element_file,     &element_framemd5,   &element_gate,
    &element_gop_cache, &element_jpeg,     &element_latency,    &element_mosaic,
    &element_null,      &element_pattern,  &element_rtsp,       &element_scale,
    &element_screen,    &element_snapshot, &element_split,      &element_statistics,
    &element_switch,    &element_throttle, &element_timestamps, &element_writer,
};

#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

const struct element_kind *element_kind_find(const char *kind)
{
    for (size_t i = 0; i < N_KINDS; i++)
        if (!strcmp(kinds[i]->kind, kind))
            return kinds[i];
    return NULL;
}

void element_kind_list(char *list, size_t list_bytes)
{
    size_t n = 0;

    for (size_t i = 0; i < N_KINDS && n < list_bytes; i++)
        n += (size_t)snprintf(list + n, list_bytes - n, "%s%s", i ? ", " : "", kinds[i]->kind);
}

void element_kind_print(FILE *file)
{
    for (size_t i = 0; i < N_KINDS; i++) {
        fprintf(file, "%s", kinds[i]->kind);
        for (const struct parameter *p = kinds[i]->parameters; p->key; p++)
            fprintf(file, p->is_needed ? " %s" : p->is_positional ? " [%s]" : " [%s=]", p->key);
        fprintf(file, "\n    %s\n", kinds[i]->help);
    }
}

bool element_finish(const struct assembly *assembly, struct element *element)
{
    if (element->file && (fflush(element->file) != 0 || ferror(element->file))) {
        limef_log(LIMEF_LOG_ERROR, element->name, "not all of the file could be written");
        return false;
    }
    return !element->kind->finish || element->kind->finish(assembly, element);
}

void element_clear(struct element *element)
{
    for (uint32_t i = 0; element->inputs && i < element->n_inputs; i++)
        limef_filter_clear(&element->inputs[i].filter);
    if (element->filter)
        limef_filter_clear(element->filter);
    if (element->file)
        fclose(element->file);
    free(element->inputs);
    free(element->tiles);
    free(element->cells);
    free(element->path);
    free(element->filter);
    limef_url_clear(&element->url);
    *element = (struct element){0};
}
