/* SPDX-License-Identifier: MIT */
#include "base/libavcodec.h"

#include "base/library.h"

#include <limef/base/log.h>

#include <dlfcn.h>
#include <libavcodec/avcodec.h>
#include <libavutil/macros.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#define SONAME "libavcodec.so." AV_STRINGIFY(LIBAVCODEC_VERSION_MAJOR)

/* What is answered by what is not there. */
#define MISSING AVERROR(ENOSYS)

/* X(what it returns, name, parameters, arguments, what is answered without the library) */
#define ANSWERS(X)                                                                                 \
    X(AVPacket *, av_packet_alloc, (void), (), NULL)                                               \
    X(int, av_codec_is_decoder, (const AVCodec *codec), (codec), 0)                                \
    X(const AVCodec *, av_codec_iterate, (void **at), (at), NULL)                                  \
    X(int, av_new_packet, (AVPacket * packet, int size), (packet, size), MISSING)                  \
    X(uint8_t *, av_packet_get_side_data,                                                          \
      (const AVPacket *packet, enum AVPacketSideDataType type, size_t *size),                      \
      (packet, type, size), NULL)                                                                  \
    X(int, av_packet_ref, (AVPacket * to, const AVPacket *from), (to, from), MISSING)              \
    X(AVCodecContext *, avcodec_alloc_context3, (const AVCodec *codec), (codec), NULL)             \
    X(int, avcodec_default_get_buffer2, (AVCodecContext * context, AVFrame * frame, int flags),    \
      (context, frame, flags), MISSING)                                                            \
    X(enum AVPixelFormat, avcodec_default_get_format,                                              \
      (AVCodecContext * context, const enum AVPixelFormat *formats), (context, formats),           \
      AV_PIX_FMT_NONE)                                                                             \
    X(const AVCodecDescriptor *, avcodec_descriptor_get_by_name, (const char *name), (name), NULL) \
    X(const AVCodec *, avcodec_find_decoder, (enum AVCodecID id), (id), NULL)                      \
    X(const AVCodec *, avcodec_find_decoder_by_name, (const char *name), (name), NULL)             \
    X(const AVCodec *, avcodec_find_encoder, (enum AVCodecID id), (id), NULL)                      \
    X(const AVCodec *, avcodec_find_encoder_by_name, (const char *name), (name), NULL)             \
    X(const AVCodecHWConfig *, avcodec_get_hw_config, (const AVCodec *codec, int i), (codec, i),   \
      NULL)                                                                                        \
    X(int, avcodec_get_hw_frames_parameters,                                                       \
      (AVCodecContext * context, AVBufferRef * device, enum AVPixelFormat format,                  \
       AVBufferRef * *frames),                                                                     \
      (context, device, format, frames), MISSING)                                                  \
    X(const char *, avcodec_get_name, (enum AVCodecID id), (id), "unknown_codec")                  \
    X(int, avcodec_open2,                                                                          \
      (AVCodecContext * context, const AVCodec *codec, AVDictionary **options),                    \
      (context, codec, options), MISSING)                                                          \
    X(AVCodecParameters *, avcodec_parameters_alloc, (void), (), NULL)                             \
    X(int, avcodec_parameters_copy, (AVCodecParameters * to, const AVCodecParameters *from),       \
      (to, from), MISSING)                                                                         \
    X(int, avcodec_parameters_from_context,                                                        \
      (AVCodecParameters * to, const AVCodecContext *context), (to, context), MISSING)             \
    X(int, avcodec_parameters_to_context,                                                          \
      (AVCodecContext * context, const AVCodecParameters *from), (context, from), MISSING)         \
    X(int, avcodec_receive_frame, (AVCodecContext * context, AVFrame * frame), (context, frame),   \
      MISSING)                                                                                     \
    X(int, avcodec_receive_packet, (AVCodecContext * context, AVPacket * packet),                  \
      (context, packet), MISSING)                                                                  \
    X(int, avcodec_send_frame, (AVCodecContext * context, const AVFrame *frame), (context, frame), \
      MISSING)                                                                                     \
    X(int, avcodec_send_packet, (AVCodecContext * context, const AVPacket *packet),                \
      (context, packet), MISSING)

/* X(name, parameters, arguments) */
#define DOES(X)                                                                                    \
    X(av_packet_free, (AVPacket * *packet), (packet))                                              \
    X(av_packet_unref, (AVPacket * packet), (packet))                                              \
    X(avcodec_align_dimensions2,                                                                   \
      (AVCodecContext * context, int *width, int *height, int alignments[AV_NUM_DATA_POINTERS]),   \
      (context, width, height, alignments))                                                        \
    X(avcodec_flush_buffers, (AVCodecContext * context), (context))                                \
    X(avcodec_free_context, (AVCodecContext * *context), (context))                                \
    X(avcodec_parameters_free, (AVCodecParameters * *parameters), (parameters))

/* Since 60.30 a container's side data, since 61.13 what an encoder takes. */
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 30, 100)
#define ANSWERS_60_30(X)                                                                           \
    X(const AVPacketSideData *, av_packet_side_data_get,                                           \
      (const AVPacketSideData *all, int n, enum AVPacketSideDataType type), (all, n, type), NULL)  \
    X(AVPacketSideData *, av_packet_side_data_new,                                                 \
      (AVPacketSideData * *all, int *n, enum AVPacketSideDataType type, size_t size, int flags),   \
      (all, n, type, size, flags), NULL)
#else
#define ANSWERS_60_30(X)
#endif
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(61, 13, 100)
#define ANSWERS_61_13(X)                                                                           \
    X(int, avcodec_get_supported_config,                                                           \
      (const AVCodecContext *context, const AVCodec *codec, enum AVCodecConfig config,             \
       unsigned flags, const void **configs, int *n),                                              \
      (context, codec, config, flags, configs, n), MISSING)
#else
#define ANSWERS_61_13(X)
#endif

#define ANSWER_MEMBER(type, name, parameters, arguments, otherwise) __typeof__(name) *name;
#define DOES_MEMBER(name, parameters, arguments) __typeof__(name) *name;
#define ANSWER_NAME(type, name, parameters, arguments, otherwise) #name,
#define DOES_NAME(name, parameters, arguments) #name,

/* Valid once is_loaded. */
static struct {
    ANSWERS(ANSWER_MEMBER)
    ANSWERS_60_30(ANSWER_MEMBER)
    ANSWERS_61_13(ANSWER_MEMBER)
    DOES(DOES_MEMBER)
} libavcodec;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of who loads */
static bool has_failed;                                  /* likewise */
static LIMEF_ATOMIC(int) is_loaded; /* release, behind the functions; pairs with acquire */
static pthread_once_t begun = PTHREAD_ONCE_INIT;
static LIMEF_ATOMIC(int) is_begun; /* relaxed: of interest to those who began it */

static const char *const names[] = {ANSWERS(ANSWER_NAME) ANSWERS_60_30(ANSWER_NAME)
                                        ANSWERS_61_13(ANSWER_NAME) DOES(DOES_NAME)};

#define N_NAMES (sizeof(names) / sizeof(names[0]))

/* What the program itself, or what was preloaded, has under a name stands before the library's, as
 * if that were linked; what a libavcodec of another version has does not. */
static void take_what_stands_before(void)
{
    for (size_t i = 0; i < N_NAMES; i++) {
        void *function = dlsym(RTLD_DEFAULT, names[i]);
        Dl_info where;

        if (function && dladdr(function, &where) && where.dli_fname &&
            !strstr(where.dli_fname, "libavcodec.so"))
            memcpy((char *)&libavcodec + i * sizeof(function), &function, sizeof(function));
    }
}

static void load(void)
{
    char why[LIBRARY_WHY_BYTES];
    int ret = library_load(SONAME, names, &libavcodec, N_NAMES, why);

    if (ret >= 0) {
        take_what_stands_before();
        atomic_store_explicit(&is_loaded, 1, memory_order_release);
    } else if (!has_failed) {
        limef_fail(ret, "libavcodec", "nothing can be decoded or encoded: %s", why);
    }
    has_failed = ret < 0;
}

/* Waits for the load, or does it. Returns whether the library is there; if it is not, as no file
 * could be opened, it may be the next time. */
static bool is_there(void)
{
    if (atomic_load_explicit(&is_loaded, memory_order_acquire))
        return true;
    pthread_mutex_lock(&lock);
    if (!atomic_load_explicit(&is_loaded, memory_order_relaxed))
        load();
    pthread_mutex_unlock(&lock);
    return atomic_load_explicit(&is_loaded, memory_order_acquire);
}

static void *load_beside(void *unused)
{
    pthread_setname_np(pthread_self(), "libavcodec");
    is_there();
    return unused;
}

/* A thread that nobody joins, that gets no signals of the application, and that is in no hurry even
 * if the one that begins it is. */
static void begin(void)
{
    void *library = dlopen(SONAME, RTLD_LAZY | RTLD_LOCAL | RTLD_NOLOAD);
    pthread_attr_t attributes;
    sigset_t all, before;
    pthread_t thread;

    if (library) {
        is_there();
        dlclose(library);
        return;
    }
    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    /* else it is loaded when it is needed */
    if (pthread_create(&thread, &attributes, load_beside, NULL) == 0)
        atomic_store_explicit(&is_begun, 1, memory_order_relaxed);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
}

void libavcodec_prepare(void)
{
    pthread_once(&begun, begin);
}

void libavcodec_settle(void)
{
    if (atomic_load_explicit(&is_begun, memory_order_relaxed))
        is_there();
}

#define ANSWER(type, name, parameters, arguments, otherwise)                                       \
    type name parameters                                                                           \
    {                                                                                              \
        return is_there() ? libavcodec.name arguments : otherwise;                                 \
    }
#define DO(name, parameters, arguments)                                                            \
    void name parameters                                                                           \
    {                                                                                              \
        if (is_there())                                                                            \
            libavcodec.name arguments;                                                             \
    }

ANSWERS(ANSWER)
ANSWERS_60_30(ANSWER)
ANSWERS_61_13(ANSWER)
DOES(DO)
