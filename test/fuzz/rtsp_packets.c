/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as RTP and RTCP packets of a stream: the first byte chooses its encoding, then each
 * packet has its length in one byte and its time of arrival in another.
 */
#include "rtsp/receiver.h"

#include <limef/base/clock.h>

#include <libavcodec/codec_par.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct sdp_media streams[] = {
    {.kind = SDP_VIDEO, .encoding = "H264", .clock_hz = 90000, .format = ""},
    {.kind = SDP_VIDEO, .encoding = "H265", .clock_hz = 90000, .format = "sprop-max-don-diff=1"},
    {.kind = SDP_VIDEO, .encoding = "H265", .clock_hz = 90000, .format = ""},
    {.kind = SDP_VIDEO, .encoding = "JPEG", .clock_hz = 90000, .format = ""},
    {.kind = SDP_AUDIO, .encoding = "MPEG4-GENERIC", .clock_hz = 48000, .format = "config=1190"},
    {.kind = SDP_AUDIO,
     .encoding = "MP4A-LATM",
     .clock_hz = 48000,
     .format = "cpresent=0;config=400023203fc0"},
    {.kind = SDP_AUDIO, .encoding = "MP4A-LATM", .clock_hz = 90000, .format = "cpresent=1"},
    {.kind = SDP_AUDIO, .encoding = "PCMA", .clock_hz = 8000, .n_channels = 1, .format = ""},
    {.kind = SDP_VIDEO,
     .encoding = "H264",
     .clock_hz = 90000,
     .format = "packetization-mode=2;sprop-interleaving-depth=3"},
    {.kind = SDP_VIDEO,
     .encoding = "H264",
     .clock_hz = 90000,
     .format = "packetization-mode=2;sprop-interleaving-depth=9;sprop-max-don-diff=4"},
    {.kind = SDP_VIDEO,
     .encoding = "H265",
     .clock_hz = 90000,
     .format = "sprop-max-don-diff=9;sprop-depack-buf-nalus=3"},
    {.kind = SDP_VIDEO,
     .encoding = "H264",
     .clock_hz = 90000,
     .format = "",
     .formats = {{0, "H264", 90000, 0, ""}, {1, "H265", 90000, 0, ""}},
     .n_formats = 2},
    {.kind = SDP_AUDIO,
     .encoding = "PCMA",
     .clock_hz = 8000,
     .n_channels = 1,
     .format = "",
     .formats = {{0, "PCMA", 8000, 1, ""},
                 {1, "MP4A-LATM", 48000, 1, "cpresent=0;config=400023203fc0"}},
     .n_formats = 2},
    {.kind = SDP_APPLICATION, .encoding = "VND.ONVIF.METADATA", .clock_hz = 90000, .format = ""},
    {.kind = SDP_AUDIO,
     .encoding = "MPEG4-GENERIC",
     .clock_hz = 48000,
     .format = "config=1190;sizelength=8;indexlength=0;ctsdeltalength=6;dtsdeltalength=7;"
               "randomaccessindication=1;streamstateindication=2;auxiliarydatasizelength=8"},
};

static int ignore(void *context, struct rtsp_receiver *receiver, const struct rtsp_arrival *arrival)
{
    (void)context;
    (void)receiver;
    (void)arrival;
    return 0;
}

/* A header that fits, so that the fuzzer's bytes come to what lies behind it; or one with an
 * extension of JPEG, of one word. */
static void receive(struct rtsp_receiver *receiver, const uint8_t *data, size_t bytes,
                    int64_t now_us)
{
    bool is_extended =
        receiver->depacketizer.parameters->codec_id == AV_CODEC_ID_MJPEG && bytes > 8 && bytes % 2;
    uint8_t *packet = malloc(bytes + 12);

    memcpy(packet + 12, data, bytes);
    memset(packet, 0, 12);
    packet[0] = 0x80;
    if (bytes >= 3) { /* marker, number and time are the fuzzer's, too */
        packet[1] = data[0] & (rtsp_receiver_knows(receiver, 1) ? 0x81 : 0x80);
        packet[3] = data[1];
        packet[7] = data[2];
    }
    if (is_extended) {
        packet[0] |= 0x10;
        memcpy(packet + 12, packet[15] & 1 ? "\xff\xd8\0\1" : "\xff\xff\0\1", 4);
    }
    rtsp_receiver_rtp(receiver, packet, bytes + 12, now_us);
    free(packet);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct rtsp_receiver receiver;
    int64_t now_us = 1;
    struct rtsp_sync sync;
    const size_t n_streams = sizeof(streams) / sizeof(streams[0]);

    rtsp_sync_init(&sync, "camera");
    if (size < 1 || rtsp_receiver_open(&receiver, &streams[data[0] % n_streams], &sync.clocks[0],
                                       ignore, NULL) < 0)
        return 0;
    receiver.window.wait_us = data[0] & 0x80 ? 1000 : 0;
    for (size_t at = 1; at + 2 <= size;) {
        size_t bytes = data[at] < size - at - 2 ? data[at] : size - at - 2;

        now_us += data[at + 1] * 100;
        if (data[at + 1] == 255)
            rtsp_receiver_rtcp(&receiver, data + at + 2, bytes, now_us);
        else if (data[at + 1] == 254)
            rtsp_receiver_rtp(&receiver, data + at + 2, bytes, now_us);
        else
            receive(&receiver, data + at + 2, bytes, now_us);
        rtsp_receiver_tick(&receiver, now_us);
        at += 2 + bytes;
    }
    rtsp_receiver_flush(&receiver);
    rtsp_receiver_clear(&receiver);
    return 0;
}
