/* SPDX-License-Identifier: MIT */
/*
 * Cameras for tests: any number of them on one thread, each on a port of its own of the loopback
 * interface, each with one thing that it does wrong at a time.
 */
#ifndef LIMEF_TEST_CAMERA_CAMERA_H
#define LIMEF_TEST_CAMERA_CAMERA_H

#include "camera/clip.h"

#define CAMERA_USER "user"
#define CAMERA_PASSWORD "pa55word"
#define CAMERA_GROUP "239.255.42.42"
/* What a camera answers that no protocol knows, and descriptions that are none. */
#define CAMERA_N_HOSTILE 14
#define CAMERA_N_SDP 12
#define CAMERA_N_STATUS 6
#define CAMERA_N_DAMAGES 9
#define CAMERA_N_INSERTIONS 7
#define CAMERA_N_GARBAGE 7
#define CAMERA_N_TLS 7
#define CAMERA_N_RECORDS 5

/* What can be wrong. */
enum fault_kind {
    FAULT_NONE,

    /* to the session that plays, at once */
    FAULT_KICK,         /* closed */
    FAULT_RESET,        /* closed with RST */
    FAULT_CUT,          /* closed in the middle of a packet */
    FAULT_HALF_OPEN,    /* the camera forgets it, and says nothing */
    FAULT_GOODBYE,      /* RTCP BYE */
    FAULT_TEARDOWN,     /* the camera asks for the end */
    FAULT_MOVE,         /* the camera asks to come again: REDIRECT */
    FAULT_QUESTIONS,    /* the camera asks OPTIONS and what nobody knows, n times */
    FAULT_RESTART,      /* closed, and nobody listens for us */
    FAULT_OTHER_STREAM, /* another SSRC, other numbers and times */
    FAULT_OTHER_SIZE,   /* other parameter sets and another size in mid-stream */
    FAULT_JUMP,         /* the clock, by us */
    FAULT_RECORD, /* of TLS, that is none, or says that it is over; variant < CAMERA_N_RECORDS */

    /* to the next n units or packets of it */
    FAULT_FREEZE,    /* nothing for us */
    FAULT_DROP,      /* units that are never sent; no number is missing */
    FAULT_LOSE,      /* packets */
    FAULT_SCATTER,   /* one of three packets is lost, n times */
    FAULT_DUPLICATE, /* packets */
    FAULT_SWAP,      /* each with the next */
    FAULT_DAMAGE,    /* lengths that lie; variant < CAMERA_N_DAMAGES */
    FAULT_INSERT,    /* packets that are none of it; variant < CAMERA_N_INSERTIONS */
    FAULT_GARBAGE,   /* between packets, in the connection; variant < CAMERA_N_GARBAGE */

    /* to the next n connections; the one that is there is closed */
    FAULT_CLOSE_AT_ONCE,
    FAULT_RESET_AT_ONCE,
    FAULT_SILENT,   /* no answer at all */
    FAULT_MUTE,     /* no answer to the request of number variant: 0 DESCRIBE, 1 SETUP, 2 PLAY */
    FAULT_NO_MEDIA, /* answers, and sends nothing */
    FAULT_STATUS,   /* no success; variant < CAMERA_N_STATUS */
    FAULT_HOSTILE,  /* variant < CAMERA_N_HOSTILE */
    FAULT_ENDLESS,  /* a header that does not end */
    FAULT_SDP,      /* variant < CAMERA_N_SDP */
    FAULT_WRONG_PASSWORD, /* it wants another one */
    FAULT_ODD_TRANSPORT,  /* Transport that lies; variant 0..3 */
    FAULT_CIRCLE,         /* redirects to itself */
    FAULT_HALF_ANSWER,    /* and closes */
    FAULT_TLS,            /* hands that are not shaken; variant < CAMERA_N_TLS */

    /* to the next connection, which plays nevertheless */
    FAULT_STALE_NONCE,
    FAULT_NO_TCP, /* 461, from now on, until FAULT_NO_UDP */
    FAULT_NO_UDP,
    FAULT_REDIRECT,
    FAULT_DRIBBLE,     /* some bytes at a time */
    FAULT_LATE,        /* each answer after us */
    FAULT_TWICE,       /* each answer */
    FAULT_FOLDED,      /* headers in lower case, on two lines, and data before each answer */
    FAULT_ODD_SESSION, /* variant 0..2 */

    N_FAULTS
};

struct fault {
    enum fault_kind kind;
    unsigned n, variant;
    int64_t us;
};

struct cameras;

struct cameras_settings {
    unsigned n_cameras;
    unsigned rate_hz; /* pictures; 0: 25 */
    uint32_t seed;
    bool wants_password; /* every second camera asks for it */
    bool is_secure;      /* every fourth one speaks TLS, where there is any */
    bool is_multicast;   /* describes CAMERA_GROUP; there, each on a port of its own, it sends to
                            who asks for multicast in any case */
    bool is_paused;      /* sends nothing, and answers nothing */
};

/* Starts them. clips: the usual one, and that of FAULT_OTHER_SIZE; borrowed. Ends the program if
 * that fails. */
struct cameras *cameras_start(const struct cameras_settings *settings, const struct clip clips[2]);
void cameras_stop(struct cameras *cameras);

/* All of these: thread any. */

uint16_t cameras_port(const struct cameras *cameras, unsigned i);
/* SHA-256 of the certificate of camera i; NULL: it has none, and speaks no TLS. */
const char *cameras_fingerprint(const struct cameras *cameras, unsigned i);
/* Something goes wrong with camera i. */
void cameras_break(struct cameras *cameras, unsigned i, const struct fault *fault);
/* Whether all is right with camera i again. */
bool cameras_is_well(struct cameras *cameras, unsigned i);
/* Makes camera i well, whatever it is. */
void cameras_mend(struct cameras *cameras, unsigned i);
/* Bytes of RTP that all of them sent. */
uint64_t cameras_n_bytes(struct cameras *cameras);

const char *fault_name(enum fault_kind kind);

#endif
