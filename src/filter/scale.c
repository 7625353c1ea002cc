/* SPDX-License-Identifier: MIT */
#include <limef/filter/scale.h>

#include "filter/fingerprint.h"

#include "base/memory_private.h"
#include "frame/convert.h"
#include "frame/fetch.h"
#include "frame/shown_size.h"
#include "frame/slices.h"

#include <limef/base/log.h>
#include <limef/frame/hardware.h>
#include <limef/frame/pool.h>

#include <libavutil/frame.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
#include <string.h>

#define ALIGN_BYTES 64 /* of each line: what swscale's widest vectors like */
#define MAX_SIDE 16384

static struct limef_scale_filter *scale_of(struct limef_filter *filter)
{
    return LIMEF_CONTAINER_OF(filter, struct limef_scale_filter, filter);
}

static struct limef_scale_layout layout_of(const AVFrame *picture)
{
    return (struct limef_scale_layout){
        .width = picture->width,
        .height = picture->height,
        .format = picture->format,
        .colorspace = picture->colorspace,
        .color_range = picture->color_range,
        .aspect_num = picture->sample_aspect_ratio.num,
        .aspect_den = picture->sample_aspect_ratio.den,
    };
}

static int even_side(double side)
{
    int n = side < MAX_SIDE ? (int)(side / 2 + 0.5) * 2 : MAX_SIDE;

    return n < 2 ? 2 : n;
}

/* The size of the output; in square pixels where the aspect decides it. */
static void choose_size(struct limef_scale_filter *scale)
{
    const struct limef_scale_layout *from = &scale->from;
    const struct limef_scale_settings *settings = &scale->settings;
    struct limef_scale_layout *to = &scale->to;
    bool has_aspect = from->aspect_num > 0 && from->aspect_den > 0;
    double shape = (double)from->width / from->height *
                   (has_aspect ? (double)from->aspect_num / from->aspect_den : 1);

    to->width = settings->width > 0 ? settings->width : even_side(settings->height * shape);
    to->height = settings->height > 0 ? settings->height : even_side(settings->width / shape);
    if (settings->width == 0 && settings->height == 0) {
        to->width = from->width;
        to->height = from->height;
    }
    if (!settings->fit || settings->width == 0 || settings->height == 0)
        return;
    if (settings->height * shape < settings->width)
        to->width = even_side(settings->height * shape);
    else
        to->height = even_side(settings->width / shape);
}

static bool is_rgb(int format)
{
    const AVPixFmtDescriptor *descriptor = av_pix_fmt_desc_get(format);

    return descriptor && descriptor->flags & AV_PIX_FMT_FLAG_RGB;
}

/* YUV keeps its matrix and range; what becomes YUV gets the matrix of its size. */
static void choose_colour(struct limef_scale_filter *scale, const AVFrame *in)
{
    struct limef_scale_layout *to = &scale->to;
    AVFrame sized = {.width = to->width, .height = to->height, .colorspace = AVCOL_SPC_UNSPECIFIED};

    if (is_rgb(to->format)) {
        to->colorspace = AVCOL_SPC_RGB;
        to->color_range = AVCOL_RANGE_JPEG;
    } else if (is_rgb(in->format)) {
        to->colorspace = convert_matrix(&sized);
        to->color_range = AVCOL_RANGE_MPEG;
    } else {
        to->colorspace = convert_matrix(in);
        to->color_range = convert_is_full_range(in) ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
    }
}

/* The shape that a sample must have for the picture to keep its own. */
static void choose_aspect(struct limef_scale_filter *scale)
{
    const struct limef_scale_layout *from = &scale->from;
    int64_t num = from->aspect_num > 0 ? from->aspect_num : 1;
    int64_t den = from->aspect_num > 0 && from->aspect_den > 0 ? from->aspect_den : 1;

    av_reduce(&scale->to.aspect_num, &scale->to.aspect_den, num * from->width * scale->to.height,
              den * from->height * scale->to.width, INT32_MAX);
}

static void apply_layout(AVFrame *picture, const struct limef_scale_layout *layout)
{
    picture->width = layout->width;
    picture->height = layout->height;
    picture->format = layout->format;
    picture->colorspace = layout->colorspace;
    picture->color_range = layout->color_range;
    picture->sample_aspect_ratio = (AVRational){layout->aspect_num, layout->aspect_den};
}

static AVBufferRef *make_buffer(void *scale, size_t size_bytes)
{
    (void)scale;
    return memory_permits() ? av_buffer_alloc(size_bytes) : NULL;
}

static bool is_nothing_to_do(const struct limef_scale_filter *scale)
{
    return scale->from.width == scale->to.width && scale->from.height == scale->to.height &&
           scale->from.format == scale->to.format;
}

/* Sets up for pictures like this one. Returns 0 or a negative AVERROR code. */
static int follow(struct limef_scale_filter *scale, const AVFrame *in)
{
    static const int algorithms[] = {
        [LIMEF_SCALE_FAST] = SWS_BILINEAR,
        [LIMEF_SCALE_GOOD] = SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT,
    };
    AVFrame to = {0};
    int size_bytes, algorithm = algorithms[scale->settings.quality];

    if (scale->settings.team) /* the same picture, whoever helps */
        algorithm |= SWS_ACCURATE_RND;
    sws_freeContext(scale->converter);
    scale->converter = NULL;
    slices_close(&scale->slices);
    av_buffer_pool_uninit(&scale->buffers);
    scale->from = layout_of(in);
    scale->to.format = scale->format >= 0 ? scale->format : in->format;
    choose_size(scale);
    choose_colour(scale, in);
    choose_aspect(scale);
    if (is_nothing_to_do(scale))
        return 0;
    apply_layout(&to, &scale->to);
    size_bytes = av_image_get_buffer_size(to.format, to.width, to.height, ALIGN_BYTES);
    if (size_bytes < 0)
        return size_bytes;
    scale->buffers = memory_permits() ? av_buffer_pool_init2((size_t)size_bytes + ALIGN_BYTES,
                                                             scale, make_buffer, NULL)
                                      : NULL;
    if (!scale->buffers)
        return AVERROR(ENOMEM);
    if (slices_open(&scale->slices, in, &to, algorithm, scale->settings.team) == AVERROR(ENOMEM))
        return AVERROR(ENOMEM);
    return convert_open(&scale->converter, in, &to, algorithm);
}

static bool is_as_before(const struct limef_scale_filter *scale, const AVFrame *in)
{
    struct limef_scale_layout layout = layout_of(in);

    return memcmp(&layout, &scale->from, sizeof(layout)) == 0;
}

static int scale_picture(struct limef_scale_filter *scale, AVFrame *out, const AVFrame *in)
{
    int ret;

    apply_layout(out, &scale->to);
    out->color_primaries = in->color_primaries;
    out->color_trc = in->color_trc;
    out->chroma_location = in->chroma_location;
    out->pict_type = in->pict_type;
    out->buf[0] = av_buffer_pool_get(scale->buffers);
    if (!out->buf[0])
        return AVERROR(ENOMEM);
    ret = av_image_fill_arrays(out->data, out->linesize, out->buf[0]->data, out->format, out->width,
                               out->height, ALIGN_BYTES);
    if (ret < 0)
        return ret;
    LIMEF_COUNT(scale->filter.copied_bytes, (uint64_t)ret);
    if (scale->slices)
        return slices_run(scale->slices, out, in);
    ret = sws_scale(scale->converter, (const uint8_t *const *)in->data, in->linesize, 0, in->height,
                    out->data, out->linesize);
    return ret < 0 ? ret : 0;
}

/* Whether the settings ask for nothing that a hardware picture is not already. */
static bool passes_as_it_is(const struct limef_scale_filter *scale, const AVFrame *in)
{
    const struct limef_scale_settings *settings = &scale->settings;

    return scale->format < 0 && (settings->width == 0 || settings->width == shown_width(in)) &&
           (settings->height == 0 || settings->height == shown_height(in));
}

static int take_picture(struct limef_scale_filter *scale, const struct limef_decoded_frame *in)
{
    struct limef_payload *payload;
    int ret;

    if (!is_as_before(scale, in->av)) {
        scale->error = follow(scale, in->av);
        if (scale->error < 0)
            limef_fail(scale->error, scale->filter.name, "%dx%d %s cannot become %dx%d %s",
                       in->av->width, in->av->height, av_get_pix_fmt_name(in->av->format),
                       scale->to.width, scale->to.height, av_get_pix_fmt_name(scale->to.format));
        if (scale->error == AVERROR(ENOMEM))
            scale->from = (struct limef_scale_layout){0}; /* the next picture tries again */
    }
    if (scale->error < 0)
        return scale->error;
    if (!scale->converter && in->av != scale->fetched)
        return limef_pass(&scale->filter, &in->frame);
    payload = limef_pool_get(scale->pictures);
    if (!payload)
        ret = AVERROR(ENOMEM);
    else if (scale->converter)
        ret = scale_picture(scale, limef_payload_picture(payload), in->av);
    else
        ret = memory_permits_reference() ? av_frame_ref(limef_payload_picture(payload), in->av)
                                         : AVERROR(ENOMEM);
    if (ret < 0) {
        limef_payload_unref(payload);
        return limef_fail(ret, scale->filter.name, "a picture was not scaled");
    }
    limef_payload_unref(scale->out.frame.payload);
    scale->out = *in;
    scale->out.frame.payload = payload;
    scale->out.av = limef_payload_picture(payload);
    return limef_pass(&scale->filter, &scale->out.frame);
}

static int scale_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct limef_scale_filter *scale = scale_of(filter);
    struct limef_decoded_frame picture;
    int ret;

    if (in->frame_class != LIMEF_FRAME_DECODED || in->media != LIMEF_MEDIA_VIDEO)
        return limef_pass(filter, in);
    picture = *limef_decoded_frame_from(in);
    if (limef_hardware_is(picture.av) && passes_as_it_is(scale, picture.av))
        return limef_pass(filter, in);
    ret = fetch_if_needed(&picture, &scale->fetched, filter);
    return ret < 0 ? ret : take_picture(scale, &picture);
}

static void scale_clear(struct limef_filter *filter)
{
    struct limef_scale_filter *scale = scale_of(filter);

    sws_freeContext(scale->converter);
    slices_close(&scale->slices);
    limef_payload_unref(scale->out.frame.payload);
    limef_pool_release(scale->pictures);
    av_frame_free(&scale->fetched);
    av_buffer_pool_uninit(&scale->buffers);
    *scale = (struct limef_scale_filter){0};
}

static uint64_t scale_fingerprint(const struct limef_filter *filter)
{
    const struct limef_scale_filter *scale =
        LIMEF_CONTAINER_OF(filter, const struct limef_scale_filter, filter);
    const struct limef_scale_settings *settings = &scale->settings;
    uint64_t hash = fingerprint_mix(FINGERPRINT_START, settings->width);

    hash = fingerprint_mix(hash, settings->height);
    hash = fingerprint_mix(hash, settings->fit);
    hash = fingerprint_mix(hash, scale->format);
    hash = fingerprint_mix(hash, settings->quality);
    hash = fingerprint_mix(hash, settings->team != NULL);
    hash = fingerprint_mix(hash, scale->from.format);
    hash = fingerprint_mix(hash, scale->from.width);
    return fingerprint_mix(hash, scale->from.height);
}

static const struct limef_filter_ops scale_ops = {
    .kind = "scale", .go = scale_go, .clear = scale_clear, .fingerprint = scale_fingerprint};

int limef_scale_filter_init(struct limef_scale_filter *scale, const char *name,
                            const struct limef_scale_settings *settings)
{
    int format = settings->pixel_format ? av_get_pix_fmt(settings->pixel_format) : -1;

    name = name ? name : scale_ops.kind;
    if (settings->pixel_format && (format < 0 || !sws_isSupportedOutput(format)))
        return limef_fail(AVERROR(EINVAL), name, "pixel format %s", settings->pixel_format);
    if (settings->width < 0 || settings->height < 0 || settings->width > MAX_SIDE ||
        settings->height > MAX_SIDE)
        return limef_fail(AVERROR(EINVAL), name, "size %dx%d", settings->width, settings->height);
    scale->pictures = limef_pool_create(LIMEF_FRAME_DECODED);
    if (!scale->pictures)
        return limef_fail(AVERROR(ENOMEM), name, "init");
    limef_filter_init(&scale->filter, &scale_ops, name);
    scale->filter.n_kept = 1; /* what it passes on unchanged */
    scale->settings = *settings;
    scale->format = format;
    return 0;
}
