/* SPDX-License-Identifier: MIT */
/*
 * H.265: the parameter sets that VA-API's picture parameters came from, written
 * again (ITU-T H.265, 7.3.2.1 to 7.3.2.3).
 */
#include "hevc.h"

#define NAL_VPS 32
#define NAL_SPS 33
#define NAL_PPS 34
#define PROFILE_MAIN 1
#define PROFILE_MAIN_10 2
#define LEVEL_6_2 186

static void append_unit(struct bytes *stream, uint8_t type, struct bit_writer *writer)
{
    const uint8_t header[] = {(uint8_t)(type << 1), 1}; /* layer 0, temporal id 0 */
    struct bytes unit = {0};

    put_alignment(writer);
    bytes_append(&unit, header, sizeof(header));
    bytes_append(&unit, writer->bytes.data, writer->bytes.size);
    append_nal(stream, unit.data, unit.size);
    stream->failed |= unit.failed || writer->bytes.failed;
    bytes_clear(&unit);
    bytes_clear(&writer->bytes);
}

/* 7.3.3 */
static void put_profile(struct bit_writer *writer, const VAPictureParameterBufferHEVC *parameters)
{
    unsigned profile = parameters->bit_depth_luma_minus8 ? PROFILE_MAIN_10 : PROFILE_MAIN;

    put_bits(writer, 2, 0); /* general_profile_space */
    put_bits(writer, 1, 0); /* general_tier_flag */
    put_bits(writer, 5, profile);
    for (unsigned i = 0; i < 32; i++)
        put_flag(writer, i == profile);
    put_bits(writer, 4, 0x9); /* progressive_source, frame_only_constraint */
    put_bits(writer, 22, 0);  /* reserved, 44 bits */
    put_bits(writer, 22, 0);
    put_bits(writer, 8, LEVEL_6_2);
}

/* Of one sub-layer. No picture waits for display: what the decoder keeps is what is referred to. */
static void put_buffering(struct bit_writer *writer, const VAPictureParameterBufferHEVC *parameters)
{
    put_flag(writer, true); /* sub_layer_ordering_info_present_flag */
    put_ue(writer, parameters->sps_max_dec_pic_buffering_minus1);
    put_ue(writer, 0); /* max_num_reorder_pics */
    put_ue(writer, 0); /* max_latency_increase_plus1 */
}

static void append_vps(struct bytes *stream, const VAPictureParameterBufferHEVC *parameters)
{
    struct bit_writer writer = {0};

    put_bits(&writer, 4, 0);       /* vps_video_parameter_set_id */
    put_bits(&writer, 2, 3);       /* base layer internal, and available */
    put_bits(&writer, 6, 0);       /* vps_max_layers_minus1 */
    put_bits(&writer, 3, 0);       /* vps_max_sub_layers_minus1 */
    put_flag(&writer, true);       /* vps_temporal_id_nesting_flag */
    put_bits(&writer, 16, 0xffff); /* reserved */
    put_profile(&writer, parameters);
    put_buffering(&writer, parameters);
    put_bits(&writer, 6, 0);  /* vps_max_layer_id */
    put_ue(&writer, 0);       /* vps_num_layer_sets_minus1 */
    put_flag(&writer, false); /* vps_timing_info_present_flag */
    put_flag(&writer, false); /* vps_extension_flag */
    append_unit(stream, NAL_VPS, &writer);
}

/* raster: width rows of as many; written in up-right diagonal order (6.5.3; 7.3.4).
 * dc: -1: these have none */
static void put_scaling_list(struct bit_writer *writer, const uint8_t *raster, unsigned width,
                             int dc)
{
    unsigned last = 8;

    put_flag(writer, true); /* scaling_list_pred_mode_flag: not predicted */
    if (dc >= 0) {
        put_se(writer, dc - 8);
        last = (unsigned)dc;
    }
    for (unsigned diagonal = 0; diagonal < 2 * width - 1; diagonal++) {
        for (unsigned x = 0; x <= diagonal; x++) {
            unsigned y = diagonal - x;

            if (x >= width || y >= width)
                continue;
            put_se(writer, (int8_t)(raster[y * width + x] - last));
            last = raster[y * width + x];
        }
    }
}

static void put_matrices(struct bit_writer *writer, const VAIQMatrixBufferHEVC *matrices)
{
    put_flag(writer, matrices != NULL); /* sps_scaling_list_data_present_flag */
    if (!matrices)
        return;
    for (unsigned i = 0; i < 6; i++)
        put_scaling_list(writer, matrices->ScalingList4x4[i], 4, -1);
    for (unsigned i = 0; i < 6; i++)
        put_scaling_list(writer, matrices->ScalingList8x8[i], 8, -1);
    for (unsigned i = 0; i < 6; i++)
        put_scaling_list(writer, matrices->ScalingList16x16[i], 8, matrices->ScalingListDC16x16[i]);
    for (unsigned i = 0; i < 2; i++)
        put_scaling_list(writer, matrices->ScalingList32x32[i], 8, matrices->ScalingListDC32x32[i]);
}

static void put_pcm(struct bit_writer *writer, const VAPictureParameterBufferHEVC *parameters)
{
    put_flag(writer, parameters->pic_fields.bits.pcm_enabled_flag);
    if (!parameters->pic_fields.bits.pcm_enabled_flag)
        return;
    put_bits(writer, 4, parameters->pcm_sample_bit_depth_luma_minus1);
    put_bits(writer, 4, parameters->pcm_sample_bit_depth_chroma_minus1);
    put_ue(writer, parameters->log2_min_pcm_luma_coding_block_size_minus3);
    put_ue(writer, parameters->log2_diff_max_min_pcm_luma_coding_block_size);
    put_flag(writer, parameters->pic_fields.bits.pcm_loop_filter_disabled_flag);
}

static void append_sps(struct bytes *stream, const VAPictureParameterBufferHEVC *parameters,
                       const VAIQMatrixBufferHEVC *matrices)
{
    bool has_long_term = parameters->slice_parsing_fields.bits.long_term_ref_pics_present_flag;
    struct bit_writer writer = {0};

    put_bits(&writer, 4, 0); /* sps_video_parameter_set_id */
    put_bits(&writer, 3, 0); /* sps_max_sub_layers_minus1 */
    put_flag(&writer, true); /* sps_temporal_id_nesting_flag */
    put_profile(&writer, parameters);
    put_ue(&writer, 0); /* sps_seq_parameter_set_id */
    put_ue(&writer, parameters->pic_fields.bits.chroma_format_idc);
    put_ue(&writer, parameters->pic_width_in_luma_samples);
    put_ue(&writer, parameters->pic_height_in_luma_samples);
    put_flag(&writer, false); /* conformance_window_flag: surfaces have the coded size */
    put_ue(&writer, parameters->bit_depth_luma_minus8);
    put_ue(&writer, parameters->bit_depth_chroma_minus8);
    put_ue(&writer, parameters->log2_max_pic_order_cnt_lsb_minus4);
    put_buffering(&writer, parameters);
    put_ue(&writer, parameters->log2_min_luma_coding_block_size_minus3);
    put_ue(&writer, parameters->log2_diff_max_min_luma_coding_block_size);
    put_ue(&writer, parameters->log2_min_transform_block_size_minus2);
    put_ue(&writer, parameters->log2_diff_max_min_transform_block_size);
    put_ue(&writer, parameters->max_transform_hierarchy_depth_inter);
    put_ue(&writer, parameters->max_transform_hierarchy_depth_intra);
    put_flag(&writer, parameters->pic_fields.bits.scaling_list_enabled_flag);
    if (parameters->pic_fields.bits.scaling_list_enabled_flag)
        put_matrices(&writer, matrices);
    put_flag(&writer, parameters->pic_fields.bits.amp_enabled_flag);
    put_flag(&writer, parameters->slice_parsing_fields.bits.sample_adaptive_offset_enabled_flag);
    put_pcm(&writer, parameters);
    put_ue(&writer, 0); /* num_short_term_ref_pic_sets */
    put_flag(&writer, has_long_term);
    if (has_long_term)
        put_ue(&writer, 0); /* num_long_term_ref_pics_sps */
    put_flag(&writer, parameters->slice_parsing_fields.bits.sps_temporal_mvp_enabled_flag);
    put_flag(&writer, parameters->pic_fields.bits.strong_intra_smoothing_enabled_flag);
    put_flag(&writer, false); /* vui_parameters_present_flag */
    put_flag(&writer, false); /* sps_extension_present_flag */
    append_unit(stream, NAL_SPS, &writer);
}

static void put_tiles(struct bit_writer *writer, const VAPictureParameterBufferHEVC *parameters)
{
    put_flag(writer, parameters->pic_fields.bits.tiles_enabled_flag);
    put_flag(writer, parameters->pic_fields.bits.entropy_coding_sync_enabled_flag);
    if (parameters->pic_fields.bits.tiles_enabled_flag) {
        put_ue(writer, parameters->num_tile_columns_minus1);
        put_ue(writer, parameters->num_tile_rows_minus1);
        put_flag(writer, false); /* uniform_spacing_flag */
        for (unsigned i = 0; i < parameters->num_tile_columns_minus1; i++)
            put_ue(writer, parameters->column_width_minus1[i]);
        for (unsigned i = 0; i < parameters->num_tile_rows_minus1; i++)
            put_ue(writer, parameters->row_height_minus1[i]);
        put_flag(writer, parameters->pic_fields.bits.loop_filter_across_tiles_enabled_flag);
    }
    put_flag(writer, parameters->pic_fields.bits.pps_loop_filter_across_slices_enabled_flag);
}

static void put_deblocking(struct bit_writer *writer,
                           const VAPictureParameterBufferHEVC *parameters)
{
    bool is_disabled = parameters->slice_parsing_fields.bits.pps_disable_deblocking_filter_flag;

    put_flag(writer, true); /* deblocking_filter_control_present_flag */
    put_flag(writer, parameters->slice_parsing_fields.bits.deblocking_filter_override_enabled_flag);
    put_flag(writer, is_disabled);
    if (is_disabled)
        return;
    put_se(writer, parameters->pps_beta_offset_div2);
    put_se(writer, parameters->pps_tc_offset_div2);
}

static void append_pps(struct bytes *stream, const VAPictureParameterBufferHEVC *parameters)
{
    struct bit_writer writer = {0};

    put_ue(&writer, 0); /* pps_pic_parameter_set_id */
    put_ue(&writer, 0); /* pps_seq_parameter_set_id */
    put_flag(&writer, parameters->slice_parsing_fields.bits.dependent_slice_segments_enabled_flag);
    put_flag(&writer, parameters->slice_parsing_fields.bits.output_flag_present_flag);
    put_bits(&writer, 3, parameters->num_extra_slice_header_bits);
    put_flag(&writer, parameters->pic_fields.bits.sign_data_hiding_enabled_flag);
    put_flag(&writer, parameters->slice_parsing_fields.bits.cabac_init_present_flag);
    put_ue(&writer, parameters->num_ref_idx_l0_default_active_minus1);
    put_ue(&writer, parameters->num_ref_idx_l1_default_active_minus1);
    put_se(&writer, parameters->init_qp_minus26);
    put_flag(&writer, parameters->pic_fields.bits.constrained_intra_pred_flag);
    put_flag(&writer, parameters->pic_fields.bits.transform_skip_enabled_flag);
    put_flag(&writer, parameters->pic_fields.bits.cu_qp_delta_enabled_flag);
    if (parameters->pic_fields.bits.cu_qp_delta_enabled_flag)
        put_ue(&writer, parameters->diff_cu_qp_delta_depth);
    put_se(&writer, parameters->pps_cb_qp_offset);
    put_se(&writer, parameters->pps_cr_qp_offset);
    put_flag(&writer,
             parameters->slice_parsing_fields.bits.pps_slice_chroma_qp_offsets_present_flag);
    put_flag(&writer, parameters->pic_fields.bits.weighted_pred_flag);
    put_flag(&writer, parameters->pic_fields.bits.weighted_bipred_flag);
    put_flag(&writer, parameters->pic_fields.bits.transquant_bypass_enabled_flag);
    put_tiles(&writer, parameters);
    put_deblocking(&writer, parameters);
    put_flag(&writer, false); /* pps_scaling_list_data_present_flag: see the sequence's */
    put_flag(&writer, parameters->slice_parsing_fields.bits.lists_modification_present_flag);
    put_ue(&writer, parameters->log2_parallel_merge_level_minus2);
    put_flag(&writer,
             parameters->slice_parsing_fields.bits.slice_segment_header_extension_present_flag);
    put_flag(&writer, false); /* pps_extension_present_flag */
    append_unit(stream, NAL_PPS, &writer);
}

void hevc_append_headers(struct bytes *stream, const VAPictureParameterBufferHEVC *parameters,
                         const VAIQMatrixBufferHEVC *matrices)
{
    append_vps(stream, parameters);
    append_sps(stream, parameters, matrices);
    append_pps(stream, parameters);
}
