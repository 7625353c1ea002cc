/* SPDX-License-Identifier: MIT */
#include "audio/wav_header.h"

#include <libavutil/common.h>
#include <libavutil/intreadwrite.h>
#include <stdbool.h>
#include <string.h>

#define WAVE_FORMAT_IEEE_FLOAT 3

/* Writes the beginning of a chunk. Returns where the rest of it goes. */
static uint8_t *begin_chunk(uint8_t *to, const char *name, uint32_t n_bytes)
{
    memcpy(to, name, 4);
    AV_WL32(to + 4, n_bytes);
    return to + 8;
}

void wav_header_make(uint8_t *header, uint32_t rate, uint32_t n_channels, uint64_t n_frames)
{
    uint32_t frame_bytes = n_channels * (uint32_t)sizeof(float);
    uint64_t data_bytes = n_frames * frame_bytes, riff_bytes = data_bytes + WAV_HEADER_BYTES - 8;
    bool is_large = riff_bytes >= UINT32_MAX;
    uint8_t *to =
        begin_chunk(header, is_large ? "RF64" : "RIFF", (uint32_t)FFMIN(riff_bytes, UINT32_MAX));

    memset(to, 0, WAV_HEADER_BYTES - 8);
    memcpy(to, "WAVE", 4);
    to = begin_chunk(to + 4, is_large ? "ds64" : "JUNK", 28);
    if (is_large) {
        AV_WL64(to, riff_bytes);
        AV_WL64(to + 8, data_bytes);
        AV_WL64(to + 16, n_frames);
    }
    to = begin_chunk(to + 28, "fmt ", 18);
    AV_WL16(to, WAVE_FORMAT_IEEE_FLOAT);
    AV_WL16(to + 2, n_channels);
    AV_WL32(to + 4, rate);
    AV_WL32(to + 8, rate * frame_bytes);
    AV_WL16(to + 12, frame_bytes);
    AV_WL16(to + 14, 8 * sizeof(float));
    to = begin_chunk(to + 18, "fact", 4);
    AV_WL32(to, is_large ? UINT32_MAX : (uint32_t)n_frames);
    begin_chunk(to + 4, "data", is_large ? UINT32_MAX : (uint32_t)data_bytes);
}
