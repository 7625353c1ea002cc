/* SPDX-License-Identifier: MIT */
/*
 * A camera of V4L2 (vivid) writes into buffers of its own, which it exports as dma-bufs: the
 * display reads them where they are, and so does GL.
 */
#include "stage.h"

#include <limef/frame/pool.h>

#include <drm_fourcc.h>
#include <errno.h>
#include <fcntl.h>
#include <libavutil/imgutils.h>
#include <linux/videodev2.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAX_NODES 8
#define N_BUFFERS 4
#define N_PICTURES 12
/* The least that it has. */
#define WIDTH 320
#define HEIGHT 180
#define DEADLINE_MS 10000

struct camera {
    int fd;
    struct picture pictures[N_BUFFERS];
};

static void must(int status, const char *what)
{
    if (status < 0)
        die("%s: %s", what, strerror(errno));
}

static int find_camera(void)
{
    for (int i = 0; i < MAX_NODES; i++) {
        struct v4l2_capability capability;
        char path[24];
        int fd;

        snprintf(path, sizeof(path), "/dev/video%d", i);
        fd = open(path, O_RDWR | O_CLOEXEC);
        if (fd < 0)
            continue;
        if (ioctl(fd, VIDIOC_QUERYCAP, &capability) == 0 &&
            !strcmp((const char *)capability.driver, "vivid"))
            return fd;
        close(fd);
    }
    die("there is no camera");
}

static struct v4l2_buffer buffer_of(uint32_t index)
{
    return (struct v4l2_buffer){
        .index = index, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP};
}

/* Gives it a buffer to write into. */
static void give(struct camera *camera, uint32_t index)
{
    struct v4l2_buffer buffer = buffer_of(index);

    must(ioctl(camera->fd, VIDIOC_QBUF, &buffer), "a buffer is not taken");
}

static struct picture *take(struct camera *camera)
{
    struct pollfd readable = {.fd = camera->fd, .events = POLLIN};
    struct v4l2_buffer buffer = buffer_of(0);

    if (poll(&readable, 1, DEADLINE_MS) != 1)
        die("no picture comes");
    must(ioctl(camera->fd, VIDIOC_DQBUF, &buffer), "no picture");
    return &camera->pictures[buffer.index];
}

static void open_buffer(struct camera *camera, uint32_t index, uint32_t pitch)
{
    struct picture *picture = &camera->pictures[index];
    struct v4l2_buffer buffer = buffer_of(index);
    struct v4l2_exportbuffer export = {
        .type = buffer.type, .index = index, .flags = O_RDWR | O_CLOEXEC};

    must(ioctl(camera->fd, VIDIOC_QUERYBUF, &buffer), "no buffer");
    must(ioctl(camera->fd, VIDIOC_EXPBUF, &export), "a buffer is not exported");
    *picture = (struct picture){.fourcc = DRM_FORMAT_NV12,
                                .width = WIDTH,
                                .height = HEIGHT,
                                .pitch = pitch,
                                .bytes = buffer.length};
    picture->data = mmap(NULL, buffer.length, PROT_READ, MAP_SHARED, camera->fd, buffer.m.offset);
    if (picture->data == MAP_FAILED)
        die("a buffer is not mapped: %s", strerror(errno));
    picture_wrap(picture, export.fd);
    give(camera, index);
}

static void open_camera(struct camera *camera)
{
    struct v4l2_format format = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
                                 .fmt.pix = {.width = WIDTH,
                                             .height = HEIGHT,
                                             .pixelformat = V4L2_PIX_FMT_NV12,
                                             .field = V4L2_FIELD_NONE}};
    struct v4l2_requestbuffers request = {
        .count = N_BUFFERS, .type = format.type, .memory = V4L2_MEMORY_MMAP};
    int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;

    camera->fd = find_camera();
    must(ioctl(camera->fd, VIDIOC_S_FMT, &format), "no NV12");
    if (format.fmt.pix.width != WIDTH || format.fmt.pix.height != HEIGHT ||
        format.fmt.pix.pixelformat != V4L2_PIX_FMT_NV12)
        die("it gives %ux%u", format.fmt.pix.width, format.fmt.pix.height);
    must(ioctl(camera->fd, VIDIOC_REQBUFS, &request), "no buffers");
    if (request.count != N_BUFFERS)
        die("%u buffers", request.count);
    for (uint32_t i = 0; i < N_BUFFERS; i++)
        open_buffer(camera, i, format.fmt.pix.bytesperline);
    must(ioctl(camera->fd, VIDIOC_STREAMON, &type), "it does not begin");
}

static void close_camera(struct camera *camera)
{
    for (int i = 0; i < N_BUFFERS; i++) {
        struct picture *picture = &camera->pictures[i];

        if (picture->payload.n_refs > 1)
            die("buffer %d is still in use", i);
        close(picture->drm.objects[0].fd);
        munmap(picture->data, picture->bytes);
        av_frame_free(&picture->av);
    }
    close(camera->fd);
}

/* Gives back what is on no screen any more. */
static void give_back(struct camera *camera, const struct picture *shown)
{
    for (uint32_t i = 0; i < N_BUFFERS; i++)
        if (&camera->pictures[i] == shown && shown->payload.n_refs == 1)
            give(camera, i);
        else if (&camera->pictures[i] == shown)
            die("the picture before is still held");
}

static void expect_nothing_moved(const struct stage *stage)
{
    if (LIMEF_COUNTED(stage->tiles[0].uploaded_bytes) + LIMEF_COUNTED(stage->tiles[0].memory_bytes))
        die("something was moved");
}

void pictures_of_a_camera_are_on_a_plane(void)
{
    struct camera camera;
    struct stage stage;
    struct picture *shown = NULL;
    static uint8_t first[WIDTH * HEIGHT];
    bool moves = false;

    stage_open(&stage, 1);
    open_camera(&camera);
    for (int i = 0; i < N_PICTURES; i++) {
        struct picture *picture = take(&camera);

        stage_show(&stage, 0, picture);
        stage_expect(&stage, picture, 0, (STAGE_HEIGHT - HEIGHT) / 2, 1);
        if (shown)
            give_back(&camera, shown);
        shown = picture;
        if (i == 0)
            memcpy(first, picture->data, sizeof(first));
        moves |= memcmp(first, picture->data, sizeof(first)) != 0;
    }
    expect_nothing_moved(&stage);
    stage_expect_counts(&stage, N_PICTURES, 0);
    if (!moves)
        die("all pictures are alike");
    printf("  %d pictures in %d buffers\n", N_PICTURES, N_BUFFERS);
    stage_close(&stage);
    close_camera(&camera);
}

static struct limef_payload *copy_of(const struct picture *picture)
{
    struct limef_pool *pool = limef_pool_create(LIMEF_FRAME_DECODED);
    struct limef_payload *payload = pool ? limef_pool_get(pool) : NULL;
    AVFrame *av = payload ? limef_payload_picture(payload) : NULL;
    const uint8_t *planes[4] = {picture->data, picture->data + (size_t)picture->pitch * HEIGHT};
    const int pitches[4] = {(int)picture->pitch, (int)picture->pitch};

    if (!av)
        die("no picture");
    av->format = AV_PIX_FMT_NV12;
    av->width = WIDTH;
    av->height = HEIGHT;
    if (av_frame_get_buffer(av, 0) < 0)
        die("no memory for a picture");
    av_image_copy(av->data, av->linesize, planes, pitches, AV_PIX_FMT_NV12, WIDTH, HEIGHT);
    limef_pool_release(pool);
    return payload;
}

/* The same picture in both tiles, one above the other: imported and uploaded. */
static int compare_tiles(struct stage *stage)
{
    static uint8_t screen[4 * STAGE_WIDTH * STAGE_HEIGHT];
    const uint8_t *below = screen + sizeof(screen) / 2;
    int worst = 0, darkest = 255, lightest = 0;

    if (limef_presenter_read(&stage->presenter, screen) < 0)
        die("the screen cannot be read");
    for (size_t i = 0; i < sizeof(screen) / 2; i++) {
        worst = abs(screen[i] - below[i]) > worst ? abs(screen[i] - below[i]) : worst;
        darkest = screen[i] < darkest ? screen[i] : darkest;
        lightest = i % 4 < 3 && screen[i] > lightest ? screen[i] : lightest;
    }
    if (lightest - darkest < 100)
        die("there is nothing on the screen");
    return worst;
}

void pictures_of_a_camera_are_drawn_as_if_uploaded(void)
{
    struct camera camera;
    struct stage stage;
    struct picture *shown = NULL;

    stage_open(&stage, 2);
    open_camera(&camera);
    for (int i = 0; i < 2 * N_BUFFERS; i++) {
        struct picture *picture = take(&camera);
        struct limef_decoded_frame copy = {0};
        int worst;

        limef_decoded_frame_set(&copy, copy_of(picture));
        copy.frame.media = LIMEF_MEDIA_VIDEO;
        copy.frame.pts_us = LIMEF_NO_TIME;
        copy.frame.slot = 1;
        stage_show(&stage, 0, picture);
        stage_show_frame(&stage, &copy);
        limef_payload_unref(copy.frame.payload);
        worst = compare_tiles(&stage);
        if (worst > 1)
            die("picture %d is %d off", i, worst);
        if (shown)
            give_back(&camera, shown);
        shown = picture;
    }
    expect_nothing_moved(&stage);
    if (LIMEF_COUNTED(stage.tiles[0].n_imported) != 2 * N_BUFFERS ||
        LIMEF_COUNTED(stage.tiles[0].n_images) != 2 * N_BUFFERS)
        die("%d imported by %d images", (int)LIMEF_COUNTED(stage.tiles[0].n_imported),
            (int)LIMEF_COUNTED(stage.tiles[0].n_images));
    stage_close(&stage);
    close_camera(&camera);
}
