/* SPDX-License-Identifier: MIT */
#include "camera/camera_private.h"

#include <limef/base/clock.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define N_EVENTS 64
#define LONGEST_WAIT_US 20000
#define DRIBBLE_BYTES 24
#define DRIBBLE_US 2000
/* How long the other end of a session that the camera forgot stays open. */
#define FORGOTTEN_US 10000000

static void check(bool is_right, const char *what)
{
    if (is_right)
        return;
    perror(what);
    abort();
}

uint32_t camera_random(struct cameras *cameras)
{
    cameras->random ^= cameras->random << 13;
    cameras->random ^= cameras->random >> 17;
    cameras->random ^= cameras->random << 5;
    return cameras->random;
}

static void watch(struct session *session, int operation)
{
    struct epoll_event event = {.events = session->waits_to_write ? EPOLLIN | EPOLLOUT : EPOLLIN,
                                .data.ptr = session};

    epoll_ctl(session->camera->cameras->poll_fd, operation, session->fd, &event);
}

void camera_count_down(struct camera *camera)
{
    if (camera->fault.n > 0)
        camera->fault.n--;
    if (camera->fault.n == 0)
        camera->is_broken = false;
}

void session_write(struct session *session, const void *data, size_t bytes)
{
    if (session->secure && secure_is_open(session->secure))
        secure_write(session->secure, data, bytes);
    else
        session_write_plain(session, data, bytes);
}

void session_write_plain(struct session *session, const void *data, size_t bytes)
{
    if (session->n_out + bytes > MAX_OUT_BYTES || session->is_forgotten)
        return;
    while (session->n_out + bytes > session->out_room) {
        session->out_room = session->out_room ? 2 * session->out_room : 16384;
        session->out = realloc(session->out, session->out_room);
        check(session->out, "memory");
    }
    memcpy(session->out + session->n_out, data, bytes);
    session->n_out += bytes;
}

void session_write_text(struct session *session, const char *text)
{
    session_write(session, text, strlen(text));
}

void session_close(struct session *session, bool with_reset)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};

    if (session->fd == 0)
        return;
    if (with_reset)
        setsockopt(session->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    close(session->fd);
    for (int i = 0; i < 2; i++)
        if (session->udp_fds[i])
            close(session->udp_fds[i]);
    free(session->out);
    secure_end(session->secure);
    memset(session, 0, sizeof(*session));
}

void session_flush(struct session *session, int64_t now_us)
{
    bool dribbles = session->fault.kind == FAULT_DRIBBLE && !session->is_playing;
    size_t sent = 0, bytes = session->n_out;
    bool waits;

    if (session->fd == 0 || session->is_forgotten || now_us < session->send_after_us)
        return;
    if (dribbles && bytes > DRIBBLE_BYTES)
        bytes = DRIBBLE_BYTES;
    if (dribbles)
        session->send_after_us = now_us + DRIBBLE_US;
    while (sent < bytes) {
        ssize_t n = send(session->fd, session->out + sent, bytes - sent, MSG_NOSIGNAL);

        if (n < 0 && errno != EAGAIN) {
            session_close(session, false);
            return;
        }
        if (n <= 0)
            break;
        sent += (size_t)n;
    }
    session->n_out -= sent;
    if (sent > 0 && session->n_out > 0)
        memmove(session->out, session->out + sent, session->n_out);
    if (session->n_out == 0 && session->closes_when_sent) {
        session_close(session, false);
        return;
    }
    waits = session->n_out > 0 && session->send_after_us <= now_us;
    if (waits != session->waits_to_write) {
        session->waits_to_write = waits;
        watch(session, EPOLL_CTL_MOD);
    }
}

static void listen_again(struct camera *camera)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons(camera->port)};
    socklen_t bytes = sizeof(address);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = camera};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    check(fd > 0, "socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        close(fd); /* somebody has the port for a moment: later */
        return;
    }
    check(listen(fd, 64) == 0 && getsockname(fd, (struct sockaddr *)&address, &bytes) == 0,
          "listen");
    camera->port = ntohs(address.sin_port);
    camera->fd = fd;
    check(epoll_ctl(camera->cameras->poll_fd, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
}

static struct session *vacant_session(struct camera *camera)
{
    struct session *oldest = &camera->sessions[0];

    for (unsigned i = 0; i < N_SESSIONS; i++) {
        if (camera->sessions[i].fd == 0)
            return &camera->sessions[i];
        if (camera->sessions[i].began_us < oldest->began_us)
            oldest = &camera->sessions[i];
    }
    session_close(oldest, false);
    return oldest;
}

static void accept_client(struct camera *camera, int64_t now_us)
{
    int fd = accept4(camera->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct session *session;

    if (fd < 0)
        return;
    session = vacant_session(camera);
    session->camera = camera;
    session->fd = fd;
    session->began_us = now_us;
    session->nonce = camera_random(camera->cameras);
    if (camera->is_broken && camera->fault.kind >= FAULT_CLOSE_AT_ONCE) {
        session->fault = camera->fault;
        camera_count_down(camera);
    }
    if (session->fault.kind == FAULT_CLOSE_AT_ONCE || session->fault.kind == FAULT_RESET_AT_ONCE) {
        session_close(session, session->fault.kind == FAULT_RESET_AT_ONCE);
        return;
    }
    if (camera->is_secure)
        session->secure =
            secure_begin(session, camera->cameras->keys,
                         session->fault.kind == FAULT_TLS && session->fault.variant % 2);
    watch(session, EPOLL_CTL_ADD);
}

static void receive(struct session *session, int64_t now_us)
{
    char data[4096];
    size_t room = sizeof(session->in) - 1 - session->n_in;
    ssize_t n = recv(session->fd, data, room < sizeof(data) ? room : sizeof(data), 0);

    if (n == 0 || (n < 0 && errno != EAGAIN)) {
        session_close(session, false);
        return;
    }
    if (n < 0)
        return;
    if (session->secure) {
        if (!session_decipher(session, data, (size_t)n, now_us))
            return;
    } else {
        memcpy(session->in + session->n_in, data, (size_t)n);
        session->n_in += (size_t)n;
    }
    if (session->camera->cameras->settings.is_paused || session_misbehave(session, now_us)) {
        session->n_in = 0;
        return;
    }
    session_take(session, now_us);
    if (session->fd && session->n_in == sizeof(session->in) - 1)
        session_close(session, false);
}

static void tick_camera(struct camera *camera, int64_t now_us, int64_t *due_us)
{
    if (camera->fd == 0 && (!camera->is_broken || camera->fault.kind != FAULT_RESTART))
        listen_again(camera);
    if (camera->is_broken && now_us >= camera->well_us)
        camera->is_broken = false;
    for (unsigned i = 0; i < N_SESSIONS; i++) {
        struct session *session = &camera->sessions[i];

        if (session->is_forgotten && now_us - session->next_us > FORGOTTEN_US)
            session_close(session, false);
        if (session->fd && session->is_playing)
            session_stream(session, now_us);
        if (session->fd && session->fault.kind == FAULT_ENDLESS)
            session_misbehave(session, now_us);
        if (session->fd && session->n_out > 0)
            session_flush(session, now_us);
        if (session->fd && session->is_playing && session->next_us < *due_us)
            *due_us = session->next_us;
        if (session->fd && session->n_out > 0 && !session->waits_to_write &&
            session->send_after_us < *due_us)
            *due_us = session->send_after_us;
    }
}

static bool is_listener(const struct cameras *cameras, const void *pointer)
{
    uintptr_t at = (uintptr_t)pointer - (uintptr_t)cameras->cameras;

    return at % sizeof(struct camera) == 0;
}

static void handle(struct cameras *cameras, const struct epoll_event *event, int64_t now_us)
{
    uint64_t n;

    if (!event->data.ptr) {
        check(read(cameras->wake_fd, &n, sizeof(n)) == sizeof(n), "eventfd");
    } else if (is_listener(cameras, event->data.ptr)) {
        struct camera *camera = event->data.ptr;

        if (camera->fd)
            accept_client(camera, now_us);
    } else {
        struct session *session = event->data.ptr;

        if (session->fd && event->events & (EPOLLIN | EPOLLHUP | EPOLLERR))
            receive(session, now_us);
        if (session->fd && event->events & EPOLLOUT)
            session_flush(session, now_us);
    }
}

static void *serve(void *argument)
{
    struct cameras *cameras = argument;
    struct epoll_event events[N_EVENTS];

    pthread_mutex_lock(&cameras->lock);
    while (!cameras->is_over) {
        int64_t now_us = limef_now_us(), due_us = now_us + LONGEST_WAIT_US;
        int n;

        for (unsigned i = 0; i < cameras->n_cameras; i++)
            tick_camera(&cameras->cameras[i], now_us, &due_us);
        pthread_mutex_unlock(&cameras->lock);
        n = epoll_wait(cameras->poll_fd, events, N_EVENTS,
                       due_us > now_us ? (int)((due_us - now_us) / 1000) + 1 : 0);
        pthread_mutex_lock(&cameras->lock);
        for (int i = 0; i < n; i++)
            handle(cameras, &events[i], limef_now_us());
    }
    pthread_mutex_unlock(&cameras->lock);
    return NULL;
}

struct cameras *cameras_start(const struct cameras_settings *settings, const struct clip clips[2])
{
    size_t bytes = sizeof(struct cameras) + settings->n_cameras * sizeof(struct camera);
    struct cameras *cameras = calloc(1, bytes);
    struct epoll_event event = {.events = EPOLLIN};

    check(cameras, "memory");
    cameras->settings = *settings;
    cameras->settings.rate_hz = settings->rate_hz ? settings->rate_hz : 25;
    cameras->clips = clips;
    cameras->n_cameras = settings->n_cameras;
    cameras->random = settings->seed * 2654435761u + 1;
    cameras->poll_fd = epoll_create1(EPOLL_CLOEXEC);
    cameras->wake_fd = eventfd(0, EFD_CLOEXEC);
    check(cameras->poll_fd >= 0 && cameras->wake_fd >= 0 &&
              epoll_ctl(cameras->poll_fd, EPOLL_CTL_ADD, cameras->wake_fd, &event) == 0,
          "epoll");
    cameras->keys = settings->is_secure ? secure_keys_make() : NULL;
    for (unsigned i = 0; i < cameras->n_cameras; i++) {
        struct camera *camera = &cameras->cameras[i];

        camera->cameras = cameras;
        camera->number = i;
        camera->is_secure = cameras->keys && i % 4 == 1;
        listen_again(camera);
        check(camera->fd > 0, "a port");
    }
    pthread_mutex_init(&cameras->lock, NULL);
    check(pthread_create(&cameras->thread, NULL, serve, cameras) == 0, "a thread");
    return cameras;
}

void cameras_stop(struct cameras *cameras)
{
    pthread_mutex_lock(&cameras->lock);
    cameras->is_over = true;
    pthread_mutex_unlock(&cameras->lock);
    eventfd_write(cameras->wake_fd, 1);
    pthread_join(cameras->thread, NULL);
    for (unsigned i = 0; i < cameras->n_cameras; i++) {
        for (unsigned k = 0; k < N_SESSIONS; k++)
            session_close(&cameras->cameras[i].sessions[k], false);
        if (cameras->cameras[i].fd)
            close(cameras->cameras[i].fd);
    }
    close(cameras->poll_fd);
    close(cameras->wake_fd);
    secure_keys_clear(cameras->keys);
    pthread_mutex_destroy(&cameras->lock);
    free(cameras);
}

uint16_t cameras_port(const struct cameras *cameras, unsigned i)
{
    return cameras->cameras[i].port;
}

const char *cameras_fingerprint(const struct cameras *cameras, unsigned i)
{
    return cameras->cameras[i].is_secure ? secure_keys_fingerprint(cameras->keys) : NULL;
}

/* What happens at once to those who watch. */
static void strike(struct session *session)
{
    struct camera *camera = session->camera;

    switch (camera->fault.kind) {
    case FAULT_CUT:
        session_write(session, "$\0\4\0\200\140", 6);
        session->closes_when_sent = true;
        break;
    case FAULT_HALF_OPEN:
        session->is_forgotten = true;
        session->is_playing = false;
        epoll_ctl(camera->cameras->poll_fd, EPOLL_CTL_DEL, session->fd, NULL);
        break;
    case FAULT_GOODBYE:
        session_send_report(session, true);
        session->is_playing = false;
        break;
    case FAULT_TEARDOWN:
        session_write_text(session, "TEARDOWN * RTSP/1.0\r\nCSeq: 1\r\n\r\n");
        session->is_playing = false;
        break;
    case FAULT_MOVE: {
        char text[160];

        snprintf(text, sizeof(text),
                 "REDIRECT * RTSP/1.0\r\nCSeq: 1\r\nLocation: rtsp%s://127.0.0.1:%u/again\r\n\r\n",
                 camera->is_secure ? "s" : "", camera->port);
        session_write_text(session, text);
        break;
    }
    case FAULT_QUESTIONS:
        for (unsigned i = 0; i < camera->fault.n; i++)
            session_write_text(session, i % 2 ? "OPTIONS * RTSP/1.0\r\nCSeq: 7\r\n\r\n"
                                              : "ANNOUNCE rtsp://x/ RTSP/1.0\r\nCSeq: 8\r\n"
                                                "Content-Length: 3\r\n\r\nv=0");
        break;
    case FAULT_OTHER_STREAM:
        session->ssrc = camera_random(camera->cameras);
        session->sequence = (uint16_t)camera_random(camera->cameras);
        session->first_timestamp = camera_random(camera->cameras);
        session->unit = 0;
        break;
    case FAULT_OTHER_SIZE:
        session->clip = !session->clip;
        session->unit = 0;
        break;
    case FAULT_JUMP:
        session->first_timestamp += (uint32_t)(camera->fault.us * CLOCK_HZ / 1000000);
        break;
    case FAULT_RECORD:
        session_disturb_records(session);
        break;
    case FAULT_FREEZE:
        session->send_after_us = camera->well_us;
        session->next_us = camera->well_us;
        break;
    default:
        if (camera->fault.kind == FAULT_KICK || camera->fault.kind == FAULT_RESTART ||
            camera->fault.kind >= FAULT_CLOSE_AT_ONCE)
            session_close(session, false);
        else if (camera->fault.kind == FAULT_RESET)
            session_close(session, true);
        break;
    }
}

void cameras_break(struct cameras *cameras, unsigned i, const struct fault *fault)
{
    struct camera *camera = &cameras->cameras[i];
    int64_t now_us;

    pthread_mutex_lock(&cameras->lock);
    now_us = limef_now_us();
    camera->fault = *fault;
    camera->is_broken = fault->kind >= FAULT_DROP;
    camera->well_us = LIMEF_FOREVER;
    if (fault->kind == FAULT_FREEZE || fault->kind == FAULT_RESTART) {
        camera->is_broken = true;
        camera->well_us = now_us + fault->us;
    }
    if (fault->kind == FAULT_NO_TCP || fault->kind == FAULT_NO_UDP) {
        camera->refuses_tcp = fault->kind == FAULT_NO_TCP;
        camera->refuses_udp = fault->kind == FAULT_NO_UDP;
    }
    if (fault->kind == FAULT_RESTART) {
        close(camera->fd);
        camera->fd = 0;
    }
    for (unsigned k = 0; k < N_SESSIONS; k++)
        if (camera->sessions[k].fd && !camera->sessions[k].is_forgotten)
            strike(&camera->sessions[k]);
    pthread_mutex_unlock(&cameras->lock);
    eventfd_write(cameras->wake_fd, 1);
}

bool cameras_is_well(struct cameras *cameras, unsigned i)
{
    bool is_well;

    pthread_mutex_lock(&cameras->lock);
    is_well = !cameras->cameras[i].is_broken;
    pthread_mutex_unlock(&cameras->lock);
    return is_well;
}

void cameras_mend(struct cameras *cameras, unsigned i)
{
    pthread_mutex_lock(&cameras->lock);
    cameras->cameras[i].is_broken = false;
    pthread_mutex_unlock(&cameras->lock);
    eventfd_write(cameras->wake_fd, 1);
}

uint64_t cameras_n_bytes(struct cameras *cameras)
{
    uint64_t n;

    pthread_mutex_lock(&cameras->lock);
    n = cameras->n_bytes;
    pthread_mutex_unlock(&cameras->lock);
    return n;
}
