/* SPDX-License-Identifier: MIT */
/*
 * What the words of a description stand for: kinds of filters, and how they are made.
 */
#ifndef LIMEF_GRAPH_ELEMENTS_H
#define LIMEF_GRAPH_ELEMENTS_H

#include "arguments.h"

#include <limef/base/url.h>
#include <limef/filter/switch.h>
#include <limef/thread/consumer.h>
#include <limef/thread/producer.h>

struct assembly;
struct element;

enum element_trait {
    ELEMENT_SOURCE = 1 << 0, /* nothing leads to it */
    ELEMENT_SPLIT = 1 << 1,  /* has more than one output */
    ELEMENT_SWITCH = 1 << 2, /* each connection to it is another input */
    ELEMENT_NULL = 1 << 3,   /* is a struct null_sink */
    ELEMENT_SCREEN = 1 << 4, /* a presenter */
    ELEMENT_MOSAIC = 1 << 5, /* what comes out is a slot of its own */
    ELEMENT_TEAM = 1 << 6,   /* takes the assembly's team */
    ELEMENT_CAMERA = 1 << 7, /* begins with a struct limef_rtsp_source */
};

struct element_kind {
    const char *kind;
    unsigned traits;
    size_t bytes; /* of the filter's struct; the filter is its first member */
    const struct parameter *parameters;
    /* Returns 0 or a negative AVERROR code, logged. */
    int (*init)(struct assembly *assembly, struct element *element, const struct value *values);
    const char *help; /* for people: what it does */
    /* Ends what is written, once nothing runs. Returns whether all of it was; NULL: it always is.
     */
    bool (*finish)(const struct assembly *assembly, struct element *element);
};

/* Where a search for circles is. */
enum element_visit {
    ELEMENT_NOT_SEEN,
    ELEMENT_ON_THE_WAY,
    ELEMENT_SEEN,
};

/* A filter of the assembly. */
struct element {
    const struct element_kind *kind;
    char name[44];
    struct limef_filter *filter; /* owned */
    uint32_t slot;               /* of a source or mosaic */
    uint32_t n_inputs, n_outputs;
    uint32_t n_connected; /* of a switch's inputs */
    uint32_t level;       /* longest way from a source */
    enum element_visit visit;
    uint32_t n_ends;                   /* END signals that will come to it */
    uint32_t behind;                   /* of a null that was added: whose end it is */
    uint32_t at;                       /* in the description */
    char *path;                        /* owned; NULL: none */
    struct limef_url url;              /* of a source that has one; owned */
    FILE *file;                        /* owned; NULL: none */
    struct limef_switch_input *inputs; /* of a switch; owned */
    void *tiles;                       /* of a presenter; owned */
    void *cells;                       /* of a mosaic; owned */
};

/* The kind of that name; NULL: there is none. */
const struct element_kind *element_kind_find(const char *kind);

/* Names of all kinds, "a, b, c". */
void element_kind_list(char *list, size_t list_bytes);

/* Prints the kinds with their arguments, for --elements. */
void element_kind_print(FILE *file);

/* Ends what an element writes, once nothing runs. Returns whether all of it was written; what was
 * not has been logged. */
bool element_finish(const struct assembly *assembly, struct element *element);

/* Releases what an element owns. */
void element_clear(struct element *element);

#endif
