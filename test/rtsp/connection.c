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
