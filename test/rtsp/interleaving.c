/* SPDX-License-Identifier: MIT */
/* NAL units that are sent in another order than they are decoded in, by a sender that knows RFC
 * 6184 5.6 to 5.8, and RFC 7798 4.4, and nothing of who receives them. */
#include "units.h"

#include "support/failing.h"

#include <libavutil/common.h>

TestSuite(rtsp_interleaving, .timeout = 60, .fini = clear);

#define N_PICTURES 24
#define N_SLICES 4
#define N_NALS (N_PICTURES * N_SLICES)
#define FIRST_NUMBER 65500 /* of 16 bits: they wrap */
#define TICKS 3600
#define MOST_BYTES 700
#define FRAGMENT_BYTES 200
#define GROUP 8 /* units of one are sent: the even ones, then the odd ones */
#define DEPTH 3 /* of these that are sent before one that is decoded before them */

struct nal {
    uint8_t bytes[MOST_BYTES];
    size_t n_bytes;
    uint16_t number;
    uint32_t timestamp;
};

struct sent {
    uint8_t payload[2 * MOST_BYTES];
    size_t bytes;
    uint32_t timestamp;
    bool marker;
    int pictures[2]; /* that it is of */
};

static struct nal nals[N_NALS];
static struct sent packets[N_NALS * 8];
static unsigned n_packets;

static void make_nals(bool is_h265)
{
    uint32_t random = 1;

    for (unsigned i = 0; i < N_NALS; i++) {
        struct nal *nal = &nals[i];
        bool is_key = i < N_SLICES;
        size_t header = is_h265 ? 2 : 1;

        nal->number = (uint16_t)(FIRST_NUMBER + i);
        nal->timestamp = 100000 + i / N_SLICES * TICKS;
        nal->n_bytes = 20 + (random = random * 1103515245 + 12345) / 65536 % (MOST_BYTES - 20);
        for (size_t n = 0; n < nal->n_bytes; n++)
            nal->bytes[n] = (uint8_t)(random = random * 1103515245 + 12345) | 1;
        if (is_h265) {
            nal->bytes[0] = is_key ? 0x26 : 0x02;
            nal->bytes[1] = 1;
        } else {
            nal->bytes[0] = is_key ? 0x65 : 0x41;
        }
        nal->bytes[header] = i % N_SLICES == 0 ? 0x81 : 0x41; /* a picture begins, or goes on */
    }
}

static struct sent *new_packet(const struct nal *first, const struct nal *last)
{
    struct sent *packet = &packets[n_packets++];

    memset(packet, 0, sizeof(*packet));
    packet->timestamp = FFMIN(first->timestamp, last->timestamp);
    packet->pictures[0] = (int)((first - nals) / N_SLICES);
    packet->pictures[1] = (int)((last - nals) / N_SLICES);
    return packet;
}

static void add(struct sent *packet, const void *data, size_t bytes)
{
    memcpy(packet->payload + packet->bytes, data, bytes);
    packet->bytes += bytes;
}

static void add_number(struct sent *packet, unsigned value, unsigned n_bytes)
{
    while (n_bytes-- > 0)
        packet->payload[packet->bytes++] = (uint8_t)(value >> 8 * n_bytes);
}

/* FU-B and FU-A; in H.265 fragments with and without a number */
static void send_fragments(const struct nal *nal, bool is_h265)
{
    size_t header = is_h265 ? 2 : 1;
    uint8_t type = is_h265 ? nal->bytes[0] >> 1 & 0x3f : nal->bytes[0] & 0x1f;

    for (size_t at = header; at < nal->n_bytes; at += FRAGMENT_BYTES) {
        size_t bytes = FFMIN(FRAGMENT_BYTES, nal->n_bytes - at);
        bool is_first = at == header, is_last = at + bytes == nal->n_bytes;
        struct sent *packet = new_packet(nal, nal);

        if (is_h265) {
            add_number(packet, 49 << 1, 1);
            add_number(packet, nal->bytes[1], 1);
        } else {
            add_number(packet, (nal->bytes[0] & 0xe0) | (is_first ? 29 : 28), 1);
        }
        add_number(packet, (unsigned)is_first << 7 | (unsigned)is_last << 6 | type, 1);
        if (is_first)
            add_number(packet, nal->number, 2);
        add(packet, nal->bytes + at, bytes);
    }
}

/* MTAP16 or MTAP24 of two, STAP-B of one */
static void send_h264(const struct nal *first, const struct nal *second, unsigned kind)
{
    const struct nal *both[2] = {first, second};
    struct sent *packet = new_packet(first, second);

    add_number(packet, 0x60 | (first == second ? 25 : 26 + kind), 1);
    add_number(packet, first->number, 2);
    for (unsigned i = 0; i < (first == second ? 1 : 2); i++) {
        add_number(packet, (unsigned)both[i]->n_bytes, 2);
        if (first != second) {
            add_number(packet, (uint16_t)(both[i]->number - first->number), 1);
            add_number(packet, both[i]->timestamp - packet->timestamp, 2 + kind);
        }
        add(packet, both[i]->bytes, both[i]->n_bytes);
    }
}

/* An aggregation packet, of one picture; one alone. */
static void send_h265(const struct nal *first, const struct nal *second)
{
    struct sent *packet = new_packet(first, second);

    if (first == second) {
        add(packet, first->bytes, 2);
        add_number(packet, first->number, 2);
        add(packet, first->bytes + 2, first->n_bytes - 2);
        return;
    }
    add_number(packet, 48 << 9 | 1, 2);
    add_number(packet, first->number, 2);
    add_number(packet, (unsigned)first->n_bytes, 2);
    add(packet, first->bytes, first->n_bytes);
    add_number(packet, (uint16_t)(second->number - first->number - 1), 1);
    add_number(packet, (unsigned)second->n_bytes, 2);
    add(packet, second->bytes, second->n_bytes);
}

static void send_pair(const struct nal *first, const struct nal *second, bool is_h265)
{
    bool fits = first->n_bytes < MOST_BYTES / 2 && second->n_bytes < MOST_BYTES / 2;

    if (fits && is_h265 && first->timestamp == second->timestamp) {
        send_h265(first, second);
    } else if (fits && !is_h265) {
        send_h264(first, second, n_packets % 2);
    } else {
        for (unsigned i = 0; i < 2; i++) {
            const struct nal *nal = i ? second : first;

            if (nal->n_bytes >= MOST_BYTES / 2)
                send_fragments(nal, is_h265);
            else if (is_h265)
                send_h265(nal, nal);
            else
                send_h264(nal, nal, 0);
        }
    }
}

/* Of each picture, the last packet that has something of it. */
static void mark(void)
{
    for (int picture = 0; picture < N_PICTURES; picture++)
        for (unsigned i = n_packets; i-- > 0;)
            if (packets[i].pictures[0] == picture || packets[i].pictures[1] == picture) {
                packets[i].marker |= packets[i].pictures[1] == picture;
                break;
            }
}

static void make_packets(bool is_h265)
{
    n_packets = 0;
    make_nals(is_h265);
    for (unsigned group = 0; group < N_NALS; group += GROUP)
        for (unsigned odd = 0; odd < 2; odd++)
            for (unsigned i = odd; i < GROUP; i += 4)
                send_pair(&nals[group + i], &nals[group + i + 2], is_h265);
    mark();
}

/* All but one. */
static void push_all(unsigned lost)
{
    for (unsigned i = 0; i < n_packets; i++) {
        if (i == lost)
            continue;
        n_missing = i == lost + 1;
        cr_assert(zero(int, push(packets[i].timestamp, packets[i].marker, packets[i].payload,
                                 packets[i].bytes)),
                  "packet %u", i);
    }
    cr_assert(zero(int, depacketizer_flush(&depacketizer)));
}

static size_t write_picture(uint8_t *bytes, unsigned picture)
{
    size_t n = 0;

    for (unsigned i = picture * N_SLICES; i < (picture + 1) * N_SLICES; i++) {
        memcpy(bytes + n, "\0\0\0\1", 4);
        memcpy(bytes + n + 4, nals[i].bytes, nals[i].n_bytes);
        n += 4 + nals[i].n_bytes;
    }
    return n;
}

static bool is_picture(const struct got *unit, unsigned picture)
{
    uint8_t bytes[N_SLICES * (4 + MOST_BYTES)];
    size_t n_bytes = write_picture(bytes, picture);

    return unit->n_bytes == n_bytes && !memcmp(unit->bytes, bytes, n_bytes);
}

static void assert_all_pictures(void)
{
    cr_assert(eq(u32, n_got, N_PICTURES));
    for (unsigned i = 0; i < n_got; i++) {
        cr_assert(eq(i64, got[i].timestamp, 100000 + i * TICKS), "%u", i);
        cr_assert(is_picture(&got[i], i), "%u", i);
        cr_assert(not(got[i].is_damaged), "%u", i);
        cr_assert(not(got[i].follows_loss), "%u", i);
    }
    cr_assert(zero(u64, depacketizer.n_malformed));
}

static void assert_comes_whole(bool is_h265, const char *format)
{
    make_packets(is_h265);
    open_as(SDP_VIDEO, is_h265 ? "H265" : "H264", 90000, format);
    push_all(n_packets);
    assert_all_pictures();
    clear();
}

Test(rtsp_interleaving, h264_comes_in_decoding_order_at_its_times)
{
    assert_comes_whole(false, "packetization-mode=2;sprop-interleaving-depth=3");
    assert_comes_whole(false, "packetization-mode=2;sprop-interleaving-depth=9;"
                              "sprop-max-don-diff=5;sprop-deint-buf-req=20000");
}

Test(rtsp_interleaving, h265_comes_in_decoding_order_at_its_times)
{
    assert_comes_whole(true, "sprop-max-don-diff=6");
    assert_comes_whole(true, "sprop-depack-buf-nalus=3;sprop-max-don-diff=32767");
}

/* Nothing that is not whole goes for whole, and only what is near the lost packet is not. */
static void assert_loss_shows(bool is_h265, const char *format)
{
    make_packets(is_h265);
    for (unsigned lost = 0; lost < n_packets; lost++) {
        unsigned n_whole = 0;
        bool was_told = false;

        open_as(SDP_VIDEO, is_h265 ? "H265" : "H264", 90000, format);
        push_all(lost);
        for (unsigned i = 0; i < n_got; i++) {
            unsigned picture = (unsigned)((got[i].timestamp - 100000) / TICKS);

            was_told |= got[i].is_damaged || got[i].follows_loss;
            n_whole += is_picture(&got[i], picture);
            cr_assert(got[i].is_damaged || is_picture(&got[i], picture), "%u: picture %u", lost,
                      picture);
        }
        /* before the first that came, and behind the last, nobody knows of any */
        cr_assert(was_told || lost == 0 || lost == n_packets - 1, "%u", lost);
        cr_assert(ge(u32, n_whole, N_PICTURES - 3), "%u", lost);
        clear();
    }
}

Test(rtsp_interleaving, h264_tells_each_loss)
{
    assert_loss_shows(false, "packetization-mode=2;sprop-interleaving-depth=3");
}

Test(rtsp_interleaving, h265_tells_each_loss)
{
    assert_loss_shows(true, "sprop-max-don-diff=6");
}

Test(rtsp_interleaving, ends_a_unit_at_once_where_nothing_is_out_of_order)
{
    open_as(SDP_VIDEO, "H264", 90000, "packetization-mode=2;sprop-interleaving-depth=1");
    push(1, false, "\x79\0\5\0\2\x65\x80", 7);
    push(1, true, "\x79\0\6\0\2\x65\x40", 7);
    cr_assert(eq(u32, n_got, 1));
    for (unsigned i = 2; i < 6; i++) {
        push(i, true, (uint8_t[]){0x79, 0, (uint8_t)(5 + i), 0, 2, 0x41, 0x9a}, 7);
        cr_assert(eq(u32, n_got, i));
        cr_assert(not(got[i - 1].is_damaged));
    }
}

/* Some say that they interleave, and do nothing of it. */
Test(rtsp_interleaving, takes_packets_without_numbers_as_they_come)
{
    open_as(SDP_VIDEO, "H264", 90000, "packetization-mode=2");
    push(1, false, "\x78\0\4\x67\x42\x00\x1e\0\2\x68\xce", 11);
    push(1, false, "\x7c\x85\x80k", 4);
    push(1, true, "\x7c\x45m", 3);
    push(2, true, "\x41\x9a", 2);
    cr_assert(eq(u32, n_got, 2));
    assert_bytes(0, "\0\0\0\1\x67\x42\x00\x1e\0\0\0\1\x68\xce\0\0\0\1\x65\x80km", 22);
    cr_assert(not(got[0].is_damaged));
    cr_assert(not(got[1].is_damaged));
}

Test(rtsp_interleaving, what_comes_too_late_is_counted_and_shows)
{
    open_as(SDP_VIDEO, "H265", 90000, "sprop-max-don-diff=2");
    push(1, true, "\x26\1\0\5\x80k", 6);
    push(2, true, "\2\1\0\7\x80p", 6);
    push(3, true, "\2\1\0\x9\x80q", 6);
    cr_assert(eq(int, push(4, true, "\2\1\0\4\x80r", 6), AVERROR_INVALIDDATA));
    push(5, true, "\2\1\0\xa\x80s", 6);
    depacketizer_flush(&depacketizer);
    cr_assert(eq(u64, depacketizer.n_malformed, 1));
    cr_assert(eq(u32, n_got, 4));
    cr_assert(got[2].is_damaged || got[2].follows_loss || got[3].follows_loss);
}

Test(rtsp_interleaving, goes_on_with_a_sender_that_begins_anew)
{
    open_as(SDP_VIDEO, "H264", 90000, "packetization-mode=2;sprop-interleaving-depth=1");
    for (uint16_t i = 0; i < 8; i++) {
        uint8_t packet[] = {0x79, 0, 0, 0, 2, 0x41, 0x9a};

        AV_WB16(packet + 1, i < 4 ? 30000 + i : i);
        push(i + 1u, true, packet, sizeof(packet));
    }
    depacketizer_flush(&depacketizer);
    cr_assert(zero(u64, depacketizer.n_malformed));
    cr_assert(eq(u32, n_got, 8));
    cr_assert(got[4].follows_loss);
    cr_assert(not(got[7].follows_loss));
}

Test(rtsp_interleaving, believes_no_length)
{
    static const struct {
        const char *payload;
        size_t bytes;
    } lies[] = {{"\x79", 1},
                {"\x79\0", 2},
                {"\x79\0\0", 3},
                {"\x79\0\0\0", 4},
                {"\x79\0\0\0\0", 5},
                {"\x79\0\0\0\5e", 6},
                {"\x7a\0\0\0\1", 5},
                {"\x7a\0\0\0\1\0\0", 7},
                {"\x7a\0\0\0\1\0\0\0", 8},
                {"\x7b\0\0\0\1\0\0\0\0", 9},
                {"\x78\0\5"
                 "a",
                 4},
                {"\x7d\x85", 2},
                {"\x7d\x85\0", 3},
                {"\x7d\x85\0\0", 4},
                {"\x7c\x85", 2}};
    static const struct {
        const char *payload;
        size_t bytes;
    } lies_265[] = {{"\x26\1", 2},
                    {"\x26\1\0", 3},
                    {"\x62\1\x93\0", 4},
                    {"\x60\1\0\0", 4},
                    {"\x60\1\0\0\0", 5},
                    {"\x60\1\0\0\0\0", 6},
                    {"\x60\1\0\0\0\5\x26", 7},
                    {"\x60\1\0\0\0\3\x26\1\x80\0", 10}};

    open_as(SDP_VIDEO, "H264", 90000, "packetization-mode=2;sprop-interleaving-depth=0");
    for (size_t i = 0; i < FF_ARRAY_ELEMS(lies); i++)
        cr_assert(
            eq(int, push((uint32_t)i, true, lies[i].payload, lies[i].bytes), AVERROR_INVALIDDATA),
            "%zu", i);
    cr_assert(eq(u64, depacketizer.n_malformed, FF_ARRAY_ELEMS(lies)));
    clear();
    open_as(SDP_VIDEO, "H265", 90000, "sprop-max-don-diff=1");
    for (size_t i = 0; i < FF_ARRAY_ELEMS(lies_265); i++)
        cr_assert(eq(int, push((uint32_t)i, true, lies_265[i].payload, lies_265[i].bytes),
                     AVERROR_INVALIDDATA),
                  "%zu", i);
    cr_assert(eq(u64, depacketizer.n_malformed, FF_ARRAY_ELEMS(lies_265)));
}

/* Units that no depth counts, each with a gap before it. */
Test(rtsp_interleaving, keeps_no_more_than_there_is_room_for)
{
    open_as(SDP_VIDEO, "H264", 90000, "packetization-mode=2;sprop-interleaving-depth=1000");
    failing_install(0);
    for (unsigned i = 0; i < 10000; i++) {
        uint8_t packet[] = {0x79, 0, 0, 0, 2, 0x06, 0x05};

        AV_WB16(packet + 1, 2 * i);
        push(i, false, packet, sizeof(packet));
    }
    failing_remove();
    cr_assert(le(int, failing_n_out(), 2048 + 8));
    cr_assert(gt(u32, n_got, 7900));
}

Test(rtsp_interleaving, is_refused_if_it_needs_more_room)
{
    static const char *const formats[][2] = {
        {"H264", "packetization-mode=2;sprop-interleaving-depth=30000"},
        {"H264", "packetization-mode=2;sprop-interleaving-depth=9999999999999"},
        {"H264", "packetization-mode=2;sprop-interleaving-depth=3;sprop-deint-buf-req=4294967295"},
        {"H265", "sprop-max-don-diff=32767"},
        {"H265", "sprop-max-don-diff=3;sprop-depack-buf-bytes=99999999"}};

    for (size_t i = 0; i < FF_ARRAY_ELEMS(formats); i++) {
        struct sdp_media media = {.kind = SDP_VIDEO,
                                  .encoding = formats[i][0],
                                  .format = formats[i][1],
                                  .clock_hz = 90000};

        cr_assert(
            eq(int, depacketizer_open(&depacketizer, &media, keep, NULL), AVERROR_PATCHWELCOME));
    }
}

Test(rtsp_interleaving, survives_that_there_is_no_memory)
{
    bool failed = true;

    make_packets(false);
    for (unsigned n = 1; failed; n++) {
        failing_install(0);
        open_as(SDP_VIDEO, "H264", 90000, "packetization-mode=2;sprop-interleaving-depth=3");
        failing_install(n);
        for (unsigned i = 0; i < n_packets; i++)
            push(packets[i].timestamp, packets[i].marker, packets[i].payload, packets[i].bytes);
        failed = failing_failed();
        failing_install(0);
        depacketizer_flush(&depacketizer);
        for (unsigned i = 0; i < n_got; i++)
            cr_assert(got[i].is_damaged ||
                          is_picture(&got[i], (unsigned)((got[i].timestamp - 100000) / TICKS)),
                      "allocation %u, unit %u", n, i);
        clear();
        failing_remove();
        cr_assert(zero(int, failing_n_out()));
    }
}

Test(rtsp_interleaving, tells_of_no_memory_for_one_unit_of_several)
{
    static const uint8_t packet[] = {0x79, 0, 1, 0, 2, 0x65, 0x88, 0, 2, 0x65, 0x89};

    failing_install(0);
    open_as(SDP_VIDEO, "H264", 90000, "packetization-mode=2;sprop-interleaving-depth=3");
    failing_install(1);
    cr_assert(eq(int, push(1, true, packet, sizeof(packet)), AVERROR(ENOMEM)));
    cr_assert(failing_failed());
    cr_assert(eq(u64, depacketizer.n_given_up, 1));
    clear();
    failing_remove();
}
