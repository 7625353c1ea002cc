/* SPDX-License-Identifier: MIT */
#include <limef/filter/shout.h>

#include "base/detached.h"
#include "base/memory_private.h"
#include "base/module.h"
#include "filter/filter_counts.h"
#include "filter/shout_private.h"
#include "rtsp/resolver.h"

#include <limef/base/log.h>

#include <libavcodec/avcodec.h>
#include <libavutil/common.h>
#include <time.h>

#define DEFAULT_TIMEOUT_US 10000000
#define DEFAULT_RETRY_US 1000000
#define MAX_RETRY_US 30000000
/* A connection that lasted so long was a good one: the next failure is a first one. */
#define LASTED_US 10000000
/* What may wait for a server that takes nothing; some 20 s of sound. */
#define MAX_WAITING_BYTES (256 << 10)
/* At the end: for what waits to be sent, and how often it is looked at. */
#define FINISH_US 1000000
#define LOOK_NS 10000000

static struct limef_shout_filter *shout_of(struct limef_filter *filter)
{
    return LIMEF_CONTAINER_OF(filter, struct limef_shout_filter, filter);
}

static void set_state(struct limef_shout_filter *shout, enum limef_shout_state state)
{
    atomic_store_explicit(&shout->state, state, memory_order_relaxed);
}

static void disconnect(struct limef_shout_filter *shout, bool is_lost)
{
    resolver_close(&shout->resolver);
    shout_stream_end(shout, is_lost);
    if (shout->client && shout->ops->disconnect(shout->client) < 0) {
        shout->ops->release(shout->client);
        shout->client = NULL; /* the next connection makes another one */
    }
    set_state(shout, LIMEF_SHOUT_OFF);
}

/* Says why, and when it tries again. Returns code. */
static int fail_by(struct limef_shout_filter *shout, int code, const char *why)
{
    int64_t now_us = limef_now_us();

    LIMEF_COUNT(shout->n_failures, 1);
    if (LIMEF_COUNTED(shout->state) == LIMEF_SHOUT_ON && now_us > shout->connected_us + LASTED_US)
        shout->backoff_us = 0;
    shout->backoff_us =
        shout->backoff_us ? FFMIN(2 * shout->backoff_us, MAX_RETRY_US) : shout->settings.retry_us;
    shout->due_us = now_us + shout->backoff_us;
    limef_log(
        LIMEF_LOG_WARNING, shout->filter.name, "%s: %s (%s); again in %.1f s", shout->url.text,
        LIMEF_COUNTED(shout->state) == LIMEF_SHOUT_ON ? "the server was lost" : "cannot connect",
        why && *why ? why : av_err2str(code), (double)shout->backoff_us / 1e6);
    disconnect(shout, true);
    return code;
}

static int fail(struct limef_shout_filter *shout, int code)
{
    return fail_by(shout, code, shout->client ? shout->ops->why(shout->client) : NULL);
}

/* libshout has a copy of the password from then on. */
static int make_client(struct limef_shout_filter *shout)
{
    struct shout_place place;
    struct shout_target target = {
        .host = place.location.host,
        .user = place.secrets.user,
        .password = place.secrets.password,
        .mount = place.mount,
        .name = shout->settings.name ? shout->settings.name : "limef",
        .timeout_us = shout->settings.timeout_us,
        .start_thread = detached_start,
    };
    int ret = shout_place_read(&place, shout->url.whole);

    target.port = place.location.port;
    target.is_tls = place.location.is_tls;
    if (!*target.user)
        target.user = "source";
    if (ret >= 0)
        ret = memory_permits() ? shout->ops->make(&shout->client, &target) : AVERROR(ENOMEM);
    rtsp_secrets_wipe(&place.secrets);
    return ret;
}

/* Begins to look its name up; what is written as a number has none. */
static int find_server(struct limef_shout_filter *shout, struct resolver_addresses *addresses)
{
    struct shout_place place;
    int ret = shout_place_read(&place, shout->url.whole);

    rtsp_secrets_wipe(&place.secrets);
    if (ret < 0)
        return ret;
    if (resolver_read_number(place.location.host, place.location.port, addresses) >= 0)
        return 0;
    addresses->n = 0;
    return resolver_open(&shout->resolver, place.location.host, place.location.port,
                         shout->was_slow);
}

static int connect_to(struct limef_shout_filter *shout)
{
    struct resolver_addresses addresses;
    int ret = shout->client ? 0 : make_client(shout);

    if (ret >= 0)
        ret = find_server(shout, &addresses);
    if (ret >= 0 && !shout->resolver)
        ret = shout->ops->connect(shout->client, &addresses);
    if (ret < 0)
        return fail(shout, ret);
    set_state(shout, LIMEF_SHOUT_CONNECTING);
    shout->due_us = limef_now_us() + shout->settings.timeout_us;
    return 0;
}

/* Its address. */
static int take_address(struct limef_shout_filter *shout)
{
    struct resolver_addresses addresses;
    const char *why = NULL;
    int ret = resolver_take(shout->resolver, &addresses, &why);

    if (ret == AVERROR(EAGAIN) && limef_now_us() <= shout->due_us)
        return 0;
    shout->was_slow = ret == AVERROR(EAGAIN);
    if (shout->was_slow)
        return fail_by(shout, AVERROR(ETIMEDOUT), "the name server does not answer");
    if (ret < 0)
        return fail_by(shout, ret, why);
    resolver_close(&shout->resolver);
    ret = shout->ops->connect(shout->client, &addresses);
    return ret < 0 ? fail(shout, ret) : 0;
}

static int take_answer(struct limef_shout_filter *shout)
{
    int ret;

    if (shout->resolver)
        return take_address(shout);
    ret = shout->ops->poll(shout->client);
    if (ret == AVERROR(EAGAIN))
        return limef_now_us() > shout->due_us ? fail(shout, AVERROR(ETIMEDOUT)) : 0;
    if (ret < 0)
        return fail(shout, ret);
    LIMEF_COUNT(shout->n_connects, 1);
    shout->connected_us = shout->taken_us = limef_now_us();
    shout->n_taken = LIMEF_COUNTED(shout->n_bytes);
    set_state(shout, LIMEF_SHOUT_ON);
    limef_log(LIMEF_LOG_INFO, shout->filter.name, "%s: connected", shout->url.text);
    ret = shout->ops->limit(shout->client);
    if (ret < 0)
        limef_log(LIMEF_LOG_WARNING, shout->filter.name,
                  "%s: if it stops reading, that is seen late: no limit for its socket (%s)",
                  shout->url.text, av_err2str(ret));
    return 0;
}

/* A server that is there and takes nothing is as good as lost; one that takes some of it, however
 * slowly it catches up, is not. */
static int check_waiting(struct limef_shout_filter *shout)
{
    int64_t n_bytes = shout->ops->waiting(shout->client), now_us = limef_now_us();
    uint64_t n_taken;

    if (n_bytes < 0)
        return fail(shout, (int)n_bytes);
    n_taken = LIMEF_COUNTED(shout->n_bytes) - (uint64_t)n_bytes;
    if (n_bytes == 0 || n_taken != shout->n_taken)
        shout->taken_us = now_us;
    shout->n_taken = n_taken;
    return n_bytes > MAX_WAITING_BYTES || now_us > shout->taken_us + shout->settings.timeout_us
               ? fail(shout, AVERROR(ETIMEDOUT))
               : 0;
}

static int send_packet(struct limef_shout_filter *shout, const struct limef_packet_frame *packet)
{
    int ret = 0;

    if (!shout->format)
        ret = shout_stream_begin(shout);
    if (ret == AVERROR(EINVAL) || ret == AVERROR(ENOSYS)) { /* Ogg has no place for this codec */
        shout->is_refused = true;
        limef_fail(ret, shout->filter.name, "%s cannot be sent",
                   avcodec_get_name(shout->codec.parameters->codec_id));
        disconnect(shout, true);
        return ret;
    }
    if (ret >= 0)
        ret = shout_stream_write(shout, packet);
    return ret < 0 ? fail(shout, ret) : check_waiting(shout);
}

/* Whether a server takes packets now; goes on with what it takes to get there. */
static bool is_on(struct limef_shout_filter *shout)
{
    if (LIMEF_COUNTED(shout->state) == LIMEF_SHOUT_OFF && limef_now_us() >= shout->due_us)
        connect_to(shout);
    if (LIMEF_COUNTED(shout->state) == LIMEF_SHOUT_CONNECTING)
        take_answer(shout);
    return LIMEF_COUNTED(shout->state) == LIMEF_SHOUT_ON;
}

static void take_packet(struct limef_shout_filter *shout, const struct limef_packet_frame *packet)
{
    if (packet->frame.media != LIMEF_MEDIA_AUDIO || !packet->size_bytes)
        return;
    if (!shout->codec.parameters || shout->is_refused || !is_on(shout) ||
        send_packet(shout, packet) < 0)
        LIMEF_COUNT(shout->n_dropped, 1);
}

/* What follows is another stream; Ogg's listeners are used to that. */
static void take_codec(struct limef_shout_filter *shout, const struct limef_codec_frame *codec)
{
    if (codec->frame.media != LIMEF_MEDIA_AUDIO || !codec->frame.payload)
        return;
    shout_stream_end(shout, false);
    limef_payload_unref(shout->codec.frame.payload);
    shout->codec = *codec;
    limef_payload_ref(codec->frame.payload);
    shout->is_refused = false;
}

static void finish(struct limef_shout_filter *shout)
{
    int64_t deadline_us = limef_deadline_us(FINISH_US);

    if (LIMEF_COUNTED(shout->state) == LIMEF_SHOUT_ON) {
        shout_stream_end(shout, false);
        while (shout->ops->waiting(shout->client) > 0 && limef_now_us() < deadline_us)
            nanosleep(&(struct timespec){.tv_nsec = LOOK_NS}, NULL);
    }
    disconnect(shout, true);
    shout->due_us = shout->backoff_us = 0;
}

static int shout_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct limef_shout_filter *shout = shout_of(filter);
    const struct limef_signal_frame *signal_frame = limef_signal_frame_from(in);

    if (in->frame_class == LIMEF_FRAME_PACKET)
        take_packet(shout, limef_packet_frame_from(in));
    else if (in->frame_class == LIMEF_FRAME_CODEC)
        take_codec(shout, limef_codec_frame_from(in));
    else if (signal_frame && (signal_frame->signal == LIMEF_SIGNAL_END ||
                              signal_frame->signal == LIMEF_SIGNAL_STOP))
        finish(shout);
    return limef_pass(filter, in);
}

static void shout_clear(struct limef_filter *filter)
{
    struct limef_shout_filter *shout = shout_of(filter);

    finish(shout);
    if (shout->client)
        shout->ops->release(shout->client);
    limef_url_clear(&shout->url);
    av_packet_free(&shout->shell);
    limef_payload_unref(shout->codec.frame.payload);
    *shout = (struct limef_shout_filter){0};
}

static unsigned shout_counts(const struct limef_filter *filter, struct limef_filter_count *counts)
{
    const struct limef_shout_filter *shout =
        LIMEF_CONTAINER_OF(filter, const struct limef_shout_filter, filter);
    const struct limef_filter_count now[] = {
        {"dropped", LIMEF_COUNTED(shout->n_dropped)},
        {"connects", LIMEF_COUNTED(shout->n_connects)},
        {"failures", LIMEF_COUNTED(shout->n_failures)},
    };

    return filter_counts(counts, now, sizeof(now));
}

static const struct limef_filter_ops shout_ops = {.kind = "shout",
                                                  .flags =
                                                      LIMEF_FILTER_BLOCKING | LIMEF_FILTER_RECORDS,
                                                  .go = shout_go,
                                                  .clear = shout_clear,
                                                  .counts = shout_counts};

/* Whether the URL is one. */
static int check_place(const struct limef_url *url)
{
    struct shout_place place;
    int ret = shout_place_read(&place, url->whole);

    rtsp_secrets_wipe(&place.secrets);
    return ret;
}

static int take_url(struct limef_url *url, const char *name,
                    const struct limef_shout_settings *settings)
{
    int ret = limef_url_init(url, settings->url ? settings->url : "");

    if (ret < 0)
        return limef_fail(ret, name, "init");
    ret = check_place(url);
    if (ret < 0)
        limef_fail(ret, name, "%s is not like icecast://user:password@host:8000/mount", url->text);
    else if (settings->password && limef_url_lacks_password(url))
        ret = limef_url_set_login(url, NULL, settings->password);
    if (ret < 0)
        limef_url_clear(url);
    return ret;
}

int limef_shout_filter_init(struct limef_shout_filter *shout, const char *name,
                            const struct limef_shout_settings *settings)
{
    const struct shout_client_ops *ops;
    int ret;

    name = name ? name : shout_ops.kind;
    ret = take_url(&shout->url, name, settings);
    if (ret < 0)
        return ret;
    ops = module_load(SHOUT_CLIENT_FILE, SHOUT_CLIENT_SYMBOL, name);
    if (!ops || ops->abi != SHOUT_CLIENT_ABI)
        ret = limef_fail(AVERROR(ENOSYS), name, "libshout is not there");
    shout->shell = ret >= 0 ? memory_new_packet() : NULL;
    if (ret >= 0 && !shout->shell)
        ret = limef_fail(AVERROR(ENOMEM), name, "init");
    if (ret < 0) {
        limef_url_clear(&shout->url);
        return ret;
    }
    limef_filter_init(&shout->filter, &shout_ops, name);
    shout->ops = ops;
    shout->settings = *settings;
    shout->settings.url = shout->settings.password = NULL; /* they are in shout->url */
    if (!shout->settings.timeout_us)
        shout->settings.timeout_us = DEFAULT_TIMEOUT_US;
    if (!shout->settings.retry_us)
        shout->settings.retry_us = DEFAULT_RETRY_US;
    return 0;
}

void limef_shout_get_counters(const struct limef_shout_filter *shout,
                              struct limef_shout_counters *counters)
{
    *counters = (struct limef_shout_counters){
        .state = (enum limef_shout_state)LIMEF_COUNTED(shout->state),
        .n_packets = LIMEF_COUNTED(shout->n_packets),
        .n_bytes = LIMEF_COUNTED(shout->n_bytes),
        .n_dropped = LIMEF_COUNTED(shout->n_dropped),
        .n_connects = LIMEF_COUNTED(shout->n_connects),
        .n_failures = LIMEF_COUNTED(shout->n_failures),
    };
}
