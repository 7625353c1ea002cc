/* SPDX-License-Identifier: MIT */
/*
 * limef-read SOCKET: reads the pictures that an export hands out, and says what they are. What a
 * program that detects things would begin with: nothing but the protocol's header is needed.
 */
#include "connection.h"
#include "png.h"
#include "rgb.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char usage[] =
    "usage: limef-read [OPTIONS] SOCKET\n"
    "Reads the pictures that limef hands out on a socket.\n\n"
    "  --queued          every picture, not just the newest at a time\n"
    "  --depth=N         pictures that may wait (as many as the export permits)\n"
    "  --dmabuf          take dma-bufs as they are\n"
    "  --frames=N        end after so many\n"
    "  --work=MS         be busy so long with each picture\n"
    "  --png=FILE        write the last picture\n"
    "  --quiet           a line at the end, none for each picture\n";

struct options {
    struct limef_export_subscribe wanted;
    const char *socket, *png;
    uint64_t n_frames; /* 0: all */
    long work_ms;
    bool quiet;
};

static int parse(struct options *options, int argc, char **argv)
{
    static const struct option names[] = {
        {"queued", no_argument, NULL, 'q'},
        {"depth", required_argument, NULL, 'd'},
        {"dmabuf", no_argument, NULL, 'b'},
        {"frames", required_argument, NULL, 'n'},
        {"work", required_argument, NULL, 'w'},
        {"png", required_argument, NULL, 'p'},
        {"quiet", no_argument, NULL, 's'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int id;

    *options =
        (struct options){.wanted = {.mode = LIMEF_EXPORT_LATEST, .takes = LIMEF_EXPORT_MEMORY}};
    while ((id = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (id == 'q')
            options->wanted.mode = LIMEF_EXPORT_QUEUED;
        else if (id == 'd')
            options->wanted.depth = (uint32_t)strtoul(optarg, NULL, 10);
        else if (id == 'b')
            options->wanted.takes |= LIMEF_EXPORT_DMABUF;
        else if (id == 'n')
            options->n_frames = strtoull(optarg, NULL, 10);
        else if (id == 'w')
            options->work_ms = strtol(optarg, NULL, 10);
        else if (id == 'p')
            options->png = optarg;
        else if (id == 's')
            options->quiet = true;
        else
            return -1;
    }
    if (options->png && !options->n_frames)
        options->n_frames = 1;
    options->socket = argv[optind];
    return argc == optind + 1 ? 0 : -1;
}

static int64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void print(const struct limef_export_frame *frame)
{
    printf("%" PRIu64 " missed %" PRIu64 " slot %u %ux%u %.32s %s", frame->sequence,
           frame->n_missed, frame->slot, frame->width, frame->height, frame->format,
           frame->kind == LIMEF_EXPORT_DMABUF ? "dma-buf" : "memory");
    if (frame->pts_us != LIMEF_EXPORT_NO_TIME)
        printf(" pts %.6f", (double)frame->pts_us / 1e6);
    if (frame->entered_us)
        printf(" age %.1f ms", (double)(now_us() - frame->entered_us) / 1e3);
    putchar('\n');
    fflush(stdout);
}

static int save(struct connection *connection, struct picture *picture, const char *path)
{
    const uint8_t *planes[LIMEF_EXPORT_MAX_PLANES];
    uint8_t *rgb;
    int ret;

    if (connection_map(connection, picture, planes) < 0 ||
        !(rgb = rgb_make(&picture->frame, planes)))
        return -1;
    ret = png_write(path, rgb, picture->frame.width, picture->frame.height);
    free(rgb);
    return ret;
}

/* One picture after the other. 0: enough, or the export ended; -1 with errno. */
static int run(struct connection *connection, const struct options *options)
{
    struct picture picture;
    uint64_t n = 0, n_missed = 0;
    uint32_t reason = 0;
    int ret = 1;

    while (ret > 0 && (!options->n_frames || n < options->n_frames)) {
        /* if the export has gone, reading tells why */
        if (options->wanted.mode == LIMEF_EXPORT_LATEST)
            connection_ask(connection);
        ret = connection_read(connection, &picture, &reason);
        if (ret <= 0)
            break;
        n++;
        n_missed += picture.frame.n_missed;
        if (!options->quiet)
            print(&picture.frame);
        if (options->work_ms > 0)
            nanosleep(
                &(struct timespec){options->work_ms / 1000, options->work_ms % 1000 * 1000000},
                NULL);
        if (options->png && n == options->n_frames && save(connection, &picture, options->png) < 0)
            ret = -1;
        connection_release(connection, &picture);
    }
    printf("%" PRIu64 " pictures, %" PRIu64 " missed\n", n, n_missed);
    if (ret == 0 && reason != LIMEF_EXPORT_OVER) {
        errno = reason == LIMEF_EXPORT_TOO_MANY ? EBUSY : EPROTO;
        ret = -1;
    }
    return ret < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
    static struct connection connection;
    struct options options;
    int ret;

    if (parse(&options, argc, argv) < 0) {
        fputs(usage, stderr);
        return 1;
    }
    ret = connection_open(&connection, options.socket, &options.wanted);
    if (ret == 0)
        ret = run(&connection, &options);
    if (ret < 0)
        fprintf(stderr, "limef-read: %s: %s\n", options.socket, strerror(errno));
    connection_close(&connection);
    return ret < 0 ? 2 : 0;
}
