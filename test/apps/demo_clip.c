/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <math.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECONDS 10
#define FRAME_RATE 25
#define BINS (SECONDS * FRAME_RATE) /* of 40 ms, the duration of a picture */

/* What a clip shows and plays, in steps of one picture. */
struct clip {
    unsigned n_pictures;
    int width, height;
    uint8_t brightness[BINS]; /* where the flash is */
    double energy[BINS + 1];  /* of the sound */
};

static int run(char **arguments)
{
    pid_t pid;
    int status = -1;

    if (posix_spawn(&pid, arguments[0], NULL, NULL, arguments, environ) != 0)
        return -1;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void look(struct clip *clip, const AVFrame *frame, double time_s)
{
    long bin = lrint(time_s * FRAME_RATE);

    clip->width = frame->width;
    clip->height = frame->height;
    cr_assert(ge(long, bin, 0));
    cr_assert(lt(long, bin, BINS));
    clip->brightness[bin] = frame->data[0][100 * frame->linesize[0] + 1180];
    clip->n_pictures++;
}

static void listen_to(struct clip *clip, const AVFrame *frame, double time_s)
{
    for (int i = 0; i < frame->nb_samples; i++) {
        double sample = ((const float *)frame->data[0])[i];
        double at_s = time_s + (double)i / frame->sample_rate;

        if (at_s >= 0 && at_s < SECONDS)
            clip->energy[(int)(at_s * FRAME_RATE)] += sample * sample;
    }
}

static void decode(struct clip *clip, AVFormatContext *file, AVCodecContext **decoders,
                   const AVPacket *packet, int stream)
{
    AVFrame *frame = av_frame_alloc();

    cr_assert(ge(int, avcodec_send_packet(decoders[stream], packet), 0));
    while (avcodec_receive_frame(decoders[stream], frame) >= 0) {
        double time_s = frame->pts * av_q2d(file->streams[stream]->time_base);

        if (frame->nb_samples)
            listen_to(clip, frame, time_s);
        else
            look(clip, frame, time_s);
    }
    av_frame_free(&frame);
}

static void read_clip(struct clip *clip, const char *path)
{
    AVFormatContext *file = NULL;
    AVCodecContext *decoders[2];
    AVPacket *packet = av_packet_alloc();

    cr_assert(eq(int, avformat_open_input(&file, path, NULL, NULL), 0));
    cr_assert(eq(uint, file->nb_streams, 2));
    for (int i = 0; i < 2; i++) {
        const AVCodecParameters *parameters = file->streams[i]->codecpar;

        decoders[i] = avcodec_alloc_context3(NULL);
        avcodec_parameters_to_context(decoders[i], parameters);
        cr_assert(eq(
            int, avcodec_open2(decoders[i], avcodec_find_decoder(parameters->codec_id), NULL), 0));
    }
    while (av_read_frame(file, packet) >= 0) {
        decode(clip, file, decoders, packet, packet->stream_index);
        av_packet_unref(packet);
    }
    for (int i = 0; i < 2; i++) {
        decode(clip, file, decoders, NULL, i);
        avcodec_free_context(&decoders[i]);
    }
    av_packet_free(&packet);
    avformat_close_input(&file);
}

Test(demo_clip, flashes_and_beeps_at_each_second)
{
    char path[] = "/tmp/limef-demo-XXXXXX.mp4";
    char *arguments[] = {DEMO_CLIP, path, NULL};
    struct clip clip = {0};
    int fd = mkstemps(path, 4);

    cr_assert(ge(int, fd, 0));
    close(fd);
    cr_assert(eq(int, run(arguments), 0));
    read_clip(&clip, path);
    unlink(path);

    cr_assert(eq(uint, clip.n_pictures, BINS));
    cr_assert(eq(int, clip.width, 1280));
    cr_assert(eq(int, clip.height, 720));
    for (int i = 0; i < BINS; i++) {
        bool flash = i % FRAME_RATE < 2;

        cr_assert(eq(int, clip.brightness[i] > 180, flash), "brightness %d at picture %d",
                  clip.brightness[i], i);
        /* the codec smears a beep into its neighbours */
        if (flash)
            cr_assert(clip.energy[i] > 10, "no beep at picture %d", i);
        else if (i % FRAME_RATE > 2 && i % FRAME_RATE < FRAME_RATE - 2)
            cr_assert(clip.energy[i] < 0.1, "sound at picture %d", i);
    }
}

Test(demo_clip, says_how_it_is_used)
{
    char *wrong[] = {"1x", "641x360", "1282x720", "-2x2"};

    cr_assert(eq(int, run((char *[]){DEMO_CLIP, NULL}), 1));
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        cr_assert(eq(int, run((char *[]){DEMO_CLIP, "/dev/null", wrong[i], NULL}), 1), "%s",
                  wrong[i]);
}

Test(demo_clip, fails_where_it_cannot_write)
{
    char path[] = "/nowhere/at/all.mp4";
    char *arguments[] = {DEMO_CLIP, path, NULL};

    cr_assert(eq(int, run(arguments), 1));
}
