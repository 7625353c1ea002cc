/* SPDX-License-Identifier: MIT */
#include "json.h"

#include <inttypes.h>
#include <libavutil/avstring.h>
#include <string.h>

/* File names may be any bytes, JSON is UTF-8: what is not becomes U+FFFD. */
static void put_text(FILE *file, const char *text)
{
    const uint8_t *at = (const uint8_t *)text, *end = at + strlen(text);

    fputc('"', file);
    while (at < end) {
        const uint8_t *begin = at;
        int32_t code;

        if (av_utf8_decode(&code, &at, end, 0) < 0)
            fputs("\\ufffd", file);
        else if (code < 0x20)
            fprintf(file, "\\u%04x", (unsigned)code);
        else {
            if (code == '"' || code == '\\')
                fputc('\\', file);
            fwrite(begin, 1, (size_t)(at - begin), file);
        }
    }
    fputc('"', file);
}

static void put_key(struct json *json, const char *key)
{
    if (json->comma)
        fputc(',', json->file);
    if (key) {
        put_text(json->file, key);
        fputc(':', json->file);
    }
    json->comma = true;
}

void json_open(struct json *json, const char *key, char bracket)
{
    put_key(json, key);
    fputc(bracket, json->file);
    json->comma = false;
}

void json_close(struct json *json, char bracket)
{
    fputc(bracket, json->file);
    json->comma = true;
}

void json_string(struct json *json, const char *key, const char *text)
{
    put_key(json, key);
    put_text(json->file, text);
}

void json_integer(struct json *json, const char *key, int64_t number)
{
    put_key(json, key);
    fprintf(json->file, "%" PRId64, number);
}

void json_decimal(struct json *json, const char *key, double number)
{
    put_key(json, key);
    fprintf(json->file, "%.3f", number);
}

void json_null(struct json *json, const char *key)
{
    put_key(json, key);
    fputs("null", json->file);
}
