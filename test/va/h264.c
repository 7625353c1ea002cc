/* SPDX-License-Identifier: MIT */
/*
 * H.264: the parameter sets that VA-API's picture parameters came from, written
 * again (ITU-T H.264, 7.3.2.1 and 7.3.2.2), before the slices as they are.
 *
 * Two things VA-API does not hand over, and they are found in the headers of the
 * slices: which numbers the picture parameter sets have, and how many references
 * there are where a slice does not say it. Not to be found are the offsets of
 * picture order count type 1; they matter for B pictures alone.
 */
#include "codec.h"

#include <string.h>

#define NAL_IDR 5
#define NAL_SPS 0x67 /* with nal_ref_idc 3 */
#define NAL_PPS 0x68
#define PROFILE_HIGH 100 /* can say all that Baseline and Main can */
#define LEVEL 62
#define MAX_PPS 256
#define MAX_HEADER_BYTES 64 /* of a slice, up to what is read of it */

enum slice_type { SLICE_P, SLICE_B, SLICE_I, SLICE_SP, SLICE_SI, N_SLICE_TYPES };

struct slice_header {
    enum slice_type type;
    unsigned pps_id;
    bool has_n_references; /* else those of the picture parameter set hold */
};

static void skip_picture_order(struct bit_reader *reader,
                               const VAPictureParameterBufferH264 *parameters, bool is_field)
{
    bool has_bottom = parameters->pic_fields.bits.pic_order_present_flag && !is_field;

    if (parameters->seq_fields.bits.pic_order_cnt_type == 0) {
        skip_bits(reader, parameters->seq_fields.bits.log2_max_pic_order_cnt_lsb_minus4 + 4);
        if (has_bottom)
            get_ue(reader); /* delta_pic_order_cnt_bottom */
    } else if (parameters->seq_fields.bits.pic_order_cnt_type == 1 &&
               !parameters->seq_fields.bits.delta_pic_order_always_zero_flag) {
        get_ue(reader); /* delta_pic_order_cnt */
        if (has_bottom)
            get_ue(reader);
    }
}

/* 7.3.3 */
static struct slice_header read_header(const VAPictureParameterBufferH264 *parameters,
                                       const uint8_t *unit, size_t size)
{
    struct bytes bytes = {0};
    struct bit_reader reader;
    struct slice_header header;
    bool is_idr = (unit[0] & 0x1f) == NAL_IDR;
    bool is_field = false;

    append_unescaped(&bytes, unit, size, MAX_HEADER_BYTES);
    reader = (struct bit_reader){.data = bytes.data, .n_bits = 8 * bytes.size, .at = 8};
    get_ue(&reader); /* first_mb_in_slice */
    header.type = get_ue(&reader) % N_SLICE_TYPES;
    header.pps_id = get_ue(&reader) % MAX_PPS;
    skip_bits(&reader, parameters->seq_fields.bits.log2_max_frame_num_minus4 + 4);
    if (!parameters->seq_fields.bits.frame_mbs_only_flag) {
        is_field = get_bits(&reader, 1);
        skip_bits(&reader, is_field); /* bottom_field_flag */
    }
    if (is_idr)
        get_ue(&reader); /* idr_pic_id */
    skip_picture_order(&reader, parameters, is_field);
    if (parameters->pic_fields.bits.redundant_pic_cnt_present_flag)
        get_ue(&reader);
    if (header.type == SLICE_B)
        skip_bits(&reader, 1); /* direct_spatial_mv_pred_flag */
    header.has_n_references = header.type == SLICE_I || header.type == SLICE_SI ||
                              get_bits(&reader, 1); /* num_ref_idx_active_override_flag */
    bytes_clear(&bytes);
    return header;
}

static void append_unit(struct bytes *stream, uint8_t header, struct bit_writer *writer)
{
    struct bytes unit = {0};

    put_alignment(writer);
    bytes_append(&unit, &header, 1);
    bytes_append(&unit, writer->bytes.data, writer->bytes.size);
    append_nal(stream, unit.data, unit.size);
    stream->failed |= unit.failed || writer->bytes.failed;
    bytes_clear(&unit);
    bytes_clear(&writer->bytes);
}

static void append_sps(struct bytes *stream, const VAPictureParameterBufferH264 *parameters)
{
    unsigned n_rows = parameters->picture_height_in_mbs_minus1 + 1u;
    bool has_frames_only = parameters->seq_fields.bits.frame_mbs_only_flag;
    struct bit_writer writer = {0};

    put_bits(&writer, 8, PROFILE_HIGH);
    put_bits(&writer, 8, 0); /* constraints */
    put_bits(&writer, 8, LEVEL);
    put_ue(&writer, 0); /* seq_parameter_set_id: slices do not say it */
    put_ue(&writer, parameters->seq_fields.bits.chroma_format_idc);
    put_ue(&writer, parameters->bit_depth_luma_minus8);
    put_ue(&writer, parameters->bit_depth_chroma_minus8);
    put_flag(&writer, false); /* qpprime_y_zero_transform_bypass_flag */
    put_flag(&writer, false); /* seq_scaling_matrix_present_flag: see the picture's */
    put_ue(&writer, parameters->seq_fields.bits.log2_max_frame_num_minus4);
    put_ue(&writer, parameters->seq_fields.bits.pic_order_cnt_type);
    if (parameters->seq_fields.bits.pic_order_cnt_type == 0) {
        put_ue(&writer, parameters->seq_fields.bits.log2_max_pic_order_cnt_lsb_minus4);
    } else if (parameters->seq_fields.bits.pic_order_cnt_type == 1) {
        put_flag(&writer, parameters->seq_fields.bits.delta_pic_order_always_zero_flag);
        put_se(&writer, 0); /* offset_for_non_ref_pic */
        put_se(&writer, 0); /* offset_for_top_to_bottom_field */
        put_ue(&writer, 0); /* num_ref_frames_in_pic_order_cnt_cycle */
    }
    put_ue(&writer, parameters->num_ref_frames);
    put_flag(&writer, parameters->seq_fields.bits.gaps_in_frame_num_value_allowed_flag);
    put_ue(&writer, parameters->picture_width_in_mbs_minus1);
    put_ue(&writer, (has_frames_only ? n_rows : (n_rows + 1) / 2) - 1);
    put_flag(&writer, has_frames_only);
    if (!has_frames_only)
        put_flag(&writer, parameters->seq_fields.bits.mb_adaptive_frame_field_flag);
    put_flag(&writer, parameters->seq_fields.bits.direct_8x8_inference_flag);
    put_flag(&writer, false); /* frame_cropping_flag: surfaces have the coded size */
    put_flag(&writer, false); /* vui_parameters_present_flag */
    append_unit(stream, NAL_SPS, &writer);
}

/* raster: width rows of as many; written in zig-zag order (8.5.6, figure 8-8; 7.3.2.1.1.1) */
static void put_scaling_list(struct bit_writer *writer, const uint8_t *raster, unsigned width)
{
    unsigned x = 0, y = 0, last = 8;

    put_flag(writer, true); /* pic_scaling_list_present_flag */
    for (unsigned i = 0; i < width * width; i++) {
        unsigned value = raster[y * width + x];
        bool is_rising = (x + y) % 2 == 0;

        put_se(writer, (int8_t)(value - last));
        last = value;
        if (is_rising ? x == width - 1 : y < width - 1 && x == 0)
            y++;
        else if (is_rising ? y == 0 : y == width - 1)
            x++;
        else if (is_rising)
            x++, y--;
        else
            x--, y++;
    }
}

static bool is_flat(const VAIQMatrixBufferH264 *matrices)
{
    for (unsigned i = 0; i < sizeof(matrices->ScalingList4x4); i++) {
        if ((&matrices->ScalingList4x4[0][0])[i] != 16)
            return false;
    }
    for (unsigned i = 0; i < sizeof(matrices->ScalingList8x8); i++) {
        if ((&matrices->ScalingList8x8[0][0])[i] != 16)
            return false;
    }
    return true;
}

static void put_matrices(struct bit_writer *writer, const VAPictureParameterBufferH264 *parameters,
                         const struct picture *picture)
{
    VAIQMatrixBufferH264 matrices;
    bool has_matrices = false;

    if (picture->matrices.size) {
        memcpy(&matrices, picture->matrices.data, sizeof(matrices));
        has_matrices = !is_flat(&matrices);
    }
    put_flag(writer, parameters->pic_fields.bits.transform_8x8_mode_flag);
    put_flag(writer, has_matrices);
    if (!has_matrices)
        return;
    for (unsigned i = 0; i < 6; i++)
        put_scaling_list(writer, matrices.ScalingList4x4[i], 4);
    for (unsigned i = 0; i < 2 && parameters->pic_fields.bits.transform_8x8_mode_flag; i++)
        put_scaling_list(writer, matrices.ScalingList8x8[i], 8);
}

static void append_pps(struct bytes *stream, unsigned id, const unsigned *n_references,
                       const VAPictureParameterBufferH264 *parameters,
                       const struct picture *picture)
{
    struct bit_writer writer = {0};

    put_ue(&writer, id);
    put_ue(&writer, 0); /* seq_parameter_set_id */
    put_flag(&writer, parameters->pic_fields.bits.entropy_coding_mode_flag);
    put_flag(&writer, parameters->pic_fields.bits.pic_order_present_flag);
    put_ue(&writer, 0); /* num_slice_groups_minus1 */
    put_ue(&writer, n_references[0]);
    put_ue(&writer, n_references[1]);
    put_flag(&writer, parameters->pic_fields.bits.weighted_pred_flag);
    put_bits(&writer, 2, parameters->pic_fields.bits.weighted_bipred_idc);
    put_se(&writer, parameters->pic_init_qp_minus26);
    put_se(&writer, parameters->pic_init_qs_minus26);
    put_se(&writer, parameters->chroma_qp_index_offset);
    put_flag(&writer, parameters->pic_fields.bits.deblocking_filter_control_present_flag);
    put_flag(&writer, parameters->pic_fields.bits.constrained_intra_pred_flag);
    put_flag(&writer, parameters->pic_fields.bits.redundant_pic_cnt_present_flag);
    put_matrices(&writer, parameters, picture);
    put_se(&writer, parameters->second_chroma_qp_index_offset);
    append_unit(stream, NAL_PPS, &writer);
}

/* Reads the headers of the slices; learns the defaults. @return false: one is empty */
static bool read_headers(struct stream *stream, const struct picture *picture,
                         const VAPictureParameterBufferH264 *parameters, bool *has_pps)
{
    for (unsigned i = 0; i < picture_n_slices(picture); i++) {
        const struct slice *slice = picture_slice(picture, i);
        VASliceParameterBufferH264 known;
        struct slice_header header;

        if (slice->size == 0)
            return false;
        memcpy(&known, picture->slice_parameters.data + i * sizeof(known), sizeof(known));
        header = read_header(parameters, picture->data.data + slice->offset, slice->size);
        has_pps[header.pps_id] = true;
        if (header.has_n_references)
            continue;
        stream->n_references[0] = known.num_ref_idx_l0_active_minus1;
        if (header.type == SLICE_B)
            stream->n_references[1] = known.num_ref_idx_l1_active_minus1;
    }
    return true;
}

static bool rebuild(struct stream *stream, const struct picture *picture, struct bytes *unit)
{
    VAPictureParameterBufferH264 parameters;
    bool has_pps[MAX_PPS] = {false};
    struct bytes headers = {0};

    if (picture->parameters.size == 0 || picture_n_slices(picture) == 0)
        return false;
    memcpy(&parameters, picture->parameters.data, sizeof(parameters));
    if (!read_headers(stream, picture, &parameters, has_pps))
        return false;

    append_sps(&headers, &parameters);
    for (unsigned id = 0; id < MAX_PPS; id++) {
        if (has_pps[id])
            append_pps(&headers, id, stream->n_references, &parameters, picture);
    }
    stream_send_headers(stream, &headers, unit);
    bytes_clear(&headers);
    for (unsigned i = 0; i < picture_n_slices(picture); i++) {
        static const uint8_t start_code[] = {0, 0, 1};

        bytes_append(unit, start_code, sizeof(start_code));
        bytes_append(unit, picture->data.data + picture_slice(picture, i)->offset,
                     picture_slice(picture, i)->size);
    }
    return true;
}

const struct codec codec_h264 = {
    .id = AV_CODEC_ID_H264,
    .picture_bytes = sizeof(VAPictureParameterBufferH264),
    .matrix_bytes = sizeof(VAIQMatrixBufferH264),
    .slice_bytes = sizeof(VASliceParameterBufferH264),
    .rebuild = rebuild,
};
