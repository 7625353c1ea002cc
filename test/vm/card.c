/* SPDX-License-Identifier: MIT */
#include "card.h"

#include <drm_fourcc.h>
#include <errno.h>
#include <fcntl.h>
#include <libavutil/common.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

/* How long the emulator may take for a picture. */
#define SHOT_MS 30000

_Noreturn void die(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
    _exit(1);
}

void card_open(struct card *card, const char *path)
{
    drmModeRes *all;

    *card = (struct card){.fd = open(path, O_RDWR | O_CLOEXEC)};
    if (card->fd < 0 || drmSetClientCap(card->fd, DRM_CLIENT_CAP_ATOMIC, 1) < 0)
        die("%s: %s", path, strerror(errno));
    drmSetClientCap(card->fd, DRM_CLIENT_CAP_WRITEBACK_CONNECTORS, 1);
    all = drmModeGetResources(card->fd);
    for (int i = 0; all && i < all->count_connectors; i++) {
        drmModeConnector *connector = drmModeGetConnector(card->fd, all->connectors[i]);

        if (connector->connector_type == DRM_MODE_CONNECTOR_WRITEBACK)
            card->writeback = connector->connector_id;
        else if (!card->connector)
            card->connector = connector->connector_id;
        drmModeFreeConnector(connector);
    }
    if (!all || !all->count_crtcs)
        die("%s has no display", path);
    card->crtc = all->crtcs[0];
    drmModeFreeResources(all);
}

void card_close(struct card *card)
{
    close(card->fd);
    card->fd = -1;
}

uint32_t card_framebuffer(const struct card *card)
{
    drmModeCrtc *crtc = drmModeGetCrtc(card->fd, card->crtc);
    uint32_t framebuffer = crtc ? crtc->buffer_id : 0;

    drmModeFreeCrtc(crtc);
    return framebuffer;
}

/* A dumb buffer, mapped. */
static uint8_t *make_dumb(int fd, struct drm_mode_create_dumb *dumb)
{
    struct drm_mode_map_dumb map = {0};
    void *data = MAP_FAILED;

    if (drmIoctl(fd, DRM_IOCTL_MODE_CREATE_DUMB, dumb) < 0)
        die("no dumb buffer: %s", strerror(errno));
    map.handle = dumb->handle;
    if (drmIoctl(fd, DRM_IOCTL_MODE_MAP_DUMB, &map) == 0)
        data = mmap(NULL, dumb->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)map.offset);
    if (data == MAP_FAILED)
        die("a dumb buffer cannot be mapped: %s", strerror(errno));
    return data;
}

static void free_dumb(int fd, uint32_t handle, uint8_t *data, size_t bytes)
{
    struct drm_mode_destroy_dumb destroy = {.handle = handle};

    munmap(data, bytes);
    drmIoctl(fd, DRM_IOCTL_MODE_DESTROY_DUMB, &destroy);
}

static void note_release(struct limef_payload *payload)
{
    LIMEF_CONTAINER_OF(payload, struct picture, payload)->released = true;
}

/* Samples of 10 bits in words of 16. Chroma is the same in a row: how it is filtered does not show.
 */
static void draw_p010(struct picture *picture, int step)
{
    for (int y = 0; y < picture->height * 3 / 2; y++) {
        uint16_t *row = (uint16_t *)(void *)(picture->data + (size_t)y * picture->pitch);

        for (int x = 0; x < picture->width; x++) {
            int sample = y < picture->height ? 161 + 4 * ((x + y + 16 * step) % 160)
                                             : 322 + 4 * ((y + step) % 96) + 37 * (x % 2);

            row[x] = (uint16_t)(sample << 6);
        }
    }
}

void picture_draw(struct picture *picture, int step)
{
    uint8_t *chroma = picture->data + (size_t)picture->pitch * (size_t)picture->height;

    if (picture->fourcc == DRM_FORMAT_P010) {
        draw_p010(picture, step);
        return;
    }
    for (int y = 0; y < picture->height; y++) {
        uint8_t *row = picture->data + (size_t)y * picture->pitch;

        for (int x = 0; x < picture->width && picture->fourcc == DRM_FORMAT_XRGB8888; x++)
            ((uint32_t *)(void *)row)[x] =
                (uint32_t)((x + step) % 256 << 16 | (y + step) % 256 << 8 | (x ^ y) % 256);
        for (int x = 0; x < picture->width && picture->fourcc != DRM_FORMAT_XRGB8888; x++)
            row[x] = (uint8_t)(40 + (x + y + 16 * step) % 160);
    }
    for (int y = 0; y < picture->height / 2 && picture->fourcc != DRM_FORMAT_XRGB8888; y++)
        for (int x = 0; x < picture->width / 2; x++) {
            uint8_t u = (uint8_t)(80 + (x + step) % 96), v = (uint8_t)(80 + (y + 2 * step) % 96);
            uint8_t *at =
                chroma + (size_t)y * (picture->fourcc == DRM_FORMAT_NV12 ? picture->pitch
                                                                         : picture->pitch / 2);

            if (picture->fourcc == DRM_FORMAT_NV12) {
                at[2 * x] = u;
                at[2 * x + 1] = v;
            } else {
                at[x] = u;
                at[x + (ptrdiff_t)(picture->pitch / 2) * (picture->height / 2)] = v;
            }
        }
}

/* Luma, and both chromas in turn. */
static bool has_two_planes(uint32_t fourcc)
{
    return fourcc == DRM_FORMAT_NV12 || fourcc == DRM_FORMAT_P010;
}

static void describe(struct picture *picture, int fd)
{
    AVDRMFrameDescriptor *drm = &picture->drm;
    AVDRMLayerDescriptor *layer = &drm->layers[0];
    ptrdiff_t luma = (ptrdiff_t)picture->pitch * picture->height;
    ptrdiff_t half = picture->pitch / 2;

    drm->nb_objects = drm->nb_layers = 1;
    drm->objects[0] = (AVDRMObjectDescriptor){
        .fd = fd, .size = picture->bytes, .format_modifier = DRM_FORMAT_MOD_LINEAR};
    layer->format = picture->fourcc;
    layer->nb_planes = has_two_planes(picture->fourcc)        ? 2
                       : picture->fourcc == DRM_FORMAT_YUV420 ? 3
                                                              : 1;
    layer->planes[0].pitch = picture->pitch;
    layer->planes[1].offset = luma;
    layer->planes[1].pitch = has_two_planes(picture->fourcc) ? picture->pitch : half;
    layer->planes[2].offset = luma + half * (picture->height / 2);
    layer->planes[2].pitch = half;
}

void picture_wrap(struct picture *picture, int fd)
{
    describe(picture, fd);
    limef_payload_init(&picture->payload, note_release);
    picture->av = av_frame_alloc();
    picture->av->format = AV_PIX_FMT_DRM_PRIME;
    picture->av->width = picture->width;
    picture->av->height = picture->height;
    picture->av->data[0] = (uint8_t *)&picture->drm;
}

void picture_open(struct picture *picture, const struct card *card, uint32_t fourcc, int width,
                  int height, int step)
{
    bool rgb = fourcc == DRM_FORMAT_XRGB8888;
    uint32_t row_bytes = (uint32_t)width * (rgb ? 4 : fourcc == DRM_FORMAT_P010 ? 2 : 1);
    struct drm_mode_create_dumb dumb = {.width = row_bytes / 4, /* virtio-gpu makes no others */
                                        .height = (uint32_t)(rgb ? height : height * 3 / 2),
                                        .bpp = 32};
    int fd;

    *picture = (struct picture){.card = card, .fourcc = fourcc, .width = width, .height = height};
    picture->data = make_dumb(card->fd, &dumb);
    picture->handle = dumb.handle;
    picture->pitch = dumb.pitch;
    picture->bytes = dumb.size;
    if (drmPrimeHandleToFD(card->fd, dumb.handle, DRM_CLOEXEC | DRM_RDWR, &fd) < 0)
        die("no descriptor of a dumb buffer: %s", strerror(errno));
    picture_draw(picture, step);
    picture_wrap(picture, fd);
}

void picture_close(struct picture *picture)
{
    close(picture->drm.objects[0].fd);
    free_dumb(picture->card->fd, picture->handle, picture->data, picture->bytes);
    av_frame_free(&picture->av);
}

void colour_expected(double luma, double blue, double red, const AVFrame *like, int rgb[3])
{
    bool full = like->color_range == AVCOL_RANGE_JPEG;
    bool hd = like->colorspace == AVCOL_SPC_BT709;
    double kr = hd ? 0.2126 : 0.299, kb = hd ? 0.0722 : 0.114;
    /* ITU-R BT.601 and BT.709 */
    double l = full ? luma : (luma - 16) * 255.0 / 219;
    double u = (blue - 128) * (full ? 1 : 255.0 / 224);
    double v = (red - 128) * (full ? 1 : 255.0 / 224);

    rgb[0] = av_clip((int)(l + 2 * (1 - kr) * v + 0.5), 0, 255);
    rgb[2] = av_clip((int)(l + 2 * (1 - kb) * u + 0.5), 0, 255);
    rgb[1] = av_clip(
        (int)(l - (2 * kr * (1 - kr) * v + 2 * kb * (1 - kb) * u) / (1 - kr - kb) + 0.5), 0, 255);
}

void picture_expected(const struct picture *picture, int x, int y, int rgb[3])
{
    const uint8_t *luma = picture->data + (size_t)y * picture->pitch;
    const uint8_t *chroma = picture->data + (size_t)picture->pitch * (size_t)picture->height;
    int u, v;

    if (picture->fourcc == DRM_FORMAT_XRGB8888) {
        for (int c = 0; c < 3; c++)
            rgb[c] = luma[4 * x + 2 - c];
        return;
    }
    if (picture->fourcc == DRM_FORMAT_P010) {
        const uint16_t *row = (const uint16_t *)(const void *)luma, *pair;

        pair =
            (const uint16_t *)(const void *)(chroma + (size_t)(y / 2) * picture->pitch) + x / 2 * 2;
        colour_expected((row[x] >> 6) / 4.0, (pair[0] >> 6) / 4.0, (pair[1] >> 6) / 4.0,
                        picture->av, rgb);
        return;
    }
    if (picture->fourcc == DRM_FORMAT_NV12) {
        chroma += (size_t)(y / 2) * picture->pitch + (size_t)(x / 2 * 2);
        u = chroma[0];
        v = chroma[1];
    } else {
        chroma += (size_t)(y / 2) * (picture->pitch / 2) + (size_t)(x / 2);
        u = chroma[0];
        v = chroma[(ptrdiff_t)(picture->pitch / 2) * (picture->height / 2)];
    }
    colour_expected(luma[x], u, v, picture->av, rgb);
}

static uint32_t property_of(const struct card *card, uint32_t connector, const char *name)
{
    drmModeObjectProperties *all =
        drmModeObjectGetProperties(card->fd, connector, DRM_MODE_OBJECT_CONNECTOR);
    uint32_t id = 0;

    for (uint32_t i = 0; all && i < all->count_props; i++) {
        drmModePropertyRes *property = drmModeGetProperty(card->fd, all->props[i]);

        if (!strcmp(property->name, name))
            id = property->prop_id;
        drmModeFreeProperty(property);
    }
    drmModeFreeObjectProperties(all);
    return id;
}

/* Asks for one writeback and waits for it. */
static void write_back(const struct card *card, uint32_t framebuffer)
{
    drmModeAtomicReq *request = drmModeAtomicAlloc();
    uint32_t connector = card->writeback;
    struct pollfd done = {.events = POLLIN};
    int32_t fence = -1;

    drmModeAtomicAddProperty(request, connector, property_of(card, connector, "CRTC_ID"),
                             card->crtc);
    drmModeAtomicAddProperty(request, connector, property_of(card, connector, "WRITEBACK_FB_ID"),
                             framebuffer);
    drmModeAtomicAddProperty(request, connector,
                             property_of(card, connector, "WRITEBACK_OUT_FENCE_PTR"),
                             (uint64_t)(uintptr_t)&fence);
    if (drmModeAtomicCommit(card->fd, request, DRM_MODE_ATOMIC_ALLOW_MODESET, NULL) < 0)
        die("no writeback: %s", strerror(errno));
    drmModeAtomicFree(request);
    done.fd = fence;
    if (poll(&done, 1, 10000) <= 0)
        die("the writeback does not end");
    close(fence);
}

/* Asks the emulator, by the guest's console, for a picture: NAME.ppm, and NAME.done behind it. */
static FILE *shoot(void)
{
    static unsigned n_shots;
    const char *folder = getenv("OUT");
    char name[32], path[256], done[256];
    FILE *console = fopen("/dev/console", "w");

    snprintf(name, sizeof(name), "screen%u-%u", (unsigned)getpid(), n_shots++);
    snprintf(path, sizeof(path), "%s/%s.ppm", folder ? folder : ".", name);
    snprintf(done, sizeof(done), "%s/%s.done", folder ? folder : ".", name);
    if (!console)
        die("there is no console to ask for a picture of the screen");
    fprintf(console, "\nSHOT %s\n", name);
    fclose(console);
    for (int i = 0; i < SHOT_MS && access(done, F_OK) < 0; i += 10)
        usleep(10000);
    return fopen(path, "rb");
}

static uint8_t *read_shot(int *width, int *height)
{
    FILE *file = shoot();
    size_t n_pixels;
    uint8_t *copy;

    if (!file || fscanf(file, "P6 %d %d 255%*c", width, height) != 2)
        die("nobody outside says what the screen shows");
    n_pixels = (size_t)*width * (size_t)*height;
    copy = calloc(n_pixels, 4);
    for (size_t i = 0; copy && i < n_pixels; i++)
        for (int c = 2; c >= 0; c--)
            copy[4 * i + (size_t)c] = (uint8_t)fgetc(file);
    if (!copy || feof(file))
        die("the picture of the screen is not whole");
    fclose(file);
    return copy;
}

static uint8_t *read_writeback(const struct card *card, int *width, int *height)
{
    drmModeCrtc *crtc = drmModeGetCrtc(card->fd, card->crtc);
    struct drm_mode_create_dumb dumb = {
        .width = crtc->mode.hdisplay, .height = crtc->mode.vdisplay, .bpp = 32};
    uint8_t *data = make_dumb(card->fd, &dumb),
            *copy = malloc((size_t)4 * dumb.width * dumb.height);
    uint32_t framebuffer;

    if (!copy || drmModeAddFB2(card->fd, dumb.width, dumb.height, DRM_FORMAT_XRGB8888,
                               (uint32_t[4]){dumb.handle}, (uint32_t[4]){dumb.pitch},
                               (uint32_t[4]){0}, &framebuffer, 0) < 0)
        die("no framebuffer: %s", strerror(errno));
    write_back(card, framebuffer);
    for (uint32_t y = 0; y < dumb.height; y++)
        memcpy(copy + (size_t)4 * dumb.width * y, data + (size_t)dumb.pitch * y,
               (size_t)4 * dumb.width);
    drmModeRmFB(card->fd, framebuffer);
    free_dumb(card->fd, dumb.handle, data, dumb.size);
    *width = (int)dumb.width;
    *height = (int)dumb.height;
    drmModeFreeCrtc(crtc);
    return copy;
}

uint8_t *card_read_screen(const struct card *card, int *width, int *height)
{
    return card->writeback ? read_writeback(card, width, height) : read_shot(width, height);
}
