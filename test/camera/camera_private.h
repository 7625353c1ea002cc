/* SPDX-License-Identifier: MIT */
#ifndef LIMEF_TEST_CAMERA_CAMERA_PRIVATE_H
#define LIMEF_TEST_CAMERA_CAMERA_PRIVATE_H

#include "camera/camera.h"
#include "camera/secure.h"

#include <netinet/in.h>
#include <pthread.h>

#define CLOCK_HZ 90000
#define PAYLOAD_BYTES 1200
#define PACKET_BYTES 1500
#define N_SESSIONS 8 /* of one camera at once */
#define ENDLESS_BYTES 65536
#define MAX_OUT_BYTES (4 << 20)

/* Who an event of the poll set is for: a session, or a camera that listens. */
struct camera;

struct session {
    struct camera *camera;
    int fd;             /* 0: unused */
    struct fault fault; /* of this connection */
    char in[8192];
    size_t n_in;
    uint8_t *out; /* owned */
    size_t n_out, out_room;
    bool waits_to_write, closes_when_sent, is_forgotten, is_playing;
    int64_t send_after_us; /* nothing is sent before; for FAULT_LATE and FAULT_DRIBBLE */
    unsigned nonce, n_refused;
    struct secure *secure; /* owned; NULL: no TLS */

    /* media */
    bool is_udp, is_group;
    int udp_fds[2];
    struct sockaddr_in clients[2];
    unsigned clip, unit;
    uint16_t sequence;
    uint32_t ssrc, first_timestamp;
    int64_t began_us, next_us, report_us;
    int64_t n_sent_units;
    uint8_t held[PACKET_BYTES];
    size_t held_bytes;
};

struct camera {
    struct cameras *cameras;
    unsigned number;
    uint16_t port;
    int fd; /* listens; 0: it does not */
    struct fault fault;
    bool is_broken;  /* fault is not over */
    int64_t well_us; /* when it is, if time ends it; else LIMEF_FOREVER */
    bool refuses_tcp, refuses_udp, is_secure;
    struct session sessions[N_SESSIONS];
};

struct cameras {
    struct cameras_settings settings;
    const struct clip *clips;
    struct secure_keys *keys; /* owned; NULL: no TLS */
    pthread_t thread;
    int poll_fd, wake_fd;
    unsigned n_cameras;

    pthread_mutex_t lock;
    /* protected by lock */
    bool is_over;
    uint32_t random;
    uint64_t n_bytes;
    struct camera cameras[];
};

uint32_t camera_random(struct cameras *cameras);

/* session.c */

/* What a client sent. */
void session_take(struct session *session, int64_t now_us);
/* The same answer to anything, or worse, as its fault has it. Returns whether that is all. */
bool session_misbehave(struct session *session, int64_t now_us);

/* records.c */

/* What came, deciphered into session->in. Returns false: the session is gone, or there is nothing
 * to take. */
bool session_decipher(struct session *session, const void *data, size_t bytes, int64_t now_us);
/* A record in mid-stream, as its camera's fault has it. */
void session_disturb_records(struct session *session);

/* media.c */

/* Begins to send. */
void session_play(struct session *session, int64_t now_us);
/* Sends what is due. */
void session_stream(struct session *session, int64_t now_us);
/* RTCP: a sender report, or goodbye. */
void session_send_report(struct session *session, bool is_goodbye);

/* camera.c */

/* In TLS, if the session speaks it; plain: as it is. */
void session_write(struct session *session, const void *data, size_t bytes);
void session_write_plain(struct session *session, const void *data, size_t bytes);
void session_write_text(struct session *session, const char *text);
void session_flush(struct session *session, int64_t now_us);
void session_close(struct session *session, bool with_reset);
/* One of n is over. */
void camera_count_down(struct camera *camera);

#endif
