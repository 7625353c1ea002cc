/* SPDX-License-Identifier: MIT */
/*
 * What the files of elements share.
 */
#ifndef LIMEF_GRAPH_ELEMENTS_PRIVATE_H
#define LIMEF_GRAPH_ELEMENTS_PRIVATE_H

#include "elements.h"

#define MAX_SIDE 16384
#define MAX_SECONDS 31536000.0

/* The filter as what it is. */
#define AS(type, element) ((type *)(void *)(element)->filter)

extern const char *const yes_no_words[];
extern const struct parameter no_parameters[];

/* elements_ends.c */
extern const struct element_kind element_dump;
extern const struct element_kind element_export;
extern const struct element_kind element_framemd5;
extern const struct element_kind element_jpeg;
extern const struct element_kind element_screen;
extern const struct element_kind element_snapshot;
extern const struct element_kind element_statistics;
extern const struct element_kind element_timestamps;
extern const struct element_kind element_writer;

/* elements_sources.c */
extern const struct element_kind element_file;
extern const struct element_kind element_pattern;
extern const struct element_kind element_rtsp;

#endif
