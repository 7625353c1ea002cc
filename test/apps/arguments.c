/* SPDX-License-Identifier: MIT */
#include "arguments.h"

#include <limef/filter/file_source.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

static struct description description;
static struct description_error error;
static struct value values[ARGUMENTS_MAX];

static const struct parameter parameters[] = {
    {"size", PARAMETER_SIZE, .is_positional = true, .min = 16, .max = 4096},
    {"n", PARAMETER_INTEGER, .is_positional = true, .is_needed = true, .min = 1, .max = 100},
    {"rate", PARAMETER_NUMBER, .min = 0.5, .max = 2},
    {"word", PARAMETER_WORD, .words = (const char *const[]){"no", "yes", NULL}},
    {"pace", PARAMETER_PACE},
    {"loop", PARAMETER_REPEAT},
    {"wait", PARAMETER_SECONDS, .max = 10},
    {"path", PARAMETER_TEXT},
    {NULL},
};

TestSuite(arguments, .timeout = 20);

static int read_text(const char *text)
{
    cr_assert(eq(int, description_read(&description, text, &error), 0));
    return arguments_read(&description, 0, parameters, values, &error);
}

Test(arguments, words_become_numbers)
{
    cr_assert(
        eq(int, read_text("x 640x360 5 rate=1.5 word=yes pace=12.5 loop=yes wait=0.25 path=a"), 0),
        "%s", error.text);
    cr_assert(eq(i64, values[0].integer, 640));
    cr_assert(eq(i64, values[0].second, 360));
    cr_assert(eq(i64, values[1].integer, 5));
    cr_assert(eq(dbl, values[2].number, 1.5));
    cr_assert(eq(i64, values[3].integer, 1));
    cr_assert(eq(i64, values[4].integer, 12500));
    cr_assert(eq(i64, values[5].integer, LIMEF_LOOP_FOREVER));
    cr_assert(eq(i64, values[6].integer, 250000));
    cr_assert(eq(str, (char *)values[7].text, "a"));
}

Test(arguments, what_is_not_given_is_zero_and_keys_leave_positions_to_others)
{
    cr_assert(eq(int, read_text("x n=7 320x240 pace=natural loop=no"), 0), "%s", error.text);
    cr_assert(eq(i64, values[0].integer, 320));
    cr_assert(eq(i64, values[1].integer, 7));
    cr_assert(eq(int, values[2].is_given, false));
    cr_assert(eq(dbl, values[2].number, 0));
    cr_assert(eq(i64, values[4].integer, LIMEF_PACE_NATURAL));
    cr_assert(eq(i64, values[5].integer, 0));
    cr_assert(eq(int, read_text("x n=7 pace=fastest loop=3"), 0));
    cr_assert(eq(i64, values[4].integer, LIMEF_PACE_FASTEST));
    cr_assert(eq(i64, values[5].integer, 3));
}

Test(arguments, what_is_wrong_is_shown_at_its_character)
{
    static const struct {
        const char *text;
        uint32_t at;
    } cases[] = {
        {"x", 0},
        {"x 640 5", 2},
        {"x 640x360x 5", 2},
        {"x 8x8 5", 2},
        {"x 9999x9999 5", 2},
        {"x 64x64 0", 8},
        {"x 64x64 101", 8},
        {"x 64x64 1.5", 8},
        {"x 64x64 nan", 8},
        {"x 64x64 5 6", 10},
        {"x 64x64 size=64x64", 8},
        {"x n=5 n2=1", 6},
        {"x n=5 rate=inf", 11},
        {"x n=5 rate=1e", 11},
        {"x n=5 word=maybe", 11},
        {"x n=5 pace=slow", 11},
        {"x n=5 pace=-1", 11},
        {"x n=5 loop=-1", 11},
        {"x n=5 loop=1x", 11},
        {"x n=5 wait=11", 11},
        {"x n=5 path=", 11},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_assert(eq(int, read_text(cases[i].text), -1), "%s", cases[i].text);
        cr_assert(eq(u32, error.at, cases[i].at), "%s: %s", cases[i].text, error.text);
        cr_assert(ne(int, error.text[0], 0));
    }
}
