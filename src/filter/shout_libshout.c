/* SPDX-License-Identifier: MIT */
#include "filter/shout_client.h"
#include "filter/shout_opening.h"
#include "filter/shout_socket.h"

#include "rtsp/resolver.h"

#include <errno.h>
#include <libavutil/error.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <shout/shout.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct shout_client {
    shout_t *shout;                /* NULL: it was left to a thread that hangs in it */
    struct shout_opening *opening; /* by TLS, owned as shout is */
    bool is_opening;               /* it has the handle */
    int knock;                     /* a socket that asks whether anybody is there; -1: none */
    bool opened;                   /* libshout is connected, or on its way there */
    bool is_tls;
    int64_t timeout_us;
    struct resolver_addresses addresses; /* of the server, at the latest connection */
    struct shout_sockets sockets;        /* of the process, while it connects */
};

/* SIGPIPE of a server that went away is not for the process. */
struct quiet {
    sigset_t before;
    bool was_pending;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static int translate(int ret)
{
    switch (ret) {
    case SHOUTERR_SUCCESS:
    case SHOUTERR_CONNECTED:
        return 0;
    case SHOUTERR_BUSY:
    case SHOUTERR_RETRY:
        return AVERROR(EAGAIN);
    case SHOUTERR_NOCONNECT:
        return AVERROR(ECONNREFUSED);
    case SHOUTERR_NOLOGIN:
        return AVERROR(EACCES);
    case SHOUTERR_SOCKET:
    case SHOUTERR_UNCONNECTED:
        return AVERROR(EPIPE);
    case SHOUTERR_MALLOC:
        return AVERROR(ENOMEM);
    case SHOUTERR_INSANE:
        return AVERROR(EINVAL);
    case SHOUTERR_UNSUPPORTED:
    case SHOUTERR_NOTLS:
        return AVERROR(EPROTO);
    default:
        return AVERROR(EIO);
    }
}

static int set(shout_t *shout, const struct shout_target *target)
{
    int ret = shout_set_host(shout, target->host);

    if (!ret)
        ret = shout_set_port(shout, target->port);
    if (!ret)
        ret = shout_set_protocol(shout, SHOUT_PROTOCOL_HTTP);
    if (!ret)
        ret = shout_set_user(shout, target->user);
    if (!ret)
        ret = shout_set_password(shout, target->password);
    if (!ret)
        ret = shout_set_mount(shout, target->mount);
    if (!ret)
        ret = shout_set_meta(shout, SHOUT_META_NAME, target->name);
    if (!ret)
        ret = shout_set_content_format(shout, SHOUT_FORMAT_OGG, SHOUT_USAGE_AUDIO, NULL);
    /* a server that says it has TLS and has none gets no password */
    if (!ret)
        ret = shout_set_tls(shout, target->is_tls ? SHOUT_TLS_RFC2818 : SHOUT_TLS_DISABLED);
    return ret ? ret : shout_set_nonblocking(shout, SHOUT_BLOCKING_NONE);
}

static sigset_t sigpipe(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    return set;
}

static void begin_quiet(struct quiet *quiet)
{
    sigset_t set = sigpipe(), pending;

    sigpending(&pending);
    quiet->was_pending = sigismember(&pending, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &set, &quiet->before);
}

static void end_quiet(const struct quiet *quiet)
{
    sigset_t set = sigpipe();

    if (!quiet->was_pending)
        sigtimedwait(&set, NULL, &(struct timespec){.tv_sec = 0});
    pthread_sigmask(SIG_SETMASK, &quiet->before, NULL);
}

/* One handle for all its connections: that of libshout 2.4.6 frees itself only while connected. */
static void release(struct shout_client *client)
{
    shout_sockets_clear(&client->sockets);
    shout_opening_release(client->opening);
    if (client->shout)
        shout_free(client->shout);
    free(client);
}

static int make(struct shout_client **made, const struct shout_target *target)
{
    struct shout_client *client = calloc(1, sizeof(*client));
    int ret;

    pthread_once(&once, shout_init);
    if (client)
        client->shout = shout_new();
    if (!client || !client->shout) {
        free(client);
        return AVERROR(ENOMEM);
    }
    client->knock = -1;
    client->is_tls = target->is_tls;
    client->timeout_us = target->timeout_us;
    if (target->is_tls)
        client->opening = shout_opening_make(client->shout, target->start_thread);
    ret = target->is_tls && !client->opening ? AVERROR(ENOMEM)
                                             : translate(set(client->shout, target));
    if (ret < 0)
        release(client);
    else
        *made = client;
    return ret;
}

/* Begins to knock at an address. Returns 0, or what the system said. */
static int knock_at(struct shout_client *client, const struct resolver_address *address)
{
    int ret;

    client->knock =
        socket(address->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (client->knock < 0)
        return AVERROR(errno);
    if (connect(client->knock, (const struct sockaddr *)&address->address, address->bytes) == 0 ||
        errno == EINPROGRESS)
        return 0;
    ret = AVERROR(errno);
    close(client->knock);
    client->knock = -1;
    return ret;
}

/* It would wait for the system to look up a name. */
static int set_address(struct shout_client *client, const struct resolver_address *address)
{
    char host[NI_MAXHOST];

    if (client->is_tls)
        return 0;
    if (getnameinfo((const struct sockaddr *)&address->address, address->bytes, host, sizeof(host),
                    NULL, 0, NI_NUMERICHOST))
        return AVERROR(EINVAL);
    return translate(shout_set_host(client->shout, host));
}

/* libshout 2.4.6 loses some memory each time that nobody listens: it is asked when somebody does.
 */
static int knock(struct shout_client *client, const struct resolver_addresses *addresses)
{
    int ret = AVERROR(EADDRNOTAVAIL);

    client->addresses = *addresses;
    shout_sockets_clear(&client->sockets);
    for (unsigned i = 0; i < addresses->n && ret < 0; i++) {
        ret = set_address(client, &addresses->list[i]);
        if (ret >= 0)
            ret = knock_at(client, &addresses->list[i]);
    }
    return ret;
}

/* Returns 0: somebody is there, and libshout goes on. */
static int hear_answer(struct shout_client *client)
{
    struct pollfd fd = {.fd = client->knock, .events = POLLOUT};
    socklen_t bytes = sizeof(int);
    int error = 0, ret;

    if (poll(&fd, 1, 0) == 0)
        return AVERROR(EAGAIN);
    if (getsockopt(client->knock, SOL_SOCKET, SO_ERROR, &error, &bytes) < 0)
        error = errno;
    close(client->knock);
    client->knock = -1;
    if (error)
        return AVERROR(error);
    if (client->is_tls) {
        ret = shout_opening_start(client->opening);
        client->is_opening = ret >= 0;
        return ret < 0 ? ret : AVERROR(EAGAIN);
    }
    ret = shout_open(client->shout);
    client->opened = true;
    return translate(ret);
}

static int take_opening(struct shout_client *client)
{
    int ret;

    if (!shout_opening_take(client->opening, &ret))
        return AVERROR(EAGAIN);
    client->is_opening = false;
    client->opened = true;
    return translate(ret);
}

static int poll_client(struct shout_client *client)
{
    struct quiet quiet;
    int ret;

    if (!client->is_opening) /* else it was looked before the thread began, which may be through */
        shout_sockets_look(&client->sockets, false);
    begin_quiet(&quiet);
    ret = client->opened       ? translate(shout_get_connected(client->shout))
          : client->is_opening ? take_opening(client)
                               : hear_answer(client);
    end_quiet(&quiet);
    if (client->opened)
        shout_sockets_look(&client->sockets, true);
    return ret;
}

static int limit(struct shout_client *client)
{
    int ret = shout_sockets_limit(&client->sockets, &client->addresses, client->timeout_us);

    shout_sockets_clear(&client->sockets);
    return ret;
}

/* Raw: the pages are in time already, and libshout need not look into them. */
static int send_bytes(struct shout_client *client, const uint8_t *bytes, size_t n_bytes)
{
    struct quiet quiet;
    ssize_t n;

    begin_quiet(&quiet);
    n = shout_send_raw(client->shout, bytes, n_bytes);
    end_quiet(&quiet);
    return n >= 0 || n == SHOUTERR_BUSY ? 0 : translate((int)n);
}

static int64_t waiting(struct shout_client *client)
{
    int ret = send_bytes(client, NULL, 0);
    ssize_t n = shout_queuelen(client->shout);

    return ret < 0 && ret != AVERROR(EAGAIN) ? ret : n < 0 ? 0 : n;
}

static const char *why(struct shout_client *client)
{
    return client->opened ? shout_get_error(client->shout) : NULL;
}

static int disconnect(struct shout_client *client)
{
    struct quiet quiet;

    if (client->is_opening && shout_opening_leave(client->opening)) {
        client->shout = NULL;
        client->opening = NULL;
        return AVERROR(EBUSY);
    }
    client->opened |= client->is_opening;
    client->is_opening = false;
    if (client->knock >= 0)
        close(client->knock);
    client->knock = -1;
    begin_quiet(&quiet);
    if (client->opened)
        shout_close(client->shout);
    end_quiet(&quiet);
    client->opened = false;
    return 0;
}

__attribute__((visibility("default"))) const struct shout_client_ops limef_shout_client = {
    .abi = SHOUT_CLIENT_ABI,
    .make = make,
    .connect = knock,
    .poll = poll_client,
    .limit = limit,
    .send = send_bytes,
    .waiting = waiting,
    .why = why,
    .disconnect = disconnect,
    .release = release,
};
