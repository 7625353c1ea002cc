/* SPDX-License-Identifier: MIT */
#include "json.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>

Test(json, writes_nested_values_with_commas_where_they_belong)
{
    char *text = NULL;
    size_t bytes = 0;
    struct json json = {.file = open_memstream(&text, &bytes)};

    json_open(&json, NULL, '{');
    json_integer(&json, "a", -1);
    json_open(&json, "b", '[');
    json_open(&json, NULL, '{');
    json_close(&json, '}');
    json_decimal(&json, NULL, 0.5);
    json_close(&json, ']');
    json_null(&json, "c");
    json_close(&json, '}');
    fclose(json.file);
    cr_assert(eq(str, text, "{\"a\":-1,\"b\":[{},0.500],\"c\":null}"));
    free(text);
}

Test(json, escapes_what_is_special_and_replaces_what_is_not_utf8)
{
    char *text = NULL;
    size_t bytes = 0;
    struct json json = {.file = open_memstream(&text, &bytes)};

    json_string(&json, NULL, "\"\\\n\x01 \xc3\xa4 \xff");
    fclose(json.file);
    cr_assert(eq(str, text, "\"\\\"\\\\\\u000a\\u0001 \xc3\xa4 \\ufffd\""));
    free(text);
}
