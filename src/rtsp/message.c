/* SPDX-License-Identifier: MIT */
#include "rtsp/message.h"

#include <ctype.h>
#include <libavutil/error.h>
#include <string.h>
#include <strings.h>

#define MEDIA_MARK '$'
#define MEDIA_HEAD_BYTES 4
#define LONGEST_METHOD 32

static bool is_token(uint8_t c)
{
    return c > ' ' && c < 127 && !strchr("()<>@,;:\\\"/[]?={}", c);
}

/* Cameras put empty lines between messages. */
static size_t count_empty_lines(const uint8_t *data, size_t bytes)
{
    size_t n = 0;

    while (n < bytes && (data[n] == '\r' || data[n] == '\n'))
        n++;
    return n;
}

/* Whether it can be the beginning of a start line, as far as it is here. */
static bool looks_like_message(const uint8_t *data, size_t bytes)
{
    static const char version[] = "RTSP/";
    size_t n = bytes < sizeof(version) - 1 ? bytes : sizeof(version) - 1;

    if (!memcmp(data, version, n))
        return true;
    for (n = 0; n < bytes && n < LONGEST_METHOD && is_token(data[n]); n++)
        if (islower(data[n]))
            return false;
    return n > 0 && (n == bytes || data[n] == ' ');
}

/* Bytes up to and with the empty line; 0: it is not here yet. */
static size_t find_head_end(const uint8_t *data, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (data[i] != '\n')
            continue;
        if (i + 1 < bytes && data[i + 1] == '\n')
            return i + 2;
        if (i + 2 < bytes && data[i + 1] == '\r' && data[i + 2] == '\n')
            return i + 3;
    }
    return 0;
}

static ssize_t read_media(struct rtsp_item *item, const uint8_t *data, size_t bytes)
{
    size_t length;

    if (bytes < MEDIA_HEAD_BYTES)
        return 0;
    length = (size_t)data[2] << 8 | data[3];
    if (bytes - MEDIA_HEAD_BYTES < length)
        return 0;
    *item = (struct rtsp_item){.kind = RTSP_ITEM_MEDIA,
                               .channel = data[1],
                               .data = data + MEDIA_HEAD_BYTES,
                               .data_bytes = length};
    return (ssize_t)(MEDIA_HEAD_BYTES + length);
}

/* Over blanks, and to the next line if the header goes on there. Returns where it ends. */
static size_t skip_blanks(const uint8_t *head, size_t head_bytes, size_t at)
{
    for (; at < head_bytes; at++) {
        size_t end = at + (head[at] == '\r');
        bool is_folded = end + 1 < head_bytes && head[end] == '\n' &&
                         (head[end + 1] == ' ' || head[end + 1] == '\t');

        if (is_folded)
            at = end + 1;
        else if (head[at] != ' ' && head[at] != '\t')
            break;
    }
    return at;
}

/* The value of Content-Length before anything is written: a message that is not whole stays as it
 * is. 0: there is none. Returns AVERROR_INVALIDDATA: two that differ, or no number. */
static int find_body_bytes(const uint8_t *head, size_t head_bytes, size_t *body_bytes)
{
    static const char name[] = "content-length";
    bool found = false;

    *body_bytes = 0;
    for (size_t i = 0; i + sizeof(name) < head_bytes; i++) {
        size_t value = 0, at = i + sizeof(name); /* behind '\n' and the name */

        if (head[i] != '\n' || strncasecmp((const char *)head + i + 1, name, sizeof(name) - 1))
            continue;
        at = skip_blanks(head, head_bytes, at);
        if (at >= head_bytes || head[at++] != ':')
            continue;
        at = skip_blanks(head, head_bytes, at);
        if (at >= head_bytes || !isdigit(head[at]))
            return AVERROR_INVALIDDATA;
        while (at < head_bytes && isdigit(head[at]) && value <= RTSP_MAX_BODY_BYTES)
            value = value * 10 + (size_t)(head[at++] - '0');
        if (found && value != *body_bytes)
            return AVERROR_INVALIDDATA;
        *body_bytes = value;
        found = true;
    }
    return 0;
}

/* Ends the line at `line` and returns the next; a line that goes on in the next one is joined. */
static char *end_line(char *line, char *end, bool may_fold)
{
    for (;;) {
        char *next = memchr(line, '\n', (size_t)(end - line));
        char *tail = next ? next : end - 1;

        if (tail > line && tail[-1] == '\r')
            *--tail = '\0';
        if (!next) {
            *tail = '\0';
            return end;
        }
        if (!may_fold || next + 1 >= end || (next[1] != ' ' && next[1] != '\t')) {
            *tail = '\0';
            *next = '\0';
            return next + 1;
        }
        memset(tail, ' ', (size_t)(next + 1 - tail));
        line = next + 1;
    }
}

/* U+0080 to U+009F (ECMA-48: CSI is one of them), in UTF-8. */
static bool is_c1(const char *text)
{
    return (unsigned char)text[0] == 0xc2 && (unsigned char)text[1] >= 0x80 &&
           (unsigned char)text[1] < 0xa0;
}

void rtsp_hide_controls(char *text)
{
    for (; *text; text++) {
        if (is_c1(text))
            text[0] = text[1] = '?';
        if (iscntrl((unsigned char)*text) && *text != '\t')
            *text = '?';
    }
}

static char *trim(char *text)
{
    size_t length;

    text += strspn(text, " \t");
    length = strlen(text);
    while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\t'))
        text[--length] = '\0';
    return text;
}

/* "RTSP/2.0" */
static int read_version(const char *text)
{
    return text[5] >= '1' && text[5] <= '2' && text[6] == '.' ? text[5] - '0' : 0;
}

static int read_start_line(struct rtsp_item *item, char *line)
{
    char *space = strchr(line, ' ');

    if (!space)
        return AVERROR_INVALIDDATA;
    *space++ = '\0';
    if (strncmp(line, "RTSP/", 5) != 0) {
        item->kind = RTSP_ITEM_REQUEST;
        item->method = line;
        item->uri = space;
        space = strchr(space, ' ');
        if (!space || strncmp(space + 1, "RTSP/", 5) != 0)
            return AVERROR_INVALIDDATA;
        item->version = read_version(space + 1);
        *space = '\0';
        return 0;
    }
    space += strspn(space, " ");
    if (!isdigit((unsigned char)space[0]) || !isdigit((unsigned char)space[1]) ||
        !isdigit((unsigned char)space[2]) || isdigit((unsigned char)space[3]) || space[0] == '0')
        return AVERROR_INVALIDDATA;
    item->kind = RTSP_ITEM_ANSWER;
    item->version = read_version(line);
    item->status = (space[0] - '0') * 100 + (space[1] - '0') * 10 + (space[2] - '0');
    item->reason = trim(space + 3);
    return 0;
}

static void read_header(struct rtsp_item *item, char *line)
{
    char *colon = strchr(line, ':');

    if (!colon || item->n_headers == RTSP_MAX_HEADERS) {
        item->n_skipped++;
        return;
    }
    *colon = '\0';
    item->headers[item->n_headers++] =
        (struct rtsp_header){.name = trim(line), .value = trim(colon + 1)};
}

static int read_head(struct rtsp_item *item, char *head, size_t head_bytes)
{
    char *end = head + head_bytes, *line = head, *next;
    int ret;

    if (memchr(head, '\0', head_bytes))
        return AVERROR_INVALIDDATA;
    *item = (struct rtsp_item){.reason = ""};
    next = end_line(line, end, false);
    rtsp_hide_controls(line);
    ret = read_start_line(item, line);
    while (ret >= 0 && next < end) {
        line = next;
        next = end_line(line, end, true);
        rtsp_hide_controls(line);
        if (*line)
            read_header(item, line);
    }
    return ret;
}

ssize_t rtsp_item_read(struct rtsp_item *item, uint8_t *data, size_t bytes)
{
    size_t empty, head, body;
    int ret;

    if (bytes > 0 && data[0] == MEDIA_MARK)
        return read_media(item, data, bytes);
    empty = count_empty_lines(data, bytes);
    if (empty == bytes)
        return bytes > RTSP_MAX_HEAD_BYTES ? AVERROR(EMSGSIZE) : 0;
    if (data[empty] == MEDIA_MARK) {
        ssize_t taken = read_media(item, data + empty, bytes - empty);

        return taken > 0 ? taken + (ssize_t)empty : taken;
    }
    data += empty;
    bytes -= empty;
    if (!looks_like_message(data, bytes))
        return AVERROR_INVALIDDATA;
    head = find_head_end(data, bytes < RTSP_MAX_HEAD_BYTES ? bytes : RTSP_MAX_HEAD_BYTES);
    if (head == 0)
        return bytes >= RTSP_MAX_HEAD_BYTES ? AVERROR(EMSGSIZE) : 0;
    ret = find_body_bytes(data, head, &body);
    if (ret >= 0 && body > RTSP_MAX_BODY_BYTES)
        ret = AVERROR(EMSGSIZE);
    if (ret < 0 || bytes - head < body)
        return ret < 0 ? ret : 0;
    ret = read_head(item, (char *)data, head);
    if (ret < 0)
        return ret;
    item->data = data + head;
    item->data_bytes = body;
    return (ssize_t)(empty + head + body);
}

size_t rtsp_item_find(const uint8_t *data, size_t bytes)
{
    for (size_t i = 1; i < bytes; i++)
        if (data[i] == MEDIA_MARK || (bytes - i >= 5 && !memcmp(data + i, "RTSP/", 5)))
            return i;
    return bytes > 0 ? bytes : 1;
}

const char *rtsp_item_next_header(const struct rtsp_item *item, const char *name, const char *value)
{
    bool is_behind = !value;

    for (unsigned i = 0; i < item->n_headers; i++) {
        if (is_behind && !strcasecmp(item->headers[i].name, name))
            return item->headers[i].value;
        is_behind |= item->headers[i].value == value;
    }
    return NULL;
}

const char *rtsp_item_header(const struct rtsp_item *item, const char *name)
{
    return rtsp_item_next_header(item, name, NULL);
}

int64_t rtsp_item_number(const struct rtsp_item *item, const char *name)
{
    const char *value = rtsp_item_header(item, name);
    int64_t number = 0;

    if (!value || !isdigit((unsigned char)*value))
        return -1;
    for (; isdigit((unsigned char)*value); value++) {
        number = number * 10 + (*value - '0');
        if (number > INT32_MAX)
            return -1;
    }
    return number;
}

const char *rtsp_parameter(const char *list, char separator, const char *name, size_t *bytes)
{
    size_t length = strlen(name);

    while (*list) {
        const char *at = list + strspn(list, " \t"), *end = at;
        bool is_quoted = false;

        for (; *end && (*end != separator || is_quoted); end++)
            if (is_quoted && rtsp_is_escape(end))
                end++;
            else
                is_quoted ^= *end == '"';
        list = *end ? end + 1 : end;
        if (strncasecmp(at, name, length) != 0)
            continue;
        at += length;
        at += strspn(at, " \t");
        if (at >= end) {
            *bytes = 0;
            return end;
        }
        if (*at != '=')
            continue;
        at += 1 + strspn(at + 1, " \t");
        while (end > at && (end[-1] == ' ' || end[-1] == '\t'))
            end--;
        if (end - at >= 2 && *at == '"' && end[-1] == '"') {
            at++;
            end--;
        }
        *bytes = end > at ? (size_t)(end - at) : 0;
        return at;
    }
    return NULL;
}
