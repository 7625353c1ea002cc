/* SPDX-License-Identifier: MIT */
#include <limef/filter/framemd5.h>

#include <limef/base/log.h>

#include "base/memory_private.h"
#include "filter/filter_counts.h"
#include "frame/fetch.h"

#include <inttypes.h>
#include <libavutil/common.h>
#include <libavutil/frame.h>
#include <libavutil/hwcontext.h>
#include <libavutil/imgutils.h>
#include <libavutil/intreadwrite.h>
#include <libavutil/md5.h>
#include <libavutil/mem.h>
#include <libavutil/pixdesc.h>

#define MD5_BYTES 16

static struct limef_framemd5_filter *framemd5_of(struct limef_filter *filter)
{
    return LIMEF_CONTAINER_OF(filter, struct limef_framemd5_filter, filter);
}

static size_t sum_plane(struct AVMD5 *md5, const uint8_t *data, int stride, int line_bytes,
                        int n_lines)
{
    if (stride == line_bytes) {
        av_md5_update(md5, data, (size_t)line_bytes * (size_t)n_lines);
    } else {
        for (int y = 0; y < n_lines; y++)
            av_md5_update(md5, data + (ptrdiff_t)y * stride, (size_t)line_bytes);
    }
    return (size_t)line_bytes * (size_t)n_lines;
}

/* As av_image_copy_to_buffer() lays it out: behind the pixels, little-endian. */
static size_t sum_palette(struct AVMD5 *md5, const uint8_t *data)
{
    uint8_t entry[4];

    for (int i = 0; i < AVPALETTE_COUNT; i++) {
        AV_WL32(entry, AV_RN32(data + 4 * i));
        av_md5_update(md5, entry, sizeof(entry));
    }
    return AVPALETTE_SIZE;
}

/* Whether the picture's pixels can be read; then their number of bytes and their sum. */
static bool sum_picture(struct AVMD5 *md5, const AVFrame *av, size_t *size_bytes,
                        uint8_t digest[MD5_BYTES])
{
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(av->format);
    int line_bytes[4], n_planes;

    if (!format || (format->flags & AV_PIX_FMT_FLAG_HWACCEL) ||
        av_image_fill_linesizes(line_bytes, av->format, av->width) < 0)
        return false;
    n_planes = av_pix_fmt_count_planes(av->format);
    *size_bytes = 0;
    av_md5_init(md5);
    for (int i = 0; i < n_planes; i++) {
        bool is_chroma = i == 1 || i == 2;
        int n_lines = is_chroma ? AV_CEIL_RSHIFT(av->height, format->log2_chroma_h) : av->height;

        if (i == 1 && (format->flags & AV_PIX_FMT_FLAG_PAL))
            break;
        *size_bytes += sum_plane(md5, av->data[i], av->linesize[i], line_bytes[i], n_lines);
    }
    if ((format->flags & AV_PIX_FMT_FLAG_PAL) && av->data[1])
        *size_bytes += sum_palette(md5, av->data[1]);
    av_md5_final(md5, digest);
    return true;
}

static void say(struct limef_framemd5_filter *framemd5, const struct limef_frame *in,
                size_t size_bytes, const uint8_t digest[MD5_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    char md5[2 * MD5_BYTES + 1];

    for (int i = 0; i < MD5_BYTES; i++) {
        md5[2 * i] = digits[digest[i] >> 4];
        md5[2 * i + 1] = digits[digest[i] & 15];
    }
    md5[2 * MD5_BYTES] = '\0';
    if (framemd5->sink)
        framemd5->sink(framemd5->context, in, size_bytes, md5);
    else if (framemd5->file && in->pts_us != LIMEF_NO_TIME)
        fprintf(framemd5->file, "%u, %" PRId64 ", %zu, %s\n", (unsigned)in->slot, in->pts_us,
                size_bytes, md5);
    else if (framemd5->file)
        fprintf(framemd5->file, "%u, NOPTS, %zu, %s\n", (unsigned)in->slot, size_bytes, md5);
}

/* A hardware picture's pixels where they are, if the driver shows them there; else a copy. */
static int reach(struct limef_framemd5_filter *framemd5, struct limef_decoded_frame *picture)
{
    AVFrame *mapped;

    if (!picture->av->hw_frames_ctx)
        return 0;
    if (!framemd5->mapped)
        framemd5->mapped = memory_new_av_frame();
    mapped = framemd5->mapped;
    if (mapped &&
        av_hwframe_map(mapped, picture->av, AV_HWFRAME_MAP_READ | AV_HWFRAME_MAP_DIRECT) >= 0) {
        mapped->crop_left = picture->av->crop_left;
        mapped->crop_top = picture->av->crop_top;
        av_frame_apply_cropping(mapped, AV_FRAME_CROP_UNALIGNED);
        picture->av = mapped;
        return 0;
    }
    return fetch_if_needed(picture, &framemd5->memory, &framemd5->filter);
}

static int go_picture(struct limef_framemd5_filter *framemd5, const struct limef_decoded_frame *in)
{
    struct limef_decoded_frame picture = *in;
    uint8_t digest[MD5_BYTES];
    size_t size_bytes;
    bool is_summed;
    int ret;

    if (!framemd5->md5 && !(memory_permits() && (framemd5->md5 = av_md5_alloc())))
        return limef_fail(AVERROR(ENOMEM), framemd5->filter.name, "cannot sum pictures");
    ret = reach(framemd5, &picture);
    is_summed = ret >= 0 && sum_picture(framemd5->md5, picture.av, &size_bytes, digest);
    if (framemd5->mapped)
        av_frame_unref(framemd5->mapped);
    if (is_summed) {
        say(framemd5, &in->frame, size_bytes, digest);
        return 0;
    }
    LIMEF_COUNT(framemd5->n_skipped, 1);
    if (limef_framemd5_n_skipped(framemd5) == 1)
        limef_log(LIMEF_LOG_WARNING, framemd5->filter.name,
                  "pictures without pixels in memory are not summed");
    return 0;
}

static int framemd5_go(struct limef_filter *filter, const struct limef_frame *in)
{
    const struct limef_decoded_frame *picture =
        in->media == LIMEF_MEDIA_VIDEO ? limef_decoded_frame_from(in) : NULL;
    int passed = limef_pass(filter, in);
    int summed = 0;

    /* a picture that what is behind cannot take now comes again */
    if (picture && passed != AVERROR(EAGAIN))
        summed = go_picture(framemd5_of(filter), picture);
    return summed < 0 ? summed : passed;
}

static void framemd5_clear(struct limef_filter *filter)
{
    struct limef_framemd5_filter *framemd5 = framemd5_of(filter);

    av_free(framemd5->md5);
    av_frame_free(&framemd5->mapped);
    av_frame_free(&framemd5->memory);
    *framemd5 = (struct limef_framemd5_filter){0};
}

static unsigned framemd5_counts(const struct limef_filter *filter,
                                struct limef_filter_count *counts)
{
    const struct limef_framemd5_filter *framemd5 =
        LIMEF_CONTAINER_OF(filter, const struct limef_framemd5_filter, filter);
    const struct limef_filter_count now[] = {
        {"skipped", LIMEF_COUNTED(framemd5->n_skipped)},
    };

    return filter_counts(counts, now, sizeof(now));
}

const struct limef_filter_ops limef_framemd5_ops = {
    .kind = "framemd5", .go = framemd5_go, .clear = framemd5_clear, .counts = framemd5_counts};

void limef_framemd5_filter_init(struct limef_framemd5_filter *framemd5, const char *name,
                                limef_framemd5_fn *sink, void *context, FILE *file)
{
    limef_filter_init(&framemd5->filter, &limef_framemd5_ops, name);
    framemd5->sink = sink;
    framemd5->context = context;
    framemd5->file = file;
}

uint64_t limef_framemd5_n_skipped(const struct limef_framemd5_filter *framemd5)
{
    return LIMEF_COUNTED(framemd5->n_skipped);
}
