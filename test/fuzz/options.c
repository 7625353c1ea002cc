/* SPDX-License-Identifier: MIT */
/*
 * The option parser of limef-play: each line of the input is an argument; what follows an empty
 * line is a list of URLs on standard input.
 */
#include "limef-play/options.h"

#include <stdlib.h>
#include <string.h>

#define MAX_ARGUMENTS 300 /* more than there may be URLs */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

static void read_urls(struct play_options *options, char *list)
{
    FILE *file = *list ? fmemopen(list, strlen(list), "r") : NULL;
    char *memory = NULL;

    if (!file)
        return;
    play_options_read_urls(options, file, &memory);
    free(memory);
    fclose(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    static FILE *errors;
    static struct play_options options;
    char *arguments[MAX_ARGUMENTS + 1] = {(char[]){"limef-play"}};
    char *text = malloc(n_bytes + 1), *rest = text, *line;
    int n = 1;

    if (!errors)
        errors = fopen("/dev/null", "w");
    if (!text)
        return 0;
    memcpy(text, data, n_bytes);
    text[n_bytes] = '\0';
    while (n < MAX_ARGUMENTS && (line = strsep(&rest, "\n")) && *line)
        arguments[n++] = line;
    if (play_options_parse(&options, n, arguments, errors) == 0 && rest)
        read_urls(&options, rest);
    free(text);
    return 0;
}
