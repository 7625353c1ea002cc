/* SPDX-License-Identifier: MIT */
/*
 * What an element takes, and what it was given: the words of a description as numbers.
 */
#ifndef LIMEF_GRAPH_ARGUMENTS_H
#define LIMEF_GRAPH_ARGUMENTS_H

#include "description.h"

#define ARGUMENTS_MAX 12

enum parameter_type {
    PARAMETER_TEXT,
    PARAMETER_INTEGER, /* min..max */
    PARAMETER_NUMBER,  /* min..max, with a fraction */
    PARAMETER_SECONDS, /* min..max; kept as microseconds in integer */
    PARAMETER_SIZE,    /* 640x360: width in integer, height in second */
    PARAMETER_WORD,    /* one of words; its number in integer */
    PARAMETER_PACE,    /* natural, fastest, or pictures a second; as limef_file_source_settings */
    PARAMETER_REPEAT,  /* yes, no, or how often; in integer, UINT32_MAX: forever */
};

/* Those that are positional come first: words without a key are theirs, in that order. */
struct parameter {
    const char *key; /* NULL ends the list */
    enum parameter_type type;
    bool is_positional, is_needed;
    double min, max;
    const char *const *words; /* ended by NULL */
};

/* What a parameter was given; all-zero: nothing. */
struct value {
    bool is_given;
    const char *text;
    int64_t integer, second;
    double number;
    uint32_t at;
};

/*
 * Reads an element's arguments.
 *
 * values  written; one for each parameter, ARGUMENTS_MAX at most.
 * Returns 0, or -1 and *error.
 */
int arguments_read(const struct description *description, uint32_t element,
                   const struct parameter *parameters, struct value values[ARGUMENTS_MAX],
                   struct description_error *error);

#endif
