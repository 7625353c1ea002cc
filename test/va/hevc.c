/* SPDX-License-Identifier: MIT */
/*
 * H.265: slices, with their headers written again.
 *
 * A slice names its reference pictures by a set of the sequence parameter set,
 * or by the difference to one, and VA-API does not hand those sets over. It does
 * say which pictures there are, in which order, and which of them this picture
 * refers to; that is the set (ITU-T H.265, 7.4.8 and 8.3.2), and it is put into
 * the header whole. All after it in the header stays as it is.
 *
 * What VA-API leaves open: the order of several long-term references of one
 * picture. They are written from the latest to the earliest.
 */
#include "hevc.h"
#include "codec.h"

#include <stdlib.h>
#include <string.h>

#define NAL_HEADER_BYTES 2
#define NAL_FIRST_IRAP 16
#define NAL_LAST_IRAP 23
#define NAL_IDR_W_RADL 19
#define NAL_IDR_N_LP 20
#define NAL_END_OF_SEQUENCE 36
#define MAX_REFERENCES 15
#define USED                                                                                       \
    (VA_PICTURE_HEVC_RPS_ST_CURR_BEFORE | VA_PICTURE_HEVC_RPS_ST_CURR_AFTER |                      \
     VA_PICTURE_HEVC_RPS_LT_CURR)

/* References of one kind, in the order they are written in. */
struct references {
    struct reference {
        int32_t order; /* picture order count */
        bool is_used;  /* by this picture; else by later ones */
    } pictures[MAX_REFERENCES];
    unsigned n;
};

struct reference_set {
    int32_t order; /* of the picture */
    struct references before, after, long_term;
};

static int compare_falling(const void *a, const void *b)
{
    const struct reference *first = a, *second = b;

    return (first->order < second->order) - (first->order > second->order);
}

static int compare_rising(const void *a, const void *b)
{
    return compare_falling(b, a);
}

static void sort(struct references *references, int (*compare)(const void *, const void *))
{
    qsort(references->pictures, references->n, sizeof(references->pictures[0]), compare);
}

static struct reference_set find_references(const VAPictureParameterBufferHEVC *parameters)
{
    struct reference_set set = {.order = parameters->CurrPic.pic_order_cnt};

    for (unsigned i = 0; i < MAX_REFERENCES; i++) {
        const VAPictureHEVC *picture = &parameters->ReferenceFrames[i];
        struct references *kind = &set.before;

        if (picture->picture_id == VA_INVALID_SURFACE || picture->flags & VA_PICTURE_HEVC_INVALID)
            continue;
        if (picture->flags & VA_PICTURE_HEVC_LONG_TERM_REFERENCE)
            kind = &set.long_term;
        else if (picture->pic_order_cnt > set.order)
            kind = &set.after;
        kind->pictures[kind->n++] =
            (struct reference){picture->pic_order_cnt, (picture->flags & USED) != 0};
    }
    /* a list begins with what is nearest */
    sort(&set.before, compare_falling);
    sort(&set.after, compare_rising);
    sort(&set.long_term, compare_falling);
    return set;
}

/* 7.3.6.1, the part from short_term_ref_pic_set_sps_flag to the long-term references */
static void skip_references(struct bit_reader *reader,
                            const VAPictureParameterBufferHEVC *parameters)
{
    unsigned order_bits = parameters->log2_max_pic_order_cnt_lsb_minus4 + 4;
    unsigned n_of_sequence = 0, n;

    if (get_bits(reader, 1))
        skip_bits(reader, bits_for(parameters->num_short_term_ref_pic_sets));
    else
        skip_bits(reader, parameters->st_rps_bits);
    if (!parameters->slice_parsing_fields.bits.long_term_ref_pics_present_flag)
        return;
    if (parameters->num_long_term_ref_pic_sps)
        n_of_sequence = get_ue(reader);
    n = n_of_sequence + get_ue(reader);
    for (unsigned i = 0; i < n && i < 2 * MAX_REFERENCES; i++) {
        if (i < n_of_sequence)
            skip_bits(reader, bits_for(parameters->num_long_term_ref_pic_sps));
        else
            skip_bits(reader, order_bits + 1);
        if (get_bits(reader, 1)) /* delta_poc_msb_present_flag */
            get_ue(reader);
    }
}

static void put_short_term(struct bit_writer *writer, const struct references *references,
                           int32_t order)
{
    for (unsigned i = 0; i < references->n; i++) {
        const struct reference *picture = &references->pictures[i];

        put_ue(writer, (uint32_t)abs(picture->order - order) - 1);
        put_flag(writer, picture->is_used);
        order = picture->order;
    }
}

static void put_long_term(struct bit_writer *writer, const struct reference_set *set,
                          unsigned order_bits)
{
    int32_t last = 0;

    put_ue(writer, set->long_term.n);
    for (unsigned i = 0; i < set->long_term.n; i++) {
        const struct reference *picture = &set->long_term.pictures[i];
        /* both rounded down: right shifts of negative numbers are arithmetic with gcc and clang */
        int32_t cycle = (set->order >> order_bits) - (picture->order >> order_bits);

        put_bits(writer, order_bits, (uint32_t)picture->order);
        put_flag(writer, picture->is_used);
        put_flag(writer, cycle >= last);
        if (cycle >= last) {
            put_ue(writer, (uint32_t)(cycle - last));
            last = cycle;
        }
    }
}

static void put_references(struct bit_writer *writer,
                           const VAPictureParameterBufferHEVC *parameters)
{
    struct reference_set set = find_references(parameters);

    put_flag(writer, false); /* short_term_ref_pic_set_sps_flag */
    put_ue(writer, set.before.n);
    put_ue(writer, set.after.n);
    put_short_term(writer, &set.before, set.order);
    put_short_term(writer, &set.after, set.order);
    if (parameters->slice_parsing_fields.bits.long_term_ref_pics_present_flag)
        put_long_term(writer, &set, parameters->log2_max_pic_order_cnt_lsb_minus4 + 4);
}

static unsigned n_coding_tree_blocks(const VAPictureParameterBufferHEVC *parameters)
{
    unsigned bits = parameters->log2_min_luma_coding_block_size_minus3 + 3 +
                    parameters->log2_diff_max_min_luma_coding_block_size;
    unsigned round_up = (1u << bits) - 1;

    return ((parameters->pic_width_in_luma_samples + round_up) >> bits) *
           ((parameters->pic_height_in_luma_samples + round_up) >> bits);
}

/* 7.3.6.1, up to the references */
static void rewrite_start(struct bit_writer *writer, struct bit_reader *reader, unsigned type,
                          const VAPictureParameterBufferHEVC *parameters)
{
    bool is_first = copy_bits(writer, reader, 1);

    if (type >= NAL_FIRST_IRAP && type <= NAL_LAST_IRAP)
        copy_bits(writer, reader, 1); /* no_output_of_prior_pics_flag */
    get_ue(reader);
    put_ue(writer, 0); /* slice_pic_parameter_set_id */
    if (!is_first) {
        bool is_dependent =
            parameters->slice_parsing_fields.bits.dependent_slice_segments_enabled_flag &&
            copy_bits(writer, reader, 1);

        copy_bits(writer, reader, bits_for(n_coding_tree_blocks(parameters)));
        if (is_dependent)
            return;
    }
    copy_bits(writer, reader, parameters->num_extra_slice_header_bits);
    copy_ue(writer, reader); /* slice_type */
    if (parameters->slice_parsing_fields.bits.output_flag_present_flag)
        copy_bits(writer, reader, 1);
    if (parameters->pic_fields.bits.separate_colour_plane_flag)
        copy_bits(writer, reader, 2);
    if (type == NAL_IDR_W_RADL || type == NAL_IDR_N_LP)
        return;
    copy_bits(writer, reader, parameters->log2_max_pic_order_cnt_lsb_minus4 + 4);
    skip_references(reader, parameters);
    put_references(writer, parameters);
}

/* The number of bits of a header that ends before data_offset, without its alignment: a one, and
 * zeros. 0: there is none */
static size_t header_bits(const struct bytes *unit, size_t data_offset)
{
    size_t n_bits;

    if (data_offset <= NAL_HEADER_BYTES || data_offset > unit->size)
        return 0;
    n_bits = 8 * data_offset - 1;
    while (n_bits > 8 * (data_offset - 1) && !(unit->data[n_bits / 8] >> (7 - n_bits % 8) & 1))
        n_bits--;
    return n_bits;
}

static bool append_slice(struct bytes *stream, const uint8_t *unit, size_t size, size_t data_offset,
                         const VAPictureParameterBufferHEVC *parameters)
{
    struct bytes bytes = {0};
    struct bit_writer writer = {0};
    struct bit_reader reader;
    bool is_right = false;

    append_unescaped(&bytes, unit, size, size);
    reader = (struct bit_reader){.data = bytes.data, .n_bits = header_bits(&bytes, data_offset)};
    if (reader.n_bits) {
        copy_bits(&writer, &reader, 8 * NAL_HEADER_BYTES);
        rewrite_start(&writer, &reader, bytes.data[0] >> 1 & 0x3f, parameters);
        if (reader.at <= reader.n_bits) {
            copy_bits(&writer, &reader, reader.n_bits - reader.at);
            put_alignment(&writer);
            bytes_append(&writer.bytes, bytes.data + data_offset, bytes.size - data_offset);
            append_nal(stream, writer.bytes.data, writer.bytes.size);
            is_right = !bytes.failed && !writer.bytes.failed;
        }
    }
    bytes_clear(&bytes);
    bytes_clear(&writer.bytes);
    return is_right;
}

/* Whether a picture refers to one that was decoded here. libavcodec invents those that a seek left
 * behind it. */
static bool has_references(const struct stream *stream,
                           const VAPictureParameterBufferHEVC *parameters)
{
    for (unsigned i = 0; i < MAX_REFERENCES; i++) {
        const VAPictureHEVC *picture = &parameters->ReferenceFrames[i];

        for (unsigned k = 0; k < STREAM_N_DECODED && k < stream->n_decoded; k++) {
            if (!(picture->flags & VA_PICTURE_HEVC_INVALID) &&
                picture->picture_id == stream->decoded[k].surface &&
                picture->pic_order_cnt == stream->decoded[k].order)
                return true;
        }
    }
    return false;
}

/* The decoder shall not take the first picture after a seek for a later one of what it had: it
 * refuses two with one picture order count. */
static void append_end_of_sequence(struct bytes *unit, struct stream *stream,
                                   const VAPictureParameterBufferHEVC *parameters)
{
    static const uint8_t end[] = {NAL_END_OF_SEQUENCE << 1, 1};

    if (parameters->slice_parsing_fields.bits.RapPicFlag && !has_references(stream, parameters))
        append_nal(unit, end, sizeof(end));
    stream->decoded[stream->n_decoded++ % STREAM_N_DECODED] = (struct decoded){
        .surface = parameters->CurrPic.picture_id, .order = parameters->CurrPic.pic_order_cnt};
}

static bool rebuild(struct stream *stream, const struct picture *picture, struct bytes *unit)
{
    VAPictureParameterBufferHEVC parameters;
    VAIQMatrixBufferHEVC matrices;
    struct bytes headers = {0};

    if (picture->parameters.size == 0 || picture_n_slices(picture) == 0)
        return false;
    memcpy(&parameters, picture->parameters.data, sizeof(parameters));
    if (picture->matrices.size)
        memcpy(&matrices, picture->matrices.data, sizeof(matrices));
    append_end_of_sequence(unit, stream, &parameters);
    hevc_append_headers(&headers, &parameters, picture->matrices.size ? &matrices : NULL);
    stream_send_headers(stream, &headers, unit);
    bytes_clear(&headers);

    for (unsigned i = 0; i < picture_n_slices(picture); i++) {
        const struct slice *slice = picture_slice(picture, i);
        VASliceParameterBufferHEVC known;

        memcpy(&known, picture->slice_parameters.data + i * sizeof(known), sizeof(known));
        if (!append_slice(unit, picture->data.data + slice->offset, slice->size,
                          known.slice_data_byte_offset, &parameters))
            return false;
    }
    return true;
}

const struct codec codec_hevc = {
    .id = AV_CODEC_ID_HEVC,
    .picture_bytes = sizeof(VAPictureParameterBufferHEVC),
    .matrix_bytes = sizeof(VAIQMatrixBufferHEVC),
    .slice_bytes = sizeof(VASliceParameterBufferHEVC),
    .picture_is_first = true,
    .rebuild = rebuild,
};
