/* SPDX-License-Identifier: MIT */
/* What follows from the answer to SETUP, of a camera that was asked to send by TCP. */
#include "scripted_camera.h"

TestSuite(rtsp_transport, .init = open_camera, .fini = close_camera, .timeout = 60);

/* Up to SETUP, by the transport that is expected, and what it is answered with. */
static void set_up(bool is_udp, const char *transport)
{
    char headers[160];

    meet();
    expect("DESCRIBE");
    answer_as(200, "", "v=0\r\n" VIDEO);
    expect("SETUP");
    cr_assert(eq(int, strstr(asked, "client_port=") != NULL, is_udp), "%s", asked);
    snprintf(headers, sizeof(headers), "Session: 1\r\nTransport: %s\r\n", transport);
    answer(headers);
}

static const char *const forms[] = {
    "RTP/AVP;unicast",
    "RTP/AVP;unicast;ssrc=00000005;mode=\"PLAY\"",
    "RTP/AVP;unicast;destination=127.0.0.1;source=127.0.0.1",
    "RTP/AVP/TCP;unicast",
    "RTP/AVP;unicast;interleaved=0-1",
    "RTP/AVP/TCP;unicast;client_port=5000-5001;interleaved=0-1",
};

/* Many say the profile alone, or repeat ports that they know from elsewhere. */
Test(rtsp_transport, is_tcp_if_the_answer_contradicts_in_form_only)
{
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        n_units = 0;
        set_up(false, forms[i]);
        expect("PLAY");
        answer("");
        send_packet(0, 96, 1, "\x65\x88");
        while (n_units == 0)
            step();
        cr_assert(eq(int, (int)state, LIMEF_RTSP_PLAYING), "%s", forms[i]);
        rtsp_camera_begin_again(&camera);
    }
}

/* It meant what it said. */
Test(rtsp_transport, is_udp_next_if_nothing_comes_after_such_an_answer)
{
    camera.settings.transport = LIMEF_RTSP_AUTO;
    set_up(false, "RTP/AVP;unicast");
    expect("PLAY");
    answer("");
    while (camera.pending != RTSP_NO_REQUEST)
        step();
    camera.media_us = 0; /* the time for that is over */
    step();
    cr_assert(eq(int, (int)state, LIMEF_RTSP_WAITING));
    cr_assert(eq(str, why, "it sends nothing"));
    camera.retry_us = 0;
    set_up(true, "RTP/AVP;unicast");
}

/* An answer that leads elsewhere is as good as 461. */
Test(rtsp_transport, is_udp_at_once_if_the_answer_leads_there)
{
    static const char *const others[] = {
        "RTP/AVP;unicast;client_port=5000-5001",
        "RTP/AVP;unicast;server_port=5000-5001",
        "RTP/AVP/UDP;unicast",
        "RTP/AVP;multicast;destination=239.1.2.3;port=5000-5001",
        "RTP/AVP;unicast;dest_addr=\":5000\"/\":5001\"",
    };

    camera.settings.transport = LIMEF_RTSP_AUTO;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        set_up(false, others[i]);
        set_up(true, "RTP/AVP;unicast");
        camera.is_udp = false;
        camera.was_tcp_refused = false;
        rtsp_camera_begin_again(&camera);
    }
}

Test(rtsp_transport, stays_what_the_settings_want)
{
    set_up(false, "RTP/AVP;unicast;client_port=5000-5001");
    while (camera.pending == RTSP_SETUP)
        step();
    cr_assert(eq(int, (int)state, LIMEF_RTSP_UNSUPPORTED));
    cr_assert(eq(str, why, "no way for its packets: RTP/AVP;unicast;client_port=5000-5001"));
}
