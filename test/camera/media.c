/* SPDX-License-Identifier: MIT */
/* RTP (RFC 3550, RFC 6184), and what is wrong with it. */
#include "camera/camera_private.h"

#include <limef/base/clock.h>

#include <libavutil/intreadwrite.h>
#include <string.h>
#include <sys/socket.h>

#define PAYLOAD_TYPE 96
#define HEADER_BYTES 12
#define REPORT_EVERY_US 1000000
#define NTP_TO_UNIX_S INT64_C(2208988800)

/* One packet on its way, RTP or RTCP. */
static void send_packet(struct session *session, const void *data, size_t bytes, unsigned which)
{
    uint8_t head[4] = {'$', (uint8_t)which, (uint8_t)(bytes >> 8), (uint8_t)bytes};

    session->camera->cameras->n_bytes += bytes;
    if (session->is_udp) {
        sendto(session->udp_fds[which], data, bytes, MSG_NOSIGNAL,
               (struct sockaddr *)&session->clients[which], sizeof(session->clients[which]));
        return;
    }
    session_write(session, head, sizeof(head));
    session_write(session, data, bytes);
}

static void write_head(const struct session *session, uint8_t *packet, uint32_t timestamp,
                       bool is_last)
{
    packet[0] = 0x80;
    packet[1] = PAYLOAD_TYPE | (is_last ? 0x80 : 0);
    AV_WB16(packet + 2, session->sequence);
    AV_WB32(packet + 4, timestamp);
    AV_WB32(packet + 8, session->ssrc);
}

/* A packet that lies, in place of one that does not. Returns its length. */
static size_t damage(struct session *session, uint8_t *packet, size_t bytes)
{
    switch (session->camera->fault.variant % CAMERA_N_DAMAGES) {
    case 0:
        packet[0] = 0; /* the version */
        return bytes;
    case 1:
        packet[0] |= 15; /* contributing sources that are not there */
        return 20;
    case 2:
        packet[0] |= 0x10; /* an extension longer than the packet */
        AV_WB32(packet + HEADER_BYTES, 0xbedeffff);
        return bytes;
    case 3:
        packet[0] |= 0x20; /* padding longer than the packet */
        packet[19] = 255;
        return 20;
    case 4:
        return 5;
    case 5:
        packet[1] ^= 1; /* another payload type */
        return bytes;
    case 6:
        memcpy(packet + HEADER_BYTES, "\x18\xff\xff\x65", 4); /* STAP-A with a length that lies */
        return bytes;
    case 7:
        packet[HEADER_BYTES] = 0x7c; /* FU-A and nothing behind */
        return HEADER_BYTES + 1;
    default:
        packet[HEADER_BYTES] = 0x60 | 31; /* a type that there is not */
        return bytes;
    }
}

/* A packet more, that is none of the stream. */
static void insert(struct session *session)
{
    struct cameras *cameras = session->camera->cameras;
    uint8_t packet[200];
    size_t bytes = sizeof(packet);

    for (size_t i = 0; i < sizeof(packet); i++)
        packet[i] = (uint8_t)camera_random(cameras);
    write_head(session, packet, camera_random(cameras), false);
    packet[HEADER_BYTES] = 0x61; /* a slice that refers to others */
    switch (session->camera->fault.variant % CAMERA_N_INSERTIONS) {
    case 0:
        AV_WB32(packet + 8, camera_random(cameras)); /* another source */
        break;
    case 1:
        packet[1] = 35; /* another payload type */
        break;
    case 2:
        bytes = 3;
        break;
    case 3:
        memcpy(packet, "\x80\xc8\xff\xff", 4); /* a report longer than the packet */
        send_packet(session, packet, bytes, 1);
        return;
    case 4:
        memcpy(packet, "\x81\xc9\0\1", 4); /* a report without its block */
        send_packet(session, packet, 8, 1);
        return;
    case 5:
        memcpy(packet, "\x80\xc8\0\6\0\0\0\1\0\0\0\1", 12); /* of another source, a century off */
        send_packet(session, packet, 28, 1);
        return;
    default:
        bytes = 0;
        break;
    }
    send_packet(session, packet, bytes, 0);
}

/* Bytes between packets. */
static void write_garbage(struct session *session)
{
    struct cameras *cameras = session->camera->cameras;
    uint8_t noise[200];

    if (session->is_udp)
        return;
    for (size_t i = 0; i < sizeof(noise); i++)
        noise[i] = (uint8_t)camera_random(cameras);
    switch (session->camera->fault.variant % CAMERA_N_GARBAGE) {
    case 0:
        session_write(session, noise, 1 + camera_random(cameras) % sizeof(noise));
        break;
    case 1:
        session_write(session, "$\0\xff\xff", 4); /* a length that lies */
        break;
    case 2:
        session_write(session, "$\x42\0\x08", 4); /* a channel that nobody asked for */
        session_write(session, noise, 8);
        break;
    case 3:
        session_write_text(session, "RTSP/1.0 200 OK\r\nCSeq: 77\r\n\r\n");
        break;
    case 4:
        session_write_text(session, "\r\n\r\n\n\n\r\n");
        break;
    case 5:
        session_write_text(session, "GARBAGE /of/a/kind\r\nthat: is no RTSP\r\n\r\n");
        break;
    default:
        session_write(session, "$\0\0\0", 4);
        break;
    }
}

static void flush_held(struct session *session)
{
    if (session->held_bytes > 0)
        send_packet(session, session->held, session->held_bytes, 0);
    session->held_bytes = 0;
}

/* A packet, as the camera's fault has it. */
static void disturb(struct session *session, uint8_t *packet, size_t bytes)
{
    struct camera *camera = session->camera;
    enum fault_kind kind = camera->is_broken ? camera->fault.kind : FAULT_NONE;
    bool is_touched = kind >= FAULT_LOSE && kind <= FAULT_GARBAGE;

    switch (kind) {
    case FAULT_LOSE:
        break;
    case FAULT_SCATTER:
        if (camera->fault.n % 3)
            send_packet(session, packet, bytes, 0);
        break;
    case FAULT_DUPLICATE:
        send_packet(session, packet, bytes, 0);
        send_packet(session, packet, bytes, 0);
        break;
    case FAULT_SWAP:
        if (session->held_bytes == 0) {
            memcpy(session->held, packet, bytes);
            session->held_bytes = bytes;
            break;
        }
        send_packet(session, packet, bytes, 0);
        flush_held(session);
        break;
    case FAULT_DAMAGE:
        send_packet(session, packet, damage(session, packet, bytes), 0);
        break;
    default:
        if (kind == FAULT_INSERT)
            insert(session);
        if (kind == FAULT_GARBAGE)
            write_garbage(session);
        send_packet(session, packet, bytes, 0);
        break;
    }
    if (is_touched)
        camera_count_down(camera);
    if (!camera->is_broken)
        flush_held(session);
}

static void send_nal(struct session *session, const uint8_t *nal, size_t bytes, uint32_t timestamp,
                     bool is_last)
{
    uint8_t packet[PACKET_BYTES];
    size_t at = 1;

    if (bytes <= PAYLOAD_BYTES) {
        write_head(session, packet, timestamp, is_last);
        memcpy(packet + HEADER_BYTES, nal, bytes);
        session->sequence++;
        disturb(session, packet, HEADER_BYTES + bytes);
        return;
    }
    while (at < bytes) {
        size_t part = bytes - at < PAYLOAD_BYTES ? bytes - at : PAYLOAD_BYTES;
        bool is_end = at + part == bytes;

        write_head(session, packet, timestamp, is_last && is_end);
        packet[HEADER_BYTES] = (nal[0] & 0xe0) | 28;
        packet[HEADER_BYTES + 1] =
            (uint8_t)((nal[0] & 31) | (at == 1 ? 0x80 : 0) | (is_end ? 0x40 : 0));
        memcpy(packet + HEADER_BYTES + 2, nal + at, part);
        session->sequence++;
        disturb(session, packet, HEADER_BYTES + 2 + part);
        at += part;
    }
}

static uint32_t timestamp_of(const struct session *session)
{
    return session->first_timestamp + (uint32_t)(session->n_sent_units * CLOCK_HZ /
                                                 session->camera->cameras->settings.rate_hz);
}

static void send_unit(struct session *session)
{
    struct camera *camera = session->camera;
    const struct clip *clip = &camera->cameras->clips[session->clip];
    const struct clip_unit *unit = &clip->units[session->unit];
    uint32_t timestamp = timestamp_of(session);

    if (camera->is_broken && camera->fault.kind == FAULT_DROP)
        camera_count_down(camera);
    else
        for (unsigned i = 0; i < unit->n_nals; i++)
            send_nal(session, unit->data + unit->nals[i].begin, unit->nals[i].bytes, timestamp,
                     i + 1 == unit->n_nals);
    session->unit = (session->unit + 1) % clip->n_units;
    session->n_sent_units++;
}

void session_send_report(struct session *session, bool is_goodbye)
{
    int64_t wall_us = limef_wall_us();
    uint8_t report[28] = {0x80, 200, 0, 6}, goodbye[8] = {0x81, 203, 0, 1};

    if (!session->is_playing)
        return;
    AV_WB32(goodbye + 4, session->ssrc);
    AV_WB32(report + 4, session->ssrc);
    AV_WB32(report + 8, (uint32_t)(wall_us / 1000000 + NTP_TO_UNIX_S));
    AV_WB32(report + 12, (uint32_t)(((uint64_t)(wall_us % 1000000) << 32) / 1000000));
    AV_WB32(report + 16, timestamp_of(session));
    send_packet(session, is_goodbye ? goodbye : report,
                is_goodbye ? sizeof(goodbye) : sizeof(report), 1);
}

void session_play(struct session *session, int64_t now_us)
{
    struct cameras *cameras = session->camera->cameras;

    session->is_playing = true;
    session->ssrc = camera_random(cameras);
    session->sequence = (uint16_t)camera_random(cameras);
    session->first_timestamp = camera_random(cameras);
    session->unit = camera_random(cameras) % cameras->clips[0].n_units;
    session->n_sent_units = 0;
    session->next_us = session->report_us = now_us;
}

void session_stream(struct session *session, int64_t now_us)
{
    int64_t interval_us = 1000000 / session->camera->cameras->settings.rate_hz;

    if (now_us - session->next_us > 1000000) /* nobody sends what it could not send in time */
        session->next_us = now_us;
    if (now_us >= session->report_us) {
        session_send_report(session, false);
        session->report_us = now_us + REPORT_EVERY_US;
    }
    while (session->fd && session->is_playing && session->next_us <= now_us) {
        send_unit(session);
        session->next_us += interval_us;
    }
    session_flush(session, now_us);
}
