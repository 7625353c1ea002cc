/* SPDX-License-Identifier: MIT */
/*
 * What the tests' VA-API driver writes of H.265 and no encoder at hand makes: tiles, PCM, dependent
 * slices, long-term references, sets of references that VA-API does not hand over. It is read by
 * the bitstream filter trace_headers, which names all that it reads.
 */
#include "../codec.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavcodec/bsf.h>
#include <stdio.h>

#define MAX_LINES 2048
#define NONE INT64_MIN
#define NAL_TRAIL_R 1
#define SLICE_P 1
#define PICTURE_ORDER 300 /* that of a reference may lie below the wrap of its low eight bits */

static struct line {
    char name[64];
    int64_t value;
} lines[MAX_LINES];
static unsigned n_lines;

static void read_line(void *context, int level, const char *format, va_list arguments)
{
    struct line *line = &lines[n_lines];
    char text[256];

    (void)context;
    (void)level;
    vsnprintf(text, sizeof(text), format, arguments);
    if (n_lines < MAX_LINES && sscanf(text, "%*d %63s %*s = %ld", line->name, &line->value) == 2)
        n_lines++;
}

/* The n-th value, from 0, that was read by a name. */
static int64_t value_of(const char *name, unsigned n)
{
    for (unsigned i = 0; i < n_lines; i++) {
        if (!strcmp(lines[i].name, name) && n-- == 0)
            return lines[i].value;
    }
    return NONE;
}

static void check(const char *name, int64_t expected)
{
    cr_expect(eq(i64, value_of(name, 0), expected), "%s", name);
}

/* Reads an access unit into lines. */
static void trace(const struct bytes *unit)
{
    const AVBitStreamFilter *filter = av_bsf_get_by_name("trace_headers");
    AVPacket *packet = av_packet_alloc();
    AVBSFContext *bsf = NULL;

    if (!filter)
        cr_skip("libavcodec has no trace_headers");
    n_lines = 0;
    cr_assert(eq(int, av_bsf_alloc(filter, &bsf), 0));
    bsf->par_in->codec_id = AV_CODEC_ID_HEVC;
    cr_assert(eq(int, av_bsf_init(bsf), 0));
    cr_assert(eq(int, av_new_packet(packet, (int)unit->size), 0));
    memcpy(packet->data, unit->data, unit->size);
    av_log_set_callback(read_line);
    cr_assert(eq(int, av_bsf_send_packet(bsf, packet), 0));
    cr_expect(eq(int, av_bsf_receive_packet(bsf, packet), 0));
    av_log_set_callback(av_log_default_callback);
    av_bsf_free(&bsf);
    av_packet_free(&packet);
}

/* Of a stream with a bit of everything, of 640x360 in blocks of 64. */
static VAPictureParameterBufferHEVC make_parameters(void)
{
    VAPictureParameterBufferHEVC parameters = {
        .CurrPic = {.picture_id = 1, .pic_order_cnt = PICTURE_ORDER},
        .pic_width_in_luma_samples = 640,
        .pic_height_in_luma_samples = 360,
        .pic_fields.bits = {.chroma_format_idc = 1,
                            .pcm_enabled_flag = 1,
                            .pcm_loop_filter_disabled_flag = 1,
                            .scaling_list_enabled_flag = 1,
                            .tiles_enabled_flag = 1,
                            .cu_qp_delta_enabled_flag = 1},
        .slice_parsing_fields.bits = {.long_term_ref_pics_present_flag = 1,
                                      .sps_temporal_mvp_enabled_flag = 1,
                                      .dependent_slice_segments_enabled_flag = 1,
                                      .output_flag_present_flag = 1},
        .sps_max_dec_pic_buffering_minus1 = 6,
        .pcm_sample_bit_depth_luma_minus1 = 6,
        .pcm_sample_bit_depth_chroma_minus1 = 4,
        .log2_diff_max_min_luma_coding_block_size = 3,
        .log2_diff_max_min_transform_block_size = 3,
        .log2_diff_max_min_pcm_luma_coding_block_size = 2,
        .init_qp_minus26 = -3,
        .diff_cu_qp_delta_depth = 2,
        .num_tile_columns_minus1 = 2,
        .num_tile_rows_minus1 = 1,
        .column_width_minus1 = {1, 4, 2},
        .row_height_minus1 = {3, 1},
        .log2_max_pic_order_cnt_lsb_minus4 = 4,
        .num_short_term_ref_pic_sets = 5,
        .num_long_term_ref_pic_sps = 3,
        .pps_beta_offset_div2 = -2,
        .pps_tc_offset_div2 = 3,
        .num_extra_slice_header_bits = 2,
    };

    for (unsigned i = 0; i < 15; i++)
        parameters.ReferenceFrames[i] =
            (VAPictureHEVC){.picture_id = VA_INVALID_SURFACE, .flags = VA_PICTURE_HEVC_INVALID};
    return parameters;
}

static void add_reference(VAPictureParameterBufferHEVC *parameters, unsigned n, int32_t order,
                          uint32_t flags)
{
    parameters->ReferenceFrames[n] =
        (VAPictureHEVC){.picture_id = 10 + n, .pic_order_cnt = order, .flags = flags};
}

/* A slice as a stream has it, up to its references; picture parameter set 5. */
static void put_start(struct bit_writer *writer)
{
    put_bits(writer, 16, NAL_TRAIL_R << 9 | 1);
    put_flag(writer, true);
    put_ue(writer, 5);
    put_bits(writer, 2, 1); /* extra bits */
    put_ue(writer, SLICE_P);
    put_flag(writer, true); /* pic_output_flag */
    put_bits(writer, 8, PICTURE_ORDER & 0xff);
}

/* And after them. */
static void put_end(struct bit_writer *writer)
{
    put_flag(writer, true);  /* slice_temporal_mvp_enabled_flag */
    put_flag(writer, false); /* num_ref_idx_active_override_flag */
    put_ue(writer, 3);       /* five_minus_max_num_merge_cand */
    put_se(writer, -7);      /* slice_qp_delta */
    put_ue(writer, 0);       /* num_entry_point_offsets */
    put_alignment(writer);
}

static const uint8_t slice_data[] = {0, 0, 1, 7, 0, 0, 0, 3, 0, 0, 2, 0x80};

/* Has a slice of writer's header rebuilt. */
static struct bytes rebuild(const VAPictureParameterBufferHEVC *parameters,
                            struct bit_writer *writer)
{
    static const size_t start_code_bytes = 4;
    VASliceParameterBufferHEVC known = {.slice_data_byte_offset = (uint32_t)writer->bytes.size};
    VAIQMatrixBufferHEVC matrices;
    struct bytes escaped = {0}, unit = {0};
    struct picture picture = {0};
    struct stream stream = {0};
    struct slice slice;

    for (unsigned i = 0; i < sizeof(matrices); i++)
        ((uint8_t *)&matrices)[i] = (uint8_t)(1 + i * 37 % 255);
    bytes_append(&writer->bytes, slice_data, sizeof(slice_data));
    append_nal(&escaped, writer->bytes.data, writer->bytes.size);
    slice = (struct slice){start_code_bytes, escaped.size - start_code_bytes};
    bytes_append(&picture.parameters, parameters, sizeof(*parameters));
    bytes_append(&picture.matrices, &matrices, sizeof(matrices));
    bytes_append(&picture.slice_parameters, &known, sizeof(known));
    bytes_append(&picture.data, escaped.data, escaped.size);
    bytes_append(&picture.slices, &slice, sizeof(slice));
    cr_assert(codec_hevc.rebuild(&stream, &picture, &unit));

    bytes_clear(&picture.parameters);
    bytes_clear(&picture.matrices);
    bytes_clear(&picture.slice_parameters);
    bytes_clear(&picture.data);
    bytes_clear(&picture.slices);
    bytes_clear(&escaped);
    bytes_clear(&writer->bytes);
    stream_clear(&stream);
    return unit;
}

static void check_data(const struct bytes *unit)
{
    static const uint8_t escaped[] = {0, 0, 3, 1, 7, 0, 0, 3, 0, 3, 0, 0, 3, 2, 0x80};

    cr_assert(gt(sz, unit->size, sizeof(escaped)));
    cr_expect(
        zero(int, memcmp(unit->data + unit->size - sizeof(escaped), escaped, sizeof(escaped))));
}

static void check_end(void)
{
    check("slice_temporal_mvp_enabled_flag", 1);
    check("five_minus_max_num_merge_cand", 3);
    check("slice_qp_delta", -7);
    check("num_entry_point_offsets", 0);
}

Test(va_hevc, writes_parameter_sets)
{
    static const struct {
        const char *name;
        int64_t value;
    } expected[] = {
        {"pic_width_in_luma_samples", 640},
        {"pic_height_in_luma_samples", 360},
        {"log2_max_pic_order_cnt_lsb_minus4", 4},
        {"sps_max_dec_pic_buffering_minus1[0]", 6},
        {"log2_diff_max_min_luma_coding_block_size", 3},
        {"scaling_list_enabled_flag", 1},
        {"sps_scaling_list_data_present_flag", 1},
        {"pcm_enabled_flag", 1},
        {"pcm_sample_bit_depth_luma_minus1", 6},
        {"pcm_sample_bit_depth_chroma_minus1", 4},
        {"log2_diff_max_min_pcm_luma_coding_block_size", 2},
        {"pcm_loop_filter_disabled_flag", 1},
        {"num_short_term_ref_pic_sets", 0},
        {"long_term_ref_pics_present_flag", 1},
        {"sps_temporal_mvp_enabled_flag", 1},
        {"init_qp_minus26", -3},
        {"diff_cu_qp_delta_depth", 2},
        {"num_tile_columns_minus1", 2},
        {"num_tile_rows_minus1", 1},
        {"column_width_minus1[0]", 1},
        {"column_width_minus1[1]", 4},
        {"row_height_minus1[0]", 3},
        {"pps_beta_offset_div2", -2},
        {"pps_tc_offset_div2", 3},
        {"pps_extension_present_flag", 0},
    };
    VAPictureParameterBufferHEVC parameters = make_parameters();
    struct bit_writer writer = {0};
    struct bytes unit;

    put_start(&writer);
    put_flag(&writer, true);
    put_bits(&writer, 3, 2); /* of five sets */
    put_ue(&writer, 0);
    put_ue(&writer, 0);
    put_end(&writer);
    unit = rebuild(&parameters, &writer);
    trace(&unit);
    for (unsigned i = 0; i < sizeof(expected) / sizeof(*expected); i++)
        check(expected[i].name, expected[i].value);
    check("slice_pic_parameter_set_id", 0);
    check("num_negative_pics", 0);
    check_end();
    check_data(&unit);
    bytes_clear(&unit);
}

Test(va_hevc, writes_the_references_that_a_slice_only_names)
{
    VAPictureParameterBufferHEVC parameters = make_parameters();
    struct bit_writer writer = {0};
    struct bytes unit;

    add_reference(&parameters, 0, PICTURE_ORDER + 4, VA_PICTURE_HEVC_RPS_ST_CURR_AFTER);
    add_reference(&parameters, 1, PICTURE_ORDER - 8, 0);
    add_reference(&parameters, 3, PICTURE_ORDER - 2, VA_PICTURE_HEVC_RPS_ST_CURR_BEFORE);
    add_reference(&parameters, 4, 100,
                  VA_PICTURE_HEVC_RPS_LT_CURR | VA_PICTURE_HEVC_LONG_TERM_REFERENCE);
    add_reference(&parameters, 5, 290, VA_PICTURE_HEVC_LONG_TERM_REFERENCE);
    put_start(&writer);
    put_flag(&writer, true);
    put_bits(&writer, 3, 4);
    put_ue(&writer, 1);               /* num_long_term_sps */
    put_ue(&writer, 1);               /* num_long_term_pics */
    put_bits(&writer, 2, 2);          /* lt_idx_sps */
    put_flag(&writer, false);         /* delta_poc_msb_present_flag */
    put_bits(&writer, 8, 100);        /* poc_lsb_lt */
    put_bits(&writer, 2, 1 << 1 | 1); /* is used, has the high bits */
    put_ue(&writer, 1);
    put_end(&writer);
    unit = rebuild(&parameters, &writer);
    trace(&unit);
    check("short_term_ref_pic_set_sps_flag", 0);
    check("num_negative_pics", 2);
    check("num_positive_pics", 1);
    check("delta_poc_s0_minus1[0]", 1);
    check("used_by_curr_pic_s0_flag[0]", 1);
    check("delta_poc_s0_minus1[1]", 5);
    check("used_by_curr_pic_s0_flag[1]", 0);
    check("delta_poc_s1_minus1[0]", 3);
    check("used_by_curr_pic_s1_flag[0]", 1);
    check("num_long_term_pics", 2);
    check("poc_lsb_lt[0]", 290 & 0xff);
    check("used_by_curr_pic_lt_flag[0]", 0);
    check("delta_poc_msb_present_flag[0]", 1);
    check("delta_poc_msb_cycle_lt[0]", 0);
    check("poc_lsb_lt[1]", 100);
    check("used_by_curr_pic_lt_flag[1]", 1);
    check("delta_poc_msb_cycle_lt[1]", 1);
    check_end();
    check_data(&unit);
    bytes_clear(&unit);
}

Test(va_hevc, writes_the_references_that_a_slice_has_as_a_difference)
{
    VAPictureParameterBufferHEVC parameters = make_parameters();
    struct bit_writer writer = {0};
    struct bytes unit;

    add_reference(&parameters, 0, PICTURE_ORDER - 1, VA_PICTURE_HEVC_RPS_ST_CURR_BEFORE);
    parameters.st_rps_bits = 11;
    put_start(&writer);
    put_flag(&writer, false);
    put_bits(&writer, 11, 0x5a5); /* a difference to a set that is not known */
    put_ue(&writer, 0);
    put_ue(&writer, 0);
    put_end(&writer);
    unit = rebuild(&parameters, &writer);
    trace(&unit);
    check("num_negative_pics", 1);
    check("num_positive_pics", 0);
    check("delta_poc_s0_minus1[0]", 0);
    check_end();
    check_data(&unit);
    bytes_clear(&unit);
}

Test(va_hevc, keeps_a_dependent_slice)
{
    VAPictureParameterBufferHEVC parameters = make_parameters();
    struct bit_writer writer = {0};
    struct bytes unit;

    put_bits(&writer, 16, NAL_TRAIL_R << 9 | 1);
    put_flag(&writer, false);
    put_ue(&writer, 5);
    put_flag(&writer, true);  /* dependent_slice_segment_flag */
    put_bits(&writer, 6, 37); /* of 60 blocks */
    put_ue(&writer, 2);       /* num_entry_point_offsets */
    put_ue(&writer, 7);
    put_bits(&writer, 8, 99);
    put_bits(&writer, 8, 3);
    put_alignment(&writer);
    unit = rebuild(&parameters, &writer);
    trace(&unit);
    check("first_slice_segment_in_pic_flag", 0);
    check("slice_pic_parameter_set_id", 0);
    check("dependent_slice_segment_flag", 1);
    check("slice_segment_address", 37);
    check("num_entry_point_offsets", 2);
    check("offset_len_minus1", 7);
    check("entry_point_offset_minus1[0]", 99);
    check("entry_point_offset_minus1[1]", 3);
    check_data(&unit);
    bytes_clear(&unit);
}
