/* SPDX-License-Identifier: MIT */
/* Where frames come from. */
#include "assembly.h"
#include "elements_private.h"
#include "passwords.h"
#include "pattern.h"

#include <limef/base/log.h>
#include <limef/filter/file_source.h>
#include <limef/filter/rtsp_source.h>

/* With the password that was given apart from it. */
static int take_url(const struct assembly *assembly, struct element *element, const char *text)
{
    int ret = limef_url_init(&element->url, text);

    if (ret >= 0 && assembly->passwords)
        ret = passwords_give(assembly->passwords, &element->url, element->slot + 1);
    return ret < 0 ? limef_fail(ret, element->name, "its URL") : 0;
}

static const char *const media_words[] = {"both", "video", "audio", NULL};
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
        .options = values[6].text,
        .slot = element->slot,
        .media = values[3].is_given ? (enum limef_media)values[3].integer : LIMEF_MEDIA_VIDEO,
        .pace = (int32_t)values[1].integer,
        .n_loops = (uint32_t)values[2].integer,
        .start_us = values[4].integer,
        .timeout_us = values[5].integer,
    };
    int ret = take_url(assembly, element, values[0].text);

    if (ret < 0)
        return ret;
    settings.url = element->url.whole;
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

static const struct parameter rtsp_parameters[] = {
    {"url", PARAMETER_TEXT, .is_positional = true, .is_needed = true},
    {"transport", PARAMETER_WORD, .words = (const char *const[]){"auto", "tcp", "udp", NULL}},
    {"media", PARAMETER_WORD, .words = media_words},
    {"timeout", PARAMETER_SECONDS, .min = 0.1, .max = MAX_SECONDS},
    {"reconnect", PARAMETER_WORD, .words = yes_no_words},
    {"damaged", PARAMETER_WORD, .words = yes_no_words},
    {"hold", PARAMETER_WORD, .words = yes_no_words},
    {"ca", PARAMETER_TEXT},
    {"fingerprint", PARAMETER_TEXT},
    {"verify", PARAMETER_WORD, .words = yes_no_words},
    {NULL},
};

/* A camera, with what it needs for as long as it is there. */
struct camera {
    struct limef_rtsp_source source;
    struct limef_rtsp_tls_settings tls;
};

static int init_rtsp(struct assembly *assembly, struct element *element, const struct value *values)
{
    struct camera *camera = AS(struct camera, element);
    struct limef_rtsp_source_settings settings = {
        .slot = element->slot,
        .transport = (enum limef_rtsp_transport)values[1].integer,
        .media = values[2].is_given ? (enum limef_media)values[2].integer : LIMEF_MEDIA_VIDEO,
        .timeout_us = values[3].integer,
        .once = values[4].is_given && !values[4].integer,
        .shows_damage = values[5].integer,
        .tls = &camera->tls,
    };
    int ret = take_url(assembly, element, values[0].text);

    if (ret < 0)
        return ret;
    settings.url = element->url.whole;
    camera->tls = (struct limef_rtsp_tls_settings){
        .ca_file = values[7].text,
        .fingerprint = values[8].text,
        .unverified = values[9].is_given && !values[9].integer,
    };
    ret = limef_rtsp_source_init(&camera->source, element->name, &settings);
    if (ret >= 0 && values[6].integer)
        limef_rtsp_source_hold(&camera->source);
    return ret;
}

const struct element_kind element_file = {
    "file",          ELEMENT_SOURCE, sizeof(struct limef_file_source),
    file_parameters, init_file,      "reads a file or URL; file:NAME is short for it"};

const struct element_kind element_pattern = {
    "pattern",          ELEMENT_SOURCE, sizeof(struct pattern),
    pattern_parameters, init_pattern,   "makes test pictures"};

const struct element_kind element_rtsp = {
    "rtsp",
    ELEMENT_SOURCE | ELEMENT_CAMERA,
    sizeof(struct camera),
    rtsp_parameters,
    init_rtsp,
    "a camera, by the library's own RTSP; rtsp://... and rtsps://... are short for it"};
