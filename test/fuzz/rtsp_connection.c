/* SPDX-License-Identifier: MIT */
/* Any bytes as what a camera sends on its RTSP connection: messages, headers, descriptions. */
#include "rtsp/auth.h"
#include "rtsp/framing.h"
#include "rtsp/message.h"
#include "rtsp/rtp_info.h"
#include "rtsp/sdp.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const struct rtsp_item *item)
{
    static const struct rtsp_auth_user user = {"user", "password"};
    struct rtsp_auth auth = {.scheme = RTSP_AUTH_NONE};
    char text[RTSP_AUTH_HEADER_BYTES], url[256];
    struct sdp sdp;
    char *description;
    size_t bytes;

    if (item->kind == RTSP_ITEM_MEDIA)
        return;
    for (unsigned i = 0; i < item->n_headers; i++) {
        rtsp_parameter(item->headers[i].value, ';', "interleaved", &bytes);
        rtsp_item_number(item, item->headers[i].name);
        rtp_info_read(item->headers[i].value, "rtsp://h/a", i % 2);
    }
    if (rtsp_auth_take(&auth, item, 1) >= 0)
        rtsp_auth_write(&auth, &user, "PLAY", "rtsp://h/", text);
    description = malloc(item->data_bytes + 1);
    memcpy(description, item->data, item->data_bytes);
    if (sdp_read(&sdp, description, item->data_bytes) >= 0)
        for (unsigned i = 0; i < sdp.n_media; i++) {
            sdp_control_url(url, sizeof(url), "rtsp://h/a", sdp.media[i].control);
            sdp_format_number(&sdp.media[i], "sizelength", 0);
        }
    free(description);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size + 1);
    struct rtsp_framing framing = {.ours = {0}};
    size_t at = 0;

    memcpy(copy, data, size);
    if (size % 2) /* as behind the answer to SETUP */
        rtsp_framing_add(&framing, 0);
    while (at < size) {
        static struct rtsp_item item;
        ssize_t taken = rtsp_framing_is_doubtful(&framing, copy + at, size - at)
                            ? -1
                            : rtsp_item_read(&item, copy + at, size - at);

        if (taken == 0)
            break;
        if (taken > 0)
            use(&item);
        at += taken > 0 ? (size_t)taken : rtsp_framing_find(&framing, copy + at, size - at);
    }
    free(copy);
    return 0;
}
