/* SPDX-License-Identifier: MIT */
/*
 * An example: limef's sound in an audio callback that is somebody else's, here SDL's.
 *
 * sound_sdl FILE
 */
#include <limef/limef.h>

#include <SDL.h>
#include <stdio.h>

#define RATE 48000
#define CALL_FRAMES 512
#define N_BLOCKS 16
#define DEADLINE_US 5000000

static struct limef_reports reports;

/* the thread that reads and decodes */
static struct limef_producer reader;
static struct limef_file_source file;
static struct limef_decode_filter decode;
static struct limef_resample_filter resample;
static struct limef_input_filter to_sound;

/* the thread that gives the mixer its sound when there is room */
static struct limef_stack_frame blocks[N_BLOCKS];
static struct limef_consumer sound;
static struct limef_audio_sink sink;
static struct limef_audio_slot slot;
static struct limef_mixer mixer;
static struct limef_mixer_input input;
static float input_samples[16384 * 2];

/* the thread that mixes ahead, and the callback */
static struct limef_audio_output output;
static struct limef_audio_callback callback;
static float callback_samples[4096 * 2];

static void SDLCALL call_back(void *context, Uint8 *stream, int n_bytes)
{
    limef_audio_callback_read(context, (float *)(void *)stream,
                              (unsigned)n_bytes / (2 * sizeof(float)), LIMEF_NO_TIME);
}

static int init(const char *url)
{
    struct limef_file_source_settings what = {
        .url = url, .media = LIMEF_MEDIA_AUDIO, .pace = LIMEF_PACE_FASTEST};
    struct limef_decode_settings audio = {.media = LIMEF_MEDIA_AUDIO};
    struct limef_lane_settings lane = {.overflow = LIMEF_OVERFLOW_BLOCK, .depth = 8};
    int ret = limef_reports_init(&reports);

    if (ret >= 0)
        ret = limef_mixer_init(&mixer, NULL, NULL);
    if (ret >= 0)
        ret = limef_mixer_input_init(&input, &mixer, NULL, input_samples, 16384, NULL);
    if (ret >= 0)
        ret = limef_mixer_connect(&mixer, &input);
    if (ret >= 0)
        ret = limef_file_source_init(&file, "file", &what);
    if (ret >= 0)
        ret = limef_decode_filter_init(&decode, "decode", &audio);
    if (ret >= 0)
        ret = limef_resample_filter_init(&resample, "resample", NULL);
    if (ret >= 0)
        ret = limef_audio_callback_init(&callback, callback_samples, 4096, NULL);
    if (ret < 0)
        return ret;
    slot.input = &input;
    limef_audio_sink_init(&sink, "sound", &slot, 1, &mixer);
    limef_consumer_init(&sound, &sink.filter,
                        &(struct limef_thread_settings){.name = "sound", .reports = &reports});
    limef_thread_set_task(&sound.thread, limef_audio_sink_tick, &sink);
    limef_producer_init(&reader, &file.source,
                        &(struct limef_thread_settings){.name = "read", .reports = &reports});
    limef_connect(&file.source.filter, &decode.filter);
    limef_connect(&decode.filter, &resample.filter);
    limef_connect(&resample.filter, &to_sound.filter);
    return limef_input_filter_init(&to_sound, "to sound", &sound.fifo, blocks, N_BLOCKS, &lane);
}

static int run(void)
{
    struct limef_audio_output_settings pulled = {.kind = LIMEF_AUDIO_CALLBACK,
                                                 .callback = &callback};
    struct limef_signal_frame report = {.code = 0};
    int ret = limef_audio_output_start(&output, NULL, &mixer, &pulled);

    if (ret >= 0)
        ret = limef_thread_start(&sound.thread);
    if (ret >= 0)
        ret = limef_thread_start(&reader.thread);
    while (ret >= 0 && report.signal != LIMEF_SIGNAL_END)
        ret = limef_reports_read(&reports, &report, LIMEF_FOREVER);
    return ret < 0 ? ret : report.code;
}

/* Whether all threads have ended; what they use may go then. */
static bool stop(void)
{
    struct limef_sample_ring_counters counters;

    limef_sample_ring_get_counters(&callback.ring, &counters);
    printf("%llu frames, %llu underruns\n", (unsigned long long)counters.n_written,
           (unsigned long long)counters.n_underruns);
    limef_thread_ask_stop(&reader.thread);
    limef_thread_ask_stop(&sound.thread);
    return limef_thread_stop(&reader.thread, DEADLINE_US) == 0 &&
           limef_thread_stop(&sound.thread, DEADLINE_US) == 0 &&
           limef_audio_output_stop(&output, DEADLINE_US) == 0;
}

static void clear(void)
{
    limef_producer_clear(&reader);
    limef_consumer_clear(&sound);
    limef_filter_clear(&file.source.filter);
    limef_filter_clear(&decode.filter);
    limef_filter_clear(&resample.filter);
    limef_filter_clear(&to_sound.filter);
    limef_filter_clear(&sink.filter);
    limef_reports_clear(&reports);
}

int main(int n_arguments, char **arguments)
{
    SDL_AudioSpec wanted = {.freq = RATE,
                            .format = AUDIO_F32SYS,
                            .channels = 2,
                            .samples = CALL_FRAMES,
                            .callback = call_back,
                            .userdata = &callback};
    SDL_AudioDeviceID device;
    int ret;

    if (n_arguments != 2)
        return fprintf(stderr, "usage: sound_sdl FILE\n"), 1;
    ret = init(arguments[1]);
    if (ret < 0 || SDL_Init(SDL_INIT_AUDIO) < 0)
        return 1;
    device = SDL_OpenAudioDevice(NULL, 0, &wanted, NULL, 0);
    if (!device)
        return fprintf(stderr, "no sound device: %s\n", SDL_GetError()), 1;
    SDL_PauseAudioDevice(device, 0);
    ret = run();
    if (!stop())
        return 1;
    SDL_CloseAudioDevice(device);
    SDL_Quit();
    clear();
    return ret < 0;
}
