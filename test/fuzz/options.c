/* SPDX-License-Identifier: MIT */
/* The option parsers of limef-play and limef-graph on any bytes: words end at NUL. */
#include "limef-graph/options.h"
#include "limef-play/options.h"

#include <stdlib.h>
#include <string.h>

#define MAX_WORDS 40

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Parsing permutes argv. */
static void parse_graph(int argc, char *const *words)
{
    static struct graph_options options;
    char *argv[MAX_WORDS + 1] = {(char[]){"limef-graph"}};

    memcpy(argv + 1, words + 1, (size_t)(argc - 1) * sizeof(*argv));
    graph_options_parse(&options, argc, argv, NULL);
    graph_options_clear(&options);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct play_options options;
    char *text = malloc(size + 1), *argv[MAX_WORDS + 1] = {(char[]){"limef-play"}};
    char *memory = NULL;
    FILE *file;
    int argc = 1;

    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    for (size_t i = 0; i < size && argc < MAX_WORDS; i += strlen(text + i) + 1)
        argv[argc++] = text + i;
    parse_graph(argc, argv);
    play_options_parse(&options, argc, argv, NULL);
    file = size ? fmemopen(text, size, "r") : NULL;
    if (file) {
        play_options_read_urls(&options, file, &memory);
        fclose(file);
    }
    free(memory);
    free(text);
    return 0;
}
