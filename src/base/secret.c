/* SPDX-License-Identifier: MIT */
#include "base/secret.h"

#include "base/memory_private.h"
#include "base/url_private.h"

#include <ctype.h>
#include <libavutil/base64.h>
#include <libavutil/error.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* As typed, as the URL has it, all encoded, and in an Authorization header. */
enum { FORM_TYPED, FORM_GIVEN, FORM_ENCODED, FORM_BASIC, N_FORMS };

#define FORM_BYTES SECRET_FORM_BYTES

struct form {
    struct form *next;
    size_t n_bytes;
    char text[FORM_BYTES];
};

struct secret {
    struct secret *next;
    unsigned n_refs;
    struct form forms[N_FORMS];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* protected by lock */
static struct secret *secrets;
static struct form *looked_for; /* of all, the longest first: one may begin with another */

static int hex_value(char c)
{
    c = (char)tolower((unsigned char)c);
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void secret_decode(char *to, size_t to_bytes, const char *from, size_t n_bytes)
{
    size_t n = 0;

    for (size_t i = 0; i < n_bytes && n + 1 < to_bytes; i++) {
        bool is_escape = from[i] == '%' && i + 2 < n_bytes && hex_value(from[i + 1]) >= 0 &&
                         hex_value(from[i + 2]) >= 0;

        to[n++] =
            is_escape ? (char)(hex_value(from[i + 1]) << 4 | hex_value(from[i + 2])) : from[i];
        i += is_escape ? 2 : 0;
    }
    to[n] = '\0';
}

void secret_encode(char *to, size_t to_bytes, const char *from)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t n = 0;

    for (; *from && n + 4 <= to_bytes; from++) {
        unsigned char c = (unsigned char)*from;

        if (c < 0x80 && (isalnum(c) || strchr("-._~", c))) {
            to[n++] = *from;
            continue;
        }
        to[n++] = '%';
        to[n++] = digits[c >> 4];
        to[n++] = digits[c & 15];
    }
    to[n] = '\0';
}

static void fill_in(struct secret *secret, const char *info, size_t n_bytes)
{
    const char *colon = memchr(info, ':', n_bytes);
    size_t n_user = (size_t)(colon - info), n_given = n_bytes - n_user - 1;
    char user[SECRET_BYTES_MAX], both[2 * SECRET_BYTES_MAX];
    char *typed = secret->forms[FORM_TYPED].text;

    n_given = n_given < FORM_BYTES ? n_given : FORM_BYTES - 1;
    secret_decode(user, sizeof(user), info, n_user);
    secret_decode(typed, SECRET_BYTES_MAX, colon + 1, n_given);
    memcpy(secret->forms[FORM_GIVEN].text, colon + 1, n_given);
    secret_encode(secret->forms[FORM_ENCODED].text, FORM_BYTES, typed);
    snprintf(both, sizeof(both), "%s:%.*s", user, SECRET_BYTES_MAX - 1, typed);
    av_base64_encode(secret->forms[FORM_BASIC].text, FORM_BYTES, (const uint8_t *)both,
                     (int)strlen(both));
    explicit_bzero(both, sizeof(both));
    for (int i = 0; i < N_FORMS; i++)
        secret->forms[i].n_bytes = strlen(secret->forms[i].text);
}

static struct secret **find(const struct secret *like)
{
    struct secret **link = &secrets;

    while (*link && (strcmp((*link)->forms[FORM_GIVEN].text, like->forms[FORM_GIVEN].text) != 0 ||
                     strcmp((*link)->forms[FORM_BASIC].text, like->forms[FORM_BASIC].text) != 0))
        link = &(*link)->next;
    return link;
}

static void look_for(struct form *form)
{
    struct form **link = &looked_for;

    if (form->n_bytes < SECRET_BYTES_MIN)
        return;
    while (*link && (*link)->n_bytes > form->n_bytes)
        link = &(*link)->next;
    form->next = *link;
    *link = form;
}

static void look_no_more_for(const struct secret *secret)
{
    struct form **link = &looked_for;

    while (*link)
        if (*link >= secret->forms && *link < secret->forms + N_FORMS)
            *link = (*link)->next;
        else
            link = &(*link)->next;
}

static bool has_password(const char *info, size_t n_bytes)
{
    const char *colon = info ? memchr(info, ':', n_bytes) : NULL;

    return colon && colon + 1 < info + n_bytes;
}

static void release(struct secret *secret)
{
    explicit_bzero(secret, sizeof(*secret));
    memory_release(secret);
}

int secret_keep(const char *info, size_t n_bytes)
{
    struct secret *made, **found;

    if (!has_password(info, n_bytes))
        return 0;
    made = memory_allocate(sizeof(*made));
    if (!made)
        return AVERROR(ENOMEM);
    fill_in(made, info, n_bytes);
    pthread_mutex_lock(&lock);
    found = find(made);
    if (*found) {
        (*found)->n_refs++;
    } else {
        made->n_refs = 1;
        *found = made;
        for (int i = 0; i < N_FORMS; i++)
            look_for(&made->forms[i]);
        made = NULL;
    }
    pthread_mutex_unlock(&lock);
    if (made)
        release(made);
    return 0;
}

void secret_forget(const char *info, size_t n_bytes)
{
    struct secret like = {.next = NULL}, *gone = NULL, **found;

    if (!has_password(info, n_bytes))
        return;
    fill_in(&like, info, n_bytes);
    pthread_mutex_lock(&lock);
    found = find(&like);
    if (*found && --(*found)->n_refs == 0) {
        gone = *found;
        *found = gone->next;
        look_no_more_for(gone);
    }
    pthread_mutex_unlock(&lock);
    explicit_bzero(&like, sizeof(like));
    if (gone)
        release(gone);
}

static const char *info_of(const char *url, size_t *n_bytes)
{
    const char *authority = url ? strstr(url, "://") : NULL;
    const char *end = authority ? url_secret_end(authority + 3) : NULL;

    if (!end)
        return NULL;
    *n_bytes = (size_t)(end - authority - 3);
    return authority + 3;
}

int secret_keep_url(const char *url)
{
    size_t n_bytes = 0;
    const char *info = info_of(url, &n_bytes);

    return secret_keep(info, n_bytes);
}

void secret_forget_url(const char *url)
{
    size_t n_bytes = 0;
    const char *info = info_of(url, &n_bytes);

    secret_forget(info, n_bytes);
}

/* "user:password" as a URL has it. */
static void write_info(char *info, size_t n_bytes, const char *user, const char *password)
{
    size_t n;

    secret_encode(info, FORM_BYTES, user);
    n = strlen(info);
    info[n] = ':';
    secret_encode(info + n + 1, n_bytes - n - 1, password);
}

int secret_keep_login(const char *user, const char *password)
{
    char info[2 * FORM_BYTES + 2];
    int ret;

    write_info(info, sizeof(info), user, password);
    ret = secret_keep(info, strlen(info));
    explicit_bzero(info, sizeof(info));
    return ret;
}

void secret_forget_login(const char *user, const char *password)
{
    char info[2 * FORM_BYTES + 2];

    write_info(info, sizeof(info), user, password);
    secret_forget(info, strlen(info));
    explicit_bzero(info, sizeof(info));
}

static void hide(char *text, const struct form *form)
{
    while ((text = strstr(text, form->text))) {
        memcpy(text, "***", 3);
        memmove(text + 3, text + form->n_bytes, strlen(text + form->n_bytes) + 1);
        text += 3;
    }
}

void secret_hide(char *text)
{
    pthread_mutex_lock(&lock);
    for (const struct form *form = looked_for; form; form = form->next)
        hide(text, form);
    pthread_mutex_unlock(&lock);
}
