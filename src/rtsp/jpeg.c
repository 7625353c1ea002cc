/* SPDX-License-Identifier: MIT */
/*
 * MJPEG (RFC 2435): scan data to whole JPEG files, whose headers the packets
 * leave out; but for what cameras put of them into header extensions (ONVIF
 * streaming specification, "JPEG over RTP"), as of pictures wider than 2040.
 */
#include "rtsp/depacketizer.h"

#include <libavcodec/codec_par.h>
#include <libavutil/buffer.h>
#include <libavutil/common.h>
#include <libavutil/error.h>
#include <libavutil/intreadwrite.h>
#include <string.h>

#define MAIN_BYTES 8
#define RESTART_BYTES 4
#define TABLES_HEADER_BYTES 4
#define TABLE_BYTES 64
#define HEADER_BYTES 640      /* of a JPEG file up to its scan data, at most */
#define BEGINS_PICTURE 0xffd8 /* header extensions with a part of the file's header */
#define GOES_ON 0xffff

/* A packet's headers (RFC 2435 section 3.1). */
struct jpeg_header {
    uint32_t offset;
    uint8_t type, q;
    int width, height;
    uint16_t restart_interval;
    const uint8_t *tables; /* NULL: not in this packet */
};

/* The last tables that came in band: a Q of 128 or more may leave them out later. */
struct jpeg {
    uint8_t q; /* that they came with; 0: none */
    uint8_t tables[2 * TABLE_BYTES];
    uint32_t next_offset; /* of the fragment that is to come */
    int width, height;    /* from the description, for pictures wider than 2040 */

    /* of a picture whose header is in extensions */
    bool in_header; /* more of it may come */
    bool has_tables;
    struct jpeg_header header; /* of its first packet, without tables */
    size_t extension_begin;    /* in the unit */
};

/* What is in extensions. */
struct extended {
    bool has_tables, has_frame, has_scan, has_restart;
    int width, height;
};

/* ITU-T T.81 table K.1 and K.2, in zigzag order (RFC 2435 appendix A) */
static const uint8_t base_tables[2][TABLE_BYTES] = {
    {16, 11, 12,  14,  12,  10, 16, 14,  13,  14,  18,  17,  16, 19,  24,  40,
     26, 24, 22,  22,  24,  49, 35, 37,  29,  40,  58,  51,  61, 60,  57,  51,
     56, 55, 64,  72,  92,  78, 64, 68,  87,  69,  55,  56,  80, 109, 81,  87,
     95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99},
    {17, 18, 18, 24, 21, 24, 47, 26, 26, 47, 99, 66, 56, 66, 99, 99, 99, 99, 99, 99, 99, 99,
     99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
     99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99},
};

/* ITU-T T.81 tables K.3 to K.6: class and number, codes of each length, values */
static const uint8_t huffman_dc[2][12] = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11},
                                          {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}};
static const uint8_t huffman_dc_lengths[2][16] = {
    {0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0},
    {0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0},
};
static const uint8_t huffman_ac_lengths[2][16] = {
    {0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7d},
    {0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77},
};
static const uint8_t huffman_ac[2][162] = {
    {0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61,
     0x07, 0x22, 0x71, 0x14, 0x32, 0x81, 0x91, 0xa1, 0x08, 0x23, 0x42, 0xb1, 0xc1, 0x15, 0x52,
     0xd1, 0xf0, 0x24, 0x33, 0x62, 0x72, 0x82, 0x09, 0x0a, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x25,
     0x26, 0x27, 0x28, 0x29, 0x2a, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43, 0x44, 0x45,
     0x46, 0x47, 0x48, 0x49, 0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x63, 0x64,
     0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x83,
     0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99,
     0x9a, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6,
     0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3,
     0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xe1, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8,
     0xe9, 0xea, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa},
    {0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61,
     0x71, 0x13, 0x22, 0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xa1, 0xb1, 0xc1, 0x09, 0x23, 0x33,
     0x52, 0xf0, 0x15, 0x62, 0x72, 0xd1, 0x0a, 0x16, 0x24, 0x34, 0xe1, 0x25, 0xf1, 0x17, 0x18,
     0x19, 0x1a, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43, 0x44,
     0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x63,
     0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a,
     0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97,
     0x98, 0x99, 0x9a, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4,
     0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca,
     0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7,
     0xe8, 0xe9, 0xea, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa},
};

static struct jpeg *jpeg_of(struct depacketizer *depacketizer)
{
    _Static_assert(sizeof(struct jpeg) <= DEPACKETIZER_STATE_BYTES, "room for the state");
    return (struct jpeg *)(void *)depacketizer->state;
}

/* RFC 2435 section 4.2 */
static void make_tables(uint8_t tables[2 * TABLE_BYTES], int q)
{
    int factor = FFMAX(1, FFMIN(99, q)), scale;

    scale = q < 50 ? 5000 / factor : 200 - factor * 2;
    for (int i = 0; i < 2 * TABLE_BYTES; i++)
        tables[i] = (uint8_t)av_clip(
            (base_tables[i / TABLE_BYTES][i % TABLE_BYTES] * scale + 50) / 100, 1, 255);
}

/* Reads the headers of a packet; returns their bytes, or AVERROR_INVALIDDATA. */
static int read_header(struct jpeg_header *header, const uint8_t *data, size_t bytes)
{
    size_t at = MAIN_BYTES;

    if (bytes < MAIN_BYTES)
        return AVERROR_INVALIDDATA;
    *header = (struct jpeg_header){
        .offset = AV_RB24(data + 1),
        .type = data[4],
        .q = data[5],
        .width = data[6] * 8,
        .height = data[7] * 8,
    };
    if (header->type & 0x40) { /* 64 to 127 have restart markers */
        if (bytes < at + RESTART_BYTES)
            return AVERROR_INVALIDDATA;
        header->restart_interval = AV_RB16(data + at);
        at += RESTART_BYTES;
    }
    if (header->offset == 0 && header->q >= 128) {
        size_t length;

        if (bytes < at + TABLES_HEADER_BYTES)
            return AVERROR_INVALIDDATA;
        length = AV_RB16(data + at + 2);
        if (length > 0 && (data[at + 1] || length != 2 * TABLE_BYTES))
            return AVERROR_INVALIDDATA; /* tables of 16 bits, or one alone: nobody sends them */
        at += TABLES_HEADER_BYTES;
        if (bytes < at + length)
            return AVERROR_INVALIDDATA;
        header->tables = length > 0 ? data + at : NULL;
        at += length;
    }
    return (int)at;
}

static uint8_t *write_marker(uint8_t *at, uint8_t marker, size_t content_bytes)
{
    *at++ = 0xff;
    *at++ = marker;
    AV_WB16(at, content_bytes + 2);
    return at + 2;
}

static uint8_t *write_bytes(uint8_t *at, const void *data, size_t bytes)
{
    memcpy(at, data, bytes);
    return at + bytes;
}

static uint8_t *write_huffman(uint8_t *at, uint8_t class_and_number, const uint8_t lengths[16],
                              const uint8_t *values, size_t n_values)
{
    at = write_marker(at, 0xc4, 17 + n_values);
    *at++ = class_and_number;
    at = write_bytes(at, lengths, 16);
    return write_bytes(at, values, n_values);
}

/* What follows makes the header of a file: RFC 2435 appendix B. */

static uint8_t *write_tables(uint8_t *at, const uint8_t tables[2 * TABLE_BYTES])
{
    for (uint8_t i = 0; i < 2; i++) {
        at = write_marker(at, 0xdb, 1 + TABLE_BYTES);
        *at++ = i;
        at = write_bytes(at, tables + (size_t)i * TABLE_BYTES, TABLE_BYTES);
    }
    return at;
}

static uint8_t *write_restart(uint8_t *at, const struct jpeg_header *header)
{
    if (header->restart_interval) {
        at = write_marker(at, 0xdd, 2);
        AV_WB16(at, header->restart_interval);
        at += 2;
    }
    return at;
}

static uint8_t *write_frame(uint8_t *at, const struct jpeg_header *header)
{
    const uint8_t frame[] = {8,
                             (uint8_t)(header->height >> 8),
                             (uint8_t)header->height,
                             (uint8_t)(header->width >> 8),
                             (uint8_t)header->width,
                             3,
                             1,
                             header->type & 1 ? 0x22 : 0x21, /* 4:2:0 or 4:2:2 */
                             0,
                             2,
                             0x11,
                             1,
                             3,
                             0x11,
                             1};

    at = write_marker(at, 0xc0, sizeof(frame));
    return write_bytes(at, frame, sizeof(frame));
}

static uint8_t *write_codes(uint8_t *at)
{
    for (uint8_t i = 0; i < 2; i++) {
        at = write_huffman(at, i, huffman_dc_lengths[i], huffman_dc[i], sizeof(huffman_dc[i]));
        at = write_huffman(at, 0x10 | i, huffman_ac_lengths[i], huffman_ac[i],
                           sizeof(huffman_ac[i]));
    }
    return at;
}

static uint8_t *write_scan(uint8_t *at)
{
    static const uint8_t scan[] = {3, 1, 0x00, 2, 0x11, 3, 0x11, 0, 63, 0};

    at = write_marker(at, 0xda, sizeof(scan));
    return write_bytes(at, scan, sizeof(scan));
}

/* Of a picture; NULL: they are not known. made: room for them. */
static const uint8_t *find_tables(struct jpeg *jpeg, const struct jpeg_header *header,
                                  uint8_t made[2 * TABLE_BYTES])
{
    if (header->tables) {
        memcpy(jpeg->tables, header->tables, sizeof(jpeg->tables));
        jpeg->q = header->q;
    }
    if (header->q == 0 || header->q >= 128)
        return header->q > 0 && jpeg->q == header->q ? jpeg->tables : NULL;
    make_tables(made, header->q);
    return made;
}

static void note_size(struct depacketizer *depacketizer, int width, int height)
{
    AVCodecParameters *parameters = depacketizer->parameters;

    if (parameters->width == width && parameters->height == height)
        return;
    depacketizer->unit.has_new_codec = true;
    parameters->width = width;
    parameters->height = height;
}

static int begin_picture(struct depacketizer *depacketizer, struct jpeg_header *header)
{
    struct jpeg *jpeg = jpeg_of(depacketizer);
    uint8_t file[HEADER_BYTES], made[2 * TABLE_BYTES], *at;
    const uint8_t *tables = find_tables(jpeg, header, made);

    if (header->width == 0) /* wider than 2040, which its eight bits do not hold */
        header->width = jpeg->width;
    if (header->height == 0)
        header->height = jpeg->height;
    if (header->width == 0 || header->height == 0 || (header->type & 0x3f) > 1)
        return AVERROR_INVALIDDATA;
    if (!tables)
        return AVERROR_INVALIDDATA; /* the packet with them was lost */
    note_size(depacketizer, header->width, header->height);
    depacketizer->has_head = true;
    depacketizer->unit.is_key = true;
    at = write_tables(write_bytes(file, "\xff\xd8", 2), tables);
    at = write_scan(write_codes(write_frame(write_restart(at, header), header)));
    return rtsp_unit_append(&depacketizer->unit, file, (size_t)(at - file));
}

/* The file's header begins with what extensions may leave out or replace. */
static int begin_extended(struct depacketizer *depacketizer, const struct jpeg_header *header)
{
    struct jpeg *jpeg = jpeg_of(depacketizer);
    uint8_t file[HEADER_BYTES], made[2 * TABLE_BYTES], *at = write_bytes(file, "\xff\xd8", 2);
    const uint8_t *tables = find_tables(jpeg, header, made);
    int ret;

    if (tables)
        at = write_tables(at, tables);
    at = write_codes(at);
    ret = rtsp_unit_append(&depacketizer->unit, file, (size_t)(at - file));
    jpeg->in_header = ret >= 0;
    jpeg->has_tables = tables;
    jpeg->header = *header;
    jpeg->header.tables = NULL;
    jpeg->next_offset = 0;
    jpeg->extension_begin = depacketizer->unit.bytes;
    depacketizer->has_head = true;
    depacketizer->unit.is_key = true;
    return ret;
}

/* Marker segments (ITU-T T.81 annex B), perhaps with 0xff between them. */
static int read_extended(struct extended *extended, const uint8_t *data, size_t bytes)
{
    for (size_t at = 0; at < bytes;) {
        uint8_t marker;
        size_t length;

        if (data[at++] != 0xff)
            return AVERROR_INVALIDDATA;
        if (at == bytes || data[at] == 0xff)
            continue;
        marker = data[at++];
        length = at + 2 <= bytes ? AV_RB16(data + at) : 0;
        if (length < 2 || length > bytes - at)
            return AVERROR_INVALIDDATA;
        extended->has_tables |= marker == 0xdb;
        extended->has_restart |= marker == 0xdd;
        if (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 &&
            marker != 0xcc) {
            if (length < 8)
                return AVERROR_INVALIDDATA;
            extended->has_frame = true;
            extended->height = AV_RB16(data + at + 3);
            extended->width = AV_RB16(data + at + 5);
        }
        if (marker == 0xda) {
            extended->has_scan = true;
            return 0; /* scan data may begin already */
        }
        at += length;
    }
    return 0;
}

/* Scan data begin: what extensions left out of the header. */
static int end_extended(struct depacketizer *depacketizer)
{
    struct jpeg *jpeg = jpeg_of(depacketizer);
    struct jpeg_header *header = &jpeg->header;
    const AVCodecParameters *parameters = depacketizer->parameters;
    struct extended extended = {.width = header->width, .height = header->height};
    uint8_t file[HEADER_BYTES], *at = file;

    jpeg->in_header = false;
    if (read_extended(&extended, depacketizer->unit.buffer->data + jpeg->extension_begin,
                      depacketizer->unit.bytes - jpeg->extension_begin) < 0)
        return AVERROR_INVALIDDATA;
    if (extended.width == 0 && extended.height == 0) { /* as before, or as it was described */
        extended.width = parameters->width ? parameters->width : jpeg->width;
        extended.height = parameters->width ? parameters->height : jpeg->height;
    }
    if (extended.width == 0 || extended.height == 0 ||
        (!extended.has_tables && !jpeg->has_tables) ||
        (!extended.has_frame && (header->type & 0x3f) > 1))
        return AVERROR_INVALIDDATA;
    note_size(depacketizer, extended.width, extended.height);
    header->width = extended.width;
    header->height = extended.height;
    if (extended.has_scan)
        return 0;
    if (!extended.has_restart)
        at = write_restart(at, header);
    if (!extended.has_frame)
        at = write_frame(at, header);
    at = write_scan(at);
    return rtsp_unit_append(&depacketizer->unit, file, (size_t)(at - file));
}

/* Where it has extensions with what belongs to the file. Returns 0, or what went wrong. */
static int take_extension(struct depacketizer *depacketizer, const struct rtp_packet *packet)
{
    struct jpeg_header header;
    int ret = 0;

    if (packet->extension_id == BEGINS_PICTURE && depacketizer->unit.bytes == 0) {
        ret = read_header(&header, packet->payload, packet->payload_bytes);
        if (ret >= 0)
            ret = begin_extended(depacketizer, &header);
    } else if (packet->extension_id != GOES_ON || depacketizer->unit.bytes == 0) {
        return 0;
    }
    return ret < 0
               ? ret
               : rtsp_unit_append(&depacketizer->unit, packet->extension, packet->extension_bytes);
}

static int jpeg_take(struct depacketizer *depacketizer, const struct rtp_packet *packet)
{
    struct jpeg *jpeg = jpeg_of(depacketizer);
    struct jpeg_header header;
    size_t head, bytes;
    int ret;

    if (depacketizer->unit.bytes == 0)
        jpeg->in_header = false; /* of a unit that nobody wants any more */
    ret = packet->extension ? take_extension(depacketizer, packet) : 0;
    if (ret < 0 || packet->payload_bytes == 0)
        return ret; /* some cameras keep a path open with empty ones */
    ret = read_header(&header, packet->payload, packet->payload_bytes);
    if (ret < 0)
        return ret;
    head = (size_t)ret;
    bytes = packet->payload_bytes - head;
    if (jpeg->in_header && bytes == 0)
        return 0;
    if (jpeg->in_header) {
        ret = end_extended(depacketizer);
    } else if (header.offset == 0) {
        ret = depacketizer_hand_out(depacketizer); /* one without marker, at the same time */
        if (ret >= 0)
            ret = begin_picture(depacketizer, &header);
        jpeg->next_offset = 0;
    } else if (header.offset != jpeg->next_offset || depacketizer->unit.bytes == 0) {
        depacketizer->unit.is_damaged = true;
        return 0;
    }
    if (ret >= 0)
        ret = rtsp_unit_append(&depacketizer->unit, packet->payload + head, bytes);
    jpeg->next_offset = header.offset + (uint32_t)bytes;
    return FFMIN(ret, 0);
}

static void jpeg_finish(struct depacketizer *depacketizer)
{
    struct rtsp_unit *unit = &depacketizer->unit;
    const uint8_t *end = unit->buffer->data + unit->bytes;

    unit->is_damaged |= jpeg_of(depacketizer)->in_header; /* nothing came behind it */
    jpeg_of(depacketizer)->in_header = false;
    if (end[-2] != 0xff || end[-1] != 0xd9)
        rtsp_unit_append(unit, "\xff\xd9", 2);
    unit->is_in_order = true;
}

static int jpeg_open(struct depacketizer *depacketizer, const struct sdp_media *media)
{
    struct jpeg *jpeg = jpeg_of(depacketizer);

    jpeg->width = media->width;
    jpeg->height = media->height;
    depacketizer->parameters->codec_type = AVMEDIA_TYPE_VIDEO;
    depacketizer->parameters->codec_id = AV_CODEC_ID_MJPEG;
    return 0;
}

const struct depacketizer_ops depacketizer_jpeg_ops = {
    .encodings = {"JPEG"},
    .open = jpeg_open,
    .take = jpeg_take,
    .finish = jpeg_finish,
};
