/* SPDX-License-Identifier: MIT */
/* What the parts of the server for tests share: files in memory, sent in their times, and what goes
 * wrong meanwhile. */
#ifndef LIMEF_TEST_RTSPD_RTSPD_H
#define LIMEF_TEST_RTSPD_RTSPD_H

#include <gst/app/gstappsrc.h>
#include <gst/rtsp-server/rtsp-server.h>
#include <stdbool.h>

/* Pictures and sound. */
#define MAX_TRACKS 2

/* One stream of a file. */
struct recorded_track {
    const char *elements; /* what makes packets of RTP of it, as gst_parse_launch() reads it */
    GstCaps *caps;        /* owned */
    bool is_video;
};

/* One packet of a file; times in ns, from the first of the file on. */
struct recorded_unit {
    unsigned track;
    gint64 pts, dts;
    GstBuffer *buffer; /* owned; as its track's elements want it */
};

/* A file in memory. It lives as long as the program. */
struct recording {
    unsigned n_tracks;
    struct recorded_track tracks[MAX_TRACKS];
    GArray *units;   /* of struct recorded_unit, as they lie in the file */
    gint64 duration; /* ns, what comes behind it begins there */
};

/* Reads a file. Returns false, and says why, if it cannot be read or has nothing that can be sent.
 */
bool recording_load(struct recording *recording, const char *path);

/* Whether all that its tracks need is installed; says what is not. */
bool recording_can_be_sent(const struct recording *recording);

/* How recordings are sent, and what goes wrong. */
struct sending {
    /* constant */
    unsigned n_passes; /* 0: again and again */
    double speed;      /* times the natural one */
    guint32 seed;

    /* changed by commands; under lock */
    GMutex lock;
    GCond changed;
    gint64 frozen_until; /* g_get_monotonic_time(): nothing is sent before */
    guint n_to_drop;     /* pictures that each that is sent leaves out, since it all began */
    gint64 jumped_ms;    /* by so much the clock of the packets is off */
    double loss;         /* of packets, 0 to 1 */
};

/* Sends a recording to the elements of a media that is made, in a thread of its own, until that is
 * not needed any more. Both are borrowed and must outlive it. */
void sending_begin(struct sending *sending, const struct recording *recording, GstRTSPMedia *media);

/* Does what a line says: freeze MS, drop N, jump MS, loss PERCENT. Returns false if it is none of
 * these. */
bool sending_command(struct sending *sending, const char *line);

/* packets.c: loses and changes packets that come out of element. */
void packets_watch(struct sending *sending, GstElement *element, guint32 seed);

#endif
