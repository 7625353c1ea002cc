/* SPDX-License-Identifier: MIT */
/* What follows when something is wrong with a camera: its state, and when it is tried again. */
#include "rtsp/camera.h"

#include <limef/base/clock.h>
#include <limef/base/log.h>
#include <limef/base/redact.h>

#include <errno.h>
#include <libavutil/common.h>
#include <libavutil/error.h>
#include <stdio.h>

#define FIRST_BACKOFF_US 500000
#define LONGEST_BACKOFF_US 30000000
/* Who played this long begins with the shortest backoff again. */
#define STEADY_AFTER_US 10000000

uint64_t rtsp_camera_random(struct rtsp_camera *camera)
{
    /* splitmix64, Steele, Lea, Flood 2014 */
    uint64_t z = camera->random += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

void rtsp_camera_begin_backoff(struct rtsp_camera *camera)
{
    camera->first_backoff_us = FIRST_BACKOFF_US;
    camera->longest_backoff_us = LONGEST_BACKOFF_US;
}

int rtsp_camera_set_state(struct rtsp_camera *camera, enum limef_rtsp_state state,
                          enum limef_rtsp_reason reason, int code, const char *text)
{
    if (camera->state == state && camera->reason == reason)
        return 0;
    camera->state = state;
    camera->reason = reason;
    return camera->events.state(camera->events.context, state, code, text);
}

static void take_leave(struct rtsp_camera *camera)
{
    unsigned n_sessions = camera->is_apart ? camera->n_tracks : 1;

    if (!camera->session[0] || camera->stream.phase != RTSP_STREAM_OPEN)
        return;
    for (camera->asked_track = 0; camera->asked_track < n_sessions; camera->asked_track++)
        if (!camera->is_apart || camera->tracks[camera->asked_track]->session[0])
            rtsp_camera_ask(camera, RTSP_TEARDOWN);
}

void rtsp_camera_hang_up(struct rtsp_camera *camera)
{
    /* who ends at that is asked for all at once the next time */
    camera->was_apart = camera->is_apart && camera->pending == RTSP_PLAY;
    rtsp_camera_leave_groups(camera);
    take_leave(camera);
    rtsp_stream_close(&camera->stream);
    rtsp_camera_clear_tracks(camera);
    camera->auth = (struct rtsp_auth){.scheme = RTSP_AUTH_NONE};
    camera->pending = RTSP_NO_REQUEST;
    camera->session[0] = '\0';
    camera->is_apart = false;
    camera->keeps_alive_unnamed = false;
    camera->n_refusals = 0;
    camera->is_misnumbered = false;
    camera->deadline_us = camera->media_us = LIMEF_FOREVER;
    camera->keep_alive_us = camera->report_us = LIMEF_FOREVER;
}

bool rtsp_camera_is_steady(const struct rtsp_camera *camera, int64_t now_us)
{
    return camera->has_played && now_us - camera->played_since_us > STEADY_AFTER_US;
}

static int64_t next_backoff_us(struct rtsp_camera *camera, int64_t now_us)
{
    int64_t backoff_us;

    if (rtsp_camera_is_steady(camera, now_us) || camera->backoff_us == 0)
        camera->backoff_us = camera->first_backoff_us;
    backoff_us = camera->backoff_us;
    camera->backoff_us = FFMIN(2 * camera->backoff_us, camera->longest_backoff_us);
    return backoff_us;
}

/* A quarter more or less by chance, but never more than the longest: cameras that went together do
 * not come back together. */
static int64_t vary_us(struct rtsp_camera *camera, int64_t wait_us)
{
    int64_t least_us = wait_us * 3 / 4;
    int64_t most_us = FFMIN(wait_us * 5 / 4, camera->longest_backoff_us);

    return least_us + (int64_t)(rtsp_camera_random(camera) % (uint64_t)(most_us - least_us + 1));
}

static enum limef_rtsp_state state_for(enum limef_rtsp_reason reason)
{
    switch (reason) {
    case LIMEF_RTSP_REASON_CERTIFICATE:
    case LIMEF_RTSP_REASON_NO_LOGIN:
    case LIMEF_RTSP_REASON_LOGIN:
    case LIMEF_RTSP_REASON_FORBIDDEN:
    case LIMEF_RTSP_REASON_UNSAFE_LOGIN:
        return LIMEF_RTSP_REFUSED_USER;
    case LIMEF_RTSP_REASON_NOT_FOUND:
        return LIMEF_RTSP_NOT_FOUND;
    case LIMEF_RTSP_REASON_NO_TLS:
    case LIMEF_RTSP_REASON_LOGIN_SCHEME:
    case LIMEF_RTSP_REASON_REDIRECTION:
    case LIMEF_RTSP_REASON_VERSION:
    case LIMEF_RTSP_REASON_REQUEST:
    case LIMEF_RTSP_REASON_TRANSPORT:
    case LIMEF_RTSP_REASON_DESCRIPTION:
    case LIMEF_RTSP_REASON_ENCODING:
    case LIMEF_RTSP_REASON_INTERLEAVED:
        return LIMEF_RTSP_UNSUPPORTED;
    default:
        return LIMEF_RTSP_LOST;
    }
}

/* Asking again and again with a wrong password locks accounts, and what leads in a circle costs
 * several cameras. What is not there, or cannot be used, may be one that is not done with its
 * start. */
static bool is_left_alone(const struct rtsp_camera *camera, enum limef_rtsp_reason reason)
{
    return state_for(reason) == LIMEF_RTSP_REFUSED_USER ||
           (reason == LIMEF_RTSP_REASON_REDIRECTION && !camera->played_since_us);
}

/* What a person does about one that never played, behind the words that say what it is. */
static const char *advice(enum limef_rtsp_reason reason)
{
    static const char *const texts[] = {
        [LIMEF_RTSP_REASON_NAME] = "; check the host's name",
        [LIMEF_RTSP_REASON_UNREACHABLE] = "; check host and port, and whether it is switched on",
        [LIMEF_RTSP_REASON_TLS] = "; check whether it speaks TLS at that port",
        [LIMEF_RTSP_REASON_NO_ANSWER] = "; check whether it is RTSP that is spoken at that port",
        [LIMEF_RTSP_REASON_NO_MEDIA] =
            "; by UDP a firewall may hold its packets back, by TCP it may have too many viewers",
        [LIMEF_RTSP_REASON_RESOURCES] = "; this machine has too little left, not the camera",
        [LIMEF_RTSP_REASON_CERTIFICATE] =
            "; trust its CA or its fingerprint if it is the right one",
        [LIMEF_RTSP_REASON_NO_LOGIN] = "; give them in the URL, before the host",
        [LIMEF_RTSP_REASON_LOGIN] = "; correct them: cameras lock who tries too often",
        [LIMEF_RTSP_REASON_FORBIDDEN] = "; let this user see it, or name one who may",
        [LIMEF_RTSP_REASON_UNSAFE_LOGIN] = "; name that host in the URL if it is to have it",
        [LIMEF_RTSP_REASON_NOT_FOUND] = "; check the path",
        [LIMEF_RTSP_REASON_LOGIN_SCHEME] = "; set it to digest, or to basic with TLS",
        [LIMEF_RTSP_REASON_TRANSPORT] = "; let it be asked by TCP and by UDP",
        [LIMEF_RTSP_REASON_ENCODING] = "; set it to H.264 or H.265",
        [LIMEF_RTSP_REASON_INTERLEAVED] = "; set it to send pictures in the order of decoding",
    };
    const char *text = (size_t)reason < sizeof(texts) / sizeof(texts[0]) ? texts[reason] : NULL;

    return text ? text : "";
}

static bool is_of_this_machine(int code)
{
    return code == AVERROR(ENOMEM) || code == AVERROR(EMFILE) || code == AVERROR(ENFILE);
}

int rtsp_camera_fail(struct rtsp_camera *camera, enum limef_rtsp_reason told, int code,
                     const char *text)
{
    enum limef_rtsp_reason reason = is_of_this_machine(code) ? LIMEF_RTSP_REASON_RESOURCES : told;
    enum limef_rtsp_state state = state_for(reason);
    bool is_hopeless = state != LIMEF_RTSP_LOST;
    int64_t now_us = limef_now_us(), wait_us;
    int ret, said;

    /* one that has played is waited for; of one that never did nothing came that was asked for */
    limef_log(camera->settings.once || !camera->played_since_us ? LIMEF_LOG_ERROR
                                                                : LIMEF_LOG_WARNING,
              camera->name, "%s: %s%s", camera->location.url, text,
              camera->played_since_us ? "" : advice(reason));
    limef_redact(camera->why, sizeof(camera->why), text); /* an application shows that */
    camera->code = code;
    rtsp_camera_hang_up(camera);
    camera->location = camera->first_location;
    camera->n_redirections = 0;
    if (!camera->has_played) /* nothing says that it is still the one that speaks so */
        camera->speaks_2 = camera->was_1_refused = camera->was_2_refused = false;
    if (reason != LIMEF_RTSP_REASON_BROKEN)
        camera->n_hung_up = 0;
    ret = rtsp_camera_set_state(camera, state, reason, code, camera->why);
    wait_us = is_left_alone(camera, reason) ? camera->longest_backoff_us
                                            : next_backoff_us(camera, now_us);
    camera->has_played = false;
    if (camera->settings.once) {
        said = rtsp_camera_set_state(camera, LIMEF_RTSP_ENDED, reason, code, camera->why);
    } else {
        camera->retry_us = now_us + vary_us(camera, wait_us);
        said = is_hopeless
                   ? 0 /* the state that says why stays while it is waited */
                   : rtsp_camera_set_state(camera, LIMEF_RTSP_WAITING, reason, code, camera->why);
    }
    return ret < 0 ? ret : said;
}

void rtsp_camera_begin_again(struct rtsp_camera *camera)
{
    rtsp_camera_hang_up(camera);
    camera->has_played = false;
    camera->retry_us = 0;
}

const char *limef_rtsp_state_name(enum limef_rtsp_state state)
{
    static const char *const names[] = {
        [LIMEF_RTSP_STOPPED] = "stopped",
        [LIMEF_RTSP_CONNECTING] = "connecting",
        [LIMEF_RTSP_PLAYING] = "playing",
        [LIMEF_RTSP_STALLED] = "stalled",
        [LIMEF_RTSP_LOST] = "lost",
        [LIMEF_RTSP_WAITING] = "waiting",
        [LIMEF_RTSP_REFUSED_USER] = "refused",
        [LIMEF_RTSP_NOT_FOUND] = "not found",
        [LIMEF_RTSP_UNSUPPORTED] = "not supported",
        [LIMEF_RTSP_ENDED] = "ended",
    };

    return (size_t)state < sizeof(names) / sizeof(names[0]) ? names[state] : "unknown";
}

const char *limef_rtsp_reason_name(enum limef_rtsp_reason reason)
{
    static const char *const names[] = {
        [LIMEF_RTSP_REASON_NONE] = "none",
        [LIMEF_RTSP_REASON_NAME] = "name",
        [LIMEF_RTSP_REASON_UNREACHABLE] = "unreachable",
        [LIMEF_RTSP_REASON_TLS] = "tls",
        [LIMEF_RTSP_REASON_NO_ANSWER] = "no-answer",
        [LIMEF_RTSP_REASON_NO_MEDIA] = "no-media",
        [LIMEF_RTSP_REASON_SILENCE] = "silence",
        [LIMEF_RTSP_REASON_NO_PICTURE] = "no-picture",
        [LIMEF_RTSP_REASON_BROKEN] = "broken",
        [LIMEF_RTSP_REASON_LEFT] = "left",
        [LIMEF_RTSP_REASON_STATUS] = "status",
        [LIMEF_RTSP_REASON_RESOURCES] = "resources",
        [LIMEF_RTSP_REASON_CERTIFICATE] = "certificate",
        [LIMEF_RTSP_REASON_NO_LOGIN] = "no-login",
        [LIMEF_RTSP_REASON_LOGIN] = "login",
        [LIMEF_RTSP_REASON_FORBIDDEN] = "forbidden",
        [LIMEF_RTSP_REASON_UNSAFE_LOGIN] = "unsafe-login",
        [LIMEF_RTSP_REASON_NOT_FOUND] = "not-found",
        [LIMEF_RTSP_REASON_NO_TLS] = "no-tls",
        [LIMEF_RTSP_REASON_LOGIN_SCHEME] = "login-scheme",
        [LIMEF_RTSP_REASON_REDIRECTION] = "redirection",
        [LIMEF_RTSP_REASON_VERSION] = "version",
        [LIMEF_RTSP_REASON_REQUEST] = "request",
        [LIMEF_RTSP_REASON_TRANSPORT] = "transport",
        [LIMEF_RTSP_REASON_DESCRIPTION] = "description",
        [LIMEF_RTSP_REASON_ENCODING] = "encoding",
        [LIMEF_RTSP_REASON_INTERLEAVED] = "interleaved",
    };

    return (size_t)reason < sizeof(names) / sizeof(names[0]) ? names[reason] : "unknown";
}
