/* SPDX-License-Identifier: MIT */
/*
 * The language in which a graph is described: "file:a.mp4 ! decode ! split name=s  s. ! dump".
 * doc/limef-graph.md has its grammar. What the elements mean is not known here.
 */
#ifndef LIMEF_GRAPH_DESCRIPTION_H
#define LIMEF_GRAPH_DESCRIPTION_H

#include <limef/base/api.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define DESCRIPTION_MAX_BYTES 65536
#define DESCRIPTION_MAX_ELEMENTS 1024
#define DESCRIPTION_MAX_ARGUMENTS 4096
#define DESCRIPTION_MAX_LINKS 2048

/* What a word says to an element. */
struct description_argument {
    const char *key; /* NULL: by its position */
    const char *value;
    uint32_t at, value_at; /* where it and its value begin in the description */
};

/* A filter of the graph. */
struct description_element {
    const char *kind;
    const char *name; /* as given with name=; NULL: none */
    uint32_t at;
    uint32_t first_argument, n_arguments;
};

/* One element passes to another. */
struct description_link {
    uint32_t from, to; /* elements */
    uint32_t at;       /* of the second one, as it is written in this chain */
};

/* What is wrong, and where. */
struct description_error {
    uint32_t at;
    char text[256];
};

/* A description that was read. Large: not for the stack. */
struct description {
    struct description_element elements[DESCRIPTION_MAX_ELEMENTS];
    struct description_argument arguments[DESCRIPTION_MAX_ARGUMENTS];
    struct description_link links[DESCRIPTION_MAX_LINKS];
    uint32_t n_elements, n_arguments, n_links;

    /* while it is read */
    const char *source;
    size_t n_source, position;
    struct description_error *error;
    uint32_t n_text;
    char text[2 * DESCRIPTION_MAX_BYTES]; /* unquoted words, each ended by 0 */
    struct {
        const char *name;
        uint32_t at;
    } references[DESCRIPTION_MAX_LINKS]; /* a link's end that is a name, until all are known */
    uint32_t n_references;
};

/*
 * Reads a description.
 *
 * description  written; holds no pointer into text.
 * error        written if it is wrong.
 * Returns 0, or -1.
 */
int description_read(struct description *description, const char *text,
                     struct description_error *error);

/* Notes what is wrong, for whoever looks at the elements. Returns -1. */
int description_fail(struct description_error *error, uint32_t at, const char *format, ...)
    LIMEF_PRINTF(3, 4);

/* Prints the line in which the error is, a caret under the character, and what is wrong. */
void description_print_error(FILE *file, const char *text, const struct description_error *error);

#endif
