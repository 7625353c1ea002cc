/* SPDX-License-Identifier: MIT */
/* Pictures that software decoded into ordinary memory: the display reads a copy, GL draws nothing.
 */
#include "stage.h"

#include <limef/frame/pool.h>

#include <libavutil/imgutils.h>
#include <stdio.h>
#include <stdlib.h>

static void fill(AVFrame *av, int step)
{
    for (int y = 0; y < av->height; y++)
        for (int x = 0; x < av->width; x++)
            av->data[0][y * av->linesize[0] + x] = (uint8_t)(40 + (x + y + 16 * step) % 160);
    for (int y = 0; y < av->height / 2; y++)
        for (int x = 0; x < av->width / 2; x++) {
            av->data[1][y * av->linesize[1] + x] = (uint8_t)(80 + (x + step) % 96);
            av->data[2][y * av->linesize[2] + x] = (uint8_t)(80 + (y + 2 * step) % 96);
        }
}

static struct limef_payload *make(struct limef_pool *pool, int width, int height, int step)
{
    struct limef_payload *payload = limef_pool_get(pool);
    AVFrame *av = payload ? limef_payload_picture(payload) : NULL;

    if (!av)
        die("no picture");
    av->format = AV_PIX_FMT_YUV420P;
    av->width = width;
    av->height = height;
    if (av_frame_get_buffer(av, 0) < 0)
        die("no memory for a picture");
    fill(av, step);
    return payload;
}

static void show(struct stage *stage, struct limef_payload *payload)
{
    struct limef_decoded_frame decoded = {0};

    limef_decoded_frame_set(&decoded, payload);
    decoded.frame.media = LIMEF_MEDIA_VIDEO;
    decoded.frame.pts_us = LIMEF_NO_TIME;
    stage_show_frame(stage, &decoded);
}

void picture_in_ordinary_memory_is_on_a_plane(void)
{
    static const int heights[] = {STAGE_HEIGHT, STAGE_HEIGHT, 180, STAGE_HEIGHT};
    struct limef_pool *pool = limef_pool_create(LIMEF_FRAME_DECODED);
    struct stage stage = {.lends = true};
    uint64_t bytes = 0;

    card_open(&stage.card, stage_path);
    stage.kms.drm_fd = stage.card.fd;
    if (stage_open_presenter(&stage, 1, STAGE_WIDTH, STAGE_HEIGHT) < 0)
        die("the output does not open");
    for (int i = 0; i < 4; i++) {
        struct limef_payload *payload = make(pool, STAGE_WIDTH, heights[i], i);

        show(&stage, payload);
        stage_expect_pixels(&stage, stage_av_pixel, limef_payload_picture(payload), 1);
        limef_payload_unref(payload);
        bytes += (uint64_t)STAGE_WIDTH * (uint64_t)heights[i] * 3 / 2;
        stage_expect_counts(&stage, (uint64_t)i + 1, 0);
    }
    if (LIMEF_COUNTED(stage.tiles[0].uploaded_bytes) != bytes ||
        LIMEF_COUNTED(stage.tiles[0].memory_bytes))
        die("%llu bytes were uploaded and %llu copied, not %llu and 0",
            (unsigned long long)LIMEF_COUNTED(stage.tiles[0].uploaded_bytes),
            (unsigned long long)LIMEF_COUNTED(stage.tiles[0].memory_bytes),
            (unsigned long long)bytes);
    stage_close(&stage);
    limef_pool_release(pool);
}
