/* SPDX-License-Identifier: MIT */
/* The text, and the requests for it. */
#include "metrics/metrics_private.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/error.h>
#include <locale.h>
#include <math.h>
#include <string.h>

static char text[8192];

static struct limef_openmetrics begin(size_t n_bytes)
{
    struct limef_openmetrics metrics;

    limef_openmetrics_init(&metrics, text, n_bytes);
    return metrics;
}

static char *end(struct limef_openmetrics *metrics)
{
    cr_assert(eq(int, limef_openmetrics_end(metrics), 0));
    text[metrics->used] = '\0';
    return text;
}

Test(openmetrics, writes_families_and_samples)
{
    struct limef_openmetrics metrics = begin(sizeof(text));
    const struct limef_openmetrics_label labels[] = {{"camera", "door"}, {"reason", "late"}};

    limef_openmetrics_family(&metrics, "a_bytes", LIMEF_OPENMETRICS_COUNTER, "bytes", "All.");
    limef_openmetrics_count(&metrics, labels, 2, UINT64_MAX);
    limef_openmetrics_family(&metrics, "b_seconds", LIMEF_OPENMETRICS_GAUGE, "seconds", "Since.");
    limef_openmetrics_sample(&metrics, labels, 1, -0.25);
    limef_openmetrics_family(&metrics, "c", LIMEF_OPENMETRICS_INFO, NULL, "Which.");
    limef_openmetrics_count(&metrics, labels, 1, 1);
    cr_assert(eq(str, end(&metrics),
                 "# TYPE a_bytes counter\n"
                 "# UNIT a_bytes bytes\n"
                 "# HELP a_bytes All.\n"
                 "a_bytes_total{camera=\"door\",reason=\"late\"} 18446744073709551615\n"
                 "# TYPE b_seconds gauge\n"
                 "# UNIT b_seconds seconds\n"
                 "# HELP b_seconds Since.\n"
                 "b_seconds{camera=\"door\"} -0.250000\n"
                 "# TYPE c info\n"
                 "# HELP c Which.\n"
                 "c_info{camera=\"door\"} 1\n"
                 "# EOF\n"));
}

Test(openmetrics, escapes_what_a_label_holds)
{
    static const struct {
        const char *value, *written;
    } cases[] = {
        {"a\"b", "a\\\"b"},
        {"a\\b", "a\\\\b"},
        {"a\nb", "a\\nb"},
        {"a\rb\x7f", "a?b?"},
        {"caf\xc3\xa9", "caf\xc3\xa9"},
        {"\xff\xc3", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"rtsp://admin:s3cr3t@host/x", "rtsp://***@host/x"},
        {"", ""},
        {NULL, ""},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct limef_openmetrics metrics = begin(sizeof(text));
        struct limef_openmetrics_label label = {"l", cases[i].value};
        char expected[128];

        limef_openmetrics_family(&metrics, "m", LIMEF_OPENMETRICS_GAUGE, NULL, "h");
        limef_openmetrics_count(&metrics, &label, 1, 7);
        snprintf(expected, sizeof(expected), "# TYPE m gauge\n# HELP m h\nm{l=\"%s\"} 7\n# EOF\n",
                 cases[i].written);
        cr_assert(eq(str, end(&metrics), expected));
    }
}

Test(openmetrics, writes_numbers_the_same_in_every_locale)
{
    struct limef_openmetrics metrics = begin(sizeof(text));

    setlocale(LC_ALL, "de_DE.UTF-8"); /* where it is installed */
    limef_openmetrics_family(&metrics, "m", LIMEF_OPENMETRICS_GAUGE, NULL, "h");
    limef_openmetrics_sample(&metrics, NULL, 0, 1.5);
    limef_openmetrics_sample(&metrics, NULL, 0, NAN);
    limef_openmetrics_sample(&metrics, NULL, 0, -INFINITY);
    limef_openmetrics_sample(&metrics, NULL, 0, 1e20);
    setlocale(LC_ALL, "C");
    cr_assert(eq(str, end(&metrics),
                 "# TYPE m gauge\n# HELP m h\nm 1.500000\nm NaN\nm -Inf\n"
                 "m 100000000000000000000\n# EOF\n"));
}

Test(openmetrics, says_when_it_does_not_fit_and_writes_no_further)
{
    size_t whole = 0;

    for (size_t n = 0; n <= 4096 && !whole; n++) {
        struct limef_openmetrics metrics;

        memset(text, '~', sizeof(text));
        metrics = begin(n);
        limef_openmetrics_family(&metrics, "m", LIMEF_OPENMETRICS_COUNTER, NULL, "help");
        limef_openmetrics_count(&metrics, NULL, 0, 12345);
        if (limef_openmetrics_end(&metrics) == 0)
            whole = metrics.used;
        cr_assert(le(sz, metrics.used, n));
        cr_assert(eq(int, text[n], '~'));
    }
    cr_assert(eq(sz, whole, strlen("# TYPE m counter\n# HELP m help\nm_total 12345\n# EOF\n")));
}

static enum metrics_answer ask(const char *request, bool *head_only)
{
    return metrics_request_read(request, strlen(request), head_only);
}

Test(metrics_request, is_answered_by_what_it_asks_for)
{
    static const struct {
        const char *request;
        enum metrics_answer answer;
    } cases[] = {
        {"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", METRICS_OK},
        {"GET / HTTP/1.0\r\n\r\n", METRICS_OK},
        {"GET /metrics?name=x HTTP/1.1\n\n", METRICS_OK},
        {"HEAD /metrics HTTP/1.1\r\n\r\n", METRICS_OK},
        {"GET /metrics HTTP/1.1\r\nHost: x\r\n", METRICS_MORE},
        {"GET /metr", METRICS_MORE},
        {"", METRICS_MORE},
        {"GET /other HTTP/1.1\r\n\r\n", METRICS_NOT_FOUND},
        {"GET /metricsx HTTP/1.1\r\n\r\n", METRICS_NOT_FOUND},
        {"POST /metrics HTTP/1.1\r\n\r\n", METRICS_NO_METHOD},
        {"GET /metrics HTTP/2.0\r\n\r\n", METRICS_BAD},
        {"GET /metrics HTTP/1.12\r\n\r\n", METRICS_BAD},
        {"GET  HTTP/1.1\r\n\r\n", METRICS_BAD},
        {"GET\r\n\r\n", METRICS_BAD},
        {"\r\n\r\n", METRICS_BAD},
        {"\x16\x03\x01\n\r\n", METRICS_BAD},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool head_only;

        cr_assert(eq(int, ask(cases[i].request, &head_only), cases[i].answer), "%s",
                  cases[i].request);
        cr_assert(eq(int, head_only, cases[i].request[0] == 'H'));
    }
}

Test(metrics_request, is_refused_when_it_is_too_large)
{
    static char request[METRICS_REQUEST_BYTES];
    bool head_only;

    memset(request, 'a', sizeof(request));
    cr_assert(
        eq(int, metrics_request_read(request, sizeof(request), &head_only), METRICS_TOO_LARGE));
    cr_assert(
        eq(int, metrics_request_read(request, sizeof(request) - 1, &head_only), METRICS_MORE));
}
