/* SPDX-License-Identifier: MIT */
/* What a camera asks us: that we are there, go, or what became of its streams (RFC 2326 section 10,
 * RFC 7826 section 13). */
#include "rtsp/camera.h"

#include <limef/base/clock.h>

#include <libavutil/error.h>
#include <stdio.h>
#include <string.h>

static bool is_one_of(const char *text, const char *const *list)
{
    for (; *list; list++)
        if (!strcmp(text, *list))
            return true;
    return false;
}

static void answer(struct rtsp_camera *camera, const struct rtsp_item *item, const char *status,
                   const char *header, const char *value)
{
    const char *sequence = rtsp_item_header(item, "CSeq");
    bool is_2 = item->version == 2;
    char text[512];
    int n =
        snprintf(text, sizeof(text), "RTSP/%d.0 %s\r\nCSeq: %.16s\r\n%s%s%s%s%.200s%s\r\n",
                 is_2 ? 2 : 1, status, sequence ? sequence : "0",
                 is_2 && camera->session[0] ? "Session: " : "", is_2 ? camera->session : "",
                 is_2 && camera->session[0] ? "\r\n" : "", header, value, *header ? "\r\n" : "");

    rtsp_stream_send(&camera->stream, text, (size_t)n);
}

/* What came before is whole once it had its time to come. */
static void end_streams(struct rtsp_camera *camera)
{
    for (unsigned i = 0; i < camera->n_tracks; i++)
        if (!camera->tracks[i]->receiver.left_us)
            camera->tracks[i]->receiver.left_us = limef_now_us();
}

/* RFC 7826 section 13.5 */
static void take_notice(struct rtsp_camera *camera, const struct rtsp_item *item)
{
    static const char *const of_no_use[] = {"media-properties-update", "scale-change", NULL};
    const char *reason = rtsp_item_header(item, "Notify-Reason");
    bool is_end = reason && !strcmp(reason, "end-of-stream");

    if (!is_end && !(reason && is_one_of(reason, of_no_use))) {
        answer(camera, item, "465 Notification Reason Unknown", "", "");
        return;
    }
    answer(camera, item, "200 OK", "", "");
    if (is_end)
        end_streams(camera);
}

int rtsp_camera_take_request(struct rtsp_camera *camera, const struct rtsp_item *item)
{
    static const char *const known[] = {"OPTIONS", "GET_PARAMETER", "SET_PARAMETER", NULL};
    static const char *const ends[] = {"REDIRECT", "TEARDOWN", NULL};
    bool is_2 = item->version == 2, is_end = is_one_of(item->method, ends);
    const char *required = is_2 ? rtsp_item_header(item, "Require") : NULL;

    if (required) {
        answer(camera, item, "551 Option Not Supported", "Unsupported: ", required);
        return 0;
    }
    if (is_2 && is_end)
        answer(camera, item, "200 OK", "", "");
    if (!strcmp(item->method, "REDIRECT") && rtsp_item_header(item, "Location"))
        return rtsp_camera_redirect(camera, item);
    /* REDIRECT to nowhere asks for the end as well (RFC 7826 section 13.10) */
    if (is_end)
        return rtsp_camera_fail(camera, LIMEF_RTSP_REASON_LEFT, AVERROR_EOF,
                                "it ended the session");
    if (is_2 && !strcmp(item->method, "PLAY_NOTIFY"))
        take_notice(camera, item);
    else if (is_2 && !strcmp(item->method, "OPTIONS"))
        answer(camera, item, "200 OK", "Public: ",
               "OPTIONS, GET_PARAMETER, SET_PARAMETER, PLAY_NOTIFY, REDIRECT, TEARDOWN");
    else
        answer(camera, item, is_one_of(item->method, known) ? "200 OK" : "501 Not Implemented", "",
               "");
    return 0;
}
