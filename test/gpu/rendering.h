/* SPDX-License-Identifier: MIT */
/* A presenter offscreen, and what the CPU says its pixels should be. */
#ifndef LIMEF_TEST_GPU_RENDERING_H
#define LIMEF_TEST_GPU_RENDERING_H

#include <limef/filter/presenter.h>

struct AVFrame;

/* GL may interpolate chroma in 8 bits; a step of it weighs up to 2.2 in blue. */
#define RENDERING_TOLERANCE 3

/* Whether this OpenGL is one that imports dma-bufs and memfds: LIMEF_TEST_MUST_IMPORT, which
 * scripts/with-mesa.sh sets. */
bool rendering_must_import(void);

/* Skips a test that this OpenGL is not good for; where it must be, the test fails. */
#define RENDERING_SKIP(why)                                                                        \
    do {                                                                                           \
        cr_assert(not(rendering_must_import()), "%s", why);                                        \
        cr_skip_test(why);                                                                         \
    } while (0)

/* Opens an untimed presenter offscreen. False: there is no surfaceless EGL here. */
bool rendering_open(struct limef_presenter *presenter, struct limef_tile *tiles, unsigned n_tiles,
                    struct limef_presenter_settings settings);

/* A picture of smooth, different waves in each component; free with av_frame_free(). */
struct AVFrame *rendering_waves(int pix_fmt, int width, int height);

/* A picture of one colour (first three components, as samples of 8 bits). */
struct AVFrame *rendering_plain(int pix_fmt, int width, int height, const int samples[3]);

/* Gives a picture to the presenter and lets it render. */
int rendering_show(struct limef_presenter *presenter, uint32_t slot, const struct AVFrame *av,
                   int rotation_degrees, bool mirrored);

/* The colour that pixel (x, y) of an upright picture, shown pixel for pixel, must have: 0..255. */
void rendering_expected(const struct AVFrame *av, int x, int y, double rgb[3]);

/* The same with the nearest chroma sample, as is shown in haste; of two equally near ones the one
 * before, left and above. Planar 4:2:0, 4:2:2, 4:4:4. */
void rendering_expected_nearest(const struct AVFrame *av, int x, int y, double rgb[3]);

/* By how much a pixel is off in the component that is off most. */
double rendering_off_by(const uint8_t *pixel, const double rgb[3]);

/* The composed picture's pixels, 4 bytes each; free(). */
uint8_t *rendering_read(struct limef_presenter *presenter, int *width, int *height);

#endif
