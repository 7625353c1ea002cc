/* SPDX-License-Identifier: MIT */
/*
 * Writes one JSON value to a file, in one line (RFC 8259).
 */
#ifndef LIMEF_PLAY_JSON_H
#define LIMEF_PLAY_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Where it is written and whether a comma is due. */
struct json {
    FILE *file;
    bool comma;
};

/* `key` is NULL inside arrays, and for the outermost value. */
void json_open(struct json *json, const char *key, char bracket);
void json_close(struct json *json, char bracket);
void json_string(struct json *json, const char *key, const char *text);
void json_integer(struct json *json, const char *key, int64_t number);
void json_decimal(struct json *json, const char *key, double number);
void json_null(struct json *json, const char *key);

#endif
