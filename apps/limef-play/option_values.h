/* SPDX-License-Identifier: MIT */
/*
 * What an option's value is read as, of limef-play and limef-graph. All return 0 or more, or -1: it
 * is no such value, and one line has said so.
 */
#ifndef LIMEF_PLAY_OPTION_VALUES_H
#define LIMEF_PLAY_OPTION_VALUES_H

#include <limef/base/api.h>

#include <getopt.h>
#include <stdio.h>

/* What is being parsed, for messages. */
struct option_parser {
    const char *program;
    const char *name; /* of the option, without -- */
    FILE *errors;     /* NULL: nothing is said */
};

/* Says what is wrong. Returns -1. */
LIMEF_PRINTF(2, 3)
int option_complain(const struct option_parser *parser, const char *format, ...);

/* Returns which of the words, a list that NULL ends, it is. */
int option_word(const struct option_parser *parser, const char *text, const char *const *words);

int option_number(const struct option_parser *parser, const char *text, long long min,
                  long long max, long long *number);

/* With or without a fraction. */
int option_real(const struct option_parser *parser, const char *text, double min, double max,
                double *number);

/* Seconds, with or without a fraction; a year at most. */
int option_seconds(const struct option_parser *parser, const char *text, int64_t *us);

/* Likewise, but not 0 of them: that is what nobody asked for. */
int option_duration(const struct option_parser *parser, const char *text, int64_t *us);

/* Takes one option, whose name the parser has. text: its value; NULL: it has none. */
typedef int option_take_fn(const struct option_parser *parser, void *context, int id,
                           const char *text);

/* Hands the options of a command line on, one after another until one fails; optind is then the
 * first word that is none. flags: those of getopt_long(); -h is the option with the id help. */
int option_read(struct option_parser *parser, int argc, char **argv, const char *flags,
                const struct option *options, int help, option_take_fn *take, void *context);

#endif
