/* SPDX-License-Identifier: MIT */
/*
 * Calls of a library that fail when a test asks for it: a variable of the environment says
 * "function=n" (its n-th call alone) or "function=n+" (all from the n-th on), several of them
 * separated by blanks; "?" has each call named on standard error. The wrappers below are built into
 * a stand-in for the library.
 */
#ifndef LIMEF_TEST_FAULT_FAILING_H
#define LIMEF_TEST_FAULT_FAILING_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whether this call, the n-th of the function, is to fail. */
static inline bool failing_is_asked(const char *variable, const char *function, unsigned n)
{
    const char *asked = getenv(variable);
    size_t length = strlen(function);

    if (asked && !strcmp(asked, "?"))
        fprintf(stderr, "call: %s\n", function);
    for (; asked && *asked; asked = strchr(asked, ' ') ? strchr(asked, ' ') + 1 : "") {
        char *end;
        unsigned long first;

        if (strncmp(asked, function, length) || asked[length] != '=')
            continue;
        first = strtoul(asked + length + 1, &end, 10);
        if (*end == '+' ? n >= first : n == first) {
            fprintf(stderr, "fault: %s fails at call %u\n", function, n);
            return true;
        }
    }
    return false;
}

#endif
