/* SPDX-License-Identifier: MIT */
#include "rtsp/rtp.h"

#include <libavutil/error.h>

#define VERSION 2
/* A step of the sequence number that is no reordering and no loss any more, but another stream
 * (RFC 3550 A.1: MAX_DROPOUT, MAX_MISORDER). */
#define MAX_DROPOUT 3000
#define MAX_MISORDER 1000
#define JITTER_WEIGHT (1.0 / 16)

static uint32_t read32(const uint8_t *data)
{
    return (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
}

int rtp_packet_read(struct rtp_packet *packet, const uint8_t *data, size_t bytes)
{
    size_t head = RTP_HEADER_BYTES, padding = 0, extension = 0;

    if (bytes < RTP_HEADER_BYTES || data[0] >> 6 != VERSION)
        return AVERROR_INVALIDDATA;
    head += 4 * (size_t)(data[0] & 15);
    if (data[0] & 0x10) {
        extension = head + 4;
        if (bytes < extension)
            return AVERROR_INVALIDDATA;
        head += 4 + 4 * ((size_t)data[head + 2] << 8 | data[head + 3]);
    }
    if (bytes < head)
        return AVERROR_INVALIDDATA;
    if (data[0] & 0x20) {
        padding = data[bytes - 1];
        if (padding == 0 || padding > bytes - head)
            return AVERROR_INVALIDDATA;
    }
    *packet = (struct rtp_packet){
        .sequence = (uint16_t)(data[2] << 8 | data[3]),
        .timestamp = read32(data + 4),
        .ssrc = read32(data + 8),
        .payload_type = data[1] & 0x7f,
        .marker = data[1] >> 7,
        .payload = data + head,
        .payload_bytes = bytes - head - padding,
    };
    if (extension) {
        packet->extension_id = (uint16_t)(data[extension - 4] << 8 | data[extension - 3]);
        packet->extension = data + extension;
        packet->extension_bytes = head - extension;
    }
    return 0;
}

static void begin(struct rtp_statistics *statistics, const struct rtp_packet *packet)
{
    *statistics = (struct rtp_statistics){
        .has_begun = true,
        .ssrc = packet->ssrc,
        .first = packet->sequence,
        .highest = packet->sequence,
        .timestamp = packet->timestamp,
    };
}

int64_t rtp_statistics_timestamp(const struct rtp_statistics *statistics, uint32_t timestamp)
{
    return statistics->timestamp + (int32_t)(timestamp - (uint32_t)statistics->timestamp);
}

/* Whether a sequence number can follow, or come before, another one. */
static bool is_step(int16_t step)
{
    return step <= MAX_DROPOUT && step >= -MAX_MISORDER;
}

bool rtp_packet_is_near(const struct rtp_packet *packet, const struct rtp_packet *other)
{
    return packet->ssrc == other->ssrc && is_step((int16_t)(packet->sequence - other->sequence));
}

bool rtp_statistics_go_on(const struct rtp_statistics *statistics, const struct rtp_packet *packet)
{
    return !statistics->has_begun ||
           (packet->ssrc == statistics->ssrc &&
            is_step((int16_t)(packet->sequence - (uint16_t)statistics->highest)));
}

void rtp_statistics_skip_to(struct rtp_statistics *statistics, const struct rtp_packet *packet)
{
    statistics->highest += (uint16_t)(packet->sequence - (uint16_t)statistics->highest - 1);
}

bool rtp_statistics_count(struct rtp_statistics *statistics, const struct rtp_packet *packet,
                          int64_t *sequence)
{
    int16_t step = (int16_t)(packet->sequence - (uint16_t)statistics->highest);
    bool is_new = !statistics->has_begun || !rtp_statistics_go_on(statistics, packet);

    if (is_new) {
        begin(statistics, packet);
        step = 0;
    }
    *sequence = statistics->highest + step;
    statistics->n_received++;
    if (step > 0) {
        statistics->highest = *sequence;
        statistics->timestamp = rtp_statistics_timestamp(statistics, packet->timestamp);
    }
    return is_new;
}

void rtp_statistics_time(struct rtp_statistics *statistics, const struct rtp_packet *packet,
                         int64_t arrived_ticks)
{
    int64_t transit = arrived_ticks - rtp_statistics_timestamp(statistics, packet->timestamp);
    int64_t difference = statistics->is_timed ? transit - statistics->transit_ticks : 0;

    statistics->is_timed = true;
    statistics->transit_ticks = transit;
    statistics->jitter_ticks +=
        ((double)(difference < 0 ? -difference : difference) - statistics->jitter_ticks) *
        JITTER_WEIGHT;
}

uint64_t rtp_statistics_n_lost(const struct rtp_statistics *statistics)
{
    int64_t n_expected = statistics->highest - statistics->first + 1;

    return statistics->has_begun && (uint64_t)n_expected > statistics->n_received
               ? (uint64_t)n_expected - statistics->n_received
               : 0;
}
