/* SPDX-License-Identifier: MIT */
#include <limef/base/url.h>

#include "base/memory_private.h"
#include "base/secret.h"
#include "base/url_private.h"

#include <libavutil/error.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Where masked text goes; what does not fit is forgotten. */
struct writer {
    char *at;
    size_t left; /* without the terminator */
};

static void append(struct writer *writer, const char *text, size_t length)
{
    size_t n = length < writer->left ? length : writer->left;

    memcpy(writer->at, text, n);
    writer->at += n;
    writer->left -= n;
    *writer->at = '\0';
}

static bool is_secret(const char *name, size_t length)
{
    static const char *const names[] = {
        "user",     "username", "usr",     "login",    "loginuse",  "password",     "passwd",
        "passwort", "pass",     "pwd",     "loginpas", "token",     "access_token", "auth",
        "key",      "apikey",   "api_key", "secret",   "signature", "passphrase"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strlen(names[i]) == length && strncasecmp(names[i], name, length) == 0)
            return true;
    return false;
}

/* Whether what a name ends in is a secret's: "password", and "channel=1_password" as well; or what
 * is left of it where a password in use was hidden before, "***word". */
static bool names_secret(const char *name, size_t length)
{
    const char *last = memrchr(name, '_', length);

    return is_secret(name, length) || memmem(name, length, "***", 3) ||
           (last && is_secret(last + 1, length - (size_t)(last + 1 - name)));
}

/*
 * "/a/user=b&password=x?c=1#f": keeps everything but the values of secrets. Some cameras have them
 * in their path. There a '_' may be what ends a value, or part of it; as '/' and '?' may be. In a
 * line words stand before it.
 */
static void append_parameters(struct writer *writer, const char *text, const char *end)
{
    while (text < end) {
        size_t separator = strchr("/?&;# \"'(", *text) != NULL;
        size_t name = strcspn(text + separator, "=/?&;# \"'(");
        const char *value = text + separator + name;
        bool hides = *value == '=' && names_secret(text + separator, name);
        size_t length = strcspn(value, hides ? "&;#" : "/?&;# \"'(");

        if (value >= end) { /* which is behind "://", and no part of a name */
            append(writer, text, (size_t)(end - text));
            return;
        }
        if (length > (size_t)(end - value))
            length = (size_t)(end - value);
        append(writer, text, separator + name);
        if (length > 1 && hides)
            append(writer, "=***", 4);
        else
            append(writer, value, length);
        text = value + length;
    }
}

static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/*
 * The '@' that ends the user information. A password may hold '@', '/', '?' and
 * '#' unescaped, so that the last '@' of the whole URL counts if what follows
 * could be a host; hiding a bit of a path is better than showing a password.
 */
const char *url_user_end(const char *authority)
{
    const char *at = strrchr(authority, '@');
    const char *end = authority + strcspn(authority, "/?#");

    if (at && at > end && !memchr(authority, '@', (size_t)(end - authority))) {
        /* "host/path@2x.m3u8": no user, unless "user:pa/ss@host" has a port that is no number */
        const char *colon = memchr(authority, ':', (size_t)(end - authority));

        if (!colon || *authority == '[' ||
            strspn(colon + 1, "0123456789") == (size_t)(end - colon - 1))
            return NULL;
    }
    return at;
}

/* Whether a host can be here: the last part of its name is of letters, or of digits (RFC 3696
 * section 2), as that of "2x.m3u8" is not. */
static bool can_be_host(const char *text)
{
    size_t length = strcspn(text, ":/?# \t\"'");
    const char *dot = memrchr(text, '.', length), *last = dot ? dot + 1 : text;
    size_t n = (size_t)(text + length - last);

    return *text == '[' ||
           (length > 0 && (!dot || strspn(last, "0123456789") >= n || strspn(last, letters) >= n ||
                           !strncasecmp(last, "xn--", 4)));
}

const char *url_secret_end(const char *authority)
{
    const char *user_end = url_user_end(authority);
    size_t length = strcspn(authority, "/?#");

    if (user_end || *authority == '[' || !memchr(authority, ':', length))
        return user_end;
    length = strcspn(authority, " \t"); /* what follows in a line is none of it */
    for (const char *at = authority; (at = memchr(at, '@', (size_t)(authority + length - at)));
         at++)
        if (can_be_host(at + 1))
            user_end = at;
    return user_end;
}

void url_mask_line(char *masked, size_t masked_bytes, const char *line)
{
    struct writer writer = {masked, masked_bytes - 1};
    const char *end = line + strlen(line), *authority = strstr(line, "://"), *user_end;

    *masked = '\0';
    authority = authority ? authority + 3 : end;
    append_parameters(&writer, line, authority);
    user_end = url_secret_end(authority);
    if (user_end) {
        append(&writer, "***", 3);
        authority = user_end;
    }
    append_parameters(&writer, authority, end);
}

char *limef_url_mask(char *masked, size_t masked_bytes, const char *url)
{
    if (url && strstr(url, "://"))
        url_mask_line(masked, masked_bytes, url);
    else
        snprintf(masked, masked_bytes, "%s", url ? url : "");
    return masked;
}

static char *copy(const char *text, size_t n_bytes)
{
    char *made = memory_allocate(n_bytes + 1);

    if (made)
        memcpy(made, text, n_bytes);
    return made;
}

int limef_url_init(struct limef_url *url, const char *text)
{
    char masked[LIMEF_URL_BYTES];
    int ret = secret_keep_url(text);

    if (ret < 0)
        return ret;
    limef_url_mask(masked, sizeof(masked), text);
    url->text = copy(masked, strlen(masked));
    url->whole = copy(text, strlen(text));
    if (url->text && url->whole)
        return 0;
    if (!url->whole)
        secret_forget_url(text);
    limef_url_clear(url);
    return AVERROR(ENOMEM);
}

void limef_url_clear(struct limef_url *url)
{
    if (url->whole) {
        secret_forget_url(url->whole);
        explicit_bzero(url->whole, strlen(url->whole));
    }
    memory_release(url->whole);
    memory_release(url->text);
    *url = (struct limef_url){.text = NULL};
}

bool limef_url_lacks_password(const struct limef_url *url)
{
    const char *authority = strstr(url->whole, "://");
    const char *end = authority ? url_user_end(authority + 3) : NULL;

    return authority && strncasecmp(url->whole, "file:", 5) != 0 &&
           !(end && memchr(authority + 3, ':', (size_t)(end - authority - 3)));
}

int limef_url_set_login(struct limef_url *url, const char *user, const char *password)
{
    const char *authority = strstr(url->whole, "://");
    const char *end = authority ? url_user_end(authority + 3) : NULL;
    char info[8 * SECRET_BYTES_MAX], *whole;
    struct limef_url made = {.text = NULL};
    size_t n_whole;
    int n, ret;

    if (!authority)
        return AVERROR(EINVAL);
    authority += 3;
    if (user)
        secret_encode(info, sizeof(info) / 2, user);
    else /* that of the URL, as it is written there */
        snprintf(info, sizeof(info) / 2, "%.*s", end ? (int)strcspn(authority, ":@") : 0,
                 authority);
    n = (int)strlen(info);
    info[n++] = ':';
    secret_encode(info + n, sizeof(info) - (size_t)n, password);
    n_whole = strlen(url->whole) + strlen(info) + 2;
    whole = memory_allocate(n_whole);
    if (!whole)
        return AVERROR(ENOMEM);
    snprintf(whole, n_whole, "%.*s%s@%s", (int)(authority - url->whole), url->whole, info,
             end ? end + 1 : authority);
    ret = limef_url_init(&made, whole);
    explicit_bzero(info, sizeof(info));
    explicit_bzero(whole, n_whole);
    memory_release(whole);
    if (ret < 0)
        return ret;
    limef_url_clear(url);
    *url = made;
    return 0;
}
