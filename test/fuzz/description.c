/* SPDX-License-Identifier: MIT */
/* The description of a graph: any text. What was read holds together; an error is in the text. */
#include "description.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_whole(const struct description *description)
{
    uint32_t n_arguments = 0;

    for (uint32_t i = 0; i < description->n_elements; i++) {
        const struct description_element *element = &description->elements[i];

        check(element->kind && element->kind[0] && element->at < description->n_source);
        check(element->first_argument == n_arguments);
        n_arguments += element->n_arguments;
        for (uint32_t k = element->first_argument; k < n_arguments; k++) {
            const struct description_argument *argument = &description->arguments[k];

            check(argument->value && argument->at <= argument->value_at &&
                  argument->value_at <= description->n_source);
            check(strlen(argument->value) <= description->n_source);
        }
    }
    check(n_arguments == description->n_arguments);
    for (uint32_t i = 0; i < description->n_links; i++)
        check(description->links[i].from < description->n_elements &&
              description->links[i].to < description->n_elements);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct description description;
    struct description_error error;
    char *text = malloc(size + 1);
    FILE *nowhere = fopen("/dev/null", "w");

    if (!text || !nowhere)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    if (description_read(&description, text, &error) == 0) {
        check_whole(&description);
    } else {
        check(error.at <= strlen(text) && error.text[0]);
        description_print_error(nowhere, text, &error);
    }
    fclose(nowhere);
    free(text);
    return 0;
}
