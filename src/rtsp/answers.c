/* SPDX-License-Identifier: MIT */
/* What follows from a camera's answers (RFC 2326 section 11, RFC 7826 section 17). */
#include "rtsp/camera.h"

#include <limef/base/clock.h>
#include <limef/base/log.h>
#include <limef/base/redact.h>

#include <libavutil/common.h>
#include <libavutil/error.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_REFUSALS 2
#define MAX_REDIRECTIONS 5
#define DEFAULT_SESSION_S 60 /* RFC 2326 section 12.37 */
#define LEAST_SESSION_S 2
#define MOST_SESSION_S 3600
#define PHRASE_BYTES 61 /* that is shown of an answer's: some write our request back */

static int fail(struct rtsp_camera *camera, enum limef_rtsp_reason reason, int code,
                const char *format, ...) LIMEF_PRINTF(4, 5);

static int fail(struct rtsp_camera *camera, enum limef_rtsp_reason reason, int code,
                const char *format, ...)
{
    char text[RTSP_CAMERA_WHY_BYTES];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return rtsp_camera_fail(camera, reason, code, text);
}

/* What is asked for by TLS comes by it as well, unless the settings want it otherwise. */
static bool may_choose_transport(const struct rtsp_camera *camera)
{
    return camera->settings.transport == LIMEF_RTSP_AUTO && !camera->location.is_tls;
}

/* The other transport, if it may be tried and was not refused already. Returns whether it is. */
static bool takes_other_transport(struct rtsp_camera *camera)
{
    bool *refused = camera->is_udp ? &camera->was_udp_refused : &camera->was_tcp_refused;

    camera->n_hung_up = 0;
    if (rtsp_camera_shun_groups(camera, "no way to its group")) {
        rtsp_camera_begin_again(camera);
        return true;
    }
    *refused = true;
    if (!may_choose_transport(camera) || (camera->was_udp_refused && camera->was_tcp_refused)) {
        /* next time both are tried again */
        camera->was_udp_refused = camera->was_tcp_refused = false;
        return false;
    }
    camera->is_udp = !camera->is_udp;
    limef_log(LIMEF_LOG_INFO, camera->name, "%s: asked by %s instead", camera->location.url,
              camera->is_udp ? "UDP" : "TCP");
    rtsp_camera_begin_again(camera);
    return true;
}

/* Whether SETUP cannot be sent because there is no socket for the packets. */
static bool lacks_socket(const struct rtsp_camera *camera, enum rtsp_request request)
{
    return request == RTSP_SETUP && camera->is_udp &&
           !rtsp_track_has_group(camera->tracks[camera->asked_track]) &&
           !camera->tracks[camera->asked_track]->datagrams.is_open;
}

static int ask_or_fail(struct rtsp_camera *camera, enum rtsp_request request)
{
    int ret = rtsp_camera_ask(camera, request);

    if (ret < 0 && lacks_socket(camera, request) && takes_other_transport(camera))
        return 0;
    return ret < 0 ? fail(camera, LIMEF_RTSP_REASON_BROKEN, ret, "%s cannot be sent: %s",
                          rtsp_camera_method(camera, request), av_err2str(ret))
                   : 0;
}

/* Whether the password itself would go to another host, which whoever answered sent us to. TLS says
 * that it is that host, not that it may have it. */
static bool betrays_password(const struct rtsp_camera *camera, const struct rtsp_auth *auth)
{
    return auth->scheme == RTSP_AUTH_BASIC &&
           strcasecmp(camera->location.host, camera->first_location.host) != 0;
}

static int take_401(struct rtsp_camera *camera, const struct rtsp_item *item)
{
    int ret;

    if (!camera->secrets.user[0])
        return fail(camera, LIMEF_RTSP_REASON_NO_LOGIN, AVERROR(EACCES),
                    "it wants a user and a password");
    ret = rtsp_auth_take(&camera->auth, item, rtsp_camera_random(camera));
    if (ret == AVERROR(ENOSYS))
        return fail(camera, LIMEF_RTSP_REASON_LOGIN_SCHEME, ret,
                    "it asks for the password in a way that "
                    "is not known");
    if (ret >= 0 && betrays_password(camera, &camera->auth))
        return fail(camera, LIMEF_RTSP_REASON_UNSAFE_LOGIN, AVERROR(EACCES),
                    "we were sent to %.60s, which wants the password itself",
                    camera->location.host);
    if (ret < 0 || ++camera->n_refusals > MAX_REFUSALS)
        return fail(camera, LIMEF_RTSP_REASON_LOGIN, AVERROR(EACCES), "wrong user or password");
    return ask_or_fail(camera, camera->pending);
}

int rtsp_camera_redirect(struct rtsp_camera *camera, const struct rtsp_item *item)
{
    const char *location = rtsp_item_header(item, "Location");
    struct rtsp_location there;

    if (!location || rtsp_location_read(&there, NULL, location) < 0)
        return fail(camera, LIMEF_RTSP_REASON_REDIRECTION, AVERROR_INVALIDDATA,
                    "it sends us to nowhere (%d)", item->status);
    if (rtsp_camera_is_steady(camera, limef_now_us()))
        camera->n_redirections = 0;
    if (++camera->n_redirections > MAX_REDIRECTIONS)
        return fail(camera, LIMEF_RTSP_REASON_REDIRECTION, AVERROR(ELOOP),
                    "it sends us in a circle");
    if (camera->location.is_tls && !there.is_tls)
        return fail(camera, LIMEF_RTSP_REASON_REDIRECTION, AVERROR(EACCES),
                    "it sends us from TLS to where there is none");
    camera->location = there;
    camera->was_1_refused = camera->was_2_refused = false; /* by somebody else */
    rtsp_camera_begin_again(camera);
    return 0;
}

/* Whether what SETUP was refused with can be about the transport: 461 says so, and cameras that do
 * not know that number have another one for it. */
static bool refuses_transport(const struct rtsp_camera *camera, int status)
{
    static const int statuses[] = {400, 405, 406, 415, 451, 455, 456, 459, 460, 462, 500, 501, 551};
    bool can_be = status == 461;

    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
        can_be |= camera->pending == RTSP_SETUP && status == statuses[i];
    return can_be;
}

/* Whether what is refused is sound or metadata of a camera that has more: no reason to go without
 * pictures. */
static bool can_go_without(const struct rtsp_camera *camera, int status)
{
    return camera->pending == RTSP_SETUP && camera->n_tracks > 1 && status >= 400 &&
           status != 401 && status != 454 && status != 503 &&
           camera->tracks[camera->asked_track]->receiver.media != LIMEF_MEDIA_VIDEO;
}

static int play(struct rtsp_camera *camera)
{
    camera->asked_track = 0;
    return ask_or_fail(camera, RTSP_PLAY);
}

static int set_up_next(struct rtsp_camera *camera)
{
    return camera->asked_track < camera->n_tracks ? ask_or_fail(camera, RTSP_SETUP) : play(camera);
}

static int go_without(struct rtsp_camera *camera, const struct rtsp_item *item)
{
    char phrase[PHRASE_BYTES];

    limef_log(LIMEF_LOG_WARNING, camera->name, "%s: without %s: SETUP: %d %s", camera->location.url,
              camera->tracks[camera->asked_track]->control, item->status,
              limef_redact(phrase, sizeof(phrase), item->reason));
    rtsp_camera_drop_track(camera);
    return set_up_next(camera);
}

/* Whether it is asked in the wrong version: it says so, or can make nothing of the one that is not
 * its own. */
static bool refuses_version(const struct rtsp_camera *camera, const struct rtsp_item *item)
{
    return item->status == 505 ||
           (item->status == 400 && item->version != (camera->speaks_2 ? 2 : 1));
}

/* As takes_other_transport(). */
static bool takes_other_version(struct rtsp_camera *camera)
{
    *(camera->speaks_2 ? &camera->was_2_refused : &camera->was_1_refused) = true;
    camera->speaks_2 = !camera->was_2_refused;
    if (camera->was_1_refused && camera->was_2_refused) {
        camera->was_1_refused = camera->was_2_refused = false;
        return false;
    }
    rtsp_camera_begin_again(camera);
    return true;
}

static void take_apart(struct rtsp_camera *camera)
{
    camera->is_apart |= !camera->was_apart;
    camera->was_apart = true;
}

/* Whether tracks are asked for one by one instead, each in a session of its own (RFC 2326 11.3.10
 * and 12.37); or all at once after all, in the last one. */
static bool takes_other_sessions(struct rtsp_camera *camera, int status)
{
    bool was_apart = camera->is_apart;

    if (!was_apart && status == 459 && camera->session[0])
        take_apart(camera);
    else if (was_apart && camera->pending == RTSP_PLAY && (status == 454 || status == 460))
        camera->is_apart = false;
    return camera->is_apart != was_apart;
}

static int refuse(struct rtsp_camera *camera, const struct rtsp_item *item)
{
    char phrase[PHRASE_BYTES];
    enum limef_rtsp_reason reason = LIMEF_RTSP_REASON_STATUS;
    int code = AVERROR(EIO);
    bool is_optional = can_go_without(camera, item->status);

    camera->status = item->status;
    if (refuses_version(camera, item) && takes_other_version(camera))
        return 0;
    if (takes_other_sessions(camera, item->status))
        return camera->pending == RTSP_PLAY ? play(camera) : ask_or_fail(camera, camera->pending);
    if (is_optional && camera->asked_track > 0) /* another one came through by this transport */
        return go_without(camera, item);
    if (refuses_transport(camera, item->status) && takes_other_transport(camera))
        return 0;
    if (is_optional)
        return go_without(camera, item);
    switch (item->status) {
    case 401:
        return take_401(camera, item);
    case 300 ... 303:
    case 305:
    case 307:
    case 308:
        return rtsp_camera_redirect(camera, item);
    case 461:
        return fail(camera, LIMEF_RTSP_REASON_TRANSPORT, AVERROR(EPROTONOSUPPORT), "it refuses %s",
                    camera->is_udp ? "UDP" : "TCP");
    case 403:
        reason = LIMEF_RTSP_REASON_FORBIDDEN;
        code = AVERROR(EACCES);
        break;
    case 404:
    case 410:
        if (camera->pending != RTSP_DESCRIBE)
            break; /* a moment ago it was there: the stream began anew meanwhile */
        reason = LIMEF_RTSP_REASON_NOT_FOUND;
        code = AVERROR(ENOENT);
        break;
    case 405:
    case 406:
    case 415:
    case 501:
    case 551:
        reason = LIMEF_RTSP_REASON_REQUEST;
        code = AVERROR(ENOSYS);
        break;
    case 505:
        reason = LIMEF_RTSP_REASON_VERSION;
        code = AVERROR(ENOSYS);
        break;
    default:
        break;
    }
    return fail(camera, reason, code, "%s: %d %s", rtsp_camera_method(camera, camera->pending),
                item->status, limef_redact(phrase, sizeof(phrase), item->reason));
}

static void read_session(struct rtsp_camera *camera, const struct rtsp_item *item)
{
    const char *session = rtsp_item_header(item, "Session");
    size_t length = session ? strcspn(session, "; \t") : 0, bytes;
    const char *timeout;
    long timeout_s;

    if (length == 0 || length >= sizeof(camera->session))
        return;
    if (camera->session[0] && (memcmp(camera->session, session, length) || camera->session[length]))
        take_apart(camera); /* though we asked for the one of the tracks before */
    memcpy(camera->session, session, length);
    camera->session[length] = '\0';
    timeout = rtsp_parameter(session, ';', "timeout", &bytes);
    timeout_s = timeout && bytes > 0 ? strtol(timeout, NULL, 10) : 0;
    if (timeout_s <= 0)
        timeout_s = DEFAULT_SESSION_S;
    camera->session_timeout_s = (int)av_clip64(timeout_s, LEAST_SESSION_S, MOST_SESSION_S);
}

static int take_description(struct rtsp_camera *camera, const struct rtsp_item *item)
{
    const char *base = rtsp_item_header(item, "Content-Base");
    int ret;

    if (!base || strncasecmp(base, "rtsp", 4) != 0)
        base = rtsp_item_header(item, "Content-Location");
    if (!base || strncasecmp(base, "rtsp", 4) != 0 || strlen(base) >= sizeof(camera->base))
        base = camera->location.url;
    snprintf(camera->base, sizeof(camera->base), "%s", base);
    ret = rtsp_camera_describe(camera, (const char *)item->data, item->data_bytes);
    if (ret == AVERROR(ENOSYS))
        return fail(camera, LIMEF_RTSP_REASON_ENCODING, ret, "none of its streams can be used%s%s",
                    camera->unusable[0] ? ": " : "", camera->unusable);
    if (ret == AVERROR_PATCHWELCOME)
        return fail(camera, LIMEF_RTSP_REASON_INTERLEAVED, ret,
                    "its pictures are further out of order than there is room for");
    if (ret < 0)
        return fail(camera, LIMEF_RTSP_REASON_DESCRIPTION, ret, "its description cannot be read");
    camera->asked_track = 0;
    camera->is_udp &= may_choose_transport(camera) || rtsp_is_udp(camera->settings.transport);
    return ask_or_fail(camera, RTSP_SETUP);
}

static int take_setup(struct rtsp_camera *camera, const struct rtsp_item *item)
{
    const char *transport = rtsp_item_header(item, "Transport");
    struct rtsp_track *track = camera->tracks[camera->asked_track];
    int ret;

    read_session(camera, item);
    memcpy(track->session, camera->session, sizeof(track->session));
    ret = rtsp_track_take(track, transport ? transport : "");
    if (ret < 0 && takes_other_transport(camera))
        return 0;
    if (ret < 0)
        return fail(camera, LIMEF_RTSP_REASON_TRANSPORT, ret, "no way for its packets: %.80s",
                    transport ? transport : "no Transport");
    camera->asked_track++;
    return set_up_next(camera);
}

static int64_t keep_alive_us(const struct rtsp_camera *camera)
{
    int timeout_s = camera->session_timeout_s ? camera->session_timeout_s : DEFAULT_SESSION_S;

    return (int64_t)timeout_s * 1000000 / 2 / (camera->is_apart ? camera->n_tracks : 1);
}

static int take_play(struct rtsp_camera *camera, const struct rtsp_item *item, int64_t now_us)
{
    const char *info = rtsp_item_header(item, "RTP-Info");
    int ret = 0;

    for (unsigned i = 0; i < camera->n_tracks && ret >= 0; i++) {
        struct rtsp_first first = rtp_info_read(info ? info : "", camera->tracks[i]->control,
                                                camera->n_tracks == 1 || camera->is_apart);

        if (!camera->is_apart || i == camera->asked_track)
            ret = rtsp_receiver_begin(&camera->tracks[i]->receiver, &first);
    }
    if (camera->is_apart && ++camera->asked_track < camera->n_tracks) {
        int asked = ask_or_fail(camera, RTSP_PLAY);

        return ret == AVERROR_EXIT ? ret : asked;
    }
    camera->pending = RTSP_NO_REQUEST;
    camera->deadline_us = LIMEF_FOREVER;
    if (!camera->has_played) /* it began before it said so, otherwise */
        camera->media_us = now_us + camera->settings.timeout_us;
    camera->keep_alive_us = now_us + keep_alive_us(camera);
    camera->report_us = now_us + 1000000;
    return ret == AVERROR_EXIT ? ret : 0;
}

void rtsp_camera_keep_on(struct rtsp_camera *camera, int64_t now_us)
{
    camera->pending = RTSP_NO_REQUEST;
    camera->deadline_us = LIMEF_FOREVER;
    camera->keep_alive_us =
        camera->keeps_alive_by_options ? now_us + keep_alive_us(camera) : now_us;
    camera->keeps_alive_by_options = true;
}

/* Whether a keep-alive can be sent once more, by a new nonce. */
static bool takes_nonce(struct rtsp_camera *camera, const struct rtsp_item *item)
{
    struct rtsp_auth auth = camera->auth;

    if (item->status != 401 || camera->keeps_alive_unnamed || !camera->secrets.user[0] ||
        camera->n_refusals > 0 || rtsp_auth_take(&auth, item, rtsp_camera_random(camera)) < 0 ||
        betrays_password(camera, &auth))
        return false;
    camera->auth = auth;
    camera->n_refusals++;
    return true;
}

/* A keep-alive that the camera does not know, or not from us, is none; it may know another one. It
 * plays on either way: PLAY was granted. */
static int take_keep_alive(struct rtsp_camera *camera, const struct rtsp_item *item, int64_t now_us)
{
    camera->keep_alive_us = now_us + keep_alive_us(camera);
    camera->deadline_us = LIMEF_FOREVER;
    if (takes_nonce(camera, item))
        return ask_or_fail(camera, RTSP_KEEP_ALIVE);
    camera->n_refusals = 0;
    camera->auth.was_right = camera->auth.scheme != RTSP_AUTH_NONE;
    camera->pending = RTSP_NO_REQUEST;
    if (item->status == 454)
        return fail(camera, LIMEF_RTSP_REASON_LEFT, AVERROR(ECONNRESET),
                    "it has forgotten the session");
    if (item->status >= 400 && !camera->keeps_alive_by_options) {
        camera->keeps_alive_by_options = true;
        camera->keep_alive_us = now_us;
    } else if (item->status == 401) {
        camera->keep_alive_us = LIMEF_FOREVER; /* accounts are locked by more */
        if (!camera->keeps_alive_unnamed)
            limef_log(LIMEF_LOG_WARNING, camera->name,
                      "%s: it refuses our password for what keeps it alive: it gets it no more",
                      camera->location.url);
        camera->keeps_alive_unnamed = true;
    }
    return 0;
}

static int take_answer(struct rtsp_camera *camera, const struct rtsp_item *item, int64_t now_us)
{
    int64_t sequence = rtsp_item_number(item, "CSeq");

    if (camera->pending == RTSP_NO_REQUEST || item->status < 200)
        return 0; /* of a request that was given up, or a word in between */
    if (sequence >= 0 && sequence != camera->sequence) {
        /* before anything has played none is given up */
        camera->is_misnumbered |= camera->pending != RTSP_KEEP_ALIVE && !camera->has_played;
        return 0;
    }
    if (camera->pending == RTSP_KEEP_ALIVE)
        return take_keep_alive(camera, item, now_us);
    if (item->status >= 300)
        return refuse(camera, item);
    camera->n_refusals = 0;
    camera->auth.was_right = camera->auth.scheme != RTSP_AUTH_NONE;
    switch (camera->pending) {
    case RTSP_DESCRIBE:
        return take_description(camera, item);
    case RTSP_SETUP:
        return take_setup(camera, item);
    case RTSP_PLAY:
        return take_play(camera, item, now_us);
    default:
        return 0;
    }
}

int rtsp_camera_take(struct rtsp_camera *camera, const struct rtsp_item *item, int64_t now_us)
{
    if (item->kind != RTSP_ITEM_MEDIA)
        camera->answered_us = now_us;
    switch (item->kind) {
    case RTSP_ITEM_MEDIA:
        return rtsp_camera_take_media(camera, item, now_us);
    case RTSP_ITEM_ANSWER:
        return take_answer(camera, item, now_us);
    default:
        return rtsp_camera_take_request(camera, item);
    }
}
