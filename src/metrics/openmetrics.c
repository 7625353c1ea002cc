/* SPDX-License-Identifier: MIT */
#include <limef/metrics/openmetrics.h>

#include "base/utf8.h"

#include <limef/base/url.h>

#include <inttypes.h>
#include <libavutil/error.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Beyond this a double has no decimals that could be written as an integer's. */
#define LARGEST_WITH_DECIMALS 9e12

static void append(struct limef_openmetrics *metrics, const char *text, size_t n_bytes)
{
    if (metrics->is_cut || n_bytes > metrics->n_bytes - metrics->used) {
        metrics->is_cut = true;
        return;
    }
    memcpy(metrics->text + metrics->used, text, n_bytes);
    metrics->used += n_bytes;
}

static void append_text(struct limef_openmetrics *metrics, const char *text)
{
    append(metrics, text, strlen(text));
}

/* "escaped-string" of the specification's grammar. */
static void append_escaped(struct limef_openmetrics *metrics, const char *text)
{
    while (*text) {
        int n = utf8_bytes((const unsigned char *)text);

        if (n == 0)
            append_text(metrics, "\xef\xbf\xbd");
        else if (*text == '\n')
            append_text(metrics, "\\n");
        else if (*text == '\\' || *text == '"') {
            append_text(metrics, "\\");
            append(metrics, text, 1);
        } else if ((unsigned char)*text < ' ' || *text == 0x7f)
            append_text(metrics, "?");
        else
            append(metrics, text, (size_t)n);
        text += n ? n : 1;
    }
}

void limef_openmetrics_init(struct limef_openmetrics *metrics, char *text, size_t n_bytes)
{
    *metrics = (struct limef_openmetrics){.text = text, .n_bytes = n_bytes};
}

void limef_openmetrics_family(struct limef_openmetrics *metrics, const char *name,
                              enum limef_openmetrics_type type, const char *unit, const char *help)
{
    static const char *const types[] = {"gauge", "counter", "stateset", "info"};

    metrics->family = name;
    metrics->type = type;
    append_text(metrics, "# TYPE ");
    append_text(metrics, name);
    append_text(metrics, " ");
    append_text(metrics, types[type]);
    if (unit) {
        append_text(metrics, "\n# UNIT ");
        append_text(metrics, name);
        append_text(metrics, " ");
        append_text(metrics, unit);
    }
    append_text(metrics, "\n# HELP ");
    append_text(metrics, name);
    append_text(metrics, " ");
    append_escaped(metrics, help);
    append_text(metrics, "\n");
}

static void append_labels(struct limef_openmetrics *metrics,
                          const struct limef_openmetrics_label *labels, unsigned n_labels)
{
    char masked[LIMEF_URL_BYTES];

    for (unsigned i = 0; i < n_labels; i++) {
        append_text(metrics, i ? "," : "{");
        append_text(metrics, labels[i].name);
        append_text(metrics, "=\"");
        append_escaped(metrics, limef_url_mask(masked, sizeof(masked), labels[i].value));
        append_text(metrics, "\"");
    }
    append_text(metrics, n_labels ? "} " : " ");
}

static void append_sample(struct limef_openmetrics *metrics,
                          const struct limef_openmetrics_label *labels, unsigned n_labels,
                          const char *number)
{
    append_text(metrics, metrics->family);
    if (metrics->type == LIMEF_OPENMETRICS_COUNTER)
        append_text(metrics, "_total");
    else if (metrics->type == LIMEF_OPENMETRICS_INFO)
        append_text(metrics, "_info");
    append_labels(metrics, labels, n_labels);
    append_text(metrics, number);
    append_text(metrics, "\n");
}

/* printf's %f writes a comma in some locales. */
static void write_number(char *text, size_t n_bytes, double value)
{
    int64_t millionths;

    if (isnan(value))
        snprintf(text, n_bytes, "NaN");
    else if (isinf(value))
        snprintf(text, n_bytes, value < 0 ? "-Inf" : "+Inf");
    else if (fabs(value) >= LARGEST_WITH_DECIMALS)
        snprintf(text, n_bytes, "%.0f", value);
    else {
        millionths = llround(value * 1e6);
        snprintf(text, n_bytes, "%s%" PRId64 ".%06" PRId64, millionths < 0 ? "-" : "",
                 (millionths < 0 ? -millionths : millionths) / 1000000,
                 (millionths < 0 ? -millionths : millionths) % 1000000);
    }
}

void limef_openmetrics_sample(struct limef_openmetrics *metrics,
                              const struct limef_openmetrics_label *labels, unsigned n_labels,
                              double value)
{
    char number[400]; /* the largest double has 309 digits */

    write_number(number, sizeof(number), value);
    append_sample(metrics, labels, n_labels, number);
}

void limef_openmetrics_count(struct limef_openmetrics *metrics,
                             const struct limef_openmetrics_label *labels, unsigned n_labels,
                             uint64_t value)
{
    char number[24];

    snprintf(number, sizeof(number), "%" PRIu64, value);
    append_sample(metrics, labels, n_labels, number);
}

int limef_openmetrics_end(struct limef_openmetrics *metrics)
{
    append_text(metrics, "# EOF\n");
    return metrics->is_cut ? AVERROR(ENOSPC) : 0;
}
