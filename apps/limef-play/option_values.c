/* SPDX-License-Identifier: MIT */
#include "option_values.h"

#include <limef/base/redact.h>

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Largest number of seconds that an option takes: a year. */
#define MAX_SECONDS 31536000.0

/* What was typed may be a URL: an option's value that was forgotten takes it. */
int option_complain(const struct option_parser *parser, const char *format, ...)
{
    char *line = NULL, shown[1024];
    va_list arguments;
    int n;

    if (!parser->errors)
        return -1;
    va_start(arguments, format);
    n = vasprintf(&line, format, arguments);
    va_end(arguments);
    limef_redact(shown, sizeof(shown), n < 0 ? "not understood" : line);
    fprintf(parser->errors, "%s: %s; see %s --help\n", parser->program, shown, parser->program);
    if (n >= 0)
        free(line);
    return -1;
}

int option_word(const struct option_parser *parser, const char *text, const char *const *words)
{
    char list[80] = "";

    for (int i = 0; words[i]; i++) {
        if (!strcmp(text, words[i]))
            return i;
        if (i)
            strncat(list, ", ", sizeof(list) - strlen(list) - 1);
        strncat(list, words[i], sizeof(list) - strlen(list) - 1);
    }
    return option_complain(parser, "--%s=%s: not one of %s", parser->name, text, list);
}

int option_number(const struct option_parser *parser, const char *text, long long min,
                  long long max, long long *number)
{
    char *end;

    errno = 0;
    *number = strtoll(text, &end, 10);
    if (end == text || *end || errno || *number < min || *number > max)
        return option_complain(parser, "--%s=%s: not a number from %lld to %lld", parser->name,
                               text, min, max);
    return 0;
}

int option_real(const struct option_parser *parser, const char *text, double min, double max,
                double *number)
{
    char *end;

    *number = strtod(text, &end);
    if (end == text || *end || !(*number >= min && *number <= max))
        return option_complain(parser, "--%s=%s: not a number from %g to %g", parser->name, text,
                               min, max);
    return 0;
}

int option_seconds(const struct option_parser *parser, const char *text, int64_t *us)
{
    char *end;
    double seconds = strtod(text, &end);

    if (end == text || *end || !(seconds >= 0) || seconds > MAX_SECONDS)
        return option_complain(parser, "--%s=%s: not a number of seconds", parser->name, text);
    *us = (int64_t)(seconds * 1e6);
    return 0;
}

int option_duration(const struct option_parser *parser, const char *text, int64_t *us)
{
    if (option_seconds(parser, text, us) < 0)
        return -1;
    return *us ? 0 : option_complain(parser, "--%s=%s: nothing", parser->name, text);
}

static const char *name_of(const struct option *options, int id)
{
    while (options->name && options->val != id)
        options++;
    return options->name;
}

int option_read(struct option_parser *parser, int argc, char **argv, const char *flags,
                const struct option *options, int help, option_take_fn *take, void *context)
{
    int id, ret = 0;

    optind = 0; /* glibc: start anew */
    opterr = 0;
    while (!ret && (id = getopt_long(argc, argv, flags, options, NULL)) != -1) {
        const char *word = optind > 0 && optind <= argc ? argv[optind - 1] : "";

        if (id == ':')
            return option_complain(parser, "%s: a value is missing", word);
        if (id == '?')
            return option_complain(parser, "%s: no such option", word);
        id = id == 'h' ? help : id;
        parser->name = name_of(options, id);
        ret = take(parser, context, id, optarg);
    }
    return ret;
}
