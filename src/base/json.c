/* SPDX-License-Identifier: MIT */
#include "base/json.h"

#include "base/utf8.h"

void json_print_string(FILE *file, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    fputc('"', file);
    while (*at) {
        int n = utf8_bytes(at);

        if (!n) {
            fputs("\\ufffd", file);
            at++;
            continue;
        }
        if (*at == '"' || *at == '\\')
            fprintf(file, "\\%c", *at);
        else if (*at < ' ')
            fprintf(file, "\\u%04x", *at);
        else
            fwrite(at, 1, (size_t)n, file);
        at += n;
    }
    fputc('"', file);
}
