/* SPDX-License-Identifier: MIT */
/* What needs no server; with one: test/e2e/icecast.py. */
#include "support/chain.h"
#include "support/name_service.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavcodec/codec_par.h>
#include <limef/frame/pool.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PASSWORD "never-to-be-seen"

static struct limef_shout_filter shout;
static char said[4096];

static void keep(void *context, enum limef_log_level level, const char *name, const char *line)
{
    size_t used = strlen(said);

    (void)context;
    (void)level;
    snprintf(said + used, sizeof(said) - used, "%s: %s\n", name, line);
}

static int init(const char *url)
{
    struct limef_shout_settings settings = {.url = url};

    limef_log_set_level(LIMEF_LOG_DEBUG);
    limef_log_set_sink(keep, NULL);
    return limef_shout_filter_init(&shout, NULL, &settings);
}

Test(shout, refuses_a_url_without_saying_its_password)
{
    cr_assert(eq(int, init(NULL), AVERROR(EINVAL)));
    cr_assert(eq(int, init("http://source:" PASSWORD "@host/a"), AVERROR(EINVAL)));
    cr_assert(eq(int, init("icecast://source:" PASSWORD "@host"), AVERROR(EINVAL)));
    cr_assert(gt(sz, strlen(said), 0));
    cr_assert(strstr(said, PASSWORD) == NULL, "%s", said);
    cr_assert(shout.filter.ops == NULL);
}

Test(shout, drops_and_counts_what_comes_before_a_codec, .timeout = 30)
{
    struct limef_packet_frame packet = {
        .frame = {.frame_class = LIMEF_FRAME_PACKET, .media = LIMEF_MEDIA_AUDIO},
        .data = (const uint8_t *)"abc",
        .size_bytes = 3};
    struct limef_shout_counters counters;
    struct limef_signal_frame end;
    int ret = init("icecast://source:" PASSWORD "@127.0.0.1:1/a");

    if (!HAS_SHOUT) {
        cr_assert(eq(int, ret, AVERROR(ENOSYS)));
        return;
    }
    cr_assert(zero(int, ret));
    cr_assert(zero(int, limef_go(&shout.filter, &packet.frame)));
    limef_signal_frame_set(&end, LIMEF_SIGNAL_END, 0, NULL);
    cr_assert(zero(int, limef_go(&shout.filter, &end.frame)));
    limef_shout_get_counters(&shout, &counters);
    cr_assert(eq(u64, counters.n_dropped, 1));
    cr_assert(zero(u64, counters.n_failures));
    cr_assert(eq(int, counters.state, LIMEF_SHOUT_OFF));
    limef_filter_clear(&shout.filter);
    cr_assert(strstr(said, PASSWORD) == NULL, "%s", said);
}

static struct limef_pool *codecs;

/* Some sound of a codec, after which it tries to connect. */
static void send_sound(void)
{
    struct limef_packet_frame packet = {
        .frame = {.frame_class = LIMEF_FRAME_PACKET, .media = LIMEF_MEDIA_AUDIO},
        .data = (const uint8_t *)"abc",
        .size_bytes = 3};

    cr_assert(zero(int, limef_go(&shout.filter, &packet.frame)));
}

static void send_codec(void)
{
    struct limef_codec_frame codec;
    struct limef_payload *payload;

    codecs = limef_pool_create(LIMEF_FRAME_CODEC);
    payload = limef_pool_get(codecs);
    limef_payload_codec(payload)->codec_type = AVMEDIA_TYPE_AUDIO;
    limef_codec_frame_set(&codec, payload);
    cr_assert(zero(int, limef_go(&shout.filter, &codec.frame)));
    limef_payload_unref(payload);
}

static struct limef_shout_counters counters_now(void)
{
    struct limef_shout_counters counters;

    limef_shout_get_counters(&shout, &counters);
    return counters;
}

static void clear(void)
{
    limef_filter_clear(&shout.filter);
    limef_pool_release(codecs);
}

/* Each of these would hang, were the name waited for. */
Test(shout, ends_while_nobody_says_where_its_server_is, .timeout = 30)
{
    struct limef_signal_frame end;

    if (!HAS_SHOUT)
        cr_skip("built without libshout");
    cr_assert(zero(int, init("icecast://source:" PASSWORD "@a.invalid:8000/a")));
    send_codec();
    send_sound();
    cr_assert(eq(int, counters_now().state, LIMEF_SHOUT_CONNECTING));
    limef_signal_frame_set(&end, LIMEF_SIGNAL_END, 0, NULL);
    cr_assert(zero(int, limef_go(&shout.filter, &end.frame)));
    cr_assert(eq(int, counters_now().state, LIMEF_SHOUT_OFF));
    send_sound();
    clear();
    name_service_answer(0);
}

Test(shout, gives_up_in_time_where_no_name_server_answers, .timeout = 30)
{
    if (!HAS_SHOUT)
        cr_skip("built without libshout");
    cr_assert(zero(int, init("icecast://source:" PASSWORD "@a.invalid:8000/a")));
    shout.settings.timeout_us = 1000;
    send_codec();
    while (!counters_now().n_failures)
        send_sound();
    cr_assert(strstr(said, "the name server does not answer") != NULL, "%s", said);
    clear();
    name_service_answer(0);
}

Test(shout, knocks_at_the_address_that_its_name_has, .timeout = 30)
{
    if (!HAS_SHOUT)
        cr_skip("built without libshout");
    cr_assert(zero(int, init("icecast://source:" PASSWORD "@a.test:1/a")));
    send_codec();
    while (!counters_now().n_failures)
        send_sound();
    cr_assert(strstr(said, "refused") != NULL, "%s", said);
    clear();
}

/* A server that lets anybody connect and says nothing. */
static int listen_anywhere(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t bytes = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert(zero(int, bind(fd, (struct sockaddr *)&address, bytes)));
    cr_assert(zero(int, listen(fd, 8)));
    cr_assert(zero(int, getsockname(fd, (struct sockaddr *)&address, &bytes)));
    *port = ntohs(address.sin_port);
    return fd;
}

/* It would hang, were the name waited for that libshout asks for on its own. */
Test(shout, gives_up_in_time_where_libshout_waits_for_a_name, .timeout = 30)
{
    char url[128];
    uint16_t port;
    int fd;

    if (!HAS_SHOUT)
        cr_skip("built without libshout");
    fd = listen_anywhere(&port);
    snprintf(url, sizeof(url), "icecasts://source:" PASSWORD "@a.first:%u/a", port);
    cr_assert(zero(int, init(url)));
    shout.settings.timeout_us = shout.settings.retry_us = 100000;
    send_codec();
    while (!name_service_n_waiting() || counters_now().n_failures < 2)
        send_sound(); /* twice: what hangs is not used again */
    cr_assert(strstr(said, PASSWORD) == NULL, "%s", said);
    clear();
    name_service_answer(EAI_NONAME);
    while (name_service_n_waiting())
        continue;
    close(fd);
}
