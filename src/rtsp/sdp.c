/* SPDX-License-Identifier: MIT */
#include "rtsp/sdp.h"

#include "rtsp/depacketizer.h"
#include "rtsp/message.h"

#include <ctype.h>
#include <libavutil/error.h>
#include <libavutil/eval.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_CHANNELS 64
#define MAX_SIDE 65536
/* That are looked at of an m= line. */
#define MAX_TYPES 8

/* RFC 3551 section 6, as far as cameras use it */
static const struct {
    int type;
    const char *encoding;
    int clock_hz, n_channels;
} static_types[] = {
    {0, "PCMU", 8000, 1},   {2, "G726-32", 8000, 1}, {3, "GSM", 8000, 1},    {8, "PCMA", 8000, 1},
    {9, "G722", 8000, 1},   {10, "L16", 44100, 2},   {11, "L16", 44100, 1},  {14, "MPA", 90000, 1},
    {26, "JPEG", 90000, 0}, {32, "MPV", 90000, 0},   {33, "MP2T", 90000, 0}, {34, "H263", 90000, 0},
};

/* Splits off the text before the first blank; returns what is behind it. */
static char *next_word(char *text)
{
    char *end = text + strcspn(text, " \t");

    if (*end)
        *end++ = '\0';
    return end + strspn(end, " \t");
}

static long bounded(const char *text, long least, long most, long otherwise)
{
    char *end;
    long value = strtol(text, &end, 10);

    return end == text || value < least || value > most ? otherwise : value;
}

/* What nobody needs to say of a payload type. */
static struct sdp_format format_of(enum sdp_kind kind, int payload_type)
{
    struct sdp_format format = {.payload_type = payload_type,
                                .encoding = "",
                                .clock_hz = kind == SDP_AUDIO ? 8000 : 90000,
                                .n_channels = kind == SDP_AUDIO,
                                .parameters = ""};

    for (size_t i = 0; i < sizeof(static_types) / sizeof(static_types[0]); i++)
        if (static_types[i].type == payload_type) {
            format.encoding = static_types[i].encoding;
            format.clock_hz = static_types[i].clock_hz;
            format.n_channels = static_types[i].n_channels;
        }
    return format;
}

/* RFC 3551, RFC 4585, RFC 4571; with what belongs into a Transport header as well */
static bool is_plain(const char *protocol)
{
    static const char *const known[] = {"RTP/AVP",      "RTP/AVPF",    "RTP/AVP/UDP", "RTP/AVP/TCP",
                                        "RTP/AVPF/TCP", "TCP/RTP/AVP", "TCP/RTP/AVPF"};
    bool is_known = false;

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        is_known |= !strcasecmp(protocol, known[i]);
    return is_known;
}

/* Bytes of the encoding that a line maps a payload type to, "a=rtpmap:97 H264/90000", of which
 * other lines may follow; 0: none. */
static size_t find_mapped(const char *line, int type, const char **encoding)
{
    if (strncmp(line, "a=", 2) != 0)
        return 0;
    line += 2 + strspn(line + 2, " \t");
    if (strncasecmp(line, "rtpmap:", 7) != 0 || bounded(line + 7, 0, 127, -1) != type)
        return 0;
    line += 7 + strspn(line + 7, " \t");
    line += strcspn(line, " \t\r\n");
    *encoding = line + strspn(line, " \t");
    return strcspn(*encoding, "/ \t\r\n");
}

/* Whether packets of that type can be used, by what the section says, or by what nobody needs to
 * say. */
static bool is_known(enum sdp_kind kind, const struct sdp_format *format, const char *section)
{
    const char *encoding;
    char name[32];

    for (const char *line = section; *line && strncmp(line, "m=", 2) != 0;
         line += strspn(line, "\r\n")) {
        size_t bytes = find_mapped(line, format->payload_type, &encoding);

        if (bytes > 0) {
            snprintf(name, sizeof(name), "%.*s", (int)bytes, encoding);
            return depacketizer_knows(kind, name);
        }
        line += strcspn(line, "\r\n");
    }
    return depacketizer_knows(kind, format->encoding);
}

/* Those of a list that are known; else the first. Returns whether there is any. */
static bool list_formats(struct sdp_media *media, const char *types, const char *section)
{
    struct sdp_format first = format_of(media->kind, (int)bounded(types, 0, 127, -1));

    for (unsigned i = 0; i < MAX_TYPES && *types && media->n_formats < SDP_MAX_FORMATS; i++) {
        struct sdp_format format = format_of(media->kind, (int)bounded(types, 0, 127, -1));

        if (format.payload_type >= 0 && is_known(media->kind, &format, section))
            media->formats[media->n_formats++] = format;
        types += strcspn(types, " \t");
        types += strspn(types, " \t");
    }
    if (media->n_formats == 0)
        media->formats[media->n_formats++] = first;
    return first.payload_type >= 0;
}

/* "video 0 RTP/AVP 96 97", and what is behind that line. */
static bool read_media(struct sdp_media *media, char *line, const char *section)
{
    char *port = next_word(line), *protocol = next_word(port), *types = next_word(protocol);

    *media = (struct sdp_media){
        .kind = !strcasecmp(line, "video")         ? SDP_VIDEO
                : !strcasecmp(line, "audio")       ? SDP_AUDIO
                : !strcasecmp(line, "application") ? SDP_APPLICATION
                                                   : SDP_OTHER,
        .port = (int)bounded(port, 0, 65535, 0),
        .protocol = protocol,
        .is_plain = is_plain(protocol),
        .control = "",
        .address = "",
        .sources = "",
        .is_sent = true,
    };
    return list_formats(media, types, section);
}

/* "IN IP4 239.1.2.3/127" */
static const char *read_connection(char *line, int *ttl)
{
    char *type = next_word(line), *address = next_word(type), *slash;

    next_word(address);
    slash = strchr(address, '/');
    *ttl = 0;
    if (slash) {
        *slash = '\0';
        *ttl = (int)bounded(slash + 1, 0, 255, 0);
    }
    return address;
}

/* The format that an attribute is of, "96 ...", and what it says of it; NULL: of none. */
static struct sdp_format *read_format(struct sdp_media *media, char *value, char **what)
{
    *what = next_word(value);
    for (unsigned i = 0; i < media->n_formats; i++)
        if (bounded(value, 0, 127, -1) == media->formats[i].payload_type)
            return &media->formats[i];
    return NULL;
}

/* "96 MPEG4-GENERIC/48000/2" */
static void read_rtpmap(struct sdp_media *media, char *value)
{
    char *encoding, *clock, *channels;
    struct sdp_format *format = read_format(media, value, &encoding);

    if (!format)
        return;
    format->encoding = encoding;
    clock = strchr(encoding, '/');
    if (!clock)
        return;
    *clock++ = '\0';
    format->clock_hz = (int)bounded(clock, 1, INT32_MAX, format->clock_hz);
    channels = strchr(clock, '/');
    format->n_channels =
        channels ? (int)bounded(channels + 1, 1, MAX_CHANNELS, 1) : media->kind == SDP_AUDIO;
}

static void read_fmtp(struct sdp_media *media, char *value)
{
    char *parameters;
    struct sdp_format *format = read_format(media, value, &parameters);

    if (format)
        format->parameters = parameters;
}

/* "0,0,1080,1920": top, left, bottom, right */
static void read_cliprect(struct sdp_media *media, const char *value)
{
    int top, left, bottom, right;

    if (sscanf(value, "%9d,%9d,%9d,%9d", &top, &left, &bottom, &right) == 4 && bottom > top &&
        right > left && bottom - top <= MAX_SIDE && right - left <= MAX_SIDE) {
        media->width = right - left;
        media->height = bottom - top;
    }
}

/* "1920,1080", or "96 1920-1080" */
static void read_size(struct sdp_media *media, const char *value)
{
    int width, height;

    if ((sscanf(value, "%9d,%9d", &width, &height) == 2 ||
         sscanf(value, "%*d %9d-%9d", &width, &height) == 2) &&
        width > 0 && height > 0 && width <= MAX_SIDE && height <= MAX_SIDE) {
        media->width = width;
        media->height = height;
    }
}

static void read_media_attribute(struct sdp_media *media, const char *name, char *value)
{
    if (!strcasecmp(name, "rtpmap")) {
        read_rtpmap(media, value);
    } else if (!strcasecmp(name, "fmtp")) {
        read_fmtp(media, value);
    } else if (!strcasecmp(name, "control")) {
        media->control = value;
    } else if (!strcasecmp(name, "framerate")) {
        double rate_hz = av_strtod(value, NULL);

        media->frame_rate_hz = isfinite(rate_hz) && rate_hz > 0 && rate_hz <= 1000 ? rate_hz : 0;
    } else if (!strcasecmp(name, "cliprect")) {
        read_cliprect(media, value);
    } else if (!strcasecmp(name, "x-dimensions") || !strcasecmp(name, "framesize")) {
        read_size(media, value);
    } else if (!strcasecmp(name, "inactive")) {
        media->is_sent = false;
    } else if (!strcasecmp(name, "sendonly") && media->kind == SDP_AUDIO) {
        /* in the viewer's view: sendonly is the camera's loudspeaker (ONVIF streaming
         * specification, section 5.3); pictures go one way alone */
        media->is_sent = false;
    }
}

/* A filter and the addresses that it is of: a number, or "*". */
struct filter {
    const char *address, *sources;
    bool excludes;
};

/* Of the session there may be one for each address. */
#define MAX_FILTERS SDP_MAX_MEDIA

struct reading {
    struct sdp *sdp;
    struct sdp_media *media; /* NULL: the session's part, or a section that is skipped */
    bool is_skipped;
    const char *rest;    /* lines that are not read yet */
    const char *address; /* of the session */
    int ttl;
    unsigned n_filters;
    struct filter filters[MAX_FILTERS]; /* of the session */
    struct filter media_filters[SDP_MAX_MEDIA];
};

/* "incl IN IP4 239.1.2.3 192.0.2.5 192.0.2.6" */
static struct filter read_filter(char *value)
{
    char *net = next_word(value), *type = next_word(net), *address = next_word(type);
    char *sources = next_word(address);

    return (struct filter){
        .address = address, .sources = sources, .excludes = !strcasecmp(value, "excl")};
}

static bool takes_filter(struct sdp_media *media, const struct filter *filter)
{
    if (!filter->sources || !*filter->sources ||
        (strcmp(filter->address, "*") != 0 && strcasecmp(filter->address, media->address) != 0))
        return false;
    media->sources = filter->sources;
    media->excludes = filter->excludes;
    return true;
}

/* Once the addresses are known. A section's own goes before that of the session. */
static void set_filters(struct reading *reading)
{
    for (unsigned i = 0; i < reading->sdp->n_media; i++) {
        bool is_set = takes_filter(&reading->sdp->media[i], &reading->media_filters[i]);

        for (unsigned k = 0; k < reading->n_filters && !is_set; k++)
            is_set = takes_filter(&reading->sdp->media[i], &reading->filters[k]);
    }
}

static void read_attribute(struct reading *reading, char *line)
{
    char *value = strchr(line, ':');

    if (value)
        *value++ = '\0';
    else
        value = line + strlen(line);
    value += strspn(value, " \t");
    if (!strcasecmp(line, "source-filter")) {
        if (reading->media)
            reading->media_filters[reading->media - reading->sdp->media] = read_filter(value);
        else if (!reading->is_skipped && reading->n_filters < MAX_FILTERS)
            reading->filters[reading->n_filters++] = read_filter(value);
    } else if (reading->media)
        read_media_attribute(reading->media, line, value);
    else if (!reading->is_skipped && !strcasecmp(line, "control"))
        reading->sdp->control = value;
    if (!strcasecmp(line, "range") && !reading->sdp->range[0])
        reading->sdp->range = value;
}

static void begin_media(struct reading *reading, char *value)
{
    struct sdp *sdp = reading->sdp;

    reading->media = NULL;
    reading->is_skipped = true;
    if (sdp->n_media < SDP_MAX_MEDIA &&
        read_media(&sdp->media[sdp->n_media], value, reading->rest)) {
        reading->media = &sdp->media[sdp->n_media++];
        reading->media->address = reading->address;
        reading->media->ttl = reading->ttl;
    } else {
        sdp->n_skipped++;
    }
}

static void read_line(struct reading *reading, char *line)
{
    size_t length = strlen(line);
    char *value = line + 2;

    while (length > 0 && isspace((unsigned char)line[length - 1]))
        line[--length] = '\0';
    rtsp_hide_controls(line);
    if (length < 2 || line[1] != '=')
        return;
    value += strspn(value, " \t");
    switch (line[0]) {
    case 'm':
        begin_media(reading, value);
        break;
    case 'c':
        if (reading->media)
            reading->media->address = read_connection(value, &reading->media->ttl);
        else if (!reading->is_skipped)
            reading->address = read_connection(value, &reading->ttl);
        break;
    case 'a':
        read_attribute(reading, value);
        break;
    default:
        break;
    }
}

int sdp_read(struct sdp *sdp, char *text, size_t bytes)
{
    struct reading reading = {.sdp = sdp, .address = ""};
    char *end = text + bytes;

    *sdp = (struct sdp){.control = "", .range = ""};
    *end = '\0';
    for (char *line = text, *next; line < end; line = next) {
        size_t length = strcspn(line, "\r\n");

        next = line + length + 1; /* a byte that is zero ends a line, too */
        line[length] = '\0';
        reading.rest = next < end ? next : end;
        read_line(&reading, line);
    }
    set_filters(&reading);
    for (unsigned i = 0; i < sdp->n_media; i++)
        sdp_use_format(&sdp->media[i], &sdp->media[i].formats[0]);
    return sdp->n_media > 0 ? 0 : AVERROR_INVALIDDATA;
}

const struct sdp_format *sdp_find_format(const struct sdp_media *media, int payload_type)
{
    for (unsigned i = 0; i < media->n_formats; i++)
        if (media->formats[i].payload_type == payload_type)
            return &media->formats[i];
    return NULL;
}

void sdp_use_format(struct sdp_media *media, const struct sdp_format *format)
{
    media->payload_type = format->payload_type;
    media->encoding = format->encoding;
    media->clock_hz = format->clock_hz;
    media->n_channels = format->n_channels;
    media->format = format->parameters;
}

const char *sdp_format_parameter(const struct sdp_media *media, const char *name, size_t *bytes)
{
    return rtsp_parameter(media->format, ';', name, bytes);
}

int64_t sdp_format_number(const struct sdp_media *media, const char *name, int64_t missing)
{
    size_t bytes;
    const char *value = sdp_format_parameter(media, name, &bytes);
    char text[16];

    if (!value || bytes == 0 || bytes >= sizeof(text))
        return missing;
    memcpy(text, value, bytes);
    text[bytes] = '\0';
    return bounded(text, INT32_MIN, INT32_MAX, (long)missing);
}

bool sdp_url_is_absolute(const char *url)
{
    return !strncasecmp(url, "rtsp://", 7) || !strncasecmp(url, "rtsps://", 8) ||
           !strncasecmp(url, "rtspu://", 8);
}

int sdp_control_url(char *url, size_t url_bytes, const char *base, const char *control)
{
    size_t path = strcspn(base, "?");
    const char *slash = path > 0 && base[path - 1] == '/' ? "" : "/";
    int n;

    if (sdp_url_is_absolute(control))
        n = snprintf(url, url_bytes, "%s", control);
    else if (!*control || !strcmp(control, "*"))
        n = snprintf(url, url_bytes, "%s", base);
    else if (control[0] == '?')
        n = snprintf(url, url_bytes, "%.*s%s", (int)path, base, control);
    else if (base[path])
        /* a camera's query belongs to its path: "rtsp://cam/h264?channel=1/trackID=1" */
        n = snprintf(url, url_bytes, "%s/%s", base, control[0] == '/' ? control + 1 : control);
    else
        n = snprintf(url, url_bytes, "%s%s%s", base, slash,
                     control[0] == '/' ? control + 1 : control);
    return n < 0 || (size_t)n >= url_bytes ? AVERROR(ENOSPC) : 0;
}
