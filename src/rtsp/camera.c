/* SPDX-License-Identifier: MIT */
#include "rtsp/camera.h"

#include "base/secret.h"

#include <limef/base/clock.h>
#include <limef/base/log.h>

#include <errno.h>
#include <fcntl.h>
#include <libavutil/common.h>
#include <libavutil/error.h>
#include <libavutil/random_seed.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define DEFAULT_TIMEOUT_US 5000000
/* On average; by chance a half more or less, so that those of a group do not come together (RFC
 * 3550 section 6.2). */
#define REPORT_EVERY_US 5000000
/* Bytes that one camera may take before the others of its thread have their turn. */
#define TURN_BYTES (256 * 1024)
/* What came while a step took so long may have waited for us. */
#define LONG_STEP_US 100000
/* Of datagrams that are read from a socket when its connection is over: all that it has room for.
 */
#define MOST_BATCHES 4096
/* Times in a row that datagrams of media are all that is looked for. */
#define MOST_PASSED 16
/* Connections in a row that end at SETUP or PLAY by one transport. */
#define MOST_HUNG_UP 2

static enum limef_rtsp_reason reason_in(enum rtsp_stream_phase phase)
{
    switch (phase) {
    case RTSP_STREAM_CLOSED:
    case RTSP_STREAM_RESOLVING:
        return LIMEF_RTSP_REASON_NAME;
    case RTSP_STREAM_CONNECTING:
        return LIMEF_RTSP_REASON_UNREACHABLE;
    case RTSP_STREAM_OPEN:
        return LIMEF_RTSP_REASON_NO_ANSWER;
    default:
        return LIMEF_RTSP_REASON_TLS;
    }
}

static int fail_to_connect(struct rtsp_camera *camera, int code, const char *why)
{
    enum limef_rtsp_reason reason = reason_in(camera->stream.failed_in);

    if (reason == LIMEF_RTSP_REASON_TLS && code == AVERROR(EACCES))
        reason = LIMEF_RTSP_REASON_CERTIFICATE;
    else if (reason == LIMEF_RTSP_REASON_TLS &&
             (code == AVERROR(ENOSYS) || code == AVERROR(EINVAL)))
        reason = LIMEF_RTSP_REASON_NO_TLS;
    return rtsp_camera_fail(camera, reason, code, why);
}

/* Of what opening a stream returned. */
static bool goes_on(const struct rtsp_camera *camera, int ret)
{
    return ret >= 0 || (ret == AVERROR(EAGAIN) && camera->stream.phase != RTSP_STREAM_CLOSED);
}

static int connect_now(struct rtsp_camera *camera)
{
    struct rtsp_stream_target target = {.host = camera->location.host,
                                        .port = camera->location.port,
                                        .is_tls = camera->location.is_tls,
                                        .tls = camera->settings.tls};
    char why[RTSP_TLS_WHY_BYTES];
    int ret;

    camera->retry_us = LIMEF_FOREVER;
    camera->deadline_us = limef_deadline_us(camera->settings.timeout_us);
    camera->past.n_connects++;
    camera->ssrc = (uint32_t)rtsp_camera_random(camera);
    ret = rtsp_stream_open(&camera->stream, &target, why);
    return goes_on(camera, ret) ? 0 : fail_to_connect(camera, ret, why);
}

static int begin(struct rtsp_camera *camera)
{
    int ret = rtsp_camera_set_state(camera, LIMEF_RTSP_CONNECTING, LIMEF_RTSP_REASON_NONE, 0,
                                    "connecting");

    return ret < 0 ? ret : connect_now(camera);
}

static int go_on_connecting(struct rtsp_camera *camera)
{
    enum rtsp_stream_phase before = camera->stream.phase;
    char why[RTSP_TLS_WHY_BYTES];
    int ret = rtsp_stream_go_on(&camera->stream, why);

    if (!goes_on(camera, ret))
        return fail_to_connect(camera, ret, why);
    if (camera->stream.phase != before) /* its name, a connection, TLS: each has its time */
        camera->deadline_us = limef_deadline_us(camera->settings.timeout_us);
    if (ret < 0)
        return 0;
    ret = rtsp_camera_ask(camera, RTSP_DESCRIBE);
    return ret < 0 ? rtsp_camera_fail(camera, LIMEF_RTSP_REASON_BROKEN, ret, "cannot ask") : 0;
}

/* All whole items that are there. Returns 0, AVERROR_EXIT; the connection may be gone then. */
static int take_items(struct rtsp_camera *camera, int64_t now_us)
{
    struct rtsp_stream *stream = &camera->stream;
    int ret = 0;

    while (ret >= 0 && stream->phase == RTSP_STREAM_OPEN && stream->begin < stream->end) {
        struct rtsp_item item;
        uint8_t *data = stream->received + stream->begin;
        size_t bytes = stream->end - stream->begin;
        ssize_t taken = rtsp_framing_is_doubtful(&camera->framing, data, bytes)
                            ? AVERROR_INVALIDDATA
                            : rtsp_item_read(&item, data, bytes);

        if (taken == 0)
            break;
        if (taken < 0) {
            camera->past.n_malformed++;
            stream->begin += rtsp_framing_find(&camera->framing, data, bytes);
            continue;
        }
        stream->begin += (size_t)taken;
        ret = rtsp_camera_take(camera, &item, now_us);
    }
    return ret;
}

/* What came just before the end is not lost, though the end was read first. */
static int take_rest(struct rtsp_camera *camera, int64_t now_us)
{
    int ret = camera->is_udp;

    for (unsigned i = 0; i < MOST_BATCHES && ret > 0; i++)
        ret = rtsp_camera_receive_datagrams(camera, 0, now_us);
    for (unsigned i = 0; i < camera->n_tracks && ret >= 0; i++)
        if (rtsp_receiver_flush(&camera->tracks[i]->receiver) == AVERROR_EXIT)
            ret = AVERROR_EXIT;
    return FFMIN(ret, 0);
}

/* Some close at a question that they do not know, be it one of a transport. */
static void note_end(struct rtsp_camera *camera)
{
    bool is_at_transport =
        !camera->has_played && (camera->pending == RTSP_SETUP || camera->pending == RTSP_PLAY);

    if (camera->pending == RTSP_KEEP_ALIVE)
        camera->keeps_alive_by_options = !camera->keeps_alive_by_options;
    camera->n_hung_up = is_at_transport ? camera->n_hung_up + 1 : 0;
    if (camera->n_hung_up == MOST_HUNG_UP) {
        camera->n_hung_up = 0;
        rtsp_camera_change_transport(camera);
    }
}

/* As receive(), into room that is lent. */
static int receive_lent(struct rtsp_camera *camera, int64_t now_us)
{
    uint64_t end = camera->stream.n_received + TURN_BYTES;
    int more = 1, ret = rtsp_stream_flush(&camera->stream);

    while (ret >= 0 && more > 0 && camera->stream.n_received < end &&
           camera->stream.phase == RTSP_STREAM_OPEN) {
        more = rtsp_stream_receive(&camera->stream);
        /* not that of the step: what is behind the camera may have taken long since */
        ret = take_items(camera, limef_now_us());
    }
    if (ret == AVERROR_EXIT || camera->stream.phase != RTSP_STREAM_OPEN)
        return ret == AVERROR_EXIT ? ret : 0;
    if (ret >= 0 && more >= 0)
        return more;
    ret = ret < 0 ? ret : more;
    if (take_rest(camera, now_us) == AVERROR_EXIT)
        return AVERROR_EXIT;
    note_end(camera);
    ret =
        rtsp_camera_fail(camera, LIMEF_RTSP_REASON_BROKEN, ret,
                         ret == AVERROR_EOF ? "it closed the connection" : "the connection broke");
    return FFMIN(ret, 0);
}

/* Returns 0: all; 1: there may be more; AVERROR_EXIT. */
static int receive(struct rtsp_camera *camera, int64_t now_us)
{
    uint8_t room[RTSP_STREAM_ROOM_BYTES]; /* of the thread's stack: one for all its cameras */
    int ret, taken;

    rtsp_stream_lend(&camera->stream, room);
    ret = receive_lent(camera, now_us);
    taken = rtsp_stream_take_back(&camera->stream);
    if (taken < 0 && ret >= 0)
        ret = rtsp_camera_fail(camera, LIMEF_RTSP_REASON_BROKEN, taken, "no memory");
    return ret;
}

/* When all tracks have said goodbye, and what was sent before that has had its time to come.
 * LIMEF_FOREVER: they have not. */
static int64_t ends_us(const struct rtsp_camera *camera)
{
    int64_t end_us = 0;

    for (unsigned i = 0; i < camera->n_tracks; i++) {
        const struct rtsp_receiver *receiver = &camera->tracks[i]->receiver;

        if (!receiver->left_us)
            return LIMEF_FOREVER;
        end_us = FFMAX(end_us, receiver->left_us + receiver->window.wait_us);
    }
    return end_us ? end_us : LIMEF_FOREVER;
}

static int look_at_end(struct rtsp_camera *camera, int64_t now_us)
{
    if (now_us < ends_us(camera))
        return rtsp_camera_look_at_silence(camera, now_us);
    if (take_rest(camera, now_us) == AVERROR_EXIT)
        return AVERROR_EXIT;
    return rtsp_camera_fail(camera, LIMEF_RTSP_REASON_LEFT, AVERROR_EOF, "it ended its streams");
}

static const char *what_is_late(const struct rtsp_camera *camera)
{
    const struct rtsp_stream *stream = &camera->stream;

    switch (stream->phase) {
    case RTSP_STREAM_RESOLVING:
        return rtsp_stream_waits_for_name(stream) ? "name lookup: no answer"
                                                  : "name lookup: busy with other names";
    case RTSP_STREAM_TRUSTING:
        return "whom it may trust cannot be read in time";
    case RTSP_STREAM_OPEN:
        return camera->is_misnumbered ? "no answer but with a CSeq of its own" : "no answer";
    default:
        return "no connection";
    }
}

/* Where each track has a session of its own and PLAY of one is not answered. */
static bool has_more_to_play(const struct rtsp_camera *camera)
{
    return camera->pending == RTSP_PLAY && camera->has_played && camera->is_apart &&
           camera->asked_track + 1 < camera->n_tracks;
}

static int play_next(struct rtsp_camera *camera)
{
    int ret;

    camera->asked_track++;
    ret = rtsp_camera_ask(camera, RTSP_PLAY);
    return ret < 0 ? rtsp_camera_fail(camera, LIMEF_RTSP_REASON_BROKEN, ret, "the connection broke")
                   : 0;
}

static int look_at_deadline(struct rtsp_camera *camera, int64_t now_us)
{
    if (has_more_to_play(camera))
        return play_next(camera);
    /* whether it is alive, media tell, and they are an answer to PLAY */
    if (camera->pending == RTSP_KEEP_ALIVE ||
        (camera->pending == RTSP_PLAY && camera->has_played)) {
        camera->report_us = FFMIN(camera->report_us, now_us);
        rtsp_camera_keep_on(camera, now_us);
        return 0;
    }
    return rtsp_camera_fail(camera, reason_in(camera->stream.phase), AVERROR(ETIMEDOUT),
                            what_is_late(camera));
}

/* What is missing is given up; not before all was read that is there already. */
static int tick_tracks(struct rtsp_camera *camera, int64_t now_us)
{
    int ret = 0;

    for (unsigned i = 0; i < camera->n_tracks && ret >= 0; i++)
        ret = rtsp_receiver_tick(&camera->tracks[i]->receiver, now_us);
    return ret;
}

static int keep_alive(struct rtsp_camera *camera, int64_t now_us)
{
    int ret;

    camera->keep_alive_us = LIMEF_FOREVER;
    camera->asked_track = (camera->asked_track + 1) % camera->n_tracks;
    ret = rtsp_camera_ask(camera, RTSP_KEEP_ALIVE);
    camera->deadline_us = FFMIN(camera->deadline_us, rtsp_camera_answer_by_us(camera, now_us));
    return ret < 0 ? rtsp_camera_fail(camera, LIMEF_RTSP_REASON_BROKEN, ret, "the connection broke")
                   : 0;
}

static int look_at_clock(struct rtsp_camera *camera, int64_t now_us)
{
    int ret = 0;

    if (now_us >= camera->media_us)
        return rtsp_camera_may_be_silent(camera) ? rtsp_camera_play(camera, now_us)
                                                 : rtsp_camera_look_elsewhere(camera, now_us);
    if (now_us >= camera->deadline_us)
        return look_at_deadline(camera, now_us);
    if (camera->has_played)
        ret = look_at_end(camera, now_us);
    if (ret >= 0 && now_us >= camera->report_us) {
        rtsp_camera_report(camera, now_us);
        camera->report_us =
            now_us + REPORT_EVERY_US / 2 + (int64_t)(rtsp_camera_random(camera) % REPORT_EVERY_US);
    }
    if (ret >= 0 && camera->pending == RTSP_NO_REQUEST &&
        now_us >= FFMIN(camera->keep_alive_us, rtsp_camera_ask_us(camera)))
        ret = keep_alive(camera, now_us);
    return ret;
}

static int64_t next_due_us(const struct rtsp_camera *camera)
{
    int64_t due_us = FFMIN(camera->retry_us, FFMIN(camera->deadline_us, camera->media_us));

    due_us = FFMIN(due_us, FFMIN(camera->keep_alive_us, camera->report_us));
    due_us = FFMIN(due_us, rtsp_stream_due_us(&camera->stream));
    for (unsigned i = 0; i < camera->n_tracks; i++)
        due_us = FFMIN(due_us, rtsp_receiver_due_us(&camera->tracks[i]->receiver));
    if (camera->has_played)
        due_us = FFMIN(due_us, FFMIN(rtsp_camera_silent_us(camera), ends_us(camera)));
    return due_us;
}

/* Of UDP, media come nearly every time, and the rest nearly never: what is readable then is looked
 * at the next time, which is at once. */
static bool passes_rest(struct rtsp_camera *camera, int came)
{
    if (came == 0 || !camera->has_played || camera->n_passed >= MOST_PASSED)
        camera->n_passed = 0;
    else
        camera->n_passed++;
    return camera->n_passed > 0;
}

/* As receive(), from all sockets. */
static int receive_all(struct rtsp_camera *camera, int64_t now_us)
{
    int more, rtp, rtcp = 0;

    if (!camera->is_udp)
        return receive(camera, now_us);
    rtp = rtsp_camera_receive_datagrams(camera, 0, now_us);
    if (rtp < 0 || passes_rest(camera, rtp))
        return rtp < 0 ? rtp : rtp > 1;
    more = receive(camera, now_us);
    if (more >= 0)
        rtcp = rtsp_camera_receive_datagrams(camera, 1, now_us);
    return more < 0 || rtcp < 0 ? FFMIN(more, rtcp) : more || rtp > 1 || rtcp > 1;
}

int rtsp_camera_step(struct rtsp_camera *camera, int64_t *due_us)
{
    int64_t now_us = limef_now_us();
    int ret = 0, more = 0;

    if (camera->state == LIMEF_RTSP_STOPPED || camera->state == LIMEF_RTSP_ENDED) {
        *due_us = LIMEF_FOREVER;
        return AVERROR_EOF;
    }
    if (now_us >= camera->retry_us)
        ret = begin(camera);
    if (ret >= 0 && camera->stream.phase > RTSP_STREAM_CLOSED &&
        camera->stream.phase < RTSP_STREAM_OPEN)
        ret = go_on_connecting(camera);
    if (ret >= 0 && camera->stream.phase == RTSP_STREAM_OPEN)
        ret = more = receive_all(camera, now_us);
    camera->sync.is_behind = more > 0 || limef_now_us() - now_us > LONG_STEP_US;
    if (ret >= 0 && more == 0)
        ret = tick_tracks(camera, now_us);
    if (ret >= 0 && camera->stream.phase != RTSP_STREAM_CLOSED)
        ret = look_at_clock(camera, now_us);
    if (ret < 0)
        return ret;
    *due_us = next_due_us(camera);
    return more > 0 ? 0 : AVERROR(EAGAIN);
}

/* Copies what can be part of a header. Returns 0, or AVERROR(EINVAL). */
static int copy_secret(char *to, size_t room, const char *from)
{
    for (const char *c = from; *c; c++)
        if (rtsp_is_control(*c))
            return AVERROR(EINVAL);
    return snprintf(to, room, "%s", from) >= (int)room ? AVERROR(EINVAL) : 0;
}

/* Instead of what the URL has; and no line shows the password from here on. */
static int take_login(struct rtsp_secrets *secrets, const struct limef_rtsp_login *login)
{
    int ret = 0;

    if (login && login->user)
        ret = copy_secret(secrets->user, sizeof(secrets->user), login->user);
    if (ret >= 0 && login && login->password)
        ret = copy_secret(secrets->password, sizeof(secrets->password), login->password);
    return ret < 0 ? ret : secret_keep_login(secrets->user, secrets->password);
}

int rtsp_camera_open(struct rtsp_camera *camera, const char *name,
                     const struct limef_rtsp_source_settings *settings,
                     const struct rtsp_camera_events *events)
{
    int ret = rtsp_location_read(&camera->location, &camera->secrets, settings->url);

    if (ret >= 0)
        ret = take_login(&camera->secrets, settings->login);
    if (ret < 0) {
        rtsp_secrets_wipe(&camera->secrets);
        return ret;
    }
    camera->first_location = camera->location;
    camera->name = name;
    camera->settings = *settings;
    camera->settings.url = NULL;
    camera->settings.login = NULL;
    if (camera->settings.timeout_us <= 0)
        camera->settings.timeout_us = DEFAULT_TIMEOUT_US;
    camera->events = *events;
    camera->is_udp = rtsp_is_udp(settings->transport);
    camera->random = (uint64_t)av_get_random_seed() << 32 | av_get_random_seed();
    rtsp_camera_begin_backoff(camera);
    rtsp_sync_init(&camera->sync, name);
    camera->deadline_us = camera->media_us = LIMEF_FOREVER;
    camera->keep_alive_us = camera->report_us = LIMEF_FOREVER;
    camera->poll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (camera->poll_fd == 0) { /* 0 means none to limef_source.wait_fd */
        camera->poll_fd = fcntl(0, F_DUPFD_CLOEXEC, 3);
        close(0);
    }
    if (camera->poll_fd < 0)
        return AVERROR(errno);
    camera->stream.poll_fd = camera->poll_fd;
    return 0;
}

void rtsp_camera_start(struct rtsp_camera *camera)
{
    if (camera->state != LIMEF_RTSP_STOPPED && camera->state != LIMEF_RTSP_ENDED)
        return;
    camera->location = camera->first_location;
    camera->n_redirections = 0;
    camera->state = LIMEF_RTSP_WAITING; /* until the next step */
    camera->retry_us = 0;
}

void rtsp_camera_stop(struct rtsp_camera *camera)
{
    rtsp_camera_hang_up(camera);
    camera->has_played = false;
    camera->retry_us = LIMEF_FOREVER;
    rtsp_camera_set_state(camera, LIMEF_RTSP_STOPPED, LIMEF_RTSP_REASON_NONE, 0, "stopped");
}

void rtsp_camera_clear(struct rtsp_camera *camera)
{
    if (camera->poll_fd > 0) {
        rtsp_camera_hang_up(camera);
        rtsp_stream_clear(&camera->stream);
        close(camera->poll_fd);
    }
    secret_forget_login(camera->secrets.user, camera->secrets.password);
    rtsp_secrets_wipe(&camera->secrets);
    memset(camera, 0, sizeof(*camera));
}
