/* SPDX-License-Identifier: MIT */
#include "secrets.h"

#include "passwords.h"

#include <libavutil/error.h>
#include <string.h>

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

static int give(struct play_options *options, const struct passwords *passwords)
{
    int ret = 0;

    for (unsigned i = 0; i < options->n_urls && ret >= 0; i++) {
        ret = passwords_give(passwords, &options->inputs[i], i + 1);
        if (ret >= 0 && options->mains[i].whole)
            ret = passwords_give(passwords, &options->mains[i], i + 1);
        options->urls[i] = options->inputs[i].whole;
    }
    return ret;
}

int secrets_read(struct play_options *options)
{
    struct passwords passwords = {.text = NULL};
    int ret =
        passwords_read(&passwords, "limef-play", options->password_file, options->password_fd);

    if (ret >= 0)
        ret = give(options, &passwords);
    passwords_clear(&passwords);
    return ret;
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
