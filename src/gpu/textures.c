/* SPDX-License-Identifier: MIT */
#include "gpu/textures.h"

#include "base/memory_private.h"
#include "frame/buffer_pool.h"
#include "frame/convert.h"
#include "frame/drm_format.h"
#include "gpu/chroma_pair.h"
#include "gpu/to_rgb.h"

#include <limef/base/log.h>
#include <limef/frame/hardware.h>

#include <libavutil/frame.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
#include <string.h>

/* What a plane is called in GL. */
struct texel {
    GLint internal;
    GLenum format, type;
    int bytes;
};

static struct texel texel_of(const struct gl *gl, unsigned n_channels, unsigned channel_bytes)
{
    static const GLint sized[2][4] = {
        {GL_R8, GL_RG8, GL_RGB8, GL_RGBA8},
        {GL_R16_EXT, GL_RG16_EXT, GL_RGB16_EXT, GL_RGBA16_EXT},
    };
    static const GLenum with_red[4] = {GL_RED, GL_RG, GL_RGB, GL_RGBA};
    static const GLenum with_luminance[4] = {GL_LUMINANCE, GL_LUMINANCE_ALPHA, GL_RGB, GL_RGBA};
    struct texel texel = {
        .format = (gl->red_green ? with_red : with_luminance)[n_channels - 1],
        .type = channel_bytes == 2 ? GL_UNSIGNED_SHORT : GL_UNSIGNED_BYTE,
        .bytes = (int)(n_channels * channel_bytes),
    };

    texel.internal =
        gl->major >= 3 ? sized[channel_bytes - 1][n_channels - 1] : (GLint)texel.format;
    return texel;
}

static void delete_textures(struct textures *textures, const struct gl *gl)
{
    if (textures->own.ids[0])
        gl->DeleteTextures(3, textures->own.ids);
    if (textures->shown == &textures->own)
        textures->shown = NULL;
    textures->own = (struct texture_set){.target = GL_TEXTURE_2D};
    textures->own_width = textures->own_height = 0;
}

/* Planes of bytes whose halves are whole. */
static bool can_shrink(const struct picture_format *format, const AVFrame *av, unsigned shrunk)
{
    int mask = (1 << (shrunk + 1)) - 1;

    return format->kind == PICTURE_YUV && format->channel_bytes == 1 &&
           format->shift_x == format->shift_y && format->shift_x <= 1 && !(av->width & mask) &&
           !(av->height & mask);
}

/* What is uploaded of a picture that is made smaller. */
static const struct picture_format rgba_format = {
    .kind = PICTURE_RGB,
    .n_planes = 1,
    .n_channels = {4},
    .channel_bytes = 1,
    .depth = 8,
    .scale = 1,
};

static int make_textures(struct textures *textures, const struct gl *gl, const AVFrame *av,
                         const struct picture_format *format, unsigned shrunk)
{
    delete_textures(textures, gl);
    if (av->width > gl->max_texture || av->height > gl->max_texture)
        return AVERROR(EINVAL);
    gl->GenTextures(3, textures->own.ids);
    for (unsigned i = 0; i < format->n_planes; i++) {
        struct texel texel = texel_of(gl, format->n_channels[i], format->channel_bytes);
        int width, height;

        picture_plane_size(format, i, av->width >> shrunk, av->height >> shrunk, &width, &height);
        gl->ActiveTexture(GL_TEXTURE0 + i);
        gl->BindTexture(GL_TEXTURE_2D, textures->own.ids[i]);
        gl->TexImage2D(GL_TEXTURE_2D, 0, texel.internal, width, height, 0, texel.format, texel.type,
                       NULL);
        gl->TexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, GL_LINEAR);
        gl->TexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAG_FILTER, GL_LINEAR);
        gl->TexParameteri(GL_TEXTURE_2D, GL_TEXTURE_WRAP_S, GL_CLAMP_TO_EDGE);
        gl->TexParameteri(GL_TEXTURE_2D, GL_TEXTURE_WRAP_T, GL_CLAMP_TO_EDGE);
        textures->own.filters[i] = GL_LINEAR;
    }
    if (gl->GetError() != GL_NO_ERROR) {
        delete_textures(textures, gl);
        return AVERROR(ENOMEM);
    }
    textures->own_width = av->width;
    textures->own_height = av->height;
    textures->own_pix_fmt = av->format;
    textures->own_shrunk = shrunk;
    return 0;
}

/* What a format without a shader is converted to. */
static enum AVPixelFormat shown_format(const AVPixFmtDescriptor *desc)
{
    if (desc->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL))
        return AV_PIX_FMT_RGBA;
    if (desc->nb_components < 3)
        return AV_PIX_FMT_GRAY8;
    if (desc->log2_chroma_w == 0)
        return AV_PIX_FMT_YUV444P;
    return desc->log2_chroma_h == 0 ? AV_PIX_FMT_YUV422P : AV_PIX_FMT_YUV420P;
}

/* A converter, and a picture for what it makes. */
static int open_converter(struct textures *textures, const AVFrame *av, enum AVPixelFormat to)
{
    AVFrame *out = textures->converted;
    int ret;

    sws_freeContext(textures->sws);
    textures->sws = NULL;
    if (out)
        av_frame_unref(out);
    else if (!(out = textures->converted = memory_new_av_frame()))
        return AVERROR(ENOMEM);
    out->width = av->width;
    out->height = av->height;
    out->format = to;
    out->colorspace = av->colorspace;
    out->color_range = av->color_range;
    ret = memory_permits() ? av_frame_get_buffer(out, 0) : AVERROR(ENOMEM);
    if (ret >= 0)
        ret = convert_open(&textures->sws, av, out, SWS_POINT | SWS_ACCURATE_RND);
    textures->converted_from = av->format;
    return ret;
}

/* A format for which there is no shader, made into one that there is. */
static int convert(struct textures *textures, const AVFrame *av, struct upload *upload)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get((enum AVPixelFormat)av->format);
    AVFrame *out = textures->converted;
    int ret;

    if (!desc || desc->flags & AV_PIX_FMT_FLAG_HWACCEL)
        return AVERROR(ENOSYS);
    if (!textures->sws || out->width != av->width || out->height != av->height ||
        out->colorspace != av->colorspace || out->color_range != av->color_range ||
        textures->converted_from != av->format) {
        ret = open_converter(textures, av, shown_format(desc));
        if (ret < 0)
            return ret;
        out = textures->converted;
    }
    sws_scale(textures->sws, (const uint8_t *const *)av->data, av->linesize, 0, av->height,
              out->data, out->linesize);
    out->chroma_location = av->chroma_location;
    upload->memory_bytes +=
        (uint64_t)av_image_get_buffer_size(out->format, av->width, av->height, 1);
    upload->why = "no shader for this pixel format";
    return 0;
}

/* Memory for the rows of a plane; NULL: there is none. */
static uint8_t *make_rows(struct textures *textures, size_t bytes)
{
    if (bytes > textures->rows_bytes) {
        memory_release(textures->rows);
        textures->rows = memory_allocate(bytes);
        textures->rows_bytes = textures->rows ? bytes : 0;
    }
    return textures->rows;
}

/* Rows without padding, for where GL cannot step over it. */
static const void *repack(struct textures *textures, const uint8_t *from, int linesize,
                          int row_bytes, int height, struct upload *upload)
{
    size_t bytes = (size_t)row_bytes * (size_t)height;
    uint8_t *to = make_rows(textures, bytes);

    for (int y = 0; to && y < height; y++)
        memcpy(to + (size_t)y * (size_t)row_bytes, from + (ptrdiff_t)y * linesize,
               (size_t)row_bytes);
    upload->memory_bytes += bytes;
    upload->why = "rows are padded in a way that this GL cannot read";
    return to;
}

/* Whether rows lie in a buffer, all of them. */
static bool is_inside(const struct buffer *buffer, const uint8_t *rows, size_t bytes)
{
    size_t has_bytes;

    if (!buffer || (uintptr_t)rows < (uintptr_t)buffer->data)
        return false;
    has_bytes = atomic_load_explicit(&buffer->bytes, memory_order_relaxed);
    return bytes <= has_bytes && (size_t)(rows - buffer->data) <= has_bytes - bytes;
}

static int upload_plane(struct textures *textures, const struct gl *gl, const AVFrame *av,
                        unsigned i, struct upload *upload)
{
    struct texel texel =
        texel_of(gl, textures->format.n_channels[i], textures->format.channel_bytes);
    int width, height, alignment, row_bytes, linesize = av->linesize[i];
    const void *pixels = av->data[i];
    bool stepped, direct;

    picture_plane_size(&textures->format, i, av->width, av->height, &width, &height);
    row_bytes = width * texel.bytes;
    for (alignment = 8; alignment > 1; alignment /= 2)
        if (FFALIGN(row_bytes, alignment) == linesize)
            break;
    stepped = alignment == 1 && row_bytes != linesize;
    if (stepped && (!gl->row_length || linesize < row_bytes || linesize % texel.bytes)) {
        pixels = repack(textures, pixels, linesize, row_bytes, height, upload);
        stepped = false;
        if (!pixels)
            return AVERROR(ENOMEM);
    }
    direct = pixels == av->data[i] &&
             is_inside(upload->from, pixels,
                       (size_t)linesize * (size_t)(height - 1) + (size_t)row_bytes);
    if (direct) {
        gl->BindBuffer(GL_PIXEL_UNPACK_BUFFER, upload->from->id);
        pixels = (const void *)(uintptr_t)(av->data[i] - upload->from->data);
    }
    gl->ActiveTexture(GL_TEXTURE0 + i);
    gl->BindTexture(GL_TEXTURE_2D, textures->own.ids[i]);
    gl->PixelStorei(GL_UNPACK_ALIGNMENT, alignment);
    if (gl->row_length)
        gl->PixelStorei(GL_UNPACK_ROW_LENGTH, stepped ? linesize / texel.bytes : 0);
    gl->TexSubImage2D(GL_TEXTURE_2D, 0, 0, 0, width, height, texel.format, texel.type, pixels);
    if (direct)
        gl->BindBuffer(GL_PIXEL_UNPACK_BUFFER, 0);
    *(direct ? &upload->direct_bytes : &upload->uploaded_bytes) +=
        (uint64_t)row_bytes * (uint64_t)height;
    return 0;
}

/* A picture as small as it is shown. */
static int upload_shrunk(struct textures *textures, const struct gl *gl, const AVFrame *av,
                         const struct picture_format *format, struct upload *upload)
{
    unsigned steps = upload->shrinks;
    int width = av->width >> steps, height = av->height >> steps;
    ptrdiff_t stride = 4 * (ptrdiff_t)width;
    size_t bytes = (size_t)stride * (size_t)height;
    uint8_t *rgba = make_rows(textures, bytes + to_rgb_scratch_bytes(av->width, steps));

    if (!rgba)
        return AVERROR(ENOMEM);
    if (upload->bottom_up)
        to_rgb_shrunk(rgba + bytes - stride, -stride, format, av, steps, rgba + bytes);
    else
        to_rgb_shrunk(rgba, stride, format, av, steps, rgba + bytes);
    gl->ActiveTexture(GL_TEXTURE0);
    gl->BindTexture(GL_TEXTURE_2D, textures->own.ids[0]);
    gl->PixelStorei(GL_UNPACK_ALIGNMENT, 4);
    if (gl->row_length)
        gl->PixelStorei(GL_UNPACK_ROW_LENGTH, 0);
    gl->TexSubImage2D(GL_TEXTURE_2D, 0, 0, 0, width, height, GL_RGBA, GL_UNSIGNED_BYTE, rgba);
    upload->uploaded_bytes += bytes;
    upload->why = upload->memory_bytes
                      ? "no shader for this pixel format; made as small as it is shown by the CPU"
                      : "made as small as it is shown by the CPU";
    upload->memory_bytes += bytes;
    return 0;
}

/* All planes as they are. */
static int upload_planes(struct textures *textures, const struct gl *gl, const AVFrame *av,
                         struct upload *upload)
{
    int ret = 0;

    /* planes in the shader's order: libavutil keeps G, B, R, and Y, U, V, in data[0..2] as well */
    for (unsigned i = 0; i < textures->format.n_planes && ret >= 0; i++)
        ret = upload_plane(textures, gl, av, i, upload);
    return ret;
}

/*
 * Whether there was memory for what was uploaded: a driver may look for it as late as that. Whose
 * picture lies in ordinary memory has waited until the driver read it; who does not wait is asked
 * for the first picture of a size alone.
 */
static int check_memory(const struct gl *gl, const struct upload *upload, bool is_first)
{
    return (is_first || upload->uploaded_bytes) && gl->GetError() == GL_OUT_OF_MEMORY
               ? AVERROR(ENOMEM)
               : 0;
}

static void show(struct textures *textures, struct texture_set *set, const AVFrame *av)
{
    textures->shown = set;
    textures->shrunk = set == &textures->own ? textures->own_shrunk : 0;
    textures->bottom_up = false;
    textures->pair.filled = false;
    textures->width = av->width;
    textures->height = av->height;
    picture_matrix_of(&textures->matrix, &textures->format, av);
    picture_chroma_offset(&textures->format, av, &textures->chroma_x, &textures->chroma_y);
}

/* Whether pictures like this one were not refused before: a line for each of them says no more. */
static bool is_news(struct textures *textures, const AVFrame *av)
{
    bool news = textures->refused_width != av->width || textures->refused_height != av->height ||
                textures->refused_format != av->format;

    textures->refused_width = av->width;
    textures->refused_height = av->height;
    textures->refused_format = av->format;
    return news;
}

static int refuse_format(struct textures *textures, const AVFrame *av, int ret, const char *name)
{
    const char *what = av_get_pix_fmt_name((enum AVPixelFormat)av->format);

    return is_news(textures, av)
               ? limef_fail(ret, name, "cannot show pixel format %s", what ? what : "unknown")
               : ret;
}

static int refuse_size(struct textures *textures, const struct gl *gl, const AVFrame *av, int ret,
                       struct upload *upload, const char *name)
{
    bool is_too_large = ret == AVERROR(EINVAL);

    upload->failed_why =
        is_too_large ? "it is too large for this GL" : "the GL has no memory for it";
    if (!is_news(textures, av))
        return ret;
    return is_too_large
               ? limef_fail(ret, name, "pictures of %dx%d are too large: this GL shows %d at most",
                            av->width, av->height, gl->max_texture)
               : limef_fail(ret, name, "the GL has no memory for a picture of %dx%d", av->width,
                            av->height);
}

int textures_upload(struct textures *textures, const struct gl *gl, const struct AVFrame *av,
                    struct upload *upload, const char *name)
{
    struct picture_format format;
    bool is_first;
    int ret = 0;

    *upload = (struct upload){.from = upload->from,
                              .uploaded_why = upload->uploaded_why,
                              .shrinks = upload->shrinks,
                              .bottom_up = upload->bottom_up};
    if (picture_format_of(&format, av->format, gl->storage16) < 0) {
        ret = convert(textures, av, upload);
        if (ret < 0)
            return refuse_format(textures, av, ret, name);
        av = textures->converted;
        picture_format_of(&format, av->format, gl->storage16);
    }
    while (upload->shrinks > 0 && !can_shrink(&format, av, upload->shrinks))
        upload->shrinks--;
    is_first = textures->own_width != av->width || textures->own_height != av->height ||
               textures->own_pix_fmt != av->format || textures->own_shrunk != upload->shrinks ||
               !textures->own.ids[0];
    if (is_first)
        ret = make_textures(textures, gl, av, upload->shrinks ? &rgba_format : &format,
                            upload->shrinks);
    if (ret < 0)
        return refuse_size(textures, gl, av, ret, upload, name);
    textures->format = upload->shrinks ? rgba_format : format;
    ret = upload->shrinks ? upload_shrunk(textures, gl, av, &format, upload)
                          : upload_planes(textures, gl, av, upload);
    if (ret < 0) {
        delete_textures(textures, gl);
        return limef_fail(ret, name, "upload of a picture");
    }
    ret = check_memory(gl, upload, is_first);
    if (ret < 0) {
        delete_textures(textures, gl);
        return refuse_size(textures, gl, av, ret, upload, name);
    }
    show(textures, &textures->own, av);
    textures->bottom_up = upload->shrinks && upload->bottom_up;
    return 0;
}

int textures_import(struct textures *textures, struct images *images, const struct gl *gl,
                    const struct limef_hardware_frame *hardware, int pix_fmt, struct upload *upload,
                    const char **why)
{
    AVFrame *about = textures->about;
    unsigned n_made;
    bool swapped;
    int ret;

    if (!about && !(about = textures->about = memory_new_av_frame()))
        return AVERROR(ENOMEM);
    ret = import_picture(&textures->import, images, gl, hardware, pix_fmt, &n_made, why);
    if (ret < 0)
        return ret;
    about->width = hardware->width;
    about->height = hardware->height;
    about->format =
        pix_fmt != AV_PIX_FMT_NONE ? pix_fmt : drm_format_pix_fmt(hardware->fourcc, &swapped);
    about->colorspace = (enum AVColorSpace)hardware->color_space;
    about->color_range = (enum AVColorRange)hardware->color_range;
    about->chroma_location = (enum AVChromaLocation)hardware->chroma_location;
    textures->format = textures->import.choice.format;
    show(textures, &textures->import.shown->set, about);
    *upload = (struct upload){.imported = true, .n_images = n_made};
    return 0;
}

void textures_forget(struct textures *textures, struct images *images, const struct gl *gl)
{
    if (textures->shown != &textures->own)
        textures->shown = NULL;
    import_clear(&textures->import, images, gl);
}

static void bind(struct texture_set *set, const struct gl *gl, unsigned i, GLint filter)
{
    gl->ActiveTexture(GL_TEXTURE0 + i);
    gl->BindTexture(set->target, set->ids[i]);
    if (set->filters[i] == filter)
        return;
    gl->TexParameteri(set->target, GL_TEXTURE_MIN_FILTER, filter);
    gl->TexParameteri(set->target, GL_TEXTURE_MAG_FILTER, filter);
    set->filters[i] = filter;
}

void textures_bind(struct textures *textures, const struct gl *gl, bool pixel_for_pixel,
                   bool nearest)
{
    const struct picture_format *format = &textures->format;
    bool same_size = format->shift_x == 0 && format->shift_y == 0;

    /* a texel that is hit in its middle needs no interpolation, which costs half of a frame's time
     * where the CPU renders */
    for (unsigned i = 0; i < format->n_planes; i++)
        bind(textures->shown, gl, i,
             nearest || (pixel_for_pixel && (i == 0 || same_size)) ? GL_NEAREST : GL_LINEAR);
}

void textures_bind_pair(struct textures *textures, const struct gl *gl, bool pixel_for_pixel)
{
    bind(textures->shown, gl, 0, pixel_for_pixel ? GL_NEAREST : GL_LINEAR);
    gl->ActiveTexture(GL_TEXTURE1);
    gl->BindTexture(GL_TEXTURE_2D, textures->pair.texture);
}

void textures_place_chroma(const struct textures *textures, bool nearest, GLfloat sited[4])
{
    const struct picture_format *format = &textures->format;
    /* Every second luma sample lies halfway between two of chroma that is sited left, where the
     * last bit of a position would decide, and each output has its own. No other is as near to
     * where two samples meet: an eighth of a sample, if chroma is a quarter as wide. */
    float nudge = nearest ? 1.0f / 16 : 0;
    int width, height;

    picture_plane_size(format, 1, textures->width, textures->height, &width, &height);
    sited[0] = (float)textures->width / (float)(width << format->shift_x);
    sited[1] = (float)textures->height / (float)(height << format->shift_y);
    sited[2] = (textures->chroma_x - nudge) / (float)width;
    sited[3] = (textures->chroma_y - nudge) / (float)height;
}

void textures_clear(struct textures *textures, const struct gl *gl)
{
    delete_textures(textures, gl);
    chroma_pair_clear(&textures->pair, gl);
    av_frame_free(&textures->about);
    sws_freeContext(textures->sws);
    av_frame_free(&textures->converted);
    memory_release(textures->rows);
    *textures = (struct textures){0};
}
