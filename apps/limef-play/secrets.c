/* SPDX-License-Identifier: MIT */
#include "secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <libavutil/error.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of all passwords together. */
#define TEXT_BYTES 65536

/* Never longer than it was. */
static void overwrite(char *url, const char *masked)
{
    size_t n_url = strlen(url), n_masked = strlen(masked);

    n_masked = n_masked < n_url ? n_masked : n_url;
    memcpy(url, masked, n_masked);
    memset(url + n_masked, 0, n_url - n_masked);
}

static int take(struct limef_url *input, char *given)
{
    if (limef_url_init(input, given) < 0)
        return limef_fail(AVERROR(ENOMEM), "limef-play", "the URLs");
    if (strcmp(input->text, input->whole) != 0)
        overwrite(given, input->text);
    return 0;
}

int secrets_take(struct play_options *options)
{
    int ret = 0;

    /* what is given is of argv, or of a text that was read */
    if (options->ao_stream) {
        ret = take(&options->ao_stream_url, (char *)(uintptr_t)options->ao_stream);
        options->ao_stream = options->ao_stream_url.whole;
    }
    for (unsigned i = 0; i < options->n_urls && ret >= 0; i++) {
        char *given = (char *)(uintptr_t)options->urls[i];
        char *bar = strstr(given, "|rtsp");

        if (bar) {
            *bar = '\0';
            ret = take(&options->mains[i], bar + 1);
        }
        if (ret >= 0)
            ret = take(&options->inputs[i], given);
        options->urls[i] = options->inputs[i].whole;
    }
    return ret;
}

/* Where host and port are, without the user. */
static const char *host_of(const char *url, size_t *n_host, size_t *n_with_port)
{
    const char *host = strstr(url, "://"), *end;

    if (!host)
        return NULL;
    host += 3;
    end = host + strcspn(host, "/?#");
    if (memrchr(host, '@', (size_t)(end - host)))
        host = (const char *)memrchr(host, '@', (size_t)(end - host)) + 1;
    *n_with_port = (size_t)(end - host);
    *n_host = *host == '[' && memchr(host, ']', *n_with_port)
                  ? (size_t)((const char *)memchr(host, ']', *n_with_port) + 1 - host)
                  : strcspn(host, ":/?#");
    return host;
}

static bool is_meant(const char *which, const char *url, unsigned number)
{
    size_t n = strlen(which), n_host = 0, n_with_port = 0;
    char *end;
    unsigned long asked = strtoul(which, &end, 10);
    const char *host = host_of(url, &n_host, &n_with_port);

    if (!strcmp(which, "*"))
        return true;
    if (end != which && !*end)
        return asked == number;
    return host && ((n == n_host && !strncasecmp(which, host, n)) ||
                    (n == n_with_port && !strncasecmp(which, host, n)));
}

struct login {
    const char *which, *user, *password;
};

static int apply(struct limef_url *input, unsigned number, const struct login *login)
{
    if (!input->whole || !limef_url_lacks_password(input) ||
        !is_meant(login->which, input->whole, number))
        return 0;
    return limef_url_set_login(input, login->user, login->password);
}

static int apply_line(struct play_options *options, const char *which, const char *user,
                      const char *password)
{
    struct login login = {which, user, password};
    int ret = 0;

    for (unsigned i = 0; i < options->n_urls && ret >= 0; i++) {
        ret = apply(&options->inputs[i], i + 1, &login);
        if (ret >= 0)
            ret = apply(&options->mains[i], i + 1, &login);
        options->urls[i] = options->inputs[i].whole;
    }
    return ret;
}

/* Of a text that is one line without blanks; NULL: it is not. */
static char *find_lone_password(char *text)
{
    size_t n = strcspn(text, "\r\n");

    if (!n || text[0] == '#' || strcspn(text, " \t") < n ||
        text[n + strspn(text + n, "\r\n")] != '\0')
        return NULL;
    text[n] = '\0';
    return text;
}

/* The next line, without what ends it; NULL: there is none. Empty ones count too. */
static char *next_line(char **rest)
{
    char *line = *rest, *end = line + strcspn(line, "\r\n");

    if (!*line)
        return NULL;
    *rest = end + (*end ? 1 : 0) + (end[0] == '\r' && end[1] == '\n');
    *end = '\0';
    return line;
}

int secrets_apply(struct play_options *options, char *text)
{
    char *rest = text, *line, *user, *password;
    unsigned n_lines = 0;
    int ret = 0;

    line = find_lone_password(text);
    if (line)
        return apply_line(options, "*", NULL, line);
    while (ret >= 0 && (line = next_line(&rest))) {
        n_lines++;
        line += strspn(line, " \t");
        if (!*line || *line == '#')
            continue;
        user = line + strcspn(line, " \t");
        if (*user)
            *user++ = '\0';
        user += strspn(user, " \t");
        password = user + strcspn(user, " \t");
        if (*password)
            *password++ = '\0';
        if (!*user || !*password)
            return limef_fail(AVERROR(EINVAL), "limef-play",
                              "line %u of the passwords is not WHICH USER PASSWORD", n_lines);
        ret = apply_line(options, line, user, password);
    }
    return ret;
}

/* Returns how many bytes, or an error. */
static ssize_t read_text(int fd, char *text, size_t n_bytes)
{
    size_t used = 0;
    ssize_t n = 1;

    while (n > 0 && used < n_bytes) {
        n = read(fd, text + used, n_bytes - used);
        if (n < 0 && errno != EINTR)
            return AVERROR(errno);
        used += n > 0 ? (size_t)n : 0;
        n = n < 0 ? 1 : n;
    }
    return used < n_bytes ? (ssize_t)used : AVERROR(E2BIG);
}

static int open_file(const char *path)
{
    struct stat file;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return AVERROR(errno);
    if (fstat(fd, &file) == 0 && S_ISREG(file.st_mode) && file.st_mode & 077)
        limef_log(LIMEF_LOG_WARNING, "limef-play", "%s: others may read these passwords", path);
    return fd;
}

int secrets_read(struct play_options *options)
{
    static char text[TEXT_BYTES];
    const char *path = options->password_file;
    bool is_stdin = path && !strcmp(path, "-");
    int fd = options->password_fd;
    ssize_t n;

    if (!path && fd < 0)
        return 0;
    if (path)
        fd = is_stdin ? STDIN_FILENO : open_file(path);
    n = fd < 0 ? fd : read_text(fd, text, sizeof(text) - 1);
    if (path && !is_stdin && fd >= 0)
        close(fd);
    if (n < 0)
        return limef_fail((int)n, "limef-play", "cannot read passwords");
    text[n] = '\0';
    n = secrets_apply(options, text);
    explicit_bzero(text, sizeof(text));
    return (int)n;
}

void secrets_clear(struct play_options *options)
{
    for (unsigned i = 0; i < options->n_urls; i++) {
        limef_url_clear(&options->inputs[i]);
        limef_url_clear(&options->mains[i]);
    }
    limef_url_clear(&options->ao_stream_url);
    options->n_urls = 0;
}
