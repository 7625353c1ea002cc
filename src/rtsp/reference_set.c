/* SPDX-License-Identifier: MIT */
#include "rtsp/reference_set.h"

#include "rtsp/bits.h"

#include <libavutil/common.h>
#include <string.h>

#define SET_BYTES 1024 /* scaling lists come before what is looked for */
#define MOST_BROKEN 3  /* as in frame_number.c */
#define MOST_LAYERS 7
#define PROFILE_BITS 88
#define LEVEL_BITS 8

/* Of what a picture's parameter set says. */
#define PPS_KNOWN 0x80
#define PPS_HAS_OUTPUT 0x40
#define PPS_EXTRA_BITS 0x07

/* Types of slices: ITU-T H.265, table 7-1. */
enum {
    LAST_SUBLAYER = 14, /* up to it, even types are of pictures that nothing of their layer needs */
    RADL_N = 6,
    RASL_N = 8,
    RASL_R = 9,
    BLA_W_LP = 16,
    IDR_W_RADL = 19,
    IDR_N_LP = 20,
    CRA = 21,
    LAST_IRAP = 23,
};

static uint32_t read_at_most(struct bits *bits, uint32_t most)
{
    uint32_t value = bits_read_code(bits);

    return FFMIN(value, most);
}

/* 7.3.4: the values do not matter, where they end does. */
static void skip_scaling_lists(struct bits *bits)
{
    for (unsigned size = 0; size < 4; size++) {
        for (unsigned matrix = 0; matrix < 6; matrix += size == 3 ? 3 : 1) {
            unsigned n = FFMIN(64, 1u << (4 + 2 * size)) + (size > 1);

            if (bits_read_one(bits) == 0)
                n = 1; /* as another one */
            while (n-- > 0)
                bits_read_code(bits);
        }
    }
}

/* 7.3.3 */
static void skip_profile(struct bits *bits, unsigned n_layers)
{
    unsigned present[MOST_LAYERS];

    bits->at += PROFILE_BITS + LEVEL_BITS;
    for (unsigned i = 0; i < n_layers; i++)
        present[i] = bits_read(bits, 2);
    if (n_layers > 0)
        bits->at += 2 * (8 - n_layers);
    for (unsigned i = 0; i < n_layers; i++)
        bits->at += (present[i] & 2 ? PROFILE_BITS : 0) + (present[i] & 1 ? LEVEL_BITS : 0);
}

static void add(struct reference_set *set, int apart, bool is_used)
{
    if (set->n == REFERENCE_SET_MOST)
        return;
    set->is_used |= (uint16_t)(is_used << set->n);
    set->n_earlier += apart < 0;
    set->apart[set->n++] = (int16_t)apart;
}

/* What another set has, seen from a picture that is shown by so much later (7-61, 7-62). */
static void read_derived(struct bits *bits, struct reference_set *set,
                         const struct reference_set *of)
{
    bool is_back = bits_read_one(bits);
    int by = (int)read_at_most(bits, INT16_MAX - 1) + 1;
    bool is_used[REFERENCE_SET_MOST + 1], is_there[REFERENCE_SET_MOST + 1];

    by = is_back ? -by : by;
    for (unsigned i = 0; i <= of->n; i++) {
        is_used[i] = bits_read_one(bits);
        is_there[i] = is_used[i] || bits_read_one(bits);
    }
    for (int sign = -1; sign <= 1; sign += 2) {
        /* from the nearest to the farthest on this side: first the other side's, from its end */
        int n_near = sign < 0 ? of->n - of->n_earlier : of->n_earlier;
        int near_end = sign < 0 ? of->n : of->n_earlier;
        int far_begin = sign < 0 ? 0 : of->n_earlier, far_end = sign < 0 ? of->n_earlier : of->n;

        for (int i = near_end - 1; i >= near_end - n_near; i--)
            if (is_there[i] && (of->apart[i] + by) * sign > 0)
                add(set, of->apart[i] + by, is_used[i]);
        if (is_there[of->n] && by * sign > 0)
            add(set, by, is_used[of->n]);
        for (int i = far_begin; i < far_end; i++)
            if (is_there[i] && (of->apart[i] + by) * sign > 0)
                add(set, of->apart[i] + by, is_used[i]);
    }
}

/* 7.3.7: the set of that number; n_sets: that of a slice. */
static void read_set(struct bits *bits, struct reference_set *set,
                     const struct reference_sets *sets, unsigned number)
{
    uint32_t n_earlier, n_later;

    *set = (struct reference_set){.n = 0};
    if (number > 0 && bits_read_one(bits)) {
        uint32_t back = number == sets->n_sets ? bits_read_code(bits) : 0;

        if (back < number)
            read_derived(bits, set, &sets->sets[number - 1 - back]);
        else
            bits->at = bits->n + 1;
        return;
    }
    n_earlier = bits_read_code(bits);
    n_later = bits_read_code(bits);
    if (n_earlier > REFERENCE_SET_MOST || n_later > REFERENCE_SET_MOST - n_earlier) {
        bits->at = bits->n + 1;
        return;
    }
    for (int sign = -1, apart; sign <= 1; sign += 2) {
        apart = 0;
        for (uint32_t i = 0; i < (sign < 0 ? n_earlier : n_later); i++) {
            apart += (int)read_at_most(bits, INT16_MAX / REFERENCE_SET_MOST - 1) + 1;
            add(set, sign * apart, bits_read_one(bits));
        }
    }
}

/* 7.3.2.2.1, up to what is looked for. */
static void read_sps(struct reference_sets *sets, struct bits *bits)
{
    unsigned n_layers, chroma;

    bits_read(bits, 4);
    n_layers = bits_read(bits, 3);
    bits_read_one(bits);
    if (n_layers >= MOST_LAYERS)
        return;
    skip_profile(bits, n_layers);
    sets->sps_id = (uint8_t)read_at_most(bits, UINT8_MAX);
    chroma = bits_read_code(bits);
    sets->has_planes = chroma == 3 && bits_read_one(bits);
    bits_read_code(bits); /* width, height */
    bits_read_code(bits);
    if (bits_read_one(bits))
        for (unsigned i = 0; i < 4; i++)
            bits_read_code(bits);
    bits_read_code(bits); /* bit depths */
    bits_read_code(bits);
    sets->order_bits = (uint8_t)(read_at_most(bits, 28) + 4);
    for (unsigned i = bits_read_one(bits) ? 0 : n_layers; i <= n_layers; i++)
        for (unsigned j = 0; j < 3; j++)
            bits_read_code(bits);
    for (unsigned i = 0; i < 6; i++) /* sizes and depths of blocks */
        bits_read_code(bits);
    if (bits_read_one(bits) && bits_read_one(bits))
        skip_scaling_lists(bits);
    bits_read(bits, 2);
    if (bits_read_one(bits)) { /* PCM */
        bits_read(bits, 8);
        bits_read_code(bits);
        bits_read_code(bits);
        bits_read_one(bits);
    }
    sets->n_sets = (uint8_t)read_at_most(bits, UINT8_MAX);
    for (unsigned i = 0; i < sets->n_sets && i < REFERENCE_SETS; i++)
        read_set(bits, &sets->sets[i], sets, i);
    sets->is_known =
        sets->n_sets <= REFERENCE_SETS && sets->order_bits <= 16 && bits->at <= bits->n;
}

void reference_sets_take_sps(struct reference_sets *sets, const uint8_t *sps, size_t bytes)
{
    uint8_t plain[SET_BYTES];
    struct bits bits = {.data = plain};

    if (bytes < 3)
        return;
    bits.n = 8 * bits_unescape(plain, sizeof(plain), sps + 2, bytes - 2);
    sets->is_known = false;
    read_sps(sets, &bits);
}

void reference_sets_take_pps(struct reference_sets *sets, const uint8_t *pps, size_t bytes)
{
    uint8_t plain[16];
    struct bits bits = {.data = plain};
    uint32_t id;
    unsigned value = PPS_KNOWN;

    if (bytes < 3)
        return;
    bits.n = 8 * bits_unescape(plain, sizeof(plain), pps + 2, bytes - 2);
    id = bits_read_code(&bits);
    if (id >= REFERENCE_PPS)
        return;
    if (bits_read_code(&bits) != sets->sps_id) /* which sets its slices mean is not known */
        value = 0;
    bits_read_one(&bits);
    value |= bits_read_one(&bits) ? PPS_HAS_OUTPUT : 0;
    value |= bits_read(&bits, 3);
    sets->pps[id] = value & PPS_KNOWN ? (uint8_t)value : 0;
}

/* 8.3.1 */
/* Modulo 2^32: only differences matter, and a camera may count for years. */
static int32_t order_of(const struct reference_sets *sets, uint32_t lower)
{
    int32_t all = (int32_t)1 << sets->order_bits;
    int32_t last_lower = sets->last_order & (all - 1);
    uint32_t upper = (uint32_t)sets->last_order - (uint32_t)last_lower;

    if ((int32_t)lower < last_lower && last_lower - (int32_t)lower >= all / 2)
        upper += (uint32_t)all;
    else if ((int32_t)lower > last_lower && (int32_t)lower - last_lower > all / 2)
        upper -= (uint32_t)all;
    return (int32_t)(upper + lower);
}

static bool is_there(const struct reference_sets *sets, int32_t order)
{
    for (unsigned i = 0; i < sets->n_there; i++)
        if (sets->there[i] == order)
            return true;
    return false;
}

/* What a picture names stays; all else is forgotten (8.3.2). Returns whether something is missing
 * that it uses itself. */
static bool keep_named(struct reference_sets *sets, const struct reference_set *set, int32_t order)
{
    int32_t kept[REFERENCE_SET_MOST + 1];
    unsigned n = 0;
    bool is_missing = false;

    for (unsigned i = 0; i < set->n; i++) {
        int32_t named = (int32_t)((uint32_t)order + (uint32_t)set->apart[i]);

        if (is_there(sets, named))
            kept[n++] = named;
        else
            is_missing |= set->is_used >> i & 1;
    }
    kept[n++] = order;
    memcpy(sets->there, kept, n * sizeof(kept[0]));
    sets->n_there = (uint8_t)n;
    return is_missing;
}

/* At what can be decoded by itself. */
static void begin_group(struct reference_sets *sets)
{
    sets->n_broken = sets->is_group_broken ? (uint8_t)FFMIN(sets->n_broken + 1, MOST_BROKEN) : 0;
    sets->is_group_broken = false;
    sets->may_lead = sets->has_begun && sets->is_whole;
    sets->has_begun = sets->is_whole = true;
}

/* Reads a slice's header (7.3.6.1) up to its set. Returns false if it says nothing of it. */
static bool read_slice(const struct reference_sets *sets, struct bits *bits, unsigned type,
                       uint32_t *order, struct reference_set *set)
{
    uint32_t pps_id;
    unsigned pps, n_bits = 0;

    *set = (struct reference_set){.n = 0};
    *order = 0;
    if (!bits_read_one(bits)) /* not the picture's first */
        return false;
    if (type >= BLA_W_LP && type <= LAST_IRAP)
        bits_read_one(bits);
    pps_id = bits_read_code(bits);
    pps = pps_id < REFERENCE_PPS ? sets->pps[pps_id] : 0;
    if (!sets->is_known || !pps)
        return false;
    bits_read(bits, pps & PPS_EXTRA_BITS);
    bits_read_code(bits); /* its type */
    if (pps & PPS_HAS_OUTPUT)
        bits_read_one(bits);
    if (sets->has_planes)
        bits_read(bits, 2);
    if (type == IDR_W_RADL || type == IDR_N_LP)
        return bits->at <= bits->n;
    *order = bits_read(bits, sets->order_bits);
    if (!bits_read_one(bits)) {
        read_set(bits, set, sets, sets->n_sets);
    } else if (sets->n_sets > 0) {
        while (1u << n_bits < sets->n_sets)
            n_bits++;
        n_bits = bits_read(bits, n_bits);
        if (n_bits >= sets->n_sets)
            return false;
        *set = sets->sets[n_bits];
    }
    return bits->at <= bits->n;
}

bool reference_sets_take(struct reference_sets *sets, const uint8_t *slice, size_t bytes,
                         bool is_explained)
{
    uint8_t plain[REFERENCE_SET_SLICE_BYTES];
    struct bits bits = {.data = plain};
    struct reference_set set;
    unsigned type = bytes > 2 ? slice[0] >> 1 & 63 : LAST_IRAP;
    bool is_key = type >= BLA_W_LP && type <= CRA, is_missing;
    bool is_leading = type == RASL_N || type == RASL_R;
    uint32_t lower;
    int32_t order;

    bits.n = bytes > 2 ? 8 * bits_unescape(plain, sizeof(plain), slice + 2, bytes - 2) : 0;
    if (is_explained)
        sets->is_whole = false;
    if (!read_slice(sets, &bits, type, &lower, &set))
        return false;
    if (is_key)
        begin_group(sets);
    if (!sets->has_begun)
        return false;
    if (is_key && type != CRA) {
        sets->n_there = 0;
        sets->last_order = 0;
    }
    order = is_key && type != CRA ? (int32_t)lower : order_of(sets, lower);
    is_missing = keep_named(sets, &set, order) && !is_key && (!is_leading || sets->may_lead);
    /* of the lowest layer, and neither leading nor unneeded there (8.3.1) */
    if ((slice[1] & 7) == 1 && !(type >= RADL_N && type <= RASL_R) &&
        (type > LAST_SUBLAYER || type % 2))
        sets->last_order = order;
    if (!is_missing)
        return false;
    sets->is_group_broken |= !is_explained && sets->is_whole;
    sets->is_whole = false;
    return sets->n_broken < MOST_BROKEN;
}
