/* SPDX-License-Identifier: MIT */
#include "arguments.h"

#include <limef/filter/file_source.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Writes "a, b, c". */
static void list_keys(const struct parameter *parameters, char *list, size_t list_bytes)
{
    size_t n = 0;

    list[0] = '\0';
    for (; parameters->key && n < list_bytes; parameters++)
        n += (size_t)snprintf(list + n, list_bytes - n, "%s%s", n ? ", " : "", parameters->key);
}

static void list_words(const char *const *words, char *list, size_t list_bytes)
{
    size_t n = 0;

    list[0] = '\0';
    for (; *words && n < list_bytes; words++)
        n += (size_t)snprintf(list + n, list_bytes - n, "%s%s", n ? ", " : "", *words);
}

static int read_number(const struct parameter *parameter, struct value *value,
                       struct description_error *error)
{
    char *end;
    double number = strtod(value->text, &end);
    bool is_whole = parameter->type == PARAMETER_INTEGER;

    if (end == value->text || *end || !(number >= parameter->min && number <= parameter->max) ||
        (is_whole && number != (double)(int64_t)number))
        return description_fail(error, value->at, "%s: not a %s from %g to %g", parameter->key,
                                is_whole ? "whole number" : "number", parameter->min,
                                parameter->max);
    value->number = number;
    value->integer = (int64_t)(parameter->type == PARAMETER_SECONDS ? number * 1e6 : number);
    return 0;
}

static int read_size(const struct parameter *parameter, struct value *value,
                     struct description_error *error)
{
    int width, height, end = 0;

    if (sscanf(value->text, "%5dx%5d%n", &width, &height, &end) != 2 || value->text[end] ||
        width < parameter->min || height < parameter->min || width > parameter->max ||
        height > parameter->max)
        return description_fail(error, value->at, "%s: not a size such as 640x360", parameter->key);
    value->integer = width;
    value->second = height;
    return 0;
}

static int read_word(const struct parameter *parameter, struct value *value,
                     struct description_error *error)
{
    char list[100];

    for (int i = 0; parameter->words[i]; i++)
        if (!strcmp(parameter->words[i], value->text)) {
            value->integer = i;
            return 0;
        }
    list_words(parameter->words, list, sizeof(list));
    return description_fail(error, value->at, "%s: not one of %s", parameter->key, list);
}

static int read_pace(const struct parameter *parameter, struct value *value,
                     struct description_error *error)
{
    char *end;
    double rate;

    value->integer = LIMEF_PACE_NATURAL;
    if (!strcmp(value->text, "natural"))
        return 0;
    value->integer = LIMEF_PACE_FASTEST;
    if (!strcmp(value->text, "fastest"))
        return 0;
    rate = strtod(value->text, &end);
    if (end == value->text || *end || !(rate >= 0.001 && rate <= 100000))
        return description_fail(error, value->at, "%s: not natural, fastest, or pictures a second",
                                parameter->key);
    value->integer = (int64_t)(rate * 1000);
    return 0;
}

static int read_repeat(const struct parameter *parameter, struct value *value,
                       struct description_error *error)
{
    char *end;
    long n;

    value->integer = LIMEF_LOOP_FOREVER;
    if (!strcmp(value->text, "yes"))
        return 0;
    value->integer = 0;
    if (!strcmp(value->text, "no"))
        return 0;
    n = strtol(value->text, &end, 10);
    if (end == value->text || *end || n < 0 || n >= INT32_MAX)
        return description_fail(error, value->at, "%s: not yes, no, or a number", parameter->key);
    value->integer = n;
    return 0;
}

static int read_value(const struct parameter *parameter, struct value *value,
                      struct description_error *error)
{
    switch (parameter->type) {
    case PARAMETER_TEXT:
        return *value->text ? 0
                            : description_fail(error, value->at, "%s: is empty", parameter->key);
    case PARAMETER_INTEGER:
    case PARAMETER_NUMBER:
    case PARAMETER_SECONDS:
        return read_number(parameter, value, error);
    case PARAMETER_SIZE:
        return read_size(parameter, value, error);
    case PARAMETER_WORD:
        return read_word(parameter, value, error);
    case PARAMETER_PACE:
        return read_pace(parameter, value, error);
    default:
        return read_repeat(parameter, value, error);
    }
}

/* Whose an argument is. Returns its number, or -1 and *error. */
static int find_parameter(const struct description_argument *argument, const char *kind,
                          const struct parameter *parameters, const struct value *values,
                          struct description_error *error)
{
    char list[100];

    for (int i = 0; parameters[i].key; i++)
        if (argument->key ? !strcmp(parameters[i].key, argument->key)
                          : parameters[i].is_positional && !values[i].is_given)
            return i;
    list_keys(parameters, list, sizeof(list));
    if (argument->key)
        return description_fail(error, argument->at, "%.30s has no %.30s=%s%s", kind, argument->key,
                                *list ? "; it has " : "", list);
    return description_fail(error, argument->at, "%.30s does not take this%s%s", kind,
                            *list ? "; it takes " : "", list);
}

int arguments_read(const struct description *description, uint32_t element,
                   const struct parameter *parameters, struct value values[ARGUMENTS_MAX],
                   struct description_error *error)
{
    const struct description_element *what = &description->elements[element];

    for (int i = 0; i < ARGUMENTS_MAX; i++)
        values[i] = (struct value){0};
    for (uint32_t n = 0; n < what->n_arguments; n++) {
        const struct description_argument *argument =
            &description->arguments[what->first_argument + n];
        int i = find_parameter(argument, what->kind, parameters, values, error);

        if (i < 0)
            return -1;
        if (values[i].is_given)
            return description_fail(error, argument->at, "%s is given twice", parameters[i].key);
        values[i].is_given = true;
        values[i].text = argument->value;
        values[i].at = argument->value_at;
        if (read_value(&parameters[i], &values[i], error) < 0)
            return -1;
    }
    for (int i = 0; parameters[i].key; i++)
        if (parameters[i].is_needed && !values[i].is_given)
            return description_fail(error, what->at, "%.30s needs a %s", what->kind,
                                    parameters[i].key);
    return 0;
}
