/* SPDX-License-Identifier: MIT */
#include "passwords.h"

#include <limef/base/log.h>

#include <errno.h>
#include <fcntl.h>
#include <libavutil/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of all passwords together. */
#define TEXT_BYTES 65536

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

static int refuse(struct passwords *passwords, int code, const char *program, const char *what)
{
    passwords_clear(passwords);
    return limef_fail(code, program, "%s", what);
}

/* The words of a line; empty ones and comments have none. Returns whether all are there. */
static bool read_line(struct passwords *passwords, char *line)
{
    struct password_login login = {.which = line += strspn(line, " \t")};
    char *user = line, *password;

    if (!*line || *line == '#')
        return true;
    user += strcspn(user, " \t");
    if (*user)
        *user++ = '\0';
    user += strspn(user, " \t");
    password = user + strcspn(user, " \t");
    if (*password)
        *password++ = '\0';
    login.user = user;
    login.password = password;
    passwords->logins[passwords->n_logins++] = login;
    return *user && *password;
}

int passwords_parse(struct passwords *passwords, const char *program, const char *text)
{
    char *rest, *line, what[64];
    unsigned n_lines = 1;

    for (const char *c = text; *c; c++)
        n_lines += *c == '\r' || *c == '\n';
    *passwords = (struct passwords){.text = strdup(text),
                                    .n_bytes = strlen(text),
                                    .logins = calloc(n_lines, sizeof(*passwords->logins))};
    if (!passwords->text || !passwords->logins)
        return refuse(passwords, AVERROR(ENOMEM), program, "the passwords");
    line = find_lone_password(passwords->text);
    if (line) {
        passwords->logins[passwords->n_logins++] =
            (struct password_login){.which = "*", .password = line};
        return 0;
    }
    rest = passwords->text;
    for (n_lines = 1; (line = next_line(&rest)); n_lines++)
        if (!read_line(passwords, line)) {
            snprintf(what, sizeof(what), "line %u of the passwords is not WHICH USER PASSWORD",
                     n_lines);
            return refuse(passwords, AVERROR(EINVAL), program, what);
        }
    return 0;
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

static int open_file(const char *program, const char *path)
{
    struct stat file;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return AVERROR(errno);
    if (fstat(fd, &file) == 0 && S_ISREG(file.st_mode) && file.st_mode & 077)
        limef_log(LIMEF_LOG_WARNING, program, "%s: others may read these passwords", path);
    return fd;
}

int passwords_read(struct passwords *passwords, const char *program, const char *path, int fd)
{
    static char text[TEXT_BYTES];
    bool is_stdin = path && !strcmp(path, "-");
    ssize_t n;
    int ret;

    if (!path && fd < 0)
        return 0;
    if (path)
        fd = is_stdin ? STDIN_FILENO : open_file(program, path);
    n = fd < 0 ? fd : read_text(fd, text, sizeof(text) - 1);
    if (path && !is_stdin && fd >= 0)
        close(fd);
    if (n >= 0)
        text[n] = '\0';
    ret = n < 0 ? limef_fail((int)n, program, "cannot read passwords")
                : passwords_parse(passwords, program, text);
    explicit_bzero(text, sizeof(text));
    return ret;
}

int passwords_give(const struct passwords *passwords, struct limef_url *url, unsigned number)
{
    int ret = 0;

    for (unsigned i = 0; i < passwords->n_logins && ret >= 0; i++) {
        const struct password_login *login = &passwords->logins[i];

        if (limef_url_lacks_password(url) && is_meant(login->which, url->whole, number))
            ret = limef_url_set_login(url, login->user, login->password);
    }
    return ret;
}

void passwords_clear(struct passwords *passwords)
{
    if (passwords->text)
        explicit_bzero(passwords->text, passwords->n_bytes);
    free(passwords->text);
    free(passwords->logins);
    *passwords = (struct passwords){.text = NULL};
}
