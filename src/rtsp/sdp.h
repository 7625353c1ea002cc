/* SPDX-License-Identifier: MIT */
/*
 * What a camera says of its streams (RFC 8866, RFC 2326 appendix C), as cameras
 * really send it: lines in any order, missing rtpmap, attributes in any case.
 * Read in place; lines that say nothing here are skipped.
 */
#ifndef LIMEF_SRC_RTSP_SDP_H
#define LIMEF_SRC_RTSP_SDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Media sections that are kept; more are counted. */
#define SDP_MAX_MEDIA 8
/* Payload types of a section that are kept, of those that can be used. */
#define SDP_MAX_FORMATS 4

enum sdp_kind {
    SDP_OTHER,
    SDP_VIDEO,
    SDP_AUDIO,
    SDP_APPLICATION,
};

/* What packets of a payload type are. */
struct sdp_format {
    int payload_type;       /* 0 to 127 */
    const char *encoding;   /* "H264", in the camera's own case; of a static type as well */
    int clock_hz;           /* 1 to INT32_MAX */
    int n_channels;         /* of sound: 1 to 64 */
    const char *parameters; /* of a=fmtp */
};

/* One m= section. Strings lie in the bytes that were read; "" where nothing was said. */
struct sdp_media {
    enum sdp_kind kind;
    int port;             /* 0: the server decides */
    const char *protocol; /* "RTP/AVP" */
    bool is_plain;        /* it is RTP as it is read here: not encrypted (RTP/SAVP) */
    int payload_type;     /* the format that is used, at first the first of them */
    const char *encoding; /* as sdp_format has these */
    int clock_hz;
    int n_channels;
    const char *format;                         /* parameters of a=fmtp */
    struct sdp_format formats[SDP_MAX_FORMATS]; /* those that are known, else the first */
    unsigned n_formats;
    const char *control;
    const char *address; /* c=, of its own or of the session; without time to live */
    int ttl;             /* of a multicast address; 0: not said */
    const char
        *sources;  /* a=source-filter (RFC 4570) of that address: numbers, blanks between; "" */
    bool excludes; /* they are those that nothing is taken from, else the only ones */
    double frame_rate_hz; /* a=framerate; 0: not said */
    int width, height;    /* a=cliprect, x-dimensions, framesize; 0: not said */
    bool is_sent;         /* towards us; false: a loudspeaker, or nothing at present */
};

struct sdp {
    const char *control; /* of the session: aggregate control */
    const char *range;   /* "npt=0-", "" if it was not said */
    unsigned n_media, n_skipped;
    struct sdp_media media[SDP_MAX_MEDIA];
};

/*
 * Reads a description.
 *
 * sdp    written; points into text.
 * text   written: lines are terminated. bytes of it; text[bytes] must be writable.
 * Returns 0, or AVERROR_INVALIDDATA: no media section that can be used.
 */
int sdp_read(struct sdp *sdp, char *text, size_t bytes);

/* The format of a payload type among those of a section; NULL: it has none. */
const struct sdp_format *sdp_find_format(const struct sdp_media *media, int payload_type);

/* From now on the section is read as this one of its formats. */
void sdp_use_format(struct sdp_media *media, const struct sdp_format *format);

/*
 * The value of a parameter of a=fmtp, "sprop-parameter-sets" in "packetization-mode=1;
 * sprop-parameter-sets=...". The value may hold '='.
 *
 * bytes  written.
 * Returns where it begins, in the format; NULL: no such parameter.
 */
const char *sdp_format_parameter(const struct sdp_media *media, const char *name, size_t *bytes);

/* A parameter of a=fmtp that is a number; otherwise, or without it, `missing`. */
int64_t sdp_format_number(const struct sdp_media *media, const char *name, int64_t missing);

/* Whether it says by itself where it leads, scheme and host with it. */
bool sdp_url_is_absolute(const char *url);

/*
 * Puts a control URL behind its base: absolute ones stay, "*" and "" mean the base (RFC 2326
 * C.1.1). Unlike RFC 3986, and as cameras mean it, nothing of the base is replaced: its last
 * segment and its query stay, and a '/' comes between.
 *
 * url  written, terminated.
 * Returns 0, or AVERROR(ENOSPC).
 */
int sdp_control_url(char *url, size_t url_bytes, const char *base, const char *control);

#endif
