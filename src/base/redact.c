/* SPDX-License-Identifier: MIT */
#include <limef/base/redact.h>

#include "base/secret.h"
#include "base/url_private.h"

#include <limef/base/log.h>

#include <ctype.h>
#include <libavutil/common.h>
#include <libavutil/log.h>
#include <stdio.h>
#include <string.h>

/* Of a line that is longer the rest is not shown. */
#define LINE_BYTES 4096

/* Where the scheme of the URL begins whose "://" is here. */
static char *scheme_of(char *line, char *separator)
{
    while (separator > line &&
           (isalnum((unsigned char)separator[-1]) || strchr("+-.", separator[-1])))
        separator--;
    return separator;
}

/* Each URL up to the next one: what follows it in a line could belong to its password. */
static void mask_urls(char *redacted, size_t n_bytes, char *line)
{
    char *separator = strstr(line, "://"), *next;
    size_t used = 0;

    *redacted = '\0';
    for (char *at = line; at && used < n_bytes; at = next) {
        char kept;

        separator = strstr(at, "://");
        separator = separator ? strstr(separator + 3, "://") : NULL;
        next = separator ? scheme_of(at, separator) : NULL;
        kept = next ? *next : '\0';
        if (next)
            *next = '\0';
        url_mask_line(redacted + used, n_bytes - used, at);
        used += strlen(redacted + used);
        if (next)
            *next = kept;
    }
}

char *limef_redact(char *redacted, size_t n_bytes, const char *line)
{
    char work[LINE_BYTES + SECRET_FORM_BYTES];
    size_t n_line = line ? strlen(line) : 0, n_work;

    snprintf(work, sizeof(work), "%s", line ? line : "");
    secret_hide(work);
    n_work = strlen(work);
    if (n_line >= sizeof(work)) /* a password may be cut off at its end, and was not found */
        work[n_work - FFMIN(n_work, SECRET_FORM_BYTES)] = '\0';
    mask_urls(redacted, n_bytes, work);
    explicit_bzero(work, sizeof(work));
    return redacted;
}

void limef_redact_libav(void *object, int level, const char *format, va_list arguments)
{
    static __thread int prefix = 1;
    char line[LINE_BYTES];

    if (level > av_log_get_level())
        return;
    av_log_format_line2(object, level, format, arguments, line, sizeof(line), &prefix);
    line[strcspn(line, "\n")] = '\0';
    if (!strstr(line, "://")) /* a relative URL may have secrets in its query */
        line[strcspn(line, "?")] = '\0';
    limef_log(LIMEF_LOG_DEBUG, "libav", "%s", line);
    explicit_bzero(line, sizeof(line));
}
