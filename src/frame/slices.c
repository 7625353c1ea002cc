/* SPDX-License-Identifier: MIT */
#include "frame/slices.h"

#include "base/memory_private.h"
#include "frame/convert.h"

#include <limef/thread/team.h>

#include <libavutil/frame.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
#include <pthread.h>
#include <string.h>

#define MAX_SLICES 16
/* A slice repeats some lines of its neighbour's work: not too flat. */
#define MIN_ROWS 64
/* More slices than threads: who comes late takes fewer. */
#define SLICES_PER_THREAD 2
/* SWS_DITHER_ED: the error goes from line to line. */
#define DITHER_ERROR_DIFFUSION 3

struct limef_slices {
    struct limef_team *team;
    unsigned n;
    int chroma_shift; /* of the output, in rows */
    struct slice {
        struct SwsContext *converter;
        AVFrame *in, *out; /* shells, see new_shell() */
        unsigned y, height;
        int ret;
    } slices[MAX_SLICES];
    /* while it runs */
    AVFrame *out;
    const AVFrame *in;
};

/* libswscale before 7 moves all planes by the rows of a slice that the chroma has, luma too. */
static bool moves_luma_too_little;
static pthread_once_t tried = PTHREAD_ONCE_INIT;

static int receive(struct slice *slice, AVFrame *out, const AVFrame *in)
{
    struct SwsContext *converter = slice->converter;
    int ret = sws_frame_start(converter, out, in);

    if (ret >= 0)
        ret = sws_send_slice(converter, 0, (unsigned)in->height);
    if (ret >= 0)
        ret = sws_receive_slice(converter, slice->y, slice->height);
    sws_frame_end(converter);
    return ret;
}

static AVFrame *new_square(int side)
{
    AVFrame *picture = memory_new_av_frame();

    if (!picture)
        return NULL;
    picture->format = AV_PIX_FMT_YUV420P;
    picture->width = picture->height = side;
    if (!memory_permits() || av_frame_get_buffer(picture, 0) < 0)
        av_frame_free(&picture);
    else
        memset(picture->data[0], side, (size_t)picture->linesize[0] * (size_t)side);
    return picture;
}

/* Makes the lower half of a picture, and looks whether something came above it. */
static void try_it(void)
{
    AVFrame *in = new_square(16), *out = new_square(32);
    struct slice slice = {.y = 16, .height = 16};
    const uint8_t *above;

    if (in && out && convert_open(&slice.converter, in, out, SWS_POINT) == 0 &&
        receive(&slice, out, in) >= 0) {
        above = out->data[0] + 8 * (ptrdiff_t)out->linesize[0];
        moves_luma_too_little = *above != 32;
    }
    sws_freeContext(slice.converter);
    av_frame_free(&in);
    av_frame_free(&out);
}

static void keep(void *nobody, uint8_t *data)
{
    (void)nobody;
    (void)data;
}

/* A picture that borrows its planes. libswscale takes references to all that a picture has, which
 * is allocated: of a shell it is one buffer, of nothing. */
static AVFrame *new_shell(void)
{
    static uint8_t nothing;
    AVFrame *shell = memory_new_av_frame();

    if (!shell)
        return NULL;
    shell->buf[0] = memory_permits()
                        ? av_buffer_create(&nothing, 1, keep, NULL, AV_BUFFER_FLAG_READONLY)
                        : NULL;
    if (!shell->buf[0])
        av_frame_free(&shell);
    return shell;
}

static void borrow(AVFrame *shell, const AVFrame *picture)
{
    memcpy(shell->data, picture->data, sizeof(shell->data));
    memcpy(shell->linesize, picture->linesize, sizeof(shell->linesize));
    shell->width = picture->width;
    shell->height = picture->height;
    shell->format = picture->format;
}

static void convert_slice(void *context, unsigned part)
{
    struct limef_slices *slices = context;
    struct slice *slice = &slices->slices[part];
    AVFrame *out = slice->out;
    ptrdiff_t missing = (ptrdiff_t)(slice->y - (slice->y >> slices->chroma_shift));

    borrow(slice->in, slices->in);
    borrow(out, slices->out);
    if (moves_luma_too_little) {
        out->data[0] += missing * out->linesize[0];
        if (out->data[3])
            out->data[3] += missing * out->linesize[3];
    }
    slice->ret = receive(slice, out, slice->in);
}

int slices_run(struct limef_slices *slices, AVFrame *out, const AVFrame *in)
{
    slices->out = out;
    slices->in = in;
    limef_team_run(slices->team, slices->n, convert_slice, slices);
    for (unsigned i = 0; i < slices->n; i++)
        if (slices->slices[i].ret < 0)
            return slices->slices[i].ret;
    return 0;
}

static bool depends_on_lines_above(struct SwsContext *converter)
{
    int64_t dither = 0;

    return av_opt_get_int(converter, "sws_dither", 0, &dither) < 0 ||
           dither == DITHER_ERROR_DIFFUSION;
}

static int open_all(struct limef_slices *slices, const AVFrame *from, const AVFrame *to,
                    int algorithm)
{
    unsigned height = (unsigned)to->height, y = 0, align;

    for (unsigned i = 0; i < slices->n; i++) {
        struct slice *slice = &slices->slices[i];
        int ret = convert_open(&slice->converter, from, to, algorithm);

        if (ret < 0)
            return ret;
        slice->in = new_shell();
        slice->out = new_shell();
        if (!slice->in || !slice->out)
            return AVERROR(ENOMEM);
        align = sws_receive_slice_alignment(slice->converter);
        if (depends_on_lines_above(slice->converter) || height % align)
            return AVERROR(EINVAL);
        slice->y = y;
        y = height * (i + 1) / slices->n / align * align;
        if (i + 1 == slices->n)
            y = height;
        slice->height = y - slice->y;
    }
    return 0;
}

int slices_open(struct limef_slices **slices, const AVFrame *from, const AVFrame *to, int algorithm,
                struct limef_team *team)
{
    unsigned n = limef_team_n_threads(team) * SLICES_PER_THREAD;
    int ret;

    *slices = NULL;
    if (n > (unsigned)to->height / MIN_ROWS)
        n = (unsigned)to->height / MIN_ROWS;
    if (n > MAX_SLICES)
        n = MAX_SLICES;
    /* without exact rounding swscale makes the last lines of a slice by other code than the rest */
    if (limef_team_n_threads(team) < 2 || n < 2 || !(algorithm & SWS_ACCURATE_RND))
        return 0;
    *slices = memory_allocate(sizeof(**slices));
    if (!*slices)
        return AVERROR(ENOMEM);
    (*slices)->team = team;
    (*slices)->n = n;
    (*slices)->chroma_shift = av_pix_fmt_desc_get(to->format)->log2_chroma_h;
    pthread_once(&tried, try_it);
    ret = open_all(*slices, from, to, algorithm);
    if (ret < 0)
        slices_close(slices);
    return ret;
}

void slices_close(struct limef_slices **slices)
{
    if (!*slices)
        return;
    for (unsigned i = 0; i < (*slices)->n; i++) {
        sws_freeContext((*slices)->slices[i].converter);
        av_frame_free(&(*slices)->slices[i].in);
        av_frame_free(&(*slices)->slices[i].out);
    }
    memory_release(*slices);
    *slices = NULL;
}
