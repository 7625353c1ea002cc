/* SPDX-License-Identifier: MIT */
/* What a connection takes of this machine, keeps for its time, and leaves behind. */
#include "scripted_camera.h"

#include "support/failing.h"

TestSuite(rtsp_connection, .init = open_camera, .fini = close_camera, .timeout = 120);

/* Memory, then the thread that looks the name up. */
Test(rtsp_connection, is_tried_again_if_there_is_nothing_to_look_its_name_up_with)
{
    rtsp_camera_clear(&camera);
    open_client("", "localhost");
    for (unsigned n = 1; n <= 2; n++) {
        camera.retry_us = 0;
        failing_install(n);
        step();
        failing_remove();
        cr_assert(failing_failed());
        cr_assert(eq(int, (int)camera.state, LIMEF_RTSP_WAITING), "at allocation %u", n);
        cr_assert(eq(int, (int)camera.reason, LIMEF_RTSP_REASON_RESOURCES));
        cr_assert(lt(i64, camera.retry_us, LIMEF_FOREVER));
    }
}

/* Whom the next report of a track is from. */
static uint32_t reporter(uint8_t channel)
{
    uint8_t report[256];

    do {
        cr_assert(eq(int, (int)recv(peer, report, 4, MSG_WAITALL), 4));
        cr_assert(eq(int, report[0], '$'));
        cr_assert(le(int, AV_RB16(report + 2), (int)sizeof(report) - 4));
        recv(peer, report + 4, AV_RB16(report + 2), MSG_WAITALL);
    } while (report[1] != channel);
    return AV_RB32(report + 8);
}

/* RFC 3550 section 8: who changes it is another participant. */
Test(rtsp_connection, has_one_ssrc_for_all_reports_of_a_track)
{
    uint32_t first[2];

    greet("Session: 1\r\n", VIDEO AUDIO);
    for (int i = 0; i < 3; i++) {
        uint32_t now[2];

        camera.report_us = 0;
        step();
        now[0] = reporter(1);
        now[1] = reporter(3);
        if (i == 0)
            memcpy(first, now, sizeof(first));
        cr_assert(eq(u32, now[0], first[0]));
        cr_assert(eq(u32, now[1], first[1]));
    }
}
