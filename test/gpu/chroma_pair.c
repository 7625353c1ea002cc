/* SPDX-License-Identifier: MIT */
/* Chroma in two planes, put into one texture where the CPU renders: nobody can see that it was. */
#include "gpu/chroma_pair.h"
#include "gpu/compositor_private.h"
#include "rendering.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/frame.h>
#include <stdlib.h>

static struct limef_tile tiles[2];
static struct limef_presenter presenter;

TestSuite(chroma_pair, .timeout = 60);

static void open_presenter(int width, int height)
{
    setenv("LIBGL_ALWAYS_SOFTWARE", "1", 1);
    if (!rendering_open(&presenter, tiles, 2,
                        (struct limef_presenter_settings){.width = width, .height = height})) {
        limef_filter_clear(&presenter.filter);
        RENDERING_SKIP("no surfaceless EGL here");
    }
}

static struct textures *left_textures(void)
{
    return &presenter.compositor->surfaces[0].textures;
}

/* What a picture looks like in the left one of two tiles, with another one at its side. */
static uint8_t *shown_by(int pix_fmt, int width, int height, int degrees)
{
    AVFrame *av = rendering_waves(pix_fmt, width, height);
    AVFrame *other = rendering_waves(pix_fmt, height, width);
    uint8_t *rgba;

    cr_assert(eq(int, rendering_show(&presenter, 0, av, degrees, false), 0));
    cr_assert(eq(int, rendering_show(&presenter, 1, other, 0, false), 0));
    rgba = rendering_read(&presenter, &width, &height);
    av_frame_free(&av);
    av_frame_free(&other);
    return rgba;
}

static int most_off(const uint8_t *a, const uint8_t *b, int n)
{
    int most = 0;

    for (int i = 0; i < n; i++)
        if (abs(a[i] - b[i]) > most)
            most = abs(a[i] - b[i]);
    return most;
}

Test(chroma_pair, a_scaled_picture_looks_as_if_its_chroma_had_come_in_one_plane)
{
    /* one after another in the same tiles: of the same size, of another one, larger, turned */
    static const int pictures[][3] = {{64, 48, 0}, {64, 48, 90}, {62, 46, 0}, {160, 120, 0}};
    uint8_t *of_one[4];

    open_presenter(400, 150);
    for (unsigned i = 0; i < 4; i++)
        of_one[i] = shown_by(AV_PIX_FMT_NV12, pictures[i][0], pictures[i][1], pictures[i][2]);
    limef_filter_clear(&presenter.filter);
    open_presenter(400, 150);
    for (unsigned i = 0; i < 4; i++) {
        uint8_t *rgba =
            shown_by(AV_PIX_FMT_YUV420P, pictures[i][0], pictures[i][1], pictures[i][2]);

        cr_expect(left_textures()->pair.filled, "picture %u", i);
        cr_expect(le(int, most_off(rgba, of_one[i], 4 * 400 * 150), 1), "picture %u", i);
        free(rgba);
        free(of_one[i]);
    }
    limef_filter_clear(&presenter.filter);
}

Test(chroma_pair, the_next_picture_has_its_own_chroma)
{
    static const int blue[3] = {60, 200, 110}, red[3] = {80, 100, 200};
    AVFrame *first = rendering_plain(AV_PIX_FMT_YUV420P, 64, 48, blue);
    AVFrame *second = rendering_plain(AV_PIX_FMT_YUV420P, 64, 48, red);
    int width, height;
    double rgb[3];
    uint8_t *rgba;

    open_presenter(256, 96);
    rendering_show(&presenter, 0, first, 0, false);
    rendering_show(&presenter, 0, second, 0, false);
    rgba = rendering_read(&presenter, &width, &height);
    cr_expect(left_textures()->pair.filled);
    rendering_expected(second, 32, 24, rgb);
    cr_expect(rendering_off_by(rgba + 4 * (48 * 256 + 64), rgb) <= RENDERING_TOLERANCE);
    free(rgba);
    av_frame_free(&first);
    av_frame_free(&second);
    limef_filter_clear(&presenter.filter);
}

Test(chroma_pair, an_error_of_somebody_else_does_not_count)
{
    AVFrame *av = rendering_waves(AV_PIX_FMT_YUV420P, 64, 48);
    struct chroma_pair *pair;
    const struct gl *gl;

    open_presenter(256, 96);
    rendering_show(&presenter, 0, av, 0, false);
    pair = &left_textures()->pair;
    cr_assert(pair->filled);
    gl = &presenter.compositor->gl;
    chroma_pair_clear(pair, gl);
    gl->BindTexture(GL_FRAMEBUFFER, 0); /* it is no texture */
    cr_expect(
        chroma_pair_fill(left_textures(), gl, &presenter.compositor->programs.plain[PROGRAM_PAIR]));
    cr_expect(not(pair->refused));
    av_frame_free(&av);
    limef_filter_clear(&presenter.filter);
}

/* A GL that makes no framebuffer of two channels. */
static unsigned n_asked, n_bound[2], n_names;
enum { HAD_BOUND = 7, MADE = 8 };

static void generate(GLsizei n, GLuint *names)
{
    *names = MADE;
    n_names += (unsigned)n;
}

static void forget(GLsizei n, const GLuint *names)
{
    cr_expect(eq(int, (int)*names, MADE));
    n_names -= (unsigned)n;
}

static void select_name(GLenum target, GLuint name)
{
    if (target == GL_FRAMEBUFFER)
        n_bound[name == MADE]++;
}

static void say_bound(GLenum what, GLint *value)
{
    cr_expect(eq(int, (int)what, GL_FRAMEBUFFER_BINDING));
    *value = HAD_BOUND;
}

static void make_image(GLenum target, GLint level, GLint internal, GLsizei width, GLsizei height,
                       GLint border, GLenum format, GLenum type, const void *pixels)
{
    (void)target, (void)level, (void)internal, (void)border, (void)format, (void)type, (void)pixels;
    cr_expect(eq(int, width, 32));
    cr_expect(eq(int, height, 24));
}

static void set_parameter(GLenum target, GLenum name, GLint value)
{
    (void)target, (void)name, (void)value;
}

static void attach(GLenum target, GLenum place, GLenum kind, GLuint name, GLint level)
{
    (void)target, (void)place, (void)kind, (void)name, (void)level;
}

static GLenum refuse(GLenum target)
{
    (void)target;
    n_asked++;
    return GL_FRAMEBUFFER_UNSUPPORTED;
}

static GLenum no_error(void)
{
    return GL_NO_ERROR;
}

Test(chroma_pair, a_gl_that_cannot_is_asked_once_and_left_as_it_was)
{
    static const struct gl gl = {
        .GenTextures = generate,
        .GenFramebuffers = generate,
        .DeleteTextures = forget,
        .DeleteFramebuffers = forget,
        .BindTexture = select_name,
        .BindFramebuffer = select_name,
        .GetIntegerv = say_bound,
        .TexImage2D = make_image,
        .TexParameteri = set_parameter,
        .FramebufferTexture2D = attach,
        .CheckFramebufferStatus = refuse,
        .GetError = no_error,
    };
    struct textures textures = {.width = 64, .height = 48};
    struct program program = {0};

    picture_format_of(&textures.format, AV_PIX_FMT_YUV420P, true);
    for (int i = 0; i < 3; i++)
        cr_expect(not(chroma_pair_fill(&textures, &gl, &program)));
    cr_expect(eq(uint, n_asked, 1));
    cr_expect(eq(uint, n_bound[0], 1));
    cr_expect(eq(uint, n_bound[1], 1));
    chroma_pair_clear(&textures.pair, &gl);
    cr_expect(eq(uint, n_names, 0));
}
