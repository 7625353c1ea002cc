/* SPDX-License-Identifier: MIT */
/* TLS of a session, and what is wrong with it. */
#include "camera/camera_private.h"

static void write_noise(struct session *session, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        uint8_t byte = (uint8_t)camera_random(session->camera->cameras);

        session_write_plain(session, &byte, 1);
    }
}

/* How it does not shake hands, as its fault has it; what it would have said waits to be sent. */
static void shake_no_hands(struct session *session)
{
    unsigned variant = session->fault.variant % CAMERA_N_TLS;

    if (secure_is_open(session->secure))
        return; /* with another certificate, as half of them; the client will not have it */
    switch (variant) {
    case 0: /* nothing */
        session->n_out = 0;
        break;
    case 1: /* half of what it would say, and nothing more */
        session->n_out /= 2;
        break;
    case 2: /* and closes */
        session->n_out /= 2;
        session->closes_when_sent = true;
        break;
    case 3:
        session->n_out = 0;
        session_write_plain(session, "\x15\x03\x03\0\2\2\x28", 7); /* handshake_failure */
        session->closes_when_sent = true;
        break;
    case 4:
        session->n_out = 0;
        session_write_plain(session, "RTSP/1.0 400 Bad Request\r\n\r\n", 28);
        break;
    case 5:
        session->n_out = 0;
        write_noise(session, 300);
        break;
    default:
        break;
    }
}

bool session_decipher(struct session *session, const void *data, size_t bytes, int64_t now_us)
{
    bool was_open = secure_is_open(session->secure);

    if (session->closes_when_sent || (was_open && session->fault.kind == FAULT_TLS))
        return false;
    if (!secure_receive(session->secure, data, bytes)) {
        session_close(session, false);
        return false;
    }
    if (!was_open && session->fault.kind == FAULT_TLS)
        shake_no_hands(session);
    session_flush(session, now_us);
    return session->fd && session->n_in > 0;
}

void session_disturb_records(struct session *session)
{
    if (!session->secure || !secure_is_open(session->secure))
        return;
    switch (session->camera->fault.variant % CAMERA_N_RECORDS) {
    case 0:
        session_write_plain(session, "\x17\x03\x03\0\x40", 5); /* with a sum that is wrong */
        write_noise(session, 64);
        break;
    case 1:
        session_write_plain(session, "\x17\x03\x03\xff\xff", 5); /* longer than one can be */
        write_noise(session, 200);
        break;
    case 2:
        secure_alert(session->secure, true);
        break;
    case 3:
        secure_say_goodbye(session->secure);
        break;
    default:
        secure_alert(session->secure, false);
        break;
    }
}
