/* SPDX-License-Identifier: MIT */
#include "demo_picture.h"

#include <libavutil/common.h>
#include <math.h>
#include <string.h>

/* The picture is laid out on a canvas of this size and scaled to the real one. */
#define CANVAS_W 1280.0
#define CANVAS_H 720.0

struct colour {
    uint8_t y, u, v;
};

/* Everything drawn is a line with round ends: a disc is a short one, a digit is seven. */
struct stroke {
    double ax, ay, bx, by;
    double radius;
    double hole; /* radius of what is left out in the middle; 0: nothing */
};

/* ITU-R BT.709-6, item 3: luma coefficients and quantisation of 8 bits; r, g, b in 0..1 */
static struct colour from_rgb(double r, double g, double b)
{
    double y = 0.2126 * r + 0.7152 * g + 0.0722 * b;

    return (struct colour){
        (uint8_t)lrint(16 + 219 * y),
        (uint8_t)lrint(128 + 224 * (b - y) / 1.8556),
        (uint8_t)lrint(128 + 224 * (r - y) / 1.5748),
    };
}

static double distance(const struct stroke *stroke, double x, double y)
{
    double dx = stroke->bx - stroke->ax, dy = stroke->by - stroke->ay;
    double length2 = dx * dx + dy * dy, along = 0, ex, ey;

    if (length2 > 0)
        along = av_clipd(((x - stroke->ax) * dx + (y - stroke->ay) * dy) / length2, 0, 1);
    ex = x - stroke->ax - along * dx;
    ey = y - stroke->ay - along * dy;
    return sqrt(ex * ex + ey * ey);
}

/* How much of the pixel around a point the stroke covers, 0..1; pixel: its size on the canvas. */
static double coverage(const struct stroke *stroke, double x, double y, double pixel)
{
    double away = distance(stroke, x, y);
    double inside = av_clipd((stroke->radius - away) / pixel + 0.5, 0, 1);

    if (stroke->hole > 0)
        inside *= av_clipd((away - stroke->hole) / pixel + 0.5, 0, 1);
    return inside;
}

static void draw_plane(AVFrame *picture, int plane, const struct stroke *stroke, uint8_t value)
{
    int shift = plane ? 1 : 0;
    int width = picture->width >> shift, height = picture->height >> shift;
    double pixel = CANVAS_W / width, reach = stroke->radius + pixel;
    int left = av_clip((int)((fmin(stroke->ax, stroke->bx) - reach) / pixel), 0, width);
    int right = av_clip((int)((fmax(stroke->ax, stroke->bx) + reach) / pixel) + 1, 0, width);
    int top = av_clip((int)((fmin(stroke->ay, stroke->by) - reach) / pixel), 0, height);
    int bottom = av_clip((int)((fmax(stroke->ay, stroke->by) + reach) / pixel) + 1, 0, height);

    for (int y = top; y < bottom; y++) {
        uint8_t *row = picture->data[plane] + (ptrdiff_t)y * picture->linesize[plane];

        for (int x = left; x < right; x++) {
            double share = coverage(stroke, (x + 0.5) * pixel, (y + 0.5) * pixel, pixel);

            row[x] = (uint8_t)lrint(row[x] + share * (value - row[x]));
        }
    }
}

static void draw(AVFrame *picture, struct stroke stroke, struct colour colour)
{
    draw_plane(picture, 0, &stroke, colour.y);
    draw_plane(picture, 1, &stroke, colour.u);
    draw_plane(picture, 2, &stroke, colour.v);
}

static void draw_disc(AVFrame *picture, double x, double y, double radius, struct colour colour)
{
    draw(picture, (struct stroke){x, y, x, y, radius, 0}, colour);
}

/* A rectangle of the canvas, cut at whole chroma samples. */
static void fill(AVFrame *picture, double x, double y, double w, double h, struct colour colour)
{
    const uint8_t values[3] = {colour.y, colour.u, colour.v};

    for (int plane = 0; plane < 3; plane++) {
        int shift = plane ? 0 : 1;
        double scale = picture->width / 2 / CANVAS_W;
        int left = (int)lrint(x * scale) << shift, right = (int)lrint((x + w) * scale) << shift;
        int top = (int)lrint(y * scale) << shift, bottom = (int)lrint((y + h) * scale) << shift;

        bottom = FFMIN(bottom, picture->height / 2 << shift);
        for (int row = top; row < bottom; row++)
            memset(picture->data[plane] + (ptrdiff_t)row * picture->linesize[plane] + left,
                   values[plane], (size_t)(right - left));
    }
}

/* Diagonal waves that move slowly. Each row shows the same wave, shifted. */
static void draw_background(AVFrame *picture, double time_s)
{
    static const double base[3] = {44, 140, 122}, swing[3] = {16, 14, 10};
    uint8_t wave[2 * (int)CANVAS_W];

    for (int plane = 0; plane < 3; plane++) {
        int shift = plane ? 1 : 0;
        int width = picture->width >> shift, height = picture->height >> shift;

        for (int i = 0; i < width + height / 2; i++)
            wave[i] = (uint8_t)lrint(base[plane] +
                                     swing[plane] * sin(4.0 * i / width + time_s + 2 * plane));
        for (int y = 0; y < height; y++)
            memcpy(picture->data[plane] + (ptrdiff_t)y * picture->linesize[plane], wave + y / 2,
                   (size_t)width);
    }
}

/* Colour bars at 75 %, as in ITU-R BT.471-1, and a gray ramp below. */
static void draw_bars(AVFrame *picture)
{
    static const uint8_t rgb[8] = {7, 6, 3, 2, 5, 4, 1, 0}; /* red 4, green 2, blue 1 */

    for (int i = 0; i < 8; i++) {
        double level = 0.75;

        fill(picture, i * 160, 560, 160, 110,
             from_rgb(rgb[i] & 4 ? level : 0, rgb[i] & 2 ? level : 0, rgb[i] & 1 ? level : 0));
    }
    for (int i = 0; i < 32; i++)
        fill(picture, i * 40, 670, 40, 30, from_rgb(i / 31.0, i / 31.0, i / 31.0));
}

static void draw_digit(AVFrame *picture, double x, double y, int digit, struct colour colour)
{
    /* segments a..g of a seven-segment display, bit 0 is a: ends in units of a digit's half height
     */
    static const uint8_t lit[10] = {0x3f, 0x06, 0x5b, 0x4f, 0x66, 0x6d, 0x7d, 0x07, 0x7f, 0x6f};
    static const int8_t ends[7][4] = {{0, 0, 1, 0}, {1, 0, 1, 1}, {1, 1, 1, 2}, {0, 2, 1, 2},
                                      {0, 1, 0, 2}, {0, 0, 0, 1}, {0, 1, 1, 1}};
    const double unit = 62;

    for (int i = 0; i < 7; i++)
        if (lit[digit] >> i & 1)
            draw(picture,
                 (struct stroke){x + unit * ends[i][0], y + unit * ends[i][1],
                                 x + unit * ends[i][2], y + unit * ends[i][3], 8, 0},
                 colour);
}

/* minutes : seconds . hundredths */
static void draw_clock(AVFrame *picture, double time_s, struct colour colour)
{
    int hundredths = (int)lrint(time_s * 100);
    int numbers[3] = {hundredths / 6000, hundredths / 100 % 60, hundredths % 100};
    double x = 570, y = 250;

    for (int i = 0; i < 3; i++, x += 228) {
        draw_digit(picture, x, y, numbers[i] / 10, colour);
        draw_digit(picture, x + 96, y, numbers[i] % 10, colour);
        if (i < 2)
            draw_disc(picture, x + 194, y + (i ? 124 : 88), 9, colour);
        if (i == 0)
            draw_disc(picture, x + 194, y + 36, 9, colour);
    }
}

static void draw_dial(AVFrame *picture, double time_s, struct colour colour)
{
    const double x = 280, y = 290, radius = 180;
    double turn = 2 * M_PI * (time_s - floor(time_s));

    draw(picture, (struct stroke){x, y, x, y, radius + 8, radius}, colour);
    for (int i = 0; i < 12; i++) {
        double s = sin(i * M_PI / 6), c = cos(i * M_PI / 6), from = i % 3 ? 158 : 140;

        draw(picture, (struct stroke){x + from * s, y - from * c, x + 166 * s, y - 166 * c, 4, 0},
             colour);
    }
    draw(picture, (struct stroke){x, y, x + 130 * sin(turn), y - 130 * cos(turn), 7, 0},
         from_rgb(1, 0.45, 0.1));
    draw_disc(picture, x, y, 16, from_rgb(1, 0.45, 0.1));
}

void demo_picture_draw(AVFrame *picture, double time_s, double share)
{
    static const double rgb[3][3] = {{0.95, 0.2, 0.25}, {0.2, 0.8, 0.35}, {0.25, 0.5, 1}};
    const struct colour white = from_rgb(1, 1, 1);

    draw_background(picture, time_s);
    draw_bars(picture);
    for (int i = 0; i < 3; i++) {
        double phase = 2 * M_PI * i / 3;

        draw_disc(picture, 640 + 540 * sin(0.9 * time_s + phase),
                  280 + 200 * sin(1.7 * time_s + 2 * phase), 44 - 6 * i,
                  from_rgb(rgb[i][0], rgb[i][1], rgb[i][2]));
    }
    draw_dial(picture, time_s, white);
    draw_clock(picture, time_s, white);
    if (time_s - floor(time_s) < DEMO_FLASH_S)
        draw_disc(picture, 1180, 100, 60, white);
    fill(picture, 0, 700, CANVAS_W, 20, from_rgb(0.05, 0.05, 0.05));
    fill(picture, 0, 704, CANVAS_W * share, 12, from_rgb(1, 0.45, 0.1));
}
