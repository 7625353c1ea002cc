/* SPDX-License-Identifier: MIT */
/* What a camera is asked (RFC 2326 section 10, RFC 7826 section 13). */
#include "rtsp/camera.h"

#include <limef/base/clock.h>
#include <limef/base/version.h>

#include <inttypes.h>
#include <libavutil/error.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define REQUEST_BYTES 8192

static const char *const methods[] = {
    [RTSP_DESCRIBE] = "DESCRIBE",        [RTSP_SETUP] = "SETUP",       [RTSP_PLAY] = "PLAY",
    [RTSP_KEEP_ALIVE] = "GET_PARAMETER", [RTSP_TEARDOWN] = "TEARDOWN",
};

struct writer {
    char text[REQUEST_BYTES];
    size_t length;
    bool is_full;
};

static LIMEF_PRINTF(2, 3) void append(struct writer *writer, const char *format, ...)
{
    size_t room = sizeof(writer->text) - writer->length;
    va_list arguments;
    int n;

    va_start(arguments, format);
    n = vsnprintf(writer->text + writer->length, room, format, arguments);
    va_end(arguments);
    writer->is_full |= n < 0 || (size_t)n >= room;
    if (!writer->is_full)
        writer->length += (size_t)n;
}

/* In RTSP 2.0 there is a URL for all streams only if the description has one (RFC 7826 D.1.1). */
static bool has_aggregate(const struct rtsp_camera *camera)
{
    return !camera->speaks_2 || camera->n_tracks != 1 || camera->sdp.control[0];
}

static const char *url_of(const struct rtsp_camera *camera, enum rtsp_request request)
{
    switch (request) {
    case RTSP_SETUP:
        return camera->tracks[camera->asked_track]->control;
    case RTSP_PLAY:
    case RTSP_KEEP_ALIVE:
    case RTSP_TEARDOWN:
        if (camera->is_apart)
            return camera->tracks[camera->asked_track]->control;
        return has_aggregate(camera) ? camera->aggregate : camera->tracks[0]->control;
    default:
        return camera->location.url;
    }
}

static const char *session_of(const struct rtsp_camera *camera, enum rtsp_request request)
{
    if (!camera->is_apart)
        return camera->session;
    return request == RTSP_SETUP ? "" : camera->tracks[camera->asked_track]->session;
}

static int append_authorization(struct writer *writer, struct rtsp_camera *camera,
                                const char *method, const char *url)
{
    struct rtsp_auth_user user = {camera->secrets.user, camera->secrets.password};
    char text[RTSP_AUTH_HEADER_BYTES];
    int ret;

    if (camera->auth.scheme == RTSP_AUTH_NONE)
        return 0;
    ret = rtsp_auth_write(&camera->auth, &user, method, url, text);
    if (ret >= 0)
        append(writer, "Authorization: %s\r\n", text);
    explicit_bzero(text, sizeof(text)); /* Basic is the password itself */
    return ret;
}

/* What keeps a session alive: RFC 7826 section 10.5 recommends SET_PARAMETER. */
const char *rtsp_camera_method(const struct rtsp_camera *camera, enum rtsp_request request)
{
    if (request != RTSP_KEEP_ALIVE)
        return methods[request];
    return camera->keeps_alive_by_options ? "OPTIONS"
           : camera->speaks_2             ? "SET_PARAMETER"
                                          : methods[request];
}

int rtsp_camera_ask(struct rtsp_camera *camera, enum rtsp_request request)
{
    const char *url = url_of(camera, request), *method = rtsp_camera_method(camera, request);
    const char *session = session_of(camera, request);
    struct writer writer = {.length = 0};
    char transport[RTSP_TRANSPORT_BYTES] = "";
    int ret = 0;

    if (request == RTSP_SETUP)
        ret = rtsp_track_ask(camera->tracks[camera->asked_track], transport);
    if (ret < 0)
        return ret;
    append(&writer, "%s %s RTSP/%d.0\r\nCSeq: %" PRIu32 "\r\nUser-Agent: limef/%s\r\n", method, url,
           camera->speaks_2 ? 2 : 1, ++camera->sequence, limef_version());
    if (request == RTSP_DESCRIBE)
        append(&writer, "Accept: application/sdp\r\n");
    if (*transport)
        append(&writer, "Transport: %s\r\n%s", transport,
               camera->speaks_2 ? "Accept-Ranges: npt\r\n" : "");
    if (*session)
        append(&writer, "Session: %s\r\n", session);
    if (request == RTSP_PLAY && !camera->speaks_2) /* there it begins at present by itself */
        append(&writer, "Range: npt=0.000-\r\n");
    if (request != RTSP_KEEP_ALIVE || !camera->keeps_alive_unnamed)
        ret = append_authorization(&writer, camera, method, url);
    append(&writer, "\r\n");
    if (ret >= 0 && writer.is_full)
        ret = AVERROR(ENOSPC);
    if (ret >= 0)
        ret = rtsp_stream_send(&camera->stream, writer.text, writer.length);
    explicit_bzero(&writer, sizeof(writer));
    if (ret >= 0) {
        camera->pending = request;
        camera->deadline_us = limef_deadline_us(camera->settings.timeout_us);
    }
    return ret;
}
