/* SPDX-License-Identifier: MIT */
#include "rtsp/message.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/error.h>
#include <stdlib.h>
#include <string.h>

TestSuite(rtsp_message, .timeout = 10);

static struct rtsp_item item;

/* Memory of exactly that size: a sanitizer sees what is read behind it. */
static uint8_t *copy(const void *text, size_t bytes)
{
    uint8_t *data = malloc(bytes ? bytes : 1);

    memcpy(data, text, bytes);
    return data;
}

static ssize_t read_text(const char *text, uint8_t **data)
{
    *data = copy(text, strlen(text));
    return rtsp_item_read(&item, *data, strlen(text));
}

Test(rtsp_message, reads_an_answer_with_headers_and_body)
{
    static const char text[] = "RTSP/1.0 200 OK\r\nCSeq: 3\r\nContent-Type : application/sdp \r\n"
                               "Content-Length: 4\r\n\r\nv=0\nRTSP/1.0";
    uint8_t *data;
    ssize_t taken = read_text(text, &data);

    cr_assert(eq(sz, (size_t)taken, sizeof(text) - 1 - 8));
    cr_assert(eq(int, (int)item.kind, RTSP_ITEM_ANSWER));
    cr_assert(eq(int, item.status, 200));
    cr_assert(eq(str, (char *)item.reason, "OK"));
    cr_assert(eq(i64, rtsp_item_number(&item, "cseq"), 3));
    cr_assert(eq(str, (char *)rtsp_item_header(&item, "content-type"), "application/sdp"));
    cr_assert(eq(sz, item.data_bytes, 4));
    cr_assert(eq(int, memcmp(item.data, "v=0\n", 4), 0));
    free(data);
}

Test(rtsp_message, joins_folded_headers)
{
    uint8_t *data;

    cr_assert(gt(
        i64, read_text("RTSP/1.0 200 OK\r\nPublic: DESCRIBE,\r\n  SETUP,\r\n\tPLAY\r\n\r\n", &data),
        0));
    cr_assert(eq(int, strncmp(rtsp_item_header(&item, "Public"), "DESCRIBE,", 9), 0));
    cr_assert(not(zero(ptr, strstr(rtsp_item_header(&item, "Public"), "PLAY"))));
    free(data);
}

Test(rtsp_message, reads_a_length_on_a_line_of_its_own)
{
    static const char *const heads[] = {
        "RTSP/1.0 200 OK\r\nContent-Length:\r\n 4\r\n\r\nv=0\n",
        "RTSP/1.0 200 OK\r\ncontent-length:\n\t4\r\nA: b\r\n\r\nv=0\n",
        "RTSP/1.0 200 OK\r\nContent-Length :\r\n \r\n\t4\r\n\r\nv=0\n"};

    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        uint8_t *data;

        cr_assert(eq(i64, read_text(heads[i], &data), (int64_t)strlen(heads[i])), "%zu", i);
        cr_assert(eq(sz, item.data_bytes, 4));
        free(data);
    }
}

Test(rtsp_message, takes_lines_without_carriage_return_and_empty_ones_in_front)
{
    uint8_t *data;

    cr_assert(gt(i64, read_text("\r\n\nRTSP/1.0 404 Not Found\nCSeq:7\n\n", &data), 0));
    cr_assert(eq(int, item.status, 404));
    cr_assert(eq(i64, rtsp_item_number(&item, "CSeq"), 7));
    free(data);
}

Test(rtsp_message, reads_a_request_of_the_camera)
{
    uint8_t *data;

    cr_assert(gt(i64, read_text("OPTIONS rtsp://h/x RTSP/1.0\r\nCSeq: 1\r\n\r\n", &data), 0));
    cr_assert(eq(int, (int)item.kind, RTSP_ITEM_REQUEST));
    cr_assert(eq(str, (char *)item.method, "OPTIONS"));
    cr_assert(eq(str, (char *)item.uri, "rtsp://h/x"));
    free(data);
}

Test(rtsp_message, waits_for_the_rest_and_changes_nothing_until_then)
{
    static const char text[] = "RTSP/1.0 200 OK\r\nA: b\r\n c\r\nContent-Length: 3\r\n\r\nxyz";

    for (size_t bytes = 0; bytes < sizeof(text) - 1; bytes++) {
        uint8_t *data = copy(text, bytes);

        cr_assert(eq(i64, rtsp_item_read(&item, data, bytes), 0), "%zu bytes", bytes);
        cr_assert(eq(int, memcmp(data, text, bytes), 0), "%zu bytes", bytes);
        free(data);
    }
}

Test(rtsp_message, reads_media_between_messages)
{
    static const uint8_t bytes[] = {'$', 2, 0, 3, 'a', 'b', 'c', 'R'};
    uint8_t *data = copy(bytes, sizeof(bytes));

    cr_assert(eq(i64, rtsp_item_read(&item, data, sizeof(bytes)), 7));
    cr_assert(eq(int, (int)item.kind, RTSP_ITEM_MEDIA));
    cr_assert(eq(int, item.channel, 2));
    cr_assert(eq(sz, item.data_bytes, 3));
    cr_assert(eq(i64, rtsp_item_read(&item, data, 6), 0));
    free(data);
}

Test(rtsp_message, refuses_what_is_no_rtsp)
{
    static const char *const texts[] = {
        "HTTP/1.1 200 OK\r\n\r\n",
        "\x16\x03\x01",
        "RTSP/1.0 20 OK\r\n\r\n",
        "RTSP/1.0 200 OK\r\nContent-Length: x\r\n\r\n",
        "RTSP/1.0 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        uint8_t *data;

        cr_assert(eq(i64, read_text(texts[i], &data), AVERROR_INVALIDDATA), "%s", texts[i]);
        free(data);
    }
}

Test(rtsp_message, refuses_what_is_too_long)
{
    uint8_t *data = malloc(RTSP_MAX_HEAD_BYTES);

    memset(data, 'a', RTSP_MAX_HEAD_BYTES);
    memcpy(data, "RTSP/1.0 200 OK\r\nA: ", 20);
    cr_assert(eq(i64, rtsp_item_read(&item, data, RTSP_MAX_HEAD_BYTES), AVERROR(EMSGSIZE)));
    free(data);
    cr_assert(eq(i64, read_text("RTSP/1.0 200 OK\r\nContent-Length: 99999999999\r\n\r\n", &data),
                 AVERROR(EMSGSIZE)));
    free(data);
}

Test(rtsp_message, keeps_so_many_headers_and_counts_the_others)
{
    char text[4096] = "RTSP/1.0 200 OK\r\n";
    uint8_t *data;

    for (int i = 0; i < RTSP_MAX_HEADERS + 5; i++)
        strcat(text, "X-Header: 1\r\n");
    strcat(text, "\r\n");
    cr_assert(gt(i64, read_text(text, &data), 0));
    cr_assert(eq(u32, item.n_headers, RTSP_MAX_HEADERS));
    cr_assert(eq(u32, item.n_skipped, 5));
    free(data);
}

Test(rtsp_message, finds_where_it_goes_on_behind_damage)
{
    static const uint8_t bytes[] = "xx garbage $";

    cr_assert(eq(sz, rtsp_item_find(bytes, sizeof(bytes) - 1), 11));
    cr_assert(eq(sz, rtsp_item_find((const uint8_t *)"abcRTSP/1.0", 11), 3));
    cr_assert(eq(sz, rtsp_item_find((const uint8_t *)"abc", 3), 3));
}

Test(rtsp_message, finds_parameters)
{
    size_t bytes;
    const char *value = rtsp_parameter("RTP/AVP;unicast; interleaved = 4-5 ;ssrc=\"a;b\"", ';',
                                       "interleaved", &bytes);

    cr_assert(eq(sz, bytes, 3));
    cr_assert(eq(int, strncmp(value, "4-5", 3), 0));
    value = rtsp_parameter("RTP/AVP;ssrc=\"a;b\";x", ';', "ssrc", &bytes);
    cr_assert(eq(sz, bytes, 3));
    cr_assert(eq(int, strncmp(value, "a;b", 3), 0));
    cr_assert(not(zero(ptr, (void *)rtsp_parameter("a;unicast", ';', "unicast", &bytes))));
    cr_assert(zero(sz, bytes));
    cr_assert(zero(ptr, (void *)rtsp_parameter("unicasts=1", ';', "unicast", &bytes)));
}

/* Lines of it are shown in logs, and on terminals. */
Test(rtsp_message, has_no_control_characters)
{
    uint8_t data[] = "RTSP/1.0 404 \x1b[2Jx\ry\r\nTransport: a\x07\tb\x7f\r\n\r\n";

    cr_assert(gt(i64, rtsp_item_read(&item, data, sizeof(data) - 1), 0));
    cr_assert(eq(str, (char *)item.reason, "?[2Jx?y"));
    cr_assert(eq(str, (char *)rtsp_item_header(&item, "Transport"), "a?\tb?"));
}

/* As a terminal reads UTF-8: U+009B begins what a cursor obeys. */
Test(rtsp_message, has_no_control_characters_of_two_bytes)
{
    char text[] = "4\xc2\x9b"
                  "2J \xc2\x80\xc2\x9f \xc2\xa0\xc3\x9b \xc2";

    rtsp_hide_controls(text);
    cr_assert(eq(str, text, "4??2J ???? \xc2\xa0\xc3\x9b \xc2"));
}
