/* SPDX-License-Identifier: MIT */
#include "base/words.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

Test(words, the_same_words_are_kept_once)
{
    const char *first = words_keep("no %s with modifier 0x%x", "NV12", 7u);

    cr_assert(eq(str, (char *)first, "no NV12 with modifier 0x7"));
    cr_assert(ne(ptr, (void *)words_keep("others"), (void *)first));
    cr_assert(eq(ptr, (void *)words_keep("no NV12 with modifier 0x7"), (void *)first));
}

Test(words, what_is_too_long_is_cut)
{
    char words[2 * WORDS_BYTES];

    memset(words, 'w', sizeof(words) - 1);
    words[sizeof(words) - 1] = '\0';
    cr_assert(eq(sz, strlen(words_keep("%s", words)), WORDS_BYTES - 1));
}

Test(words, what_is_too_much_is_said_in_general)
{
    const char *first = words_keep("words 0"), *last = NULL;

    for (int i = 0; i < 2 * WORDS_MAX; i++)
        last = words_keep("words %d", i);
    cr_assert(eq(str, (char *)last, "for a reason that the log has"));
    cr_assert(eq(str, (char *)first, "words 0"));
}
