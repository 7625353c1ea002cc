/* SPDX-License-Identifier: MIT */
#include "description.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

static struct description description;
static struct description_error error;

TestSuite(description, .timeout = 20);

static void read_good(const char *text)
{
    cr_assert(eq(int, description_read(&description, text, &error), 0), "%s: %u %s", text, error.at,
              error.text);
}

static const struct description_element *element(uint32_t i)
{
    cr_assert(lt(u32, i, description.n_elements));
    return &description.elements[i];
}

static const struct description_argument *argument(uint32_t i, uint32_t n)
{
    cr_assert(lt(u32, n, element(i)->n_arguments));
    return &description.arguments[element(i)->first_argument + n];
}

static void expect_link(uint32_t n, uint32_t from, uint32_t to)
{
    cr_assert(lt(u32, n, description.n_links));
    cr_assert(eq(u32, description.links[n].from, from), "link %u", n);
    cr_assert(eq(u32, description.links[n].to, to), "link %u", n);
}

Test(description, a_chain_is_elements_with_their_arguments)
{
    read_good("file:a.mp4 ! decode threads=2 ! scale 640x360 fit=yes ! null");
    cr_assert(eq(u32, description.n_elements, 4));
    cr_assert(eq(u32, description.n_links, 3));
    cr_assert(eq(str, (char *)element(0)->kind, "file"));
    cr_assert(eq(str, (char *)argument(0, 0)->value, "a.mp4"));
    cr_assert(eq(u32, argument(0, 0)->at, 5));
    cr_assert(eq(str, (char *)argument(1, 0)->key, "threads"));
    cr_assert(eq(str, (char *)argument(1, 0)->value, "2"));
    cr_assert(eq(u32, argument(1, 0)->at, 20));
    cr_assert(eq(u32, argument(1, 0)->value_at, 28));
    cr_assert(eq(ptr, (void *)argument(2, 0)->key, NULL));
    cr_assert(eq(str, (char *)argument(2, 0)->value, "640x360"));
    cr_assert(eq(str, (char *)argument(2, 1)->value, "yes"));
    for (uint32_t i = 0; i < 3; i++)
        expect_link(i, i, i + 1);
}

Test(description, names_are_branches_and_joins_before_and_after_they_are_given)
{
    read_good("file:a ! decode ! split name=s  s. ! scale 640x360 ! m.  s. ! dump\n"
              "file:b ! m.  mosaic name=m ! null");
    cr_assert(eq(u32, description.n_elements, 8));
    cr_assert(eq(str, (char *)element(2)->name, "s"));
    cr_assert(eq(str, (char *)element(6)->kind, "mosaic"));
    cr_assert(eq(u32, element(2)->n_arguments, 0));
    expect_link(0, 0, 1);
    expect_link(1, 1, 2);
    expect_link(2, 2, 3);
    expect_link(3, 3, 6);
    expect_link(4, 2, 4);
    expect_link(5, 5, 6);
    expect_link(6, 6, 7);
    cr_assert(eq(u32, description.links[3].at, 53));
}

Test(description, a_semicolon_a_source_and_a_name_begin_chains)
{
    read_good("pattern ! null; pattern 320x240 ! null file:a.mp4 ! null;");
    cr_assert(eq(u32, description.n_elements, 6));
    cr_assert(eq(u32, description.n_links, 3));
    read_good("rtsp://user@host/x?a=b ! null");
    cr_assert(eq(str, (char *)element(0)->kind, "rtsp"));
    cr_assert(eq(str, (char *)argument(0, 0)->value, "rtsp://user@host/x?a=b"));
    read_good("RTSPS://host/x ! null; http://host/x ! null; file:rtsp://host/x ! null");
    cr_assert(eq(str, (char *)element(0)->kind, "rtsp"));
    cr_assert(eq(str, (char *)element(2)->kind, "file"));
    cr_assert(eq(str, (char *)element(4)->kind, "file"));
    cr_assert(eq(str, (char *)argument(4, 0)->value, "rtsp://host/x"));
    read_good("file:a.mp4!decode!null");
    cr_assert(eq(u32, description.n_links, 2));
    read_good("pattern # what it is\n ! null # where it goes");
    cr_assert(eq(u32, description.n_links, 1));
}

Test(description, quotes_and_backslashes_take_away_what_characters_mean)
{
    read_good("file:\"my film!.mp4\" ! writer 'a b;c.mkv' options=\"x=\\\"1\\\"\" ! jpeg a\\ b");
    cr_assert(eq(str, (char *)argument(0, 0)->value, "my film!.mp4"));
    cr_assert(eq(str, (char *)argument(1, 0)->value, "a b;c.mkv"));
    cr_assert(eq(str, (char *)argument(1, 1)->key, "options"));
    cr_assert(eq(str, (char *)argument(1, 1)->value, "x=\"1\""));
    cr_assert(eq(str, (char *)argument(2, 0)->value, "a b"));
    read_good("writer 's.' 'file:x' \"k=v\" ''");
    cr_assert(eq(u32, description.n_elements, 1));
    cr_assert(eq(u32, element(0)->n_arguments, 4));
    for (uint32_t i = 0; i < 4; i++)
        cr_assert(eq(ptr, (void *)argument(0, i)->key, NULL));
    cr_assert(eq(str, (char *)argument(0, 3)->value, ""));
}

Test(description, what_is_wrong_is_shown_at_its_character)
{
    static const struct {
        const char *text;
        uint32_t at;
        const char *says;
    } cases[] = {
        {"", 0, "nothing"},
        {"  # nothing", 11, "nothing"},
        {"! null", 0, "element is expected"},
        {"file:a !", 8, "element is expected"},
        {"file:a ! ! null", 9, "element is expected"},
        {"file:a ! ;", 9, "element is expected"},
        {"file:a ! Decode", 9, "kind"},
        {"file:a ! decode=3", 9, "not an argument"},
        {"file:a ! x. ! null", 9, "called x"},
        {"s. ! null", 0, "called s"},
        {"pattern ! split name=s s.", 23, "leads nowhere"},
        {"pattern ! split name=S", 21, "not a name"},
        {"pattern ! split name=", 21, "not a name"},
        {"pattern name=a ! null name=a", 27, "another"},
        {"pattern name=a name=b", 15, "twice"},
        {"pattern fps=1 fps=2", 14, "twice"},
        {"file:\"a b ! null", 5, "quote"},
        {"writer 'a", 7, "quote"},
        {"writer \"a\\", 7, "quote"},
        {"writer a\\", 8, "backslash"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_assert(eq(int, description_read(&description, cases[i].text, &error), -1), "%s",
                  cases[i].text);
        cr_assert(eq(u32, error.at, cases[i].at), "%s: %s", cases[i].text, error.text);
        cr_assert(ne(ptr, strstr(error.text, cases[i].says), NULL), "%s: %s", cases[i].text,
                  error.text);
    }
}

static void expect_print(const char *text, uint32_t at, const char *expected)
{
    char *printed = NULL;
    size_t n = 0;
    FILE *file = open_memstream(&printed, &n);

    description_fail(&error, at, "wrong");
    description_print_error(file, text, &error);
    fclose(file);
    cr_assert(eq(str, printed, (char *)expected));
    free(printed);
}

Test(description, an_error_is_printed_with_its_line_and_a_caret)
{
    char line[200], expected[256];

    expect_print("abc", 1, "abc\n ^ wrong\n");
    expect_print("abc", 3, "abc\n   ^ wrong\n");
    expect_print("one\ntwo\nthree", 5, "two\n ^ wrong\n");
    expect_print("a\tb", 2, "a b\n  ^ wrong\n");
    expect_print("\xc3\xa4 b", 3, "\xc3\xa4 b\n  ^ wrong\n"); /* two bytes, one column */
    memset(line, 'x', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\0';
    snprintf(expected, sizeof(expected), "%.100s\n%60s^ wrong\n", line, "");
    expect_print(line, 90, expected);
}

Test(description, what_is_too_much_is_refused)
{
    size_t n = 3 * DESCRIPTION_MAX_BYTES;
    char *text = malloc(n);
    size_t length = 0;

    memset(text, 'a', n - 1);
    text[n - 1] = '\0';
    cr_assert(eq(int, description_read(&description, text, &error), -1));
    text[DESCRIPTION_MAX_BYTES] = '\0';
    read_good(text);

    for (int i = 0; i < DESCRIPTION_MAX_ELEMENTS; i++)
        length += (size_t)snprintf(text + length, n - length, i ? "! b " : "b ");
    read_good(text);
    snprintf(text + length, n - length, "! b");
    cr_assert(eq(int, description_read(&description, text, &error), -1));
    cr_assert(eq(u32, error.at, length + 2));

    length = (size_t)snprintf(text, n, "b ");
    for (int i = 0; i < DESCRIPTION_MAX_ARGUMENTS; i++)
        length += (size_t)snprintf(text + length, n - length, "1 ");
    read_good(text);
    snprintf(text + length, n - length, "1");
    cr_assert(eq(int, description_read(&description, text, &error), -1));

    length = (size_t)snprintf(text, n, "b name=a ");
    for (int i = 0; i < DESCRIPTION_MAX_LINKS / 2; i++)
        length += (size_t)snprintf(text + length, n - length, "a.! a. ");
    read_good(text);
    for (int i = 0; i < DESCRIPTION_MAX_LINKS / 2 + 1; i++)
        length += (size_t)snprintf(text + length, n - length, "a.! a. ");
    cr_assert(eq(int, description_read(&description, text, &error), -1));
    free(text);
}
