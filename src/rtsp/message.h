/* SPDX-License-Identifier: MIT */
/*
 * What comes out of an RTSP connection: answers, requests, and packets of media
 * between them (RFC 2326 sections 4 to 7 and 10.12; RFC 7826 sections 5 and 14). Read
 * in place: nothing is copied or allocated, every length is checked against
 * what was received.
 */
#ifndef LIMEF_SRC_RTSP_MESSAGE_H
#define LIMEF_SRC_RTSP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Bytes at most of a start line with its headers, of a body, and of all that one item takes. */
#define RTSP_MAX_HEAD_BYTES 16384
#define RTSP_MAX_BODY_BYTES 32768
#define RTSP_MAX_ITEM_BYTES (4 + 65535)
/* Headers that are kept; more are skipped and counted. */
#define RTSP_MAX_HEADERS 48

enum rtsp_item_kind {
    RTSP_ITEM_ANSWER,
    RTSP_ITEM_REQUEST,
    RTSP_ITEM_MEDIA, /* an interleaved packet */
};

struct rtsp_header {
    const char *name, *value; /* without blanks around; folded lines are one */
};

/* All strings lie in the bytes that were read, and end there. */
struct rtsp_item {
    enum rtsp_item_kind kind;
    int version;        /* of RTSP, before its dot: 1, 2; 0: another, or media */
    int status;         /* of an answer: 100 to 999 */
    const char *reason; /* of an answer; "" if there is none */
    const char *method, *uri;
    unsigned n_headers, n_skipped;
    struct rtsp_header headers[RTSP_MAX_HEADERS];
    uint8_t channel;     /* of media */
    const uint8_t *data; /* the body, or the media packet */
    size_t data_bytes;
};

/*
 * Reads the first item of what was received.
 *
 * item   written if the result is positive; points into data.
 * data   written: strings are terminated, folded lines joined.
 * Returns the bytes that the item takes, lines between messages included; 0: not all of it is here
 * yet (data is as it was); AVERROR_INVALIDDATA: this is no RTSP; AVERROR(EMSGSIZE): longer than
 * any of the limits.
 */
ssize_t rtsp_item_read(struct rtsp_item *item, uint8_t *data, size_t bytes);

/* Where something that can be read may begin again behind damaged bytes; bytes: nowhere. At least
 * 1. */
size_t rtsp_item_find(const uint8_t *data, size_t bytes);

/* The first header of that name, in any case; NULL: there is none. */
const char *rtsp_item_header(const struct rtsp_item *item, const char *name);

/* The header of that name behind one that was found before; NULL: there is none. */
const char *rtsp_item_next_header(const struct rtsp_item *item, const char *name,
                                  const char *value);

/* A header that is a number without sign; -1: missing, no number, or above INT32_MAX. */
int64_t rtsp_item_number(const struct rtsp_item *item, const char *name);

/* Of a quoted string (RFC 7230 section 3.2.6). A backslash before anything else stays: it was not
 * meant so. */
static inline bool rtsp_is_escape(const char *text)
{
    return text[0] == '\\' && (text[1] == '"' || text[1] == '\\');
}

/*
 * The value of a parameter: "interleaved" in "RTP/AVP/TCP;unicast;interleaved=0-1".
 *
 * separator  between parameters: ';' or ','.
 * bytes      written: its length, quotes left out; 0 if it has no '='.
 * Returns where the value begins, in list; NULL: no such parameter.
 */
const char *rtsp_parameter(const char *list, char separator, const char *name, size_t *bytes);

/* What moves a cursor, or rings a bell, where a line is shown that a camera wrote. */
void rtsp_hide_controls(char *text);

#endif
