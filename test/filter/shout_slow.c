/* SPDX-License-Identifier: MIT */
/* What shout makes of a server that takes sound slowly, or none: a connection of the test's own in
 * place of libshout's, and time that passes because the test says so. */
#include "base/module.h"
#include "filter/shout_client.h"
#include "support/chain.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavcodec/avcodec.h>
#include <libavutil/mem.h>
#include <limef/frame/pool.h>
#include <string.h>

#define PACKET_US 20000
#define TIMEOUT_US INT64_C(1000000000)

static struct limef_shout_filter shout;
static struct limef_pool *codecs;
static int64_t n_queued, n_takes, at_us;
static int can_limit;

static int make(struct shout_client **client, const struct shout_target *target)
{
    (void)target;
    *client = (struct shout_client *)(void *)&n_queued; /* nobody looks into it */
    return 0;
}

static int connect_at_once(struct shout_client *client, const struct resolver_addresses *addresses)
{
    (void)client;
    (void)addresses;
    return 0;
}

static int is_connected(struct shout_client *client)
{
    (void)client;
    return 0;
}

static int limit(struct shout_client *client)
{
    (void)client;
    return can_limit;
}

static int queue(struct shout_client *client, const uint8_t *bytes, size_t n_bytes)
{
    (void)client;
    (void)bytes;
    n_queued += (int64_t)n_bytes;
    return 0;
}

static int64_t waiting(struct shout_client *client)
{
    (void)client;
    n_queued = n_queued > n_takes ? n_queued - n_takes : 0;
    return n_queued;
}

static const char *why(struct shout_client *client)
{
    (void)client;
    return NULL;
}

static int disconnect(struct shout_client *client)
{
    (void)client;
    n_queued = 0;
    return 0;
}

static void release(struct shout_client *client)
{
    (void)client;
}

static const struct shout_client_ops ops = {.abi = SHOUT_CLIENT_ABI,
                                            .make = make,
                                            .connect = connect_at_once,
                                            .poll = is_connected,
                                            .limit = limit,
                                            .send = queue,
                                            .waiting = waiting,
                                            .why = why,
                                            .disconnect = disconnect,
                                            .release = release};

/* In place of the library's. */
const void *module_load(const char *file, const char *symbol, const char *name)
{
    (void)symbol;
    (void)name;
    return strcmp(file, SHOUT_CLIENT_FILE) == 0 ? &ops : NULL;
}

static void send_codec(void)
{
    static const uint8_t head[19] = "OpusHead\1\2\0\0\x80\xbb";
    struct limef_codec_frame codec;
    struct limef_payload *payload;
    struct AVCodecParameters *parameters;

    codecs = limef_pool_create(LIMEF_FRAME_CODEC);
    payload = limef_pool_get(codecs);
    parameters = limef_payload_codec(payload);
    parameters->codec_type = AVMEDIA_TYPE_AUDIO;
    parameters->codec_id = AV_CODEC_ID_OPUS;
    parameters->sample_rate = 48000;
    av_channel_layout_default(&parameters->ch_layout, 2);
    parameters->extradata = av_mallocz(sizeof(head) + AV_INPUT_BUFFER_PADDING_SIZE);
    parameters->extradata_size = sizeof(head);
    memcpy(parameters->extradata, head, sizeof(head));
    limef_codec_frame_set(&codec, payload);
    cr_assert(zero(int, limef_go(&shout.filter, &codec.frame)));
    limef_payload_unref(payload);
}

/* After so much time in which the server was not looked at. */
static void send_packet(int64_t later_us)
{
    static const uint8_t bytes[100] = {0xfc};
    struct limef_packet_frame packet = {.frame = {.frame_class = LIMEF_FRAME_PACKET,
                                                  .media = LIMEF_MEDIA_AUDIO,
                                                  .pts_us = at_us,
                                                  .duration_us = PACKET_US},
                                        .data = bytes,
                                        .size_bytes = sizeof(bytes)};

    shout.taken_us -= later_us;
    at_us += PACKET_US;
    cr_assert(zero(int, limef_go(&shout.filter, &packet.frame)));
}

static struct limef_shout_counters counters(void)
{
    struct limef_shout_counters counters;

    limef_shout_get_counters(&shout, &counters);
    return counters;
}

static void open_stream(void)
{
    struct limef_shout_settings settings = {.url = "icecast://source:secret@127.0.0.1:1/a",
                                            .timeout_us = TIMEOUT_US,
                                            .retry_us = TIMEOUT_US};

    cr_assert(zero(int, limef_shout_filter_init(&shout, NULL, &settings)));
    send_codec();
    n_takes = 0;
    send_packet(0);
    cr_assert(eq(int, counters().state, LIMEF_SHOUT_ON));
    cr_assert(gt(i64, n_queued, 0));
}

static void close_stream(void)
{
    n_takes = INT64_MAX;
    limef_filter_clear(&shout.filter);
    limef_pool_release(codecs);
}

TestSuite(shout_slow, .init = open_stream, .fini = close_stream, .timeout = 30);

Test(shout_slow, keeps_a_server_that_catches_up_slowly)
{
    n_takes = 10; /* far less than comes */
    for (int i = 0; i < 100; i++)
        send_packet(TIMEOUT_US / 2);
    cr_assert(gt(i64, n_queued, 0));
    cr_assert(zero(u64, counters().n_failures));
    cr_assert(zero(u64, counters().n_dropped));
    n_takes = 150; /* and a little more */
    for (int i = 0; i < 1000 && n_queued > 0; i++)
        send_packet(TIMEOUT_US / 2);
    cr_assert(zero(i64, n_queued));
    cr_assert(zero(u64, counters().n_failures));
}

Test(shout_slow, gives_up_a_server_that_takes_nothing_though_more_and_more_is_queued)
{
    n_takes = 10;
    send_packet(TIMEOUT_US / 2);
    n_takes = 0;
    for (int i = 0; i < 20; i++)
        send_packet(0);
    cr_assert(zero(u64, counters().n_failures));
    send_packet(TIMEOUT_US / 2);
    cr_assert(zero(u64, counters().n_failures));
    send_packet(TIMEOUT_US * 6 / 10);
    cr_assert(eq(u64, counters().n_failures, 1));
    cr_assert(eq(int, counters().state, LIMEF_SHOUT_OFF));
}

static int n_warned;

static void count_warnings(void *context, enum limef_log_level level, const char *name,
                           const char *line)
{
    (void)context;
    (void)name;
    n_warned += level <= LIMEF_LOG_WARNING && strstr(line, "no limit for its socket");
}

Test(shout_slow, says_where_the_system_cannot_be_told_how_long_to_wait)
{
    struct limef_signal_frame end;

    limef_log_set_sink(count_warnings, NULL);
    can_limit = AVERROR(ENOENT);
    n_takes = INT64_MAX;
    limef_signal_frame_set(&end, LIMEF_SIGNAL_END, 0, NULL);
    cr_assert(zero(int, limef_go(&shout.filter, &end.frame)));
    send_packet(0);
    cr_assert(eq(int, counters().state, LIMEF_SHOUT_ON));
    cr_assert(eq(int, n_warned, 1));
}

Test(shout_slow, gives_up_a_server_that_is_too_slow_for_good)
{
    n_takes = 10;
    for (int i = 0; i < 4000 && !counters().n_failures; i++)
        send_packet(0);
    cr_assert(eq(u64, counters().n_failures, 1));
}
