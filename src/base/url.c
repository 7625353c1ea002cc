/* SPDX-License-Identifier: MIT */
#include <limef/base/url.h>

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

/* "?a=1&password=x#f": keeps everything but the values of secrets. */
static void append_query(struct writer *writer, const char *query)
{
    while (*query) {
        size_t separator = *query == '?' || *query == '&' || *query == ';' || *query == '#';
        size_t name = strcspn(query + separator, "=&;#");
        const char *value = query + separator + name;
        size_t length = strcspn(value, "&;#");

        append(writer, query, separator + name);
        if (length > 1 && is_secret(query + separator, name))
            append(writer, "=***", 4);
        else
            append(writer, value, length);
        query = value + length;
    }
}

/*
 * The '@' that ends the user information. A password may hold '@', '/', '?' and
 * '#' unescaped, so that the last '@' of the whole URL counts if what follows
 * could be a host; hiding a bit of a path is better than showing a password.
 */
static const char *find_user_end(const char *authority)
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

char *limef_url_mask(char *masked, size_t masked_bytes, const char *url)
{
    struct writer writer = {masked, masked_bytes - 1};
    const char *authority, *user_end;

    *masked = '\0';
    if (!url)
        return masked;
    authority = strstr(url, "://");
    if (!authority) {
        append(&writer, url, strlen(url));
        return masked;
    }
    authority += 3;
    append(&writer, url, (size_t)(authority - url));
    user_end = find_user_end(authority);
    if (user_end) {
        append(&writer, "***", 3);
        authority = user_end;
    }
    append(&writer, authority, strcspn(authority, "?"));
    append_query(&writer, authority + strcspn(authority, "?"));
    return masked;
}
