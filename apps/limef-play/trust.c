/* SPDX-License-Identifier: MIT */
#include "trust.h"

#include <ctype.h>
#include <errno.h>
#include <libavutil/error.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CA "tls-ca"
#define FINGERPRINT "tls-fingerprint"
#define FINGERPRINT_DIGITS 64 /* of SHA-256 */

bool trust_is_fingerprint(const char *text)
{
    size_t n_digits = 0;

    for (; *text; text++)
        if (isxdigit((unsigned char)*text))
            n_digits++;
        else if (*text != ':' || n_digits % 2 || n_digits == 0 || text[1] == ':')
            return false;
    return n_digits == FINGERPRINT_DIGITS && text[-1] != ':';
}

/* The value of a parameter of a URL's fragment; NULL: it has none. */
static const char *parameter(const char *url, const char *name)
{
    const char *at = strchr(url, '#');
    size_t length = strlen(name);

    for (; at; at = strpbrk(at + 1, "#&"))
        if (!strncmp(at + 1, name, length) && at[1 + length] == '=')
            return at + 2 + length;
    return NULL;
}

bool trust_is_told(const char *url)
{
    return parameter(url, CA) || parameter(url, FINGERPRINT);
}

/* Percent-decodes up to '&'; what is no escape stays. Returns false: there is no room. */
static bool decode(char text[TRUST_BYTES], const char *from)
{
    size_t n = 0;

    for (; *from && *from != '&'; from++) {
        bool is_escape =
            *from == '%' && isxdigit((unsigned char)from[1]) && isxdigit((unsigned char)from[2]);
        char digits[3] = {is_escape ? from[1] : '0', is_escape ? from[2] : '0', '\0'};

        if (n + 1 >= TRUST_BYTES)
            return false;
        text[n++] = is_escape ? (char)strtol(digits, NULL, 16) : *from;
        from += is_escape ? 2 : 0;
    }
    text[n] = '\0';
    return true;
}

/* Instead of what the options say of all. */
static int read_own(struct play_trust *trust, const char *name, const char *url)
{
    const char *ca = parameter(url, CA), *fingerprint = parameter(url, FINGERPRINT);

    if (ca && fingerprint)
        return limef_fail(AVERROR(EINVAL), name, "#" CA " and #" FINGERPRINT " of one URL");
    if (!decode(trust->text, ca ? ca : fingerprint))
        return limef_fail(AVERROR(ENAMETOOLONG), name, "#%s", ca ? CA : FINGERPRINT);
    if (fingerprint && !trust_is_fingerprint(trust->text))
        return limef_fail(AVERROR(EINVAL), name, "#" FINGERPRINT "=%.80s: not a SHA-256 in hex",
                          trust->text);
    trust->tls = (struct limef_rtsp_tls_settings){.ca_file = ca ? trust->text : NULL,
                                                  .fingerprint = ca ? NULL : trust->text};
    return 0;
}

int trust_read(struct play_trust *trust, const char *name, const char *url,
               const struct play_options *options)
{
    bool is_own = trust_is_told(url);

    trust->tls = (struct limef_rtsp_tls_settings){.ca_file = options->tls_ca,
                                                  .fingerprint = options->tls_fingerprint};
    if (is_own) {
        int ret = read_own(trust, name, url);

        if (ret < 0)
            return ret;
    }
    if (trust->tls.ca_file && access(trust->tls.ca_file, R_OK) < 0)
        return limef_fail(AVERROR(errno), name, "%s" CA "=%s", is_own ? "#" : "--",
                          trust->tls.ca_file);
    return 0;
}
