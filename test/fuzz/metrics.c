/* SPDX-License-Identifier: MIT */
/* Any bytes as a request, and as what a label and a help text hold: each line is still a line. */
#include "metrics/metrics_private.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES 8192

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* "m{l="..."} 7": what is between the quotes ends at the first that is not escaped. */
static void check_sample(const char *line, const char *end)
{
    static const char begin[] = "m{l=\"", rest[] = "\"} 7";

    if ((size_t)(end - line) < sizeof(begin) - 1 || memcmp(line, begin, sizeof(begin) - 1) != 0)
        abort();
    line += sizeof(begin) - 1;
    while (line < end && *line != '"')
        line += *line == '\\' ? 2 : 1;
    if (end - line != (ptrdiff_t)sizeof(rest) - 1 || memcmp(line, rest, sizeof(rest) - 1) != 0)
        abort();
}

static void write_text(const char *given, size_t n_bytes)
{
    static char text[TEXT_BYTES];
    struct limef_openmetrics_label label = {"l", given};
    struct limef_openmetrics metrics;
    const char *line = text, *end;

    limef_openmetrics_init(&metrics, text, n_bytes);
    limef_openmetrics_family(&metrics, "m", LIMEF_OPENMETRICS_GAUGE, NULL, given);
    limef_openmetrics_count(&metrics, &label, 1, 7);
    if (limef_openmetrics_end(&metrics) < 0)
        return;
    for (int i = 0; i < 4; i++, line = end + 1) {
        end = memchr(line, '\n', (size_t)(text + metrics.used - line));
        if (!end)
            abort();
        if (i == 2)
            check_sample(line, end);
    }
    if (line != text + metrics.used)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size + 1);
    bool head_only;

    memcpy(copy, data, size);
    copy[size] = '\0';
    metrics_request_read(copy, size, &head_only);
    write_text(copy, TEXT_BYTES);
    write_text(copy, size % 256);
    free(copy);
    return 0;
}
