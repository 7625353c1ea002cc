/* SPDX-License-Identifier: MIT */
/*
 * Whether a camera is alive. One that has pictures is as long as whole pictures come: sound,
 * reports and answers hide none that stands still. One that has none may have nothing to say,
 * events that do not happen, or sound that is silent and not sent (RFC 3551 section 4.1): it is
 * alive as long as units or sender reports come. Answers prove the connection that they come by:
 * that is where the media comes as well, by TCP, if nothing better ever came; then a camera that is
 * silent is asked.
 *
 * A transport can let the small packets through and lose the large ones each time (the MTU of a
 * tunnel): sound comes then, and pictures that refer to a key frame which never does.
 */
#include "rtsp/camera.h"

#include <limef/base/clock.h>

#include <libavutil/common.h>
#include <libavutil/error.h>

/* Of the timeout, in quarters: when a silent camera is asked; how long its answer may take, and
 * another way to ask is tried; when it is stalled, and when one that has pictures is. */
#define ASKED_AT 2
#define ANSWERED_IN 1
#define STALLED_AT 3
#define WITHOUT_PICTURE_AT 2
/* Who reports does it each 5 s, by half of that sooner or later (RFC 3550 section 6.2): two of them
 * may be lost. */
#define REPORTS_WITHIN_US 15000000
/* By when there has to be a key frame that can be shown, once one is needed: groups of pictures are
 * seldom longer. */
#define KEY_WITHIN_US 60000000

bool rtsp_camera_has(const struct rtsp_camera *camera, enum limef_media media)
{
    for (unsigned i = 0; i < camera->n_tracks; i++)
        if (camera->tracks[i]->receiver.media == media)
            return true;
    return false;
}

static bool has_pictures(const struct rtsp_camera *camera)
{
    return rtsp_camera_has(camera, LIMEF_MEDIA_VIDEO);
}

static int64_t quarters_us(const struct rtsp_camera *camera, int n)
{
    return camera->settings.timeout_us * n / 4;
}

/* When the last sender report came; 0: none did. */
static int64_t reported_us(const struct rtsp_camera *camera)
{
    int64_t last_us = 0;

    for (unsigned i = 0; i < camera->n_tracks; i++)
        last_us = FFMAX(last_us, rtsp_receiver_reported_us(&camera->tracks[i]->receiver));
    return last_us;
}

/* Whether an answer is a sign of life. */
static bool answers_tell(const struct rtsp_camera *camera)
{
    return !has_pictures(camera) && !camera->is_udp && reported_us(camera) == 0;
}

/* When it was alive for certain; where there are reports, the timeout before the next one has to
 * come. */
static int64_t alive_us(const struct rtsp_camera *camera)
{
    int64_t last_us = camera->last_unit_us, report_us = reported_us(camera);

    if (has_pictures(camera))
        return last_us;
    if (report_us > 0)
        return FFMAX(last_us, report_us) +
               FFMAX(0, REPORTS_WITHIN_US - camera->settings.timeout_us);
    return answers_tell(camera) ? FFMAX(last_us, camera->answered_us) : last_us;
}

int rtsp_camera_play(struct rtsp_camera *camera, int64_t now_us)
{
    if (!camera->has_played) {
        camera->past.n_reconnects += camera->played_since_us > 0; /* sound may come before */
        camera->played_since_us = now_us;
        camera->was_udp_refused = camera->was_tcp_refused = false;
        camera->was_1_refused = camera->was_2_refused = false;
    }
    camera->has_played = true;
    if (!has_pictures(camera))
        camera->media_us = LIMEF_FOREVER;
    return rtsp_camera_set_state(camera, LIMEF_RTSP_PLAYING, LIMEF_RTSP_REASON_NONE, 0, "");
}

/* Whether what comes next can be shown, or refers to what is missing. */
static void note_key(struct rtsp_camera *camera, const struct rtsp_arrival *arrival)
{
    const struct rtsp_unit *unit = arrival->unit;
    bool is_first = !camera->has_played && !unit->is_damaged;
    bool is_cut = camera->media_us == LIMEF_FOREVER && !camera->settings.shows_damage &&
                  (unit->is_damaged || unit->follows_loss);

    if (unit->is_key && !unit->is_damaged)
        camera->media_us = LIMEF_FOREVER;
    else if (is_first || (is_cut && camera->has_played))
        camera->media_us = arrival->arrived_us + KEY_WITHIN_US;
}

int rtsp_camera_note_unit(struct rtsp_camera *camera, const struct rtsp_receiver *receiver,
                          const struct rtsp_arrival *arrival)
{
    if (has_pictures(camera) && receiver->media != LIMEF_MEDIA_VIDEO)
        return 0;
    if (has_pictures(camera))
        note_key(camera, arrival);
    if (arrival->unit->is_damaged)
        return 0;
    camera->last_unit_us = arrival->arrived_us;
    return rtsp_camera_play(camera, arrival->arrived_us);
}

bool rtsp_camera_may_be_silent(const struct rtsp_camera *camera)
{
    return !has_pictures(camera) &&
           (reported_us(camera) > 0 ||
            (!camera->is_udp && !rtsp_camera_has(camera, LIMEF_MEDIA_AUDIO)));
}

/* Whether packets come nevertheless: sound alone, or nothing that is whole. */
static bool hears(const struct rtsp_camera *camera, int64_t now_us)
{
    bool hears = false;

    for (unsigned i = 0; i < camera->n_tracks; i++)
        hears |= now_us - camera->tracks[i]->receiver.arrived_us < quarters_us(camera, 1);
    return hears;
}

int rtsp_camera_look_elsewhere(struct rtsp_camera *camera, int64_t now_us)
{
    bool is_heard = hears(camera, now_us);

    /* nothing at all: a firewall, mostly, or a switch that does not know who wants a group */
    if (rtsp_camera_shun_groups(camera, is_heard ? "no picture comes whole to its group"
                                                 : "nothing comes to its group")) {
        rtsp_camera_begin_again(camera);
        return 0;
    }
    rtsp_camera_change_transport(camera);
    return rtsp_camera_fail(camera,
                            is_heard ? LIMEF_RTSP_REASON_NO_PICTURE : LIMEF_RTSP_REASON_NO_MEDIA,
                            AVERROR(ETIMEDOUT),
                            !is_heard            ? "it sends nothing"
                            : camera->has_played ? "no key frame"
                                                 : "no picture");
}

static int64_t stalled_after_us(const struct rtsp_camera *camera)
{
    return quarters_us(camera, has_pictures(camera) ? WITHOUT_PICTURE_AT : STALLED_AT);
}

int rtsp_camera_look_at_silence(struct rtsp_camera *camera, int64_t now_us)
{
    int64_t silent_us = now_us - alive_us(camera);
    bool is_heard = hears(camera, now_us);
    enum limef_rtsp_reason reason =
        is_heard ? LIMEF_RTSP_REASON_NO_PICTURE : LIMEF_RTSP_REASON_SILENCE;
    const char *why = is_heard ? "no picture" : "no signal";

    if (silent_us >= camera->settings.timeout_us)
        return rtsp_camera_fail(camera, reason, AVERROR(ETIMEDOUT), why);
    if (silent_us >= stalled_after_us(camera))
        return rtsp_camera_set_state(camera, LIMEF_RTSP_STALLED, reason, AVERROR(ETIMEDOUT), why);
    return has_pictures(camera) ? 0 : rtsp_camera_play(camera, now_us);
}

int64_t rtsp_camera_ask_us(const struct rtsp_camera *camera)
{
    return camera->has_played && answers_tell(camera)
               ? alive_us(camera) + quarters_us(camera, ASKED_AT)
               : LIMEF_FOREVER;
}

int64_t rtsp_camera_answer_by_us(const struct rtsp_camera *camera, int64_t now_us)
{
    return answers_tell(camera) ? now_us + quarters_us(camera, ANSWERED_IN) : LIMEF_FOREVER;
}

int64_t rtsp_camera_silent_us(const struct rtsp_camera *camera)
{
    int64_t ask_us =
        camera->pending == RTSP_NO_REQUEST ? rtsp_camera_ask_us(camera) : LIMEF_FOREVER;

    return FFMIN(ask_us, alive_us(camera) + (camera->state == LIMEF_RTSP_STALLED
                                                 ? camera->settings.timeout_us
                                                 : stalled_after_us(camera)));
}
